"""Sends requests with our own HTTP/1.1 or with libcurl, and returns responses and faults."""

from __future__ import annotations

import contextlib
import os
import resource
import threading
from collections.abc import Callable, Iterable
from signal import SIGINT
from time import monotonic
from types import FrameType, TracebackType
from typing import Any

from rokt_export.exchange.model import AttemptResult, Request
from rokt_export.transport.closing_servers import UnsolicitedSenders
from rokt_export.transport.connection_pool import ConnectionPool
from rokt_export.transport.http11 import InFlight
from rokt_export.transport.http11_requests import Message, Messages
from rokt_export.transport.libcurl import Ended, TransportContext, TransportOptions, authorities, check
from rokt_export.transport.libcurl_requests import Transfers
from rokt_export.transport.proxies import proxy_of
from rokt_export.transport.sockets import Sockets

try:  # the C module behind `signal`, without its conversion of handlers to enums: 1 us per hold instead of 12
    from _signal import getsignal, signal  # type: ignore[import-not-found]
except ImportError:  # not CPython
    from signal import getsignal, signal


class HeldInterrupt:
    """Defers SIGINT inside a `with` block, and passes it to the program's handler at the end.

    An exception from a signal handler inside a libcurl callback would abort all transfers in flight. It does nothing
    outside the main thread, where Python runs no signal handlers, and if SIGINT has no Python handler.
    """

    __slots__ = ("_held", "_holder", "_previous")

    def __init__(self) -> None:
        self._held: tuple[int, FrameType | None] | None = None
        self._holder = self._hold
        self._previous: Any = None

    def __enter__(self) -> None:
        if threading.get_ident() != threading.main_thread().ident:
            return
        handler = getsignal(SIGINT)
        if callable(handler) and handler is not self._holder:
            signal(SIGINT, self._holder)
            self._previous = handler

    def __exit__(self, *_: object) -> None:
        handler, self._previous = self._previous, None
        if handler is None:
            return
        signal(SIGINT, handler)
        held, self._held = self._held, None
        if held is not None:
            handler(*held)

    def _hold(self, number: int, frame: FrameType | None) -> None:
        self._held = (number, frame)


# A partner or proxy on this machine may have been woken on this core by what was just written, and would wait until all
# responses are classified, although another core is idle. With 256 in flight at 50 ms, yielding raises 95.1 % to 96.0.
_give_way = getattr(os, "sched_yield", lambda: None)

_OTHER_FILES = 24
"""Open files besides connections, at least: the journal, the input, standard streams, what waits for events."""
_SPOKEN = frozenset({None, "1.1"})


def _not_plain(_request: Request) -> Message | None:
    """Leave every request to libcurl, which supports the other versions of HTTP."""
    return None


