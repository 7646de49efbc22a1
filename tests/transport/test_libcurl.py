"""TLS, certificates, proxies and versions of HTTP."""

from __future__ import annotations

import os
import socket
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import transport_peer
import trustme
from transport_peer import (
    BY_LIBCURL,
    OK,
    Peer,
    Script,
    answering,
    breaking,
    fault,
    post,
    proxy_script,
    send,
    tls,
)

from rokt_export.errors import ConfigurationError
from rokt_export.exchange.model import Fault, FaultKind, Request, Response
from rokt_export.transport import Transport, TransportOptions
from rokt_export.transport.libcurl import Multi
from rokt_export.transport.sockets import Sockets


@pytest.mark.usefixtures("both_ways")
def test_a_trusted_certificate(serve, authority, ca_file) -> None:
    peer = serve(answering(OK), tls(authority.issue_cert("127.0.0.1")))
    answer = send(post(peer.url()), ca_file=ca_file)
    assert answer.status == 200
    assert 0 < answer.timings.connect < answer.timings.tls < answer.timings.total


@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_the_environment_names_authorities(serve, authority, ca_file, monkeypatch, variable) -> None:
    monkeypatch.setenv(variable, ca_file)
    assert send(post(serve(answering(OK), tls(authority.issue_cert("127.0.0.1"))).url())).status == 200


@pytest.mark.usefixtures("both_ways")
def test_certificates_that_do_not_do(serve, authority, ca_file) -> None:
    good = authority.issue_cert("127.0.0.1")
    expired = authority.issue_cert(
        "127.0.0.1", not_before=datetime.now(UTC) - timedelta(9), not_after=datetime.now(UTC) - timedelta(2)
    )
    cases = [
        (good, {}, "the certificate of 127.0.0.1 is not trusted"),
        (expired, {"ca_file": ca_file}, "the certificate of 127.0.0.1 has expired"),
        (authority.issue_cert("other.example.com"), {"ca_file": ca_file}, "issued for another name"),
    ]
    for certificate, options, words in cases:
        peer = serve(answering(OK), tls(certificate))
        assert words in fault(send(post(peer.url()), **options), FaultKind.TLS, sent=False)
        assert peer.requests == []
        assert send(post(peer.url()), verify=False).status == 200


BIG = 8_000_000


REFUSED = b"HTTP/1.1 413 Content Too Large\r\nConnection: close\r\nContent-Length: 2\r\n\r\nno"


def no_more_than_the_head(answer: bytes, seconds: float) -> Script:
    """What servers do to a body over their limit: they answer, or say nothing, without reading on."""

    def script(peer: Peer, connection: socket.socket) -> None:
        peer.requests.append(connection.recv(1000))
        if answer:
            connection.sendall(answer)
        time.sleep(seconds)
        connection.close()

    return script


