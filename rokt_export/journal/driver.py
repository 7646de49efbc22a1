"""Statements that run often: with a file, by its driver's own means, as SQLAlchemy takes ten times as long."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection, CursorResult


def rows_of(connection: Connection, statement: str, values: tuple[Any, ...] = ()) -> list[Any]:
    """Return the rows that a statement yields, as tuples."""
    file = connection.connection.driver_connection
    if isinstance(file, sqlite3.Connection):
        return file.execute(statement, values).fetchall()
    return list(connection.exec_driver_sql(statement, values or None))


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
