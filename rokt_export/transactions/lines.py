"""Turns a stream of bytes into lines of text as they arrive, noting the lines that need a second look."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from functools import partial

from rokt_export.transactions.encoding import Encoding

HARD_LIMIT = 12 << 20
"""Characters of one line, or of one quoted cell, that are held at most; memory stays flat on a file of one line."""

NON_ASCII, NUL, UNDECODABLE, LONG, CUT = 1, 2, 4, 8, 16
PLACEHOLDER = "\0\n"
"""Stands for a line beyond the hard limit, whose text is not kept."""

_SURROGATE = re.compile("[\ud800-\udfff]")


class LineWatch:
    """What was noted about the lines read since it was last reset; set by the line, read by the row.

    Attributes:
        noted: a sum of NON_ASCII, NUL, UNDECODABLE, LONG and CUT; the reader of rows sets it back to 0.
    """

    __slots__ = ("_broken", "_long", "noted")

    def __init__(self, long: int, encoding: Encoding) -> None:
        self.noted = 0
        self._long = long
        self._broken = _SURROGATE if encoding.errors == "surrogateescape" else re.compile("\ufffd")

    def look(self, line: str) -> None:
        """Note what is unusual about a line."""
        if not line.isascii():
            self.noted |= NON_ASCII
            if self._broken.search(line):
                self.noted |= UNDECODABLE
        if "\0" in line:
            self.noted |= NUL
        if len(line) > self._long:
            self.noted |= LONG


def text_of(stream: io.BufferedReader, encoding: Encoding, *, newline: str) -> io.TextIOWrapper:
    """Return a stream of bytes as text; a line is handed out as soon as its last byte has arrived."""
    return io.TextIOWrapper(stream, encoding.name, encoding.errors, newline)


def watched_lines(text: io.TextIOWrapper, watch: LineWatch, long: int) -> Iterator[str]:
    """Yield the lines of a text; this runs once a line, so what is usual costs three short tests."""
    for line in iter(partial(text.readline, HARD_LIMIT), ""):
        if len(line) > long or "\0" in line or not line.isascii():
            watch.look(line)
            if len(line) == HARD_LIMIT and line[-1] not in "\r\n":
                watch.noted |= CUT
                _skip_line(text)
                line = PLACEHOLDER
        yield line


def _skip_line(text: io.TextIOWrapper) -> None:
    while (more := text.readline(HARD_LIMIT)) and more[-1] not in "\r\n":
        pass
