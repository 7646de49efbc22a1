"""What waits for another attempt, for how long, and whether there is one at all."""

from __future__ import annotations

import heapq
import random
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from typing import Generic, TypeVar

T = TypeVar("T")

_MOST_BUDGET = 1000.0
_EARNED = 0.2
"""Of a retry, by each exchange that ends: retries are a share of the traffic, so that a partner in trouble is not
loaded threefold."""
_LONGEST = 3600.0


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """When a request that was answered is sent again.

    Attributes:
        attempts: on the wire per transaction, at most.
        backoff: seconds before the second attempt, doubled for each further one, with full jitter.
        backoff_limit: seconds between two attempts, at most.
        repeatable: a request may be sent again though its bytes may have been received.
    """

    attempts: int = 3
    backoff: float = 1.0
    backoff_limit: float = 60.0
    repeatable: bool = False


class Retries(Generic[T]):
    """A waiting room, and the budget for what goes in.

    Args:
        policy: when there is another attempt.
    """

    def __init__(self, policy: RetryPolicy) -> None:
        self._policy = policy
        self._waiting: list[tuple[float, int, T]] = []
        self._order = count()
        self._budget = 10.0

    def __len__(self) -> int:
        return len(self._waiting)

    def __iter__(self) -> Iterator[T]:
        """Yield what waits, the next to go first."""
        return (item for _, _, item in sorted(self._waiting, key=lambda entry: entry[:2]))

    def earn(self, exchanges: int) -> None:
        """Note exchanges that have ended."""
        self._budget = min(_MOST_BUDGET, self._budget + _EARNED * exchanges)

    def granted(self, attempts: int, *, free: bool = False) -> bool:
        """Return whether there is another attempt after so many, and take it off the budget, unless it is free.

        Bytes may have been received: there is one only where idempotency allows it.
        """
        if not self._policy.repeatable or attempts >= self._policy.attempts:
            return False
        if not free:
            if self._budget < 1.0:
                return False
            self._budget -= 1.0
        return True

    def seconds(self, attempts: int, after: float | None) -> float:
        """Return how long to wait after so many attempts: full jitter, and as long as the partner asks for."""
        most = min(self._policy.backoff_limit, self._policy.backoff * 2 ** (attempts - 1))
        return max(random.uniform(0.0, most), min(after or 0.0, _LONGEST))

    def put(self, item: T, at: float) -> None:
        """Let something wait until a moment of the monotonic clock."""
        heapq.heappush(self._waiting, (at, next(self._order), item))

    @property
    def next_at(self) -> float:
        """When the first of what waits is due; infinite where nothing waits."""
        return self._waiting[0][0] if self._waiting else float("inf")

    def due(self, now: float) -> list[T]:
        """Take out what is due."""
        found: list[T] = []
        while self._waiting and self._waiting[0][0] <= now:
            found.append(heapq.heappop(self._waiting)[2])
        return found
