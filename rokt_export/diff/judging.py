"""Judge one place: the contract of its values on each side, and where they belong to the row, the values themselves."""

from __future__ import annotations

import html
import math
import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Collection, Hashable, Iterable, Sequence
from difflib import SequenceMatcher
from itertools import pairwise
from statistics import median
from typing import Any, Final, NamedTuple

from rokt_export.diff.column import Row
from rokt_export.diff.forms import (
    CLASS_NAMES,
    HOLE,
    NUMBER,
    Moment,
    all_read,
    classes_of,
    common_form,
    is_opaque,
    prefix_of,
    punctuation_of,
    read_epoch,
    read_time,
    skeleton,
)
from rokt_export.diff.sent import OTHER, PLAIN, TOKEN, Sent
from rokt_export.diff.sentences import NAME_A, NAME_B, form_words
from rokt_export.diff.side import Side
from rokt_export.diff.statistics import (
    CERTAIN,
    SKIMMED,
    UNLIKELY,
    depends,
    direction,
    follows,
    one_mixture,
    same_share,
    shift_of,
    trend,
)
from rokt_export.redaction.personal import without_marks
from rokt_export.redaction.well_formed import NUMBER_MARK
from rokt_export.response.value_text import abridged
from rokt_export.spec_language.filters import text_of

_SKIMMED_FRAMES: Final = 64
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


_DIGITS: Final = re.compile(r"\d+", re.ASCII)
Bones = tuple[str, tuple[str, ...]]
"""A text with holes, and what stands in them."""


class Verdict(NamedTuple):
    """What is wrong at a place, or why nothing can be said of it.

    Attributes:
        differs: whether it is a difference; else it cannot be judged.
        why: the change, or the reason.
        places: the rows that show it (positions in the column); None for all rows that are not equal.
        certain: whether few rows could not have made it by chance.
        form: what `varies:` calls the form, where both sides have one.
        bound: whether values belong to their rows, and were compared one by one.
        clock: whether the values are times, which samples show beside the time of the request.
    """

    differs: bool
    why: str
    places: Sequence[int] | None = None
    certain: bool = True
    form: str = ""
    bound: bool = False
    clock: bool = False


OTHER_PERSON: Final = "another person's data"
_OTHERS: Final = {"text": "something else", "number": "another number", "digits": "another number"}
_LIKELY: Final = 0.2
"""Probability of chance from which on two mixtures are called about the same."""
_LEAST_LOST: Final = 3
"""Rows from which on a value that the other side never has is a difference."""

AGREES: Final = Verdict(False, "")
"""All unequal values are proved to follow from the request or its time, in the same way on both sides."""


def judge(a: Sequence[Any], b: Sequence[Any], rows: Sequence[Row]) -> Verdict | None:
    """Return what can be said of two columns of texts, or numbers, or booleans; None where they agree.

    Unequal values are a difference, or cannot be judged, unless a check returns `AGREES`, which proves that they agree.
    """
    if a == b:
        return None
    found = _judged(a, b, rows) or _undecided(a, "varies on both sides", common_form([*map(scalar_text, a[:200])]))
    return None if found == AGREES else found


def _judged(a: Sequence[Any], b: Sequence[Any], rows: Sequence[Row]) -> Verdict | None:
    if isinstance(a[0], bool):
        return _few_values(a, b) or _few_undecided(a, b, "boolean")
    texts_a, texts_b = [scalar_text(value) for value in a], [scalar_text(value) for value in b]
    if len(a) >= _LEAST_REWRITTEN and (why := _rewritten(set(zip(texts_a, texts_b, strict=True)))):
        return _unequal(texts_a, texts_b, why)
    numeric = not isinstance(a[0], str)
    found = _relation_to_sent(texts_a, texts_b, rows)
    if found is not None:
        return found
    read = read_epoch if numeric else read_time
    times = _times(texts_a, [row.a for row in rows], read), _times(texts_b, [row.b for row in rows], read)
    if all(times):
        return _judge_times(times[0], times[1], texts_a, texts_b, rows)
    if numeric or (_mostly_numbers(texts_a) and _mostly_numbers(texts_b)):
        return _judge_numbers(texts_a, texts_b, rows, numeric=numeric)
    return _judge_texts(texts_a, texts_b, rows)


def _times(texts: Sequence[str], sides: Sequence[Side], read: Callable[[str], Moment | None]) -> list[Moment | None]:
    """The times that texts are, an empty list where most are none; digits are one only near the exchange."""
    found = all_read(texts, read)
    if found and found[0] is not None and found[0].form.startswith("epoch"):
        pairs = [(time, side.started) for time, side in zip(found, sides, strict=True) if time is not None]
        if pairs[0][1] and sum(abs(time.seconds - started) < _NEAR for time, started in pairs) < 0.5 * len(pairs):
            return []
    return found


def scalar_text(value: Any) -> str:
    """Return a scalar as text, a number that redaction hid as its token."""
    return value.removesuffix(NUMBER_MARK) if value.__class__ is str else text_of(value)


def shown(text: str) -> str:
    """Return a value for a line of a report."""
    return abridged(text.replace("‹host›", "(host)").replace("‹path›", "(path)"), _SHOWN_WHOLE) or '""'


_PIECES: Final = re.compile(r"<[^<>]*>|\((?:the sent )?\w+\)|\s+|[^\s<(]+|[<(]")
_AROUND: Final = 3
"""Pieces that are shown on each side of what differs."""
_LONGEST_CHANGE: Final = 160


def shown_pair(a: str, b: str) -> tuple[str, str]:
    """Return two values for a line of a report; of long ones the words that differ, and those around."""
    whole = shown(a), shown(b)
    if max(len(a), len(b)) <= _SHOWN_WHOLE or a == b:
        return whole
    of_a, of_b = _PIECES.findall(a), _PIECES.findall(b)
    if max(len(of_a), len(of_b)) > _MOST_PIECES:
        return _from_first_difference(a, b)
    parts: tuple[list[str], list[str]] = ([], [])
    matcher = SequenceMatcher(None, of_a, of_b, autojunk=False)
    for group in matcher.get_grouped_opcodes(_AROUND):
        for side, pieces, (start, end) in (
            (parts[0], of_a, (group[0][1], group[-1][2])), (parts[1], of_b, (group[0][3], group[-1][4])),
        ):  # fmt: skip
            text = "".join(pieces[start:end]).strip()
            side.append(f"{'…' * (start > 0 and not side)}{text}{'…' * (end < len(pieces))}")
    found = abridged(" ".join(parts[0]), _LONGEST_CHANGE), abridged(" ".join(parts[1]), _LONGEST_CHANGE)
    return found if found[0] != found[1] else _from_first_difference(a, b)


