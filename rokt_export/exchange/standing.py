"""Credentials that are the same on every request: worked out once, from the environment's variables."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Mapping

from rokt_export.spec.authentication import Authentication, Basic, Bearer
from rokt_export.spec.filters import text_of
from rokt_export.spec.template import compile_template

Fill = Callable[[str], str]


def filler(variables: Mapping[str, str]) -> Fill:
    """Return the function that fills a credential's template from the environment's variables."""
    return lambda source: text_of(compile_template(source).fill({}, variables))


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
