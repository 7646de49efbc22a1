"""The value of a parameter: gaps, required attributes, types, formats and checks."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.request.rendering import body, problems, spec

# What a gap becomes: policy, encoding, then the body of an absent, an empty and a null value ("" = omitted).
GAPS = [
    ("omit", "json", "{}", "{}", "{}"),
    ("send_empty", "json", '{"l":{"a":""}}', '{"l":{"a":""}}', '{"l":{"a":""}}'),
    ("send_null", "json", '{"l":{"a":null}}', '{"l":{"a":null}}', '{"l":{"a":null}}'),
    ("omit", "form", "", "", ""),
    ("send_empty", "form", "l.a=", "l.a=", "l.a="),
    ("send_null", "form", "l.a=", "l.a=", "l.a="),
    ("omit", "xml", "<l/>", "<l/>", "<l/>"),
    ("send_empty", "xml", "<l><a/></l>", "<l><a/></l>", "<l><a/></l>"),
    ("send_null", "xml", "<l><a/></l>", "<l><a/></l>", "<l><a/></l>"),
]


@pytest.mark.parametrize(("policy", "encoding", "absent", "empty", "null"), GAPS)
def test_gaps(policy: str, encoding: str, absent: str, empty: str, null: str) -> None:
    more = "\nxml_declaration: false" if encoding == "xml" else ""
    rest = spec(f"{{name: l.a, attribute: a, absent: {policy}, empty: {policy}, 'null': {policy}}}", encoding=encoding)
    assert [body(rest + more, row) for row in ({}, {"a": ""}, {"a": None})] == [absent, empty, null]


def test_gaps_are_omitted_untold_and_null_follows_absent() -> None:
    plain = spec("{name: a, attribute: a}")
    assert [body(plain, row) for row in ({}, {"a": ""}, {"a": None})] == ["{}", "{}", "{}"]
    assert body(spec("{name: a, attribute: a, absent: send_empty}"), {"a": None}) == '{"a":""}'


@pytest.mark.parametrize(
    ("row", "why"),
    [({}, "the row has no `a`"), ({"a": ""}, "the value is empty"), ({"a": None}, "the value is null")],
)
def test_refused_and_required_gaps(row: dict[str, Any], why: str) -> None:
    refused = spec("{name: p, attribute: a, absent: refuse, empty: refuse}")
    assert problems(refused, row) == (f"p: {why}",)
    assert problems(spec("{name: p, attribute: a, required: true}"), row) == (f"p is required: {why}",)


@pytest.mark.parametrize(
    ("when", "row", "needed"),
    [
        ("{optin: yes}", {"optin": "yes"}, True),
        ("{optin: yes}", {"optin": "no"}, False),
        ("{optin: yes}", {}, False),
        ("{optin: [y, '1']}", {"optin": "1"}, True),
        ("{optin: 1}", {"optin": "1"}, True),
        ("{mobile: present}", {"mobile": "7"}, True),
        ("{mobile: present}", {"mobile": ""}, False),
        ("{mobile: absent}", {}, True),
        ("{mobile: absent}", {"mobile": "7"}, False),
        ("{optin: yes, mobile: present}", {"optin": "yes"}, False),
    ],
)
def test_required_when(when: str, row: dict[str, str], needed: bool) -> None:
    rest = spec(f"{{name: p, attribute: a, required: {{when: {when}}}}}")
    if needed:
        assert problems(rest, row) == ("p is required: the row has no `a`",)
    else:
        assert body(rest, row) == "{}"


def test_one_of_several_is_required() -> None:
    rest = spec(
        "{name: e, attribute: email, required: {any_of: [email, mobile]}}",
        "{name: m, attribute: mobile, required: {any_of: [email, mobile]}, format: digits, invalid: omit}",
    )
    assert body(rest, {"email": "a"}) == '{"e":"a"}'
    assert body(rest, {"mobile": "7"}) == '{"m":"7"}'
    assert problems(rest, {"email": ""}) == ("one of `email` and `mobile` is required: the row has none",)
    assert problems(rest, {"mobile": "x"}) == ("m: `x` is not of the format digits",)
    assert body(rest, {"email": "a", "mobile": "x"}) == '{"e":"a"}'


def test_a_malformed_value_that_the_partner_needs_is_not_left_out() -> None:
    mobile = "{name: m, attribute: mobile, format: digits, invalid: omit}"
    needed = "attributes: {mobile: {required: true}}\n"
    assert problems(spec(mobile) + needed, {"mobile": "x"}) == ("m: `x` is not of the format digits",)
    inner = f"{{name: json, encoding: json, parameters: [{mobile}]}}"
    assert problems(spec(inner, encoding="form") + needed, {"mobile": "x"})[0].startswith("m: `x` is not")
    assert body(spec(mobile, "{name: raw, attribute: mobile}") + needed, {"mobile": "x"}) == '{"raw":"x"}'


def test_a_malformed_value_that_is_not_required_can_be_left_out() -> None:
    rest = spec(
        "{name: p, value: \"{{ mobile | phone(region='US') }}\", invalid: omit}",
        "{name: n, attribute: amount, type: number, invalid: omit}",
        "{name: f, attribute: email, format: email, invalid: omit, required: {when: {optin: yes}}}",
        "{name: g, attribute: gone, absent: send_empty, invalid: omit}",
    )
    row = {"mobile": "123", "amount": "much", "email": "a"}
    assert body(rest, row) == '{"g":""}'
    assert body(rest, {"mobile": "2125550100", "amount": "7", "email": "a@example.com"}) == (
        '{"p":"+12125550100","n":7,"f":"a@example.com","g":""}'
    )
    assert problems(rest, row | {"optin": "yes"}) == ("f: `a` is not of the format email",)
    assert problems(rest.replace("invalid: omit", "invalid: refuse"), row)[0].startswith("p: ")


TYPES = [
    ("string", "00123", '"00123"'),
    ("number", "1.10", "1.10"),
    ("number", "1e5", "1e5"),
    ("number", "9007199254740993", "9007199254740993"),
    ("number", "0.1000000000000000055511151231257827", "0.1000000000000000055511151231257827"),
    ("integer", "9007199254740993", "9007199254740993"),
    ("integer", "00123", "123"),
    ("integer", "-7", "-7"),
    ("integer", "+007", "7"),
    ("integer", "-000", "0"),
    ("integer", "0" * 5000 + "1", "1"),
    ("boolean", "yes", "true"),
    ("boolean", "0", "false"),
    ("date", "19831215", '"1983-12-15"'),
    (None, "00123", '"00123"'),
    (None, "true", '"true"'),
    (None, "1.10", '"1.10"'),
]


@pytest.mark.parametrize(("kind", "cell", "written"), TYPES)
def test_types(kind: str | None, cell: str, written: str) -> None:
    told = f", type: {kind}" if kind else ""
    assert body(spec(f"{{name: a, attribute: a{told}}}"), {"a": cell}) == f'{{"a":{written}}}'


@pytest.mark.parametrize(
    ("kind", "cell"),
    [("number", "about 5"), ("number", "NaN"), ("number", "Infinity"), ("integer", "1.5"), ("integer", "1e3"),
     ("integer", "1\u0663"), ("boolean", "perhaps"), ("date", "15/12/1983"), ("date", "19831345")],
)  # fmt: skip
def test_cells_that_are_not_of_the_type(kind: str, cell: str) -> None:
    [problem] = problems(spec(f"{{name: p, attribute: a, type: {kind}}}"), {"a": cell})
    assert problem.startswith("p: ")
    assert cell in problem


def test_a_date_is_written_as_the_partner_wants_it() -> None:
    rest = spec('{name: d, attribute: dob, type: date, date_format: "%d.%m.%Y"}')
    assert body(rest, {"dob": "19831215"}) == '{"d":"15.12.1983"}'


@pytest.mark.parametrize(
    ("check", "good", "bad"),
    [
        ("format: email", "jane@example.com", "jane@"),
        ("format: digits", "00123", "12a"),
        ("format: md5", "0" * 32, "0" * 31),
        ("pattern: '\\d{5}'", "00123", "001234"),
        ("choices: [Mr, Ms]", "Ms", "ms"),
        ("min_length: 2", "ab", "a"),
        ("max_length: 2", "äö", "äöü"),
    ],
)
def test_checks(check: str, good: str, bad: str) -> None:
    rest = spec(f"{{name: p, attribute: a, {check}}}")
    assert json.loads(body(rest, {"a": good})) == {"p": good}
    [problem] = problems(rest, {"a": bad})
    assert problem.startswith(f"p: `{bad}` ")
