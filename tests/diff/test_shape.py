"""Two bodies are walked side by side: types, members, arrays, and elements of XML."""

from __future__ import annotations

import json
import uuid

import pytest

from tests.diff.sides import compared, found, xml


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        ({"a": {"x": 1, "y": 2}}, {}, [("missing", "$.a")]),
        ({}, {"a b": 1}, [("extra", "$['a b']")]),
        ({"a": 1}, {"a": "1"}, [("type", "$.a")]),
        ({"a": None}, {"a": "x"}, [("type", "$.a")]),
        ({"a": True}, {"a": 1}, [("type", "$.a")]),
        ({"a": 1}, {"a": 1.0}, []),
        ({"a": [1, 2, 3]}, {"a": [3, 1, 2]}, [("order", "$.a")]),
        ({"a": [1, 2]}, {"a": [1, 2, 3]}, [("length", "$.a")]),
        ({"a": [{"x": 1}, {"x": 2}]}, {"a": [{"x": 0}, {"x": 1}, {"x": 2}]}, [("length", "$.a")]),
        ({"a": [{"x": 1}, {"x": 2}]}, {"a": [{"x": 1}, {"x": "2"}]}, [("type", "$.a[*].x")]),
        ({"a": "x"}, {"a": "y"}, [("value", "$.a")]),
        ({"a": {"b": [{"@c": "x"}]}}, {"a": {"b": [{"@c": "y"}]}}, [("value", "$.a.b[*].@c")]),
        ([1], {"0": 1}, [("type", "$")]),
        ({"n": 9007199254740993}, {"n": 9007199254740992}, [("value", "$.n")]),
        ({"n": 12345678901234567890123}, {"n": 12345678901234567890124}, [("value", "$.n")]),
    ],
)
def test_shape_before_values(a, b, expected):
    result = compared([(json.dumps(a).encode(), json.dumps(b).encode())])
    assert [(str(one.kind), one.path) for one in result.differences] == expected


def test_xml_has_the_paths_of_json_and_no_namespaces():
    a = xml('<s:r xmlns:s="urn:x"><s:code id="1">7</s:code><item><n>1</n></item></s:r>')
    b = xml('<r><code id="2">7</code><item><n>1</n></item><item><n>2</n></item><more/></r>')
    assert found(compared([(a, b)])) == [
        ("extra", "$.r.more", 1),
        ("length", "$.r.item", 1),
        ("value", "$.r.code.@id", 1),
    ]


def test_in_xml_one_element_is_a_list_of_one_and_text_has_no_type():
    a = xml("<r><i>1</i><e></e><t>x</t></r>")
    b = xml('<r><i>1</i><e/><t lang="en">x</t></r>')
    assert found(compared([(a, b)])) == [("extra", "$.r.t.@lang", 1)]
    assert found(compared([(a, b)], ignore=["/r/t/@lang"])) == []


def test_keys_that_are_identifiers_are_one_place():
    pairs = [({"by": {str(uuid.uuid4()): {"n": 1}}}, {"by": {str(uuid.uuid4()): {"n": 2}}}) for _ in range(4)]
    assert found(compared(pairs)) == [("value", "$.by.*.n", 4)]


def test_unordered_arrays():
    a, b = {"t": [{"n": 1}, {"n": 2}, {"n": 3}]}, {"t": [{"n": 3}, {"n": 4}, {"n": 1}]}
    assert found(compared([(a, b)], unordered=["$.t"])) == [("value", "$.t[*].n", 1)]
    assert not compared([({"t": [1, 2]}, {"t": [2, 1]})], unordered=["$.t"]).differs


def test_tolerance():
    assert not compared([({"p": 1.0}, {"p": 1.04})], tolerance={"$.p": 0.05}).differs
    assert not compared([({"p": "1.0"}, {"p": "1.04"})], tolerance={"$.p": 0.05}).differs
    assert compared([({"p": 1.0}, {"p": 1.06})], tolerance={"$.p": 0.05}).differs
    assert compared([({"p": "x"}, {"p": "y"})], tolerance={"$.p": 0.05}).differs
