"""Counts of a run that its partitions share: failures, recordings that may still be kept, rows that are claimed."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from contextlib import suppress
from multiprocessing.context import BaseContext
from typing import Any, Protocol

FAILURES, IN_A_ROW, FIRST_ROW, FIRST_RECORDINGS, PROBLEM_RECORDINGS = (
    "failures", "in_a_row", "first_row", "first_recordings", "problem_recordings",
)  # fmt: skip
FIRST_RECORDED = 200
"""Exchanges of a run that are recorded whatever their outcome: each takes as long as five rows."""
PROBLEMS_RECORDED = 20_000
"""Exchanges of a run that are recorded because of an unexpected outcome."""


def first_numbers(recorded: int = 0) -> dict[str, int]:
    """Return what the counts of a run begin with.

    Args:
        recorded: exchanges of the run that were recorded before it was resumed.
    """
    return {
        FAILURES: 0,
        IN_A_ROW: 0,
        FIRST_ROW: 0,
        FIRST_RECORDINGS: max(0, FIRST_RECORDED - recorded),
        PROBLEM_RECORDINGS: max(0, PROBLEMS_RECORDED - max(0, recorded - FIRST_RECORDED)),
    }


FIRST_NUMBERS: Mapping[str, int] = first_numbers()
"""What the counts of a new run begin with."""

_HELD = 3.0
"""Seconds after which the holder of a lock is dead."""
_OPEN, _CLAIMED, _PASSED, _QUIET = range(4)


class Numbers(Protocol):
    """The counts that all processes of a run share, by name.

    There are two implementations: `LocalNumbers` for one process, or several on one machine, and the journal for a
    cluster (`lease.LeasedNumbers`). There, what is read may be a moment old.
    """

    def get(self, name: str) -> int:
        """Return a count."""

    def put(self, name: str, value: int) -> None:
        """Set a count."""

    def add(self, name: str, more: int) -> int:
        """Add to a count, and return it."""

    def swap(self, name: str, expected: int, value: int) -> bool:
        """Set a count if it has the value that is expected; return whether it had. Only one process succeeds."""

    def draw(self, name: str) -> bool:
        """Take one of a count; return whether there was one left."""


class LocalNumbers:
    """The counts of one process or, with a multiprocessing context, of several."""

    def __init__(self, context: BaseContext | None = None, first: Mapping[str, int] = FIRST_NUMBERS) -> None:
        self._places = {name: place for place, name in enumerate(first)}
        values = list(first.values())
        self._values: Any = values if context is None else context.Array("q", values, lock=False)
        self._lock: Any = threading.Lock() if context is None else SharedLock(context)

    def get(self, name: str) -> int:
        """Return a count."""
        return int(self._values[self._places[name]])

    def put(self, name: str, value: int) -> None:
        """Set a count."""
        with self._lock:
            self._values[self._places[name]] = value

    def add(self, name: str, more: int) -> int:
        """Add to a count, and return it."""
        with self._lock:
            self._values[self._places[name]] += more
            return self.get(name)

    def swap(self, name: str, expected: int, value: int) -> bool:
        """Set a count if it has the value that is expected; return whether it had."""
        with self._lock:
            fits = self.get(name) == expected
            if fits:
                self._values[self._places[name]] = value
        return fits

    def draw(self, name: str) -> bool:
        """Take one of a count; return whether there was one left."""
        with self._lock:
            left = self.get(name) > 0
            self._values[self._places[name]] -= left
        return left


class SharedLock:
    """A lock between processes that outlives who held it.

    It is held for a microsecond. Who waits for seconds takes it: a process was killed with the lock in its hand.
    """

    def __init__(self, context: BaseContext) -> None:
        self._lock = context.Lock()

    def __enter__(self) -> None:
        self._lock.acquire(timeout=_HELD)

    def __exit__(self, *_: object) -> None:
        with suppress(ValueError):  # two waited, and both went on
            self._lock.release()


class FailureCounts:
    """How many exchanges had an unexpected outcome; "in a row" is in the order in which the processes count."""

    def __init__(self, numbers: Numbers | None = None) -> None:
        self._numbers = numbers or LocalNumbers()

    @property
    def failures(self) -> int:
        """Exchanges with an unexpected outcome."""
        return self._numbers.get(FAILURES)

    @property
    def in_a_row(self) -> int:
        """Of these, since the last expected outcome."""
        return self._numbers.get(IN_A_ROW)

    def succeeded(self) -> None:
        """Count an expected outcome."""
        self._numbers.put(IN_A_ROW, 0)

    def failed(self, *, in_a_row: bool = True) -> tuple[int, int]:
        """Count an unexpected outcome; return all, and those in a row, to which it adds only if `in_a_row`."""
        return self._numbers.add(FAILURES, 1), self._numbers.add(IN_A_ROW, int(in_a_row))


class FirstRow:
    """The first row goes alone, of all processes: until its response is judged, nobody sends another."""

    def __init__(self, numbers: Numbers | None = None) -> None:
        self._numbers = numbers or LocalNumbers()

    @property
    def passed(self) -> bool:
        """Whether a response has shown that the set-up works."""
        return self._numbers.get(FIRST_ROW) >= _PASSED

    @property
    def quiet(self) -> bool:
        """Whether the server sent nothing besides that response, so that other processes need not listen for it."""
        return self._numbers.get(FIRST_ROW) == _QUIET

    def claim(self) -> bool:
        """Return whether this process sends the first row."""
        return self._numbers.swap(FIRST_ROW, _OPEN, _CLAIMED)

    def reopen(self) -> None:
        """Let another process send the first row, if the one that was to has died."""
        self._numbers.swap(FIRST_ROW, _CLAIMED, _OPEN)

    def release(self, *, passed: bool, quiet: bool = False) -> None:
        """Let all go on; or, where no response came, another process try."""
        self._numbers.put(FIRST_ROW, (_QUIET if quiet else _PASSED) if passed else _OPEN)


class RecordingQuota:
    """How many exchanges may still be recorded.

    Args:
        name: of the count.
        numbers: where it is.
    """

    def __init__(self, name: str, numbers: Numbers | None = None) -> None:
        self._name = name
        self._numbers = numbers or LocalNumbers()

    @property
    def left(self) -> int:
        """How many are left."""
        return self._numbers.get(self._name)

    def take(self) -> bool:
        """Take one; return whether there was one left."""
        return self._numbers.draw(self._name)


class SharedMark:
    """How far the rows are claimed; see `transactions.claims.ClaimMark`."""

    def __init__(self, context: BaseContext) -> None:
        self._free: Any = context.Value("q", 1, lock=False)
        self._lock = SharedLock(context)

    def claim(self, row: int, size: int) -> int:
        """Claim rows unless somebody has; see `ClaimMark.claim`."""
        with self._lock:
            free = int(self._free.value)
            if free <= row:
                self._free.value = row + size
        return free
