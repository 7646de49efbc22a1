"""Long proofs of `replay --cluster`: what dies amid 100,000 rows, a rate while workers come and go, what it costs."""

from __future__ import annotations

import bisect
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from commands.conftest import CommandLine
from commands.started import Started
from counting_partner import CountingPartner
from machines import Machines, PostgresServer, go_on, needs_postgres, stop

from cluster.conftest import VARIABLES
from rokt_export.exchange.model import OutcomeKind
from rokt_export.journal import Journal

pytestmark = [needs_postgres, pytest.mark.soak]
ROWS = 100_000
PATIENCE = 900.0
IN_FLIGHT = 96
UNJOURNALED = 64
"""Rows that a worker may have sent and a killed one has not said so of; see the ledger's departures."""
DELIVERED, UNKNOWN = OutcomeKind.DELIVERED, OutcomeKind.UNKNOWN
SPEC = """\
spec_version: 1
partner: acme
endpoint: {{staging: "{url}/leads"}}
method: POST
authentication: none
encoding: json
parameters:
  - {{name: transaction, attribute: transactionid, required: true}}
  - {{name: email, attribute: email}}
responses:
  - {{outcome: delivered, status: 2xx}}
limits: {{concurrency: 600, timeout: 20s, connect_timeout: 5s}}
"""


def name_of(row: int) -> str:
    return f"tx{row:06d}"


@dataclass
class Bench:
    """A partner that counts, a scheduler, and a journal on a server of their own."""

    cli: CommandLine
    partner: CountingPartner
    machines: Machines
    database: PostgresServer

    def write(self, rows: int, padding: int = 40) -> None:
        with (self.cli.folder / "rows.csv").open("w", encoding="utf-8") as file:
            file.write("transactionid,email,notes\n")
            file.writelines(
                f"{name_of(row)},jane.doe.{row}@example.com,{'x' * padding}\n" for row in range(1, rows + 1)
            )
        self.cli.write("acme.yaml", SPEC.format(url=self.partner.url))

    def start(self, *arguments: object) -> Started:
        return self.cli.start("replay", "acme.yaml", *arguments, "--cluster", self.machines.address, "--quiet")

    def reach(self, count: int, running: Started) -> None:
        """Wait until the partner has received so many; the run must not end before."""
        assert self.partner.wait_for(count, running, PATIENCE), running.communicate(timeout=10)

    def finish(self, running: Started, *statuses: int) -> str:
        _, errors = running.communicate(timeout=PATIENCE)
        assert running.returncode in statuses, errors
        return str(errors)

    def outcomes(self) -> dict[str, OutcomeKind]:
        with Journal.open(self.database.url) as journal:
            return {one.transaction: one.outcome for one in journal.deliveries(journal.find("last").run)}

    def judge(self, rows: int) -> set[str]:
        """Check that no row is lost, that none was sent again, and that uncertain ones are listed; return these."""
        outcomes, received = self.outcomes(), self.partner.received()
        assert outcomes.keys() == {name_of(row) for row in range(1, rows + 1)}
        assert received.keys() <= outcomes.keys()
        unknown = {name for name, outcome in outcomes.items() if outcome is UNKNOWN}
        assert set(outcomes.values()) <= {DELIVERED, UNKNOWN}
        assert outcomes.keys() - unknown <= received.keys()
        assert [name for name, times in received.items() if times > 1] == []
        return unknown


