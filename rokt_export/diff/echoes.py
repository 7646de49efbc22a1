"""Judge a place that gives back what its row sent, or what another row sent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final

from rokt_export.diff.column import Row
from rokt_export.diff.forms import common_form
from rokt_export.diff.sent import OTHER, PLAIN, TOKEN, SentTexts
from rokt_export.diff.sentences import NAME_A, NAME_B
from rokt_export.diff.shown_values import shown
from rokt_export.diff.statistics import SKIMMED
from rokt_export.diff.verdict import AGREES, DifferenceVerdict, how_rewritten, left_undecided

OTHER_PERSON: Final = "another person's data"
_LEAST_BEFORE: Final = 3
"""Rows from which on texts, and tokens that come again, show what the row before sent."""
_OTHERS: Final = {"text": "something else", "number": "another number", "digits": "another number"}


def judge_echo(a: Sequence[str], b: Sequence[str], rows: Sequence[Row]) -> DifferenceVerdict | None:
    """Judge a place that gives back what was sent; a verdict that does not differ means that both sides do alike."""
    own = not rows[0].a.sent.carries_same(rows[0].b.sent)  # each run's people are its own, or have its own tokens
    ways_a = ways_of(a, [row.a.sent for row in rows], constant=own)
    ways_b = ways_of(b, [row.b.sent for row in rows], constant=own)
    if not ways_a and not ways_b:
        return None if own else _another_person(a, b, rows)
    if ways_a and ways_b:
        common = ways_a.keys() & ways_b.keys()
        if not common and {writing for _, writing in (*ways_a, *ways_b)} == {OTHER}:  # as tokens of joined names are
            first = [PLAIN.format(min(name for name, _ in ways)) for ways in (ways_a, ways_b)]
            why = f"starts with {first[0]} in {NAME_A} but with {first[1]} in {NAME_B}"
            return DifferenceVerdict(True, why, None, True, "", bound=True)
        if not common:
            return DifferenceVerdict(True, f"{way_words(ways_a)} → {way_words(ways_b)}", None, True, "", bound=True)
        way = max(common, key=lambda one: (ways_a[one] + ways_b[one], one[1] == PLAIN))
        return _exceptions(a, b, rows, way)
    if own and _alike(a, b):
        return None
    if rewritten := "" if own else how_rewritten(set(zip(a, b, strict=True))):
        return DifferenceVerdict(True, rewritten, None, True, "", bound=True)
    ways, other = (ways_a, b) if ways_a else (ways_b, a)
    what = common_form(other[:50])
    what = _OTHERS.get(what.split(" of ")[0], what)
    name = min(ways, key=lambda one: (one[1] != PLAIN, one))[0]
    if _are_of_the_row_before(other, [row.b.sent if ways_a else row.a.sent for row in rows], name):
        what = f"the {name} of the row before"
    elif sum(TOKEN.search(text) is not None for text in other) >= 0.8 * len(other):
        what = OTHER_PERSON
    other_way = f"always {shown(other[0])}" if len(set(other)) == 1 else what
    change = f"{way_words(ways)} → {other_way}" if ways_a else f"{other_way} → {way_words(ways)}"
    return DifferenceVerdict(True, change, None, True, "", bound=True)


def _are_of_the_row_before(texts: Sequence[str], sent: Sequence[SentTexts], name: str) -> bool:
    """Whether texts are what the row before sent; of a text that is no token, each token must always have the same."""
    pairs = [(before.values.get(name, ""), text) for before, text in zip(sent, texts[1:], strict=False)]
    if len(pairs) < _LEAST_BEFORE:
        return False
    if sum(
        text == before or (name, PLAIN) in one.ways(text) for (before, text), one in zip(pairs, sent, strict=False)
    ) >= (0.8 * len(pairs)):
        return True
    pairs = [(token, text) for token, text in pairs if TOKEN.search(token) and not TOKEN.search(text)]
    usual = dict(pairs)
    again = len(pairs) - len(usual)
    return len(usual) > 1 and again >= _LEAST_BEFORE and len(set(pairs)) == len(usual) == len(set(usual.values()))


def _another_person(a: Sequence[str], b: Sequence[str], rows: Sequence[Row]) -> DifferenceVerdict | None:
    """Judge texts that hold a token of the row's own person on one side, and of another person on the other."""
    side, places = "", []
    for place, pair in enumerate(zip(a, b, strict=True)):
        if pair[0] != pair[1] and "person-" in pair[0].lower():
            tokens = [{token.lower() for token in TOKEN.findall(text)} for text in pair]
            strange = [bool(found - rows[place].a.sent.words) for found in tokens]
            if all(tokens) and strange[0] != strange[1]:
                places.append(place)
                side = side or (NAME_A if strange[0] else NAME_B)
    return DifferenceVerdict(True, f"has {OTHER_PERSON} in {side}", places, True, "", bound=True) if places else None