def _from_first_difference(a: str, b: str) -> tuple[str, str]:
    same = next((at for at, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))
    start = max(0, same - _SHOWN_WHOLE // 3)
    return shown("…" * (start > 0) + a[start:]), shown("…" * (start > 0) + b[start:])


_SHOWN_WHOLE: Final = 60
_MOST_PIECES: Final = 400


def _changed(a: Any, b: Any) -> str:
    return " → ".join(shown_pair(scalar_text(a), scalar_text(b)))


def _undecided(a: Sequence[Any], why: str, form: str = "") -> Verdict:
    return Verdict(False, why, None, len(a) >= 20, form)


def _unequal(a: Sequence[Any], b: Sequence[Any], why: str = "") -> Verdict:
    """The rows whose values are not equal, where each belongs to its row."""
    places = [place for place, (x, y) in enumerate(zip(a, b, strict=True)) if x != y]
    changes = dict.fromkeys((scalar_text(a[place]), scalar_text(b[place])) for place in places[:200])
    if not why and len(places) > 2 and all(_is_number(text) and len(text) < 16 for pair in changes for text in pair):
        moved = shift_of([float(scalar_text(x)) for x in a], [float(scalar_text(y)) for y in b])
        why = "" if moved is None else _more(moved.amount)
    why = why or _rewritten(changes)
    if not why and len(changes) <= _MOST_CHANGES and len({x for x, _ in changes}) == len(changes):
        why = ", ".join(_changed(x, y) for x, y in changes)
    return Verdict(True, why, places, True, "", bound=True)


_DAY_MONTH: Final = re.compile(r"\b(\d\d?)([/.-])(\d\d?)(?=\2\d{4}\b|\2\d\d\b)")
_REWRITES: Final[tuple[tuple[str, Callable[[str], str]], ...]] = (
    ("has the day and the month swapped in {b}", lambda text: _DAY_MONTH.sub(r"\3\2\1", text)),
    ("begins with http:// in {b} but with https:// in {a}", lambda text: text.replace("https://", "http://")),
    ("is in capital letters in {b}", str.upper),
    ("is in small letters in {b}", str.lower),
    ("has HTML escapes in {b}", html.escape),
    ("has lost its accents in {b}", without_marks),
    ("has leading zeros in {a} but not in {b}", lambda text: text.lstrip("0") or "0"),
    ("has blanks around it in {a} but not in {b}", str.strip),
    ("is UTF-8 read as Latin-1 in {b}", lambda text: text.encode("utf-8", "replace").decode("latin-1")),
    ("is UTF-8 read as Windows-1252 in {b}", lambda text: text.encode("utf-8", "replace").decode("cp1252", "replace")),
)
"""How one side's value comes from the other's, where no sample would say it as well."""
_MOST_CHANGES: Final = 4
"""Changes of one value into another that are listed."""
_LEAST_REWRITTEN: Final = 3
"""Rows from which on values that are rewritten belong to their rows."""


def _rewritten(changes: Collection[tuple[str, str]]) -> str:
    """Return how each value of one side makes the other's; empty where none of the known ways does."""
    forth = [pair for pair in changes if "person-" not in pair[0].lower()]  # a token has a letter case of its own
    back = [(y, x) for x, y in forth]
    if all(x == y for x, y in forth):
        return ""
    for why, rewrite in _REWRITES:
        for pairs, a, b in ((forth, NAME_A, NAME_B), (back, NAME_B, NAME_A)):
            if all(rewrite(x) == y for x, y in pairs):
                return why.format(a=a, b=b)
    return ""


# --- few values


def _few_values(
    a: Sequence[Hashable], b: Sequence[Hashable], show: Callable[[Any], str] = lambda value: shown(scalar_text(value))
) -> Verdict | None:
    """Judge columns of few distinct values: constants, choices, flags, types."""
    in_a, in_b = Counter(a), Counter(b)
    number = len(a)
    unequal = [place for place, (x, y) in enumerate(zip(a, b, strict=True)) if x != y]
    if len(in_a) == 1 and len(in_b) == 1:
        rewritten = _rewritten({(scalar_text(a[0]), scalar_text(b[0]))})
        certain = number > 2 or not _is_number(scalar_text(a[0]))
        plain = show(a[0]) == shown(scalar_text(a[0]))
        change = _changed(a[0], b[0]) if plain else f"{show(a[0])} → {show(b[0])}"
        return Verdict(True, rewritten or change, unequal, certain)
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
        return Verdict(True, why, unequal, odd > 5 or number >= 100)
    if depends(a, b):
        return (
            _unequal(a, b)._replace(certain=number >= 8)
            if show(a[0]) == shown(scalar_text(a[0]))
            else Verdict(True, f"{_described(in_a, show)} → {_described(in_b, show)}", unequal, True, "", bound=True)
        )
    if _are_of_lost_values(in_a, in_b, [(a[place], b[place]) for place in unequal]):
        return _unequal(a, b)._replace(certain=True)
    if (chance := one_mixture(a, b)) < UNLIKELY:
        return Verdict(True, f"{_described(in_a, show)} → {_described(in_b, show)}", unequal, chance < CERTAIN)
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


def _few_undecided(a: Sequence[Any], b: Sequence[Any], form: str) -> Verdict:
    """Say that few values come in other rows on each side, and how often they come."""
    in_a, in_b = Counter(a), Counter(b)
    if in_a.keys() != in_b.keys():
        alone = next(iter(in_a.keys() ^ in_b.keys()))
        side, count = (NAME_A, in_a[alone]) if alone in in_a else (NAME_B, in_b[alone])
        rows = f"{count:,} row{'s' * (count != 1)}"
        return _undecided(
            a, f"takes few values, in other rows, and {shown(scalar_text(alone))} only in {side}, in {rows}", form
        )
    often = "about as often" if one_mixture(a, b) > _LIKELY else "not quite as often"
    return _undecided(a, f"takes the same few values on both sides, {often}, but not in the same rows", form)


def _described(counts: Counter[Any], show: Callable[[Any], str]) -> str:
    total = counts.total()
    if len(counts) == 1:
        return f"always {show(next(iter(counts)))}"
    if len(counts) > 6:
        return f"one of {len(counts):,} values, such as {show(counts.most_common(1)[0][0])}"
    parts = [f"{show(value)} ({_percent(count, total)})" for value, count in counts.most_common(3)]
    return ", ".join(parts) + (", …" if len(counts) > 3 else "")


def _percent(count: int, total: int) -> str:
    share = 100 * count / total
    return f"{share:.0f} %" if share >= 1 else f"{share:.2g} %"


def judge_types(a: Sequence[str], b: Sequence[str]) -> Verdict | None:
    """Judge which types stand at a place on each side."""
    return None if a == b else _few_values(a, b, str) or _undecided(a, "has several types on both sides, at random")


def judge_presence(both: int, only_a: int, only_b: int, neither: int) -> Verdict | None:
    """Judge how often something is there: objects in which it is there on both sides, on A's alone, and so on."""
    if not only_a and not only_b:
        return None
    number = both + only_a + only_b + neither
    in_a, in_b = both + only_a, both + only_b
    shares = f"is present in {_percent(in_a, number)} of the rows in {NAME_A} and {_percent(in_b, number)} in {NAME_B}"
    rates = f"present in {_percent(in_a, number)} → {_percent(in_b, number)}"
    if in_a in (0, number) and in_b in (0, number):
        return Verdict(True, "", None, True)
    if number in (in_a, in_b):
        return Verdict(True, rates, None, number >= 20)
    if 0 in (in_a, in_b):
        if max(in_a, in_b) > 0.15 * number or number >= 100:
            return Verdict(True, rates, None, same_share(in_a, number, in_b, number) < UNLIKELY)
        return Verdict(False, f"{shares}, which may be chance", None, False)
    flags_a = [True] * (both + only_a) + [False] * (only_b + neither)
    flags_b = [True] * both + [False] * only_a + [True] * only_b + [False] * neither
    if depends(flags_a, flags_b):
        return Verdict(True, "", None, True, "", bound=True)
    if (chance := same_share(in_a, number, in_b, number)) < UNLIKELY:
        return Verdict(True, rates, None, chance < CERTAIN)
    return Verdict(False, f"{shares}, at random", None, number >= 20)


# --- what the row sent


def _relation_to_sent(a: Sequence[str], b: Sequence[str], rows: Sequence[Row]) -> Verdict | None:
    """Judge a place that gives back what was sent; a verdict that does not differ means that both sides do alike."""
    own = not rows[0].a.sent.carries_same(rows[0].b.sent)  # each run's people are its own, or have its own tokens
    ways_a = _ways(a, [row.a.sent for row in rows], constant=own)
    ways_b = _ways(b, [row.b.sent for row in rows], constant=own)
    if not ways_a and not ways_b:
        return None if own else _another_person(a, b, rows)
    if ways_a and ways_b:
        common = ways_a.keys() & ways_b.keys()
        if not common and {writing for _, writing in (*ways_a, *ways_b)} == {OTHER}:  # as tokens of joined names are
            first = [PLAIN.format(min(name for name, _ in ways)) for ways in (ways_a, ways_b)]
            why = f"starts with {first[0]} in {NAME_A} but with {first[1]} in {NAME_B}"
            return Verdict(True, why, None, True, "", bound=True)
        if not common:
            return Verdict(True, f"{_way(ways_a)} → {_way(ways_b)}", None, True, "", bound=True)
        way = max(common, key=lambda one: (ways_a[one] + ways_b[one], one[1] == PLAIN))
        return _exceptions(a, b, rows, way)
    if own and _alike(a, b):
        return None
    if rewritten := "" if own else _rewritten(set(zip(a, b, strict=True))):
        return Verdict(True, rewritten, None, True, "", bound=True)
    ways, other = (ways_a, b) if ways_a else (ways_b, a)
    what = common_form(other[:50])
    what = _OTHERS.get(what.split(" of ")[0], what)
    name = min(ways, key=lambda one: (one[1] != PLAIN, one))[0]
    if _are_of_the_row_before(other, [row.b.sent if ways_a else row.a.sent for row in rows], name):
        what = f"the {name} of the row before"
    elif sum(TOKEN.search(text) is not None for text in other) >= 0.8 * len(other):
        what = OTHER_PERSON
    other_way = f"always {shown(other[0])}" if len(set(other)) == 1 else what
    change = f"{_way(ways)} → {other_way}" if ways_a else f"{other_way} → {_way(ways)}"
    return Verdict(True, change, None, True, "", bound=True)


def _are_of_the_row_before(texts: Sequence[str], sent: Sequence[Sent], name: str) -> bool:
    """Whether texts are what the row before sent; of a text that is no token, each token must always have the same."""
    pairs = [(before.values.get(name, ""), text) for before, text in zip(sent, texts[1:], strict=False)]
    if len(pairs) < _LEAST_LOST:
        return False
    if sum(
        text == before or (name, PLAIN) in one.ways(text) for (before, text), one in zip(pairs, sent, strict=False)
    ) >= (0.8 * len(pairs)):
        return True
    pairs = [(token, text) for token, text in pairs if TOKEN.search(token) and not TOKEN.search(text)]
    usual = dict(pairs)
    again = len(pairs) - len(usual)
    return len(usual) > 1 and again >= _LEAST_LOST and len(set(pairs)) == len(usual) == len(set(usual.values()))


def _another_person(a: Sequence[str], b: Sequence[str], rows: Sequence[Row]) -> Verdict | None:
    """Judge texts that hold a token of the row's own person on one side, and of another person on the other."""
    side, places = "", []
    for place, pair in enumerate(zip(a, b, strict=True)):
        if pair[0] != pair[1] and "person-" in pair[0].lower():
            tokens = [{token.lower() for token in TOKEN.findall(text)} for text in pair]
            strange = [bool(found - rows[place].a.sent.words) for found in tokens]
            if all(tokens) and strange[0] != strange[1]:
                places.append(place)
                side = side or (NAME_A if strange[0] else NAME_B)
    return Verdict(True, f"has {OTHER_PERSON} in {side}", places, True, "", bound=True) if places else None


def _alike(a: Sequence[str], b: Sequence[str]) -> bool:
    return sum(x == y for x, y in zip(a, b, strict=True)) >= 0.5 * len(a)


def _exceptions(a: Sequence[str], b: Sequence[str], rows: Sequence[Row], way: tuple[str, str]) -> Verdict:
    """The rows in which one side alone gives back what was sent."""
    places = []
    for place, (x, y) in enumerate(zip(a, b, strict=True)):
        if (x != y and (way in rows[place].a.sent.ways(x)) != (way in rows[place].b.sent.ways(y))) or (
            x != y and rows[place].a.sent.carries_same(rows[place].b.sent)
        ):
            places.append(place)
    if not places:
        proved = all(x == y or way in row.a.sent.ways(x) for x, y, row in zip(a, b, rows, strict=True))
        return AGREES if proved else _undecided(a, f"is {_way([way])} in most rows, and varies in others")
    if way[1] == OTHER:
        return Verdict(True, f"is {_way([way])} on both sides, but not in the same one", places, True, "", bound=True)
    lacking = [sum(way not in side.sent.ways(text) for side, text in pairs) for pairs in (
        [(rows[place].a, a[place]) for place in places], [(rows[place].b, b[place]) for place in places],
    )]  # fmt: skip
    sides = (NAME_A, NAME_B) if lacking[1] > lacking[0] else (NAME_B, NAME_A)
    return Verdict(True, f"is {_way([way])} in {sides[0]} but not in {sides[1]}", places, True, "", bound=True)


def _ways(texts: Sequence[str], sent: Sequence[Sent], *, constant: bool) -> dict[tuple[str, str], int]:
    """In which ways (name, writing) nearly all texts are what their rows sent, with how often."""
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


def _way(ways: Iterable[tuple[str, str]]) -> str:
    name, writing = min(ways, key=lambda one: (one[1] != PLAIN, one))
    return writing.format(name)


# --- times


def _judge_times(
    times_a: Sequence[Moment | None],
    times_b: Sequence[Moment | None],
    a: Sequence[str],
    b: Sequence[str],
    rows: Sequence[Row],
) -> Verdict | None:
    pairs = list(zip(times_a, times_b, strict=True))
    if no_time := [place for place, (x, y) in enumerate(pairs) if (x is None) != (y is None)]:
        in_a = times_a[no_time[0]] is None
        side, odd = (NAME_A, a[no_time[0]]) if in_a else (NAME_B, b[no_time[0]])
        return Verdict(True, f"has values that are not times in {side}, such as {shown(odd)}", no_time, True)
    for is_time in (False, True):
        chosen = [place for place, (x, _) in enumerate(pairs) if (x is not None) == is_time]
        some = [[side[place] for place in chosen] for side in (a, b, rows, times_a, times_b)]
        found = (_all_times(*some) if is_time else judge(*some[:3])) if chosen else None  # type: ignore[arg-type]
        if found is not None and found != AGREES:
            return found._replace(places=None if found.places is None else [chosen[place] for place in found.places])
    return AGREES


def _all_times(
    a: Sequence[str], b: Sequence[str], rows: Sequence[Row], of_a: Sequence[Moment], of_b: Sequence[Moment]
) -> Verdict | None:
    """Judge columns of nothing but times."""
    forms_a, forms_b = [one.form for one in of_a], [one.form for one in of_b]
    if forms_a != forms_b and (found := _few_values(forms_a, forms_b, str)) is not None:
        return found
    if rows[0].a.started > 0 and rows[0].b.started > 0 and (found := _clocks(a, b, rows, of_a, of_b)) is not None:
        return found
    seconds = [x.seconds for x in of_a], [y.seconds for y in of_b]
    if seconds[0] == seconds[1] and forms_a == forms_b and not of_a[0].of_day and len(set(seconds[0])) > 1:
        return _unequal(a, b, f"is the same time in both, with another time zone in {NAME_B} than in {NAME_A}")
    moved = shift_of(*seconds, _DAY if of_a[0].of_day else 0.0)
    if moved is not None:
        return Verdict(True, _moved(moved.amount), moved.places, moved.certain or len(a) > 2, "", bound=True)
    if depends(a, b):
        return _unequal(a, b)
    if len(set(a)) == 1 or len(set(b)) == 1:
        return _few_values(a, b)
    if len(a) >= 5 and follows(*seconds):
        return _unequal(a, b, "has other times, though each belongs to its row")
    form = Counter(forms_a).most_common(1)[0][0]
    return _undecided(a, "has times that vary on both sides, and are not those of the requests", form)


def _clocks(
    a: Sequence[str], b: Sequence[str], rows: Sequence[Row], of_a: Sequence[Moment], of_b: Sequence[Moment]
) -> Verdict | None:
    """Judge times that at least one side takes from the clock, None where neither does."""
    starts_a, starts_b = [row.a.started for row in rows], [row.b.started for row in rows]
    from_a, from_b = _offsets(of_a, starts_a), _offsets(of_b, starts_b)
    resolution = max(one.resolution for one in of_a)
    for side, other, values, others, starts in ((NAME_B, NAME_A, b, a, starts_b), (NAME_A, NAME_B, a, b, starts_a)):
        if len(set(values)) == 1 and len(set(others)) > 2 and _lasts(starts, resolution):
            return Verdict(True, f"is always {shown(values[0])} in {side}, but a new time each time in {other}")
    near_a, near_b = _is_clock(from_a, of_a, starts_a), _is_clock(from_b, of_b, starts_b)
    if near_a and near_b:
        return _near_times(from_a, from_b, of_a, of_b, rows) or AGREES
    if near_a == near_b:
        return None
    words = ("near the request", "not near it")
    return Verdict(True, " → ".join(words if near_a else words[::-1]).join(("a time ", "")), None, True, clock=True)


def _offsets(moments: Sequence[Moment], starts: Sequence[float]) -> list[float]:
    """Seconds from the start of each exchange to the time; of a time of day those to the nearest one."""
    if moments[0].of_day:
        half = _DAY / 2
        return [(one.seconds - start % _DAY + half) % _DAY - half for one, start in zip(moments, starts, strict=True)]
    return [one.seconds - start for one, start in zip(moments, starts, strict=True)]


def _is_clock(offsets: Sequence[float], moments: Sequence[Moment], starts: Sequence[float]) -> bool:
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
    from_a: Sequence[float], from_b: Sequence[float], of_a: Sequence[Moment], of_b: Sequence[Moment],
    rows: Sequence[Row],
) -> Verdict | None:  # fmt: skip
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
        return Verdict(True, _moved(step), None, True, "", bound=True)
    if abs(middle_b - middle_a) > allowed:
        why = f"{_moved(middle_b - middle_a)}, measured from the time of each request"
        return Verdict(True, why, None, True, clock=True)
    far = allowed + 8 * jitter + _SKEW
    away = [
        (place, abs(x - middle_a) > far, abs(y - middle_b) > far)
        for place, (x, y) in enumerate(zip(from_a, from_b, strict=True))
    ]
    if odd := [place for place, in_a, in_b in away if in_a != in_b]:
        side = NAME_A if sum(in_a for _, in_a, in_b in away) > sum(in_b for _, in_a, in_b in away) else NAME_B
        return Verdict(True, f"is far from the time of the request in {side}", odd, True, clock=True)
    if any(in_a for _, in_a, _ in away):
        return _undecided(away, "has times far from the request in some rows of both sides", of_a[0].form)
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
            return Verdict(True, f"whole {name} in {_shares(shares, len(of_a))}")
    return None


