"""The journal: opens a database, starts, resumes and reads runs."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from datetime import datetime
from itertools import tee
from pathlib import Path
from types import TracebackType
from typing import Any, NoReturn, Self, TypeVar

import orjson
from sqlalchemy import Connection, Row, event, exists, func, select
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from rokt_export.errors import JournalError, UsageError
from rokt_export.exchange.delivery import Delivery, LeftOut
from rokt_export.journal import (
    certifications,
    counted,
    keys,
    leases,
    ledger,
    marks,
    purge,
    queries,
    revisions,
    run_records,
    schema,
    storage,
    verification,
)
from rokt_export.journal.bulk import Bulk, storable
from rokt_export.journal.certifications import CertificationSummary, SignOff
from rokt_export.journal.intents import chunks
from rokt_export.journal.kept_results import enter_kept, kept_rows
from rokt_export.journal.leases import Leases, LeaseTerms
from rokt_export.journal.notes import notes_of
from rokt_export.journal.recent_marks import RECENT, RecentMarks
from rokt_export.journal.revisions import EarlierOutcome, RevisingSpec, Revision
from rokt_export.journal.row_set import RowSet
from rokt_export.journal.run_info import RunInfo, RunState, as_text, now
from rokt_export.journal.run_records import this_process
from rokt_export.journal.schema import delivery, intent, meta, recording, run
from rokt_export.journal.storage import translated
from rokt_export.journal.writer import RunWriter

_ID_ATTEMPTS = 5
_LOOKUP = 5_000
_WITH_OWNERS = 2
"""The first version of the schema in which a run's record tells whether its process lives."""

T = TypeVar("T")