@pytest.mark.parametrize("secure", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize("seconds", [0.0, 1.0], ids=["closes at once", "lingers"])
def test_an_answer_before_the_request_is_whole_is_the_answer(serve, authority, ca_file, secure, seconds) -> None:
    context = tls(authority.issue_cert("127.0.0.1")) if secure else None
    peer = serve(no_more_than_the_head(REFUSED, seconds), context)
    with Transport(TransportOptions(ca_file=str(ca_file), timeout=5.0)) as transport:
        answer = transport.send(Request("POST", peer.url(), transport_peer.PLAIN, b"x" * BIG))
    assert peer.connections == 1
    if secure and not seconds and isinstance(answer, Fault):  # a broken TLS connection need not give up what it has
        assert answer.kind is FaultKind.RESET_AFTER_SEND
        return
    assert isinstance(answer, Response), answer
    assert (answer.status, answer.body) == (413, b"no")


def test_what_went_out_in_tls_records_is_not_called_unsent(serve, authority, ca_file) -> None:
    peer = serve(no_more_than_the_head(b"", 2.0), tls(authority.issue_cert("127.0.0.1")))
    with Transport(TransportOptions(ca_file=str(ca_file), timeout=0.5)) as transport:
        answer = transport.send(Request("POST", peer.url(), transport_peer.PLAIN, b"x" * BIG))
    assert isinstance(answer, Fault)
    assert (answer.kind, answer.sent) == (FaultKind.TIMEOUT_AFTER_SEND, True)
    assert peer.requests[0].startswith(b"POST")


def test_a_long_request_arrives_whole_over_tls(serve, authority, ca_file) -> None:
    peer = serve(answering(OK), tls(authority.issue_cert("127.0.0.1")))
    body = os.urandom(BIG)
    with Transport(TransportOptions(ca_file=str(ca_file), timeout=20.0)) as transport:
        assert transport.send(Request("POST", peer.url(), transport_peer.PLAIN, body)).status == 200
    assert peer.requests[0].endswith(body)


def test_a_pause_makes_no_answer_late_however_many_have_arrived(serve) -> None:
    many = 300
    peer = serve(answering(OK))
    request = post(peer.url())
    with Transport(TransportOptions(timeout=3.0, max_connections=many)) as transport:
        for pause in (0.0, 3.3):
            transport.start_all([(number, request) for number in range(many)])
            answers = transport.poll(0.0)
            time.sleep(pause)
            while len(answers) < many:
                answers += transport.poll(1.0)
    assert all(isinstance(answer, Response) for _, answer in answers)


@pytest.mark.usefixtures("both_ways")
def test_a_server_that_speaks_no_tls(serve) -> None:
    peer = serve(lambda peer, connection: connection.sendall(b"hello, no TLS here\r\n"))
    fault(send(post(f"https://127.0.0.1:{peer.port}/")), FaultKind.TLS, sent=False)


@pytest.mark.usefixtures("both_ways")
def test_a_client_certificate(serve, authority, ca_file, tmp_path) -> None:
    peer = serve(answering(OK), tls(authority.issue_cert("127.0.0.1"), client_authority=authority))
    paths = client_files(authority, tmp_path, b"hush")
    options = {"client_certificate": paths[0], "client_key": paths[1], "client_key_password": "hush"}
    assert send(post(peer.url()), ca_file=ca_file, **options).status == 200
    answer = send(post(peer.url()), ca_file=ca_file)
    # On a connection of ours the alert comes before anything is written; libcurl's has the request by then.
    assert "asks for a client certificate" in fault(answer, FaultKind.TLS, sent=transport_peer.PLAIN is BY_LIBCURL)


def test_a_client_certificate_that_cannot_be_used(authority, tmp_path) -> None:
    certificate, key = client_files(authority, tmp_path, b"hush")
    other = tmp_path / "other.pem"
    other.write_bytes(authority.issue_cert("b@example.com").private_key_pem.bytes())
    for options, words in [
        ({"client_certificate": str(tmp_path / "none.pem")}, "does not exist"),
        ({"client_certificate": certificate, "client_key": key}, "cannot be used"),
        ({"client_certificate": certificate, "client_key": key, "client_key_password": "wrong"}, "cannot be used"),
        ({"client_certificate": certificate, "client_key": str(other)}, "does not belong"),
    ]:
        with pytest.raises(ConfigurationError, match=words) as raised:
            Transport(TransportOptions(**options))
        assert raised.value.remedy


def test_authorities_and_options_that_cannot_be_used(tmp_path, monkeypatch) -> None:
    empty = tmp_path / "empty.pem"
    empty.write_text("nothing")
    with pytest.raises(ConfigurationError, match="does not exist"):
        Transport(TransportOptions(ca_file=str(tmp_path / "none.pem")))
    with pytest.raises(ConfigurationError, match="contains no certificate"):
        Transport(TransportOptions(ca_file=str(empty)))
    monkeypatch.setenv("SSL_CERT_FILE", str(empty))
    with pytest.raises(ConfigurationError, match="SSL_CERT_FILE"):
        Transport()
    with pytest.raises(ConfigurationError, match="HTTP version '9'"):
        Transport(TransportOptions(http_version="9"))


def client_files(authority: trustme.CA, folder: Path, password: bytes) -> tuple[str, str]:
    from cryptography.hazmat.primitives import serialization as s

    leaf = authority.issue_cert("client@example.com")
    key = s.load_pem_private_key(leaf.private_key_pem.bytes(), None)
    secret = s.BestAvailableEncryption(password)
    (folder / "client.pem").write_bytes(leaf.cert_chain_pems[0].bytes())
    (folder / "client.key").write_bytes(key.private_bytes(s.Encoding.PEM, s.PrivateFormat.PKCS8, secret))
    return str(folder / "client.pem"), str(folder / "client.key")


@pytest.mark.usefixtures("both_ways")
def test_a_proxy_tunnels_https_and_sees_no_header_of_ours(serve, authority, ca_file) -> None:
    heads: list[bytes] = []
    upstream = serve(answering(OK), tls(authority.issue_cert("partner.example")))
    proxy = serve(proxy_script(upstream.port, heads))
    request = post("https://partner.example/x", headers=(("Authorization", "Bearer hush"),))
    options = {"ca_file": ca_file, "proxy": f"http://jane:secret@127.0.0.1:{proxy.port}"}
    answer = send(request, **options)
    assert (answer.status, answer.headers) == (200, (("Content-Length", "2"),))
    assert heads[0].startswith(b"CONNECT partner.example:443 HTTP/1.1\r\n")
    assert b"Proxy-Authorization: Basic " in heads[0]
    assert b"hush" not in heads[0]
    assert b"Bearer hush" in upstream.requests[0]


@pytest.mark.usefixtures("both_ways")
def test_a_proxy_that_refuses_or_is_not_there(serve) -> None:
    refusing = serve(breaking(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 4\r\n\r\nnope"))
    proxy = f"http://jane:secret@127.0.0.1:{refusing.port}"
    message = fault(send(post("https://partner.example/"), proxy=proxy), FaultKind.CONNECT, sent=False)
    assert f"the proxy 127.0.0.1:{refusing.port}" in message
    assert "403" in message
    refusing.close()
    message = fault(send(post("http://partner.example/"), proxy=proxy), FaultKind.CONNECT, sent=False)
    assert "nothing listens on the proxy" in message
    assert "secret" not in message


@pytest.mark.usefixtures("both_ways")
def test_resolve_stands_in_for_dns(serve) -> None:
    peer = serve(answering(OK))
    request = post(f"http://partner.example:{peer.port}/")
    assert send(request, resolve=(f"partner.example:{peer.port}:127.0.0.1",)).status == 200
    assert f"Host: partner.example:{peer.port}\r\n".encode() in peer.requests[0]


def test_a_multi_handle_whose_name_server_is_silent_closes_at_once() -> None:
    class Resolving:
        """Stands for the handle of a look-up without an answer: no test can make this machine's resolver silent."""

        def close(self) -> None:
            time.sleep(5)

    sockets = Sockets()
    multi = Multi(sockets, 1)
    multi._multi.close()
    multi._multi = Resolving()
    began = time.monotonic()
    multi.close()
    sockets.close()
    assert time.monotonic() - began < 1
