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
from rokt_export.transport.libcurl import MAX_IDLE_SECONDS, Connection, CurlError, Multi, proxy_of
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


class Errand(Struct, eq=False):
    """One request on its way, from its start to its answer.

    Attributes:
        token: whose it is.
        origin: scheme, host and port of its server.
        data: what goes on the wire.
        started: seconds of the monotonic clock when it began.
        first_byte: the same for its answer's first byte; 0.0 before that.
        written: bytes that went out.
        doubtful: whether some may have gone out that are not counted yet: of a TLS record, only all or nothing is.
        line: the connection that carries it.
        ended: whether it has its answer.
    """

    token: Any
    origin: str
    data: bytes
    started: float
    first_byte: float = 0.0
    written: int = 0
    doubtful: bool = False
    line: _Line | None = None
    ended: bool = False

    @property
    def begun(self) -> bool:
        """Whether any of it may be at its server."""
        return self.written > 0 or self.doubtful


class _Line:
    """One connection, and the errand that it is busy with."""

    __slots__ = (
        "blocked",
        "connection",
        "descriptor",
        "errand",
        "idle",
        "idle_since",
        "kept",
        "origin",
        "reader",
        "receive",
        "secure",
        "send",
        "used",
    )

    def __init__(self, connection: Connection, origin: str, most: int, idle: list[_Line]) -> None:
        self.connection = connection
        self.origin = origin
        self.idle = idle
        self.send, self.receive = connection.send, connection.receive
        self.reader = AnswerReader(most)
        self.errand: Errand | None = None
        self.kept: tuple[Errand, Response] | None = None
        self.secure = origin.startswith("https")
        self.descriptor = -1
        self.idle_since = 0.0
        self.used = False
        self.blocked = False


