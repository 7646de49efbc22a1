"""What is kept of one place while pairs stream by: counts and samples of all, the values of evenly chosen rows."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final, NamedTuple
from zlib import crc32

from rokt_export.diff.result import Sample
from rokt_export.diff.side import Side

MOST_SAMPLES: Final = 5
MOST_ROWS: Final = 2_048
"""Pairs whose values are kept; of more half are dropped, then again half."""
_BLOCK: Final = 16
_MOST_CELLS: Final = 400_000
"""Values kept in all, for the memory's sake."""
_ISO_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}:[0-9]{2}")
_MOST_COMBINATIONS: Final = 64
_MOST_AFFECTED: Final = 5_000
_KEPT: Final = 2_000
"""Characters of a value that are kept; the rest is distinguished by a checksum."""

_AS_LETTERS: Final = str.maketrans("0123456789", "ghijklmnop")
"""A checksum without digits, so that a long word does not pass for an identifier."""


class Row(NamedTuple):
    """A kept pair: its transaction, and both sides without their bodies."""

    transaction: str
    a: Side
    b: Side


@dataclass(slots=True)
class KeptPairs:
    """The pairs whose values are kept.

    Attributes:
        stride: one of so many is kept.
        cells: values that columns keep.
        kept: number of a pair to the pair.
        thinned: number to transaction of those that were kept before the last thinning.

    Rows are kept in blocks of neighbours, which show swaps and steps; chance chooses the blocks, so that a fault in
    every second row is not missed.
    """

    stride: int = 1
    cells: int = 0
    kept: dict[int, Row] = field(default_factory=dict)
    thinned: dict[int, str] = field(default_factory=dict)

    def add(self, number: int, transaction: str, a: Side, b: Side) -> bool:
        """Keep a pair if it is one of those chosen; return whether it is."""
        if len(self.kept) >= MOST_ROWS or self.cells > _MOST_CELLS:
            self.stride *= 2
            self.thinned = {key: row.transaction for key, row in self.kept.items()}
            self.cells = 0 if self.cells > _MOST_CELLS else self.cells
            self.kept = {key: row for key, row in self.kept.items() if self.keeps(key)}
        if not self.keeps(number):
            return False
        self.kept[number] = Row(transaction, a.without_body, b.without_body)
        return True

    def keeps(self, number: int) -> bool:
        """Return whether a pair is one of those chosen."""
        return self.stride == 1 or ((number // _BLOCK + 1) * 2_654_435_761 >> 16) % self.stride == 0


class Evidence:
    """A change that is counted as it comes: transactions in which it shows, the first few as samples.

    Attributes:
        count: transactions.
        samples: the first.
        numbers: their pairs' numbers.
    """

    __slots__ = ("count", "numbers", "samples")

    def __init__(self) -> None:
        self.count = 0
        self.samples: list[Sample] = []
        self.numbers: list[int] = []

    def add(self, number: int, sample: Any) -> None:
        """Count one transaction; `sample` makes a sample of it where one is wanted."""
        if self.numbers and self.numbers[-1] == number:
            return
        self.count += 1
        if len(self.numbers) < _MOST_AFFECTED:
            self.numbers.append(number)
        if len(self.samples) < MOST_SAMPLES:
            self.samples.append(sample())


class Column:
    """The values of both sides at one place.

    Attributes:
        numbers, a, b: of the kept pairs: their number, A's value and B's.
        seen, unequal: all pairs of values, and those that are not equal.
        differing: the transactions with unequal values.
        odd: of unequal pairs, the rough forms of each side and their first transactions, to find rare ones.
    """

    __slots__ = ("_rows", "a", "b", "differing", "numbers", "odd", "seen", "stride", "unequal")

    def __init__(self, rows: KeptPairs) -> None:
        self._rows = rows
        self.stride = rows.stride
        self.numbers: list[int] = []
        self.a: list[Any] = []
        self.b: list[Any] = []
        self.seen = self.unequal = 0
        self.differing = Evidence()
        self.odd: tuple[dict[Any, Evidence], dict[Any, Evidence]] = ({}, {})

    def add(self, number: int, a: Any, b: Any, equal: bool, sample: Any) -> None:
        """Take in a pair of values."""
        self.seen += 1
        rows = self._rows
        if equal:
            b = a = self.a[-1] if self.a and self.a[-1].__class__ is a.__class__ and self.a[-1] == a else _cut(a)
        else:
            a, b = _cut(a), _cut(b)
            self.unequal += 1
            self.differing.add(number, sample)
            if rows.stride > 1:
                self._note_forms(number, a, b, sample)
        if not rows.keeps(number):
            return
        if rows.stride != self.stride:
            self._thin()
        self.numbers.append(number)
        self.a.append(a)
        self.b.append(b)
        rows.cells += not equal

    def _note_forms(self, number: int, a: Any, b: Any, sample: Any) -> None:
        """Note what the kept rows may miss: rare forms."""
        for side, value in zip(self.odd, (a, b), strict=True):
            form = rough(value)
            found = side.get(form)
            if found is None:
                if len(side) >= _MOST_COMBINATIONS:
                    continue
                found = side[form] = Evidence()
            found.add(number, sample)

    def _thin(self) -> None:
        self.stride = self._rows.stride
        kept = []
        for place, number in enumerate(self.numbers):
            if self._rows.keeps(number):
                kept.append(place)
            if self.a[place] != self.b[place]:
                name = self._rows.thinned.get(number, str(number))
                sample = partial(Sample, name, str(self.a[place]), str(self.b[place]))
                self._note_forms(number, self.a[place], self.b[place], sample)
        self.numbers = [self.numbers[place] for place in kept]
        self.a = [self.a[place] for place in kept]
        self.b = [self.b[place] for place in kept]


@dataclass(slots=True)
class Order:
    """How the elements of an array stand, where both sides have the same ones.

    Attributes:
        same: pairs of arrays in one order.
        other: pairs in another order.
        moves: by the arrays' length, where B has each element of A: one and the same for a change that is no chance.
        sorted: of these, arrays in ascending order on each side.
    """

    same: int = 0
    moves: dict[int, set[int]] = field(default_factory=dict)
    sorted: list[int] = field(default_factory=lambda: [0, 0])
    other: Evidence = field(default_factory=Evidence)


def rough(value: Any) -> Any:
    """Return a value's rough form: its type, and of a text its length and which kinds of characters it has."""
    if value.__class__ is not str:
        return value.__class__.__name__
    if _ISO_TIME.match(value):  # one in a million is a whole second, whose fraction many a language leaves out
        return "time", value.isascii()
    return len(value), value.isdigit(), value.isalpha() or not value


def _cut(value: Any) -> Any:
    if value.__class__ is not str or len(value) <= _KEPT:
        return value
    checksum = f"{crc32(value.encode('utf-8', 'surrogatepass')):08x}"
    return f"{value[:_KEPT]}{checksum.translate(_AS_LETTERS)}"
