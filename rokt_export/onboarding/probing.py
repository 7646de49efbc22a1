"""Probe an environment without a transaction: DNS, port, TLS, token, method, clock."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import StrEnum
from secrets import token_hex

from msgspec import Struct

from rokt_export.delivery.attempt_credentials import AttemptCredentials
from rokt_export.delivery.stop_rules import response_fault
from rokt_export.errors import UnreachableError
from rokt_export.exchange.model import Fault, Request, Response
from rokt_export.request.url import origin
from rokt_export.spec_language.statuses import REDIRECTS
from rokt_export.spec_language.urls import parse_url
from rokt_export.transport import Transport, TransportOptions
from rokt_export.transport.tls_probe import Inspection, inspect

SOON = 21
"""Days before its end from which a certificate is a warning."""
SKEW = 30.0
"""Seconds of clock difference from which there is a warning; many signatures allow five minutes."""


class StepState(StrEnum):
    """The result of a step."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    INFO = "info"


class ProbeStep(Struct, frozen=True):
    """One step of a probe.

    Attributes:
        name: its name.
        state: its result.
        detail: evidence, for a person.
        seconds: how long it took; None where that means nothing.
        remedy: what to do about it.
    """

    name: str
    state: StepState
    detail: str
    seconds: float | None = None
    remedy: str = ""

    def as_json(self) -> dict[str, object]:
        """Return it as JSON data."""
        milliseconds = None if self.seconds is None else round(self.seconds * 1000, 1)
        return {
            "step": self.name,
            "state": str(self.state),
            "detail": self.detail,
            "ms": milliseconds,
            "remedy": self.remedy or None,
        }


def safe_methods(delivers_by: str) -> tuple[str, ...]:
    """Return the methods that cannot create a record, of OPTIONS and HEAD (RFC 9110, 9.2.1).

    An endpoint that takes deliveries by GET or HEAD may create a record for HEAD: it has OPTIONS alone.

    Args:
        delivers_by: the spec's method.
    """
    return ("OPTIONS",) if delivers_by in ("GET", "HEAD") else ("OPTIONS", "HEAD")


def probe(
    url: str,
    headers: tuple[tuple[str, str], ...],
    options: TransportOptions,
    credentials: Callable[[], AttemptCredentials],
    methods: tuple[str, ...],
) -> Iterator[ProbeStep]:
    """Yield each step as it is done; a failed step ends the probe.

    Args:
        url: the endpoint's.
        headers: those that every request carries.
        options: how to connect.
        credentials: makes the credentials once the network is known to work.
        methods: what the endpoint is asked by, one after the other, until an answer tells something.
    """
    yield ProbeStep("address", StepState.INFO, origin(url))
    inspection = inspect(url, options)
    yield from _network(inspection)
    if inspection.fault is not None:
        return
    began = time.monotonic()
    made = credentials()
    try:
        made.ready()
    except UnreachableError as error:
        yield ProbeStep("token", StepState.FAILED, str(error), time.monotonic() - began, error.remedy or "")
        return
    if made.fetches:
        yield ProbeStep("token", StepState.OK, "the token server issued one", time.monotonic() - began)
    yield from _asked(url, headers, options, made, methods)


def _network(found: Inspection) -> Iterator[ProbeStep]:
    reached = ["dns", "connect", "tls"]
    if found.fault is not None:
        reached = reached[: reached.index(found.phase or "dns")]
    if "dns" in reached:
        known = f"{found.host} is {', '.join(found.addresses)}" if found.addresses else f"{found.host} is known"
        yield ProbeStep("DNS", StepState.OK, known, found.seconds.get("dns"))
    if "connect" in reached:
        yield ProbeStep("TCP", StepState.OK, f"connected to {found.address}:{found.port}", found.seconds.get("connect"))
    if "tls" in reached and found.tls_version:
        protocol = f", {found.alpn}" if found.alpn else ""
        yield ProbeStep("TLS", StepState.OK, f"{found.tls_version}, {found.cipher}{protocol}", found.seconds.get("tls"))
    if found.certificate is not None:
        yield _certificate(found)
    if found.fault is not None:
        names = {"dns": "DNS", "connect": "TCP", "tls": "TLS"}
        phase = found.phase or "dns"
        at_proxy = phase == "connect" and found.fault.at_proxy
        yield ProbeStep(
            names[phase], StepState.FAILED, found.fault.message, remedy=_REMEDIES["proxy" if at_proxy else phase]
        )


_BAD_REQUEST, _NOT_FOUND = 400, 404
_UNKNOWN_METHOD, _SERVER_ERROR = (404, 405, 415), 500
_UNREADABLE = "Show the partner this; if `test` says so too, no response rule can read such a body."
_REMEDIES = {
    "dns": "Check the host's spelling, and whether this network can resolve it (a VPN, a private zone).",
    "connect": "Ask the partner whether the port is open to you: a firewall or allow-list may refuse like this.",
    "proxy": "Check `proxy` in the spec, or `https_proxy` of the environment: its address, and user:password.",
    "tls": "Check the certificate with the partner; `tls: {ca_file: …}` trusts a private authority.",
}


