"""What chance makes is told from what depends: mixtures, shares, trends and shifts."""

from __future__ import annotations

import random

import pytest

from rokt_export.diff.statistics import (
    UNLIKELY,
    at_least,
    depends,
    direction,
    follows,
    one_mixture,
    probability,
    same_share,
    settling,
    shift_of,
    trend,
)

CHANCE = random.Random(7)


def drawn(words: str, number: int = 200) -> list[str]:
    return [CHANCE.choice(words) for _ in range(number)]


@pytest.mark.parametrize(("chi", "degrees", "known"), [(3.841, 1, 0.05), (18.307, 10, 0.05), (37.566, 20, 0.01)])
def test_a_chi_square_has_the_probability_of_the_tables(chi: float, degrees: int, known: float) -> None:
    assert probability(chi, degrees) == pytest.approx(known, rel=0.03)
    assert probability(0.0, degrees) == probability(chi, 0) == 1.0


def test_two_samples_of_one_mixture_are_likely_and_of_two_are_not() -> None:
    assert one_mixture(drawn("aab"), drawn("aab")) > UNLIKELY
    assert one_mixture(drawn("aab"), drawn("abb")) < UNLIKELY


def test_shares_are_compared_exactly() -> None:
    assert same_share(5, 10, 5, 10) == 1.0
    assert same_share(0, 10, 10, 10) == pytest.approx(2 / 184_756)  # one of the ways to choose 10 of 20


@pytest.mark.parametrize(("count", "of", "chance", "known"), [(1, 2, 0.5, 0.75), (2, 2, 0.5, 0.25), (3, 9, 0.0, 0.0)])
def test_how_often_something_comes_by_chance(count: int, of: int, chance: float, known: float) -> None:
    assert at_least(count, of, chance) == pytest.approx(known)


def test_a_column_depends_on_another_that_tells_its_value() -> None:
    column = drawn("abcd")
    assert depends(column, ["dcba"["abcd".index(value)] for value in column])
    assert not depends(column, drawn("abcd"))
    assert not depends(column, ["a"] * len(column))


def test_numbers_follow_each_other_up_or_down() -> None:
    numbers = [CHANCE.random() for _ in range(60)]
    assert follows(numbers, [value * 3 + 1 for value in numbers])
    assert follows(numbers, [-(value**3) for value in numbers])
    assert not follows(numbers, [CHANCE.random() for _ in numbers])
    assert not follows(numbers[:3], numbers[:3])


def test_a_trend_allows_a_few_steps_back() -> None:
    rising = [*range(1, 20), 5, *range(20, 40)]
    falling = [-value for value in rising]
    assert (trend(rising), trend(falling), trend([1.0] * 9)) == (1.0, -1.0, 0.0)
    assert [direction(rising, rising), direction(falling, falling), direction(rising, falling)] == [1, -1, 0]


def test_one_amount_between_unequal_values_is_a_shift() -> None:
    values = [float(CHANCE.randrange(10**6)) for _ in range(30)]
    found = shift_of(values, [value + 3600 for value in values])
    assert found is not None and (found.amount, len(found.places), found.certain) == (3600.0, 30, True)
    assert shift_of(values, [value + CHANCE.randrange(1, 10**6) for value in values]) is None
    assert shift_of(values, values) is None
    late = shift_of([86_000.0, 10.0, 500.0], [800.0, 1_210.0, 1_700.0], around=86_400.0)
    assert late is not None and late.amount == 1200.0


def test_more_rows_settle_what_so_many_could_not() -> None:
    assert [settling(rows) for rows in (2, 39, 40, 52)] == [40, 40, 160, 240]
