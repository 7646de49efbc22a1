"""Explain a classified response: for each rule what it looked at, what it found, and what nearly matched."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from difflib import SequenceMatcher, get_close_matches
from enum import StrEnum
from itertools import islice
from typing import TYPE_CHECKING, Any
from xml.etree.ElementTree import Element

from msgspec import Struct

from rokt_export.exchange.model import Outcome, Response
from rokt_export.response.body_reader import FoundValues, NoData, ReadAs, ResponseReader, source, why_unreadable
from rokt_export.response.classify import compile_capture, place_of
from rokt_export.response.conditions import compile_condition, elements_of, equality, scalar_text
from rokt_export.response.elements import ElementReader
from rokt_export.response.rule_tree import AllOf, AnyOf, ConditionNode, NotOf, PlaceCondition, judge
from rokt_export.response.value_text import abridged, quoted, same_look, shown
from rokt_export.spec_language.paths import PATH_STEP, local_name
from rokt_export.spec_language.rules import CapturePath, Condition

if TYPE_CHECKING:
    from rokt_export.response.classify import CompiledRule

_ALIKE = 0.8
_NEAR_KEY = 0.6
_COMPARED = 300
"""Characters up to which texts are compared for likeness, which takes quadratic time."""
_NAMES = 1000
"""Names among which the nearest is sought."""


def near_miss(leaf: PlaceCondition, reader: ResponseReader, values: FoundValues) -> str | None:
    """Return why a condition that does not hold nearly did, in one sentence; None where nothing is near."""
    if leaf.place == "status":
        status = reader.response.status
        near = any(bound // 100 == status // 100 for each in leaf.statuses for bound in each)
        return f"{status} is another {status // 100}xx status" if near else None
    if values is None:
        return why_unreadable(reader, leaf.key, leaf.read_as)
    if leaf.condition is None:
        return None
    if values:
        return _near_value(leaf.condition, values)
    match leaf.place:
        case "header":
            return _near_header(leaf.key, reader)
        case "content type":
            return "the response has no Content-Type"
        case _:
            return _near_node(leaf.key, leaf.read_as, reader)


def _near_header(name: str, reader: ResponseReader) -> str:
    """What is there instead of a header that is not."""
    near = _nearest(name.lower(), (each.lower() for each, _ in reader.response.headers))
    return f"no header `{name}`: the nearest is `{near}`" if near else f"no header `{name}`"


def _near_node(path: str, read_as: ReadAs, reader: ResponseReader) -> str | None:
    """What is there instead of a node of the body that is not."""
    data = source(reader, path, read_as)
    if isinstance(data, NoData):
        return data.reason
    return _missing_element(path, data) if path.startswith("/") else _missing_member(path, data)


def _missing_member(path: str, data: Any) -> str | None:
    """The first plain step of a JSONPath that leads nowhere, and what is there."""
    at = 1
    while match := PATH_STEP.match(path, at):
        name, index, single, double = match.groups()
        key: str | int = int(index) if index else name or single or double or ""
        if not _has(data, key):
            return f"path `{path}`: {_instead(path[:at], key, data)}"
        data = data[key]
        at = match.end()
    return f"path `{path}` finds nothing"


def _has(data: Any, key: str | int) -> bool:
    if isinstance(key, int):
        return isinstance(data, list) and key < len(data)
    return isinstance(data, dict) and key in data


def _instead(here: str, key: str | int, data: Any) -> str:
    match data:
        case dict() if not data:
            return f"`{here}` is an empty mapping"
        case dict():
            near = _nearest(str(key), data)
            return f"nearest key there is `{near}`" if near else f"the keys there are {_named(data)}"
        case list() if isinstance(key, int):
            return f"the list at `{here}` has {len(data)} elements"
        case list():
            return f"`{here}` is a list: `{here}[*]` looks into each element"
        case _:
            return f"`{here}` is {quoted(data)}, with nothing inside"


_NAME = re.compile(r"/([^/\[\]@()]+)(?:\[[^\]]*\])*")


def _missing_element(path: str, roots: list[Element]) -> str | None:
    """The first plain step of an XML path that leads nowhere, and what is there."""
    at, here = 0, list(roots)
    while match := _NAME.match(path, at):
        wanted = match[1].rpartition(":")[2]
        below = [element for element in here if wanted in ("*", local_name(str(element.tag)))]
        if not below:
            names = [local_name(str(element.tag)) for element in here]
            near = _nearest(wanted, names)
            there = f"nearest element there is `{near}`" if near else f"the elements there are {_named(names)}"
            return f"path `{path}`: {there}" if names else f"path `{path}`: `{path[:at]}` has no elements inside"
        here = [child for element in below for child in element]
        at = match.end()
    return f"path `{path}` finds nothing"


def _nearest(word: str, words: Iterable[str]) -> str | None:
    folded = {str(each).casefold(): str(each) for each in islice(words, _NAMES) if len(str(each)) <= _COMPARED}
    near = get_close_matches(word.casefold(), folded, n=1, cutoff=_NEAR_KEY)
    return abridged(folded[near[0]]) if near else None


def _named(words: Iterable[str]) -> str:
    names = list(dict.fromkeys(words))
    listed = ", ".join(f"`{abridged(name)}`" for name in names[:6])
    return listed + (f" and {len(names) - 6} more" if len(names) > 6 else "")


def _near_value(condition: Condition, values: Sequence[Any]) -> str | None:
    for found, wanted in _pairs(condition, values):
        if difference := _difference(found, wanted):
            return f"found {quoted(found)}, wanted {quoted(wanted)}: {difference}"
    loosened = condition.model_copy(update={"ignore_case": True})
    if condition.regex and not condition.ignore_case and compile_condition(loosened)(values):
        return "it would match if `ignore_case` were set"
    return _structure(condition, values[0])


def _pairs(condition: Condition, values: Sequence[Any]) -> Iterator[tuple[Any, Any]]:
    """Each value found with each value wanted, in the condition and in those for elements."""
    wanted = [*([condition.equals] if condition.has_equals else []), *(condition.one_of or ())]
    wanted += [part for part in (condition.contains, condition.prefix, condition.suffix) if part is not None]
    for found in values[:20]:
        yield from ((found, each) for each in wanted)
    for inner in (condition.any, condition.every):
        if inner is not None:
            yield from _pairs(inner, elements_of(values))


def _difference(found: Any, wanted: Any) -> str | None:
    """How little two values differ, or None where they are far apart, or equal."""
    text, other = scalar_text(found), scalar_text(wanted)
    if text is None or other is None or not other.strip():
        return None
    if equality(wanted, strict=False, ignore_case=False)(found):
        strict = not equality(wanted, strict=True, ignore_case=False)(found)
        return f"{_kind(found)} is not {_kind(wanted)} under `strict`" if strict else None
    if len(text) <= _COMPARED:
        for same, what in _LIKENESSES:
            if same(text) == same(other):
                return what
        if SequenceMatcher(None, text.casefold(), other[:_COMPARED].casefold()).ratio() >= _ALIKE:
            return "nearly the same"
    return "it is part of the value: `contains` would match" if other.casefold() in text.casefold() else None


_LIKENESSES = (
    (str.rstrip, "white space at the end"),
    (str.strip, "white space at its ends"),
    (str.casefold, "differs in case only"),
    (same_look, "differs in white space, or in characters that look alike"),
    (lambda text: text.lstrip("0"), "differs in leading zeros only"),
    (lambda text: re.sub(r"[\W_]+", "", text).casefold() or text, "differs in case and punctuation only"),
)


def _kind(value: Any) -> str:
    return "a boolean" if isinstance(value, bool) else "text" if isinstance(value, str) else "a number"


def _structure(condition: Condition, found: Any) -> str | None:
    """That a list or mapping stands where a text was expected."""
    if condition.exists is not None or condition.absent is not None or condition.empty is not None:
        return None
    if isinstance(found, list) and condition.any is None and condition.every is None:
        return f"a list of {len(found)}: `any` or `every` asks of its elements"
    if isinstance(found, dict):
        return f"a mapping, with the keys {_named(found)}" if found else "an empty mapping"
    return None


class RuleVerdict(StrEnum):
    """What became of a rule. Rules behind the one that decided are judged too, for they tell of overlaps."""

    MATCHED = "matched"
    NOT_MATCHED = "not matched"
    ALSO_MATCHES = "also matches, but comes later"
    NOT_REACHED = "not reached (an earlier rule matched)"


@dataclass(frozen=True, slots=True)
class ConditionTrace:
    """One condition, met with a response.

    Attributes:
        what: what was looked at: `status`, `header X`, `body $.title`; or `any of these`, `none of these`.
        found: the values found, quoted; None where nothing was.
        wanted: the condition in words.
        held: whether it holds.
        near_miss: how near it came, where it does not hold.
        depth: how many `all`, `any` and `not` it stands in.
    """

    what: str
    found: str | None
    wanted: str
    held: bool
    near_miss: str | None
    depth: int

    def line(self) -> str:
        """Return it as a line for a terminal."""
        mark = "yes" if self.held else "no "
        if self.near_miss and self.near_miss.startswith("found "):
            return f"{'  ' * self.depth}{mark} {self.what}: {self.near_miss}"
        found = "" if self.found is None and not self.wanted else f": found {self.found or 'nothing'}"
        wanted = f", wanted {self.wanted}" if self.wanted else ""
        near = f" ({self.near_miss})" if self.near_miss else ""
        return f"{'  ' * self.depth}{mark} {self.what}{found}{wanted}{near}"

    def as_json(self) -> dict[str, object]:
        """Return it as JSON data."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class MissedCapture:
    """One capture that found nothing in the response.

    Attributes:
        name: `reason`, `reference` or `code`.
        place: its place or places, in words.
        why: why it found nothing.
    """

    name: str
    place: str
    why: str

    def line(self) -> str:
        """Return it as a line for a terminal."""
        return f"{self.name}: {self.place} found nothing ({self.why})"


