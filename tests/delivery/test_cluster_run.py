"""What the process that drives a run on a cluster makes of what it hears; `tests/cluster` has real workers."""

from __future__ import annotations

from dataclasses import dataclass, field
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


def driver(watch: Heard, cluster: object = None, **known: Any) -> _Run:
    nothing = cast("Any", None)
    return _Run(
        cast("Any", cluster), known.pop("plan", nothing), "run", cast("Any", watch), StopRequest(), nothing, **known
    )


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
