"""The interface of authentication types: secret fields, what is put on a request, how a sandbox checks it."""

from __future__ import annotations

import hmac
from abc import abstractmethod
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from types import NoneType, UnionType
from typing import (
    TYPE_CHECKING,
    Annotated,
    Any,
    ClassVar,
    Literal,
    Protocol,
    TypeAlias,
    TypeVar,
    Union,
    assert_never,
    get_args,
    get_origin,
)

from msgspec import Struct

from rokt_export.errors import ConfigurationError
from rokt_export.spec_language.encodings import form_fields
from rokt_export.spec_language.fields import Strict
from rokt_export.spec_language.filters import FilterError, text_of
from rokt_export.spec_language.template import compile_template

if TYPE_CHECKING:
    from requests.models import PreparedRequest

    from rokt_export.authentication.oauth2 import OAuth2

    Sign: TypeAlias = Callable[[PreparedRequest], PreparedRequest]


class ComputedPlace(Struct, frozen=True):
    """The place of a computed value. A dry run shows a placeholder there; a recording hides the value.

    Attributes:
        in_: `header`, or `parameter` for the form body (the query if there is no body).
        name: the name of the header or parameter.
        prefix: text before the computed value.
    """

    in_: Literal["header", "parameter"]
    name: str
    prefix: str = ""


class StaticHeader(Struct, frozen=True):
    """A header whose value is the same for every request; the renderer writes it once."""

    name: str
    value: str


class KeyParameter(Struct, frozen=True):
    """A parameter whose value, a template, is the same for every request."""

    in_: Literal["header", "query", "body"]
    name: str
    template: str


class Signature(Struct, frozen=True):
    """A credential that depends on the request or the clock; it is computed before each attempt.

    Attributes:
        sign: puts it on a request; has the signature of `requests.auth.AuthBase`.
        places: where `sign` puts it.
    """

    sign: Sign
    places: tuple[ComputedPlace, ...]


class PluginSignature(Struct, frozen=True):
    """A credential that a custom class computes before each attempt, in an unknown place.

    Attributes:
        name: `module:Class`.
        load: imports and instantiates the class; takes the names of the classes that the operator allows.
    """

    name: str
    load: Callable[[Collection[str]], Sign]


class FetchedToken(Struct, frozen=True):
    """A token in a header, which `delivery/oauth2.py` fetches and renews."""

    settings: OAuth2


class DigestLogin(Struct, frozen=True):
    """The name and password for a partner's challenge, to which `delivery/digest.py` responds."""

    username: str
    password: str


class ClientCertificate(Struct, frozen=True):
    """PEM files for the TLS handshake.

    Attributes:
        certificate: path of the certificate.
        key: path of the key; None if it is in the certificate's file.
        key_password: the password of the key.
    """

    certificate: str
    key: str | None
    key_password: str | None


class NoCredential(Struct, frozen=True):
    """Nothing is put on the request; `reason` says why."""

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
"""The realm of the sandbox's challenges (RFC 9110, 11.5)."""
FRESH = 300.0
"""Maximum seconds between a signed moment and now."""


class Headers(Protocol):
    """Header values by name, ignoring case."""

    def get(self, key: str, /) -> str | None:
        """Return the first value; None if there is none."""

    def getall(self, key: str, default: list[str], /) -> list[str]:
        """Return every value."""


@dataclass(slots=True)
class ReceivedRequest:
    """A request that a sandbox received, as it was sent.

    Attributes:
        method: as sent.
        path: still percent-encoded.
        query: still percent-encoded, without `?`.
        headers: by name, without regard to case.
        body: the bytes, after transfer and content decoding.
        path_values: the values of the URL's placeholders and attributes.
        data: the decoded body; None if it was not decoded yet or cannot be.
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
        """Path and query, as in the request line."""
        return f"{self.path}?{self.query}" if self.query else self.path

    @property
    def queried(self) -> dict[str, list[str]]:
        """Name to values of the query."""
        if self._queried is None:
            self._queried = form_fields(self.query)
        return self._queried


class Refusal(Struct, frozen=True):
    """Why credentials are not accepted.

    Attributes:
        problem: what is wrong, without the credential.
        challenge: the `WWW-Authenticate` of the response (RFC 9110, 11.6.1).
        first_round: whether it is the first round of a challenge, which does not count as a delivery.
        renew: whether the client should fetch another token.
    """

    problem: str
    challenge: str | None = None
    first_round: bool = False
    renew: bool = False


Verify: TypeAlias = Callable[[ReceivedRequest], Refusal | None]
"""Returns why a request's credentials are refused; None if they are correct."""
BodyFinder: TypeAlias = Callable[[str], Callable[[Any], Iterable[Any]]]
"""Takes a parameter's name; returns a function that finds its values in a decoded body."""


