"""hey: one fixed body sent again and again; it reads no rows, checks nothing and keeps nothing."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from bench import workload
from bench.peers.model import Job, Start, failed, not_all_sent
from bench.processes import Run


@dataclass(frozen=True)
class Hey:
    """hey with a body from a file.

    Attributes:
        path: the executable.
    """

    path: str
    name: str = "hey"
    does: str = "one fixed body, nothing read or checked"

    def start(self, job: Job) -> Start:
        folder = job.workload.folder
        body = folder / "body.json"
        body.write_text(json.dumps(workload.first_row()), encoding="utf-8")
        return Start(
            (
                self.path, "-n", str(job.workload.rows), "-c", str(job.concurrency), "-m", "POST",
                "-T", "application/json", "-H", f"Authorization: Bearer {workload.TOKEN}", "-D", str(body), job.url,
            ),
            folder,
        )  # fmt: skip

    def problem(self, run: Run, requests: int, job: Job) -> str | None:
        if found := failed(run):
            return found
        statuses = statuses_of(run.stdout)
        if set(statuses) != {200}:
            return f"answers by status: {statuses}"
        each = job.workload.rows // job.concurrency  # every worker of hey sends the same number
        return not_all_sent(requests, each * job.concurrency)


def statuses_of(report: str) -> dict[int, int]:
    """Return status to number of answers, from hey's report."""
    found = re.findall(r"^\s*\[(\d{3})\]\s+(\d+) responses\s*$", report, re.MULTILINE)
    return {int(status): int(count) for status, count in found}
