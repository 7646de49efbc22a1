"""What every authentication type declares: its secret fields, what it puts on a request, how a sandbox checks it."""

from __future__ import annotations

import hmac
from abc import abstractmethod
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Protocol, TypeAlias, TypeVar, get_args, get_origin

from rokt_export.errors import ConfigurationError
from rokt_export.spec_language.encodings import form_fields
from rokt_export.spec_language.fields import Strict
from rokt_export.spec_language.filters import FilterError, text_of
from rokt_export.spec_language.template import compile_template

if TYPE_CHECKING:
    from requests.models import PreparedRequest

    from rokt_export.authentication.oauth2 import OAuth2

    Sign: TypeAlias = Callable[[PreparedRequest], PreparedRequest]


@dataclass(frozen=True, slots=True)
class ComputedPlace:
    """The place of a computed value: a dry run shows a stand-in there, and a recording hides the value.

    Attributes:
        in_: `header`, or `parameter` for the form body, which is the query where there is no body.
        name: of the header or parameter.
        prefix: text before the computed value.
    """

    in_: Literal["header", "parameter"]
    name: str
    prefix: str = ""


@dataclass(frozen=True, slots=True)
class StaticHeader:
    """A header with a filled value that is the same on every request; the renderer writes it once."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class KeyParameter:
    """A parameter whose value, a template, is the same on every request."""

    in_: Literal["header", "query", "body"]
    name: str
    template: str


@dataclass(frozen=True, slots=True)
class Signature:
    """A credential that depends on the request or the clock; it is computed before each attempt.

    Attributes:
        sign: puts it on a request; `requests.auth.AuthBase` has this form too.
        places: where it stands then.
    """

    sign: Sign
    places: tuple[ComputedPlace, ...]


@dataclass(frozen=True, slots=True)
class PluginSignature:
    """A credential that a custom class computes before each attempt, at an unknown place.

    Attributes:
        name: `module:Class`.
        load: imports and makes the class, given the names of the classes that the operator allows.
    """

    name: str
    load: Callable[[Collection[str]], Sign]


@dataclass(frozen=True, slots=True)
class FetchedToken:
    """A token in a header, from a token server; `delivery/oauth2.py` fetches and renews it."""

    settings: OAuth2


@dataclass(frozen=True, slots=True)
class DigestLogin:
    """A filled name and password for a partner's challenge; `delivery/digest.py` answers it."""

    username: str
    password: str


@dataclass(frozen=True, slots=True)
class ClientCertificate:
    """PEM files that the transport shows in the TLS handshake.

    Attributes:
        certificate: path of the certificate.
        key: path of the key; None where the certificate's file holds it.
        key_password: of the key.
    """

    certificate: str
    key: str | None
    key_password: str | None


@dataclass(frozen=True, slots=True)
class NoCredential:
    """Nothing is put on the request, for a reason."""

    reason: str


Credential: TypeAlias = (
    StaticHeader
    | KeyParameter
    | Signature
    | PluginSignature
    | FetchedToken
    | DigestLogin
    | ClientCertificate
    | NoCredential
)


REALM = "sandbox"
"""The realm of each challenge (RFC 9110, 11.5)."""
FRESH = 300.0
"""Seconds by which a signed moment may differ from now."""


class Headers(Protocol):
    """Header values by name, without regard to case."""

    def get(self, key: str, /) -> str | None:
        """Return the first value, None where there is none."""

    def getall(self, key: str, default: list[str], /) -> list[str]:
        """Return every value."""


