"""Sockets kept registered from transfer to transfer: none is missed, whatever becomes of its number."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator

import pytest

from rokt_export.transport.sockets import Sockets

POLL_IN, POLL_OUT, POLL_REMOVE = 1, 2, 4  # libcurl's CURL_POLL_ numbers


class User:
    """A multi handle's place: it asks for sockets, and hears which are ready."""

    def __init__(self, sockets: Sockets) -> None:
        self.heard: list[tuple[int, int]] = []
        self._watch = sockets.watcher(lambda descriptor, ready: self.heard.append((descriptor, ready)))

    def watch(self, what: int, descriptor: int) -> None:
        self._watch(what, descriptor, None, None)


@pytest.fixture
def sockets() -> Iterator[Sockets]:
    sockets = Sockets()
    yield sockets
    sockets.close()


@pytest.fixture
def user(sockets) -> User:
    return User(sockets)


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


def turn(sockets: Sockets, opening: set[object] | None = None) -> bool:
    sockets.verify(opening or set())
    return sockets.serve(sockets.wait(0.05))


def test_a_socket_is_heard_of_for_as_long_as_it_is_used(sockets, user, pair) -> None:
    ours, theirs = pair
    user.watch(POLL_OUT, ours.fileno())
    turn(sockets)
    assert user.heard == [(ours.fileno(), 2)]
    user.heard.clear()
    user.watch(POLL_IN, ours.fileno())
    theirs.send(b"x")
    turn(sockets)
    assert user.heard == [(ours.fileno(), 1)]
    user.heard.clear()
    user.watch(POLL_REMOVE, ours.fileno())
    turn(sockets)
    turn(sockets)
    assert user.heard == []


def test_a_socket_taken_up_again_is_still_registered(sockets, user, pair) -> None:
    ours, theirs = pair
    for _ in range(3):
        user.watch(POLL_IN, ours.fileno())
        theirs.send(b"x")
        user.heard.clear()
        turn(sockets)
        assert user.heard == [(ours.fileno(), 1)]
        ours.recv(1)
        user.watch(POLL_REMOVE, ours.fileno())


def test_an_idle_socket_that_the_peer_closes_is_shut_down(sockets, user, pair) -> None:
    ours, theirs = pair
    user.watch(POLL_IN, ours.fileno())
    user.watch(POLL_REMOVE, ours.fileno())
    theirs.shutdown(socket.SHUT_WR)
    turn(sockets)
    with pytest.raises(BrokenPipeError):
        ours.send(b"x")
    assert user.heard == []


def test_idle_sockets_are_seen_to_before_any_transfer_works(sockets, pair) -> None:
    idle, idles_peer = pair
    broken: list[bool] = []

    def act(_descriptor: int, _ready: int) -> None:
        try:
            idle.send(b"x")
        except BrokenPipeError:
            broken.append(True)

    watch = sockets.watcher(act)
    busy, busys_peer = socket.socketpair()
    with busy, busys_peer:
        busys_peer.send(b"x")
        watch(POLL_IN, busy.fileno(), None, None)  # first, so that it is reported first
        watch(POLL_IN, idle.fileno(), None, None)
        watch(POLL_REMOVE, idle.fileno(), None, None)
        idles_peer.shutdown(socket.SHUT_WR)
        turn(sockets)
    assert broken == [True]


def renumbered(pair: tuple[socket.socket, socket.socket]) -> tuple[int, socket.socket]:
    """Put another socket in the place of the first, under its number; return the number and the other's peer."""
    ours, other_peer = socket.socketpair()
    os.dup2(ours.fileno(), pair[0].fileno())
    ours.close()
    return pair[0].fileno(), other_peer


def test_a_new_connection_under_an_old_number_is_registered(sockets, user, pair) -> None:
    user.watch(POLL_IN, pair[0].fileno())
    user.watch(POLL_REMOVE, pair[0].fileno())
    descriptor, peer = renumbered(pair)
    with peer:
        assert sockets.opened(descriptor, 0) == 0
        user.watch(POLL_IN, descriptor)
        peer.send(b"x")
        turn(sockets)
    assert user.heard == [(descriptor, 1)]


def test_any_other_socket_under_an_old_number_is_registered_while_a_transfer_opens(sockets, user, pair) -> None:
    user.watch(POLL_IN, pair[0].fileno())
    user.watch(POLL_REMOVE, pair[0].fileno())
    descriptor, peer = renumbered(pair)
    with peer:
        user.watch(POLL_IN, descriptor)
        peer.send(b"x")
        turn(sockets, {"a transfer whose name is being resolved"})
    assert user.heard == [(descriptor, 1)]


def test_a_number_passes_from_one_user_to_another(sockets, user, pair) -> None:
    other = User(sockets)
    user.watch(POLL_IN, pair[0].fileno())
    user.watch(POLL_REMOVE, pair[0].fileno())
    descriptor, peer = renumbered(pair)
    with peer:
        sockets.opened(descriptor, 0)
        other.watch(POLL_IN, descriptor)
        peer.send(b"x")
        turn(sockets)
    assert (user.heard, other.heard) == ([], [(descriptor, 1)])


def test_what_was_closed_already_is_let_go_of_in_silence(sockets, user, pair) -> None:
    descriptor = pair[0].fileno()
    user.watch(POLL_OUT, descriptor)
    pair[0].close()
    user.watch(POLL_REMOVE, descriptor)
    assert turn(sockets) is False


def test_wake_from_another_thread(sockets) -> None:
    threading.Timer(0.05, sockets.wake).start()
    assert sockets.serve(sockets.wait(5)) is True
    assert turn(sockets) is False
