"""Decode the bytes of a body by the charset that its mark, its header or its document states."""

from __future__ import annotations

import codecs
import re

from rokt_export.spec_language.encodings import charset_of, codec_of

_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16: its mark starts with that of UTF-16
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_UNMARKED = {
    **{start + b"\0": "utf-16-le" for start in (b"<", b"{", b"[")},
    **{b"\0" + start: "utf-16-be" for start in (b"<", b"{", b"[")},
}
_DECLARED = re.compile(rb"\s*<\?xml[^>]{0,200}?encoding\s*=\s*[\"']([\w.:-]{1,40})[\"']")


def decode(raw: bytes, content_type: str | None) -> str:
    """Return the text of a body, without a byte order mark.

    Tried in turn: the byte order mark (RFC 7303, 3), the NUL beside the first character of XML or JSON in UTF-16 (XML
    1.0, F.1), the charset of the content type, the XML declaration, UTF-8. An unknown charset, or one that the bytes
    contradict, is skipped. Latin-1 comes last and reads everything.
    """
    for mark, name in _BOMS:
        if raw.startswith(mark):
            return raw[len(mark) :].decode(name, "replace").removeprefix("\ufeff")
    if b"\0" in raw[:2] and (name := _UNMARKED.get(raw[:2], "")):
        return raw.decode(name, "replace")
    for charset in (charset_of(content_type), _of_declaration(raw), "utf-8"):
        if charset and (codec := codec_of(charset)) and not _contradicted(raw, codec):
            try:
                return raw.decode(codec)
            except UnicodeError:
                continue
    return raw.decode("latin-1")


def _contradicted(raw: bytes, codec: str) -> bool:
    """Return whether bytes hold ASCII, and no NUL, although a charset with a NUL in each ASCII character is stated."""
    if not codec.replace("_", "-").startswith(("utf-16", "utf-32")) or b"\0" in raw:
        return False
    return raw.isascii() or raw.lstrip()[:1] in (b"<", b"{", b"[")


def _of_declaration(raw: bytes) -> str | None:
    match = _DECLARED.match(raw)
    return match[1].decode("ascii", "replace") if match else None
