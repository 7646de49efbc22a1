"""Decode the bytes of a body by the charset that its mark, its header or its document states."""

from __future__ import annotations

import codecs
import re
from contextlib import suppress
from functools import lru_cache

_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16: its mark starts with that of UTF-16
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_CHARSET = re.compile(r"charset\s*=\s*[\"']?([\w.:+-]+)", re.IGNORECASE)
_DECLARED = re.compile(rb"\s*<\?xml[^>]{0,200}?encoding\s*=\s*[\"']([\w.:-]{1,40})[\"']")
_NOT_CHARSETS = frozenset({"idna", "punycode", "unicode-escape", "raw-unicode-escape", "utf-7", "undefined"})
"""Python's own codecs, which no server means."""


def decode(raw: bytes, content_type: str | None) -> str:
    """Return the text of a body, without a byte order mark.

    Tried in turn: the byte order mark (RFC 7303, 3), the charset of the content type, the XML declaration, UTF-8. An
    unknown charset, or one that the bytes contradict, is skipped. Latin-1 comes last and reads everything.
    """
    for mark, name in _BOMS:
        if raw.startswith(mark):
            return raw[len(mark) :].decode(name, "replace")
    for charset in (_of_header(content_type), _of_declaration(raw), "utf-8"):
        if charset and (codec := _codec(charset)):
            try:
                return raw.decode(codec)
            except UnicodeError:
                continue
    return raw.decode("latin-1")


def _of_header(content_type: str | None) -> str | None:
    match = _CHARSET.search(content_type) if content_type else None
    return match[1] if match else None


def _of_declaration(raw: bytes) -> str | None:
    match = _DECLARED.match(raw)
    return match[1].decode("ascii", "replace") if match else None


@lru_cache(maxsize=64)
def _codec(charset: str) -> str | None:
    try:
        name = codecs.lookup(charset).name.replace("_", "-")
        if name in _NOT_CHARSETS:
            return None
        with suppress(UnicodeError):
            b"0000".decode(name)  # a codec between bytes and bytes (hex, zlib) refuses to be asked for text
    except LookupError:
        return None
    return name
