"""Counts of a run that its partitions share: failures, recordings that may still be kept, rows that are claimed."""

from __future__ import annotations

import threading
from contextlib import suppress
from multiprocessing.context import BaseContext
from typing import Any

FIRST_RECORDED = 200
"""Exchanges of a run that are recorded whatever their outcome: each takes as long as five rows."""
PROBLEMS_RECORDED = 20_000
"""Exchanges of a run that are recorded because of an unexpected outcome."""


_HELD = 3.0
"""Seconds after which the holder of a lock is dead."""
_OPEN, _CLAIMED, _PASSED, _QUIET = range(4)


class SharedNumbers:
    """Integers and their lock, for one process or, with a multiprocessing context, for several."""

    def __init__(self, *values: int, context: BaseContext | None = None) -> None:
        self.values: Any = list(values) if context is None else context.Array("q", values, lock=False)
        """The integers, to be read and assigned by index."""
        self.lock: Any = threading.Lock() if context is None else SharedLock(context)


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

    def __init__(self, context: BaseContext | None = None) -> None:
        self._numbers = SharedNumbers(0, 0, context=context)

    @property
    def failures(self) -> int:
        """Exchanges with an unexpected outcome."""
        return int(self._numbers.values[0])

    @property
    def in_a_row(self) -> int:
        """Of these, since the last expected outcome."""
        return int(self._numbers.values[1])

    def succeeded(self) -> None:
        """Count an expected outcome."""
        with self._numbers.lock:
            self._numbers.values[1] = 0

    def failed(self, *, in_a_row: bool = True) -> tuple[int, int]:
        """Count an unexpected outcome; return all, and those in a row, to which it adds only if `in_a_row`."""
        with self._numbers.lock:
            values = self._numbers.values
            values[0] += 1
            values[1] += in_a_row
            return int(values[0]), int(values[1])


class FirstRow:
    """The first row goes alone, of all processes: until its response is judged, nobody sends another."""

    def __init__(self, context: BaseContext | None = None) -> None:
        self._numbers = SharedNumbers(_OPEN, context=context)

    @property
    def passed(self) -> bool:
        """Whether a response has shown that the set-up works."""
        return int(self._numbers.values[0]) >= _PASSED

    @property
    def quiet(self) -> bool:
        """Whether the server sent nothing besides that response, so that other processes need not listen for it."""
        return int(self._numbers.values[0]) == _QUIET

    def claim(self) -> bool:
        """Return whether this process sends the first row."""
        with self._numbers.lock:
            free = int(self._numbers.values[0]) == _OPEN
            if free:
                self._numbers.values[0] = _CLAIMED
        return free

    def reopen(self) -> None:
        """Let another process send the first row, if the one that was to has died."""
        if not self.passed:
            self._numbers.values[0] = _OPEN

    def release(self, *, passed: bool, quiet: bool = False) -> None:
        """Let all go on; or, where no response came, another process try."""
        self._numbers.values[0] = (_QUIET if quiet else _PASSED) if passed else _OPEN


class RecordingQuota:
    """How many exchanges may still be recorded."""

    def __init__(self, left: int, context: BaseContext | None = None) -> None:
        self._numbers = SharedNumbers(left, context=context)

    @property
    def left(self) -> int:
        """How many are left."""
        return int(self._numbers.values[0])

    def take(self) -> bool:
        """Take one; return whether there was one left."""
        with self._numbers.lock:
            taken = self._numbers.values[0] > 0
            self._numbers.values[0] -= taken
        return bool(taken)


class SharedMark:
    """How far the rows are claimed; see `transactions.claims.Mark`."""

    def __init__(self, context: BaseContext) -> None:
        self._free = SharedNumbers(1, context=context)

    def claim(self, row: int, size: int) -> int:
        """Claim rows unless somebody has; see `Mark.claim`."""
        with self._free.lock:
            free = int(self._free.values[0])
            if free <= row:
                self._free.values[0] = row + size
        return free
