"""Writes a run: rows are intended before a send and settled after their response, in batches."""

from __future__ import annotations

import threading
import time
import zlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import Self, TypeVar

import orjson
from msgspec import Struct
from sqlalchemy import Connection, select
from sqlalchemy.exc import DataError, IntegrityError, SQLAlchemyError

from rokt_export.errors import JournalError, LeaseLostError
from rokt_export.exchange.delivery import Deliveries, Delivery, LeftOut
from rokt_export.exchange.model import OutcomeKind
from rokt_export.journal import leases, ledger, queries, storage
from rokt_export.journal.bulk import Bulk, storable_results
from rokt_export.journal.departures import Departures
from rokt_export.journal.intents import (
    FINGERPRINT_BYTES,
    Intents,
    Item,
    OpenBatches,
    encoded,
    open_rows,
    owned,
    pass_over,
    passed_over,
    prune,
)
from rokt_export.journal.ledger_entries import move_all
from rokt_export.journal.marks import BatchMark
from rokt_export.journal.row_set import RowSet
from rokt_export.journal.run_info import RunState, as_text, now
from rokt_export.journal.run_records import process_of
from rokt_export.journal.schema import intent, run
from rokt_export.journal.storage import PATIENCE, Store, translated

__all__ = ["FINGERPRINT_BYTES", "RunWriter"]

T = TypeVar("T")

_NOTHING: Mapping[int, bytes] = {}
_HEARTBEAT = 5.0
"""Seconds between heartbeats."""
_DURABLE_EVERY = 0.25
"""Seconds between two waits for the disk, at most, where results alone are written. What a power cut takes of them is
`unknown`: the batch that intended these rows is on the disk."""
_WAIT = 0.05
"""Seconds in which results wait for others, after some were written."""
_MOST_WAITING = 500
"""Results that wait for others, at most."""
_STALL = 5.0
"""Seconds that a process may be silent in a transaction: each takes milliseconds."""
_EXPECTED = 50_000
"""Rows that may be expected at a time: far more than a feed reads ahead."""


class _Results(Struct, frozen=True):
    """Results as they are written.

    Attributes:
        deliveries: one for each row.
        intents: the number of the batch that intended each row.
        marks: the fingerprint of each row, in production.
        recordings: those of some of them, as records.
    """

    deliveries: Deliveries
    intents: Sequence[int]
    marks: Sequence[bytes | None]
    recordings: Sequence[tuple[int, int, bytes]]


