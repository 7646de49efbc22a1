"""The sandbox's status pages: the received deliveries and its health."""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

import orjson
from aiohttp import web

from rokt_export.redaction import Redactor
from rokt_export.sandbox.options import PREFIX, proof_of
from rokt_export.sandbox.recordings import SandboxRecording, SandboxRecordings
from rokt_export.spec_language.urls import parse_url

PAGE = 1_000
"""Deliveries per page without a `limit`."""


class StatusApi:
    """Serves the pages under `/_sandbox/`. It checks `Host` against DNS rebinding.

    Args:
        token: required to read or clear the deliveries, as `Authorization: Bearer TOKEN` or `?token=TOKEN`.
        redactor: redacts credentials in responses.
        facts: the content of `health`.
        forget: called when the deliveries are cleared.
    """

    def __init__(
        self,
        recordings: SandboxRecordings,
        redactor: Redactor,
        facts: Mapping[str, Any],
        forget: Any,
        token: str,
        host: str,
    ) -> None:
        self._token = token
        self._host = host
        self._recordings = recordings
        self._redactor = redactor
        self._facts = facts
        self._forget = forget

    def answer(self, request: web.Request) -> web.Response:
        """Return a page; 404 if there is none."""
        if not self._is_own_host(request.headers.get("Host", "")):
            return web.Response(status=403, text="Ask for this page at the sandbox's own address.\n")
        name = request.path.removeprefix(PREFIX)
        if name == "deliveries":
            if not self._knows_token(request):
                return web.Response(
                    status=401,
                    headers={"WWW-Authenticate": "Bearer"},
                    text="Add ?token=TOKEN, which `rokt-export sandbox` printed, or send it as a bearer token.\n",
                )
            return self._deliveries(request)
        if name == "health":
            count, _ = self._recordings.counts()
            challenge = request.query.get("challenge", "")
            proof = proof_of(challenge, str(self._facts["partner"])) if challenge else None
            return _json({"status": "ok", "count": count, **self._facts, "proof": proof})
        return web.Response(status=404, text=f"Available: {PREFIX}deliveries and {PREFIX}health.\n")

    def _is_own_host(self, host: str) -> bool:
        """Return whether a request's host is an IP address, this machine, or the host that the sandbox listens on."""
        try:
            url = parse_url(f"http://{host}")
        except ValueError:
            return False
        return url.is_loopback or url.host == self._host.lower() or url.is_address

    def _knows_token(self, request: web.Request) -> bool:
        given = request.headers.get("Authorization", "").removeprefix("Bearer ") or request.query.get("token", "")
        return hmac.compare_digest(given.encode(), self._token.encode())

    def _deliveries(self, request: web.Request) -> web.Response:
        if request.method == "DELETE":
            self._recordings.clear()
            self._forget()
            return web.Response(status=204)
        if request.method not in ("GET", "HEAD"):
            return web.Response(status=405, headers={"Allow": "GET, HEAD, DELETE"})
        try:
            offset, limit = (_number(request, "offset", 0), _number(request, "limit", PAGE))
        except ValueError as error:
            return web.Response(status=400, text=f"{error}\n")
        count, outcomes = self._recordings.counts()
        page = self._recordings.list()[offset : offset + limit]
        repeats = self._recordings.repeats
        return _json({"count": count, "outcomes": outcomes, "repeats": repeats, "deliveries": self._shown(page)})

    def _shown(self, page: Iterable[SandboxRecording]) -> list[dict[str, Any]]:
        redactor = self._redactor
        return [
            {
                "number": recorded.number,
                "received": recorded.received.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
                "method": recorded.method,
                "path": redactor.url(recorded.path),
                "query": redactor.url("?" + recorded.query)[1:],
                "headers": redactor.headers(recorded.headers),
                "parameters": redactor.data(_plain(recorded.parameters)),
                "outcome": recorded.outcome,
                "status": recorded.status,
                "problems": redactor.data(recorded.problems),
                "fault": recorded.fault,
                "repeat": recorded.repeat,
            }
            for recorded in page
        ]


def _number(request: web.Request, name: str, default: int) -> int:
    text = request.query.get(name)
    if text is None:
        return default
    if not text.isdecimal():
        raise ValueError(f"{name} is a number of deliveries, not `{text}`")
    return int(text)


def _plain(value: Any) -> Any:
    """Return values that JSON can represent without losing a digit."""
    match value:
        case Mapping():
            return {str(key): _plain(item) for key, item in value.items()}
        case list() | tuple():
            return [_plain(item) for item in value]
        case Decimal():
            return orjson.Fragment(str(value))
        case int() if not isinstance(value, bool) and not -(2**63) <= value < 2**64:
            return orjson.Fragment(str(value))
        case str():
            return value.encode("utf-8", "replace").decode()
        case _:
            return value


def _json(document: Any) -> web.Response:
    return web.Response(body=orjson.dumps(document) + b"\n", content_type="application/json")
