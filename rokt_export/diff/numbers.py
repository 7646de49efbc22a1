"""Judge numbers: their relation to the other side's, their direction, their notation, their range."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from statistics import median

from rokt_export.diff.column import Row
from rokt_export.diff.few_values import few_undecided, judge_few_values
from rokt_export.diff.forms import NUMBER, common_form, is_number
from rokt_export.diff.opaque import judge_opaque, judge_repeats
from rokt_export.diff.sentences import NAME_A, NAME_B
from rokt_export.diff.shown_values import change_of_shares, shown
from rokt_export.diff.statistics import UNLIKELY, direction, follows, same_share, shift_of, trend
from rokt_export.diff.verdict import DifferenceVerdict, left_undecided, more_or_less, unequal_rows


def mostly_numbers(texts: Sequence[str]) -> bool:
    """Return whether at least nine of ten texts are numbers, and the first one is."""
    return NUMBER.fullmatch(texts[0]) is not None and sum(
        NUMBER.fullmatch(text) is not None and len(text) < 300 for text in texts
    ) >= 0.9 * len(texts)


def _numbers(texts: Sequence[str]) -> list[float]:
    return [float(text) for text in texts if NUMBER.fullmatch(text)]


def _decimals(texts: Sequence[str]) -> float:
    return median(len(text.partition(".")[2]) for text in texts)


def judge_numbers(
    a: Sequence[str], b: Sequence[str], rows: Sequence[Row], *, numeric: bool
) -> DifferenceVerdict | None:
    """Judge columns of numbers, or of texts that are mostly numbers.

    Args:
        a: side A's numbers as they are written, one for each row.
        b: side B's.
        rows: the rows.
        numeric: whether the response has them as numbers, not as texts, whose length and leading zeros count.
    """
    odd = [p for p, (x, y) in enumerate(zip(a, b, strict=True)) if is_number(x) != is_number(y)]
    if odd:
        side, text = next(
            (side, text)
            for place in odd
            for side, text in ((NAME_A, a[place]), (NAME_B, b[place]))
            if not is_number(text)
        )
        why = f"has values that are not numbers in {side}, such as {shown(text)}"
        return DifferenceVerdict(True, why, odd, len(a) >= 20 or len(odd) > 1)
    numbers_a, numbers_b = _numbers(a), _numbers(b)
    if len(numbers_a) != len(a):
        return judge_opaque(a, b)
    form = common_form(a[:200]) if not numeric else "number"
    if (found := _related_numbers(a, b, (numbers_a, numbers_b), rows, form)) is not None:
        return found
    rises = direction(numbers_a, numbers_b)
    if (found := _number_form(a, b, numeric=numeric)) is not None:
        return found
    few = max(len(set(a)), len(set(b))) <= min(12, len(a) / 4)
    if few:
        return judge_few_values(a, b) or few_undecided(a, b, form)
    if (found := _ranges(numbers_a, numbers_b, rising=bool(rises))) is not None:
        return found
    if not rises and (found := judge_repeats(a, b)) is not None:
        return found
    whys = {1: "rises on both sides", -1: "falls on both sides", 0: "takes numbers of the same range on both sides"}
    return left_undecided(a, whys[rises], form)


def _related_numbers(
    a: Sequence[str], b: Sequence[str], numbers: tuple[Sequence[float], Sequence[float]], rows: Sequence[Row], form: str
) -> DifferenceVerdict | None:
    """Judge what numbers are to each other: digits lost, a constant, another direction, a shift, a scale."""
    numbers_a, numbers_b = numbers
    for side, exact, others in ((NAME_B, a, b), (NAME_A, b, a)):
        if exact != others and all(_is_rounded(x, y) for x, y in zip(exact, others, strict=True)):
            return unequal_rows(a, b, f"has lost its last digits in {side}, as a double-precision number does")
    long = min(len(a[0]), len(b[0])) >= 6
    if len(a) < 3 and long and len(a[0]) == len(b[0]) and numbers_a != numbers_b:
        return left_undecided(a, "has too few rows to compare", form)
    if len(set(a)) == 1 or len(set(b)) == 1:
        return judge_few_values(a, b)
    if all(x == -y for x, y in zip(numbers_a, numbers_b, strict=True)):
        return unequal_rows(a, b, f"has the opposite sign in {NAME_B}")
    if scale := _scale(a, b):
        return unequal_rows(a, b, scale)
    trends = trend(numbers_a), trend(numbers_b)
    weaker, stronger = sorted(trends, key=abs)
    if len(a) >= 8 and abs(stronger) > 0.95 and weaker * stronger < 0.4:
        names = [("rising" if one > 0 else "falling") if abs(one) >= 0.4 else "in no order" for one in trends]
        return DifferenceVerdict(True, f"{names[0]} → {names[1]}", None, True)
    return judge_bound_numbers(a, b, numbers, rows, form)


def judge_bound_numbers(
    a: Sequence[str], b: Sequence[str], numbers: tuple[Sequence[float], Sequence[float]], rows: Sequence[Row], form: str
) -> DifferenceVerdict | None:
    """Judge numbers that differ by one amount, or rise and fall together, and are no counters.

    Args:
        a: side A's numbers as they are written, one for each row.
        b: side B's.
        numbers: the numbers of A and of B.
        rows: the rows.
        form: what `varies:` calls their form.
    """
    counting = direction(*numbers)
    exact = [list(map(int, side)) for side in (a, b)] if all(map(_is_whole, (*a, *b))) else numbers
    steady = all(len({y > x for x, y in pairwise(side)}) == 1 for side in exact)
    moved = shift_of(*exact)
    counter = steady or (counting and moved is not None and len(moved.places) < len(a))
    if moved is not None and not counter and (moved.certain or len(moved.places) > 2):
        return DifferenceVerdict(True, more_or_less(moved.amount), moved.places, moved.certain, "", bound=True)
    if counting or not follows(*numbers):
        return None
    starts = [row.a.started for row in rows], [row.b.started for row in rows]
    if all(follows(side, begun) for side, begun in zip(numbers, starts, strict=True)):
        return left_undecided(a, "rises or falls with the time of the request on both sides", form)
    return unequal_rows(a, b)


def _is_rounded(exact: str, other: str) -> bool:
    """Whether a number is another one as 53 bits hold it."""
    if not (_is_whole(exact) and _is_whole(other)):
        return exact == other
    return exact == other or (len(exact) >= 16 and int(other) == int(float(exact)))


def _is_whole(text: str) -> bool:
    return len(text) < 300 and text.removeprefix("-").isdecimal()


def _scale(a: Sequence[str], b: Sequence[str]) -> str:
    """Return how many times as much one side's numbers are, as far as their digits go; empty for no plain factor."""
    pairs = [(float(x), float(y), _last_place(x), _last_place(y)) for x, y in zip(a, b, strict=True)]
    pairs = [pair for pair in pairs if pair[0] or pair[1]]
    if len({x for x, *_ in pairs}) < 3 or not all(x and y for x, y, *_ in pairs):
        return ""
    factor = median(y / x for x, y, *_ in pairs)
    larger = abs(factor) >= 1
    plain = float(f"{factor if larger else 1 / factor:.3g}")
    factor = plain if larger else 1 / plain
    if abs(plain) < 1.005 or any(
        abs(y - x * factor) > 0.51 * (of_y + of_x * abs(factor)) for x, y, of_x, of_y in pairs
    ):
        return ""
    sides = (NAME_B, NAME_A) if larger else (NAME_A, NAME_B)
    return f"is {plain:.6g} times as much in {sides[0]} as in {sides[1]}"