def _of_one_day(offsets: Sequence[float]) -> list[float]:
    """The most of them that lie within one day."""
    ordered = sorted(offsets)
    return max((ordered[at : bisect_left(ordered, one + _DAY)] for at, one in enumerate(ordered)), key=len)


def _other_days(from_a: Sequence[float], from_b: Sequence[float]) -> Verdict | None:
    """Judge dates of the exchange: one rule (so many seconds later, of which the date) must explain both sides'."""
    sides = _of_one_day(from_a), _of_one_day(from_b)
    earliest, latest = max(map(max, sides)) - _EXACT, min(map(min, sides)) + _DAY + _EXACT
    if math.ceil(earliest / _ZONES) <= latest // _ZONES or any(max(side) >= min(side) + _DAY for side in sides):
        return None
    days = round((median(from_b) - median(from_a)) / _DAY) or (1 if median(from_b) > median(from_a) else -1)
    return Verdict(True, _moved(days * _DAY), None, True, clock=True)


def _moved(seconds: float) -> str:
    return f"is {_duration(abs(seconds))} {'earlier' if seconds < 0 else 'later'} in {NAME_B} than in {NAME_A}"


def _duration(size: float) -> str:
    for unit, length in (("day", 86_400), ("hour", 3_600), ("minute", 60)):
        if size >= length * 0.95:
            number = f"{size / length:.3g}"
            return f"{number} {unit}{'s' * (number != '1')}"
    return f"{size:.3g} s"


