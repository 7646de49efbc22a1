"""The settled delivery: what the journal and reports keep of an exchange."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any

from msgspec import Struct, structs

from rokt_export.exchange.model import Exchange, OutcomeKind, Response, latencies_of


class KeptRecordings(StrEnum):
    """Which exchanges are kept with request and response, for reports and diffs."""

    ALL = "all"
    SOME = "some"
    NONE = "none"


class Keep(StrEnum):
    """Which rows of a finished run the journal keeps; the counts and the ledger stay in any case."""

    ALL = "all"
    FAILURES = "failures"
    """Rows with an unexpected outcome; the others as counts only."""


class LeftOut(StrEnum):
    """Why a row of the input is not sent. An outcome means that an earlier production run had it."""

    DONE_BEFORE = "done_before"
    """Already settled or unknown in this run, which goes on."""
    REPEATED = "repeated"
    """The same row occurred shortly before in the input, or is still in flight."""
    DELIVERED = "delivered"
    DUPLICATE = "duplicate"
    REJECTED = "rejected"
    FAILED = "failed"
    UNCLASSIFIED = "unclassified"
    UNKNOWN = "unknown"
    """It may have been delivered: no response came, or another run is sending it now."""


class Delivery(Struct, frozen=True, gc=False):
    """The settled result of one row. All texts are already redacted.

    Attributes:
        row: 1-based number of the row in the input.
        transaction: the transaction's id.
        outcome: its outcome.
        status: HTTP status; None if no response arrived.
        rule: the response rule that decided.
        reason: why, in the partner's or this program's words.
        reference: the partner's identifier of the record.
        code: the partner's own code.
        attempts: how often the request was sent, also before it was sent once more in its run.
        latency_ms: milliseconds of the last attempt.
        error: the transport fault as `kind: message`.
        started: UTC seconds since the epoch of the first attempt; 0.0 if nothing was sent.
        invented: whether it is test data, which stays readable.
        first_outcome: the outcome by the partner's first response, if the partner decided later.
        provisional: whether the partner has accepted the row but not decided yet.
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
    first_outcome: OutcomeKind | None = None
    provisional: bool = False

    @property
    def confirmation(self) -> str | None:
        """`awaited` or `confirmed`, where the partner decides after its response; None where the response decides."""
        return "awaited" if self.provisional else None if self.first_outcome is None else "confirmed"

    @property
    def confirmation_text(self) -> str:
        """What follows the outcome for a person: whether it is confirmed, or what it was before; mostly nothing."""
        if self.provisional:
            return ", not yet confirmed"
        if self.first_outcome is None:
            return ""
        return ", confirmed" if self.first_outcome == self.outcome else f", was {self.first_outcome}"

    def as_json(self) -> dict[str, object]:
        """Return the contract's JSON form of a delivery (design section 5, "Streams"), plus the partner's code.

        A row that the partner has only accepted at first has `confirmation`; once it is `confirmed`, `first_outcome`.
        """
        data = {**structs.asdict(self), "outcome": str(self.outcome)}
        del data["started"], data["invented"], data["provisional"], data["first_outcome"]
        if self.confirmation is not None:
            data["confirmation"] = self.confirmation
        if self.first_outcome is not None:
            data["first_outcome"] = str(self.first_outcome)
        return data


_ONLY_RESPONSES = frozenset({Response})


@dataclass(frozen=True, slots=True)
class Deliveries:
    """The deliveries of a batch as columns, which cost a third of an object per row.

    Each attribute is a list with the values of that attribute of `Delivery`, one per row.
    """

    row: list[int]
    transaction: list[str]
    outcome: list[OutcomeKind]
    status: list[int | None]
    rule: list[str | None]
    reason: list[str | None]
    reference: list[str | None]
    code: list[str | None]
    attempts: list[int]
    latency_ms: list[float | None]
    error: list[str | None]
    started: list[float]
    invented: list[bool]

    @classmethod
    def of(cls, exchanges: Sequence[Exchange]) -> Deliveries:
        """Return the deliveries of exchanges, which must be redacted already."""
        transactions = [exchange.transaction for exchange in exchanges]
        outcomes = [exchange.outcome for exchange in exchanges]
        results = [exchange.result for exchange in exchanges]
        statuses: list[int | None]
        errors: list[str | None]
        if _ONLY_RESPONSES.issuperset(map(type, results)):  # as in most batches
            statuses, errors = [result.status for result in results], [None] * len(results)  # type: ignore[union-attr]
        else:
            statuses = [exchange.status for exchange in exchanges]
            errors = [exchange.error for exchange in exchanges]
        return cls(
            [transaction.row for transaction in transactions],
            [transaction.id for transaction in transactions],
            [outcome.kind for outcome in outcomes],
            statuses,
            [outcome.rule for outcome in outcomes],
            [outcome.reason for outcome in outcomes],
            [outcome.reference for outcome in outcomes],
            [outcome.code for outcome in outcomes],
            [exchange.attempts for exchange in exchanges],
            latencies_of(results),
            errors,
            [exchange.started for exchange in exchanges],
            [transaction.invented for transaction in transactions],
        )

    def text_columns(self) -> tuple[list[Any], ...]:
        """Return the columns whose texts come from a partner or an error."""
        return self.reason, self.reference, self.code, self.error

    def texts(self) -> list[str]:
        """Return, for each delivery, all its texts joined by `|`, to be searched together."""
        columns = [column for column in self.text_columns() if not is_empty(column)]
        if not columns:
            return [""] * len(self)
        try:
            return list(map("|".join, zip(*columns, strict=True)))
        except TypeError:  # a column has both texts and None
            return ["|".join(filter(None, texts)) for texts in zip(*columns, strict=True)]

    @classmethod
    def together(cls, deliveries: Sequence[Delivery]) -> Deliveries:
        """Return deliveries as a batch."""
        return cls(*([getattr(one, field.name) for one in deliveries] for field in fields(cls)))

    @classmethod
    def joined(cls, batches: Sequence[Deliveries]) -> Deliveries:
        """Return several batches as one."""
        if len(batches) == 1:
            return batches[0]
        joined = cls(*([] for _ in fields(cls)))
        for name in [field.name for field in fields(cls)]:
            extend = getattr(joined, name).extend
            for one in batches:
                extend(getattr(one, name))
        return joined

    def __len__(self) -> int:
        return len(self.row)


def is_empty(column: Sequence[object]) -> bool:
    """Return whether a column holds nothing but None."""
    return not column or (column[0] is None and column.count(None) == len(column))
