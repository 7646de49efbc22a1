"""A partner that speaks through a raw socket and misbehaves in one named way; it counts whole requests by transaction.

A behaviour is a function that is given one connection. `docs/faults.md` has a row for each, and
`commands/test_faults.py` plays it against the real command line.
"""

from __future__ import annotations

import contextlib
import json
import re
import socket
import ssl
import struct
import threading
import zlib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

WAYS = {"ours": {}, "libcurl's": {"TE": "trailers"}}
"""Headers that lead a plain HTTP/1.1 request through each way of the transport."""

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_NAMED = re.compile(r'"transaction": ?"([^"]+)"')


@dataclass(frozen=True, slots=True)
class Asked:
    """One whole request."""

    target: str
    head: str
    body: str

    @property
    def transaction(self) -> str:
        found = _NAMED.search(self.body)
        return found[1] if found else "?"


class Connection:
    """One connection, from the partner's side.

    Attributes:
        number: which connection of its partner it is, from 1.
    """

    def __init__(self, partner: RawPartner, number: int, raw: socket.socket) -> None:
        self.partner = partner
        self.number = number
        self.raw = raw
        self._data = b""

    def read(self, *, count: bool = True) -> Asked | None:
        """Return the next whole request, counted; None at the end of the connection."""
        while (end := self._data.find(b"\r\n\r\n") + 4) < 4:
            if not self._more():
                return None
        length = _LENGTH.search(self._data, 0, end)
        whole = end + (int(length[1]) if length else 0)
        while len(self._data) < whole:
            if not self._more():
                return None
        head, body = self._data[:end].decode("latin-1"), self._data[end:whole].decode("latin-1")
        self._data = self._data[whole:]
        asked = Asked(head.split(" ", 2)[1], head, body)
        if count:
            self.partner.note(asked.transaction)
        return asked

    def send(self, data: bytes) -> None:
        self.raw.sendall(data)

    def endless(self, piece: bytes, pause: float = 0.0) -> None:
        """Send a piece again and again until the other side closes."""
        while not self.partner.closing.wait(pause) if pause else not self.partner.closing.is_set():
            self.raw.sendall(piece)

    def pause(self, seconds: float) -> None:
        self.partner.closing.wait(seconds)

    def wait(self) -> None:
        """Do nothing until the other side closes."""
        while self.raw.recv(65536):
            pass

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self.raw.shutdown(socket.SHUT_RDWR)
        self.raw.close()

    def reset(self) -> None:
        """Close by an RST."""
        self.raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.raw.close()

    def _more(self) -> bool:
        more = self.raw.recv(65536)
        self._data += more
        return bool(more)


Play = Callable[[Connection], None]


@dataclass(frozen=True, slots=True)
class Behaviour:
    """What a partner does to each connection, and how the tool is set up to meet it.

    Attributes:
        play: what it does.
        spec: laid over the test's spec, key by key; `$URL` in it is the partner's address, `$PORT` its port.
        rows: how many rows are sent.
        tls: whether the partner speaks TLS.
        ways: the ways of the transport that it is tried with.
        patience: seconds, given as `--patience`.
        by_hand: the thread that accepts hands over the plain socket before any TLS.
        hangs: whether it goes on without end, so that time and memory are what matters.
        timeout: seconds of an attempt.
    """

    play: Play
    spec: dict[str, Any] = field(default_factory=dict)
    rows: int = 4
    tls: bool = False
    ways: tuple[str, ...] = tuple(WAYS)
    by_hand: bool = False
    patience: float = 0.0
    hangs: bool = False
    timeout: float = 3.0


BEHAVIOURS: dict[str, Behaviour] = {}


def behaviour(**more: Any) -> Callable[[Play], Play]:
    """Register a function as a behaviour, under its own name with hyphens."""

    def register(play: Play) -> Play:
        BEHAVIOURS[play.__name__.strip("_").replace("_", "-")] = Behaviour(play, **more)
        return play

    return register


def variants(name: str, plays: dict[str, Play], **more: Any) -> None:
    """Register several behaviours that differ in one thing, as `name-variant`."""
    for variant, play in plays.items():
        BEHAVIOURS[f"{name}-{variant}"] = Behaviour(play, **more)