# --- numbers


def _mostly_numbers(texts: Sequence[str]) -> bool:
    return NUMBER.fullmatch(texts[0]) is not None and sum(
        NUMBER.fullmatch(text) is not None and len(text) < 300 for text in texts
    ) >= 0.9 * len(texts)


def _numbers(texts: Sequence[str]) -> list[float]:
    return [float(text) for text in texts if NUMBER.fullmatch(text)]


def _decimals(texts: Sequence[str]) -> float:
    return median(len(text.partition(".")[2]) for text in texts)


def _judge_numbers(a: Sequence[str], b: Sequence[str], rows: Sequence[Row], *, numeric: bool) -> Verdict | None:
    odd = [p for p, (x, y) in enumerate(zip(a, b, strict=True)) if _is_number(x) != _is_number(y)]
    if odd:
        side, text = next(
            (side, text)
            for place in odd
            for side, text in ((NAME_A, a[place]), (NAME_B, b[place]))
            if not _is_number(text)
        )
        why = f"has values that are not numbers in {side}, such as {shown(text)}"
        return Verdict(True, why, odd, len(a) >= 20 or len(odd) > 1)
    numbers_a, numbers_b = _numbers(a), _numbers(b)
    if len(numbers_a) != len(a):
        return _judge_opaque(a, b)
    form = common_form(a[:200]) if not numeric else "number"
    if (found := _related_numbers(a, b, (numbers_a, numbers_b), rows, form)) is not None:
        return found
    rises = direction(numbers_a, numbers_b)
    if (found := _number_form(a, b, numeric=numeric)) is not None:
        return found
    few = max(len(set(a)), len(set(b))) <= min(12, len(a) / 4)
    if few:
        return _few_values(a, b) or _few_undecided(a, b, form)
    if (found := _ranges(numbers_a, numbers_b, rising=bool(rises))) is not None:
        return found
    if not rises and (found := _repeats(a, b)) is not None:
        return found
    whys = {1: "rises on both sides", -1: "falls on both sides", 0: "takes numbers of the same range on both sides"}
    return _undecided(a, whys[rises], form)


