"""The transport against real sockets on loopback: what goes on the wire, what comes back, what is said of failures."""

from __future__ import annotations

import gzip
import os
import resource
import signal
import socket
import ssl
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import FrameType

import pytest
import trustme

from rokt_export.errors import ConfigurationError
from rokt_export.exchange.model import Fault, FaultKind, Request, Response
from rokt_export.transport import Transport, TransportOptions, closing_servers, connection_pool
from rokt_export.transport.sockets import Sockets
from rokt_export.transport.tls_probe import inspect
from rokt_export.transport.transport import HeldInterrupt

JSON = (("Content-Type", "application/json"),)
BY_LIBCURL = (("TE", "trailers"),)  # what changes the framing is libcurl's to do
PLAIN = JSON
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
CLOSED = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok"

Script = Callable[["Peer", socket.socket], None]


class Peer:
    """A server that does to each connection what its script says, and keeps what it read."""

    def __init__(self, script: Script, context: ssl.SSLContext | None = None) -> None:
        self.script = script
        self.context = context
        self.requests: list[bytes] = []
        self.connections = 0
        self.open: list[socket.socket] = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def url(self, path: str = "/", host: str = "127.0.0.1") -> str:
        return f"{'https' if self.context else 'http'}://{host}:{self.port}{path}"

    def read(self, connection: socket.socket) -> bytes:
        """Read one request to its end; b"" where the connection ended first."""
        data = b""
        while b"\r\n\r\n" not in data:
            if not (more := connection.recv(65536)):
                return b""
            data += more
        head, _, body = data.partition(b"\r\n\r\n")
        length = 0
        for line in head.split(b"\r\n"):
            if line.lower().startswith(b"content-length:"):
                length = int(line.partition(b":")[2])
        while len(body) < length:
            if not (more := connection.recv(65536)):
                return b""
            body += more
        request = head + b"\r\n\r\n" + body
        self.requests.append(request)
        return request

    def close(self) -> None:
        with suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)  # ends the accept that waits
        self.listener.close()
        for connection in self.open:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            self.open.append(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with suppress(OSError):
            if self.context:
                connection = self.context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
                self.open.append(connection)
                self._shake_hands(connection)
            self.script(self, connection)

    def _shake_hands(self, connection: ssl.SSLSocket) -> None:
        try:
            connection.do_handshake()
        except ssl.SSLError:
            time.sleep(0.3)  # a close with the client's bytes unread would be a reset, and its alert be lost
            raise


def answering(answer: bytes) -> Script:
    """Answer every request with the same bytes, keeping the connection."""

    def script(peer: Peer, connection: socket.socket) -> None:
        while peer.read(connection):
            connection.sendall(answer)

    return script


def breaking(answer: bytes) -> Script:
    """Answer with these bytes, then close."""

    def script(peer: Peer, connection: socket.socket) -> None:
        if peer.read(connection):
            connection.sendall(answer)
            connection.shutdown(socket.SHUT_RDWR)
            connection.close()

    return script


def silent(peer: Peer, connection: socket.socket) -> None:
    peer.read(connection)
    connection.recv(1)


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch) -> None:
    for name in (
        "SSL_CERT_FILE",
        "REQUESTS_CA_BUNDLE",
        "CURL_CA_BUNDLE",
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "ALL_PROXY",
        "NO_PROXY",
    ):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.fixture
def serve() -> Iterator[Callable[..., Peer]]:
    with ExitStack() as stack:

        def start(script: Script, context: ssl.SSLContext | None = None) -> Peer:
            peer = Peer(script, context)
            stack.callback(peer.close)
            return peer

        yield start


@pytest.fixture
def transport() -> Iterator[Transport]:
    with Transport(TransportOptions(connect_timeout=2, timeout=5, proxy="")) as transport:
        yield transport


@pytest.fixture(params=["ours", "libcurl's"])
def both_ways(request, monkeypatch) -> None:
    """Let requests without headers of their own go the one way, then the other."""
    if request.param != "ours":
        monkeypatch.setitem(globals(), "PLAIN", BY_LIBCURL)


def meet(transport: Transport, peer: Peer) -> None:
    """Let a server prove that it is quiet, as it must before its connections are shared."""
    assert transport.send(post(peer.url(), b"met")).status == 200
    time.sleep(closing_servers.QUIET)
    peer.requests.clear()


def post(
    url: str, body: bytes | None = b"{}", method: str = "POST", headers: tuple[tuple[str, str], ...] | None = None
):
    return Request(method, url, PLAIN if headers is None else headers, body)


def send(request: Request, **options: object) -> Response | Fault:
    settings = {"connect_timeout": 2.0, "timeout": 5.0, "proxy": "", **options}
    with Transport(TransportOptions(**settings)) as transport:  # type: ignore[arg-type]
        return transport.send(request)


def fault(answer: Response | Fault, kind: FaultKind, sent: bool) -> str:
    assert isinstance(answer, Fault), answer
    assert (answer.kind, answer.sent) == (kind, sent), answer
    return answer.message


# -- what goes on the wire


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
        ("http://127.0.0.1:9/", (("X-A", "b\r\nX-C: d"),), "X-A holds a line break"),
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


# -- what comes back


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
        ("br", b"\x0b\x02\x80ok\x03", "it cannot be unpacked as its Content-Encoding says (`br` is not known here)"),
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
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, before[1]))
    try:
        with Transport(TransportOptions(max_connections=300)):
            assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == 856
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


# -- on the wire at most once


@pytest.mark.usefixtures("both_ways")
@pytest.mark.parametrize(
    ("method", "body"), [("POST", b"{}"), ("PUT", b"{}"), ("GET", None), ("DELETE", None), ("POST", None)]
)
def test_a_kept_alive_connection_that_dies_does_not_make_a_second_request(serve, transport, method, body) -> None:
    def script(peer: Peer, connection: socket.socket) -> None:
        peer.read(connection)
        connection.sendall(OK)
        peer.read(connection)
        connection.close()

    peer = serve(script)
    assert transport.send(post(peer.url("/first"), body, method)).status == 200
    message = fault(transport.send(post(peer.url("/second"), body, method)), FaultKind.RESET_AFTER_SEND, sent=True)
    assert "127.0.0.1" in message
    time.sleep(0.05)
    assert "callback" not in message
    assert [text.split(b" ")[1] for text in peer.requests] == [b"/first", b"/second"]
    assert transport.send(post(peer.url("/third"), body, method)).status == 200