@pytest.fixture
def bench(
    cli: CommandLine, s3: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Iterator[Bench]:
    database = PostgresServer()
    for name, value in {**VARIABLES, "ROKT_EXPORT_JOURNAL": database.url}.items():
        monkeypatch.setenv(name, value)
    (tmp_path / "machines").mkdir()
    machines = Machines(tmp_path / "machines", {**VARIABLES, "DASK_DISTRIBUTED__SCHEDULER__WORKER_TTL": "20s"})
    partner = CountingPartner(tmp_path / "received", getattr(request, "param", 0.02))
    try:
        yield Bench(cli, partner, machines, database)
    finally:
        machines.close()
        partner.kill()
        database.close()


@pytest.mark.parametrize("what", ["worker", "stopped worker", "driver", "scheduler", "database"])
def test_whatever_dies_amid_100_000_rows_nothing_is_lost_or_repeated(bench, what):
    bench.write(ROWS)
    bench.machines.ready(3)
    running = bench.start("rows.csv", "--concurrency", IN_FLIGHT)
    bench.reach(ROWS // 4, running)
    statuses, in_doubt = {0, 1}, IN_FLIGHT + 3 * UNJOURNALED
    match what:
        case "worker":
            bench.machines.workers[0].kill()
            bench.machines.worker()
        case "stopped worker":
            stop(bench.machines.workers[0])
            time.sleep(40.0)  # the scheduler gives it up after 20 s
            go_on(bench.machines.workers[0])
        case "driver":
            running.kill()
            statuses = {-signal.SIGKILL}
        case "scheduler":
            assert bench.machines.scheduler is not None
            bench.machines.scheduler.kill()
            statuses = {6}
        case "database":
            bench.database.kill()
            time.sleep(3.0)
            bench.database.start()
            in_doubt = 0
    bench.finish(running, *statuses)
    if not statuses & {0, 1}:
        bench.machines.ready(3)
        bench.finish(bench.start("--resume", "last"), 0, 1)
    time.sleep(3.0)
    assert len(bench.judge(ROWS)) <= in_doubt


def most_in_a_second(times: list[float]) -> int:
    """Return how many there are at most within any second."""
    return max(bisect.bisect_left(times, first + 1.0) - place for place, first in enumerate(times))


@pytest.mark.parametrize("bench", [0.0], indirect=True)
def test_a_rate_holds_while_workers_join_and_leave(bench):
    rate, rows = 400, 16_000
    bench.write(rows, 400)  # 7 partitions of 15 s or so
    bench.machines.ready(3)
    running = bench.start("rows.csv", "--rate", f"{rate}/s", "--concurrency", 64)
    bench.reach(2 * rate, running)
    began = bench.partner.times()[-1]
    bench.machines.worker()
    for signal_number in (signal.SIGTERM, signal.SIGKILL):  # the second costs its share for as long as its lease lasts
        time.sleep(3.0)
        bench.machines.workers.pop(0).send_signal(signal_number)
    bench.finish(running, 0, 1)
    times = bench.partner.times()
    amid = [each for each in times if began <= each < began + 20.0]
    assert len(amid) == pytest.approx(20 * rate, rel=0.01)
    assert most_in_a_second(times) <= 1.05 * rate
    bench.judge(rows)


@pytest.mark.parametrize("each", [64, 256])
@pytest.mark.parametrize("bench", [0.05], indirect=True)
def test_two_workers_send_nearly_twice_as_much_to_a_partner_that_takes_50_ms(bench, each):
    seconds = []
    for workers in (1, 2):
        rows = 400 * workers * each
        bench.write(rows)
        bench.machines.ready(workers)
        before = bench.partner.count
        bench.finish(bench.start("rows.csv", "--concurrency", workers * each), 0)
        times = bench.partner.times()[before:]
        seconds.append((times[-1] - times[0]) / rows)
    assert seconds[0] / seconds[1] >= 1.8


def memory_of(pid: int) -> int:
    """Return the most bytes that a process has had in memory."""
    (line,) = (line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) << 10


@pytest.mark.parametrize("bench", [0.0], indirect=True)
@pytest.mark.parametrize(
    ("where", "rows", "most"),
    [("disk", 200_000, 140_000_000), ("disk", 2_000_000, 150_000_000), ("s3", 20_000, 195_000_000)],
)
def test_the_memory_of_a_worker_does_not_grow_with_the_file(bench, s3, where, rows, most):
    bench.write(rows, 2_500)
    source: object = "rows.csv"
    if where == "s3":  # the libraries for it take 35 MB; moto takes a second for 4 MB
        s3.put_object(Bucket="rows", Key="large/rows.csv", Body=(bench.cli.folder / "rows.csv").read_bytes())
        source = "s3://rows/large/rows.csv"
    bench.machines.ready(2)
    bench.finish(bench.start(source, "--concurrency", 128), 0)
    assert max(memory_of(worker.pid) for worker in bench.machines.workers) < most