class Journal:
    """An opened journal. Use it as a context manager, or call `close`.

    A run is named by its id, a unique prefix of it, its name (the newest run of that name), or `last`. Every method
    raises `JournalError` if the database fails, with the database's error as its cause. Methods that take a run raise
    `UsageError` if no run, or more than one, matches.

    SQLite's write-ahead log needs a local disk. Use PostgreSQL on network file systems and for several machines.
    """

    def __init__(self, store: storage.Store) -> None:
        self._store = store
        self._writers: list[RunWriter] = []

    @classmethod
    def open(cls, place: str | Path | None = None) -> Journal:
        """Open a journal; create or migrate it if needed.

        A file is accessible only to its owner (0600; folders created here 0700). A read-only file can be used for
        everything that only reads.

        Args:
            place: path of a SQLite file or URL of a database; None for the default (`default_place`).

        Raises:
            UsageError: the place is neither a path nor the URL of a supported database.
            JournalError: it cannot be opened, is damaged, is not a journal, or is of a newer version.
        """
        found = storage.resolve(place)
        with translated(storage.shown(found), "opened"):
            store = storage.open_store(found)
            try:
                _prepare(store)
                return cls(store)
            except BaseException:
                store.reading.dispose()
                raise

    @property
    def place(self) -> str:
        """The journal's path or URL, without a password."""
        return self._store.shown

    @property
    def on_server(self) -> bool:
        """Whether it is on a server, not in a file."""
        return self._store.path is None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the journal and its writers; a later use raises RuntimeError rather than open it again unseen."""
        with ExitStack() as closing:
            closing.callback(event.listen, self._store.reading, "do_connect", _refuse)
            closing.callback(self._store.reading.dispose)
            for writer in self._writers:
                closing.callback(writer.close)
            self._writers.clear()

    def begin(
        self,
        *,
        command: str,
        partner: str,
        environment: str,
        spec_file: str,
        spec_sha256: str,
        events: Sequence[str] = (),
        name: str | None = None,
        options: Mapping[str, Any] | None = None,
        production: bool = False,
        notes: Mapping[str, Any] | None = None,
    ) -> RunWriter:
        """Start a run that this process drives.

        Args:
            command: the command that starts it.
            partner: the spec's slug.
            environment: the environment that it sends to.
            spec_file: path of the spec.
            spec_sha256: hex digest of the spec.
            events: paths of the transactions.
            name: the user's name for it.
            options: what a resume needs (JSON).
            production: whether the environment is guarded: then the ledger is kept, and each batch waits for the disk.
            notes: JSON values that are stored with it, as `note` does.

        Raises:
            UsageError: the name is reserved or not valid.
            JournalError: rows go to production, and the journal's key is lost or its file is an incomplete copy.
        """
        run_records.check_name(name)
        values: dict[str, Any] = {
            "name": name,
            "command": command,
            "partner": partner,
            "environment": environment,
            "production": production,
            "spec_file": storable(spec_file),
            "spec_sha256": spec_sha256,
            "events": orjson.dumps([storable(path) for path in events]),
            "options": orjson.dumps(dict(options or {})),
            "state": str(RunState.RUNNING),
            **run_records.ownership(this_process()),
        }
        with self._guard("written"):
            self._prepare_to_write()
            if production:
                self._make_known()
                self._check_whole()
            writer = self._writer(self._insert_run(values, notes or {}))
            if production:
                storage.write_through(self._store)
            return writer

    def check_not_running(self, run_id: str) -> None:
        """Check that a run can be resumed, because no process drives it; `reopen` decides it once more.

        Raises:
            JournalError: its process is alive.
        """
        with self._reading() as connection:
            run_records.check_not_running(run_records.find(connection, run_id), "resumed")

    def reopen(self, run_id: str) -> RunWriter:
        """Take over a run that crashed, was interrupted or has finished, to continue it.

        Raises:
            JournalError: its process is still alive, or the run was purged.
        """
        with self._guard("written"):
            self._prepare_to_write()
            with self._store.writing.begin() as connection:
                record = self._locked(connection, run_id)
                run_records.check_not_running(record, "resumed")
                if record.production:
                    self._check_whole()
                run_records.check_not_purged(record.id, purged=record.purged is not None, production=record.production)
                if counted.counted(queries.options(record)):
                    raise JournalError(
                        f"run {record.id} cannot be resumed: some of its rows are kept as counts only",
                        remedy=run_records.sends_anew(production=record.production),
                    )
                taken = {"state": str(RunState.RUNNING), "ended": None, "exit_status": None, "counts": None}
                connection.execute(
                    run.update().where(run.c.no == record.no).values(taken | run_records.ownership(this_process()))
                )
                latest = connection.scalar(select(func.max(intent.c.no)).where(intent.c.run_no == record.no))
                taken_over = (record.no, run_records.TAKEN_OVER.key, orjson.dumps(latest or 0))
                # What an earlier process counted is not true of the rows to come, even if this one is killed.
                no_figures = (record.no, "figures", orjson.dumps(None))
                Bulk(connection.dialect).note.run(connection, [taken_over, no_figures])
            # A cluster's workers that outlived their driver hold leases, by which they would go on beside this process.
            for _ in range(2):  # one that was being taken is there the second time
                with self._store.writing.begin() as connection:
                    leases.begin(connection, record.no, {})
            if record.production:
                storage.write_through(self._store)
            return self._writer(record)

    def withdraw(self, run_id: str) -> bool:
        """Remove a run that intended nothing and noted no result; return whether it was one."""
        with self._writing() as connection:
            record = run_records.find(connection, run_id)
            tables = (intent, delivery)
            if any(connection.scalar(select(exists().where(table.c.run_no == record.no))) for table in tables):
                return False
            purge.purge(connection, [record], remove=True)
            return True

    def attach(
        self,
        run_id: str,
        *,
        before: int = 0,
        names: Sequence[str] = (),
        patience: float = storage.PATIENCE,
        tell: Callable[[str], None] = lambda _message: None,
        lease: str | None = None,
        rows: range | None = None,
    ) -> RunWriter:
        """Return a writer for a worker of a run that another process drives; the run's record is not changed.

        Args:
            run_id: the run.
            before: `RunWriter.before` of the driver's writer.
            names: the names of the live system that it sends to, see `Target.ledger`; empty = the partner's slug.
            patience: seconds that the journal's server may be away.
            tell: takes messages for a person, such as that it is.
            lease: the lease that the worker holds; once it is lost, no row is intended.
            rows: the rows that the worker reads; None for any.

        Raises:
            JournalError: the run is not running.
        """
        with self._guard("written"):
            self._prepare_to_write()
            with self._store.reading.connect() as connection:
                record = run_records.find(connection, run_id)
            if record.state != RunState.RUNNING:
                raise JournalError(f"run {record.id} is {record.state}", remedy=f"Resume it: --resume {record.id}.")
            return self._writer(record, before, tuple(names), patience=patience, tell=tell, lease=lease, rows=rows)

    def leases(self, run_id: str, address: str, terms: LeaseTerms, *, patience: float = storage.PATIENCE) -> Leases:
        """Return the leases of a run.

        Args:
            run_id: the run.
            address: scheme, host and port that it sends to.
            terms: what it may send, in all its processes together.
            patience: seconds that the journal's server may be away.
        """
        return Leases(self._store, self._number(run_id), address, terms, patience)

    @property
    def id(self) -> str:
        """The journal's id, which does not depend on the name by which it is reached."""
        with self._reading() as connection:
            return schema.id_of(connection)

    def runs(self, limit: int | None = None) -> list[RunInfo]:
        """Return the runs, newest first, at most `limit` of them."""
        with self._reading() as connection:
            records = connection.execute(select(run).order_by(run.c.no.desc()).limit(limit)).all()
            return [run_records.info(connection, record) for record in records]

    def find(self, run_id: str) -> RunInfo:
        """Return one run."""
        with self._reading() as connection:
            return run_records.info(connection, run_records.find(connection, run_id))

    def ids_named(self, name: str) -> list[str]:
        """Return the ids of the runs of a name, newest first."""
        with self._reading() as connection:
            return run_records.ids_named(connection, name)

    def deliveries(self, run_id: str, *, outcomes: Collection[str] | None = None) -> Iterator[Delivery]:
        """Yield the deliveries of a run in row order, all or those with some outcomes, in constant memory.

        A row that was intended and never settled is `unknown`; the reason says whether it is in flight.
        """
        return self._guarded(queries.deliveries(self._store.reading, *self._numbers(run_id), outcomes))

    def reason_counts(self, run_id: str, outcomes: Collection[str]) -> Iterator[queries.ReasonCount]:
        """Yield how many rows of these outcomes have each reason, in no order, in constant memory.

        Rows in flight have none yet, and are left out.
        """
        return self._guarded(queries.reason_counts(self._store.reading, *self._numbers(run_id), outcomes))

    def rows(self, run_id: str, outcomes: Collection[str]) -> RowSet:
        """Return the rows of a run with one of these outcomes; `unknown` includes those never settled."""
        with self._reading() as connection:
            number = run_records.find(connection, run_id).no
            return queries.rows(connection, number, outcomes)

    def settled(self, run_id: str) -> RowSet:
        """Return the settled rows of a run, whichever process settled them."""
        with self._reading() as connection:
            number = run_records.find(connection, run_id).no
            found = queries.settled_rows(connection, number)
            found.update(kept_rows(connection, number))
            return found

    def ways(self, names: Sequence[str], identity: tuple[str, ...]) -> list[ledger.RecognitionMethod]:
        """Return the ways to recognize rows that a live system has received; none if no production run was started yet.

        Args:
            names: the names of the system; see `Target.ledger`.
            identity: the attributes that identify a row in this run.

        Raises:
            JournalError: the journal's key is lost.
        """
        with self._reading() as connection:
            key = self._key(connection)
            return [] if key is None else ledger.ways(connection, key, names, identity)

    def known_before(self, rows: Iterable[Sequence[bytes]]) -> Counter[LeftOut]:
        """Count rows by their earlier outcome in production, as `answered_before` tells it.

        A row that repeats one of the last `RECENT` known ones is counted as `repeated`.
        """
        found: Counter[LeftOut] = Counter()
        seen = RecentMarks(RECENT)
        asked, mine = tee(rows)
        for own, why in zip(mine, self.answered_before(asked), strict=True):
            if why is not None:
                found[LeftOut.REPEATED if own[0] in seen else why] += 1
                seen.update(own[:1])
        return found

    def answered_before(self, rows: Iterable[Sequence[bytes]]) -> Iterator[LeftOut | None]:
        """Yield each row's earlier outcome in production; `unknown` where it may have received it, None for no word.

        Args:
            rows: for each row its fingerprints, one for each way to recognize it.

        Raises:
            JournalError: the journal's key is lost, or its file is an incomplete copy.
        """
        with self._reading() as connection:
            self._key(connection)
            self._check_whole()
            elsewhere = ledger.InFlightElsewhere(run_no=0)
            elsewhere.look(connection, own=())
            for some in chunks(rows, _LOOKUP):
                known = ledger.withheld(connection, [mark for marks in some for mark in marks], elsewhere)
                yield from (next((known[mark] for mark in marks if mark in known), None) for marks in some)

    def unmarked(self) -> Path | None:
        """Return the folder of marks if it is not writable, so that older copies are not recognized; else None."""
        return None if self._store.path is None or marks.usable() else marks.folder()

    def senders_before(self, names: Sequence[str]) -> list[str]:
        """Return the other journals by which this machine sent to a live system, newest first; none if this one did.

        Args:
            names: the names of the system; see `Target.ledger`.
        """
        # Earlier versions noted the driver in a server's address too.
        senders = (place.replace("postgresql+psycopg://", "postgresql://", 1) for place in marks.senders(names[1:]))
        others = [place for place in dict.fromkeys(senders) if place != self._store.named]
        if not others:
            return []
        with self._reading() as connection:
            key = self._key(connection)
            return [] if key is not None and ledger.is_known(connection, key, names) else others

    def backup(self, path: Path) -> None:
        """Copy the journal to a new file, as a consistent snapshot, even while it is in use.

        Raises:
            UsageError: the file exists, or the journal is on a server.
            JournalError: the file cannot be written.
        """
        if self._store.path is None:
            raise UsageError(
                "a journal on a server is not copied by this command", remedy="Use `pg_dump`, or the server's backup."
            )
        with self._guard("copied"), self._store.reading.connect() as connection:
            crashed = [
                record.no
                for record in connection.execute(select(run).where(run.c.state == str(RunState.RUNNING)))
                if run_records.state_of(record) is RunState.CRASHED
            ]
            storage.copy(connection, path, crashed)

    def recover(self) -> int:
        """Accept this file as complete, although batches that may have been sent are missing.

        Returns:
            How many batches are missing, as far as known.
        """
        with self._writing() as connection:
            for record in connection.execute(select(run).where(run.c.state == str(RunState.RUNNING))).all():
                if run_records.state_of(record) is RunState.CRASHED:
                    connection.execute(run.update().where(run.c.no == record.no).values(state=str(RunState.CRASHED)))
            journal, here = schema.id_of(connection), schema.latest_intent(connection)
        before = marks.read(journal)
        if before is not None and (mark := marks.BatchMark.of(journal, here)) is not None:
            mark.set(here)
            mark.close()
        return max(0, (before or here) - here)

    def recording(self, run_id: str, row: int) -> bytes | None:
        """Return the recording of a row's exchange, as it was written; None if there is none."""
        with self._reading() as connection:
            number = run_records.find(connection, run_id).no
            chosen = select(recording.c.data).where(recording.c.run_no == number, recording.c.row == row)
            data = connection.scalar(chosen)
            return None if data is None else queries.unpacked(connection, number, row, data)

    def recorded(self, run_id: str) -> int:
        """Return how many rows of a run have a recording."""
        with self._reading() as connection:
            number = run_records.find(connection, run_id).no
            counted = select(func.count()).select_from(recording).where(recording.c.run_no == number)
            return int(connection.scalars(counted).one())

    def recordings(self, run_id: str, rows: Iterable[int] | None = None) -> Iterator[tuple[int, bytes]]:
        """Yield (row, recording): all in row order, or those of the given rows in the given order."""
        return self._guarded(queries.recordings(self._store.reading, self._number(run_id), rows))

    def note(self, run_id: str, notes: Mapping[str, Any]) -> None:
        """Store JSON values with a run, such as its rule coverage; a value of the same key is replaced."""
        with self._writing() as connection:
            _store_notes(connection, run_records.find(connection, run_id).no, notes)

    def notes(self, run_id: str) -> dict[str, Any]:
        """Return the notes of a run, by key; see `notes.KINDS`.

        Raises:
            JournalError: one is damaged.
        """
        with self._reading() as connection:
            return notes_of(connection, run_records.find(connection, run_id).no)

    def revise(
        self,
        run_id: str,
        deliveries: Iterable[Delivery],
        *,
        by: str,
        spec: RevisingSpec | None = None,
    ) -> Revision:
        """Replace results of an ended run; the earlier results are kept, and shown in reports.

        Counts, notes and, in production, the ledger are updated. Either all rows are revised or none.

        Args:
            run_id: the run.
            deliveries: the new result of each row, texts redacted. It also settles a row that was intended and never
                settled; rows that the run does not have are ignored.
            by: the command that revises.
            spec: the spec that gave the outcomes, if not the run's; it becomes the run's spec.

        Raises:
            JournalError: the run is still running or was purged, or the journal cannot be written.
        """
        with self._writing() as connection:
            record = self._locked(connection, run_id)
            run_records.check_not_running(record, "revised")
            if record.purged:
                raise JournalError(
                    f"run {record.id} cannot be revised: its recordings were purged with its personal data",
                    remedy="Its outcomes stay as they are.",
                )
            return revisions.revise(connection, record, deliveries, by, spec)

    def revisions(self, run_id: str) -> list[Revision]:
        """Return the revisions of a run, oldest first."""
        with self._reading() as connection:
            return revisions.revisions(connection, run_records.find(connection, run_id).no)

    def earlier_outcomes(self, run_id: str, rows: Collection[int]) -> list[EarlierOutcome]:
        """Return the outcomes of these rows before each revision, by row, oldest first."""
        with self._reading() as connection:
            number = run_records.find(connection, run_id).no
            return list(revisions.earlier_outcomes(connection, number, rows))

    def certify(self, run_id: str, certificate: CertificationSummary) -> None:
        """Keep the certification of a run."""
        with self._writing() as connection:
            certifications.keep(connection, run_records.find(connection, run_id).no, certificate)

    def certification(self, run_id: str) -> tuple[CertificationSummary, list[SignOff]] | None:
        """Return the certification of a run and its sign-offs, oldest first; None for any other run."""
        with self._guard("read"):
            return certifications.of_notes(self.notes(run_id))

    def certifications(self, partner: str) -> list[tuple[str, CertificationSummary, list[SignOff]]]:
        """Return run id, certification and sign-offs of each certification of a partner, newest first."""
        with self._reading() as connection:
            return list(certifications.of_partner(connection, partner))

    def sign(self, run_id: str, signed: SignOff) -> list[SignOff]:
        """Keep the partner's answers to a certification, and return all that it has given, oldest first.

        The last ones count. The same answers are not kept twice in a row.

        Raises:
            JournalError: the run is still running.
        """
        with self._writing() as connection:
            record = self._locked(connection, run_id)
            run_records.check_not_running(record, "signed")
            return certifications.sign(connection, record.no, signed)

    def keep_as_counts(self, run_id: str, outcomes: Collection[str]) -> None:
        """Replace the rows of an ended run that have these outcomes by their counts; the ledger stays.

        Rows on which the partner has yet to decide stay. The run cannot be resumed after it.

        Raises:
            JournalError: the run is still running.
        """
        more = True
        while more:
            with self._writing() as connection:
                record = self._locked(connection, run_id)
                run_records.check_not_running(record, "reduced to counts")
                spared = queries.options(record).get("provisional", ())
                more = counted.reduce(connection, record.no, outcomes, spared)

    def verify(self, run_id: str | None = None) -> Iterator[verification.Verified]:
        """Check that the journal agrees with itself: the database and all runs, oldest first, or one run.

        Yields:
            What was checked, and the faults; of a damaged file, that alone.
        """
        with self._reading() as connection:
            if run_id is not None:
                records = [run_records.find(connection, run_id)]
            else:
                records = list(connection.execute(select(run).order_by(run.c.no)))
                file = verification.database(connection)
                yield file
                if file.damaged:
                    return
        for record in records:
            with self._guard("read"):
                yield verification.of_run(self._store.reading, record)

    def sizes(self, run_ids: Collection[str]) -> dict[str, int]:
        """Return run id to about how many bytes the run has in the journal."""
        with self._reading() as connection:
            names = {record.no: record.id for record in connection.execute(select(run.c.no, run.c.id))}
            wanted = [number for number, name in names.items() if name in run_ids]
            return {names[number]: size for number, size in verification.sizes(connection, wanted)}

    def purgeable(
        self,
        run_id: str | None = None,
        *,
        before: datetime | None = None,
        remove: bool = False,
        keep_counts: bool = False,
    ) -> list[RunInfo]:
        """Return the runs that `purge` with the same arguments would purge."""
        with self._reading() as connection:
            chosen = self._purgeable(connection, run_id, before, remove=remove, keep_counts=keep_counts)
            return [run_records.info(connection, record) for record in chosen]

    def purge(
        self,
        run_id: str | None = None,
        *,
        before: datetime | None = None,
        remove: bool = False,
        keep_counts: bool = False,
    ) -> int:
        """Remove the personal data of one run, or of all runs that ended before a moment.

        A crashed run ended at its last heartbeat. Recordings, notes, options, transaction ids, references and the
        partner's words are removed, also from the bytes of the file. Rows, outcomes and counts stay, unless `remove`
        deletes the whole runs, or `keep_counts` the rows. The ledger always stays. A purged run cannot be resumed. By
        date, runs of which nothing is left to remove are passed over.

        Returns:
            How many runs were purged.

        Raises:
            UsageError: neither a run nor a moment was given.
            JournalError: the given run is still running.
        """
        if run_id is None and before is None:
            raise UsageError("a purge needs a run or a date", remedy="Name a run, or give --before DATE.")
        with self._writing() as connection:
            chosen = self._purgeable(connection, run_id, before, remove=remove, keep_counts=keep_counts)
            purge.purge(connection, chosen, remove=remove, keep_counts=keep_counts)
        with self._guard("cleaned up"):
            purge.scrub(self._store)
        return len(chosen)

    def _purgeable(
        self, connection: Connection, run_id: str | None, before: datetime | None, *, remove: bool, keep_counts: bool
    ) -> list[Row[Any]]:
        if run_id is not None:
            record = self._locked(connection, run_id)
            run_records.check_not_running(record, "purged")
            return [record]
        if before is None:
            return []
        older = select(run).where(func.coalesce(run.c.ended, run.c.heartbeat) < as_text(before)).order_by(run.c.no)
        records = connection.execute(older.with_for_update()).all()
        return [
            record
            for record in records
            if run_records.state_of(record) is not RunState.RUNNING
            and purge.has_more(connection, record, remove=remove, keep_counts=keep_counts)
        ]

    def _key(self, connection: Connection) -> bytes | None:
        """Return the key of the journal's digests; None if no production run was started yet.

        Raises:
            JournalError: the key is missing.
        """
        known = connection.scalar(select(meta.c.value).where(meta.c.key == "key"))
        return None if known is None else keys.of_id(bytes(known))

    def _make_known(self) -> None:
        """Record which key the digests are made with, before the first digest."""
        with self._store.writing.begin() as connection:
            ledger.hold(connection, b"key")
            if self._key(connection) is None:
                connection.execute(meta.insert().values(key="key", value=keys.id_of(keys.first())))

    def _check_whole(self) -> None:
        """Check that the file does not lack batches that may have been sent to production.

        Its mark has the number of the last batch. Without a mark, on another machine, a production run that never ended
        and has no log beside it means that the file was copied without its log.

        Raises:
            JournalError: the file lacks batches.
        """
        if self._store.path is None:
            return
        with self._store.reading.connect() as connection:
            mark = marks.read(schema.id_of(connection))
        # A new snapshot, taken after the mark was read: another run may commit a batch and raise the mark meanwhile.
        with self._store.reading.connect() as connection:
            if mark is not None:
                whole = schema.latest_intent(connection) >= mark
            else:
                whole = self._store.had_log or bool(self._writers) or not _has_unended(connection)
        if not whole:
            raise JournalError(
                "this journal does not have all that was sent with it: it is an older copy, or one without its log "
                f"({self._store.path.name}-wal); nothing was sent",
                remedy="Name the original with --journal, or bring back its log; `rokt-export runs backup PATH` makes "
                "complete copies. If nothing else is left, ask the partner what arrived, and then let this one go on "
                "with `rokt-export runs recover`.",
            )

    def _insert_run(self, values: dict[str, Any], notes: Mapping[str, Any]) -> Row[Any]:
        for attempt in range(_ID_ATTEMPTS):
            moment = now()
            identified = {**values, "id": run_records.new_id(moment), "started": as_text(moment)}
            try:
                with self._store.writing.begin() as connection:
                    connection.execute(run.insert().values(identified))
                    record = connection.execute(select(run).where(run.c.id == identified["id"])).one()
                    _store_notes(connection, record.no, notes)
                    return record
            except IntegrityError:  # the id exists: a chance of one in a thousand for two runs in a tenth of a second
                if attempt == _ID_ATTEMPTS - 1:
                    raise
        raise AssertionError("the loop returns or raises")

    def _locked(self, connection: Connection, run_id: str) -> Row[Any]:
        """Return a run's record, locked until the transaction ends."""
        number = run_records.find(connection, run_id).no
        return connection.execute(select(run).where(run.c.no == number).with_for_update()).one()

    def _writer(
        self,
        record: Row[Any],
        before: int | None = None,
        names: tuple[str, ...] = (),
        **worker: Any,
    ) -> RunWriter:
        names = names or (queries.options(record).get("ledger", record.partner),)
        with self._store.reading.connect() as connection:
            latest = connection.scalar(select(func.max(intent.c.no)).where(intent.c.run_no == record.no))
            owner = connection.scalars(select(run.c.owner).where(run.c.no == record.no)).one()
            key = self._key(connection) if record.production else None
            own = b"" if key is None else ledger.own_key(connection, key, names)
            mark = None
            if record.production and self._store.path is not None:
                mark = marks.BatchMark.of(schema.id_of(connection), schema.latest_intent(connection))
            if record.production:
                marks.note_sender(names[1:], self._store.named)
        writer = RunWriter(
            self._store,
            run_id=record.id,
            run_no=record.no,
            production=record.production,
            key=own,
            ledgers=(key or b"", names),
            latest=latest or 0,
            before=(latest or 0) if before is None else before,
            owner=owner,
            mark=mark,
            **worker,
        )
        self._writers.append(writer)
        return writer

    def _number(self, run_id: str) -> int:
        with self._reading() as connection:
            return int(run_records.find(connection, run_id).no)

    def _numbers(self, run_id: str) -> tuple[int, float]:
        """Return the number of a run, and the batch behind which its open rows are in flight."""
        with self._reading() as connection:
            record = run_records.find(connection, run_id)
            return record.no, run_records.in_flight_behind(connection, record)

    def _guarded(self, found: Iterator[T]) -> Iterator[T]:
        with self._guard("read"):
            yield from found

    def _prepare_to_write(self) -> None:
        """Check that a run can be written here, and enter what killed writers kept beside the journal."""
        self._check_writable()
        enter_kept(self._store)

    def _check_writable(self) -> None:
        if self._store.read_only:
            raise JournalError(
                "the journal can only be read",
                remedy="Allow writing to the file and its folder, or name another with --journal.",
            )

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        with self._guard("read"), self._store.reading.connect() as connection:
            yield connection

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        with self._guard("written"):
            self._check_writable()
            with self._store.writing.begin() as connection:
                yield connection

    @contextmanager
    def _guard(self, doing: str) -> Iterator[None]:
        with translated(self._store.shown, doing):
            yield


