"""A look at an endpoint without a request."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
from transport_peer import (
    Peer,
    silent,
    tls,
)

from rokt_export.exchange.model import FaultKind
from rokt_export.transport import TransportOptions
from rokt_export.transport.tls_probe import inspect


@contextmanager
def never_sent_to(peer: Peer) -> Iterator[None]:
    yield
    assert peer.requests == []


def test_inspect_shows_the_certificate_and_sends_nothing(serve, authority, ca_file) -> None:
    until = datetime.now(UTC).replace(microsecond=0) + timedelta(days=20, hours=1)
    peer = serve(silent, tls(authority.issue_cert("localhost", "127.0.0.1", not_after=until)))
    with never_sent_to(peer):
        shown = inspect(peer.url("/x", "localhost"), TransportOptions(ca_file=ca_file, proxy=""))
    assert (shown.fault, shown.phase, shown.host, shown.port) == (None, None, "localhost", peer.port)
    assert "127.0.0.1" in shown.addresses
    assert shown.address == "127.0.0.1"
    assert shown.tls_version == "TLSv1.3"
    assert shown.cipher
    assert shown.certificate.names == ("localhost", "127.0.0.1")
    assert shown.certificate.not_after == until
    assert shown.certificate.days_left() == 20
    assert "trustme" in shown.certificate.issuer
    assert list(shown.seconds) == ["dns", "connect", "tls"]


def test_inspect_shows_a_certificate_that_is_not_trusted(serve, authority) -> None:
    peer = serve(silent, tls(authority.issue_cert("127.0.0.1")))
    with never_sent_to(peer):
        shown = inspect(peer.url(), TransportOptions(proxy=""))
    assert (shown.phase, shown.fault.kind, shown.fault.sent) == ("tls", FaultKind.TLS, False)
    assert shown.certificate.names == ("127.0.0.1",)


def test_inspect_plain_http_and_each_phase_that_fails(serve) -> None:
    options = TransportOptions(connect_timeout=0.3, proxy="")
    peer = serve(silent)
    with never_sent_to(peer):
        shown = inspect(peer.url(), options)
    assert (shown.fault, shown.tls_version, shown.certificate, shown.address) == (None, None, None, "127.0.0.1")
    assert inspect("http://partner.onion/", options).phase == "dns"
    stuck = serve(lambda peer, connection: time.sleep(1))
    assert inspect(f"https://127.0.0.1:{stuck.port}/", options).phase == "tls"
    peer.close()
    assert inspect(peer.url(), options).phase == "connect"


class Interrupted(Exception):
    """Raised by a handler of SIGINT, so that no test run is ended by what is tested."""


def test_ctrl_c_ends_an_inspection_that_waits_for_the_server(serve) -> None:
    def interrupt(_number: int, _frame: object) -> None:
        raise Interrupted

    stuck = serve(lambda peer, connection: time.sleep(5))
    previous = signal.signal(signal.SIGINT, interrupt)
    pressed = threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT))
    began = time.monotonic()
    try:
        pressed.start()
        with pytest.raises(Interrupted):
            inspect(f"https://127.0.0.1:{stuck.port}/", TransportOptions(connect_timeout=4, proxy=""))
    finally:
        pressed.cancel()
        signal.signal(signal.SIGINT, previous)
    assert time.monotonic() - began < 2
