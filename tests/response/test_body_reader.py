"""What a response's body is read as: JSON, XML, fragments of it, or text; its headers too."""

from __future__ import annotations

import pytest

from rokt_export.exchange.model import Response
from rokt_export.response.classify import Classifier
from tests.response.classifying import captured, holds, rule


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"<r><a>Smith & Co</a></r>", "not XML: not well-formed (invalid token): line 1, column 13"),
        (b"<?xml version='1.0'?><r>a&nbsp;b</r>", "not XML: undefined entity"),
        (b"<r><a>1</r>", "not XML: mismatched tag"),
        (b"<html><body>Oops", None),
        (b"<!DOCTYPE html><p>Oops", None),
        (b"Oops", None),
    ],
)
def test_xml_that_cannot_be_read_says_where(body: bytes, why: str | None) -> None:
    found = Classifier([rule('{status: 200, body: {/r/a: "1"}}')]).classify(Response(200, (), body)).reason or ""
    assert ("its body cannot be read: " in found) is (why is not None)
    assert why is None or f"status 200, its body cannot be read: {why}" in found


def test_unreadable_body_falls_back_to_text() -> None:
    assert holds("text: {contains: Duplicate}", '{"v": "Duplicate')
    assert captured('capture: {reason: {regex: \'"v": "(\\w+)\'}}', '{"v": "Duplicate').reason == "Duplicate"


def test_headers() -> None:
    cookies = (("Set-Cookie", "a=1"), ("set-cookie", "b=2 "))
    assert holds("headers: {SET-COOKIE: b=2}", headers=cookies)
    assert holds("headers: {set-cookie: {not: c=3}}", headers=cookies)
    assert not holds("headers: {set-cookie: {not: b=2}}", headers=cookies)
    assert holds("headers: {location: {absent: true}}", headers=cookies)
    assert not holds("headers: {location: {not: /error}}", headers=cookies)


def test_content_type_is_the_media_type_alone() -> None:
    headers = (("content-type", "Application/Problem+JSON; charset=utf-8"),)
    assert holds("content_type: application/problem+json", headers=headers)
    assert holds("content_type: {suffix: json}", headers=headers)
    assert holds("content_type: {absent: true}")


def test_paths_find_several_values() -> None:
    body = {"e": [{"c": 5}, {"c": 6}]}
    assert holds("body: {'$.e[*].c': 6}", body)
    assert not holds("body: {'$.e[*].c': {every: 6}}", body)
    assert holds("body: {'$.e[*].c': {every: {compare: '> 4'}}}", body)
    assert holds("body: {'$.e[?@.c == 6].c': {exists: true}}", body)
    assert not holds("body: {'$.e[*].c': {not: 6}}", body)


def test_names_with_dots_and_roots_of_any_kind() -> None:
    assert holds("body: {\"$['a@b.c']['2009']\": x}", {"a@b.c": {"2009": "x"}})
    assert holds("body: {$: bare}", '"bare"')
    assert holds("body: {$: 7}", "7")
    assert holds("body: {$: null}", "null")
    assert holds("body: {'$[0].code': A}", [{"code": "A"}])


XML_BODY = (
    '<?xml version="1.0" encoding="ISO-8859-1"?><s:R xmlns:s="urn:x" xmlns="urn:y" id="1"><s:C s:k="v">7</s:C>'
    "<n/><l>ä</l><l>b</l><p><q/></p></s:R>"
)


@pytest.mark.parametrize(
    "condition",
    [
        "{/R/C: 7}",
        "{/s:R/s:C: 7}",
        "{/R/@id: 1}",
        "{/R/C/@k: v}",
        "{/R/l: b}",
        "{/R/l: ä}",
        "{/R/n: {empty: true}}",
        "{/R/p: {empty: false}}",
        "{/R/x: {absent: true}}",
        "{//q: {exists: true}}",
        "{\"$.R.C['#text']\": 7}",
        "{\"$.R['@id']\": 1}",
        "{\"$.R.C['@k']\": v}",
        "{'$.R.l[*]': b}",
        "{$.R.n: {empty: true}}",
        "{$.R.l: {every: {regex: .}}}",
    ],
)
def test_xml_by_both_path_languages(condition: str) -> None:
    assert holds(f"body: {condition}", XML_BODY.encode("latin-1"))
    assert holds(f"{{as: xml, body: {condition}}}", XML_BODY.encode("latin-1"))
    assert not holds(f"{{as: text, body: {condition}}}", XML_BODY.encode("latin-1"))


@pytest.mark.parametrize(
    "body",
    [
        "<status>rejected</status>Reason",
        '<?xml version="1.0"?>\n<status>rejected</status> Reason',
        "<status>rejected</status><why>x</why>",
        "<!DOCTYPE status><status>rejected</status>\nReason",
    ],
)
def test_fragments_of_xml(body: str) -> None:
    assert holds("body: {/status: rejected}", body)
    assert holds("body: {$.status: rejected}", body)
    assert holds("{as: xml, body: {$.status: rejected}}", body)
    assert not holds("body: {/holder: {exists: true}}", body)


def test_as_outweighs_the_body_and_its_header() -> None:
    html = (("Content-Type", "text/html"),)
    assert holds("{as: json, body: {$.a: 1}}", {"a": 1}, headers=html)
    assert holds("body: {$.a: 1}", {"a": 1}, headers=html)
    assert not holds("{as: json, body: {/a: 1}}", "<a>1</a>")
    assert not holds("{as: xml, body: {$.a: 1}}", {"a": 1})
    assert not holds("body: {/a: {absent: true}}", {"b": 1})


def test_json_in_odd_clothes() -> None:
    assert holds("body: {$.a: é}", '{"a": "é"}'.encode("utf-8-sig"))
    assert holds("body: {$.a: é}", '{"a": "é"}'.encode("utf-16"))
    assert holds("body: {$.a: é}", '{"a": "é"}'.encode("latin-1"), headers=(("content-type", "x; charset=latin-1"),))
    assert holds("body: {$.a: é}", '{"a": "é"}', headers=(("content-type", "application/json; charset=latin-1"),))
    assert holds("body: {$.a: 1}", '\n {"a": 1, "b": NaN}\n')
