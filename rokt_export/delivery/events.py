"""The events of the engine. Listeners get each in turn: the journal first, so that it is on disk first."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeAlias

from msgspec import Struct

from rokt_export.exchange.delivery import Deliveries, is_empty
from rokt_export.exchange.model import Exchange, Fault
from rokt_export.transactions.transaction import Transaction


class StopReason(StrEnum):
    """Why a run ended."""

    COMPLETE = "complete"
    INTERRUPTED = "interrupted"
    FAILURES = "failures"
    CONSECUTIVE = "consecutive"
    UNCLASSIFIED = "unclassified"
    UNREACHABLE = "unreachable"
    SETUP = "setup"
    TIME = "time"


@dataclass(frozen=True, slots=True)
class Settled:
    """These exchanges are settled.

    Attributes:
        exchanges: in the order in which they were settled.
        deliveries: the same as columns; the journal, which listens first, redacts their texts in place.
    """

    exchanges: tuple[Exchange, ...] = ()
    deliveries: Deliveries = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "deliveries", Deliveries.of(self.exchanges))

    @property
    def unsent(self) -> int:
        """How many had a fault before anything was sent."""
        if is_empty(self.deliveries.error):
            return 0
        return sum(isinstance(each.result, Fault) and not each.result.sent for each in self.exchanges)


class Intended(Struct, frozen=True):
    """These transactions are about to be sent; none of them is before every listener has returned.

    Attributes:
        transactions: the batch.
        settled: exchanges settled by now, written in the same transaction.
    """

    transactions: tuple[Transaction, ...]
    settled: Settled = Settled()


class Withdrawn(Struct, frozen=True):
    """These transactions were intended and, provably, never sent: the run stopped first."""

    transactions: tuple[Transaction, ...]


class Retrying(Struct, frozen=True):
    """One exchange gets another attempt.

    Attributes:
        exchange: of the last attempt.
        wait: seconds until the next.
    """

    exchange: Exchange
    wait: float


class Paced(Struct, frozen=True):
    """The pace changed.

    Attributes:
        message: why and how, for a person.
    """

    message: str


class Progress(Struct, frozen=True):
    """A sign of life, about four a second.

    Attributes:
        in_flight: sends under way.
        waiting: why nothing is sent now, and for how long, such as `429, 12 s`; empty where the run does not wait.
    """

    in_flight: int
    waiting: str = ""


@dataclass(frozen=True, slots=True)
class Finished:
    """The last event.

    Attributes:
        reason: why it ended.
        message: the same for a person; empty where it simply reached the end.
        status: the response's, where that is the reason.
        row: the row at which it stopped, where that is one.
    """

    reason: StopReason
    message: str = ""
    status: int | None = None
    row: int | None = None

    @property
    def stopped(self) -> str:
        """Where and why it stopped, for a person; empty where it simply reached the end."""
        at = "" if self.row is None else f" at row {self.row}"
        return f"stopped{at}: {self.message}" if self.message else ""


Event: TypeAlias = Intended | Settled | Withdrawn | Retrying | Paced | Progress | Finished
