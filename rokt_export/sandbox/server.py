"""Serves a partner made from its spec over HTTP, in a thread of its own."""

from __future__ import annotations

import asyncio
import logging
import random
import signal
import ssl
import tempfile
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any, Self
from urllib.parse import unquote

from aiohttp import web

from rokt_export.authentication.base import ReceivedRequest
from rokt_export.errors import ConfigurationError
from rokt_export.exchange.model import Response
from rokt_export.partner_spec.model import PartnerSpec
from rokt_export.partner_spec.references import variable_names
from rokt_export.redaction import Redactor
from rokt_export.sandbox.example_responses import with_header
from rokt_export.sandbox.faults import FaultDice, breaks_connection, fault_response, play
from rokt_export.sandbox.options import PREFIX, PROCESSED, SandboxOptions
from rokt_export.sandbox.partner import MAX_BODY, Partner, PartnerReply
from rokt_export.sandbox.recordings import SandboxRecording, SandboxRecordings
from rokt_export.sandbox.required_credentials import TokenServer
from rokt_export.sandbox.status_api import StatusApi
from rokt_export.sandbox.variables import Authority, client_certificates, stand_ins, write_files

_LOG = logging.getLogger(__name__)
_MAX_LINE = 65_536  # with GET, the query contains the whole transaction
_GRACE = 0.2  # seconds that requests in flight get when the sandbox closes


