"""The statements of each batch, compiled once and run on the driver with plain tuples."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from itertools import chain, repeat
from typing import TYPE_CHECKING, Any

import orjson
from sqlalchemy import Connection, CursorResult, Dialect, Insert, LargeBinary, Table, literal_column

from rokt_export.exchange.delivery import Deliveries, is_empty
from rokt_export.journal.schema import delivery, ledger, note, recording

if TYPE_CHECKING:
    from sqlalchemy.dialects import postgresql, sqlite

_TOGETHER = 32
"""Records per statement for SQLite, which takes a sixth less time per record then. With 15 parameters each, it stays
below the 999 parameters that old versions allow."""

DELIVERY_COLUMNS = tuple(column.name for column in delivery.columns)


class BulkInsert:
    """Inserts or replaces records of one table, about twice as fast as SQLAlchemy with dictionaries.

    A server is given a batch as one JSON text, which takes a third of the time of a statement for each record.

    Args:
        dialect: the database's dialect.
        table: the table; a record with the primary key of an existing one replaces it.
    """

    def __init__(self, dialect: Dialect, table: Table) -> None:
        self._dialect = dialect
        self._table = table
        self._columns = tuple(column.name for column in table.columns)
        self._statements: dict[tuple[str, ...], tuple[str, str | None]] = {}
        self._documents: dict[tuple[str, ...], str] = {}
        self._keys = [self._columns.index(column.name) for column in table.primary_key]
        self._is_document = dialect.name == "postgresql" and table in (delivery, ledger)

    def run(
        self, connection: Connection, records: Iterable[tuple[Any, ...]], columns: tuple[str, ...] | None = None
    ) -> None:
        """Write the records.

        Args:
            connection: a connection in a transaction.
            records: tuples in the order of `columns`.
            columns: the columns of the records, in the order of the table; the others become NULL. None = all.
        """
        if self._is_document:
            records = list(records)
            # One statement must not write a record twice, as an input with repeated rows would.
            if records and len({tuple(record[key] for key in self._keys) for record in records}) == len(records):
                self._run_document(connection, records, columns or self._columns)
                return
        statement, together = self._prepared(columns or self._columns)
        if together is not None:
            records = list(records)
            whole = len(records) - len(records) % _TOGETHER
            for first in range(0, whole, _TOGETHER):
                run_one(connection, together, tuple(chain.from_iterable(records[first : first + _TOGETHER])))
            records = records[whole:]
        run_many(connection, statement, records)

    def _run_document(
        self, connection: Connection, records: Iterable[tuple[Any, ...]], columns: tuple[str, ...]
    ) -> None:
        """Write the records of a server by one statement."""
        statement = self._documents.get(columns)
        if statement is None:
            statement = self._documents[columns] = _from_document(self._dialect, self._table, columns)
        names = [*map(str, columns)]  # SQLAlchemy's own kind of text is no key for orjson
        try:
            document = orjson.dumps([dict(zip(names, record, strict=True)) for record in records], default=bytes.hex)
        except orjson.JSONEncodeError as error:
            if "surrogates" not in str(error):
                raise
            raise UnicodeEncodeError("utf-8", "", 0, 1, "surrogates not allowed") from error
        connection.exec_driver_sql(statement, (document.decode(),))

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

    def __init__(self, dialect: Dialect) -> None:
        self._insert = BulkInsert(dialect, delivery)
        # SQLite has no booleans; its driver takes four times as long for one as for a number.
        self._flag: type[int] = int if dialect.name == "sqlite" else bool

    def run(self, connection: Connection, run_no: int, intents: Sequence[int], deliveries: Deliveries) -> None:
        """Write deliveries of a run; `intents` has the number of the batch that intended each."""
        columns: dict[str, Iterable[Any]] = {"run_no": repeat(run_no), "row": (), "intent_no": intents}
        for name in _VALUES:
            values: list[Any] = getattr(deliveries, name)
            if not is_empty(values):
                columns[name] = values
        columns["outcome"] = map(str, deliveries.outcome)
        columns["invented"] = map(self._flag, deliveries.invented)
        self._insert.run(connection, zip(*columns.values(), strict=False), tuple(columns))


_VALUES = [name for name in DELIVERY_COLUMNS if name not in {"run_no", "intent_no"}]


def run_one(connection: Connection, statement: str, values: tuple[Any, ...]) -> CursorResult[Any] | sqlite3.Cursor:
    """Run a statement for one record.

    With a server, SQLAlchemy must notice a lost connection. With a file, it would cost ten times the statement.
    """
    file = connection.connection.driver_connection
    if isinstance(file, sqlite3.Connection):
        return file.execute(statement, values)
    return connection.exec_driver_sql(statement, values)


def run_many(connection: Connection, statement: str, records: Iterable[tuple[Any, ...]]) -> None:
    """Run a statement for each of many records."""
    file = connection.connection.driver_connection
    if isinstance(file, sqlite3.Connection):
        file.executemany(statement, records)
    elif records := list(records):
        connection.exec_driver_sql(statement, records)


class Bulk:
    """The journal's bulk statements for one database."""

    def __init__(self, dialect: Dialect) -> None:
        self.deliveries = BulkDeliveries(dialect)
        self.recording = BulkInsert(dialect, recording)
        self.ledger = BulkInsert(dialect, ledger)
        self.note = BulkInsert(dialect, note)


