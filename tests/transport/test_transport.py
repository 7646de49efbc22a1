"""Requests and responses as both ways of HTTP carry them."""

from __future__ import annotations

import gzip
import os
import socket
import subprocess
import sys
import time
import zlib

import pytest
from transport_peer import (
    BY_LIBCURL,
    JSON,
    OK,
    Peer,
    answering,
    breaking,
    fault,
    meet,
    post,
    send,
)

from rokt_export.exchange.model import Fault, FaultKind, Response
from rokt_export.transport import Transport, TransportOptions


@pytest.mark.parametrize(
    ("method", "body", "tail"),
    [
        ("GET", None, b""),
        ("GET", b"q", b"Content-Length: 1\r\n"),
        ("POST", b"{}", b"Content-Length: 2\r\n"),
        ("POST", None, b"Content-Length: 0\r\n"),
        ("PUT", b"{}", b"Content-Length: 2\r\n"),
        ("PUT", None, b"Content-Length: 0\r\n"),
        ("PATCH", b"\0\xff", b"Content-Length: 2\r\n"),
        ("DELETE", None, b""),
        ("DELETE", b"{}", b"Content-Length: 2\r\n"),
        ("OPTIONS", None, b""),
    ],
)
def test_only_the_request_goes_on_the_wire(serve, transport, method, body, tail) -> None:
    peer = serve(answering(OK))
    headers = (("X-Source", "rokt"), ("X-Empty", ""), ("x-Source", "twice"))
    assert transport.send(post(peer.url("/a/../b?c=%20d"), body, method, headers)).status == 200
    assert peer.requests == [
        f"{method} /a/../b?c=%20d HTTP/1.1\r\nHost: 127.0.0.1:{peer.port}\r\n".encode()
        + b"X-Source: rokt\r\nX-Empty:\r\nx-Source: twice\r\n"
        + tail
        + b"\r\n"
        + (body or b"")
    ]