def _store_notes(connection: Connection, run_no: int, notes: Mapping[str, Any]) -> None:
    records = [(run_no, key, orjson.dumps(value)) for key, value in notes.items()]
    if records:
        Bulk(connection.dialect).note.run(connection, records)


def _refuse(*_: object) -> NoReturn:
    raise RuntimeError("this journal is closed")


def _prepare(store: storage.Store) -> None:
    """Migrate the schema if needed, and enter what killed writers kept beside the journal."""
    with store.reading.connect() as connection:
        present = schema.version_of(connection)
    schema.check_not_newer(present)
    if present != schema.VERSION:
        _bring_up_to_date(store)
    if store.path is not None and not store.read_only:
        storage.keep_private(store.path)
        if store.had_log:
            _mark_as_seen(store)
    if not store.read_only:
        with suppress(SQLAlchemyError, sqlite3.Error):  # who only reads can do without: these rows are `unknown` then
            enter_kept(store)


def _mark_as_seen(store: storage.Store) -> None:
    """Mark the last batch of a journal while it is complete: after closing, a loss of its log would not be noticed."""
    with store.reading.connect() as connection:
        journal = schema.id_of(connection)
        if marks.read(journal) is not None or not _has_unended(connection):
            return
        mark = marks.BatchMark.of(journal, schema.latest_intent(connection))
    if mark is not None:
        mark.close()


