"""Turn data into compressed text that rests in a page, where nothing in it can end or escape its element."""

from __future__ import annotations

import zlib
from base64 import b64encode
from collections.abc import Iterable, Iterator

_LINE = 57 * 1024
"""Bytes encoded at a time: a multiple of three, so that the lines of base64 join."""


def packed(chunks: Iterable[bytes]) -> Iterator[str]:
    """Yield the chunks as one zlib stream (RFC 1950) in lines of base64, in constant memory."""
    compressor = zlib.compressobj(6)
    pending = bytearray()
    for chunk in chunks:
        pending += compressor.compress(chunk)
        if len(pending) >= _LINE:
            whole = len(pending) // 3 * 3
            yield b64encode(pending[:whole]).decode() + "\n"
            del pending[:whole]
    pending += compressor.flush()
    yield b64encode(pending).decode()
