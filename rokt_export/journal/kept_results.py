"""Enters in the journal the results that killed writers kept beside it."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, select

from rokt_export.exchange.delivery import Deliveries, Delivery
from rokt_export.journal.bulk import Bulk, storable_results
from rokt_export.journal.departures import drop_kept, kept, token_of
from rokt_export.journal.intents import OpenRow, open_rows
from rokt_export.journal.schema import intent
from rokt_export.journal.storage import Store


def enter_kept(store: Store) -> None:
    """Enter the results that writers kept beside the journal when they were killed: these rows are not `unknown`.

    Raises:
        SQLAlchemyError, sqlite3.Error: the journal cannot be written; the results stay beside it.
    """
    with store.reading.connect() as connection:
        writers = _writers(connection)
    for token, run_no in writers.items():
        if results := list(kept(token)):
            with store.writing.begin() as connection:
                found = _still_open(connection, run_no, results)
                Bulk(connection.dialect).results(
                    connection,
                    run_no,
                    storable_results(Deliveries.together([one for one, _ in found])),
                    [open_row.intent_no for _, open_row in found],
                    [open_row.fingerprint for _, open_row in found],
                )
            drop_kept(token)


def kept_rows(connection: Connection, run_no: int) -> list[int]:
    """Return the rows of a run whose results could not be entered yet, such as on a full disk."""
    tokens = [token for token, number in _writers(connection).items() if number == run_no]
    return [one.row for token in tokens for one, _ in _still_open(connection, run_no, list(kept(token)))]


def _writers(connection: Connection) -> dict[bytes, int]:
    """Return the names of the files beside the journal that its batches name, and the run of each."""
    batches = select(intent.c.departures, intent.c.run_no).where(intent.c.departures.is_not(None))
    return {token_of(counts): run_no for counts, run_no in connection.execute(batches)}


def _still_open(
    connection: Connection, run_no: int, results: Sequence[tuple[int, Delivery]]
) -> list[tuple[Delivery, OpenRow]]:
    """Return the results whose rows are open in the batch that the writer sent them with: others were entered."""
    pending = open_rows(connection, run_no) if results else {}
    return [
        (one, open_row)
        for number, one in results
        if (open_row := pending.get(one.row)) is not None and open_row.intent_no == number
    ]
