"""Find response rules that are missing, never reached, or decided by their order alone."""

from __future__ import annotations

from collections.abc import Iterator

from rokt_export.partner_spec.document import DataPath
from rokt_export.partner_spec.findings import Finding, Severity
from rokt_export.partner_spec.lint.context import Subject
from rokt_export.partner_spec.lint.logic import Atoms, atoms, implies, literal_values, statuses, surely_meet
from rokt_export.spec_language.rules import Condition, Rule, Test


def missing_outcomes(subject: Subject) -> Iterator[Finding]:
    """RX108: nothing is ever delivered; RX109: nothing is ever a duplicate."""
    outcomes = {rule.outcome for rule in subject.spec.responses}
    if not subject.intact("responses"):
        return
    if "delivered" not in outcomes:
        yield subject.finding(
            "RX108",
            Severity.WARNING,
            ("responses",),
            "no rule has the outcome `delivered`: no row can ever succeed",
            "Add a rule for the answer that says the entry was created.",
        )
    if "duplicate" not in outcomes and not _repeats_welcome(subject):
        yield subject.finding(
            "RX109",
            Severity.WARNING,
            ("responses",),
            "no rule has the outcome `duplicate`: an entry that exists already counts as something else",
            "Ask the partner what it answers then; where it updates the entry instead, write `idempotent: true`.",
        )


def _repeats_welcome(subject: Subject) -> bool:
    """A partner that updates on a repeated entry (PUT: RFC 9110, 9.2.2), or decides later, cannot answer duplicate."""
    spec = subject.spec
    if spec.idempotent or any(rule.provisional and rule.outcome == "delivered" for rule in spec.responses):
        return True
    return all((place.method or spec.method) == "PUT" for place in spec.endpoint.values())


def unreachable_rules(subject: Subject) -> Iterator[Finding]:
    """RX110: rules whose every answer a rule before them takes."""
    rules = [(rule, atoms(rule)) for rule in subject.spec.responses]
    names = subject.spec.rule_names
    for index, (_, own) in enumerate(rules):
        before = rules[:index]
        single = next((number for number, (_, other) in enumerate(before) if implies(own, other)), None)
        if single is None and not _used_up(own, before):
            continue
        taker = f"rule `{names[single]}`" if single is not None else "the rules before it together"
        yield subject.finding(
            "RX110",
            Severity.WARNING,
            ("responses", index),
            f"rule `{names[index]}` is never reached: {taker} takes every answer it describes",
            "Move it before the other, or remove it; the first rule that matches wins.",
        )


def _used_up(own: Atoms, before: list[tuple[Rule, Atoms]]) -> bool:
    """Whether rules that look at the status alone take every status that this one names."""
    mine = [statuses(atom.wanted) for atom in own if atom.locus == ("status",)]
    taken = [statuses(other[0].wanted) for _, other in before if len(other) == 1 and other[0].locus == ("status",)]
    return bool(mine) and frozenset.intersection(*mine) <= frozenset().union(*taken)


def overlapping_rules(subject: Subject) -> Iterator[Finding]:
    """RX111: a rule that takes a part of what a later, more telling rule with another outcome describes."""
    rules = [(rule, atoms(rule)) for rule in subject.spec.responses]
    names = subject.spec.rule_names
    for index, (rule, own) in enumerate(rules):
        for number, (earlier, other) in enumerate(rules[:index]):
            if earlier.outcome != rule.outcome and _shadows(other, own):
                yield subject.finding(
                    "RX111",
                    Severity.INFO,
                    ("responses", index),
                    f"some answers that rule `{names[index]}` describes are taken by rule `{names[number]}` before it",
                    f"Put `{names[index]}` first, unless this is meant.",
                )
                break


def _shadows(earlier: Atoms, later: Atoms) -> bool:
    """Provably: both look at the same, the later perhaps at more, they can meet, and neither holds the other."""
    if not earlier or implies(later, earlier) or implies(earlier, later):
        return False
    mine = {atom.locus: atom for atom in later}
    if len(mine) != len(later) or len({atom.locus for atom in earlier}) != len(earlier):
        return False
    return all(atom.locus in mine and surely_meet(atom, mine[atom.locus]) for atom in earlier)


def contradictory_tests(subject: Subject) -> Iterator[Finding]:
    """RX121: tests that no answer can pass."""
    for index, rule in enumerate(subject.spec.responses):
        found = _contradiction(rule)
        if found is not None:
            path, message = found
            yield subject.finding(
                "RX121",
                Severity.WARNING,
                ("responses", index, *path),
                f"no answer can pass rule `{subject.spec.rule_names[index]}`: {message}",
                "Remove one of the two; alternatives belong under `any`.",
            )


def _contradiction(test: Test) -> tuple[DataPath, str] | None:
    own = atoms(test)
    wanted = [statuses(atom.wanted) for atom in own if atom.locus == ("status",)]
    if wanted and not (common := frozenset.intersection(*wanted)):
        return ("all",), "its tests ask for different statuses"
    if wanted and max(common) < 200:
        return ("status",), "a status below 200 is never the final one"
    if test.not_ is not None and implies(own, atoms(test.not_)):
        return ("not",), "it asks for what `not` forbids"
    if test.empty and ((test.text is not None and _needs_text(test.text)) or test.body):
        return ("empty",), "an empty body holds nothing to look at"
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
        return "a value cannot be absent and equal something"
    if condition.has_equals and condition.one_of is not None:
        allowed = literal_values(Condition.model_validate({"one_of": list(condition.one_of)}))
        if allowed is not None and not values & allowed:
            return "`equals` is none of `one_of`"
    tests = (
        (condition.contains, lambda text, part: part in text),
        (condition.prefix, lambda text, part: text.startswith(part)),
        (condition.suffix, lambda text, part: text.endswith(part)),
    )
    for part, holds in tests:
        sought = part.casefold() if part is not None and condition.ignore_case else part
        if sought is not None and not any(holds(text, sought) for text in values):
            return "the value it must equal has not the text that it must hold"
    return None