def _is_number(text: str) -> bool:
    return NUMBER.fullmatch(text) is not None


def _related_numbers(
    a: Sequence[str], b: Sequence[str], numbers: tuple[Sequence[float], Sequence[float]], rows: Sequence[Row], form: str
) -> Verdict | None:
    """Judge what numbers are to each other: digits lost, a constant, another direction, a shift, a scale."""
    numbers_a, numbers_b = numbers
    for side, exact, others in ((NAME_B, a, b), (NAME_A, b, a)):
        if exact != others and all(_is_rounded(x, y) for x, y in zip(exact, others, strict=True)):
            return _unequal(a, b, f"has lost its last digits in {side}, as a double-precision number does")
    long = min(len(a[0]), len(b[0])) >= 6
    if len(a) < 3 and long and len(a[0]) == len(b[0]) and numbers_a != numbers_b:
        return _undecided(a, "has too few rows to compare", form)
    if len(set(a)) == 1 or len(set(b)) == 1:
        return _few_values(a, b)
    if all(x == -y for x, y in zip(numbers_a, numbers_b, strict=True)):
        return _unequal(a, b, f"has the opposite sign in {NAME_B}")
    if scale := _scale(a, b):
        return _unequal(a, b, scale)
    trends = trend(numbers_a), trend(numbers_b)
    weaker, stronger = sorted(trends, key=abs)
    if len(a) >= 8 and abs(stronger) > 0.95 and weaker * stronger < 0.4:
        names = [("rising" if one > 0 else "falling") if abs(one) >= 0.4 else "in no order" for one in trends]
        return Verdict(True, f"{names[0]} → {names[1]}", None, True)
    return _bound_numbers(a, b, numbers, rows, form)


