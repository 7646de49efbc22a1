"""Finds response rules that are missing, never reached, or that depend only on their order."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeAlias

from msgspec import Struct

from rokt_export.partner_spec.document import DataPath, Finding
from rokt_export.partner_spec.lint.context import Subject
from rokt_export.spec_language.fields import StatusRanges, statuses_of
from rokt_export.spec_language.filters import text_of
from rokt_export.spec_language.rules import Condition, Rule, Test
from rokt_export.spec_language.statuses import SETUP_OF_RULES

Locus: TypeAlias = tuple[str, ...]
"""What a part of a test examines: the status, a header, a body path with its reading, or the text."""


class Atom(Struct, frozen=True):
    """One part of a test; a test holds if all its atoms do.

    Attributes:
        locus: what it examines.
        wanted: status ranges, a condition, whether the body is empty, tests of which any or none must hold, or the
            elements that it tests.
    """

    locus: Locus
    wanted: Any


def atoms(test: Test) -> tuple[Atom, ...]:
    """Return the parts of a rule or test, including those of `all`."""
    if not isinstance(test, Rule):
        return tuple(_atoms(test, ("", "False", "")))
    each = "" if test.each is None else repr(test.each)
    own = tuple(_atoms(test, (str(test.as_ or ""), str(test.strict), each)))
    return (*own, Atom(("each",), each)) if each else own


def _atoms(test: Test, reading: tuple[str, str, str]) -> Iterator[Atom]:
    if test.status is not None:
        yield Atom(("status",), test.status)
    for name, condition in test.headers.items():
        yield Atom(("header", name.lower()), condition)
    if test.content_type is not None:
        yield Atom(("content_type",), test.content_type)
    if test.text is not None:
        yield Atom(("text", *reading), test.text)
    if test.empty is not None:
        yield Atom(("empty", *reading), test.empty)
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
    """Return whether each response with all of `these` provably has all of `those`."""
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
        case "empty" | "any" | "not" | "each":
            return bool(atom.wanted == wanted.wanted)
        case _:
            return _condition_implies(atom.wanted, wanted.wanted)


def covers(outer: StatusRanges, inner: StatusRanges) -> bool:
    """Return whether `outer` contains every status of `inner`."""
    return statuses_of(inner) <= statuses_of(outer)


_MODIFIERS = ("ignore_case", "strict")
_POSITIVE = ("equals", "one_of", "contains", "prefix", "suffix", "regex", "compare")


def _condition_implies(first: Condition, second: Condition) -> bool:
    """Return whether the first condition implies the second; those with `every` or `not` only if they are equal."""
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
    """Return the texts of `equals` or `one_of`; None if there are none, or a null is among them."""
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
    """Return whether both atoms of one locus provably hold for some response."""
    if first.wanted == second.wanted:
        return True
    if first.locus[0] == "status":
        return bool(statuses_of(first.wanted) & statuses_of(second.wanted))
    if not isinstance(first.wanted, Condition) or not isinstance(second.wanted, Condition):
        return False
    mine, theirs = literal_values(first.wanted), literal_values(second.wanted)
    return bool(mine and theirs and mine & theirs) and _plain(first.wanted) and _plain(second.wanted)


def _plain(condition: Condition) -> bool:
    return condition.model_fields_set <= {"equals", "one_of"}


def missing_outcomes(subject: Subject) -> Iterator[Finding]:
    """RX108: no rule gives `delivered`. RX109: no rule gives `duplicate`."""
    outcomes = {rule.outcome for rule in subject.spec.responses}
    if not subject.intact("responses"):
        return
    if "delivered" not in outcomes:
        yield subject.warning(
            "RX108",
            ("responses",),
            "no rule has the outcome `delivered`: no row can ever succeed",
            "Add a rule for the response to a created entry.",
        )
    if "duplicate" not in outcomes and not _repeats_welcome(subject):
        yield subject.warning(
            "RX109",
            ("responses",),
            "no rule has the outcome `duplicate`: an entry that exists already counts as something else",
            "Ask the partner what it answers then; where it updates the entry instead, write `idempotent: true`.",
        )


def _repeats_welcome(subject: Subject) -> bool:
    """Return whether the partner reports no duplicates: it updates entries (PUT: RFC 9110, 9.2.2) or decides later."""
    spec = subject.spec
    if spec.idempotent or any(rule.provisional and rule.outcome == "delivered" for rule in spec.responses):
        return True
    return all((place.method or spec.method) == "PUT" for place in spec.endpoint.values())


def unreachable_rules(subject: Subject) -> Iterator[Finding]:
    """RX110: rules that are never reached, as earlier rules match all their responses."""
    rules = [(rule, atoms(rule)) for rule in subject.spec.responses]
    whole = _whole_rules(subject)
    names = subject.spec.rule_names
    for index, (_, own) in enumerate(rules):
        before = [rules[number] for number in range(index) if number in whole]
        single = next((number for number in range(index) if number in whole and implies(own, rules[number][1])), None)
        if single is None and not _used_up(own, before):
            continue
        taker = f"rule `{names[single]}`" if single is not None else "the rules before it together"
        yield subject.warning(
            "RX110",
            ("responses", index),
            f"rule `{names[index]}` is never reached: {taker} matches every response that it describes",
            "Move it before the other, or remove it; the first rule that matches wins.",
        )


def _whole_rules(subject: Subject) -> frozenset[int]:
    """Return the indexes of the rules that have no errors: a rule that lost a condition matches too much."""
    indexes = range(len(subject.spec.responses))
    return frozenset(index for index in indexes if subject.is_whole(("responses", index)))


def _used_up(own: Atoms, before: list[tuple[Rule, Atoms]]) -> bool:
    """Return whether earlier rules by status alone match every status of this rule."""
    mine = [statuses_of(atom.wanted) for atom in own if atom.locus == ("status",)]
    taken = [statuses_of(other[0].wanted) for _, other in before if len(other) == 1 and other[0].locus == ("status",)]
    return bool(mine) and frozenset.intersection(*mine) <= frozenset().union(*taken)


def overlapping_rules(subject: Subject) -> Iterator[Finding]:
    """RX111: a rule that takes some responses of a later, more specific rule with another outcome."""
    rules = [(rule, atoms(rule)) for rule in subject.spec.responses]
    whole = _whole_rules(subject)
    names = subject.spec.rule_names
    for index, (rule, own) in enumerate(rules):
        for number, (earlier, other) in enumerate(rules[:index]):
            if {index, number} <= whole and earlier.outcome != rule.outcome and _shadows(other, own):
                yield subject.info(
                    "RX111",
                    ("responses", index),
                    f"some responses that rule `{names[index]}` describes match rule `{names[number]}` before it",
                    f"Put `{names[index]}` first, unless this is meant.",
                )
                break


def _shadows(earlier: Atoms, later: Atoms) -> bool:
    """Return whether both provably match some response, though neither implies the other."""
    if not earlier or implies(later, earlier) or implies(earlier, later):
        return False
    mine = {atom.locus: atom for atom in later}
    if len(mine) != len(later) or len({atom.locus for atom in earlier}) != len(earlier):
        return False
    return all(atom.locus in mine and surely_meet(atom, mine[atom.locus]) for atom in earlier)


_ERRORS = frozenset({401, 403, 500, 502, 503})
"""Statuses that never say that an entry was created."""


_ALL = frozenset(range(100, 600))


def _statuses(test: Test, *, surely: bool) -> frozenset[int]:
    """Return the statuses that a test matches: `surely` whatever else is in the response, else perhaps."""
    others = (test.headers, test.content_type, test.text, test.body, test.empty is not None)
    if surely and (any(others) or (isinstance(test, Rule) and test.each is not None)):
        return frozenset()
    found = _ALL if test.status is None else statuses_of(test.status)
    for part in test.all:
        found &= _statuses(part, surely=surely)
    if test.any:
        found &= frozenset().union(*(_statuses(part, surely=surely) for part in test.any))
    return found if test.not_ is None else found - _statuses(test.not_, surely=not surely)


def status_alone(subject: Subject) -> Iterator[Finding]:
    """RX179, RX180, RX181, RX195: rules by status alone that match responses which their outcome does not fit."""
    taken: set[int] = set()
    speaks_json = _speaks_json(subject)
    whole = _whole_rules(subject)
    for index, rule in enumerate(subject.spec.responses):
        mine = _statuses(rule, surely=True) - taken if index in whole else frozenset()
        taken |= mine
        name, path = subject.spec.rule_names[index], ("responses", index)
        if rule.outcome in ("rejected", "duplicate") and (found := sorted(mine & frozenset(SETUP_OF_RULES))):
            yield subject.info(
                "RX179",
                path,
                f"rule `{name}` also matches {', '.join(map(str, found))}, which mean a wrong set-up, not a bad row",
                f"Put a rule before it: `{{outcome: failed, status: [{', '.join(map(str, found))}]}}`.",
            )
        if rule.outcome == "delivered" and (wrong := sorted(mine & _ERRORS)):
            yield subject.warning(
                "RX195",
                path,
                f"rule `{name}` counts {', '.join(map(str, wrong))} as delivered, whatever the partner says",
                "Write `status: 2xx`, or what the partner answers when it has created an entry.",
            )
        if rule.outcome == "delivered" and 202 in mine and (202, 202) in (rule.status or ()) and not rule.provisional:
            yield subject.warning(
                "RX180",
                path,
                f"rule `{name}` counts 202 as delivered, which means only that the partner has accepted the request",
                "Write `provisional: true`, unless the partner says that 202 is final.",
            )
        elif rule.outcome == "delivered" and 200 in mine and speaks_json:
            yield subject.info(
                "RX181",
                path,
                f"rule `{name}` counts each 2xx as delivered, a login or challenge page in HTML too",
                "Add `content_type: {contains: json}`, or a condition on the body.",
            )


def _speaks_json(subject: Subject) -> bool:
    """Return whether the rules expect JSON responses."""
    for rule in subject.spec.responses:
        captures = (*rule.capture.reason, *rule.capture.reference, *rule.capture.code)
        paths = [*rule.body, *(each.path or "" for each in captures)]
        if any(path.startswith("$") for path in paths) or any(each.body[:1] in ("{", "[") for each in rule.examples):
            return True
    return False


def hopeless_retries(subject: Subject) -> Iterator[Finding]:
    """RX178: `retry: true` where nothing is sent twice, and `after` in a rule without `retry`."""
    spec = subject.spec
    retried = [index for index, rule in enumerate(spec.responses) if rule.retry]
    if not subject.intact("idempotency", "idempotent", "limits", "endpoint", "responses"):
        return
    single = not spec.repeatable or all(spec.limits_of(name).attempts == 1 for name in spec.endpoint)
    if retried and single:
        yield subject.info(
            "RX178",
            ("responses", retried[0], "retry"),
            f"rule `{spec.rule_names[retried[0]]}` is never retried: "
            + ("`attempts` is 1" if spec.repeatable else "the spec does not allow repeated requests"),
            "Write `limits: {attempts: 3}`, or remove `retry`."
            if spec.repeatable
            else "Ask the partner; then write `idempotency: {header: …}` or `idempotent: true`.",
        )
    for index, rule in enumerate(spec.responses):
        if rule.after is not None and not rule.retry and not _statuses(rule, surely=False) & _PAUSES:
            yield subject.info(
                "RX178",
                ("responses", index, "after"),
                f"`after` has no effect: rule `{spec.rule_names[index]}` is never retried",
                "Add `retry: true`, or remove `after`.",
            )


_PAUSES = frozenset({429, 503})
"""Statuses that make a run pause, whether their rules retry or not."""


def contradictory_tests(subject: Subject) -> Iterator[Finding]:
    """RX121: rules that no response can match."""
    for index, rule in enumerate(subject.spec.responses):
        found = _contradiction(rule)
        if found is not None:
            path, message = found
            yield subject.warning(
                "RX121",
                ("responses", index, *path),
                f"no response can match rule `{subject.spec.rule_names[index]}`: {message}",
                "Remove one of the two; alternatives belong under `any`.",
            )


def _contradiction(test: Test) -> tuple[DataPath, str] | None:
    own = atoms(test)
    wanted = [statuses_of(atom.wanted) for atom in own if atom.locus == ("status",)]
    if wanted and not (common := frozenset.intersection(*wanted)):
        return ("all",), "its tests ask for different statuses"
    if wanted and max(common) < 200:
        return ("status",), "a status below 200 is never the final one"
    if test.not_ is not None and implies(own, atoms(test.not_)):
        return ("not",), "it asks for what `not` forbids"
    if test.empty and ((test.text is not None and _needs_text(test.text)) or test.body):
        return ("empty",), "an empty body contains nothing to look at"
    for key, conditions in (("headers", test.headers), ("body", test.body)):
        for name, condition in conditions.items():
            if message := _impossible(condition):
                return (key, name), message
    for key, single in (("text", test.text), ("content_type", test.content_type)):
        if single is not None and (message := _impossible(single)):
            return (key,), message
    return None


def _needs_text(condition: Condition) -> bool:
    return any(getattr(condition, name) for name in ("equals", "contains", "prefix", "suffix")) or bool(
        condition.exists
    )


def _impossible(condition: Condition) -> str | None:
    present = condition.exists is True or condition.absent is False or condition.compare is not None
    if present and (condition.absent is True or condition.exists is False):
        return "a value cannot be present and absent"
    values = literal_values(condition)
    if values is None:
        return None
    if condition.absent is True or condition.exists is False:
        return "a value cannot be absent and have a value"
    if condition.has_equals and condition.one_of is not None:
        allowed = literal_values(Condition.model_validate({"one_of": list(condition.one_of)}))
        if allowed is not None and not values & allowed:
            return "`equals` is not one of `one_of`"
    tests = (
        (condition.contains, lambda text, part: part in text),
        (condition.prefix, lambda text, part: text.startswith(part)),
        (condition.suffix, lambda text, part: text.endswith(part)),
    )
    for part, holds in tests:
        sought = part.casefold() if part is not None and condition.ignore_case else part
        if sought is not None and not any(holds(text, sought) for text in values):
            return "the value it must equal does not contain the required text"
    return None
