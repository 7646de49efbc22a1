"""The received deliveries: the last ones in full, and the counts of all."""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

KEPT = 100_000
KEPT_BYTES = 256_000_000
"""Maximum number of deliveries that are kept, and of bytes of their headers and bodies."""


@dataclass(frozen=True, slots=True)
class SandboxRecording:
    """One request at the endpoint.

    Attributes:
        number: 1-based, in the order of arrival.
        at: UTC seconds since the epoch of its arrival.
        path: percent-encoded.
        query: percent-encoded, without `?`.
        raw_headers: the header lines as received.
        body: after transfer and content decoding.
        outcome: delivered, duplicate, rejected or failed, even if the response did not arrive.
        status: the response's status; None if the connection was broken instead.
        problems: what is wrong with the request.
        fault: the fault that was played, or `error`.
        repeat: whether its idempotency key was used before, so that it got the same response.
        outcomes: the outcome of each of its rows, if its content was checked.
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
    _read: Callable[[SandboxRecording], Mapping[str, Any]] = field(
        default=lambda _recorded: {}, repr=False, compare=False
    )

    @property
    def received(self) -> datetime:
        """The moment of its arrival (UTC)."""
        return datetime.fromtimestamp(self.at, UTC)

    @property
    def headers(self) -> tuple[tuple[str, str], ...]:
        """(name, value) of each header, in order."""
        lines = self.raw_headers.decode("utf-8", "replace").split("\r\n")
        return tuple((name, value) for name, _, value in (line.partition(": ") for line in lines) if name)

    @property
    def parameters(self) -> Mapping[str, Any]:
        """The received values of the spec's parameters: name to value; a mapping for a form inside a field."""
        return self._read(self)


class SandboxRecordings:
    """The received deliveries; thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: deque[SandboxRecording] = deque(maxlen=KEPT)
        self._bytes = 0
        self.count = 0
        self.repeats = 0
        self.outcomes: Counter[str] = Counter()

    def add(self, recorded: SandboxRecording) -> None:
        """Keep a delivery; remove the oldest ones if there are too many."""
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

    def list(self) -> list[SandboxRecording]:
        """Return the deliveries that are kept, oldest first."""
        with self._lock:
            return [*self._kept]

    def counts(self) -> tuple[int, dict[str, int]]:
        """Return the number of all deliveries, and of each outcome."""
        with self._lock:
            return self.count, dict(self.outcomes)

    def clear(self) -> None:
        """Forget all deliveries, and restart their numbers."""
        with self._lock:
            self._kept.clear()
            self._bytes = self.count = self.repeats = 0
            self.outcomes.clear()


def _size(recorded: SandboxRecording) -> int:
    return len(recorded.raw_headers) + len(recorded.body)