class Sandbox:
    """A partner made from its spec: checks requests, remembers them, and responds as the spec says.

    It serves the endpoint's path, on its own host and port, and the path of an OAuth token endpoint. `GET
    /_sandbox/deliveries` returns the received deliveries (`DELETE` forgets them), `GET /_sandbox/health` its state.

    Args:
        spec: the partner's spec.
        options: where it listens, how slow it is, and which faults it plays.
        variables: environment variables; others that the spec uses get placeholder values.

    Attributes:
        variables: every variable that the environment uses, with the value that the sandbox expects.

    Raises:
        ConfigurationError: the spec has no such environment, or a client certificate is missing.
    """

    def __init__(
        self, spec: PartnerSpec, options: SandboxOptions | None = None, *, variables: Mapping[str, str] | None = None
    ) -> None:
        self._options = options or SandboxOptions()
        name = self._options.environment
        if name not in spec.endpoint:
            raise ConfigurationError(
                f"{spec.name} has no environment `{name}`", remedy=f"Choose from {', '.join(spec.endpoint)}."
            )
        self._folder = tempfile.TemporaryDirectory(prefix="rokt-export-sandbox-")
        folder = Path(self._folder.name)
        environment = spec.environment(name)
        self.variables = stand_ins(spec, name, variables or {}, folder)
        self._partner = Partner(spec, self._options, self.variables, random.Random(self._options.seed))
        authority = None
        if self._partner.credentials.mutual_tls or (environment.tls is not None and environment.tls.ca_file):
            authority = Authority(folder)
            write_files(environment, self.variables, folder, authority)
        self._tls: ssl.SSLContext | None = None
        if authority is not None and self._partner.credentials.mutual_tls:
            clients = client_certificates(environment, self.variables)
            self._tls = authority.server_context(self._options.host, clients)
        self.ca_file = str(authority.ca_file) if authority is not None and self._tls is not None else None
        """PEM file of the authority to trust; None if it does not use TLS."""
        self._recordings = SandboxRecordings()
        self._service = _Service(self._partner, self._recordings, self._options, self._status_api(spec, name))
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._address: tuple[str, int] | None = None
        self._failure: BaseException | None = None

    def start(self) -> None:
        """Start the thread, and return when it listens.

        Raises:
            ConfigurationError: it cannot listen on the port.
        """
        if self._thread is not None:
            return
        ready = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(ready,), name="sandbox", daemon=True)
        self._thread.start()
        ready.wait()
        if self._failure is not None:
            self.close()
            raise ConfigurationError(
                f"the sandbox cannot listen: {self._failure}",
                where=f"{self._options.host}:{self._options.port}",
                remedy="Choose another port, or 0 for a free one.",
            ) from self._failure

    def close(self) -> None:
        """Stop listening, and abort requests in flight; a second call does nothing."""
        if self._thread is not None:
            if self._loop is not None and self._stop is not None and self._thread.is_alive():
                self._loop.call_soon_threadsafe(self._stop.set)
            self._thread.join()
            self._thread = None
            self._partner.keep()
        self._folder.cleanup()

    def serve_forever(self) -> None:
        """Serve until Ctrl-C or SIGTERM, then close. Must be called from the main thread."""
        stop = threading.Event()

        def ask(_number: int, _frame: FrameType | None) -> None:
            stop.set()

        before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            self.start()
            stop.wait()
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
            self.close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def base_url(self) -> str:
        """Scheme, host and port that replace those of the endpoint.

        Raises:
            RuntimeError: the sandbox is not started.
        """
        if self._address is None:
            raise RuntimeError("the sandbox is not started")
        host, port = self._address
        return f"{'https' if self._tls else 'http'}://{f'[{host}]' if ':' in host else host}:{port}"

    @property
    def inspection_url(self) -> str:
        """The URL of the received deliveries, including its token."""
        return f"{self.base_url}{PREFIX}deliveries?token={self._options.token}"

    @property
    def deliveries(self) -> list[SandboxRecording]:
        """The received deliveries, oldest first: the last 100,000, or fewer if they are large."""
        return self._recordings.list()

    @property
    def counts(self) -> dict[str, int]:
        """Outcome to number, for all received deliveries."""
        return self._recordings.counts()[1]

    @property
    def notes(self) -> tuple[str, ...]:
        """What is accepted without a check, for a person."""
        return self._partner.credentials.notes

    def clear(self) -> None:
        """Forget all deliveries and people, so that no one is a duplicate."""
        self._recordings.clear()
        self._partner.forget()

    def _status_api(self, spec: PartnerSpec, environment: str) -> StatusApi:
        secret = variable_names(spec, [environment])
        redactor = Redactor(secrets={name: value for name, value in self.variables.items() if name in secret})
        facts = {"partner": spec.partner, "environment": environment, "notes": self.notes}
        return StatusApi(
            self._recordings, redactor, facts, self._partner.forget, self._options.token, self._options.host
        )

    def _run(self, ready: threading.Event) -> None:
        try:
            asyncio.run(self._serve(ready))
        except (OSError, OverflowError) as error:
            self._failure = error
        finally:
            ready.set()

    async def _serve(self, ready: threading.Event) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        self._loop.set_exception_handler(_quietly)
        application = web.Application(client_max_size=MAX_BODY)
        application.router.add_route("*", "/{path:.*}", self._service.handle)
        runner = web.AppRunner(
            application,
            access_log=None,
            handler_cancellation=True,
            shutdown_timeout=_GRACE,
            max_line_size=_MAX_LINE,
            max_field_size=_MAX_LINE,
        )
        await runner.setup()
        try:
            site = web.TCPSite(runner, self._options.host, self._options.port, ssl_context=self._tls, backlog=4096)
            await site.start()
            self._address = runner.addresses[0][:2]
            ready.set()
            await self._stop.wait()
        finally:
            await runner.cleanup()


