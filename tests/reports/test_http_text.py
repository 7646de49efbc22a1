"""HTTP as text."""

from __future__ import annotations

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
