"""Sets of row numbers."""

from __future__ import annotations

import random

import pytest

from rokt_export.journal import RowRanges, RowSet


def test_ranges_hold_what_is_in_any_of_them():
    numbers = random.Random(2)
    for _ in range(300):
        ranges = [
            (low, low + numbers.randrange(9)) for low in (numbers.randrange(60) for _ in range(numbers.randrange(7)))
        ]
        plain = {row for first, last in ranges for row in range(first, last + 1)}
        found = RowRanges(ranges)
        assert [row for row in range(-2, 80) if row in found] == sorted(plain)
        assert found.last == max(plain, default=0)
    assert 10**29 in RowRanges([(1, 10**30)])


def test_a_row_set_is_a_set():
    numbers = random.Random(1)
    rows, plain = RowSet(), set()
    for _ in range(5000):
        row = numbers.choice([numbers.randrange(300), numbers.randrange(200_000), numbers.randrange(10**12)])
        if numbers.random() < 0.7:
            rows.add(row)
            plain.add(row)
        else:
            rows.discard(row)
            plain.discard(row)
    assert list(rows) == sorted(plain)
    assert rows.last == max(plain)
    assert len(rows) == len(plain)
    assert rows == RowSet(plain)
    assert rows != RowSet([1])
    assert [row for first, last in rows.ranges() for row in range(first, last + 1)] == sorted(plain)
    assert -1 not in rows


def test_a_row_set_tells_its_rows():
    assert RowSet().summary() == "none"
    assert RowSet().last == 0
    assert RowSet([1, 2, 3, 5, 9, 10]).summary() == "1-3, 5, 9-10"
    assert RowSet(range(0, 20, 2)).summary(3) == "0, 2, 4, and 7 more"
    with pytest.raises(ValueError, match="negative"):
        RowSet([-1])


def test_a_row_set_of_millions_is_small():
    rows = RowSet(range(1, 500_001))
    assert sum(map(len, rows._blocks.values())) < 80_000
