"""All sockets waited for in one place, libcurl's and those that we speak on, and the alarm that ends the wait."""

from __future__ import annotations

import contextlib
import select
import socket
from collections.abc import Callable, Collection
from typing import Any

# libcurl's numbers: https://curl.se/libcurl/c/CURLMOPT_SOCKETFUNCTION.html and curl_multi_socket_action.html
_POLL_REMOVE = 4
_SOCKOPT_OK = 0
READABLE, WRITABLE = 1, 2

# The peer has closed its half: epoll says so of its own accord only when asked, poll elsewhere by POLLHUP.
_PEER_CLOSED = getattr(select, "EPOLLRDHUP", 0)
_HUNG_UP = _PEER_CLOSED | select.POLLHUP | select.POLLERR
_UNTIL_CLOSED = select.POLLIN | _PEER_CLOSED

# What to wait for, at libcurl's POLL_NONE, POLL_IN, POLL_OUT and POLL_INOUT.
_WANTED = (0, _UNTIL_CLOSED, select.POLLOUT, select.POLLOUT | _UNTIL_CLOSED)

# libcurl's bits for each combination of a poll's five: an error or hang-up is something to read.
_READINESS = tuple(
    (WRITABLE if event & select.POLLOUT else 0) | (READABLE if event & ~select.POLLOUT else 0) for event in range(32)
)

MOST_EVENTS = 256
"""Events of one wait, at most. Python allocates room for all of them each time: 1,023 by default."""

Action = Callable[[int, int], object]
"""A multi handle's `socket_action`: a descriptor, and libcurl's bits for what it is ready for."""


