"""Turn one response rule into what judges a response: its conditions, its captures and what it gives."""

from __future__ import annotations

from rokt_export.exchange.captures import Captured, compile_capture
from rokt_export.exchange.matching import Leaf, compile_rule, status_leaf, statuses_of
from rokt_export.exchange.model import Outcome, OutcomeKind
from rokt_export.exchange.reading import Reading
from rokt_export.exchange.retry_after import Wait, compile_after
from rokt_export.spec.responses import Rule


class CompiledRule:
    """One rule, ready to judge.

    Attributes:
        name: what reports call it.
        kind: its outcome.
        status: its condition on the status, if it has one.
        statuses: the statuses that it accepts; None for all.
        test: its other conditions.
    """

    __slots__ = ("_captures", "_fixed", "_retry", "_wait", "kind", "name", "status", "statuses", "test")

    def __init__(self, name: str, rule: Rule) -> None:
        self.name = name
        self.kind = OutcomeKind(rule.outcome)
        self.status: Leaf | None = status_leaf(rule)
        self.statuses = None if rule.status is None else statuses_of(rule.status)
        self.test = compile_rule(rule)
        self._retry = rule.retry
        self._wait: Wait | None = None if rule.after is None else compile_after(rule.after)
        self._captures: tuple[Captured | None, ...] = tuple(
            compile_capture(places, rule.as_)
            for places in (rule.capture.reason, rule.capture.reference, rule.capture.code)
        )
        self._fixed: Outcome | None = None
        if self._wait is None and not any(self._captures):
            self._fixed = Outcome(self.kind, name, retry=rule.retry)

    def accepts(self, status: int) -> bool:
        """Return whether its condition on the status, if any, holds."""
        return self.statuses is None or status in self.statuses

    def holds(self, reading: Reading) -> bool:
        """Return whether all its other conditions hold; what cannot be told does not."""
        return self.test.holds(reading) is True

    def outcome(self, reading: Reading, received: float | None) -> Outcome:
        """Return the outcome that it gives, with what it captures."""
        if self._fixed is not None:
            return self._fixed
        reason, reference, code = (None if take is None else take(reading) for take in self._captures)
        wait = None if self._wait is None else self._wait(reading, received)
        return Outcome(self.kind, self.name, reason, reference, code, self._retry, wait)
