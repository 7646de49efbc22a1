"""Turn what a place has collected into findings: values, types, presence, lengths and order, each judged by itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from rokt_export.diff.column import MOST_SAMPLES, Column, Evidence, KeptPairs, Order, Row
from rokt_export.diff.forms import common_form, keeps_form, notation, read_time
from rokt_export.diff.judging import judge, judge_presence, judge_types
from rokt_export.diff.places import ComparedPlace
from rokt_export.diff.result import OPTIONAL, DifferenceKind, Sample
from rokt_export.diff.sentences import NAME_A, NAME_B, clock_text
from rokt_export.diff.shape import shown as shown_value
from rokt_export.diff.shape import type_of
from rokt_export.diff.shown_values import scalar_text, shown
from rokt_export.diff.statistics import SKIMMED
from rokt_export.diff.verdict import DifferenceVerdict

_SCALARS: Final = frozenset({"string", "number", "boolean"})
_FEW: Final = 0.05
"""Share of values up to which another form is rare."""
_LEAST: Final = 3
"""Rows from which on two values that never vary are no chance."""
ANY: Final = "any"
"""What `varies:` says where no form is asked for."""
LIST: Final = "list"
"""What it says of an array whose length and order vary."""


@dataclass(frozen=True, slots=True)
class PlaceFinding:
    """What was found at a place.

    Attributes:
        kind: what kind.
        differs: whether it is a difference; else it cannot be judged.
        count: transactions.
        why: the change, or the reason.
        certain: whether more transactions could not change that.
        form: what `varies:` calls the form.
        numbers: the pairs that show it, as far as they are kept.
        samples: some of them.
        bound: whether values that belong to their transactions differ.
        others_vary: whether other rows' values are unequal too.
    """

    kind: DifferenceKind
    differs: bool
    count: int
    why: str
    certain: bool
    form: str
    numbers: Sequence[int]
    samples: tuple[Sample, ...]
    bound: bool = False
    others_vary: bool = False


def findings_of(place: ComparedPlace, objects: int, rows: KeptPairs, *, values: bool) -> Iterator[PlaceFinding]:
    """Yield what can be said of a place.

    Args:
        place: the place.
        objects: pairs of objects in which it could be.
        rows: the kept pairs.
        values: whether values count too, or types alone.
    """
    if place.missing is not None and place.extra is not None:
        found = [*_presence(place, place.missing, place.extra, objects)]
        yield from found if not place.may_be_absent else (one for one in found if one.differs and one.certain)
    of_list = [*_order(place.order)] if place.order is not None and values else []
    if place.lengths is not None and place.lengths.unequal:
        length = _judged(place.lengths, rows, DifferenceKind.LENGTH)
        of_list += [replace(length, form="" if length.differs else LIST)] if length is not None else []
    yield from of_list if place.varies is None else (one for one in of_list if one.differs and one.certain)
    if place.column.unequal:
        yield from _values(place, rows, values=values)


def _presence(place: ComparedPlace, missing: Evidence, extra: Evidence, objects: int) -> Iterator[PlaceFinding]:
    both = place.column.seen
    neither = max(0, objects - both - missing.count - extra.count)
    found = judge_presence(both, missing.count, extra.count, neither)
    if found is None:
        return
    kinds = (
        (DifferenceKind.HEADER, DifferenceKind.HEADER)
        if place.kind is DifferenceKind.HEADER
        else (DifferenceKind.MISSING, DifferenceKind.EXTRA)
    )
    sides = [(kind, one) for kind, one in zip(kinds, (missing, extra), strict=True) if one.count]
    if not found.differs:
        sides = [max(sides, key=lambda one: one[1].count)]
    for kind, one in sides:
        form = "" if found.differs else OPTIONAL
        yield PlaceFinding(
            kind, found.differs, one.count, found.why, found.certain, form, one.numbers, tuple(one.samples)
        )


def _order(order: Order) -> Iterator[PlaceFinding]:
    other, total = order.other, order.other.count + order.same
    often = other.count > 2 * len(order.moves) and other.count > 2 + 8 // min(order.moves)  # else it may be chance
    moved = often and not order.same and all(len(moves) == 1 for moves in order.moves.values())
    lost = (order.sorted[0] == other.count) != (order.sorted[1] == other.count)
    differs = order.same >= 0.5 * total or moved or lost or total < 3
    side = NAME_A if order.sorted[0] > order.sorted[1] else NAME_B
    why = "the same change of order each time" if moved else f"sorted in {side} alone" if lost else ""
    if not differs:
        why = "has the same elements in a new order each time"
    form = "" if differs else LIST
    yield PlaceFinding(
        DifferenceKind.ORDER, differs, other.count, why, total >= 3, form, other.numbers, tuple(other.samples)
    )


def _values(place: ComparedPlace, rows: KeptPairs, *, values: bool) -> Iterator[PlaceFinding]:
    column = place.column
    types_a, types_b = [type_of(value) for value in column.a], [type_of(value) for value in column.b]
    if types_a != types_b and (verdict := judge_types(types_a, types_b)) is not None:
        if place.varies is None or (verdict.differs and verdict.certain):
            yield _finding(
                column, verdict if verdict.differs else verdict._replace(form=ANY), DifferenceKind.TYPE, rows
            )
        if not set(types_a) & set(types_b):
            return
    groups = _comparable(column, types_a, types_b) if values else []
    for chosen in groups:
        found = _value(place, column, rows, chosen)
        if found is not None:
            yield found


def _value(place: ComparedPlace, column: Column, rows: KeptPairs, chosen: Sequence[int]) -> PlaceFinding | None:
    found = _judged(column, rows, place.kind, chosen)
    if found is not None and place.varies is not None:
        found = _against_declared(place, column, chosen, found)
    elif found is not None and place.reference and len(chosen) < 3:
        found = replace(found, differs=False, why="is the partner's reference of the record, which is new each time")
    elif found is not None and len(chosen) < _LEAST <= len(rows.kept) and place.kind is DifferenceKind.VALUE:
        found = replace(found, certain=False)  # of a field that is there by chance
    return found


def _comparable(column: Column, types_a: Sequence[str], types_b: Sequence[str]) -> list[list[int]]:
    """The rows in which both sides have one type, by type; numbers that redaction hid are texts among numbers."""
    same: dict[str, list[int]] = {}
    for place, (a, b) in enumerate(zip(types_a, types_b, strict=True)):
        if a == b and a in _SCALARS:
            same.setdefault(a, []).append(place)
    groups = sorted(same.values(), key=len, reverse=True)
    if "number" not in same:
        return groups
    hidden = [place for place in same["number"] if str in (column.a[place].__class__, column.b[place].__class__)]
    if not hidden or 2 * len(hidden) >= len(same["number"]):
        return groups
    same["number"] = [place for place in same["number"] if place not in set(hidden)]
    same["hidden"] = [place for place in hidden if column.a[place] != column.b[place]]
    return [group for group in same.values() if group]


def _against_declared(
    place: ComparedPlace, column: Column, chosen: Sequence[int], found: PlaceFinding
) -> PlaceFinding | None:
    """What is left of a finding where the spec lets values vary: another form than the one that is declared."""
    texts = [[scalar_text(side[place_]) for place_ in chosen] for side in (column.a, column.b)]
    is_text = type_of(column.a[chosen[0]]) == "string"
    forms = [_form_of(side) if is_text else type_of(column.a[chosen[0]]) for side in texts]
    wanted = notation(place.varies or "")
    if wanted == ANY:
        return found if found.differs and found.why.startswith(("form:", "has another form")) else None
    if all(keeps_form(wanted, side) if is_text else wanted == form for side, form in zip(texts, forms, strict=True)):
        return None
    why = f"declared as {wanted}: {shown(forms[0])} → {shown(forms[1])}"
    return PlaceFinding(found.kind, True, found.count, why, True, "", found.numbers, found.samples)


def _form_of(texts: Sequence[str]) -> str:
    return common_form(texts[: 2 * SKIMMED])


def _judged(
    column: Column, rows: KeptPairs, kind: DifferenceKind, chosen: Sequence[int] | None = None
) -> PlaceFinding | None:
    """Judge the values of a column, or some of its rows."""
    if chosen is None:
        chosen = range(len(column.numbers))
    chosen = [place for place in chosen if column.numbers[place] in rows.kept]
    if not chosen:
        return None
    sides = [rows.kept[column.numbers[place]] for place in chosen]
    a, b = [column.a[place] for place in chosen], [column.b[place] for place in chosen]
    verdict = judge(a, b, sides)
    if column.stride > 1 and (verdict is None or not verdict.differs):
        rare = _rare(column, equal=a == b)
        if rare is not None:
            return PlaceFinding(kind, True, rare[1].count, rare[0], True, "", rare[1].numbers, tuple(rare[1].samples))
    if verdict is None:
        return None
    if verdict.places is not None:
        verdict = verdict._replace(places=[chosen[place] for place in verdict.places])
    if not verdict.differs:
        form = _form_of([scalar_text(value) for value in (*a, *b)]) if type_of(a[0]) == "string" else type_of(a[0])
        verdict = verdict._replace(form=form)
    return _finding(column, verdict, kind, rows)


def _rare(column: Column, *, equal: bool) -> tuple[str, Any] | None:
    """What the kept rows did not show: unequal values where all were equal, rare forms among regular ones."""
    if equal:
        return "", column.differing
    for mine, other in (column.odd, column.odd[::-1]):
        if len(mine) > 24:
            continue
        for form, found in mine.items():
            if form not in other and found.count <= _FEW * column.unequal and len(mine) <= len(other) + 3:
                return "has another form in some rows", found
    return None


def _finding(column: Column, verdict: DifferenceVerdict, kind: DifferenceKind, rows: KeptPairs) -> PlaceFinding:
    numbers: Sequence[int] = column.differing.numbers
    count, samples = column.differing.count, column.differing.samples
    places = verdict.places
    if places is None and verdict.clock:
        places = [place for place, number in enumerate(column.numbers) if number in rows.kept]
    if places is not None and (len(places) < column.unequal or verdict.clock):
        kept = list(dict.fromkeys(column.numbers[place] for place in places))
        if kept:
            if verdict.places is not None:
                numbers, count = kept, len(kept)
            samples = [
                _sample(rows.kept[number], column.a[place], column.b[place], clock=verdict.clock)
                for number, place in _first(column, places)
                if number in rows.kept
            ]
    return PlaceFinding(
        kind, verdict.differs, count, verdict.why, verdict.certain, verdict.form, numbers, tuple(samples),
        verdict.bound, count < column.differing.count,
    )  # fmt: skip


def _sample(row: Row, a: Any, b: Any, *, clock: bool) -> Sample:
    """A sample of kept values; a time stands beside the time of its request."""
    texts = [shown_value(value) for value in (a, b)]
    one, other = (text.replace("‹host›", "(host)").replace("‹path›", "(path)") if text else text for text in texts)
    if not clock:
        return Sample(row.transaction, one, other)
    times = [
        f"{text} ({clock_text(moment.seconds, side.started)})" if moment is not None and not moment.of_day else text
        for text, value, side in ((one, a, row.a), (other, b, row.b))
        for moment in [read_time(scalar_text(value))]
    ]
    return Sample(row.transaction, times[0], times[1])


def _first(column: Column, places: Sequence[int]) -> list[tuple[int, int]]:
    found: dict[int, int] = {}
    for place in places:
        found.setdefault(column.numbers[place], place)
        if len(found) == MOST_SAMPLES:
            break
    return list(found.items())
