"""Signatures and credentials, against vectors that others published."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import sys
import time
import types
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from requests.auth import AuthBase
from requests.models import PreparedRequest

from rokt_export.authentication.hmac import Hmac
from rokt_export.errors import ConfigurationError
from rokt_export.exchange.model import Request
from rokt_export.partner_spec.document import parse
from rokt_export.partner_spec.loading import read_spec
from rokt_export.request.render import Renderer
from rokt_export.request.signing import signed
from rokt_export.transactions.transaction import Transaction
from tests.request.rendering import URL, renderer, request

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
JEFE, QUESTION = {"SECRET": "Jefe"}, {"text": "what do ya want for nothing?"}


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


TOKEN = re.compile(r'(\w+)="([^"]*)"')


@pytest.mark.parametrize("nonce", ["base64", "hex"])
@pytest.mark.parametrize("digest", ["base64", "hex_base64"])
def test_wsse_header(nonce: str, digest: str) -> None:
    rest = (
        "parameters: [{name: a, attribute: a}]\n"
        'authentication: {type: wsse, username: bob, password: "{{ env.SECRET }}", '
        f"nonce_encoding: {nonce}, digest_encoding: {digest}}}\n"
    )
    first, second = (request(rest, {"a": "1"}, variables=JEFE).header("X-WSSE") or "" for _ in range(2))
    assert first.startswith('UsernameToken Username="bob", ')
    token = dict(TOKEN.findall(first))
    assert token["Nonce"] != dict(TOKEN.findall(second))["Nonce"]
    raw = token["Nonce"].encode() if nonce == "hex" else base64.b64decode(token["Nonce"])
    hashed = hashlib.sha1(raw + token["Created"].encode() + b"Jefe")
    expected = hashed.digest() if digest == "base64" else hashed.hexdigest().encode()
    assert base64.b64decode(token["PasswordDigest"]) == expected


def test_a_retry_is_signed_anew() -> None:
    made = renderer(
        'parameters: [{name: a, attribute: a}]\nauthentication: {type: wsse, username: bob, password: "x"}\n'
    )
    rendered = made.render(Transaction(1, "1", {"a": "1"}))
    assert made.sign(rendered).header("X-WSSE") != made.sign(rendered).header("X-WSSE")
    assert rendered.header("X-WSSE") is None


class Stamp(AuthBase):
    """An auth plug-in that changes every part of a request."""

    def __init__(self, **options: str) -> None:
        self.options = options

    def __call__(self, prepared: PreparedRequest) -> PreparedRequest:
        prepared.headers["X-Stamp"] = self.options["key"]
        prepared.url = f"{prepared.url}?stamp=1"
        prepared.body = (prepared.body or b"") + b" "
        return prepared


class Failing(AuthBase):
    def __call__(self, prepared: PreparedRequest) -> PreparedRequest:
        raise RuntimeError("no")


class Forgetful(AuthBase):
    def __call__(self, prepared: PreparedRequest) -> PreparedRequest:
        prepared.headers["X-Stamp"] = "1"
        return None  # type: ignore[return-value]


class Pruning(AuthBase):
    """An auth plug-in that sets one header, removes another and adds a third."""

    def __call__(self, prepared: PreparedRequest) -> PreparedRequest:
        prepared.headers.update({"x-set": "new", "X-New": "3"})
        del prepared.headers["X-Gone"]
        return prepared


@pytest.fixture
def plugin(monkeypatch: pytest.MonkeyPatch) -> None:
    module: Any = types.ModuleType("acme_auth")
    module.Stamp, module.Number, module.Failing, module.Forgetful = Stamp, int, Failing, Forgetful
    monkeypatch.setitem(sys.modules, "acme_auth", module)


def custom(name: str, options: str = "{key: '{{ env.SECRET }}'}") -> str:
    return (
        "parameters: [{name: a, attribute: a}]\n"
        f"authentication: {{type: custom, auth: '{name}', options: {options}}}\n"
    )


def test_a_custom_class_may_change_header_url_and_body(plugin: None) -> None:
    sent = request(custom("acme_auth:Stamp"), {"a": "1"}, variables=JEFE, plugins=frozenset({"acme_auth:Stamp"}))
    assert sent.header("X-Stamp") == "Jefe"
    assert (sent.url, sent.body) == (f"{URL}?stamp=1", b'{"a":"1"} ')


def test_of_repeated_headers_a_class_changes_only_what_it_sets() -> None:
    headers = (("X-Part", "a"), ("X-Set", "1"), ("x-part", "b"), ("X-Gone", "1"), ("X-Set", "2"), ("X-Gone", "2"))
    sent = signed(Request("POST", URL, headers), (Pruning(),))
    assert sent.headers == (("X-Part", "a"), ("x-set", "new"), ("x-part", "b"), ("X-New", "3"))


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("acme_auth_gone:Stamp", "{}", "No module named"),
        ("acme_auth:Gone", "{}", "no attribute 'Gone'"),
        ("acme_auth:Failing", "{x: '1'}", "cannot be made"),
        ("acme_auth:Number", "{}", "is not a requests authentication"),
        ("acme_auth:__class__", "{}", "is not a requests authentication"),
    ],
)
def test_a_custom_class_that_cannot_be_used(plugin: None, name: str, options: str, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        renderer(custom(name, options), plugins=frozenset({name}))


@pytest.mark.parametrize(
    ("name", "message"),
    [("Failing", "acme_auth:Failing failed: RuntimeError: no"), ("Forgetful", "acme_auth:Forgetful returned NoneType")],
)
def test_a_custom_class_that_fails_on_a_request(plugin: None, name: str, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        request(custom(f"acme_auth:{name}", "{}"), {"a": "1"}, plugins=frozenset({f"acme_auth:{name}"}))


@pytest.mark.parametrize(
    ("authentication", "header", "value"),
    [
        ("{type: basic, username: é, password: 'p:%'}", "Authorization", "Basic w6k6cDol"),
        ("{type: basic, username: key}", "Authorization", "Basic a2V5Og=="),
        ("{type: bearer, token: t}", "Authorization", "Bearer t"),
        ("{type: api_key, name: X-Key, value: k, prefix: 'Key '}", "X-Key", "Key k"),
        ("[{type: bearer, token: t}, {type: api_key, name: X-Key, value: k}]", "X-Key", "k"),
        ("none", "Authorization", None),
    ],
)
def test_standing_credentials(authentication: str, header: str, value: str | None) -> None:
    sent = request(f"parameters: [{{name: a, attribute: a}}]\nauthentication: {authentication}\n", {"a": "1"})
    assert sent.header(header) == value


def test_an_api_key_in_query_and_body() -> None:
    body = (
        "parameters: [{name: a, attribute: a}]\nauthentication: {type: api_key, in: body, name: auth.key, value: k}\n"
    )
    assert request(body, {"a": "1"}).body == b'{"auth":{"key":"k"},"a":"1"}'
    query = "parameters: [{name: a, attribute: a}]\nauthentication: {type: api_key, in: query, name: key, value: k&}\n"
    assert request(query, {"a": "1"}).url == f"{URL}?key=k%26"


def test_an_environment_may_have_credentials_of_its_own() -> None:
    own = f"{{url: '{URL}', authentication: {{type: bearer, token: own}}}}"
    loaded = read_spec(
        parse(
            "spec.yaml",
            f"spec_version: 1\npartner: acme\nendpoint: {{staging: {own}, production: '{URL}'}}\n"
            "authentication: {type: bearer, token: shared}\nparameters: [{name: a, attribute: a}]\n"
            "responses: [{outcome: delivered, status: 2xx}]\n",
        )
    )
    row = Transaction(1, "1", {"a": "1"})
    sent = {name: Renderer(loaded.spec, name, {}).render(row) for name in ("staging", "production")}
    assert sent["staging"].header("Authorization") == "Bearer own"
    assert sent["production"].header("Authorization") == "Bearer shared"
