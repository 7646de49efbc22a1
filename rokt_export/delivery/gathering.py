"""Rows gathered for one request, before any of them is intended: a crash leaves no more in doubt than what was sent."""

from __future__ import annotations

from collections import deque
from itertools import pairwise

from rokt_export.request.batches import RequestRecord
from rokt_export.transactions.transaction import Transaction

_PAUSE = 0.2
"""Seconds without another row after which the gathered rows go."""
_LONGEST = 2.0
"""Seconds that a row waits at most, where others keep coming."""


class GatheredRows:
    """The gathered rows, in order, of which the first that join each other make the next request."""

    def __init__(self) -> None:
        self._rows: deque[tuple[Transaction, RequestRecord]] = deque()
        self._first = self._last = 0.0
        self._apart = 0

    def __len__(self) -> int:
        return len(self._rows)

    def add(self, transaction: Transaction, record: RequestRecord, now: float) -> None:
        """Add a row."""
        self._last = now
        if not self._rows:
            self._first = now
        elif not self._apart and not record.joins(self._rows[-1][1]):
            self._apart = len(self._rows)
        self._rows.append((transaction, record))

    def wait(self, now: float) -> float:
        """Return seconds until the gathered rows have waited long enough."""
        return max(0.0, min(self._last + _PAUSE, self._first + _LONGEST) - now)

    def take(self, most: int, now: float, *, last: bool) -> list[tuple[Transaction, RequestRecord]]:
        """Return the rows of the next request; none where it is worth waiting for more.

        Args:
            most: rows of a request at most.
            now: of the monotonic clock, in seconds.
            last: whether there will be no more.
        """
        size = min(most, self._apart or len(self._rows))
        if not size or not (size == most or self._apart or last or self.wait(now) <= 0):
            return []
        taken = [self._rows.popleft() for _ in range(size)]
        self._first = self._last = now
        self._apart = self._apart - size if self._apart > size else self._first_apart()
        return taken

    def _first_apart(self) -> int:
        """Return how many of the rows join each other before one does not; 0 where all do."""
        records = [record for _, record in self._rows]
        return next((place for place, (one, other) in enumerate(pairwise(records), 1) if not other.joins(one)), 0)
