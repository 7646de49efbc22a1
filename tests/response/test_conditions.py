"""What each condition means for a value that was found, and for one that is not there."""

from __future__ import annotations

from typing import Any

import pytest

from tests.response.classifying import captured, holds


@pytest.mark.parametrize(
    ("wanted", "found", "loosely", "strictly"),
    [
        ("7", 7, True, True),
        ("7", "7", True, False),
        ("'7'", 7, True, False),
        ("'7'", "7", True, True),
        ("7", 7.0, True, True),
        ("7", "7.0", True, False),
        ("'7.0'", 7, True, False),
        ("1.10", 1.1, True, True),
        ("1.10", "1.10", True, False),
        ("1.10", "1.1", True, False),
        ("7", "007", False, False),
        ("007", "007", True, True),
        ("007", 7, False, False),
        ("'00123'", 123, False, False),
        ("00123", "123", False, False),
        ("true", True, True, True),
        ("true", "True", True, False),
        ("'TRUE'", True, True, False),
        ("true", 1, False, False),
        ("1", True, False, False),
        ("null", None, True, True),
        ("null", "", False, False),
        ("null", "null", False, False),
        ("''", None, False, False),
        ("''", "", True, True),
        ("yes", "Yes", False, False),
        ("x", ["x"], False, False),
        ("NO", "NO", True, True),
        ("9007199254740993", 9007199254740993, True, True),
        ("9007199254740993", 9007199254740992, False, False),
        ("9007199254740993", "9007199254740993", True, False),
        ("'9007199254740993'", 9007199254740992, False, False),
        ("1e3", 1000, True, True),
    ],
)
def test_equality(wanted: str, found: Any, loosely: bool, strictly: bool) -> None:
    assert holds(f"body: {{$.v: {{equals: {wanted}}}}}", {"v": found}) is loosely
    assert holds(f"body: {{$.v: {{equals: {wanted}, strict: true}}}}", {"v": found}) is strictly
    assert holds(f"{{strict: true, body: {{$.v: {wanted}}}}}", {"v": found}) is strictly
    assert holds(f"{{strict: true, body: {{$.v: {{equals: {wanted}, strict: false}}}}}}", {"v": found}) is loosely


def test_ids_beyond_64_bits_keep_their_digits() -> None:
    one, other = "123456789012345678901234567890", "123456789012345678901234567891"
    assert holds(f"body: {{$.id: {one}}}", f'{{"id": {one}}}')
    assert not holds(f"body: {{$.id: {one}}}", f'{{"id": {other}}}')
    assert holds(f"body: {{$.id: '{one}'}}", f'{{"id": {one}}}')
    assert captured("capture: {reference: $.id}", f'{{"id": {one}}}').reference == one


@pytest.mark.parametrize(
    ("condition", "found", "expected"),
    [
        ("[a, b]", "b", True),
        ("['1', 2]", 1, True),
        ("[a, b]", "c", False),
        ("{contains: key}", "turkeys", True),
        ("{contains: KEY}", "turkeys", False),
        ("{contains: KEY, ignore_case: true}", "turkeys", True),
        ("{contains: 12}", 7124, True),
        ("{contains: email}", ["phone", "email"], True),
        ("{contains: mail}", ["phone", "email"], False),
        ("{contains: email}", {"email": 1}, True),
        ("{contains: x}", None, False),
        ("{prefix: MJ18}", "MJ18 A Contact", True),
        ("{prefix: MJ18}", " MJ18", False),
        ("{suffix: exists}", "it exists", True),
        ("{regex: '^a+$'}", "aaa", True),
        ("{regex: '^\\d+$'}", 77, True),
        ("{regex: x}", {"x": "x"}, False),
        ("{regex: ABC, ignore_case: true}", "xabcx", True),
        ("{equals: STRASSE, ignore_case: true}", "Straße", True),
        ("{compare: '>= 5'}", 5, True),
        ("{compare: '> 5'}", "5.01", True),
        ("{compare: '< 5'}", "four", False),
        ("{compare: '!= 0'}", 0.0, False),
        ("{compare: '> 9007199254740992'}", 9007199254740993, True),
        ("{compare: '> 0'}", True, False),
        ("{exists: true}", None, True),
        ("{exists: false}", 1, False),
        ("{absent: true}", None, False),
        ("{absent: false}", "", True),
        ("{empty: true}", None, True),
        ("{empty: true}", " \n", True),
        ("{empty: true}", [], True),
        ("{empty: true}", {}, True),
        ("{empty: true}", 0, False),
        ("{empty: true}", False, False),
        ("{empty: false}", [None], True),
        ("{not: a}", "b", True),
        ("{not: a}", "a", False),
        ("{not: {exists: true}}", None, False),
        ("{regex: '^M', not: {contains: foo}}", "Mfoo", False),
        ("{any: {prefix: a}}", ["b", "ac"], True),
        ("{any: {prefix: a}}", [], False),
        ("{every: {prefix: a}}", ["ab", "ac"], True),
        ("{every: {prefix: a}}", ["ab", "bc"], False),
        ("{every: {prefix: a}}", [], False),
        ("{every: a}", "a", True),
        ("{every: {not: a}}", ["b", "a"], False),
        ("{ignore_case: true}", 1, True),
    ],
)
def test_condition_on_a_value(condition: str, found: Any, expected: bool) -> None:
    assert holds(f"body: {{$.v: {condition}}}", {"v": found}) is expected


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("{absent: true}", True),
        ("{exists: false}", True),
        ("{exists: true}", False),
        ("{not: {exists: true}}", True),
        ("{not: {absent: true}}", False),
        ("{empty: true}", False),
        ("{empty: false}", False),
        ("{equals: null}", False),
        ("{not: x}", False),
        ("{every: x}", False),
        ("{ignore_case: true}", False),
    ],
)
def test_condition_on_what_is_not_there(condition: str, expected: bool) -> None:
    for body in ("{}", "[]", "7", "", " \r\n"):
        assert holds(f"body: {{$.v: {condition}}}", body) is expected
