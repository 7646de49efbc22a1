"""HTTP as text."""

from __future__ import annotations

import pytest

from rokt_export.reports.http_text import phrase


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
