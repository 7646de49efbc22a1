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
    """

    workers: int = 1
    rate: str | None = None

    @property
    def name(self) -> str:
        return f"rokt-export, {self.workers} worker{'s' if self.workers > 1 else ''}"

    @property
    def does(self) -> str:
        return "rows, rules, journal"

    def start(self, job: Job) -> Start:
        folder = job.workload.folder
        spec = folder / "benchmark.yaml"
        spec.write_text(workload.spec(job.url, concurrency=job.concurrency), encoding="utf-8")
        journal = fresh(folder / "journal.sqlite")
        rate = ("--rate", self.rate) if self.rate else ()
        return Start(
            (
                *rokt_export(), "replay", str(spec), str(job.workload.csv),
                "--workers", str(self.workers), "--concurrency", str(job.concurrency), *rate, "--override-limits",
                "--journal", str(journal), "--quiet",
            ),
            folder,
            {workload.TOKEN_VARIABLE: workload.TOKEN, "NO_COLOR": "1"},
        )  # fmt: skip

    def problem(self, run: Run, requests: int, job: Job) -> str | None:
        """Exit status 0 says that each row was classified as delivered."""
        return failed(run) or not_all_sent(requests, job.workload.rows)


def fresh(journal: Path) -> Path:
    """Each run starts with a new journal, as the first replay of a partner does."""
    for suffix in ("", "-wal", "-shm"):
        with suppress(FileNotFoundError):
            journal.with_name(journal.name + suffix).unlink()
    return journal
