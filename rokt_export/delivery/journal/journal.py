"""The journal as a whole: opening it, beginning and resuming runs, and reading them back."""

from __future__ import annotations

import zlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import orjson
from sqlalchemy import Connection, Row, func, select
from sqlalchemy.exc import IntegrityError

from rokt_export.delivery.journal import ledger, places, purge, reading, runs, schema
from rokt_export.delivery.journal.bulk import Bulk, storable
from rokt_export.delivery.journal.faults import translated
from rokt_export.delivery.journal.intents import chunks
from rokt_export.delivery.journal.model import RunInfo, RunState, as_text, now
from rokt_export.delivery.journal.process import this_process
from rokt_export.delivery.journal.rows import RowSet
from rokt_export.delivery.journal.schema import intent, note, recording, run
from rokt_export.delivery.journal.writer import RunWriter
from rokt_export.delivery.model import Delivery
from rokt_export.errors import JournalError, UsageError

_ID_ATTEMPTS = 5
_LOOKUP = 5_000

T = TypeVar("T")


class Journal:
    """An opened journal. Use it as a context manager, or call `close`.

    A run is named by its id, a unique prefix of it, its name (the newest run of that name), or `last`. Every method
    raises `JournalError` when the database fails, with the database's own error as its cause, and those that take a run
    raise `UsageError` when no run, or more than one, is meant.

    SQLite's write-ahead log needs a local disk: on a network file system, and for several machines, use PostgreSQL.
    """

    def __init__(self, store: places.Store, secret: bytes) -> None:
        self._store = store
        self._secret = secret
        self._writers: list[RunWriter] = []

    @classmethod
    def open(cls, place: str | Path | None = None) -> Journal:
        """Open a journal, and create or migrate it where needed.

        A file is readable and writable by its owner alone (0600, its folders 0700 if created here). One that can only
        be read serves everything that only reads.

        Args:
            place: path of a SQLite file or URL of a database; None for the default (`default_place`).

        Raises:
            UsageError: the place makes no sense.
            JournalError: it cannot be opened, is damaged, no journal, or of a newer version.
        """
        found = places.resolve(place)
        with translated(places.shown(found), "opened"):
            store = places.open_store(found)
            try:
                return cls(store, _prepared(store))
            except BaseException:
                store.reading.dispose()
                raise

    @property
    def place(self) -> str:
        """The journal's path or URL, for a person (without a password)."""
        return self._store.shown

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the journal and the writers that it made."""
        for writer in self._writers:
            writer.close()
        self._writers.clear()
        self._store.reading.dispose()

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
    ) -> RunWriter:
        """Begin a run, driven by this process.

        Args:
            command: the command that makes it.
            partner: the spec's slug.
            environment: where it sends to.
            spec_file: path of the spec.
            spec_sha256: hex digest of the spec.
            events: paths of the transactions.
            name: what the user calls it.
            options: what a resume needs (JSON).
            production: whether the environment is the guarded one: the ledger is kept, and each batch waits for the
                disk.

        Raises:
            UsageError: the name is reserved or cannot be typed.
        """
        runs.check_name(name)
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
            **runs.ownership(this_process()),
        }
        with self._guard("written"):
            return self._writer(self._insert_run(values))

    def reopen(self, run_id: str) -> RunWriter:
        """Take over a run that crashed, was interrupted or has finished, and go on writing to it.

        Raises:
            JournalError: its process still lives (named), or the run was purged.
        """
        with self._guard("written"):
            self._check_writable()
            with self._store.writing.begin() as connection:
                record = self._locked(connection, run_id)
                runs.check_not_running(record, "resumed")
                if record.purged:
                    raise JournalError(
                        f"run {record.id} cannot be resumed: what a resume needs was purged with its personal data",
                        remedy="Start a new run; in production, rows already delivered are skipped.",
                    )
                taken = {"state": str(RunState.RUNNING), "ended": None, "exit_status": None, "counts": None}
                connection.execute(
                    run.update().where(run.c.no == record.no).values(taken | runs.ownership(this_process()))
                )
            return self._writer(record)

    def attach(self, run_id: str, *, before: int = 0) -> RunWriter:
        """Write to a run that another process drives, as one of its workers; the run's record is left alone.

        Args:
            run_id: the run.
            before: `RunWriter.before` of the writer that its driver got from `begin` or `reopen`.

        Raises:
            JournalError: the run is not running.
        """
        with self._guard("written"):
            self._check_writable()
            with self._store.reading.connect() as connection:
                record = runs.find(connection, run_id)
            if record.state != RunState.RUNNING:
                raise JournalError(f"run {record.id} is {record.state}", remedy=f"Resume it: --resume {record.id}.")
            return self._writer(record, before)

    def runs(self, limit: int | None = None) -> list[RunInfo]:
        """Return the runs, newest first, at most `limit` of them."""
        with self._reading() as connection:
            records = connection.execute(select(run).order_by(run.c.no.desc()).limit(limit)).all()
            return [runs.info(connection, record) for record in records]

    def find(self, run_id: str) -> RunInfo:
        """Return one run."""
        with self._reading() as connection:
            return runs.info(connection, runs.find(connection, run_id))

    def deliveries(self, run_id: str, *, outcomes: Collection[str] | None = None) -> Iterator[Delivery]:
        """Yield the deliveries of a run in row order, all or those of some outcomes, in constant memory.

        A row that was intended and never settled is `unknown`.
        """
        return self._guarded(reading.deliveries(self._store.reading, self._number(run_id), outcomes))

    def rows(self, run_id: str, outcomes: Collection[str]) -> RowSet:
        """Return the rows of a run that came to one of these outcomes; `unknown` includes those never settled."""
        with self._reading() as connection:
            number = runs.find(connection, run_id).no
            return reading.rows(connection, number, outcomes)

    def settled(self, run_id: str) -> RowSet:
        """Return the rows of a run that are settled, by whichever process."""
        with self._reading() as connection:
            return reading.settled_rows(connection, runs.find(connection, run_id).no)

    def identities(self, partner: str, identity: tuple[str, ...]) -> list[tuple[str, ...]]:
        """Return the identities to look a partner's rows up by: this one, and those that production runs went by."""
        with self._reading() as connection:
            known = ledger.identities(connection, ledger.partner_key(self._secret, partner))
        return [identity, *(one for one in known if one != identity)]

    def delivered_before(self, partner: str, contents: Iterable[Sequence[bytes]]) -> tuple[int, int]:
        """Return how many rows production of a partner has, and how many it may have.

        Args:
            partner: the spec's slug.
            contents: the canonical bytes of each row, by each identity.
        """
        key = ledger.partner_key(self._secret, partner)
        certain = doubtful = 0
        with self._reading() as connection:
            elsewhere = ledger.Elsewhere(run_no=0)
            elsewhere.look(connection, own=())
            for some in chunks(contents, _LOOKUP):
                rows = [{ledger.fingerprint(key, content) for content in each} for each in some]
                marks = list(set[bytes]().union(*rows))
                known = ledger.entered(connection, marks, certain=True)
                maybe = ledger.entered(connection, marks, certain=False) | elsewhere.runs
                certain += sum(not known.isdisjoint(row) for row in rows)
                doubtful += sum(known.isdisjoint(row) and not maybe.isdisjoint(row) for row in rows)
        return certain, doubtful

    def recording(self, run_id: str, row: int) -> bytes | None:
        """Return the recording of one row's exchange, as it was given; None where there is none."""
        with self._reading() as connection:
            number = runs.find(connection, run_id).no
            chosen = select(recording.c.data).where(recording.c.run_no == number, recording.c.row == row)
            data = connection.scalar(chosen)
            return None if data is None else zlib.decompress(data)

    def recordings(self, run_id: str, rows: Iterable[int] | None = None) -> Iterator[tuple[int, bytes]]:
        """Yield row and recording: all in row order, or those of the given rows in the order given."""
        return self._guarded(reading.recordings(self._store.reading, self._number(run_id), rows))

    def note(self, run_id: str, notes: Mapping[str, Any]) -> None:
        """Keep JSON values with a run, such as its rule coverage; the same key again replaces one."""
        with self._writing() as connection:
            number = runs.find(connection, run_id).no
            records = [(number, key, orjson.dumps(value)) for key, value in notes.items()]
            Bulk(connection.dialect).note.run(connection, records)

    def notes(self, run_id: str) -> dict[str, Any]:
        """Return what was noted with a run."""
        with self._reading() as connection:
            number = runs.find(connection, run_id).no
            kept = connection.execute(
                select(note.c.key, note.c.value).where(note.c.run_no == number).order_by(note.c.key)
            )
            return {key: orjson.loads(value) for key, value in kept}

    def purge(self, run_id: str | None = None, *, before: datetime | None = None, remove: bool = False) -> int:
        """Remove the personal data of one run, or of all runs started before a moment that do not run any more.

        Recordings, notes, options, transaction ids, references and the partner's words go, from the file's bytes too;
        rows, outcomes and counts stay, unless `remove` takes the runs whole. The ledger stays in each case. A purged
        run cannot be resumed.

        Returns:
            How many runs were purged.

        Raises:
            UsageError: neither a run nor a moment was given.
            JournalError: the run named is still running.
        """
        if run_id is None and before is None:
            raise UsageError("a purge needs a run or a date", remedy="Name a run, or give --before DATE.")
        with self._writing() as connection:
            chosen = self._purgeable(connection, run_id, before)
            purge.purge(connection, chosen, remove=remove)
        with self._guard("cleaned up"):
            purge.scrub(self._store)
        return len(chosen)

    def _purgeable(self, connection: Connection, run_id: str | None, before: datetime | None) -> list[Row[Any]]:
        if run_id is not None:
            record = self._locked(connection, run_id)
            runs.check_not_running(record, "purged")
            return [record] if before is None or record.started < as_text(before) else []
        if before is None:
            return []
        older = select(run).where(run.c.started < as_text(before)).order_by(run.c.no)
        records = connection.execute(older.with_for_update()).all()
        return [record for record in records if runs.state_of(record) is not RunState.RUNNING]

    def _insert_run(self, values: dict[str, Any]) -> Row[Any]:
        self._check_writable()
        for attempt in range(_ID_ATTEMPTS):
            moment = now()
            identified = {**values, "id": runs.new_id(moment), "started": as_text(moment)}
            try:
                with self._store.writing.begin() as connection:
                    connection.execute(run.insert().values(identified))
                    return connection.execute(select(run).where(run.c.id == identified["id"])).one()
            except IntegrityError:  # the id is taken: one chance in a thousand for two runs in a tenth of a second
                if attempt == _ID_ATTEMPTS - 1:
                    raise
        raise AssertionError("the loop returns or raises")

    def _locked(self, connection: Connection, run_id: str) -> Row[Any]:
        """Return a run's record, held against other processes until the transaction ends."""
        number = runs.find(connection, run_id).no
        return connection.execute(select(run).where(run.c.no == number).with_for_update()).one()

    def _writer(self, record: Row[Any], before: int | None = None) -> RunWriter:
        with self._store.reading.connect() as connection:
            latest = connection.scalar(select(func.max(intent.c.no)).where(intent.c.run_no == record.no))
            owner = runs.process_of(connection.execute(select(run).where(run.c.no == record.no)).one())
        writer = RunWriter(
            self._store,
            run_id=record.id,
            run_no=record.no,
            production=record.production,
            key=ledger.partner_key(self._secret, record.partner),
            latest=latest or 0,
            before=(latest or 0) if before is None else before,
            owner=owner,
        )
        self._writers.append(writer)
        return writer

    def _number(self, run_id: str) -> int:
        with self._reading() as connection:
            return int(runs.find(connection, run_id).no)

    def _guarded(self, found: Iterator[T]) -> Iterator[T]:
        with self._guard("read"):
            yield from found

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


def _prepared(store: places.Store) -> bytes:
    """Bring the schema up to date where needed, and return the journal's secret."""
    with store.reading.connect() as connection:
        present = schema.version_of(connection)
    schema.check_not_newer(present)
    if present != schema.VERSION:
        _bring_up_to_date(store)
    if store.path is not None and not store.read_only:
        places.keep_private(store.path)
    with store.reading.connect() as connection:
        return schema.secret_of(connection)


def _bring_up_to_date(store: places.Store) -> None:
    if store.read_only:
        raise JournalError(
            "the journal can only be read, and is empty or of an older version",
            remedy="Allow writing to the file and its folder once, so that it can be brought up to date.",
        )
    if store.path is not None:
        with store.writing.connect() as connection:
            places.use_write_ahead_log(connection)
    with store.writing.begin() as connection:
        schema.migrate(connection)
