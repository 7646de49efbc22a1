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

from rokt_export.exchange.model import Fault, FaultKind, Response
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
