"""Load the authentication class that a spec names, where the operator allows it outside the spec."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

from requests.auth import AuthBase
from requests.models import PreparedRequest

from rokt_export.authentication.static_credentials import Fill
from rokt_export.errors import ConfigurationError
from rokt_export.partner_spec.authentication import Custom

ENTRY_POINTS = "rokt_export.authentication"
"""The entry-point group: a class that an installed package lists here needs no further consent."""


def is_allowed(name: str, allowed: Collection[str]) -> bool:
    """Return whether a class may be loaded: the operator allows it, or an installed package lists it."""
    return name in allowed or _is_installed(name)


def custom_auth(settings: Custom, fill: Fill, allowed: Collection[str]) -> AuthBase:
    """Return an instance of the class that a spec names, made with the spec's options.

    Args:
        settings: of the spec.
        fill: fills the templates of the options.
        allowed: `module:Class` of each class that the operator allows, compared letter by letter.

    Raises:
        ConfigurationError: it is not allowed, cannot be imported, is no subclass of `requests.auth.AuthBase`, or
            refuses the options. Nothing of it is imported unless it is allowed, not even its parent package.
    """
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
        return CustomAuth(name, found(**options))
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
        remedy="Install the package that holds it, and check its name and `options`.",
    )


def _is_installed(name: str) -> bool:
    """Whether an installed package lists a class as an entry point; what lies in the current folder is not installed.

    `python -m rokt_export` searches the current folder, which may be where a stranger's spec was unpacked.
    """
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


class CustomAuth(AuthBase):
    """An authentication class from outside; what it raises is an error of the configuration.

    Args:
        name: `module:Class`.
        auth: the instance.
    """

    def __init__(self, name: str, auth: Callable[[PreparedRequest], PreparedRequest]) -> None:
        self._name = name
        self._auth = auth

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        """Put the credentials on a request.

        Raises:
            ConfigurationError: the class fails, or returns something else than the request.
        """
        try:
            signed = self._auth(request)
        except Exception as error:
            raise ConfigurationError(
                f"the authentication class {self._name} failed: {type(error).__name__}: {error}",
                remedy="Mend the class, or its `options`.",
            ) from error
        if not isinstance(signed, PreparedRequest):
            raise ConfigurationError(
                f"the authentication class {self._name} returned {type(signed).__name__}, not the request",
                remedy="Let its `__call__` return the request that it was given.",
            )
        return signed
