"""HMAC signatures: those of Sailthru's own client, of the RFCs and of Standard Webhooks, and what they cover."""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from urllib.parse import parse_qs, urlsplit

import pytest

from rokt_export.authentication.hmac import Hmac
from rokt_export.errors import ConfigurationError
from tests.authentication.samples import JEFE
from tests.request.rendering import URL, request

SAILTHRU = """\
encoding: {encoding}
method: {method}
authentication: {{type: hmac, style: sailthru, secret: "{{{{ env.SECRET }}}}"}}
parameters:
  - {{name: email, in: {place}, attribute: email}}
  - {{name: format, in: {place}, value: xml}}
  - {{name: "vars[myvar]", in: {place}, value: TestValue}}
  - {{name: optout, in: {place}, value: 0}}
  - {{name: api_key, in: {place}, value: abcdef1234567890abcdef1234567890}}
"""
# The test of Sailthru's own Perl client (sailthru/sailthru-perl-client, t/sig.t).
SAILTHRU_SECRET = {"SECRET": "00001111222233334444555566667777"}
SAILTHRU_SIG = "b0c1ba5e661d155a940da08ed240cfb9"


def test_sailthru_signs_a_form_as_its_own_client_does() -> None:
    rest = SAILTHRU.format(encoding="form", method="POST", place="body")
    sent = request(rest, {"email": "test@example.com"}, variables=SAILTHRU_SECRET)
    assert sent.body is not None
    assert parse_qs(sent.body.decode())["sig"] == [SAILTHRU_SIG]


def test_sailthru_signs_a_query_alike() -> None:
    rest = SAILTHRU.format(encoding="none", method="GET", place="query")
    sent = request(rest, {"email": "test@example.com"}, variables=SAILTHRU_SECRET)
    assert parse_qs(urlsplit(sent.url).query)["sig"] == [SAILTHRU_SIG]


def test_sailthru_signs_what_is_not_yet_url_encoded() -> None:
    rest = SAILTHRU.format(encoding="form", method="POST", place="body")
    sent = request(rest, {"email": "é +&@x"}, variables=SAILTHRU_SECRET)
    values = ["é +&@x", "xml", "TestValue", "0", "abcdef1234567890abcdef1234567890"]
    expected = hashlib.md5((SAILTHRU_SECRET["SECRET"] + "".join(sorted(values))).encode()).hexdigest()
    assert sent.body is not None
    assert parse_qs(sent.body.decode())["sig"] == [expected]


HMAC = """\
encoding: text
body: "{{{{ text }}}}"
authentication: {{type: hmac, secret: "{{{{ env.SECRET }}}}", {more}}}
"""
QUESTION = {"text": "what do ya want for nothing?"}


@pytest.mark.parametrize(
    ("algorithm", "digest"),
    [
        # RFC 4231 (test case 2) and RFC 2202 (HMAC-MD5 and HMAC-SHA-1, test case 2).
        ("sha256", "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"),
        (
            "sha512",
            "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea250554"
            "9758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737",
        ),
        ("sha1", "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"),
        ("md5", "750c783e6ab0b503eaa86e310a5db738"),
    ],
)
def test_hmac_vectors(algorithm: str, digest: str) -> None:
    plain = HMAC.format(more=f"message: '{{body}}', algorithm: {algorithm}")
    assert request(plain, QUESTION, variables=JEFE).header("X-Signature") == digest
    dressed = HMAC.format(
        more=f"message: '{{body}}', algorithm: {algorithm}, digest: base64, prefix: 'v1=', header: Sig"
    )
    encoded = base64.b64encode(bytes.fromhex(digest)).decode()
    assert request(dressed, QUESTION, variables=JEFE).header("Sig") == f"v1={encoded}"


@pytest.mark.parametrize(("unit", "seconds"), [("s", 1), ("ms", 1000)])
def test_hmac_covers_what_the_message_names(unit: str, seconds: int) -> None:
    rest = HMAC.format(
        more="message: '{timestamp}.{method}.{path}.{query}.{body}', timestamp_header: X-Time, "
        f"timestamp_unit: {unit}"
    )
    sent = request(rest, {"text": "{body}{method}"}, url=f"{URL}?k=a%20b", variables=JEFE)
    stamp = sent.header("X-Time") or ""
    assert abs(int(stamp) / seconds - time.time()) < 5
    message = f"{stamp}.POST./leads.k=a%20b.{{body}}{{method}}"
    assert sent.header("X-Signature") == hmac.new(b"Jefe", message.encode(), "sha256").hexdigest()


STANDARD = (
    "secret_encoding: base64, message: '{id}.{timestamp}.{body}', digest: base64, prefix: 'v1,', "
    "header: webhook-signature, id_header: webhook-id, timestamp_header: webhook-timestamp"
)


@pytest.mark.parametrize("idempotency", ["", "idempotency: {header: webhook-id, value: 'tx-{{ text }}'}\n"])
def test_a_signature_as_standard_webhooks_has_it(idempotency: str) -> None:
    secret = b"\xffkey"
    variables = {"SECRET": base64.b64encode(secret).decode()}
    sent = request(HMAC.format(more=STANDARD) + idempotency, {"text": "a"}, variables=variables)
    name, stamp = sent.header("webhook-id") or "", sent.header("webhook-timestamp") or ""
    assert name == "tx-a" if idempotency else len(name) == 36
    wanted = base64.b64encode(hmac.digest(secret, f"{name}.{stamp}.a".encode(), "sha256")).decode()
    assert sent.header("webhook-signature") == f"v1,{wanted}"


def test_a_signature_over_headers_with_a_secret_in_hex() -> None:
    rest = HMAC.format(more="secret_encoding: hex, message: '{header:X-Part}|{header:X-None}|{body}'")
    rest += "parameters: [{name: X-Part, in: header, value: p}]\n"
    sent = request(rest, {"text": "a"}, variables={"SECRET": "00ff"})
    assert sent.header("X-Signature") == hmac.new(b"\x00\xff", b"p||a", "sha256").hexdigest()


def test_a_secret_that_is_not_in_its_encoding() -> None:
    with pytest.raises(ConfigurationError, match="the secret of the signature is not base64"):
        request(HMAC.format(more="secret_encoding: base64"), {"text": "a"}, variables={"SECRET": "whsec_%"})


def test_an_id_needs_its_header() -> None:
    with pytest.raises(ValueError, match="no header sends it"):
        Hmac.model_validate({"type": "hmac", "secret": "{{ env.S }}", "message": "{id}{body}"})
