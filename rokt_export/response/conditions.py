"""Compile a condition of the spec into a test of the values found at its place; text and numbers compare loosely."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

from rokt_export.partner_spec.document import WrittenInt
from rokt_export.spec_language.filters import text_of
from rokt_export.spec_language.regexes import compile_regex
from rokt_export.spec_language.rules import Condition

Accept = Callable[[Any], bool]

_NUMBER = re.compile(r"-?(?:0|[1-9]\d{0,4000})(?:\.\d{1,4000})?(?:[eE][+-]?\d{1,4})?", re.ASCII)
_COMPARISON = re.compile(r"\s*(==|!=|>=|<=|>|<)\s*(-?\d+(?:\.\d+)?)\s*")
_OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "==": operator.eq,
    "!=": operator.ne,
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
}


def is_number(value: Any) -> bool:
    """Return whether a value is a number; a boolean is none."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def as_decimal(value: Any) -> Decimal | None:
    """Return the exact number that a value is or says, by its written digits; None where it is none.

    Text with leading zeros, a plus or white space says no number: `00123` is an identifier.
    """
    if value.__class__ is int:
        return Decimal(value)
    if not isinstance(value, str) and not is_number(value):
        return None
    text = text_of(value)
    return Decimal(text) if _NUMBER.fullmatch(text) else None


def scalar_text(value: Any) -> str | None:
    """Return a scalar as text, a number with its written digits; None for null, a list or a mapping."""
    return None if value is None or isinstance(value, (list, dict)) else text_of(value)


def equality(wanted: Any, *, strict: bool, ignore_case: bool) -> Accept:
    """Return the test for one wanted value.

    Loosely, `"7"`, `7` and `7.0` are equal, and `true` equals `"True"`; `00123` equals that text alone, whether it is
    quoted or not. Strictly, text equals text and a number a number. Null equals null alone, not the absence of a
    value.
    """
    if isinstance(wanted, WrittenInt) and re.match(r"[+-]?0\d", wanted.written):
        wanted = wanted.written
    if wanted is None:
        return lambda value: value is None
    if isinstance(wanted, bool):
        return _boolean(wanted, strict)
    if isinstance(wanted, str):
        return _text(wanted, strict, ignore_case)
    if is_number(wanted):
        return _number(wanted, strict)
    return lambda value: bool(value == wanted)


def _boolean(wanted: bool, strict: bool) -> Accept:
    if strict:
        return lambda value: value is wanted
    text = "true" if wanted else "false"
    return lambda value: value is wanted or (isinstance(value, str) and value.strip().lower() == text)


def _number(wanted: Any, strict: bool) -> Accept:
    number, text = as_decimal(wanted), text_of(wanted)

    def same(value: Any) -> bool:
        found = as_decimal(value)
        return found == number if found is not None else value == wanted and is_number(value)

    if strict:
        return lambda value: is_number(value) and same(value)
    return lambda value: same(value) or (isinstance(value, str) and value == text)


def _text(wanted: str, strict: bool, ignore_case: bool) -> Accept:
    folded = wanted.casefold() if ignore_case else None
    if strict:
        return _same(wanted) if folded is None else _folded(folded)
    number, lowered = as_decimal(wanted), wanted.strip().lower()

    def loosely(value: Any) -> bool:
        if isinstance(value, bool):
            return text_of(value) == lowered
        return is_number(value) and (text_of(value) == wanted or (number is not None and as_decimal(value) == number))

    if folded is None:
        return lambda value: value == wanted if isinstance(value, str) else loosely(value)
    return lambda value: value.casefold() == folded if isinstance(value, str) else loosely(value)


def _same(wanted: str) -> Accept:
    return lambda value: isinstance(value, str) and value == wanted


def _folded(wanted: str) -> Accept:
    return lambda value: isinstance(value, str) and value.casefold() == wanted


def containing(wanted: str, *, ignore_case: bool) -> Accept:
    """Return the test whether text holds a part, a list an element, or a mapping a key."""
    element = equality(wanted, strict=False, ignore_case=ignore_case)
    inside = about_text(wanted, lambda part, text: part in text, ignore_case=ignore_case)

    def contains(value: Any) -> bool:
        return any(map(element, value)) if isinstance(value, (list, dict)) else inside(value)

    return contains


def about_text(wanted: str, holds: Callable[[str, str], bool], *, ignore_case: bool) -> Accept:
    """Return the test of a scalar's text against a wanted part."""
    part = wanted.casefold() if ignore_case else wanted

    def accept(value: Any) -> bool:
        text = value if value.__class__ is str else scalar_text(value)
        return text is not None and holds(part, text.casefold() if ignore_case else text)

    return accept


def matching(regex: str, *, ignore_case: bool) -> Accept:
    """Return the test whether a regular expression matches anywhere in a scalar's text."""
    found = compile_regex(regex, ignore_case=ignore_case).found

    def accept(value: Any) -> bool:
        text = value if value.__class__ is str else scalar_text(value)
        return text is not None and found(text)

    return accept


def comparison(source: str) -> Accept:
    """Return the test of a number, or text that says one, against `>= 5` or the like."""
    match = _COMPARISON.fullmatch(source)
    if match is None:
        raise ValueError(f"`{source}` is not a comparison")
    compare, limit = _OPERATORS[match[1]], Decimal(match[2])

    def accept(value: Any) -> bool:
        number = as_decimal(value)
        return number is not None and bool(compare(number, limit))

    return accept


