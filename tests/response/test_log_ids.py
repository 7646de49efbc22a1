"""The ids by which a partner finds a request in its logs."""

from __future__ import annotations

from rokt_export.exchange.model import Response
from rokt_export.response.log_ids import request_ids


def test_ids_are_found_in_head_and_text() -> None:
    headers = (("X-Amzn-RequestId", "6f1c"), ("X-Correlation-ID", "c-17"), ("Server", "x"))
    page = b"<p>Incapsula incident ID: 443000270-1</p><p>Your support ID is: 9182736455</p>"
    assert request_ids(Response(403, headers, page)) == [
        ("X-Amzn-RequestId", "6f1c"),
        ("X-Correlation-ID", "c-17"),
        ("incident ID", "443000270-1"),
        ("support ID is", "9182736455"),
    ]
