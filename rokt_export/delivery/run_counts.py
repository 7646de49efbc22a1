"""Turns settled exchanges into counts: outcomes, rules seen, latencies; small and mergeable, however many rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from rokt_export.errors import ExitStatus
from rokt_export.exchange.delivery import LeftOut
from rokt_export.exchange.latency import Latencies
from rokt_export.exchange.model import Exchange, Fault, OutcomeKind


@dataclass(slots=True)
class Tally:
    """What a run came to so far.

    Attributes:
        outcomes: outcome to rows.
        rules: rule to rows that it decided.
        attempts: attempts on the wire.
        retries: of these, further attempts of a row.
        unreachable: rows that failed because the partner could not be reached.
        left_out: why rows of the input were not sent, to rows.
        latencies: of the last attempts.
        invented: rows that are invented people.
        first_sent, last_sent: UTC seconds since the epoch of the first and last row's first attempt.
        notes: what the operator should know.
    """

    outcomes: Counter[str] = field(default_factory=Counter)
    rules: Counter[str] = field(default_factory=Counter)
    attempts: int = 0
    retries: int = 0
    unreachable: int = 0
    left_out: Counter[str] = field(default_factory=Counter)
    latencies: Latencies = field(default_factory=Latencies)
    invented: int = 0
    first_sent: float | None = None
    last_sent: float | None = None
    notes: list[str] = field(default_factory=list)

    def add(self, exchanges: Sequence[Exchange]) -> None:
        """Count settled exchanges."""
        outcomes = [exchange.outcome for exchange in exchanges]
        for kind, rows in Counter([outcome.kind for outcome in outcomes]).items():
            self.outcomes[kind.value] += rows
        self.rules.update([outcome.rule for outcome in outcomes if outcome.rule is not None])
        attempts = [exchange.attempts for exchange in exchanges]
        self.attempts += sum(attempts)
        self.retries += sum(attempts) - len(attempts) + attempts.count(0)
        self.invented += sum([exchange.transaction.invented for exchange in exchanges])
        answers = [exchange.answer for exchange in exchanges if exchange.answer is not None]
        self.latencies.update([answer.timings.total * 1000 for answer in answers])
        self.unreachable += sum([isinstance(answer, Fault) and not answer.sent for answer in answers])
        if answers:
            started = [exchange.started for exchange in exchanges if exchange.answer is not None]
            self._sent(min(started))
            self._sent(max(started))

    def _sent(self, started: float) -> None:
        if self.first_sent is None or started < self.first_sent:
            self.first_sent = started
        if self.last_sent is None or started > self.last_sent:
            self.last_sent = started

    def merge(self, other: Tally) -> None:
        """Add another's counts to these."""
        self.outcomes.update(other.outcomes)
        self.rules.update(other.rules)
        self.latencies.merge(other.latencies)
        self.invented += other.invented
        for moment in (other.first_sent, other.last_sent):
            if moment is not None:
                self._sent(moment)
        self.attempts += other.attempts
        self.retries += other.retries
        self.unreachable += other.unreachable
        self.left_out.update(other.left_out)
        self.notes.extend(note for note in other.notes if note not in self.notes)

    def leave_out(self, why: LeftOut) -> None:
        """Count a row of the input that is not sent."""
        self.left_out[why.value] += 1

    @property
    def skipped(self) -> int:
        """Rows of the input that were not sent, and are in no list of deliveries of this run for this time."""
        return self.left_out.total()

    @property
    def known_before(self) -> dict[str, int]:
        """Rows that were not sent because of what production answered to them before, by that outcome."""
        beside = (LeftOut.NOT_ASKED, LeftOut.REPEATED)
        return {str(why): self.left_out[why] for why in LeftOut if why not in beside and self.left_out[why]}

    @property
    def rows(self) -> int:
        """Rows settled."""
        return self.outcomes.total()

    def figures(self) -> dict[str, object]:
        """Return what reports would count again, as JSON data."""
        return {
            "rows": self.rows,
            "attempts": self.attempts,
            "invented": self.invented,
            "rules": dict(self.rules),
            "latencies": self.latencies.as_json(),
            "first_sent": self.first_sent,
            "last_sent": self.last_sent,
        }

    def exit_status(self, expected: str = OutcomeKind.DELIVERED) -> ExitStatus:
        """Return what the rows alone come to: as expected, findings, or a partner that could not be reached."""
        if self.unreachable:
            return ExitStatus.UNREACHABLE
        has = {expected, LeftOut.DELIVERED, LeftOut.DUPLICATE, LeftOut.REPEATED, LeftOut.NOT_ASKED}
        if any(rows and why not in has for why, rows in self.left_out.items()):
            return ExitStatus.FINDINGS
        as_expected = all(outcome == expected for outcome, rows in self.outcomes.items() if rows)
        return ExitStatus.OK if as_expected else ExitStatus.FINDINGS
