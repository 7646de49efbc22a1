"""The real command line, and real servers on loopback to send to."""

from __future__ import annotations

import contextlib
import io
import json
import os
import signal
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import typer.main

from commands.started import Started
from rokt_export.__main__ import main
from rokt_export.commands.terminal import GUARD
from rokt_export.sandbox.options import proof_of
from tests.commands import compared_sides

ROOT = Path(__file__).parents[2]
SAMPLES = sorted((ROOT / "sample_specs").glob("*.yaml"))
FEW = ROOT / "sample_events" / "few.csv"
PATIENCE = 30.0


@dataclass(frozen=True, slots=True)
class Result:
    """What one command line came to."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def lines(self) -> list[Any]:
        return [json.loads(line) for line in self.out.splitlines()]


class CommandLine:
    """Runs command lines in a folder and a state of their own.

    Calling it runs one in this process, through the same door; `start` runs one in a process of its own.
    """

    def __init__(self, folder: Path, capture: pytest.CaptureFixture[str], patch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self.journal = folder / "journal.sqlite"
        self._capture = capture
        self._patch = patch

    def __call__(self, *arguments: object, stdin: bytes = b"", env: Mapping[str, str] | None = None) -> Result:
        GUARD.forget()
        self._capture.readouterr()
        with self._patch.context() as patch:
            patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin), encoding="utf-8"))
            for name, value in (env or {}).items():
                patch.setenv(name, value)
            status = main([str(argument) for argument in arguments])
        out, err = self._capture.readouterr()
        return Result(status, out, err)

    def start(self, *arguments: object, env: Mapping[str, str] | None = None, **more: Any) -> Started:
        more = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "stdin": subprocess.DEVNULL} | more
        return Started.of(list(map(str, arguments)), str(self.folder), self.environment(), dict(env or {}), **more)

    def environment(self) -> dict[str, str]:
        """What a process of its own is given: the tests run from a checkout that need not be installed."""
        path = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
        return {**os.environ, "PYTHONPATH": path}

    def process(self, *arguments: object, env: Mapping[str, str] | None = None) -> Result:
        with self.start(*arguments, env=env) as running:
            out, err = running.communicate(timeout=PATIENCE)
            return Result(running.returncode, out, err)

    def write(self, name: str, text: str | bytes) -> Path:
        path = self.folder / name
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return path


_built = lru_cache(typer.main.get_command)


@pytest.fixture
def cli(tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    """A command line in an empty folder, with an empty journal, an empty sandbox memory and no variables."""
    for name in list(os.environ):
        if "proxy" in name.lower() or name in ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "TERM", "SSL_CERT_FILE"):
            monkeypatch.delenv(name)
    # Typer builds the commands of a program anew for each command line; once will do for a whole test run.
    monkeypatch.setattr("typer.main.get_command", _built)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("ROKT_EXPORT_JOURNAL", str(tmp_path / "journal.sqlite"))
    monkeypatch.chdir(tmp_path)
    return CommandLine(tmp_path, capfd, monkeypatch)


@dataclass(frozen=True, slots=True)
class Heard:
    """One request, as it arrived."""

    method: str
    target: str
    headers: list[tuple[str, str]]
    body: bytes


Answering = Callable[[Heard], tuple[int, Mapping[str, str], bytes]]


def ok(_heard: Heard) -> tuple[int, Mapping[str, str], bytes]:
    return 200, {"Content-Type": "application/json"}, b'{"id": "c0ffee"}'


def echo(heard: Heard) -> tuple[int, Mapping[str, str], bytes]:
    """Answer with all that was sent, as careless servers do."""
    told = [f"{heard.method} {heard.target}", *(f"{name}: {value}" for name, value in heard.headers)]
    sent = heard.body.decode("utf-8", "replace")
    body = json.dumps({"id": "\n".join(told), "sent": sent}) + "\n" + sent
    return 200, {"Content-Type": "application/json", "X-Echo": heard.target}, body.encode()


@dataclass
class Partner:
    """A server on loopback that keeps what it hears and answers as it is told."""

    answer: Answering = ok
    delay: float = 0.0
    heard: list[Heard] = field(default_factory=list)
    url: str = ""

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])


def serve(partner: Partner, port: int = 0, context: ssl.SSLContext | None = None) -> ThreadingHTTPServer:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        wbufsize = -1

        def handle_one_request(self) -> None:
            try:
                super().handle_one_request()
            except ConnectionError:
                self.close_connection = True

        def _any(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            if self.path.startswith("/_sandbox/health?challenge="):
                self._prove(self.path.partition("=")[2])
                return
            heard = Heard(self.command, self.path, list(self.headers.items()), self.rfile.read(length))
            partner.heard.append(heard)
            time.sleep(partner.delay)
            status, headers, body = partner.answer(heard)
            self.send_response_only(status)
            for name, value in {"Server": self.version_string(), "Date": self.date_time_string(), **headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = do_HEAD = _any  # noqa: N815

        def _prove(self, challenge: str) -> None:
            """Answer as a sandbox of the spec does, so that `--sandbox-url` takes this server for one."""
            body = json.dumps({"partner": "acme", "proof": proof_of(challenge, "acme")}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def finish_request(self, request: Any, client_address: Any) -> None:
            with contextlib.suppress(ssl.SSLError, ConnectionError):
                # Here, on the connection's own thread: a handshake may take its time.
                wrapped = request if context is None else context.wrap_socket(request, server_side=True)
                super().finish_request(wrapped, client_address)

        request_queue_size = 128

    server = Server(("127.0.0.1", port), Handler)
    partner.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    return server


@contextlib.contextmanager
def secure(context: ssl.SSLContext) -> Iterator[Partner]:
    """A partner behind TLS."""
    made = Partner()
    server = serve(made, context=context)
    made.url = made.url.replace("http:", "https:")
    yield made
    server.shutdown()
    server.server_close()


@pytest.fixture
def partner() -> Iterator[Partner]:
    """A partner that answers 200 with an id, until told otherwise."""
    made = Partner()
    server = serve(made)
    yield made
    server.shutdown()
    server.server_close()


SPEC = """\
spec_version: 1
partner: acme
documentation: https://example.com/api
contact: {{name: Jane Doe}}
endpoint:
  staging: "{url}/leads"
  production: "{url}/production/leads"
