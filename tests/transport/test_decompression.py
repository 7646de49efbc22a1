"""What is unpacked, and what is too much of it."""

from __future__ import annotations

import gzip
import time
import zlib

import pytest

from rokt_export.transport.decompression import UnpackableError, UnpackedTooLargeError, unpacked

MOST = 10_000_000
EMPTY = gzip.compress(b"")


UNPACKED = {
    "members": (gzip.compress(b"ab") + gzip.compress(b"cd"), ["gzip"], b"abcd"),
    "zeros between and behind": (
        gzip.compress(b"ab") + bytes(200_000) + gzip.compress(b"cd") + bytes(9),
        ["gzip"],
        b"abcd",
    ),
    "large members": (gzip.compress(b"x" * 200_000) * 40, ["x-gzip"], b"x" * 8_000_000),
    "empty members": (EMPTY * 999 + gzip.compress(b"ab"), ["gzip"], b"ab"),
    "deflate": (zlib.compress(b"ab"), ["deflate"], b"ab"),
    "deflate without frame": (zlib.compress(b"ab")[2:-4], ["deflate"], b"ab"),
    "codings upon each other": (gzip.compress(zlib.compress(b"ab")), ["deflate", "gzip"], b"ab"),
    "nothing": (b"", ["gzip"], b""),
}


@pytest.mark.parametrize("name", UNPACKED)
def test_unpacked(name: str) -> None:
    body, codings, whole = UNPACKED[name]
    assert unpacked(body, codings, MOST) == whole


REFUSED = {
    "empty members": (EMPTY * 450_000, ["gzip"], "more than 1,000 gzip members"),
    "empty members packed again": (gzip.compress(EMPTY * 450_000), ["gzip", "gzip"], "more than 1,000 gzip members"),
    "six codings": (gzip.compress(b"ab"), ["gzip"] * 6, "packed 6 times over"),
    "cut": (gzip.compress(b"ab")[:-1], ["gzip"], "ends too early"),
    "junk behind": (gzip.compress(b"ab") + b"cd", ["gzip"], "incorrect header check"),
    "deflate cut": (zlib.compress(b"ab")[:-1], ["deflate"], "ends too early"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_unpacked_says_why_at_once(name: str) -> None:
    body, codings, error = REFUSED[name]
    start = time.process_time()
    with pytest.raises(UnpackableError, match=error):
        unpacked(body, codings, MOST)
    assert time.process_time() - start < 0.5


@pytest.mark.parametrize("times", [1, 2, 3])
def test_a_bomb_is_too_large_at_once(times: int) -> None:
    body = bytes(3 * MOST)
    for _ in range(times):
        body = gzip.compress(body, 1)
    start = time.process_time()
    with pytest.raises(UnpackedTooLargeError):
        unpacked(body, ["gzip"] * times, MOST)
    assert time.process_time() - start < 0.5
