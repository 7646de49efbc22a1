"""Knows whether a server closes connections right behind an answer, without a word."""

from __future__ import annotations

from time import monotonic

_WARY = 10.0
"""Seconds in which no connection is used right behind an answer, once a server has closed one there."""
_NEVER = float("inf")


class Wariness:
    """A server that has closed a connection right behind an answer may do it again.

    The next request was on its way before that could be known, and nobody knows what became of it. Some gateways do
    this with each connection, or each hundredth request: so the second time it is for good.

    Attributes:
        until: seconds of the monotonic clock.
    """

    __slots__ = ("until",)

    def __init__(self) -> None:
        self.until = 0.0

    def beware(self) -> None:
        """Take note that a connection was closed behind an answer that did not say so."""
        now = monotonic()
        if now >= self.until:
            self.until = now + _WARY if self.until == 0.0 else _NEVER
