"""Remembers servers that close connections, or send bytes that no request asked for."""

from __future__ import annotations

import re
from time import monotonic
from urllib.parse import urlsplit

_WARY = 10.0
"""Seconds in which no connection is reused immediately after a response, once a server has closed one there."""
_NEVER = float("inf")
_GOODBYE = re.compile(rb"HTTP/\d\.\d 408\b")
QUIET = 0.1
"""Seconds of silence after which a connection counts as quiet. Some servers send a second response up to 50 ms late."""


class ClosingServer:
    """Whether a server may close a connection immediately after a response, because it has done so before.

    A request that was sent before the close is noticed ends as `unknown`. Some gateways close each connection, or close
    after each hundredth request, so the second time the caution is permanent.

    Attributes:
        until: end of the caution, in seconds of the monotonic clock.
    """

    __slots__ = ("until",)

    def __init__(self) -> None:
        self.until = 0.0

    def beware(self) -> None:
        """Note that a connection was closed after a response that did not announce it."""
        now = monotonic()
        if now >= self.until:
            self.until = now + _WARY if self.until == 0.0 else _NEVER


class UnsolicitedSenders:
    """Servers that send bytes which no request asked for, such as a second response.

    HTTP/1.1 matches responses to requests only by order. A surplus response that arrives after the next request was
    sent would be taken for that request's response, and all later ones would be shifted by a row. Two rules prevent
    that. A server's first connections must be silent for `QUIET` seconds before their first request, and after their
    first response. Once a server has sent a surplus byte, each of its connections sends only one request.

    Attributes:
        warnings: messages for the operator; the caller removes those that it has shown.
        trusted: origins (scheme, host and port) whose connections may be used without waiting for silence.
    """

    def __init__(self, warnings: list[str]) -> None:
        self.warnings = warnings
        self._mislabelling: set[str] = set()
        self.trusted: set[str] = set()
        self._surplus: set[str] = set()
        self._greeting: set[str] = set()
        self._listened: set[str] = set()

    def sends_surplus(self, origin: str) -> bool:
        """Return whether the server has sent bytes that no request asked for."""
        return origin in self._surplus

    def listening(self, origin: str) -> float:
        """Return seconds to listen on a new connection of libcurl, which blocks all others.

        Only the first connection is listened on, and each connection of a server that has sent bytes there.
        """
        listens = origin not in self._listened or origin in self._greeting
        self._listened.add(origin)
        return QUIET if listens else 0.0

    def was_quiet(self, origin: str) -> None:
        """Note that a connection was silent after its first response."""
        if origin not in self._surplus:
            self.trusted.add(origin)

    def greets(self, origin: str) -> bool:
        """Return whether the server sends bytes on a new connection, which makes each response uncertain."""
        return origin in self._greeting

    def mislabels(self, origin: str) -> None:
        """Note a plain body with a Content-Encoding; warn the first time."""
        if origin not in self._mislabelling:
            self._mislabelling.add(origin)
            host = urlsplit(origin).netloc
            self.warnings.append(
                f"{host} names a Content-Encoding that its bodies do not have; they are used as received"
            )

    def spoke(self, origin: str, *, greets: bool = False) -> None:
        """Note bytes that no request asked for; warn the first time. `greets`: they came on a new connection."""
        late = origin in self.trusted
        self.trusted.discard(origin)
        if greets:
            self._greeting.add(origin)
        if origin not in self._surplus:
            self._surplus.add(origin)
            warning = (
                f"{urlsplit(origin).netloc} sends bytes that no request asked for, such as a second response: each "
                "connection sends one request from now on, and a response that may be another row's counts as unknown"
            )
            if late:
                warning += "; rows that were answered before may have another row's response: compare their references"
            self.warnings.append(warning)


def is_goodbye(data: bytes) -> bool:
    """Return whether surplus bytes only end a connection: a 408 (RFC 9110, 15.5.9), or blank lines."""
    return _GOODBYE.match(data) is not None or not data.strip(b"\r\n")
