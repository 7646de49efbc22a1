"""Processes of the program that start at once: forked from one that has loaded it, instead of a new interpreter.

What a process does from its first line on, its signals, streams, environment and end, is its own. A start that needs
more (a terminal, limits, variables that the interpreter or the loader reads) gets a new interpreter as before.
"""

from __future__ import annotations

import atexit
import gc
import io
import json
import os
import select
import socket
import subprocess
import sys
from functools import lru_cache
from importlib import import_module
from typing import Any

OF_THE_INTERPRETER = ("PYTHON", "LC_", "LANG", "TZ", "LD_", "MALLOC")
LOADED = (
    "rokt_export.__main__", "rokt_export.delivery.workers", "rokt_export.onboarding.validation",
    "rokt_export.reports.console", "rokt_export.reports.formats", "rokt_export.reports.run_report",
    "rokt_export.sandbox.server", "rokt_export.transport", "rich.live", "rich.table",
)  # fmt: skip


class Loaded:
    """The process that has loaded the program, seen from a test."""

    def __init__(self) -> None:
        self._channel, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        code = f"from commands.started import serve; serve({theirs.fileno()})"
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        self._process = subprocess.Popen(
            [sys.executable, "-c", code], pass_fds=[theirs.fileno()], env=environment, stdin=subprocess.DEVNULL
        )
        theirs.close()
        atexit.register(self._channel.close)

    def start(self, request: dict[str, Any], streams: list[int]) -> int:
        socket.send_fds(self._channel, [json.dumps(request).encode()], streams)
        return int(self._channel.recv(100))

    def status_of(self, pid: int) -> int:
        """Return the wait status of a process that has ended."""
        self._channel.send(json.dumps(pid).encode())
        return int(self._channel.recv(100))


@lru_cache(maxsize=1)
def loaded(_pid: int) -> Loaded:
    return Loaded()


class Started(subprocess.Popen[str]):
    """A process of the program; it does not outlive a failed test, as leaving its block would wait for its end."""

    _watched: int | None = None

    @classmethod
    def of(
        cls, arguments: list[str], folder: str, environment: dict[str, str], own: dict[str, str], **more: Any
    ) -> Started:
        """Start it; `own` are the variables of this start alone."""
        fresh = more.keys() - {"stdin", "stdout", "stderr", "start_new_session"} or any(
            name.startswith(OF_THE_INTERPRETER) for name in own
        )
        started = _Fresh if fresh else cls
        command = [sys.executable, "-m", "rokt_export", *arguments]
        return started(command, cwd=folder, env={**environment, **own}, text=True, **more)

    def _execute_child(self, args: Any, _executable: Any, _preexec: Any, _close: Any, _pass: Any, cwd: Any, env: Any,
                       _info: Any, _flags: Any, _shell: Any, *pipes: Any) -> None:  # fmt: skip
        p2cread, p2cwrite, c2pread, c2pwrite, errread, errwrite = pipes[:6]
        streams = [given if given >= 0 else number for number, given in enumerate((p2cread, c2pwrite, errwrite))]
        request = {"arguments": args[3:], "folder": str(cwd), "environment": env, "session": pipes[11]}
        self.pid = loaded(os.getpid()).start(request, streams)
        self._watched = os.pidfd_open(self.pid)
        self._child_created = True
        self._close_pipe_fds(p2cread, p2cwrite, c2pread, c2pwrite, errread, errwrite)

    def _try_wait(self, flags: int) -> tuple[int, int]:
        if self._watched is None:
            return super()._try_wait(flags)
        if not select.select([self._watched], [], [], 0 if flags & os.WNOHANG else None)[0]:
            return 0, 0
        os.close(self._watched)
        self._watched = None
        return self.pid, loaded(os.getpid()).status_of(self.pid)

    def _internal_poll(self, *_: Any, **_more: Any) -> int | None:
        if self.returncode is None:
            pid, status = self._try_wait(os.WNOHANG)
            if pid:
                self._handle_exitstatus(status)
        return self.returncode

    def __exit__(self, kind: Any, value: Any, trace: Any) -> None:
        if kind is not None:
            self.kill()
        super().__exit__(kind, value, trace)


class _Fresh(Started):
    """The same in a new interpreter."""

    _execute_child = subprocess.Popen._execute_child
    _internal_poll = subprocess.Popen._internal_poll


def serve(descriptor: int) -> None:
    """Load the program, and fork a process for each request; return in the process that runs the command line."""
    for name in LOADED:
        import_module(name)
    from rokt_export.commands.cli import COMMANDS

    for name in COMMANDS:
        import_module(f"rokt_export.commands.{name}")
    gc.collect()
    channel = socket.socket(fileno=descriptor)
    while True:
        data, streams, _, _ = socket.recv_fds(channel, 1_000_000, 3)
        if not data:
            os._exit(0)
        request = json.loads(data)
        if isinstance(request, int):
            channel.send(str(os.waitpid(request, 0)[1]).encode())
            continue
        pid = os.fork()
        if not pid:
            _become(request, streams)
            from rokt_export.__main__ import run

            run()
        channel.send(str(pid).encode())
        for stream in streams:
            os.close(stream)


def _become(request: dict[str, Any], streams: list[int]) -> None:
    """Take on the streams, folder, variables and arguments of a process that was asked for."""
    if request["session"]:
        os.setsid()
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
    os.closerange(3, 1024)
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["environment"])
    sys.path.insert(0, request["folder"])
    sys.argv = ["rokt-export", *request["arguments"]]
    sys.stdin = io.TextIOWrapper(io.BufferedReader(io.FileIO(0, closefd=False)), encoding="utf-8")
    for number, name in ((1, "stdout"), (2, "stderr")):
        raw = io.BufferedWriter(io.FileIO(number, "w", closefd=False))
        errors = getattr(sys, name).errors
        lines = number == 2 or os.isatty(number)
        setattr(sys, name, io.TextIOWrapper(raw, encoding="utf-8", errors=errors, line_buffering=lines))
