"""Rows that several readers claim: each row is one reader's, and nobody is left with many at the end."""

from itertools import islice

import pytest

from rokt_export.transactions.claims import ALL, ClaimMark, Claims
from transactions.conftest import PlainMark


def test_all_rows_are_one_range():
    assert list(ALL.among(5, 9)) == [range(5, 10)]
    assert list(ALL.among(5, 4)) == []
    assert ALL.has(1)


def test_what_is_claimed_is_not_claimed_again():
    mark: ClaimMark = PlainMark()
    quick, slow = (Claims(mark, 2, 10) for _ in range(2))
    assert next(quick.among(1, 100)) == range(1, 11)
    assert list(islice(slow.among(1, 100), 2)) == [range(11, 21), range(21, 31)]
    assert [row for row in range(1, 36) if quick.has(row)] == [*range(1, 11), *range(31, 36)]


def test_a_reader_may_go_back_to_where_its_last_range_begins():
    mark = PlainMark()
    mine, other = Claims(mark, 2, 10), Claims(mark, 2, 10)
    assert next(mine.among(1, 4)) == range(1, 5)
    assert other.has(11)
    assert [row for row in range(1, 25) if mine.has(row)] == [*range(1, 11), *range(21, 25)]


def test_a_claim_goes_on_in_the_next_block():
    mine = Claims(PlainMark(), 2, 10)
    assert list(mine.among(1, 4)) == [range(1, 5)]
    assert list(mine.among(5, 8)) == [range(5, 9)]
    assert list(mine.among(9, 12)) == [range(9, 11), range(11, 13)]


@pytest.mark.parametrize(("total", "readers"), [(1, 2), (10, 2), (1_000, 2), (1_000, 8), (100_000, 3)])
def test_claims_get_smaller_towards_the_end(total, readers):
    mark = PlainMark()
    mine = Claims(mark, readers, 256, total=total)
    assert sum(map(len, mine.among(1, total))) == total
    sizes = [size for _, size in mark.claims]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[-1] == 1
    assert all(size <= max(1, (total - row + 1) // readers) for row, size in mark.claims)
    assert len(sizes) < 200 + total / 250


def test_the_last_rows_are_scarce_and_claimed_one_by_one():
    mark = PlainMark()
    mine = Claims(mark, 2, 256, few=20, total=1_000)
    for some in mine.among(1, 1_000):
        assert mine.scarce == (some.stop > 980)
    assert {size for row, size in mark.claims if row > 980} == {1}
    assert not ALL.scarce
    assert not Claims(PlainMark(), 2, 256, few=20).scarce  # nobody has counted the rows


def test_a_few_wanted_rows_are_scarce_wherever_they_are():
    mine = Claims(PlainMark(), 2, 256, few=20, total=1_000, wanted=16)
    assert mine.scarce
    assert set(map(len, mine.among(1, 900))) == {2}
    assert not Claims(PlainMark(), 2, 256, few=20, total=1_000, wanted=160).scarce
    assert next(Claims(PlainMark(), 2, 256, few=20, total=10_000_000, wanted=16).among(1, 9_000)) == range(1, 201)


def test_no_more_is_read_ahead_than_is_asked_for():
    mine = Claims(PlainMark(), 2, 256)
    for asked, ahead in ((3, 3), (0, 1), (9_000, 500)):
        mine.ask(asked)
        assert mine.ahead == ahead
    ALL.ask(3)
    assert ALL.ahead == 500
