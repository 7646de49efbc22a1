"""Answers read from bytes: in one piece or in many, forgiven what servers get wrong, and one after the other."""

from __future__ import annotations

import gzip
from itertools import pairwise, product

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rokt_export.exchange.model import Response, Timings
from rokt_export.transport.http11_responses import (
    NotHttpError,
    ResponseParser,
    TooLargeError,
    UnreadableError,
    known_response,
)

HEAD = b"HTTP/1.1 200 OK\r\nDate: today\r\nContent-Length: 4\r\n\r\n"


def read(*pieces: bytes, most: int = 1000) -> Response:
    reader = ResponseParser(most)
    complete = [reader.feed(piece) for piece in pieces]
    assert complete == [False] * (len(pieces) - 1) + [True], complete
    return reader.response(Timings())


def taken(response: Response) -> tuple[int, bytes, dict[str, str]]:
    return response.status, response.body, dict(response.headers)


@pytest.mark.parametrize(
    "answer",
    [
        HEAD + b"body",
        b"HTTP/1.1 200\r\nDate: today\r\nContent-Length: 4\r\n\r\nbody",
        b"HTTP/1.1 200 OK\nDate: today\nContent-Length: 4\n\nbody",
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + HEAD + b"body",
        b"HTTP/1.1 200 OK\r\nDate: today\r\nContent-Length: 4\r\nContent-Length : 4\r\n\r\nbody",
        b"HTTP/1.1 200 OK\r\nDate : today\r\nContent-Length: 4\r\n\r\nbody",
        b"HTTP/1.1 200 OK\r\nDate: today\r\nContent-Length: 4, 4\r\nContent-Length: 4\r\n\r\nbody",
    ],
)
def test_in_one_piece_and_byte_by_byte(answer: bytes) -> None:
    wanted = (200, b"body", {"Date": "today", "Content-Length": "4"})
    assert taken(read(answer)) == wanted
    assert taken(read(*(answer[at : at + 1] for at in range(len(answer))))) == wanted


def test_chunks_trailers_and_a_length_beside_them() -> None:
    head = b"HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\nContent-Length: 7\r\n\r\n"
    answer = read(head + b"3;x=y\r\nabc\r\n2 \r\n", b"de\r\n0\r\nX-Trailer: t\r\n\r\n")
    assert (answer.status, answer.body) == (201, b"abcde")
    assert answer.header("x-trailer") is None


def test_a_head_that_was_seen_before_is_known_only_with_its_end() -> None:
    for length in range(100):  # one is as long as what stands before the first CR, less what stands for the end
        head = HEAD.replace(b": 4", b": %d" % length)
        assert read(head + bytes(length)).body == bytes(length)
        assert known_response(head + bytes(length)) is not None
        assert [known_response(head[:end]) for end in range(len(head))] == [None] * len(head)


CHUNKED = b"HTTP/1.1 200 OK\r\nDate: today\r\nTransfer-Encoding: chunked\r\n\r\n"
IN_ONE_CHUNK = CHUNKED + b"1a\r\nabcdefghijklmnopqrstuvwxyz\r\n0\r\n\r\n"


def test_one_chunk_behind_a_head_that_was_seen_before_is_known() -> None:
    assert read(IN_ONE_CHUNK).body == b"abcdefghijklmnopqrstuvwxyz"
    for size, body in ((b"1A", b"z" * 26), (b"1", b"\r"), (b"7", b"\r\n0\r\n\r\n"), (b"100", bytes(256))):
        known = known_response(CHUNKED + size + b"\r\n" + body + b"\r\n0\r\n\r\n")
        assert known is not None
        assert (known[0].status, dict(known[0].headers)["Date"], known[1]) == (200, "today", body)
    assert [known_response(IN_ONE_CHUNK[:end]) for end in range(len(IN_ONE_CHUNK))] == [None] * len(IN_ONE_CHUNK)


