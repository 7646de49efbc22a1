"""How many rows had an unexpected outcome: the count that stop rules look at, one for all workers of a run."""

from __future__ import annotations

from multiprocessing.context import BaseContext


class Misses:
    """The count of one process.

    Attributes:
        failures: exchanges with an unexpected outcome.
        in_a_row: of these, since the last that did.
    """

    def __init__(self) -> None:
        self.failures = 0
        self.in_a_row = 0

    def hit(self) -> None:
        """Note one that had an expected outcome."""
        self.in_a_row = 0

    def miss(self, *, in_a_row: bool = True) -> tuple[int, int]:
        """Note one that did not, which counts among those in a row or not; return both counts."""
        self.failures += 1
        self.in_a_row += in_a_row
        return self.failures, self.in_a_row


class SharedMisses(Misses):
    """The count of several processes together; "in a row" is in the order in which they note.

    Args:
        context: how the processes are made.
    """

    def __init__(self, context: BaseContext) -> None:
        self._counts = context.Array("q", 2)

    @property
    def failures(self) -> int:  # type: ignore[override]
        """Exchanges with an unexpected outcome."""
        return int(self._counts.get_obj()[0])

    @property
    def in_a_row(self) -> int:  # type: ignore[override]
        """Of these, since the last that did."""
        return int(self._counts.get_obj()[1])

    def hit(self) -> None:
        """Note one that had an expected outcome."""
        with self._counts.get_lock():
            self._counts[1] = 0

    def miss(self, *, in_a_row: bool = True) -> tuple[int, int]:
        """Note one that did not, which counts among those in a row or not; return both counts."""
        with self._counts.get_lock():
            self._counts[0] += 1
            self._counts[1] += in_a_row
            return self._counts[0], self._counts[1]
