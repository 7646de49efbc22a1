"""Parameters whose place, name, type or charset contradicts the rest of the spec."""

from __future__ import annotations

from typing import cast

import pytest
from msgspec.structs import replace

from rokt_export.spec_language.encodings import ENCODINGS, EncodingFacts
from tests.partner_spec.lint.planted_faults import Case, found, spec_text, with_parameter

CASES = {
    "RX114-25": Case(
        "RX114",
        "parameters",
        "method: GET\nparameters:\n  - {name: q, in: query, value: x}\n  - ^{name: a, attribute: email}\n",
        "method: GET\nparameters:\n  - {name: a, in: query, attribute: email}\n",
    ),
    "RX114-26": Case(
        "RX114",
        "parameters",
        "encoding: none\nparameters:\n  - ^{name: a, attribute: email}\n",
        "encoding: none\nparameters:\n  - {name: a, in: header, attribute: email}\n",
        "error",
    ),
    "RX116-27": Case(
        "RX116", "encoding", "content_type: ^application/xml\n", "content_type: application/vnd.api+json\n"
    ),
    "RX116-28": Case(
        "RX116",
        "parameters",
        with_parameter("{name: content-type, in: header, value: ^application/x-www-form-urlencoded}"),
        with_parameter("{name: content-type, in: header, value: application/json; charset=utf-8}"),
    ),
    "RX118-33": Case(
        "RX118", "parameters", with_parameter("{name: a, value: ^00123}"), with_parameter("{name: a, value: '00123'}")
    ),
    "RX118-34": Case(
        "RX118",
        "parameters",
        with_parameter("{name: a, value: [1, ^1.10]}"),
        with_parameter("{name: a, value: 9007199254740993}"),
    ),
    "RX119-35": Case(
        "RX119",
        "parameters",
        with_parameter("{name: ^email, attribute: emailmd5}"),
        with_parameter("{name: mail, attribute: emailmd5}"),
    ),
    "RX119-36": Case(
        "RX119",
        "parameters",
        with_parameter("{name: X-A, in: header, value: a}") + "  - {name: ^x-a, in: header, value: b}\n",
        with_parameter("{name: a, in: query, value: a}") + "  - {name: a, in: query, value: b}\n",
    ),
    "RX119-37": Case(
        "RX119",
        "endpoint",
        "endpoint: {staging: ^'https://api.example.com/{list}'}\n",
        "endpoint: {staging: 'https://api.example.com/{{ env.KEY }}'}\n",
        "error",
    ),
    "RX119-38": Case(
        "RX119",
        "parameters",
        with_parameter("{name: ^list, in: path, value: a}"),
        "endpoint: {staging: 'https://api.example.com/{list}'}\n" + with_parameter("{name: list, in: path, value: a}"),
        "error",
    ),
    "RX120-39": Case(
        "RX120",
        "parameters",
        with_parameter("{name: a, attribute: dob}") + "  - {name: ^a.b, attribute: city}\n",
        with_parameter("{name: a.c, attribute: dob}") + "  - {name: a.b, attribute: city}\n",
        "error",
    ),
    "RX120-40": Case(
        "RX120",
        "parameters",
        with_parameter("{name: 'a[0].b', attribute: dob}") + "  - {name: ^a.b, attribute: city}\n",
        with_parameter("{name: 'a[].b', attribute: dob}") + "  - {name: 'a[].b', attribute: city}\n",
        "error",
    ),
    "RX120-41": Case(
        "RX120",
        "parameters",
        "encoding: xml\nparameters: [{name: lead.email, attribute: email}, {name: ^dob, attribute: dob}]\n",
        "encoding: xml\nparameters: [{name: lead.email, attribute: email}, {name: lead.@id, attribute: dob}]\n",
        "error",
    ),
    "RX120-42": Case(
        "RX120",
        "parameters",
        "encoding: ^xml\nparameters: [{name: e, in: query, attribute: email}]\n",
        "encoding: none\nparameters: [{name: e, in: query, attribute: email}]\n",
    ),
    "RX126-56": Case(
        "RX126",
        "parameters",
        with_parameter("{name: a, attribute: dob, cdata: ^true}"),
        "encoding: xml\nparameters: [{name: 'a.b[@id=x].#text', attribute: email, cdata: true}]\n",
    ),
    "RX126-57": Case(
        "RX126",
        "parameters",
        with_parameter("{name: a, attribute: dob, date_format: ^'%d'}"),
        with_parameter("{name: a, attribute: dob, type: date, date_format: '%d'}"),
    ),
    "RX127-58": Case(
        "RX127",
        "parameters",
        "encoding: form\n" + with_parameter("{name: a, attribute: dob, absent: ^send_null}"),
        with_parameter("{name: a, attribute: dob, absent: send_null}"),
    ),
    "RX127-59": Case(
        "RX127",
        "parameters",
        with_parameter("{name: a, attribute: dob, required: true, absent: ^send_empty}"),
        with_parameter("{name: a, attribute: dob, required: true, empty: send_empty}"),
    ),
    "RX127-60": Case(
        "RX127",
        "parameters",
        with_parameter("{name: a, attribute: dob, min_length: ^5, max_length: 4}"),
        with_parameter("{name: a, attribute: dob, min_length: 4, max_length: 4}"),
        "error",
    ),
    "RX127-61": Case(
        "RX127",
        "parameters",
        with_parameter("{name: a, value: ^x, choices: [y, z]}"),
        with_parameter("{name: a, value: x, choices: [x, y]}"),
        "error",
    ),
    "RX129-62": Case(
        "RX129",
        "parameters",
        "body: '{}'\nparameters:\n  - ^{name: a, attribute: email}\n",
        'body: \'{"a": "{{ email }}"}\'\nparameters:\n  - {name: a, in: query, attribute: city}\n',
        "error",
    ),
    "RX129-63": Case(
        "RX129",
        "parameters",
        "encoding: text\nparameters:\n  - ^{name: a, attribute: email}\n",
        "encoding: text\nbody: '{{ email }}'\nparameters: []\n",
        "error",
    ),
    "RX177-81": Case(
        "RX177",
        "content_type",
        "content_type: ^application/json; charset=latin9000\n",
        "content_type: application/json; charset=UTF8\n",
        "error",
    ),
    "RX177-82": Case(
        "RX177",
        "content_type",
        "content_type: ^application/json; charset=iso-8859-1\n",
        "content_type: application/json; charset=us-ascii\n",
    ),
    "RX177-83": Case(
        "RX177",
        "content_type",
        "encoding: form\ncontent_type: ^application/x-www-form-urlencoded; charset=cp1252\n",
        "encoding: text\nbody: '{{ email }}'\ncontent_type: text/plain; charset=cp1252\nparameters: []\n",
    ),
    "RX177-84": Case(
        "RX177",
        "body",
        'encoding: xml\nbody: ^\'<?xml version="1.0" encoding="iso-8859-1"?><a>{{ email }}</a>\'\n',
        "encoding: xml\ncontent_type: text/xml; charset=latin1\n"
        'body: \'<?xml version="1.0" encoding="iso-8859-1"?><a>{{ email }}</a>\'\nparameters: []\n',
    ),
    "RX127-85": Case(
        "RX127",
        "parameters",
        with_parameter("{name: a, attribute: dob, format: date, required: true, invalid: ^omit}"),
        with_parameter("{name: a, attribute: dob, format: date, required: {any_of: [dob, email]}, invalid: omit}"),
    ),
    "RX127-86": Case(
        "RX127",
        "parameters",
        "attributes: {dob: {required: true}}\n"
        + with_parameter("{name: a, attribute: dob, type: date, invalid: ^omit}"),
        "attributes: {dob: {required: true}}\n"
        + with_parameter("{name: a, attribute: dob, type: date, invalid: omit}")
        + "  - {name: b, attribute: dob}\n",
    ),
    "RX120-88": Case(
        "RX120",
        "parameters",
        "parameters:\n  - {name: '[0].a', attribute: email}\n  - {name: ^b, attribute: dob}\n",
        "parameters:\n  - {name: '[0].a', attribute: email}\n  - {name: '[0].b', attribute: dob}\n",
        "error",
    ),
    "RX120-89": Case(
        "RX120",
        "parameters",
        "encoding: xml\nparameters:\n  - {name: ^'[0].a', attribute: email}\n",
        "encoding: xml\nparameters:\n  - {name: 'x.a', attribute: email}\n",
        "error",
    ),
    "RX173-90": Case(
        "RX173",
        "parameters",
        with_parameter("{name: 'a[].email', attribute: email}") + "  - {name: ^'a[].name', attribute: firstname}\n",
        with_parameter("{name: 'a[0].email', attribute: email}") + "  - {name: 'a[0].name', attribute: firstname}\n",
    ),
}
"""By the code of the finding and any suffix; `^` marks the place of the fault."""


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_planted_fault_is_found_in_its_place(case: Case) -> None:
    assert case.found == [(case.severity, *case.place)]


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_the_same_spec_without_the_fault_is_silent(case: Case) -> None:
    assert case.found_without_fault == []


def test_a_template_that_an_encoding_cannot_escape(monkeypatch: pytest.MonkeyPatch) -> None:
    text = spec_text(encoding="encoding: form\n", body="body: 'email={{ email }}'\n", parameters="parameters: []\n")
    assert "RX129" not in {finding.code for finding in found(text)}
    monkeypatch.setitem(cast("dict[str, EncodingFacts]", ENCODINGS), "form", replace(ENCODINGS["form"], place=None))
    (finding,) = [each for each in found(text) if each.code == "RX129"]
    assert (finding.line, finding.severity) == (4, "error")
    assert finding.message.startswith("`encoding: form` takes no `body` template")
