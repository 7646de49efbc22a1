"""Bruno's command line: a collection of one request, run once per row of the data file, with assertions."""

from __future__ import annotations

import json
from dataclasses import dataclass

from bench import workload
from bench.peers.model import Job, Start, failed, not_all_sent
from bench.processes import Run

_REQUEST = """\
meta {{
  name: create
  type: http
  seq: 1
}}

post {{
  url: {url}
  body: json
  auth: none
}}

headers {{
  Authorization: Bearer {token}
}}

body:json {{
  {{
{body}
  }}
}}

assert {{
  res.status: eq 200
  res.body.status: eq created
}}
"""


@dataclass(frozen=True)
class Bruno:
    """bru with its data file, one row after the other.

    Attributes:
        path: the executable.
    """

    path: str
    name: str = "bruno"
    does: str = "rows, status and body assertions; one at a time"

    def start(self, job: Job) -> Start:
        folder = job.workload.folder / "bruno"
        folder.mkdir(exist_ok=True)
        settings = {"version": "1", "name": "benchmark", "type": "collection"}
        (folder / "bruno.json").write_text(json.dumps(settings), encoding="utf-8")
        (folder / "create.bru").write_text(bruno_request(job.url), encoding="utf-8")
        command = (
            self.path, "run", "create.bru", "--csv-file-path", str(job.workload.csv), "--noproxy",
            "--sandbox", "developer",  # the faster; in the other, version 4.1.0 fails the first row's assertion
        )  # fmt: skip
        return Start(command, folder)

    def problem(self, run: Run, requests: int, job: Job) -> str | None:
        """Exit status 0 says that each assertion held."""
        return failed(run) or not_all_sent(requests, job.workload.rows)


def bruno_request(url: str) -> str:
    """The request, in Bruno's own format."""
    body = ",\n".join(f'    "{name}": "{{{{{column}}}}}"' for name, column in workload.BODY.items())
    return _REQUEST.format(url=url, token=workload.TOKEN, body=body)
