"""Serializes plain requests as HTTP/1.1; other requests are left to libcurl."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypeAlias

from rokt_export.exchange.model import Request
from rokt_export.transport.decompression import unpacks

# RFC 9110, 8.6: a request with these methods has a Content-Length even without a body.
LENGTH_EXPECTED = frozenset({"POST", "PUT", "PATCH"})

UNSAFE_IN_HEADER = re.compile(r"[\r\n\0]")

# Scheme, host with port, path with query: already percent-encoded, without credentials or a fragment.
_PLAIN_URL = re.compile(r"(https?)://([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::(\d{1,5}))?((?:[/?][!\"$-~]*)?)")
_METHOD = re.compile(r"[A-Z]+")
_PORTS = {"http": "80", "https": "443"}

# Headers that change the framing are left to libcurl.
_NOT_PLAIN = frozenset({"expect", "te", "transfer-encoding", "upgrade"})


def says_close(connection: str) -> bool:
    """Return whether a Connection header's value contains `close`."""
    return "close" in (option.strip().lower() for option in connection.split(","))


Message: TypeAlias = tuple[str, bytes]
"""A serialized request: its server's origin (scheme, host and port), and its bytes."""


class Messages:
    """Serializes requests; parts that requests share are serialized once.

    A header is `name: value`, or `name:` if it is empty, in the order of the request: Host first, Content-Length last.
    Content-Length is that of the body, whatever the request's headers state. Nothing else is added.

    Args:
        reached: whether an origin is reached without a forwarding proxy, which needs another form of request.
    """

    def __init__(self, reached: Callable[[str], bool] = lambda _origin: True) -> None:
        self._reached = reached
        self._headers: tuple[tuple[str, str], ...] | None = None
        self._block: bytes | None = None
        self._host: bytes | None = None
        self._method = self._url = ""
        self._start: tuple[str, bytes, bytes] | None = None

    def of(self, request: Request) -> Message | None:
        """Return the message of a request; None if it is not plain or cannot be sent."""
        if request.headers is not self._headers:
            self._set_headers(request.headers)
        if request.url != self._url or request.method != self._method:
            self._set_start(request.method, request.url)
        block, start = self._block, self._start
        if block is None or start is None:
            return None
        origin, first, host = start
        body = request.body
        if body is None:
            length = b"Content-Length: 0\r\n\r\n" if request.method in LENGTH_EXPECTED else b"\r\n"
            return origin, b"%b%b%b%b" % (first, self._host or host, block, length)
        head = (first, self._host or host, block, len(body), body)
        return origin, b"%b%b%bContent-Length: %d\r\n\r\n%b" % head

    def _set_headers(self, headers: tuple[tuple[str, str], ...]) -> None:
        self._headers, self._block, self._host = headers, None, None
        lines: list[bytes] = []
        for name, value in headers:
            line = f"{name}: {value}\r\n" if value else f"{name}:\r\n"
            key = name.lower()
            closes = key == "connection" and says_close(value)  # also left to libcurl: its connection is used once
            foreign = key == "accept-encoding" and not unpacks(value)
            if closes or foreign or key in _NOT_PLAIN or UNSAFE_IN_HEADER.search(line, 0, len(line) - 2):
                return
            if key == "host":
                self._host = line.encode()
            elif key != "content-length":
                lines.append(line.encode())
        self._block = b"".join(lines)

    def _set_start(self, method: str, url: str) -> None:
        self._method, self._url, self._start = method, url, None
        found = _PLAIN_URL.fullmatch(url)
        if found is None or method == "HEAD" or not _METHOD.fullmatch(method):
            return
        scheme, host, port, target = found.groups()
        if port is not None and port != _PORTS[scheme]:
            host = f"{host}:{port}"
        if not target.startswith("/"):
            target = f"/{target}"
        origin = f"{scheme}://{host}"
        if self._reached(origin):
            self._start = origin, f"{method} {target} HTTP/1.1\r\n".encode(), f"Host: {host}\r\n".encode()
