"""Turns settled exchanges into counts: outcomes, rules seen, latencies; small and mergeable, however many rows."""

from __future__ import annotations

import bisect
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from rokt_export.errors import ExitStatus
from rokt_export.exchange.model import Exchange, Fault, OutcomeKind

_BOUNDS = tuple(0.05 * 1.1**step for step in range(160))
"""Upper bounds of the latency classes in milliseconds: 0.05 ms to about three minutes, each a tenth above the last."""


@dataclass(slots=True)
class Tally:
    """What a run came to so far.

    Attributes:
        outcomes: outcome to rows.
        rules: rule to rows that it decided.
        attempts: attempts on the wire.
        retries: of these, further attempts of a row.
        unreachable: rows that failed because the partner could not be reached.
        skipped: rows left out because they were delivered before, or not asked for.
        latencies: class of latency to attempts.
        notes: what the operator should know.
    """

    outcomes: Counter[str] = field(default_factory=Counter)
    rules: Counter[str] = field(default_factory=Counter)
    attempts: int = 0
    retries: int = 0
    unreachable: int = 0
    skipped: int = 0
    latencies: Counter[int] = field(default_factory=Counter)
    notes: list[str] = field(default_factory=list)

    def add(self, exchanges: Iterable[Exchange]) -> None:
        """Count settled exchanges."""
        outcomes, rules, latencies = self.outcomes, self.rules, self.latencies
        for exchange in exchanges:
            outcome = exchange.outcome
            outcomes[outcome.kind.value] += 1
            if outcome.rule is not None:
                rules[outcome.rule] += 1
            self.attempts += exchange.attempts
            self.retries += max(0, exchange.attempts - 1)
            answer = exchange.answer
            if answer is None:
                continue
            if isinstance(answer, Fault) and not answer.sent:
                self.unreachable += 1
            else:
                latencies[bisect.bisect_left(_BOUNDS, answer.timings.total * 1000)] += 1

    def merge(self, other: Tally) -> None:
        """Add another's counts to these."""
        self.outcomes.update(other.outcomes)
        self.rules.update(other.rules)
        self.latencies.update(other.latencies)
        self.attempts += other.attempts
        self.retries += other.retries
        self.unreachable += other.unreachable
        self.skipped += other.skipped
        self.notes.extend(note for note in other.notes if note not in self.notes)

    @property
    def rows(self) -> int:
        """Rows settled."""
        return self.outcomes.total()

    def latency(self, share: float) -> float | None:
        """Return the latency in milliseconds that a share of attempts (0.95) stayed below, within a tenth."""
        total = self.latencies.total()
        if not total:
            return None
        seen = 0
        for place in sorted(self.latencies):
            seen += self.latencies[place]
            if seen >= share * total:
                return round(_BOUNDS[min(place, len(_BOUNDS) - 1)], 2)
        return None

    def exit_status(self, expected: str = OutcomeKind.DELIVERED) -> ExitStatus:
        """Return what the rows alone come to: as hoped, findings, or a partner that could not be reached."""
        if self.unreachable:
            return ExitStatus.UNREACHABLE
        as_hoped = all(outcome == expected for outcome, rows in self.outcomes.items() if rows)
        return ExitStatus.OK if as_hoped else ExitStatus.FINDINGS
