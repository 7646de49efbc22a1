"""Turn one character into every spelling that common encodings, nested up to three deep, can give it."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator
from functools import lru_cache
from html.entities import codepoint2name
from urllib.parse import quote

_DEPTH = 3
"""How often encodings may be nested: a JSON string in a form field in a logged repr is three."""


class Character:
    """One character in all its spellings, matched at a place in a text.

    Args:
        fold: match both letter cases; the text must then be folded by `fold`, as are the spellings.
    """

    __slots__ = ("_by_length", "_ending", "_opening", "candidates", "longest")

    def __init__(self, char: str, fold: bool) -> None:
        spellings = _spellings(char)
        if fold:
            spellings |= _spellings(char.upper()) if len(char.upper()) == 1 else set()
            spellings = {fold_case(spelling) for spelling in spellings}
        lengths = sorted({len(spelling) for spelling in spellings})
        self._by_length = [(n, frozenset(s for s in spellings if len(s) == n)) for n in lengths]
        self.longest = lengths[-1]
        self._opening = frozenset(spelling[0] for spelling in spellings)
        self._ending = frozenset(spelling[-1] for spelling in spellings)
        self.candidates = re.compile("[" + "".join(map(re.escape, self._opening)) + "]")

    def ends(self, text: str, at: int) -> list[int]:
        """Return where the spellings of the character that begin at `at` end."""
        if text[at : at + 1] not in self._opening:
            return []
        return [at + n for n, spellings in self._by_length if text[at : at + n] in spellings]

    def starts(self, text: str, at: int) -> list[int]:
        """Return where the spellings of the character that end at `at` begin."""
        if text[at - 1 : at] not in self._ending:
            return []
        return [at - n for n, spellings in self._by_length if n <= at and text[at - n : at] in spellings]


@lru_cache(maxsize=8192)
def character(char: str, fold: bool) -> Character:
    """Return the (cached) spellings of a character."""
    return Character(char, fold)


def fold_case(text: str) -> str:
    """Return the text in lower case, each character in its place.

    `str.lower` lengthens one letter (`İ`) and makes one depend on its neighbours (`Σ`); offsets must survive, so both
    are settled first.
    """
    if text.isascii():
        return text.lower()
    return text.replace("İ", "i").replace("Σ", "σ").lower().replace("ς", "σ")


def json_escaped(text: str) -> str:
    """Return the text as it stands between the quotes of an ASCII JSON string."""
    return json.dumps(text)[1:-1]


def _spellings(char: str) -> set[str]:
    layer = {char, *_mojibake(char)}
    spellings = set(layer)
    layer = {*_direct(char), *layer}
    for _ in range(_DEPTH - 1):
        spellings |= layer
        layer = {again for spelling in layer for again in _encoded_again(spelling)} - spellings
    spellings |= layer
    spellings.discard("")
    return spellings | {s.lower() for s in spellings - {char} if s[0] in "%&\\"}


def _bytes(char: str) -> Iterator[bytes]:
    yield char.encode("utf-8", "surrogatepass")
    if "\x7f" < char <= "\xff":
        yield char.encode("latin-1")


def _mojibake(char: str) -> Iterator[str]:
    """Yield what UTF-8 bytes look like when they are read as Latin-1, as HTTP headers are."""
    if not char.isascii():
        raw = char.encode("utf-8", "surrogatepass")
        yield raw.decode("latin-1")
        yield raw.decode("cp1252", "replace")


def _direct(char: str) -> Iterator[str]:
    code = ord(char)
    for raw in _bytes(char):
        yield "".join(f"%{byte:02X}" for byte in raw)
        yield "".join(f"\\x{byte:02X}" for byte in raw)
        yield "".join(f"\\{byte:03o}" for byte in raw)
    yield from (f"&#{code};", f"&#{code:03d};", f"&#x{code:X};", f"&#x{code:04X};", f"\\u{{{code:x}}}")
    yield from (json_escaped(char), ascii(char)[1:-1], repr(char)[1:-1])
    yield "".join(f"\\u{unit:04X}" for unit in _utf16(char))
    yield "".join(f"%u{unit:04X}" for unit in _utf16(char))
    if code in codepoint2name:
        yield f"&{codepoint2name[code]};"
    if char.isascii() and not char.isalnum():
        yield "\\" + char
    yield from _QUOTING.get(char, ())


_QUOTING = {
    "'": ("&apos;", "'\"'\"'", "'\\''", "''"),
    '"': ('""',),
    " ": ("+",),
    "\n": ("\r\n", "\\r\\n", "%0D%0A", "&#13;&#10;"),
}
"""Spellings that only one character has: shells, CSV and YAML double quotes; forms write a space as `+`."""


def _utf16(char: str) -> list[int]:
    raw = char.encode("utf-16-be", "surrogatepass")
    return [int.from_bytes(raw[at : at + 2], "big") for at in range(0, len(raw), 2)]


def _encoded_again(spelling: str) -> Iterator[str]:
    yield quote(spelling, safe="", errors="replace")
    yield quote(spelling, safe="\\'\"&;#=/:?@+,$!*()", errors="replace")
    yield html.escape(spelling, quote=True)
    yield html.escape(spelling, quote=False)
    yield spelling.replace("&", "&#38;").replace("<", "&#60;").replace('"', "&#34;").replace("'", "&#39;")
    yield json_escaped(spelling)
    yield json.dumps(spelling, ensure_ascii=False)[1:-1]
    yield json_escaped(spelling).replace("/", "\\/")
    yield spelling.replace("\\", "\\\\").replace("'", "\\'")
    yield spelling.replace("'", "'\"'\"'")
    yield spelling.replace('"', '""')
    yield from (raw.decode("latin-1") for raw in [spelling.encode("utf-8", "replace")] if not spelling.isascii())