def _bound_numbers(
    a: Sequence[str], b: Sequence[str], numbers: tuple[Sequence[float], Sequence[float]], rows: Sequence[Row], form: str
) -> Verdict | None:
    """Judge numbers that differ by one amount, or rise and fall together, and are no counters."""
    counting = direction(*numbers)
    exact = [list(map(int, side)) for side in (a, b)] if all(map(_is_whole, (*a, *b))) else numbers
    steady = all(len({y > x for x, y in pairwise(side)}) == 1 for side in exact)
    moved = shift_of(*exact)
    counter = steady or (counting and moved is not None and len(moved.places) < len(a))
    if moved is not None and not counter and (moved.certain or len(moved.places) > 2):
        return Verdict(True, _more(moved.amount), moved.places, moved.certain, "", bound=True)
    if counting or not follows(*numbers):
        return None
    starts = [row.a.started for row in rows], [row.b.started for row in rows]
    if all(follows(side, begun) for side, begun in zip(numbers, starts, strict=True)):
        return _undecided(a, "rises or falls with the time of the request on both sides", form)
    return _unequal(a, b)


def _more(amount: float) -> str:
    return f"is {abs(amount):.15g} {'less' if amount < 0 else 'more'} in {NAME_B} than in {NAME_A}"


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


def _number_form(a: Sequence[str], b: Sequence[str], *, numeric: bool) -> Verdict | None:
    decimals = _decimals(a), _decimals(b)
    if abs(decimals[0] - decimals[1]) >= (1 if max(decimals) <= 6 and len(a) >= 8 else 3):
        return Verdict(True, f"{decimals[0]:.0f} decimals → {decimals[1]:.0f} decimals", None, len(a) >= 8)
    negative = [sum(text[0] == "-" for text in side) for side in (a, b)]
    if same_share(negative[0], len(a), negative[1], len(b)) < UNLIKELY:
        return Verdict(True, f"negative values in {_shares(negative, len(a))}", None, True)
    zeros = [sum(text[0] == "0" and len(text) > 1 and text[1] != "." for text in side) for side in (a, b)]
    if not numeric and same_share(zeros[0], len(a), zeros[1], len(b)) < UNLIKELY:
        return Verdict(True, f"leading zeros in {_shares(zeros, len(a))}", None, True)
    lengths = set(map(len, a)), set(map(len, b))
    if not numeric and min(zeros) and lengths[0] != lengths[1] and max(map(len, lengths)) == 1:
        return Verdict(True, f"form: {len(a[0])} digits → {len(b[0])} digits", None, len(a) >= 3)
    return None


def _shares(counts: Sequence[int], number: int) -> str:
    return " → ".join(_percent(count, number) for count in counts)


def _ranges(a: Sequence[float], b: Sequence[float], *, rising: bool) -> Verdict | None:
    sizes_a, sizes_b = sorted(map(abs, a)), sorted(map(abs, b))
    middle_a, middle_b = median(sizes_a), median(sizes_b)
    if len(a) < 5:
        return None
    if rising:
        all_steps = [{y - x for x, y in pairwise(side)} for side in (a, b)]
        steps = [median([abs(y - x) for x, y in pairwise(side)]) for side in (a, b)]
        if all_steps[0] != all_steps[1] and max(map(len, all_steps)) == 1:
            return Verdict(True, f"steps of {steps[0]:.4g} → steps of {steps[1]:.4g}", None, True)
        if min(steps) > 0 and max(steps) >= 20 * min(steps) and max(middle_a, middle_b) >= 20 * min(middle_a, middle_b):
            return Verdict(True, f"steps of {steps[0]:.4g} → steps of {steps[1]:.4g}", None, True)
        return None
    low, high = len(a) // 20, len(a) - 1 - len(a) // 20
    apart = sizes_a[high] < sizes_b[low] or sizes_b[high] < sizes_a[low]
    far = max(middle_a, middle_b) >= max(1e-9, (4 if len(a) >= 20 else 8) * min(middle_a, middle_b))
    if (apart and max(middle_a, middle_b) >= 2 * min(middle_a, middle_b)) or far:
        return Verdict(True, f"{_range(a)} → {_range(b)}", None, len(a) >= 20)
    return None


def _range(values: Sequence[float]) -> str:
    return f"{min(values):.6g} to {max(values):.6g}"


# --- texts


def _judge_texts(a: Sequence[str], b: Sequence[str], rows: Sequence[Row]) -> Verdict | None:
    distinct = max(len(set(a)), len(set(b)))
    if distinct == 1 and len(a) > 1 and not re.search(r"\d", a[0] + b[0]):  # else it may be a time
        return _few_values(a, b)
    if not (is_opaque(a[:50]) and is_opaque(b[:50])) and (found := _judge_frames(a, b, rows)) is not None:
        return found
    short = max(map(len, (*a, *b))) < 6 or common_form(a) != common_form(b) if len(a) < 3 else True
    if short and (len(set(a)) == 1 or len(set(b)) == 1):
        return _few_values(a, b)
    if (found := _moved_digits(a, b, rows)) is not None:
        return found
    few = distinct <= max(3, len(a) / 3) and distinct < len(a)
    if few and (found := _few_values(a, b)) is not None:
        return found
    if distinct < len(a) and depends(a, b):
        return _unequal(a, b)
    if few:
        return _few_undecided(a, b, common_form(a[:200]))
    return _judge_opaque(a, b)


def _moved_digits(a: Sequence[str], b: Sequence[str], rows: Sequence[Row]) -> Verdict | None:
    """Judge texts of one wording in which one number differs by one amount: `9am`, `2027-W12`, `35%`."""
    if any(_DIGITS.sub("", x) != _DIGITS.sub("", y) for x, y in zip(a, b, strict=True)):
        return None
    numbers = [list(zip(*map(_DIGITS.findall, side), strict=False)) for side in (a, b)]
    unlike = [(x, y) for x, y in zip(*numbers, strict=True) if x != y]
    if len(unlike) != 1 or any(len(_DIGITS.findall(text)) != len(numbers[0]) for text in a):
        return None
    of_a, of_b = unlike[0]
    return _bound_numbers(of_a, of_b, (list(map(float, of_a)), list(map(float, of_b))), rows, "text")


