"""Connects to an endpoint without sending a request, and reports its addresses, TLS and certificate."""

from __future__ import annotations

import re
import ssl
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import pycurl
from msgspec import Struct

from rokt_export.exchange.model import FAULTS, Fault, FaultKind, Request, Timings
from rokt_export.transport.libcurl import Multi, TransportOptions, authorities, check
from rokt_export.transport.libcurl_requests import Transfer
from rokt_export.transport.sockets import Sockets
from rokt_export.transport.transport import HeldInterrupt

_TLS_LINE = re.compile(r"SSL connection using (\S+) / (\S+)")
_ALPN_LINE = re.compile(r"ALPN[:,] server accepted (?:to use )?(\S+)")
_ADDRESSES_LINE = re.compile(r"IPv[46]: (.+)")

_NOTHING_DUE = 1.0
"""Seconds to wait for sockets while libcurl has no timer."""


class Certificate(Struct, frozen=True):
    """A server's certificate.

    Attributes:
        subject: its distinguished name.
        issuer: the distinguished name of the authority that signed it.
        names: the host names and addresses it is valid for (subject alternative names).
        not_before: the moment in UTC from which it is valid.
        not_after: the moment in UTC until which it is valid.
    """

    subject: str
    issuer: str
    names: tuple[str, ...]
    not_before: datetime
    not_after: datetime

    def days_left(self) -> int:
        """Return the whole days until it expires, negative if it has."""
        return (self.not_after - datetime.now(UTC)).days


@dataclass(frozen=True, slots=True)
class Inspection:
    """One connection made and closed without a request.

    Attributes:
        host: the host of the URL.
        port: its port, or its scheme's.
        addresses: the IP addresses of its name (the proxy's, if one is used).
        address: the one connected to; None if the connection failed.
        tls_version: such as `TLSv1.3`; None without TLS.
        cipher: the cipher suite's name; None without TLS.
        alpn: the negotiated protocol, `h2` or `http/1.1`; None if the server named none.
        certificate: the server's certificate, even if it is not trusted; None without TLS.
        chain: how many certificates the server sent.
        timings: seconds from the start to the end of each phase.
        fault: why there is no usable connection; None if there is one.
        phase: the phase of the fault: `dns`, `connect` or `tls`; None without a fault.
    """

    host: str
    port: int
    addresses: tuple[str, ...] = ()
    address: str | None = None
    tls_version: str | None = None
    cipher: str | None = None
    alpn: str | None = None
    certificate: Certificate | None = None
    chain: int = 0
    timings: Timings = field(default_factory=Timings)
    fault: Fault | None = None
    phase: str | None = None

    @property
    def seconds(self) -> Mapping[str, float]:
        """Seconds spent in each phase that took place: `dns`, `connect`, `tls`, in this order."""
        ends = {"dns": self.timings.dns, "connect": self.timings.connect, "tls": self.timings.tls}
        spent: dict[str, float] = {}
        before = 0.0
        for phase, end in ends.items():
            if end:
                spent[phase] = end - before
                before = end
        return spent


def phase_of(fault: Fault) -> str:
    """Return the phase in which a connection failed: `dns`, `connect` or `tls`.

    A timeout belongs to the phase after the last one that was complete.
    """
    if fault.kind is FaultKind.TIMEOUT_BEFORE_SEND:
        if fault.timings.connect:
            return "tls"
        return "connect" if fault.timings.dns else "dns"
    return FAULTS[fault.kind].phase or "connect"


def _verbose_facts(lines: Iterable[str]) -> dict[str, Any]:
    """Return what libcurl reports only in its verbose lines: the resolved addresses and the TLS parameters."""
    facts: dict[str, Any] = {"addresses": ()}
    for line in lines:
        if found := _ADDRESSES_LINE.match(line):
            addresses = (part.strip() for part in found[1].split(","))
            facts["addresses"] += tuple(each for each in addresses if each not in ("", "(none)"))
        elif found := _TLS_LINE.match(line):
            facts["tls_version"], facts["cipher"] = found.groups()
        elif found := _ALPN_LINE.match(line):
            facts["alpn"] = found[1]
    return facts


