"""The statements of each batch, compiled once and run on the driver with plain tuples."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from typing import TYPE_CHECKING, Any

import orjson
from sqlalchemy import ColumnElement, Connection, Dialect, Insert, String, Table, literal_column

from rokt_export.exchange.delivery import Deliveries, is_empty
from rokt_export.exchange.model import PERHAPS_RECEIVED, RECEIVED
from rokt_export.journal.driver import run_many, run_one
from rokt_export.journal.ledger_entries import SAYS_NOTHING, Entry, append
from rokt_export.journal.schema import delivery, ledger, note, recording

if TYPE_CHECKING:
    from sqlalchemy.dialects import postgresql, sqlite

_WITHOUT_STATUS = RECEIVED | PERHAPS_RECEIVED
_TOGETHER = 32
"""Records per statement for SQLite, which takes a sixth less time per record then. With 15 parameters each, it stays
below the 999 parameters that old versions allow."""

DELIVERY_COLUMNS = tuple(column.name for column in delivery.columns)


class BulkInsert:
    """Inserts or replaces records of one table, about twice as fast as SQLAlchemy with dictionaries.

    A server is given a batch as one statement with an array for each column, or one value where all records have the
    same: a quarter of the time of a statement for each record.

    Args:
        dialect: the database's dialect.
        table: the table; a record with the primary key of an existing one replaces it.

    Attributes:
        is_new: whether a server may take all records as new, which saves it a third of the time. The insertion of a
            record that exists fails then, and so does the transaction: its caller must be able to repeat it.
    """

    def __init__(self, dialect: Dialect, table: Table, *, is_new: bool = False) -> None:
        self.is_new = is_new
        self._dialect = dialect
        self._table = table
        self._columns = tuple(str(column.name) for column in table.columns)
        self._keys = tuple(str(column.name) for column in table.primary_key)
        self._statements: dict[tuple[str, ...], tuple[str, str | None]] = {}
        self._of_arrays: dict[tuple[bool, tuple[str, ...], tuple[bool, ...]], str] = {}

    def run(self, connection: Connection, records: Iterable[tuple[Any, ...]]) -> None:
        """Write records, whose values are in the order of the table's columns."""
        if self._dialect.name != "postgresql":
            self._run_records(connection, records, self._columns)
        elif columns := list(zip(*records, strict=True)):
            self._run_arrays(connection, dict(zip(self._columns, columns, strict=True)))

    def run_columns(self, connection: Connection, columns: Mapping[str, Sequence[Any]]) -> None:
        """Write records that are given as columns.

        Args:
            connection: a connection in a transaction.
            columns: the columns in the order of the table, each with a value for each record; the others become NULL.
        """
        if self._dialect.name != "postgresql":
            self._run_records(connection, zip(*columns.values(), strict=True), tuple(columns))
        elif any(columns.values()):
            self._run_arrays(connection, columns)

    def _run_records(
        self, connection: Connection, records: Iterable[tuple[Any, ...]], columns: tuple[str, ...]
    ) -> None:
        statement, together = self._prepared(columns)
        if together is not None:
            records = list(records)
            whole = len(records) - len(records) % _TOGETHER
            for first in range(0, whole, _TOGETHER):
                run_one(connection, together, tuple(chain.from_iterable(records[first : first + _TOGETHER])))
            records = records[whole:]
        run_many(connection, statement, records)

    def _run_arrays(self, connection: Connection, columns: Mapping[str, Sequence[Any]]) -> None:
        """Write the records of a server by one statement."""
        keys = list(zip(*(columns[name] for name in self._keys), strict=True))
        if not self.is_new and len(set(keys)) < len(keys):
            # One statement cannot write a record twice, as an input with repeated rows would.
            for place in range(len(keys)):
                self._run_arrays(connection, {name: values[place : place + 1] for name, values in columns.items()})
            return
        same = [name != self._keys[-1] and values.count(values[0]) == len(values) for name, values in columns.items()]
        shape = (self.is_new, tuple(columns), tuple(same))
        statement = self._of_arrays.get(shape)
        if statement is None:
            statement = self._of_arrays[shape] = self._from_arrays(*shape)
        given = tuple(
            _literal(values[0]) if is_same else array_text(values)
            for values, is_same in zip(columns.values(), same, strict=True)
        )
        connection.exec_driver_sql(statement, given)

    def _from_arrays(self, is_new: bool, columns: tuple[str, ...], same: tuple[bool, ...]) -> str:
        """Return the statement that takes arrays, and one value for a column that is the same in all records."""
        insert = _insert(self._dialect, self._table) if is_new else _upsert(self._dialect, self._table)
        head, _, rest = str(insert.compile(dialect=self._dialect, column_keys=columns)).partition(" VALUES ")
        conflict = "" if is_new else rest[rest.index(" ON CONFLICT") :]
        # As texts of any length: the table's own columns check it.
        kinds = [
            "TEXT" if isinstance(kind := self._table.c[name].type, String) else kind.compile(dialect=self._dialect)
            for name in columns
        ]
        values = [
            f"%s::{kind}" if is_same else f"unnest(%s::{kind}[])" for kind, is_same in zip(kinds, same, strict=True)
        ]
        return f"{head} SELECT {', '.join(values)}{conflict}"

    def _prepared(self, columns: tuple[str, ...]) -> tuple[str, str | None]:
        """Return the statement for one record and, if it is faster, the one for `_TOGETHER` records."""
        found = self._statements.get(columns)
        if found is None:
            compiled = _upsert(self._dialect, self._table).compile(dialect=self._dialect, column_keys=columns)
            if compiled.positiontup is not None and tuple(compiled.positiontup) != columns:
                raise AssertionError("the statement orders its parameters as the table orders its columns")
            one = f"VALUES ({', '.join('?' * len(columns))})"
            several = f"{one}{one.replace('VALUES', ',') * (_TOGETHER - 1)}"
            sql = str(compiled)
            found = self._statements[columns] = sql, sql.replace(one, several) if one in sql else None
        return found


