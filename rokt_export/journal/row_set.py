"""A set of row numbers that stays small for millions of rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Self

_CHUNK_BITS = 16
_CHUNK_MASK = (1 << _CHUNK_BITS) - 1
_CHUNK_BYTES = 1 << (_CHUNK_BITS - 3)


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

    @classmethod
    def of_ranges(cls, ranges: Iterable[tuple[int, int]]) -> Self:
        """Return the rows of (first, last) ranges, both inclusive."""
        found = cls()
        for low, high in ranges:
            found.update(range(low, high + 1))
        return found

    def add(self, row: int) -> None:
        """Add one row number (0 or greater); adding it again changes nothing."""
        self.update((row,))

    def update(self, rows: Iterable[int]) -> None:
        """Add several row numbers."""
        number: int | None = None
        block = bytearray()
        for row in rows:
            if row >> _CHUNK_BITS != number:
                number = row >> _CHUNK_BITS
                block = self._block(number)
            place, bit = (row & _CHUNK_MASK) >> 3, 1 << (row & 7)
            if not block[place] & bit:
                block[place] |= bit
                self._size += 1

    def _block(self, number: int) -> bytearray:
        if number < 0:
            raise ValueError("a row number is not negative")
        block = self._blocks.get(number)
        if block is None:
            block = self._blocks[number] = bytearray(_CHUNK_BYTES)
        return block

    def discard(self, row: int) -> None:
        """Remove one row number, if present."""
        self.difference_update((row,))

    def difference_update(self, rows: Iterable[int]) -> None:
        """Remove several row numbers, if present."""
        blocks = self._blocks
        for row in rows:
            block = blocks.get(row >> _CHUNK_BITS)
            if block is not None and block[(row & _CHUNK_MASK) >> 3] & (1 << (row & 7)):
                block[(row & _CHUNK_MASK) >> 3] ^= 1 << (row & 7)
                self._size -= 1

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