def storable(text: str) -> str:
    """Return a text with U+FFFD for characters that a database refuses (NUL, unpaired surrogates)."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").replace("\0", "\ufffd")


def _upsert(dialect: Dialect, table: Table) -> Insert:
    keys = [column.name for column in table.primary_key]
    insert = _insert(dialect, table)
    values: dict[str, Any] = {c.name: insert.excluded[c.name] for c in table.columns if c.name not in keys}
    if table is not ledger:
        return insert.on_conflict_do_update(index_elements=keys, set_=values)
    # The partner still has the record: the entry keeps naming its row, which may be revised.
    # A failed send says nothing about an earlier one that the partner may have received.
    values["outcome"] = literal_column(
        "CASE WHEN ledger.outcome IN ('unknown', 'unclassified') AND excluded.outcome = 'failed' "
        "THEN ledger.outcome ELSE excluded.outcome END"
    )
    known = literal_column("ledger.outcome").in_([literal_column("'delivered'"), literal_column("'duplicate'")])
    return insert.on_conflict_do_update(index_elements=keys, set_=values, where=~known)


def _from_document(dialect: Dialect, table: Table, columns: tuple[str, ...]) -> str:
    """Return the statement that inserts or replaces the records of a JSON array of objects (PostgreSQL)."""
    sql = str(_upsert(dialect, table).compile(dialect=dialect, column_keys=columns))
    head, conflict = sql.partition(" VALUES ")[0], sql[sql.index(" ON CONFLICT") :]
    quoted = {name: dialect.identifier_preparer.quote(name) for name in columns}
    is_binary = {name: isinstance(table.c[name].type, LargeBinary) for name in columns}
    values = [f"decode({quoted[name]}, 'hex')" if is_binary[name] else quoted[name] for name in columns]
    given = [
        f"{quoted[name]} {'text' if is_binary[name] else table.c[name].type.compile(dialect=dialect)}"
        for name in columns
    ]
    return f"{head} SELECT {', '.join(values)} FROM json_to_recordset(%s) AS given ({', '.join(given)}){conflict}"


def _insert(dialect: Dialect, table: Table) -> postgresql.Insert | sqlite.Insert:
    """Return the dialect's INSERT, which supports ON CONFLICT. Importing a dialect takes 30 ms."""
    if dialect.name == "postgresql":
        from sqlalchemy.dialects import postgresql

        return postgresql.insert(table)
    from sqlalchemy.dialects import sqlite

    return sqlite.insert(table)
