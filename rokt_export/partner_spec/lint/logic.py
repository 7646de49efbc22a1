"""Reason about the tests of response rules: does one follow from another, can both hold, can it hold at all."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

from rokt_export.spec_language.fields import StatusRanges
from rokt_export.spec_language.filters import text_of
from rokt_export.spec_language.rules import Condition, Rule, Test

Locus: TypeAlias = tuple[str, ...]
"""What a part of a test looks at: the status, a header, a body path read in one way, the text."""


@dataclass(frozen=True, slots=True)
class Atom:
    """One part of a test; a test holds when all its atoms do.

    Attributes:
        locus: what it looks at.
        wanted: status ranges, a condition, whether the body is empty, or tests of which one holds or none may.
    """

    locus: Locus
    wanted: Any


def atoms(test: Test) -> tuple[Atom, ...]:
    """Return the parts of a rule or test, those of `all` included."""
    reading = (str(test.as_ or ""), str(test.strict)) if isinstance(test, Rule) else ("", "False")
    return tuple(_atoms(test, reading))


def _atoms(test: Test, reading: tuple[str, str]) -> Iterator[Atom]:
    if test.status is not None:
        yield Atom(("status",), test.status)
    for name, condition in test.headers.items():
        yield Atom(("header", name.lower()), condition)
    if test.content_type is not None:
        yield Atom(("content_type",), test.content_type)
    if test.text is not None:
        yield Atom(("text",), test.text)
    if test.empty is not None:
        yield Atom(("empty",), test.empty)
    for path, condition in test.body.items():
        yield Atom(("body", path, *reading), condition)
    for part in test.all:
        yield from _atoms(part, reading)
    if test.any:
        yield Atom(("any", *reading), tuple(tuple(_atoms(part, reading)) for part in test.any))
    if test.not_ is not None:
        yield Atom(("not", *reading), tuple(_atoms(test.not_, reading)))


Atoms: TypeAlias = tuple[Atom, ...]


def implies(these: Atoms, those: Atoms) -> bool:
    """Return whether each response that has all of `these` provably has all of `those`."""
    return all(_gives(these, wanted) for wanted in those)


def _gives(these: Atoms, wanted: Atom) -> bool:
    if any(_atom_implies(atom, wanted) for atom in these):
        return True
    if wanted.locus[0] == "any" and any(implies(these, alternative) for alternative in wanted.wanted):
        return True
    return any(
        all(_gives(alternative, wanted) for alternative in atom.wanted) for atom in these if atom.locus[0] == "any"
    )


def _atom_implies(atom: Atom, wanted: Atom) -> bool:
    if atom.locus != wanted.locus:
        return False
    match atom.locus[0]:
        case "status":
            return covers(wanted.wanted, atom.wanted)
        case "empty" | "any" | "not":
            return bool(atom.wanted == wanted.wanted)
        case _:
            return _condition_implies(atom.wanted, wanted.wanted)


def covers(outer: StatusRanges, inner: StatusRanges) -> bool:
    """Return whether every status of the one is one of the other."""
    return statuses(inner) <= statuses(outer)


def statuses(ranges: StatusRanges) -> frozenset[int]:
    """Return the statuses in inclusive ranges."""
    return frozenset(status for low, high in ranges for status in range(low, high + 1))


_MODIFIERS = ("ignore_case", "strict")
_POSITIVE = ("equals", "one_of", "contains", "prefix", "suffix", "regex", "compare")


def _condition_implies(first: Condition, second: Condition) -> bool:
    """Whether a value with the first condition has the second; `every` and `not` only where they are the same."""
    if first == second:
        return True
    if any(getattr(first, name) != getattr(second, name) for name in _MODIFIERS) or second.strict:
        return False
    if any(condition.every or condition.any for condition in (first, second)):
        return False
    return all(_key_follows(first, second, key) for key in second.model_fields_set - set(_MODIFIERS))


def _key_follows(first: Condition, second: Condition, key: str) -> bool:
    wanted = getattr(second, key)
    if key in first.model_fields_set and getattr(first, key) == wanted:
        return True
    values = literal_values(first)
    match key:
        case "exists":
            return wanted is True and bool(values or any(getattr(first, name) is not None for name in _POSITIVE))
        case "equals" | "one_of":
            allowed = literal_values(second)
            return values is not None and allowed is not None and values <= allowed
        case "contains":
            known = [first.contains, first.prefix, first.suffix]
            return any(text is not None and wanted in text for text in known) or _each(values, lambda v: wanted in v)
        case "prefix":
            return (first.prefix or "").startswith(wanted) or _each(values, lambda v: v.startswith(wanted))
        case "suffix":
            return (first.suffix or "").endswith(wanted) or _each(values, lambda v: v.endswith(wanted))
        case _:
            return False


def _each(values: frozenset[str] | None, test: Any) -> bool:
    return bool(values) and all(test(value) for value in values or ())


def literal_values(condition: Condition) -> frozenset[str] | None:
    """Return the texts that a condition lists; None where it lists none, or a null among them."""
    if condition.has_equals:
        listed: tuple[Any, ...] = (condition.equals,)
    elif condition.one_of is not None:
        listed = condition.one_of
    else:
        return None
    if any(value is None for value in listed):
        return None
    texts = (text_of(value) for value in listed)
    return frozenset(text.casefold() if condition.ignore_case else text for text in texts)


def surely_meet(first: Atom, second: Atom) -> bool:
    """Return whether some response provably has both atoms, which look at the same."""
    if first.wanted == second.wanted:
        return True
    if first.locus[0] == "status":
        return bool(statuses(first.wanted) & statuses(second.wanted))
    if not isinstance(first.wanted, Condition) or not isinstance(second.wanted, Condition):
        return False
    mine, theirs = literal_values(first.wanted), literal_values(second.wanted)
    return bool(mine and theirs and mine & theirs) and _plain(first.wanted) and _plain(second.wanted)


def _plain(condition: Condition) -> bool:
    return condition.model_fields_set <= {"equals", "one_of"}
