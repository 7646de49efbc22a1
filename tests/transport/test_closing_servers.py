"""Servers that close connections, or send bytes that no request asked for."""

from __future__ import annotations

import socket
import threading
import time

import pytest
from transport_peer import (
    OK,
    Peer,
    answering,
    breaking,
    fault,
    post,
    tls,
)

from rokt_export.exchange.model import AttemptResult, Fault, FaultKind, Response
from rokt_export.transport import Transport, TransportOptions, closing_servers, connection_pool


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


def test_an_idle_connection_on_which_a_server_speaks_is_closed_with_the_others(serve, transport) -> None:
    def script(peer: Peer, connection: socket.socket) -> None:
        second = peer.connections == 2
        while peer.read(connection):
            connection.sendall(OK)
            if second:
                time.sleep(0.3)
                connection.sendall(OK)  # by then the connection is idle, and trusted

    peer = serve(script)
    assert transport.send(post(peer.url())).status == 200
    transport.start_all([(number, post(peer.url())) for number in range(4)])
    results = []
    while len(results) < 4:
        results += transport.poll(1.0)
    assert [result.status for _, result in results] == [200] * 4
    transport.poll(0.6)
    assert len(transport.warnings) == 1 and "rows that were answered before may have another" in transport.warnings[0]
    for _ in range(3):
        assert transport.send(post(peer.url())).status == 200


def test_a_response_that_came_in_the_moment_a_server_is_found_out_is_in_doubt(serve, transport) -> None:
    sockets: dict[bytes, socket.socket] = {}

    def script(peer: Peer, connection: socket.socket) -> None:
        name = b"%d" % peer.connections
        sockets[name] = connection
        while peer.read(connection):
            time.sleep(0.1)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n" + name)

    def together(requests: int) -> list[AttemptResult]:
        transport.start_all([(number, post(peer.url())) for number in range(requests)])
        transport.poll(0.0)
        found: list[AttemptResult] = []
        while len(found) < requests:
            found += [result for _, result in transport.poll(1.0)]
        return found

    peer = serve(script)
    assert transport.send(post(peer.url())).status == 200
    first, *_ = together(3)  # its connection is the last to be used again
    transport.start(0, post(peer.url()))
    transport.poll(0.0)
    time.sleep(0.2)
    sockets[first.body].sendall(OK)
    time.sleep(0.05)  # now both lie there, the response before what gives the server away
    [(_, result)] = transport.poll(1.0)
    assert isinstance(result, Fault) and result.sent and "another" in result.message
    assert transport.send(post(peer.url())).status == 200


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


def test_what_one_process_has_heard_of_a_quiet_server_another_need_not_wait_for(serve, monkeypatch) -> None:
    monkeypatch.setattr(connection_pool, "QUIET", 0.4)
    peer, noisy = serve(answering(OK)), serve(answering(OK + OK))
    first, second = post(peer.url()), post(noisy.url())
    with Transport(TransportOptions(timeout=5.0)) as one, Transport(TransportOptions(timeout=5.0)) as other:
        for request in (first, second):
            assert not one.trusts(request)
            one.send(request)
        assert one.trusts(first) and not one.trusts(second)
        one.trust(second)
        assert not one.trusts(second)  # it has heard for itself
        other.trust(first)
        assert other.send(first).timings.total < 0.4
