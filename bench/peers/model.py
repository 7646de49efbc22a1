"""What the rig asks of a tool under measurement, rokt-export and its peers alike."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from bench.processes import Run
from bench.workload import Workload


@dataclass(frozen=True)
class Job:
    """What a tool has to do.

    Attributes:
        workload: the rows.
        url: where to send them.
        concurrency: requests in flight.
        seconds: how long a tool runs that counts no requests.
    """

    workload: Workload
    url: str
    concurrency: int
    seconds: int = 5


@dataclass(frozen=True)
class Start:
    """A command ready to run.

    Attributes:
        command: its words.
        folder: where it runs.
        variables: environment variables on top of this process's own.
    """

    command: tuple[str, ...]
    folder: Path
    variables: Mapping[str, str] = field(default_factory=dict)


class Peer(Protocol):
    """A tool that can be measured."""

    @property
    def name(self) -> str:
        """What tables call it."""

    @property
    def does(self) -> str:
        """What it does per row, in a few words: the comparison is only as fair as this."""

    def start(self, job: Job) -> Start:
        """Write what the tool needs, and return how it is started."""

    def problem(self, run: Run, requests: int, job: Job) -> str | None:
        """Return why a run does not count, or None; `requests` is how many the partner saw."""


def failed(run: Run) -> str | None:
    """Return what a run that did not end well said last."""
    if run.exit_status == 0:
        return None
    said = (run.stderr.strip() or run.stdout.strip()[-300:]).splitlines()
    return f"exit status {run.exit_status}: {' / '.join(said[-3:]) or 'it said nothing'}"


def not_all_sent(requests: int, expected: int) -> str | None:
    """Return that a tool sent fewer or more requests than it has rows."""
    return None if requests == expected else f"the partner saw {requests:,} requests, not {expected:,}"
