"""Other machines on loopback: a Dask scheduler, its workers, and a PostgreSQL server, each a process of its own."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import create_engine, make_url

ROOT = Path(__file__).parents[1]
POSTGRES = "ROKT_EXPORT_TEST_POSTGRES"
KEY = "5e" * 32
"""Key of the journal's digests, which all machines share."""
PATIENCE = 90.0

needs_postgres = pytest.mark.skipif(
    POSTGRES not in os.environ and not os.environ.get("CI"), reason=f"{POSTGRES} names no database"
)
"""Marks tests that need a PostgreSQL server. Where `CI` is set they are never skipped."""


@contextmanager
def database() -> Iterator[str]:
    """Yield the address of an empty database of the server that tests share."""
    name = f"rokt_{os.urandom(4).hex()}"
    url = make_url(os.environ[POSTGRES]).set(drivername="postgresql+psycopg")
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
        yield url.set(database=name).render_as_string(hide_password=False)
        connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")
    engine.dispose()


class Process(subprocess.Popen[bytes]):
    """A process whose output goes to a file.

    Args:
        log: the file.
        arguments: of this Python.
        environment: all of its variables.
    """

    def __init__(self, log: Path, arguments: list[str], environment: Mapping[str, str]) -> None:
        self.log = log
        with log.open("wb") as output:
            super().__init__(
                [sys.executable, *arguments], env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output
            )

    def said(self, pattern: str) -> re.Match[str]:
        """Return where its output matches, once it does."""
        until = time.monotonic() + PATIENCE
        while (found := re.search(pattern, self.log.read_text())) is None:
            assert self.poll() is None, self.log.read_text()
            assert time.monotonic() < until, self.log.read_text()
            time.sleep(0.02)
        return found

    def end(self) -> None:
        """End it as a power cut would, even if it is stopped."""
        self.kill()
        self.wait(PATIENCE)


class Machines:
    """A scheduler and workers, which tests may kill: `ready` starts what is missing.

    Args:
        folder: for their logs.
        variables: of all of them, beyond those of this process.
        protocol: `tcp` or `tls`.
    """

    def __init__(self, folder: Path, variables: Mapping[str, str], protocol: str = "tcp") -> None:
        self._folder = folder
        self._variables = variables
        self._protocol = protocol
        self._started = 0
        self.workers: list[Process] = []
        self.scheduler: Process | None = None
        self.address = ""

    def ready(self, workers: int) -> None:
        """Have exactly so many workers."""
        if self.scheduler is None or self.scheduler.poll() is not None:
            self.close()
            self.scheduler = self._start("dask_scheduler", "--protocol", self._protocol, "--host", "127.0.0.1:0")
            self.address = self.scheduler.said(r"Scheduler at: +(\S+)")[1]
        self.workers = [worker for worker in self.workers if worker.poll() is None]
        while len(self.workers) > workers:
            self.workers.pop().end()
        new = [self.worker(wait=False) for _ in range(workers - len(self.workers))]
        for worker in new:
            worker.said("Registered to")

    def worker(self, *, wait: bool = True, **variables: str) -> Process:
        """Start another worker, with variables of its own."""
        options = ("--nthreads", "1", "--no-nanny", "--no-dashboard", "--local-directory", str(self._folder))
        started = self._start("dask_worker", self.address, "--protocol", self._protocol, *options, **variables)
        self.workers.append(started)
        if wait:
            started.said("Registered to")
        return started

    def close(self) -> None:
        """End all processes."""
        for process in [*self.workers, *filter(None, [self.scheduler])]:
            process.end()
        self.workers.clear()

    def logs(self) -> str:
        """Return all that any of them has said."""
        return "".join(log.read_text() for log in sorted(self._folder.glob("*.log")))

    def _start(self, program: str, *arguments: str, **variables: str) -> Process:
        self._started += 1
        path = os.pathsep.join(filter(None, [variables.pop("PYTHONPATH", ""), str(ROOT)]))
        environment = {**os.environ, **self._variables, **variables, "PYTHONPATH": path}
        if program == "dask_scheduler":
            arguments = (*arguments, "--no-dashboard")
        log = self._folder / f"{program}-{self._started}.log"
        return Process(log, ["-m", f"distributed.cli.{program}", *arguments], environment)


class PostgresServer:
    """A PostgreSQL server in a folder of its own, which a test may stop and start again."""

    def __init__(self) -> None:
        found = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
        if not found:
            (pytest.fail if os.environ.get("CI") else pytest.skip)("no PostgreSQL is installed")
        self._programs = found[-1]
        self._folder = Path(tempfile.mkdtemp(prefix="rokt"))  # pytest's folders are closed to other users
        self._folder.chmod(0o755)
        if os.getuid() == 0:
            shutil.chown(self._folder, "postgres")
        self._run("initdb", "--auth=trust", "--username=postgres", "--no-sync")
        self.start()

    @property
    def url(self) -> str:
        return f"postgresql://postgres@/postgres?host={self._folder}"

    def start(self) -> None:
        options = f"-c unix_socket_directories={self._folder} -c listen_addresses= -c fsync=off"
        self._run("pg_ctl", "-l", str(self._folder / "log"), "-w", "-o", options, "start")

    def kill(self) -> None:
        """End it as a power cut would."""
        self._run("pg_ctl", "-m", "immediate", "-w", "stop")

    def close(self) -> None:
        self.kill()
        shutil.rmtree(self._folder)

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(self._programs / program), "-D", str(self._folder / "data"), *arguments]
        if os.getuid() == 0:  # it refuses to run as root
            command = ["runuser", "-u", "postgres", "--", *command]
        subprocess.run(command, cwd="/", check=True, stdout=subprocess.DEVNULL, timeout=PATIENCE)


def stop(process: subprocess.Popen[bytes]) -> None:
    """Let a process stand still, as a machine that swaps or is moved."""
    process.send_signal(signal.SIGSTOP)


def go_on(process: subprocess.Popen[bytes]) -> None:
    """Let it go on."""
    process.send_signal(signal.SIGCONT)
