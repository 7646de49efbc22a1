"""What a request sent is known in the response, in each writing."""

from __future__ import annotations

from rokt_export.diff import SentTexts
from rokt_export.exchange.model import Request


def test_a_request_tells_what_it_carried():
    form = Request(
        "POST",
        "https://example.com/lists/a1b2c3?key=k1&q=a+b",
        (("Content-Type", "application/x-www-form-urlencoded"), ("X-Source", "rokt"), ("Host", "example.com")),
        b'email=jane%40example.com&json={"a":{"b":["x"]}}',
    )
    assert dict(SentTexts.of(form).values) == {
        "X-Source": "rokt",
        "path lists": "lists",
        "path a1b2c3": "a1b2c3",
        "key": "k1",
        "q": "a b",
        "email": "jane@example.com",
        "json": '{"a":{"b":["x"]}}',
        "a.b": "x",
    }
    document = Request("POST", "https://example.com/", (("Content-Type", "text/xml"),), b'<l><e id="7">jane</e></l>')
    assert dict(SentTexts.of(document).values) == {"l.e.@id": "7", "l.e.#text": "jane"}
