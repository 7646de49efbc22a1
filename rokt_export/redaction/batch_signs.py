"""Tell what many texts may hold besides plain words and numbers: dates, hashes, encodings, base64, hexadecimal."""

from __future__ import annotations

import re
from binascii import a2b_base64, a2b_hex
from bisect import bisect_right
from collections.abc import Collection, Iterator, Sequence
from enum import IntEnum
from itertools import accumulate

from rokt_export.redaction.dates import MAY_BE_NUMBER, MAY_BE_WRITTEN
from rokt_export.redaction.quick_search import QuickSearch

WHOLE = 6
"""Characters from which on a part is worth to be decoded exactly: with the text around it, in each alignment."""
_DIGITS_OF_BASE64 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_TO_BASE64 = bytes(code if code in _DIGITS_OF_BASE64 else {45: 43, 95: 47}.get(code, 65) for code in range(256))
"""`-` and `_` as URLs have them; any other character becomes `A`, six zero bits."""
_TO_HEXADECIMAL = bytes(code if code in b"0123456789ABCDEFabcdef" else 48 for code in range(256))
"""Any other character becomes `0`, four zero bits."""
_ZEROS = "    "
"""Between two texts: for each alignment at least a byte of zeros."""
_HELD = frozenset(b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz+/_., @'%\\&=;:#-")
_TO_MARKS = bytes(120 if code in _HELD else 32 for code in range(256))
_SHORTEST = b"xxxx"
"""Marks of four characters that values and encodings consist of: the shortest value that is looked for when packed."""
_FOUR_IN_HEXADECIMAL = "(?:[2-7][0-9A-Fa-f]){4}"
_ANY, _FIRST, _SECOND, _THIRD = (
    "[0-9A-Za-z+/_-]", "[I-Za-f]", "[C-HS-Xi-nyz0-3]", "[ABEFIJMNQRUVYZcdghklopstwx014589]",
)  # fmt: skip
"""Digits of base64 that begin the first, second and third byte of a group where that byte is legible ASCII."""
_FOUR_IN_BASE64 = (
    f"(?-i:{_FIRST}{_SECOND}{_THIRD}{_ANY}{_FIRST}{_ANY}|{_SECOND}{_THIRD}{_ANY}{_FIRST}{_SECOND}{_ANY}"
    f"|{_THIRD}{_ANY}{_FIRST}{_SECOND}{_THIRD}{_ANY})"
)
"""Four legible bytes, in each place that they may have in groups of three."""


class TextSign(IntEnum):
    """What makes a closer look at texts worth while: without any, their letters and digits are all that they say."""

    ENCODED = 0
    """It may hold a value in an encoding."""
    HASH = 1
    DATE = 2
    """With separators or names."""
    DATE_NUMBER = 3
    HEXADECIMAL = 4
    BASE64 = 5


ENCODED = re.compile(r"[%\\&=\r\n\0]")
"""A text with one of these may hold a value in an encoding."""
_SIGNS = {
    QuickSearch(r"[%\\&=\r\x00]", MAY_BE_WRITTEN, MAY_BE_NUMBER): (
        TextSign.ENCODED,
        TextSign.DATE,
        TextSign.DATE_NUMBER,
    ),
    QuickSearch(f"{_ANY}{{22}}|(?:[0-9a-f]{{2}}:){{15}}"): (TextSign.HASH,),
    QuickSearch(_FOUR_IN_HEXADECIMAL): (TextSign.HEXADECIMAL,),
    QuickSearch(_FOUR_IN_BASE64): (TextSign.BASE64,),
}
"""The expressions and their signs. Those that count characters are searched for one by one: together they have a state
for each combination of counts, which on random letters and digits took 60 MB and a hundred times as long."""


def signs_in(text: str) -> Collection[int]:
    """Return the signs in ASCII that may be many lines: all that there are, perhaps more."""
    data = text.encode()
    return [signs[place] for search, signs in _SIGNS.items() for place in search.which_in(data)]


def in_hexadecimal(texts: Sequence[str]) -> Iterator[tuple[int, str]]:
    """Yield the place of each text that may hold another in hexadecimal, and ASCII that it may hold.

    Args:
        texts: ASCII.
    """
    packed = _together(texts, _ZEROS).translate(_TO_HEXADECIMAL)
    for lead in range(2):
        whole = len(packed) - (len(packed) - lead) % 2
        yield from _legible_in(a2b_hex(packed[lead:whole]), texts, lead, 2)


def in_base64(texts: Sequence[str]) -> Iterator[tuple[int, str]]:
    """Yield the place of each text that may hold another in base64, and ASCII that it may hold.

    Args:
        texts: ASCII without UUIDs, which look as if they held something.
    """
    packed = _together(texts, _ZEROS).translate(_TO_BASE64)
    for lead in range(4):
        whole = len(packed) - (len(packed) - lead) % 4
        yield from _legible_in(a2b_base64(packed[lead:whole]), texts, lead, 4 / 3)


def _together(texts: Sequence[str], gap: str) -> bytes:
    return f"{gap}{gap.join(texts)}{gap}{gap}".encode()


def _legible_in(data: bytes, texts: Sequence[str], lead: int, digits: float) -> Iterator[tuple[int, str]]:
    """Yield the place of the text and the part for each legible part of at least four bytes.

    Args:
        data: what the texts hold together, from the digit `lead` on.
        digits: how many digits a byte takes.
    """
    marks = data.translate(_TO_MARKS)
    start = marks.find(_SHORTEST)
    ends = list(accumulate([len(text) + len(_ZEROS) for text in texts])) if start >= 0 else []
    while start >= 0:
        end = marks.find(b" ", start)
        # Its first byte may have begun among the zeros before the text, its third has not.
        yield bisect_right(ends, lead + int((start + 2) * digits) - len(_ZEROS)), data[start:end].decode()
        start = marks.find(_SHORTEST, end)
