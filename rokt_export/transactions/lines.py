"""Decodes a stream of bytes into lines as they arrive, in blocks or one by one."""

from __future__ import annotations

import codecs
import io
import re
from collections import deque
from collections.abc import Iterator

from rokt_export.transactions.encoding import FileEncoding

HARD_LIMIT = 12 << 20
"""Maximum characters of a line or a quoted cell that are kept, so that memory is bounded."""

NON_ASCII, NUL, UNDECODABLE, LONG, CUT = 1, 2, 4, 8, 16
PLACEHOLDER = "\0\n"
"""Replaces a line beyond the hard limit."""

_CTRL_Z = "\x1a"
"""The end-of-file mark of DOS, which some programs still write."""
_CTRL_Z_LINE = re.compile(r"(?:^|(?<=\r))\x1a+(?=[\r\n])", re.MULTILINE)
_SURROGATE = re.compile("[\ud800-\udfff]")
_BLOCK = 1 << 15
"""Bytes read at once: a few hundred rows, which fit into the processor's cache."""


class LineSource:
    """The lines of a text, as blocks or one by one; each line is returned once.

    A line is returned as soon as its last byte has arrived. For lines read one by one, unusual properties are noted.

    Args:
        stream: the plain bytes, from the start of a line.
        encoding: how bytes become text.
        long: a line with more characters is noted as LONG.
        newline: what ends a line, as for `open`: "" is any of `\\n`, `\\r\\n` and `\\r`, not translated.

    Attributes:
        noted: flags (NON_ASCII, NUL, UNDECODABLE, LONG, CUT) of the lines since the caller reset it to 0.
        ready: lines of the current block not yet returned; empty between two blocks.
        encoding: how bytes become text.
        taken: bytes read so far.
    """

    def __init__(self, stream: io.BufferedReader, encoding: FileEncoding, long: int, *, newline: str) -> None:
        self.noted = 0
        self.ready: deque[str] = deque()
        self._stream = stream
        self._decoder = codecs.getincrementaldecoder(encoding.name)(encoding.errors)
        self._broken = _SURROGATE if encoding.errors == "surrogateescape" else re.compile("\ufffd")
        self._long = long
        self._newline = newline
        self._begun = ""
        self._ended = False
        self._is_utf8 = encoding.name.startswith("utf-8")
        self._shortened = False
        self.encoding = encoding
        self.taken = 0

    def close(self) -> None:
        """Release the stream."""
        self._stream.close()

    @property
    def divisible(self) -> bool:
        """Whether lines encode to the bytes that they came from: in UTF-8, and in encodings of a byte a character."""
        return self.encoding.errors == "surrogateescape"

    def place(self) -> int | None:
        """Return how many bytes came before the next line of a `divisible` text; None within an altered block."""
        if self._shortened and self.ready:
            return None
        ahead = "".join(self.ready) + self._begun
        size = len(ahead.encode("utf-8", "surrogateescape")) if self._is_utf8 else len(ahead)
        return self.taken - len(self._decoder.getstate()[0]) - size

    def block(self) -> str:
        """Return the rest of the current block, else the next block; empty at the end.

        Raises:
            OSError: the stream cannot be read further; all whole lines before have been returned.
        """
        if self.ready:
            rest = "".join(self.ready)
            self.ready.clear()
            return rest
        return self._arrived()

    def give_back(self, block: str) -> None:
        """Put back a block, to return it line by line."""
        self.ready.extend(io.StringIO(block, newline=self._newline))

    def is_plain(self, block: str) -> bool:
        """Return True if at most NON_ASCII would be noted for the lines of a block."""
        return len(block) <= self._long and "\0" not in block and (block.isascii() or _is_whole(block))

    def __iter__(self) -> Iterator[str]:
        """Yield the lines, and note what is unusual; a usual line costs three short tests.

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
            self.taken += len(data)
            self._ended = not data
            text = self._decoder.decode(data, self._ended)
            if end := self._last_end(text):
                self._begun = text[end:]
                return self._without_ctrl_z(self._joined(begun, text[:end]))
            if len(begun) <= HARD_LIMIT:
                begun += text
        return self._without_ctrl_z(self._joined(begun.rstrip(_CTRL_Z), ""))

    def _without_ctrl_z(self, block: str) -> str:
        """Return a block whose lines of Ctrl-Z alone are blank."""
        self._shortened = _CTRL_Z in block
        return _CTRL_Z_LINE.sub("", block) if self._shortened else block

    def _joined(self, begun: str, text: str) -> str:
        """Return the unfinished line with the lines that follow; a line beyond the hard limit becomes `PLACEHOLDER`."""
        if len(begun) + _BLOCK > HARD_LIMIT:
            first = next(io.StringIO(text, newline=self._newline), "")
            if len(begun) + len(first) > HARD_LIMIT or (len(begun) == HARD_LIMIT and not first):
                self.noted |= CUT
                return PLACEHOLDER + text[len(first) :]
        return begun + text

    def _last_end(self, text: str) -> int:
        """Return where the last whole line ends, 0 if none does; a `\\r` at the very end may be half of `\\r\\n`."""
        return text.rfind("\n") + 1 or (text.rfind("\r", 0, -1) + 1 if self._newline == "" else 0)


def _is_whole(block: str) -> bool:
    """Return whether all bytes of a block could be decoded."""
    if "\ufffd" in block:
        return False
    try:
        block.encode()  # refuses surrogates, ten times as fast as a pattern
    except UnicodeEncodeError:
        return False
    return True
