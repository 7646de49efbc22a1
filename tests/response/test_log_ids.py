"""The ids by which a partner finds a request in its logs."""

from __future__ import annotations

import pytest

from rokt_export.exchange.model import Response
from rokt_export.response.log_ids import request_ids, text_of


def test_ids_are_found_in_head_and_text() -> None:
    headers = (("X-Amzn-RequestId", "6f1c"), ("X-Correlation-ID", "c-17"), ("Server", "x"))
    page = b"<p>Incapsula incident ID: 443000270-1</p><p>Your support ID is: 9182736455</p>"
    assert request_ids(Response(403, headers, page)) == [
        ("X-Amzn-RequestId", "6f1c"),
        ("X-Correlation-ID", "c-17"),
        ("incident ID", "443000270-1"),
        ("support ID is", "9182736455"),
    ]


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b"<style>p {}</style><p>Access&nbsp;denied</p>\r\n\n<b>1020</b>", "Access\u00a0denied\n1020"),
        (b'{"html": "<b>"}', '{"html": "<b>"}'),
        (b"\xff", "\N{REPLACEMENT CHARACTER}"),
    ],
)
def test_the_text_of_a_page_has_no_tags(body: bytes, text: str) -> None:
    assert text_of(Response(403, (), body)) == text


def test_no_response_has_neither_text_nor_ids() -> None:
    assert (text_of(None), request_ids(None)) == ("", [])
    known = Response(403, (("X-Request-Id", "abc1234"),), b"request id: abc1234")
    assert request_ids(known) == [("X-Request-Id", "abc1234")], "the same id is told once"
