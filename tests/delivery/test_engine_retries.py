"""What is sent again, how long it waits, and a partner that is down."""

from __future__ import annotations

import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from commands.conftest import Heard, Partner, serve
from engine_bench import DELIVERED, FAILED, OK, SPEC, UNKNOWN, Answer, ids

from rokt_export.delivery.events import (
    StopReason,
)
from rokt_export.exchange.model import OutcomeKind
from rokt_export.transport.http11_requests import Messages
from rokt_export.transport.libcurl_requests import Transfer


def failing_first(times: int, answer: Answer) -> Callable[[Heard], Answer]:
    """Answer each transaction's first requests so, and the later ones well."""
    seen: Counter[bytes] = Counter()
    lock = threading.Lock()

    def respond(heard: Heard) -> Answer:
        with lock:
            seen[heard.body] += 1
            return answer if seen[heard.body] <= times else OK

    return respond


def test_what_a_rule_lets_be_repeated_is_repeated_if_the_partner_says_it_may(bench, partner):
    partner.answer = failing_first(2, (500, {}, b"{}"))
    run = bench.run(3)
    assert run.outcomes == {DELIVERED: 3}
    assert [exchange.attempts for exchange in run.exchanges] == [3, 3, 3]
    assert Counter(ids(partner)) == {"tx1": 3, "tx2": 3, "tx3": 3}


def test_without_idempotency_nothing_is_sent_twice_whatever_a_rule_says(bench, partner):
    partner.answer = failing_first(1, (500, {}, b"{}"))
    run = bench.run(3, idempotent=False)
    assert run.outcomes == {FAILED: 3}
    assert Counter(ids(partner)).most_common(1)[0][1] == 1


@pytest.mark.parametrize("patience", [0.0, 5.0])
def test_an_answer_that_says_later_leaves_open_what_became_of_the_attempt_before(bench, partner, patience):
    """Taken and not answered, then 503: it may be there, so it is not `failed`, which anybody may send again."""
    tries: Counter[bytes] = Counter()

    def respond(heard: Heard) -> Answer:
        tries[heard.body] += 1
        if tries[heard.body] == 1:
            time.sleep(0.5)
        return 503, {"Retry-After": "0"}, b"{}"

    partner.answer = respond
    run = bench.run(1, timeout=0.3, attempts=2, patience=patience)
    (exchange,) = run.exchanges
    assert (exchange.outcome.kind, exchange.attempts) == (UNKNOWN, 2)
    assert sum(tries.values()) == 2


def test_a_definite_answer_decides_over_an_unanswered_attempt_before(bench, partner):
    tries: Counter[bytes] = Counter()

    def respond(heard: Heard) -> Answer:
        tries[heard.body] += 1
        if tries[heard.body] == 1:
            time.sleep(0.5)
        return 401, {}, b"{}"

    partner.answer = respond
    run = bench.run(1, timeout=0.3, attempts=2)
    assert [exchange.outcome.kind for exchange in run.exchanges] == [OutcomeKind.REJECTED]


def test_attempts_are_counted_to_the_limit(bench, partner):
    partner.answer = lambda _heard: (500, {}, b"{}")
    run = bench.run(2, attempts=4)
    assert [exchange.attempts for exchange in run.exchanges] == [4, 4]
    assert run.outcomes == {FAILED: 2}


def test_retries_are_a_share_of_the_traffic(bench, partner):
    partner.answer = lambda _heard: (500, {}, b"{}")
    run = bench.run(200, attempts=3)
    assert len(run.exchanges) == 200
    assert 200 < len(partner.heard) <= 200 + 10 + 0.2 * 200 + 1


def test_waits_between_attempts_are_jittered_and_double_up_to_their_limit(bench, partner, monkeypatch):
    asked: list[float] = []

    def uniform(low: float, high: float) -> float:
        asked.append(high)
        return low

    monkeypatch.setattr("rokt_export.delivery.pacing.random.uniform", uniform)
    partner.answer = failing_first(9, (500, {}, b"{}"))
    bench.run(1, attempts=5, backoff=0.05, backoff_limit=0.15)
    assert asked == pytest.approx([0.05, 0.1, 0.15, 0.15])


