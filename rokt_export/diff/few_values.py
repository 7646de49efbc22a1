"""Judge columns of few distinct values: constants, choices, flags, types."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Hashable, Sequence
from typing import Any, Final

from rokt_export.diff.forms import is_number
from rokt_export.diff.sentences import NAME_A, NAME_B
from rokt_export.diff.shown_values import percent, scalar_text, shown, shown_change
from rokt_export.diff.statistics import CERTAIN, UNLIKELY, depends, one_mixture, unequal_places
from rokt_export.diff.verdict import DifferenceVerdict, how_rewritten, left_undecided, unequal_rows

_LIKELY: Final = 0.2
"""Probability of chance from which on two mixtures are called about the same."""
_LEAST_LOST: Final = 3
"""Rows from which on a value that the other side never has is a difference."""


def judge_few_values(
    a: Sequence[Hashable], b: Sequence[Hashable], show: Callable[[Any], str] = lambda value: shown(scalar_text(value))
) -> DifferenceVerdict | None:
    """Judge columns of few distinct values; None where they may be one mixture.

    Args:
        a: side A's values, one for each row.
        b: side B's.
        show: writes a value for a line of a report.
    """
    in_a, in_b = Counter(a), Counter(b)
    number = len(a)
    unequal = unequal_places(a, b)
    if len(in_a) == 1 and len(in_b) == 1:
        rewritten = how_rewritten({(scalar_text(a[0]), scalar_text(b[0]))})
        certain = number > 2 or not is_number(scalar_text(a[0]))
        plain = show(a[0]) == shown(scalar_text(a[0]))
        change = shown_change(a[0], b[0]) if plain else f"{show(a[0])} → {show(b[0])}"
        return DifferenceVerdict(True, rewritten or change, unequal, certain)
    if len(in_a) == 1 or len(in_b) == 1:
        constant, other = (in_a, in_b) if len(in_a) == 1 else (in_b, in_a)
        value = next(iter(constant))
        odd = number - other[value]
        if odd >= number / 2 or odd > 5:
            why = f"{_described(in_a, show)} → {_described(in_b, show)}"
        else:
            names = ", ".join(show(one) for one, _ in other.most_common(4) if one != value)
            sides = (NAME_A, NAME_B) if constant is in_a else (NAME_B, NAME_A)
            why = f"is always {show(value)} in {sides[0]}, but in {odd} of the rows {names} in {sides[1]}"
        return DifferenceVerdict(True, why, unequal, odd > 5 or number >= 100)
    if depends(a, b):
        return (
            unequal_rows(a, b)._replace(certain=number >= 8)
            if show(a[0]) == shown(scalar_text(a[0]))
            else DifferenceVerdict(
                True, f"{_described(in_a, show)} → {_described(in_b, show)}", unequal, True, "", bound=True
            )
        )
    if _are_of_lost_values(in_a, in_b, [(a[place], b[place]) for place in unequal]):
        return unequal_rows(a, b)._replace(certain=True)
    if (chance := one_mixture(a, b)) < UNLIKELY:
        return DifferenceVerdict(
            True, f"{_described(in_a, show)} → {_described(in_b, show)}", unequal, chance < CERTAIN
        )
    return None


def _are_of_lost_values(in_a: Counter[Any], in_b: Counter[Any], changes: Collection[tuple[Hashable, Hashable]]) -> bool:
    """Whether the rows that differ are those with values which the other side never has, each with one value there."""
    if not changes or len(changes) > sum(in_a.values()) - _LEAST_LOST:
        return False
    for lost, other in ((0, in_b), (1, in_a)):
        values = {change[lost] for change in changes}
        if len(set(changes)) == len(values) and len(changes) >= _LEAST_LOST * len(values) and not values & other.keys():
            return True
    return False


def few_undecided(a: Sequence[Any], b: Sequence[Any], form: str) -> DifferenceVerdict:
    """Say that few values come in other rows on each side, and how often they come."""
    in_a, in_b = Counter(a), Counter(b)
    if in_a.keys() != in_b.keys():
        alone = next(iter(in_a.keys() ^ in_b.keys()))
        side, count = (NAME_A, in_a[alone]) if alone in in_a else (NAME_B, in_b[alone])
        rows = f"{count:,} row{'s' * (count != 1)}"
        return left_undecided(
            a, f"takes few values, in other rows, and {shown(scalar_text(alone))} only in {side}, in {rows}", form
        )
    often = "about as often" if one_mixture(a, b) > _LIKELY else "not quite as often"
    return left_undecided(a, f"takes the same few values on both sides, {often}, but not in the same rows", form)


def _described(counts: Counter[Any], show: Callable[[Any], str]) -> str:
    total = counts.total()
    if len(counts) == 1:
        return f"always {show(next(iter(counts)))}"
    if len(counts) > 6:
        return f"one of {len(counts):,} values, such as {show(counts.most_common(1)[0][0])}"
    parts = [f"{show(value)} ({percent(count, total)})" for value, count in counts.most_common(3)]
    return ", ".join(parts) + (", …" if len(counts) > 3 else "")