def _certificate(found: Inspection) -> ProbeStep:
    assert found.certificate is not None
    left = found.certificate.days_left()
    detail = f"{found.certificate.subject}, valid until {found.certificate.not_after:%Y-%m-%d} ({left:.0f} days)"
    if left < SOON:
        return ProbeStep("certificate", StepState.WARNING, detail, remedy="Ask the partner when it is renewed.")
    return ProbeStep("certificate", StepState.OK, detail)


def _asked(
    url: str,
    headers: tuple[tuple[str, str], ...],
    options: TransportOptions,
    credentials: AttemptCredentials,
    methods: tuple[str, ...],
) -> Iterator[ProbeStep]:
    """Ask the endpoint, and compare it with a path that cannot exist."""
    kept = tuple((name, value) for name, value in headers if name.lower() != "content-type")
    with Transport(options) as transport:
        for method in methods:
            request = credentials.on(Request(method, url, kept))
            result = transport.send(request)
            try:
                if isinstance(result, Response) and credentials.renewed(request, result):
                    credentials.ready()
                    result = transport.send(credentials.on(Request(method, url, kept)))
            except UnreachableError as error:
                yield ProbeStep(method, StepState.FAILED, str(error), remedy=error.remedy or "")
                return
            if isinstance(result, Fault):
                yield ProbeStep(method, StepState.FAILED, f"{result.kind}: {result.message}", result.timings.total)
                yield from wrong_scheme(url, options)
                return
            yield _response(method, result)
            if result.status == _BAD_REQUEST and (wrong := list(wrong_scheme(url, options))):
                yield from wrong
                return
            if not _tells_nothing(result.status) or method == methods[-1]:
                if _tells_nothing(result.status):
                    yield _path(transport.send(credentials.on(Request(method, _elsewhere(url), kept))), result)
                yield _clock(result)
                yield ProbeStep("credentials", StepState.INFO, f"{method} does not prove them: `rokt-export test` does")
                return


def wrong_scheme(url: str, options: TransportOptions) -> Iterator[ProbeStep]:
    """Say that a port which was spoken to in plain HTTP speaks TLS."""
    if not url.startswith("http:"):
        return
    parts = parse_url(url)
    secure = f"https://{parts.origin.removeprefix('http://')}{'' if parts.port else ':80'}/"
    if inspect(secure, replace(options, verify=False)).tls_version:
        yield ProbeStep(
            "TLS", StepState.FAILED, "this port speaks TLS, and the URL says http://", remedy="Write https://."
        )


def _elsewhere(url: str) -> str:
    """Return the URL of a neighbour of the endpoint that no server has."""
    start, _, _ = url.partition("?")
    return f"{start.rstrip('/')}-{token_hex(6)}"


def _path(other: Response | Fault, own: Response) -> ProbeStep:
    """Compare the path's status with that of a path that cannot exist."""
    if isinstance(other, Fault) or other.status == own.status:
        return ProbeStep(
            "path", StepState.INFO, "a path that cannot exist gets the same response: `rokt-export test` shows more"
        )
    if own.status == _NOT_FOUND:
        return ProbeStep(
            "path", StepState.INFO, f"status {own.status}, and {other.status} for a path that cannot exist"
        )
    return ProbeStep("path", StepState.OK, f"the path is known: one that cannot exist gets status {other.status}")


def _response(method: str, response: Response) -> ProbeStep:
    allowed = response.header("Allow")
    detail = f"status {response.status} over HTTP/{response.http_version}" + (f", allows {allowed}" if allowed else "")
    if response.status in (401, 403):
        return ProbeStep(
            method,
            StepState.WARNING,
            detail,
            response.timings.total,
            f"Many servers answer {method} so, whatever the credentials; if `test` fails too, check these.",
        )
    if _tells_nothing(response.status):
        return ProbeStep(
            method, StepState.INFO, f"{detail}: this does not show whether the address is right", response.timings.total
        )
    if (why := response_fault(response)) is not None:
        remedy = "Write the address that takes requests into the spec." if response.status in REDIRECTS else ""
        return ProbeStep(
            method, StepState.WARNING, why, response.timings.total, remedy or "Check the URL and the credentials."
        )
    if response.unreadable:
        detail = f"{detail}; its body cannot be read: {response.unreadable}"
        return ProbeStep(method, StepState.WARNING, detail, response.timings.total, _UNREADABLE)
    return ProbeStep(method, StepState.OK, detail, response.timings.total)


def _tells_nothing(status: int) -> bool:
    """Return whether a server that does not know OPTIONS or HEAD answers so, whatever it does with other methods.

    415 is among these: neither method has a content type.
    """
    return status in _UNKNOWN_METHOD or status >= _SERVER_ERROR


def _clock(response: Response) -> ProbeStep:
    try:
        theirs = parsedate_to_datetime(response.header("Date") or "")
    except ValueError:
        return ProbeStep("clock", StepState.INFO, "the response has no date")
    skew = (datetime.now(UTC) - theirs.replace(tzinfo=theirs.tzinfo or UTC)).total_seconds()
    detail = f"{abs(skew):.0f} s {'ahead of' if skew > 0 else 'behind'} the partner's"
    if abs(skew) > SKEW:
        return ProbeStep(
            "clock",
            StepState.WARNING,
            detail,
            remedy="Set this machine's clock (NTP): signatures and tokens expire by it.",
        )
    return ProbeStep("clock", StepState.OK, "in step with the partner's" if abs(skew) < 2 else detail)