def test_head_has_no_body_either_way(serve, transport) -> None:
    peer = serve(answering(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n"))
    answer = transport.send(post(peer.url(), None, "HEAD", ()))
    assert (answer.status, answer.body, answer.header("content-length")) == (200, b"", "99")
    assert peer.requests[0].startswith(b"HEAD / HTTP/1.1\r\nHost: ")


def test_one_handle_changes_its_shape_from_request_to_request(serve, transport) -> None:
    peer = serve(answering(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"))
    wanted = [
        ("POST", b"1"),
        ("GET", None),
        ("PUT", b"2"),
        ("HEAD", None),
        ("DELETE", None),
        ("POST", b"3"),
        ("POST", None),
    ]
    for method, body in wanted:
        assert transport.send(post(peer.url(), body, method, ())).status == 200
    seen = [(text.split(b" ")[0].decode(), text.partition(b"\r\n\r\n")[2]) for text in peer.requests]
    assert seen == [(method, body or b"") for method, body in wanted]
    assert peer.connections == 2  # libcurl's own for HEAD, and ours


def test_headers_follow_each_request_and_the_bodys_length_is_libcurls(serve, transport) -> None:
    peer = serve(answering(OK))
    for value in ("a", "é"):
        transport.send(
            post(peer.url(), b"four", headers=(("X-V", value), ("Content-Length", "3"), ("Host", "h.example")))
        )
    for text, value in zip(peer.requests, ("a", "é"), strict=True):
        head, _, body = text.partition(b"\r\n\r\n")
        assert head.split(b"\r\n")[1:] == [b"Host: h.example", f"X-V: {value}".encode(), b"Content-Length: 4"]
        assert body == b"four"


@pytest.mark.parametrize(
    ("url", "headers", "words"),
    [
        ("http://127.0.0.1:9/", (("X-A", "b\r\nX-C: d"),), "X-A contains a line break"),
        ("http://user:hush@127.0.0.1:9/", (), "credentials"),
        ("http://127.0.0.1:9/\n", (), "cannot be sent"),
        ("ftp://127.0.0.1:9/", (), "cannot be sent"),
    ],
)
def test_what_cannot_be_sent_is_answered_so(transport, url, headers, words) -> None:
    message = fault(transport.send(post(url, headers=headers)), FaultKind.PROTOCOL, sent=False)
    assert words in message
    assert "hush" not in message
    assert transport.in_flight == 0


@pytest.mark.usefixtures("both_ways")
def test_a_big_body_both_ways(serve, transport) -> None:
    body = os.urandom(5_000_000)

    def echo(peer: Peer, connection: socket.socket) -> None:
        back = peer.read(connection).partition(b"\r\n\r\n")[2]
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(back), back))

    assert transport.send(post(serve(echo).url(), body)).body == body


@pytest.mark.usefixtures("both_ways")
def test_the_final_block_of_headers_is_the_answers(serve, transport) -> None:
    peer = serve(
        answering(
            b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"
            b"HTTP/1.1 422 Unprocessable\r\nX-A:  1 \r\nSet-Cookie: a=b:c\r\nSet-Cookie: d\r\nX-U: \xe9\r\nX-E:\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\nX-Trailer: t\r\n\r\n"
        )
    )
    answer = transport.send(post(peer.url()))
    assert (answer.status, answer.body, answer.http_version) == (422, b"abcde", "1.1")
    assert answer.headers == (
        ("X-A", "1"),
        ("Set-Cookie", "a=b:c"),
        ("Set-Cookie", "d"),
        ("X-U", "é"),
        ("X-E", ""),
        ("Transfer-Encoding", "chunked"),
    )


@pytest.mark.usefixtures("both_ways")
def test_a_redirect_is_an_answer(serve, transport) -> None:
    peer = serve(answering(b"HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n"))
    answer = transport.send(post(peer.url()))
    assert (answer.status, answer.header("location"), len(peer.requests)) == (302, "/elsewhere", 1)


def test_gzip_is_unpacked_whether_or_not_it_was_asked_for(serve, transport) -> None:
    packed = gzip.compress(b"packed")
    peer = serve(answering(packed_as("gzip", packed)))
    asked = (("Accept-Encoding", "gzip, deflate"),)
    assert transport.send(post(peer.url(), headers=asked)).body == b"packed"
    for _ in range(3):  # from the second on its head is known
        assert transport.send(post(peer.url(), headers=())).body == b"packed"
    assert b"Accept-Encoding: gzip, deflate\r\n" in peer.requests[0]
    assert b"Accept-Encoding" not in peer.requests[1]


def packed_as(coding: str, body: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Encoding: %b\r\nContent-Length: %d\r\n\r\n%b" % (
        coding.encode(),
        len(body),
        body,
    )


@pytest.mark.parametrize("options", [{}, {"http_version": "1.0"}], ids=["ours", "libcurl"])
@pytest.mark.parametrize(
    ("coding", "body"),
    [
        ("GZip", gzip.compress(b"un", mtime=0) + gzip.compress(b"packed", mtime=0)),
        ("x-gzip", gzip.compress(b"unpacked", mtime=0)),
        ("gzip", gzip.compress(b"unpacked", mtime=0) + bytes(7)),
        ("deflate", zlib.compress(b"unpacked")),
        ("deflate", zlib.compress(b"unpacked")[2:-4]),
        ("deflate, gzip", gzip.compress(zlib.compress(b"unpacked"), mtime=0)),
        ("identity", b"unpacked"),
    ],
)
def test_what_is_packed_unasked_is_unpacked(serve, coding, body, options) -> None:
    answer = send(post(serve(answering(packed_as(coding, body))).url()), **options)
    assert isinstance(answer, Response), answer
    assert answer.body == b"unpacked"


@pytest.mark.parametrize("options", [{}, {"http_version": "1.0"}], ids=["ours", "libcurl"])
@pytest.mark.parametrize(
    ("coding", "body", "why"),
    [
        (
            "br",
            b"\x0b\x02\x80ok\x03",
            "it cannot be decompressed as its Content-Encoding says (`br` is not known here)",
        ),
        ("gzip", b"plain", ""),
        ("UTF-8", b"plain", ""),
    ],
)
def test_what_cannot_be_unpacked_is_kept_as_it_came(serve, coding, body, why, options) -> None:
    with Transport(TransportOptions(proxy="", **options)) as transport:
        peer = serve(answering(packed_as(coding, body)))
        answers = [transport.send(post(peer.url())) for _ in range(2)]
        assert [(answer.status, answer.body, answer.unreadable) for answer in answers] == [(200, body, why)] * 2
        assert len(transport.warnings) == (not why)  # said once


@pytest.mark.parametrize("options", [{}, {"http_version": "1.0"}], ids=["ours", "libcurl"])
def test_a_packed_body_without_its_end_is_cut_short(serve, options) -> None:
    body = gzip.compress(b"cut off", mtime=0)[:-4]
    answer = send(post(serve(answering(packed_as("gzip", body))).url()), **options)
    message = fault(answer, FaultKind.RESET_AFTER_SEND, sent=True)
    assert message.startswith(f"200 came, with {len(body)} of {len(body)} bytes of its body; ")
    assert answer.partial.status == 200


@pytest.mark.usefixtures("both_ways")
def test_what_came_of_an_answer_that_was_cut_short_is_kept(serve, transport) -> None:
    answer = b'HTTP/1.1 200 OK\r\nX-Id: 7\r\nContent-Length: 500\r\n\r\n{"status":"cre'
    found = transport.send(post(serve(breaking(answer)).url()))
    message = fault(found, FaultKind.RESET_AFTER_SEND, sent=True)
    assert message.startswith("200 came, with 14 of 500 bytes of its body; ")
    assert (found.partial.status, found.partial.body, found.partial.header("x-id")) == (200, b'{"status":"cre', "7")


def test_a_bomb_is_not_unpacked(serve) -> None:
    peer = serve(answering(packed_as("gzip", gzip.compress(bytes(5_000_000)))))
    fault(send(post(peer.url()), max_response=10_000), FaultKind.TOO_LARGE, sent=True)


def test_packed_for_its_transfer(serve, transport) -> None:
    packed = gzip.compress(b"unpacked")
    chunks = b"%x\r\n%b\r\n0\r\n\r\n" % (len(packed), packed)
    peer = serve(answering(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n" + chunks))
    assert transport.send(post(peer.url())).body == b"unpacked"


@pytest.mark.usefixtures("both_ways")
def test_timings_name_the_phases(serve, transport) -> None:
    peer = serve(answering(OK))
    first, second = transport.send(post(peer.url())), transport.send(post(peer.url()))
    assert 0 < first.timings.connect <= first.timings.first_byte <= first.timings.total < 2
    assert first.timings.tls == 0
    assert (second.timings.dns, second.timings.connect, second.timings.tls) == (0, 0, 0)


@pytest.mark.usefixtures("both_ways")
def test_a_response_that_waited_to_be_read_took_no_longer_for_that(serve) -> None:
    def script(peer: Peer, connection: socket.socket) -> None:
        while peer.read(connection):
            time.sleep(0.05)
            connection.sendall(OK)

    peer = serve(script)
    answers: dict[int, Response] = {}
    with Transport(TransportOptions(max_connections=50, proxy="")) as transport:
        meet(transport, peer)
        for pause in (0.0, 0.6):  # at first to open connections; then as while a journal is written
            for number in range(50):
                transport.start(number, post(peer.url()))
            answers |= transport.poll(0.01)
            time.sleep(pause)
            while transport.in_flight:
                answers |= transport.poll(1.0)
        late = transport.send(post(peer.url()))
    times = sorted(answer.timings.total for answer in answers.values())
    assert len(times) == 50
    assert times[0] > 0.03 and times[49] < 0.5, times
    assert 0.04 < late.timings.first_byte <= late.timings.total < 0.5


@pytest.mark.usefixtures("both_ways")
def test_many_at_once_each_with_its_own_token(serve) -> None:
    def echo(peer: Peer, connection: socket.socket) -> None:
        while body := peer.read(connection).partition(b"\r\n\r\n")[2]:
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))

    peer = serve(echo)
    answers: dict[int, bytes] = {}
    with Transport(TransportOptions(max_connections=8, proxy="")) as transport:
        meet(transport, peer)
        for number in range(300):
            transport.start(number, post(peer.url(), b"row %d" % number))
        for _ in range(1000):
            if not transport.in_flight:
                break
            answers |= {token: answer.body for token, answer in transport.poll(1.0)}
    assert answers == {number: b"row %d" % number for number in range(300)}
    assert peer.connections <= 8


def test_room_is_made_for_many_connections() -> None:
    """In a process of its own: this one may have as many files open as the limit that is set."""
    code = """
import resource
from rokt_export.transport import Transport, TransportOptions
hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
with Transport(TransportOptions(max_connections=300)):
    print(resource.getrlimit(resource.RLIMIT_NOFILE)[0])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "856\n"


ANSWERS = [
    b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
    b"HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nok",
    b"HTTP/1.1 299 \r\nX-A:  a \t\r\nX-B:b\r\nContent-Length: 2\r\n\r\nok",
    b"HTTP/1.1 200 OK\nContent-Length: 2\n\nok",
    b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\nuntil the end",
    b"HTTP/1.0 200 OK\r\n\r\nuntil the end",
    b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 409 Conflict\r\nContent-Length: 2\r\n\r\nok",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;a=b\r\nok\r\n0\r\nX-T: 1\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 9\r\n\r\n2\r\nok\r\n0\r\n\r\n",
    b"HTTP/1.1 204 No Content\r\nContent-Length: 2\r\n\r\n",
    b"HTTP/1.1 304 Not Modified\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nX: \xc3\xa9 \xff\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 700 Odd\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok",
    b"HTTP/1.1 200 OK\r\nX-A : a\r\nContent-Length: 2\r\n\r\nok",
    b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nok",
    b"HTTP/1.1 200 OK\r\nContent-Le",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nok",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\nzz\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Encoding: UTF-8\r\nContent-Length: 2\r\n\r\nok",
    b"HTTP/1.1 200 OK\r\nContent-Encoding: br\r\nContent-Length: 2\r\n\r\n\x0b\x02",
    b"220 mail.example ESMTP\r\n",
    b"",
]


@pytest.mark.parametrize("answer", ANSWERS)
def test_both_ways_read_an_answer_alike(serve, transport, answer) -> None:
    peer = serve(breaking(answer))
    ours, curls = (transport.send(post(peer.url(), headers=headers)) for headers in (JSON, BY_LIBCURL))
    assert type(ours) is type(curls)
    if isinstance(ours, Fault):
        assert (ours.kind, ours.sent) == (curls.kind, curls.sent)
    else:
        assert (ours.status, ours.body, ours.headers) == (curls.status, curls.body, curls.headers)
        assert bool(ours.unreadable) == bool(curls.unreadable)
        assert ours.http_version == curls.http_version


@pytest.mark.usefixtures("both_ways")
@pytest.mark.parametrize("length", [b"Content-Length: 2\r\nContent-Length: 3", b"Content-Length: two"])
def test_a_length_that_cannot_be_read_leaves_the_status(serve, transport, length) -> None:
    answer = transport.send(post(serve(breaking(b"HTTP/1.1 201 OK\r\n" + length + b"\r\n\r\nok")).url()))
    assert answer.status == 201
    assert "content-length" in answer.unreadable.lower()


def test_both_ways_put_the_same_on_the_wire(serve, transport) -> None:
    peer = serve(answering(OK))
    shared = (("User-Agent", "x/1"), ("Accept", "*/*"), ("Content-Type", "text/plain"), ("X-Empty", ""), ("X-É", "ö"))
    for body in (b"{}", None, bytes(100_000)):
        for method in ("POST", "PUT", "GET"):
            for headers in (shared, (*shared, *BY_LIBCURL)):
                assert transport.send(post(peer.url("/a?b=%20"), body, method, headers)).status == 200
            curls, ours = peer.requests.pop().replace(b"TE: trailers\r\n", b""), peer.requests.pop()
            assert ours == curls


@pytest.mark.usefixtures("both_ways")
def test_an_answer_in_drips(serve, transport) -> None:
    def script(peer: Peer, connection: socket.socket) -> None:
        while peer.read(connection):
            for at in range(len(OK)):
                connection.sendall(OK[at : at + 1])
                time.sleep(0.001)

    peer = serve(script)
    for _ in range(2):
        answer = transport.send(post(peer.url()))
        assert (answer.status, answer.body) == (200, b"ok")
        assert answer.timings.total > 0.01
    assert peer.connections == 1
