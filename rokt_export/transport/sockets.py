"""Waits for all sockets, libcurl's and our own, and can be woken from another thread."""

from __future__ import annotations

import contextlib
import select
import socket
import struct
from collections.abc import Callable, Collection, Iterator
from time import monotonic
from typing import Any

# libcurl's numbers: https://curl.se/libcurl/c/CURLMOPT_SOCKETFUNCTION.html and curl_multi_socket_action.html
_POLL_REMOVE = 4
_SOCKOPT_OK = 0
READABLE, WRITABLE = 1, 2

# The peer has closed its half: epoll reports it only on request, poll elsewhere by POLLHUP.
_PEER_CLOSED = getattr(select, "EPOLLRDHUP", 0)
_HUNG_UP = _PEER_CLOSED | select.POLLHUP | select.POLLERR
_UNTIL_CLOSED = select.POLLIN | _PEER_CLOSED

# Events to wait for, indexed by libcurl's POLL_NONE, POLL_IN, POLL_OUT and POLL_INOUT.
_WANTED = (0, _UNTIL_CLOSED, select.POLLOUT, select.POLLOUT | _UNTIL_CLOSED)

# libcurl's bits for each combination of poll's events; an error or hang-up counts as readable.
_READINESS = tuple(
    (WRITABLE if event & select.POLLOUT else 0) | (READABLE if event & ~select.POLLOUT else 0) for event in range(32)
)

MOST_EVENTS = 256
"""Maximum events per wait. Python allocates memory for all of them each time: 1,023 by default."""

_PAUSE = 0.1
"""Seconds without a look at the sockets after which data may have lain there for long."""
_RESOLUTION = 0.02
"""Seconds: Linux counts by ticks of up to 10 ms, which are too coarse for data that was read at once."""
_LAST_DATA = 52
"""Where `struct tcp_info` of Linux (tcp(7)) has the milliseconds since the last data was received."""

Action = Callable[[int, int], object]
"""A multi handle's `socket_action`: takes a descriptor and libcurl's bits for its readiness."""


