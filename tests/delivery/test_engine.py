"""The order of events, when a run stops, and what stays in memory, against real servers on loopback."""

from __future__ import annotations

import itertools
import socket
import threading
import time
from collections.abc import Iterable, Iterator
from typing import Any

import pytest
from engine_bench import DELIVERED, INVALID, OK, UNKNOWN, Run, ids, people, settled_in

from rokt_export.delivery.events import (
    Event,
    Finished,
    Intended,
    Paced,
    Progress,
    Retrying,
    StopReason,
)
from rokt_export.delivery.input_feed import LiveFeed
from rokt_export.errors import TransactionsError
from rokt_export.exchange.model import SILENT, Fault, FaultKind, Request, Response, Timings
from rokt_export.journal.recording import KEPT_BYTES, WAITING_BYTES
from rokt_export.transactions.transaction import Transaction
from rokt_export.transport import Transport


def test_each_row_is_intended_before_it_is_sent_and_settled_once(bench, partner):
    intended: set[str] = set()
    early: list[str] = []

    def listen(event: Event) -> None:
        if isinstance(event, Intended):
            early.extend(set(ids(partner)) - intended)
            intended.update(each.id for each in event.transactions)

    run = bench.run(300, listen=listen)
    assert early == []
    assert run.rows == list(range(1, 301))
    assert run.finished == Finished(StopReason.COMPLETE)
    assert sorted(ids(partner)) == sorted(f"tx{row}" for row in range(1, 301))


def test_one_at_a_time_is_file_order_on_the_wire(bench, partner):
    bench.run(30, concurrency=1)
    assert ids(partner) == [f"tx{row}" for row in range(1, 31)]


@pytest.mark.parametrize(("delay", "batch"), [(0.05, 2 * 8), (0.0, 500)])
def test_never_more_are_open_than_in_flight_and_one_batch(bench, partner, delay, batch):
    partner.delay = delay
    open_rows: set[int] = set()
    most = 0

    def listen(event: Event) -> None:
        nonlocal most
        if (over := settled_in(event)) is not None:
            open_rows.difference_update(each.transaction.row for each in over.exchanges)
        if isinstance(event, Intended):
            open_rows.update(each.row for each in event.transactions)
        most = max(most, len(open_rows))

    bench.run(200 + 10 * batch if not delay else 200, concurrency=8, listen=listen)
    assert 8 < most <= 8 + batch


def test_an_input_that_breaks_off_is_delivered_as_far_as_it_goes(bench):
    def breaking() -> Iterator[Transaction]:
        yield from people(7)
        raise TransactionsError("the file cannot be read further")

    with pytest.raises(TransactionsError):
        bench.run(breaking())
    run = Run(bench.events)
    assert run.rows == [1, 2, 3, 4, 5, 6, 7]
    assert run.outcomes == {DELIVERED: 7}


def test_rows_that_cannot_be_rendered_cost_no_waiting(bench, partner):
    started = time.monotonic()
    run = bench.run(iter([Transaction(row, f"row-{row}", {}) for row in range(1, 2001)]), concurrency=2)
    assert run.outcomes == {INVALID: 2000}
    assert time.monotonic() - started < 3.0
    assert partner.heard == []


@pytest.mark.parametrize("answered", [0, 1])
def test_a_partner_that_takes_requests_and_never_responds_stops_the_run_when_patience_is_over(bench, partner, answered):
    partner.answer = lambda _heard: OK if len(partner.heard) <= answered else time.sleep(1.0) or OK
    run = bench.run(50, concurrency=1, timeout=0.2, idempotent=False, patience=0.4)
    assert run.finished is not None and run.finished.reason is StopReason.UNREACHABLE
    assert run.outcomes[DELIVERED] == answered and 0 < run.outcomes[UNKNOWN] <= 4  # ten before


def test_a_stop_waits_for_answers_and_withdraws_the_rest(bench, partner):
    partner.delay = 0.6

    def listen(event: Event) -> None:
        if isinstance(event, Intended) and bench.engine is not None:
            threading.Timer(0.3, bench.engine.stop).start()

    run = bench.run(50, listen=listen)
    assert run.finished == Finished(StopReason.INTERRUPTED)
    assert run.outcomes == {DELIVERED: len(partner.heard)}
    assert not {*run.rows} & {*run.withdrawn}


