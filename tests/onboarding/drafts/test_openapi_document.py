"""`init --openapi`: a document is read within limits, and a bad one leaves no file."""

from __future__ import annotations

import json
import socket
import time
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest
from commands.conftest import CommandLine

from onboarding.documents import NEWER, with_reference
from onboarding.drafted import parameters_of, spec_of
from rokt_export.errors import DocumentError
from rokt_export.onboarding.drafts import openapi_document


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("<!DOCTYPE html><html><body>Docs</body></html>", "an HTML page"),
        ('{"openapi": "3.0.0", "paths": {', "bad.json:1:"),
        ("openapi: 3.0.0\n  paths: {\n", "bad.json:2:"),
        ("{}", "no key `openapi`"),
        ('{"info": {}, "item": []}', "use --postman"),
        ('{"openapi": "4.0.0", "paths": {}}', "not a version"),
        ('{"openapi": "3.0.0", "paths": {}}', "no operation"),
        ("", "is empty"),
        ("[" * 100_000, "not JSON"),
        ("openapi: 3.0.0\nx: '" + "y" * 12_000_000 + "'", "at most 12,000,000"),
    ],
    ids=["html", "json", "yaml", "empty object", "postman", "version", "no paths", "empty", "deep", "large"],
)
def test_a_bad_document_leaves_no_file(cli: CommandLine, text: str, says: str) -> None:
    cli.write("bad.json", text)
    done = cli("init", "--openapi", "bad.json")
    assert done.status == 3 and says in done.err
    assert [each.name for each in cli.folder.iterdir() if each.suffix == ".yaml"] == []


@pytest.mark.parametrize(
    ("reference", "flags", "says"),
    [
        ("#/components/schemas/Gone", (), "leads nowhere"),
        ("https://schemas.example.com/lead.json", (), "--allow-remote"),
        ("http://169.254.169.254/latest/meta-data", ("--allow-remote",), "not public"),
        ("http://127.0.0.1:1/lead.json", ("--allow-remote",), "not public"),
        ("http://[::ffff:10.0.0.1]/lead.json", ("--allow-remote",), "not public"),
        ("../outside.json", (), "out of the document's folder"),
        ("ftp://example.com/x", (), "neither a file nor a web address"),
    ],
)
def test_references_that_may_not_be_followed(
    cli: CommandLine, reference: str, flags: tuple[str, ...], says: str
) -> None:
    cli.write("doc.json", with_reference(reference))
    done = cli("init", "--openapi", "doc.json", *flags)
    assert done.status == 3 and says in done.err, done.err
    assert not list(cli.folder.glob("*.yaml"))


def test_a_reference_to_a_file_beside_the_document(cli: CommandLine) -> None:
    cli.write("doc.json", with_reference("lead.yaml#/Lead"))
    cli.write("lead.yaml", "Lead: {type: object, required: [Email], properties: {Email: {type: string}}}")
    assert cli("init", "out.yml", "--openapi", "doc.json").status == 0
    assert parameters_of(spec_of(cli.folder / "out.yml")) == {"Email": "email"}


class _Documents(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = json.dumps(NEWER).encode() if self.path == "/openapi.json" else b""
        self.send_response(200 if body else 302)
        self.send_header("Location", "/elsewhere")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


def test_a_document_from_a_url(cli: CommandLine) -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Documents)
    Thread(target=server.serve_forever, daemon=True).start()
    base = f"http://127.0.0.1:{server.server_port}"
    try:
        assert cli("init", "--openapi", f"{base}/openapi.json").status == 0
        assert any("# openapi: {document: openapi.json" in path.read_text() for path in cli.folder.glob("*.yaml"))
        redirected = cli("init", "--openapi", f"{base}/old")
        assert redirected.status == 3 and "Redirects are not followed" in redirected.err
    finally:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize("start", [b"HTTP/1.1 200 OK\r\nX-Slow: ", b"HTTP/1.1 200 OK\r\n\r\n{"], ids=["head", "body"])
def test_a_document_that_comes_byte_by_byte_ends_at_the_limit(cli: CommandLine, monkeypatch, start) -> None:
    monkeypatch.setattr(openapi_document, "LONGEST", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def dribble() -> None:
            connection, _ = listener.accept()
            with connection, suppress(OSError):
                connection.sendall(start)
                for _ in range(100):
                    time.sleep(0.05)
                    connection.sendall(b" ")

        Thread(target=dribble, daemon=True).start()
        began = time.monotonic()
        slow = cli("init", "--openapi", f"http://127.0.0.1:{listener.getsockname()[1]}/openapi.json")
    assert slow.status == 3 and "takes more than" in slow.err
    assert time.monotonic() - began < 3


def test_a_document_and_what_it_refers_to_have_one_limit(monkeypatch) -> None:
    def slow(url: str, _source: str, *, own: bool) -> bytes:
        time.sleep(0.3)
        return f"{url} {own}".encode()

    monkeypatch.setattr(openapi_document, "LONGEST", 0.5)
    monkeypatch.setattr(openapi_document, "_downloaded", slow)
    fetcher = openapi_document._Fetcher("http://a.example/api.json")
    assert fetcher.fetch("http://a.example/api.json", own=True) == b"http://a.example/api.json True"
    time.sleep(0.3)  # what is done with a document does not count
    with pytest.raises(DocumentError, match="what it refers to take more than") as raised:
        fetcher.fetch("http://a.example/other.json", own=True)
    assert raised.value.where == "http://a.example/other.json"


def test_a_timeout_of_the_download_is_not_the_limit(cli: CommandLine, monkeypatch) -> None:
    def timed_out(*_: Any, **__: Any) -> None:
        raise TimeoutError

    monkeypatch.setattr("requests.get", timed_out)
    done = cli("init", "--openapi", "http://127.0.0.1:9/openapi.json")
    assert (done.status, "takes more than" in done.err) == (3, False)
    assert "cannot be fetched: TimeoutError" in done.err
