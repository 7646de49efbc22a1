"""Turn an answer into an outcome, by the first of the partner's rules that holds, and by nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, assert_never

from rokt_export.exchange.model import Answer, Fault, FaultKind, Outcome, OutcomeKind, Response
from rokt_export.redaction.cutting import KEPT
from rokt_export.response.body_reader import ResponseReader
from rokt_export.response.rules import CompiledRule
from rokt_export.response.value_text import clean
from rokt_export.spec_language.rules import Rule, rule_names

if TYPE_CHECKING:
    from rokt_export.response.explain import Explanation


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
        reader = ResponseReader(answer)
        for rule in self._of_status.get(answer.status, self._of_any_status):
            if rule.holds(reader):
                return rule.outcome(reader, received)
        return unclassified(reader)

    def explain(self, response: Response, *, received: float | None = None) -> Explanation:
        """Return the outcome with, for every rule, what it looked at, what it found, and how near it came."""
        from rokt_export.response.explain import explain  # a thousand rows are classified for one that is explained

        return explain(self.rules, self.classify(response, received=received), response)


def outcome_of_fault(fault: Fault) -> Outcome:
    """Return how a missing response counts; each kind of fault is decided here, and only here.

    Once bytes may have reached the partner, nobody knows what became of them: `unknown`, which is not repeated by
    itself. Before that the delivery `failed`. Another attempt may help unless the cause is trust or our own decision.
    """
    kind = OutcomeKind.UNKNOWN if fault.sent else OutcomeKind.FAILED
    match fault.kind:
        case FaultKind.DNS | FaultKind.CONNECT | FaultKind.TIMEOUT_BEFORE_SEND:
            return Outcome(kind, reason=fault.message, retry=not fault.sent)
        case FaultKind.TLS | FaultKind.PROTOCOL | FaultKind.CANCELLED:
            return Outcome(kind, reason=fault.message)
        case FaultKind.TIMEOUT_AFTER_SEND | FaultKind.RESET_AFTER_SEND:
            return Outcome(OutcomeKind.UNKNOWN, reason=fault.message)
        case FaultKind.TOO_LARGE:
            return Outcome(OutcomeKind.UNKNOWN, reason=fault.message)
        case _:
            assert_never(fault.kind)


def unclassified(reader: ResponseReader) -> Outcome:
    """Return the outcome of an answer that no rule explains, with the start of it."""
    body = f'body "{" ".join(clean(reader.text[:KEPT]).split())}"' if reader.text else "empty body"
    return Outcome(OutcomeKind.UNCLASSIFIED, reason=f"no rule matched: status {reader.response.status}, {body}")
