"""Which rows of an input are whose, where several read it at the same time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol


class Share:
    """All rows: the share of who reads alone.

    Rows are asked for in ascending order; a reader may go back as far as the beginning of the range it got last.
    """

    def has(self, row: int) -> bool:
        """Return whether a row belongs to it."""
        return row > 0

    def among(self, first: int, last: int) -> Iterator[range]:
        """Yield the rows that belong to it among those from `first` to `last`, as ranges, one when the next is due."""
        if last >= first:
            yield range(first, last + 1)


ALL = Share()


class Mark(Protocol):
    """How far the rows of an input are claimed: one for all who read it."""

    def claim(self, row: int, size: int) -> int:
        """Claim `size` rows from `row` on, unless that row is claimed; return the first row that was not until now.

        The claim holds if `row` is returned, or a lower one.
        """


class Claims(Share):
    """The rows that one of several readers comes to first.

    Each goes over the whole input, and claims rows when it is about to need them. Who is quicker claims more, so that
    all come to the end together; with equal parts the others waited for the slowest.

    Args:
        mark: how far the rows are claimed.
        readers: how many there are.
        most: rows claimed at a time, at most.
        total: rows of the input, where known: claims get smaller towards the end, and are small from the start where
            there are few rows.
    """

    def __init__(self, mark: Mark, readers: int, most: int, total: int | None = None) -> None:
        self._mark = mark
        self._most = most
        self._total = total
        self._rounds = 4 * readers
        self._until = 0
        self._own = False

    def has(self, row: int) -> bool:
        """Return whether a row belongs to it; claims it if it is nobody's yet."""
        if row >= self._until:
            size = self._size(row)
            free = self._mark.claim(row, size)
            self._own = free <= row
            self._until = row + size if self._own else free
        return self._own

    def among(self, first: int, last: int) -> Iterator[range]:
        """Yield the rows that belong to it, as `Share.among`; what is not yielded yet is not claimed yet either."""
        row = first
        while row <= last:
            own = self.has(row)
            end = min(self._until, last + 1)
            if own:
                yield range(row, end)
            row = end

    def _size(self, row: int) -> int:
        if self._total is None:
            return self._most
        return max(1, min(self._most, (self._total - row + 1) // self._rounds))
