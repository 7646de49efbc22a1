"""Shares of one budget: leases that are taken, renewed, given back, and end by themselves; counts of a run."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Event
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from journal_samples import begin, item, settled
from machines import PATIENCE, POSTGRES, database, needs_postgres
from sqlalchemy import Connection

from rokt_export.errors import ExitStatus, LeaseLostError
from rokt_export.exchange.model import OutcomeKind
from rokt_export.journal import Journal, RunState, leases
from rokt_export.journal.leases import LeaseReport, Leases, LeaseShare, LeaseTerms, release, renew, take

CONCURRENCY, RATE = 10, 100.0
WHOLE = LeaseTerms(CONCURRENCY, RATE)
CATCH_UP = 1.03
TARGET = b"t" * 16
HERE, ELSEWHERE = "https://example.com:443", "https://example.org:443"


class Clock:
    """The journal's clock, which a test sets."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self, _connection: Connection) -> float:
        return self.now


@pytest.fixture(scope="module", params=["file", pytest.param("server", marks=needs_postgres)])
def journal(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Journal]:
    """A journal in a file, or on a server."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ROKT_EXPORT_KEY", "5e" * 32)
        if request.param == "file":
            with Journal.open(tmp_path_factory.mktemp("leases") / "journal.sqlite") as opened:
                yield opened
        else:
            assert POSTGRES in os.environ
            with database() as url, Journal.open(url) as opened:
                yield opened


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(leases, "_clock", made)
    return made


@contextmanager
def undone(journal: Journal) -> Iterator[Connection]:
    """A transaction that leaves nothing behind."""
    with journal._store.writing.connect() as connection, connection.begin() as transaction:
        yield connection
        transaction.rollback()


@dataclass
class Sender:
    """A process that sends as much as it is granted, until its grant ends."""

    id: str
    run_no: int
    granted: LeaseShare | None = None
    asked: float = 0.0
    in_flight: int = 0

    def lives(self, now: float) -> bool:
        return self.granted is not None and now < self.asked + self.granted.lasts


@dataclass
class Partner:
    """All who send to one partner, as a test drives them."""

    connection: Connection
    clock: Clock
    terms: tuple[LeaseTerms, LeaseTerms]
    senders: list[Sender] = field(default_factory=list)
    parts: int = 0

    def join(self, run_no: int) -> Sender:
        self.parts += 1
        own = take(self.connection, run_no, TARGET, self.terms[run_no - 1], self.parts)
        assert own is not None
        self.senders.append(Sender(own, run_no))
        return self.senders[-1]

    def renew(self, sender: Sender, *, busy: int = CONCURRENCY, sent: int = 0) -> LeaseShare:
        """Renew a lease, with as many requests in flight as it was granted, or `busy` of them."""
        if not sender.lives(self.clock.now):
            sender.in_flight = 0
        sender.in_flight = min(sender.in_flight, busy)
        grant = renew(self.connection, sender.id, TARGET, LeaseReport(sender.in_flight, sent))
        assert grant is not None
        sender.granted, sender.asked = grant, self.clock.now
        sender.in_flight = max(sender.in_flight, min(grant.concurrency, busy))
        return grant

    def leave(self, sender: Sender) -> None:
        release(self.connection, sender.id)
        self.senders.remove(sender)

    @property
    def in_flight(self) -> int:
        return sum(each.in_flight for each in self.senders if each.lives(self.clock.now))

    @property
    def rate(self) -> float:
        return sum(each.granted.rate or 0.0 for each in self.senders if each.granted and each.lives(self.clock.now))


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("join"), st.integers(1, 2), st.just(0)),
        st.tuples(st.just("renew"), st.integers(0, 7), st.integers(0, CONCURRENCY)),
        st.tuples(st.just("leave"), st.integers(0, 7), st.just(0)),
        st.tuples(st.just("wait"), st.sampled_from([0.1, 0.3, 1.2]), st.just(0)),
    ),
    max_size=25,
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    steps=STEPS,
    other=st.sampled_from([WHOLE, LeaseTerms(3, 20.0), LeaseTerms(1, None)]),
    sent=st.sampled_from([0, 5, 1000]),
)
def test_shares_never_exceed_the_whole_in_any_order_of_events(journal, clock, steps, other, sent):
    with undone(journal) as connection:
        partner = Partner(connection, clock, (WHOLE, other))
        for what, which, busy in steps:
            sender = partner.senders[int(which) % len(partner.senders)] if partner.senders else None
            if what == "join":
                partner.join(which)
            elif what == "wait":
                clock.now += which
            elif sender is not None and what == "renew":
                partner.renew(sender, busy=busy, sent=sent)
            elif sender is not None:
                partner.leave(sender)
            assert partner.in_flight <= CONCURRENCY
            assert partner.rate <= RATE * CATCH_UP + 1e-6


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(joining=st.lists(st.integers(1, 2), min_size=1, max_size=7), leaving=st.integers(0, 6))
def test_once_all_have_renewed_they_have_the_whole_together(journal, clock, joining, leaving):
    with undone(journal) as connection:
        partner = Partner(connection, clock, (WHOLE, WHOLE))
        for run_no in joining:
            partner.renew(partner.join(run_no))
        for sender in partner.senders[1 : leaving + 1]:
            partner.leave(sender)
        for _ in range(3):
            clock.now += 0.25
            for sender in partner.senders:
                partner.renew(sender, sent=1000)
        assert partner.in_flight == CONCURRENCY
        assert partner.rate == pytest.approx(RATE)


def test_what_was_not_sent_is_made_up_for_by_three_percent_at_most(journal, clock):
    with undone(journal) as connection:
        partner = Partner(connection, clock, (WHOLE, WHOLE))
        senders = [partner.join(1), partner.join(1)]
        sent = 0.0
        owed = 0.0
        for step in range(60):
            clock.now += 0.25
            for sender in senders:
                grant = partner.renew(sender, sent=int(owed))
                sent += int(owed)
                owed -= int(owed)
                assert grant.rate is not None
                owed += 0.0 if step < 10 else grant.rate * 0.25  # nothing for 2.5 seconds
            assert partner.rate <= RATE * CATCH_UP + 1e-6
        assert RATE * 12 <= sent <= RATE * 12.5 * CATCH_UP
        assert partner.rate == pytest.approx(RATE, rel=0.031)


@pytest.mark.parametrize("journal", ["file"], indirect=True)
def test_a_rate_is_granted_within_a_percent_while_processes_join_leave_and_die(journal, clock):
    """Three processes; one joins after 5 s, one leaves after 8 s, and one dies after 11 s."""
    began, step = clock.now, 0.01
    sent = [0.0] * 30
    owed: dict[str, float] = {}
    due: dict[str, float] = {}
    with undone(journal) as connection:
        partner = Partner(connection, clock, (WHOLE, WHOLE))
        events = {500: partner.join, 800: partner.leave, 1100: partner.senders.remove}
        for _ in range(3):
            partner.join(1)
        for tick in range(3000):
            clock.now = began + tick * step
            if (event := events.get(tick)) is not None:
                event(1 if tick == 500 else partner.senders[0])
            for place, sender in enumerate(partner.senders):
                if clock.now >= due.setdefault(sender.id, clock.now + 0.08 * place):
                    grant = partner.renew(sender, sent=int(owed.get(sender.id, 0.0)))
                    owed[sender.id] = owed.get(sender.id, 0.0) % 1.0
                    due[sender.id] = clock.now + grant.again
            sent[tick // 100] += partner.rate * step
            for sender in partner.senders:
                if sender.granted is not None and sender.lives(clock.now):
                    owed[sender.id] = owed.get(sender.id, 0.0) + (sender.granted.rate or 0.0) * step
    assert sum(sent[5:25]) == pytest.approx(20 * RATE, rel=0.01)
    assert max(sent) <= 1.05 * RATE


def start(journal: Journal, address: str = HERE, terms: LeaseTerms = WHOLE) -> tuple[str, Leases]:
    """A run that has begun on a cluster, and its leases."""
    with begin(journal) as driver:  # its connection is another's next
        run = driver.run
    made = journal.leases(run, address, terms)
    made.begin({"left": 100, "brake": 0})
    return run, made


def settle(*pairs: tuple[Leases, str]) -> list[LeaseShare]:
    """Renew leases in turn until their shares no longer move; return these."""
    grants: list[LeaseShare] = []
    for _ in range(3):
        found = [each.renew(own, LeaseReport(sent=1000)) for each, own in pairs]
        grants = [grant for grant in found if grant is not None]
    assert len(grants) == len(pairs)
    return grants


def taken(own: Leases, part: int | None) -> str:
    found = own.take(part)
    assert found is not None
    return found


def test_two_runs_to_one_address_share_what_it_bears_and_others_do_not(journal, clock):
    runs = [start(journal)[1], start(journal)[1], start(journal, ELSEWHERE)[1]]
    held = [(each, taken(each, 1)) for each in runs]
    try:
        first, second, other = settle(*held)
        assert (first.rate, second.rate, other.rate) == pytest.approx((RATE / 2, RATE / 2, RATE))
        assert (first.concurrency, second.concurrency, other.concurrency) == (5, 5, 10)
        assert (first.runs, second.runs, other.runs) == (1, 1, 0)
    finally:
        for each in runs:
            each.end()


def test_the_share_of_a_process_that_died_comes_back_when_its_lease_ends(journal, clock):
    _, own = start(journal)
    dead, alive = taken(own, 1), taken(own, 2)
    assert [grant.concurrency for grant in settle((own, dead), (own, alive))] == [5, 5]
    again = own.renew(alive, LeaseReport(5))
    assert again is not None
    assert (again.concurrency, again.rate) == (5, RATE / 2)
    clock.now += again.lasts
    (grant,) = settle((own, alive))
    assert (grant.concurrency, grant.rate) == (10, RATE)
    own.end()


def test_a_part_is_not_taken_while_its_lease_lives(journal, clock):
    _, own = start(journal)
    first = taken(own, 1)
    assert own.take(1) is None
    taken(own, 2)
    grant = own.renew(first, LeaseReport())
    assert grant is not None
    clock.now += grant.lasts - 0.01
    assert own.take(1) is None
    clock.now += 0.02
    second = taken(own, 1)
    assert own.renew(first, LeaseReport(1)) is None
    assert own.renew(second, LeaseReport()) is not None
    own.release(second)
    taken(own, 1)
    own.end()


def test_only_one_process_drives_a_run_and_the_others_hear_when_it_is_gone(journal, clock):
    _, own = start(journal)
    driver, worker = taken(own, None), taken(own, 1)
    assert own.take(None) is None
    heard = own.renew(worker, LeaseReport())
    assert heard is not None
    assert heard.driven
    for _ in range(11):
        clock.now += 0.5
        own.renew(worker, LeaseReport())
    heard = own.renew(worker, LeaseReport())
    assert heard is not None
    assert not heard.driven
    taken(own, None)
    assert own.renew(driver, LeaseReport()) is None
    own.end()


def test_a_run_that_is_driven_anew_forgets_the_leases_and_counts_of_before(journal, clock):
    _, own = start(journal)
    before = taken(own, 1)
    own.put("brake", 2)
    own.begin({"left": 100, "brake": 0})
    assert own.renew(before, LeaseReport()) is None
    grant = own.renew(taken(own, 1), LeaseReport())
    assert grant is not None
    assert grant.numbers == {"left": 100, "brake": 0}
    own.end()


def test_a_run_that_is_taken_over_leaves_nothing_to_workers_of_before(journal, clock):
    """Neither to one that has a lease and rows to intend, nor to one that takes up work only now."""
    with begin(journal) as first:
        own = journal.leases(first.run, HERE, WHOLE)
        own.begin({"left": 100})
        held = own.take(2, driven=True)
        first.end(RunState.INTERRUPTED, 130)
    with journal.reopen(first.run) as writer, journal.attach(first.run, lease=held) as late:
        with pytest.raises(LeaseLostError):
            late.intend([item(1)])
        with pytest.raises(LeaseLostError, match="goes on elsewhere"):
            own.take(3, driven=True)
        taken(own, 3)  # as a run on one machine does
        writer.intend([item(1)])
        writer.end(RunState.FINISHED, 0)
    own.end()


def test_how_far_each_has_come_is_there_for_the_driver(journal, clock):
    _, own = start(journal)
    taken(own, None)
    worker = taken(own, 7)
    grant = own.renew(worker, LeaseReport(told={"tally": {"delivered": 3}}))
    assert grant is not None
    (held,) = own.held()
    assert (held.id, held.part, held.alive, held.told) == (worker, 7, True, {"tally": {"delivered": 3}})
    clock.now += grant.lasts
    assert not own.held()[0].alive
    own.end()


def test_nothing_is_intended_by_a_lease_that_another_has(journal, clock):
    run, own = start(journal)
    lost = taken(own, 1)
    writer = journal.attach(run, lease=lost)
    writer.intend([item(1), item(2)])
    clock.now += 60.0
    taken(own, 1)
    with pytest.raises(LeaseLostError, match="another worker") as raised:
        writer.intend([item(3)])
    assert raised.value.exit_status is ExitStatus.JOURNAL
    assert {one.row: one.outcome for one in journal.deliveries(run)} == {
        1: OutcomeKind.UNKNOWN,
        2: OutcomeKind.UNKNOWN,
    }
    writer.settle([settled(1)])  # what was sent before counts
    assert next(journal.deliveries(run)).outcome is OutcomeKind.DELIVERED
    writer.forget_intent([2])  # the other has passed it over, so nobody sends it: it stays listed
    assert [one.outcome for one in journal.deliveries(run)] == [OutcomeKind.DELIVERED, OutcomeKind.UNKNOWN]
    writer.close()
    own.end()


def test_what_comes_after_the_end_of_a_run_counts_in_its_record_too(journal, clock):
    run, own = start(journal)
    taken(own, None)
    with journal.attach(run, lease=taken(own, 1)) as stopped:
        stopped.intend([item(1), item(2)])
        with journal.attach(run) as driver:
            driver.end(RunState.INTERRUPTED, 6)
        assert own.held() == []
        assert journal.find(run).counts == {"unknown": 2}
        stopped.settle([settled(1)])
        assert journal.find(run).counts == {"delivered": 1, "unknown": 1}
        stopped._heard -= 60.0  # a heartbeat is due
        stopped.heartbeat()
        stopped._heard -= 60.0
        with pytest.raises(LeaseLostError, match="another worker"):
            stopped.heartbeat(idle=True)  # its lease may have no thread that renews it any more
    assert [found.faults for found in journal.verify(run)] == [[]]


@needs_postgres
def test_a_run_that_ends_waits_for_what_a_worker_writes(monkeypatch):
    """Either the worker is first, and is counted, or the end of the run, and the worker counts."""
    monkeypatch.setenv("ROKT_EXPORT_KEY", "5e" * 32)
    with database() as url, Journal.open(url) as here, Journal.open(url) as there:
        run, own = start(here)
        stopped = there.attach(run, lease=taken(own, 1))
        stopped.intend([item(1), item(2)])
        write, written = stopped._bulk.results, Event()

        def slowly(*arguments: Any) -> None:
            write(*arguments)
            written.set()
            time.sleep(0.3)

        monkeypatch.setattr(stopped._bulk, "results", slowly)
        with ThreadPoolExecutor() as threads:
            settling = threads.submit(stopped.settle, [settled(1)])
            assert written.wait(PATIENCE)
            here.attach(run).end(RunState.INTERRUPTED, 6)
            settling.result()
        assert here.find(run).counts == {"delivered": 1, "unknown": 1}


def test_rows_that_were_passed_over_stay_listed_though_it_shows_later_that_they_never_left(journal, clock):
    run, own = start(journal)
    stopped = journal.attach(run, lease=taken(own, 1), rows=range(1, 3))
    stopped.count_departures()
    stopped.intend([item(1), item(2)])
    clock.now += 60.0
    with journal.attach(run, lease=taken(own, 1), rows=range(1, 3)) as other:
        assert list(other.unsettled_rows()) == [1, 2]
    stopped.close()  # its process is gone: nothing had left
    assert [one.outcome for one in journal.deliveries(run)] == [OutcomeKind.UNKNOWN, OutcomeKind.UNKNOWN]
    own.end()


def test_a_row_that_never_left_is_withdrawn_while_its_lease_is_held(journal, clock):
    run, own = start(journal)
    with journal.attach(run, lease=taken(own, 1)) as writer:
        writer.intend([item(1), item(2)])
        writer.forget_intent([2])
    assert [one.row for one in journal.deliveries(run)] == [1]
    own.end()


def at_once(act: Callable[[int], int]) -> list[int]:
    with ThreadPoolExecutor(4) as pool:
        return list(pool.map(act, range(20)))


def test_a_count_that_is_drawn_from_never_goes_below_zero(journal):
    _, own = start(journal)
    drawn = at_once(lambda number: own.draw("left", 3 + number % 7))
    assert sum(drawn) == 100
    assert min(drawn) >= 0
    assert own.draw("left", 1) == 0
    own.end()


def test_a_count_is_swapped_by_one_process_only(journal):
    _, own = start(journal)
    assert sum(at_once(lambda number: own.swap("brake", 0, number + 1))) == 1
    own.end()


def test_what_processes_add_and_set_is_there_for_all(journal, clock):
    _, own = start(journal)
    first, second = taken(own, 1), taken(own, 2)
    own.renew(first, LeaseReport(adds={"brake": 2}))
    grant = own.renew(second, LeaseReport(puts={"left": 5}, adds={"left": 1, "brake": 3}))
    assert grant is not None
    assert grant.numbers == {"left": 6, "brake": 5}
    own.end()