def test_leaving_at_once_leaves_what_is_in_flight_unknown(bench, partner):
    partner.delay = 3.0

    def listen(event: Event) -> None:
        if isinstance(event, Intended) and bench.engine is not None:
            threading.Timer(0.2, bench.engine.abandon).start()

    started = time.monotonic()
    run = bench.run(50, listen=listen)
    assert time.monotonic() - started < 2.0
    assert run.outcomes == {UNKNOWN: 4}
    assert len(partner.heard) == 4


def test_our_own_leaving_is_no_sign_of_life_from_a_partner_that_went_silent(bench, partner):
    partner.delay = 3.0
    silent = False

    def listen(event: Event) -> None:
        nonlocal silent
        silent = silent or isinstance(event, Paced)
        trying = isinstance(event, Progress) and event.in_flight
        if silent and trying and bench.engine is not None:
            bench.engine.abandon()

    run = bench.run(200, listen=listen, timeout=0.6, idempotent=False, patience=30.0, concurrency=8)
    assert any("does not respond" in message for message in run.messages)
    assert not any("is back" in message for message in run.messages)


def test_while_many_rows_are_left_out_answers_are_heard_and_a_stop_is_too(bench, partner):
    skipped = 0

    def rows() -> Iterator[Transaction | None]:
        nonlocal skipped
        yield people(1)[0]
        while True:
            time.sleep(0.001)
            skipped += 1
            yield None

    def listen(event: Event) -> None:
        if (over := settled_in(event)) and over.exchanges and bench.engine is not None:
            bench.engine.stop()

    run = bench.run(rows(), listen=listen)
    assert run.outcomes == {DELIVERED: 1}
    assert skipped > 10


class Scripted(Transport):
    """A transport that gives the answers it was told, in their order."""

    def __init__(self, *answers: Fault) -> None:
        super().__init__()
        self.answers = list(answers)
        self.waiting: list[Any] = []

    @property
    def in_flight(self) -> int:
        return len(self.waiting)

    def start_all(self, requests: Iterable[tuple[Any, Request]]) -> None:
        self.waiting += [token for token, _ in requests]

    def poll(self, timeout: float) -> list[tuple[Any, Any]]:
        answered = [(token, self.answers.pop(0)) for token in self.waiting]
        self.waiting.clear()
        return answered


class Bursts(Transport):
    """A transport whose partner responds to all requests in flight at once."""

    def __init__(self, *statuses: int) -> None:
        super().__init__()
        self.statuses = statuses or (200,)
        self.started = self.first = 0
        self.waiting: list[Any] = []

    @property
    def in_flight(self) -> int:
        return len(self.waiting)

    def start_all(self, requests: Iterable[tuple[Any, Request]]) -> None:
        tokens = [token for token, _ in requests]
        self.started += len(tokens)
        self.waiting += tokens

    def poll(self, timeout: float) -> list[tuple[Any, Any]]:
        self.first = self.first or self.started
        statuses = itertools.cycle(self.statuses)
        responded = [(token, Response(next(statuses), (), b"{}")) for token in self.waiting]
        self.waiting.clear()
        return responded


def test_requests_leave_while_a_burst_of_results_is_journaled_in_portions(bench, monkeypatch):
    bursts = Bursts()
    monkeypatch.setattr("engine_bench.Transport", lambda _options: bursts)
    settled = 0
    portions: list[int] = []
    in_doubt: list[int] = []

    def listen(event: Event) -> None:
        nonlocal settled
        if over := settled_in(event):
            in_doubt.append(bursts.started - settled)
            portions.append(len(over.exchanges))
            settled += len(over.exchanges)

    run = bench.run(2_000, concurrency=256, listen=listen)
    assert run.rows == list(range(1, 2_001))
    assert max(portions) <= 64
    assert max(in_doubt) == 256 + 64  # as many may be in doubt after a kill, and requests left before all were settled


