from __future__ import annotations

import base64
import hashlib
import hmac
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from requests.auth import HTTPDigestAuth

from tests.sandbox.conftest import Client, Start, spec_of

PARAMETERS = "parameters: [{name: email, attribute: email}]"
PERSON = {"email": "a@example.com"}


def begin(start: Start, authentication: str, rest: str = PARAMETERS, **options: Any) -> Client:
    return start(spec_of(f"authentication: {authentication}\n{rest}"), **options)


def test_basic(start: Start) -> None:
    client = begin(start, "{type: basic, username: 'ü', password: '{{ env.PW }}'}", variables={"PW": "p:w"})
    assert client.post(json=PERSON, auth=("ü".encode(), b"p:w")).status_code == 201
    wrong = client.post(json=PERSON, auth=("u", "p:w"))
    assert (wrong.status_code, wrong.headers["WWW-Authenticate"].split()[0]) == (401, "Basic")
    assert client.last.problems == ("the user name or password is wrong",)
    assert client.post(json=PERSON).status_code == 401
    assert client.post(json=PERSON, headers={"Authorization": "Basic !"}).status_code == 401


def test_digest(start: Start) -> None:
    client = begin(start, "{type: digest, username: me, password: '{{ env.PW }}'}")
    auth = HTTPDigestAuth("me", client.sandbox.variables["PW"])
    assert client.post(json=PERSON, auth=auth).status_code == 201
    assert client.sandbox.counts == {"delivered": 1}  # the challenge was no delivery
    assert client.post(json=PERSON, auth=auth, params={"x": "1 2"}).status_code == 201
    wrong = client.post(json=PERSON, auth=HTTPDigestAuth("me", "no"))
    assert wrong.status_code == 401
    assert client.sandbox.counts["rejected"] == 1
    assert client.post(json=PERSON, headers={"Authorization": 'Digest username="me"'}).status_code == 401
    assert "lack nonce" in client.last.problems[0]


@pytest.mark.parametrize("where", ["header", "query", "body"])
def test_api_key(start: Start, where: str) -> None:
    client = begin(start, f"{{type: api_key, in: {where}, name: auth.key, value: '{{{{ env.K }}}}', prefix: 'K '}}")

    def send(value: str | None) -> int:
        name = {"header": "headers", "query": "params", "body": "json"}[where]
        nested: Any = {"auth": {"key": value}} if where == "body" else {"auth.key": value}
        given = {} if value is None else nested
        return client.post(**({"json": PERSON} | {name: given | (PERSON if where == "body" else {})})).status_code

    assert send("K sandbox-acme-k") == 201
    assert send("sandbox-acme-k") == 401
    assert send(None) == 401
    assert client.last.problems == (f"API key `auth.key` ({where}) is missing",)


def test_bearer(start: Start) -> None:
    client = begin(start, "{type: bearer, token: '{{ env.TOKEN }}'}")
    assert client.post(json=PERSON, headers={"Authorization": "Bearer sandbox-acme-token"}).status_code == 201
    wrong = client.post(json=PERSON, headers={"Authorization": "Bearer x"})
    assert (wrong.status_code, "invalid_token" in wrong.headers["WWW-Authenticate"]) == (401, True)


OAUTH = """{{type: oauth2, token_url: 'https://login.example.com/token', client_id: me,
  client_secret: '{{{{ env.S }}}}',
  secret_in: {where}, request_encoding: {encoding}, method: {method}, scope: leads, expires_unit: ms}}"""


@pytest.mark.parametrize(
    ("where", "encoding", "method"),
    [("header", "form", "POST"), ("body", "form", "POST"), ("body", "json", "POST"), ("query", "form", "GET")],
)
def test_oauth2(start: Start, where: str, encoding: str, method: str) -> None:
    client = begin(start, OAUTH.format(where=where, encoding=encoding, method=method))
    url = client.sandbox.base_url + "/token"
    grant = {"grant_type": "client_credentials", "scope": "leads"}

    def fetch(secret: str, **more: str) -> requests.Response:
        sent = grant | more
        if where == "header":
            return requests.post(url, data=sent, auth=("me", secret), timeout=5)
        sent |= {"client_id": "me", "client_secret": secret}
        how = "params" if where == "query" else {"form": "data", "json": "json"}[encoding]
        return requests.request(method, url, **{how: sent}, timeout=5)  # type: ignore[arg-type]

    token = fetch("sandbox-acme-s").json()
    assert token["expires_in"] == 3_600_000
    headers = {"Authorization": f"Bearer {token['access_token']}"}
    assert client.post(json=PERSON, headers=headers).status_code == 201
    assert client.post(json=PERSON, headers={"Authorization": "Bearer made-up"}).status_code == 401
    assert client.post(json=PERSON).status_code == 401
    refused = fetch("wrong")
    assert (refused.status_code, refused.json()["error"]) == (401, "invalid_client")
    assert fetch("sandbox-acme-s", grant_type="password").json()["error"] == "unsupported_grant_type"
    assert requests.put(url, timeout=5).status_code == 405


