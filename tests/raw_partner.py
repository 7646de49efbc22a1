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

WAYS = {"ours": {}, "libcurl's": {"Accept-Encoding": "identity"}}
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
    """

    play: Play
    spec: dict[str, Any] = field(default_factory=dict)
    rows: int = 4
    tls: bool = False
    ways: tuple[str, ...] = tuple(WAYS)
    by_hand: bool = False
    patience: float = 0.0


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
        self._context = context
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
        with contextlib.suppress(OSError, ValueError):
            if self._context is not None and not self.behaviour.by_hand:
                connection.raw = self._context.wrap_socket(connection.raw, server_side=True)
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


@behaviour()
def silent(connection: Connection) -> None:
    connection.read()
    connection.wait()


@behaviour()
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
