"""Runs one command and measures it: wall clock, CPU of all its processes, and their peak memory."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_SAMPLE_EVERY = 0.1
_TAIL = 1500


@dataclass(frozen=True)
class Run:
    """One measured run of a command.

    Attributes:
        command: as run.
        exit_status: what it ended with; negative = a signal.
        wall: seconds from before its start until after its end.
        cpu: seconds of user and system time, of all its processes.
        peak: bytes resident at most in its largest process.
        peak_together: bytes resident at most in all its processes, each at its own peak; shared pages count in each.
        stdout: what it printed.
        stderr: the end of what it printed there.
    """

    command: tuple[str, ...]
    exit_status: int
    wall: float
    cpu: float
    peak: int
    peak_together: int
    stdout: str
    stderr: str


def measure(
    command: Sequence[str],
    *,
    folder: Path,
    variables: Mapping[str, str] | None = None,
    timeout: float = 1800.0,
    memory: bool = True,
) -> Run:
    """Run a command to its end, in its own process group, which is killed after `timeout` seconds.

    CPU comes from wait4, which counts the children that were waited for. Peak memory is each process's `VmHWM`, read
    from /proc while it runs: wait4's own figure starts at what the process that forked had, so that a small program
    started from here would look as large as this one.
    """
    with (folder / "stdout").open("w+b") as out, (folder / "stderr").open("w+b") as err:
        began = time.perf_counter()
        process = subprocess.Popen(
            command,
            cwd=folder,
            env={**os.environ, **(variables or {})},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            start_new_session=True,
        )
        observer = _Observer(process.pid, timeout, memory=memory)
        observer.start()
        try:
            _, status, usage = os.wait4(process.pid, 0)
        except BaseException:
            observer.stop()
            _kill(process.pid)
            raise
        wall = time.perf_counter() - began
        observer.stop()
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        err.seek(0)
        return Run(
            tuple(command),
            process.returncode,
            wall,
            usage.ru_utime + usage.ru_stime,
            max(observer.peaks.values(), default=0),
            sum(observer.peaks.values()),
            out.read().decode(errors="replace"),
            err.read().decode(errors="replace")[-_TAIL:],
        )


class _Observer(threading.Thread):
    """Follows a process tree: notes each one's peak memory, and ends it when its time is up."""

    def __init__(self, root: int, timeout: float, *, memory: bool) -> None:
        super().__init__(name="observer", daemon=True)
        self.peaks: dict[int, int] = {}
        self._root = root
        self._deadline = time.monotonic() + timeout
        self._memory = memory
        self._ended = threading.Event()

    def run(self) -> None:
        while not self._ended.wait(_SAMPLE_EVERY):
            if self._memory:
                for process in _tree(self._root):
                    peak = peak_of(process)
                    if peak:
                        self.peaks[process] = max(peak, self.peaks.get(process, 0))
            if time.monotonic() > self._deadline:
                _kill(self._root)
                return

    def stop(self) -> None:
        self._ended.set()
        self.join()


def peak_of(process: int) -> int:
    """Bytes that a process has had resident at most; 0 once it is gone."""
    with suppress(OSError, ValueError):
        for line in Path(f"/proc/{process}/status").read_bytes().splitlines():
            if line.startswith(b"VmHWM:"):
                return int(line.split()[1]) * 1024
    return 0


def _tree(root: int) -> list[int]:
    found, waiting = [], [root]
    while waiting:
        process = waiting.pop()
        found.append(process)
        with suppress(OSError):
            for thread in os.listdir(f"/proc/{process}/task"):  # noqa: PTH208 - ten times a second
                with suppress(OSError):
                    waiting += map(int, Path(f"/proc/{process}/task/{thread}/children").read_bytes().split())
    return found


def _kill(group: int) -> None:
    with suppress(ProcessLookupError):
        os.killpg(group, signal.SIGKILL)
