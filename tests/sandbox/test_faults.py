"""Faults are played in their shares: broken connections, slow bodies, error statuses."""

from __future__ import annotations

import socket
import time
from urllib.parse import urlsplit

import pytest
import requests

from rokt_export.sandbox.faults import fault_response
from rokt_export.sandbox.options import FAULTS, PROCESSED
from tests.sandbox.conftest import Start, spec_of

SPEC = spec_of("parameters: [{name: email, attribute: email}]")
PERSON = {"email": "a@example.com"}


@pytest.mark.parametrize("kind", sorted(PROCESSED - {"hang", "slow"}))
def test_faults_that_break_the_connection_after_the_delivery_was_taken(start: Start, kind: str) -> None:
    client = start(SPEC, faults={kind: 1.0})
    with pytest.raises((requests.exceptions.ConnectionError, requests.exceptions.ChunkedEncodingError)):
        client.post(json=PERSON)
    assert (client.last.outcome, client.last.status, client.last.fault) == ("delivered", None, kind)


def test_a_hang_ends_with_the_clients_patience_and_close_does_not_wait_for_it(start: Start) -> None:
    client = start(SPEC, faults={"hang": 1.0})
    with pytest.raises(requests.exceptions.ReadTimeout):
        client.post(json=PERSON, timeout=0.2)
    with socket.create_connection(("127.0.0.1", int(urlsplit(client.url).port or 0))) as held:
        held.sendall(b"POST /v1/leads HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
        time.sleep(0.1)
        before = time.monotonic()
        client.sandbox.close()
        assert time.monotonic() - before < 2


def test_slow_answers_arrive_whole(start: Start) -> None:
    client = start(SPEC, faults={"slow": 1.0}, slow_for=0.3)
    before = time.monotonic()
    assert set(client.post(json=PERSON).json()) == {"id"}
    assert time.monotonic() - before > 0.25


def test_faults_that_are_answers(start: Start) -> None:
    statuses = {kind: fault_response(kind).status for kind in FAULTS.keys() - PROCESSED}
    assert statuses == {"http500": 500, "http429": 429, "redirect": 302}
    assert start(SPEC, faults={"http500": 1}).post(json=PERSON).status_code == 500
    slow_down = start(SPEC, faults={"http429": 1}).post(json=PERSON)
    assert (slow_down.status_code, slow_down.headers["Retry-After"]) == (429, "1")
    client = start(SPEC, faults={"redirect": 1})
    assert client.post(json=PERSON).headers["Location"] == "/_sandbox/redirected"
    assert client.sandbox.counts == {"failed": 1}


def test_the_error_rate_gives_the_specs_failure_or_503(start: Start) -> None:
    assert start(SPEC, error_rate=1).post(json=PERSON).status_code == 503
    rules = "  - {outcome: delivered, status: 2xx}\n  - {outcome: failed, examples: [{status: 502, body: down}]}\n"
    answer = start(spec_of("parameters: [{name: e, attribute: email}]", responses=rules), error_rate=1).post(
        json=PERSON
    )
    assert (answer.status_code, answer.text) == (502, "down")


def test_shares_are_kept_and_seeded(start: Start) -> None:
    def outcomes() -> list[str | None]:
        client = start(SPEC, faults={"http500": 0.3, "http429": 0.2}, seed=5)
        for _ in range(200):
            client.post(json=PERSON)
        return [each.fault for each in client.sandbox.deliveries]

    found = outcomes()
    assert found == outcomes()
    assert 35 < found.count("http500") < 85
    assert 20 < found.count("http429") < 60


def test_latency(start: Start) -> None:
    client = start(SPEC, latency=0.1, jitter=0.02)
    before = time.monotonic()
    client.post(json=PERSON)
    assert 0.07 < time.monotonic() - before < 1
