"""Judge times: by the clock of the exchange, or by the row that they belong to."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Sequence
from statistics import median
from typing import Final

from rokt_export.diff.column import Row
from rokt_export.diff.few_values import judge_few_values
from rokt_export.diff.forms import ParsedTime, all_read
from rokt_export.diff.sentences import NAME_A, NAME_B
from rokt_export.diff.shown_values import change_of_shares, shown
from rokt_export.diff.side import Side
from rokt_export.diff.statistics import UNLIKELY, depends, follows, same_share, shift_of
from rokt_export.diff.verdict import AGREES, DifferenceVerdict, left_undecided, unequal_rows

_NEAR: Final = 400 * 86_400.0
_SKEW: Final = 90.0
"""Seconds that two servers' clocks may differ."""
_NOW: Final = 3_600.0
"""Seconds from an exchange within which a time may be that of the exchange."""
_EXACT: Final = 5.0
"""Seconds within which a time further away must keep its distance from the exchange."""
_DAY: Final = 86_400.0
_ZONES: Final = 1_800
"""Seconds by which zones differ."""


def times_of(
    texts: Sequence[str], sides: Sequence[Side], read: Callable[[str], ParsedTime | None]
) -> list[ParsedTime | None]:
    """Return the times that texts are, an empty list where most are none; digits are one only near the exchange.

    Args:
        texts: one side's values, a text for each row.
        sides: that side of each row.
        read: `read_epoch` for numbers, `read_time` for texts.
    """
    found = all_read(texts, read)
    if found and found[0] is not None and found[0].form.startswith("epoch"):
        pairs = [(time, side.started) for time, side in zip(found, sides, strict=True) if time is not None]
        if pairs[0][1] and sum(abs(time.seconds - started) < _NEAR for time, started in pairs) < 0.5 * len(pairs):
            return []
    return found


def judge_times(
    a: Sequence[str], b: Sequence[str], rows: Sequence[Row], of_a: Sequence[ParsedTime], of_b: Sequence[ParsedTime]
) -> DifferenceVerdict | None:
    """Judge columns of nothing but times.

    Args:
        a: side A's times as they are written, one for each row.
        b: side B's.
        rows: the rows.
        of_a: side A's times as they are read.
        of_b: side B's.
    """
    forms_a, forms_b = [one.form for one in of_a], [one.form for one in of_b]
    if forms_a != forms_b and (found := judge_few_values(forms_a, forms_b, str)) is not None:
        return found
    if rows[0].a.started > 0 and rows[0].b.started > 0 and (found := _clocks(a, b, rows, of_a, of_b)) is not None:
        return found
    seconds = [x.seconds for x in of_a], [y.seconds for y in of_b]
    if seconds[0] == seconds[1] and forms_a == forms_b and not of_a[0].of_day and len(set(seconds[0])) > 1:
        return unequal_rows(a, b, f"is the same time in both, with another time zone in {NAME_B} than in {NAME_A}")
    moved = shift_of(*seconds, _DAY if of_a[0].of_day else 0.0)
    if moved is not None:
        return DifferenceVerdict(True, _moved(moved.amount), moved.places, moved.certain or len(a) > 2, "", bound=True)
    if depends(a, b):
        return unequal_rows(a, b)
    if len(set(a)) == 1 or len(set(b)) == 1:
        return judge_few_values(a, b)
    if len(a) >= 5 and follows(*seconds):
        return unequal_rows(a, b, "has other times, though each belongs to its row")
    form = Counter(forms_a).most_common(1)[0][0]
    return left_undecided(a, "has times that vary on both sides, and are not those of the requests", form)


def _clocks(
    a: Sequence[str], b: Sequence[str], rows: Sequence[Row], of_a: Sequence[ParsedTime], of_b: Sequence[ParsedTime]
) -> DifferenceVerdict | None:
    """Judge times that at least one side takes from the clock, None where neither does."""
    starts_a, starts_b = [row.a.started for row in rows], [row.b.started for row in rows]
    from_a, from_b = _offsets(of_a, starts_a), _offsets(of_b, starts_b)
    resolution = max(one.resolution for one in of_a)
    for side, other, values, others, starts in ((NAME_B, NAME_A, b, a, starts_b), (NAME_A, NAME_B, a, b, starts_a)):
        if len(set(values)) == 1 and len(set(others)) > 2 and _lasts(starts, resolution):
            return DifferenceVerdict(
                True, f"is always {shown(values[0])} in {side}, but a new time each time in {other}"
            )
    near_a, near_b = _is_clock(from_a, of_a, starts_a), _is_clock(from_b, of_b, starts_b)
    if near_a and near_b:
        return _near_times(from_a, from_b, of_a, of_b, rows) or AGREES
    if near_a == near_b:
        return None
    words = ("near the request", "not near it")
    return DifferenceVerdict(
        True, " → ".join(words if near_a else words[::-1]).join(("a time ", "")), None, True, clock=True
    )


def _offsets(moments: Sequence[ParsedTime], starts: Sequence[float]) -> list[float]:
    """Seconds from the start of each exchange to the time; of a time of day those to the nearest one."""
    if moments[0].of_day:
        half = _DAY / 2
        return [(one.seconds - start % _DAY + half) % _DAY - half for one, start in zip(moments, starts, strict=True)]
    return [one.seconds - start for one, start in zip(moments, starts, strict=True)]


