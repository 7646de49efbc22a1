"""The pool of HTTP/1.1 connections: opens, assigns, watches and closes them, and completes their requests."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from time import monotonic
from typing import Any, TypeGuard
from urllib.parse import urlsplit

from rokt_export.exchange.model import AttemptResult, Fault, FaultKind, Response, Timings
from rokt_export.transport import curl_errors
from rokt_export.transport.closing_servers import QUIET, ClosingServer, is_goodbye
from rokt_export.transport.curl_errors import ANOTHERS, CLOSED, GAVE_UP, REQUEST_TIMEOUT, SPOKE_FIRST, Failure
from rokt_export.transport.http11 import Connection, InFlight
from rokt_export.transport.libcurl import MAX_IDLE_SECONDS, CurlError, Multi, RawConnection, TransportContext
from rokt_export.transport.proxies import proxy_of
from rokt_export.transport.sockets import MOST_EVENTS

_NEVER = float("inf")
_CAREFUL = 1.0
"""Seconds after a connection broke in which others are checked before they are used."""
_REST = 0.25
"""Seconds without a request after which a server evidently keeps a connection open.

While a server is known to close connections, each connection rests this long between two requests.
"""


class ConnectionPool:
    """Sends requests over HTTP/1.1, each at most once, with an exact count of the bytes written.

    If the server closed a connection before a byte of the request was written, the request is sent on a new one: the
    server received nothing. Once a byte is written, it is not sent again.
    """

    def __init__(self, common: TransportContext) -> None:
        self._options = options = common.options
        self._trusted = common.trusted
        self._done = common.done
        self._unasked = common.unasked
        self._multi = Multi(common.sockets, options.max_connections)
        self._started: list[InFlight] = []
        self._waiting: deque[InFlight] = deque()
        self._connections: dict[Any, Connection] = {}
        self._idle: dict[str, list[Connection]] = {}
        self._check_at = _NEVER
        self._careful_until = 0.0
        self._wary = ClosingServer()
        self._quiet = min(QUIET, options.timeout / 5)
        self._resting: deque[tuple[float, Connection]] = deque()
        """(moment, connection): connections that must stay silent until that moment."""
        self._full_turns = 0
        self.sockets = common.sockets
        self.max_response = options.max_response
        self.unread: list[Connection] = []
        self.in_flight = 0
        self.opening: set[Connection] = set()

    @property
    def unsent(self) -> bool:
        """Whether requests have been started that `flush` has not written yet."""
        return bool(self._started)

    def start(self, requests: Sequence[InFlight]) -> None:
        """Start requests; they are sent at the next `flush`, or when connections are free."""
        self.in_flight += len(requests)
        self._started += requests

    def flush(self) -> None:
        """Write the started requests, or open connections for them."""
        started, self._started = self._started, []
        if started and self._check_at == _NEVER:
            self._check_at = started[0].started + self._options.timeout
        for request in started:
            if not request.ended:
                self._assign(request)

    def wait(self) -> float:
        """Return the seconds until something is due; infinite if nothing is."""
        if self.unread:
            return 0.0
        seconds = min(self._check_at, self._resting[0][0] if self._resting else _NEVER) - monotonic()
        if self.opening and (milliseconds := self._multi.timeout()) >= 0:
            return min(seconds, milliseconds / 1000)
        return seconds

    def turn(self, ready: int) -> None:
        """Do what is due, after libcurl has handled `ready` events."""
        if self.opening:
            if not ready or self._multi.timeout() == 0:
                self._multi.act()
            self._collect()
        if self.unread:
            unread, self.unread = self.unread, []
            for connection in unread:
                if connection.descriptor >= 0:
                    connection.read()
        if self._resting:
            self._end_rests()
        if monotonic() >= self._check_at and self._all_read(ready):
            self._expire()

    def _all_read(self, ready: int) -> bool:
        """Return whether all arrived data was read. After a pause this takes several turns; such data is not late."""
        self._full_turns = self._full_turns + 1 if ready >= MOST_EVENTS else 0
        if self._full_turns * MOST_EVENTS > len(self._connections):
            self._full_turns = 0
        return self._full_turns == 0

    def cancel(self, chosen: Callable[[Any], bool]) -> None:
        """End the requests whose token satisfies `chosen`."""
        for _, connection in self._resting:
            if connection.kept is not None and chosen(connection.kept[0].token):
                self._give_out(connection, connection.kept[1])
        self._cancel([each for each in self._under_way() if chosen(each.token)])

    def cancel_unsent(self) -> None:
        """End the requests that were not written at all."""
        self._cancel([each for each in self._under_way() if not each.begun])

    def _cancel(self, requests: Sequence[InFlight]) -> None:
        for request in requests:
            timings = Timings(total=monotonic() - request.started)
            self._give_up(request, Fault.cancelled(timings, sent=request.begun))

    def close(self) -> None:
        """Drop all requests without a result, and all connections."""
        for connection in self._connections.values():
            self._multi.remove(connection.raw.handle)
        self._multi.close()
        for connection in self._connections.values():
            connection.raw.close()
        self.in_flight = 0
        held = (self._connections, self._started, self._waiting, self._idle, self._resting, self.unread, self.opening)
        for each in held:
            each.clear()

    # -- a connection for each request

    def _assign(self, request: InFlight) -> None:
        idle = self._idle.get(request.origin)
        wary = request.started < self._wary.until
        while idle:
            if wary and request.started - idle[0].idle_since < _REST:
                break
            connection = idle.pop(0 if wary else -1)
            if request.started - connection.idle_since < MAX_IDLE_SECONDS and not (
                # A server that shuts down closes its connections one after the other.
                request.started < self._careful_until and self._is_spoilt(connection)
            ):
                connection.write(request)
                return
            self._close(connection)
        if self._resting and self._soon_free(request.origin) > len(self._waiting):
            self._waiting.append(request)
        elif self._has_room():
            self._open(request)
        else:
            self._waiting.append(request)

    def _soon_free(self, origin: str) -> int:
        """Return how many connections only rest after their first response."""
        return sum(each.request is None and each.origin == origin and each.descriptor >= 0 for _, each in self._resting)

    def _has_room(self) -> bool:
        """Return whether another connection may be opened; an idle one of another origin is closed for it."""
        if len(self._connections) < self._options.max_connections:
            return True
        other = next((connections for connections in self._idle.values() if connections), None)
        if other is not None:
            self._close(other.pop(0))
        return other is not None

    def _open(self, request: InFlight) -> None:
        try:
            raw = RawConnection(request.origin, self._options, self._trusted, self.sockets.opened)
        except CurlError as error:
            self._end(request, self._fault(request, curl_errors.URL_MALFORMED, str(error)))
            return
        connection = Connection(raw, request.origin, self, self._idle.setdefault(request.origin, []))
        connection.request = request
        request.connection = connection
        self._connections[raw.handle] = connection
        self.opening.add(connection)
        self._multi.add(raw.handle)

    def _collect(self) -> None:
        """Use the connections that are now open, and end the requests of those that failed to open."""
        left = 1
        while left:
            left, opened, failed = self._multi.results()
            for handle in opened:
                connection = self._connections[handle]
                self.opening.discard(connection)
                connection.open()
                self.sockets.adopt(connection.descriptor, connection.ready)
                if (
                    connection.origin not in self._unasked.trusted
                ):  # listen first: the server is not yet known to be quiet
                    self._resting.append((monotonic() + self._quiet, connection))
                elif connection.request is not None:
                    connection.write(connection.request)
            for handle, code, text in failed:
                connection = self._connections[handle]
                if (request := connection.request) is not None:
                    self._end(request, connection.raw.refused(code, text))
                self._drop(connection)

    def _drop(self, connection: Connection) -> None:
        """Close a connection, and open another for the next waiting request."""
        if connection.kept is not None:
            self._give_out(connection, connection.kept[1])
        self._close(connection)
        self._serve_waiting()

    def _close(self, connection: Connection) -> None:
        if connection.descriptor >= 0:
            self.sockets.release(connection.descriptor)
        self.opening.discard(connection)
        handle = connection.raw.handle
        del self._connections[handle]
        connection.descriptor = -1
        connection.request = None
        try:
            self._multi.remove(handle)
        finally:
            connection.raw.close()

    def _serve_waiting(self) -> None:
        while self._waiting and self._has_room():
            request = self._waiting.popleft()
            if request.connection is None and not request.ended:
                self._open(request)

    def _free(self, connection: Connection, now: float) -> None:
        """Assign a connection to the next request."""
        connection.idle_since = now
        while self._waiting and now >= self._wary.until:
            following = self._waiting.popleft()
            if following.ended:
                continue
            spoilt = self._is_spoilt(connection)
            if following.origin == connection.origin and not spoilt:
                connection.write(following)
                return
            self._waiting.appendleft(following)
            if spoilt:
                self._drop(connection)
                return
            break
        connection.idle.append(connection)
        if self._waiting:
            self._serve_waiting()

    # -- surplus bytes

    def _end_rests(self) -> None:
        now = monotonic()
        while self._resting and self._resting[0][0] <= now:
            connection = self._resting.popleft()[1]
            if connection.descriptor < 0:
                continue
            request = connection.request
            try:
                said = connection.heard()
            except CurlError as error:
                self.broken(connection, request, *error.args)
                continue
            if said is not None:
                self.spoke(connection, request, said)
            elif connection.kept is not None:
                self._give_out(connection, connection.kept[1])
                if self._unasked.sends_surplus(connection.origin):
                    self._drop(connection)
                else:
                    self._unasked.was_quiet(connection.origin)
                    self._free(connection, now)
            elif request is not None:
                request.started += self._quiet
                connection.write(request)

    def _give_out(self, connection: Connection, ended: AttemptResult) -> None:
        """Return the response that was held until its connection proved silent or not."""
        assert connection.kept is not None
        self._end(connection.kept[0], ended)
        connection.kept = None

    def spoke(self, connection: Connection, request: InFlight | None, said: bytes) -> None:
        """Note bytes, or the end of the connection, before a request was written; they belong to no request."""
        goodbye = not said or is_goodbye(said)
        if request is None and connection in connection.idle:
            connection.idle.remove(connection)  # `_distrust` closes those that are left there
        if not goodbye:
            self._distrust(connection.origin, greets=request is not None and not connection.used)
        if connection.kept is not None:
            response = connection.kept[1]
            self._give_out(connection, response if goodbye else _uncertain(connection.origin, response))
        self.broken(connection, request, curl_errors.GOT_NOTHING, CLOSED if goodbye else SPOKE_FIRST)

    def _distrust(self, origin: str, *, greets: bool = False) -> None:
        if origin in self._unasked.trusted:  # it was found out now: what came in the same moment may be shifted too
            self._done[:] = [
                (token, _uncertain(origin, result) if _came_on_used(result) else result) for token, result in self._done
            ]
        self._unasked.spoke(origin, greets=greets)
        idle = self._idle[origin]
        while idle:
            self._close(idle.pop())

    def _is_spoilt(self, connection: Connection) -> bool:
        """Return whether a connection was closed, or has received bytes that no request asked for."""
        said = connection.heard_or_end()
        if said and not is_goodbye(said):
            self._distrust(connection.origin)
        return said is not None

    # -- the end of a request

    def responded(
        self,
        connection: Connection,
        request: InFlight,
        response: Response,
        now: float,
        *,
        reusable: bool,
        surplus: bool = False,
    ) -> None:
        """Complete a request with its response, and reuse, rest or close its connection.

        Args:
            connection: the connection that received the response.
            request: the request.
            response: the response.
            now: seconds of the monotonic clock.
            reusable: whether the connection may carry another request.
            surplus: whether bytes of another response followed.
        """
        if connection.secure and reusable and (said := connection.heard_or_end()) is not None:
            reusable, surplus = False, surplus or not is_goodbye(said)
        origin = connection.origin
        if reusable and not surplus and origin in self._unasked.trusted and request.written == len(request.data):
            connection.request, connection.used = None, True
            request.ended = True  # this is `_end`, written out for most requests
            self.in_flight -= 1
            self._done.append((request.token, response))
            if self._waiting:
                self._free(connection, now)
            else:  # most often: `_free` without the call
                connection.idle_since = now
                connection.idle.append(connection)
            return
        if surplus:
            self._distrust(origin)
        certain = self._certain(connection, response, closes=not reusable, surplus=surplus)
        connection.request, connection.used = None, True
        if not reusable or request.written < len(request.data) or self._unasked.sends_surplus(origin):
            self._end(request, certain)
            self._drop(connection)
        else:
            connection.kept = request, response
            self._resting.append((monotonic() + self._quiet, connection))

    def _certain(self, connection: Connection, response: Response, *, closes: bool, surplus: bool) -> AttemptResult:
        """Return the response of an untrusted connection, or a fault if it may belong to another request."""
        origin = connection.origin
        if self._unasked.greets(origin) or (connection.used and (surplus or self._unasked.sends_surplus(origin))):
            return _uncertain(connection.origin, response)
        if response.status == REQUEST_TIMEOUT and closes:
            return _uncertain(connection.origin, response, GAVE_UP)
        return response

    def broken(self, connection: Connection, request: InFlight | None, code: int, text: str) -> None:
        """Close a broken connection; its request is sent on another one if nothing of it was written."""
        self.take_care()
        if request is None:
            if connection in connection.idle:
                connection.idle.remove(connection)
            self._drop(connection)
        elif request.begun or not connection.used:
            if connection.used:
                self._wary.beware()
            self.fail(connection, request, code, text)
        else:
            request.connection = None
            connection.request = None
            self._waiting.appendleft(request)
            self._drop(connection)

    def take_care(self) -> None:
        """After a connection broke, check idle ones before use for `_CAREFUL` seconds."""
        self._careful_until = monotonic() + _CAREFUL

    def fail(self, connection: Connection, request: InFlight, code: int, text: str) -> None:
        """End a request with a fault, and close its connection."""
        self._end(request, self._fault(request, code, text))
        self._drop(connection)

    def mislabelled(self, connection: Connection) -> None:
        """Note a plain body with a Content-Encoding."""
        self._unasked.mislabels(connection.origin)

    def _expire(self) -> None:
        """End the requests that timed out, and compute when to check again."""
        now, timeout = monotonic(), self._options.timeout
        for request in [each for each in self._under_way() if now - each.started >= timeout]:
            if request.connection is None or not request.connection.ends_in_time(request):
                self._give_up(request, self._fault(request, curl_errors.OPERATION_TIMEDOUT, ""))
        earliest = min((request.started for request in self._under_way()), default=_NEVER)
        self._check_at = earliest + timeout

    def _under_way(self) -> list[InFlight]:
        carried = [each.request for each in self._connections.values() if each.request is not None]
        return [request for request in (*carried, *self._waiting, *self._started) if not request.ended]

    def _end(self, request: InFlight, ended: AttemptResult) -> None:
        request.ended = True
        self.in_flight -= 1
        self._done.append((request.token, ended))

    def _give_up(self, request: InFlight, fault: Fault) -> None:
        self._end(request, fault)
        if request.connection is not None:
            self._drop(request.connection)

    def _fault(self, request: InFlight, code: int, text: str) -> Fault:
        seconds = monotonic() - request.started
        first_byte = request.first_byte - request.started if request.first_byte else 0.0
        timings = Timings(0.0, 0.0, 0.0, first_byte, seconds)
        carrier = request.connection
        partial = carrier.reader.partial(timings) if carrier is not None and first_byte else None
        return Failure(
            code=code,
            text=text,
            url=request.origin,
            sent=request.begun,
            whole=request.written == len(request.data),
            proxy=proxy_of(request.origin, self._options.proxy),
            max_response=self._options.max_response,
            timings=timings,
        ).fault(partial)


def _came_on_used(result: AttemptResult) -> TypeGuard[Response]:
    """Return whether a response came on a connection that had carried another request before."""
    return isinstance(result, Response) and not result.timings.connect


def _uncertain(origin: str, response: Response, why: str = ANOTHERS) -> Fault:
    host = urlsplit(origin).hostname
    return Fault(FaultKind.PROTOCOL, f"{host} {why}", sent=True, timings=response.timings)