def certificate_of(facts: Iterable[tuple[str, str]]) -> Certificate | None:
    """Return the certificate in libcurl's CERTINFO; None if its dates are missing."""
    known = dict(facts)
    if not {"Start date", "Expire date"} <= known.keys():
        return None
    names = known.get("X509v3 Subject Alternative Name", "").split(", ")
    return Certificate(
        subject=known.get("Subject", ""),
        issuer=known.get("Issuer", ""),
        names=tuple(name.partition(":")[2] for name in names if name),
        not_before=_moment(known["Start date"]),
        not_after=_moment(known["Expire date"]),
    )


def _moment(text: str) -> datetime:
    # Not strptime, whose month names depend on the locale.
    return datetime.fromtimestamp(ssl.cert_time_to_seconds(text), UTC)


def inspect(url: str, options: TransportOptions = TransportOptions()) -> Inspection:  # noqa: B008 - frozen
    """Connect to an endpoint, with TLS for https, and close without sending a request.

    A certificate that is not trusted is fetched by a second connection without checks, so that it can be shown.

    Raises:
        ConfigurationError: as `Transport`.
    """
    check(options)
    trusted = str(authorities(options.ca_file)) if options.verify else None
    shown = _inspect(url, options, trusted)
    if shown.phase == "tls" and shown.certificate is None and options.verify:
        unchecked = _inspect(url, replace(options, verify=False), None)
        shown = replace(
            shown,
            certificate=unchecked.certificate,
            chain=unchecked.chain,
            tls_version=unchecked.tls_version,
            cipher=unchecked.cipher,
            alpn=unchecked.alpn,
        )
    return shown


def _inspect(url: str, options: TransportOptions, trusted: str | None) -> Inspection:
    sockets = Sockets()
    transfer = Transfer(options, trusted, opened=lambda number, purpose, _origin: sockets.opened(number, purpose))
    lines: list[str] = []
    try:
        fault = _connect(transfer, sockets, url, lines)
        facts = _verbose_facts(lines)
        parts = urlsplit(url)
        address = transfer.handle.getinfo(pycurl.PRIMARY_IP) or None
        chain = transfer.handle.getinfo(pycurl.INFO_CERTINFO)
        return Inspection(
            host=parts.hostname or "",
            port=parts.port or (443 if parts.scheme == "https" else 80),
            **{**facts, "addresses": facts["addresses"] or ((address,) if address else ())},
            address=address,
            certificate=certificate_of(chain[0]) if chain else None,
            chain=len(chain),
            timings=transfer._timings(),
            fault=fault,
            phase=phase_of(fault) if fault else None,
        )
    finally:
        transfer.close()
        sockets.close()


def _connect(transfer: Transfer, sockets: Sockets, url: str, lines: list[str]) -> Fault | None:
    """Connect without a request, and add libcurl's verbose lines to `lines`."""
    request = Request("GET", url, ())
    handle = transfer.handle
    try:
        transfer.prepare(None, request)
    except (pycurl.error, ValueError) as error:
        return transfer.unsendable(request, str(error))
    handle.setopt(pycurl.CONNECT_ONLY, 1)
    handle.setopt(pycurl.OPT_CERTINFO, 1)
    handle.setopt(pycurl.VERBOSE, 1)
    handle.setopt(pycurl.DEBUGFUNCTION, lambda kind, text: _note(lines, kind, text))
    failed = _failure(transfer, sockets)
    return None if failed is None else transfer.fault(*failed)


def _failure(transfer: Transfer, sockets: Sockets) -> tuple[int, str] | None:
    """Perform a transfer; return libcurl's code and message if it fails.

    libcurl's own loop (`perform`) would not hear of Ctrl-C before the transfer ends.
    """
    interrupt, multi = HeldInterrupt(), Multi(sockets, 1)
    try:
        with interrupt:
            multi.add(transfer.handle)
        while True:
            with interrupt:
                multi.act()
                sockets.verify([transfer])
                _, finished, failed = multi.results()
            if failed:
                _, code, text = failed[0]
                return code, text
            if finished:
                return None
            seconds = multi.timeout() / 1000
            events = sockets.wait(seconds if seconds >= 0 else _NOTHING_DUE)
            with interrupt:
                sockets.serve(events)
    finally:
        with interrupt:
            multi.remove(transfer.handle)
            multi.close()


def _note(lines: list[str], kind: int, text: bytes) -> None:
    if kind == pycurl.INFOTYPE_TEXT:
        lines.append(text.decode("utf-8", "replace").strip())