def _is_clock(offsets: Sequence[float], moments: Sequence[ParsedTime], starts: Sequence[float]) -> bool:
    """Whether times are taken from the clock: nearly all as far from their exchange, as exactly as they can be."""
    middle = median(offsets)
    resolution = max(one.resolution for one in moments)
    exact = max(_SKEW if abs(middle) < _NOW else _EXACT, 1.2 * resolution)
    if abs(middle) >= _NEAR or median(abs(one - middle) for one in offsets) > exact:
        return False
    if resolution >= _DAY:
        return len(_of_one_day(offsets)) >= 0.8 * len(offsets)
    if abs(middle) >= _NOW and len({one.seconds for one in moments}) == 1 and _lasts(starts, resolution):
        return False
    return sum(abs(one - middle) <= 4 * exact for one in offsets) >= 0.8 * len(offsets)


def _lasts(starts: Sequence[float], resolution: float) -> bool:
    """Whether exchanges last so long that a clock shows several times."""
    return max(starts) - min(starts) > 2.5 * resolution + 1


def _near_times(
    from_a: Sequence[float], from_b: Sequence[float], of_a: Sequence[ParsedTime], of_b: Sequence[ParsedTime],
    rows: Sequence[Row],
) -> DifferenceVerdict | None:  # fmt: skip
    """Judge times that both sides take from the clock: as far from the exchange, and as new each time."""
    resolution = max(one.resolution for one in of_a)
    middle_a, middle_b = median(from_a), median(from_b)
    jitters = median(abs(one - middle_a) for one in from_a), median(abs(one - middle_b) for one in from_b)
    jitter = max(jitters)
    allowed = max(_SKEW if abs(middle_a) < _NOW else _EXACT, 1.2 * resolution, 4 * jitter)
    if resolution >= _DAY and (found := _other_days(from_a, from_b)) is not None:
        return found
    steps = Counter(_offsets(of_b, [one.seconds for one in of_a]))
    step, often = steps.most_common(1)[0]
    gap = median(row.b.started - row.a.started for row in rows)
    stands = abs(middle_a) >= _NOW and often >= 0.8 * len(rows)  # a time that keeps its distance by no clock
    if stands and abs(step - gap) > max(_EXACT, 1.2 * resolution):
        return DifferenceVerdict(True, _moved(step), None, True, "", bound=True)
    if abs(middle_b - middle_a) > allowed:
        why = f"{_moved(middle_b - middle_a)}, measured from the time of each request"
        return DifferenceVerdict(True, why, None, True, clock=True)
    far = allowed + 8 * jitter + _SKEW
    away = [
        (place, abs(x - middle_a) > far, abs(y - middle_b) > far)
        for place, (x, y) in enumerate(zip(from_a, from_b, strict=True))
    ]
    if odd := [place for place, in_a, in_b in away if in_a != in_b]:
        side = NAME_A if sum(in_a for _, in_a, in_b in away) > sum(in_b for _, in_a, in_b in away) else NAME_B
        return DifferenceVerdict(True, f"is far from the time of the request in {side}", odd, True, clock=True)
    if any(in_a for _, in_a, _ in away):
        return left_undecided(away, "has times far from the request in some rows of both sides", of_a[0].form)
    expected = (
        [row.a.started + middle_b for row in rows],
        [row.b.started + middle_a for row in rows],
    )
    for unit, name in ((1, "seconds"), (60, "minutes")):
        near = 2 * resolution + min(jitters)  # requests that are sent just then have such times anyway
        whole = [
            [unit > resolution and one.seconds % unit == 0 and near < at % unit < unit - near for one, at in pairs]
            for pairs in (zip(of_a, expected[0], strict=True), zip(of_b, expected[1], strict=True))
        ]
        if same_share(sum(whole[0]), len(of_a), sum(whole[1]), len(of_b)) < UNLIKELY:
            shares = [sum(one.seconds % unit == 0 for one in side) for side in (of_a, of_b)]
            return DifferenceVerdict(True, f"whole {name} in {change_of_shares(shares, len(of_a))}")
    return None


def _of_one_day(offsets: Sequence[float]) -> list[float]:
    """The most of them that lie within one day."""
    ordered = sorted(offsets)
    return max((ordered[at : bisect_left(ordered, one + _DAY)] for at, one in enumerate(ordered)), key=len)


def _other_days(from_a: Sequence[float], from_b: Sequence[float]) -> DifferenceVerdict | None:
    """Judge dates of the exchange: one rule (so many seconds later, of which the date) must explain both sides'."""
    sides = _of_one_day(from_a), _of_one_day(from_b)
    earliest, latest = max(map(max, sides)) - _EXACT, min(map(min, sides)) + _DAY + _EXACT
    if math.ceil(earliest / _ZONES) <= latest // _ZONES or any(max(side) >= min(side) + _DAY for side in sides):
        return None
    days = round((median(from_b) - median(from_a)) / _DAY) or (1 if median(from_b) > median(from_a) else -1)
    return DifferenceVerdict(True, _moved(days * _DAY), None, True, clock=True)


def _moved(seconds: float) -> str:
    return f"is {_duration(abs(seconds))} {'earlier' if seconds < 0 else 'later'} in {NAME_B} than in {NAME_A}"


def _duration(size: float) -> str:
    for unit, length in (("day", 86_400), ("hour", 3_600), ("minute", 60)):
        if size >= length * 0.95:
            number = f"{size / length:.3g}"
            return f"{number} {unit}{'s' * (number != '1')}"
    return f"{size:.3g} s"