def _has_unended(connection: Connection) -> bool:
    """Return whether a production run has not ended although its process is dead."""
    unended = select(run).where(run.c.state == str(RunState.RUNNING), run.c.production.is_(True))
    return any(run_records.state_of(record) is RunState.CRASHED for record in connection.execute(unended))


def _bring_up_to_date(store: storage.Store) -> None:
    if store.read_only:
        raise JournalError(
            "the journal can only be read, and is empty or of an older version",
            remedy="Allow writing to the file and its folder once, so that it can be brought up to date.",
        )
    if store.path is not None:
        with store.writing.connect() as connection:
            storage.use_write_ahead_log(connection)
    with store.writing.begin() as connection:
        present = schema.version_of(connection)
        if store.path is not None and present is not None and present >= _WITH_OWNERS:
            _check_that_nobody_sends(connection)
        schema.migrate(connection)
    purge.forget_deleted(store)


def _check_that_nobody_sends(connection: Connection) -> None:
    """Check that no process of an older version sends to production: it would not see what this version enters.

    Raises:
        JournalError: one does.
    """
    sending = select(run).where(run.c.state == str(RunState.RUNNING), run.c.production.is_(True))
    for record in connection.execute(sending):
        if run_records.state_of(record) is RunState.RUNNING:
            raise JournalError(
                f"run {record.id} of an older version of this program is sending to production with this journal",
                remedy="Wait until it ends, or name another journal with --journal.",
            )
