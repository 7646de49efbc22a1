"""rokt-export itself: `replay` of the file, its journal on, at one or more workers."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from bench import workload
from bench.peers.model import Job, Start, failed, not_all_sent
from bench.processes import Run
from bench.tools import rokt_export


@dataclass(frozen=True)
class RoktExport:
    """`rokt-export replay` of the workload.

    Attributes:
        workers: processes that send.
        rate: sends per second, as the flag says it; None = no limit.
        guarded: whether it sends to production.
        again: whether the rows were sent before, by a run of the same journal, so that none is sent now.
        journal: URL of a journal on a server; None for a new file.
    """

    workers: int = 1
    rate: str | None = None
    guarded: bool = False
    again: bool = False
    journal: str | None = None

    @property
    def name(self) -> str:
        kind = ", guarded, known rows" if self.again else ", guarded" if self.guarded else ""
        return f"rokt-export, {self.workers} worker{'s' if self.workers > 1 else ''}{kind}"

    @property
    def does(self) -> str:
        return "rows, rules, journal"

    def start(self, job: Job) -> Start:
        folder = job.workload.folder
        spec = folder / "benchmark.yaml"
        environment = "production" if self.guarded else "staging"
        text = workload.spec(job.url, concurrency=job.concurrency, environment=environment)
        spec.write_text(text, encoding="utf-8")
        file = folder / "journal.sqlite"
        journal = self.journal or str(file if self.again else fresh(file))
        guarded = ("-e", "production", "--confirm", "benchmark") if self.guarded else ()
        rate = ("--rate", self.rate) if self.rate else ()
        return Start(
            (
                *rokt_export(), "replay", str(spec), str(job.workload.csv),
                "--workers", str(self.workers), "--concurrency", str(job.concurrency), *rate, "--override-limits",
                "--journal", journal, *guarded, "--quiet",
            ),
            folder,
            {
                workload.TOKEN_VARIABLE: workload.TOKEN, "NO_COLOR": "1",
                "XDG_STATE_HOME": str(folder / "state"), "XDG_CONFIG_HOME": str(folder / "config"),
            },
        )  # fmt: skip

    def problem(self, run: Run, requests: int, job: Job) -> str | None:
        """Exit status 0 says that each row was classified as delivered."""
        return failed(run) or not_all_sent(requests, 0 if self.again else job.workload.rows)


def fresh(journal: Path) -> Path:
    """Each run starts with a new journal, as the first replay of a partner does."""
    for suffix in ("", "-wal", "-shm"):
        with suppress(FileNotFoundError):
            journal.with_name(journal.name + suffix).unlink()
    return journal
