"""Several workers: started by fork or anew, killed, interrupted while they start; sharing what is one for all."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from commands.conftest import Partner, ok, serve, spec_text

from rokt_export.delivery import shared_counts, workers
from rokt_export.delivery.events import Settled, StopReason
from rokt_export.delivery.plan import FileRows, Pace, Plan, Selection
from rokt_export.delivery.run_counts import Tally
from rokt_export.delivery.shared_counts import SharedMark
from rokt_export.delivery.stop_rules import StopRules
from rokt_export.delivery.worker import StopRequest
from rokt_export.delivery.workers import run_plan
from rokt_export.errors import JournalError, WorkerError
from rokt_export.journal import Journal
from rokt_export.partner_spec.loading import load_spec

AT_ONCE = StopRules(setup=False)
"""All workers send at once: none waits for the first row of another."""
BOTH = pytest.mark.parametrize("method", ["fork", "spawn"])


class Deaf:
    """A watch that keeps the last counts it was told."""

    def __init__(self) -> None:
        self.tallies: dict[int, Tally] = {}

    def tell(self, partition: int, tally: Tally, in_flight: int, messages: tuple[str, ...], waiting: str = "") -> None:
        self.tallies[partition] = tally

    def settled(self, event: Settled) -> None:
        pass


class Bench:
    def __init__(self, folder: Path, partner: Partner, rows: int) -> None:
        self.partner = partner
        self.path = folder / "journal.sqlite"
        spec_file = folder / "acme.yaml"
        spec_file.write_text(spec_text(partner.url))
        events = folder / "rows.csv"
        events.write_text("email\n" + "".join(f"jane.doe.{row}@example.com\n" for row in range(1, rows + 1)))
        self.loaded = load_spec(spec_file)
        self.plan = Plan(
            spec=self.loaded.spec,
            environment="staging",
            variables={},
            rows=FileRows((str(events),)),
            pace=Pace(concurrency=4),
            journal=str(self.path),
            redaction_key=b"k" * 16,
            partitions=2,
        )
        with Journal.open(self.path) as journal:
            self.run = journal.begin(
                command="replay", partner="acme", environment="staging", spec_file="acme.yaml", spec_sha256="0" * 64
            ).run
        self.rows = rows
        self.watch = Deaf()
        self.brake = StopRequest()

    def go_to_production(self) -> None:
        with Journal.open(self.path) as journal:
            self.run = journal.begin(
                command="replay", partner="acme", environment="production", spec_file="acme.yaml",
                spec_sha256="0" * 64, production=True,
            ).run  # fmt: skip

    def wait_for_all_workers(self) -> None:
        """Answer nobody before as many requests are here as only all workers together have in flight."""

        def answer(heard):
            until = time.monotonic() + 10.0
            while len(self.partner.heard) < self.plan.pace.concurrency and time.monotonic() < until:
                time.sleep(0.01)
            return ok(heard)

        self.partner.answer = answer

    def deliver(self):
        return run_plan(self.plan, self.run, self.watch, self.brake)

    @property
    def counts(self) -> dict[str, int]:
        with Journal.open(self.path) as journal:
            return journal.find(self.run).counts

    @property
    def most_often(self) -> int:
        return max(Counter(heard.body for heard in self.partner.heard).values())


@pytest.fixture
def bench(tmp_path, request, started_by):
    started_by("fork")  # as a run on Linux does, which has no partner among its own threads
    partner = Partner()
    server = serve(partner)
    yield Bench(tmp_path, partner, getattr(request, "param", 200))
    server.shutdown()
    server.server_close()


@pytest.fixture
def started_by(monkeypatch):
    def choose(method: str) -> None:
        monkeypatch.setattr(workers, "_context", lambda: multiprocessing.get_context(method))

    return choose


@BOTH
def test_workers_share_the_rows_and_their_counts_are_one(bench, started_by, method):
    started_by(method)
    result = bench.deliver()
    assert result.finished.reason is StopReason.COMPLETE
    assert result.tally.outcomes == {"delivered": 200}
    assert bench.counts == {"delivered": 200}
    assert bench.most_often == 1
    assert sum(tally.rows for tally in bench.watch.tallies.values()) == 200


@pytest.mark.parametrize("bench", [2000], indirect=True)
def test_the_first_200_of_a_run_are_kept_whole_however_many_workers(bench):
    bench.deliver()
    with Journal.open(bench.path) as journal:
        kept = [row for row, _ in journal.recordings(bench.run)]
    assert len(kept) == 200
    assert max(kept) < 1000  # how far one worker is ahead of the other is for the system to say


@pytest.mark.parametrize("total", [None, 400])
@pytest.mark.parametrize("bench", [400], indirect=True)
def test_who_is_quicker_does_more_so_that_all_end_together(bench, total):
    bench.partner.delay = 0.04
    pace = Pace(concurrency=5, stop=AT_ONCE)  # 2, 2 and 1 in flight
    bench.plan = replace(bench.plan, pace=pace, partitions=3, total=total)
    bench.wait_for_all_workers()
    bench.deliver()
    assert bench.counts == {"delivered": 400}
    assert bench.most_often == 1
    tallies = bench.watch.tallies
    first, second, third = (tallies[worker].rows for worker in range(3))
    assert 1.5 * third < min(first, second)
    ends = [tallies[worker].figures.last_sent for worker in range(3)]
    assert max(ends) - min(ends) < (1.0 if total is None else 0.4)


CLUSTER = Selection(only=((121, 160),))


@pytest.mark.parametrize("production", [False, True])
@pytest.mark.parametrize(
    ("bench", "workers", "pace", "selection", "least"),
    [
        (6, 2, Pace(concurrency=2), Selection(), 2),
        (10, 2, Pace(concurrency=10), Selection(), 5),
        (64, 2, Pace(concurrency=64), Selection(), 32),
        (40, 2, Pace(concurrency=10), Selection(), 15),
        (40, 5, Pace(concurrency=10), Selection(), 6),
        (40, 2, Pace(concurrency=10, rate=40.0), Selection(), 17),
        (300, 2, Pace(concurrency=32), Selection(), 130),
        (600, 2, Pace(concurrency=10), CLUSTER, 15),
        (600, 2, Pace(concurrency=10, rate=40.0), CLUSTER, 15),
    ],
    indirect=["bench"],
)
def test_no_worker_has_many_left_while_another_has_none(bench, workers, pace, selection, least, production):
    bench.partner.delay = 0.15 if pace.rate is None else 0.05
    total = bench.rows
    pace = replace(pace, stop=AT_ONCE)
    bench.plan = replace(bench.plan, pace=pace, partitions=workers, total=total, selection=selection)
    if production:
        bench.go_to_production()

    bench.wait_for_all_workers()
    bench.deliver()
    sent = [bench.watch.tallies[worker].rows for worker in range(workers)]
    assert sum(sent) == (40 if selection.only else total)
    assert bench.most_often == 1
    assert min(sent) >= least, sent


def test_a_process_with_threads_does_not_fork():
    ended = threading.Event()
    thread = threading.Thread(target=ended.wait)
    thread.start()
    try:
        assert workers._context().get_start_method() == "spawn"
    finally:
        ended.set()
        thread.join()


@BOTH
def test_an_error_in_one_worker_stops_the_others_and_is_the_one_told(bench, started_by, method):
    started_by(method)
    bench.partner.delay = 0.05

    def damage() -> None:
        while len(bench.partner.heard) < 20:
            time.sleep(0.01)
        with Journal.open(bench.path) as journal, journal._writing() as connection:
            connection.exec_driver_sql("UPDATE run SET owner = 'another', pid = 1")

    thread = threading.Thread(target=damage)
    context = multiprocessing.get_context(method)
    assert context is not None
    thread.start()
    with pytest.raises(JournalError, match="taken over by process 1"):
        bench.deliver()
    thread.join()
    assert len(bench.partner.heard) < 120
    assert bench.most_often == 1


def kill_a_worker(bench: Bench, after: int) -> threading.Thread:
    """Kill one of the workers as soon as so many requests have come."""

    def kill() -> None:
        while len(bench.partner.heard) < after:
            time.sleep(0.01)
        worker = multiprocessing.active_children()[0]
        assert worker.pid is not None
        os.kill(worker.pid, signal.SIGKILL)

    thread = threading.Thread(target=kill, daemon=True)
    thread.start()
    return thread


@pytest.mark.parametrize("bench", [1000], indirect=True)
@pytest.mark.parametrize("production", [False, True], ids=["staging", "production"])
def test_the_rows_of_a_worker_that_is_killed_go_to_the_others(bench, production):
    if production:
        bench.go_to_production()
    bench.partner.delay = 0.01
    killer = kill_a_worker(bench, 40)
    result = bench.deliver()
    killer.join()
    assert result.finished.reason is StopReason.COMPLETE and result.deaths == 1
    assert any("a worker process died (signal 9)" in note for note in result.tally.notes)
    assert bench.most_often == 1
    counts = bench.counts
    unknown = counts.pop("unknown", 0)
    assert unknown <= 8  # two in flight, and some that were answered a moment ago
    assert counts == {"delivered": 1000 - unknown}
    assert len(bench.partner.heard) <= 1000


def test_workers_that_die_again_and_again_end_the_run(bench, monkeypatch):
    monkeypatch.setattr(workers._Worker, "run", lambda *_: os.kill(os.getpid(), signal.SIGKILL))
    with pytest.raises(WorkerError, match="died in each of 3 turns") as caught:
        bench.deliver()
    assert caught.value.exit_status == 6
    assert bench.counts == {}


@pytest.mark.parametrize("level", [0, 2], ids=["alone", "a second Ctrl-C"])
def test_a_worker_killed_with_a_lock_in_its_hand_does_not_hang_the_run(bench, tmp_path, monkeypatch, level):
    held = tmp_path / "held"
    claim = SharedMark.claim

    def linger(self, row, size):
        if held.exists():
            return claim(self, row, size)
        with self._lock:
            held.write_text(str(os.getpid()))
            time.sleep(60)
        raise AssertionError("it is killed")

    def kill() -> None:
        while not held.exists() or not held.read_text():
            time.sleep(0.01)
        time.sleep(0.2)
        os.kill(int(held.read_text()), signal.SIGKILL)
        bench.brake.press(level)

    monkeypatch.setattr(SharedMark, "claim", linger)
    monkeypatch.setattr(shared_counts, "_HELD", 0.5)
    threading.Thread(target=kill, daemon=True).start()
    started = time.monotonic()
    result = bench.deliver()
    assert time.monotonic() - started < 10.0
    assert result.deaths == 1
    if level == 0:
        assert bench.counts == {"delivered": bench.rows}


@pytest.mark.parametrize("bench", [2000], indirect=True)
@BOTH
def test_a_brake_that_is_pressed_stops_all(bench, started_by, method):
    started_by(method)
    bench.partner.delay = 0.02

    def press() -> None:
        while len(bench.partner.heard) < 40:
            time.sleep(0.01)
        bench.brake.press(1)

    thread = threading.Thread(target=press)
    thread.start()
    result = bench.deliver()
    thread.join()
    assert result.finished.reason is StopReason.INTERRUPTED
    assert bench.counts == {"delivered": len(bench.partner.heard)}
    assert len(bench.partner.heard) < 400


# --- what is one for all


def _cores_of(index: int, workers_: int) -> set[int]:
    workers._keep_to_a_core(index, workers_)
    return os.sched_getaffinity(0)


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="cores are not chosen here")
def test_as_many_workers_as_cores_keep_to_one_each_and_fewer_to_none():
    cores = os.sched_getaffinity(0)

    def kept(count: int) -> list[set[int]]:
        with multiprocessing.Pool(1, maxtasksperchild=1) as pool:
            return [pool.apply(_cores_of, (index, count)) for index in range(count)]

    assert sorted(core for each in kept(len(cores)) for core in each) == sorted(cores)
    assert all(len(each) == 1 for each in kept(len(cores) + 1))
    assert all(each == cores for each in kept(len(cores) - 1))
    assert os.sched_getaffinity(0) == cores
