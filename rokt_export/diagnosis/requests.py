"""The harmless requests of a diagnosis: OPTIONS, HEAD, and GET where HEAD was refused. None has a body or a person."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

from msgspec import Struct
from msgspec.structs import replace

from rokt_export.authentication.base import KeyParameter, StaticHeader
from rokt_export.delivery.attempt_credentials import AttemptCredentials
from rokt_export.errors import UnreachableError
from rokt_export.exchange.model import AttemptResult, Request, Response
from rokt_export.onboarding.probing import safe_methods
from rokt_export.request.render import Renderer
from rokt_export.transport import Transport, TransportOptions
from rokt_export.transport.tls_probe import Inspection, inspect

MOST = 24
"""Requests of one diagnosis at most."""
_TOO_MANY = 429
_REFUSED = 400


class TriedRequest(Struct, frozen=True):
    """One request that was sent, and its result.

    Attributes:
        method: the method.
        url: the URL, with `x` for what depends on a transaction.
        changed: what differs from a delivery, such as `without credentials`.
        result: the response or fault.
        at: UTC seconds when the result came.
    """

    method: str
    url: str
    changed: str
    result: AttemptResult
    at: float


@dataclass
class HarmlessRequests:
    """Sends what may be sent to find a cause, once each; the only place of the room that sends.

    A spec that delivers by GET or HEAD has only OPTIONS: its endpoint may create a record by the others.

    Args:
        renderer: makes the headers of every delivery.
        options: how to connect.
        make: makes the credentials.
        forbidden: whether a URL belongs to a guarded environment other than the one that was confirmed.
        interval: seconds between two requests, by the spec's rates.
        most: requests at most.
    """

    renderer: Renderer
    options: TransportOptions
    make: Callable[[], AttemptCredentials]
    forbidden: Callable[[str], bool]
    interval: float
    most: int
    asked: list[TriedRequest] = field(default_factory=list)
    token_fault: str = ""
    _known: dict[tuple[str, str, bool, str], AttemptResult | None] = field(default_factory=dict)
    _made: AttemptCredentials | None = None

    @property
    def url(self) -> str:
        """The endpoint, with `x` for the parts that depend on a transaction."""
        return self.renderer.base_url()

    @cached_property
    def methods(self) -> tuple[str, ...]:
        """The methods that cannot create a record at this partner."""
        methods = safe_methods(str(self.renderer.environment.method))
        return (*methods, "GET") if "HEAD" in methods else methods

    @cached_property
    def inspection(self) -> Inspection:
        """A connection without a request."""
        return inspect(self.url, self.options)

    @cached_property
    def delivery_headers(self) -> tuple[tuple[str, str], ...]:
        """The headers of a delivery, with the credentials of this moment; not to be shown."""
        return self._request("HEAD", self.url, bare=False, agent="").headers

    def ask(self, method: str, url: str | None = None, *, bare: bool = False, agent: str = "") -> Response | None:
        """Return the response to a request; None for a fault, or where it may not be sent.

        Args:
            method: nothing is sent by another than `methods`; GET follows a HEAD that was refused at the same URL.
            url: where to; None = the endpoint.
            bare: without credentials.
            agent: another User-Agent than ours.
        """
        url = self.url if url is None else url
        key = (method, url, bare, agent)
        if key not in self._known:
            self._known[key] = self._sent(*key)
        result = self._known[key]
        return result if isinstance(result, Response) else None

    def baseline(self, status: int | None) -> str | None:
        """Return the method that the endpoint answers with this status, as it did the delivery; None if none does."""
        for method in self.methods[:2]:
            response = self.ask(method)
            if response is not None and response.status == status:
                return method
        return None

    def _sent(self, method: str, url: str, bare: bool, agent: str) -> AttemptResult | None:
        if method not in self.methods or len(self.asked) >= self.most or (url != self.url and self.forbidden(url)):
            return None
        if any(isinstance(each.result, Response) and each.result.status == _TOO_MANY for each in self.asked):
            return None
        if method == "GET":
            head = self.ask("HEAD", url, bare=bare, agent=agent)
            if head is None or head.status < _REFUSED:
                return None  # its body could be other people's records
        if self.asked and self.interval:
            time.sleep(self.interval)
        request = self._request(method, url, bare=bare, agent=agent)
        with Transport(self.options) as transport:
            result = transport.send(request)
            made = None if bare else self._credentials()
            try:
                if made is not None and isinstance(result, Response) and made.renewed(request, result):
                    made.ready()
                    result = transport.send(self._request(method, url, bare=bare, agent=agent))
            except UnreachableError as error:
                self.token_fault = str(error)
        changed = ["without credentials"] if bare else []
        changed += [f"User-Agent {agent}"] if agent else []
        self.asked.append(TriedRequest(method, url, ", ".join(changed), result, time.time()))
        return result

    def _request(self, method: str, url: str, *, bare: bool, agent: str) -> Request:
        request = replace(self.renderer.question(url), method=method)
        if bare:
            own = {"authorization", "cookie"}
            own |= {e.name.lower() for e in self.renderer.credentials if isinstance(e, StaticHeader | KeyParameter)}
            kept = tuple(pair for pair in request.headers if pair[0].lower() not in own)
            request = Request(method, url, kept)
        elif (made := self._credentials()) is not None:
            request = made.on(request)
        if agent:
            kept = tuple(pair for pair in request.headers if pair[0].lower() != "user-agent")
            request = replace(request, headers=(("User-Agent", agent), *kept))
        return request

    def _credentials(self) -> AttemptCredentials | None:
        """Return the credentials; None where a token server refuses one, which `token_fault` tells."""
        if self._made is None and not self.token_fault:
            made = self.make()
            try:
                made.ready()
            except UnreachableError as error:
                self.token_fault = str(error)
                return None
            self._made = made
        return self._made
