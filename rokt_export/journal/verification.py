"""Checks that a journal agrees with itself: counts with rows, the ledger with outcomes; reads all recordings."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import NoneType
from typing import Any

import msgspec
from sqlalchemy import Connection, Engine, Row, func, select
from sqlalchemy.exc import DatabaseError

from rokt_export.errors import JournalError
from rokt_export.exchange.model import PERHAPS_RECEIVED, RECEIVED, OutcomeKind
from rokt_export.journal import counted, notes, queries
from rokt_export.journal.column_types import blob, types_of
from rokt_export.journal.damage import DAMAGE
from rokt_export.journal.intents import chunks, decoded, open_rows
from rokt_export.journal.ledger_entries import entries_of
from rokt_export.journal.recording import Recording
from rokt_export.journal.run_info import RunState
from rokt_export.journal.run_options import decoded_options
from rokt_export.journal.run_records import state_of
from rokt_export.journal.schema import delivery, intent, ledger, note, recording, run
from rokt_export.journal.storage import is_damage

_PAGE = 500
_SQLITE_TYPES = {int: "integer", bool: "integer", float: "real", str: "text", bytes: "blob", NoneType: "null"}
"""What SQLite's `typeof` calls the types of values."""
_MOST_TOLD = 10
"""Rows with a fault that are told one by one, of each kind."""


@dataclass(slots=True)
class Verified:
    """What was checked of one run, or, without a run, of the database.

    Attributes:
        run: the run's id; None for the database.
        rows: its rows, those included that were intended and never settled.
        counted: rows that it keeps as counts only.
        recordings: its recordings, each of which was read.
        entries: the ledger's entries that name one of its rows.
        faults: what does not agree, a sentence each.
        damaged: whether pages of the file are damaged, so that no run of it can be checked.
    """

    run: str | None
    rows: int = 0
    counted: int = 0
    recordings: int = 0
    entries: int = 0
    faults: list[str] = field(default_factory=list)
    damaged: bool = False


def database(connection: Connection) -> Verified:
    """Check the database itself: SQLite's pages and indexes, and that each row is of a run that is there.

    Where pages are damaged nothing else is checked: SQLite may return anything of them.
    """
    found = Verified(None)
    if connection.dialect.name == "sqlite":
        found.faults += [f"the file is damaged: {line}" for line in _damage_of_pages(connection)]
        found.damaged = bool(found.faults)
        if found.damaged:
            return found
    known = set(connection.scalars(select(run.c.no)))
    for table in (delivery, recording, intent, note):
        for number in connection.scalars(select(table.c.run_no).distinct()):
            if number not in known:
                found.faults.append(f"the table {table.name} has rows of run no {number}, which is not in the journal")
    return found


def _damage_of_pages(connection: Connection) -> list[str]:
    """Return what SQLite finds wrong in its pages; some damage ends the search itself."""
    try:
        lines = connection.exec_driver_sql(f"PRAGMA integrity_check({_MOST_TOLD})").scalars().all()
    except DatabaseError as error:
        if not is_damage(error):
            raise
        return [str(error.orig)]
    return [line for line in lines if line != "ok"]


def of_run(engine: Engine, record: Row[Any]) -> Verified:
    """Check one run, in constant memory.

    Args:
        engine: reads the journal.
        record: the run's record. If its process is alive, its counts change while they are read.
    """
    found = Verified(record.id)
    try:
        running = state_of(record) is RunState.RUNNING
    except JournalError:
        found.faults.append("its record cannot be read")
        running = True
    with engine.connect() as connection:
        _batches(connection, record.no, found)
        try:
            found.counted = sum(counted.counted(decoded_options(record.options)).values())
        except DAMAGE:
            found.faults.append("its options cannot be read")
        if not found.faults:  # which rows are open is known
            _counts(connection, record, found, running=running)
            if record.production and not running:
                _ledger(connection, record, found)
        _notes(connection, record.no, found)
        _types(connection, record.no, found)
    _recordings(engine, record.no, found)
    return found


def _counts(connection: Connection, record: Row[Any], found: Verified, *, running: bool) -> None:
    grouped = select(delivery.c.outcome, func.count()).where(delivery.c.run_no == record.no)
    for outcome, rows in connection.execute(grouped.group_by(delivery.c.outcome)):
        found.rows += rows
        if outcome not in list(OutcomeKind):
            found.faults.append(f"{rows:,} rows have the outcome `{outcome}`, which is none")
    found.rows += sum(one.before is None for one in open_rows(connection, record.no).values())
    if record.counts is None or running:
        return
    try:
        noted = {
            name: rows for name, rows in msgspec.json.decode(blob(record.counts), type=dict[str, int]).items() if rows
        }
    except DAMAGE:
        found.faults.append("the counts of its record cannot be read")
        return
    if not found.faults and (counts := queries.counts(connection, record.no)) != noted:
        found.faults.append(f"its record counts {_words(noted)}, and its rows are {_words(counts)}")


def _words(counts: dict[str, int]) -> str:
    return ", ".join(f"{rows:,} {outcome}" for outcome, rows in counts.items()) or "none"


def _batches(connection: Connection, run_no: int, found: Verified) -> None:
    for record in connection.execute(select(intent).where(intent.c.run_no == run_no)):
        try:
            list(decoded(record))
        except DAMAGE as error:
            found.faults.append(f"batch {record.no} of intended rows cannot be read: {error}")


