"""The partner that every tool sends to: one nginx worker on loopback, fast, slow, or writing down each arrival."""

from __future__ import annotations

import getpass
import http.client
import os
import re
import socket
import subprocess
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

LATENCY = 0.05
"""Seconds that `/slow` takes to answer."""

_CLOSELY, _SELDOM = 0.01, 0.1
_MIDDLE = (0.1, 0.9)
"""Part of a run in which nobody needs to know how far it is: asking a hundred times a second cost a tool that keeps all
cores busy a twentieth."""
_MODULE = "ngx_http_echo_module.so"
_MODULE_FOLDERS = (Path("/usr/lib/nginx/modules"), Path("/usr/lib64/nginx/modules"), Path("/usr/share/nginx/modules"))

_CONFIGURATION = """\
{load}
{user}
daemon off;
worker_processes 1;
worker_rlimit_nofile 16384;
pid {folder}/nginx.pid;
error_log {folder}/error.log crit;
events {{ worker_connections 8192; multi_accept on; }}
http {{
  access_log off;
  log_format arrival '$msec';
  default_type application/json;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  client_body_buffer_size 16k;
  keepalive_timeout 1h;
  keepalive_requests 1000000000;
  reset_timedout_connection on;
  tcp_nodelay on;
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    location = /fast {{
      return 200 '{answer}';
    }}
    location = /counted {{
      access_log {folder}/arrivals.log arrival buffer=64k flush=200ms;
      return 200 '{answer}';
    }}
    location = /status {{ stub_status; }}
    {slow}
  }}
}}
"""
_ANSWER = '{"status":"created","id":"$connection-$connection_requests"}'
_SLOW = """location = /slow {{
      echo_read_request_body;
      echo_sleep {latency};
      echo '{answer}';
    }}"""


class PartnerError(RuntimeError):
    """nginx cannot be started."""


class Partner:
    """An nginx of its own: its configuration, files and process belong to this run alone.

    Attributes:
        port: where it listens, on loopback.
        slow: whether `/slow` is there: it needs nginx's echo module.
    """

    def __init__(self, nginx: str, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        module = next((path / _MODULE for path in _MODULE_FOLDERS if (path / _MODULE).exists()), None)
        self.slow = module is not None
        self.port = _free_port()
        configuration = folder / "nginx.conf"
        configuration.write_text(
            _CONFIGURATION.format(
                load=f"load_module {module};" if module else "",
                user=f"user {getpass.getuser()};" if os.geteuid() == 0 else "",
                folder=folder,
                port=self.port,
                answer=_ANSWER,
                slow=_SLOW.format(latency=LATENCY, answer=_ANSWER) if module else "",
            ),
            encoding="utf-8",
        )
        with (folder / "nginx.out").open("wb") as out:
            self._process = subprocess.Popen(
                [nginx, "-p", str(folder), "-c", str(configuration)], stdout=out, stderr=subprocess.STDOUT
            )

    def __enter__(self) -> Partner:
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline and self._process.poll() is None:
            with suppress(OSError):
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return self
            time.sleep(0.02)
        self.close()
        said = (self.folder / "nginx.out").read_text(errors="replace").strip()
        raise PartnerError(f"nginx does not start: {said[-500:] or 'it says nothing'}")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End nginx; its worker goes with it."""
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def url(self, place: str) -> str:
        """The URL of `fast`, `slow` or `counted`."""
        return f"http://127.0.0.1:{self.port}/{place}"

    def watch(self, expected: int) -> Watch:
        """Follow what arrives while a `with` block lasts, given how many requests are about to."""
        return Watch(self.port, expected)

    def arrivals(self) -> Arrivals:
        """Follow when each request of `/counted` arrives, from now on."""
        return Arrivals(self.folder / "arrivals.log")


class Arrivals:
    """The times at which requests came, to the millisecond, as nginx wrote them down."""

    def __init__(self, log: Path) -> None:
        self._log = log
        self._offset = log.stat().st_size

    def times(self) -> list[float]:
        """UTC seconds of each arrival since this was made, in order; waits until nginx has written the last."""
        time.sleep(0.5)
        with self._log.open("rb") as file:
            file.seek(self._offset)
            return sorted(map(float, file.read().split()))


@dataclass(frozen=True)
class _Counters:
    connections: int
    requests: int


class Watch:
    """What the partner saw of a tool, asked of nginx a hundred times a second at both ends; the same for every tool.

    Attributes:
        requests: how many arrived.
        connections: how many connections were opened.
        span: seconds from the first arrival to the last, to about a hundredth.
    """

    def __init__(self, port: int, expected: int) -> None:
        self._middle = tuple(part * expected for part in _MIDDLE)
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        self._own = 0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="watch", daemon=True)
        self._first = self._last = 0.0
        self.requests = 0
        self.connections = 0

    def __enter__(self) -> Watch:
        self._base = self._ask()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()
        self._note()
        self._connection.close()

    @property
    def span(self) -> float:
        return self._last - self._first

    @property
    def first(self) -> float:
        """When the first request arrived, in seconds of the monotonic clock; 0.0 if none did."""
        return self._first

    def _follow(self) -> None:
        least, most = self._middle
        while not self._ended.wait(_SELDOM if least < self.requests < most else _CLOSELY):
            self._note()

    def _note(self) -> None:
        found = self._ask()
        now = time.monotonic()
        requests = found.requests - self._base.requests - (self._own - 1)
        if requests > self.requests:
            self._first = self._first or now
            self._last = now
            self.requests = requests
        self.connections = found.connections - self._base.connections

    def _ask(self) -> _Counters:
        self._connection.request("GET", "/status")
        self._own += 1
        return counters(self._connection.getresponse().read().decode())


def counters(status: str) -> _Counters:
    """Read nginx's `stub_status` page."""
    found = re.search(r"^\s*(\d+) (\d+) (\d+)\s*$", status, re.MULTILINE)
    if found is None:
        raise PartnerError(f"nginx's status page is not understood: {status[:100]!r}")
    return _Counters(int(found[1]), int(found[3]))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
