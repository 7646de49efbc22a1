"""How a run's progress is shown: two lines on a terminal, plain lines elsewhere."""

from __future__ import annotations

import io
import re
import time
from collections import Counter

import pytest
from rich.console import Console

from commands.compared_screens import WIDTHS, compare
from commands.replays import people
from rokt_export.commands.progress import ProgressWatch
from rokt_export.commands.terminal import Terminal
from rokt_export.delivery.run_counts import Tally


def test_progress_before_the_first_answer_is_a_whole_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rokt_export.commands.progress._EVERY", 0.0)
    watch = ProgressWatch(Terminal(), 12)
    with watch:
        watch.tell(0, Tally(), 2, ())
        watch.tell(0, Tally(Counter(delivered=3)), 2, ())
    first, second = capsys.readouterr().err.splitlines()
    assert first == "0 of 12 rows, 0/s"
    assert re.fullmatch(r"3 of 12 rows, [\d,]+/s, 3 delivered", second)


def test_what_a_run_waits_for_is_in_its_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rokt_export.commands.progress._EVERY", 0.0)
    watch = ProgressWatch(Terminal(), 12)
    with watch:
        watch.tell(0, Tally(), 0, (), "waiting for a worker")
        watch.tell(0, Tally(), 0, (), "429, 12 s")
    shown = capsys.readouterr().err.splitlines()
    assert shown == [
        "0 of 12 rows, 0/s, waiting for a worker",
        "0 of 12 rows, 0/s, waiting for the partner (429, 12 s)",
    ]


def test_progress_is_plain_lines_without_a_terminal_and_nothing_when_quiet(cli, spec, partner):
    partner.delay = 0.3
    rows = cli.write("rows.csv", people(*range(1, 41)))
    shown = cli.process("replay", spec, rows, "--concurrency", "2", "--output", "ndjson")
    assert any(line.endswith(" delivered") and " of 40 rows, " in line for line in shown.err.splitlines()), shown.err
    assert "\x1b" not in shown.err
    quiet = cli.process("replay", spec, cli.write("few.csv", people(1, 2)), "--quiet", "--output", "ndjson")
    assert quiet.err == ""


def test_progress_with_six_outcomes(monkeypatch: pytest.MonkeyPatch) -> None:
    outcomes = Counter(delivered=380, duplicate=95, rejected=12, failed=7, unclassified=2, invalid=4)
    monkeypatch.setattr(time, "monotonic", lambda: 1000.0)
    watch = ProgressWatch(Terminal(), 1_000)
    monkeypatch.setattr(time, "monotonic", lambda: 1004.0)
    watch.tell(0, Tally(outcomes), 10, (), "429, 12 s")
    shown = {}
    for width in WIDTHS:
        console = Console(file=io.StringIO(), width=width)
        console.print(watch)
        shown[width] = console.file.getvalue()
        assert len(shown[width].splitlines()) == 2
        assert max(map(len, shown[width].splitlines())) < width
    compare("progress", shown)
