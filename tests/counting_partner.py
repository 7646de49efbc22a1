"""A partner in a process of its own that writes down each transaction it receives, before it answers.

Run as `python counting_partner.py LOG [--port N] [--delay SECONDS]`; it prints its port. Each line of LOG is the eight
characters of a transaction's identifier, so that the file's size is its count, and it outlives the process. LOG.times
holds when each came, in seconds, as doubles.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import signal
import subprocess
import sys
import time
from array import array
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

ID_LENGTH = 8
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)\r\n", re.IGNORECASE)
_ID = re.compile(rb'"transaction": ?"([^"]{8})"')
_TURNS = 100
_ANSWER = b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 15\r\n\r\n{"status":"ok"}'


class Counting(asyncio.Protocol):
    def __init__(self, log: int, times: int, delay: float) -> None:
        self._log = log
        self._times = times
        self._delay = delay
        self._data = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._data += data
        found: list[bytes] = []
        requests = 0
        while (end := self._data.find(b"\r\n\r\n")) >= 0:
            length = _LENGTH.search(self._data, 0, end + 2)
            whole = end + 4 + (int(length[1]) if length else 0)
            if len(self._data) < whole:
                break
            requests += 1
            found += [name + b"\n" for name in _ID.findall(self._data, end, whole) or [b"????????"]]
            self._data = self._data[whole:]
        if found:
            os.write(self._log, b"".join(found))
            os.write(self._times, array("d", [time.time()] * len(found)).tobytes())
            if self._delay:
                asyncio.get_running_loop().call_later(self._delay, self._answer, requests)
            else:
                self._answer(requests)

    def _answer(self, times: int) -> None:
        self._transport.write(_ANSWER * times)


def _times_of(log: Path) -> Path:
    return log.with_name(f"{log.name}.times")


async def _listening(protocol: Callable[[], asyncio.Protocol], port: int) -> asyncio.Server:
    """Listen; a partner that returns to its port may find that a connection of another process borrows it."""
    for _ in range(_TURNS):
        with suppress(OSError):
            return await asyncio.get_running_loop().create_server(protocol, "127.0.0.1", port, backlog=1024)
        await asyncio.sleep(0.05)
    return await asyncio.get_running_loop().create_server(protocol, "127.0.0.1", port, backlog=1024)


async def _serve(log: Path, port: int, delay: float) -> None:
    files = [os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600) for file in (log, _times_of(log))]
    server = await _listening(lambda: Counting(*files, delay), port)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


class CountingPartner:
    """The process, from outside.

    Args:
        log: where it writes down what it receives.
        delay: seconds before it answers.
    """

    def __init__(self, log: Path, delay: float = 0.0) -> None:
        self.log = log
        self.delay = delay
        self.port = 0
        self._process: subprocess.Popen[str] | None = None
        self.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it, on the same port as before."""
        command = [sys.executable, __file__, self.log, "--port", self.port, "--delay", self.delay]
        self._process = subprocess.Popen([str(each) for each in command], stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        self.port = int(self._process.stdout.readline())

    def kill(self) -> None:
        """End it as a power cut would."""
        assert self._process is not None
        self._process.send_signal(signal.SIGKILL)
        self._process.communicate(timeout=10)

    @property
    def count(self) -> int:
        """How many transactions it has received."""
        return self.log.stat().st_size // (ID_LENGTH + 1) if self.log.exists() else 0

    def received(self) -> Counter[str]:
        """Transaction to how often it was received."""
        return Counter(self.log.read_text().split()) if self.log.exists() else Counter()

    def times(self) -> list[float]:
        """When each transaction was received, in order, in seconds."""
        return sorted(array("d", _times_of(self.log).read_bytes()))

    def wait_for(self, count: int, while_runs: subprocess.Popen[str], patience: float = 60.0) -> bool:
        """Wait until it has received so many; return whether it did before the process ended."""
        deadline = time.monotonic() + patience
        while self.count < count:
            if while_runs.poll() is not None or time.monotonic() > deadline:
                return False
            time.sleep(0.001)
        return True


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("log", type=Path)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--delay", type=float, default=0.0)
    given = parser.parse_args()
    asyncio.run(_serve(given.log, given.port, given.delay))
