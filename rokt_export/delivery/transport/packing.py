"""Unpacks the bodies of answers that a server has packed unasked: without Accept-Encoding it may (RFC 9110, 12.5.3)."""

from __future__ import annotations

import zlib
from collections.abc import Iterable

_GZIP, _ZLIB, _RAW = 31, 15, -15
"""Window sizes by which zlib tells its three forms apart."""


class UnpackableError(ValueError):
    """A body that is packed in a way that is not known, or not as its header says."""


class UnpackedTooLargeError(ValueError):
    """A body that is larger than was allowed once it is unpacked."""


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


def unpacked(body: bytes, packed: Iterable[str], most: int) -> bytes:
    """Return a body as it was before it was packed.

    Args:
        body: as received.
        packed: the codings, in the order in which they were applied.
        most: bytes that it may have.

    Raises:
        UnpackableError: it cannot be.
        UnpackedTooLargeError: it is larger.
    """
    for coding in reversed(tuple(packed)):
        if not body:
            return body
        match coding:
            case "gzip" | "x-gzip":
                body = _inflated(body, _GZIP, most)
            case "deflate":  # RFC 9110, 8.4.1.2: zlib's form; some servers leave its frame away
                body = _inflated(body, _ZLIB if body[0] & 15 == 8 else _RAW, most)
            case _:
                raise UnpackableError(f"`{coding}` was not asked for, and is not known here")
    return body


def _inflated(body: bytes, window: int, most: int) -> bytes:
    parts: list[bytes] = []
    left = most
    while body:
        unpacker = zlib.decompressobj(window)
        try:
            part = unpacker.decompress(body, left + 1)
        except zlib.error as error:
            raise UnpackableError(str(error)) from error
        left -= len(part)
        if left < 0:
            raise UnpackedTooLargeError
        if not unpacker.eof:
            raise UnpackableError("it ends too early")
        parts.append(part)
        # A gzip body may have several members (RFC 1952, 2.2), and zeros behind them, as gzip itself forgives.
        body = unpacker.unused_data.lstrip(b"\0") if window == _GZIP else b""
    return b"".join(parts)
