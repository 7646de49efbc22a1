"""A replay that is killed, stopped, starved of disk, or left by its partner: the partner's own count is the judge."""

from __future__ import annotations

import contextlib
import os
import random
import resource
import signal
import sqlite3
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from commands.started import Started
from counting_partner import CountingPartner

from rokt_export.exchange.model import OutcomeKind
from rokt_export.journal import Journal, RowSet

ROOT = Path(__file__).parents[2]
ROWS = 10_000
IN_FLIGHT = 64
BATCH = 500
UNJOURNALED = 64
PATIENCE = 90.0

SPEC = """\
spec_version: 1
partner: acme
endpoint:
  staging: {url}/test/leads
  production: {url}/leads
method: POST
authentication: none
encoding: json
parameters:
  - {{name: transaction, attribute: transactionid, required: true}}
  - {{name: email, attribute: email}}
responses:
  - {{outcome: delivered, status: 2xx, body: {{$.status: ok}}}}
  - {{outcome: failed, status: 5xx}}
limits: {{concurrency: 64, timeout: 10s, connect_timeout: 2s}}
"""


BATCHED = (
    SPEC.replace("name: transaction,", 'name: "leads[].transaction",')
    .replace("name: email,", 'name: "leads[].email",')
    .replace("concurrency: 64", "batch: 500, concurrency: 4")
)
"""As many rows in a request as `BATCH`, and `AT_ONCE` requests at once."""
AT_ONCE = 4


def name_of(row: int) -> str:
    return f"tx{row:06d}"


