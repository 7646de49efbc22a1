"""Sends one request at a time over HTTP/1.1 on a connection that libcurl has opened."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from rokt_export.exchange.model import Response, Timings
from rokt_export.transport import curl_errors
from rokt_export.transport.http11_responses import (
    PackedCutShortError,
    ResponseParser,
    TooLargeError,
    UnreadableError,
    known_response,
)
from rokt_export.transport.libcurl import CurlError, RawConnection
from rokt_export.transport.sockets import READABLE, WRITABLE

if TYPE_CHECKING:
    from rokt_export.transport.connection_pool import ConnectionPool

CHUNK = 16384
"""Bytes read at a time: the maximum of a TLS record."""
_MOST_CHUNKS = 8
"""Chunks read from a connection before other connections, timeouts and signals are handled."""


class InFlight(Struct, eq=False):
    """A request in flight.

    Attributes:
        token: the caller's identifier of the request.
        origin: scheme, host and port of its server.
        data: the bytes to send.
        started: its start, in seconds of the monotonic clock.
        first_byte: when the first byte of its response arrived, in the same seconds; 0.0 before that.
        written: bytes written so far.
        uncounted: whether more bytes may have been sent: OpenSSL counts a TLS record as a whole.
        connection: the connection that carries it.
        ended: whether it has a response or fault.
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
        """Whether the server may have received any of it."""
        return self.written > 0 or self.uncounted


