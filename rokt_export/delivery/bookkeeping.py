"""Turns the engine's events into the journal's entries: intended before a send, settled after, redacted always."""

from __future__ import annotations

import hashlib
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
_PLAIN = re.compile(r"[\w.:|-]{1,300}", re.ASCII)
_DIGEST = re.compile(r"[0-9a-f]{32,}")
_HASHES = {32: "md5", 40: "sha1", 64: "sha256"}


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
        said = [_said(exchange) for exchange in exchanges]
        together = "\n".join(said)
        secretless = self.redactor.secrets_in(together) == together  # one look at the batch instead of one at each row
        deliveries = [
            Delivery.of(exchange)
            if secretless and self._harmless(exchange.transaction, text)
            else self._redacted(exchange)
            for exchange, text in zip(exchanges, said, strict=True)
        ]
        self.writer.settle(deliveries, self._recorded(exchanges))

    def _recorded(self, exchanges: tuple[Exchange, ...]) -> dict[int, bytes]:
        return {
            each.transaction.row: record(each, self.redactor, self.personal.of(each.transaction)).dump()
            for each in exchanges
            if self._keeps(each)
        }

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

    def _redacted(self, exchange: Exchange) -> Delivery:
        delivery = Delivery.of(exchange)
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
        if transaction.invented:
            return True
        if not _PLAIN.fullmatch(said):
            return False
        folded = said.casefold()
        digest = _DIGEST.search(folded)
        for value in self.personal.raw(transaction):
            sought = value.strip().casefold()
            if sought in folded and _stands_in(sought, folded):
                return False
            if digest is not None and _is_digest(sought, digest[0]):
                return False
        return True

    def _name(self, transaction: Transaction) -> str:
        if _PLAIN.fullmatch(transaction.id) and "@" not in transaction.id:
            return transaction.id
        return self.redactor.text(transaction.id, self.personal.of(transaction))

    def _fingerprint(self, transaction: Transaction) -> bytes | None:
        return self.writer.fingerprint(canonical_row(transaction)) if self.writer.production else None


def _said(exchange: Exchange) -> str:
    """All texts of a delivery, for one look."""
    outcome = exchange.outcome
    texts = (exchange.transaction.id, outcome.reason, outcome.reference, outcome.code, exchange.error)
    return "|".join([text for text in texts if text])


def _is_digest(value: str, hexadecimal: str) -> bool:
    """Whether a partner calls a record by the hash of an address, as Mailchimp does."""
    name = _HASHES.get(len(hexadecimal))
    return name is not None and hashlib.new(name, value.encode(), usedforsecurity=False).hexdigest() == hexadecimal


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
