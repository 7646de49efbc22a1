"""Cancelling, waking, closing and Ctrl-C."""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from pathlib import Path
from types import FrameType

import pytest
from transport_peer import (
    OK,
    answering,
    drain,
    fault,
    post,
    silent,
    wait_for,
)

from rokt_export.exchange.model import Fault, FaultKind, Response
from rokt_export.transport import Transport, TransportOptions
from rokt_export.transport.sockets import Sockets
from rokt_export.transport.transport import HeldInterrupt


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
    told = "the run was stopped before the response came; the partner may have received it"
    assert (answers["sent"].message, answers["unsent"].message) == (told, "the run was stopped; nothing was sent")
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
    steps = [lambda: transport.start("x", post(serve(answering(OK)).url())), *[lambda: transport.poll(0.1)] * 100]
    answers = []
    for step in steps:
        if answers:
            break
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