class RawPartner:
    """Plays a behaviour on a port of its own.

    Attributes:
        received: how often each transaction arrived whole.
        connections: how many were accepted.
        closing: set once it is closed.
    """

    def __init__(self, played: Behaviour, context: ssl.SSLContext | None = None) -> None:
        self.behaviour = played
        self.received: Counter[str] = Counter()
        self.connections = 0
        self.closing = threading.Event()
        self.notes: dict[str, Any] = {}
        """For what a behaviour remembers between connections."""
        self.context = context if played.tls else None
        self._lock = threading.Lock()
        self._open: list[Connection] = []
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port: int = self._listener.getsockname()[1]
        self.url = f"{'https' if played.tls else 'http'}://127.0.0.1:{self.port}"
        threading.Thread(target=self._accept, daemon=True).start()

    def note(self, transaction: str) -> None:
        with self._lock:
            self.received[transaction] += 1

    def first(self, name: str) -> bool:
        """Return whether this is the first call with a name."""
        with self._lock:
            known = name in self.notes
            self.notes[name] = True
            return not known

    def close(self) -> None:
        self.closing.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # ends the accept that waits
        self._listener.close()
        for connection in self._open:
            connection.close()

    def __enter__(self) -> RawPartner:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _accept(self) -> None:
        while True:
            try:
                raw, _ = self._listener.accept()
            except OSError:
                return
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.connections += 1
            connection = Connection(self, self.connections, raw)
            self._open.append(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: Connection) -> None:
        with contextlib.suppress(OSError, ValueError, AssertionError):
            if self.context is not None and not self.behaviour.by_hand:
                connection.raw = self.context.wrap_socket(connection.raw, server_side=True)
            self.behaviour.play(connection)
        if not self.behaviour.by_hand:
            connection.close()


def record_of(transaction: str) -> str:
    """Return the partner's identifier of a transaction: no form of it that a redactor would hide."""
    return f"record-{zlib.crc32(transaction.encode())}"


def answer(asked: Asked, status: str = "200 OK", headers: str = "", body: str | None = None) -> bytes:
    """Return a whole answer; its body names the partner's record, so that it shows whose answer it is."""
    text = json.dumps({"id": record_of(asked.transaction)}) if body is None else body
    return (
        f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\n{headers}Content-Length: {len(text)}\r\n\r\n{text}"
    ).encode()


# -- as it should be


@behaviour()
def well_behaved(connection: Connection) -> None:
    while asked := connection.read():
        connection.send(answer(asked))


# -- no answer, or a part of one


@behaviour(timeout=0.4)
def silent(connection: Connection) -> None:
    connection.read()
    connection.wait()


@behaviour(timeout=0.4)
def never_reads(connection: Connection) -> None:
    connection.pause(30)


@behaviour()
def closes_at_accept(connection: Connection) -> None:
    connection.close()


@behaviour()
def closes_after_reading(connection: Connection) -> None:
    connection.read()


@behaviour()
def resets_after_reading(connection: Connection) -> None:
    connection.read()
    connection.reset()


def _cut(data: Callable[[Asked], bytes], *, reset: bool) -> Play:
    def play(connection: Connection) -> None:
        asked = connection.read()
        assert asked is not None
        connection.send(data(asked))
        if reset:
            connection.pause(0.02)
            connection.reset()

    return play


_AMID: dict[str, Callable[[Asked], bytes]] = {
    "status": lambda asked: b"HTTP/1.1 2",
    "head": lambda asked: answer(asked).partition(b"Content-Length")[0],
    "body": lambda asked: answer(asked)[:-3],
    "chunk": lambda asked: b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
}
variants("closes-amid", {name: _cut(data, reset=False) for name, data in _AMID.items()})
variants("resets-amid", {name: _cut(data, reset=True) for name, data in _AMID.items()})


# -- surplus answers