@dataclass(slots=True)
class ReceivedRequest:
    """A request that reached a sandbox, as it stood on the wire.

    Attributes:
        method: as sent.
        path: still percent-encoded.
        query: still percent-encoded, without `?`.
        headers: by name, without regard to case.
        body: the bytes, after transfer and content decoding.
        path_values: the values in the places of the URL's placeholders and attributes.
        data: the body as its encoding reads it; None before that, or where it cannot be read.
    """

    method: str
    path: str
    query: str
    headers: Headers
    body: bytes
    path_values: Mapping[str, str] = field(default_factory=dict)
    data: Any = None
    _queried: dict[str, list[str]] | None = None

    @property
    def target(self) -> str:
        """Path and query, as the request line had them."""
        return f"{self.path}?{self.query}" if self.query else self.path

    @property
    def queried(self) -> dict[str, list[str]]:
        """Name to values of the query."""
        if self._queried is None:
            self._queried = form_fields(self.query)
        return self._queried


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why credentials are not accepted.

    Attributes:
        problem: what is wrong, without the credential.
        challenge: the `WWW-Authenticate` of the response (RFC 9110, 11.6.1).
        first_round: whether it is the first round of a challenge, and no delivery.
        renew: whether the client should fetch another token.
    """

    problem: str
    challenge: str | None = None
    first_round: bool = False
    renew: bool = False


Verify: TypeAlias = Callable[[ReceivedRequest], Refusal | None]
"""From a request to why it is refused; None where its credentials are right."""
BodyFinder: TypeAlias = Callable[[str], Callable[[Any], Iterable[Any]]]
"""From a parameter's name to the function that finds its values in a body's data."""


@dataclass(frozen=True, slots=True)
class Checked:
    """A function checks each request."""

    verify: Verify


@dataclass(frozen=True, slots=True)
class IssuedToken:
    """The sandbox issues tokens, and accepts those that it issued."""

    settings: OAuth2


@dataclass(frozen=True, slots=True)
class CheckedByTls:
    """The TLS handshake asks for a client certificate, so a request that arrives is accepted."""


@dataclass(frozen=True, slots=True)
class NotChecked:
    """Every request is accepted.

    Attributes:
        reason: why, for a developer.
        note: the same for the operator, who would expect a check; None where nobody does.
    """

    reason: str
    note: str | None = None


Verification: TypeAlias = Checked | IssuedToken | CheckedByTls | NotChecked


def same(given: str, wanted: str) -> bool:
    """Return whether two texts are equal, in constant time."""
    return hmac.compare_digest(given.encode("utf-8", "surrogateescape"), wanted.encode())


Fill = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Mark:
    """Whether a field of an authentication is secret.

    Attributes:
        secret: its value is hidden wherever text is written, and `validate` refuses it when the spec spells it out.
        shown_as: the name under which a hidden value is shown; the field's own in capitals without it.
    """

    secret: bool
    shown_as: str | None = None


_Field = TypeVar("_Field")
Secret = Annotated[_Field, Mark(secret=True)]
"""The type of a field that holds a credential: `token: Secret[ValueTemplate]`."""
Public = Annotated[_Field, Mark(secret=False)]
"""The type of a field that may be shown: `username: Public[ValueTemplate]`."""


@dataclass(frozen=True, slots=True)
class Use:
    """Where a part of an authentication is sent, so that `validate` can say which host receives a variable.

    Attributes:
        part: the fields.
        place: for a person, as `header Authorization`.
        url: template of the URL that it goes to; None for the endpoint.
        stays_here: it is read on this machine only.
    """

    part: Any
    place: str
    url: str | None = None
    stays_here: bool = False


class Authentication(Strict):
    """The base of authentication types. A type has one file, and one line in `registry.py`.

    Each field but `type` and those of fixed choices (`Literal`) is marked `Secret[...]` or `Public[...]`.

    Attributes:
        type: which kind of authentication this is.
    """

    type: str
    no_secret: ClassVar[str | None] = None
    """Why a type has no secret field; each other type must have one."""

    @classmethod
    def __pydantic_init_subclass__(cls, **_options: Any) -> None:
        """Refuse a type that is not finished.

        Raises:
            TypeError: it leaves something out; the message says what.
        """
        if missing := missing_from(cls):
            raise TypeError(f"the authentication type {cls.__name__} is not finished: {'; '.join(missing)}")

    @abstractmethod
    def credential(self, fill: Fill) -> Credential:
        """Return what is put on a request.

        Args:
            fill: fills a template from the environment's variables.
        """

    @abstractmethod
    def verification(self, fill: Fill, body_finder: BodyFinder) -> Verification:
        """Return how a sandbox checks a request; it reads the request itself, and shares only what is computed.

        Args:
            fill: fills a template from the environment's variables.
            body_finder: finds a parameter in a body's data.
        """

    @abstractmethod
    def uses(self) -> Iterable[Use]:
        """Return where the fields go."""

    def secrets(self) -> Iterator[tuple[str, str]]:
        """Yield name and template of each secret; a hidden value is shown by that name."""
        for key, mark in sorted(secret_fields(type(self)).items()):
            source = getattr(self, key)
            if isinstance(source, str) and source:
                yield mark.shown_as or key.upper(), source


def secret_fields(model: type[Strict]) -> dict[str, Mark]:
    """Return the fields of a model that are marked secret, and their marks."""
    return {name: mark for name, mark in _marks(model).items() if mark is not None and mark.secret}


def missing_from(model: type[Authentication]) -> list[str]:
    """Return what an authentication type leaves out, a clause each."""
    missing = [f"it has no method `{name}`" for name in sorted(getattr(model, "__abstractmethods__", ()))]
    kind = model.model_fields["type"].annotation
    if get_origin(kind) is not Literal or len(get_args(kind)) != 1:
        missing.append('it does not name its `type` (`type: Literal["basic"]`)')
    marks = _marks(model)
    missing += [f"its field `{name}` is neither Secret[...] nor Public[...]" for name in marks if marks[name] is None]
    if model.no_secret is None and not secret_fields(model):
        missing.append("no field is Secret[...], and `no_secret` does not say why")
    return missing


def _marks(model: type[Strict]) -> dict[str, Mark | None]:
    found: dict[str, Mark | None] = {}
    for name, info in model.model_fields.items():
        if name != "type" and get_origin(info.annotation) is not Literal:
            found[name] = next((item for item in info.metadata if isinstance(item, Mark)), None)
    return found


def filler(variables: Mapping[str, str]) -> Fill:
    """Return the function that fills a credential's template from the environment's variables.

    It raises ConfigurationError where a filter cannot turn a variable.
    """

    def fill(source: str) -> str:
        try:
            return text_of(compile_template(source).fill({}, variables))
        except FilterError as error:
            raise ConfigurationError(
                f"a credential's template cannot be filled: {error}",
                where=f"authentication, `{source}`",
                remedy="Fix the variable's value, or the template.",
            ) from error

    return fill