class Lines:
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
        self._started: list[Errand] = []
        self._waiting: deque[Errand] = deque()
        self._lines: dict[Any, _Line] = {}
        self._idle: dict[str, list[_Line]] = {}
        self._check_at = _NEVER
        self._careful_until = 0.0
        self._wary = Wariness()
        self._unasked = unasked
        self._quiet = min(QUIET, options.timeout / 5)
        self._resting: deque[tuple[float, _Line]] = deque()
        """Connections that must stay silent for a while, and until when."""
        self._unread: list[_Line] = []
        self._full_turns = 0
        self.in_flight = 0
        self.opening: set[_Line] = set()

    @property
    def unsent(self) -> bool:
        """Whether any have been started that `flush` has not seen."""
        return bool(self._started)

    def start(self, errands: Sequence[Errand]) -> None:
        """Begin requests: they leave at the next `flush`, or once there are connections for them."""
        self.in_flight += len(errands)
        self._started += errands

    def flush(self) -> None:
        """Write what has been started, or open connections for it."""
        started, self._started = self._started, []
        if started and self._check_at == _NEVER:
            self._check_at = started[0].started + self._options.timeout
        for errand in started:
            if not errand.ended:
                self._assign(errand)

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
            for line in unread:
                if line.descriptor >= 0:
                    self._read(line)
        if self._resting:
            self._end_rests()
        if monotonic() >= self._check_at and self._is_looked_through(ready):
            self._expire()

    def _is_looked_through(self, ready: int) -> bool:
        """Whether all that has arrived was read; after a pause it is more than one turn's, and none of it is late."""
        self._full_turns = self._full_turns + 1 if ready >= MOST_EVENTS else 0
        if self._full_turns * MOST_EVENTS > len(self._lines):
            self._full_turns = 0
        return self._full_turns == 0

    def cancel(self, chosen: Callable[[Any], bool]) -> None:
        """End the requests whose token is chosen."""
        for _, line in self._resting:
            if line.kept is not None and chosen(line.kept[0].token):
                self._give_out(line, line.kept[1])
        self._cancel([each for each in self._under_way() if chosen(each.token)])

    def cancel_unsent(self) -> None:
        """End the requests of which nothing was written."""
        self._cancel([each for each in self._under_way() if not each.begun])

    def _cancel(self, errands: Sequence[Errand]) -> None:
        for errand in errands:
            how_far = "its request may have arrived" if errand.begun else "nothing was sent"
            seconds = monotonic() - errand.started
            fault = Fault(FaultKind.CANCELLED, f"cancelled; {how_far}", errand.begun, Timings(total=seconds))
            self._give_up(errand, fault)

    def close(self) -> None:
        """Drop every request, unanswered, and every connection."""
        for line in self._lines.values():
            self._multi.remove(line.connection.handle)
        self._multi.close()
        for line in self._lines.values():
            line.connection.close()
        self._lines.clear()
        self.in_flight = 0
        self._started.clear()
        self._waiting.clear()
        self._idle.clear()
        self._resting.clear()
        self._unread.clear()
        self.opening.clear()

    # -- a connection for each errand

    def _assign(self, errand: Errand) -> None:
        idle = self._idle.get(errand.origin)
        wary = errand.started < self._wary.until
        while idle:
            if wary and errand.started - idle[0].idle_since < _REST:
                break
            line = idle.pop(0 if wary else -1)
            if errand.started - line.idle_since < MAX_IDLE_SECONDS and not self._is_doubtful(line, errand.started):
                self._write(line, errand)
                return
            self._close(line)
        if self._resting and self._soon_free(errand.origin) > len(self._waiting):
            self._waiting.append(errand)
        elif self._has_room():
            self._open(errand)
        else:
            self._waiting.append(errand)

    def _soon_free(self, origin: str) -> int:
        """How many connections only rest behind their first answer."""
        return sum(line.errand is None and line.origin == origin and line.descriptor >= 0 for _, line in self._resting)

    def _is_doubtful(self, line: _Line, now: float) -> bool:
        """Whether a connection is of no use any more, looked into where another has broken a moment ago.

        A server that goes down closes one after the other; what is written into one that it has just closed could not
        be told from what was received.
        """
        return now < self._careful_until and self._is_spoilt(line)

    def _has_room(self) -> bool:
        """Whether another connection may be opened; an idle one of another origin makes room."""
        if len(self._lines) < self._options.max_connections:
            return True
        other = next((lines for lines in self._idle.values() if lines), None)
        if other is not None:
            self._close(other.pop(0))
        return other is not None

    def _open(self, errand: Errand) -> None:
        try:
            connection = Connection(errand.origin, self._options, self._trusted, self._sockets.opened)
        except CurlError as error:
            self._end(errand, self._fault(errand, curl_errors.URL_MALFORMED, str(error)))
            return
        line = _Line(connection, errand.origin, self._options.max_response, self._idle.setdefault(errand.origin, []))
        line.errand = errand
        errand.line = line
        self._lines[connection.handle] = line
        self.opening.add(line)
        self._multi.add(connection.handle)

    def _collect(self) -> None:
        """Put the connections that now stand to use, and tell of those that could not be opened."""
        left = 1
        while left:
            left, opened, failed = self._multi.results()
            for handle in opened:
                line = self._lines[handle]
                self.opening.discard(line)
                line.descriptor = line.connection.descriptor
                self._sockets.adopt(line.descriptor, partial(self._ready, line))
                if self._unasked.trusts(line.origin):
                    if line.errand is not None:
                        self._write(line, line.errand)
                else:
                    self._let_rest(line)
            for handle, code, text in failed:
                line = self._lines[handle]
                if (errand := line.errand) is not None:
                    self._end(errand, line.connection.refused(code, text))
                self._drop(line)

    def _drop(self, line: _Line) -> None:
        """Close a connection; whoever waits for one has its place."""
        if line.kept is not None:
            self._give_out(line, line.kept[1])
        self._close(line)
        self._next_in_line()

    def _close(self, line: _Line) -> None:
        if line.descriptor >= 0:
            self._sockets.release(line.descriptor)
        self.opening.discard(line)
        handle = line.connection.handle
        del self._lines[handle]
        self._multi.remove(handle)
        line.connection.close()
        line.descriptor = -1
        line.errand = None

    def _next_in_line(self) -> None:
        while self._waiting and self._has_room():
            errand = self._waiting.popleft()
            if errand.line is None and not errand.ended:
                self._open(errand)

    # -- what no request asked for

    def _let_rest(self, line: _Line) -> None:
        """Listen before a connection is used: its server is not known to be quiet."""
        self._resting.append((monotonic() + self._quiet, line))

    def _end_rests(self) -> None:
        now = monotonic()
        while self._resting and self._resting[0][0] <= now:
            line = self._resting.popleft()[1]
            if line.descriptor < 0:
                continue
            errand = line.errand
            try:
                said = self._heard(line)
            except CurlError as error:
                self._broken(line, errand, *error.args)
                continue
            if said is not None:
                self._spoke(line, errand, said)
            elif line.kept is not None:
                self._give_out(line, line.kept[1])
                if self._unasked.sends_surplus(line.origin):
                    self._drop(line)
                else:
                    self._unasked.was_quiet(line.origin)
                    self._free(line, now)
            elif errand is not None:
                errand.started += self._quiet
                self._write(line, errand)

    def _give_out(self, line: _Line, answer: Response | Fault) -> None:
        """Hand over the answer that was kept until its connection was known to be silent, or not."""
        assert line.kept is not None
        self._end(line.kept[0], answer)
        line.kept = None

    def _heard(self, line: _Line) -> bytes | None:
        """Return what has arrived on a connection with no request on it: b"" is its end, None is silence."""
        try:
            return line.receive(_CHUNK)
        except BlockingIOError:
            return None

    def _spoke(self, line: _Line, errand: Errand | None, said: bytes) -> None:
        """Bytes have arrived, or the end, before a request was written: they are nobody's answer."""
        goodbye = not said or is_goodbye(said)
        if not goodbye:
            self._distrust(line.origin, greets=errand is not None and not line.used)
        if line.kept is not None:
            response = line.kept[1]
            self._give_out(line, response if goodbye else self._doubted(line, response))
        self._broken(line, errand, curl_errors.GOT_NOTHING, CLOSED if goodbye else SPOKE_FIRST)

    def _distrust(self, origin: str, *, greets: bool = False) -> None:
        self._unasked.spoke(origin, greets=greets)
        idle = self._idle[origin]
        while idle:
            self._close(idle.pop())

    # -- one exchange

    def _ready(self, line: _Line, _descriptor: int, readiness: int) -> None:
        # An answer that has come before the whole request went out is read first: the server may have closed behind it.
        if readiness & READABLE:
            self._read(line)
        if readiness & WRITABLE and line.blocked and line.descriptor >= 0 and line.errand is not None:
            self._write(line, line.errand)

    def _write(self, line: _Line, errand: Errand) -> None:
        """Write an errand, or what is left of it, to the connection that carries it from now on."""
        line.errand, errand.line = errand, line
        data = errand.data
        try:
            if line.secure and len(data) > _CHUNK:
                self._write_records(line, errand)
            else:
                errand.written += line.send(memoryview(data)[errand.written :] if errand.written else data)
        except BlockingIOError:
            errand.doubtful = line.secure
        except CurlError as error:
            if errand.begun:
                self._read(line)  # its answer may have come before the server closed
            if not errand.ended:
                self._broken(line, errand, *error.args)
            return
        blocked = errand.written < len(data)
        if blocked is not line.blocked:
            line.blocked = blocked
            self._sockets.want(line.descriptor, write=blocked)

    def _write_records(self, line: _Line, errand: Errand) -> None:
        """Write a long errand a TLS record at a time: of several at once, OpenSSL would not tell how many went out."""
        view = memoryview(errand.data)
        while errand.written < len(view):
            errand.written += line.send(view[errand.written : errand.written + _CHUNK])

    def _read(self, line: _Line) -> None:
        for _ in range(_MOST_CHUNKS):
            errand = line.errand
            try:
                data = line.receive(_CHUNK)
            except BlockingIOError:
                return
            except CurlError as error:
                self._broken(line, errand, *error.args)
                return
            if errand is None or not errand.begun:
                self._spoke(line, errand, data)
                return
            if not data:
                self._ended(line, errand)
                return
            if self._take_in(line, errand, data) or (len(data) < _CHUNK and not line.secure):
                return
        self._unread.append(line)  # what TLS has decrypted already no socket would tell of

    def _take_in(self, line: _Line, errand: Errand, data: bytes) -> bool:
        """Read on in an answer; return whether there is no more of it to come."""
        now = monotonic()
        if not errand.first_byte:
            errand.first_byte = now
            if (known := known_answer(data)) is not None and len(known[1]) <= self._most:
                head, body = known
                timings = self._timings(line, errand, now)
                response = Response(head.status, head.headers, body, timings, head.version)
                self._answered(line, errand, response, now, reusable=True)
                return True
            line.reader.begin()
        try:
            complete = line.reader.feed(data)
        except UnreadableError as error:
            self._unreadable(line, errand, error)
            return True
        if complete:
            self._read_to_its_end(line, errand, now)
        return complete

    def _unreadable(self, line: _Line, errand: Errand, error: UnreadableError) -> None:
        code = curl_errors.WEIRD_SERVER_REPLY
        if isinstance(error, TooLargeError):
            code = curl_errors.FILESIZE_EXCEEDED
        elif isinstance(error, PackedError):
            code = curl_errors.BAD_CONTENT_ENCODING
        self._fail(line, errand, code, str(error))

    def _read_to_its_end(self, line: _Line, errand: Errand, now: float) -> None:
        try:
            response = line.reader.response(self._timings(line, errand, now))
        except UnreadableError as error:
            self._unreadable(line, errand, error)
            return
        reader = line.reader
        self._answered(line, errand, response, now, reusable=reader.reusable, surplus=reader.surplus)

    def _timings(self, line: _Line, errand: Errand, now: float) -> Timings:
        started = errand.started
        if line.used:
            return Timings(0.0, 0.0, 0.0, errand.first_byte - started, now - started)
        return Timings(*line.connection.phases(), errand.first_byte - started, now - started)

    def _answered(
        self, line: _Line, errand: Errand, response: Response, now: float, *, reusable: bool, surplus: bool = False
    ) -> None:
        if line.secure and reusable and (said := self._behind(line)) is not None:
            reusable, surplus = False, surplus or not is_goodbye(said)
        if surplus:
            self._distrust(line.origin)
        answer = self._certain(line, response, closes=not reusable, surplus=surplus)
        line.errand, line.used = None, True
        if not reusable or errand.written < len(errand.data) or self._unasked.sends_surplus(line.origin):
            self._end(errand, answer)
            self._drop(line)
        elif self._unasked.trusts(line.origin):
            self._end(errand, answer)
            self._free(line, now)
        else:
            line.kept = errand, response
            self._let_rest(line)

    def _certain(self, line: _Line, response: Response, *, closes: bool, surplus: bool) -> Response | Fault:
        """Return a response, or a fault in place of one that may not be the answer to this request."""
        if self._unasked.greets(line.origin) or (line.used and (surplus or self._unasked.sends_surplus(line.origin))):
            return self._doubted(line, response)
        if response.status == REQUEST_TIMEOUT and closes:
            return self._doubted(line, response, GAVE_UP)
        return response

    def _doubted(self, line: _Line, response: Response, why: str = ANOTHERS) -> Fault:
        host = urlsplit(line.origin).hostname
        return Fault(FaultKind.PROTOCOL, f"{host} {why}", sent=True, timings=response.timings)

    def _free(self, line: _Line, now: float) -> None:
        """Let the next request have a connection."""
        line.idle_since = now
        while self._waiting and now >= self._wary.until:
            following = self._waiting.popleft()
            if following.ended:
                continue
            spoilt = self._is_spoilt(line)
            if following.origin == line.origin and not spoilt:
                self._write(line, following)
                return
            self._waiting.appendleft(following)
            if spoilt:
                self._drop(line)
                return
            break
        line.idle.append(line)
        if self._waiting:
            self._next_in_line()

    def _is_spoilt(self, line: _Line) -> bool:
        """Whether there is something unasked-for on a connection, or its end."""
        said = self._behind(line)
        if said and not is_goodbye(said):
            self._distrust(line.origin)
        return said is not None

    def _behind(self, line: _Line) -> bytes | None:
        """As `_heard`; a broken connection is at its end."""
        try:
            return self._heard(line)
        except CurlError:
            return b""

    def _ended(self, line: _Line, errand: Errand) -> None:
        """The server has closed: that ends the answer, or breaks it off."""
        if errand.first_byte and line.reader.end():
            self._read_to_its_end(line, errand, monotonic())
        elif errand.first_byte:
            self._careful_until = monotonic() + _CAREFUL
            self._fail(line, errand, curl_errors.PARTIAL_FILE, "end of connection in the middle of the answer")
        else:
            self._broken(line, errand, curl_errors.GOT_NOTHING, "Empty reply from server")

    def _broken(self, line: _Line, errand: Errand | None, code: int, text: str) -> None:
        """A connection is of no more use: start its errand over if nothing of it had been written."""
        self._careful_until = monotonic() + _CAREFUL
        if errand is None:
            if line in line.idle:
                line.idle.remove(line)
            self._drop(line)
        elif errand.begun or not line.used:
            if line.used:
                self._wary.beware()
            self._fail(line, errand, code, text)
        else:
            errand.line = None
            line.errand = None
            self._waiting.appendleft(errand)
            self._drop(line)

    def _expire(self) -> None:
        """End what has taken too long, and find out when to look again."""
        now, timeout = monotonic(), self._options.timeout
        for errand in [each for each in self._under_way() if now - each.started >= timeout]:
            self._give_up(errand, self._fault(errand, curl_errors.OPERATION_TIMEDOUT, ""))
        earliest = min((errand.started for errand in self._under_way()), default=_NEVER)
        self._check_at = earliest + timeout

    # -- the end of an errand

    def _under_way(self) -> list[Errand]:
        carried = [line.errand for line in self._lines.values() if line.errand is not None]
        return [errand for errand in (*carried, *self._waiting, *self._started) if not errand.ended]

    def _end(self, errand: Errand, answer: Response | Fault) -> None:
        errand.ended = True
        self.in_flight -= 1
        self._done.append((errand.token, answer))

    def _give_up(self, errand: Errand, fault: Fault) -> None:
        self._end(errand, fault)
        if errand.line is not None:
            self._drop(errand.line)

    def _fail(self, line: _Line, errand: Errand, code: int, text: str) -> None:
        self._end(errand, self._fault(errand, code, text))
        self._drop(line)

    def _fault(self, errand: Errand, code: int, text: str) -> Fault:
        seconds = monotonic() - errand.started
        failure = Failure(
            code=code,
            text=text,
            url=errand.origin,
            sent=errand.begun,
            whole=errand.written == len(errand.data),
            seconds=seconds,
            proxy=proxy_of(errand.origin, self._options.proxy),
            max_response=self._options.max_response,
        )
        first_byte = errand.first_byte - errand.started if errand.first_byte else 0.0
        return Fault(failure.kind(), failure.message(), failure.sent, Timings(0.0, 0.0, 0.0, first_byte, seconds))