authentication: {authentication}
encoding: json
parameters:
  - {{name: email, attribute: email, required: true}}
  - {{name: name, attribute: firstname}}
responses:
  - {{outcome: duplicate, status: 409}}
  - {{outcome: delivered, status: 2xx, capture: {{reference: $.id}}}}
  - {{outcome: rejected, status: 4xx, capture: {{reason: $.message}}}}
  - {{outcome: failed, status: 5xx}}
limits: {{timeout: 5s, connect_timeout: 2s}}
"""


def spec_text(url: str, *, authentication: str = "none") -> str:
    """A small spec whose endpoint is at `url`."""
    return SPEC.format(url=url, authentication=authentication)


@pytest.fixture
def spec(cli: CommandLine, partner: Partner) -> Path:
    """A small spec whose staging and production are at the partner."""
    return cli.write("acme.yaml", spec_text(partner.url))


@pytest.fixture
def rows(cli: CommandLine) -> Path:
    """Three people in a CSV file."""
    people = "".join(f"jane.doe.{number}@example.com,Jane\n" for number in (1, 2, 3))
    return cli.write("rows.csv", f"email,firstname\n{people}")


def clear(done: Result, status: int, *words: str) -> None:
    """Check that a command ended as it should, without data or a traceback, and that it said so in these words."""
    assert done.status == status, done.err
    assert done.out == ""
    assert "Traceback" not in done.err
    assert "internal error" not in done.err
    for word in words:
        assert word in done.err


def interrupt(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGINT)


def wait_for(condition: Callable[[], bool], seconds: float = PATIENCE) -> None:
    """Wait until something holds; fail if it does not within `seconds`."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.01)


@pytest.fixture
def acme(cli: CommandLine, partner: Partner) -> Path:
    """The spec of a partner with two environments, which take every lead."""
    partner.answer = compared_sides.leads
    return cli.write("acme.yaml", compared_sides.SPEC.format(url=partner.url))


@pytest.fixture
def twenty(cli: CommandLine) -> Path:
    """Twenty people in a CSV file."""
    return cli.write("twenty.csv", compared_sides.people(20))