@pytest.mark.parametrize("statuses", [(401,), (200, 429)])
def test_nothing_leaves_before_a_burst_is_judged_that_may_stop_or_slow_the_run(bench, monkeypatch, statuses):
    bursts = Bursts(*statuses)
    monkeypatch.setattr("engine_bench.Transport", lambda _options: bursts)
    started: list[int] = []

    def listen(event: Event) -> None:
        if (over := settled_in(event)) and over.exchanges:
            started.append(bursts.started)

    bench.run(2_000, concurrency=256, listen=listen, attempts=1)
    assert started[0] == bursts.first > 64


@pytest.mark.parametrize("kind", [FaultKind.PROTOCOL, FaultKind.TLS])
def test_a_retry_that_cannot_go_out_does_not_undo_a_send_that_may_have_been_received(bench, monkeypatch, kind):
    unanswered = Fault(FaultKind.RESET_AFTER_SEND, "reset", True, Timings())
    scripted = Scripted(unanswered, Fault(kind, "it cannot be sent", False, Timings()))
    monkeypatch.setattr("engine_bench.Transport", lambda _options: scripted)
    run = bench.run(1)
    assert run.outcomes == {UNKNOWN: 1}
    assert [(each.result, each.attempts) for each in run.exchanges] == [(unanswered, 1)]


@pytest.mark.parametrize("kind", sorted(set(FaultKind) - SILENT - {FaultKind.CANCELLED}))
def test_a_fault_that_says_nothing_of_the_partner_settles_its_row_at_once(bench, monkeypatch, kind):
    scripted = Scripted(Fault(kind, "it is about this request", False, Timings()))
    monkeypatch.setattr("engine_bench.Transport", lambda _options: scripted)
    run = bench.run(1, patience=0.5)
    assert [each.result.kind for each in run.exchanges] == [kind]


def test_an_interrupt_does_not_wait_for_a_handshake(bench):
    with socket.create_server(("127.0.0.1", 0)) as mute:
        bench.url = f"https://127.0.0.1:{mute.getsockname()[1]}"
        threading.Timer(0.3, lambda: bench.engine.stop()).start()
        started = time.monotonic()
        run = bench.run(5, concurrency=2)
    assert time.monotonic() - started < 0.3 + 0.5
    assert run.outcomes == {}
    assert {1, 2} <= {*run.withdrawn}


def test_a_live_row_is_sent_as_it_arrives(bench, partner):
    arrive = threading.Event()

    def live() -> Iterator[Transaction]:
        yield people(1)[0]
        arrive.wait(5)
        yield people(2)[1]

    woken: list[float] = []
    feed = LiveFeed(live(), lambda: woken.append(time.monotonic()))
    deadline = time.monotonic() + 5
    first: list[Transaction] = []
    while not first and time.monotonic() < deadline:
        first = feed.take(10)
    assert [each.row for each in first] == [1]
    assert feed.take(10) == []
    assert not feed.exhausted
    arrive.set()
    rest: list[Transaction] = []
    while not feed.exhausted and time.monotonic() < deadline:
        rest += feed.take(10)
    assert [each.row for each in rest] == [2]
    assert len(woken) == 3


def test_of_a_long_answer_only_the_beginning_stays_in_memory(bench, partner):
    partner.answer = lambda _heard: (200, {}, b"x" * 1_000_000)
    run = bench.run(20)
    assert {(len(each.result.body), each.result.size) for each in run.exchanges} == {(KEPT_BYTES, 1_000_000)}
    most = max(len(over.exchanges) for event in run.events if (over := settled_in(event)))
    assert most * KEPT_BYTES < 8_000_000


def test_of_a_long_answer_that_waits_for_another_attempt_less_stays_in_memory(bench, partner):
    partner.answer = lambda _heard: (500, {}, b"x" * 1_000_000)

    def listen(event: Event) -> None:
        if isinstance(event, Retrying):
            bench.engine.stop()

    run = bench.run(1, listen=listen, attempts=3)
    assert [(len(each.result.body), each.result.size) for each in run.exchanges] == [(WAITING_BYTES, 1_000_000)]
