"""What the sandbox was sent: the last deliveries whole, the counts of all."""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

KEPT = 100_000
KEPT_BYTES = 256_000_000
"""Deliveries, and bytes of their headers and bodies, that are kept at most."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """One request at the endpoint.

    Attributes:
        number: 1-based, in the order of arrival.
        at: UTC seconds since the epoch of its arrival.
        path: percent-encoded.
        query: percent-encoded, without `?`.
        raw_headers: the header lines as they stood on the wire.
        body: after transfer and content decoding.
        outcome: delivered, duplicate, rejected or failed: what became of it here, whatever answer arrived.
        status: of the answer; None where the connection was broken instead.
        fault: the fault that was played, or `error`.
        repeat: the same idempotency key was seen before, and answered as then.
        outcomes: of each row that it carried, where it got as far as its content.
    """

    number: int
    at: float
    method: str
    path: str
    query: str
    raw_headers: bytes
    body: bytes
    outcome: str
    status: int | None
    problems: tuple[str, ...] = ()
    fault: str | None = None
    repeat: bool = False
    outcomes: tuple[str, ...] = ()
    _read: Callable[[Recorded], Mapping[str, Any]] = field(default=lambda _recorded: {}, repr=False, compare=False)

    @property
    def received(self) -> datetime:
        """When it arrived (UTC)."""
        return datetime.fromtimestamp(self.at, UTC)

    @property
    def headers(self) -> tuple[tuple[str, str], ...]:
        """Name and value of each header, in order."""
        lines = self.raw_headers.decode("utf-8", "replace").split("\r\n")
        return tuple((name, value) for name, _, value in (line.partition(": ") for line in lines) if name)

    @property
    def parameters(self) -> Mapping[str, Any]:
        """The spec's parameters as they arrived, read back: name to value, of a form inside a field a mapping."""
        return self._read(self)


class Recordings:
    """The deliveries, safe to read from another thread while the sandbox runs."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: deque[Recorded] = deque(maxlen=KEPT)
        self._bytes = 0
        self.count = 0
        self.repeats = 0
        self.outcomes: Counter[str] = Counter()

    def next_number(self) -> int:
        """Return the number of the delivery that is being taken."""
        return self.count + 1

    def add(self, recorded: Recorded) -> None:
        """Keep a delivery, and let the oldest go where there are too many."""
        with self._lock:
            if len(self._kept) == KEPT:
                self._bytes -= _size(self._kept[0])
            self._kept.append(recorded)
            self._bytes += _size(recorded)
            self.count += 1
            self.repeats += recorded.repeat
            self.outcomes.update(recorded.outcomes or (recorded.outcome,))
            while self._bytes > KEPT_BYTES and len(self._kept) > 1:
                self._bytes -= _size(self._kept.popleft())

    def list(self) -> list[Recorded]:
        """Return the deliveries that are kept, oldest first."""
        with self._lock:
            return [*self._kept]

    def counts(self) -> tuple[int, dict[str, int]]:
        """Return how many there were, and how many of each outcome."""
        with self._lock:
            return self.count, dict(self.outcomes)

    def clear(self) -> None:
        """Forget all, numbers included."""
        with self._lock:
            self._kept.clear()
            self._bytes = self.count = self.repeats = 0
            self.outcomes.clear()


def _size(recorded: Recorded) -> int:
    return len(recorded.raw_headers) + len(recorded.body)
