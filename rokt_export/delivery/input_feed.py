"""Turn an iterator of transactions into batches as the engine has room, without waiting on a live input."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from functools import partial
from itertools import islice
from math import ceil
from typing import TYPE_CHECKING, Protocol

from msgspec import Struct, structs

from rokt_export.delivery.plan import FileRows, Plan
from rokt_export.redaction import OwnWords
from rokt_export.transactions.claims import ALL, Share
from rokt_export.transactions.transaction import Transaction

if TYPE_CHECKING:
    from rokt_export.transactions.partition_source import PartitionSource
    from rokt_export.transactions.sources import TransactionSource


class InputFeed(Protocol):
    """Where the engine takes transactions from, in order."""

    exhausted: bool
    searching: bool

    @property
    def scarce(self) -> bool:
        """Whether other workers may need the rest: take no more than can be sent at once."""

    def take(self, most: int) -> list[Transaction]:
        """Return up to `most` transactions that are ready.

        None may mean "not yet" until `exhausted` is true. Where it has gone over many that are left out and not come to
        the end of them, it is `searching`, and may be asked again at once.
        """


class FileFeed:
    """A feed from an input that is all there.

    Args:
        transactions: the input, or a share of it; a None is no transaction, but a moment for something else.
        share: that share.
    """

    def __init__(self, transactions: Iterator[Transaction | None], share: Share = ALL) -> None:
        self._transactions = transactions
        self._share = share
        self._error: Exception | None = None
        self.exhausted = self.searching = False

    @property
    def scarce(self) -> bool:
        """Whether other workers might need what is left."""
        return self._share.scarce

    def take(self, most: int) -> list[Transaction]:
        """Return the next transactions.

        Raises:
            TransactionsError: the input could not be read further; what came before it has been returned.
        """
        if self._error is not None:
            self.exhausted = True
            raise self._error
        self._share.ask(most)
        self.searching = False
        found: list[Transaction] = []
        try:
            for transaction in islice(self._transactions, most):
                if transaction is None:
                    self.searching = True
                    return found
                found.append(transaction)
        except Exception as error:
            if not found:
                self.exhausted = True
                raise
            self._error = error
            return found
        self.exhausted = len(found) < most
        return found


_QUEUED = 1000
"""Transactions that are read ahead of a live input at most."""


class LiveFeed:
    """A feed from an input that arrives over time (`tail -F … | rokt-export replay SPEC -`), read by a thread.

    Args:
        transactions: the input.
        wake: called from the thread when something has arrived.
    """

    scarce = searching = False

    def __init__(self, transactions: Iterator[Transaction | None], wake: Callable[[], None]) -> None:
        self._transactions = transactions
        self._wake = wake
        self._queue: queue.Queue[Transaction | BaseException | None] = queue.Queue(_QUEUED)
        self.exhausted = False
        threading.Thread(target=self._read, name="transactions", daemon=True).start()

    def _read(self) -> None:
        last: BaseException | None = None
        try:
            for transaction in self._transactions:
                if transaction is not None:
                    self._queue.put(transaction)
                    self._wake()
        except BaseException as error:  # noqa: BLE001 - raised again by `take`, in the engine's thread
            last = error
        self._queue.put(last)
        self._wake()

    def take(self, most: int) -> list[Transaction]:
        """Return what has arrived.

        Raises:
            TransactionsError: the input could not be read further; what came before it has been returned.
        """
        found: list[Transaction] = []
        while len(found) < most and not self.exhausted:
            try:
                item = self._queue.get_nowait()
            except queue.Empty:
                break
            if isinstance(item, Transaction):
                found.append(item)
            elif item is None:
                self.exhausted = True
            elif found:
                self._queue.queue.appendleft(item)
                break
            else:
                self.exhausted = True
                raise item
        return found


GENERATED = OwnWords("it is a test person of rokt-export, and the environment is guarded; --test-data sends it")
_MOST_TOLD = 12
_MOST = 500
"""Transactions intended ahead at most: what a crash can leave uncertain besides those in flight."""
_PORTION = 128
"""Of a large stock, transactions rendered and intended at a time: while that lasts, answers wait."""
_AHEAD = 0.04
"""Seconds of sending that a stock lasts, at least: with 20,000 sends a second, a batch for each 64 of them cost a tenth
of the time, in commits and in waiting for another worker's."""
_AHEAD_PACED = 0.05
"""Seconds of sending that a stock lasts at most where a rate is kept."""


