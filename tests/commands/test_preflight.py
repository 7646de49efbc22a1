"""What is told before the first send: rows that are counted beside the run, and how long it takes."""

from __future__ import annotations

import json
import signal

import pytest

from commands.conftest import PATIENCE
from commands.replays import people


def test_the_rows_of_a_large_file_are_counted_beside_the_run(cli, spec, partner, monkeypatch):
    monkeypatch.setattr("rokt_export.commands.preflight._LARGE", 10)
    monkeypatch.setattr("rokt_export.commands.preflight.FIRST_ROWS", 2)
    monkeypatch.setattr("rokt_export.commands.progress._EVERY", 0.1)
    rows = cli.write("rows.csv", people(*range(1, 21)))
    partner.delay = 0.1
    done = cli("replay", spec, rows, "--concurrency", "2", "--log-format", "json")
    lines = [json.loads(line) for line in done.err.splitlines()]
    progress = [line for line in lines if line["event"] == "progress"]
    assert progress[-1]["about"] == 20
    assert progress[-1]["total"] is None
    assert " of about 20 rows" in progress[-1]["message"]


def test_the_expected_duration_is_that_of_the_rows_that_a_prompt_names(cli, spec):
    rows = cli.write("rows.csv", people(*range(1, 6)) + ",\n" * 500)
    done = cli("replay", spec, rows, "-e", "production", "--confirm", "acme")
    last = done.err.index("about 1 s at 200 ms per response\n")
    assert done.err.index("505 rows") < done.err.index("cannot be sent; the first: row 6") < last


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        ((), "\nabout 3 min at 200 ms per response\n"),  # 9,000 rows, ten at once
        (("--rate", "1/s"), "\nat this rate it takes at least 2.5 h\n"),
        (("--rate", "600/m", "--concurrency", "1"), "\nabout 30 min at 200 ms per response\n"),
        (("--rate", "1/s", "--sandbox"), "\nat this rate it takes at least 2.5 h\n"),
    ],
)
def test_the_expected_duration_is_shown_before_the_first_send(cli, spec, partner, flags, told):
    rows = cli.write("rows.csv", people(*range(1, 9_001)))
    with cli.start("replay", spec, rows, *flags) as process:
        assert process.stderr is not None
        heard = ""
        for line in process.stderr:
            heard += line
            if heard.endswith(told):
                break
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=PATIENCE)
    assert told in heard
