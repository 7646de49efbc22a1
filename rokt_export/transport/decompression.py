"""Decompresses bodies. A server may compress without an Accept-Encoding (RFC 9110, 12.5.3)."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable, Sequence
from typing import NamedTuple

_GZIP, _ZLIB, _RAW = 31, 15, -15
"""Window sizes that select zlib's three formats."""
_KNOWN = frozenset({"gzip", "x-gzip", "deflate", "identity"})
MAGIC = b"\x1f\x8b\x08"
"""How gzip starts, whatever a header calls it."""
_CONTROL = re.compile(rb"[\0-\x08\x0e-\x1a\x1c-\x1f\x7f]")
"""A byte that never occurs in text, but nearly always in a compressed body."""
_PIECE = 65_536
"""Bytes that are decompressed at a time."""
_MOST_MEMBERS = 1_000
"""Maximum members of a gzip body. Some tools write a member per 64 kB, some servers one per flush."""
_MOST_CODINGS = 5
"""Maximum number of codings of a body, as in libcurl. A gzip body can decompress to itself endlessly."""


class UnpackableError(ValueError):
    """A body is compressed in an unknown way, or not as its header says."""


class CutShortError(ValueError):
    """The end of a compressed body is missing."""


class UnpackedTooLargeError(ValueError):
    """A body is larger than allowed when decompressed."""


def unpacks(accepted: str) -> bool:
    """Return whether `unpack` supports all codings of an Accept-Encoding header's value."""
    return all(part.partition(";")[0].strip().lower() in _KNOWN for part in accepted.split(","))


def codings(headers: Iterable[tuple[str, str]]) -> tuple[str, ...]:
    """Return the codings of a body in the order of their application: content codings, then transfer codings."""
    content: list[str] = []
    transfer: list[str] = []
    for name, value in headers:
        key = name.lower()
        if key in ("content-encoding", "transfer-encoding"):
            found = [part.strip().lower() for part in value.split(",")]
            (content if key == "content-encoding" else transfer).extend(found)
    return tuple(each for each in (*content, *transfer) if each not in ("", "identity", "chunked"))


def unlabelled(body: bytes, most: int) -> bytes:
    """Return the content of a body that is gzip although no header says so; any other body as received."""
    try:
        return _inflated(body, _GZIP, most) if body.startswith(MAGIC) else body
    except (UnpackableError, CutShortError, UnpackedTooLargeError):
        return body


class Unpacked(NamedTuple):
    """The result of decompressing a body.

    Attributes:
        body: decompressed; as received if that fails.
        unreadable: why it could not be decompressed; empty if it could.
        mislabelled: whether it is plain text although a header states a coding.
    """

    body: bytes
    unreadable: str = ""
    mislabelled: bool = False


def unpack(body: bytes, packed: Sequence[str], most: int) -> Unpacked:
    """Decompress a body; one that is not compressed as its header says is returned as received.

    Args:
        body: as received.
        packed: the codings, in the order of their application.
        most: maximum bytes of the result.

    Raises:
        CutShortError: the end of the body is missing.
        UnpackedTooLargeError: the result is larger.
    """
    try:
        return Unpacked(_unpacked(body, packed, most))
    except UnpackableError as error:
        if _CONTROL.search(body):
            return Unpacked(body, f"it cannot be decompressed as its Content-Encoding says ({error})")
        return Unpacked(body, mislabelled=True)


def _unpacked(body: bytes, packed: Sequence[str], most: int) -> bytes:
    """Decompress a body; see `unpack`.

    Raises:
        UnpackableError: it is not compressed as stated.
        CutShortError: the end of the body is missing.
        UnpackedTooLargeError: the result is larger.
    """
    if len(packed) > _MOST_CODINGS:
        raise UnpackableError(f"it is compressed {len(packed)} times")
    for number, coding in enumerate(reversed(packed)):
        if not body or (number and not _CONTROL.search(body)):  # a proxy may state again what a server has stated
            return body
        match coding:
            case _ if coding in ("gzip", "x-gzip") or body.startswith(MAGIC):
                body = _inflated(body, _GZIP, most)
            case "deflate":  # RFC 9110, 8.4.1.2: zlib's format; some servers omit its header
                body = _inflated(body, _ZLIB if body[0] & 15 == 8 else _RAW, most)
            case _:
                raise UnpackableError(f"`{coding}` is not known here")
    return body


def _inflated(body: bytes, window: int, most: int) -> bytes:
    parts: list[bytes] = []
    left, at = most, 0
    for _ in range(_MOST_MEMBERS):
        unpacker, start = zlib.decompressobj(window), at
        while not unpacker.eof:
            piece = body[at : at + _PIECE]  # the data after a member is copied, at most this much each time
            if not piece:
                raise CutShortError("it ends too early")
            at += len(piece)
            try:
                part = unpacker.decompress(piece, left + 1)
            except zlib.error as error:
                if parts and not body.startswith(MAGIC, start):
                    return b"".join(parts)  # gzip ignores data after its last member
                raise UnpackableError(str(error).rpartition(": ")[2]) from error
            left -= len(part)
            if left < 0:
                raise UnpackedTooLargeError
            parts.append(part)
        at -= len(unpacker.unused_data)
        # A gzip body may have several members (RFC 1952, 2.2), and zeros after them, which gzip accepts.
        at = _past_zeros(body, at)
        if window != _GZIP or at == len(body):
            return b"".join(parts)
    raise UnpackableError(f"it has more than {_MOST_MEMBERS:,} gzip members")


def _past_zeros(body: bytes, at: int) -> int:
    while at < len(body) and not body[at]:
        rest = body[at : at + _PIECE]
        at += len(rest) - len(rest.lstrip(b"\0"))
    return at
