"""Turns JSON objects into transactions; numbers and booleans keep their text in the file."""

from __future__ import annotations

import json
import re
from typing import Any

from rokt_export.errors import TransactionsError
from rokt_export.transactions.columns import ColumnPlan, ColumnsReport
from rokt_export.transactions.damage import DamageKind
from rokt_export.transactions.damage_checks import Inspector
from rokt_export.transactions.reader_base import Context
from rokt_export.transactions.transaction import Transaction, Value

_SURROGATE = re.compile("[\ud800-\udfff]")
_SHAPES = 4096
_MAP = "Map a key to an attribute: --map KEY=ATTRIBUTE."
_DEEPEST = 100
"""Maximum nesting of lists and objects in a value. Encoders fail on more, and no partner's body needs it."""


class RepeatedKeyError(ValueError):
    """An object has a key twice, so one of the two values would be lost."""


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Value]:
    values = dict(pairs)
    if len(values) != len(pairs):
        keys = [key for key, _ in pairs]
        raise RepeatedKeyError(next(key for key in keys if keys.count(key) > 1))
    for key, value in pairs:
        if value is True or value is False or value.__class__ is list:
            values[key] = _texts(value)
    return values


def _texts(value: Any) -> Value:
    """Return a decoded value with booleans as text, at any depth."""
    if value is True:
        return "true"
    if value is False:
        return "false"
    if isinstance(value, list):
        return [_texts(item) for item in value]
    found: Value = value
    return found


def _constant(name: str) -> str | None:
    """Return the value of a constant that is not JSON: pandas writes NaN for a missing value."""
    return None if name == "NaN" else name


DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_int=str, parse_float=str, parse_constant=_constant)
"""The standard decoder with numbers as text: `1.10`, `1E5` and ids of 17 digits keep their digits."""


class ObjectShaper:
    """Turns decoded JSON values into transactions; objects with the same keys share one plan of columns.

    Args:
        context: options, columns and log of the file.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        self._plans: dict[tuple[str, ...], tuple[ColumnPlan, Inspector] | str] = {}
        self.columns: ColumnsReport | None = None
        self.carries_nothing: bool | None = None
        """Whether no row so far had an attribute that the spec sends; None before the first row."""

    def transaction(self, value: Any, row: int, line: int | None, *, ascii_only: bool) -> Transaction:
        """Return a decoded value as a transaction; if it cannot be one, the transaction has a `problem`.

        Args:
            value: the decoded JSON.
            row: 1-based number of the row.
            line: 1-based line of the file.
            ascii_only: the row's text has no characters beyond ASCII and no `\\u` escapes.
        """
        problem = self._context.problem
        if not isinstance(value, dict):
            return problem(row, DamageKind.MALFORMED, "this is not a JSON object", "Write one object per row.", line)
        if not value:
            return problem(row, DamageKind.BLANK_ROW, "the object is empty", "Delete the row.", line)
        keys = tuple(value)
        if (known := self._plans.get(keys)) is None:
            known = self._plan(keys)
        if isinstance(known, str):
            return problem(row, DamageKind.AMBIGUOUS, known, 'Choose one: --map "KEY=attribute".', line)
        if not ascii_only and _holds_surrogate(value):
            message = "a \\u escape is half a character"
            return problem(row, DamageKind.UNDECODABLE, message, "Export the row again as UTF-8.", line)
        if _is_deep(value):
            message = f"a value is nested more than {_DEEPEST} deep"
            return problem(row, DamageKind.MALFORMED, message, "Look for brackets that are not closed.", line)
        plan, inspector = known
        if not self._context.carries(plan.names):
            self.carries_nothing = self.carries_nothing is not False
            return problem(
                row, DamageKind.MISSING_COLUMN, "no key contains an attribute that the spec sends", _MAP, line
            )
        self.carries_nothing = False
        values = value if plan.names == keys else dict(zip(plan.names, value.values(), strict=True))
        inspector.check(values, row, line)
        if not ascii_only:
            inspector.check_text(values)
        return self._context.made(values, row, inspector.refused())

    def _plan(self, keys: tuple[str, ...]) -> tuple[ColumnPlan, Inspector] | str:
        context = self._context
        decided: tuple[ColumnPlan, Inspector] | str
        try:
            plan = context.mapper.plan(keys, context.path)
        except TransactionsError as error:
            decided = error.message
        else:
            decided = plan, context.inspector(plan)
            self.columns = plan.report if self.columns is None else self.columns.joined(plan.report)
        if len(self._plans) >= _SHAPES:
            self._plans.clear()
        self._plans[keys] = decided
        return decided


def _is_deep(value: dict[str, Value]) -> bool:
    inner: list[Any] = [value]
    for _ in range(_DEEPEST + 1):
        inner = [
            item
            for each in inner
            for item in (each.values() if each.__class__ is dict else each)
            if item.__class__ is list or item.__class__ is dict
        ]
        if not inner:
            return False
    return True


def _holds_surrogate(value: Value) -> bool:
    match value:
        case str():
            return not value.isascii() and _SURROGATE.search(value) is not None
        case dict():
            return any(_holds_surrogate(item) for pair in value.items() for item in pair)
        case list():
            return any(_holds_surrogate(item) for item in value)
        case _:
            return False
