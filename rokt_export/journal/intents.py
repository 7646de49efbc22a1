"""Batches of rows that may be sent: how they are stored, and which of their rows are still open."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from itertools import islice
from typing import Any, TypeVar

import msgspec
import orjson
from msgspec import Struct
from sqlalchemy import ColumnElement, Connection, CursorResult, Dialect, Row, bindparam, cast, select

from rokt_export.journal.bulk import storable
from rokt_export.journal.damage import readable
from rokt_export.journal.departures import first_that_stayed, remove, token_of
from rokt_export.journal.driver import run_one
from rokt_export.journal.schema import intent, run

FINGERPRINT_BYTES = 16
_NONE = bytes(FINGERPRINT_BYTES)
_LOOKUP = 500
_SETTLED = {
    "sqlite": "SELECT delivery.row, intent_no, outcome FROM json_each(?) AS wanted "
    "CROSS JOIN delivery ON delivery.run_no = ? AND delivery.row = wanted.value",
    "postgresql": 'SELECT wanted."row"::bigint, intent_no, outcome FROM json_array_elements_text(%s) AS wanted("row"), '
    'LATERAL (SELECT intent_no, outcome FROM delivery WHERE run_no = %s AND "row" = wanted."row"::bigint OFFSET 0) d',
}
"""Looks for the deliveries of rows (a JSON list) one by one. Given `IN`, a server read all deliveries of the run."""
_BATCH = (intent.c.rows, intent.c.transactions, intent.c.fingerprints, intent.c.departures)

T = TypeVar("T")

Item = tuple[str, bytes | None]
"""Transaction id and fingerprint of an intended row."""


class OpenRow(Struct, frozen=True):
    """A row that was intended and not settled.

    Attributes:
        intent_no: the number of the last batch that intended it.
        transaction: the transaction's id.
        fingerprint: its keyed hash, in a production run.
        before: the outcome of an earlier send of this row in this run, which no longer counts.
    """

    intent_no: int
    transaction: str
    fingerprint: bytes | None
    before: str | None = None


class Intents:
    """The statements of a writer's batches, compiled once: building them takes longer than running them.

    Args:
        dialect: the database's dialect.
        run_no: the writer's run.
        owner: the id of the process that drives the run.
    """

    def __init__(self, dialect: Dialect, run_no: int, owner: str) -> None:
        self._run_no = run_no
        given = [cast(bindparam(column.name), column.type) for column in _BATCH]
        mine = select(run.c.no, *given).where(*owned(run_no, owner))
        insert = intent.insert().from_select([intent.c.run_no, *_BATCH], mine)
        compiled = (insert if dialect.name == "sqlite" else insert.returning(intent.c.no)).compile(dialect=dialect)
        self._insert = str(compiled)
        self._order = compiled.positiontup or ()
        self._fixed = compiled.params
        self._delete = str(intent.delete().where(intent.c.no == bindparam("number")).compile(dialect=dialect))

    def insert(self, connection: Connection, batch: Mapping[int, Item], departures: bytes | None = None) -> int | None:
        """Write a batch and return its number; None, without writing, if another process has taken the run over."""
        values = {**self._fixed, **encoded(batch), "departures": departures}
        result = run_one(connection, self._insert, tuple(values[name] for name in self._order))
        if isinstance(result, CursorResult):
            number: int | None = result.scalar_one_or_none()
            return number
        return result.lastrowid if result.rowcount else None

    def find(self, connection: Connection, departures: bytes) -> int | None:
        """Return the number of the batch with these departures, which no other batch has; None if there is none."""
        found = select(intent.c.no).where(intent.c.run_no == self._run_no, intent.c.departures == departures)
        number: int | None = connection.scalar(found)
        return number

    def delete(self, connection: Connection, numbers: Iterable[int]) -> None:
        """Delete batches."""
        for number in numbers:
            run_one(connection, self._delete, (number,))


def owned(run_no: int, owner: str) -> Iterator[ColumnElement[bool]]:
    """Yield the conditions on a run's record that hold while this process drives the run."""
    yield run.c.no == run_no
    yield run.c.owner == owner


