"""Headers and parameters of URLs that are hidden by their names, whatever their values."""

from __future__ import annotations

import pytest

from rokt_export.redaction import Redactor


@pytest.mark.parametrize(
    ("header", "shown"),
    [
        (("Authorization", "Basic dXNlcjpwYXNz"), "Basic [redacted]"),
        (("authorization", "Klaviyo-API-Key pk_unknown"), "Klaviyo-API-Key [redacted]"),
        (("Authorization", "Bearer s3cr3t-value"), "Bearer $KEY"),
        (("Authorization", "Token token=s3cr3t-value"), "Token token=$KEY"),
        (("Authorization", "raw-unknown"), "[redacted]"),
        (("Authorization", 'Digest username="x", response="00ff", opaque="s3cr3t-value"'), "Digest [redacted]"),
        (("Proxy-Authorization", "Basic dXNlcjpwYXNz"), "Basic [redacted]"),
        (("X-WSSE", 'UsernameToken Username="u", PasswordDigest="x="'), "UsernameToken [redacted]"),
        (("Cookie", "a=1; b=2"), "a=[redacted]; b=[redacted]"),
        (("Set-Cookie", "sid=xyz; Path=/; HttpOnly"), "sid=[redacted]; Path=/; HttpOnly"),
        (("X-Api-Key", "unknown"), "[redacted]"),
        (("api-key", "s3cr3t-value"), "$KEY"),
        (("X-Auth-Token", "unknown"), "[redacted]"),
        (("Location", "https://u:p@h/x?token=1"), "https://[redacted]@h/x?token=[redacted]"),
        (("Idempotency-Key", "0001"), "0001"),
        (("Content-Type", "application/json"), "application/json"),
        (("X-Source", "rokt"), "rokt"),
        (("X-Note", "s3cr3t-value!"), "$KEY!"),
    ],
)
def test_headers_are_hidden_by_value_and_by_name(header: tuple[str, str], shown: str) -> None:
    assert Redactor(secrets={"KEY": "s3cr3t-value"}).headers((header,)) == ((header[0], shown),)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://user:pw@host/p", "https://[redacted]@host/p"),
        ("https://user:s3cr3t-value@host/p", "https://user:$KEY@host/p"),
        ("https://h/?api_key=1&email=x&apikey=2&sig=3", "https://h/?api_key=[redacted]&email=x&apikey=[redacted]&sig=[redacted]"),
        ("https://h/?key=s3cr3t-value&monkey=1&keyword=2", "https://h/?key=$KEY&monkey=1&keyword=2"),
        ("https://h/?access%5Ftoken=1#id_token=2", "https://h/?access%5Ftoken=[redacted]#id_token=[redacted]"),
        ("https://h/s3cr3t-value/members?password=", "https://h/$KEY/members?password="),
        ("https://h/?token=$OTHER", "https://h/?token=$OTHER"),
        ("https://h/contact@example.com?x=1", "https://h/contact@example.com?x=1"),
    ],
)  # fmt: skip
def test_urls_are_hidden_by_value_and_by_name(url: str, shown: str) -> None:
    assert Redactor(secrets={"KEY": "s3cr3t-value"}).url(url) == shown
