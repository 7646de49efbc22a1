"""Keep a redacted body well-formed: a hidden JSON number becomes a string, and no escape of a character is cut open."""

from __future__ import annotations

import re
from typing import Final

NUMBER_MARK: Final = ":number"
"""Ends a string of JSON that stands for a number in which something is hidden."""
_TOKEN: Final = r"person-[0-9a-f]{10}(?:-[0-9a-f]{4}\b)?"
_ANY_TOKEN = re.compile(_TOKEN, re.IGNORECASE)
_BARE_LABEL = re.compile(rf"(?:^|[:,\[])\s*[\w.+-]*(?:{_TOKEN}|\$[A-Za-z_])", re.IGNORECASE)
_STRING_OR_BARE = re.compile(r'"(?:[^"\\]|\\.)*"?|[^\s,:\[\]{}"]+', re.DOTALL)
_OPENED_IN_JSON = re.compile(rf"(?<!\\)((?:\\\\)*)\\u(?={_TOKEN})", re.IGNORECASE)
_OPENED_IN_XML = re.compile(rf"&#x?({_TOKEN});", re.IGNORECASE)
_LABEL = re.compile(rf"(?:{_TOKEN}|\$[A-Za-z_]\w*)(?:{NUMBER_MARK}(?=\"))?", re.IGNORECASE)
_DECLARATION = re.compile(r"\s*<\?xml version=[\"']1\.[01][\"'][\w\s=\"'-]*\?>")


def well_formed(redacted: str, original: str, *, json: bool = False, secrets: bool = False) -> str:
    """Return a redacted text that a reader of JSON or XML reads as it reads the original.

    Args:
        redacted: the text with tokens and names of secrets.
        original: the text as it was.
        json: whether its content type calls it JSON; else only an object or an array is JSON.
        secrets: quote the names of secrets too; in a request they stand as a shell fills them in.
    """
    start = original[:64].lstrip("\ufeff \t\r\n")[:1]
    if json or start in ("{", "["):
        if _ANY_TOKEN.search(redacted):
            redacted = _OPENED_IN_JSON.sub(r"\1", redacted)
        if not _BARE_LABEL.search(redacted):
            return redacted
        return _STRING_OR_BARE.sub(lambda found: _quoted(found[0], secrets), redacted)
    if start == "<" and _ANY_TOKEN.search(redacted):
        redacted = _OPENED_IN_XML.sub(r"\1", redacted)
        declaration = _DECLARATION.match(original)
        if declaration and redacted.lstrip().startswith("<?xml") and "?>" in redacted:
            redacted = declaration[0] + redacted[redacted.index("?>") + 2 :]
    return redacted


def without_labels(text: str) -> str:
    """Return a redacted text for people who know no tokens: `…` in place of each token and each secret's name."""
    return _LABEL.sub("…", text)


def _quoted(part: str, secrets: bool) -> str:
    if part[0] == '"' or not (_ANY_TOKEN.search(part) or (secrets and "$" in part)):
        return part
    return f'"{part}{NUMBER_MARK}"'