def test_an_expired_token_is_answered_as_the_spec_says_it_is(start: Start) -> None:
    client = begin(
        start,
        """{type: oauth2, token_url: 'https://x.example/oauth', client_id: a, client_secret: b, secret_in: query,
        method: GET, token_field: data.token, prefix: '', header: X-Token,
        refresh_on: {body: {'$.errors[*].code': '602'}}}""",
        token_lifetime=0.2,
    )
    url = client.sandbox.base_url + "/oauth?grant_type=client_credentials&client_id=a&client_secret=b"
    token = requests.get(url, timeout=5).json()["data"]["token"]
    assert client.post(json=PERSON, headers={"X-Token": token}).status_code == 201
    time.sleep(0.25)
    late = client.post(json=PERSON, headers={"X-Token": token})
    assert (late.status_code, late.json()) == (200, {"errors": [{"code": "602"}]})
    fresh = requests.get(url, timeout=5).json()["data"]["token"]
    assert client.post(json=PERSON, headers={"X-Token": fresh}).status_code == 201


def test_hmac_in_a_header(start: Start) -> None:
    client = begin(
        start,
        """{type: hmac, secret: '{{ env.S }}', message: '{method}\\n{path}\\n{query}\\n{timestamp}{body}',
        timestamp_header: X-Time, timestamp_unit: ms, prefix: 'v1=', digest: base64}""",
    )
    body = b'{"email": "{body}"}'

    def sign(moment: float, secret: bytes = b"sandbox-acme-s") -> dict[str, str]:
        stamp = str(int(moment * 1000))
        message = b"POST\n/v1/leads\nq=a%20b\n" + stamp.encode() + body
        signature = base64.b64encode(hmac.digest(secret, message, "sha256")).decode()
        return {"X-Time": stamp, "X-Signature": f"v1={signature}", "Content-Type": "application/json"}

    client.url += "?q=a%20b"
    assert client.post(data=body, headers=sign(time.time())).status_code == 201
    assert client.post(data=body, headers=sign(time.time(), b"other")).status_code == 401
    assert client.last.problems == ("signature `X-Signature` is wrong",)
    assert client.post(data=body, headers=sign(time.time() - 3600)).status_code == 401
    assert client.post(data=body, headers={"Content-Type": "application/json"}).status_code == 401


def test_hmac_with_a_message_id(start: Start) -> None:
    client = begin(
        start,
        """{type: hmac, secret: '{{ env.S }}', secret_encoding: base64, message: '{id}.{header:X-Part}.{body}',
        id_header: X-Id, digest: base64}""",
    )
    key, body = base64.b64decode(client.sandbox.variables["S"]), b'{"email": "jane.doe@example.com"}'
    signature = base64.b64encode(hmac.digest(key, b"m1.p." + body, "sha256")).decode()
    sent = {"X-Id": "m1", "X-Part": "p", "X-Signature": signature, "Content-Type": "application/json"}
    assert client.post(data=body, headers=sent).status_code == 201
    assert client.post(data=body, headers=sent | {"X-Id": "m2"}).status_code == 401
    assert client.post(data=body, headers=sent | {"X-Part": "q"}).status_code == 401
    del sent["X-Id"]
    assert client.post(data=body, headers=sent).status_code == 401


def test_sailthru(start: Start) -> None:
    client = begin(
        start,
        "[{type: api_key, in: body, name: api_key, value: k}, {type: hmac, style: sailthru, secret: '{{ env.S }}'}]",
        "encoding: form\nparameters: [{name: json, encoding: json, parameters: [{name: id, attribute: email}]}]",
    )
    fields = {"api_key": "k", "format": "json", "json": '{"id": "a+b@example.com"}'}

    def sign(secret: str) -> str:
        return hashlib.md5((secret + "".join(sorted(fields.values()))).encode()).hexdigest()

    assert client.post(data=fields | {"sig": sign("sandbox-acme-s")}).status_code == 201
    assert client.post(data=fields | {"sig": sign("x")}).status_code == 401
    assert client.post(data=fields).status_code == 401


