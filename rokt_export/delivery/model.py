"""The settled delivery: what is left of an exchange once it is counted, journaled and reported."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from rokt_export.exchange.model import Exchange, OutcomeKind, Response
from rokt_export.nouns import noun


class Recordings(StrEnum):
    """Which exchanges are kept whole, for reports and diffs."""

    ALL = "all"
    SOME = "some"
    NONE = "none"


@noun
@dataclass(frozen=True, slots=True)
class Delivery:
    """One row's result, in the contract's terms. All texts are already redacted.

    Attributes:
        row: 1-based number of the row in the input.
        transaction: what both sides call it.
        outcome: how it counts.
        status: HTTP status, None where no response came.
        rule: the response rule that decided.
        reason: why, in the partner's words or ours.
        reference: the partner's identifier of the record.
        code: the partner's own code.
        attempts: how often it was put on the wire.
        latency_ms: milliseconds of the last attempt.
        error: the transport fault as `kind: message`.
        started: UTC seconds since the epoch of the first attempt; 0.0 where nothing was sent.
        invented: an invented person, whose data stays readable.
    """

    row: int
    transaction: str
    outcome: OutcomeKind
    status: int | None = None
    rule: str | None = None
    reason: str | None = None
    reference: str | None = None
    code: str | None = None
    attempts: int = 0
    latency_ms: float | None = None
    error: str | None = None
    started: float = 0.0
    invented: bool = False

    @classmethod
    def of(cls, exchange: Exchange) -> Delivery:
        """Return the delivery that an exchange came to (texts taken as they are: redact the exchange first)."""
        outcome, answer, transaction = exchange.outcome, exchange.answer, exchange.transaction
        status, error = None, None
        if isinstance(answer, Response):
            status = answer.status
        elif answer is not None:
            error = exchange.error
        return cls(
            transaction.row,
            transaction.id,
            outcome.kind,
            status,
            outcome.rule,
            outcome.reason,
            outcome.reference,
            outcome.code,
            exchange.attempts,
            None if answer is None else round(answer.timings.total * 1000, 3),
            error,
            exchange.started,
            transaction.invented,
        )

    def as_json(self) -> dict[str, object]:
        """Return the contract's JSON form of a delivery (design section 5, "Streams"), plus the partner's code."""
        return {
            "row": self.row,
            "transaction": self.transaction,
            "outcome": str(self.outcome),
            "status": self.status,
            "rule": self.rule,
            "reason": self.reason,
            "reference": self.reference,
            "code": self.code,
            "attempts": self.attempts,
            "latency_ms": self.latency_ms,
            "error": self.error,
        }