def in_seconds(seconds: float) -> datetime:
    return datetime.now(UTC) + timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("header", "value", "after"),
    [
        ("Retry-After", lambda: "1", ", after: {header: Retry-After}"),
        ("Retry-After", lambda: format_datetime(in_seconds(2), usegmt=True), ", after: {header: Retry-After}"),
        ("X-RateLimit-Reset", lambda: str(time.time() + 1), ", after: {header: X-RateLimit-Reset, unit: epoch}"),
        ("X-Wait-Ms", lambda: "1000", ", after: {header: X-Wait-Ms, unit: ms}"),
        ("Retry-After", lambda: "1", ""),
    ],
)
def test_the_wait_that_a_partner_asks_for_is_kept(bench, partner, header, value, after):
    moments: list[float] = []
    first = failing_first(1, (429, {}, b"{}"))

    def respond(heard: Heard) -> Answer:
        moments.append(time.monotonic())
        status, _, body = first(heard)
        return status, {header: value()} if status == 429 else {}, body

    partner.answer = respond
    run = bench.run(1, after=after)
    assert run.outcomes == {DELIVERED: 1}
    assert 0.9 <= moments[1] - moments[0] < 3.0


@pytest.mark.parametrize(
    ("status", "asked"),
    [(500, 20), (500, 999_999), (429, 999_999)],
)
def test_a_wait_beyond_patience_ends_the_retries_of_a_row(bench, partner, monkeypatch, status, asked):
    monkeypatch.setattr("engine_bench.SPEC", SPEC.replace("5xx, retry: true", "5xx, retry: true, after: header"))
    partner.answer = failing_first(1, (status, {"Retry-After": str(asked)}, b"{}"))
    started = time.monotonic()
    run = bench.run(1, patience=8.0, after=", after: header")
    assert time.monotonic() - started < 4.0
    assert run.outcomes == {FAILED: 1} and len(partner.heard) == 1
    most = 300 if status == 429 else 8
    shown = f"the partner asks to wait {min(asked, 86_400):,} s, more than the {most} s that --patience allows"
    assert sum(shown in message for message in run.messages) == 1


def test_429_slows_all_and_successes_bring_the_pace_back(bench, partner):
    busy = failing_first(1, (429, {}, b"{}"))
    partner.answer = lambda heard: busy(heard) if b'"tx40"' in heard.body else OK
    run = bench.run(200, concurrency=16)
    assert run.outcomes[DELIVERED] == 200
    assert run.messages == ["the partner answers 429: slowing down to 8 requests at a time"]
    assert bench.engine is not None
    assert bench.engine._pacer.limit > 8


def test_a_row_that_is_settled_by_429_is_told_to_be(bench, partner):
    partner.answer = failing_first(1, (429, {}, b"{}"))
    run = bench.run(1, concurrency=1, idempotent=False)
    assert run.outcomes == {FAILED: 1}
    assert run.messages == ["the partner answers 429; the row is failed and is not sent again"]


def test_a_partner_that_is_overloaded_for_a_while_costs_few_rows(bench, partner):
    until = time.monotonic() + 1.0
    partner.answer = lambda _heard: (503, {}, b"{}") if time.monotonic() < until else OK
    run = bench.run(400, concurrency=16)
    assert run.outcomes[DELIVERED] >= 395
    assert len(partner.heard) < 600