def is_empty(value: Any) -> bool:
    """Return whether a value says nothing: null, white space, an empty list or mapping."""
    if isinstance(value, str):
        return not value.strip()
    return value is None or (isinstance(value, (list, dict)) and not value)


Predicate = Callable[[Sequence[Any]], bool]


def compile_condition(condition: Condition, *, strict: bool = False, ignore_case: bool = False) -> Predicate:
    """Return the test of the values found at a place.

    `strict` and `ignore_case` are those of what encloses it; its own `strict` overrides it. How keys count:

    - `exists` and `absent` ask whether anything was found; a null was.
    - `equals`, `one_of`, `contains`, `prefix`, `suffix`, `regex`, `compare` and `empty` ask about one value: one of
      those found must satisfy them together. Nothing found satisfies none of them, `empty` neither.
    - `any` and `every` ask about the elements, where one list was found, else of the values found; `every` of nothing
      does not hold.
    - `not` holds when something was found and what it negates does not hold; about `exists` and `absent` it is plain
      negation.
    """
    strict = strict if condition.strict is None else condition.strict
    ignore_case = ignore_case or condition.ignore_case
    parts = _presence(condition)
    if tests := _value_tests(condition, strict, ignore_case):
        parts.append(_one_value(tests))
    if condition.any is not None:
        parts.append(_elements(any, compile_condition(condition.any, strict=strict, ignore_case=ignore_case)))
    if condition.every is not None:
        parts.append(_elements(all, compile_condition(condition.every, strict=strict, ignore_case=ignore_case)))
    if condition.not_ is not None:
        negated = compile_condition(condition.not_, strict=strict, ignore_case=ignore_case)
        parts.append(_not(negated, of_presence=asks_presence(condition.not_)))
    if not parts:
        return bool  # nothing but `strict` or `ignore_case`: that there is something
    return parts[0] if len(parts) == 1 else lambda values: all(part(values) for part in parts)


def compile_value_test(condition: Condition, *, strict: bool) -> Accept | None:
    """Return the test of a single value; None if the condition asks about presence, or about several values.

    Args:
        condition: the condition.
        strict: that of what encloses it; its own overrides it.
    """
    tests = _value_tests(condition, strict if condition.strict is None else condition.strict, condition.ignore_case)
    others = condition.any, condition.every, condition.not_
    return tests[0] if len(tests) == 1 and not _presence(condition) and others == (None, None, None) else None


def asks_presence(condition: Condition) -> bool:
    """Return whether a condition asks if anything was found, so that nothing found can satisfy its negation."""
    inner = condition.not_
    return condition.exists is not None or condition.absent is not None or (inner is not None and asks_presence(inner))


def asks_emptiness(condition: Condition) -> bool:
    """Return whether a condition asks, at any depth, if a value is empty."""
    inner = (condition.not_, condition.any, condition.every)
    return condition.empty is not None or any(part is not None and asks_emptiness(part) for part in inner)


def _presence(condition: Condition) -> list[Predicate]:
    parts: list[Predicate] = []
    for wanted in (condition.exists, None if condition.absent is None else not condition.absent):
        if wanted is not None:
            parts.append(bool if wanted else operator.not_)
    return parts


def _value_tests(condition: Condition, strict: bool, ignore_case: bool) -> list[Accept]:
    tests: list[Accept] = []
    if condition.has_equals:
        tests.append(equality(condition.equals, strict=strict, ignore_case=ignore_case))
    if condition.one_of is not None:
        wanted = [equality(each, strict=strict, ignore_case=ignore_case) for each in condition.one_of]
        tests.append(lambda value: any(test(value) for test in wanted))
    if condition.contains is not None:
        tests.append(containing(condition.contains, ignore_case=ignore_case))
    if condition.prefix is not None:
        tests.append(about_text(condition.prefix, lambda part, text: text.startswith(part), ignore_case=ignore_case))
    if condition.suffix is not None:
        tests.append(about_text(condition.suffix, lambda part, text: text.endswith(part), ignore_case=ignore_case))
    if condition.regex is not None:
        tests.append(matching(condition.regex, ignore_case=ignore_case))
    if condition.compare is not None:
        tests.append(comparison(condition.compare))
    if condition.empty is not None:
        tests.append(is_empty if condition.empty else lambda value: not is_empty(value))
    return tests


def _one_value(tests: list[Accept]) -> Predicate:
    if len(tests) > 1:
        return lambda values: any(all(test(value) for test in tests) for value in values)
    (test,) = tests

    def holds(values: Sequence[Any]) -> bool:
        for value in values:  # noqa: SIM110 - nearly always one, for which `any` takes twice the time
            if test(value):
                return True
        return False

    return holds


def elements_of(values: Sequence[Any]) -> Sequence[Any]:
    """Return the elements that `any` and `every` look at: those of the only value if it is a list, else the values."""
    return values[0] if len(values) == 1 and isinstance(values[0], list) else values


def _elements(quantifier: Callable[[Any], bool], holds: Predicate) -> Predicate:
    def over(values: Sequence[Any]) -> bool:
        items = elements_of(values)
        return bool(items) and quantifier(holds((item,)) for item in items)

    return over


def _not(holds: Predicate, *, of_presence: bool) -> Predicate:
    if of_presence:
        return lambda values: not holds(values)
    return lambda values: bool(values) and not holds(values)