class Transport:
    """Sends requests and returns their results. Only `wake` is thread-safe.

    Plain HTTP/1.1 requests are written by `ConnectionPool` on connections that libcurl opens. All others are sent by
    libcurl (`Transfers`). Each request is sent at most once.

    Attributes:
        warnings: messages about the server; the caller removes those that it has shown.

    Raises:
        ConfigurationError: a file of authorities, a client certificate or a key is unusable, or an option is not valid.
    """

    def __init__(self, options: TransportOptions = TransportOptions()) -> None:  # noqa: B008 - frozen
        check(options)
        self._options = options
        trusted = str(authorities(options.ca_file)) if options.verify else None
        self._done: list[Ended] = []
        self._interrupt = HeldInterrupt()
        self._sockets = Sockets()
        self._messages = Messages(self._is_reached)
        self.warnings: list[str] = []
        self._unasked = UnsolicitedSenders(self.warnings)
        common = TransportContext(options, trusted, self._sockets, self._done, self._unasked)
        self._pool = ConnectionPool(common)
        self._transfers = Transfers(common)
        self._speaks = options.http_version in _SPOKEN
        self._closed = False
        _allow_descriptors(2 * options.max_connections)

    def __enter__(self) -> Transport:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def in_flight(self) -> int:
        """The number of started requests whose result `poll` has not returned."""
        return self._pool.in_flight + self._transfers.in_flight + len(self._done)

    def start(self, token: Any, request: Request) -> None:
        """Start a request without waiting; see `start_all`."""
        self.start_all(((token, request),))

    def start_all(self, requests: Iterable[tuple[Any, Request]]) -> None:
        """Start requests without waiting; `poll` sends them, and returns each result with its token.

        A request that cannot be sent (a line break in a header) ends with a `protocol` fault. HEAD is sent without a
        body.

        Args:
            requests: (token, request) in the order of sending.
        """
        now = monotonic()
        message_of = self._messages.of if self._speaks else _not_plain
        spoken: list[InFlight] = []
        for token, request in requests:
            message = message_of(request)
            if message is None:
                self._transfers.start(token, request)
            else:
                spoken.append(InFlight(token, message[0], message[1], now))
        self._pool.start(spoken)

    def trusts(self, request: Request) -> bool:
        """Return whether the server of a request was silent where `UnsolicitedSenders` says that it must be."""
        message = self._messages.of(request) if self._speaks else None
        return message is not None and message[0] in self._unasked.trusted

    def trust(self, request: Request) -> None:
        """Use connections to the server of a request at once: another process's `Transport` trusts it."""
        message = self._messages.of(request) if self._speaks else None
        if message is not None:
            self._unasked.was_quiet(message[0])

    def poll(self, timeout: float) -> list[Ended]:
        """Return (token, result) of the requests that have ended; wait at most `timeout` seconds for one or for `wake`.

        An interrupt (KeyboardInterrupt) leaves all requests in flight; a later call returns their results.
        """
        deadline = monotonic() + timeout
        # A connection that the server has closed must be noticed before it is reused.
        if self._pool.unsent and self._turn(0.0) and not self._done:
            return []
        while not self._done:
            woken = self._turn(max(0.0, deadline - monotonic()))
            if woken or monotonic() >= deadline:
                break
        done = self._done[:]
        self._done.clear()
        return done

    def wake(self) -> None:
        """Make the current `poll`, or else the next one, return immediately; may be called from any thread."""
        self._sockets.wake()

    def cancel(self, token: Any) -> None:
        """End the requests of a token; `poll` returns a `cancelled` fault for them, unless they had ended before."""
        self._end(lambda started: started is token or started == token)

    def cancel_all(self) -> None:
        """End all requests in flight; `poll` returns a `cancelled` fault for them, unless they had ended before."""
        self._end(lambda _started: True)

    def cancel_unsent(self) -> None:
        """End the requests of which nothing was sent yet: they wait for DNS, a connection, TLS or a proxy."""
        with self._interrupt:
            self._pool.cancel_unsent()
            self._transfers.cancel_unsent()

    def send(self, request: Request) -> AttemptResult:
        """Send one request and wait for its result, at most `timeout` seconds; results of others wait for `poll`."""
        token = object()
        self.start(token, request)
        others: list[Ended] = []
        try:
            while True:
                for ended, result in (batch := self.poll(self._options.timeout)):
                    if ended is token:
                        others += [pair for pair in batch if pair[0] is not token]
                        return result
                others += batch
        except BaseException:
            self.cancel(token)
            self._done[:] = [pair for pair in self._done if pair[0] is not token]
            raise
        finally:
            self._done[:0] = others

    def close(self) -> None:
        """Drop all requests without a result, and all connections. May be called twice."""
        if self._closed:
            return
        self._closed = True
        with self._interrupt:
            self._pool.close()
            self._transfers.close()
            self._sockets.close()

    def _is_reached(self, origin: str) -> bool:
        """Return whether an origin is reached without a forwarding proxy; https is always tunneled."""
        return origin.startswith("https:") or proxy_of(origin, self._options.proxy) is None

    def _turn(self, seconds: float) -> bool:
        """Handle what is due or becomes ready within `seconds`; return whether `wake` was called."""
        pool, transfers = self._pool, self._transfers
        wait = max(0.0, min(seconds, pool.wait(), transfers.wait()))
        events = self._sockets.wait(wait)
        with self._interrupt:
            woken = self._sockets.serve(events)
            pool.turn(len(events))
            transfers.turn(idle=not events)
            self._sockets.verify(pool.opening or transfers.opening)
            written = pool.unsent
            pool.flush()
        if written:
            _give_way()
        return woken

    def _end(self, chosen: Callable[[Any], bool]) -> None:
        with self._interrupt:
            self._pool.cancel(chosen)
            self._transfers.cancel(chosen)


def too_few_descriptors(connections: int) -> tuple[int, int] | None:
    """Return how many files so many connections need, and how many this process may open, if these are fewer."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = connections + _OTHER_FILES
    return None if hard == resource.RLIM_INFINITY or wanted <= hard else (wanted, hard)


def _allow_descriptors(more: int) -> None:
    """Raise this process's limit of open files if needed, so that `more` connections fit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = more + 256
    if hard != resource.RLIM_INFINITY:
        wanted = min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with contextlib.suppress(OSError, ValueError):  # not allowed: opening too many connections will report it
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