def _answers_twice(gap: float, first: int = 1, every: int = 1) -> Play:
    def play(connection: Connection) -> None:
        count = 0
        while asked := connection.read():
            count += 1
            if count < first or (count - first) % every:
                connection.send(answer(asked))
                continue
            if gap < 0:
                connection.send(answer(asked) * 2)
                continue
            connection.send(answer(asked))
            connection.pause(gap)
            connection.send(answer(asked))

    return play


_TWICE = {
    "in-one-segment": _answers_twice(-1),
    "at-once": _answers_twice(0),
    "after-5-ms": _answers_twice(0.005),
    "after-20-ms": _answers_twice(0.02),
    "after-50-ms": _answers_twice(0.05),
}
variants("answers-twice", _TWICE, rows=12)
variants("answers-twice-one-by-one", _TWICE, rows=6, spec={"limits": {"concurrency": 1}})
variants("answers-twice-over-tls", _TWICE, rows=12, tls=True)


def _speaks_first(delay: float) -> Play:
    def play(connection: Connection) -> None:
        connection.pause(delay)
        connection.send(answer(Asked("/", "", "")))
        while asked := connection.read():
            connection.send(answer(asked))

    return play


_AT_ACCEPT = {"at-accept": 0.0, "5-ms-after-accept": 0.005, "20-ms-after-accept": 0.02}
variants("answers", {name: _speaks_first(delay) for name, delay in _AT_ACCEPT.items()})
variants(
    "answers-over-tls", {name: _speaks_first(delay) for name, delay in _AT_ACCEPT.items()}, tls=True, ways=("ours",)
)


@behaviour()
def greets_like_smtp(connection: Connection) -> None:
    connection.send(b"220 mail.example.com ESMTP\r\n")
    connection.wait()


# -- the status is the status line's


def _says(text: str, *, close: bool = False) -> Play:
    """Answer each request with the same bytes."""

    def play(connection: Connection) -> None:
        while connection.read():
            connection.send(text.encode("latin-1"))
            if close:
                return

    return play


variants(
    "status",
    {
        "in-a-header": _says("HTTP/1.1 500 No\r\nHTTP/1.1 200 OK: x\r\nContent-Length: 2\r\n\r\nno"),
        "in-a-trailer": _says(
            "HTTP/1.1 500 No\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nno\r\n0\r\nHTTP/1.1 200 OK: x\r\n\r\n"
        ),
        "behind-a-tab": _says("HTTP/1.1\t200 OK\r\nContent-Length: 2\r\n\r\nok", close=True),
        "behind-two-blanks": _says("HTTP/1.1  409 No\r\nContent-Length: 2\r\n\r\nno", close=True),
        "000": _says("HTTP/1.1 000 No\r\nContent-Length: 2\r\n\r\nno", close=True),
        "099": _says("HTTP/1.1 099 No\r\nContent-Length: 2\r\n\r\nno", close=True),
        "1000": _says("HTTP/1.1 1000 No\r\nContent-Length: 2\r\n\r\nno", close=True),
        "2OO": _says("HTTP/1.1 2OO OK\r\nContent-Length: 2\r\n\r\nok", close=True),
        "superscript": _says("HTTP/1.1 \xb2 OK\r\nContent-Length: 2\r\n\r\nok", close=True),
        "20": _says("HTTP/1.1 20 OK\r\nContent-Length: 2\r\n\r\nok", close=True),
        "600": _says("HTTP/1.1 600 No\r\nContent-Length: 2\r\n\r\nno"),
        "999": _says("HTTP/1.1 999 No\r\nContent-Length: 2\r\n\r\nno"),
        "of-icy": _says("ICY 200 OK\r\nContent-Length: 2\r\n\r\nok", close=True),
        "in-lower-case": _says("http/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", close=True),
        "of-http-0.9": _says("ok", close=True),
        "after-150-with-a-body": _says(
            'HTTP/1.1 150 X\r\nContent-Length: 9\r\n\r\n{"id": 1}HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n',
            close=True,
        ),
        "after-150-with-chunks": _says(
            "HTTP/1.1 150 X\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"
            "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
            close=True,
        ),
        "after-100-and-103": _says(
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
            "HTTP/1.1 409 No\r\nContent-Length: 2\r\n\r\nno"
        ),
        "101": _says("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n", close=True),
        "204-with-a-body": _says("HTTP/1.1 204 No Content\r\nContent-Length: 2\r\n\r\nok"),
        "304-with-a-body": _says("HTTP/1.1 304 Not Modified\r\nContent-Length: 2\r\n\r\nok"),
        "408-and-close": _says("HTTP/1.1 408 Slow\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", close=True),
    },
)


