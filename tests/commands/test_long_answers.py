"""Answers of 10 MB, four at once, in a process of its own: its memory, its time, and what Ctrl-C does."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from pathlib import Path

import pytest
from raw_partner import Behaviour, Connection, RawPartner

from commands.conftest import CommandLine

MEGABYTE = 1_000_000
FULL = {
    "text": b"x" * (9 * MEGABYTE),
    "json floats": b"[" + b"1.5," * (9 * MEGABYTE // 4) + b"1]",
    "json text": b'{"id": "' + b"x" * (9 * MEGABYTE) + b'"}',
    "xml elements": b"<r>" + b"<a/>" * (9 * MEGABYTE // 4) + b"</r>",
    "percent": b"%41" * (3 * MEGABYTE),
}
CODED = {
    "phrases": "\ufdfa".encode() * 800_000,
    "percent": b"%41" * MEGABYTE,
    "escapes": b"\\u0041" * 800_000,
    "entities": b"&amp;amp;#65;" * 300_000,
    "base64": b"SmFuZSBEb2UgamFuZQ==" * 300_000,
}
"""A recording of one takes a tenth of a second to redact."""
RULES = [
    {"outcome": "failed", "body": {"$..x": "nothing"}},
    {"outcome": "failed", "body": {"//x": "nothing"}},
    {"outcome": "delivered", "status": 200, "capture": {"reference": "$.id"}},
]


def started(cli: CommandLine, partner: RawPartner, rows: int) -> subprocess.Popen[str]:
    spec = {
        "spec_version": 1,
        "partner": "raw",
        "endpoint": {"staging": f"{partner.url}/rows"},
        "method": "POST",
        "authentication": {"type": "none"},
        "encoding": "json",
        "parameters": [{"name": "transaction", "attribute": "transaction"}, {"name": "email", "attribute": "email"}],
        "responses": RULES,
        "limits": {"concurrency": 4, "timeout": "60s"},
    }
    people = "".join(f"row-{number},jane{number}@example.com\n" for number in range(rows))
    files = cli.write("raw.yaml", json.dumps(spec)), cli.write("rows.csv", "transaction,email\n" + people)
    return cli.start("replay", *files, "--output", "json", "--patience", "0s", close_fds=True)


def answering(body: bytes) -> Behaviour:
    def play(connection: Connection) -> None:
        while connection.read():
            connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body))
            connection.send(body)

    return Behaviour(play)


def peak(process: subprocess.Popen[str]) -> float:
    """Return the most megabytes that a process had until now."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024 if "VmHWM" in status else 0.0


@pytest.mark.soak
@pytest.mark.parametrize("name", FULL)
def test_four_long_answers_at_once_take_little_memory(cli: CommandLine, name: str) -> None:
    with RawPartner(answering(FULL[name])) as partner:
        process = started(cli, partner, 24)
        most = 0.0
        while process.poll() is None:
            most = max(most, peak(process))
            time.sleep(0.01)
        out, err = process.communicate()
    errors = [each["error"] for each in json.loads(out)["deliveries"] if each["outcome"] != "delivered"]
    assert errors == [], err
    assert most < 200, most


def interrupted(cli: CommandLine, body: bytes, after: float = 0.0) -> tuple[float, int]:
    """Press Ctrl-C twice amid long responses, some seconds after the first request.

    Returns:
        The seconds until the end, and the requests sent meanwhile.
    """
    with RawPartner(answering(body)) as partner:
        process = started(cli, partner, 10_000)
        while not partner.received:
            assert process.poll() is None, process.communicate()
            time.sleep(0.02)
        time.sleep(after)
        process.send_signal(signal.SIGINT)
        time.sleep(0.1)
        process.send_signal(signal.SIGINT)  # the first waits for what is in flight
        began, before = time.monotonic(), len(partner.received)
        process.wait(30)
        assert process.returncode == 130
        return time.monotonic() - began, len(partner.received) - before


@pytest.mark.parametrize("name", ["json floats", "percent"])
def test_ctrl_c_ends_a_run_amid_long_answers(cli: CommandLine, name: str) -> None:
    """Nothing is sent any more but what was on its way, of 90 GB of responses; how quick that is, the soak measures."""
    _, sent = interrupted(cli, FULL[name])
    assert sent <= 4


@pytest.mark.soak
@pytest.mark.parametrize("name", ["json floats", "percent"])
def test_ctrl_c_ends_a_run_amid_long_answers_within_a_second_and_a_half(cli: CommandLine, name: str) -> None:
    seconds, _ = interrupted(cli, FULL[name])
    assert seconds < 1.5


@pytest.mark.soak
@pytest.mark.parametrize("after", [0.3, 0.7, 1.1, 1.6, 2.3])
@pytest.mark.parametrize("name", CODED)
def test_ctrl_c_does_not_wait_for_recordings(cli: CommandLine, name: str, after: float) -> None:
    seconds, _ = interrupted(cli, CODED[name], after)
    assert seconds < 1.0
