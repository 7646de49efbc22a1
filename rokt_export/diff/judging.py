"""Judge one place: the contract of its values on each side, and where they belong to the row, the values themselves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from rokt_export.diff.column import Row
from rokt_export.diff.echoes import judge_echo
from rokt_export.diff.few_values import few_undecided, judge_few_values
from rokt_export.diff.forms import ParsedTime, common_form, read_epoch, read_time
from rokt_export.diff.numbers import judge_numbers, mostly_numbers
from rokt_export.diff.sentences import NAME_A, NAME_B
from rokt_export.diff.shown_values import percent, scalar_text, shown
from rokt_export.diff.statistics import CERTAIN, UNLIKELY, depends, same_share
from rokt_export.diff.texts import judge_texts
from rokt_export.diff.times import judge_times, times_of
from rokt_export.diff.verdict import AGREES, DifferenceVerdict, how_rewritten, left_undecided, unequal_rows

_LEAST_REWRITTEN: Final = 3
"""Rows from which on values that are rewritten belong to their rows."""


def judge(a: Sequence[Any], b: Sequence[Any], rows: Sequence[Row]) -> DifferenceVerdict | None:
    """Return what can be said of two columns of texts, or numbers, or booleans; None where they agree.

    Unequal values are a difference, or cannot be judged, unless a check returns `AGREES`, which proves that they agree.
    """
    if a == b:
        return None
    found = _judged(a, b, rows) or left_undecided(a, "varies on both sides", common_form([*map(scalar_text, a[:200])]))
    return None if found == AGREES else found


def _judged(a: Sequence[Any], b: Sequence[Any], rows: Sequence[Row]) -> DifferenceVerdict | None:
    if isinstance(a[0], bool):
        return judge_few_values(a, b) or few_undecided(a, b, "boolean")
    texts_a, texts_b = [scalar_text(value) for value in a], [scalar_text(value) for value in b]
    if len(a) >= _LEAST_REWRITTEN and (why := how_rewritten(set(zip(texts_a, texts_b, strict=True)))):
        return unequal_rows(texts_a, texts_b, why)
    numeric = not isinstance(a[0], str)
    found = judge_echo(texts_a, texts_b, rows)
    if found is not None:
        return found
    read = read_epoch if numeric else read_time
    times = times_of(texts_a, [row.a for row in rows], read), times_of(texts_b, [row.b for row in rows], read)
    if all(times):
        return _judge_mostly_times(times[0], times[1], texts_a, texts_b, rows)
    if numeric or (mostly_numbers(texts_a) and mostly_numbers(texts_b)):
        return judge_numbers(texts_a, texts_b, rows, numeric=numeric)
    return judge_texts(texts_a, texts_b, rows, judge)


def _judge_mostly_times(
    times_a: Sequence[ParsedTime | None],
    times_b: Sequence[ParsedTime | None],
    a: Sequence[str],
    b: Sequence[str],
    rows: Sequence[Row],
) -> DifferenceVerdict | None:
    """Judge columns of which most values are times: what is no time on both sides, and apart from it the times."""
    pairs = list(zip(times_a, times_b, strict=True))
    if no_time := [place for place, (x, y) in enumerate(pairs) if (x is None) != (y is None)]:
        in_a = times_a[no_time[0]] is None
        side, odd = (NAME_A, a[no_time[0]]) if in_a else (NAME_B, b[no_time[0]])
        return DifferenceVerdict(True, f"has values that are not times in {side}, such as {shown(odd)}", no_time, True)
    for is_time in (False, True):
        chosen = [place for place, (x, _) in enumerate(pairs) if (x is not None) == is_time]
        some = [[side[place] for place in chosen] for side in (a, b, rows, times_a, times_b)]
        found = (judge_times(*some) if is_time else judge(*some[:3])) if chosen else None  # type: ignore[arg-type]
        if found is not None and found != AGREES:
            return found._replace(places=None if found.places is None else [chosen[place] for place in found.places])
    return AGREES


def judge_types(a: Sequence[str], b: Sequence[str]) -> DifferenceVerdict | None:
    """Judge which types stand at a place on each side."""
    if a == b:
        return None
    return judge_few_values(a, b, str) or left_undecided(a, "has several types on both sides, at random")


def judge_presence(both: int, only_a: int, only_b: int, neither: int) -> DifferenceVerdict | None:
    """Judge how often something is there: objects in which it is there on both sides, on A's alone, and so on."""
    if not only_a and not only_b:
        return None
    number = both + only_a + only_b + neither
    in_a, in_b = both + only_a, both + only_b
    shares = f"is present in {percent(in_a, number)} of the rows in {NAME_A} and {percent(in_b, number)} in {NAME_B}"
    rates = f"present in {percent(in_a, number)} → {percent(in_b, number)}"
    if in_a in (0, number) and in_b in (0, number):
        return DifferenceVerdict(True, "", None, True)
    if number in (in_a, in_b):
        return DifferenceVerdict(True, rates, None, number >= 20)
    if 0 in (in_a, in_b):
        if max(in_a, in_b) > 0.15 * number or number >= 100:
            return DifferenceVerdict(True, rates, None, same_share(in_a, number, in_b, number) < UNLIKELY)
        return DifferenceVerdict(False, f"{shares}, which may be chance", None, False)
    flags_a = [True] * (both + only_a) + [False] * (only_b + neither)
    flags_b = [True] * both + [False] * only_a + [True] * only_b + [False] * neither
    if depends(flags_a, flags_b):
        return DifferenceVerdict(True, "", None, True, "", bound=True)
    if (chance := same_share(in_a, number, in_b, number)) < UNLIKELY:
        return DifferenceVerdict(True, rates, None, chance < CERTAIN)
    return DifferenceVerdict(False, f"{shares}, at random", None, number >= 20)
