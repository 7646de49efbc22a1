"""Hide what a header or a URL names as a credential, whatever its value."""

from __future__ import annotations

import re
from functools import lru_cache
from urllib.parse import unquote

from rokt_export.redaction.display_text import OwnWords

HIDDEN = "[redacted]"

_SENSITIVE = frozenset(
    {
        "auth", "authentication", "authorization", "cookie", "credential", "credentials", "hash", "hmac", "jwt", "key",
        "pass", "passphrase", "password", "passwd", "proxyauthorization", "pwd", "secret", "session", "sessionid",
        "setcookie", "sid", "sig", "sign", "signature", "token", "usertoken", "wsse", "authkey",
    }
)  # fmt: skip
_SENSITIVE_ENDINGS = (
    "accesskey", "accesskeyid", "apikey", "authorization", "authkey", "credential", "passphrase", "password",
    "privatekey", "secret", "secretkey", "securitytoken", "signature", "subscriptionkey", "token", "wsse",
)  # fmt: skip
_PUNCTUATION = re.compile(r"[^a-z0-9]|^x(?=-)")
_WITH_SCHEME = frozenset({"authorization", "proxyauthorization", "wsse"})
_WITH_URL = frozenset({"location", "contentlocation", "referer", "origin", "link", "refresh"})
_LABEL = r"\$[A-Za-z_][A-Za-z0-9_]*"
_IS_LABEL = re.compile(_LABEL)
_SCHEME = re.compile(r"\s*([A-Za-z][A-Za-z0-9_.\-]*)\s+(\S.*)", re.DOTALL)
_UNLABELLED = re.compile(r"=\s*\"?[^\s\",;&]{4}|(?=[^\s\",;&=]*[0-9])[^\s\",;&=]{16}")
"""A value behind `=`, or a long word with digits: what is no label there may be a credential."""
_COOKIE_PAIR = re.compile(r"([^=;\s]+)=([^;]*)")
_USERINFO = re.compile(r"(?<=:/)(/?)([^/?#@\s\"'<>]+(?:@[^/?#@\s\"'<>]+)*)@")
_EXAMPLES = ("USER", "user:password")
"""What the messages of this program have in place of credentials."""
_QUERY_PAIR = re.compile(r"([?&#;])([^=&#?;\s\"'<>]+)=([^&#\s\"'<>]*)")


@lru_cache(maxsize=4096)
def is_sensitive(name: str) -> bool:
    """Tell whether a header or parameter of this name carries a credential (`api_key`, `X-Auth-Token`, `sig`)."""
    plain = _PUNCTUATION.sub("", unquote(name).lower())
    return plain in _SENSITIVE or plain.endswith(_SENSITIVE_ENDINGS)


def hidden_userinfo(text: str) -> str:
    """Return a text without the credentials before the `@` of its URLs; labels (`$NAME`) and examples stay.

    A URL that was taken as a path has one slash.
    """
    return _USERINFO.sub(_hidden_userinfo, text) if ":/" in text and "@" in text else text


def hidden_in_url(url: str) -> str:
    """Return the URL without the credentials that its userinfo and its parameters name; labels (`$NAME`) stay."""
    url = hidden_userinfo(url)
    return _QUERY_PAIR.sub(_hidden_parameter, url) if "=" in url else url


def hidden_in_header(name: str, value: str) -> str:
    """Return a header's value without the credential that its name announces; scheme and labels (`$NAME`) stay."""
    if isinstance(value, OwnWords):
        return value
    plain = _PUNCTUATION.sub("", name.lower())
    if plain in _WITH_URL:
        return hidden_in_url(value)
    if not is_sensitive(name):
        return value
    if plain in _WITH_SCHEME:
        return _hidden_after_scheme(value)
    if plain == "cookie":
        return _COOKIE_PAIR.sub(_hidden_cookie, value) if "=" in value else HIDDEN
    if plain == "setcookie":
        return _COOKIE_PAIR.sub(_hidden_cookie, value, count=1) if "=" in value else HIDDEN
    return value if not value or _is_labelled(value) else HIDDEN


def _is_labelled(value: str) -> bool:
    """Tell whether labels (`$NAME`) stand for all that is secret in a value; the text around them is shown."""
    return _IS_LABEL.search(value) is not None and _UNLABELLED.search(_IS_LABEL.sub("", value)) is None


def _hidden_after_scheme(value: str) -> str:
    match = _SCHEME.fullmatch(value)
    scheme, credential = match.groups() if match else ("", value)
    shown = credential if not credential or _is_labelled(credential) else HIDDEN
    return f"{scheme} {shown}" if scheme else shown


def _hidden_userinfo(match: re.Match[str]) -> str:
    slash, userinfo = match.groups()
    parts = userinfo.split(":", 1)
    if any(_IS_LABEL.fullmatch(part) for part in parts) or userinfo in _EXAMPLES:
        return match.group()
    return f"{slash}{HIDDEN}@"


def _hidden_parameter(match: re.Match[str]) -> str:
    before, name, value = match.groups()
    if not value or _is_labelled(value) or not is_sensitive(name):
        return match.group()
    return f"{before}{name}={HIDDEN}"


def _hidden_cookie(match: re.Match[str]) -> str:
    name, value = match.groups()
    return match.group() if _is_labelled(value) else f"{name}={HIDDEN}"
