"""The head of an answer, read from the lines that libcurl hands over: status, version and headers."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

_STATUS_LINE = re.compile(rb"HTTP/(\d(?:\.\d)?) +(\d{3})(?: |\r?\n)")
_BLANK = (b"\r\n", b"\n")
_FIRST_FINAL = 200


class Head(NamedTuple):
    """What stands above an answer's body.

    Attributes:
        status: the HTTP status code.
        version: the HTTP version, as `1.1`.
        headers: name and value, as received, in order.
    """

    status: int
    version: str
    headers: tuple[tuple[str, str], ...]


# One partner's answers differ in little but their date: within a second most heads are the same, and one object.
@lru_cache(maxsize=64)
def head_of(lines: tuple[bytes, ...]) -> Head | None:
    """Return the final head of an answer: not an interim (1xx) one, and without trailers.

    Only the line that follows nothing, or the blank line of an interim head, is a status line (RFC 9112, 4): a header
    may look like one.

    Args:
        lines: status lines, header lines, blank lines and trailers, in the order received.

    Returns:
        None where the blank line at its end is missing: libcurl takes a connection closed among the headers for the
        end of an answer. None, too, where the status line has no status.
    """
    start = 0
    while start < len(lines):
        found = _STATUS_LINE.match(lines[start])
        end = next((index for index in range(start, len(lines)) if lines[index] in _BLANK), None)
        if found is None or end is None:
            return None
        status = int(found[2])
        if status >= _FIRST_FINAL:
            return Head(status, found[1].decode(), tuple(map(_header_of, lines[start + 1 : end])))
        start = end + 1
    return None


# Where each head has its own (an identifier of the request), most of its lines still repeat.
@lru_cache(maxsize=256)
def _header_of(line: bytes) -> tuple[str, str]:
    name, _, value = text_of(line).partition(":")
    return name.strip(), value.strip()


def text_of(line: bytes) -> str:
    """Return a header line's text: UTF-8 as most write it today, else Latin-1 as HTTP has it."""
    try:
        return line.decode()
    except UnicodeDecodeError:
        return line.decode("latin-1")
