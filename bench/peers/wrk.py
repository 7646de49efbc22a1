"""wrk: one fixed body from C, as fast as it goes: the ceiling of this machine and this partner."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from bench import workload
from bench.peers.model import Job, Start, failed
from bench.processes import Run

_SCRIPT = """\
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.headers["Authorization"] = "Bearer {token}"
wrk.body = [[{body}]]
"""


@dataclass(frozen=True)
class Wrk:
    """wrk with one thread; it runs for a time, not for a number of requests.

    Attributes:
        path: the executable.
    """

    path: str
    name: str = "wrk"
    does: str = "one fixed body, nothing read or checked: the ceiling"

    def start(self, job: Job) -> Start:
        folder = job.workload.folder
        script = folder / "post.lua"
        script.write_text(_SCRIPT.format(token=workload.TOKEN, body=json.dumps(workload.first_row())), encoding="utf-8")
        command = (
            self.path, "-t", "1", "-c", str(job.concurrency), "-d", f"{job.seconds}s", "-s", str(script), job.url,
        )  # fmt: skip
        return Start(command, folder)

    def problem(self, run: Run, requests: int, job: Job) -> str | None:  # noqa: ARG002 - it counts no rows
        if found := failed(run):
            return found
        if complaint := complaint_of(run.stdout):
            return complaint
        return None if requests else "the partner saw no request"


def complaint_of(report: str) -> str | None:
    """Return what wrk's report says of errors; None where it says nothing."""
    found = re.search(r"^\s*(Socket errors: .*|Non-2xx or 3xx responses: .*)$", report, re.MULTILINE)
    return found[1] if found else None
