"""Credentials that are the same on every request: worked out once, from the environment's variables."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Mapping

from rokt_export.errors import ConfigurationError
from rokt_export.partner_spec.authentication import Authentication, Basic, Bearer
from rokt_export.partner_spec.filters import FilterError, text_of
from rokt_export.partner_spec.template import compile_template

Fill = Callable[[str], str]


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
                remedy="Mend the variable's value, or the template.",
            ) from error

    return fill


def standing_header(authentication: Authentication, fill: Fill) -> tuple[str, str] | None:
    """Return the header, name and value, of credentials that are the same on every request; None for all others.

    Basic is in UTF-8, which RFC 7617 names as what a server can ask for, and most take.
    """
    match authentication:
        case Basic():
            credentials = f"{fill(authentication.username)}:{fill(authentication.password)}"
            return ("Authorization", f"Basic {b64encode(credentials.encode()).decode()}")
        case Bearer():
            return ("Authorization", f"Bearer {fill(authentication.token)}")
        case _:
            return None
