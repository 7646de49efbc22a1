"""Divides the rows of an input among several readers that read it at the same time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol


class Share:
    """The share of a single reader: every row.

    Rows are asked for in ascending order; a reader may go back as far as the beginning of the range it got last.

    Attributes:
        ahead: rows that may be read before they are needed, at most.
    """

    ahead: int = 500

    def has(self, row: int) -> bool:  # noqa: ARG002 - a share knows
        """Return whether a row belongs to it."""
        return True

    def among(self, first: int, last: int) -> Iterator[range]:
        """Yield the rows that belong to it among those from `first` to `last`, as ranges, one when the next is due."""
        if last >= first:
            yield range(first, last + 1)

    @property
    def scarce(self) -> bool:
        """Whether others might need what is left, so that no more should be taken than can be used at once."""
        return False

    def ask(self, rows: int) -> None:
        """Take note that so many rows are asked for."""


ALL = Share()


class Mark(Protocol):
    """How far the rows of an input are claimed; all its readers share one."""

    def claim(self, row: int, size: int) -> int:
        """Claim `size` rows from `row` on, unless that row is claimed; return the first row that was not until now.

        The claim holds if `row` is returned, or a lower one.
        """


_MOST_CLAIMS = 50_000
"""Claims of one input, about: each takes 5 us, which a few wanted rows in a file of millions are not worth."""


class Claims(Share):
    """The rows that one of several readers reaches first.

    Each reads the whole input, and claims rows when it is about to need them. A faster reader claims more, so that all
    finish together; with equal parts, all others wait for the slowest.

    Args:
        mark: how far the rows are claimed.
        readers: how many there are.
        most: rows claimed at a time, at most.
        few: rows that all readers together could use at once or soon: when no more are left they are scarce, and are
            claimed one by one.
        total: rows of the input, where known: claims get smaller towards the end.
        wanted: how many of them will be used, where known: where they are few, claims are small from the start.
    """

    def __init__(
        self, mark: Mark, readers: int, most: int, few: int = 0, total: int | None = None, wanted: int | None = None
    ) -> None:
        self._mark = mark
        self._few = few
        self._total = total
        self._rounds = 4 * readers
        wanted = total if wanted is None else wanted
        self._short = wanted is not None and wanted <= few
        if total is not None and wanted is not None:
            most = max(1, total // _MOST_CLAIMS, min(most, wanted // self._rounds))
        self._most = most
        self._until = 1
        self._own = False

    def has(self, row: int) -> bool:
        """Return whether a row belongs to it; claims it if no reader has."""
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

    @property
    def scarce(self) -> bool:
        """Whether so few rows are left, or wanted at all, that all readers together could use them soon."""
        return self._short or (self._total is not None and self._total - self._until < self._few)

    def ask(self, rows: int) -> None:
        """Take note that so many rows are asked for: what is read ahead is claimed, so it is no more than that."""
        self.ahead = max(1, min(Share.ahead, rows))

    def _size(self, row: int) -> int:
        if self._total is None:
            return self._most
        left = self._total - row + 1
        return 1 if left <= self._few else max(1, min(self._most, left // self._rounds))
