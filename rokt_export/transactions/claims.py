"""Divides the rows of an input among several readers that read it at the same time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol


class Share:
    """The share of a single reader: every row.

    Rows are requested in ascending order. A reader may go back to the start of the last range it got.

    Attributes:
        ahead: maximum number of rows that may be read before they are needed.
    """

    ahead: int = 500

    def has(self, row: int) -> bool:  # noqa: ARG002 - a share knows
        """Return whether a row belongs to it."""
        return True

    def among(self, first: int, last: int) -> Iterator[range]:
        """Yield this share's rows from `first` to `last` as ranges, each only when it is needed."""
        if last >= first:
            yield range(first, last + 1)

    @property
    def scarce(self) -> bool:
        """Whether few rows are left, so that a reader should take only what it can use at once."""
        return False

    def ask(self, rows: int) -> None:
        """Note how many rows are requested at a time."""


ALL = Share()


class ClaimMark(Protocol):
    """The position up to which rows are claimed; all readers of an input share one."""

    def claim(self, row: int, size: int) -> int:
        """Claim `size` rows starting at `row`, unless `row` is claimed already.

        Returns:
            The first row that was not claimed before the call. The claim succeeded if it is `row` or lower.
        """


_MOST_CLAIMS = 50_000
"""Approximate limit of claims per input. A claim takes 5 us, too much for a few wanted rows in a file of millions."""


class Claims(Share):
    """The rows that one of several readers reaches first.

    Each reader reads the whole input, and claims rows just before it needs them. A faster reader claims more, so all
    finish at about the same time. With equal shares, they would wait for the slowest.

    Args:
        mark: the position that all readers share.
        readers: how many there are.
        most: maximum number of rows per claim.
        few: rows that all readers together can use soon. When fewer are left, they are claimed one by one.
        total: rows of the input, if known; claims then get smaller towards the end.
        wanted: how many of them will be used, if known; if few, claims are small from the start.
    """

    def __init__(
        self,
        mark: ClaimMark,
        readers: int,
        most: int,
        few: int = 0,
        total: int | None = None,
        wanted: int | None = None,
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
        """Return whether a row belongs to this share; claim it if no reader has."""
        if row >= self._until:
            size = self._size(row)
            free = self._mark.claim(row, size)
            self._own = free <= row
            self._until = row + size if self._own else free
        return self._own

    def among(self, first: int, last: int) -> Iterator[range]:
        """Yield this share's rows, as `Share.among`. A range is claimed when it is yielded."""
        row = first
        while row <= last:
            own = self.has(row)
            end = min(self._until, last + 1)
            if own:
                yield range(row, end)
            row = end

    @property
    def scarce(self) -> bool:
        """Whether so few rows are left, or wanted, that all readers together can use them soon."""
        return self._short or (self._total is not None and self._total - self._until < self._few)

    def ask(self, rows: int) -> None:
        """Limit reading ahead to the rows that are requested, because what is read ahead is claimed."""
        self.ahead = max(1, min(Share.ahead, rows))

    def _size(self, row: int) -> int:
        if self._total is None:
            return self._most
        left = self._total - row + 1
        return 1 if left <= self._few else max(1, min(self._most, left // self._rounds))
