"""Turns the engine's events into the journal's entries: intended before a send, settled after, redacted always."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import orjson

from rokt_export.delivery.events import Event, Intended, Progress, Settled, Withdrawn
from rokt_export.delivery.model import Delivery, Recordings
from rokt_export.delivery.recording import record
from rokt_export.delivery.secrecy import PersonalData
from rokt_export.exchange.model import Exchange, OutcomeKind
from rokt_export.redaction import Redactor
from rokt_export.transactions.model import Transaction

if TYPE_CHECKING:
    from rokt_export.delivery.journal import RunWriter


_FIRST = 200
_PROBLEMS = 20_000
_PLAIN = re.compile(r"[\w.: -]{1,300}", re.ASCII)


@dataclass(slots=True)
class Bookkeeper:
    """Keeps the journal of one partition.

    Attributes:
        writer: the run's writer.
        redactor: knows the secrets.
        personal: knows a row's personal values.
        recordings: `some` keeps the first 200 and up to 20,000 that did not come out as hoped.
        expected: the outcome hoped for.
    """

    writer: RunWriter
    redactor: Redactor
    personal: PersonalData
    recordings: Recordings = Recordings.SOME
    expected: OutcomeKind = OutcomeKind.DELIVERED
    _first: int = 0
    _problems: int = 0

    def __call__(self, event: Event) -> None:
        """Write an event down, before anybody else hears of it.

        Raises:
            JournalError: the journal cannot be written; nothing more may be sent.
        """
        match event:
            case Intended(transactions):
                self.writer.intend([(each.row, self._name(each), self._fingerprint(each)) for each in transactions])
            case Settled(exchanges):
                self._settle(exchanges)
            case Withdrawn(transactions):
                self.writer.forget_intent([each.row for each in transactions])
            case Progress():
                self.writer.heartbeat()

    def _settle(self, exchanges: tuple[Exchange, ...]) -> None:
        deliveries, kept = [], {}
        for exchange in exchanges:
            deliveries.append(self._delivery(exchange))
            if self._keeps(exchange):
                personal = self.personal.of(exchange.transaction)
                kept[exchange.transaction.row] = record(exchange, self.redactor, personal).dump()
        self.writer.settle(deliveries, kept)

    def _keeps(self, exchange: Exchange) -> bool:
        if self.recordings is not Recordings.SOME or exchange.answer is None:
            return self.recordings is Recordings.ALL and exchange.answer is not None
        if self._first < _FIRST:
            self._first += 1
            return True
        if exchange.outcome.kind is not self.expected and self._problems < _PROBLEMS:
            self._problems += 1
            return True
        return False

    def _delivery(self, exchange: Exchange) -> Delivery:
        delivery = Delivery.of(exchange)
        outcome = exchange.outcome
        said = (delivery.transaction, outcome.reason, outcome.reference, outcome.code, delivery.error)
        if self._harmless(exchange.transaction, " ".join([text for text in said if text])):
            return delivery
        personal = self.personal.of(exchange.transaction)

        def shown(text: str | None) -> str | None:
            return None if text is None else self.redactor.text(text, personal)

        return replace(
            delivery,
            transaction=str(shown(delivery.transaction)),
            reason=shown(delivery.reason),
            reference=shown(delivery.reference),
            code=shown(delivery.code),
            error=shown(delivery.error),
        )

    def _harmless(self, transaction: Transaction, said: str) -> bool:
        """Plain identifiers that hold none of the row's values: the usual case, at a tenth of a redaction's cost."""
        if not _PLAIN.fullmatch(said) or self.redactor.secrets_in(said) != said:
            return False
        folded = said.casefold()
        for value in self.personal.raw(transaction):
            sought = value.strip().casefold()
            if sought in folded and _stands_in(sought, folded):
                return False
        return True

    def _name(self, transaction: Transaction) -> str:
        if _PLAIN.fullmatch(transaction.id) and "@" not in transaction.id:
            return transaction.id
        return self.redactor.text(transaction.id, self.personal.of(transaction))

    def _fingerprint(self, transaction: Transaction) -> bytes | None:
        return self.writer.fingerprint(canonical_row(transaction)) if self.writer.production else None


_TELLING = 7
"""A shorter value inside a longer word or number is chance: the zip code 10001 in the identifier tx100010."""


def _stands_in(value: str, text: str) -> bool:
    if len(value) >= _TELLING:
        return True
    same = str.isdigit if value.isdigit() else str.isalpha
    at = text.find(value)
    while value and at >= 0:
        end = at + len(value)
        if not (same(text[at - 1 : at]) or same(text[end : end + 1])):
            return True
        at = text.find(value, at + 1)
    return False


def canonical_row(transaction: Transaction) -> bytes:
    """Return a row's content as bytes: the same row has the same in any file, in any order of columns."""
    return orjson.dumps(transaction.values, option=orjson.OPT_SORT_KEYS)