@pytest.mark.parametrize(
    ("rest", "body"),
    [
        (b"0\r\n\r\n", b""),
        (b"2\r\nab\r\n1\r\nc\r\n0\r\n\r\n", b"abc"),
        (b"3;x=y\r\nabc\r\n0\r\n\r\n", b"abc"),
        (b"003\r\nabc\r\n0\r\n\r\n", b"abc"),
        (b"3\r\nabc\r\n0\r\nX-Trailer: 1\r\n\r\n", b"abc"),
        (b"2\r\nab\r\n0\r\n\r\n2\r\ncd\r\n0\r\n\r\n", b"ab"),
    ],
)
def test_any_other_chunks_are_left_to_the_reader(rest: bytes, body: bytes) -> None:
    read(IN_ONE_CHUNK)
    for _ in (1, 2):  # none makes its head one that is known to come with such a body
        assert known_response(CHUNKED + rest) is None
        reader = ResponseParser(1000)
        assert reader.feed(CHUNKED + rest)
        assert reader.response(Timings()).body == body


def test_what_is_known_is_what_the_reader_reads() -> None:
    read(IN_ONE_CHUNK)
    sizes = (
        b"0",
        b"1",
        b"2",
        b"3",
        b"4",
        b"5",
        b"6",
        b"01",
        b"1;x",
        b" 1",
        b"1 ",
        b"0x1",
        b"+1",
        b"1_",
        b"",
        b"2\r\nab\r\n1",
    )
    bodies = [b"".join(each) for length in range(4) for each in product((b"a", b"0", b"\r\n"), repeat=length)]
    ends = (b"\r\n0\r\n\r\n", b"\r\n00\r\n\r\n", b"\r\n0\r\n", b"\n0\n\n", b"\r\n0\r\nX: y\r\n\r\n", b"0\r\n\r\n")
    known = 0
    for size, body, end in product(sizes, bodies, ends):
        data = CHUNKED + size + b"\r\n" + body + end
        if (answer := known_response(data)) is not None:
            reader = ResponseParser(1000)
            assert reader.feed(data), data
            assert (reader.response(Timings()).body, reader.reusable) == (answer[1], True), data
            known += 1
    assert known >= len(bodies) - 1


def test_a_packed_body_in_one_chunk_is_unpacked_each_time() -> None:
    packed = gzip.compress(b'{"status":"exists"}')
    answer = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n"
    for _ in (1, 2):
        assert known_response(answer % (len(packed), packed)) is None
        assert read(answer % (len(packed), packed)).body == b'{"status":"exists"}'


