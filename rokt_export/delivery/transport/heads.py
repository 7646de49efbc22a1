"""The head of an answer, read from the lines that libcurl hands over: status, version and headers."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

_BLANK = (b"\r\n", b"\n")


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
    """Return the final head of an answer: not an interim (1xx) or a proxy's one, without trailers.

    Args:
        lines: status lines, header lines, blank lines and trailers, in the order received.

    Returns:
        None where the blank line at its end is missing: libcurl takes a connection closed among the headers for the
        end of an answer.
    """
    start = max((index for index, line in enumerate(lines) if line.startswith(b"HTTP/")), default=0)
    end = next((index for index in range(start, len(lines)) if lines[index] in _BLANK), None)
    if end is None or end == start:
        return None
    status, version = _status_of(lines[start])
    return Head(status, version, tuple(map(_header_of, lines[start + 1 : end])))


# Where each head has its own (an identifier of the request), most of its lines still repeat.
@lru_cache(maxsize=256)
def _header_of(line: bytes) -> tuple[str, str]:
    name, _, value = text_of(line).partition(":")
    return name.strip(), value.strip()


@lru_cache(maxsize=64)
def _status_of(line: bytes) -> tuple[int, str]:
    version, _, rest = text_of(line).partition(" ")
    return int(rest[:3]), version.partition("/")[2]


def text_of(line: bytes) -> str:
    """Return a header line's text: UTF-8 as most write it today, else Latin-1 as HTTP has it."""
    try:
        return line.decode()
    except UnicodeDecodeError:
        return line.decode("latin-1")
