"""The proxy of a URL: the one that libcurl takes."""

from __future__ import annotations

from urllib.parse import urlsplit

import pycurl
import pytest

from rokt_export.transport.proxies import proxy_of

PROXY = "http://127.0.0.1:9"
CASES: dict[str, tuple[str, dict[str, str], bool]] = {
    "no variable": ("http://a.example/", {}, False),
    "http_proxy": ("http://a.example/", {"http_proxy": PROXY}, True),
    "HTTP_PROXY": ("http://a.example/", {"HTTP_PROXY": PROXY}, False),
    "https_proxy": ("https://a.example/", {"https_proxy": PROXY}, True),
    "HTTPS_PROXY": ("https://a.example/", {"HTTPS_PROXY": PROXY}, True),
    "of https alone": ("http://a.example/", {"https_proxy": PROXY}, False),
    "all_proxy": ("http://a.example/", {"all_proxy": PROXY}, True),
    "ALL_PROXY": ("http://a.example/", {"ALL_PROXY": PROXY}, True),
    "https by ALL_PROXY": ("https://a.example/", {"ALL_PROXY": PROXY}, True),
    "the scheme's before all": ("http://a.example/", {"http_proxy": PROXY, "all_proxy": "http://127.0.0.2:9"}, True),
    "empty is none": ("http://a.example/", {"http_proxy": "", "all_proxy": PROXY}, True),
    "everything": ("http://a.example/", {"all_proxy": PROXY, "no_proxy": "*"}, False),
    "NO_PROXY": ("http://a.example/", {"all_proxy": PROXY, "NO_PROXY": "a.example"}, False),
    "no_proxy first": ("http://a.example/", {"all_proxy": PROXY, "no_proxy": "b", "NO_PROXY": "a.example"}, True),
    "empty no_proxy": ("http://a.example/", {"all_proxy": PROXY, "no_proxy": "", "NO_PROXY": "a.example"}, False),
    "a domain": ("http://a.example/", {"all_proxy": PROXY, "no_proxy": "x, .EXAMPLE"}, False),
    "a blank ends the list": ("http://a.example/", {"all_proxy": PROXY, "no_proxy": "x b,a.example"}, True),
    "before a blank": ("http://a.example/", {"all_proxy": PROXY, "no_proxy": "a.example b"}, False),
    "no part of a label": ("http://aa.example/", {"all_proxy": PROXY, "no_proxy": "a.example"}, True),
    "with a port": ("http://a.example/", {"all_proxy": PROXY, "no_proxy": "a.example:80"}, True),
    "a star in a list": ("http://a.example/", {"all_proxy": PROXY, "no_proxy": "b,*"}, True),
    "an address": ("http://192.0.2.7/", {"all_proxy": PROXY, "no_proxy": "192.0.2.7"}, False),
    "a network": ("http://192.0.2.7/", {"all_proxy": PROXY, "no_proxy": "192.0.2.0/24"}, False),
    "another network": ("http://192.0.2.7/", {"all_proxy": PROXY, "no_proxy": "192.0.3.0/24"}, True),
    "the end of an address": ("http://192.0.2.7/", {"all_proxy": PROXY, "no_proxy": "2.7"}, True),
    "a final dot": ("http://a.example./", {"all_proxy": PROXY, "no_proxy": "a.example"}, False),
    "IPv6": ("http://[2001:db8::1]/", {"all_proxy": PROXY, "no_proxy": "2001:db8::1"}, False),
    "a network of IPv6": ("http://[2001:db8::1]/", {"all_proxy": PROXY, "no_proxy": "2001:db8::/32"}, False),
}


@pytest.mark.parametrize("case", CASES)
def test_the_environment_is_read_as_libcurl_reads_it(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    url, variables, expected = CASES[case]
    for scheme in ("http", "https", "all", "no"):
        monkeypatch.delenv(f"{scheme}_proxy", raising=False)
        monkeypatch.delenv(f"{scheme}_proxy".upper(), raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert (proxy_of(url, None), connects_to_proxy(url)) == ("127.0.0.1:9" if expected else None, expected)


def connects_to_proxy(url: str) -> bool:
    """Return whether libcurl would connect to the proxy, by the first address for which it asks for a socket."""
    asked = []

    def refuse(_purpose: int, address: tuple) -> int:
        asked.append(address[3])
        return pycurl.SOCKET_BAD

    parts = urlsplit(url)
    handle = pycurl.Curl()
    handle.setopt(pycurl.URL, url)
    handle.setopt(pycurl.RESOLVE, [f"{parts.hostname}:{port}:192.0.2.99" for port in (80, 443)])
    handle.setopt(pycurl.OPENSOCKETFUNCTION, refuse)
    with pytest.raises(pycurl.error):
        handle.perform()
    handle.close()
    return [each[:2] for each in asked] == [("127.0.0.1", 9)]  # none where the machine has no IPv6


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("http://jane:hush@proxy:3128", "proxy:3128"),
        ("https://proxy:3128/", "proxy:3128"),
        ("proxy:3128/path?x", "proxy:3128"),
        ("socks5h://[::1]:1080/", "[::1]:1080"),
        ("", None),
    ],
)
def test_a_given_proxy_is_shown_without_credentials_and_path(given: str, shown: str | None) -> None:
    assert proxy_of("http://a.example/", given) == shown