class Sockets:
    """Waits for sockets, and hands each that is ready to the multi handle that uses it.

    libcurl lets go of a socket at the end of each transfer, closes it or not without a word, and takes it up again with
    the connection's next one. So a socket stays registered for as long as it may be open, which spares a system call
    with each request and tells when the peer closes an idle connection. Not thread-safe but for `wake`.
    """

    def __init__(self) -> None:
        self._poller, self._poll = _new_poller()
        self._used: dict[int, Action | None] = {}
        self._registered: dict[int, int] = {}
        self._unverified: list[int] = []
        self.spoke: Callable[[int, bytes], object] = lambda _descriptor, _start: None
        """Hears of an idle socket on which bytes have arrived, and the first of them."""
        self._waker, self._alarm = socket.socketpair()
        self._waker.setblocking(False)
        self._alarm.setblocking(False)
        self._poller.register(self._alarm.fileno(), select.POLLIN)

    def watcher(self, action: Action) -> Callable[[int, int, object, object], None]:
        """Return the CURLMOPT_SOCKETFUNCTION of a multi handle whose `socket_action` is `action`."""
        used, registered, unverified = self._used, self._registered, self._unverified

        def watch(what: int, descriptor: int, _multi: object, _data: object) -> None:
            if what == _POLL_REMOVE:
                used[descriptor] = None
                if registered.get(descriptor) != _UNTIL_CLOSED:
                    with contextlib.suppress(OSError):  # closed already
                        self._register(descriptor, _UNTIL_CLOSED)
                return
            used[descriptor] = action
            wanted = _WANTED[what]
            if registered.get(descriptor) == wanted:
                unverified.append(descriptor)
            else:
                self._register(descriptor, wanted)

        return watch

    def adopt(self, descriptor: int, action: Action) -> None:
        """Wait for a socket that libcurl has opened and lets go of, on behalf of who speaks on it from now on."""
        self._used[descriptor] = action
        self._register(descriptor, _UNTIL_CLOSED)

    def want(self, descriptor: int, *, write: bool) -> None:
        """Wait until an adopted socket can be written to, besides read from; or no more."""
        self._register(descriptor, _UNTIL_CLOSED | select.POLLOUT if write else _UNTIL_CLOSED)

    def release(self, descriptor: int) -> None:
        """Wait for an adopted socket no more; it is about to be closed."""
        del self._used[descriptor]
        with contextlib.suppress(OSError, KeyError):
            del self._registered[descriptor]
            self._poller.unregister(descriptor)

    def opened(self, descriptor: int, _purpose: int) -> int:
        """Forget what was known of a descriptor, which is a new connection's now (a CURLOPT_SOCKOPTFUNCTION)."""
        self._registered.pop(descriptor, None)
        return _SOCKOPT_OK

    def wait(self, seconds: float) -> list[tuple[int, int]]:
        """Return descriptors and events, of at least one where one is ready within `seconds`."""
        events: list[tuple[int, int]] = self._poll(seconds)
        if not events and seconds:  # it may have been suspended: then it comes back empty-handed, whatever has arrived
            events = self._poll(0.0)
        return events

    def serve(self, events: list[tuple[int, int]]) -> bool:
        """Let libcurl work on what is ready; return whether `wake` was called."""
        used = self._used
        woken = False
        # First the sockets that nobody uses: a connection that was closed must be known before it is used again.
        for descriptor, event in [pair for pair in events if used.get(pair[0]) is None]:
            if descriptor == self._alarm.fileno():
                woken = True
                self._silence()
            else:
                self._let_go(descriptor, event)
        for descriptor, event in events:
            action = used.get(descriptor)
            if action is not None:
                action(descriptor, _READINESS[event & 31])
        return woken

    def verify(self, opening: Collection[object]) -> None:
        """Make sure of the sockets that were taken up again, before the next `wait`.

        A connection's socket is known to be the registered one, because `opened` heard of every new one. A socket of
        libcurl's own, on which a name's addresses arrive, may have the number of a connection closed since; it matters
        only while a transfer has no connection yet.

        Args:
            opening: the transfers that have no connection yet.
        """
        if opening:
            for descriptor in self._unverified:
                if self._used[descriptor] is not None:
                    self._register(descriptor, self._registered.get(descriptor, _UNTIL_CLOSED))
        self._unverified.clear()

    def wake(self) -> None:
        """Make a `wait` end, the running one or else the next; may be called from any thread."""
        with contextlib.suppress(BlockingIOError, OSError):  # full: it is awake; closed: nobody waits
            self._waker.send(b"\0")

    def close(self) -> None:
        """Stop waiting for anything; the multi handles must be closed already."""
        if hasattr(self._poller, "close"):
            self._poller.close()
        self._waker.close()
        self._alarm.close()

    def _register(self, descriptor: int, wanted: int) -> None:
        try:
            self._poller.modify(descriptor, wanted)
        except FileNotFoundError:  # new, or closed since and its number used again
            self._poller.register(descriptor, wanted)
        self._registered[descriptor] = wanted

    def _let_go(self, descriptor: int, event: int) -> None:
        """Stop watching a socket that no transfer uses; where the server closed it, so do we.

        libcurl looks for closed connections only now and then, and would write a request into one: that request could
        not be distinguished from a received one. On a socket shut down by us it fails before its first byte.
        """
        with contextlib.suppress(OSError, KeyError):  # closed already, or no socket
            self._registered.pop(descriptor, None)
            self._poller.unregister(descriptor)
            if event & select.POLLIN and (start := _waiting_on(descriptor)):
                self.spoke(descriptor, start)
            if event & _HUNG_UP:
                _shut_down(descriptor)

    def _silence(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while self._alarm.recv(4096):
                pass


def _shut_down(descriptor: int) -> None:
    """Let nothing more be written to a socket that stays libcurl's to close."""
    borrowed = socket.socket(fileno=descriptor)
    try:
        borrowed.shutdown(socket.SHUT_RDWR)
    finally:
        borrowed.detach()


def _waiting_on(descriptor: int) -> bytes:
    """Return the first bytes that have arrived on a socket, and leave them there."""
    borrowed = socket.socket(fileno=descriptor)
    try:
        return borrowed.recv(16, socket.MSG_PEEK | socket.MSG_DONTWAIT)
    finally:
        borrowed.detach()


def heard(descriptor: int, seconds: float) -> bytes | None:
    """Return the first bytes that arrive on a socket within so many seconds: b"" is its end, None is silence."""
    listening = select.poll()
    listening.register(descriptor, select.POLLIN | _PEER_CLOSED)
    if not listening.poll(seconds * 1000):
        return None
    try:
        return _waiting_on(descriptor)
    except OSError:
        return b""


def _new_poller() -> tuple[Any, Callable[[float], Any]]:
    """Return epoll, or where there is none poll, and its function that waits so many seconds."""
    if hasattr(select, "epoll"):
        poller = select.epoll()
        return poller, lambda seconds: poller.poll(seconds, MOST_EVENTS)
    other = select.poll()
    return other, lambda seconds: other.poll(seconds * 1000)