class Connection:
    """Writes one request at a time to a connection, reads its response, and reports both to the pool."""

    __slots__ = (
        "blocked",
        "descriptor",
        "idle",
        "idle_since",
        "kept",
        "origin",
        "pool",
        "raw",
        "reader",
        "receive",
        "request",
        "secure",
        "send",
        "used",
    )

    def __init__(self, raw: RawConnection, origin: str, pool: ConnectionPool, idle: list[Connection]) -> None:
        self.raw = raw
        self.origin = origin
        self.pool = pool
        self.idle = idle
        self.send, self.receive = raw.send, raw.receive
        self.reader = ResponseParser(pool.max_response)
        self.request: InFlight | None = None
        self.kept: tuple[InFlight, Response] | None = None
        self.secure = origin.startswith("https")
        self.descriptor = -1
        self.idle_since = 0.0
        self.used = False
        self.blocked = False

    def open(self) -> None:
        """Note that libcurl has opened the connection."""
        self.descriptor = self.raw.open()
        self.send, self.receive = self.raw.send, self.raw.receive

    def ready(self, _descriptor: int, readiness: int) -> None:
        """Read and write as far as the socket allows; a callback of `Sockets`."""
        # Read an early response before writing more: the server may have closed after it.
        if readiness & READABLE:
            self.read()
        if readiness & WRITABLE and self.blocked and self.descriptor >= 0 and self.request is not None:
            self.write(self.request)

    def write(self, request: InFlight) -> None:
        """Write a request, or the rest of it."""
        self.request, request.connection = request, self
        data = request.data
        try:
            if self.secure and len(data) > CHUNK:
                self._write_records(request)
            else:
                request.written += self.send(memoryview(data)[request.written :] if request.written else data)
        except BlockingIOError:
            request.uncounted = self.secure
        except (CurlError, OSError) as error:
            if request.begun:
                self.read()  # the response may have arrived before the server closed
            if not request.ended:
                self.pool.broken(self, request, *curl_errors.broken(error, "Send"))
            return
        blocked = request.written < len(data)
        if blocked is not self.blocked:
            self.blocked = blocked
            self.pool.sockets.want(self.descriptor, write=blocked)

    def _write_records(self, request: InFlight) -> None:
        """Write one TLS record at a time: OpenSSL does not report how many of several records were sent."""
        view = memoryview(request.data)
        while request.written < len(view):
            request.written += self.send(view[request.written : request.written + CHUNK])

    def read(self) -> None:
        """Read what has arrived, up to a few chunks."""
        for _ in range(_MOST_CHUNKS):
            request = self.request
            try:
                data = self.receive(CHUNK)
            except BlockingIOError:
                return
            except (CurlError, OSError) as error:
                self.pool.broken(self, request, *curl_errors.broken(error, "Recv"))
                return
            if request is None or not (request.written or request.uncounted):  # `begun`, for each response
                self.pool.spoke(self, request, data)
                return
            if not data:
                self._closed(request)
                return
            now = self._arrival(request) if self.pool.sockets.late else monotonic()
            if not request.first_byte:
                request.first_byte = now
                if (known := known_response(data)) is not None and len(known[1]) <= self.pool.max_response:
                    head, body = known
                    seconds = now - request.started
                    timings = Timings(0.0, 0.0, 0.0, seconds, seconds) if self.used else self._timings(request, now)
                    response = Response(head.status, head.headers, body, timings, head.version)
                    self.pool.responded(self, request, response, now, reusable=True)
                    return
                self.reader.begin()
            if self._take_in(request, data, now) or (len(data) < CHUNK and not self.secure):
                return
        self.pool.unread.append(self)  # the socket does not signal data that TLS has already decrypted

    def _take_in(self, request: InFlight, data: bytes, now: float) -> bool:
        """Feed data to the response; return whether it is complete."""
        try:
            complete = self.reader.feed(data)
        except UnreadableError as error:
            self._unreadable(request, error)
            return True
        if complete:
            self._complete(request, now)
        return complete

    def _complete(self, request: InFlight, now: float) -> None:
        reader = self.reader
        try:
            response = reader.response(self._timings(request, now))
        except UnreadableError as error:
            self._unreadable(request, error)
            return
        if reader.mislabelled:
            self.pool.mislabelled(self)
        self.pool.responded(self, request, response, now, reusable=reader.reusable, surplus=reader.surplus)

    def _unreadable(self, request: InFlight, error: UnreadableError) -> None:
        code = curl_errors.WEIRD_SERVER_REPLY
        if isinstance(error, TooLargeError):
            code = curl_errors.FILESIZE_EXCEEDED
        elif isinstance(error, PackedCutShortError):
            code = curl_errors.PARTIAL_FILE
        self.pool.fail(self, request, code, str(error))

    def _closed(self, request: InFlight) -> None:
        """Handle the server's close, which completes the response or cuts it off."""
        if not request.first_byte:
            self.pool.broken(self, request, curl_errors.GOT_NOTHING, "Empty reply from server")
        elif self.reader.end():
            self._complete(request, self._arrival(request))
        else:
            self.pool.take_care()
            self.pool.fail(self, request, curl_errors.PARTIAL_FILE, "end of connection in the middle of the response")

    def ends_in_time(self, request: InFlight) -> bool:
        """Return whether the response is complete but for the blank line that ends its chunks; then it is settled."""
        if not request.first_byte or not self.reader.end(closed=False):
            return False
        self._complete(request, monotonic())
        return True

    def _arrival(self, request: InFlight) -> float:
        """Return when the data that was just read arrived: now, unless nobody looked for a while."""
        return max(request.first_byte or request.started, self.pool.sockets.arrival(self.descriptor))

    def _timings(self, request: InFlight, now: float) -> Timings:
        started = request.started
        if self.used:
            return Timings(0.0, 0.0, 0.0, request.first_byte - started, now - started)
        return Timings(*self.raw.phases(), request.first_byte - started, now - started)

    def heard(self) -> bytes | None:
        """Return data that arrived while the connection has no request: b"" is its end, None means no data.

        Raises:
            CurlError: the connection is broken.
        """
        try:
            return self.receive(CHUNK)
        except BlockingIOError:
            return None
        except OSError as error:
            raise CurlError(*curl_errors.broken(error, "Recv")) from error

    def heard_or_end(self) -> bytes | None:
        """As `heard`, but b"" for a broken connection."""
        try:
            return self.heard()
        except CurlError:
            return b""
