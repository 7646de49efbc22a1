"""Unpacks bodies that a server has packed unasked: without Accept-Encoding it may (RFC 9110, 12.5.3)."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable, Sequence
from typing import NamedTuple

_GZIP, _ZLIB, _RAW = 31, 15, -15
"""Window sizes by which zlib tells its three forms apart."""
_KNOWN = frozenset({"gzip", "x-gzip", "deflate", "identity"})
_MAGIC = b"\x1f\x8b"
_CONTROL = re.compile(rb"[\0-\x08\x0e-\x1a\x1c-\x1f\x7f]")
"""A byte that no text has; a packed body of more than a few bytes has one."""
_PIECE = 65_536
"""Bytes that are unpacked at a time."""
_MOST_MEMBERS = 1_000
"""Members of a gzip body: tools that write blocks make one of each 64 kB, and some servers one of each flush."""
_MOST_CODINGS = 5
"""Codings one upon the other, as many as libcurl undoes: a gzip body can unpack to itself for ever."""


class UnpackableError(ValueError):
    """A body that is packed in a way that is not known, or not as its header says."""


class CutShortError(ValueError):
    """A packed body whose end is missing."""


class UnpackedTooLargeError(ValueError):
    """A body that is larger than was allowed once it is unpacked."""


def unpacks(accepted: str) -> bool:
    """Return whether `unpacked` knows all that the value of an Accept-Encoding header asks for."""
    return all(part.partition(";")[0].strip().lower() in _KNOWN for part in accepted.split(","))


def codings(headers: Iterable[tuple[str, str]]) -> tuple[str, ...]:
    """Return how a body was packed, innermost first: its content codings, then those of its transfer."""
    content: list[str] = []
    transfer: list[str] = []
    for name, value in headers:
        key = name.lower()
        if key in ("content-encoding", "transfer-encoding"):
            found = [part.strip().lower() for part in value.split(",")]
            (content if key == "content-encoding" else transfer).extend(found)
    return tuple(each for each in (*content, *transfer) if each not in ("", "identity", "chunked"))


class Unpacked(NamedTuple):
    """What became of a body.

    Attributes:
        body: unpacked, or as it came where that cannot be done.
        unreadable: why it cannot be read; empty where it can.
        mislabelled: whether it is plain text although a header says that it is packed.
    """

    body: bytes
    unreadable: str = ""
    mislabelled: bool = False


def unpack(body: bytes, packed: Sequence[str], most: int) -> Unpacked:
    """Return a body as it was before it was packed; one that is not packed as its header says, as it came.

    Args:
        body: as received.
        packed: the codings, in the order in which they were applied.
        most: bytes that it may have.

    Raises:
        CutShortError: its end is missing.
        UnpackedTooLargeError: it is larger.
    """
    try:
        return Unpacked(_unpacked(body, packed, most))
    except UnpackableError as error:
        if _CONTROL.search(body):
            return Unpacked(body, f"it cannot be unpacked as its Content-Encoding says ({error})")
        return Unpacked(body, mislabelled=True)


def _unpacked(body: bytes, packed: Sequence[str], most: int) -> bytes:
    """Return a body as it was before it was packed.

    Raises:
        UnpackableError: it cannot be.
        CutShortError: its end is missing.
        UnpackedTooLargeError: it is larger.
    """
    if len(packed) > _MOST_CODINGS:
        raise UnpackableError(f"it is packed {len(packed)} times over")
    for coding in reversed(packed):
        if not body:
            return body
        match coding:
            case "gzip" | "x-gzip":
                body = _inflated(body, _GZIP, most)
            case "deflate":  # RFC 9110, 8.4.1.2: zlib's form; some servers leave its frame away
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
            piece = body[at : at + _PIECE]  # what is behind a member is copied, each time no more than this
            if not piece:
                raise CutShortError("it ends too early")
            at += len(piece)
            try:
                part = unpacker.decompress(piece, left + 1)
            except zlib.error as error:
                if parts and not body.startswith(_MAGIC, start):
                    return b"".join(parts)  # gzip itself ignores what stands behind its last member
                raise UnpackableError(str(error).rpartition(": ")[2]) from error
            left -= len(part)
            if left < 0:
                raise UnpackedTooLargeError
            parts.append(part)
        at -= len(unpacker.unused_data)
        # A gzip body may have several members (RFC 1952, 2.2), and zeros behind them, as gzip itself forgives.
        at = _past_zeros(body, at)
        if window != _GZIP or at == len(body):
            return b"".join(parts)
    raise UnpackableError(f"it has more than {_MOST_MEMBERS:,} gzip members")


def _past_zeros(body: bytes, at: int) -> int:
    while at < len(body) and not body[at]:
        rest = body[at : at + _PIECE]
        at += len(rest) - len(rest.lstrip(b"\0"))
    return at
