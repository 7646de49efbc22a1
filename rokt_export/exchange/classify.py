"""Turn an answer into an outcome, by the first of the partner's rules that holds, and by nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rokt_export.exchange.captures import Captured, compile_capture
from rokt_export.exchange.matching import Leaf, compile_rule, status_leaf, statuses_of
from rokt_export.exchange.model import Answer, Fault, FaultKind, Outcome, OutcomeKind, Response
from rokt_export.exchange.reading import Reading
from rokt_export.exchange.retry_after import Wait, compile_after
from rokt_export.exchange.wording import abridged
from rokt_export.spec.responses import Rule, rule_names

if TYPE_CHECKING:
    from rokt_export.exchange.explain import Explanation


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


class Classifier:
    """A partner's rules, compiled once, classifying any number of answers.

    Attributes:
        names: the rules' names, in order.
        rules: the compiled rules, in order.
    """

    def __init__(self, rules: Sequence[Rule]) -> None:
        self.names: tuple[str, ...] = rule_names(tuple(rules))
        self.rules = tuple(CompiledRule(name, rule) for name, rule in zip(self.names, rules, strict=True))
        self._of_status = {
            status: tuple(rule for rule in self.rules if rule.accepts(status)) for status in range(100, 600)
        }
        self._of_any_status = tuple(rule for rule in self.rules if rule.statuses is None)

    def classify(self, answer: Answer, *, received: float | None = None) -> Outcome:
        """Return how an answer counts; never raises.

        The first rule that holds decides. Where none does, the outcome is `unclassified`: no status means anything by
        itself. A fault is `failed` if nothing was sent, else `unknown`.

        Args:
            answer: the response, or the fault in its place.
            received: UTC seconds since 1970 when it came, to which dates in its headers are related; now, if None.
        """
        if isinstance(answer, Fault):
            return outcome_of_fault(answer)
        reading = Reading(answer)
        for rule in self._of_status.get(answer.status, self._of_any_status):
            if rule.holds(reading):
                return rule.outcome(reading, received)
        return unclassified(reading)

    def explain(self, response: Response, *, received: float | None = None) -> Explanation:
        """Return the outcome with, for every rule, what it looked at, what it found, and how near it came."""
        from rokt_export.exchange.explain import explain  # a thousand rows are classified for one that is explained

        return explain(self.rules, self.classify(response, received=received), response)


_RETRIED = frozenset({FaultKind.DNS, FaultKind.CONNECT, FaultKind.TIMEOUT_BEFORE_SEND})
_AFTER_SENDING = frozenset({FaultKind.TIMEOUT_AFTER_SEND, FaultKind.RESET_AFTER_SEND, FaultKind.TOO_LARGE})


def outcome_of_fault(fault: Fault) -> Outcome:
    """Return how a missing response counts.

    Once bytes may have reached the partner nobody knows what became of them: `unknown`, and not to be repeated by
    itself. Before that it `failed`, and another attempt may help unless the fault lies in trust or in our own decision.
    """
    if fault.sent or fault.kind in _AFTER_SENDING:
        return Outcome(OutcomeKind.UNKNOWN, reason=fault.message)
    return Outcome(OutcomeKind.FAILED, reason=fault.message, retry=fault.kind in _RETRIED)


def unclassified(reading: Reading) -> Outcome:
    """Return the outcome of an answer that no rule explains, with the start of it."""
    body = f'body "{abridged(reading.text)}"' if reading.text else "empty body"
    return Outcome(OutcomeKind.UNCLASSIFIED, reason=f"no rule matched: status {reading.response.status}, {body}")
