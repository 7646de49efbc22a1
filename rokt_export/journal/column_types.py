"""Checks that the values of a journal's row have the types of their columns: SQLite gives each value its own type."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from types import NoneType
from typing import Any

from sqlalchemy import Boolean, Column, Float, Integer, LargeBinary, Row, String, Table


def blob(value: object) -> bytes:
    """Return the value of a column of bytes.

    Raises:
        ValueError: it is something else.
    """
    if not isinstance(value, bytes):
        raise ValueError(f"it has the type {type(value).__name__}")
    return value


def check_types(record: Row[Any], table: Table) -> None:
    """Check a row that has all columns of a table, by their names.

    Raises:
        ValueError: a value has another type than its column.
    """
    for column in table.c:
        _check(column, type(getattr(record, column.name)))


class ColumnTypes:
    """The types of rows of several columns; the types of a row are checked once, and remembered for those after it.

    Args:
        columns: the columns, in the order of the rows' values.
    """

    def __init__(self, columns: Iterable[Column[Any]]) -> None:
        self._columns = tuple(columns)
        self._known: set[tuple[type, ...]] = set()

    def check(self, values: tuple[Any, ...]) -> None:
        """Check one row.

        Raises:
            ValueError: a value has another type than its column.
        """
        types = tuple(map(type, values))
        if types not in self._known:
            for column, kind in zip(self._columns, types, strict=True):
                _check(column, kind)
            self._known.add(types)


def _check(column: Column[Any], kind: type) -> None:
    if kind not in types_of(column):
        raise ValueError(f"its {column.name} has the type {kind.__name__}")


@cache
def types_of(column: Column[Any]) -> frozenset[type]:
    """Return the Python types that a column's values may have."""
    types: tuple[type, ...]
    match column.type:
        case Boolean():
            types = (bool, int)
        case Float():
            types = (float, int)
        case Integer():
            types = (int,)
        case String():
            types = (str,)
        case LargeBinary():
            types = (bytes,)
        case other:
            raise TypeError(f"{column}: {other!r}")
    return frozenset((*types, NoneType) if column.nullable else types)