def encoded(items: Mapping[int, Item]) -> dict[str, bytes | None]:
    """Return a batch as the columns of its record."""
    fingerprints = [fingerprint for _, fingerprint in items.values()]
    return {
        "rows": orjson.dumps(list(items)),
        "transactions": _texts([transaction for transaction, _ in items.values()]),
        "fingerprints": b"".join(one or _NONE for one in fingerprints) if any(fingerprints) else None,
        "departures": None,
    }


def _texts(texts: list[str]) -> bytes:
    try:
        return orjson.dumps(texts)
    except TypeError:
        return orjson.dumps([storable(text) for text in texts])


def decoded(record: Row[Any]) -> Iterator[tuple[int, OpenRow]]:
    """Yield (row, OpenRow) for the rows of a batch's record that may have been sent; after a purge, their transaction
    ids are `row-<n>`.
    """
    rows = msgspec.json.decode(record.rows, type=list[int])
    transactions = msgspec.json.decode(record.transactions, type=list[str]) or [f"row-{row}" for row in rows]
    hashes = record.fingerprints or b""
    left = first_that_stayed(record.departures)
    for place, (row, transaction) in enumerate(islice(zip(rows, transactions, strict=True), left)):
        fingerprint = bytes(hashes[place * FINGERPRINT_BYTES : (place + 1) * FINGERPRINT_BYTES])
        yield row, OpenRow(record.no, transaction, None if fingerprint in {b"", _NONE} else fingerprint)


def open_rows(connection: Connection, run_no: int, numbers: Collection[int] | None = None) -> dict[int, OpenRow]:
    """Return row to OpenRow for the rows of a run that were intended and not settled since, in ascending order.

    Rows of a process that is gone are left out where it is known that they were never sent. Only batches with these
    numbers are looked at; None for all of the run.

    A row is settled only by a delivery of the last batch that intended it, or of a later one: an older result says
    nothing about a second send that was interrupted.
    """
    intended: dict[int, OpenRow] = {}
    batches = select(intent).where(intent.c.run_no == run_no).order_by(intent.c.no)
    if numbers is not None:
        batches = batches.where(intent.c.no.in_(numbers))
    for record in connection.execute(batches):
        with readable(f"batch {record.no}", (connection, run_no)):
            intended.update(decoded(record))
    for rows in chunks(list(intended), _LOOKUP):
        for row, settled_by, outcome in connection.exec_driver_sql(
            _SETTLED[connection.dialect.name], (f"[{','.join(map(str, rows))}]", run_no)
        ):
            one = intended[row]
            if settled_by >= one.intent_no:
                del intended[row]
            else:
                intended[row] = OpenRow(one.intent_no, one.transaction, one.fingerprint, outcome)
    return dict(sorted(intended.items()))


def pass_over(connection: Connection, run_no: int, rows: range) -> None:
    """Let all rows of batches count as sent whose process may still live, where they are among these rows.

    Args:
        connection: a transaction.
        run_no: the run.
        rows: what a worker reads.
    """
    counted = intent.c.departures.is_not(None)
    for record in connection.execute(select(intent).where(intent.c.run_no == run_no, counted)).all():
        first = orjson.loads(record.rows)[0]
        if first in rows and first_that_stayed(record.departures) is None:
            connection.execute(intent.update().where(intent.c.no == record.no).values(departures=None))


def passed_over(connection: Connection, run_no: int) -> frozenset[int]:
    """Return the numbers of a run's batches all of whose rows count as sent."""
    passed = select(intent.c.no).where(intent.c.run_no == run_no, intent.c.departures.is_(None))
    return frozenset(connection.scalars(passed))