def _types(connection: Connection, run_no: int, found: Verified) -> None:
    """Find values of a run's rows that have another type than their column: SQLite gives each value its own."""
    if connection.dialect.name != "sqlite":
        return
    for column in delivery.c:
        named = {_SQLITE_TYPES[kind] for kind in types_of(column)}
        other = (delivery.c.run_no == run_no) & func.typeof(column).not_in(sorted(named))
        rows, first = connection.execute(select(func.count(), func.min(delivery.c.row)).where(other)).one()
        if rows:
            found.faults.append(f"the {column.name} of {rows:,} rows has another type; the first: row {first}")


def _notes(connection: Connection, run_no: int, found: Verified) -> None:
    for key, value in connection.execute(select(note.c.key, note.c.value).where(note.c.run_no == run_no)):
        try:
            notes.decoded(key, value)
        except DAMAGE:
            found.faults.append(f"its note `{key}` cannot be read")


def _ledger(connection: Connection, record: Row[Any], found: Verified) -> None:
    """Compare the ledger's entries with the rows that they name.

    An entry that says `delivered` or `duplicate` outlives a later refusal, and one that says `unknown` a later failure:
    the partner may have the record.
    """
    try:
        recent = entries_of(connection, record.no)
    except JournalError as error:
        found.faults.append(str(error))
        return
    pending = open_rows(connection, record.no)
    missing: list[int] = []
    differing: list[str] = []
    for row, known, outcome, status in _entries(connection, record.no, recent):
        found.entries += 1
        if row in pending:
            continue
        if outcome is None:
            if not found.counted:
                missing.append(row)
        elif outcome != known and known not in RECEIVED and (outcome in RECEIVED or _says_else(known, status)):
            differing.append(f"row {row} is {outcome}, and the ledger says {known}")
    if missing:
        found.faults.append(
            f"the ledger names {len(missing):,} rows that the run does not have; the first: {min(missing)}"
        )
    found.faults += differing[:_MOST_TOLD]
    if len(differing) > _MOST_TOLD:
        found.faults.append(f"{len(differing) - _MOST_TOLD:,} more rows differ from the ledger")


def _entries(
    connection: Connection, run_no: int, recent: Mapping[bytes, tuple[str, int]]
) -> Iterator[tuple[int, str, str | None, int | None]]:
    """Yield row and outcome of each of the ledger's entries that name a run's rows, and the row's outcome and status.

    Args:
        connection: to the journal.
        run_no: the run.
        recent: fingerprint to outcome and row of the entries that are not in the table, or also.
    """
    own = (delivery.c.outcome, delivery.c.status)
    same = (delivery.c.run_no == ledger.c.run_no) & (delivery.c.row == ledger.c.row)
    of_table = select(ledger.c.fingerprint, ledger.c.row, ledger.c.outcome, *own).select_from(
        ledger.outerjoin(delivery, same)
    )
    of_table = of_table.where(ledger.c.run_no == run_no)
    for mark, row, known, outcome, status in connection.execution_options(yield_per=5_000).execute(of_table):
        if bytes(mark) not in recent:
            yield row, known, outcome, status
    for some in chunks(recent.values(), _PAGE):
        wanted = select(delivery.c.row, *own).where(
            delivery.c.run_no == run_no, delivery.c.row.in_([row for _, row in some])
        )
        of_rows = {row: (outcome, status) for row, outcome, status in connection.execute(wanted)}
        for known, row in some:
            yield row, known, *of_rows.get(row, (None, None))


def _says_else(known: str, status: int | None) -> bool:
    return status is not None and known not in PERHAPS_RECEIVED


def _recordings(engine: Engine, run_no: int, found: Verified) -> None:
    last, bad, lonely = -1, list[int](), list[int]()
    page = select(recording.c.row, recording.c.data, delivery.c.row.label("settled")).select_from(
        recording.outerjoin(delivery, (delivery.c.run_no == recording.c.run_no) & (delivery.c.row == recording.c.row))
    )
    while True:
        with engine.connect() as connection:
            some = connection.execute(
                page.where(recording.c.run_no == run_no, recording.c.row > last).order_by(recording.c.row).limit(_PAGE)
            ).all()
        for row, data, settled in some:
            found.recordings += 1
            if settled is None:
                lonely.append(row)
            try:
                Recording.load(zlib.decompress(blob(data)), f"row {row}")
            except (JournalError, *DAMAGE):
                bad.append(row)
        if len(some) < _PAGE:
            break
        last = some[-1].row
    for rows, what in ((bad, "cannot be read"), (lonely, "are of rows that the run does not have")):
        if rows:
            found.faults.append(f"{len(rows):,} recordings {what}; the first: row {rows[0]}")


def sizes(connection: Connection, numbers: list[int]) -> Iterator[tuple[int, int]]:
    """Yield run number and about how many bytes its rows, recordings and notes have, without indexes and free pages."""
    texts = [delivery.c[name] for name in ("transaction", "rule", "reason", "reference", "code", "error")]
    per_row = sum((func.coalesce(func.length(text), 0) for text in texts), start=_ROW_BYTES)
    for number in numbers:
        parts = (
            select(func.sum(per_row)).where(delivery.c.run_no == number),
            select(func.sum(func.length(recording.c.data))).where(recording.c.run_no == number),
            select(func.sum(func.length(note.c.value))).where(note.c.run_no == number),
        )
        yield number, sum(int(connection.scalar(part) or 0) for part in parts)


_ROW_BYTES = 40
"""Bytes of a delivery besides its texts: measured on 1,000,000 rows in SQLite."""