class BulkDeliveries:
    """Inserts or replaces deliveries by column: a column that is empty in a batch, such as errors, costs nothing."""

    def __init__(self, dialect: Dialect, *, is_new: bool = False) -> None:
        self.insert = BulkInsert(dialect, delivery, is_new=is_new)
        # SQLite has no booleans; its driver takes four times as long for one as for a number.
        self._flag: type[int] = int if dialect.name == "sqlite" else bool

    def run(self, connection: Connection, run_no: int, intents: Sequence[int], deliveries: Deliveries) -> None:
        """Write deliveries of a run; `intents` has the number of the batch that intended each."""
        columns: dict[str, Sequence[Any]] = {"run_no": [run_no] * len(deliveries), "row": [], "intent_no": intents}
        for name in _VALUES:
            values: list[Any] = getattr(deliveries, name)
            if not is_empty(values):
                columns[name] = values
        columns["outcome"] = list(map(str, deliveries.outcome))
        columns["invented"] = list(map(self._flag, deliveries.invented))
        self.insert.run_columns(connection, columns)


_VALUES = [name for name in DELIVERY_COLUMNS if name not in {"run_no", "intent_no"}]


class Bulk:
    """The journal's bulk statements for one database; see `BulkInsert` for `is_new`."""

    def __init__(self, dialect: Dialect, *, is_new: bool = False) -> None:
        self.deliveries = BulkDeliveries(dialect, is_new=is_new)
        self.recording = BulkInsert(dialect, recording)
        self.ledger = BulkInsert(dialect, ledger, is_new=is_new)
        self.note = BulkInsert(dialect, note)

    def results(
        self,
        connection: Connection,
        run_no: int,
        deliveries: Deliveries,
        intents: Sequence[int],
        marks: Sequence[bytes | None],
    ) -> None:
        """Write the results of a run, and the ledger's entries of those that have a fingerprint.

        Args:
            connection: a connection in a transaction.
            run_no: the number of the run.
            deliveries: the results.
            intents: the number of the batch that intended each.
            marks: the fingerprint of each row; None, or no fingerprints at all, outside production.
        """
        self.deliveries.run(connection, run_no, intents, deliveries)
        if not marks:
            return
        given = zip(marks, deliveries.outcome, deliveries.status, deliveries.row, strict=True)
        # Without a response, a row is entered only if its outcome says that the partner has it, or may have it.
        self.enter(
            connection,
            [
                (mark, str(outcome), run_no, row)
                for mark, outcome, status, row in given
                if mark is not None and (status is not None or outcome in _WITHOUT_STATUS)
            ],
        )

    def enter(self, connection: Connection, entries: list[Entry]) -> None:
        """Write entries of the ledger: in a file among the recent ones, on a server in the table."""
        if connection.dialect.name == "sqlite":
            append(connection, entries)
        else:
            self.ledger.run(connection, sorted(entries))

    def replace(self) -> bool:
        """Take records as new no more, on a server; return whether that changes anything."""
        inserts = (self.deliveries.insert, self.ledger)
        changes = any(insert.is_new for insert in inserts)
        for insert in inserts:
            insert.is_new = False
        return changes


