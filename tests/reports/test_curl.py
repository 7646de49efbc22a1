"""The copied curl command, run by real shells with real curl, sends what was sent, byte for byte."""

from __future__ import annotations

import base64
import html
import json
import shutil
import socket
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from urllib.parse import quote, quote_plus

import pytest

from rokt_export.exchange.model import Exchange, Outcome, OutcomeKind, Request, Response
from rokt_export.journal.recording import Recording, record
from rokt_export.partner_spec.model import Parameter
from rokt_export.redaction import Redactor
from rokt_export.reports.curl import curl_command
from rokt_export.reports.http_text import request_text, response_text
from rokt_export.request.encodings import body_encoding
from rokt_export.request.parameter_values import compile_field
from rokt_export.spec_language.encodings import ENCODINGS, WITH_BODY, nests
from rokt_export.transactions.transaction import Transaction
from rokt_export.transport import Transport

SECRET = "a+b %:/\"<é'\\$`!&"
SHELLS = [shell for shell in ("sh", "bash", "zsh") if shutil.which(shell)]
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"

pytestmark = pytest.mark.skipif(shutil.which("curl") is None, reason="needs the curl command")


class Ear:
    """Takes one request a connection, answers it, and keeps its bytes."""

    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.heard: list[bytes] = []
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            with connection:
                connection.settimeout(10)
                self.heard.append(self._request(connection))
                connection.sendall(OK)

    @staticmethod
    def _request(connection: socket.socket) -> bytes:
        data = b""
        while b"\r\n\r\n" not in data:
            data += connection.recv(65536)
        head, _, body = data.partition(b"\r\n\r\n")
        lengths = [line for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]
        length = int(lengths[0].partition(b":")[2]) if lengths else 0
        while len(body) < length:
            body += connection.recv(65536)
        return head + b"\r\n\r\n" + body


@pytest.fixture
def ear() -> Iterator[Ear]:
    opened = Ear()
    yield opened
    opened.listener.close()


def recorded(request: Request, *, secret: str = SECRET, personal: tuple[str, ...] = ()) -> Recording:
    redactor = Redactor(secrets={"API_KEY": secret})
    redactor.add_basic("API_KEY", "anystring", secret)
    exchange = Exchange(
        Transaction(1, "tx-1", {}), request, Response(200, body=b"ok"), Outcome(OutcomeKind.DELIVERED), 1, 1.7e9
    )
    recording = Recording.load(record(exchange, redactor, personal).dump(), "row 1")
    assert secret not in curl_command(recording)
    return recording


def parts(heard: bytes) -> tuple[bytes, list[bytes], bytes]:
    head, _, body = heard.partition(b"\r\n\r\n")
    line, *headers = head.split(b"\r\n")
    return line, sorted(headers), body


def run(command: str, shell: str = "sh", *, secret: str = SECRET) -> subprocess.CompletedProcess[bytes]:
    environment = {"PATH": "/usr/local/bin:/usr/bin:/bin", "API_KEY": secret, "HOME": "/nonexistent"}
    with tempfile.NamedTemporaryFile("w", suffix=".sh", encoding="utf-8", newline="") as script:
        script.write(command)
        script.flush()
        return subprocess.run([shell, script.name], env=environment, capture_output=True, timeout=20, check=False)


def assert_same(ear: Ear, request: Request, shell: str = "sh", *, secret: str = SECRET) -> str:
    """Send a request as the engine does, then by the copied command, and compare what arrived."""
    with Transport() as transport:
        assert isinstance(transport.send(request), Response)
    command = curl_command(recorded(request, secret=secret))
    done = run(command, shell, secret=secret)
    assert done.returncode == 0, (command, done.stderr)
    assert done.stdout.endswith(b"ok")
    sent, copied = ear.heard
    assert parts(copied) == parts(sent)
    return command


@pytest.mark.parametrize("shell", SHELLS)
def test_json_with_secrets_in_header_query_and_body(ear: Ear, shell: str) -> None:
    body = json.dumps({"email": "jane@example.com", "key": SECRET, "quote": 'it\'s "so"\n'}, ensure_ascii=False)
    request = Request(
        "POST",
        f"{ear.url}/v1/{quote(SECRET, safe='')}/leads?a=b&token={quote_plus(SECRET)}&list[]=1",
        (("Content-Type", "application/json"), ("X-Note", SECRET), ("X-Empty", ""), ("User-Agent", "rokt-export/1")),
        body.encode(),
    )
    assert_same(ear, request, shell)


@pytest.mark.parametrize("shell", SHELLS)
def test_form_and_what_is_inside_a_form(ear: Ear, shell: str) -> None:
    inner = quote_plus(json.dumps({"pass": SECRET}, ensure_ascii=False))
    xml = quote_plus(f"<a><b>{html.escape(SECRET, quote=False)}</b></a>")
    body = f"key={quote_plus(SECRET)}&json={inner}&xml={xml}&tail=%C3%A9+x"
    form = (("Content-Type", "application/x-www-form-urlencoded"), ("Accept", "*/*"))
    assert_same(ear, Request("POST", f"{ear.url}/form", form, body.encode()), shell)


