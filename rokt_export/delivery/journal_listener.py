"""Turns the engine's events into the journal's entries: intended before a send, settled after, redacted always."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from typing import TYPE_CHECKING, assert_never

from msgspec.structs import replace

from rokt_export.delivery.companions import RequestCompanions, requests_in
from rokt_export.delivery.events import Event, Finished, Intended, Paced, Progress, Retrying, Settled, Withdrawn
from rokt_export.delivery.redaction_clues import clue_columns
from rokt_export.delivery.redaction_screen import places_to_redact
from rokt_export.delivery.redaction_setup import PersonalData
from rokt_export.delivery.row_filter import IdentityValues, canonical_row
from rokt_export.delivery.shared_counts import FIRST_RECORDINGS, PROBLEM_RECORDINGS, RecordingQuota
from rokt_export.exchange.delivery import Deliveries, KeptRecordings, LeftOut
from rokt_export.exchange.model import Exchange, Fault, OutcomeKind, Response
from rokt_export.journal.recording import record
from rokt_export.redaction import Redactor
from rokt_export.redaction.display_text import MOST_SHOWN, cut
from rokt_export.transactions.transaction import Transaction

if TYPE_CHECKING:
    from rokt_export.journal import RunWriter


_NONE: Mapping[int, LeftOut] = {}
_RECORDED = 8
"""Exchanges recorded with a batch of results, at most, where few are recorded: each takes 0.3 ms, and others wait."""
_WAITING = 200
"""Exchanges that wait to be recorded, at most; a kill loses these recordings."""
_WAITING_BYTES = 1_000_000
"""Bytes of bodies, about, from which on no exchange waits to be recorded."""
_TOGETHER = attrgetter("together")


def _size(exchange: Exchange) -> int:
    """Return the bytes of the bodies that an exchange keeps in memory, about."""
    request, result = exchange.request, exchange.result
    response = result.partial if isinstance(result, Fault) else result
    sent = 0 if request is None else len(request.body or b"")
    return sent + (0 if response is None else len(response.body))


def _without_companions(exchange: Exchange, companions: RequestCompanions) -> tuple[Exchange, tuple[str, ...]]:
    """Return an exchange, and what must be hidden in it besides its own row's data.

    A response that names more rows than can be hidden is kept without its body.
    """
    response = exchange.result
    if not isinstance(response, Response):
        return exchange, ()
    headers = "\n".join(value for _, value in response.headers)
    hidden = companions.hidden_in(f"{headers}\n{response.body.decode('utf-8', 'replace')}")
    if hidden is not None:
        return exchange, hidden
    size = response.size or len(response.body)
    return replace(exchange, result=replace(response, body=b"", size=size)), companions.hidden_in(headers) or ()


@dataclass(slots=True)
class Bookkeeper:
    """Keeps the journal of one partition.

    Attributes:
        writer: the run's writer.
        redactor: knows the secrets.
        personal: knows a row's personal values.
        identity: the attributes that identify a row in the ledger.
        recordings: `some` keeps the first few and those with an unexpected outcome, as many as are allowed.
        expected: the expected outcome for.
        leave: outcomes of earlier production runs that do not keep a row from being sent.
        first, problems: how many of each may still be recorded.
        leaving: returns whether the operator asked to leave at once: recordings, which may take a tenth of a second
            each to redact, are then left out.
    """

    writer: RunWriter
    redactor: Redactor
    personal: PersonalData
    identity: IdentityValues
    recordings: KeptRecordings = KeptRecordings.SOME
    expected: OutcomeKind = OutcomeKind.DELIVERED
    leave: frozenset[OutcomeKind] = frozenset()
    first: RecordingQuota = field(default_factory=lambda: RecordingQuota(FIRST_RECORDINGS))
    problems: RecordingQuota = field(default_factory=lambda: RecordingQuota(PROBLEM_RECORDINGS))
    leaving: Callable[[], bool] = lambda: False
    _seen: dict[int, tuple[str, ...]] = field(default_factory=dict)
    """The shown name and the clues of each row that is not over, by its number."""
    _unrecorded: deque[tuple[Exchange, RequestCompanions | None]] = field(default_factory=deque)
    """Settled exchanges that are still to be recorded."""
    _unrecorded_bytes: int = 0

    def __call__(self, event: Event) -> Mapping[int, LeftOut]:
        """Write an event to the journal, before any other listener gets it.

        Returns:
            Rows that must not be sent after all, and why: another process intended them first.

        Raises:
            JournalError: the journal cannot be written; nothing more may be sent.
        """
        match event:
            case Intended(transactions, settled):
                rows = [transaction.row for transaction in transactions]
                names = self._names(transactions)
                over = self._results(settled)
                items = list(zip(rows, names, self._marks(transactions), strict=True))
                taken = self.writer.intend(items, leave=self.leave, settled=over)
                if taken:
                    self._forget([each for each in transactions if each.row in taken])
                return taken
            case Settled():
                self.writer.settle(*self._results(event))
            case Withdrawn(transactions):
                self.writer.forget_intent([each.row for each in transactions])
                self._forget(transactions)
            case Progress(in_flight):
                self.finish()
                self.writer.heartbeat(idle=not in_flight)
            case Finished():
                self.finish()
            case Retrying() | Paced():
                pass
            case _:
                assert_never(event)
        return _NONE

    def finish(self) -> None:
        """Write the recordings that are left; see `__call__`."""
        if self._unrecorded:
            self.writer.settle((), self._recorded(len(self._unrecorded)))

    def _results(self, settled: Settled) -> tuple[Deliveries, Mapping[int, bytes]]:
        """Return the deliveries of settled exchanges, redacted, and recordings of some of them."""
        exchanges, deliveries = settled.exchanges, settled.deliveries
        if not exchanges:
            return deliveries, {}
        transactions = [exchange.transaction for exchange in exchanges]
        deliveries.transaction[:], *clues = self._seen_of(transactions)
        shown = deliveries.texts()
        shared = self._companions(exchanges)
        harmful = places_to_redact(transactions, shown, clues, self.personal.days)
        echoes = self.personal.derived.echoed(exchanges, shown)
        others = [place for place, text in enumerate(shown) if "@" in text]  # perhaps of another row
        for place in self._with_secrets(shown) or sorted({*harmful, *echoes, *others}):
            self._redact(deliveries, place, exchanges[place].transaction, echoes.get(place, ()))
        for companions, places in shared:
            self._hide_companions(deliveries, companions, places)
        if max(map(len, shown)) > MOST_SHOWN or max(map(len, deliveries.transaction)) > MOST_SHOWN:
            for column in (deliveries.transaction, *deliveries.text_columns()):
                column[:] = [text and cut(text) for text in column]
        usual = not self.first.left and deliveries.outcome.count(self.expected) == len(exchanges)
        if self.recordings is KeptRecordings.ALL or (self.recordings is KeptRecordings.SOME and not usual):
            self._choose(exchanges, shared)
        return deliveries, self._recorded(self._most_recorded()) if self._unrecorded else {}

    def _with_secrets(self, shown: Sequence[str]) -> range:
        """Return all places if any text holds a secret: the batch is searched as one text."""
        together = "\n".join(shown)
        return range(len(shown) if self.redactor.secrets_in(together) != together else 0)

    def _companions(self, exchanges: Sequence[Exchange]) -> list[tuple[RequestCompanions, list[int]]]:
        """Return the rows that share each request, and the places of its exchanges."""
        if not any(map(_TOGETHER, exchanges)):
            return []
        return [
            (RequestCompanions(self.personal, together, self.personal.clues(together)), places)
            for together, places in requests_in(exchanges)
        ]

    def _hide_companions(self, deliveries: Deliveries, companions: RequestCompanions, places: Sequence[int]) -> None:
        """Hide in what is shown of each row the data of the rows that shared its request."""
        columns = deliveries.text_columns()
        texts = list({text: None for column in columns for place in places if (text := column[place])})
        hidden = {
            texts[at]: self.redactor.text(texts[at], companions.values(rows))
            for at, rows in companions.named_in(texts).items()
        }
        for column in columns if hidden else ():
            for place in places:
                column[place] = hidden.get(column[place], column[place])

    def _choose(self, exchanges: tuple[Exchange, ...], shared: Sequence[tuple[RequestCompanions, list[int]]]) -> None:
        """Take note of the exchanges that are to be recorded."""
        companions = {place: each for each, places in shared for place in places}
        for place, exchange in enumerate(exchanges):
            if self._keeps(exchange):
                self._unrecorded.append((exchange, companions.get(place)))
                self._unrecorded_bytes += _size(exchange)

    def _most_recorded(self) -> int:
        """Return how many of the noted exchanges are recorded now."""
        noted = len(self._unrecorded)
        waits = self.recordings is KeptRecordings.SOME and self._unrecorded_bytes < _WAITING_BYTES
        return max(_RECORDED, noted - _WAITING) if waits else noted

    def _recorded(self, most: int) -> dict[int, bytes]:
        """Return the recordings of the first of the noted exchanges, by row; none where all leave at once."""
        found: dict[int, bytes] = {}
        for _ in range(min(most, len(self._unrecorded))):
            if self.leaving():
                self._unrecorded.clear()
                self._unrecorded_bytes = 0
                break
            exchange, companions = self._unrecorded.popleft()
            self._unrecorded_bytes -= _size(exchange)
            personal = self.personal.of(exchange.transaction)
            if companions is not None:
                exchange, hidden = _without_companions(exchange, companions)
                personal += hidden
            redactor = self._knowing(self.personal.derived.of(exchange.request, exchange.transaction))
            found[exchange.transaction.row] = record(exchange, redactor, personal).dump()
        return found

    def _keeps(self, exchange: Exchange) -> bool:
        if self.recordings is not KeptRecordings.SOME or exchange.result is None:
            return self.recordings is KeptRecordings.ALL and exchange.result is not None
        return self.first.take() or (exchange.outcome.kind is not self.expected and self.problems.take())

    def _knowing(self, derived: Sequence[str]) -> Redactor:
        """The redactor that hides what was computed for one request too."""
        return self.redactor.also("SIGNATURE", derived) if derived else self.redactor

    def _redact(self, deliveries: Deliveries, place: int, transaction: Transaction, derived: Sequence[str]) -> None:
        personal = self.personal.of(transaction)
        redactor = self._knowing(derived)
        columns = deliveries.text_columns()
        held = redactor.personal_in([text for column in columns if (text := column[place]) is not None], personal)
        for column in columns:
            if (text := column[place]) is not None:
                shown = redactor.text(text, held)
                column[place] = redactor.addresses(shown) if personal else shown

    def _names(self, transactions: Sequence[Transaction]) -> list[str]:
        """Return what rows are called, redacted; it is kept with their clues until they are over."""
        names = [transaction.id for transaction in transactions]
        clues = self.personal.clues(transactions)
        for place in self._with_secrets(names) or places_to_redact(transactions, names, clues, self.personal.days):
            names[place] = self.redactor.text(names[place], self.personal.of(transactions[place]))
        rows = [transaction.row for transaction in transactions]
        self._seen.update(zip(rows, zip(names, *clues, strict=True), strict=True))
        return names

    def _seen_of(self, transactions: Sequence[Transaction]) -> list[Sequence[str]]:
        """Return names and clues of rows that are over, in columns, and forget them."""
        seen = [self._seen.pop(each.row, ()) for each in transactions]
        if not all(seen):  # some were never sent
            self._names([each for each, known in zip(transactions, seen, strict=True) if not known])
            seen = [known or self._seen.pop(each.row) for each, known in zip(transactions, seen, strict=True)]
        return clue_columns(seen)

    def _forget(self, transactions: Sequence[Transaction]) -> None:
        """Take note that rows are not sent after all."""
        for each in transactions:
            self._seen.pop(each.row, None)

    def _marks(self, transactions: Sequence[Transaction]) -> list[bytes | None]:
        if not self.writer.production:
            return [None] * len(transactions)
        expected = self.writer.expected
        return [
            expected(each.row) or self.writer.fingerprint(canonical_row(each, self.identity)) for each in transactions
        ]