@pytest.mark.usefixtures("both_ways")
@pytest.mark.parametrize("method", ["POST", "PUT", "GET"])
def test_a_first_connection_that_dies_does_not_either(serve, transport, method) -> None:
    peer = serve(breaking(b""))
    body = None if method == "GET" else b"{}"
    fault(transport.send(post(peer.url(), body, method)), FaultKind.RESET_AFTER_SEND, sent=True)
    time.sleep(0.05)
    assert len(peer.requests) == 1


@pytest.mark.usefixtures("both_ways")
def test_a_kept_alive_connection_closed_while_idle_is_replaced(serve, transport) -> None:
    def script(peer: Peer, connection: socket.socket) -> None:
        peer.read(connection)
        connection.sendall(OK)
        connection.close()

    peer = serve(script)
    for _ in range(3):
        assert transport.send(post(peer.url())).status == 200
        time.sleep(0.05)
        assert transport.poll(0) == []
    assert len(peer.requests) == 3


# -- faults


@pytest.mark.usefixtures("both_ways")
def test_nothing_listens(transport) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    message = fault(transport.send(post(f"http://127.0.0.1:{port}/")), FaultKind.CONNECT, sent=False)
    assert message == f"nothing listens on 127.0.0.1:{port} (connection refused)"


# libcurl refuses .onion names by itself (RFC 7686), so that no query leaves this machine.
@pytest.mark.usefixtures("both_ways")
def test_a_name_that_is_not_known(transport) -> None:
    message = fault(transport.send(post("http://partner.onion/")), FaultKind.DNS, sent=False)
    assert "partner.onion" in message


@pytest.mark.usefixtures("both_ways")
def test_timeout_before_the_request_went_out(serve) -> None:
    stuck = serve(lambda peer, connection: time.sleep(1))  # never shakes hands
    answer = send(post(f"https://127.0.0.1:{stuck.port}/"), connect_timeout=0.2)
    message = fault(answer, FaultKind.TIMEOUT_BEFORE_SEND, sent=False)
    assert "nothing was sent" in message


@pytest.mark.usefixtures("both_ways")
def test_timeout_after_the_request_went_out(serve) -> None:
    message = fault(send(post(serve(silent).url()), timeout=0.2), FaultKind.TIMEOUT_AFTER_SEND, sent=True)
    assert "the whole request had gone out" in message


@pytest.mark.usefixtures("both_ways")
def test_timeout_half_way_through_the_request(serve) -> None:
    deaf = serve(lambda peer, connection: time.sleep(1))
    message = fault(send(post(deaf.url(), bytes(20_000_000)), timeout=0.3), FaultKind.TIMEOUT_AFTER_SEND, sent=True)
    assert "part of the request" in message


@pytest.mark.usefixtures("both_ways")
def test_a_transfer_waiting_for_a_connection_is_not_sent(serve) -> None:
    peer = serve(silent)
    with Transport(TransportOptions(max_connections=1, timeout=0.3, proxy="")) as transport:
        for token in "ab":
            transport.start(token, post(peer.url()))
        answers = drain(transport)
    fault(answers["a"], FaultKind.TIMEOUT_AFTER_SEND, sent=True)
    fault(answers["b"], FaultKind.TIMEOUT_BEFORE_SEND, sent=False)
    assert len(peer.requests) == 1


@pytest.mark.usefixtures("both_ways")
def test_a_handle_that_sent_before_does_not_claim_to_have_sent_again(serve) -> None:
    peer, stuck = serve(answering(OK)), serve(lambda peer, connection: time.sleep(1))
    with Transport(TransportOptions(timeout=0.3, proxy="")) as transport:
        assert transport.send(post(peer.url())).status == 200
        fault(transport.send(post(f"https://127.0.0.1:{stuck.port}/")), FaultKind.TIMEOUT_BEFORE_SEND, sent=False)
        transport.start("x", post(f"https://127.0.0.1:{stuck.port}/"))
        transport.cancel("x")
        fault(drain(transport)["x"], FaultKind.CANCELLED, sent=False)


@pytest.mark.usefixtures("both_ways")
@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nContent-Le",
        b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\npart",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
        b"HTTP/1.1 100 Continue\r\n\r\n",
    ],
)
def test_an_answer_cut_off(serve, transport, answer) -> None:
    fault(transport.send(post(serve(breaking(answer)).url())), FaultKind.RESET_AFTER_SEND, sent=True)


@pytest.mark.usefixtures("both_ways")
def test_a_reset_in_place_of_an_answer(serve, transport) -> None:
    def script(peer: Peer, connection: socket.socket) -> None:
        peer.read(connection)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        connection.close()

    fault(transport.send(post(serve(script).url())), FaultKind.RESET_AFTER_SEND, sent=True)


@pytest.mark.usefixtures("both_ways")
@pytest.mark.parametrize(
    "answer",
    [
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"HTTP/1.1 abc\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 400_000 + b"\r\n\r\n",
    ],
)
def test_an_answer_that_is_not_http(serve, transport, answer) -> None:
    message = fault(transport.send(post(serve(breaking(answer)).url())), FaultKind.PROTOCOL, sent=True)
    assert "not HTTP" in message