def _alike(a: Sequence[str], b: Sequence[str]) -> bool:
    return sum(x == y for x, y in zip(a, b, strict=True)) >= 0.5 * len(a)


def _exceptions(a: Sequence[str], b: Sequence[str], rows: Sequence[Row], way: tuple[str, str]) -> DifferenceVerdict:
    """The rows in which one side alone gives back what was sent."""
    places = []
    for place, (x, y) in enumerate(zip(a, b, strict=True)):
        if (x != y and (way in rows[place].a.sent.ways(x)) != (way in rows[place].b.sent.ways(y))) or (
            x != y and rows[place].a.sent.carries_same(rows[place].b.sent)
        ):
            places.append(place)
    if not places:
        proved = all(x == y or way in row.a.sent.ways(x) for x, y, row in zip(a, b, rows, strict=True))
        return AGREES if proved else left_undecided(a, f"is {way_words([way])} in most rows, and varies in others")
    if way[1] == OTHER:
        return DifferenceVerdict(
            True, f"is {way_words([way])} on both sides, but not in the same one", places, True, "", bound=True
        )
    lacking = [sum(way not in side.sent.ways(text) for side, text in pairs) for pairs in (
        [(rows[place].a, a[place]) for place in places], [(rows[place].b, b[place]) for place in places],
    )]  # fmt: skip
    sides = (NAME_A, NAME_B) if lacking[1] > lacking[0] else (NAME_B, NAME_A)
    return DifferenceVerdict(
        True, f"is {way_words([way])} in {sides[0]} but not in {sides[1]}", places, True, "", bound=True
    )


def ways_of(texts: Sequence[str], sent: Sequence[SentTexts], *, constant: bool) -> dict[tuple[str, str], int]:
    """Return in which ways (name, writing) nearly all texts are what their rows sent, with how often.

    Args:
        texts: one side's values, a text for each row.
        sent: what each of these rows sent.
        constant: whether a text that is the same in all rows may count as sent.
    """
    number = min(len(texts), SKIMMED)
    if len(set(texts[:number])) < 2 and number > 1 and not constant:
        return {}
    found: Counter[tuple[str, str]] = Counter()
    for place in range(number):
        if place == 12 and not found:
            return {}
        found.update(sent[place].ways(texts[place]))
    if number == 1:
        return {way: count for way, count in found.items() if len(texts[0]) >= 4}
    usual, times = Counter(texts[:number]).most_common(1)[0]
    likely = {way: count for way, count in found.items() if count >= 0.8 * number}
    if times < 0.5 * number or constant:
        return likely
    others = [place for place in range(number) if texts[place] != usual]
    return {  # a value that is usual anyway proves nothing
        way: count
        for way, count in likely.items()
        if sum(way in sent[place].ways(texts[place]) for place in others) >= 0.8 * len(others)
    }


def way_words(ways: Iterable[tuple[str, str]]) -> str:
    """Return the plainest of some ways (name, writing) in words: `the sent email in lower case`."""
    name, writing = min(ways, key=lambda one: (one[1] != PLAIN, one))
    return writing.format(name)
