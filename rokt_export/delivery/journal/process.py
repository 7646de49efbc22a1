"""Which process drives a run, and whether it still lives."""

from __future__ import annotations

import os
import socket
import subprocess
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path

_SILENCE = timedelta(minutes=2)
"""How long a process on another host may be silent before its run counts as crashed; writers report every few seconds,
and the hosts' clocks need to agree only this well."""


@dataclass(frozen=True, slots=True)
class Process:
    """A process, beyond doubt: its start time tells it from a later one with the same number.

    Attributes:
        host: the host's name.
        pid: the process number.
        started: an opaque start time, comparable for equality on one host; empty where the system does not tell.
    """

    host: str
    pid: int
    started: str

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host}"

    def is_alive(self, heard: datetime, at: datetime) -> bool:
        """Say whether the process lives: on this host by looking, on another by when it was last heard of."""
        if self.host != socket.gethostname():
            return at - heard < _SILENCE
        started = _start_time(self.pid)
        return started is not None and started == self.started


def this_process() -> Process:
    """Return the process that asks."""
    return _process(os.getpid())


@cache
def _process(pid: int) -> Process:
    return Process(socket.gethostname(), pid, _start_time(pid) or "")


def _start_time(pid: int) -> str | None:
    """Return when the process started, in whatever form the system has; None for one that is gone or a zombie."""
    if Path("/proc/self/stat").exists():
        return _start_from_proc(pid)
    return _start_from_ps(pid)


def _start_from_proc(pid: int) -> str | None:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    # proc(5): field 2 is the command in parentheses and may hold anything; field 3 is the state, 22 the start.
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] in "ZX" else fields[19]


def _start_from_ps(pid: int) -> str | None:
    # lstart is written in local time and language, so both are pinned to make two readings comparable.
    asked = ["ps", "-o", "stat=,lstart=", "-p", str(pid)]
    answer = subprocess.run(
        asked, capture_output=True, text=True, check=False, env={**os.environ, "LC_ALL": "C", "TZ": "UTC"}
    )
    state, _, started = answer.stdout.strip().partition(" ")
    return None if answer.returncode or state.startswith("Z") else started.strip()