def _last_place(text: str) -> float:
    """What one unit of a number's last digit is worth; nothing for a whole number, which is exact."""
    decimals = len(text.partition(".")[2])
    return 10.0**-decimals if decimals else 0.0


def _number_form(a: Sequence[str], b: Sequence[str], *, numeric: bool) -> DifferenceVerdict | None:
    decimals = _decimals(a), _decimals(b)
    if abs(decimals[0] - decimals[1]) >= (1 if max(decimals) <= 6 and len(a) >= 8 else 3):
        return DifferenceVerdict(True, f"{decimals[0]:.0f} decimals → {decimals[1]:.0f} decimals", None, len(a) >= 8)
    negative = [sum(text[0] == "-" for text in side) for side in (a, b)]
    if same_share(negative[0], len(a), negative[1], len(b)) < UNLIKELY:
        return DifferenceVerdict(True, f"negative values in {change_of_shares(negative, len(a))}", None, True)
    zeros = [sum(text[0] == "0" and len(text) > 1 and text[1] != "." for text in side) for side in (a, b)]
    if not numeric and same_share(zeros[0], len(a), zeros[1], len(b)) < UNLIKELY:
        return DifferenceVerdict(True, f"leading zeros in {change_of_shares(zeros, len(a))}", None, True)
    lengths = set(map(len, a)), set(map(len, b))
    if not numeric and min(zeros) and lengths[0] != lengths[1] and max(map(len, lengths)) == 1:
        return DifferenceVerdict(True, f"form: {len(a[0])} digits → {len(b[0])} digits", None, len(a) >= 3)
    return None


def _ranges(a: Sequence[float], b: Sequence[float], *, rising: bool) -> DifferenceVerdict | None:
    sizes_a, sizes_b = sorted(map(abs, a)), sorted(map(abs, b))
    middle_a, middle_b = median(sizes_a), median(sizes_b)
    if len(a) < 5:
        return None
    if rising:
        all_steps = [{y - x for x, y in pairwise(side)} for side in (a, b)]
        steps = [median([abs(y - x) for x, y in pairwise(side)]) for side in (a, b)]
        if all_steps[0] != all_steps[1] and max(map(len, all_steps)) == 1:
            return DifferenceVerdict(True, f"steps of {steps[0]:.4g} → steps of {steps[1]:.4g}", None, True)
        if min(steps) > 0 and max(steps) >= 20 * min(steps) and max(middle_a, middle_b) >= 20 * min(middle_a, middle_b):
            return DifferenceVerdict(True, f"steps of {steps[0]:.4g} → steps of {steps[1]:.4g}", None, True)
        return None
    low, high = len(a) // 20, len(a) - 1 - len(a) // 20
    apart = sizes_a[high] < sizes_b[low] or sizes_b[high] < sizes_a[low]
    far = max(middle_a, middle_b) >= max(1e-9, (4 if len(a) >= 20 else 8) * min(middle_a, middle_b))
    if (apart and max(middle_a, middle_b) >= 2 * min(middle_a, middle_b)) or far:
        return DifferenceVerdict(True, f"{_range(a)} → {_range(b)}", None, len(a) >= 20)
    return None


def _range(values: Sequence[float]) -> str:
    return f"{min(values):.6g} to {max(values):.6g}"
