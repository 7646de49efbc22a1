"""Tell whether two columns of values are one mixture, depend on each other, or repeat themselves."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Hashable, Sequence
from itertools import pairwise
from statistics import StatisticsError, correlation, fmean
from typing import NamedTuple

ENOUGH = 40
"""Transactions from which on rates differ from chance, and a place may be declared as varying."""
SKIMMED = 400
"""Rows in which relations are looked for; more would cost time and tell no more."""
UNLIKELY = 0.005
"""Probability of chance from which on two mixtures count as two."""
CERTAIN = 0.0001
"""Probability of chance from which on they do so for certain, though many fields are looked at."""


def settling(rows: int, least: int = ENOUGH) -> int:
    """Return how many rows settle what so many could not."""
    return least if rows < least else math.ceil(rows / 10) * 40


def probability(chi_square: float, degrees: int) -> float:
    """Return how likely chance alone reaches a chi-square (Wilson and Hilferty's approximation)."""
    if degrees < 1 or chi_square <= 0:
        return 1.0
    if degrees == 1:
        return math.erfc(math.sqrt(chi_square / 2))
    spread = 2 / (9 * degrees)
    return math.erfc(((chi_square / degrees) ** (1 / 3) - 1 + spread) / math.sqrt(2 * spread)) / 2


def one_mixture(a: Sequence[Hashable], b: Sequence[Hashable]) -> float:
    """Return how likely two samples of one mixture are as unlike as these (chi-square test of homogeneity)."""
    in_a, in_b = Counter(a), Counter(b)
    ratio = len(b) / len(a)
    root = math.sqrt(ratio)
    keys = in_a.keys() | in_b.keys()
    chi = sum((root * in_a[key] - in_b[key] / root) ** 2 / (in_a[key] + in_b[key]) for key in keys)
    overall = probability(chi, len(keys) - 1)
    single = [
        probability((root * in_a[key] - in_b[key] / root) ** 2 / (in_a[key] + in_b[key]), 1) * len(keys)
        for key in keys
        if in_a[key] + in_b[key] >= 5
    ]
    return min([overall, *single])


def same_share(few: int, of: int, others: int, of_others: int) -> float:
    """Return how likely two shares stem from one, by Fisher's exact test (two-sided, doubled)."""
    total, hits = of + of_others, few + others

    def weight(count: int) -> float:
        return (
            math.lgamma(of + 1)
            - math.lgamma(count + 1)
            - math.lgamma(of - count + 1)
            + (math.lgamma(of_others + 1) - math.lgamma(hits - count + 1) - math.lgamma(of_others - hits + count + 1))
        )

    scale = math.lgamma(total + 1) - math.lgamma(hits + 1) - math.lgamma(total - hits + 1)
    least, most = max(0, hits - of_others), min(of, hits)
    below = sum(math.exp(weight(count) - scale) for count in range(least, few + 1))
    above = sum(math.exp(weight(count) - scale) for count in range(few, most + 1))
    return min(1.0, 2 * min(below, above))


def depends(a: Sequence[Hashable], b: Sequence[Hashable]) -> bool:
    """Return whether the value of one column tells the value of the other in the same row."""
    number = len(a)
    in_a, in_b = Counter(a), Counter(b)
    if number < 5 or len(in_a) < 2 or len(in_b) < 2:
        return False
    equal = sum(x == y for x, y in zip(a, b, strict=True))
    if len(in_a) == len(in_b) == 2 and min(*in_a.values(), *in_b.values()) <= number / 4:  # of rare ones few may meet
        rare, many = min(in_a, key=in_a.__getitem__), min(in_b, key=in_b.__getitem__)
        together = sum(x == rare and y == many for x, y in zip(a, b, strict=True))
        if same_share(together, in_a[rare], in_b[many] - together, number - in_a[rare]) > UNLIKELY / 10:
            return False
    chance = sum(count * in_b[value] for value, count in in_a.items()) / number**2
    if chance < 1 and (equal / number - chance) / (1 - chance) > 0.4 and equal >= 3:
        spread = math.sqrt(number * chance * (1 - chance))
        if equal - number * chance > max(2.0, 3 * spread):
            return True
    usual: dict[Hashable, Hashable] = {}
    alike = [usual[x] == y if x in usual else usual.setdefault(x, y) is None for x, y in zip(a, b, strict=True)]
    again, same = number - len(in_a), sum(alike)
    if same >= 0.8 * again and at_least(same, again, sum(count**2 for count in in_b.values()) / number**2) < 1e-5:
        return True
    if min(len(in_a), len(in_b)) > 20 or max(len(in_a), len(in_b)) > number / 4:
        return False
    joint = Counter(zip(a, b, strict=True))
    chi = number * (sum(count**2 / (in_a[x] * in_b[y]) for (x, y), count in joint.items()) - 1)
    degrees = (len(in_a) - 1) * (len(in_b) - 1)
    strength = math.sqrt(max(0.0, chi - degrees) / number / (min(len(in_a), len(in_b)) - 1))
    return strength > 0.6 and probability(chi, degrees) < 1e-5


def follows(a: Sequence[float], b: Sequence[float]) -> bool:
    """Return whether two columns of numbers rise and fall together."""
    if len(a) < 4:
        return False
    a, b = a[:SKIMMED], b[:SKIMMED]
    if len(a) < 8:
        return abs(_together(a, b)) >= 0.9995  # ranks of so few agree by chance
    least = 0.95 if len(a) < 12 else 0.85 if len(a) < 40 else 0.6
    return abs(_together(a, b)) >= least or abs(_together(_ranks(a), _ranks(b))) >= least


def _together(a: Sequence[float], b: Sequence[float]) -> float:
    """Pearson's correlation, 0.0 where a side is constant."""
    try:
        return correlation(a, b)
    except (StatisticsError, OverflowError):
        return 0.0


def _ranks(values: Sequence[float]) -> list[float]:
    places: dict[float, list[int]] = {}
    for place, value in enumerate(sorted(values)):
        places.setdefault(value, []).append(place)
    return [fmean(places[value]) for value in values]


def trend(values: Sequence[float]) -> float:
    """Return 1.0 for values that rise from row to row, -1.0 for falling ones, else how far they do (Spearman's rho).

    A few steps may go back, as those of a countdown that starts again.
    """
    if len(values) < 5:
        return 0.0
    steps = [after - before for before, after in pairwise(values)]
    up, down = sum(step > 0 for step in steps), sum(step < 0 for step in steps)
    for count, sign in ((up, 1.0), (down, -1.0)):
        if count >= 0.9 * (up + down) and count >= 0.5 * len(steps):
            return sign
    values = values[:SKIMMED]
    return _together(_ranks(values), range(len(values))) if len(values) >= 8 else 0.0


def direction(a: Sequence[float], b: Sequence[float]) -> int:
    """Return 1 where both sides rise, -1 where both fall, 0 for neither; requests at the same time may overtake."""
    trends = trend(a), trend(b)
    least = 0.6 if len(a) >= 20 else 0.9
    if all(one >= least for one in trends):
        return 1
    return -1 if all(one <= -least for one in trends) else 0


class Shift(NamedTuple):
    """What is added to the values of one side to get those of the other.

    Attributes:
        amount: what is added.
        places: the rows with unequal values.
        certain: whether chance hardly makes it.
    """

    amount: float
    places: list[int]
    certain: bool


def unequal_places(a: Sequence[object], b: Sequence[object]) -> list[int]:
    """Return the places, from 0, at which two columns have different values."""
    return [place for place, (x, y) in enumerate(zip(a, b, strict=True)) if x != y]


def shift_of(a: Sequence[float], b: Sequence[float], around: float = 0.0) -> Shift | None:
    """Return what nearly all unequal values of two columns differ by, None where that is no single amount.

    How often chance makes it is estimated from all pairs of a value of `a` and one of `b`.

    Args:
        a, b: values of the same rows.
        around: where values begin again, such as the seconds of a day; 0.0 for nowhere.
    """
    places = unequal_places(a, b)
    if len(places) < 2:
        return None
    largest = max(max(abs(a[place]), abs(b[place])) for place in places)
    digits = 12 - math.ceil(math.log10(largest)) if largest and isinstance(a[0] + b[0], float) else 0

    def between(x: float, y: float) -> float:
        step = y - x
        return round((step + around / 2) % around - around / 2 if around else step, digits)

    amount, often = Counter(between(a[place], b[place]) for place in places).most_common(1)[0]
    if not amount or often < 0.8 * len(places):
        return None
    in_a, in_b = Counter(a[place] for place in places), Counter(round(b[place], digits) for place in places)
    alike = sum(
        count * in_b[round((x + amount) % around if around else x + amount, digits)] for x, count in in_a.items()
    )
    certain = at_least(often, len(places), alike / len(places) ** 2) < UNLIKELY
    if not certain and (often < len(places) or len(in_a) < len(places)):
        return None
    return Shift(amount, places, certain)


def at_least(count: int, of: int, chance: float) -> float:
    """Return how likely something of this chance comes so often or more (binomial)."""
    if chance >= 1:
        return 1.0
    if chance <= 0:
        return 0.0
    return min(1.0, sum(
        math.exp(
            math.lgamma(of + 1) - math.lgamma(k + 1) - math.lgamma(of - k + 1)
            + k * math.log(chance) + (of - k) * math.log1p(-chance)
        )
        for k in range(count, of + 1)
    ))  # fmt: skip
