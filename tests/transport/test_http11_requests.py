"""Which requests are plain, and the very bytes that they are on the wire."""

from __future__ import annotations

import pytest

from rokt_export.exchange.model import Request
from rokt_export.transport.http11_requests import Messages


def message(method: str = "POST", url: str = "http://h.example/p", headers=(), body: bytes | None = b"{}"):
    return Messages().of(Request(method, url, tuple(headers), body))


@pytest.mark.parametrize(
    ("url", "origin", "first"),
    [
        ("http://h.example", "http://h.example", b"POST / HTTP/1.1\r\nHost: h.example\r\n"),
        ("http://h.example?a=1", "http://h.example", b"POST /?a=1 HTTP/1.1\r\nHost: h.example\r\n"),
        ("http://h.example:80/x", "http://h.example", b"POST /x HTTP/1.1\r\nHost: h.example\r\n"),
        ("https://h.example:443/x", "https://h.example", b"POST /x HTTP/1.1\r\nHost: h.example\r\n"),
        ("https://h.example:80/x", "https://h.example:80", b"POST /x HTTP/1.1\r\nHost: h.example:80\r\n"),
        (
            "http://[::1]:8080/a/../b?c=%20d",
            "http://[::1]:8080",
            b"POST /a/../b?c=%20d HTTP/1.1\r\nHost: [::1]:8080\r\n",
        ),
    ],
)
def test_where_a_message_goes_and_how_it_begins(url: str, origin: str, first: bytes) -> None:
    assert message(url=url) == (origin, first + b"Content-Length: 2\r\n\r\n{}")


@pytest.mark.parametrize(
    ("method", "url"),
    [
        ("HEAD", "http://h.example/"),
        ("post", "http://h.example/"),
        ("POST", "HTTP://h.example/"),
        ("POST", "ftp://h.example/"),
        ("POST", "http://jane:secret@h.example/"),
        ("POST", "http://h.example/#part"),
        ("POST", "http://h.example/a b"),
        ("POST", "http://h.example/é"),
        ("POST", "http://bücher.example/"),
        ("POST", "http://h.example/\n"),
        ("POST", "http:///x"),
        ("POST", "http://h.example:123456/"),
    ],
)
def test_what_is_not_plain_by_its_first_line(method: str, url: str) -> None:
    assert message(method, url) is None


@pytest.mark.parametrize(
    "header",
    [
        ("Accept-Encoding", "gzip, br"),
        ("transfer-encoding", "chunked"),
        ("Expect", "100-continue"),
        ("Upgrade", "h2c"),
        ("X-A", "b\r\nX-C: d"),
        ("X-A\n", "b"),
        ("X-A", "\0"),
    ],
)
def test_what_is_not_plain_by_its_headers(header: tuple[str, str]) -> None:
    assert message(headers=[("X-Before", "1"), header, ("X-After", "2")]) is None


def test_what_requests_share_is_made_once_and_never_mixed_up() -> None:
    messages = Messages()
    shared = (("X-A", "1"),)
    requests = [
        Request("POST", "http://a.example/1", shared, b"x"),
        Request("POST", "http://a.example/2", shared, b"yy"),
        Request("PUT", "http://a.example/2", (("X-A", "2"), ("Host", "other.example")), None),
        Request("POST", "http://a.example/1", (("X-A", "1\n"),), b"x"),
        Request("POST", "http://a.example/1", shared, b"x"),
        Request("GET", "http://a.example/1", shared, None),
    ]
    assert [made and made[1] for made in map(messages.of, requests)] == [
        b"POST /1 HTTP/1.1\r\nHost: a.example\r\nX-A: 1\r\nContent-Length: 1\r\n\r\nx",
        b"POST /2 HTTP/1.1\r\nHost: a.example\r\nX-A: 1\r\nContent-Length: 2\r\n\r\nyy",
        b"PUT /2 HTTP/1.1\r\nHost: other.example\r\nX-A: 2\r\nContent-Length: 0\r\n\r\n",
        None,
        b"POST /1 HTTP/1.1\r\nHost: a.example\r\nX-A: 1\r\nContent-Length: 1\r\n\r\nx",
        b"GET /1 HTTP/1.1\r\nHost: a.example\r\nX-A: 1\r\n\r\n",
    ]


def test_what_a_proxy_forwards_is_worded_for_it_by_libcurl() -> None:
    messages = Messages(lambda origin: origin != "http://far.example")
    plain = [messages.of(Request("GET", f"http://{host}.example/", ())) for host in ("far", "near", "far")]
    assert [made is not None for made in plain] == [False, True, False]
