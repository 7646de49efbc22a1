"""Remembers servers that close connections, or send bytes on them, unasked."""

from __future__ import annotations

import re
from time import monotonic
from urllib.parse import urlsplit

_WARY = 10.0
"""Seconds in which no connection is used right behind a response, once a server has closed one there."""
_NEVER = float("inf")
_GOODBYE = re.compile(rb"HTTP/\d\.\d 408\b")
QUIET = 0.1
"""Seconds of silence that prove a connection quiet. Servers were seen to send a second response up to 50 ms late."""


class Wariness:
    """A server that has closed a connection right behind a response may do it again.

    The next request was sent before that could be known, and its fate is unknown. Some gateways do
    this with each connection, or each hundredth request: so the second time it is for good.

    Attributes:
        until: seconds of the monotonic clock.
    """

    __slots__ = ("until",)

    def __init__(self) -> None:
        self.until = 0.0

    def beware(self) -> None:
        """Take note that a connection was closed behind a response that did not say so."""
        now = monotonic()
        if now >= self.until:
            self.until = now + _WARY if self.until == 0.0 else _NEVER


class Unasked:
    """Servers that send bytes which no request asked for, such as a second response.

    HTTP/1.1 pairs responses with requests by their order alone. A surplus response that arrives after the next request
    has left is taken for its response, and each later one belongs to the row before. Two rules prevent that. A
    server's first connections must stay silent for `QUIET` seconds before their first request, and again behind their
    first response. Once a server has sent a surplus byte, each of its connections carries one request.

    Attributes:
        warnings: messages; the caller that shows them removes them.
    """

    def __init__(self, warnings: list[str]) -> None:
        self.warnings = warnings
        self._mislabelling: set[str] = set()
        self._proven: set[str] = set()
        self._surplus: set[str] = set()
        self._greeting: set[str] = set()
        self._listened: set[str] = set()

    def trusts(self, origin: str) -> bool:
        """Return whether a connection to an origin (scheme, host and port) may be used without a silence before."""
        return origin in self._proven

    def sends_surplus(self, origin: str) -> bool:
        """Return whether the server has sent bytes that no request asked for."""
        return origin in self._surplus

    def listening(self, origin: str) -> float:
        """Return seconds to listen on a new connection of libcurl's, which keeps all others waiting.

        That is done on the first one, and on each of a server that was heard to send bytes there.
        """
        listens = origin not in self._listened or origin in self._greeting
        self._listened.add(origin)
        return QUIET if listens else 0.0

    def was_quiet(self, origin: str) -> None:
        """Take note that a connection was silent behind its first response."""
        if origin not in self._surplus:
            self._proven.add(origin)

    def greets(self, origin: str) -> bool:
        """Return whether the server sends bytes on a new connection before a request: no response of it is certain."""
        return origin in self._greeting

    def mislabels(self, origin: str) -> None:
        """Take note of a plain body under a Content-Encoding, and warn the first time."""
        if origin not in self._mislabelling:
            self._mislabelling.add(origin)
            host = urlsplit(origin).netloc
            self.warnings.append(
                f"{host} names a Content-Encoding that its bodies do not have; they are read as they are"
            )

    def spoke(self, origin: str, *, greets: bool = False) -> None:
        """Take note of bytes that no request asked for, on a new connection or not, and warn the first time."""
        self._proven.discard(origin)
        if greets:
            self._greeting.add(origin)
        if origin not in self._surplus:
            self._surplus.add(origin)
            self.warnings.append(
                f"{urlsplit(origin).netloc} sends bytes that no request asked for, such as a second answer: each "
                "connection carries one request from now on, and an answer that may be another row's counts as unknown"
            )


def is_goodbye(data: bytes) -> bool:
    """Return whether unasked bytes only end a connection: a 408 (RFC 9110, 15.5.9), or blank lines."""
    return _GOODBYE.match(data) is not None or not data.strip(b"\r\n")