class RuleTrace(Struct, frozen=True):
    """One rule, met with a response.

    Attributes:
        name: the rule's name.
        outcome: what it would give.
        verdict: what became of it.
        checks: its conditions in the order of the spec's keys; none for a rule that takes everything.
        missed: those of its captures that found nothing, if it decided.
    """

    name: str
    outcome: str
    verdict: RuleVerdict
    checks: tuple[ConditionTrace, ...]
    missed: tuple[MissedCapture, ...]

    def as_json(self) -> dict[str, object]:
        """Return it as JSON data."""
        return {
            "rule": self.name,
            "outcome": self.outcome,
            "verdict": str(self.verdict),
            "checks": [check.as_json() for check in self.checks],
            "missed": [asdict(each) for each in self.missed],
        }


class Explanation(Struct, frozen=True):
    """Why a response counts as it does.

    Attributes:
        outcome: how it counts.
        rules: every rule, in order.
    """

    outcome: Outcome
    rules: tuple[RuleTrace, ...]

    def lines(self) -> list[str]:
        """Return it as lines for a terminal."""
        lines = [_headline(self.outcome)]
        for trace in self.rules:
            of = "" if trace.name == trace.outcome else f" ({trace.outcome})"
            lines.append(f"{trace.name}{of}: {trace.verdict}")
            lines.extend(f"  {check.line()}" for check in trace.checks)
            if not trace.checks:
                lines.append("  yes no conditions: matches every response")
            lines.extend(f"  {missed.line()}" for missed in trace.missed)
        return lines

    def as_json(self) -> dict[str, object]:
        """Return it as JSON data, the outcome in the contract's terms."""
        outcome = self.outcome
        return {
            "outcome": str(outcome.kind),
            "rule": outcome.rule,
            "reason": outcome.reason,
            "reference": outcome.reference,
            "code": outcome.code,
            "retry": outcome.retry,
            "retry_after": outcome.retry_after,
            "rules": [trace.as_json() for trace in self.rules],
        }