def prune(connection: Connection, run_no: int) -> None:
    """Delete the batches of a run without open rows, which a process that died has left."""
    needed = {one.intent_no for one in open_rows(connection, run_no).values()}
    batches = connection.execute(select(intent.c.no, intent.c.departures).where(intent.c.run_no == run_no)).all()
    counted = {token_of(counts) for number, counts in batches if counts and number in needed}
    for number, counts in batches:
        if number not in needed:
            connection.execute(intent.delete().where(intent.c.no == number))
            if counts and token_of(counts) not in counted:
                remove(token_of(counts))


def keep_open(connection: Connection, run_no: int) -> None:
    """Leave in the batches of an ended run only its open rows: their other rows are told apart by their deliveries."""
    pending = open_rows(connection, run_no)
    for record in connection.execute(select(intent).where(intent.c.run_no == run_no)).all():
        with readable(f"batch {record.no}", (connection, run_no)):
            rows = {row: one for row, one in decoded(record) if row in pending and pending[row].intent_no == record.no}
        mine = intent.c.no == record.no
        if rows:
            items = {row: (one.transaction, one.fingerprint) for row, one in rows.items()}
            connection.execute(intent.update().where(mine).values(**encoded(items)))
        else:
            connection.execute(intent.delete().where(mine))


def chunks(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Yield the items in lists of at most `size`."""
    iterator = iter(items)
    while chunk := list(islice(iterator, size)):
        yield chunk


class OpenBatches:
    """The open rows of a writer, by batch. It is updated after the journal.

    Attributes:
        marks: the fingerprints of the open rows.
    """

    def __init__(self) -> None:
        self.marks: set[bytes] = set()
        self._batches: dict[int, Mapping[int, Item]] = {}
        self._open: dict[int, set[int]] = {}
        self._batch_of: dict[int, int] = {}

    @property
    def numbers(self) -> Collection[int]:
        """The numbers of its batches."""
        return self._open.keys()

    def begin(self, number: int, batch: Mapping[int, Item]) -> None:
        """Add a batch; rows that are already open move to it."""
        self.end(self.among(batch))
        self._batches[number] = batch
        self._open[number] = set(batch)
        self._batch_of.update(dict.fromkeys(batch, number))
        self.marks.update(mark for _, mark in batch.values() if mark is not None)

    def end(self, rows: Collection[int]) -> None:
        """Remove rows; rows that are not open are ignored."""
        if self.marks:
            self.marks.difference_update(mark for row in rows if (mark := self.mark_of(row)) is not None)
        for number in self._touched(rows):
            left = self._open[number]
            left.difference_update(rows)
            if not left:
                del self._batches[number], self._open[number]
        forget = self._batch_of.pop
        for row in rows:
            forget(row, None)

    def among(self, rows: Collection[int]) -> list[int]:
        """Return the rows that are open."""
        return [] if self._batch_of.keys().isdisjoint(rows) else [row for row in rows if row in self._batch_of]

    def batches_of(self, rows: Collection[int], otherwise: int) -> list[int]:
        """Return the batch number of each row; `otherwise` for a row that is in none."""
        number_of = self._batch_of.get
        return [number_of(row, otherwise) for row in rows]

    def mark_of(self, row: int) -> bytes | None:
        """Return the fingerprint of an open row; None if it has none."""
        number = self._batch_of.get(row)
        return None if number is None else self._batches[number][row][1]

    def emptied(self, rows: Collection[int]) -> list[int]:
        """Return the batches that would have no open row without these rows."""
        return [number for number in self._touched(rows) if self._open[number].issubset(rows)]

    def without(self, rows: Collection[int]) -> Iterator[tuple[int, dict[int, Item]]]:
        """Yield each batch that contains one of the rows, with its other open rows."""
        for number in self._touched(rows):
            left = self._open[number].difference(rows)
            yield number, {row: item for row, item in self._batches[number].items() if row in left}

    def _touched(self, rows: Collection[int]) -> set[int]:
        numbers: set[int | None] = set(map(self._batch_of.get, rows))
        return {number for number in numbers if number is not None}