def test_a_length_stated_twice_is_shown_twice() -> None:
    twice = read(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX: 1\r\nContent-Length:2\r\n\r\nok")
    assert twice.headers == (("Content-Length", "2"), ("X", "1"), ("Content-Length", "2"))


LENGTH = b"\r\nContent-Length: 2\r\n\r\nok"


@pytest.mark.parametrize(
    "line",
    [b"Bad Header: x", b"no colon at all", b": x", "X-Ä: x".encode(), b"X\x01: x", b'{"json": 1}', b"HTTP/1.1 500 No"],
)
def test_a_line_that_is_no_header_is_dropped(line: bytes) -> None:
    answer = read(b"HTTP/1.1 200 OK\r\nA: 1\r\n" + line + LENGTH)
    assert (answer.status, answer.headers, answer.body) == (200, (("A", "1"), ("Content-Length", "2")), b"ok")


@pytest.mark.parametrize("length", [b"+2", b"2 bytes", b"2, 2"])
def test_a_length_in_other_words_is_read(length: bytes) -> None:
    assert read(b"HTTP/1.1 200 OK\r\nContent-Length: " + length + b"\r\n\r\nok").body == b"ok"


@pytest.mark.parametrize("size", [b"2", b"2 ", b"02"])
@pytest.mark.parametrize("end", [b"\r\n", b"\n"])
@pytest.mark.parametrize("last", [b"0\n\n", b"0\r\n\n", b"0\n\r\n", b"0\r\n\r\n"])
def test_chunks_whose_lines_end_in_a_bare_lf(size: bytes, end: bytes, last: bytes) -> None:
    chunk = size + end + b"ok" + end + last
    assert read(b"HTTP/1.1 200 OK" + end + b"Transfer-Encoding: chunked" + end + end + chunk).body == b"ok"


@pytest.mark.parametrize(
    ("framing", "body", "why"),
    [
        (b"Content-Length: x", b"ok", "Invalid character in Content-Length"),
        (b"Content-Length: -2", b"ok", "Invalid character in Content-Length"),
        (b"Content-Length:", b"ok", "Empty Content-Length"),
        (b"Content-Length: 4\r\nContent-Length: 5", b"body", "Duplicate Content-Length"),
        (b"Content-Length: 4, 5", b"body", "Invalid character in Content-Length"),
        (b"Transfer-Encoding: chunked", b"zz\r\n", "Invalid character in chunk size"),
        (b"Transfer-Encoding: chunked", b'{"plain": "json"}', "Invalid character in chunk size"),
        (b"Transfer-Encoding: chunked", b"2\r\nok\r\n-1\r\n", "Invalid character in chunk size"),
    ],
)
def test_status_and_headers_stay_where_a_body_cannot_be_read(framing: bytes, body: bytes, why: str) -> None:
    reader = ResponseParser(1000)
    assert reader.feed(b"HTTP/1.1 200 OK\r\nX-Id: 7\r\n" + framing + b"\r\n\r\n" + body)
    answer = reader.response(Timings())
    assert (answer.status, answer.header("x-id"), answer.unreadable) == (200, "7", why)
    assert answer.body in (body, b"ok")
    assert not reader.reusable


def test_headers_are_text_and_folded_ones_one_line() -> None:
    answer = read(
        b"HTTP/1.1 200 OK\r\nA:  1 \r\nA: 2\r\nB: \xc3\xa9\r\nC: \xe9\r\nD:\r\nE: x\r\n y\r\nContent-Length: 0\r\n\r\n"
    )
    assert answer.headers == (
        ("A", "1"), ("A", "2"), ("B", "é"), ("C", "é"), ("D", ""), ("E", "x y"), ("Content-Length", "0"),
    )  # fmt: skip


@pytest.mark.parametrize("status", [204, 304])
def test_answers_that_have_no_body(status: int) -> None:
    assert read(b"HTTP/1.1 %d X\r\nContent-Length: 4\r\n\r\n" % status).body == b""


def test_the_end_of_the_connection_ends_only_a_body_without_a_length() -> None:
    for head, complete in (
        (b"HTTP/1.0 200 OK\r\n\r\n", True),
        (b"HTTP/1.1 200 OK\r\nX: y\r\n\r\n", True),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\n\r\n", True),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", False),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", False),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", False),
        (b"HTTP/1.1 200 OK\r\nX: y\r\n", False),
        (b"HTTP/1.1 100 Continue\r\n\r\n", False),
    ):
        reader = ResponseParser(1000)
        assert not reader.feed(head + (b"body" if complete else b""))
        assert reader.end() is complete
        assert not reader.reusable
        if complete:
            assert reader.response(Timings()).body == b"body"


