"""HTTP as text."""

from __future__ import annotations

import json

import pytest

from rokt_export.reports.http_text import laid_out, phrase


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (200, "OK"),
        (413, "Content Too Large"),
        (414, "URI Too Long"),
        (416, "Range Not Satisfiable"),
        (422, "Unprocessable Content"),
        (429, "Too Many Requests"),
        (299, ""),
        (999, ""),
    ],
)
def test_a_status_has_the_same_phrase_with_every_python(status, words):
    assert phrase(status) == words


@pytest.mark.parametrize(
    ("head", "body", "shown"),
    [
        ("POST / HTTP/1.1\nContent-Type: application/json", '{"a":1}', '{\n  "a": 1\n}\n'),
        ("POST / HTTP/1.1\ncontent-type: application/vnd.api+JSON; v=1", "[1]", "[\n  1\n]\n"),
        ("POST / HTTP/1.1\nContent-Type: application/x-ndjson", '{"a":1}\n', '{"a":1}\n'),
        ("POST / HTTP/1.1\nContent-Type: application/json-seq", '{"a":1}\n', '{"a":1}\n'),
        ("POST / HTTP/1.1\nContent-Type: text/plain", '{"a":1}', '{"a":1}'),
        ("POST / HTTP/1.1\nContent-Type: text/plain", "<a><b/></a>", "<a><b/></a>"),
        ("POST / HTTP/1.1\nHost: a", '{"a":1}', '{\n  "a": 1\n}\n'),
        ("HTTP/1.1 200 OK\nContent-Type: text/html", '{"a":1}', '{\n  "a": 1\n}\n'),
    ],
)
def test_a_request_is_laid_out_only_where_its_content_type_says_json_or_xml(head, body, shown):
    assert laid_out(f"{head}\n\n{body}") == f"{head}\n\n{shown}"


@pytest.mark.parametrize(
    ("body", "changed"),
    [
        ('{"a":1,"b":[2]}', True),
        ('{"hash":"0e12","version":"1.10"}', True),
        ('{"amount":1.10}', True),
        ('{"big":1e400}', True),
        ('{"long":12345678901234567890123,"name":"Nu\\u00f1ez"}', True),
        ('{"none":NaN}', False),
        ("[" * 100_000, False),
        ("{no json", False),
        ("plain", False),
    ],
)
def test_json_is_laid_out_and_keeps_its_digits(body: str, changed: bool) -> None:
    message = "HTTP/1.1 200 OK\n\n" + body
    shown = laid_out(message)
    assert (shown != message) == changed
    if changed:
        found = shown.partition("\n\n")[2]
        assert json.loads(found, parse_float=str, parse_int=str) == json.loads(body, parse_float=str, parse_int=str)
        assert found.startswith(("{\n  ", "[\n  "))


@pytest.mark.parametrize(
    ("body", "lines"),
    [
        (
            "<r><c>E1</c><l><i>1</i><i/></l></r>",
            ["<r>", "  <c>E1</c>", "  <l>", "    <i>1</i>", "    <i/>", "  </l>", "</r>"],
        ),
        ('<?xml version="1.0"?><a b="1"></a>', ['<?xml version="1.0"?>', '<a b="1"></a>']),
        ("<p>text <b>among</b> elements</p>", None),
        ("<a><b></a>", None),
        ("<html><p>x</p></html>", None),
        ("<", None),
    ],
)  # fmt: skip
def test_xml_is_laid_out_unless_blanks_may_matter(body: str, lines: list[str] | None) -> None:
    shown = laid_out("HTTP/1.1 200 OK\n\n" + body).partition("\n\n")[2]
    assert shown == (body if lines is None else "\n".join(lines) + "\n")
