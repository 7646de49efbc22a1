"""Turn a condition of the spec into a test of the values that stand at its place."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from rokt_export.response.comparisons import (
    Accept,
    about_text,
    comparison,
    containing,
    equality,
    is_empty,
    matching,
)
from rokt_export.spec_language.rules import Condition

Predicate = Callable[[Sequence[Any]], bool]


def compile_condition(condition: Condition, *, strict: bool = False, ignore_case: bool = False) -> Predicate:
    """Return the test of the values found at a place.

    `strict` and `ignore_case` are those of what encloses it; its own `strict` outweighs. How keys count:

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
            parts.append(bool if wanted else _nothing)
    return parts


def _nothing(values: Sequence[Any]) -> bool:
    return not values


def _value_tests(condition: Condition, strict: bool, ignore_case: bool) -> list[Accept]:
    tests: list[Accept] = []
    if condition.has_equals:
        tests.append(equality(condition.equals, strict=strict, ignore_case=ignore_case))
    if condition.one_of is not None:
        tests.append(_one_of([equality(each, strict=strict, ignore_case=ignore_case) for each in condition.one_of]))
    if condition.contains is not None:
        tests.append(containing(condition.contains, ignore_case=ignore_case))
    if condition.prefix is not None:
        tests.append(about_text(condition.prefix, _starts, ignore_case=ignore_case))
    if condition.suffix is not None:
        tests.append(about_text(condition.suffix, _ends, ignore_case=ignore_case))
    if condition.regex is not None:
        tests.append(matching(condition.regex, ignore_case=ignore_case))
    if condition.compare is not None:
        tests.append(comparison(condition.compare))
    if condition.empty is not None:
        tests.append(is_empty if condition.empty else _not_empty)
    return tests


def _starts(part: str, text: str) -> bool:
    return text.startswith(part)


def _ends(part: str, text: str) -> bool:
    return text.endswith(part)


def _not_empty(value: Any) -> bool:
    return not is_empty(value)


def _one_of(tests: list[Accept]) -> Accept:
    return lambda value: any(test(value) for test in tests)


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


def _elements(quantifier: Callable[[Any], bool], holds: Predicate) -> Predicate:
    def over(values: Sequence[Any]) -> bool:
        items = values[0] if len(values) == 1 and isinstance(values[0], list) else values
        return bool(items) and quantifier(holds((item,)) for item in items)

    return over


def _not(holds: Predicate, *, of_presence: bool) -> Predicate:
    if of_presence:
        return lambda values: not holds(values)
    return lambda values: bool(values) and not holds(values)
