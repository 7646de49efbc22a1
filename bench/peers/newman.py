"""newman: a Postman collection of one request, run once per row of the data file, with a test."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from bench import workload
from bench.peers.model import Job, Start, failed, not_all_sent
from bench.processes import Run

_TEST = (
    "pm.test('created', () => {",
    "  pm.response.to.have.status(200);",
    "  pm.expect(pm.response.json().status).to.eql('created');",
    "});",
)


@dataclass(frozen=True)
class Newman:
    """newman with its data file; it has one request in flight, and no way to have more.

    Attributes:
        path: the executable.
    """

    path: str
    name: str = "newman"
    does: str = "rows, status and body test; one at a time"

    def start(self, job: Job) -> Start:
        folder = job.workload.folder
        collection = folder / "collection.json"
        collection.write_text(json.dumps(postman_collection(job.url)), encoding="utf-8")
        command = (self.path, "run", str(collection), "--iteration-data", str(job.workload.csv), "--silent")
        return Start(command, folder)

    def problem(self, run: Run, requests: int, job: Job) -> str | None:
        """Exit status 0 says that each test passed."""
        return failed(run) or not_all_sent(requests, job.workload.rows)


def postman_collection(url: str) -> dict[str, Any]:
    """The collection, in Postman's format 2.1."""
    body = {name: f"{{{{{column}}}}}" for name, column in workload.BODY.items()}
    return {
        "info": {
            "name": "benchmark",
            "schema": "https://schema.getpostman.com/json/collection/v2.1.0/collection.json",
        },
        "item": [
            {
                "name": "create",
                "event": [{"listen": "test", "script": {"type": "text/javascript", "exec": list(_TEST)}}],
                "request": {
                    "method": "POST",
                    "url": url,
                    "header": [
                        {"key": "Content-Type", "value": "application/json"},
                        {"key": "Authorization", "value": f"Bearer {workload.TOKEN}"},
                    ],
                    "body": {"mode": "raw", "raw": json.dumps(body)},
                },
            }
        ],
    }
