"""One request at a time over HTTP/1.1: what ends a connection, and what is nobody's response."""

from __future__ import annotations

import socket
import time

import pytest
from transport_peer import (
    OK,
    Peer,
    answering,
    post,
    tls,
)

from rokt_export.exchange.model import AttemptResult, Fault, Response
from rokt_export.transport import Transport, TransportOptions


@pytest.mark.parametrize("value", ["close", "Close, TE"])
def test_a_connection_that_a_request_says_to_close_is_used_once(serve, value) -> None:
    peer = serve(answering(OK))
    with Transport(TransportOptions(timeout=5.0)) as transport:
        for headers in ((("Connection", value),), (("Connection", value),), (), (("Connection", "keep-alive"),), ()):
            assert isinstance(transport.send(post(peer.url(), headers=headers)), Response)
    assert peer.connections == 3
    assert f"Connection: {value}".encode() in peer.requests[0]


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
