"""Speaks plain HTTP/1.1, one exchange at a time on each of many connections that libcurl has opened."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from time import monotonic
from typing import Any
from urllib.parse import urlsplit

from msgspec import Struct

from rokt_export.exchange.model import Fault, FaultKind, Response, Timings
from rokt_export.transport import curl_errors
from rokt_export.transport.closing_servers import QUIET, Unasked, Wariness, is_goodbye
from rokt_export.transport.curl_errors import ANOTHERS, CLOSED, GAVE_UP, REQUEST_TIMEOUT, SPOKE_FIRST, Failure
from rokt_export.transport.http11_responses import (
    AnswerReader,
    PackedError,
    TooLargeError,
    UnreadableError,
    known_answer,
)
from rokt_export.transport.libcurl import MAX_IDLE_SECONDS, CurlError, Multi, RawConnection, proxy_of
from rokt_export.transport.libcurl_requests import Answered
from rokt_export.transport.options import TransportOptions
from rokt_export.transport.sockets import MOST_EVENTS, READABLE, WRITABLE, Sockets

_CHUNK = 16384
"""Bytes read at a time: no TLS record holds more."""
_MOST_CHUNKS = 8
"""Pieces read from one connection before others, timeouts and signals have their turn."""

_NEVER = float("inf")
_CAREFUL = 1.0
"""Seconds after a connection broke in which others are looked at before they are used."""
_REST = 0.25
"""Seconds without a request after which a connection that still stands is one that its server keeps.

