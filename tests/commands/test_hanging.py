"""Answers without end, met by a real process: time and memory stay bounded, and Ctrl-C is heard. Run by `make soak`."""

from __future__ import annotations

import json
import os
import signal
import time
from dataclasses import replace

import pytest
from raw_partner import BEHAVIOURS, RawPartner

from commands.conftest import PATIENCE, CommandLine
from commands.test_faults import authority, server_context, spec_of

__all__ = ["authority", "server_context"]

TIMEOUT = 2.0
MOST_MEMORY = 200_000_000
HANGING = sorted(name for name, played in BEHAVIOURS.items() if played.hangs)


def start(cli: CommandLine, authority, partner: RawPartner, rows: int = 4):
    authority.cert_pem.write_to_path(cli.folder / "ca.pem")
    spec = cli.write("raw.yaml", spec_of(partner.behaviour, partner, "ours", str(cli.folder / "ca.pem")))
    names = "\n".join(["transaction", *(f"row-{number}" for number in range(rows))])
    flags = ("--output", "json", "--no-first-row-check", "--patience", "0s")
    return cli.start("replay", spec, cli.write("rows.csv", names + "\n"), *flags, close_fds=True)


@pytest.mark.soak
@pytest.mark.parametrize("name", HANGING)
def test_it_ends_in_time_and_in_little_memory(cli, authority, server_context, name) -> None:
    with RawPartner(replace(BEHAVIOURS[name], timeout=TIMEOUT), server_context) as partner:
        running = start(cli, authority, partner)
        out, err = running.stdout.read(), running.stderr.read()
        _, _, usage = os.wait4(running.pid, 0)
    deliveries = json.loads(out)["deliveries"]
    assert max(each["latency_ms"] for each in deliveries) <= 1000 * (TIMEOUT * 1.1 + 0.2), err
    assert usage.ru_maxrss * 1024 < MOST_MEMORY


@pytest.mark.soak
@pytest.mark.parametrize("name", HANGING)
def test_ctrl_c_twice_is_heard_at_once(cli, authority, server_context, name) -> None:
    with RawPartner(replace(BEHAVIOURS[name], timeout=20.0), server_context) as partner:
        running = start(cli, authority, partner)
        deadline = time.monotonic() + PATIENCE
        while not partner.received and running.poll() is None and time.monotonic() < deadline:
            time.sleep(0.01)
        for _ in range(2):
            time.sleep(0.1)
            if running.poll() is None:
                running.send_signal(signal.SIGINT)
        asked = time.monotonic()
        running.communicate(timeout=PATIENCE)
    assert time.monotonic() - asked < 0.5 + 0.5  # the second half is the interpreter's end, on a busy machine