class Sockets:
    """Waits for sockets, and passes each ready one to the multi handle that uses it.

    libcurl releases a socket at the end of each transfer, may close it without notice, and uses it again for the
    connection's next transfer. So a socket stays registered while it may be open. That saves a system call per request,
    and shows when the peer closes an idle connection. Only `wake` is thread-safe.

    Attributes:
        late: whether data that is read now may have arrived long before: the process wrote its journal, or was stopped.
    """

    def __init__(self) -> None:
        self._poller, self._poll = _new_poller()
        self._used: dict[int, Action | None] = {}
        self._registered: dict[int, int] = {}
        self._unverified: list[int] = []
        self._looked = monotonic()
        self.late = self._more = False
        self.spoke: Callable[[int, bytes], object] = lambda _descriptor, _start: None
        """Called with an idle socket on which bytes have arrived, and the first of them."""
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
                    with contextlib.suppress(OSError, ValueError):  # the socket, or the poller, is closed already
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
        """Wait for a socket that libcurl has opened and released, on behalf of `action`."""
        self._used[descriptor] = action
        self._register(descriptor, _UNTIL_CLOSED)

    def want(self, descriptor: int, *, write: bool) -> None:
        """Set whether to wait until an adopted socket is writable, besides readable."""
        self._register(descriptor, _UNTIL_CLOSED | select.POLLOUT if write else _UNTIL_CLOSED)

    def release(self, descriptor: int) -> None:
        """Stop waiting for an adopted socket, which is about to be closed."""
        del self._used[descriptor]
        with contextlib.suppress(OSError, KeyError):
            del self._registered[descriptor]
            self._poller.unregister(descriptor)

    def opened(self, descriptor: int, _purpose: int) -> int:
        """Forget a descriptor's former socket: it is now a new connection (a CURLOPT_SOCKOPTFUNCTION)."""
        self._registered.pop(descriptor, None)
        return _SOCKOPT_OK

    def wait(self, seconds: float) -> list[tuple[int, int]]:
        """Return (descriptor, events) of the sockets that are ready, waiting at most `seconds` for one."""
        began = monotonic()
        events: list[tuple[int, int]] = self._poll(seconds)
        if not events and seconds:  # after a suspension, the poller returns nothing although data has arrived
            events = self._poll(0.0)
        now = monotonic()
        if began - self._looked > _PAUSE or now - began > seconds + _PAUSE:
            self.late = True
        elif not self._more:  # what lay there has been read
            self.late = False
        self._more = len(events) == MOST_EVENTS
        self._looked = now
        return events

    def arrival(self, descriptor: int) -> float:
        """Return when the last data of a socket arrived that was just read, in seconds of the monotonic clock.

        That is now, unless nobody looked at the sockets for a while. Where the system does not say when data came,
        latencies include such a pause.
        """
        now = monotonic()
        return now - self._age(descriptor) if self.late else now

    def _age(self, descriptor: int) -> float:
        """Return the seconds since the last data of a socket came; 0.0 if it came just now, or that is not known."""
        if not hasattr(socket, "TCP_INFO"):
            return 0.0
        try:
            with _borrowed(descriptor) as one:
                known = one.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _LAST_DATA + 4)
        except (OSError, ValueError):  # closed, or no TCP
            return 0.0
        if len(known) < _LAST_DATA + 4:
            return 0.0
        seconds: float = struct.unpack_from("I", known, _LAST_DATA)[0] / 1000
        return seconds if seconds > _RESOLUTION else 0.0

    def serve(self, events: list[tuple[int, int]]) -> bool:
        """Let libcurl handle what is ready; return whether `wake` was called."""
        used = self._used
        woken = False
        # Idle sockets first: a closed connection must be noticed before it is reused.
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
        """Check the sockets that libcurl uses again, before the next `wait`.

        A connection's socket is certainly the registered one, because `opened` is called for every new one. A socket of
        libcurl's resolver may have the number of a connection that was closed; this matters only while a transfer has
        no connection.

        Args:
            opening: the transfers without a connection.
        """
        if opening:
            for descriptor in self._unverified:
                if self._used[descriptor] is not None:
                    self._register(descriptor, self._registered.get(descriptor, _UNTIL_CLOSED))
        self._unverified.clear()

    def wake(self) -> None:
        """End the current `wait`, or else the next one; may be called from any thread."""
        with contextlib.suppress(BlockingIOError, OSError):  # full: it is already awake; closed: nothing waits
            self._waker.send(b"\0")

    def close(self) -> None:
        """Release the poller; the multi handles must be closed before."""
        if hasattr(self._poller, "close"):
            self._poller.close()
        self._waker.close()
        self._alarm.close()

    def _register(self, descriptor: int, wanted: int) -> None:
        try:
            self._poller.modify(descriptor, wanted)
        except FileNotFoundError:  # new, or the number of a closed socket
            self._poller.register(descriptor, wanted)
        self._registered[descriptor] = wanted

    def _let_go(self, descriptor: int, event: int) -> None:
        """Stop watching an idle socket; if the server closed it, shut it down.

        libcurl checks for closed connections only occasionally, and could write a request to one; whether that request
        was received could not be known. On a socket that we have shut down, it fails before its first byte.
        """
        with contextlib.suppress(OSError, KeyError):  # already closed, or not a socket
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
    """Shut a socket down for writing; libcurl will close it."""
    with _borrowed(descriptor) as borrowed:
        borrowed.shutdown(socket.SHUT_RDWR)


def _waiting_on(descriptor: int) -> bytes:
    """Return the first bytes that have arrived on a socket, without consuming them."""
    with _borrowed(descriptor) as borrowed:
        return borrowed.recv(16, socket.MSG_PEEK | socket.MSG_DONTWAIT)


@contextlib.contextmanager
def _borrowed(descriptor: int) -> Iterator[socket.socket]:
    """Yield libcurl's socket as one of Python's, without closing it after."""
    borrowed = socket.socket(fileno=descriptor)
    try:
        yield borrowed
    finally:
        borrowed.detach()


def heard(descriptor: int, seconds: float) -> bytes | None:
    """Return the first bytes that arrive on a socket within `seconds`: b"" is its end, None means no data."""
    listening = select.poll()
    listening.register(descriptor, select.POLLIN | _PEER_CLOSED)
    if not listening.poll(seconds * 1000):
        return None
    try:
        return _waiting_on(descriptor)
    except OSError:
        return b""


def _new_poller() -> tuple[Any, Callable[[float], Any]]:
    """Return an epoll (or poll) object, and a function that waits for a number of seconds."""
    if hasattr(select, "epoll"):
        poller = select.epoll()
        return poller, lambda seconds: poller.poll(seconds, MOST_EVENTS)
    other = select.poll()
    return other, lambda seconds: other.poll(seconds * 1000)