class Checked(Struct, frozen=True):
    """Each request is checked by a function."""

    verify: Verify


class IssuedToken(Struct, frozen=True):
    """The sandbox issues tokens, and accepts only these."""

    settings: OAuth2


class CheckedByTls(Struct, frozen=True):
    """The TLS handshake requires a client certificate; every request that arrives is accepted."""


class NotChecked(Struct, frozen=True):
    """Every request is accepted.

    Attributes:
        reason: why, for a developer.
        note: the same for the operator; None if nobody expects a check.
    """

    reason: str
    note: str | None = None


Verification: TypeAlias = Checked | IssuedToken | CheckedByTls | NotChecked


def same(given: str, wanted: str) -> bool:
    """Compare two texts in constant time."""
    return hmac.compare_digest(given.encode("utf-8", "surrogateescape"), wanted.encode())


FillText = Callable[[str], str]


class FieldSecrecy(Struct, frozen=True):
    """Whether a field of an authentication is secret.

    Attributes:
        secret: its value is redacted wherever it is written, and `validate` refuses a literal value in the spec.
        shown_as: the name that replaces a redacted value; default: the field's name in capitals.
    """

    secret: bool
    shown_as: str | None = None


_Field = TypeVar("_Field")
Secret = Annotated[_Field, FieldSecrecy(secret=True)]
"""The type of a field that holds a credential: `token: Secret[ValueTemplate]`."""
Public = Annotated[_Field, FieldSecrecy(secret=False)]
"""The type of a field that may be shown: `username: Public[ValueTemplate]`."""


class CredentialUse(Struct, frozen=True):
    """Where a part of an authentication is sent, for `validate`, which shows the host that receives each variable.

    Attributes:
        part: the fields.
        place: for a person, such as `header Authorization`.
        url: template of the URL that receives it; None for the endpoint.
        stays_here: whether it is only read on this machine.
    """

    part: Any
    place: str
    url: str | None = None
    stays_here: bool = False


class Authentication(Strict):
    """The base of authentication types. Each type has one file, and one line in `registry.py`.

    Each field is marked `Secret[...]` or `Public[...]`, except `type` and fields with fixed choices (`Literal`).

    Attributes:
        type: which kind of authentication this is.
    """

    type: str
    no_secret: ClassVar[str | None] = None
    """Why this type has no secret field; a type without this text must have one."""

    @classmethod
    def __pydantic_init_subclass__(cls, **_options: Any) -> None:
        """Check that a type is complete.

        Raises:
            TypeError: something is missing; the message says what.
        """
        if missing := missing_from(cls):
            raise unfinished(cls, "; ".join(missing))

    @abstractmethod
    def credential(self, fill: FillText) -> Credential:
        """Return what is put on a request.

        Args:
            fill: fills a template from the environment's variables.
        """

    @abstractmethod
    def verification(self, fill: FillText, body_finder: BodyFinder) -> Verification:
        """Return how a sandbox checks a request, independently of `credential` apart from shared computations.

        Args:
            fill: fills a template from the environment's variables.
            body_finder: finds a parameter in a body's data.
        """

    @abstractmethod
    def uses(self) -> Iterable[CredentialUse]:
        """Return where the fields are sent."""

    def secrets(self) -> Iterator[tuple[str, str]]:
        """Yield (name, template) of each secret; the name replaces the redacted value."""
        for key, mark in sorted(secret_fields(type(self)).items()):
            source = getattr(self, key)
            if isinstance(source, str) and source:
                yield mark.shown_as or key.upper(), source

    def own_urls(self) -> Iterator[tuple[str, str]]:
        """Yield (field, template) of each URL that receives credentials in place of the endpoint."""
        urls = [use.url for use in self.uses() if use.url is not None]
        yield from ((name, url) for name in type(self).model_fields if (url := getattr(self, name)) in urls)

    def placeholder(self, field: str, value: str) -> str:  # noqa: ARG002
        """Return a sandbox's stand-in for a secret field, written as the field requires: here as it is.

        Args:
            field: the name of the field, whose template is one variable and nothing else.
            value: the stand-in, ASCII.
        """
        return value