@pytest.mark.parametrize(
    ("answer", "reusable"),
    [
        (HEAD + b"body", True),
        (b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 4\r\n\r\nbody", False),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 4\r\n\r\nbody", False),
        (b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 4\r\n\r\nbody", True),
        (HEAD + b"bodyjunk", False),
        (HEAD + b"body" + HEAD + b"body", False),
        (HEAD + b"body" + b"HTTP/1.1 408 Request Timeout\r\n\r\n", False),
    ],
)
def test_which_connections_are_good_for_another(answer: bytes, reusable: bool) -> None:
    reader = ResponseParser(1000)
    for _ in (1, 2):  # the second time its head may be known
        reader = ResponseParser(1000)
        assert reader.feed(answer)
        assert reader.response(Timings()).body == b"body"
        assert reader.reusable is reusable


def test_one_after_the_other_heads_known_or_not() -> None:
    reader = ResponseParser(1000)
    for number in range(200):
        body = b"%d" % number
        head = b"HTTP/1.1 200 OK\r\nX-Request: %d\r\nContent-Length: %d\r\n\r\n" % (number % 3, len(body))
        reader.begin()
        if number % 5:
            assert reader.feed(head + body)
        else:
            assert not reader.feed(head)
            assert reader.feed(body)
        answer = reader.response(Timings())
        assert (answer.body, answer.header("x-request"), reader.reusable) == (body, str(number % 3), True)


def test_a_known_head_does_not_hide_that_a_body_is_longer_or_shorter() -> None:
    assert read(HEAD + b"body").body == b"body"
    reader = ResponseParser(1000)
    assert not reader.feed(HEAD + b"bo")
    assert reader.feed(b"dy")
    reader = ResponseParser(1000)
    assert reader.feed(HEAD + b"bodyHTTP/1.1 200")
    assert (reader.response(Timings()).body, reader.reusable) == (b"body", False)


@pytest.mark.parametrize(
    "answer",
    [
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"<html>",
        b"HTTP/1.1 abc\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 400_000,
    ],
)
def test_what_is_no_answer(answer: bytes) -> None:
    with pytest.raises(NotHttpError):
        ResponseParser(1000).feed(answer)


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n" + bytes(1001),
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3e9\r\n" + bytes(1001) + b"\r\n0\r\n\r\n",
        b"HTTP/1.0 200 OK\r\n\r\n" + bytes(1001),
    ],
)
def test_a_body_larger_than_allowed(answer: bytes) -> None:
    with pytest.raises(TooLargeError):
        ResponseParser(1000).feed(answer)
    ResponseParser(1001).feed(answer)
    with pytest.raises(TooLargeError):  # also where the head is known from a reader that allowed more
        ResponseParser(1000).feed(answer)


PARTS = [
    b"HTTP/1.1 200 OK\r\n", b"HTTP/1.0 204\r\n", b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1\t200\r\n", b"HTTP/1.1 ",
    b"Content-Length: 5\r\n", b"Content-Length: 99999999999999999999\r\n", b"Transfer-Encoding: chunked\r\n",
    b"Content-Encoding: gzip\r\n", b"Connection: close\r\n", b"X: \xff\r\n", b": \r\n", b"\r\n", b"\n", b"\0", b"hello",
    b"5\r\nhello\r\n", b"5;a=b\r\nhello\r\n", b"0\r\n\r\n", b"0\r\nX: y\r\n\r\n", b"fffffffffffffffff\r\n",
    gzip.compress(b"hello"),
]  # fmt: skip
PIECES = st.lists(st.one_of(st.sampled_from(PARTS), st.binary(max_size=6)), max_size=6).map(b"".join)
STREAMS = st.one_of(PIECES, st.builds(lambda head, body: PARTS[0] + head + b"\r\n" + body, PIECES, PIECES))


def made_of(pieces: list[bytes]) -> object:
    """What a reader makes of a stream that ends after these pieces; only `UnreadableError` may be raised."""
    reader = ResponseParser(1_000)
    reader.begin()
    try:
        if not any(reader.feed(piece) for piece in pieces if piece) and not reader.end():
            return "cut short"
        response = reader.response(Timings())
    except UnreadableError as error:
        return type(error)
    # How much is shown of a body that cannot be read depends on where it was cut.
    return response.status, response.headers, response.unreadable or response.body


@given(STREAMS, st.lists(st.integers(0, 120), max_size=5))
@example(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", [17, 30])
def test_whatever_bytes_come_they_are_a_response_or_unreadable_however_they_are_cut(stream: bytes, cuts: list[int]):
    places = sorted({0, len(stream), *(place for place in cuts if place < len(stream))})
    pieces = [stream[start:end] for start, end in pairwise(places)]
    whole, parts = made_of([stream]), made_of(pieces)
    assert len(pieces) <= 1 or whole == parts
