"""What a spec and a row make a request: URL, headers, charset, idempotency key, and rows that make none."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rokt_export.errors import ConfigurationError, SpecError
from rokt_export.request.render import InvalidRowError
from rokt_export.sandbox.bodies import BodyProblem, read_body
from rokt_export.transactions.transaction import Transaction
from tests.request.rendering import URL, A, problems, renderer, request, spec


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
