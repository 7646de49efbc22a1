"""What the process that drives a run on a cluster makes of what it hears; `tests/cluster` has real workers."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import SimpleNamespace as Namespace
from typing import Any, cast

from rokt_export.delivery.cluster_run import _Run
from rokt_export.delivery.cluster_task import WorkerResult
from rokt_export.delivery.events import Finished, StopReason
from rokt_export.delivery.run_counts import Tally
from rokt_export.delivery.worker import Result, StopRequest
from rokt_export.exchange.delivery import LeftOut
from rokt_export.transactions.partitions import Partition


@dataclass
class Heard:
    """A watch that keeps what it is told."""

    tallies: dict[int, Tally] = field(default_factory=dict)
    messages: list[str] = field(default_factory=list)
    waiting: str = ""

    def tell(self, partition: int, tally: Tally, _in_flight: int, messages: tuple[str, ...], waiting: str = "") -> None:
        self.tallies[partition] = tally
        self.messages.extend(messages)
        self.waiting = waiting


def driver(watch: Heard, cluster: object = None, plan: object = None, **known: Any) -> _Run:
    found, planned, watching, nothing = cast("tuple[Any, ...]", (cluster, plan, watch, None))
    return _Run(found, planned, "run", watching, StopRequest(), nothing, **known)


@dataclass
class Workers:
    """A cluster of which a test says what its workers have, and when they were last seen."""

    has: dict[str, list[str]]
    seen: dict[str, float]
    address: str = "tcp://10.0.0.5:8786"

    @property
    def workers(self) -> list[str]:
        return list(self.has)

    def tasks(self) -> dict[str, list[str]]:
        return self.has

    def last_seen(self) -> dict[str, float]:
        return self.seen


class Given:
    """A part that was given to a worker."""

    def __init__(self, key: str) -> None:
        self.key = key
        self.released = False

    def release(self) -> None:
        self.released = True


def given(*numbers: int) -> dict[int, Any]:
    return {number: (Given(f"task-{number}"), part(number)) for number in numbers}


def part(number: int) -> Partition:
    return cast("Any", type("Part", (), {"number": number})())


def test_rows_that_a_killed_worker_settled_are_not_done_before_the_run():
    watch = Heard()
    run = driver(watch, holders={1: "of the killed worker"})
    run.attempts[1] = 1  # Dask itself has given the part to another worker
    tally = Tally()
    tally.left_out[LeftOut.DONE_BEFORE] = 456
    run._done(part(1), WorkerResult(Result(tally, Finished(StopReason.COMPLETE)), "of the other"))
    assert watch.tallies[0].skipped == 0


def watched(run: _Run, *times: float) -> None:
    for now in times:
        run._watch_beginnings(now)


def test_one_busy_worker_is_waited_for_and_another_takes_its_part_once_it_is_there():
    watch, cluster = Heard(), Workers({"tcp://a": ["task-1", "of another run"]}, {"tcp://a": 1.0})
    run = driver(watch, cluster, given=given(1))
    run.attempts[1] = 1
    watched(run, 100.0)
    cluster.seen["tcp://a"] = 2.0
    watched(run, 110.0, 116.0, 118.0)
    assert watch.messages == [
        "worker tcp://a is busy or cut off from the journal: part 1, which it has not begun, waits for it"
    ]
    assert list(run.given) == [1]
    run._say()
    assert watch.waiting == "waiting for worker tcp://a, which is busy"
    cluster.has["tcp://b"] = []
    watched(run, 120.0)
    assert run.given == {}
    assert [each.number for each in run.waiting] == [1]
    assert run._free() == ["tcp://b"]
    assert not run._is_again(1)  # what is passed over in it was done before
    watched(run, 200.0)
    assert run._free() == ["tcp://a", "tcp://b"]


def test_a_part_behind_another_that_its_worker_has_begun_stays_there():
    watch = Heard()
    cluster = Workers({"tcp://a": ["task-1", "task-2"], "tcp://b": []}, {"tcp://a": 1.0})
    run = driver(watch, cluster, given=given(1, 2), begun={1})
    watched(run, 100.0, 200.0, 300.0)
    assert (watch.messages, list(run.given)) == ([], [1, 2])


def test_a_worker_that_was_stopped_before_it_began_counts_as_none_until_it_is_heard_of():
    watch, cluster = Heard(), Workers({"tcp://a": ["task-1"]}, {"tcp://a": 1.0})
    run = driver(watch, cluster, Namespace(pace=Namespace(patience=60.0)), given=given(1))
    watched(run, 100.0, 116.0)
    assert watch.messages == ["worker tcp://a does not answer: part 1, which it has not begun, goes to another"]
    cluster.has["tcp://a"] = []
    run._count_workers(116.0)
    assert watch.messages[1:] == ["the cluster has no worker that answers: waiting for one, for 60 s at most"]
    assert watch.waiting == "waiting for a worker"
    cluster.seen["tcp://a"] = 2.0
    watched(run, 118.0)
    run._count_workers(118.0)
    run._say()
    assert (run.workers, watch.waiting) == (1, "")


def test_a_run_that_is_stopped_waits_a_second_for_what_was_not_begun():
    watch, cluster = Heard(), Workers({"tcp://a": ["task-1"]}, {"tcp://a": 1.0})
    run = driver(watch, cluster, given=given(1))
    watched(run, 100.0)
    cluster.seen["tcp://a"] = 2.0
    run.brake.press(1)
    watched(run, 104.0)
    assert run.given == {}
