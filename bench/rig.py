"""What each section is given: the settings, the partner, the tools, and a way to run one tool and see what it did."""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bench.partner import Partner
from bench.peers.bruno import Bruno
from bench.peers.hey import Hey
from bench.peers.k6 import K6
from bench.peers.model import Job, Peer
from bench.peers.newman import Newman
from bench.peers.wrk import Wrk
from bench.processes import Run, measure
from bench.results import Section
from bench.tools import Missing, find
from bench.workload import Workload

_PEERS: dict[str, Callable[[str], Peer]] = {"k6": K6, "newman": Newman, "bruno": Bruno, "hey": Hey, "wrk": Wrk}


@dataclass(frozen=True)
class Settings:
    """How much is measured.

    Attributes:
        rows: of the throughput section.
        long_rows: of the long run.
        few_rows: for the tools that send tens of rows a second; the figures are rates, so they compare.
        rounds: how often each tool runs; figures are medians.
        concurrency: requests in flight.
        latency_seconds: how long a run against the slow partner takes at full speed.
        memory_rows: the small and the large file.
        rate: sends per second of the rate section.
        rate_seconds: how long.
        starts: how often each command of the start-up section runs.
        profile_rows: rows of the cost profile.
        guarded_rows: rows of the guarded sends.
        server_rows: rows sent with a journal on a server.
    """

    rows: int = 100_000
    long_rows: int = 1_000_000
    few_rows: int = 1_000
    rounds: int = 3
    concurrency: int = 64
    latency_seconds: float = 8.0
    memory_rows: tuple[int, int] = (100_000, 1_000_000)
    rate: int = 500
    rate_seconds: int = 20
    starts: int = 15
    profile_rows: int = 20_000
    guarded_rows: int = 200_000
    server_rows: int = 100_000


@dataclass(frozen=True)
class Measured:
    """One run of one tool, from both ends.

    Attributes:
        run: the command.
        requests: that the partner saw.
        connections: that it saw.
        span: seconds from the first arrival to the last.
        problem: why it does not count.
        first: seconds from the command's start to the first arrival.
    """

    run: Run
    requests: int
    connections: int
    span: float
    problem: str | None
    first: float = 0.0

    @property
    def rate(self) -> float:
        """Requests per second of the whole command, its start and end included."""
        return self.requests / self.run.wall

    @property
    def sending_rate(self) -> float:
        """Requests per second from the first arrival to the last."""
        return self.requests / self.span if self.span else 0.0

    @property
    def cpu_per_thousand(self) -> float:
        """CPU seconds of the tool per 1,000 requests."""
        return 1000 * self.run.cpu / self.requests if self.requests else 0.0


@dataclass(frozen=True)
class Rig:
    """Everything a section needs.

    Attributes:
        settings: how much is measured.
        partner: who answers.
        folder: of this run; removed at its end.
        say: told what is being done.
    """

    settings: Settings
    partner: Partner
    folder: Path
    say: Callable[[str], None]

    def job(self, rows: int, place: str, concurrency: int | None = None) -> Job:
        """Rows to send to a place of the partner."""
        workload = Workload.make(self.folder, rows)
        return Job(workload, self.partner.url(place), concurrency or self.settings.concurrency)

    def peers(self, section: Section, *names: str) -> list[Peer]:
        """The peers of these names that are there; the section says which are not."""
        found: list[Peer] = []
        for name in names:
            tool = find(name)
            if isinstance(tool, Missing):
                section.remarks.append(f"{name} is missing: {tool.reason}")
            else:
                found.append(_PEERS[name](tool.path))
        return found

    def measure(self, peer: Peer, job: Job, section: Section) -> Measured:
        """Run a tool on a job; the section keeps its command, and says what was wrong with it."""
        start = peer.start(job)
        shown = self.shown(start.command)
        if shown not in section.commands:
            section.commands.append(shown)
        self.say(f"{section.name}: {peer.name}, {job.workload.rows:,} rows, {job.concurrency} in flight")
        with self.partner.watch(job.workload.rows) as watch:
            began = time.monotonic()
            run = measure(start.command, folder=start.folder, variables=start.variables)
        problem = peer.problem(run, watch.requests, job)
        if problem:
            section.remarks.append(f"{peer.name}: a run does not count: {problem}")
            section.broken = section.broken or peer.name.startswith("rokt-export")
        first = watch.first - began if watch.first else 0.0
        return Measured(run, watch.requests, watch.connections, watch.span, problem, first)

    def shown(self, command: tuple[str, ...]) -> str:
        """A command as a reader would type it, without this run's folder and port."""
        return self._anywhere(shlex.join([Path(command[0]).name, *command[1:]]))

    def text(self, name: str) -> str:
        """A file of this run as another machine would have it."""
        return self._anywhere((self.folder / name).read_text(encoding="utf-8"))

    def _anywhere(self, text: str) -> str:
        return text.replace(f"{self.folder}/", "").replace(f":{self.partner.port}", ":8080")
