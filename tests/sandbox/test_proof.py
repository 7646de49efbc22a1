"""A sandbox proves itself before it is sent anything, and shows what it was sent to its operator alone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
import requests

from rokt_export.__main__ import main
from rokt_export.errors import ExitStatus
from rokt_export.sandbox.options import SandboxOptions
from rokt_export.sandbox.server import Sandbox
from tests.sandbox.conftest import Start, spec_of

SPEC = "parameters: [{name: email, attribute: email}]"


class Server:
    """A server that answers every request alike and keeps its request line."""

    def __init__(self, body: bytes) -> None:
        heard: list[str] = []
        self.heard = heard

        class Handler(BaseHTTPRequestHandler):
            def _any(self) -> None:
                heard.append(self.requestline)
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_POST = _any  # noqa: N815

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()


@pytest.fixture
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    made = Server(request.param)
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    path = tmp_path / "acme.yaml"
    path.write_text(
        "spec_version: 1\npartner: acme\nendpoint: {staging: https://api.example.com/leads}\n"
        f"{SPEC}\nresponses: [{{outcome: delivered, status: 2xx}}]\n"
    )
    return path


def sent(spec: Path, url: str) -> int:
    return main(["test", str(spec), "--sandbox-url", url, "--journal", str(spec.parent / "journal.sqlite"), "--quiet"])


@pytest.mark.parametrize(
    "server",
    [b"ok", b"{}", b"[]", b"\xff", json.dumps({"status": "ok", "partner": "acme", "proof": "0" * 64}).encode()],
    indirect=True,
)
def test_a_server_that_is_no_sandbox_gets_one_harmless_get(server: Server, spec: Path) -> None:
    assert sent(spec, f"http://127.0.0.1:{server.port}") == ExitStatus.USAGE
    [line] = server.heard
    assert line.startswith("GET /_sandbox/health?challenge=")


@pytest.mark.parametrize("server", [b"ok"], indirect=True)
@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:{ours}\\@127.0.0.1:{port}",
        "http://127.0.0.1:{ours}@127.0.0.1:{port}",
        "http://127.1:{port}",
        "http://127.0.0.1:{port}#@a",
        "http://127.0.0.1:{port}/x",
        "http://0x7f000001:{port}",
    ],
)
def test_a_url_that_two_parsers_read_differently_is_refused_unasked(server: Server, spec: Path, url: str) -> None:
    assert sent(spec, url.format(ours=9581, port=server.port)) == ExitStatus.USAGE
    assert server.heard == []


def test_a_sandbox_proves_itself_and_names_its_partner(start: Start, spec: Path) -> None:
    client = start(spec_of(SPEC, head="spec_version: 1\npartner: acme\nendpoint: {staging: https://x.example/leads}\n"))
    assert sent(spec, client.sandbox.base_url) == ExitStatus.OK
    spec.write_text(spec.read_text().replace("partner: acme", "partner: other"))
    assert sent(spec, client.sandbox.base_url) == ExitStatus.USAGE
    assert len(client.sandbox.deliveries) == 1


def test_what_it_was_sent_asks_for_a_token_and_its_own_host(start: Start) -> None:
    sandbox = start(spec_of(SPEC)).sandbox
    page = f"{sandbox.base_url}/_sandbox/deliveries"
    for method in ("GET", "DELETE"):
        for headers in ({}, {"Authorization": "Bearer wrong"}):
            assert requests.request(method, page, headers=headers, timeout=5).status_code == 401
    assert requests.get(sandbox.inspection_url, timeout=5).status_code == 200
    for host in ("evil.example", "evil.example:80", "127.0.0.1.evil.example", "localhost@evil.example"):
        for url in (sandbox.inspection_url, f"{sandbox.base_url}/_sandbox/health"):
            assert requests.get(url, headers={"Host": host}, timeout=5).status_code == 403
    assert requests.get(sandbox.inspection_url, headers={"Host": "localhost"}, timeout=5).status_code == 200


def test_a_sandbox_has_a_token_of_its_own() -> None:
    first, second = (Sandbox(spec_of(SPEC), SandboxOptions()) for _ in range(2))
    with first, second:
        assert first.inspection_url.partition("token=")[2] != second.inspection_url.partition("token=")[2]