def test_a_partner_that_takes_nothing_stops_the_run_when_patience_is_over(bench, partner):
    partner.answer = lambda _heard: (429, {}, b"{}")
    run = bench.run(5_000, concurrency=16, patience=1.0, idempotent=False)
    assert run.finished is not None
    assert run.finished.reason is StopReason.UNREACHABLE
    assert run.finished.message == "the partner accepts nothing: it responds 429 each time"
    assert len(partner.heard) == run.outcomes[FAILED] < 60


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def test_a_partner_that_comes_up_late_is_waited_for_and_nothing_is_lost(bench):
    made, port = Partner(), closed_port()
    bench.url = f"http://127.0.0.1:{port}"
    servers = []
    late = threading.Timer(0.8, lambda: servers.append(serve(made, port)))
    late.start()
    run = bench.run(20, patience=10.0, idempotent=False)
    late.join()
    servers[0].shutdown()
    servers[0].server_close()
    assert run.outcomes == {DELIVERED: 20}
    assert any("cannot be reached, trying again for " in message for message in run.messages)
    assert "the partner is back" in run.messages
    assert Counter(ids(made)).most_common(1)[0][1] == 1


def test_patience_ends_and_what_was_not_sent_is_withdrawn(bench):
    with socket.socket() as taken:  # as long as it is bound, no server of another test gets the port
        taken.bind(("127.0.0.1", 0))
        bench.url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        started = time.monotonic()
        run = bench.run(50, patience=0.6)
    assert run.finished is not None and run.finished.reason is StopReason.UNREACHABLE
    assert run.exchanges == []
    assert sorted(run.withdrawn)[:8] == [1, 2, 3, 4, 5, 6, 7, 8]
    assert time.monotonic() - started < 5.0


def test_what_may_have_been_received_is_not_undone_by_an_attempt_that_never_went_out(bench):
    listener, taken = socket.create_server(("127.0.0.1", 0)), []

    def take_one_and_go() -> None:
        taken.append(listener.accept()[0])
        taken[0].recv(65536)
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()

    bench.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    gone = threading.Thread(target=take_one_and_go)
    gone.start()
    run = bench.run(1, patience=0.0, timeout=0.3)
    gone.join()
    taken[0].close()
    assert run.outcomes == {UNKNOWN: 1}


def test_without_patience_the_first_rows_say_why(bench):
    bench.url = f"http://127.0.0.1:{closed_port()}"
    run = bench.run(50, patience=0.0)
    assert run.finished is not None and run.finished.reason is StopReason.UNREACHABLE
    assert 3 <= len(run.exchanges) <= 4
    assert run.outcomes == {FAILED: len(run.exchanges)}
    assert "connection refused" in str(run.exchanges[0].error)


@pytest.fixture(params=[b"", b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"], ids=["nothing", "a beginning"])
def swallower(request: pytest.FixtureRequest) -> Iterator[tuple[str, list[int], str]]:
    """A gateway whose partner is gone: it takes each request, and closes, or answers in part; and how that is told."""
    taken: list[int] = []
    words = "does not respond in full" if request.param else "does not respond:"
    listener = socket.create_server(("127.0.0.1", 0))

    def swallow() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                connection.settimeout(2.0)
                if connection.recv(65536):
                    taken.append(1)
                    connection.sendall(request.param)

    thread = threading.Thread(target=swallow, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}", taken, words
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join(5)


def test_a_gateway_that_takes_and_never_answers_does_not_swallow_the_file(bench, swallower):
    bench.url, taken, words = swallower
    run = bench.run(5000, patience=1.0, idempotent=False)
    assert run.finished is not None and run.finished.reason is StopReason.UNREACHABLE
    assert f"the partner {words}" in run.finished.message
    assert run.outcomes == {UNKNOWN: len(taken)}
    assert 10 <= len(taken) <= 20


def test_a_request_that_cannot_be_sent_says_nothing_about_the_partner(bench, partner, monkeypatch):
    plainly, prepare = Messages.of, Transfer.prepare

    def not_plain(self, request):
        return None if b"tx3" in (request.body or b"") else plainly(self, request)

    def refused(self, token, request, origin, **more):
        if b"tx3" in (request.body or b""):
            raise ValueError("a line break")
        return prepare(self, token, request, origin, **more)

    monkeypatch.setattr(Messages, "of", not_plain)
    monkeypatch.setattr(Transfer, "prepare", refused)
    started = time.monotonic()
    run = bench.run(6, patience=30.0)
    assert run.outcomes == {DELIVERED: 5, FAILED: 1}
    assert time.monotonic() - started < 3.0