class Prefetch:
    """Says when to take in more, and how many, from how fast those before left.

    A row that was intended and not sent is unknown after a crash too, so a slow partner's stock is small:
    twice what may be in flight, or less where a rate makes it wait.

    Args:
        concurrency: sends in flight at most.
        rate: sends per second at most; None = as fast as they are answered.
    """

    def __init__(self, concurrency: int, rate: float | None = None) -> None:
        self._speed = 0.0
        self._held = 0
        self._since = 0.0
        self.fit(concurrency, rate)

    def fit(self, concurrency: int, rate: float | None) -> None:
        """Fit the stock to what may be sent from now on."""
        self._least = self._most = min(_MOST, 2 * concurrency)
        if rate is None:
            self._most = _MOST
        else:
            self._least = self._most = max(1, min(self._least, ceil(rate * _AHEAD_PACED)))
        self._resize()

    def is_low(self, ready: int, *, idle: bool) -> bool:
        """Return whether to take in more, given how many are left.

        While answers keep coming that waits until few are left: they would wait too. Else it is done sooner.
        """
        if idle:
            return (self.size - ready) * 4 >= self._portion * 3
        return ready * 4 <= self.size

    def wanted(self, ready: int, now: float) -> int:
        """Return how many to take in, given how many are left and the time in seconds."""
        if now > self._since:
            self._adapt(max(0, self._held - ready) / (now - self._since))
        self._since = now
        return max(1, min(self.size - ready, self._portion))

    def filled(self, ready: int) -> None:
        """Note how many there are after more were taken in."""
        self._held = ready

    def _adapt(self, speed: float) -> None:
        self._speed = (self._speed + speed) / 2
        self._resize()

    def _resize(self) -> None:
        ahead = int(self._speed * _AHEAD)
        self.size = max(self._least, min(ahead, self._most))
        self._portion = min(self.size, max(_PORTION, ahead))


def is_live(rows: FileRows) -> bool:
    """Return whether rows arrive over time: stdin or a named pipe is among the files."""
    from rokt_export.transactions.files import is_stream

    return any(is_stream(path) for path in rows.paths)


class Source(Struct, frozen=True):
    """The transactions of a share of the rows.

    Attributes:
        transactions: those of a share.
        files: the files that they are read from; None for invented people.
    """

    transactions: Iterator[Transaction]
    files: TransactionSource | PartitionSource | None = None

    def __iter__(self) -> Iterator[Transaction]:
        """Return the transactions, of which each comes once."""
        return self.transactions


def damage_in(source: Source) -> Iterator[str]:
    """Yield the damage found while rows were read, without their values."""
    if source.files is not None:
        for kind, places in source.files.finding_counts.items():
            first = next(damage for damage in source.files.findings if damage.kind is kind)
            more = f", and {places - 1:,} more of its kind" if places > 1 else ""
            yield f"damage in the rows as they came: {first.where}: {first.message}{more}"


class LateDamage:
    """Tells of the damage in rows that nobody could look at before the run, as they are read.

    Args:
        source: the rows.
        looked_at: the rows that were looked at; None for all.
    """

    def __init__(self, source: Source, looked_at: int | None) -> None:
        self._files = source.files if looked_at is not None else None
        self._looked_at = looked_at or 0
        self._seen = self._told = 0

    def news(self) -> list[str]:
        """Return what was found since the last call, at most a dozen lines in all."""
        if self._files is None or self._told >= _MOST_TOLD:
            return []
        found = self._files.findings[self._seen :]
        self._seen += len(found)
        new = [each for each in found if each.row is not None and each.row > self._looked_at]
        lines = [f"{each.where}: {each.message}" for each in new[: _MOST_TOLD - self._told]]
        self._told += len(lines)
        return lines


def source(plan: Plan, share: Share = ALL) -> Source:
    """Return the transactions of a share of the rows."""
    rows = plan.rows
    if isinstance(rows, FileRows):
        from rokt_export.transactions.sources import open_transactions

        if rows.part is not None:
            from rokt_export.transactions.partition_source import PartitionSource

            read = PartitionSource(rows.part, rows.options)
            return Source(with_changes(rows, iter(read)), read)
        files = open_transactions(rows.paths, options=rows.options)
        return Source(with_changes(rows, files.part(share)), files)
    from rokt_export.request.spec_people import people

    made = people(
        plan.spec, rows.count, attributes=rows.attributes, seed=rows.seed, overrides=rows.overrides, unset=rows.unset
    )
    return Source(person for person in made if share.has(person.row))


def with_changes(rows: FileRows, read: Iterator[Transaction]) -> Iterator[Transaction]:
    """Return rows of files with the values that a run sets or removes.

    One with nothing to send gets a problem, and one of a generated person where none may be sent.
    """
    if rows.overrides or rows.unset:
        read = map(partial(_changed, rows), read)
    if rows.options.refuse_invented:
        read = _real(rows.options.wanted or (), read)
    sent = sorted(rows.options.sent or ())
    return _carrying(sent, read) if sent else read


def _changed(rows: FileRows, transaction: Transaction) -> Transaction:
    kept = {name: value for name, value in transaction.values.items() if name not in rows.unset}
    return structs.replace(transaction, values={**kept, **rows.overrides})


def _real(wanted: Collection[str], read: Iterator[Transaction]) -> Iterator[Transaction]:
    """Yield transactions; one of a person that this program generated gets a problem."""
    from rokt_export.transactions.test_people import is_generated, names_of_generated

    names = names_of_generated(wanted)
    for transaction in read:
        if transaction.problem is None and is_generated(transaction.values, names):
            yield structs.replace(transaction, problem=GENERATED)
        else:
            yield transaction


def _carrying(sent: Sequence[str], read: Iterator[Transaction]) -> Iterator[Transaction]:
    """Yield transactions; one that has no value for anything that the spec sends, which is `sent`, gets a problem."""
    one = sent[0]
    for transaction in read:
        values = transaction.values
        if values.get(one) or transaction.problem is not None or any(map(values.get, sent)):
            yield transaction
        else:
            yield structs.replace(transaction, problem="the row has no value for anything that the spec sends")