def storable(text: str) -> str:
    """Return a text with U+FFFD for characters that a database refuses (NUL, unpaired surrogates)."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").replace("\0", "\ufffd")


def storable_results(batch: Deliveries) -> Deliveries:
    """Return results whose texts any database takes; see `storable`."""
    names = ("transaction", "rule", "reason", "reference", "code", "error")
    texts: dict[str, Any] = {
        name: [text if text is None else storable(text) for text in getattr(batch, name)] for name in names
    }
    return replace(batch, **texts)


_OF_ALL_SENDS = {
    "attempts": "CASE WHEN delivery.intent_no < excluded.intent_no THEN delivery.attempts + excluded.attempts "
    "WHEN delivery.attempts > excluded.attempts THEN delivery.attempts ELSE excluded.attempts END",
    "started": "CASE WHEN delivery.started > 0 AND (delivery.started < excluded.started OR excluded.started = 0) "
    "THEN delivery.started ELSE excluded.started END",
}
"""What becomes of attempts and start where a row of a run is sent once more: both sends count, and the first one's
moment stays. A result that is only written again, of the same batch, counts once."""


def _among(outcomes: Collection[str]) -> str:
    """Return the condition that a text is one of these outcomes, as SQL."""
    named = ", ".join(f"'{one}'" for one in sorted(outcomes))
    return f"IN ({named})"


def _upsert(dialect: Dialect, table: Table) -> Insert:
    keys = [column.name for column in table.primary_key]
    insert = _insert(dialect, table)
    values: dict[str, Any] = {c.name: insert.excluded[c.name] for c in table.columns if c.name not in keys}
    if table is delivery:
        values |= {name: literal_column(text) for name, text in _OF_ALL_SENDS.items()}
    if table is not ledger:
        return insert.on_conflict_do_update(index_elements=keys, set_=values)
    # As `later_outcome`; where the partner has the record, the entry keeps naming its row, which may be revised.
    values["outcome"] = literal_column(
        f"CASE WHEN ledger.outcome {_among(PERHAPS_RECEIVED)} AND excluded.outcome {_among(SAYS_NOTHING)} "
        "THEN ledger.outcome ELSE excluded.outcome END"
    )
    received: ColumnElement[bool] = literal_column(f"ledger.outcome {_among(RECEIVED)}")
    return insert.on_conflict_do_update(index_elements=keys, set_=values, where=~received)


def _literal(value: Any) -> str | None:
    """Return a value as PostgreSQL reads it."""
    if isinstance(value, bytes):
        return f"\\x{value.hex()}"
    return str(value) if value is not None else None


def array_text(values: Sequence[Any]) -> str:
    """Return values of one kind as the text of a PostgreSQL array.

    It is that of JSON but for its brackets, and for what a backslash stands for in a text.

    Raises:
        UnicodeEncodeError: a text has an unpaired surrogate.
    """
    if isinstance(values[0], bytes):
        return f"""{{"{'","'.join(f"{chr(92) * 2}x{value.hex()}" for value in values)}"}}"""
    try:
        text = orjson.dumps(values)
    except orjson.JSONEncodeError as error:
        if "surrogates" not in str(error):
            raise
        raise UnicodeEncodeError("utf-8", "", 0, 1, "surrogates not allowed") from error
    if b"\\" not in text:
        return f"{{{text[1:-1].decode()}}}"
    quoted = ("null" if each is None else '"' + each.replace("\\", r"\\").replace('"', r"\"") + '"' for each in values)
    return f"{{{','.join(quoted)}}}"


def _insert(dialect: Dialect, table: Table) -> postgresql.Insert | sqlite.Insert:
    """Return the dialect's INSERT, which supports ON CONFLICT. Importing a dialect takes 30 ms."""
    if dialect.name == "postgresql":
        from sqlalchemy.dialects import postgresql

        return postgresql.insert(table)
    from sqlalchemy.dialects import sqlite

    return sqlite.insert(table)