def _quietly(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Ignore broken connections and failed handshakes, which are normal for a sandbox."""
    _LOG.debug("%s", context.get("message"), exc_info=context.get("exception"))


class _Service:
    """Routes HTTP requests to the endpoint, the token servers and the status pages."""

    def __init__(
        self, partner: Partner, recordings: SandboxRecordings, options: SandboxOptions, inspection: StatusApi
    ) -> None:
        self._partner = partner
        self._recordings = recordings
        self._options = options
        self._status_api = inspection
        self._chance = random.Random(options.seed)
        self._dice = FaultDice(options.faults, options.error_rate, self._chance)
        self._tokens = {server.path: server for _, server in partner.credentials.token_servers}
        self._allow = ", ".join(dict.fromkeys([partner.method, "HEAD", "OPTIONS"]))

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Return the response to a request."""
        path, _, query = _target(request.raw_path).partition("?")
        values, server = self._partner.url.match(path), self._tokens.get(path) or self._tokens.get(unquote(path))
        if values is not None and request.method == self._partner.method:
            return await self._endpoint(request, path, query, values)
        if server is not None:
            return await self._token(request, path, query, server)
        if path.startswith(PREFIX):
            return self._status_api.answer(request)
        told = self._partner.tell(ReceivedRequest(request.method, path, query, request.headers, b""))
        if told is not None:
            await self._wait()
            return _web_response(told)
        if values is not None:
            return await self._endpoint(request, path, query, values)
        known = [f"{self._partner.method} {self._partner.url.shown}"]
        known += [f"{server.method} {token}" for token, server in self._tokens.items()]
        known += [f"GET {self._partner.jobs.shown}"] if self._partner.jobs is not None else []
        known += [f"GET {PREFIX}deliveries"]
        return web.Response(status=404, text=f"Nothing is at {path}. This sandbox serves:\n" + "\n".join(known) + "\n")

    async def _endpoint(
        self, request: web.Request, path: str, query: str, values: Mapping[str, str]
    ) -> web.StreamResponse:
        if request.method in ("HEAD", "OPTIONS"):  # a probe, not a delivery
            return web.Response(status=200 if request.method == "HEAD" else 204, headers={"Allow": self._allow})
        received = ReceivedRequest(request.method, path, query, request.headers, b"", values)
        fault = self._dice.throw()
        verdict = await self._verdict(request, received, fault)
        status = None if fault and breaks_connection(fault) else verdict.response.status
        if verdict.counted:
            self._record(request, received, verdict, status, fault)
        await self._wait()
        response = _web_response(verdict.response)
        if fault in PROCESSED:
            return await play(str(fault), request, response, self._options.slow_for)
        return response

    async def _verdict(self, request: web.Request, received: ReceivedRequest, fault: str | None) -> PartnerReply:
        try:
            received.body = await request.read()
        except web.HTTPRequestEntityTooLarge:
            return self._partner.refuse(413, f"the body is larger than {MAX_BODY // 1_000_000} MB")
        if received.method != self._partner.method:
            verdict = self._partner.refuse(405, f"the method is {received.method}, wanted {self._partner.method}")
            return PartnerReply(with_header(verdict.response, "Allow", self._allow), verdict.outcome, verdict.problems)
        if fault == "error":
            return self._partner.fail()
        if fault is not None and fault not in PROCESSED:
            return PartnerReply(fault_response(fault), "failed")
        try:
            return self._partner.take(received)
        except (ValueError, RecursionError) as error:
            return self._partner.refuse(400, f"the request cannot be read: {error}")

    def _record(
        self,
        request: web.Request,
        received: ReceivedRequest,
        verdict: PartnerReply,
        status: int | None,
        fault: str | None,
    ) -> None:
        self._recordings.add(
            SandboxRecording(
                number=self._recordings.count + 1,
                at=time.time(),
                method=received.method,
                path=received.path,
                query=received.query,
                raw_headers=b"\r\n".join(b"%b: %b" % header for header in request.raw_headers),
                body=received.body,
                outcome=verdict.outcome,
                status=status,
                problems=verdict.problems,
                fault=fault,
                repeat=verdict.repeat,
                outcomes=verdict.outcomes,
                _read=self._partner.read_back,
            )
        )

    async def _token(self, request: web.Request, path: str, query: str, server: TokenServer) -> web.StreamResponse:
        if request.method in ("HEAD", "OPTIONS"):
            return web.Response(status=204, headers={"Allow": f"{server.method}, HEAD, OPTIONS"})
        if request.method != server.method:
            return web.Response(status=405, headers={"Allow": f"{server.method}, HEAD, OPTIONS"})
        received = ReceivedRequest(request.method, path, query, request.headers, await request.read())
        await self._wait()
        return _web_response(server.issue(received))

    async def _wait(self) -> None:
        seconds = self._options.latency
        if self._options.jitter:
            seconds += self._chance.uniform(-self._options.jitter, self._options.jitter)
        if seconds > 0:
            await asyncio.sleep(seconds)


def _target(raw: str) -> str:
    """Return path and query of a request target; a client of a proxy sends a whole URL (RFC 9112, 3.2.2)."""
    if raw.startswith("/"):
        return raw
    _, _, rest = raw.partition("://")
    _, slash, path = rest.partition("/")
    return slash + path


def _web_response(response: Response) -> web.Response:
    converted = web.Response(status=response.status, body=response.body)
    headers = converted.headers
    headers.popall("Content-Type", None)
    headers["Server"] = "rokt-export-sandbox"
    for name, value in response.headers:
        headers.add(name, value.replace("\r", " ").replace("\n", " "))
    return converted
