"""Turn one response rule into what judges a response: its conditions, its captures and what it gives."""

from __future__ import annotations

from rokt_export.exchange.model import Outcome, OutcomeKind
from rokt_export.response.body_reader import ResponseReader
from rokt_export.response.captures import compile_capture
from rokt_export.response.retry_after import Wait, compile_after
from rokt_export.response.rule_tree import Judge, PlaceCondition, compile_rule, judge, status_condition, statuses_of
from rokt_export.spec_language.rules import Rule


class CompiledRule:
    """One rule, ready to judge.

    Attributes:
        name: what reports call it.
        kind: its outcome.
        status: its condition on the status, if it has one.
        statuses: the statuses that it accepts; None for all.
        test: its other conditions.
        holds: from a reader to whether all its other conditions hold; None where that cannot be decided.
    """

    __slots__ = (
        "_code",
        "_fixed",
        "_reason",
        "_reference",
        "_retry",
        "_wait",
        "holds",
        "kind",
        "name",
        "status",
        "statuses",
        "test",
    )

    def __init__(self, name: str, rule: Rule) -> None:
        self.name = name
        self.kind = OutcomeKind(rule.outcome)
        self.status: PlaceCondition | None = status_condition(rule)
        self.statuses = None if rule.status is None else statuses_of(rule.status)
        self.test = compile_rule(rule)
        self.holds: Judge = judge(self.test)
        self._retry = rule.retry
        self._wait: Wait | None = None if rule.after is None else compile_after(rule.after)
        self._reason = compile_capture(rule.capture.reason, rule.as_)
        self._reference = compile_capture(rule.capture.reference, rule.as_)
        self._code = compile_capture(rule.capture.code, rule.as_)
        self._fixed: Outcome | None = None
        if not (self._wait or self._reason or self._reference or self._code):
            self._fixed = Outcome(self.kind, name, retry=rule.retry)

    def accepts(self, status: int) -> bool:
        """Return whether its condition on the status, if any, holds."""
        return self.statuses is None or status in self.statuses

    def outcome(self, reader: ResponseReader, received: float | None) -> Outcome:
        """Return the outcome that it gives, with what it captures."""
        if self._fixed is not None:
            return self._fixed
        return Outcome(
            self.kind,
            self.name,
            self._reason and self._reason(reader),
            self._reference and self._reference(reader),
            self._code and self._code(reader),
            self._retry,
            self._wait and self._wait(reader, received),
        )