@pytest.mark.parametrize("shell", SHELLS)
def test_xml_in_text_and_attribute(ear: Ear, shell: str) -> None:
    text, attribute = html.escape(SECRET, quote=False), html.escape(SECRET, quote=False).replace('"', "&quot;")
    body = f'<?xml version="1.0"?><lead key="{attribute}"><pass>{text}</pass></lead>'
    assert_same(ear, Request("POST", f"{ear.url}/xml", (("Content-Type", "text/xml"),), body.encode()), shell)


@pytest.mark.parametrize("name", [name for name in WITH_BODY if name != "text"])
def test_a_secret_is_escaped_as_each_encoding_writes_it(ear: Ear, name: str) -> None:
    parameter = Parameter.model_validate({"name": "lead.key" if nests(name) else "key", "value": SECRET})
    body = body_encoding(name).encoder([compile_field(parameter, {})])({})
    request = Request("POST", f"{ear.url}/", (("Content-Type", str(ENCODINGS[name].content_type)),), body)
    assert_same(ear, request)


@pytest.mark.parametrize("shell", SHELLS)
def test_basic_credentials_become_user(ear: Ear, shell: str) -> None:
    token = base64.b64encode(f"anystring:{SECRET}".encode()).decode()
    headers = (("Authorization", f"Basic {token}"), ("Content-Type", "application/json"))
    command = assert_same(ear, Request("POST", f"{ear.url}/basic", headers, b"{}"), shell)
    assert "--user 'anystring:'\"$API_KEY\"" in command


def test_a_bearer_token_stands_as_its_variable(ear: Ear) -> None:
    request = Request("POST", f"{ear.url}/", (("Authorization", "Bearer s3cr3t-t0k3n"),), b"x")
    command = assert_same(ear, request, secret="s3cr3t-t0k3n")
    assert "--header 'Authorization: Bearer '\"$API_KEY\"" in command


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("body", [None, b"", b"{}"])
def test_every_method_with_and_without_a_body(ear: Ear, method: str, body: bytes | None) -> None:
    assert_same(ear, Request(method, f"{ear.url}/a/../b?x=1", (("X-Header", "1"),), body))


@pytest.mark.parametrize(
    "body",
    [
        b"@/etc/passwd",
        b"--next",
        b"tab\tbell\x07 cr\r\nescape\x1b[2J\x7f",
        bytes(range(256)),
        "Ærøskøbing 😀 \u202e".encode(),
        b"trailing newlines\n\n\n",
        b"'\"'\\''$(id) `id` !! %s %% \\n",
        b"x" * 300_000,
    ],
    ids=["at", "dashes", "controls", "binary", "unicode", "newlines", "quotes", "long"],
)
@pytest.mark.parametrize("shell", SHELLS)
def test_any_body_arrives_byte_for_byte(ear: Ear, body: bytes, shell: str) -> None:
    headers = (("Content-Type", "application/octet-stream"), ("Content-Length", str(len(body))))
    assert_same(ear, Request("POST", f"{ear.url}/any", headers, body), shell)


def test_controls_and_secrets_in_one_body(ear: Ear) -> None:
    request = Request("POST", f"{ear.url}/", (("Content-Type", "text/plain"),), b"a\tb{s3cr3t-t0k3n}\tc")
    assert_same(ear, request, secret="s3cr3t-t0k3n")


def test_tokens_of_a_real_person_are_announced() -> None:
    request = Request("POST", "https://example.com/", (), b'{"email": "jane.doe@example.com"}')
    command = curl_command(recorded(request, personal=("jane.doe@example.com",)))
    assert command.startswith("# personal data is shown as tokens\n")
    assert "jane.doe" not in command
    assert "person-" in command


def test_a_credential_that_was_not_recorded_is_announced() -> None:
    command = curl_command(recorded(Request("GET", "https://example.com/", (("X-Api-Key", "unknown-one"),))))
    assert command.startswith("# [redacted] replaces a credential")


def test_nothing_rendered_is_no_command() -> None:
    assert curl_command(Recording()) == ""
    assert request_text(Recording()) == ""
    assert response_text(Recording(fault=("dns", "no such host"))) == "No response: dns: no such host"


def test_http_text_reads_like_the_wire() -> None:
    request = Request("POST", "https://example.com:8443?a=1", (("Content-Type", "text/plain"),), b"hello")
    assert request_text(recorded(request)) == (
        "POST /?a=1 HTTP/1.1\nHost: example.com:8443\nContent-Type: text/plain\n\nhello\n"
    )
    assert response_text(recorded(request)) == "HTTP/1.1 200 OK\n\nok\n"