def _headline(outcome: Outcome) -> str:
    parts = [str(outcome.kind) + (f" by rule {outcome.rule}" if outcome.rule else "")]
    for name in ("reason", "reference", "code"):
        value = getattr(outcome, name)
        if value is not None:
            parts.append(f"{name}: {value}")
    if outcome.retry:
        after = "" if outcome.retry_after is None else f" after {outcome.retry_after:g} s"
        parts.append(f"the rule allows a retry{after}")
    return "; ".join(parts)


def explain(rules: Sequence[CompiledRule], outcome: Outcome, response: Response) -> Explanation:
    """Return the traces of all rules, each evaluated whole, beside the outcome that the first to hold gave."""
    reader = ResponseReader(response)
    decided = False
    traces: list[RuleTrace] = []
    for rule in rules:
        holds = rule.accepts(response.status) and rule.holds(reader) is True
        met = rule.reader(reader) or ElementReader(reader, None)
        nodes: tuple[ConditionNode, ...] = (*((rule.status,) if rule.status else ()), *rule.test.nodes)
        checks = tuple(check for node in nodes for check in _checks(node, met, 0))
        missed = tuple(_missed(rule, met)) if holds and not decided else ()
        traces.append(RuleTrace(rule.name, str(rule.kind), _verdict(holds, decided), checks, missed))
        decided = decided or holds
    return Explanation(outcome, tuple(traces))


