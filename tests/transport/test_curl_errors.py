"""What goes wrong on the wire, and the fault that it becomes."""

from __future__ import annotations

import gzip
import socket
import time

import pytest
from transport_peer import (
    OK,
    Peer,
    answering,
    breaking,
    drain,
    fault,
    post,
    send,
    silent,
)

from rokt_export.exchange.model import UNCONNECTED, FaultKind
from rokt_export.reports.reasons import is_unconnected
from rokt_export.transport import Transport, TransportOptions
from rokt_export.transport.curl_errors import Failure


@pytest.mark.usefixtures("both_ways")
def test_nothing_listens(transport) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    message = fault(transport.send(post(f"http://127.0.0.1:{port}/")), FaultKind.CONNECT, sent=False)
    assert message == f"nothing listens on 127.0.0.1:{port} (connection refused)"


# libcurl refuses .onion names by itself (RFC 7686), so that no query leaves this machine.
@pytest.mark.usefixtures("both_ways")
def test_a_name_that_is_not_known(transport) -> None:
    message = fault(transport.send(post("http://partner.onion/")), FaultKind.DNS, sent=False)
    assert "partner.onion" in message


@pytest.mark.usefixtures("both_ways")
def test_timeout_before_the_request_went_out(serve) -> None:
    stuck = serve(lambda peer, connection: time.sleep(1))  # never shakes hands
    answer = send(post(f"https://127.0.0.1:{stuck.port}/"), connect_timeout=0.2)
    message = fault(answer, FaultKind.TIMEOUT_BEFORE_SEND, sent=False)
    assert "nothing was sent" in message


@pytest.mark.usefixtures("both_ways")
def test_timeout_after_the_request_went_out(serve) -> None:
    message = fault(send(post(serve(silent).url()), timeout=0.2), FaultKind.TIMEOUT_AFTER_SEND, sent=True)
    assert "the whole request was sent" in message


@pytest.mark.usefixtures("both_ways")
def test_timeout_half_way_through_the_request(serve) -> None:
    deaf = serve(lambda peer, connection: time.sleep(1))
    message = fault(send(post(deaf.url(), bytes(20_000_000)), timeout=0.3), FaultKind.TIMEOUT_AFTER_SEND, sent=True)
    assert "part of the request" in message


@pytest.mark.usefixtures("both_ways")
def test_a_transfer_waiting_for_a_connection_is_not_sent(serve) -> None:
    peer = serve(silent)
    with Transport(TransportOptions(max_connections=1, timeout=0.3, proxy="")) as transport:
        for token in "ab":
            transport.start(token, post(peer.url()))
        answers = drain(transport)
    fault(answers["a"], FaultKind.TIMEOUT_AFTER_SEND, sent=True)
    fault(answers["b"], FaultKind.TIMEOUT_BEFORE_SEND, sent=False)
    assert len(peer.requests) == 1


@pytest.mark.usefixtures("both_ways")
def test_a_handle_that_sent_before_does_not_claim_to_have_sent_again(serve) -> None:
    peer, stuck = serve(answering(OK)), serve(lambda peer, connection: time.sleep(1))
    with Transport(TransportOptions(timeout=0.3, proxy="")) as transport:
        assert transport.send(post(peer.url())).status == 200
        fault(transport.send(post(f"https://127.0.0.1:{stuck.port}/")), FaultKind.TIMEOUT_BEFORE_SEND, sent=False)
        transport.start("x", post(f"https://127.0.0.1:{stuck.port}/"))
        transport.cancel("x")
        fault(drain(transport)["x"], FaultKind.CANCELLED, sent=False)


@pytest.mark.usefixtures("both_ways")
@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nContent-Le",
        b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\npart",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
        b"HTTP/1.1 100 Continue\r\n\r\n",
    ],
)
def test_an_answer_cut_off(serve, transport, answer) -> None:
    fault(transport.send(post(serve(breaking(answer)).url())), FaultKind.RESET_AFTER_SEND, sent=True)


@pytest.mark.usefixtures("both_ways")
def test_a_reset_in_place_of_an_answer(serve, transport) -> None:
    def script(peer: Peer, connection: socket.socket) -> None:
        peer.read(connection)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        connection.close()

    fault(transport.send(post(serve(script).url())), FaultKind.RESET_AFTER_SEND, sent=True)


@pytest.mark.usefixtures("both_ways")
@pytest.mark.parametrize(
    "answer",
    [
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"HTTP/1.1 abc\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 400_000 + b"\r\n\r\n",
    ],
)
def test_an_answer_that_is_not_http(serve, transport, answer) -> None:
    message = fault(transport.send(post(serve(breaking(answer)).url())), FaultKind.PROTOCOL, sent=True)
    assert "not HTTP" in message


def test_an_answer_that_does_not_decode(serve, transport) -> None:
    peer = serve(answering(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 5\r\n\r\nplain"))
    answer = transport.send(post(peer.url(), headers=(("Accept-Encoding", "gzip"),)))
    assert (answer.status, answer.body, answer.unreadable) == (200, b"plain", "")


@pytest.mark.parametrize("kind", ["told", "chunked", "unpacked"])
def test_an_answer_larger_than_the_cap(serve, kind) -> None:
    body = bytes(100_000)
    answers = {
        "told": b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + body,
        "chunked": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n186a0\r\n" + body + b"\r\n0\r\n\r\n",
        "unpacked": b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nConnection: close\r\n\r\n" + gzip.compress(body),
    }
    peer = serve(breaking(answers[kind]))
    request = post(peer.url(), headers=(("Accept-Encoding", "gzip"),))
    assert "10000 bytes" in fault(send(request, max_response=10_000), FaultKind.TOO_LARGE, sent=True)
    exact = serve(answering(b"HTTP/1.1 200 OK\r\nContent-Length: 10000\r\n\r\n" + bytes(10_000)))
    assert len(send(post(exact.url()), max_response=10_000).body) == 10_000


@pytest.mark.parametrize("code", [5, 6, 7, 28, 35, 56, 97])
def test_a_fault_says_whether_it_is_our_proxys(code: int) -> None:
    """Also once the journal has it, as its kind and message."""
    without, behind = (
        Failure(code, "it failed", "https://partner.example/a", sent=False, proxy=proxy).fault()
        for proxy in (None, "proxy.example:3128")
    )
    assert without.kind in UNCONNECTED
    of_partner = code in (6, 35)  # names and certificates are the partner's, whatever is between
    assert (without.at_proxy, behind.at_proxy) == (code == 5, not of_partner)
    for each in (without, behind):
        assert is_unconnected(f"{each.kind}: {each.message}") is not each.at_proxy


def test_each_fault_has_an_error_of_libcurl_that_raises_it_and_says_what_happened() -> None:
    failures = [Failure(code, "", "https://example.com/", sent) for code in range(1, 101) for sent in (True, False)]
    lacking = set(FaultKind) - {failure.kind() for failure in failures} - {FaultKind.CANCELLED}  # that one is ours
    assert not lacking, f"`kind` of transport/curl_errors.py never gives {lacking}"
    assert all(failure.message() for failure in failures)
