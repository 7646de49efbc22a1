"""Authentication by a custom class, which the operator must allow."""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field

from rokt_export.authentication.base import (
    Authentication,
    BodyFinder,
    CredentialUse,
    FillText,
    NotChecked,
    PluginSignature,
    Public,
)
from rokt_export.errors import ConfigurationError
from rokt_export.redaction.sensitive_names import is_sensitive
from rokt_export.spec_language.fields import Text, ValueTemplate

if TYPE_CHECKING:
    from requests.models import PreparedRequest

    from rokt_export.authentication.base import Sign

ENTRY_POINTS = "rokt_export.authentication"
"""The entry-point group. A class that an installed package registers here is allowed without further consent."""


class Custom(Authentication):
    """`type: custom`: an importable `requests.auth.AuthBase`, given as `module:Class`, instantiated with `options`.

    Attributes:
        type: which kind of authentication this is.
        auth: `module:Class`.
        options: keyword arguments of the class, name to template.
    """

    type: Literal["custom"]
    no_secret: ClassVar[str | None] = "the names of the options show which of them are secret"
    auth: Public[Annotated[Text, Field(pattern=r"^[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*$")]]
    options: Public[dict[Text, ValueTemplate]] = Field(default_factory=dict)

    def credential(self, fill: FillText) -> PluginSignature:
        """Return the credential whose `load` imports the class."""
        return PluginSignature(self.auth, lambda allowed: load_plugin(self, fill, allowed))

    def verification(self, fill: FillText, body_finder: BodyFinder) -> NotChecked:  # noqa: ARG002
        """Return that every request is accepted."""
        note = f"credentials of {self.auth} are accepted unchecked: only its own server can check them"
        return NotChecked("a class from outside has no counterpart here", note)

    def uses(self) -> Iterable[CredentialUse]:
        """Return that the class decides where its options are sent."""
        return (CredentialUse(self.options, f"what {self.auth} makes of it"),)

    def secrets(self) -> Iterator[tuple[str, str]]:
        """Yield the options whose names mean that they are secret."""
        yield from ((option_name(name), source) for name, source in self.options.items() if is_sensitive(name))


def option_name(text: str) -> str:
    """Return the name that replaces the redacted value of an option or parameter."""
    return "".join(sign if sign.isalnum() else "_" for sign in text.upper())


def is_allowed(name: str, allowed: Collection[str]) -> bool:
    """Return whether a class may be loaded: the operator allows it, or an installed package registers it."""
    return name in allowed or _is_installed(name)


def load_plugin(settings: Custom, fill: FillText, allowed: Collection[str]) -> Sign:
    """Return the `__call__` of an instance of the class that a spec names.

    Args:
        settings: the authentication of the spec.
        fill: renders the templates of the options.
        allowed: `module:Class` of each class that the operator allows, compared exactly.

    Raises:
        ConfigurationError: the class is not allowed, cannot be imported, is not a subclass of `requests.auth.AuthBase`,
            or refuses the options. Nothing is imported unless it is allowed, not even a parent package.
    """
    from requests.auth import AuthBase  # imported late: requests is slow to load

    name = settings.auth
    if name in allowed:
        found = _class(name)
    elif _is_installed(name):
        with _without_current_folder():
            found = _class(name)
    else:
        raise ConfigurationError(
            f"the spec asks to run code: its authentication names the class {name}, which is not allowed",
            where="authentication",
            remedy=f"If you trust that class, add --allow-plugin {name}, or set ROKT_EXPORT_PLUGINS={name}.",
        )
    if not (isinstance(found, type) and issubclass(found, AuthBase)):
        raise ConfigurationError(
            f"{name} is not a requests authentication class",
            where="authentication",
            remedy="Name a class derived from `requests.auth.AuthBase`.",
        )
    options: dict[str, Any] = {option: fill(value) for option, value in settings.options.items()}
    try:
        return _guarded(name, found(**options))
    except Exception as error:
        raise _cannot_be_made(name, error) from error


def _class(name: str) -> object:
    module_name, _, class_name = name.partition(":")
    try:
        return getattr(import_module(module_name), class_name)
    except Exception as error:
        raise _cannot_be_made(name, error) from error


def _cannot_be_made(name: str, error: Exception) -> ConfigurationError:
    return ConfigurationError(
        f"the authentication class {name} cannot be made: {type(error).__name__}: {error}",
        remedy="Install the package that contains it, and check its name and `options`.",
    )


def _is_installed(name: str) -> bool:
    """Return whether an installed package registers a class as an entry point.

    The current folder is excluded: `python -m rokt_export` searches it, and a downloaded spec may be there.
    """
    from importlib.metadata import distributions

    return any(
        entry.value.replace(" ", "") == name
        for distribution in distributions(path=_installed_path())
        for entry in distribution.entry_points
        if entry.group == ENTRY_POINTS
    )


def _installed_path() -> list[str]:
    here = Path.cwd().resolve()
    return [place for place in sys.path if place and Path(place).resolve() != here]


@contextmanager
def _without_current_folder() -> Iterator[None]:
    before = sys.path
    sys.path = _installed_path()
    try:
        yield
    finally:
        sys.path = before


def _guarded(name: str, auth: Sign) -> Sign:
    """Return a signing function whose exceptions become configuration errors."""
    from requests.models import PreparedRequest

    def sign(request: PreparedRequest) -> PreparedRequest:
        try:
            signed = auth(request)
        except Exception as error:
            raise ConfigurationError(
                f"the authentication class {name} failed: {type(error).__name__}: {error}",
                remedy="Fix the class, or its `options`.",
            ) from error
        if not isinstance(signed, PreparedRequest):
            raise ConfigurationError(
                f"the authentication class {name} returned {type(signed).__name__}, not the request",
                remedy="Let its `__call__` return the request that it was given.",
            )
        return signed

    return sign
