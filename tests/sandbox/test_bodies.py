"""Bodies of each encoding are decoded, and parameters are found in them by nested name."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tests.sandbox.conftest import Start, spec_of

TORTURE = "é & < > + % \" ' \\ , ; \n 😀 00123 1.10 9007199254740993"
FIELDS = "parameters: [{name: email, attribute: email, required: true}, {name: note, attribute: note}]"


def test_json(start: Start) -> None:
    client = start(
        spec_of(
            """
            parameters:
              - {name: person.email, attribute: email, required: true}
              - {name: "fields[name=zip].value", attribute: zipcode, required: true, pattern: '\\d{5}'}
              - {name: "phones[0].n", attribute: phone1}
              - {name: "phones[1].n", attribute: phone2, required: true, format: digits}
              - {name: "['a.b']", attribute: dotted, required: true}
              - {name: n, attribute: quantity, type: integer}
              - {name: amount, attribute: amount, type: number}
              - {name: ok, attribute: optin, type: boolean}
              - {name: born, attribute: dob, type: date, date_format: '%d.%m.%Y'}
              - {name: "tags[]", attribute: tags, choices: [a, b]}
              - {name: nothing, attribute: nothing, required: true, 'null': send_null}
            """
        )
    )
    right = {
        "person": {"email": TORTURE},
        "fields": [{"name": "x", "value": "no"}, {"name": "zip", "value": "00123"}],
        "phones": [{"n": "5551234"}],  # the place before it stayed empty and was closed up
        "a.b": "here",
        "n": 9007199254740993,
        "amount": 1.5,
        "ok": True,
        "born": "31.12.1983",
        "tags": ["a", "b"],
        "nothing": None,
    }
    assert client.post(json=right).status_code == 201, client.last.problems
    parameters = client.last.parameters
    assert parameters["person.email"] == TORTURE
    assert (parameters["n"], parameters["amount"]) == (9007199254740993, Decimal("1.5"))
    wrong = right | {"n": "7", "amount": True, "ok": "true", "born": "1983-12-31", "fields": [], "phones": [{"n": "x"}]}
    assert client.post(json=wrong).status_code == 400
    assert client.last.problems == (
        "`fields[name=zip].value` is missing",
        "`phones[1].n` is not of the format digits",
        "`n` is not an integer but a string",
        "`amount` is not a number but a boolean",
        "`ok` is not a boolean but a string",
        "`born` is not a date as `%d.%m.%Y`",
    )


@pytest.mark.parametrize(
    ("body", "content_type", "problem"),
    [
        (b"{", "application/json", "the body is not JSON: "),
        (b'{"email": "x"}', "text/plain", "Content-Type is `text/plain`, wanted `application/json`"),
        (b'{"email": ""}', "application/vnd.api+json", "`email` is empty"),
        (b'{"email": null}', "application/json; charset=utf-8", "`email` is null"),
        (b"[1]", "application/json", "`email` is missing"),
        (b"\xff", "application/json", "the body is not JSON: "),
        (b"[" * 100_000, "application/json", "the body is not JSON: "),
        (b"[" + b"[]," * 60_000 + b"1]", "application/json", "the body is not JSON: it has about"),
    ],
    ids=range(8),
)
def test_broken_json(start: Start, body: bytes, content_type: str, problem: str) -> None:
    client = start(spec_of(FIELDS))
    assert client.post(data=body, headers={"Content-Type": content_type}).status_code == 400
    assert client.last.problems[0].startswith(problem)
    assert client.get("/_sandbox/deliveries").status_code == 200


def test_form(start: Start) -> None:
    client = start(spec_of(f"encoding: form\n{FIELDS}"))
    assert client.post(data={"email": "a@example.com", "note": TORTURE}).status_code == 201
    assert client.last.parameters == {"email": "a@example.com", "note": TORTURE}
    assert client.post(data=[("email", ""), ("note", "x")]).status_code == 400
    assert client.last.problems == ("`email` is empty",)
    assert client.post(json={"email": "a"}).status_code == 400
    assert "wanted `application/x-www-form-urlencoded`" in client.last.problems[0]


def test_xml_with_namespaces_attributes_and_cdata(start: Start) -> None:
    client = start(
        spec_of(
            """
            encoding: xml
            parameters:
              - {name: 'soap:Envelope.@xmlns:soap', value: 'http://schemas.xmlsoap.org/soap/envelope/'}
              - {name: 'soap:Envelope.soap:Body.Lead.@source', value: rokt, required: true}
              - {name: 'soap:Envelope.soap:Body.Lead.Email', attribute: email, required: true, format: email}
              - {name: 'soap:Envelope.soap:Body.Lead.Email.@kind', value: home, required: true}
              - {name: 'soap:Envelope.soap:Body.Lead.Note', attribute: note, cdata: true}
              - {name: 'soap:Envelope.soap:Body.Lead.Tags.Tag[1]', attribute: tag, required: true}
            """
        )
    )
    # Another prefix for the same namespace is the sender's right.
    body = (
        '<?xml version="1.0" encoding="utf-8"?><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/">'
        '<s:Body><Lead source="rokt">\n  <Email kind="home">a@example.com</Email><Note><![CDATA[é & < ]]> </Note>'
        "<Tags><Tag>x</Tag><Tag>y</Tag></Tags></Lead></s:Body></s:Envelope>"
    ).encode()
    headers = {"Content-Type": "text/xml; charset=utf-8"}
    assert client.post(data=body, headers=headers).status_code == 201, client.last.problems
    parameters = client.last.parameters
    assert parameters["soap:Envelope.soap:Body.Lead.Email"] == "a@example.com"
    assert parameters["soap:Envelope.soap:Body.Lead.Note"] == "é & <  "
    assert parameters["soap:Envelope.soap:Body.Lead.Tags.Tag[1]"] == "y"
    assert client.post(data=body.replace(b' kind="home"', b""), headers=headers).status_code == 400
    assert client.last.problems == ("`soap:Envelope.soap:Body.Lead.Email.@kind` is missing",)
    assert client.post(data=body.replace(b"</Lead>", b""), headers=headers).status_code == 400
    assert client.last.problems[0].startswith("the body is not XML: mismatched tag")
    bomb = b'<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><x>&b;</x>'
    assert client.post(data=bomb, headers=headers).status_code == 400
    default = b'<!DOCTYPE x [<!ATTLIST z q CDATA "' + b"A" * 9_000 + b'">]><x>' + b"<z/>" * 9_000 + b"</x>"
    assert client.post(data=default, headers=headers).status_code == 400
    assert client.last.problems[0].startswith("the body is not XML: its document type declares")


@pytest.mark.parametrize(
    ("encoding", "name", "right", "broken", "missing"),
    [
        ("xml", "Leads.row.Email", "<Leads><row><Email>a@example.com</Email></row></Leads>", "<Leads>", "<Leads/>"),
        ("json", "person.email", '{"person": {"email": "a@example.com"}}', "{", "{}"),
        ("form", "email", "email=a%40example.com", "email=%ff", "x=1"),
    ],
)
def test_a_body_inside_a_form_field(
    start: Start, encoding: str, name: str, right: str, broken: str, missing: str
) -> None:
    client = start(
        spec_of(
            f"""
            encoding: form
            parameters:
              - name: data
                required: true
                encoding: {encoding}
                parameters: [{{name: {name}, attribute: email, required: true}}]
            """,
            responses="""\
              - {outcome: duplicate, status: 409, examples: [{status: 409, body: known}]}
              - {outcome: delivered, examples: [{status: 201, body: ok}]}
            """,
        )
    )
    assert [client.post(data={"data": right}).status_code for _ in range(2)] == [201, 409]
    assert client.last.parameters["data"][name] == "a@example.com"
    assert client.post(data={"data": missing}).status_code == 400
    assert client.last.problems == (f"`data: {name}` is missing",)
    assert client.post(data={"data": broken}).status_code == 400
    assert any(problem.startswith("`data`: the body is not") for problem in client.last.problems)
    assert client.post(data={"x": "1"}).status_code == 400
    assert client.last.problems[0] == "`data` is missing"


def test_query_headers_and_no_body(start: Start) -> None:
    client = start(
        spec_of(
            """
            method: GET
            encoding: none
            parameters:
              - {name: email, in: query, attribute: email, required: true}
              - {name: X-Source, in: header, value: rokt, required: true, choices: [rokt]}
              - {name: age, in: query, attribute: age, type: integer}
              - name: guardian
                in: query
                attribute: guardian
                required: {when: {age: ["16", "17"], email: present}}
            """
        )
    )
    headers = {"X-Source": "rokt"}
    assert client.send("GET", params={"email": TORTURE}, headers=headers).status_code == 201
    assert client.last.parameters == {"email": TORTURE, "X-Source": "rokt"}
    assert client.send("GET", params={"email": "x", "age": "17"}, headers=headers).status_code == 400
    assert client.last.problems == ("`guardian` is missing",)
    assert client.send("GET", params={"email": "x", "age": "a"}, headers={"X-Source": "you"}).status_code == 400
    assert client.last.problems == ("`X-Source` is none of rokt", "`age` is not an integer")
    assert client.send("GET", params={"email": b"\xff"}).status_code == 400


def test_an_array_at_the_root(start: Start) -> None:
    names = "parameters: [{name: '[0].email', attribute: email, required: true}, {name: '[0].note', attribute: note}]"
    client = start(spec_of(names))
    assert client.post(json=[{"email": "a", "note": "b"}]).status_code == 201, client.last.problems
    assert client.post(json={"email": "a"}).status_code == 400
    assert client.last.problems == ("`[0].email` is missing",)
