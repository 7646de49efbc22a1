"""What each parameter option, encoding and place makes of a row, to the byte."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from typing import Any
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rokt_export.errors import ConfigurationError, SpecError
from rokt_export.request.render import InvalidRowError
from rokt_export.sandbox.bodies import BodyProblem, read_body
from rokt_export.transactions.transaction import Transaction
from tests.request.rendering import URL, body, renderer, request


def spec(*items: str, encoding: str = "json") -> str:
    return f"encoding: {encoding}\nparameters:\n" + "".join(f"  - {item}\n" for item in items)


def problems(rest: str, row: dict[str, Any]) -> tuple[str, ...]:
    with pytest.raises(InvalidRowError) as caught:
        request(rest, row)
    return caught.value.problems


A = {"a": "1", "b": "x", "email": "jane@example.com"}

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


XML = {
    "attributes and text": (
        ("{name: lead.@id, attribute: a}", "{name: lead.#text, attribute: b}"),
        '<lead id="1">x</lead>',
    ),
    "nested": (("{name: l.p.a, attribute: a}", "{name: l.p.b, attribute: b}"), "<l><p><a>1</a><b>x</b></p></l>"),
    "namespaces": (
        ("{name: s:E.@xmlns:s, value: urn:x}", "{name: s:E.s:B.a, attribute: a}"),
        '<s:E xmlns:s="urn:x"><s:B><a>1</a></s:B></s:E>',
    ),
    "repeated": (
        ('{name: "l.f[0].@n", value: a}', '{name: "l.f[0].#text", attribute: a}', '{name: "l.f[1]", attribute: b}'),
        '<l><f n="a">1</f><f>x</f></l>',
    ),
    "left out with its constants": (
        ('{name: "l.f[0].@n", value: a}', '{name: "l.f[0].#text", attribute: gone}', "{name: l.b, attribute: b}"),
        "<l><b>x</b></l>",
    ),
    "cdata": (("{name: l.a, attribute: b, cdata: true}",), "<l><a><![CDATA[x]]></a></l>"),
    "list": (('{name: l.a, value: [k, "{{ b }}"]}',), "<l><a>k</a><a>x</a></l>"),
    "true and numbers": (("{name: l.t, value: true}", "{name: l.n, value: 5}"), "<l><t>true</t><n>5</n></l>"),
    "nothing at all": (("{name: l.a, attribute: gone}",), "<l/>"),
}  # fmt: skip


@pytest.mark.parametrize("case", XML)
def test_xml_names(case: str) -> None:
    items, expected = XML[case]
    assert body(spec(*items, encoding="xml") + "xml_declaration: false\n", A) == expected


def test_xml_begins_with_its_declaration() -> None:
    assert body(spec("{name: l.a, attribute: a}", encoding="xml"), A) == (
        '<?xml version="1.0" encoding="UTF-8"?>\n<l><a>1</a></l>'
    )


@pytest.mark.parametrize(
    ("items", "message"),
    [
        (("{name: a, attribute: a}", "{name: b, attribute: b}"), "one root element"),
        (("{name: l.1a, attribute: a}",), "not an XML name"),
    ],
)
def test_names_that_make_no_xml(items: tuple[str, ...], message: str) -> None:
    with pytest.raises(SpecError, match=message):
        renderer(spec(*items, encoding="xml"))


def test_xml_cannot_hold_control_characters() -> None:
    assert problems(spec("{name: l.a, attribute: a}", encoding="xml"), {"a": "x\x00"}) == (
        "l.a: XML cannot contain the control character U+0000",
    )


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


def test_every_reason_at_once() -> None:
    rest = (
        spec(
            "{name: p, attribute: a, required: true}",
            "{name: q, attribute: b, format: email}",
            "{name: r, attribute: c, type: integer}",
            "{name: s, attribute: d, in: header}",
        )
        + "attributes: {sku: {required: true}}\n"
    )
    found = problems(rest, {"b": "nobody", "c": "1.5", "d": "x\r\nEvil: 1"})
    assert found[0] == "attribute sku is required: the row has none"
    assert [line.partition(":")[0] for line in found[1:]] == ["p is required", "q", "r", "s"]
    assert len(found) == 5


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


def test_an_array_and_an_object_of_the_row_stay_what_they_are_in_json() -> None:
    row = {"a": ["1", {"b": None}], "o": {"k": "v"}}
    rest = spec("{name: a, attribute: a}", "{name: o, attribute: o}")
    assert json.loads(body(rest, row)) == row


PLACES = [
    ("{name: q, in: query, attribute: a}", URL, {"a": "x y&z=é"}, f"{URL}?q=x+y%26z%3D%C3%A9"),
    ("{name: q, in: query, attribute: a}", URL + "?k=1", {"a": "x"}, f"{URL}?k=1&q=x"),
    ("{name: q, in: query, attribute: a}", URL, {}, URL),
    ("{name: p, in: path, attribute: a}", URL + "/{p}/x", {"a": "a/b?c#d e"}, f"{URL}/a%2Fb%3Fc%23d%20e/x"),
    ("{name: p, in: path, attribute: a}", URL + "/{p}", {"a": "line\nbreak"}, f"{URL}/line%0Abreak"),
]


@pytest.mark.parametrize(("item", "url", "row", "expected"), PLACES)
def test_query_and_path(item: str, url: str, row: dict[str, str], expected: str) -> None:
    assert request(spec(item, encoding="none"), row, url=url).url == expected


@pytest.mark.parametrize("value", [".", "..", ""])
def test_a_path_parameter_that_would_change_the_path(value: str) -> None:
    with pytest.raises(InvalidRowError):
        request(spec("{name: p, in: path, attribute: a}", encoding="none"), {"a": value}, url=URL + "/{p}/x")


def test_headers_keep_their_order_and_none_can_be_split() -> None:
    rest = spec(
        "{name: X-Fixed, in: header, value: rokt}",
        '{name: X-Row, in: header, value: "{{ a }}"}',
        "{name: X-Gone, in: header, attribute: gone}",
    )
    headers = request(rest, {"a": " 1 "}).headers
    assert [name for name, _ in headers[-2:]] == ["X-Fixed", "X-Row"]
    assert headers[-1] == ("X-Row", "1")
    for value in ("a\r\nEvil: 1", "a\nb", "a\x00b"):
        assert "X-Row: a header cannot contain" in problems(rest, {"a": value})[0]


def test_a_header_of_the_spec_outweighs_ours() -> None:
    sent = request(spec("{name: user-agent, in: header, value: Acme/1}", "{name: a, attribute: a}"), {"a": "1"})
    agents = [value for name, value in sent.headers if name.lower() == "user-agent"]
    assert agents == ["Acme/1"]


def test_rows_with_the_same_headers_share_them() -> None:
    made = renderer(spec("{name: a, attribute: a}") + "authentication: {type: basic, username: u, password: p}\n")
    first, second = (made.render(Transaction(n, str(n), {"a": str(n)})) for n in (1, 2))
    assert first.headers is second.headers


@pytest.mark.parametrize(
    ("encoding", "content_type"),
    [
        ("json", "application/json"),
        ("form", "application/x-www-form-urlencoded"),
        ("xml", "application/xml; charset=utf-8"),
    ],
)
def test_content_type(encoding: str, content_type: str) -> None:
    name = "l.a" if encoding == "xml" else "a"
    rest = spec(f"{{name: {name}, attribute: a}}", encoding=encoding)
    assert request(rest, A).header("Content-Type") == content_type
    assert request(rest + "content_type: text/x\n", A).header("Content-Type") == "text/x"


def test_a_get_has_neither_body_nor_content_type() -> None:
    sent = request("method: GET\n" + spec("{name: a, in: query, attribute: a}", encoding="none"), A)
    assert (sent.method, sent.body, sent.header("Content-Type")) == ("GET", None, None)


def test_a_row_the_source_could_not_read_is_never_a_request() -> None:
    made = renderer(spec("{name: a, attribute: a}"))
    with pytest.raises(InvalidRowError, match="3 cells where the header has 10"):
        made.render(Transaction(7, "row-7", {}, problem="3 cells where the header has 10"))


KEYED = spec("{name: a, attribute: a}") + "idempotency: Idempotency-Key\n"
_PROGRAM = """
import sys
from tests.request.rendering import renderer
from rokt_export.transactions.transaction import Transaction
made = renderer(sys.argv[1])
print(made.render(Transaction(9, "row-1", {"b": "é", "a": "1"})).header("Idempotency-Key"))
"""


def key(row: dict[str, str], *, number: int = 1, name: str = "row-1", rest: str = KEYED) -> str | None:
    return renderer(rest).render(Transaction(number, name, row)).header("Idempotency-Key")


def test_the_idempotency_key_is_the_rows_own() -> None:
    row = {"a": "1", "b": "é"}
    own = key(row)
    assert own is not None
    assert re.fullmatch("[0-9a-f]{32}", own)
    assert key(row, number=2) == own  # its place in the file does not count
    assert key(dict(reversed(row.items()))) == own  # nor the order of columns
    others = {key({"a": "2", "b": "é"}), key(row, name="row-2"), key({"a": "1"})}
    assert len(others | {own}) == 4


def test_the_idempotency_key_is_the_same_in_another_process() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, KEYED], capture_output=True, text=True, timeout=30, check=True,
        env={"PYTHONPATH": ":".join(sys.path), "PYTHONHASHSEED": "77"},
    )  # fmt: skip
    assert done.stdout.strip() == key({"a": "1", "b": "é"})


def test_an_idempotency_key_of_the_spec() -> None:
    rest = spec("{name: a, attribute: a}") + 'idempotency: {header: X-Key, value: "{{ confirmationref }}"}\n'
    assert request(rest, {"a": "1", "confirmationref": "00123"}).header("X-Key") == "00123"
    assert problems(rest, {"a": "1"}) == ("X-Key: the row has no value for the idempotency key",)


def test_a_base_url_replaces_scheme_host_and_port_alone() -> None:
    rest = spec("{name: p, in: path, attribute: a}", "{name: q, in: query, attribute: b}", encoding="none")
    sent = request(rest, A, url="https://api.example.com:8443/v1/{p}?k=1", base="http://127.0.0.1:9")
    assert sent.url == "http://127.0.0.1:9/v1/1?k=1&q=x"


def test_an_attribute_cannot_choose_the_host() -> None:
    with pytest.raises(SpecError, match="in this spec"):
        renderer(spec("{name: a, attribute: a}"), url="https://{{ a }}.example.com/leads")


@pytest.mark.parametrize("value", ["", "not a url", "ftp://example.com/", "//example.com/x", "https://"])
def test_a_variable_that_makes_no_url(value: str) -> None:
    with pytest.raises(ConfigurationError):
        renderer(spec("{name: a, attribute: a}"), url="{{ env.BASE }}", variables={"BASE": value})


def test_a_header_that_only_looks_constant_follows_the_row() -> None:
    made = renderer(
        spec('{name: X, in: header, value: "{% if a %}yes{% else %}no{% endif %}"}', encoding="none")
        + '  - {name: Y, in: header, value: [k, "{{ a }}"]}\n'
    )
    with_a, without = (made.render(Transaction(1, "1", row)) for row in ({"a": "1"}, {}))
    assert [value for name, value in with_a.headers if name in "XY"] == ["yes", "k", "1"]
    assert [value for name, value in without.headers if name in "XY"] == ["no", "k"]


def test_an_empty_list_leaves_nothing_in_a_form() -> None:
    items = "{name: a, attribute: a}", "{name: b, attribute: b}", "{name: c, value: 5}"
    assert body(spec(*items, encoding="form"), {"a": "1", "b": []}) == "a=1&c=5"


def test_a_random_identifier_in_the_url_is_another_for_each_row() -> None:
    made = renderer("encoding: none", url=URL + "?nonce={{ uuid }}")
    assert len({made.render(Transaction(1, "1", {})).url for _ in range(3)}) == 3


def test_rows_share_headers_that_only_variables_decide() -> None:
    made = renderer(
        "authentication: {type: api_key, in: header, name: Key, value: '{{ env.KEY }}'}\n"
        + spec("{name: X, in: header, value: '{{ env.X }}'}", "{name: a, attribute: a}"),
        variables={"KEY": "k", "X": "x"},
    )
    one, other = (made.render(Transaction(1, "1", {"a": value})) for value in "12")
    assert one.headers is other.headers is made.shared_headers
    assert one.headers[-2:] == (("Key", "k"), ("X", "x"))


@pytest.mark.parametrize("value", ["a\nb", ""])
def test_a_variable_that_cannot_be_sent_makes_each_row_invalid(value: str) -> None:
    made = renderer(spec("{name: X, in: header, required: true, value: '{{ env.X }}'}"), variables={"X": value})
    with pytest.raises(InvalidRowError, match="X"):
        made.render(Transaction(1, "1", {}))


@given(st.text(min_size=1), st.text(min_size=1))
def test_any_text_survives_json_and_form(one: str, two: str) -> None:
    row = {"a": one, "b": two}
    assert json.loads(JSON_RENDERER.render(Transaction(1, "1", row)).body or b"") == {"x": {"a": one}, "b": two}
    form = FORM_RENDERER.render(Transaction(1, "1", row)).body or b""
    assert parse_qsl(form.decode(), keep_blank_values=True) == [("x.a", one), ("b", two)]


JSON_RENDERER = renderer(spec("{name: x.a, attribute: a}", "{name: b, attribute: b}"))
FORM_RENDERER = renderer(spec("{name: x.a, attribute: a}", "{name: b, attribute: b}", encoding="form"))


@pytest.mark.parametrize(
    ("rest", "problem"),
    [
        ("encoding: text\nbody: '{{ dob | date }}'", "body: `x` is not a date"),
        ("encoding: text\nbody: '{{ dob ~ gone }}'", "body: an attribute of its template is absent"),
        (
            "parameters: [{name: a, attribute: dob}]\nidempotency: {header: K, value: '{{ dob | date }}'}",
            "K: `x` is not",
        ),
        ("parameters: [{name: a, value: '{{ dob | replace(old, dob) }}'}]", "a: the text would have"),
    ],
)
def test_a_template_that_a_row_cannot_fill_makes_it_invalid(rest: str, problem: str) -> None:
    row = {"dob": "x" * 2_000 if "replace" in rest else "x", "old": "x"}
    with pytest.raises(InvalidRowError, match=re.escape(problem)):
        request(rest, row)


def test_a_credential_that_its_template_cannot_fill_is_an_error_of_the_configuration() -> None:
    rest = "parameters: [{name: a, attribute: a}]\nauthentication: {type: bearer, token: '{{ env.T | date }}'}"
    with pytest.raises(ConfigurationError, match="credential's template cannot be rendered"):
        renderer(rest, variables={"T": "x"})


@pytest.mark.parametrize(
    ("rest", "wanted"),
    [
        (
            "encoding: xml\ncontent_type: text/xml; charset=iso-8859-1\nparameters: [{name: a.b, attribute: name}]",
            b'<?xml version="1.0" encoding="ISO-8859-1"?>\n<a><b>Zo\xeb</b></a>',
        ),
        (
            "encoding: text\nbody: '{{ name }}'\n"
            "parameters: [{name: content-type, in: header, value: text/x; charset=cp1252}]",
            b"Zo\xeb",
        ),
        (
            "content_type: application/json; charset=UTF8\nparameters: [{name: a, attribute: name}]",
            b'{"a":"Zo\xc3\xab"}',
        ),
    ],
)
def test_the_content_type_decides_the_charset_of_the_body(rest: str, wanted: bytes) -> None:
    assert request(rest, {"name": "Zoë"}).body == wanted
    if b"\xc3" not in wanted:
        with pytest.raises(InvalidRowError, match="body: `漢` cannot be written in "):
            request(rest, {"name": "漢"})


def test_a_charset_that_nobody_knows() -> None:
    with pytest.raises(SpecError, match="there is no charset `latin9000`"):
        request("content_type: text/json; charset=latin9000\nparameters: [{name: a, attribute: name}]", {"name": "a"})


def test_a_sandbox_reads_the_charset_back() -> None:
    sent = '<?xml version="1.0" encoding="ISO-8859-1"?><a><b>Zoë</b></a>'.encode("latin-1")
    assert read_body("xml", sent, "text/xml; charset=iso-8859-1") == {"a": {"b": "Zoë"}}
    with pytest.raises(BodyProblem):
        read_body("text", b"\xff", "text/plain; charset=us-ascii")


@pytest.mark.parametrize(
    ("encoding", "names", "why"),
    [
        ("json", ("[0].a", "b"), "contradicts another parameter's name"),
        ("json", ("b", "[0].a"), "contradicts another parameter's name"),
        ("xml", ("[0].a",), "an XML body has one root element"),
    ],
)
def test_an_array_at_the_root_is_alone(encoding: str, names: tuple[str, ...], why: str) -> None:
    with pytest.raises(SpecError, match=why):
        request(spec(*(f'{{name: "{name}", attribute: a}}' for name in names), encoding=encoding), A)