def _judge_frames(a: Sequence[str], b: Sequence[str], rows: Sequence[Row]) -> Verdict | None:
    """Judge texts of few frames, such as `Lead … accepted`: the frames, and what stands in their holes."""
    few = slice(_SKIMMED_FRAMES)
    if _are_opaque(_all_bones(a[few], b[few], rows[few])):
        return None
    bones_a, bones_b = _all_bones(a, b, rows)
    frame = Counter(one[0] for one in (*bones_a, *bones_b)).most_common(1)[0][0]
    bones_a, bones_b = _fitted(frame, a, bones_a), _fitted(frame, b, bones_b)
    own_a, own_b = (Counter(one[0] for one in side).most_common(1)[0][0] for side in (bones_a, bones_b))
    bones_a, bones_b = _fitted(own_a, a, bones_a), _fitted(own_b, b, bones_b)
    frames_a, frames_b = [one[0] for one in bones_a], [one[0] for one in bones_b]
    if _are_opaque((bones_a, bones_b)) or max(len(set(frames_a)), len(set(frames_b))) > max(2, len(a) / 5):
        return None
    worded = any(map(str.isalpha, "".join({*frames_a, *frames_b})))
    if worded and frames_a != frames_b and (found := _few_values(frames_a, frames_b)) is not None:
        return _readable(found, bones_a, bones_b, rows)
    if HOLE in "".join(set(frames_a)) and (found := _judge_holes(bones_a, bones_b, rows)) is not None:
        return found if found == AGREES else found._replace(form=common_form(a[:200]))
    return None


def _all_bones(a: Sequence[str], b: Sequence[str], rows: Sequence[Row]) -> tuple[list[Bones], list[Bones]]:
    return (
        [skeleton(text, row.a.sent.words) for text, row in zip(a, rows, strict=True)],
        [skeleton(text, row.b.sent.words) for text, row in zip(b, rows, strict=True)],
    )


def _are_opaque(sides: Iterable[Sequence[Bones]]) -> bool:
    """Whether most texts are one identifier and nothing else."""
    return all(sum(frame == HOLE for frame, _ in bones) >= 0.6 * len(bones) for bones in sides)


def _fitted(frame: str, texts: Sequence[str], bones: Sequence[Bones]) -> list[Bones]:
    """Texts' bones, where one that has a word in place of an identifier is given the frame that the others have."""
    if HOLE not in frame or frame == HOLE or all(own == frame for own, _ in bones):
        return list(bones)
    pattern = re.compile(r"(\S+?)".join(map(re.escape, frame.split(HOLE))))
    usual = [hole for own, holes in bones if own == frame for hole in holes]
    lengths = set(map(len, usual))
    classes = [any(having) for having in zip(*map(classes_of, usual), strict=True)]
    fitted = []
    for text, (own, holes) in zip(texts, bones, strict=True):
        match = pattern.fullmatch(text) if own != frame else None
        words = match.groups() if match is not None else ()
        fits = words and all(len(word) in lengths and _within(classes_of(word), classes) for word in words)
        fitted.append((frame, words) if fits else (own, holes))
    return fitted


def _within(some: Iterable[bool], classes: Iterable[bool]) -> bool:
    return all(usual or not one for one, usual in zip(some, classes, strict=True))


def _readable(found: Verdict, a: Sequence[Bones], b: Sequence[Bones], rows: Sequence[Row]) -> Verdict:
    """A verdict on frames, which names what stood in the holes: a word that is always the same, else its kind."""
    named: dict[str, str] = {}
    for bones, sent in ((a, [row.a.sent for row in rows]), (b, [row.b.sent for row in rows])):
        for frame in dict.fromkeys(one[0] for one in bones):
            chosen = [(holes, of) for (own, holes), of in zip(bones, sent, strict=True) if own == frame]
            text = frame
            for words in zip(*(holes for holes, _ in chosen), strict=True):
                text = text.replace(HOLE, _hole_name(words, [of for _, of in chosen]), 1)
            named.setdefault(frame, text)
    why = found.why
    for pair in {(x[0], y[0]) for x, y in zip(a, b, strict=True) if x[0] != y[0]}:
        why = why.replace(" → ".join(shown_pair(*pair)), " → ".join(shown_pair(*(named[frame] for frame in pair))))
    for frame, text in named.items():
        why = why.replace(shown(frame), shown(text))
    return found._replace(why=why)


def _hole_name(words: Sequence[str], sent: Sequence[Sent]) -> str:
    """What stands in a hole: the word itself where it is always the same, what the row sent, or a kind of value."""
    if len(words) > 1 == len(set(words)):
        return words[0]
    if ways := _ways(words, sent, constant=False):
        return f"({_way(ways)})"
    person = "person" if "person-" in words[0].lower() else "value"
    return f"({'number' if _is_number(words[0]) else 'time' if read_time(words[0]) else person})"


def _judge_holes(a: Sequence[Bones], b: Sequence[Bones], rows: Sequence[Row]) -> Verdict | None:
    """Judge what stands in the holes of texts, each hole of each frame as a place of its own."""
    same: dict[str, list[int]] = {}
    for place, (one, other) in enumerate(zip(a, b, strict=True)):
        if one != other:
            same.setdefault(one[0] if one[0] == other[0] else "", []).append(place)
    frames = sorted(same.keys() - {"", HOLE}, key=lambda one: -len(same[one]))
    if not frames:
        return None
    unlike = "" in same or HOLE in same
    undecided = _undecided(a, "has several wordings on both sides, in other rows") if unlike else None
    for frame in frames:
        kept = [place for place, (one, other) in enumerate(zip(a, b, strict=True)) if one[0] == other[0] == frame]
        for hole in range(len(a[kept[0]][1])):
            of_a, of_b = [a[place][1][hole] for place in kept], [b[place][1][hole] for place in kept]
            found = judge(of_a, of_b, [rows[place] for place in kept])
            if found is not None and found.differs:
                places = None if found.places is None else [kept[place] for place in found.places]
                why = f"in `{shown(frame)}`: {found.why or 'other values'}"
                return found._replace(why=why, places=places)
            undecided = undecided or found
    return undecided or AGREES


# --- identifiers