Each connection has such a rest while a server is one to be wary of.
"""


class InFlight(Struct, eq=False):
    """One request on its way, from its start to its answer.

    Attributes:
        token: whose it is.
        origin: scheme, host and port of its server.
        data: what goes on the wire.
        started: seconds of the monotonic clock when it began.
        first_byte: the same for its answer's first byte; 0.0 before that.
        written: bytes that went out.
        uncounted: whether some may have gone out that are not counted yet: of a TLS record, only all or nothing is.
        connection: the connection that carries it.
        ended: whether it has its answer.
    """

    token: Any
    origin: str
    data: bytes
    started: float
    first_byte: float = 0.0
    written: int = 0
    uncounted: bool = False
    connection: Connection | None = None
    ended: bool = False

    @property
    def begun(self) -> bool:
        """Whether any of it may be at its server."""
        return self.written > 0 or self.uncounted


class Connection:
    """One connection, and the request that it carries."""

    __slots__ = (
        "blocked",
        "descriptor",
        "idle",
        "idle_since",
        "kept",
        "origin",
        "pending",
        "raw",
        "reader",
        "receive",
        "secure",
        "send",
        "used",
    )

    def __init__(self, raw: RawConnection, origin: str, most: int, idle: list[Connection]) -> None:
        self.raw = raw
        self.origin = origin
        self.idle = idle
        self.send, self.receive = raw.send, raw.receive
        self.reader = AnswerReader(most)
        self.pending: InFlight | None = None
        self.kept: tuple[InFlight, Response] | None = None
        self.secure = origin.startswith("https")
        self.descriptor = -1
        self.idle_since = 0.0
        self.used = False
        self.blocked = False


class ConnectionPool:
    """Requests spoken by us. Each is on the wire at most once, and how much of it went out is known to the byte.

    A connection that the server closed before anything of a request was written is replaced by a new one: nothing was
    received. Once a byte is written there is no second try.

    Args:
        options: the transport's.
        trusted: file or folder of the authorities.
        sockets: where sockets are waited for.
        done: where answers go.
        unasked: the servers that send surplus bytes.
    """

    def __init__(
        self,
        options: TransportOptions,
        trusted: str | None,
        sockets: Sockets,
        done: list[Answered],
        unasked: Unasked,
    ) -> None:
        self._options = options
        self._trusted = trusted
        self._sockets = sockets
        self._done = done
        self._multi = Multi(sockets, options.max_connections)
        self._most = options.max_response
        self._started: list[InFlight] = []
        self._waiting: deque[InFlight] = deque()
        self._connections: dict[Any, Connection] = {}
        self._idle: dict[str, list[Connection]] = {}
        self._check_at = _NEVER
        self._careful_until = 0.0
        self._wary = Wariness()
        self._unasked = unasked
        self._quiet = min(QUIET, options.timeout / 5)
        self._resting: deque[tuple[float, Connection]] = deque()
        """Connections that must stay silent for a while, and until when."""
        self._unread: list[Connection] = []
        self._full_turns = 0
        self.in_flight = 0
        self.opening: set[Connection] = set()

    @property
    def unsent(self) -> bool:
        """Whether any have been started that `flush` has not seen."""
        return bool(self._started)

    def start(self, requests: Sequence[InFlight]) -> None:
        """Begin requests: they leave at the next `flush`, or once there are connections for them."""
        self.in_flight += len(requests)
        self._started += requests

    def flush(self) -> None:
        """Write what has been started, or open connections for it."""
        started, self._started = self._started, []
        if started and self._check_at == _NEVER:
            self._check_at = started[0].started + self._options.timeout
        for pending in started:
            if not pending.ended:
                self._assign(pending)

    def wait(self) -> float:
        """Seconds until something is due; infinite where nothing is."""
        if self._unread:
            return 0.0
        seconds = min(self._check_at, self._resting[0][0] if self._resting else _NEVER) - monotonic()
        if self.opening and (milliseconds := self._multi.timeout()) >= 0:
            return min(seconds, milliseconds / 1000)
        return seconds

    def turn(self, ready: int) -> None:
        """Do what is due, after libcurl has worked on what is ready.

        Args:
            ready: how many events were worked on.
        """
        if self.opening:
            if not ready or self._multi.timeout() == 0:
                self._multi.act()
            self._collect()
        if self._unread:
            unread, self._unread = self._unread, []
            for connection in unread:
                if connection.descriptor >= 0:
                    self._read(connection)
        if self._resting:
            self._end_rests()
        if monotonic() >= self._check_at and self._is_looked_through(ready):
            self._expire()

    def _is_looked_through(self, ready: int) -> bool:
        """Whether all that has arrived was read; after a pause it is more than one turn's, and none of it is late."""
        self._full_turns = self._full_turns + 1 if ready >= MOST_EVENTS else 0
        if self._full_turns * MOST_EVENTS > len(self._connections):
            self._full_turns = 0
        return self._full_turns == 0

    def cancel(self, chosen: Callable[[Any], bool]) -> None:
        """End the requests whose token is chosen."""
        for _, connection in self._resting:
            if connection.kept is not None and chosen(connection.kept[0].token):
                self._give_out(connection, connection.kept[1])
        self._cancel([each for each in self._under_way() if chosen(each.token)])

    def cancel_unsent(self) -> None:
        """End the requests of which nothing was written."""
        self._cancel([each for each in self._under_way() if not each.begun])

    def _cancel(self, requests: Sequence[InFlight]) -> None:
        for pending in requests:
            how_far = "its request may have arrived" if pending.begun else "nothing was sent"
            seconds = monotonic() - pending.started
            fault = Fault(FaultKind.CANCELLED, f"cancelled; {how_far}", pending.begun, Timings(total=seconds))
            self._give_up(pending, fault)

    def close(self) -> None:
        """Drop every request, unanswered, and every connection."""
        for connection in self._connections.values():
            self._multi.remove(connection.raw.handle)
        self._multi.close()
        for connection in self._connections.values():
            connection.raw.close()
        self._connections.clear()
        self.in_flight = 0
        self._started.clear()
        self._waiting.clear()
        self._idle.clear()
        self._resting.clear()
        self._unread.clear()
        self.opening.clear()

    # -- a connection for each request

    def _assign(self, pending: InFlight) -> None:
        idle = self._idle.get(pending.origin)
        wary = pending.started < self._wary.until
        while idle:
            if wary and pending.started - idle[0].idle_since < _REST:
                break
            connection = idle.pop(0 if wary else -1)
            if pending.started - connection.idle_since < MAX_IDLE_SECONDS and not self._is_unusable(
                connection, pending.started
            ):
                self._write(connection, pending)
                return
            self._close(connection)
        if self._resting and self._soon_free(pending.origin) > len(self._waiting):
            self._waiting.append(pending)
        elif self._has_room():
            self._open(pending)
        else:
            self._waiting.append(pending)

    def _soon_free(self, origin: str) -> int:
        """How many connections only rest behind their first answer."""
        return sum(
            connection.pending is None and connection.origin == origin and connection.descriptor >= 0
            for _, connection in self._resting
        )

    def _is_unusable(self, connection: Connection, now: float) -> bool:
        """Whether a connection is of no use any more, looked into where another has broken a moment ago.

        A server that goes down closes one after the other; what is written into one that it has just closed could not
        be distinguished from what was received.
        """
        return now < self._careful_until and self._is_spoilt(connection)

    def _has_room(self) -> bool:
        """Whether another connection may be opened; an idle one of another origin makes room."""
        if len(self._connections) < self._options.max_connections:
            return True
        other = next((connections for connections in self._idle.values() if connections), None)
        if other is not None:
            self._close(other.pop(0))
        return other is not None

    def _open(self, pending: InFlight) -> None:
        try:
            raw = RawConnection(pending.origin, self._options, self._trusted, self._sockets.opened)
        except CurlError as error:
            self._end(pending, self._fault(pending, curl_errors.URL_MALFORMED, str(error)))
            return
        connection = Connection(
            raw, pending.origin, self._options.max_response, self._idle.setdefault(pending.origin, [])
        )
        connection.pending = pending
        pending.connection = connection
        self._connections[raw.handle] = connection
        self.opening.add(connection)
        self._multi.add(raw.handle)

    def _collect(self) -> None:
        """Put the connections that now stand to use, and tell of those that could not be opened."""
        left = 1
        while left:
            left, opened, failed = self._multi.results()
            for handle in opened:
                connection = self._connections[handle]
                self.opening.discard(connection)
                connection.descriptor = connection.raw.descriptor
                self._sockets.adopt(connection.descriptor, partial(self._ready, connection))
                if self._unasked.trusts(connection.origin):
                    if connection.pending is not None:
                        self._write(connection, connection.pending)
                else:
                    self._let_rest(connection)
            for handle, code, text in failed:
                connection = self._connections[handle]
                if (pending := connection.pending) is not None:
                    self._end(pending, connection.raw.refused(code, text))
                self._drop(connection)

    def _drop(self, connection: Connection) -> None:
        """Close a connection; whoever waits for one has its place."""
        if connection.kept is not None:
            self._give_out(connection, connection.kept[1])
        self._close(connection)
        self._serve_waiting()

    def _close(self, connection: Connection) -> None:
        if connection.descriptor >= 0:
            self._sockets.release(connection.descriptor)
        self.opening.discard(connection)
        handle = connection.raw.handle
        del self._connections[handle]
        self._multi.remove(handle)
        connection.raw.close()
        connection.descriptor = -1
        connection.pending = None

    def _serve_waiting(self) -> None:
        while self._waiting and self._has_room():
            pending = self._waiting.popleft()
            if pending.connection is None and not pending.ended:
                self._open(pending)

    # -- what no request asked for

    def _let_rest(self, connection: Connection) -> None:
        """Listen before a connection is used: its server is not known to be quiet."""
        self._resting.append((monotonic() + self._quiet, connection))

    def _end_rests(self) -> None:
        now = monotonic()
        while self._resting and self._resting[0][0] <= now:
            connection = self._resting.popleft()[1]
            if connection.descriptor < 0:
                continue
            pending = connection.pending
            try:
                said = self._heard(connection)
            except CurlError as error:
                self._broken(connection, pending, *error.args)
                continue
            if said is not None:
                self._spoke(connection, pending, said)
            elif connection.kept is not None:
                self._give_out(connection, connection.kept[1])
                if self._unasked.sends_surplus(connection.origin):
                    self._drop(connection)
                else:
                    self._unasked.was_quiet(connection.origin)
                    self._free(connection, now)
            elif pending is not None:
                pending.started += self._quiet
                self._write(connection, pending)

    def _give_out(self, connection: Connection, answer: Response | Fault) -> None:
        """Hand over the answer that was kept until its connection was known to be silent, or not."""
        assert connection.kept is not None
        self._end(connection.kept[0], answer)
        connection.kept = None

    def _heard(self, connection: Connection) -> bytes | None:
        """Return what has arrived on a connection with no request on it: b"" is its end, None is silence."""
        try:
            return connection.receive(_CHUNK)
        except BlockingIOError:
            return None

    def _spoke(self, connection: Connection, pending: InFlight | None, said: bytes) -> None:
        """Bytes have arrived, or the end, before a request was written: they are nobody's answer."""
        goodbye = not said or is_goodbye(said)
        if not goodbye:
            self._distrust(connection.origin, greets=pending is not None and not connection.used)
        if connection.kept is not None:
            response = connection.kept[1]
            self._give_out(connection, response if goodbye else self._uncertain(connection, response))
        self._broken(connection, pending, curl_errors.GOT_NOTHING, CLOSED if goodbye else SPOKE_FIRST)

    def _distrust(self, origin: str, *, greets: bool = False) -> None:
        self._unasked.spoke(origin, greets=greets)
        idle = self._idle[origin]
        while idle:
            self._close(idle.pop())

    # -- one exchange

    def _ready(self, connection: Connection, _descriptor: int, readiness: int) -> None:
        # An answer that has come before the whole request went out is read first: the server may have closed behind it.
        if readiness & READABLE:
            self._read(connection)
        if (
            readiness & WRITABLE
            and connection.blocked
            and connection.descriptor >= 0
            and connection.pending is not None
        ):
            self._write(connection, connection.pending)

    def _write(self, connection: Connection, pending: InFlight) -> None:
        """Write a request, or what is left of it, to the connection that carries it from now on."""
        connection.pending, pending.connection = pending, connection
        data = pending.data
        try:
            if connection.secure and len(data) > _CHUNK:
                self._write_records(connection, pending)
            else:
                pending.written += connection.send(memoryview(data)[pending.written :] if pending.written else data)
        except BlockingIOError:
            pending.uncounted = connection.secure
        except CurlError as error:
            if pending.begun:
                self._read(connection)  # its answer may have come before the server closed
            if not pending.ended:
                self._broken(connection, pending, *error.args)
            return
        blocked = pending.written < len(data)
        if blocked is not connection.blocked:
            connection.blocked = blocked
            self._sockets.want(connection.descriptor, write=blocked)

    def _write_records(self, connection: Connection, pending: InFlight) -> None:
        """Write a long request a TLS record at a time: of several at once, OpenSSL would not tell how many went out."""
        view = memoryview(pending.data)
        while pending.written < len(view):
            pending.written += connection.send(view[pending.written : pending.written + _CHUNK])

    def _read(self, connection: Connection) -> None:
        for _ in range(_MOST_CHUNKS):
            pending = connection.pending
            try:
                data = connection.receive(_CHUNK)
            except BlockingIOError:
                return
            except CurlError as error:
                self._broken(connection, pending, *error.args)
                return
            if pending is None or not pending.begun:
                self._spoke(connection, pending, data)
                return
            if not data:
                self._ended(connection, pending)
                return
            if self._take_in(connection, pending, data) or (len(data) < _CHUNK and not connection.secure):
                return
        self._unread.append(connection)  # what TLS has decrypted already no socket would tell of

    def _take_in(self, connection: Connection, pending: InFlight, data: bytes) -> bool:
        """Read on in an answer; return whether there is no more of it to come."""
        now = monotonic()
        if not pending.first_byte:
            pending.first_byte = now
            if (known := known_answer(data)) is not None and len(known[1]) <= self._most:
                head, body = known
                timings = self._timings(connection, pending, now)
                response = Response(head.status, head.headers, body, timings, head.version)
                self._answered(connection, pending, response, now, reusable=True)
                return True
            connection.reader.begin()
        try:
            complete = connection.reader.feed(data)
        except UnreadableError as error:
            self._unreadable(connection, pending, error)
            return True
        if complete:
            self._read_to_its_end(connection, pending, now)
        return complete

    def _unreadable(self, connection: Connection, pending: InFlight, error: UnreadableError) -> None:
        code = curl_errors.WEIRD_SERVER_REPLY
        if isinstance(error, TooLargeError):
            code = curl_errors.FILESIZE_EXCEEDED
        elif isinstance(error, PackedError):
            code = curl_errors.BAD_CONTENT_ENCODING
        self._fail(connection, pending, code, str(error))

    def _read_to_its_end(self, connection: Connection, pending: InFlight, now: float) -> None:
        try:
            response = connection.reader.response(self._timings(connection, pending, now))
        except UnreadableError as error:
            self._unreadable(connection, pending, error)
            return
        reader = connection.reader
        self._answered(connection, pending, response, now, reusable=reader.reusable, surplus=reader.surplus)

    def _timings(self, connection: Connection, pending: InFlight, now: float) -> Timings:
        started = pending.started
        if connection.used:
            return Timings(0.0, 0.0, 0.0, pending.first_byte - started, now - started)
        return Timings(*connection.raw.phases(), pending.first_byte - started, now - started)

    def _answered(
        self,
        connection: Connection,
        pending: InFlight,
        response: Response,
        now: float,
        *,
        reusable: bool,
        surplus: bool = False,
    ) -> None:
        if connection.secure and reusable and (said := self._behind(connection)) is not None:
            reusable, surplus = False, surplus or not is_goodbye(said)
        if surplus:
            self._distrust(connection.origin)
        answer = self._certain(connection, response, closes=not reusable, surplus=surplus)
        connection.pending, connection.used = None, True
        if not reusable or pending.written < len(pending.data) or self._unasked.sends_surplus(connection.origin):
            self._end(pending, answer)
            self._drop(connection)
        elif self._unasked.trusts(connection.origin):
            self._end(pending, answer)
            self._free(connection, now)
        else:
            connection.kept = pending, response
            self._let_rest(connection)

    def _certain(self, connection: Connection, response: Response, *, closes: bool, surplus: bool) -> Response | Fault:
        """Return a response, or a fault in place of one that may not be the answer to this request."""
        if self._unasked.greets(connection.origin) or (
            connection.used and (surplus or self._unasked.sends_surplus(connection.origin))
        ):
            return self._uncertain(connection, response)
        if response.status == REQUEST_TIMEOUT and closes:
            return self._uncertain(connection, response, GAVE_UP)
        return response

    def _uncertain(self, connection: Connection, response: Response, why: str = ANOTHERS) -> Fault:
        host = urlsplit(connection.origin).hostname
        return Fault(FaultKind.PROTOCOL, f"{host} {why}", sent=True, timings=response.timings)

    def _free(self, connection: Connection, now: float) -> None:
        """Let the next request have a connection."""
        connection.idle_since = now
        while self._waiting and now >= self._wary.until:
            following = self._waiting.popleft()
            if following.ended:
                continue
            spoilt = self._is_spoilt(connection)
            if following.origin == connection.origin and not spoilt:
                self._write(connection, following)
                return
            self._waiting.appendleft(following)
            if spoilt:
                self._drop(connection)
                return
            break
        connection.idle.append(connection)
        if self._waiting:
            self._serve_waiting()

    def _is_spoilt(self, connection: Connection) -> bool:
        """Whether there is something unasked-for on a connection, or its end."""
        said = self._behind(connection)
        if said and not is_goodbye(said):
            self._distrust(connection.origin)
        return said is not None

    def _behind(self, connection: Connection) -> bytes | None:
        """As `_heard`; a broken connection is at its end."""
        try:
            return self._heard(connection)
        except CurlError:
            return b""

    def _ended(self, connection: Connection, pending: InFlight) -> None:
        """The server has closed: that ends the answer, or breaks it off."""
        if pending.first_byte and connection.reader.end():
            self._read_to_its_end(connection, pending, monotonic())
        elif pending.first_byte:
            self._careful_until = monotonic() + _CAREFUL
            self._fail(connection, pending, curl_errors.PARTIAL_FILE, "end of connection in the middle of the answer")
        else:
            self._broken(connection, pending, curl_errors.GOT_NOTHING, "Empty reply from server")

    def _broken(self, connection: Connection, pending: InFlight | None, code: int, text: str) -> None:
        """A connection is of no more use: start its request over if nothing of it had been written."""
        self._careful_until = monotonic() + _CAREFUL
        if pending is None:
            if connection in connection.idle:
                connection.idle.remove(connection)
            self._drop(connection)
        elif pending.begun or not connection.used:
            if connection.used:
                self._wary.beware()
            self._fail(connection, pending, code, text)
        else:
            pending.connection = None
            connection.pending = None
            self._waiting.appendleft(pending)
            self._drop(connection)

    def _expire(self) -> None:
        """End what has taken too long, and find out when to look again."""
        now, timeout = monotonic(), self._options.timeout
        for pending in [each for each in self._under_way() if now - each.started >= timeout]:
            self._give_up(pending, self._fault(pending, curl_errors.OPERATION_TIMEDOUT, ""))
        earliest = min((pending.started for pending in self._under_way()), default=_NEVER)
        self._check_at = earliest + timeout

    # -- the end of a request

    def _under_way(self) -> list[InFlight]:
        carried = [connection.pending for connection in self._connections.values() if connection.pending is not None]
        return [pending for pending in (*carried, *self._waiting, *self._started) if not pending.ended]

    def _end(self, pending: InFlight, answer: Response | Fault) -> None:
        pending.ended = True
        self.in_flight -= 1
        self._done.append((pending.token, answer))

    def _give_up(self, pending: InFlight, fault: Fault) -> None:
        self._end(pending, fault)
        if pending.connection is not None:
            self._drop(pending.connection)

    def _fail(self, connection: Connection, pending: InFlight, code: int, text: str) -> None:
        self._end(pending, self._fault(pending, code, text))
        self._drop(connection)

    def _fault(self, pending: InFlight, code: int, text: str) -> Fault:
        seconds = monotonic() - pending.started
        failure = Failure(
            code=code,
            text=text,
            url=pending.origin,
            sent=pending.begun,
            whole=pending.written == len(pending.data),
            seconds=seconds,
            proxy=proxy_of(pending.origin, self._options.proxy),
            max_response=self._options.max_response,
        )
        first_byte = pending.first_byte - pending.started if pending.first_byte else 0.0
        return Fault(failure.kind(), failure.message(), failure.sent, Timings(0.0, 0.0, 0.0, first_byte, seconds))