@dataclass
class Bench:
    """One run over one file against one partner, driven through the real command line."""

    folder: Path
    partner: CountingPartner
    rows: int
    workers: int = 1
    environment: str = "staging"
    spec: str = SPEC
    started: list[subprocess.Popen[str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        lines = (f"{name_of(row)},jane.doe.{row}@example.com\n" for row in range(1, self.rows + 1))
        (self.folder / "rows.csv").write_text("transactionid,email\n" + "".join(lines))
        (self.folder / "acme.yaml").write_text(self.spec.format(url=self.partner.url))

    @property
    def at_once(self) -> int:
        """Requests that may be in flight."""
        return AT_ONCE if self.spec is BATCHED else IN_FLIGHT

    @property
    def in_doubt(self) -> int:
        """Rows that a kill may leave unknown: those in flight, and answered ones that are not in the journal yet."""
        return BATCH * AT_ONCE if self.spec is BATCHED else self.workers * (IN_FLIGHT + UNJOURNALED)

    def start(self, *arguments: object, resume: bool = False, **more: Any) -> subprocess.Popen[str]:
        what: list[object] = ["--resume", "crashed"] if resume else ["rows.csv", "--name", "crashed"]
        if self.environment == "production":
            what += ["-e", "production", "--confirm", "acme", "--concurrency", self.at_once]
        return self.run("replay", "acme.yaml", *what, "--workers", self.workers, *arguments, **more)

    def run(self, *arguments: object, **more: Any) -> subprocess.Popen[str]:
        kept = {name: value for name, value in os.environ.items() if "proxy" not in name.lower()}
        state = {"ROKT_EXPORT_JOURNAL": str(self.folder / "journal.sqlite"), "PYTHONPATH": str(ROOT)}
        line = [*map(str, arguments), "--output", "ndjson"]
        options = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE, "start_new_session": True} | more
        process = Started.of(line, str(self.folder), {**kept, **state}, {}, **options)
        self.started.append(process)
        return process

    def kill(self, process: subprocess.Popen[str]) -> None:
        process.kill()
        process.communicate(timeout=10)

    def finish(self, process: subprocess.Popen[str], *statuses: int) -> str:
        _, errors = process.communicate(timeout=PATIENCE)
        assert process.returncode in statuses, errors
        return errors

    def outcomes(self) -> dict[str, OutcomeKind]:
        """Transaction to outcome, as the journal has them; empty where the run was not begun."""
        with Journal.open(self.folder / "journal.sqlite") as journal:
            if not journal.runs():
                return {}
            return {one.transaction: one.outcome for one in journal.deliveries("crashed")}

    def has_begun(self) -> bool:
        """Whether the journal has the run, which may have been killed before its first row."""
        with Journal.open(self.folder / "journal.sqlite") as journal:
            return bool(journal.runs())

    def state(self) -> str:
        with Journal.open(self.folder / "journal.sqlite") as journal:
            return str(journal.find("crashed").state)

    def run_id(self) -> str:
        with Journal.open(self.folder / "journal.sqlite") as journal:
            return journal.find("crashed").run

    def settled(self) -> str:
        """Which rows are settled, whichever worker sent them, as errors tell it."""
        rows = {int(name[2:]) for name, outcome in self.outcomes().items() if outcome is not OutcomeKind.UNKNOWN}
        return RowSet(rows).counted()

    def judge(self) -> set[str]:
        """Check what must hold at any moment: nothing twice, what was received is known; return what is unknown."""
        received, outcomes = self.partner.received(), self.outcomes()
        assert twice(received) == set()
        assert received.keys() <= outcomes.keys()
        unknown = {name for name, outcome in outcomes.items() if outcome is OutcomeKind.UNKNOWN}
        assert outcomes.keys() - unknown <= received.keys()
        return unknown

    def judge_end(self) -> None:
        """Every row is accounted for; with --resend-unknown none is missing, and only unknown ones are sent again."""
        assert len(self.outcomes()) == self.rows
        unknown = self.judge()
        self.finish(self.start("--resend-unknown", resume=True), 0)
        assert Counter(self.outcomes().values()) == {OutcomeKind.DELIVERED: self.rows}
        received = self.partner.received()
        assert received.keys() == {name_of(row) for row in range(1, self.rows + 1)}
        assert twice(received) <= unknown


def twice(received: Counter[str]) -> set[str]:
    return {name for name, times in received.items() if times > 1}


@pytest.fixture
def bench(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Bench]:
    """A bench; `indirect` parameters change it."""
    asked: dict[str, Any] = {"rows": ROWS, "workers": 1, "delay": 0.0, **getattr(request, "param", {})}
    partner = CountingPartner(tmp_path / "received", asked["delay"])
    made = Bench(
        tmp_path, partner, asked["rows"], asked["workers"], asked.get("environment", "staging"), asked.get("spec", SPEC)
    )
    yield made
    for process in made.started:
        if process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        process.communicate(timeout=10)
    partner.kill()


def moments(chance: random.Random, kills: int) -> Iterator[float]:
    """When to kill, as a share of the rows: below zero while it starts, else at random from the first to the last."""
    yield -1.0
    yield from sorted(chance.random() for _ in range(kills - 3))
    yield 1.0 - chance.random() / 200
    yield -1.0


def die(bench: Bench, process: subprocess.Popen[str], share: float, chance: random.Random) -> bool:
    """Kill a replay at its moment; return whether it still ran."""
    if share < 0:
        time.sleep(chance.uniform(0.05, 0.5))  # a resume with nothing left to send ends soon
    elif not bench.partner.wait_for(int(share * bench.rows), process):
        return False
    time.sleep(chance.uniform(0.0, 0.01))
    alive = process.poll() is None
    bench.kill(process)
    return alive


def survive(bench: Bench, seed: int, kills: int) -> int:
    """Kill a run and each of its resumes; return how often it was still running."""
    chance = random.Random(seed)
    died = 0
    unknown: set[str] = set()
    begun = False
    for share in moments(chance, kills):
        died += die(bench, bench.start(resume=begun), share, chance)
        before, unknown = unknown, bench.judge()
        begun = begun or bench.has_begun()
        assert before <= unknown
        assert len(unknown - before) <= bench.in_doubt
    bench.finish(bench.start(resume=True), 1 if unknown else 0)
    bench.judge_end()
    return died


@pytest.mark.parametrize("seed", [1, 2])
def test_kill_at_any_of_25_moments_loses_nothing_and_repeats_nothing(bench, seed):
    assert survive(bench, seed, kills=13) >= 12


@pytest.mark.parametrize(
    "bench",
    [{"workers": workers, "environment": "production", "rows": 3_000} for workers in (1, 2)],
    indirect=True,
    ids=["1 worker", "2 workers"],
)
def test_in_production_a_kill_loses_and_repeats_no_more(bench):
    """There the ledger has a say in what a resume sends: what a dead process left open is in doubt, not delivered."""
    assert survive(bench, 3, kills=6) >= 5


@pytest.mark.parametrize("bench", [{"rows": 3_000, "delay": 0.05, "spec": BATCHED}], indirect=True)
def test_a_kill_with_500_rows_in_a_request_loses_nothing_and_repeats_nothing(bench):
    chance = random.Random(5)
    for share in (0.3, 0.6):
        assert die(bench, bench.start(resume=share > 0.3), share, chance)
        assert len(bench.judge()) <= 2 * bench.in_doubt
    bench.finish(bench.start(resume=True), 1)
    bench.judge_end()


@pytest.mark.soak
@pytest.mark.parametrize("environment", ["staging", "production"])
@pytest.mark.parametrize(
    "bench",
    [{"rows": 100_000, "workers": workers, "spec": BATCHED} for workers in (1, 2)],
    indirect=True,
    ids=["1 worker", "2 workers"],
)
def test_kill_at_any_of_20_moments_with_500_rows_in_a_request(bench, environment):
    bench.environment = environment
    assert survive(bench, 7, kills=20) >= 18


@pytest.mark.soak
@pytest.mark.parametrize("environment", ["staging", "production"])
@pytest.mark.parametrize(
    "bench",
    [{"rows": 20_000, "workers": workers} for workers in (1, 2)],
    indirect=True,
    ids=["1 worker", "2 workers"],
)
@pytest.mark.parametrize("seed", range(100, 110))
def test_kill_at_any_of_200_moments(bench, seed, environment):
    bench.environment = environment
    survive(bench, seed, kills=20)


two = pytest.mark.parametrize("bench", [{"workers": 2}], indirect=True, ids=["2 workers"])
either = pytest.mark.parametrize(
    "bench", [{"workers": 1}, {"workers": 2}], indirect=True, ids=["1 worker", "2 workers"]
)
either_unanswered = pytest.mark.parametrize(
    "bench",
    [{"rows": 1000, "delay": 5.0, "workers": 1}, {"rows": 1000, "delay": 5.0, "workers": 2}],
    indirect=True,
    ids=["1 worker", "2 workers"],
)


@two
def test_workers_whose_parent_is_killed_send_nothing_more_once_another_goes_on(bench):
    for share in (0.1, 0.4, 0.7):
        assert die(bench, bench.start(resume=share > 0.1), share, random.Random(1))
    unknown = bench.outcomes()
    bench.finish(bench.start(resume=True), 0, 1)
    assert len(unknown) > ROWS // 2
    bench.judge_end()


@either
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=["Ctrl-C", "SIGTERM", "SIGHUP"])
def test_a_stop_drains_and_the_resume_completes(bench, number):
    running = bench.start()
    assert bench.partner.wait_for(ROWS // 3, running)
    os.killpg(running.pid, number)  # as a terminal does, to the workers too
    if number == signal.SIGHUP:
        os.killpg(running.pid, number)  # and a shell once more
    errors = bench.finish(running, 130)
    assert "stopping" in errors or number == signal.SIGHUP
    assert "runs resume" in errors
    assert bench.state() == "interrupted"
    assert bench.judge() == set()
    bench.finish(bench.run("runs", "resume", "crashed"), 0)
    assert bench.state() == "finished"
    assert bench.partner.received() == Counter(name_of(row) for row in range(1, ROWS + 1))


@either_unanswered
def test_a_second_ctrl_c_leaves_at_once_and_lists_what_was_in_flight(bench):
    running = bench.start("--no-first-row-check")
    assert bench.partner.wait_for(IN_FLIGHT, running)
    os.killpg(running.pid, signal.SIGINT)
    time.sleep(0.3)
    assert running.poll() is None
    pressed = time.monotonic()
    os.killpg(running.pid, signal.SIGINT)
    bench.finish(running, 130)
    assert time.monotonic() - pressed < 2.0
    assert bench.state() == "interrupted"
    assert bench.judge() == bench.partner.received().keys()
    assert len(bench.outcomes()) == IN_FLIGHT


@either_unanswered
def test_a_second_ctrl_c_does_not_wait_for_a_journal_that_is_held(bench):
    running = bench.start("--no-first-row-check")
    assert bench.partner.wait_for(IN_FLIGHT, running)
    with contextlib.closing(sqlite3.connect(bench.folder / "journal.sqlite", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        os.killpg(running.pid, signal.SIGINT)
        time.sleep(0.3)
        pressed = time.monotonic()
        os.killpg(running.pid, signal.SIGINT)
        errors = bench.finish(running, 130)
        assert time.monotonic() - pressed < 9.0
        assert "Not waiting any longer; rows" in errors
    assert bench.state() == "crashed"
    assert bench.judge() >= bench.partner.received().keys()


@either
def test_a_partner_that_dies_and_returns_costs_only_what_was_in_flight(bench):
    running = bench.start()
    for share in (0.2, 0.6):
        assert bench.partner.wait_for(int(share * ROWS), running)
        bench.partner.kill()
        time.sleep(1.0)
        bench.partner.start()
    errors = bench.finish(running, 0, 1)
    assert "cannot be reached" in errors or "does not respond" in errors
    assert "the partner is back" in errors
    unknown = bench.judge()
    assert len(unknown) <= 2 * IN_FLIGHT
    assert set(bench.outcomes().values()) <= {OutcomeKind.DELIVERED, OutcomeKind.UNKNOWN}
    bench.judge_end()


def test_a_partner_that_stays_away_ends_the_run_and_nothing_is_lost(bench):
    running = bench.start("--patience", "1s")
    assert bench.partner.wait_for(ROWS // 4, running)
    bench.partner.kill()
    errors = bench.finish(running, 4)
    assert "cannot be reached" in errors or "does not respond" in errors
    assert bench.state() == "interrupted"
    bench.judge()
    bench.partner.start()
    bench.finish(bench.start(resume=True), 0, 1)
    bench.judge_end()


@either
def test_a_full_disk_stops_before_the_next_send_and_says_what_is_settled(bench):
    def starve() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (700_000, 700_000))

    running = bench.start(preexec_fn=starve)
    errors = bench.finish(running, 5)
    assert "disk" in errors
    assert f"settled in run {bench.run_id()}: {bench.settled()}" in " ".join(errors.split())
    assert bench.state() == "crashed"
    unknown = bench.judge()
    assert 0 < len(unknown) <= bench.workers * (IN_FLIGHT + BATCH)
    bench.finish(bench.start(resume=True), 1)
    bench.judge_end()


TWICE = """\
spec_version: 1
partner: acme
endpoint: {{staging: "{url}/staging", production: "{url}/leads"}}
method: POST
authentication: none
encoding: json
parameters:
  - {{name: transaction, attribute: transactionid, required: true}}
responses:
  - {{outcome: delivered, status: 2xx}}
limits: {{concurrency: 32, timeout: 10s}}
"""


@pytest.mark.parametrize("workers", [1, 2])
def test_two_production_runs_at_the_same_time_share_the_rows_between_them(tmp_path, workers) -> None:
    partner = CountingPartner(tmp_path / "received", delay=0.002)
    try:
        bench = Bench(tmp_path, partner, rows=1500, workers=workers)
        (tmp_path / "acme.yaml").write_text(TWICE.format(url=partner.url))
        with (tmp_path / "rows.csv").open("a") as file:  # and some rows stand twice in the file
            file.writelines(f"{name_of(row)},jane.doe.{row}@example.com\n" for row in range(1, 1501, 7))
        flags = ("-e", "production", "--confirm", "acme", "--concurrency", "16", "--workers", workers)
        runs = [bench.run("replay", "acme.yaml", "rows.csv", *flags, "--quiet") for _ in range(2)]
        for process in runs:
            bench.finish(process, 0, 1)  # 1: what the other one had under way is not known to be delivered
        received = partner.received()
        assert set(received) == {name_of(row) for row in range(1, 1501)}
        assert twice(received) == set()
    finally:
        partner.kill()
