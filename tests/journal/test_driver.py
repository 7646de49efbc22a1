"""Statements that run often do the same by a file's own driver as by SQLAlchemy."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import Connection, create_engine

from rokt_export.journal.driver import rows_of, run_many, run_one


class AsOnAServer:
    """A connection whose driver is not SQLite's own, so that all goes by SQLAlchemy."""

    connection = SimpleNamespace(driver_connection=None)

    def __init__(self, opened: Connection) -> None:
        self.exec_driver_sql = opened.exec_driver_sql


@pytest.fixture(params=["file", "server"])
def connection(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Any]:
    engine = create_engine(f"sqlite:///{tmp_path / 'journal.sqlite'}")
    with engine.connect() as opened:
        opened.exec_driver_sql("CREATE TABLE row (no INTEGER, text TEXT)")
        yield opened if request.param == "file" else AsOnAServer(opened)
    engine.dispose()


def test_records_are_written_one_by_one_or_many_at_once(connection: Any) -> None:
    assert run_one(connection, "INSERT INTO row VALUES (?, ?)", (1, "a")).rowcount == 1
    run_many(connection, "INSERT INTO row VALUES (?, ?)", iter([(2, "b"), (3, "c")]))
    run_many(connection, "INSERT INTO row VALUES (?, ?)", iter([]))
    rows = rows_of(connection, "SELECT no, text FROM row ORDER BY no")
    assert [tuple(row) for row in rows] == [(1, "a"), (2, "b"), (3, "c")]
    assert [tuple(row) for row in rows_of(connection, "SELECT text FROM row WHERE no > ?", (2,))] == [("c",)]
