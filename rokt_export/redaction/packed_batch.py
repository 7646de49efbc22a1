"""Tell which of many texts may hold another text in base64 or hexadecimal: the batch is decoded as one."""

from __future__ import annotations

import re
from binascii import a2b_base64
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate

from rokt_export.redaction.decoded_view import without_uuids

WHOLE = 6
"""Characters from which on a part is worth to be decoded exactly: with the text around it, in each alignment."""
_DIGITS_OF_BASE64 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_TO_BASE64 = bytes(code if code in _DIGITS_OF_BASE64 else {45: 43, 95: 47}.get(code, 65) for code in range(256))
"""`-` and `_` as URLs have them; any other character becomes `A`, six zero bits."""
_GAP = "AAA"
"""Between two texts: in each alignment a byte of zeros."""
_HELD = frozenset(b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz+/_., @'%\\&=;:#-")
_TO_MARKS = bytes(120 if code in _HELD else 32 for code in range(256))
_SHORTEST = b"xxxx"
"""Marks of four characters that values and encodings consist of: the shortest value that is looked for when packed."""
_HEXADECIMAL = re.compile("[2-7][0-9A-Fa-f]" * 4 + "(?:[2-7][0-9A-Fa-f])*")


def parts_in(texts: Sequence[str]) -> Iterator[tuple[int, str]]:
    """Yield the place of each text that may hold another, and ASCII that it may hold: at least four characters.

    Args:
        texts: ASCII, each a line.
    """
    together = "\n".join(texts)
    cleared = without_uuids(together)
    yield from _in_base64(texts if cleared is together else cleared.split("\n"))
    ends: list[int] = []
    for match in _HEXADECIMAL.finditer(together):
        ends = ends or list(accumulate(len(text) + 1 for text in texts))
        yield bisect_right(ends, match.start()), bytes.fromhex(match[0]).decode()


def _in_base64(texts: Sequence[str]) -> Iterator[tuple[int, str]]:
    packed = f"{_GAP}{_GAP.join(texts)}{_GAP * 2}".encode().translate(_TO_BASE64)
    ends: list[int] = []
    for lead in range(4):
        whole = len(packed) - (len(packed) - lead) % 4
        data = a2b_base64(packed[lead:whole])
        marks = data.translate(_TO_MARKS)
        start = marks.find(_SHORTEST)
        while start >= 0:
            ends = ends or list(accumulate([len(text) + len(_GAP) for text in texts]))
            end = marks.find(b" ", start)
            yield bisect_right(ends, lead + start * 4 // 3 - len(_GAP)), data[start:end].decode()
            start = marks.find(_SHORTEST, end)
