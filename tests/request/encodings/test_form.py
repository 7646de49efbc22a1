"""The URL-encoded form: what parameters make of a row, to the byte."""

from __future__ import annotations

import pytest

from tests.request.rendering import body, spec

FORM = {
    "escaped": (("{name: 'a b&c', attribute: a}",), {"a": "é &=+%"}, "a+b%26c=%C3%A9+%26%3D%2B%25"),
    "repeated": (("{name: i, attribute: a}", "{name: i, attribute: b}"), {"a": "1", "b": "2"}, "i=1&i=2"),
    "list": (("{name: i, value: [a, b]}",), {}, "i=a&i=b"),
    "brackets stay in the name": (("{name: 'vars[x]', attribute: a}",), {"a": "1"}, "vars%5Bx%5D=1"),
    "a list of the row": (("{name: i, attribute: a}",), {"a": ["1", "2"]}, "i=1&i=2"),
    "nothing at all": (("{name: i, attribute: a}",), {}, ""),
}


@pytest.mark.parametrize("case", FORM)
def test_form(case: str) -> None:
    items, row, expected = FORM[case]
    assert body(spec(*items, encoding="form"), row) == expected


def test_an_empty_list_leaves_nothing_in_a_form() -> None:
    items = "{name: a, attribute: a}", "{name: b, attribute: b}", "{name: c, value: 5}"
    assert body(spec(*items, encoding="form"), {"a": "1", "b": []}) == "a=1&c=5"