def unfinished(model: type[Authentication], missing: str) -> TypeError:
    """Return the error that an authentication type lacks something."""
    return TypeError(f"the authentication type {model.__name__} is not finished: {missing}")


def credential_of(authentication: Authentication, fill: FillText) -> Credential:
    """Return what an authentication puts on a request.

    Raises:
        TypeError: a type with secret fields puts nothing on it.
    """
    made, model = authentication.credential(fill), type(authentication)
    if isinstance(made, NoCredential) and secret_fields(model):
        raise unfinished(model, "it has secret fields, and its `credential` returns NoCredential")
    return made


def verification_of(authentication: Authentication, fill: FillText, body_finder: BodyFinder) -> Verification:
    """Return how a sandbox checks an authentication.

    Raises:
        TypeError: a type with secret fields is not checked, and no note tells the operator.
    """
    made, model = authentication.verification(fill, body_finder), type(authentication)
    if isinstance(made, NotChecked) and made.note is None and secret_fields(model):
        raise unfinished(model, "it has secret fields, and its `verification` returns NotChecked without a note")
    return made


def secret_fields(model: type[Strict]) -> dict[str, FieldSecrecy]:
    """Return the secret fields of a model with their marks."""
    return {name: mark for name, mark in _marks(model).items() if mark is not None and mark.secret}


def missing_from(model: type[Authentication]) -> list[str]:
    """Return what an authentication type lacks, one clause each."""
    missing = [f"it has no method `{name}`" for name in sorted(getattr(model, "__abstractmethods__", ()))]
    kind = model.model_fields["type"].annotation
    if get_origin(kind) is not Literal or len(get_args(kind)) != 1:
        missing.append('it does not name its `type` (`type: Literal["basic"]`)')
    marks = _marks(model)
    missing += [f"its field `{name}` is neither Secret[...] nor Public[...]" for name in marks if marks[name] is None]
    missing += [
        f"its field `{name}` is Secret[...], but no text: nothing else is redacted"
        for name in secret_fields(model)
        if not _is_text(model.model_fields[name].annotation)
    ]
    if model.no_secret is None and not secret_fields(model):
        missing.append("no field is Secret[...], and `no_secret` does not say why")
    return missing


def _is_text(annotation: Any) -> bool:
    """Return whether a field's type is a text, or a text or None."""
    if get_origin(annotation) is Annotated:
        return _is_text(get_args(annotation)[0])
    if get_origin(annotation) in (Union, UnionType):
        return all(map(_is_text, get_args(annotation)))
    return annotation in (str, NoneType)


def _marks(model: type[Strict]) -> dict[str, FieldSecrecy | None]:
    found: dict[str, FieldSecrecy | None] = {}
    for name, info in model.model_fields.items():
        if name != "type" and get_origin(info.annotation) is not Literal:
            found[name] = next((item for item in info.metadata if isinstance(item, FieldSecrecy)), None)
    return found


def header_of(credential: Credential, fill: FillText) -> tuple[str, str] | None:
    """Return name and value of the header that a credential puts on every request; None where there is no such one.

    Raises:
        ConfigurationError: as `fill`.
    """
    match credential:
        case StaticHeader(name, value):
            return name, value
        case KeyParameter(place, name, template):
            return (name, fill(template)) if place == "header" else None
        case Signature() | PluginSignature() | FetchedToken() | DigestLogin():
            return None  # computed for each request, or by a server
        case ClientCertificate() | NoCredential():
            return None
        case _:
            assert_never(credential)


def filler(variables: Mapping[str, str]) -> FillText:
    """Return a function that renders a credential's template from the environment variables.

    The function raises ConfigurationError if a filter cannot convert a variable.
    """

    def fill(source: str) -> str:
        try:
            return text_of(compile_template(source).fill({}, variables))
        except FilterError as error:
            raise ConfigurationError(
                f"a credential's template cannot be rendered: {error}",
                where=f"authentication, `{source}`",
                remedy="Fix the variable's value, or the template.",
            ) from error

    return fill