class RunWriter:
    """Writes one run; created by `Journal.begin`, `reopen` and `attach`.

    One thread writes. The thread of a live feed may call `withheld`, `under_way` and `names`, which use connections of
    their own.

    If the connection to a server is lost, a method connects again and repeats its transaction, for as long as the
    server may be away. A batch is known by what it holds: one whose commit was not acknowledged is not written twice.

    When a method returns, its data survives the death of the process, also by kill -9. After a power cut it depends on
    the run. A production run waits for the disk at each batch that it intends (`synchronous = FULL`), and for results
    alone four times a second: the last of them may be `unknown` then, and no row is sent again. Any other run may lose
    its last batches, whose rows a resume sends again. The file is consistent in each case.

    A method that fails, or that Ctrl-C interrupts before it has written, leaves the journal unchanged, and may be
    called again. It raises `JournalError`, which names the settled rows.

    Attributes:
        run: the run's id.
        production: whether its outcomes are entered in the ledger.
        key: the secret key of this live system's fingerprints in this journal.
        before: the number of the last batch of this run before this process took it over.
    """

    def __init__(
        self,
        store: Store,
        *,
        run_id: str,
        run_no: int,
        production: bool,
        key: bytes,
        ledgers: tuple[bytes, tuple[str, ...]] = (b"", ()),
        latest: int,
        before: int,
        owner: str,
        mark: BatchMark | None = None,
        patience: float = PATIENCE,
        tell: Callable[[str], None] = lambda _message: None,
        lease: str | None = None,
        rows: range | None = None,
    ) -> None:
        self.run = run_id
        self._patience = patience
        self._tell = tell
        self._lease = lease
        self._rows = rows
        self._owner = owner
        self._mark = mark
        self.production = production
        self.key = key
        self._secret, self._names = ledgers
        self.before = before
        self._store = store
        self._run_no = run_no
        self._latest_intent = latest
        self._underway = OpenBatches()
        self._settled = RowSet()
        self._settled_complete = False
        self._elsewhere = ledger.InFlightElsewhere(run_no, before, filtered=True)
        self._ahead = ledger.InFlightElsewhere(run_no, before, filtered=True)
        self._thread = threading.get_ident()
        self._begun = 0
        self._departures = Departures()
        self._durable = 0.0
        self._being_written: list[_Results] = []
        """Results of the transaction that is open."""
        self._late = False
        """Whether these come after the end of the run, so that its record must count them."""
        self._unsure: list[_Results] = []
        """Committed results that a server may not have on its disk yet."""
        self._write_again = False
        self._waiting: list[Deliveries] = []
        self._open_before: set[int] = set()
        self._failed = False
        self._written = 0.0
        self._expected: dict[int, tuple[bytes, tuple[int, ...]]] = {}
        self._heard = time.monotonic()
        self._bulk = Bulk(store.writing.dialect, is_new=True)
        self._intents = Intents(store.writing.dialect, run_no, owner)
        self._connect()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Write what waits, unless a write has just failed, and close the connection.

        A run that was not ended counts as crashed when its process is gone.

        Raises:
            JournalError: the journal cannot be written. What waits stays beside it, as after a kill.
        """
        try:
            if not self._failed:
                self.flush()
                self._wait_for_the_disk()
        finally:
            self._waiting.clear()
            with suppress(SQLAlchemyError):  # it may read a report next, at its own pace
                self._let_stalls_end(0)
            self._connection.close()
            self._departures.close(forget=not self._underway.numbers)
            if self._mark is not None:
                self._mark.close()
                self._mark = None

    def fingerprint(self, content: bytes) -> bytes:
        """Return the fingerprint of a row's canonical bytes: a keyed hash of 16 bytes."""
        return ledger.fingerprint(self.key, content)

    def ways(self, identity: tuple[str, ...]) -> list[ledger.RecognitionMethod]:
        """Return the ways to recognize rows, this run's first; it is recorded in the ledger.

        Args:
            identity: the names of the attributes that identify a row.
        """
        with self._guard("written"), self._transaction() as connection:
            return ledger.ways(connection, self._secret, self._names, identity, note=True)

    def withheld(self, fingerprints: Sequence[bytes], leave: Collection[OutcomeKind]) -> dict[bytes, LeftOut]:
        """Return the fingerprints whose rows must not be sent, and why.

        These rows have, or may have, an outcome in an earlier production run, or a running run has them in flight.

        Args:
            fingerprints: the fingerprints of the rows.
            leave: earlier outcomes with which rows may be sent again.
        """

        def read(connection: Connection) -> dict[bytes, LeftOut]:
            elsewhere = self._looking
            elsewhere.look(connection, self._underway.numbers, self._begun)
            return ledger.withheld(connection, fingerprints, elsewhere, leave)

        return self._read(read)

    def expect(self, rows: Iterable[tuple[int, bytes]]) -> None:
        """Note that `withheld` has just let rows pass, given with their fingerprints of this run's way.

        While no other process begins a batch, `intend` need not look for them again.
        """
        if len(self._expected) >= _EXPECTED:  # rows that were expected and never intended, as they are not valid
            self._expected.clear()
        state = self._looking.state
        self._expected.update((row, (mark, state)) for row, mark in rows)

    @property
    def _looking(self) -> ledger.InFlightElsewhere:
        """What this thread knows of others: that of a live feed, or the writer's own."""
        return self._elsewhere if threading.get_ident() == self._thread else self._ahead

    def expected(self, row: int) -> bytes | None:
        """Return the fingerprint of a row that was noted by `expect`."""
        found = self._expected.get(row)
        return None if found is None else found[0]

    def under_way(self, fingerprints: Sequence[bytes]) -> set[bytes]:
        """Return the fingerprints whose rows this writer intended and has not settled; callable from any thread."""
        return self._underway.marks.intersection(fingerprints)

    def intend(
        self,
        items: Sequence[tuple[int, str, bytes | None]],
        *,
        leave: Collection[OutcomeKind] = ledger.ANY,
        settled: tuple[Deliveries, Mapping[int, bytes]] | None = None,
    ) -> dict[int, LeftOut]:
        """Write rows as intended, in one transaction; only then may they be sent.

        Args:
            items: row number to transaction id and fingerprint (None without one). About 500 rows per call is best. An
                earlier result of a row counts again only after `forget_intent`.
            leave: earlier outcomes in production with which rows are still intended. `unknown` does not include what
                another running run has in flight, unless all outcomes are allowed.
            settled: results and recordings to be written in the same transaction, as by `settle`.

        Returns:
            The rows that are not intended and must not be sent, and why: another process was first.

        Raises:
            JournalError: the journal cannot be written, or another process has taken the run over; none of these rows
                may be sent.
        """
        recordings: Mapping[int, bytes] = _NOTHING
        over = self._waiting
        if settled and settled[0]:
            over, recordings = [*over, settled[0]], settled[1]
        if not items and not over:
            return {}
        with self._guard("written"):
            if not over:
                return self._intend(items, leave)
            return self._storing(lambda over: self._intend(items, leave, over, recordings), Deliveries.joined(over))

    def _intend(
        self,
        items: Sequence[tuple[int, str, bytes | None]],
        leave: Collection[OutcomeKind],
        settled: Deliveries | None = None,
        recordings: Mapping[int, bytes] = _NOTHING,
    ) -> dict[int, LeftOut]:
        batch = {row: (transaction, mark if self.production else None) for row, transaction, mark in items}
        departures = self._departures.next_batch()
        taken: dict[int, LeftOut] = {}
        tried = False

        def write() -> tuple[int | None, JournalError | None]:
            nonlocal batch, taken, tried
            with self._transaction() as connection:
                if tried and (found := self._intents.find(connection, departures)):
                    return found, None  # only the answer to its commit was lost
                if settled is not None:
                    self._write(connection, settled, recordings)
                self._move_entries(connection)
                taken = self._taken(connection, batch, leave) if self.production and not tried else taken
                batch = {row: item for row, item in batch.items() if row not in taken} if taken else batch
                tried = True
                emptied = self._underway.emptied(batch)
                if self._lease is not None and not leases.is_held(connection, self._lease):
                    return None, self._leased_elsewhere()
                number = self._intents.insert(connection, batch, departures) if batch else self._latest_intent
                if number is None:
                    return None, self._lost(connection)
                self._intents.delete(connection, emptied)
                return number, None

        number, lost = self._steadily(write)
        self._elsewhere.recent.committed()
        if settled is not None:
            self._note_settled(settled)
        if lost is not None:  # raised only now, because the results are valid in any case
            raise lost
        if batch and number is not None:
            self._begun += 1
            self._departures.intended += len(batch)
            self._underway.begin(number, batch)
            self._latest_intent = number
            if self._mark is not None:
                self._mark.raise_to(number)
            self._settled.difference_update(batch)
            self._open_before.difference_update(batch)
        return taken

    def _move_entries(self, connection: Connection) -> None:
        """Move some of the ledger's recent entries into its table, if there are many."""
        if self.production:
            self._elsewhere.recent.move_slice(connection, self._bulk.ledger.run)

    def _taken(
        self, connection: Connection, batch: Mapping[int, Item], leave: Collection[OutcomeKind]
    ) -> dict[int, LeftOut]:
        """Return the rows of a batch that another process has sent or has in flight, in this transaction's snapshot."""
        if ledger.ANY.issubset(leave):
            return {}
        ledger.hold(connection, self.key)
        self._elsewhere.look(connection, self._underway.numbers, self._begun)
        marks = {row: mark for row, (_, mark) in batch.items() if mark is not None}
        seen, state = self._expected.pop, self._elsewhere.state
        unseen = [mark for row, mark in marks.items() if seen(row, None) != (mark, state)]
        found = ledger.withheld(connection, unseen, self._elsewhere, leave) if unseen else {}
        if OutcomeKind.DELIVERED not in leave:
            for mark in self._elsewhere.workers.intersection(marks.values()):
                found.setdefault(mark, LeftOut.REPEATED)
        return {row: found[mark] for row, mark in marks.items() if mark in found}

    def settle(
        self,
        deliveries: Deliveries | Sequence[Delivery],
        recordings: Mapping[int, bytes] | None = None,
    ) -> None:
        """Write results in one transaction; a row that was settled before gets the new result.

        Where departures are counted, results that soon follow others wait beside the journal for more; a kill does not
        lose them.

        Args:
            deliveries: the results, texts redacted.
            recordings: row to redacted recording of its exchange; stored compressed.

        Raises:
            JournalError: the journal cannot be written, and these rows are not settled; it has the settled rows.
        """
        if not deliveries and not recordings:
            return
        batch = deliveries if isinstance(deliveries, Deliveries) else Deliveries.together(deliveries)
        if not recordings and self._keep(batch):
            self._waiting.append(batch)
            return
        with self._guard("written"):
            joined = Deliveries.joined([*self._waiting, batch])
            self._storing(lambda over: self._settle(over, recordings or {}), joined)

    def _keep(self, batch: Deliveries) -> bool:
        """Keep results beside the journal; return False, if they must be written now."""
        waiting = sum(map(len, self._waiting))
        if time.monotonic() - self._written >= _WAIT or waiting + len(batch) > _MOST_WAITING:
            return False
        return self._departures.keep(lambda: self._underway.batches_of(batch.row, self._latest_intent), batch)

    def flush(self) -> None:
        """Write the results that wait for more.

        Raises:
            JournalError: the journal cannot be written; they stay beside it.
        """
        if self._waiting:
            with self._guard("written"):
                self._storing(lambda over: self._settle(over, {}), Deliveries.joined(self._waiting))

    def _wait_for_the_disk(self) -> None:
        """Let a server have all results on its disk: nobody could write them again."""
        if not self._unsure:
            return

        def write() -> None:
            with self._transaction() as connection:
                connection.execute(run.update().where(run.c.no == self._run_no).values(heartbeat=as_text(now())))

        with self._guard("written"):
            self._steadily(write)
        self._unsure.clear()

    def _settle(self, deliveries: Deliveries, recordings: Mapping[int, bytes]) -> None:
        def write() -> None:
            with self._transaction(may_wait=False) as connection:
                self._write(connection, deliveries, recordings)

        self._steadily(write)
        self._note_settled(deliveries)

    def _note_settled(self, deliveries: Deliveries) -> None:
        """Take note that the journal has these results, and all that waited."""
        self._underway.end(deliveries.row)
        self._settled.update(deliveries.row)
        self._waiting.clear()
        self._departures.drop()
        self._written = time.monotonic()

    def _storing(self, write: Callable[[Deliveries], T], batch: Deliveries) -> T:
        """Write a batch; if the database refuses a text, write the batch again with those characters replaced."""
        try:
            return self._replacing(lambda: write(batch))
        except (UnicodeEncodeError, DataError):
            return self._replacing(lambda: write(storable_results(batch)))

    def _replacing(self, write: Callable[[], T]) -> T:
        """Write a batch; if a row has a result already, or production an outcome for it, write it again over those."""
        try:
            return write()
        except IntegrityError:
            if not self._bulk.replace():
                raise
            return write()

    def _write(
        self,
        connection: Connection,
        deliveries: Deliveries,
        recordings: Mapping[int, bytes],
    ) -> None:
        rows = deliveries.row
        results = _Results(
            deliveries,
            self._underway.batches_of(rows, self._latest_intent),
            [self._underway.mark_of(row) for row in rows] if self.production else [],
            [(self._run_no, row, zlib.compress(data, 1)) for row, data in recordings.items()],
        )
        self._write_results(connection, results)
        self._intents.delete(connection, self._underway.emptied(rows))

    def _write_results(self, connection: Connection, results: _Results) -> None:
        self._late = self._late or self._has_ended(connection)
        self._bulk.results(connection, self._run_no, results.deliveries, results.intents, results.marks)
        self._bulk.recording.run(connection, results.recordings)
        self._being_written.append(results)

    def _has_ended(self, connection: Connection) -> bool:
        """Return whether the run is over, as it may be for a worker that was stopped meanwhile.

        Its lease, or the run's record, is locked until the transaction ends: `end` counts after it, or has counted.
        """
        if self._lease is None or leases.is_held(connection, self._lease):
            return False
        counts = connection.scalar(select(run.c.counts).where(run.c.no == self._run_no).with_for_update())
        return counts is not None

    def _count_rows(self, connection: Connection) -> None:
        counts = orjson.dumps(queries.counts(connection, self._run_no))
        connection.execute(run.update().where(run.c.no == self._run_no).values(counts=counts))

    def count_departures(self) -> Callable[[int], None]:
        """Return what counts rows that are sent next, in the order in which they were intended.

        It must be called before any byte of them goes out, from the first batch on. After a kill, the rows that were
        intended and had not left are not `unknown`. A writer of which this is not asked leaves all of them `unknown`.
        """
        return self._departures.begin()

    def forget_intent(self, rows: Collection[int]) -> None:
        """Withdraw the intent of rows that this writer intended and that were provably never sent.

        An earlier result of such a row in this run counts again. Rows that this writer did not intend are ignored. Once
        its lease is another's, they stay `unknown`: nobody would send them any more. Once the run is over, those that
        no other worker has passed over are withdrawn from what its record counts.

        Raises:
            JournalError: the journal cannot be written; the rows stay `unknown`.
        """
        self.flush()
        mine = self._underway.among(rows)
        if not mine:
            return

        def write() -> bool:
            with self._transaction() as connection:
                self._late = self._has_ended(connection)
                if not self._late and self._lease is not None and not leases.is_held(connection, self._lease):
                    return False  # another worker has passed these rows over, as they may have been sent
                passed = passed_over(connection, self._run_no) if self._late else frozenset[int]()
                for number, left in self._underway.without(mine):
                    if number in passed:
                        continue
                    if left:
                        connection.execute(intent.update().where(intent.c.no == number).values(**encoded(left)))
                    else:
                        self._intents.delete(connection, [number])
                return True

        with self._guard("written"):
            withdrawn = self._steadily(write)
        if withdrawn:
            self._underway.end(mine)
            self._open_before.difference_update(mine)

    def settled_rows(self) -> RowSet:
        """Return the rows settled in this run, including those of an earlier process.

        The set is the writer's, and grows as this writer writes results; rows that another process settles meanwhile
        are not in it. Do not change it.
        """
        if not self._settled_complete:
            self._open_before = set(self._read(lambda connection: open_rows(connection, self._run_no)))
            with self._guard("read"), self._store.reading.connect() as connection:
                self._settled = queries.settled_rows(connection, self._run_no, self._rows)
            self._settled_complete = True
        return self._settled_and_waiting()

    def _settled_and_waiting(self) -> RowSet:
        for waiting in self._waiting:
            self._settled.update(waiting.row)
        return self._settled

    def unsettled_rows(self) -> RowSet:
        """Return the rows that were intended in this run and not settled: in flight, or left by a dead process.

        Rows that another process settles after `settled_rows` was read are listed too: each row is in one of the two.

        A worker of a cluster passes over those of its own part. They stay listed, even if it shows later, once a
        stopped process has ended, that some of them never left: nobody sends them any more.
        """
        if self._lease is not None and (own := self._rows) is not None:
            with self._guard("written"):
                self._steadily(lambda: self._pass_over(own))
        found = self._read(lambda connection: RowSet(open_rows(connection, self._run_no)))
        settled = self._settled_and_waiting()
        found.update(row for row in self._open_before if row not in settled)
        return found

    def _pass_over(self, own: range) -> None:
        with self._transaction() as connection:
            pass_over(connection, self._run_no, own)

    def unknown_rows(self) -> RowSet:
        """Return the rows of this run that are settled as `unknown`, or not settled."""
        return self._read(lambda connection: queries.rows(connection, self._run_no, [OutcomeKind.UNKNOWN]))

    def names(self, rows: range, of: str | None = None) -> dict[int, str]:
        """Return row to redacted transaction id, for rows settled in this run, or in the run `of`."""
        return self._read(lambda connection: queries.names(connection, self.run if of is None else of, rows))

    def heartbeat(self, *, idle: bool = False) -> None:
        """Write results that wait; and a heartbeat, at most every few seconds, as `intend` and `settle` do.

        Only other hosts need it, so only an idle run on a shared journal must call it.

        Args:
            idle: whether nothing is in flight.

        Raises:
            JournalError: the journal cannot be written; or it is idle, and its lease is another's or the run is over,
                whatever the thread that renews the lease knows of it.
        """

        def write() -> bool:
            with self._transaction() as connection:
                return not idle or self._lease is None or leases.is_held(connection, self._lease)

        self.flush()
        if self._heartbeat_due():
            with self._guard("written"):
                if not self._steadily(write):
                    raise self._leased_elsewhere()

    def end(self, state: RunState, exit_status: int) -> None:
        """Complete the run's record: state, end, exit status and counts. Its leases end.

        Args:
            state: `finished` or `interrupted`.
            exit_status: the exit status of the process.

        Raises:
            ValueError: a run cannot end in this state.
            JournalError: the journal cannot be written.
        """
        if state not in {RunState.FINISHED, RunState.INTERRUPTED}:
            raise ValueError(f"a run does not end as {state}")
        self.flush()

        def write() -> None:
            with self._transaction() as connection:
                # In this order: a worker that writes still is counted, and one that comes later counts itself.
                connection.execute(select(run.c.no).where(run.c.no == self._run_no).with_for_update())
                leases.begin(connection, self._run_no, {})
                prune(connection, self._run_no)
                if self.production and state is RunState.FINISHED:  # a person who interrupts does not wait for it
                    move_all(connection, self._bulk.ledger.run)
                ended = {
                    "state": str(state),
                    "ended": as_text(now()),
                    "exit_status": int(exit_status),
                    "counts": orjson.dumps(queries.counts(connection, self._run_no)),
                }
                if not connection.execute(run.update().where(*owned(self._run_no, self._owner)).values(ended)).rowcount:
                    raise self._lost(connection)

        with self._guard("written"):
            self._steadily(write)

    @contextmanager
    def _transaction(self, *, may_wait: bool = True) -> Iterator[Connection]:
        """Begin a transaction; in a production run its end waits for the disk, or, if not `may_wait`, only at times.

        On a server any run's does so, as it may be killed while the run goes on. What it loses is written again.
        """
        if not self._store.is_there:
            settled = self._settled_and_waiting().counted()
            raise JournalError(
                f"the journal's file was removed or replaced; settled in run {self.run}: {settled}",
                remedy="Nothing more is sent. What was sent since then is in no journal: ask the partner for it.",
            )
        began = time.monotonic()
        waits = self.production or self._store.path is None
        durable = waits and (may_wait or began - self._durable > _DURABLE_EVERY)
        self._connection.execution_options(durable=durable)
        try:
            with self._connection.begin():
                if not durable and self._store.path is None:
                    self._connection.exec_driver_sql("SET LOCAL synchronous_commit TO off")
                self._being_written, self._late = [], False
                for results in self._unsure if self._write_again else ():
                    self._write_results(self._connection, results)
                if self._heartbeat_due():
                    beat = run.update().where(run.c.no == self._run_no).values(heartbeat=as_text(now()))
                    self._connection.execute(beat)
                    self._heard = time.monotonic()
                yield self._connection
                if self._late:
                    self._count_rows(self._connection)
            self._committed(began, durable=durable)
        except Exception:
            self._elsewhere.recent.forget()
            raise
        except BaseException:
            self._elsewhere.recent.forget()
            self._reconnect()
            raise

    def _committed(self, began: float, *, durable: bool) -> None:
        """Note which results a server may not have on its disk yet: if it is killed, this process goes on without them.

        A wait for the disk covers all earlier transactions, if it wrote anything itself.
        """
        self._durable = began if durable else self._durable
        if self._store.path is not None:
            return
        if not durable:
            self._unsure = [*([] if self._write_again else self._unsure), *self._being_written]
        elif self._being_written:
            self._unsure.clear()
        self._write_again = self._write_again and not self._being_written

    def _read(self, read: Callable[[Connection], T]) -> T:
        """Return what is read on a connection of its own; if the connection to a server is lost, it is read again."""

        def attempt() -> T:
            with self._store.reading.connect() as connection:
                return read(connection)

        with self._guard("read"):
            return storage.steadily(attempt, patience=self._patience, tell=self._tell)

    def _steadily(self, write: Callable[[], T]) -> T:
        """Return what a transaction returns; if the connection to a server is lost, it is run once more."""
        self._failed = True
        result = storage.steadily(write, patience=self._patience, tell=self._tell, reconnect=self._reconnect)
        self._failed = False
        return result

    def _lost(self, connection: Connection) -> JournalError:
        """Return the error that names the process which took this run over as crashed.

        It prevents both from sending a row, if a suspended process wakes up or a worker outlives its parent.
        """
        found = connection.execute(select(run).where(run.c.no == self._run_no)).one_or_none()
        who = "was removed" if found is None else f"was taken over by {process_of(found)}"
        return JournalError(f"run {self.run} {who}", remedy="It goes on there; nothing more is sent here.")

    def _leased_elsewhere(self) -> LeaseLostError:
        """Return the error of a worker that was too slow, or was stopped, and whose rows another has taken up."""
        what = f"another worker of run {self.run} has taken up these rows"
        return LeaseLostError(what, remedy="Nothing more is sent here.")

    def _connect(self) -> None:
        self._connection = self._store.writing.connect()
        self._let_stalls_end(_STALL)
        self._driver = self._connection.connection.driver_connection

    def _let_stalls_end(self, seconds: float) -> None:
        """Let a server end a transaction in which this process is silent for so long; 0 = never."""
        if self._store.path is None:
            with self._connection.begin():
                storage.stalls_end(self._connection, seconds, scope="SESSION")

    def _reconnect(self) -> None:
        """Reconnect after Ctrl-C, which may have left a lock, or to a server that went away."""
        with suppress(Exception):
            if self._driver is not None:
                self._driver.close()
            self._connection.invalidate()
        with suppress(Exception):
            self._connection.close()
        if self._unsure:
            self._write_again = True
            self._bulk.replace()
        self._connect()

    @contextmanager
    def _guard(self, doing: str) -> Iterator[None]:
        with translated(self._store.shown, doing, settled=lambda: self._settled_and_waiting().counted()):
            yield

    def _heartbeat_due(self) -> bool:
        return time.monotonic() - self._heard >= _HEARTBEAT