@pytest.mark.parametrize(
    ("nonce_encoding", "digest_encoding"), [("base64", "base64"), ("hex", "hex_base64"), ("base64", "hex_base64")]
)
def test_wsse(start: Start, nonce_encoding: str, digest_encoding: str) -> None:
    client = begin(
        start,
        f"{{type: wsse, username: me, password: '{{{{ env.P }}}}', nonce_encoding: {nonce_encoding},"
        f" digest_encoding: {digest_encoding}}}",
    )

    def token(raw: bytes, age: float = 0, password: bytes = b"sandbox-acme-p") -> dict[str, str]:
        shown = raw.hex() if nonce_encoding == "hex" else base64.b64encode(raw).decode()
        created = (datetime.now(UTC) - timedelta(seconds=age)).strftime("%Y-%m-%dT%H:%M:%SZ")
        hashed = hashlib.sha1((shown.encode() if nonce_encoding == "hex" else raw) + created.encode() + password)
        digest = hashed.hexdigest().encode() if digest_encoding == "hex_base64" else hashed.digest()
        parts = (
            f'Username="me", PasswordDigest="{base64.b64encode(digest).decode()}", Nonce="{shown}", Created="{created}"'
        )
        return {"X-WSSE": f"UsernameToken {parts}"}

    assert client.post(json=PERSON, headers=token(b"nonce-1")).status_code == 201
    assert client.post(json=PERSON, headers=token(b"nonce-1")).status_code == 401
    assert client.last.problems == ("X-WSSE: its nonce was used before",)
    assert client.post(json=PERSON, headers=token(b"nonce-2", password=b"x")).status_code == 401
    assert client.post(json=PERSON, headers=token(b"nonce-3", age=3600)).status_code == 401
    assert client.post(json=PERSON).status_code == 401


def test_mutual_tls(start: Start) -> None:
    client = begin(start, "{type: mutual_tls, certificate: '{{ env.CERT }}', key: '{{ env.DIR }}/client.key'}")
    sandbox = client.sandbox
    assert sandbox.base_url.startswith("https://")
    pair = (sandbox.variables["CERT"], sandbox.variables["DIR"] + "/client.key")
    assert client.post(json=PERSON, verify=sandbox.ca_file, cert=pair).status_code == 201
    with pytest.raises(requests.exceptions.ConnectionError):
        client.__class__(sandbox).post(json=PERSON, verify=sandbox.ca_file)
    with pytest.raises(requests.exceptions.SSLError):
        client.__class__(sandbox).post(json=PERSON, cert=pair)
    folder = Path(pair[0]).parent
    sandbox.close()
    assert not folder.exists()


def test_a_client_certificate_of_ones_own(start: Start, tmp_path: Path) -> None:
    trustme = pytest.importorskip("trustme")
    own, other = (trustme.CA().issue_cert("client") for _ in range(2))
    for name, issued in (("own", own), ("other", other)):
        issued.private_key_and_cert_chain_pem.write_to_path(str(tmp_path / f"{name}.pem"))
    client = begin(
        start, "{type: mutual_tls, certificate: '{{ env.CERT }}'}", variables={"CERT": str(tmp_path / "own.pem")}
    )
    ca_file = client.sandbox.ca_file
    assert client.post(json=PERSON, verify=ca_file, cert=str(tmp_path / "own.pem")).status_code == 201
    with pytest.raises(requests.exceptions.ConnectionError):
        Client(client.sandbox).post(json=PERSON, verify=ca_file, cert=str(tmp_path / "other.pem"))


def test_custom_credentials_are_accepted_and_noted(start: Start) -> None:
    client = begin(start, "{type: custom, auth: 'acme.auth:Signed'}")
    assert client.post(json=PERSON).status_code == 201
    assert "acme.auth:Signed" in client.get("/_sandbox/health").json()["notes"][0]


def test_the_specs_own_answer_to_wrong_credentials(start: Start) -> None:
    client = start(
        spec_of(
            f"authentication: {{type: bearer, token: t}}\n{PARAMETERS}",
            responses="""\
              - {outcome: delivered, status: 2xx}
              - {outcome: failed, status: 401, examples: [{status: 401, body: '{"error": "nope"}'}]}
            """,
        )
    )
    answer = client.post(json=PERSON)
    assert (answer.status_code, answer.json()) == (401, {"error": "nope"})
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
