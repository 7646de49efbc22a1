"""Judge texts: their wordings, and what stands in the holes of each wording."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

from rokt_export.diff.column import Row
from rokt_export.diff.echoes import way_words, ways_of
from rokt_export.diff.few_values import few_undecided, judge_few_values
from rokt_export.diff.forms import HOLE, classes_of, common_form, is_number, is_opaque, read_time, skeleton
from rokt_export.diff.numbers import judge_bound_numbers
from rokt_export.diff.opaque import judge_opaque
from rokt_export.diff.sent import SentTexts
from rokt_export.diff.shown_values import shown, shown_pair
from rokt_export.diff.statistics import depends
from rokt_export.diff.verdict import AGREES, DifferenceVerdict, left_undecided, unequal_rows

_SKIMMED_FRAMES: Final = 64
_DIGITS: Final = re.compile(r"\d+", re.ASCII)
Bones = tuple[str, tuple[str, ...]]
"""A text with holes, and what stands in them."""
TextJudge = Callable[[Sequence[Any], Sequence[Any], Sequence[Row]], DifferenceVerdict | None]
"""Judges the values of A and of B in some rows, one value for each row."""


def judge_texts(a: Sequence[str], b: Sequence[str], rows: Sequence[Row], judge: TextJudge) -> DifferenceVerdict | None:
    """Judge columns of texts that are neither times nor numbers.

    Args:
        a: side A's texts, one for each row.
        b: side B's.
        rows: the rows.
        judge: judges what stands in a hole of the texts, as a place of its own.
    """
    distinct = max(len(set(a)), len(set(b)))
    if distinct == 1 and len(a) > 1 and not re.search(r"\d", a[0] + b[0]):  # else it may be a time
        return judge_few_values(a, b)
    if not (is_opaque(a[:50]) and is_opaque(b[:50])) and (found := _judge_frames(a, b, rows, judge)) is not None:
        return found
    short = max(map(len, (*a, *b))) < 6 or common_form(a) != common_form(b) if len(a) < 3 else True
    if short and (len(set(a)) == 1 or len(set(b)) == 1):
        return judge_few_values(a, b)
    if (found := _moved_digits(a, b, rows)) is not None:
        return found
    few = distinct <= max(3, len(a) / 3) and distinct < len(a)
    if few and (found := judge_few_values(a, b)) is not None:
        return found
    if distinct < len(a) and depends(a, b):
        return unequal_rows(a, b)
    if few:
        return few_undecided(a, b, common_form(a[:200]))
    return judge_opaque(a, b)


def _moved_digits(a: Sequence[str], b: Sequence[str], rows: Sequence[Row]) -> DifferenceVerdict | None:
    """Judge texts of one wording in which one number differs by one amount: `9am`, `2027-W12`, `35%`."""
    if any(_DIGITS.sub("", x) != _DIGITS.sub("", y) for x, y in zip(a, b, strict=True)):
        return None
    numbers = [list(zip(*map(_DIGITS.findall, side), strict=False)) for side in (a, b)]
    unlike = [(x, y) for x, y in zip(*numbers, strict=True) if x != y]
    if len(unlike) != 1 or any(len(_DIGITS.findall(text)) != len(numbers[0]) for text in a):
        return None
    of_a, of_b = unlike[0]
    return judge_bound_numbers(of_a, of_b, (list(map(float, of_a)), list(map(float, of_b))), rows, "text")


def _judge_frames(
    a: Sequence[str], b: Sequence[str], rows: Sequence[Row], judge: TextJudge
) -> DifferenceVerdict | None:
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
    if worded and frames_a != frames_b and (found := judge_few_values(frames_a, frames_b)) is not None:
        return _readable(found, bones_a, bones_b, rows)
    if HOLE in "".join(set(frames_a)) and (found := _judge_holes(bones_a, bones_b, rows, judge)) is not None:
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


def _readable(
    found: DifferenceVerdict, a: Sequence[Bones], b: Sequence[Bones], rows: Sequence[Row]
) -> DifferenceVerdict:
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


def _hole_name(words: Sequence[str], sent: Sequence[SentTexts]) -> str:
    """What stands in a hole: the word itself where it is always the same, what the row sent, or a kind of value."""
    if len(words) > 1 == len(set(words)):
        return words[0]
    if ways := ways_of(words, sent, constant=False):
        return f"({way_words(ways)})"
    person = "person" if "person-" in words[0].lower() else "value"
    return f"({'number' if is_number(words[0]) else 'time' if read_time(words[0]) else person})"


def _judge_holes(
    a: Sequence[Bones], b: Sequence[Bones], rows: Sequence[Row], judge: TextJudge
) -> DifferenceVerdict | None:
    """Judge what stands in the holes of texts, each hole of each frame as a place of its own."""
    same: dict[str, list[int]] = {}
    for place, (one, other) in enumerate(zip(a, b, strict=True)):
        if one != other:
            same.setdefault(one[0] if one[0] == other[0] else "", []).append(place)
    frames = sorted(same.keys() - {"", HOLE}, key=lambda one: -len(same[one]))
    if not frames:
        return None
    unlike = "" in same or HOLE in same
    undecided = left_undecided(a, "has several wordings on both sides, in other rows") if unlike else None
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