def test_an_answer_that_does_not_decode(serve, transport) -> None:
    peer = serve(answering(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 5\r\n\r\nplain"))
    answer = transport.send(post(peer.url(), headers=(("Accept-Encoding", "gzip"),)))
    assert (answer.status, answer.body, answer.unreadable) == (200, b"plain", "")


@pytest.mark.parametrize("kind", ["told", "chunked", "unpacked"])
def test_an_answer_larger_than_the_cap(serve, kind) -> None:
    body = bytes(100_000)
    answers = {
        "told": b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + body,
        "chunked": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n186a0\r\n" + body + b"\r\n0\r\n\r\n",
        "unpacked": b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nConnection: close\r\n\r\n" + gzip.compress(body),
    }
    peer = serve(breaking(answers[kind]))
    request = post(peer.url(), headers=(("Accept-Encoding", "gzip"),))
    assert "10000 bytes" in fault(send(request, max_response=10_000), FaultKind.TOO_LARGE, sent=True)
    exact = serve(answering(b"HTTP/1.1 200 OK\r\nContent-Length: 10000\r\n\r\n" + bytes(10_000)))
    assert len(send(post(exact.url()), max_response=10_000).body) == 10_000


@pytest.mark.parametrize("pause", [0.0, 0.002])
@pytest.mark.parametrize("headers", [(), (("Accept-Encoding", "gzip"),)], ids=["spoken", "carried"])
@pytest.mark.parametrize("secure", [False, True], ids=["plain", "tls"])
def test_a_server_that_closes_behind_its_answers_without_a_word_costs_one(
    serve, authority, ca_file, secure, headers, pause
) -> None:
    """And not each second one, whose request was written before the close could be known."""

    def script(peer: Peer, connection: socket.socket) -> None:
        peer.read(connection)
        connection.sendall(OK)
        time.sleep(pause)  # with one, the close is found only once the next request has gone out
        connection.shutdown(socket.SHUT_RDWR)
        connection.close()

    peer = serve(script, tls(authority.issue_cert("127.0.0.1")) if secure else None)
    with Transport(TransportOptions(ca_file=str(ca_file), timeout=5.0)) as transport:
        answers = [transport.send(post(peer.url(), headers=headers)) for _ in range(40)]
    lost = [answer for answer in answers if isinstance(answer, Fault)]
    assert [answer.kind for answer in lost] in ([], [FaultKind.RESET_AFTER_SEND])
    assert len(peer.requests) >= 39


@pytest.mark.parametrize("value", ["close", "Close, TE"])
def test_a_connection_that_a_request_says_to_close_is_used_once(serve, value) -> None:
    peer = serve(answering(OK))
    with Transport(TransportOptions(timeout=5.0)) as transport:
        for headers in ((("Connection", value),), (("Connection", value),), (), (("Connection", "keep-alive"),), ()):
            assert isinstance(transport.send(post(peer.url(), headers=headers)), Response)
    assert peer.connections == 3
    assert f"Connection: {value}".encode() in peer.requests[0]


def test_connections_are_kept_again_where_a_server_keeps_them(serve, monkeypatch) -> None:
    monkeypatch.setattr(closing_servers, "_WARY", 0.3)
    monkeypatch.setattr(connection_pool, "_REST", 0.1)
    once = threading.Event()

    def script(peer: Peer, connection: socket.socket) -> None:
        while peer.read(connection):
            if len(peer.requests) == 2 and not once.is_set():
                once.set()
                connection.shutdown(socket.SHUT_RDWR)  # taken, and closed without an answer
                return
            connection.sendall(OK)

    peer = serve(script)
    with Transport(TransportOptions(timeout=5.0)) as transport:
        assert isinstance(transport.send(post(peer.url())), Response)
        assert isinstance(transport.send(post(peer.url())), Fault)
        for _ in range(3):  # each on a connection of its own
            assert isinstance(transport.send(post(peer.url())), Response)
        assert peer.connections == 4
        time.sleep(0.35)
        for _ in range(3):
            assert isinstance(transport.send(post(peer.url())), Response)
    assert peer.connections == 4


# -- cancel, wake, interrupts


def drain(transport: Transport) -> dict[object, Response | Fault]:
    answers: dict[object, Response | Fault] = {}
    for _ in range(1000):
        if not transport.in_flight:
            return answers
        answers |= dict(transport.poll(1.0))
    raise AssertionError(f"{transport.in_flight} still in flight")


@pytest.mark.usefixtures("both_ways")
def test_cancel_says_honestly_whether_it_was_sent(serve, transport) -> None:
    peer = serve(silent)
    transport.start("sent", post(peer.url()))
    wait_for(lambda: transport.poll(0.01) == [] and len(peer.requests) == 1)
    transport.start("unsent", post(peer.url()))
    transport.cancel("no such token")
    transport.cancel("unsent")
    transport.cancel_all()
    answers = drain(transport)
    fault(answers["sent"], FaultKind.CANCELLED, sent=True)
    fault(answers["unsent"], FaultKind.CANCELLED, sent=False)
    assert len(peer.requests) == 1


@pytest.mark.usefixtures("both_ways")
def test_what_is_not_connected_yet_ends_without_the_rest(serve, transport) -> None:
    peer = serve(silent)
    transport.start("sent", post(peer.url()))
    wait_for(lambda: transport.poll(0.01) == [] and len(peer.requests) == 1)
    with socket.create_server(("127.0.0.1", 0)) as mute:
        transport.start("handshake", post(f"https://127.0.0.1:{mute.getsockname()[1]}/"))
        transport.poll(0.1)
        transport.cancel_unsent()
        ((token, answer),) = transport.poll(0.1)
    assert token == "handshake"
    fault(answer, FaultKind.CANCELLED, sent=False)
    assert transport.in_flight == 1


def test_wake_from_another_thread_ends_the_wait(transport) -> None:
    threading.Timer(0.1, transport.wake).start()
    started = time.monotonic()
    assert transport.poll(5.0) == []
    assert 0.05 < time.monotonic() - started < 2
    transport.wake()
    transport.wake()
    assert transport.poll(5.0) == []
    started = time.monotonic()
    assert transport.poll(0.05) == []
    assert time.monotonic() - started >= 0.05


@pytest.mark.usefixtures("both_ways")
def test_send_keeps_the_answers_of_others(serve, transport) -> None:
    peer = serve(answering(OK))
    transport.start("other", post(peer.url()))
    assert transport.send(post(peer.url())).status == 200
    assert drain(transport)["other"].status == 200


@pytest.mark.usefixtures("both_ways")
def test_close_twice_with_transfers_in_flight(serve) -> None:
    transport = Transport(TransportOptions(proxy=""))
    transport.start("x", post(serve(silent).url()))
    transport.poll(0.05)
    transport.close()
    transport.close()
    transport.wake()


def interrupt_inside_the_transport(number: int, frame: FrameType | None) -> None:
    if frame is not None and Path(frame.f_code.co_filename).name in (
        "transport.py",
        "sockets.py",
        "connection_pool.py",
        "http11.py",
        "http11_responses.py",
        "libcurl_requests.py",
    ):
        raise KeyboardInterrupt


@pytest.mark.usefixtures("both_ways")
def test_ctrl_c_in_a_storm_loses_and_repeats_nothing(serve) -> None:
    peer = serve(answering(OK))
    previous = signal.signal(signal.SIGINT, interrupt_inside_the_transport)
    stop = threading.Event()

    def storm() -> None:
        while not stop.wait(0.001):
            os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=storm)
    answers: list[tuple[object, Response | Fault]] = []
    interrupted = 0
    deadline = time.monotonic() + 10
    with Transport(TransportOptions(max_connections=16, proxy="")) as transport:
        for number in range(2000):
            transport.start(number, post(peer.url(), b"%d" % number))
        thread.start()
        try:
            # Nothing of the transport's stands outside the `try`: not even a look at how many are in flight.
            while len(answers) < 2000 and time.monotonic() < deadline:
                try:
                    answers += transport.poll(0.1)
                except KeyboardInterrupt:
                    interrupted += 1
        finally:
            stop.set()
            thread.join()
            signal.signal(signal.SIGINT, previous)
    assert interrupted
    assert sorted(token for token, _ in answers) == list(range(2000))
    assert all(isinstance(answer, Response) for _, answer in answers)
    assert len(peer.requests) == 2000


def test_ctrl_c_while_libcurl_first_asks_for_a_socket_aborts_nothing(serve, transport, monkeypatch) -> None:
    register = Sockets._register
    interrupted = []

    def interrupt(sockets: Sockets, descriptor: int, wanted: int) -> None:
        register(sockets, descriptor, wanted)
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(Sockets, "_register", interrupt)
    steps = [lambda: transport.start("x", post(serve(answering(OK)).url())), *[lambda: transport.poll(0.1)] * 5]
    answers = []
    for step in steps:
        try:
            answers += step() or []
        except KeyboardInterrupt:
            interrupted.append(step)
    assert interrupted
    assert [(token, answer.status) for token, answer in answers] == [("x", 200)]


def test_an_interrupt_is_held_until_the_end_of_the_block() -> None:
    reached = False
    with pytest.raises(KeyboardInterrupt), HeldInterrupt():
        signal.raise_signal(signal.SIGINT)
        reached = True
    assert reached


# -- many connections


@pytest.fixture
def twelve() -> Iterator[Transport]:
    """A transport of twelve connections."""
    with Transport(TransportOptions(connect_timeout=2, timeout=5, proxy="", max_connections=12)) as transport:
        yield transport


def all_at_once(*scripts: bytes | None) -> Script:
    """Answer the n-th request of each of twelve connections when all twelve have come; None closes."""
    barriers = [threading.Barrier(12) for _ in scripts]

    def script(peer: Peer, connection: socket.socket) -> None:
        for answer, barrier in zip(scripts, barriers, strict=True):
            if not peer.read(connection):
                return
            with suppress(threading.BrokenBarrierError):
                barrier.wait(2)
            if answer is None:
                break
            connection.sendall(answer)
        connection.shutdown(socket.SHUT_RDWR)
        connection.close()

    return script


def start_all(transport: Transport, peer: Peer, count: int = 12) -> None:
    for number in range(count):
        transport.start(number, post(peer.url(), b"row %d" % number))


@pytest.mark.usefixtures("both_ways")
def test_every_connection_is_used(serve, twelve) -> None:
    peer = serve(all_at_once(OK))
    start_all(twelve, peer)
    assert twelve.in_flight == 12
    answers = drain(twelve)
    assert sorted(answers) == list(range(12))
    assert all(answer.status == 200 for answer in answers.values())
    assert peer.connections == 12


@pytest.mark.usefixtures("both_ways")
def test_more_in_flight_than_connections_wait(serve, twelve) -> None:
    peer = serve(answering(OK))
    meet(twelve, peer)
    start_all(twelve, peer, 200)
    assert len(drain(twelve)) == 200
    assert sorted(int(text.rpartition(b" ")[2]) for text in peer.requests) == list(range(200))
    assert peer.connections <= 12


@pytest.mark.usefixtures("both_ways")
def test_few_in_flight_keep_to_few_connections(serve, twelve) -> None:
    peer = serve(answering(OK))
    for _ in range(20):
        assert twelve.send(post(peer.url())).status == 200
    assert peer.connections == 1
    start_all(twelve, serve(silent))
    twelve.cancel_all()
    drain(twelve)
    for _ in range(20):
        assert twelve.send(post(peer.url())).status == 200
    assert peer.connections <= 2


@pytest.mark.usefixtures("both_ways")
def test_cancel_reaches_every_connection(serve, twelve) -> None:
    peer = serve(silent)
    start_all(twelve, peer)
    wait_for(lambda: twelve.poll(0.01) == [] and len(peer.requests) == 12)
    for number in (0, 5, 11):
        twelve.cancel(number)
    assert twelve.in_flight == 12
    assert sorted(token for token, _ in twelve.poll(1)) == [0, 5, 11]
    assert twelve.in_flight == 9
    twelve.cancel_all()
    answers = drain(twelve)
    assert len(answers) == 9
    for answer in answers.values():
        fault(answer, FaultKind.CANCELLED, sent=True)
    assert twelve.send(post(serve(answering(OK)).url())).status == 200


@pytest.mark.usefixtures("both_ways")
def test_timeouts_come_due_on_every_connection(serve) -> None:
    peer = serve(silent)
    with Transport(TransportOptions(timeout=0.3, proxy="", max_connections=12)) as transport:
        started = time.monotonic()
        start_all(transport, peer)
        answers = drain(transport)
    assert 0.2 < time.monotonic() - started < 2
    assert len(answers) == 12
    for answer in answers.values():
        fault(answer, FaultKind.TIMEOUT_AFTER_SEND, sent=True)


def test_wake_ends_the_wait_of_many(serve, twelve) -> None:
    peer = serve(silent)
    start_all(twelve, peer)
    wait_for(lambda: twelve.poll(0.01) == [] and len(peer.requests) == 12)
    threading.Timer(0.1, twelve.wake).start()
    started = time.monotonic()
    assert twelve.poll(4.0) == []
    assert time.monotonic() - started < 2


@pytest.mark.usefixtures("both_ways")
def test_close_with_many_in_flight(serve) -> None:
    transport = Transport(TransportOptions(proxy="", max_connections=12))
    peer = serve(silent)
    start_all(transport, peer)
    wait_for(lambda: transport.poll(0.01) == [] and len(peer.requests) == 12)
    transport.close()
    transport.close()
    assert transport.in_flight == 0


@pytest.mark.usefixtures("both_ways")
def test_kept_alive_connections_that_die_make_no_second_requests(serve, twelve) -> None:
    peer = serve(all_at_once(OK, None))
    start_all(twelve, peer)
    assert all(answer.status == 200 for answer in drain(twelve).values())
    start_all(twelve, peer)
    answers = drain(twelve)
    assert len(answers) == 12
    for answer in answers.values():
        fault(answer, FaultKind.RESET_AFTER_SEND, sent=True)
    time.sleep(0.05)
    assert len(peer.requests) == 24


@pytest.mark.usefixtures("both_ways")
def test_connections_closed_while_idle_are_all_replaced(serve, twelve) -> None:
    peer = serve(all_at_once(OK))
    for round_ in (1, 2, 3):
        start_all(twelve, peer)
        assert all(answer.status == 200 for answer in drain(twelve).values())
        time.sleep(0.05)
        if round_ != 2:  # else the next transfers are started before anything was heard of the closing
            assert twelve.poll(0) == []
    assert (len(peer.requests), peer.connections) == (36, 36)


# -- TLS


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


def tls(certificate: trustme.LeafCert, client_authority: trustme.CA | None = None) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    if client_authority:
        client_authority.configure_trust(context)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


@pytest.fixture
def ca_file(authority, tmp_path) -> str:
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    return str(tmp_path / "ca.pem")


@pytest.mark.usefixtures("both_ways")
def test_a_trusted_certificate(serve, authority, ca_file) -> None:
    peer = serve(answering(OK), tls(authority.issue_cert("127.0.0.1")))
    answer = send(post(peer.url()), ca_file=ca_file)
    assert answer.status == 200
    assert 0 < answer.timings.connect < answer.timings.tls < answer.timings.total


@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_the_environment_names_authorities(serve, authority, ca_file, monkeypatch, variable) -> None:
    monkeypatch.setenv(variable, ca_file)
    assert send(post(serve(answering(OK), tls(authority.issue_cert("127.0.0.1"))).url())).status == 200


@pytest.mark.usefixtures("both_ways")
def test_certificates_that_do_not_do(serve, authority, ca_file) -> None:
    good = authority.issue_cert("127.0.0.1")
    expired = authority.issue_cert(
        "127.0.0.1", not_before=datetime.now(UTC) - timedelta(9), not_after=datetime.now(UTC) - timedelta(2)
    )
    cases = [
        (good, {}, "the certificate of 127.0.0.1 is not trusted"),
        (expired, {"ca_file": ca_file}, "the certificate of 127.0.0.1 has expired"),
        (authority.issue_cert("other.example.com"), {"ca_file": ca_file}, "issued for another name"),
    ]
    for certificate, options, words in cases:
        peer = serve(answering(OK), tls(certificate))
        assert words in fault(send(post(peer.url()), **options), FaultKind.TLS, sent=False)
        assert peer.requests == []
        assert send(post(peer.url()), verify=False).status == 200


BIG = 8_000_000
REFUSED = b"HTTP/1.1 413 Content Too Large\r\nConnection: close\r\nContent-Length: 2\r\n\r\nno"


def no_more_than_the_head(answer: bytes, seconds: float) -> Script:
    """What servers do to a body over their limit: they answer, or say nothing, without reading on."""

    def script(peer: Peer, connection: socket.socket) -> None:
        peer.requests.append(connection.recv(1000))
        if answer:
            connection.sendall(answer)
        time.sleep(seconds)
        connection.close()

    return script


@pytest.mark.parametrize("secure", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize("seconds", [0.0, 1.0], ids=["closes at once", "lingers"])
def test_an_answer_before_the_request_is_whole_is_the_answer(serve, authority, ca_file, secure, seconds) -> None:
    context = tls(authority.issue_cert("127.0.0.1")) if secure else None
    peer = serve(no_more_than_the_head(REFUSED, seconds), context)
    with Transport(TransportOptions(ca_file=str(ca_file), timeout=5.0)) as transport:
        answer = transport.send(Request("POST", peer.url(), PLAIN, b"x" * BIG))
    assert peer.connections == 1
    if secure and not seconds and isinstance(answer, Fault):  # a broken TLS connection need not give up what it has
        assert answer.kind is FaultKind.RESET_AFTER_SEND
        return
    assert isinstance(answer, Response), answer
    assert (answer.status, answer.body) == (413, b"no")


def test_what_went_out_in_tls_records_is_not_called_unsent(serve, authority, ca_file) -> None:
    peer = serve(no_more_than_the_head(b"", 2.0), tls(authority.issue_cert("127.0.0.1")))
    with Transport(TransportOptions(ca_file=str(ca_file), timeout=0.5)) as transport:
        answer = transport.send(Request("POST", peer.url(), PLAIN, b"x" * BIG))
    assert isinstance(answer, Fault)
    assert (answer.kind, answer.sent) == (FaultKind.TIMEOUT_AFTER_SEND, True)
    assert peer.requests[0].startswith(b"POST")


def test_a_long_request_arrives_whole_over_tls(serve, authority, ca_file) -> None:
    peer = serve(answering(OK), tls(authority.issue_cert("127.0.0.1")))
    body = os.urandom(BIG)
    with Transport(TransportOptions(ca_file=str(ca_file), timeout=20.0)) as transport:
        assert transport.send(Request("POST", peer.url(), PLAIN, body)).status == 200
    assert peer.requests[0].endswith(body)


def test_a_pause_makes_no_answer_late_however_many_have_arrived(serve) -> None:
    many = 300
    peer = serve(answering(OK))
    request = post(peer.url())
    with Transport(TransportOptions(timeout=3.0, max_connections=many)) as transport:
        for pause in (0.0, 3.3):
            transport.start_all([(number, request) for number in range(many)])
            answers = transport.poll(0.0)
            time.sleep(pause)
            while len(answers) < many:
                answers += transport.poll(1.0)
    assert all(isinstance(answer, Response) for _, answer in answers)


@pytest.mark.usefixtures("both_ways")
def test_a_server_that_speaks_no_tls(serve) -> None:
    peer = serve(lambda peer, connection: connection.sendall(b"hello, no TLS here\r\n"))
    fault(send(post(f"https://127.0.0.1:{peer.port}/")), FaultKind.TLS, sent=False)


@pytest.mark.usefixtures("both_ways")
def test_a_client_certificate(serve, authority, ca_file, tmp_path) -> None:
    peer = serve(answering(OK), tls(authority.issue_cert("127.0.0.1"), client_authority=authority))
    paths = client_files(authority, tmp_path, b"hush")
    options = {"client_certificate": paths[0], "client_key": paths[1], "client_key_password": "hush"}
    assert send(post(peer.url()), ca_file=ca_file, **options).status == 200
    answer = send(post(peer.url()), ca_file=ca_file)
    # On a connection of ours the alert comes before anything is written; libcurl's has the request by then.
    assert "asks for a client certificate" in fault(answer, FaultKind.TLS, sent=PLAIN is BY_LIBCURL)


def test_a_client_certificate_that_cannot_be_used(authority, tmp_path) -> None:
    certificate, key = client_files(authority, tmp_path, b"hush")
    other = tmp_path / "other.pem"
    other.write_bytes(authority.issue_cert("b@example.com").private_key_pem.bytes())
    for options, words in [
        ({"client_certificate": str(tmp_path / "none.pem")}, "does not exist"),
        ({"client_certificate": certificate, "client_key": key}, "cannot be used"),
        ({"client_certificate": certificate, "client_key": key, "client_key_password": "wrong"}, "cannot be used"),
        ({"client_certificate": certificate, "client_key": str(other)}, "does not belong"),
    ]:
        with pytest.raises(ConfigurationError, match=words) as raised:
            Transport(TransportOptions(**options))
        assert raised.value.remedy


def test_authorities_and_options_that_cannot_be_used(tmp_path, monkeypatch) -> None:
    empty = tmp_path / "empty.pem"
    empty.write_text("nothing")
    with pytest.raises(ConfigurationError, match="does not exist"):
        Transport(TransportOptions(ca_file=str(tmp_path / "none.pem")))
    with pytest.raises(ConfigurationError, match="holds no certificate"):
        Transport(TransportOptions(ca_file=str(empty)))
    monkeypatch.setenv("SSL_CERT_FILE", str(empty))
    with pytest.raises(ConfigurationError, match="SSL_CERT_FILE"):
        Transport()
    with pytest.raises(ConfigurationError, match="HTTP version '9'"):
        Transport(TransportOptions(http_version="9"))


def client_files(authority: trustme.CA, folder: Path, password: bytes) -> tuple[str, str]:
    from cryptography.hazmat.primitives import serialization as s

    leaf = authority.issue_cert("client@example.com")
    key = s.load_pem_private_key(leaf.private_key_pem.bytes(), None)
    secret = s.BestAvailableEncryption(password)
    (folder / "client.pem").write_bytes(leaf.cert_chain_pems[0].bytes())
    (folder / "client.key").write_bytes(key.private_bytes(s.Encoding.PEM, s.PrivateFormat.PKCS8, secret))
    return str(folder / "client.pem"), str(folder / "client.key")


@pytest.mark.parametrize(
    ("version", "offered"), [(None, ["http/1.1"]), ("2", ["h2", "http/1.1"]), ("1.1", ["http/1.1"])]
)
def test_the_protocol_is_negotiated_by_tls(serve, authority, ca_file, version, offered) -> None:
    context = tls(authority.issue_cert("127.0.0.1"))
    context.set_alpn_protocols(["h2", "http/1.1"])
    shown = inspect(serve(silent, context).url(), TransportOptions(ca_file=ca_file, http_version=version, proxy=""))
    assert shown.alpn == offered[0]
    context = tls(authority.issue_cert("127.0.0.1"))
    context.set_alpn_protocols(["http/1.1"])
    answer = send(post(serve(answering(OK), context).url()), ca_file=ca_file, http_version=version)
    assert (answer.status, answer.http_version) == (200, "1.1")


def test_http_1_0(serve) -> None:
    peer = serve(breaking(b"HTTP/1.0 200 OK\r\n\r\nuntil the end"))
    answer = send(post(peer.url()), http_version="1.0")
    assert (answer.http_version, answer.body) == ("1.0", b"until the end")
    assert peer.requests[0].startswith(b"POST / HTTP/1.0\r\n")


# -- HTTP/2, with just enough of a server to answer one request (RFC 9113)


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    return len(payload).to_bytes(3) + bytes([kind, flags]) + stream.to_bytes(4) + payload


def h2(answer: Callable[[int], bytes]) -> Script:
    def exactly(connection: socket.socket, size: int) -> bytes:
        data = b""
        while len(data) < size:
            if not (more := connection.recv(size - len(data))):
                raise OSError("closed")
            data += more
        return data

    def script(peer: Peer, connection: socket.socket) -> None:
        assert exactly(connection, 24).startswith(b"PRI * HTTP/2.0")
        connection.sendall(frame(4, 0, 0))
        while True:
            head = exactly(connection, 9)
            payload = exactly(connection, int.from_bytes(head[:3]))
            kind, flags, stream = head[3], head[4], int.from_bytes(head[5:])
            if kind == 4 and not flags & 1:
                connection.sendall(frame(4, 1, 0))
            if kind in (0, 1) and flags & 1:  # the stream's last frame: DATA or HEADERS with END_STREAM
                peer.requests.append(payload)
                connection.sendall(answer(stream))

    return script


def answered_200(stream: int) -> bytes:
    return frame(1, 4, stream, b"\x88") + frame(0, 1, stream, b"ok")  # \x88 is `:status: 200` (RFC 7541, appendix A)


def refused(stream: int) -> bytes:
    return frame(3, 0, stream, (7).to_bytes(4))  # RST_STREAM with REFUSED_STREAM, on which libcurl would try again


def test_http_2_over_tls(serve, authority, ca_file) -> None:
    context = tls(authority.issue_cert("127.0.0.1"))
    context.set_alpn_protocols(["h2"])
    peer = serve(h2(answered_200), context)
    with Transport(TransportOptions(ca_file=ca_file, http_version="2", proxy="")) as transport:
        for body in (b"{}", b"[]"):
            answer = transport.send(post(peer.url(), body))
            assert (answer.status, answer.body, answer.http_version) == (200, b"ok", "2")
    assert (peer.requests, peer.connections) == ([b"{}", b"[]"], 1)


def test_http_2_over_plain_http_is_spoken_at_once(serve) -> None:
    peer = serve(h2(answered_200))
    assert send(post(peer.url()), http_version="2").http_version == "2"


def test_a_refused_stream_is_not_tried_again(serve) -> None:
    peer = serve(h2(refused))
    fault(send(post(peer.url()), http_version="2"), FaultKind.RESET_AFTER_SEND, sent=True)
    assert len(peer.requests) == 1


# -- proxies


def proxy_script(upstream: int, heads: list[bytes]) -> Script:
    """A proxy that knows one upstream: CONNECT is tunnelled to it, any other request forwarded once."""

    def script(peer: Peer, connection: socket.socket) -> None:
        head = peer.read(connection)
        heads.append(head)
        with socket.create_connection(("127.0.0.1", upstream), timeout=5) as server:
            if head.startswith(b"CONNECT"):
                connection.sendall(b"HTTP/1.1 200 Connection established\r\nX-Proxy: yes\r\n\r\n")
                back = threading.Thread(target=pump, args=(server, connection), daemon=True)
                back.start()
                pump(connection, server)
            else:
                server.sendall(head)
                connection.sendall(server.recv(65536))

    return script


def pump(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)


def test_a_proxy_forwards_http(serve, monkeypatch) -> None:
    heads: list[bytes] = []
    upstream = serve(answering(OK))
    proxy = serve(proxy_script(upstream.port, heads))
    assert send(post("http://partner.example/x"), proxy=f"http://127.0.0.1:{proxy.port}").status == 200
    assert heads[0].startswith(b"POST http://partner.example/x HTTP/1.1\r\nHost: partner.example\r\n")
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{proxy.port}")
    monkeypatch.delenv("no_proxy", raising=False)
    assert send(post("http://partner.example/y"), proxy=None).status == 200
    assert len(heads) == 2
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    assert send(post(upstream.url()), proxy=None).status == 200
    monkeypatch.delenv("no_proxy")
    assert send(post(upstream.url()), proxy="").status == 200
    assert len(heads) == 2


@pytest.mark.usefixtures("both_ways")
def test_a_proxy_tunnels_https_and_sees_no_header_of_ours(serve, authority, ca_file) -> None:
    heads: list[bytes] = []
    upstream = serve(answering(OK), tls(authority.issue_cert("partner.example")))
    proxy = serve(proxy_script(upstream.port, heads))
    request = post("https://partner.example/x", headers=(("Authorization", "Bearer hush"),))
    options = {"ca_file": ca_file, "proxy": f"http://jane:secret@127.0.0.1:{proxy.port}"}
    answer = send(request, **options)
    assert (answer.status, answer.headers) == (200, (("Content-Length", "2"),))
    assert heads[0].startswith(b"CONNECT partner.example:443 HTTP/1.1\r\n")
    assert b"Proxy-Authorization: Basic " in heads[0]
    assert b"hush" not in heads[0]
    assert b"Bearer hush" in upstream.requests[0]


@pytest.mark.usefixtures("both_ways")
def test_a_proxy_that_refuses_or_is_not_there(serve) -> None:
    refusing = serve(breaking(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 4\r\n\r\nnope"))
    proxy = f"http://jane:secret@127.0.0.1:{refusing.port}"
    message = fault(send(post("https://partner.example/"), proxy=proxy), FaultKind.CONNECT, sent=False)
    assert f"the proxy 127.0.0.1:{refusing.port}" in message
    assert "403" in message
    refusing.close()
    message = fault(send(post("http://partner.example/"), proxy=proxy), FaultKind.CONNECT, sent=False)
    assert "nothing listens on the proxy" in message
    assert "secret" not in message


@pytest.mark.usefixtures("both_ways")
def test_resolve_stands_in_for_dns(serve) -> None:
    peer = serve(answering(OK))
    request = post(f"http://partner.example:{peer.port}/")
    assert send(request, resolve=(f"partner.example:{peer.port}:127.0.0.1",)).status == 200
    assert f"Host: partner.example:{peer.port}\r\n".encode() in peer.requests[0]


# -- inspect


@contextmanager
def never_sent_to(peer: Peer) -> Iterator[None]:
    yield
    assert peer.requests == []


def test_inspect_shows_the_certificate_and_sends_nothing(serve, authority, ca_file) -> None:
    until = datetime.now(UTC).replace(microsecond=0) + timedelta(days=20, hours=1)
    peer = serve(silent, tls(authority.issue_cert("localhost", "127.0.0.1", not_after=until)))
    with never_sent_to(peer):
        shown = inspect(peer.url("/x", "localhost"), TransportOptions(ca_file=ca_file, proxy=""))
    assert (shown.fault, shown.phase, shown.host, shown.port) == (None, None, "localhost", peer.port)
    assert "127.0.0.1" in shown.addresses
    assert shown.address == "127.0.0.1"
    assert shown.tls_version == "TLSv1.3"
    assert shown.cipher
    assert shown.certificate.names == ("localhost", "127.0.0.1")
    assert shown.certificate.not_after == until
    assert shown.certificate.days_left() == 20
    assert "trustme" in shown.certificate.issuer
    assert list(shown.seconds) == ["dns", "connect", "tls"]


def test_inspect_shows_a_certificate_that_is_not_trusted(serve, authority) -> None:
    peer = serve(silent, tls(authority.issue_cert("127.0.0.1")))
    with never_sent_to(peer):
        shown = inspect(peer.url(), TransportOptions(proxy=""))
    assert (shown.phase, shown.fault.kind, shown.fault.sent) == ("tls", FaultKind.TLS, False)
    assert shown.certificate.names == ("127.0.0.1",)


def test_inspect_plain_http_and_each_phase_that_fails(serve) -> None:
    options = TransportOptions(connect_timeout=0.3, proxy="")
    peer = serve(silent)
    with never_sent_to(peer):
        shown = inspect(peer.url(), options)
    assert (shown.fault, shown.tls_version, shown.certificate, shown.address) == (None, None, None, "127.0.0.1")
    assert inspect("http://partner.onion/", options).phase == "dns"
    stuck = serve(lambda peer, connection: time.sleep(1))
    assert inspect(f"https://127.0.0.1:{stuck.port}/", options).phase == "tls"
    peer.close()
    assert inspect(peer.url(), options).phase == "connect"


def wait_for(condition: Callable[[], bool]) -> None:
    for _ in range(500):
        if condition():
            return
        time.sleep(0.005)
    raise AssertionError("waited in vain")


# -- the two ways of a request: spoken by us, or by libcurl

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


def test_an_answer_before_the_request_is_out_ends_the_connection(serve, transport) -> None:
    def script(peer: Peer, connection: socket.socket) -> None:
        connection.recv(100)
        connection.sendall(b"HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno")
        time.sleep(0.2)

    peer = serve(script)
    assert transport.send(post(peer.url(), bytes(20_000_000))).status == 413
    assert transport.send(post(peer.url(), bytes(20_000_000))).status == 413
    assert peer.connections == 2


def test_what_a_server_says_unasked_is_nobodys_answer(serve, transport) -> None:
    late = b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"

    def script(peer: Peer, connection: socket.socket) -> None:
        peer.read(connection)
        connection.sendall(OK)
        time.sleep(0.05)
        connection.sendall(late)
        time.sleep(0.3)

    peer = serve(script)
    for _ in range(3):
        assert transport.send(post(peer.url())).status == 200
        time.sleep(0.1)  # nobody polls meanwhile: the next request is started before the late word is read
    assert (len(peer.requests), peer.connections) == (3, 3)


def test_what_stands_behind_an_answer_in_tls_is_nobodys_answer(serve, authority, ca_file) -> None:
    def script(peer: Peer, connection: socket.socket) -> None:
        while peer.read(connection):
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 1)  # two TLS records that arrive together
            connection.sendall(OK)
            connection.sendall(b"HTTP/1.1 500 Not For You\r\nContent-Length: 0\r\n\r\n")
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 0)

    peer = serve(script, tls(authority.issue_cert("127.0.0.1")))
    with Transport(TransportOptions(ca_file=ca_file, timeout=5, proxy="")) as transport:
        for _ in range(10):
            assert transport.send(post(peer.url())).status == 200
            time.sleep(0.02)  # what comes after the next request has gone out is taken for its answer, by anybody
    assert len(peer.requests) == 10


def test_a_connection_idle_for_too_long_is_not_used_again(serve, transport, monkeypatch) -> None:
    peer = serve(answering(OK))
    monkeypatch.setattr("rokt_export.transport.connection_pool.MAX_IDLE_SECONDS", 0.1)
    for pause in (0.0, 0.0, 0.2):
        time.sleep(pause)
        assert transport.send(post(peer.url())).status == 200
    assert peer.connections == 2


@pytest.mark.usefixtures("both_ways")
def test_an_idle_connection_makes_room_for_another_server(serve) -> None:
    peers = [serve(answering(OK)) for _ in range(3)]
    with Transport(TransportOptions(max_connections=2, timeout=3, proxy="")) as transport:
        for turn in range(9):
            assert transport.send(post(peers[turn % 3].url())).status == 200
        for number in range(60):
            transport.start(number, post(peers[number % 3].url(), b"%d" % number))
        answers = drain(transport)
    assert len(answers) == 60
    assert all(answer.status == 200 for answer in answers.values())
    bodies = [text.rpartition(b"\r\n\r\n")[2] for peer in peers for text in peer.requests]
    assert sorted(int(body) for body in bodies if body != b"{}") == list(range(60))


@pytest.mark.usefixtures("both_ways")
def test_those_who_wait_get_the_place_of_one_that_failed(serve) -> None:
    peer = serve(breaking(b""))
    with Transport(TransportOptions(max_connections=2, timeout=3, proxy="")) as transport:
        start_all(transport, peer, 20)
        answers = drain(transport)
    assert len(answers) == len(peer.requests) == 20
    for answer in answers.values():
        fault(answer, FaultKind.RESET_AFTER_SEND, sent=True)


@pytest.mark.usefixtures("both_ways")
def test_many_and_large_over_tls(serve, authority, ca_file) -> None:
    def echo(peer: Peer, connection: socket.socket) -> None:
        while body := peer.read(connection).partition(b"\r\n\r\n")[2]:
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))

    peer = serve(echo, tls(authority.issue_cert("127.0.0.1")))
    with Transport(TransportOptions(ca_file=ca_file, max_connections=4, timeout=20, proxy="")) as transport:
        meet(transport, peer)
        sizes = [3_000_000, 1, 16_384, 16_385, 200_000, 5, 32_768, 70_000] * 4
        for number, size in enumerate(sizes):
            transport.start(number, post(peer.url(), bytes([65 + number]) * size))
        answers = drain(transport)
        assert (transport.send(post(peer.url(), b"last")).timings.tls == 0.0) is (PLAIN is JSON)
    for number, size in enumerate(sizes):
        assert answers[number].body == bytes([65 + number]) * size
    # libcurl would not see a surplus answer that TLS has decrypted: there each connection carries one request.
    assert peer.connections == (4 if PLAIN is JSON else len(sizes) + 2)
