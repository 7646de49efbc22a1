"""The named formats of parameters (`format: email`): turn a text into whether it has the form."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping

_EMAIL = re.compile(r"[^@\s\"(),:;<>\[\\\]]+@(?:[^\W_](?:[\w-]{0,61}[^\W_])?\.)+[^\W\d_][\w-]*[^\W_]", re.UNICODE)
_URL = re.compile(r"https?://[^\s/?#]+[^\s]*", re.IGNORECASE)


def _fullmatch(pattern: str) -> Callable[[str], bool]:
    compiled = re.compile(pattern)
    return lambda text: compiled.fullmatch(text) is not None


def _email(text: str) -> bool:
    """Pragmatic: one @, a domain with a dot, no spaces, no leading, trailing or doubled dots; quoted names are refused.

    The length is that of RFC 5321, 4.5.3.1: 64 octets before the @, 254 in all.
    """
    local, _, _ = text.partition("@")
    dotted = local.startswith(".") or local.endswith(".") or ".." in text
    return len(text) <= 254 and len(local) <= 64 and not dotted and _EMAIL.fullmatch(text) is not None


def _ip(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


FORMATS: Mapping[str, Callable[[str], bool]] = {
    "email": _email,
    "md5": _fullmatch(r"[0-9a-fA-F]{32}"),
    "sha1": _fullmatch(r"[0-9a-fA-F]{40}"),
    "sha256": _fullmatch(r"[0-9a-fA-F]{64}"),
    "uuid": _fullmatch(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"),
    "url": lambda text: _URL.fullmatch(text) is not None,
    "date": _fullmatch(r"\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])"),
    "digits": _fullmatch(r"[0-9]+"),
    "phone": _fullmatch(r"\+?[0-9][0-9 ().-]{4,20}[0-9]"),
    "ip": _ip,
    "country": _fullmatch(r"[A-Za-z]{2}"),
    "currency": _fullmatch(r"[A-Za-z]{3}"),
}
"""What each name means; `date` is yyyy-mm-dd, `country` ISO 3166-1 alpha-2, `currency` ISO 4217."""


def matches(form: str, text: str) -> bool:
    """Return whether a text has a named form.

    Raises:
        KeyError: there is no format of that name.
    """
    return FORMATS[form](text)
