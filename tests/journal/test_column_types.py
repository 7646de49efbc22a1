"""SQLite gives each value its own type: one of another type than its column is damage, and is named."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Row, create_engine, select

from rokt_export.journal.column_types import ColumnTypes, blob, check_types, types_of
from rokt_export.journal.schema import metadata, note

ROW = {"run_no": 1, "key": "coverage", "value": b"{}"}


def row_with(**values: object) -> Row[Any]:
    engine = create_engine("sqlite://")
    metadata.create_all(engine)
    with engine.connect() as connection:
        connection.exec_driver_sql("INSERT INTO note VALUES (?, ?, ?)", tuple((ROW | values).values()))
        return connection.execute(select(note)).one()


def test_a_row_of_the_columns_types_passes() -> None:
    record = row_with()
    check_types(record, note)
    ColumnTypes(note.c).check(tuple(record))


@pytest.mark.parametrize("before", [True, False])
def test_a_value_of_another_type_is_named(before: bool) -> None:
    types = ColumnTypes(note.c)
    if before:
        types.check(tuple(ROW.values()))
    with pytest.raises(ValueError, match="its key has the type bytes"):
        types.check((1, b"coverage", b"{}"))
    with pytest.raises(ValueError, match="its key has the type bytes"):
        check_types(row_with(key=b"coverage"), note)


def test_each_column_of_the_journal_has_types() -> None:
    assert all(types_of(column) for table in metadata.tables.values() for column in table.c)


def test_text_is_no_bytes() -> None:
    assert blob(b"1") == b"1"
    with pytest.raises(ValueError, match="it has the type str"):
        blob("1")
