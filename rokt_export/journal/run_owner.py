"""Which process drives a run, and whether it still lives."""

from __future__ import annotations

import os
import secrets
import socket
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path

_SILENCE = timedelta(minutes=2)
"""How long a process that cannot be looked at may be silent before its run counts as crashed; writers report every few
seconds, and clocks need to agree only this well."""


@dataclass(frozen=True, slots=True)
class Process:
    """A process that drives a run.

    Attributes:
        id: random; it alone decides who owns a run.
        host: the host's name, for people.
        pid: the process number.
        started: an opaque start time, comparable for equality in one place.
        place: the boot and the process namespace in which the number means this process; empty where that is not known.
    """

    id: str
    host: str
    pid: int
    started: str
    place: str

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host}"

    def is_alive(self, heard: datetime, at: datetime) -> bool:
        """Return whether the process lives: by looking where its number is certain, else by when it was last heard of.

        Two containers may have one host name and each a process 1. A heartbeat from the future is as good as none: a
        clock was set.
        """
        if self.place and self.place == _place():
            lives = _lives(self.pid, self.started)
            if lives is not None:
                return lives
        return abs(at - heard) < _SILENCE


def this_process() -> Process:
    """Return the process that asks."""
    return _process(os.getpid())


@cache
def _process(pid: int) -> Process:
    return Process(secrets.token_hex(16), socket.gethostname(), pid, _start_time(pid) or "", _place())


@cache
def _place() -> str:
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="utf-8").strip()
        return f"{boot} {Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return ""


def _lives(pid: int, started: str) -> bool | None:
    """Return whether a process of this place lives; None where the system does not show it."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass  # it is another user's, and may be hidden
    found = _start_time(pid)
    return None if found is None else found == started


def _start_time(pid: int) -> str | None:
    """Return when a process started, in clock ticks since the boot; empty for a zombie, None where it is not shown."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    # proc(5): field 2 is the command in parentheses and may hold anything; field 3 is the state, 22 the start.
    fields = stat.rpartition(")")[2].split()
    return "" if fields[0] in "ZX" else fields[19]
