"""Many requests at once over few connections."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress

import pytest
import transport_peer
from transport_peer import (
    JSON,
    OK,
    Peer,
    Script,
    answering,
    breaking,
    drain,
    fault,
    meet,
    post,
    silent,
    tls,
    wait_for,
)

from rokt_export.exchange.model import FaultKind
from rokt_export.transport import Transport, TransportOptions


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
        assert (transport.send(post(peer.url(), b"last")).timings.tls == 0.0) is (transport_peer.PLAIN is JSON)
    for number, size in enumerate(sizes):
        assert answers[number].body == bytes([65 + number]) * size
    # libcurl would not see a surplus answer that TLS has decrypted: there each connection carries one request.
    assert peer.connections == (4 if transport_peer.PLAIN is JSON else len(sizes) + 2)