@behaviour()
def status_408_while_idle(connection: Connection) -> None:
    """A gateway that gives up an idle connection, and says so."""
    asked = connection.read()
    assert asked is not None
    connection.send(answer(asked))
    connection.pause(0.08)
    connection.send(b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")


@behaviour()
def status_408_unread(connection: Connection) -> None:
    """A gateway that answers 408 without reading the request."""
    connection.pause(0.5)
    connection.send(b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
    connection.pause(0.05)


PROXY = {"proxy": "$URL", "endpoint": {"staging": "http://partner.example/rows"}}
variants(
    "forwarding-proxy",
    {
        "407": _says("HTTP/1.1 407 No\r\nContent-Length: 2\r\n\r\nno"),
        "407-challenge": _says("HTTP/1.1 407 No\r\nProxy-Authenticate: Basic realm=x\r\nContent-Length: 2\r\n\r\nno"),
    },
    spec=PROXY,
    ways=("ours",),
)
TUNNEL = {
    "proxy": "$URL",
    "endpoint": {"staging": "https://partner.example/rows"},
    "limits": {"connect_timeout": "300ms"},
}
variants(
    "tunnelling-proxy",
    {
        "407": _says("HTTP/1.1 407 No\r\nContent-Length: 2\r\n\r\nno"),
        "502": _says("HTTP/1.1 502 No\r\nContent-Length: 2\r\n\r\nno"),
        "lying": _says("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"),
        "silent": lambda connection: connection.wait(),
    },
    spec=TUNNEL,
)


# -- TLS alerts


@behaviour(tls=True, by_hand=True, rows=12)
def tls_alert_after_reading(connection: Connection) -> None:
    """Read the whole request, then ask for a client certificate; OpenSSL answers its absence by a fatal alert."""
    context = connection.partner.context
    assert context is not None
    context.verify_mode, context.post_handshake_auth = ssl.CERT_REQUIRED, True
    connection.raw = secure = context.wrap_socket(connection.raw, server_side=True)
    connection.read()
    secure.verify_client_post_handshake()
    secure.do_handshake()
    connection.read()


@behaviour(tls=True, by_hand=True, rows=12)
def tls_client_certificate_required(connection: Connection) -> None:
    """Refuse the absent client certificate within the handshake, which TLS 1.3 tells the client once it is over."""
    context = connection.partner.context
    assert context is not None
    context.verify_mode, context.post_handshake_auth = ssl.CERT_REQUIRED, False
    try:
        connection.raw = context.wrap_socket(connection.raw, server_side=True)
    except ssl.SSLError:
        connection.pause(0.3)  # a close with the client's bytes unread would be a reset, and its alert be lost


# -- without end


def _endless(start: str, piece: str, *, pause: float = 0.0, read: bool = True) -> Play:
    """Send a start, then a piece again and again."""
    times = 1 if pause else max(1, 65536 // len(piece))

    def play(connection: Connection) -> None:
        if read:
            connection.read()
        connection.send(start.encode())
        connection.endless(piece.encode() * times, pause)

    return play


_CHUNKED = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
variants(
    "endless",
    {
        "status-line": _endless("HTTP/1.1 200 ", "O"),
        "blank-lines-before-the-status": _endless("", "\r\n"),
        "headers": _endless("HTTP/1.1 200 OK\r\n", "X-A: b\r\n"),
        "header-value": _endless("HTTP/1.1 200 OK\r\nX: ", "y"),
        "header-folds": _endless("HTTP/1.1 200 OK\r\nX: y\r\n", " y\r\n"),
        "100s": _endless("", "HTTP/1.1 100 Continue\r\n\r\n"),
        "103s": _endless("", "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"),
        "150s": _endless("", "HTTP/1.1 150 X\r\n\r\n"),
        "body": _endless("HTTP/1.1 200 OK\r\n\r\n", "x"),
        "body-in-64-kB-chunks": _endless(_CHUNKED, "10000\r\n" + "x" * 65536 + "\r\n"),
        "body-in-2-byte-chunks": _endless(_CHUNKED, "2\r\nab\r\n"),
        "body-in-1-byte-chunks": _endless(_CHUNKED, "1\r\na\r\n"),
        "body-in-long-extensions": _endless(_CHUNKED, "1;" + "x" * 100 + "\r\na\r\n"),
        "chunk-size-zeros": _endless(_CHUNKED, "0"),
        "chunk-size-digits": _endless(_CHUNKED, "1"),
        "chunk-size-blanks": _endless(_CHUNKED + "1", " "),
        "chunk-extension": _endless(_CHUNKED + "5;", "x"),
        "chunk-extensions": _endless(_CHUNKED + "5", ";x=y"),
        "blank-lines-between-chunks": _endless(_CHUNKED + "2\r\nab\r\n", "\r\n"),
        "trailers": _endless(_CHUNKED + "2\r\nab\r\n0\r\n", "X-A: b\r\n"),
        "trailer-value": _endless(_CHUNKED + "2\r\nab\r\n0\r\nX: ", "y"),
        "answers": _endless("", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"),
        "drip-of-the-head": _endless("HTTP/1.1 200 OK\r\nX: ", "y", pause=0.02),
        "drip-of-the-body": _endless("HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n", "y", pause=0.02),
        "drip-of-100s": _endless("", "HTTP/1.1 100 Continue\r\n\r\n", pause=0.05),
    },
    hangs=True,
    timeout=0.4,
)
variants(
    "endless-over-tls",
    {
        "body-in-2-byte-chunks": _endless(_CHUNKED, "2\r\nab\r\n"),
        "chunk-extension": _endless(_CHUNKED + "5;", "x"),
    },
    hangs=True,
    timeout=0.4,
    tls=True,
)


def _states_length(length: str, body: str = "ok") -> Play:
    return _says(f"HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{body}", close=True)


variants(
    "content-length",
    {
        "negative": _states_length("-1"),
        "signed": _states_length("+2"),
        "hex": _states_length("0x2"),
        "float": _states_length("2.0"),
        "of-2-to-64": _states_length("18446744073709551616"),
        "of-50-MB": _states_length("50000000", "x" * 65536),
        "twice-and-different": _says("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok", close=True),
    },
)
variants(
    "chunk",
    {
        "of-bad-size": _says(_CHUNKED + "zz\r\nok\r\n0\r\n\r\n", close=True),
        "of-negative-size": _says(_CHUNKED + "-2\r\nok\r\n0\r\n\r\n", close=True),
        "of-overflowing-size": _says(_CHUNKED + "fffffffffffffffff\r\nok\r\n0\r\n\r\n", close=True),
    },
)


@behaviour(timeout=0.4)
def answers_after_the_timeout(connection: Connection) -> None:
    asked = connection.read()
    assert asked is not None
    connection.pause(0.6)
    connection.send(answer(asked))


def _closes_late(gap: float) -> Play:
    """Answer as if the connection were kept, and close it a moment later."""

    def play(connection: Connection) -> None:
        asked = connection.read()
        assert asked is not None
        connection.send(answer(asked))
        connection.pause(gap)

    return play


variants(
    "closes-behind-its-answer",
    {"at-once": _closes_late(0), "after-10-ms": _closes_late(0.01), "after-50-ms": _closes_late(0.05)},
    rows=12,
)
variants(
    "redirects",
    {
        "to-a-file": _says("HTTP/1.1 302 Found\r\nLocation: file:///etc/passwd\r\nContent-Length: 0\r\n\r\n"),
        "to-gopher": _says("HTTP/1.1 302 Found\r\nLocation: gopher://localhost/\r\nContent-Length: 0\r\n\r\n"),
        "to-itself": _says("HTTP/1.1 307 Again\r\nLocation: /rows\r\nContent-Length: 0\r\n\r\n"),
    },
)
