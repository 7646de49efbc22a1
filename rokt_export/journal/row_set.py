"""A set of row numbers that stays small for millions of rows."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from itertools import islice
from operator import sub

_CHUNK_BITS = 16
_CHUNK_MASK = (1 << _CHUNK_BITS) - 1
_CHUNK_BYTES = 1 << (_CHUNK_BITS - 3)
_SORTED = 10_000
"""Row numbers that are sorted at a time."""


class RowSet:
    """A mutable set of row numbers: one bit per row, in blocks of 65,536 rows.

    Five million consecutive rows take about 630 kB, while a `set` takes 400 MB; a single number takes a block of 8 kB.
    Iteration is in ascending order.
    """

    __slots__ = ("_blocks", "_size")

    def __init__(self, rows: Iterable[int] = ()) -> None:
        self._blocks: dict[int, bytearray] = {}
        self._size = 0
        self.update(rows)

    def add(self, row: int) -> None:
        """Add one row number (0 or greater); adding it again changes nothing."""
        self.update((row,))

    def update(self, rows: Iterable[int]) -> None:
        """Add several row numbers."""
        for first, last in _ranges_of(rows):
            self._set(first, last, present=True)

    def _set(self, first: int, last: int, *, present: bool) -> None:
        """Add or remove consecutive row numbers, block by block as one number of many bits."""
        if first < 0 and present:
            raise ValueError("a row number is not negative")
        for number in range(first >> _CHUNK_BITS, (last >> _CHUNK_BITS) + 1):
            block = self._blocks.get(number)
            if block is None:
                if not present:
                    continue
                block = self._blocks[number] = bytearray(_CHUNK_BYTES)
            base = number << _CHUNK_BITS
            low, high = max(first - base, 0), min(last - base, _CHUNK_MASK)
            place, end = low >> 3, (high >> 3) + 1
            bits = ((1 << (high - low + 1)) - 1) << (low & 7)
            before = int.from_bytes(block[place:end], "little")
            after = before | bits if present else before & ~bits
            block[place:end] = after.to_bytes(end - place, "little")
            self._size += after.bit_count() - before.bit_count()

    def discard(self, row: int) -> None:
        """Remove one row number, if present."""
        self.difference_update((row,))

    def difference_update(self, rows: Iterable[int]) -> None:
        """Remove several row numbers, if present."""
        for first, last in _ranges_of(rows):
            self._set(first, last, present=False)

    def __contains__(self, row: int) -> bool:
        block = self._blocks.get(row >> _CHUNK_BITS)
        return block is not None and bool(block[(row & _CHUNK_MASK) >> 3] & (1 << (row & 7)))

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[int]:
        for number in sorted(self._blocks):
            base = number << _CHUNK_BITS
            for place, byte in enumerate(self._blocks[number]):
                if byte:
                    yield from (base + (place << 3) + bit for bit in range(8) if byte >> bit & 1)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, RowSet):
            return NotImplemented
        return self._size == other._size and all(row in other for row in self)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"RowSet({self.summary()})"

    @property
    def last(self) -> int:
        """The highest row; 0 if the set is empty."""
        for number in sorted(self._blocks, reverse=True):
            if bits := int.from_bytes(self._blocks[number], "little").bit_length():
                return (number << _CHUNK_BITS) + bits - 1
        return 0

    def ranges(self) -> Iterator[tuple[int, int]]:
        """Yield maximal ranges of consecutive rows as (first, last), ascending."""
        first = last = None
        for row in self:
            if first is None or last is None:
                first = row
            elif row != last + 1:
                yield first, last
                first = row
            last = row
        if first is not None and last is not None:
            yield first, last

    def summary(self, most: int = 5) -> str:
        """Return the rows for a person: `1-480, 482, 490-500`; after `most` ranges, the number of further rows."""
        shown: list[str] = []
        more = 0
        for first, last in self.ranges():
            if len(shown) < most:
                shown.append(str(first) if first == last else f"{first}-{last}")
            else:
                more += last - first + 1
        if more:
            shown.append(f"and {more:,} more")
        return ", ".join(shown) or "none"

    def counted(self, most: int = 5) -> str:
        """Return the number of rows and their summary: `493 rows: 1-480, 482, 489-500`."""
        if not self:
            return "no row"
        return f"{len(self):,} {'row' if len(self) == 1 else 'rows'}: {self.summary(most)}"


class RowRanges:
    """Row numbers in ranges, which may be as long as they like: `--count 1000000000` is one.

    Args:
        ranges: (first, last), both inclusive, in any order.
    """

    __slots__ = ("_firsts", "_lasts")

    def __init__(self, ranges: Iterable[tuple[int, int]]) -> None:
        self._firsts: list[int] = []
        self._lasts: list[int] = []
        for first, last in sorted(ranges):
            if self._lasts and first <= self._lasts[-1] + 1:
                self._lasts[-1] = max(self._lasts[-1], last)
            else:
                self._firsts.append(first)
                self._lasts.append(last)

    def __contains__(self, row: int) -> bool:
        place = bisect_right(self._firsts, row)
        return place > 0 and row <= self._lasts[place - 1]

    @property
    def last(self) -> int:
        """The highest row; 0 if there is none."""
        return self._lasts[-1] if self._lasts else 0


def _ranges_of(rows: Iterable[int]) -> Iterator[tuple[int, int]]:
    """Yield ranges of consecutive numbers as (first, last): the rows of a batch are few ranges, in any order."""
    source = iter(rows)
    while batch := list(islice(source, _SORTED)):
        numbers = sorted(set(batch))
        ranks = list(map(sub, numbers, range(len(numbers))))  # alike within a range, higher in the next
        start = 0
        while start < len(numbers):
            end = bisect_right(ranks, ranks[start], start)
            yield numbers[start], numbers[end - 1]
            start = end
