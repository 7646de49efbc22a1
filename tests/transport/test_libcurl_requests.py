"""Requests by libcurl: versions of HTTP, forwarding proxies, refused streams."""

from __future__ import annotations

import socket
from collections.abc import Callable

import pytest
from transport_peer import (
    OK,
    Peer,
    Script,
    answering,
    breaking,
    fault,
    frame,
    post,
    proxy_script,
    send,
    silent,
    tls,
)

from rokt_export.exchange.model import FaultKind
from rokt_export.transport import Transport, TransportOptions
from rokt_export.transport.tls_probe import inspect


@pytest.mark.parametrize(
    ("version", "offered"), [(None, ["http/1.1"]), ("2", ["h2", "http/1.1"]), ("1.1", ["http/1.1"])]
)
def test_the_protocol_is_negotiated_by_tls(serve, authority, ca_file, version, offered) -> None:
    context = tls(authority.issue_cert("127.0.0.1"))
    context.set_alpn_protocols(["h2", "http/1.1"])
    shown = inspect(serve(silent, context).url(), TransportOptions(ca_file=ca_file, http_version=version, proxy=""))
    assert shown.alpn == offered[0]
    context = tls(authority.issue_cert("127.0.0.1"))
    context.set_alpn_protocols(["http/1.1"])
    answer = send(post(serve(answering(OK), context).url()), ca_file=ca_file, http_version=version)
    assert (answer.status, answer.http_version) == (200, "1.1")


def test_http_1_0(serve) -> None:
    peer = serve(breaking(b"HTTP/1.0 200 OK\r\n\r\nuntil the end"))
    answer = send(post(peer.url()), http_version="1.0")
    assert (answer.http_version, answer.body) == ("1.0", b"until the end")
    assert peer.requests[0].startswith(b"POST / HTTP/1.0\r\n")


def h2(answer: Callable[[int], bytes]) -> Script:
    def exactly(connection: socket.socket, size: int) -> bytes:
        data = b""
        while len(data) < size:
            if not (more := connection.recv(size - len(data))):
                raise OSError("closed")
            data += more
        return data

    def script(peer: Peer, connection: socket.socket) -> None:
        assert exactly(connection, 24).startswith(b"PRI * HTTP/2.0")
        connection.sendall(frame(4, 0, 0))
        while True:
            head = exactly(connection, 9)
            payload = exactly(connection, int.from_bytes(head[:3]))
            kind, flags, stream = head[3], head[4], int.from_bytes(head[5:])
            if kind == 4 and not flags & 1:
                connection.sendall(frame(4, 1, 0))
            if kind in (0, 1) and flags & 1:  # the stream's last frame: DATA or HEADERS with END_STREAM
                peer.requests.append(payload)
                connection.sendall(answer(stream))

    return script


def answered_200(stream: int) -> bytes:
    return frame(1, 4, stream, b"\x88") + frame(0, 1, stream, b"ok")  # \x88 is `:status: 200` (RFC 7541, appendix A)


def refused(stream: int) -> bytes:
    return frame(3, 0, stream, (7).to_bytes(4))  # RST_STREAM with REFUSED_STREAM, on which libcurl would try again


def test_http_2_over_tls(serve, authority, ca_file) -> None:
    context = tls(authority.issue_cert("127.0.0.1"))
    context.set_alpn_protocols(["h2"])
    peer = serve(h2(answered_200), context)
    with Transport(TransportOptions(ca_file=ca_file, http_version="2", proxy="")) as transport:
        for body in (b"{}", b"[]"):
            answer = transport.send(post(peer.url(), body))
            assert (answer.status, answer.body, answer.http_version) == (200, b"ok", "2")
    assert (peer.requests, peer.connections) == ([b"{}", b"[]"], 1)


def test_http_2_over_plain_http_is_spoken_at_once(serve) -> None:
    peer = serve(h2(answered_200))
    assert send(post(peer.url()), http_version="2").http_version == "2"


def test_a_refused_stream_is_not_tried_again(serve) -> None:
    peer = serve(h2(refused))
    fault(send(post(peer.url()), http_version="2"), FaultKind.RESET_AFTER_SEND, sent=True)
    assert len(peer.requests) == 1


@pytest.mark.parametrize("variable", ["http_proxy", "all_proxy", "ALL_PROXY"])
def test_a_proxy_forwards_http(serve, monkeypatch, variable) -> None:
    heads: list[bytes] = []
    upstream = serve(answering(OK))
    proxy = serve(proxy_script(upstream.port, heads))
    assert send(post("http://partner.example/x"), proxy=f"http://127.0.0.1:{proxy.port}").status == 200
    assert heads[0].startswith(b"POST http://partner.example/x HTTP/1.1\r\nHost: partner.example\r\n")
    monkeypatch.setenv(variable, f"http://127.0.0.1:{proxy.port}")
    monkeypatch.delenv("no_proxy", raising=False)
    assert send(post("http://partner.example/y"), proxy=None).status == 200
    assert len(heads) == 2
    assert heads[1].startswith(b"POST http://partner.example/y HTTP/1.1\r\n")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    assert send(post(upstream.url()), proxy=None).status == 200
    monkeypatch.delenv("no_proxy")
    assert send(post(upstream.url()), proxy="").status == 200
    assert len(heads) == 2
