"""Removes personal data from records, and from the bytes of the file."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import orjson
from sqlalchemy import Connection, Row, String, cast, exists, literal, select
from sqlalchemy.exc import SQLAlchemyError

from rokt_export.errors import JournalError
from rokt_export.journal import certifications, counted, queries
from rokt_export.journal.departures import drop_kept, token_of
from rokt_export.journal.run_info import as_text, in_sandbox, now
from rokt_export.journal.schema import delivery, earlier_outcome, intent, note, recording, run
from rokt_export.journal.storage import PATIENCE, Store, pragma, use

_NOTHING = orjson.dumps([])


def purge(connection: Connection, records: Sequence[Row[Any]], *, remove: bool, keep_counts: bool = False) -> None:
    """Remove the personal data of runs, or with `remove` the runs, within the caller's transaction.

    With `keep_counts` the rows go too, and their counts stay. Else each row's number, outcome, status, rule, attempts
    and times stay, and the counts; of a certification its verdicts, its address and who signed. The ledger stays in all
    cases: it has only keyed hashes, and without it rows would be delivered twice.
    """
    for record in records:
        for counts in connection.scalars(select(intent.c.departures).where(intent.c.run_no == record.no)):
            if counts is not None:  # results that could not be entered, as those of an earlier boot
                drop_kept(token_of(counts))
        stays = () if remove else (certifications.NOTE.key, certifications.SIGNED.key)
        connection.execute(recording.delete().where(recording.c.run_no == record.no))
        connection.execute(note.delete().where(note.c.run_no == record.no, note.c.key.not_in(stays)))
        if remove:
            _remove(connection, record.no)
        else:
            counts = _blank(connection, record)
            if keep_counts:
                counted.reduce_all(connection, record.no, counts)


def has_more(connection: Connection, record: Row[Any], *, remove: bool, keep_counts: bool) -> bool:
    """Return whether a purge with these arguments would remove anything of a run."""
    if remove or record.purged is None:
        return True
    return keep_counts and connection.scalar(select(exists().where(delivery.c.run_no == record.no))) is True


def _remove(connection: Connection, run_no: int) -> None:
    counted.remove_rows(connection, run_no)
    connection.execute(run.delete().where(run.c.no == run_no))


def _blank(connection: Connection, record: Row[Any]) -> dict[str, int]:
    """Remove the texts of a run's rows; return its counts."""
    certifications.purge(connection, record.no)
    counts = queries.counts(connection, record.no)
    texts = dict.fromkeys(("reason", "reference", "code", "error"))
    names = {"transaction": literal("row-").concat(cast(delivery.c.row, String))}
    connection.execute(delivery.update().where(delivery.c.run_no == record.no).values(names | texts))
    connection.execute(earlier_outcome.update().where(earlier_outcome.c.run_no == record.no).values(texts))
    connection.execute(intent.update().where(intent.c.run_no == record.no).values(transactions=_NOTHING))
    # Options may contain values from the command line (`--set email=…`).
    before = queries.options(record)
    options: dict[str, Any] = {"flags": {"sandbox": True}} if in_sandbox(before) else {}
    if record.command == "certify" and "target" in before:  # what it proved holds at this address only
        options["target"] = before["target"]
    if only_counted := counted.counted(before):
        options[counted.OPTION] = only_counted
    values = {"options": orjson.dumps(options), "counts": orjson.dumps(counts), "purged": as_text(now())}
    connection.execute(run.update().where(run.c.no == record.no).values(values))
    return counts


def scrub(store: Store) -> None:
    """Remove deleted content from the bytes of a SQLite file, or of a server's tables.

    In a file, deleted content was already overwritten with zeros (`secure_delete`). The write-ahead log is emptied
    here; `VACUUM` then frees the space. On a server `VACUUM` removes the old records, whose space is then used again.

    Raises:
        JournalError: the log cannot be emptied, because another process is reading the journal.
    """
    if store.path is None:
        names = ", ".join(table.name for table in (delivery, earlier_outcome, intent, note, recording, run))
        with store.writing.connect() as connection:
            connection.execution_options(isolation_level="AUTOCOMMIT").exec_driver_sql(f"VACUUM (ANALYZE) {names}")
        return
    with store.writing.connect() as connection:
        use(connection, f"PRAGMA busy_timeout = {1000 * PATIENCE:.0f}")  # connections that wrote have no timeout
        _empty_log(connection)
        pragma(connection, "VACUUM")
        _empty_log(connection)


def forget_deleted(store: Store) -> None:
    """Overwrite what a migration deleted, unless another process is reading.

    In a SQLite file it was overwritten (`secure_delete`), and the log is emptied here; a server's table is rewritten.
    """
    with suppress(JournalError, SQLAlchemyError), store.writing.connect() as connection:
        if store.path is not None:
            _empty_log(connection)
        else:
            connection.execution_options(isolation_level="AUTOCOMMIT").exec_driver_sql("VACUUM FULL journal_meta")


def _empty_log(connection: Connection) -> None:
    row = pragma(connection, "PRAGMA wal_checkpoint(TRUNCATE)")
    if row is not None and row[0]:
        raise JournalError(
            "the data is purged, but another process uses the journal's log, which may have copies",
            remedy="Repeat the purge when no other process uses the journal.",
        )
