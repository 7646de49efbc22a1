"""Requests, responses and faults: their headers, their times, and what a fault says of our proxy."""

from __future__ import annotations

import pytest

from rokt_export.exchange.model import (
    Fault,
    FaultKind,
    Request,
    Response,
    Timings,
    header_of,
    latencies_of,
    milliseconds,
    named_proxy,
    names_proxy,
)


def test_a_header_is_found_whatever_its_case_and_the_first_counts() -> None:
    headers = (("X-Id", "1"), ("x-id", "2"))
    assert Request("GET", "https://example.com/", headers).header("X-ID") == "1"
    assert Response(200, headers).header("x-id") == "1"
    assert Response(200, headers).header("x-other") is None


@pytest.mark.parametrize(
    ("line", "header"),
    [
        (b"Server: nginx: 1 \r\n", ("Server", "nginx: 1")),
        ("X-Name: Zoë".encode(), ("X-Name", "Zoë")),
        ("X-Name: Zoë".encode("latin-1"), ("X-Name", "Zoë")),
        (b"Empty", ("Empty", "")),
    ],
)
def test_a_header_line_is_utf_8_or_else_latin_1(line: bytes, header: tuple[str, str]) -> None:
    assert header_of(line) == header


def test_a_shortened_response_keeps_the_size_of_the_whole_body() -> None:
    whole = Response(200, body=b"12345")
    assert whole.shortened(5) is whole
    once = whole.shortened(4)
    assert (once.body, once.size) == (b"1234", 5)
    assert (once.shortened(2).body, once.shortened(2).size) == (b"12", 5)


def test_times_are_milliseconds_with_three_decimals() -> None:
    fault = Fault(FaultKind.DNS, "no such host", False, Timings(total=0.0004567))
    results = [Response(200, timings=Timings(total=0.0123456)), None, fault]
    assert latencies_of(results) == [12.346, None, 0.457]
    assert [milliseconds(each.timings.total) for each in results if each] == [12.346, 0.457]


def test_a_fault_of_our_proxy_is_known_by_its_message() -> None:
    assert names_proxy(f"{named_proxy('127.0.0.1:3128')} refuses the connection")
    assert names_proxy(named_proxy(None))
    assert not names_proxy("127.0.0.1:3128 refuses the connection")
