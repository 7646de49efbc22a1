"""The JSON body: what each parameter name makes of a row, to the byte."""

from __future__ import annotations

import json

import pytest

from tests.request.rendering import A, body, spec

JSON = {
    "flat": (("{name: a, attribute: a}",), '{"a":"1"}'),
    "nested": (("{name: p.q.r, attribute: a}", "{name: p.s, attribute: b}"), '{"p":{"q":{"r":"1"},"s":"x"}}'),
    "array": (('{name: "p[0].a", attribute: a}', '{name: "p[1].a", attribute: b}'), '{"p":[{"a":"1"},{"a":"x"}]}'),
    "closed up": (('{name: "p[0].a", attribute: gone}', '{name: "p[1].a", attribute: b}'), '{"p":[{"a":"x"}]}'),
    "array at the root": (('{name: "[0].a", attribute: a}', '{name: "[0].b", attribute: b}'), '[{"a":"1","b":"x"}]'),
    "empty array": (('{name: "[0].a", attribute: gone}',), "[]"),
    "texts at the root": (('{name: "[]", attribute: a}', '{name: "[]", value: c}'), '["1","c"]'),
    "appended": (('{name: "p[]", attribute: a}', '{name: "p[]", attribute: b}'), '{"p":["1","x"]}'),
    "one appended": (('{name: "p[]", attribute: a}',), '{"p":["1"]}'),
    "named elements": (
        ('{name: "f[name=a].value", attribute: a}', '{name: "f[name=b].value", attribute: b}'),
        '{"f":[{"name":"a","value":"1"},{"name":"b","value":"x"}]}',
    ),
    "named element left out whole": (
        ('{name: "f[name=a].value", attribute: gone}', '{name: "f[name=b].value", attribute: b}'),
        '{"f":[{"name":"b","value":"x"}]}',
    ),
    "element with a constant left out whole": (
        ('{name: "f[0].name", value: a}', '{name: "f[0].value", attribute: gone}', "{name: z, attribute: a}"),
        '{"z":"1"}',
    ),
    "name with a dot": (("{name: \"['a.b']\", attribute: a}",), '{"a.b":"1"}'),
    "used twice": (("{name: a, attribute: a}", "{name: a, attribute: b}"), '{"a":["1","x"]}'),
    "list": (('{name: a, value: [k, "{{ b }}", "{{ gone }}"]}',), '{"a":["k","x"]}'),
    "constants": (
        ("{name: n, value: 5}", "{name: f, value: 1.5}", "{name: t, value: true}", '{name: s, value: "5"}'),
        '{"n":5,"f":1.5,"t":true,"s":"5"}',
    ),
    "nothing at all": (("{name: a.b, attribute: gone}",), "{}"),
    "a number in a name": (('{name: "3", attribute: a}',), '{"3":"1"}'),
}


@pytest.mark.parametrize("case", JSON)
def test_json_names(case: str) -> None:
    items, expected = JSON[case]
    assert body(spec(*items), A) == expected


def test_an_array_and_an_object_of_the_row_stay_what_they_are_in_json() -> None:
    row = {"a": ["1", {"b": None}], "o": {"k": "v"}}
    rest = spec("{name: a, attribute: a}", "{name: o, attribute: o}")
    assert json.loads(body(rest, row)) == row
