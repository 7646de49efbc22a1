"""Connects to an endpoint and closes again, without a request, to see what it shows."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import urlsplit

import pycurl

from rokt_export.exchange.model import Fault, Request
from rokt_export.transport.certificates import authorities
from rokt_export.transport.connection_report import (
    Certificate,
    Conversation,
    Inspection,
    certificate_of,
    phase_of,
)
from rokt_export.transport.libcurl import check
from rokt_export.transport.libcurl_requests import Transfer
from rokt_export.transport.options import TransportOptions


def inspect(url: str, options: TransportOptions = TransportOptions()) -> Inspection:  # noqa: B008 - frozen
    """Connect to an endpoint, with TLS where it has it, and close: no request is sent.

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
            tls_version=unchecked.tls_version,
            cipher=unchecked.cipher,
            alpn=unchecked.alpn,
        )
    return shown


def _inspect(url: str, options: TransportOptions, trusted: str | None) -> Inspection:
    transfer = Transfer(options, trusted)
    lines: list[str] = []
    try:
        fault = _connect(transfer, url, lines)
        facts = Conversation.of(lines)
        parts = urlsplit(url)
        address = transfer.handle.getinfo(pycurl.PRIMARY_IP) or None
        return Inspection(
            host=parts.hostname or "",
            port=parts.port or (443 if parts.scheme == "https" else 80),
            addresses=facts.addresses or ((address,) if address else ()),
            address=address,
            tls_version=facts.tls_version,
            cipher=facts.cipher,
            alpn=facts.alpn,
            certificate=_certificate(transfer.handle),
            timings=transfer._timings(),
            fault=fault,
            phase=phase_of(fault) if fault else None,
        )
    finally:
        transfer.close()


def _connect(transfer: Transfer, url: str, lines: list[str]) -> Fault | None:
    """Connect without a request, and fill `lines` with what libcurl tells of it."""
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
    try:
        handle.perform()
    except pycurl.error as error:
        return transfer.fault(*error.args)
    return None


def _note(lines: list[str], kind: int, text: bytes) -> None:
    if kind == pycurl.INFOTYPE_TEXT:
        lines.append(text.decode("utf-8", "replace").strip())


def _certificate(handle: pycurl.Curl) -> Certificate | None:
    chain = handle.getinfo(pycurl.INFO_CERTINFO)
    return certificate_of(chain[0]) if chain else None