def _judge_opaque(a: Sequence[str], b: Sequence[str]) -> Verdict | None:
    """Judge identifiers and the like by what their values have in common on each side."""
    form_a, form_b = common_form(a[:400]), common_form(b[:400])
    lengths_a, lengths_b = [len(text) for text in a], [len(text) for text in b]
    found, odd = _repeats(a, b), _lengths(lengths_a, lengths_b, a, b)
    if found is not None and (odd is None or odd.places is None):
        return found
    for lower, upper, names in ((a, b, (NAME_A, NAME_B)), (b, a, (NAME_B, NAME_A))):
        if all(x == x.lower() and y == y.upper() for x, y in zip(lower, upper, strict=True)) and (
            any(map(str.islower, lower)) and any(map(str.isupper, upper))
        ):
            why = f"has small letters in {names[0]} but capital letters in {names[1]}"
            return Verdict(True, why, None, len(a) >= 3)
    for what in (prefix_of, punctuation_of):
        of_a, of_b = [what(text) for text in a[:SKIMMED]], [what(text) for text in b[:SKIMMED]]
        most = 3 if len(a) >= 8 else 1
        if of_a == of_b or max(len(set(of_a)), len(set(of_b))) > most or len(a) < 3:
            continue
        found = _few_values(of_a, of_b, lambda text: text or "no such characters")
        if found is not None and (found.certain or form_a != form_b):
            named = form_a != form_b and "text" not in (form_a, form_b)
            return found._replace(
                why=f"form: {form_words(form_a)} → {form_words(form_b)}" if named else f"form: {found.why}"
            )
    if odd is not None:
        return odd
    some_a, some_b = a[:SKIMMED], b[:SKIMMED]
    for number, name in enumerate(CLASS_NAMES):
        has_a, has_b = (sum(classes_of(text)[number] for text in side) for side in (some_a, some_b))
        if same_share(has_a, len(some_a), has_b, len(some_b)) < 0.0005:
            shares = f"{_percent(has_a, len(some_a))} → {_percent(has_b, len(some_b))}"
            return Verdict(True, f"form: {name} in {shares}", None, len(a) >= 8)
    form = form_a if form_a == form_b else "text"
    return _undecided(a, "has a new value every time on both sides, in the same form", form)


def _lengths(of_a: Sequence[int], of_b: Sequence[int], a: Sequence[str], b: Sequence[str]) -> Verdict | None:
    if set(of_a) == set(of_b):
        return None
    if len(set(of_a)) == 1 and len(set(of_b)) == 1:
        return Verdict(True, f"form: {of_a[0]} characters → {of_b[0]} characters", None, len(a) >= 3)
    common_a, common_b = Counter(of_a).most_common(1)[0], Counter(of_b).most_common(1)[0]
    if common_a[0] == common_b[0] and min(common_a[1], common_b[1]) >= 0.7 * len(a) and len(a) >= 5:
        return _odd_ones(a, b, common_a[0])
    rest = median(of_a), median(of_b)
    if len(a) >= 8 and max(rest) > 1.3 * min(rest) and (max(of_a) < min(of_b) or max(of_b) < min(of_a)):
        return Verdict(True, f"form: {min(of_a)} to {max(of_a)} characters → {min(of_b)} to {max(of_b)}", None, True)
    if max(len(set(of_a)), len(set(of_b))) <= 12 and one_mixture(of_a, of_b) < 1e-4:
        return Verdict(True, f"form: about {rest[0]:.0f} characters → about {rest[1]:.0f}", None, len(a) >= 20)
    for lengths, others, texts, side in ((of_a, of_b, b, NAME_B), (of_b, of_a, a, NAME_A)):
        low, high = min(lengths), max(lengths)
        margin = max(3, high - low)
        odd = [p for p, length in enumerate(others) if length < low - margin or length > high + margin]
        if odd and len(odd) < len(others) and len(a) >= 5:
            why = f"has another form in {side}, such as {shown(texts[odd[0]])}"
            return Verdict(True, why, odd, len(a) >= 20)
    return None


def _odd_ones(a: Sequence[str], b: Sequence[str], length: int) -> Verdict | None:
    """Values of another length among those of one length, where one side has clearly more of them."""
    odd_a = [place for place, text in enumerate(a) if len(text) != length]
    odd_b = [place for place, text in enumerate(b) if len(text) != length]
    few, many, texts, side = (odd_a, odd_b, b, NAME_B) if len(odd_a) <= len(odd_b) else (odd_b, odd_a, a, NAME_A)
    near = all(
        abs(len(texts[place]) - length) <= max(1, 0.15 * length, 4 * is_opaque([texts[place]]))
        and classes_of(texts[place])[0]
        for place in many
    )
    if (few or near) and same_share(len(odd_a), len(a), len(odd_b), len(b)) >= UNLIKELY:
        return None
    never = "" if few else f" and never in {NAME_A if side == NAME_B else NAME_B}"
    why = f"has another form in {side}{never}, such as {shown(texts[many[0]])}"
    return Verdict(True, why, many, not near or len(many) > 5)


def _repeats(a: Sequence[str], b: Sequence[str]) -> Verdict | None:
    """Judge values that come again on one side more than on the other, or that the other side has in other rows."""
    distinct_a, distinct_b = set(a), set(b)
    number = len(a)
    some = [*a[:40], *b[:40]]
    room = 10 ** min(300.0, _room([text for text in some if "person-" not in text] or some))
    short = number**2 / room > 0.002  # so that chance alone repeats some
    again = number - len(distinct_a), number - len(distinct_b)
    if abs(again[0] - again[1]) > (3 * (again[0] + again[1]) ** 0.5 + 1 if short or min(again) else 0):
        places = _repeated(a if again[0] > again[1] else b)
        words = [f"{len(one):,} different values" for one in (distinct_a, distinct_b)]
        why = f"{words[0]} → {words[1]}"
        if abs(again[0] - again[1]) <= 0.1 * number:
            side, texts = (NAME_A, a) if again[0] > again[1] else (NAME_B, b)
            why = f"repeats values in {side}, such as {shown(texts[places[0]])}"
        return Verdict(True, why, places, number >= 8 and (len(places) > 2 or number**2 / room < CERTAIN))
    shared, fewer = len(distinct_a & distinct_b), min(len(distinct_a), len(distinct_b))
    if number / room < 0.1 and number >= 4 and shared >= 0.3 * fewer and fewer > 0.7 * number:
        moved = {x for x, y in zip(a, b, strict=True) if x != y} & {y for x, y in zip(a, b, strict=True) if x != y}
        return _unequal(a, b, "has the same values, but in other rows" if moved else "")
    return None


def _room(texts: Sequence[str]) -> float:
    """About how many decimal digits' worth of values there could be, by the characters that vary at each position."""
    length = Counter(map(len, texts)).most_common(1)[0][0]
    texts = [text for text in texts if len(text) == length]
    return sum(math.log10(len({text[at : at + 1] for text in texts})) for at in range(min(40, length)))


def _repeated(texts: Sequence[str]) -> list[int]:
    counts = Counter(texts)
    return [place for place, text in enumerate(texts) if counts[text] > 1]
