from __future__ import annotations

import time

import pytest

from rokt_export.partner_spec.model import FORMATS
from rokt_export.spec_language.formats import matches

RIGHT = {
    "email": [
        "jane.doe@example.com",
        "a+b@x-y.example",
        "jané@exämple.com",
        "o'neil@example.co.uk",
        "a@xn--bcher-kva.example",
        "\u043e\u043b\u044c\u0433\u0430@example.com",
    ],
    "md5": ["238afb9e862add7d56bbc4181b80fa32"],
    "sha1": ["DA39A3EE5E6B4B0D3255BFEF95601890AFD80709"],
    "sha256": ["F6191D8D6A0F75CA7D237ED07CF8E461E72E5C7BB28D611DDF37E5908FDB632B"],
    "uuid": ["f81d4fae-7dec-11d0-a765-00a0c91e6bf6"],
    "url": ["https://example.com", "http://u:p@[::1]:8080/a?b#c", "https://example.com?x=1"],
    "date": ["19831215", "1983-12-15", "2024-02-29T10:00:00Z"],
    "digits": ["00123"],
    "phone": ["7327572923", "+1 (732) 757-2923", "+49 30/1234567"],
    "ip": ["192.0.2.1", "2001:db8::1"],
    "country": ["us", "DE", "NO", "XK"],
    "currency": ["USD", "eur"],
}
WRONG = {
    "email": [
        "",
        "jane",
        "@example.com",
        "a@b",
        "a..b@example.com",
        "a b@example.com",
        ".a@example.com",
        "a@example.com\n",
        "a@b@c.de",
        "zw\u200b@example.com",
        "a@exam\u00adple.com",
        "a@ex\u0430mple.com",
        "j\u0430ne@example.com",
        "a\x7f@example.com",
        "o&#39;neil@example.com",
    ],
    "md5": ["238afb", "g" * 32, "238afb9e862add7d56bbc4181b80fa32\n"],
    "sha1": ["a" * 39],
    "sha256": ["a" * 63],
    "uuid": ["f81d4fae7dec11d0a76500a0c91e6bf6"],
    "url": ["example.com", "ftp://example.com", "https://", "https://a b"],
    "date": ["20230229", "1983-13-01", "15.12.1983", ""],
    "digits": ["1.0", "", "١٢"],
    "phone": ["12345", "call me", "1" * 16],
    "ip": ["256.1.1.1", "1.2.3"],
    "country": ["usa", "xx", ""],
    "currency": ["$", "zzz"],
}


@pytest.mark.parametrize("form", FORMATS)
def test_formats(form: str) -> None:
    assert [text for text in RIGHT[form] if not matches(form, text)] == []
    assert [text for text in WRONG[form] if matches(form, text)] == []


def test_no_text_takes_long() -> None:
    before = time.monotonic()
    for text in (
        "a." * 50_000 + "@",
        "a@" + "a-" * 50_000,
        "1 " * 50_000,
        "(" * 50_000 + "1",
        "https://" + "a:" * 50_000,
    ):
        for form in FORMATS:
            matches(form, text)
    assert time.monotonic() - before < 1
