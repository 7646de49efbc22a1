"""Decides by outcomes whether a run stops before its end."""

from __future__ import annotations

from dataclasses import dataclass

from rokt_export.delivery.events import Finished, StopReason
from rokt_export.delivery.shared_counts import FailureCounts
from rokt_export.exchange.model import OutcomeKind


@dataclass(frozen=True, slots=True)
class StopRules:
    """When to stop before the end.

    Attributes:
        failures: after so many exchanges with an unexpected outcome; None = never.
        consecutive: after so many of them in a row, invalid rows not counted; None = never.
        unclassified: at the first response that no rule explains.
        expected: the outcomes that count as success.
    """

    failures: int | None = None
    consecutive: int | None = None
    unclassified: bool = False
    expected: frozenset[OutcomeKind] = frozenset({OutcomeKind.DELIVERED, OutcomeKind.DUPLICATE})

    @property
    def early(self) -> bool:
        """Whether anything but the end stops it, so that a response must be judged before the next send."""
        return self.unclassified or self.failures is not None or self.consecutive is not None


class Judge:
    """Counts unexpected outcomes, and says when to stop.

    Args:
        rules: when to stop.
        counts: the counts, which several workers may share.
    """

    def __init__(self, rules: StopRules, counts: FailureCounts) -> None:
        self._rules = rules
        self._counts = counts

    def judge(self, kind: OutcomeKind) -> Finished | None:
        """Count an outcome; return why to stop, or None."""
        rules, counts = self._rules, self._counts
        if kind in rules.expected:
            if counts.in_a_row:
                counts.succeeded()
            return None
        # A row that was never sent says nothing of the partner.
        failures, in_a_row = counts.failed(in_a_row=kind is not OutcomeKind.INVALID)
        if rules.unclassified and kind is OutcomeKind.UNCLASSIFIED:
            return Finished(StopReason.UNCLASSIFIED, "no rule explains an answer")
        if rules.failures is not None and failures >= rules.failures:
            return Finished(StopReason.FAILURES, f"{failures} unexpected outcomes")
        if kind is not OutcomeKind.INVALID and rules.consecutive is not None and in_a_row >= rules.consecutive:
            return Finished(StopReason.CONSECUTIVE, f"{in_a_row} unexpected outcomes in a row")
        return None
