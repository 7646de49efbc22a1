"""Turn a classified response into the whole story: for each rule what it looked at, what it found, what came near."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from rokt_export.exchange.model import Outcome, Response
from rokt_export.response.body_reader import ResponseReader
from rokt_export.response.near_miss import near_miss
from rokt_export.response.rule_tree import AllOf, AnyOf, Node, NotOf, PlaceCondition, judge
from rokt_export.response.value_text import shown

if TYPE_CHECKING:
    from rokt_export.response.rules import CompiledRule


class RuleVerdict(StrEnum):
    """What became of a rule. Rules behind the one that decided are judged too, for they tell of overlaps."""

    MATCHED = "matched"
    NOT_MATCHED = "not matched"
    ALSO_MATCHES = "also matches, but stands later"
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
    near_miss: str | None = None
    depth: int = 0

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
        return {
            "what": self.what,
            "found": self.found,
            "wanted": self.wanted,
            "held": self.held,
            "near_miss": self.near_miss,
            "depth": self.depth,
        }


@dataclass(frozen=True, slots=True)
class RuleTrace:
    """One rule, met with a response.

    Attributes:
        name: the rule's name.
        outcome: what it would give.
        verdict: what became of it.
        checks: its conditions in the order of the spec's keys; none for a rule that takes everything.
    """

    name: str
    outcome: str
    verdict: RuleVerdict
    checks: tuple[ConditionTrace, ...]

    def as_json(self) -> dict[str, object]:
        """Return it as JSON data."""
        return {
            "rule": self.name,
            "outcome": self.outcome,
            "verdict": str(self.verdict),
            "checks": [check.as_json() for check in self.checks],
        }


@dataclass(frozen=True, slots=True)
class Explanation:
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
                lines.append("  yes no conditions: takes every answer")
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
        parts.append(f"may be retried{after}")
    return "; ".join(parts)


def explain(rules: Sequence[CompiledRule], outcome: Outcome, response: Response) -> Explanation:
    """Return the traces of all rules, each evaluated whole, beside the outcome that the first to hold gave."""
    reader = ResponseReader(response)
    decided = False
    traces: list[RuleTrace] = []
    for rule in rules:
        holds = rule.accepts(response.status) and rule.holds(reader) is True
        nodes: tuple[Node, ...] = (*((rule.status,) if rule.status else ()), *rule.test.nodes)
        checks = tuple(check for node in nodes for check in _checks(node, reader, 0))
        traces.append(RuleTrace(rule.name, str(rule.kind), _verdict(holds, decided), checks))
        decided = decided or holds
    return Explanation(outcome, tuple(traces))


def _verdict(holds: bool, decided: bool) -> RuleVerdict:
    if holds:
        return RuleVerdict.ALSO_MATCHES if decided else RuleVerdict.MATCHED
    return RuleVerdict.NOT_REACHED if decided else RuleVerdict.NOT_MATCHED


def _checks(node: Node, reader: ResponseReader, depth: int) -> Iterator[ConditionTrace]:
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
    what: str, node: Node, nodes: Sequence[Node], reader: ResponseReader, depth: int
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
