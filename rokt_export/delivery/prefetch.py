"""How many transactions are intended ahead of their sends: as few as the partner's pace allows."""

from __future__ import annotations

from math import ceil

_MOST = 500
"""Transactions intended ahead at most: what a crash can leave uncertain besides those in flight."""
_PORTION = 128
"""Of a large stock, transactions rendered and intended at a time: while that lasts, answers wait."""
_AHEAD = 0.04
"""Seconds of sending that a stock lasts, at least: with 20,000 sends a second, a batch for each 64 of them cost a tenth
of the time, in commits and in waiting for another worker's."""
_AHEAD_PACED = 0.05
"""Seconds of sending that a stock lasts at most where a rate is kept."""


class Stock:
    """Says when to take in more, and how many, from how fast those before left.

    A row that was intended and not sent is uncertain after a crash all the same, so a slow partner's stock is small:
    twice what may be in flight, or less where a rate makes it wait.

    Args:
        concurrency: sends in flight at most.
        rate: sends per second at most; None = as fast as they are answered.
    """

    def __init__(self, concurrency: int, rate: float | None = None) -> None:
        self._least = self._most = min(_MOST, 2 * concurrency)
        if rate is None:
            self._most = _MOST
        else:
            self._least = self._most = max(1, min(self._least, ceil(rate * _AHEAD_PACED)))
        self.size = self._least
        self._portion = min(_PORTION, self.size)
        self._speed = 0.0
        self._held = 0
        self._since = 0.0

    def is_low(self, ready: int, *, idle: bool) -> bool:
        """Return whether to take in more, given how many are left.

        While answers keep coming that waits until few are left: they would wait too. Else it is done sooner.
        """
        if idle:
            return (self.size - ready) * 4 >= self._portion * 3
        return ready * 4 <= self.size

    def wanted(self, ready: int, now: float) -> int:
        """Return how many to take in, given how many are left and the time in seconds."""
        if now > self._since:
            self._adapt(max(0, self._held - ready) / (now - self._since))
        self._since = now
        return max(1, min(self.size - ready, self._portion))

    def filled(self, ready: int) -> None:
        """Note how many there are after more were taken in."""
        self._held = ready

    def _adapt(self, speed: float) -> None:
        self._speed = (self._speed + speed) / 2
        ahead = int(self._speed * _AHEAD)
        self.size = max(self._least, min(ahead, self._most))
        self._portion = min(self.size, max(_PORTION, ahead))
