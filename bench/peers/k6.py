"""k6: the same rows from a shared array, the same body, a check of status and body."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from bench import workload
from bench.peers.model import Job, Start, failed, not_all_sent
from bench.processes import Run

# The cheapest way to read the file: no cell of the workload is quoted, so that a split does what a parser would.
_SCRIPT = """\
import http from 'k6/http';
import exec from 'k6/execution';
import {{ SharedArray }} from 'k6/data';
import {{ check }} from 'k6';

const rows = new SharedArray('rows', () => {{
  const [header, ...lines] = open({csv}).trim().split('\\n').map((line) => line.split(','));
  return lines.map((cells) => Object.fromEntries(cells.map((cell, index) => [header[index], cell])));
}});

export const options = {{
  scenarios: {{
    replay: {{ executor: 'shared-iterations', vus: {concurrency}, iterations: {rows}, maxDuration: '2h' }},
  }},
}};

const params = {{ headers: {{ 'Content-Type': 'application/json', 'Authorization': 'Bearer {token}' }} }};

export default function () {{
  const row = rows[exec.scenario.iterationInTest];
  const answer = http.post({url}, JSON.stringify({{ {body} }}), params);
  check(answer, {{ created: (r) => r.status === 200 && r.json('status') === 'created' }});
}}

export function handleSummary(data) {{ return {{ stdout: JSON.stringify(data.metrics) }}; }}
"""


@dataclass(frozen=True)
class K6:
    """k6 with shared iterations.

    Attributes:
        path: the executable.
    """

    path: str
    name: str = "k6"
    does: str = "rows, status and body check"

    def start(self, job: Job) -> Start:
        folder = job.workload.folder
        script = folder / "replay.js"
        script.write_text(
            _SCRIPT.format(
                csv=json.dumps(str(job.workload.csv)),
                url=json.dumps(job.url),
                token=workload.TOKEN,
                rows=job.workload.rows,
                concurrency=min(job.concurrency, job.workload.rows),
                body=", ".join(f"{name}: row.{column}" for name, column in workload.BODY.items()),
            ),
            encoding="utf-8",
        )
        command = (self.path, "run", "--quiet", "--no-color", "--no-usage-report", "--address", "", str(script))
        return Start(command, folder, {"K6_NO_USAGE_REPORT": "true"})

    def problem(self, run: Run, requests: int, job: Job) -> str | None:
        if found := failed(run):
            return found
        failures = failed_checks(run.stdout)
        if failures:
            return f"{failures:,} checks failed"
        return not_all_sent(requests, job.workload.rows)


def failed_checks(summary: str) -> int:
    """Return how many checks failed, from the metrics that the script prints.

    Raises:
        ValueError: they are not k6's metrics.
    """
    metrics: dict[str, Any] = json.loads(summary)
    try:
        return int(metrics["checks"]["values"]["fails"])
    except (KeyError, TypeError) as error:
        raise ValueError(f"not a summary of k6: {summary[:100]!r}") from error
