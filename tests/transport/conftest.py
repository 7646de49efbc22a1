"""Peers, a transport and certificates for the tests of the transport."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
import transport_peer
import trustme
from transport_peer import (
    BY_LIBCURL,
    Peer,
    Script,
)

from rokt_export.transport import Transport, TransportOptions


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch) -> None:
    for name in (
        "SSL_CERT_FILE",
        "REQUESTS_CA_BUNDLE",
        "CURL_CA_BUNDLE",
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "ALL_PROXY",
        "NO_PROXY",
    ):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.fixture
def serve() -> Iterator[Callable[..., Peer]]:
    with ExitStack() as stack:

        def start(script: Script, context: ssl.SSLContext | None = None) -> Peer:
            peer = Peer(script, context)
            stack.callback(peer.close)
            return peer

        yield start


@pytest.fixture
def transport() -> Iterator[Transport]:
    with Transport(TransportOptions(connect_timeout=2, timeout=5, proxy="")) as transport:
        yield transport


@pytest.fixture(params=["ours", "libcurl's"])
def both_ways(request, monkeypatch) -> None:
    """Let requests without headers of their own go the one way, then the other."""
    if request.param != "ours":
        monkeypatch.setattr(transport_peer, "PLAIN", BY_LIBCURL)


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def ca_file(authority, tmp_path) -> str:
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    return str(tmp_path / "ca.pem")
