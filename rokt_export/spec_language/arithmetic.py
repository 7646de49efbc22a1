"""The operators of templates: exact arithmetic, with limits on the length and time of a rendering."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from decimal import Context, Decimal, DivisionByZero, InvalidOperation, Overflow
from operator import eq, ge, gt, le, lt, ne
from typing import Any

from rokt_export.spec_language.filters import MOST_TEXT, FilterError, Number, checked_length

MOST_SECONDS = 0.5
"""Maximum seconds of one rendering."""


class Clock:
    """Limits the CPU time of a rendering, so that a busy machine makes no row invalid."""

    def __init__(self) -> None:
        self._until = 0.0

    def start(self) -> None:
        """Start the clock for a rendering."""
        self._until = time.thread_time() + MOST_SECONDS

    def check(self) -> None:
        """Check the time.

        Raises:
            FilterError: the limit is exceeded.
        """
        if time.thread_time() > self._until:
            raise FilterError(f"the template takes more than {MOST_SECONDS:g} s")

    def each(self, values: Iterable[Any]) -> Iterator[Any]:
        """Yield values; check the time for each."""
        for value in values:
            self.check()
            yield value


def concatenated(first: Any, *others: Any) -> str:
    """Return the values as one text, as `~` does.

    Raises:
        FilterError: the text is too long.
    """
    parts = [str(value) for value in (first, *others)]
    checked_length(sum(map(len, parts)))
    return "".join(parts)


OPERATORS = frozenset({"+", "*", "%", "-", "/", "//"})
ORDERS = {"gt": (">", lt), "gteq": (">=", le), "lt": ("<", gt), "lteq": ("<=", ge)}
"""jinja2's order comparisons: the sign, and a function that takes the operands in reverse order."""
_EQUALITIES = {"eq": eq, "ne": ne}
_EXACT = Context(prec=2_000, traps=[InvalidOperation, DivisionByZero, Overflow])
_DIVIDED = Context(prec=28, traps=[InvalidOperation, DivisionByZero, Overflow])
_MOST_DIGITS = 1_000


def operate(operator: str, left: Any, right: Any, do: Callable[[Any, Any], Any]) -> Any:
    """Return an operator's result. If the other operand is a number, null and empty text are returned unchanged.

    Raises:
        FilterError: the operands are neither numbers nor, for `+`, short enough texts or lists.
    """
    for one, other in ((left, right), (right, left)):
        if (one is None or one == "") and (operator != "+" or other is None or _is_number(other)):
            return one
    if not (_is_number(left) and _is_number(right)):
        if operator != "+" or _is_number(left) or _is_number(right):
            raise FilterError(f"`{operator}` takes numbers, not text or lists: write `| number` after the value")
        if hasattr(left, "__len__") and hasattr(right, "__len__"):
            checked_length(len(left) + len(right))
        try:
            return do(left, right)
        except TypeError as error:
            raise FilterError("`+` takes two numbers, two texts or two lists") from error
    if isinstance(left, Number) or isinstance(right, Number):
        return _exactly(operator, _decimal(left), _decimal(right))
    if any(isinstance(value, int) and value.bit_length() > 1_000 for value in (left, right)):
        raise FilterError(f"`{operator}`: the number is too large")
    return do(left, right)


def _exactly(operator: str, left: Decimal, right: Decimal) -> Number:
    if not (left.is_finite() and right.is_finite()):
        raise FilterError(f"`{operator}`: the number is too large")
    if not right and operator in {"/", "//", "%"}:
        raise FilterError(f"`{operator}`: a number cannot be divided by zero")
    match operator:
        case "+":
            made = _EXACT.add(left, right)
        case "-":
            made = _EXACT.subtract(left, right)
        case "*":
            made = _EXACT.multiply(left, right)
        case "/":
            made = _DIVIDED.divide(left, right)
        case _:
            whole, rest = _EXACT.divmod(left, right)
            if rest and (rest < 0) != (right < 0):  # round down, as Python and jinja2 do
                whole, rest = whole - 1, _EXACT.add(rest, right)
            made = whole if operator == "//" else rest
    text = f"{made if made else made.copy_abs():f}"
    if len(text) > _MOST_DIGITS:
        raise FilterError(f"`{operator}`: the number is too large")
    return Number(text)


def signed(operator: str, value: Any) -> Any:
    """Return a number with a sign before it.

    Raises:
        FilterError: the value is not a number.
    """
    if value is None or value == "":
        return value
    if not _is_number(value):
        raise FilterError(f"`{operator}` takes a number, not text or lists: write `| number` after the value")
    if not isinstance(value, Number):
        return -value if operator == "-" else +value
    return value if operator == "+" else _exactly("-", Decimal(0), Decimal(value))


def compared(first: Any, *others: Any) -> bool:
    """Return whether a chain of comparisons holds; nothing is greater or less than an empty value.

    Args:
        first: the first value.
        others: alternately jinja2's name of a comparison and the next value.

    Raises:
        FilterError: a number is compared with text, or a value is neither.
    """
    left = first
    for kind, right in zip(others[::2], others[1::2], strict=True):
        both = (left, right)
        if kind in _EQUALITIES:
            holds = _EQUALITIES[kind](*_alike(left, right))
        elif kind in ORDERS:
            sign, holds_turned = ORDERS[kind]
            if any(value is None or value == "" for value in both):
                return False
            if len({_is_number(value) for value in both}) == 2:
                raise FilterError(f"`{sign}` compares a number with text: write `| number` after the text")
            one, other = _alike(left, right)
            try:
                holds = holds_turned(other, one)
            except TypeError as error:
                raise FilterError(f"`{sign}` compares two numbers or two texts") from error
        else:
            if not hasattr(right, "__contains__") or (isinstance(right, str) and not isinstance(left, str)):
                raise FilterError("`in` looks for text in text, or for a value in a list")
            holds = (left in right) is (kind == "in")
        if not holds:
            return False
        left = right
    return True


def _alike(left: Any, right: Any) -> tuple[Any, Any]:
    """Return two numbers as decimals; other values unchanged."""
    if (isinstance(left, Number) or isinstance(right, Number)) and _is_number(left) and _is_number(right):
        return _decimal(left), _decimal(right)
    return left, right


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float, Decimal, Number))


def _decimal(value: Any) -> Decimal:
    return Decimal(repr(value)) if isinstance(value, float) else Decimal(value)


def bounded(pieces: Iterable[str]) -> str:
    """Return pieces as one text.

    Raises:
        FilterError: the text is too long.
    """
    length, found = 0, []
    for piece in pieces:
        length += len(piece)
        if length > MOST_TEXT:
            checked_length(length)
        found.append(piece)
    return "".join(found)
