"""Turns a stream of bytes into lines of text as they arrive, in blocks or one by one."""

from __future__ import annotations

import codecs
import io
import re
from collections import deque
from collections.abc import Iterator

from rokt_export.transactions.encoding import Encoding

HARD_LIMIT = 12 << 20
"""Characters of one line, or of one quoted cell, that are kept at most, so that memory stays flat."""

NON_ASCII, NUL, UNDECODABLE, LONG, CUT = 1, 2, 4, 8, 16
PLACEHOLDER = "\0\n"
"""Replaces a line beyond the hard limit, whose text is not kept."""

_CTRL_Z = "\x1a"
"""Ends a text file of DOS, and of some programs still."""
_SURROGATE = re.compile("[\ud800-\udfff]")
_BLOCK = 1 << 15
"""Bytes read at once: some hundred rows, which fit into the processor's cache."""


class LineSource:
    """The lines of a text, as blocks or one by one; each line is returned once.

    A line is returned as soon as its last byte has arrived. Lines read one by one are noted where they are unusual.

    Args:
        stream: the plain bytes, from their start.
        encoding: how bytes become text.
        long: characters beyond which a line is long.
        newline: what ends a line, as `open` takes it: "" is any of `\\n`, `\\r\\n` and `\\r`, kept as they are.

    Attributes:
        noted: flags (NON_ASCII, NUL, UNDECODABLE, LONG, CUT) of the lines since the reader set it back to 0.
        ready: lines of the current block not yet returned; empty between two blocks.
    """

    def __init__(self, stream: io.BufferedReader, encoding: Encoding, long: int, *, newline: str) -> None:
        self.noted = 0
        self.ready: deque[str] = deque()
        self._stream = stream
        self._decoder = codecs.getincrementaldecoder(encoding.name)(encoding.errors)
        self._broken = _SURROGATE if encoding.errors == "surrogateescape" else re.compile("\ufffd")
        self._long = long
        self._newline = newline
        self._begun = ""
        self._ended = False

    def close(self) -> None:
        """Release the stream."""
        self._stream.close()

    def block(self) -> str:
        """Return the rest of the current block, else the next block; empty at the end.

        Raises:
            OSError: the stream cannot be read further; all whole lines before this place have been returned.
        """
        if self.ready:
            rest = "".join(self.ready)
            self.ready.clear()
            return rest
        return self._arrived()

    def give_back(self, block: str) -> None:
        """Take back a block, to return it line by line."""
        self.ready.extend(io.StringIO(block, newline=self._newline))

    def is_plain(self, block: str) -> bool:
        """Return whether nothing but NON_ASCII would be noted of a block; false where something may be."""
        return len(block) <= self._long and "\0" not in block and (block.isascii() or _is_whole(block))

    def __iter__(self) -> Iterator[str]:
        """Yield the lines, noting what is unusual. It runs once a line, so a usual line costs three short tests.

        Raises:
            OSError: as `block`.
        """
        ready, long = self.ready, self._long
        while True:
            while ready:
                line = ready.popleft()
                if len(line) > long or "\0" in line or not line.isascii():
                    self._note(line)
                yield line
            if not (block := self._arrived()):
                return
            self.give_back(block)

    def _note(self, line: str) -> None:
        if not line.isascii():
            self.noted |= NON_ASCII
            if self._broken.search(line):
                self.noted |= UNDECODABLE
        if "\0" in line:
            self.noted |= NUL
        if len(line) > self._long:
            self.noted |= LONG

    def _arrived(self) -> str:
        begun, self._begun = self._begun, ""
        while not self._ended:
            data = self._stream.read1(_BLOCK)
            self._ended = not data
            text = self._decoder.decode(data, self._ended)
            if end := self._last_end(text):
                self._begun = text[end:]
                return self._joined(begun, text[:end])
            if len(begun) <= HARD_LIMIT:
                begun += text
        return self._joined(begun.rstrip(_CTRL_Z), "")

    def _joined(self, begun: str, text: str) -> str:
        """Return a line that began earlier with the lines that follow; a line beyond the hard limit is replaced."""
        if len(begun) + _BLOCK > HARD_LIMIT:
            first = next(io.StringIO(text, newline=self._newline), "")
            if len(begun) + len(first) > HARD_LIMIT or (len(begun) == HARD_LIMIT and not first):
                self.noted |= CUT
                return PLACEHOLDER + text[len(first) :]
        return begun + text

    def _last_end(self, text: str) -> int:
        """Return where the last whole line ends; a `\\r` at the very end may be half of a line end."""
        return text.rfind("\n") + 1 or (text.rfind("\r", 0, -1) + 1 if self._newline == "" else 0)


def _is_whole(block: str) -> bool:
    """Return whether all bytes of a block were text in its encoding."""
    if "\ufffd" in block:
        return False
    try:
        block.encode()  # refuses surrogates, ten times as fast as a pattern
    except UnicodeEncodeError:
        return False
    return True
