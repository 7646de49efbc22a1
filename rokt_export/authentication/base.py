"""What every authentication type says of itself; a type that leaves something out cannot be imported."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal, TypeVar, get_args, get_origin

from rokt_export.authentication.credential import Credential
from rokt_export.authentication.verification import BodyFinder, Verification
from rokt_export.errors import ConfigurationError
from rokt_export.spec_language.fields import Strict
from rokt_export.spec_language.filters import FilterError, text_of
from rokt_export.spec_language.template import compile_template

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
    """Where a part of an authentication goes, so that `validate` can say which host learns a variable.

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
    """How a partner knows us. A type has one file, and one line in `registry.py`.

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
        for field, mark in sorted(secret_fields(type(self)).items()):
            source = getattr(self, field)
            if isinstance(source, str) and source:
                yield mark.shown_as or field.upper(), source


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
    for name, field in model.model_fields.items():
        if name != "type" and get_origin(field.annotation) is not Literal:
            found[name] = next((item for item in field.metadata if isinstance(item, Mark)), None)
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
