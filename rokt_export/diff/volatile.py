"""Judge from the answers alone whether a place varies by itself within each side, or really differs between them.

Nothing is sent twice to learn this: a partner would call it a duplicate. A place is volatile if it varies within each
side, and what it says on one side tells nothing about the other: a new value each time, a counter, or the same mixture
of values in no relation to the transaction. Constant on a side, or bound to the transaction, is a real difference.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from difflib import SequenceMatcher
from statistics import StatisticsError, correlation, fmean

from rokt_export.diff.evidence import Evidence, Presence

_FEWEST = 3
"""Differing pairs from which on anything is learned."""
ENOUGH = 20
"""Pairs from which on frequencies are compared."""
_RARE = 5
"""Times that each side must say something other than its usual, or it counts as constant (Cochran's rule)."""
_ALL_DISTINCT = 0.95
_HARDLY_EQUAL = 0.1
_MOSTLY_EQUAL = 0.5
_RISING = 0.9
_RELATED = 0.3
"""Correlation, or Cramér's V, from which on two sides follow the same thing: a medium effect (Cohen 1988)."""
_ALIKE = 0.1
_MANY_NUMBERS = 10
_FEW_FORMS = 3
_SIMILAR = 0.25
_SAME_LETTERS = 0.5

FRESH = "a new value each time, on both sides"
RISING = "counts up, on both sides"
MIXED = "varies within each side alike, whatever the transaction"
NUMBERS = "a number that varies within each side, whatever the transaction"
PRESENCE = "present at times within each side alike, whatever the transaction"
REFERENCE = "the partner's reference of the record"

_NUMBER = re.compile(r"-?\d{1,300}(?:\.\d{1,300})?(?:[eE][+-]?\d{1,2})?", re.ASCII)
_DIGITS = re.compile(r"\d{1,300}", re.ASCII)
_WITH_DIGIT = re.compile(r"[^\W_]*\d[^\W_]*")


def why_volatile(evidence: Evidence, *, reference: bool = False) -> str | None:
    """Return why a place's differences say nothing, or None where they are real.

    Args:
        evidence: what was found there.
        reference: the spec captures it as the partner's reference, which few transactions suffice to believe.
    """
    if reference and not evidence.agreed and evidence.differed < _RARE:
        return REFERENCE
    if evidence.differed < _FEWEST:
        return None
    return _why_varying(evidence)


def _why_varying(evidence: Evidence) -> str | None:
    share = evidence.agreed / (evidence.agreed + evidence.differed)
    rises = _rises(evidence.pairs)
    if min(evidence.a.distinctness, evidence.b.distinctness) >= _ALL_DISTINCT:
        if rises and share < _RISING:
            return None if _forms_differ(evidence.pairs) else RISING
        if share <= _HARDLY_EQUAL and not _forms_differ(evidence.pairs) and not _bound(evidence.pairs):
            return FRESH
        return None
    if rises and share < _RISING and not _forms_differ(evidence.pairs):
        return RISING
    if _mixed(evidence):
        return MIXED
    return NUMBERS if _unrelated_numbers(evidence) else None


def why_at_times(presence: Presence, objects: int) -> str | None:
    """Return why a member that one side lacks says nothing, or None where it is a real difference.

    Args:
        presence: how often it stood where.
        objects: how many objects were compared since the first difference.
    """
    missing, extra = presence.missing.differed, presence.extra.differed
    neither = max(0, objects - presence.both - missing - extra)
    joint = {(1, 1): presence.both, (1, 0): missing, (0, 1): extra, (0, 0): neither}
    return PRESENCE if _independent(joint) else None


def _rises(pairs: Sequence[tuple[str, str]]) -> bool:
    """Whether both sides count up with the transactions: counters, clocks."""
    if len(pairs) < _FEWEST:
        return False
    order = [float(place) for place in range(len(pairs))]
    return all(
        (numbers := _counted(side)) is not None and _rank_correlation(numbers, order) >= _RISING
        for side in zip(*pairs, strict=True)
    )


def _counted(texts: Sequence[str]) -> list[float] | None:
    """The numbers that texts are, or the one number in each."""
    found: list[float] = []
    for text in texts:
        if _NUMBER.fullmatch(text):
            found.append(float(text))
        else:
            runs = _DIGITS.findall(text)
            if len(runs) != 1:
                return None
            found.append(float(runs[0]))
    return found


def _forms_differ(pairs: Sequence[tuple[str, str]]) -> bool:
    """Whether each side keeps to a form of its own: `lead-#` here, `cust-#` there."""
    a, b = ({_WITH_DIGIT.sub("#", text) for text in side} for side in zip(*pairs, strict=True))
    return len(a) <= _FEW_FORMS and len(b) <= _FEW_FORMS and not a & b


def _bound(pairs: Sequence[tuple[str, str]]) -> bool:
    """Whether all-distinct values of both sides follow the transaction: like each other more than like strangers."""
    same = sum(_letters(a) == _letters(b) for a, b in pairs)
    if same >= _SAME_LETTERS * len(pairs):
        return True
    numbers = _numbers(pairs)
    if numbers is not None:
        return len(pairs) >= ENOUGH and abs(_rank_correlation(*numbers)) >= _RISING
    shift = len(pairs) // 2
    strangers = [(a, pairs[(place + shift) % len(pairs)][1]) for place, (a, _) in enumerate(pairs)]
    return _likeness(pairs) - _likeness(strangers) > _SIMILAR


def _letters(text: str) -> str:
    return "".join(filter(str.isalnum, text.casefold()))


def _likeness(pairs: Sequence[tuple[str, str]]) -> float:
    return fmean(SequenceMatcher(None, a, b, autojunk=False).ratio() for a, b in pairs)


def _numbers(pairs: Sequence[tuple[str, str]]) -> tuple[list[float], list[float]] | None:
    if not all(_NUMBER.fullmatch(a) and _NUMBER.fullmatch(b) for a, b in pairs):
        return None
    return [float(a) for a, _ in pairs], [float(b) for _, b in pairs]


def _unrelated_numbers(evidence: Evidence) -> bool:
    """Whether both sides give many different numbers, such as durations, in no relation to each other."""
    enough = len(evidence.pairs) >= ENOUGH
    if not enough or min(len(evidence.a.counts), len(evidence.b.counts)) < _MANY_NUMBERS:
        return False
    numbers = _numbers(evidence.pairs)
    share = evidence.agreed / (evidence.agreed + evidence.differed)
    return numbers is not None and share <= _MOSTLY_EQUAL and abs(_rank_correlation(*numbers)) < _RELATED


def _rank_correlation(a: Sequence[float], b: Sequence[float]) -> float:
    """Spearman's rho; 0.0 where a side is constant."""
    try:
        return correlation(_ranks(a), _ranks(b))
    except StatisticsError:
        return 0.0


def _ranks(values: Sequence[float]) -> list[float]:
    places: dict[float, list[int]] = {}
    for place, value in enumerate(sorted(values)):
        places.setdefault(value, []).append(place)
    return [fmean(places[value]) for value in values]


def _mixed(evidence: Evidence) -> bool:
    """Whether both sides say the same mixture of values, each in no relation to what the other says."""
    if evidence.joint is not None:
        return _independent(evidence.joint)
    bits = max(evidence.a.bits, evidence.b.bits)
    a, b = evidence.a.at(bits), evidence.b.at(bits)
    pairs = evidence.agreed + evidence.differed
    if not a or not b or not _same_mixture(a, b) or _bound(evidence.pairs):
        return False
    chance: float = sum(count * b.get(value, 0) for value, count in a.items()) * (1 << bits) / pairs**2
    return evidence.agreed / pairs <= chance + _ALIKE


def _independent(joint: Mapping[tuple[int, int], int]) -> bool:
    """Whether a table of A's categories by B's shows two equal mixtures that have nothing to do with each other."""
    a: Counter[int] = Counter()
    b: Counter[int] = Counter()
    for (of_a, of_b), count in joint.items():
        if count:
            a[of_a] += count
            b[of_b] += count
    pairs = a.total()
    if pairs < ENOUGH or not all(_varies(side) for side in (a, b)):
        return False
    return _same_mixture(a, b) and _cramers_v(joint, a, b, pairs) < _RELATED


def _varies(side: Counter[int]) -> bool:
    return side.total() - max(side.values()) >= _RARE


def _same_mixture(a: Mapping[int, int], b: Mapping[int, int]) -> bool:
    """Whether two samples of categories look drawn from one distribution.

    Their total variation distance is held against what chance alone makes it for as many equally likely categories,
    sqrt(k / (pi n)), one and a half times, and a tenth.
    """
    total_a, total_b = sum(a.values()), sum(b.values())
    categories = a.keys() | b.keys()
    distance = sum(abs(a.get(key, 0) / total_a - b.get(key, 0) / total_b) for key in categories) / 2
    return distance <= _ALIKE + 1.5 * math.sqrt(len(categories) / (math.pi * min(total_a, total_b)))


def _cramers_v(joint: Mapping[tuple[int, int], int], a: Counter[int], b: Counter[int], pairs: int) -> float:
    """Cramér's V with Bergsma's correction (2013), which keeps it near 0 for independent sides however many values."""
    chi = sum(joint.get((x, y), 0) ** 2 / (a[x] * b[y]) for x, y in joint)
    rows, columns = len(a), len(b)
    excess = max(0.0, chi - 1 - (rows - 1) * (columns - 1) / (pairs - 1))
    kept = min(rows - (rows - 1) ** 2 / (pairs - 1), columns - (columns - 1) ** 2 / (pairs - 1)) - 1
    return math.sqrt(excess / kept) if kept > 0 else 1.0
