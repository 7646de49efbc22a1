"""What is unpacked, and what is too much of it."""

from __future__ import annotations

import gzip
import time
import zlib
from collections.abc import Callable

import pytest

from rokt_export.transport.decompression import CutShortError, Unpacked, UnpackedTooLargeError, unpack

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
    "junk behind": (gzip.compress(b"ab") + b"cd", ["gzip"], b"ab"),
}


@pytest.mark.parametrize("name", UNPACKED)
def test_unpacked(name: str) -> None:
    body, codings, whole = UNPACKED[name]
    assert unpack(body, codings, MOST) == Unpacked(whole)


UNREADABLE = {
    "empty members": (EMPTY * 450_000, ["gzip"], "more than 1,000 gzip members"),
    "empty members packed again": (gzip.compress(EMPTY * 450_000), ["gzip", "gzip"], "more than 1,000 gzip members"),
    "six codings": (gzip.compress(b"ab"), ["gzip"] * 6, "compressed 6 times"),
    "another coding": (b"\x0b\x02\x80ok\x03", ["br"], "`br` is not known here"),
    "wrong checksum": (gzip.compress(b"ab")[:-8] + bytes(8), ["gzip"], "incorrect data check"),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_what_cannot_be_unpacked_is_kept_as_it_came_and_says_why_at_once(name: str) -> None:
    body, codings, why = UNREADABLE[name]
    start = time.process_time()
    found = unpack(body, codings, MOST)
    assert found.body == body and not found.mislabelled
    assert why in found.unreadable
    assert time.process_time() - start < 0.5


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "UTF-8", "text", "aws-chunked", "gzip, br"])
@pytest.mark.parametrize("text", ['{"status": "created"}', "Zoë war schon da\r\n", "ok"])
@pytest.mark.parametrize("charset", ["utf-8", "latin-1"])
def test_plain_text_under_any_coding_is_read_as_it_is(coding: str, text: str, charset: str) -> None:
    body = text.encode(charset)
    assert unpack(body, coding.split(", "), MOST) == Unpacked(body, mislabelled=True)


@pytest.mark.parametrize(("pack", "coding"), [(gzip.compress, "gzip"), (zlib.compress, "deflate")])
def test_a_packed_body_without_its_end_is_cut_short(pack: Callable[[bytes], bytes], coding: str) -> None:
    with pytest.raises(CutShortError):
        unpack(pack(b"ab")[:-1], [coding], MOST)


@pytest.mark.parametrize("times", [1, 2, 3])
def test_a_bomb_is_too_large_at_once(times: int) -> None:
    body = bytes(3 * MOST)
    for _ in range(times):
        body = gzip.compress(body, 1)
    start = time.process_time()
    with pytest.raises(UnpackedTooLargeError):
        unpack(body, ["gzip"] * times, MOST)
    assert time.process_time() - start < 0.5
