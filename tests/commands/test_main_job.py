"""The main job end to end: every sample validates, renders and delivers to its sandbox; duplicates are told."""

from __future__ import annotations

from pathlib import Path

import pytest

from commands.replays import MAILCHIMP, sample
from tests.commands.conftest import FEW, ROOT, CommandLine


@pytest.mark.parametrize("command", ["test", "replay"])
def test_a_file_named_twice_is_a_slip_and_leaves_no_run(cli: CommandLine, command: str) -> None:
    done = cli(command, MAILCHIMP, FEW, FEW, "--sandbox", "--output", "json")
    assert (done.status, done.out) == (3, "")
    assert "named twice" in done.err
    assert cli("runs", "list", "--output", "json").json == []


@sample
def test_every_sample_validates(cli: CommandLine, sample: Path) -> None:
    done = cli("validate", sample, "--output", "json")
    assert done.status == 0
    # A demo has no variables, and HubSpot's forms know no duplicates.
    allowed = {"RX107", "RX109"} if sample.stem == "hubspot-forms" else {"RX107"}
    assert {finding["code"] for finding in done.json if finding["severity"] != "info"} <= allowed


@sample
def test_every_sample_delivers_to_its_sandbox(cli: CommandLine, sample: Path) -> None:
    done = cli("test", sample, "--sandbox", "--count", 2, "--output", "json")
    assert (done.status, done.json["counts"]) == (0, {"delivered": 2}), done.out + done.err


def test_the_thousand_dirty_rows_end_in_one_row_each_in_order(cli: CommandLine) -> None:
    thousand = ROOT / "sample_events" / "thousand.csv"
    report = cli.folder / "results.csv"
    done = cli("replay", MAILCHIMP, thousand, "--sandbox", "--report", report, "--quiet")
    assert done.status == 0, done.err
    lines = report.read_text(encoding="utf-8").splitlines()
    assert [line.partition(",")[0] for line in lines] == ["row", *map(str, range(1, 1001))]


def test_the_table_is_data_and_the_talk_is_not(cli: CommandLine) -> None:
    done = cli("test", MAILCHIMP, FEW, "--sandbox", "--count", 2)
    assert "delivered" in done.out
    assert "1 of 4 response rules matched. Not seen yet: duplicate, rejected, failed" in done.out
    assert "Jane Doe" in done.out
    assert done.out.count("9007199254740993") >= 1
    assert "9007199254740995" not in done.out


def test_a_pattern_that_the_shell_left_is_looked_through_before(cli: CommandLine) -> None:
    for name in ("b.csv", "a.csv"):
        cli.write(name, f"email\njane.{name[0]}@example.com\n")
    done = cli("replay", MAILCHIMP, "*.csv", "--sandbox", "--output", "json")
    assert (done.status, done.json["counts"]) == (0, {"delivered": 2}), done.err
    assert "2 rows in a.csv, b.csv" in done.err


def test_a_sandbox_is_not_bound_to_the_partners_rate_but_to_ours(cli: CommandLine) -> None:
    assert cli("replay", MAILCHIMP, FEW, "--sandbox", "--rate", "1000/s", "--quiet").status == 0
    assert cli("replay", MAILCHIMP, FEW, "--rate", "1000/s").status == 2