def _missed(rule: CompiledRule, reader: ResponseReader) -> Iterator[MissedCapture]:
    for name in ("reason", "reference", "code"):
        places: Sequence[CapturePath] = getattr(rule.capture, name)
        take = compile_capture(places, rule.read_as)
        if take is not None and take(reader) is None:
            why = "; ".join(_uncaptured(each, rule.read_as, reader) for each in places)
            yield MissedCapture(name, " or ".join(map(str, places)), why)


def _uncaptured(place: CapturePath, read_as: ReadAs, reader: ResponseReader) -> str:
    """Return why a place of a capture gives no text."""
    values = place_of(place, read_as)(reader)
    if values is None and place.path is not None:
        return why_unreadable(reader, place.path, read_as)
    if values:
        return "there is no text in it" if place.regex is None else "no match there"
    if place.header is not None:
        return _near_header(place.header, reader)
    return (_near_node(place.path, read_as, reader) if place.path is not None else None) or "there is nothing"


def _verdict(holds: bool, decided: bool) -> RuleVerdict:
    if holds:
        return RuleVerdict.ALSO_MATCHES if decided else RuleVerdict.MATCHED
    return RuleVerdict.NOT_REACHED if decided else RuleVerdict.NOT_MATCHED


def _checks(node: ConditionNode, reader: ResponseReader, depth: int) -> Iterator[ConditionTrace]:
    match node:
        case PlaceCondition():
            yield _leaf_check(node, reader, depth)
        case AllOf(nodes):
            if len(nodes) == 1:
                yield from _checks(nodes[0], reader, depth)
            else:
                yield from _group("all of these", node, nodes, reader, depth)
        case AnyOf(nodes):
            yield from _group("any of these", node, nodes, reader, depth)
        case NotOf(inner):
            nodes = inner.nodes if isinstance(inner, AllOf) else (inner,)
            what = "not this" if len(nodes) == 1 else "not all of these"
            yield from _group(what, node, nodes, reader, depth)


def _group(
    what: str, node: ConditionNode, nodes: Sequence[ConditionNode], reader: ResponseReader, depth: int
) -> Iterator[ConditionTrace]:
    held = judge(node)(reader)
    near = "what it rests on cannot be decided" if held is None else None
    yield ConditionTrace(what, None, "", held is True, near, depth)
    for inner in nodes:
        yield from _checks(inner, reader, depth + 1)


def _leaf_check(leaf: PlaceCondition, reader: ResponseReader, depth: int) -> ConditionTrace:
    values: Any = leaf.find(reader)
    held = values is not None and leaf.accepts(values)
    near = None if held else near_miss(leaf, reader, values)
    return ConditionTrace(leaf.what, None if values is None else shown(values), leaf.wanted, held, near, depth)
