"""The main job end to end: every sample validates, renders and delivers to its sandbox; duplicates are told."""

from __future__ import annotations

import json
import subprocess
import urllib.request
from pathlib import Path

import pytest

from tests.commands.conftest import FEW, ROOT, SAMPLES, CommandLine, interrupt

MAILCHIMP = ROOT / "sample_specs" / "mailchimp.yaml"
sample = pytest.mark.parametrize("sample", SAMPLES, ids=[path.stem for path in SAMPLES])
DELIVERY = {
    "row", "transaction", "outcome", "status", "rule", "reason", "reference", "code", "attempts", "latency_ms", "error",
}  # fmt: skip


def test_three_invented_people_are_delivered(cli: CommandLine) -> None:
    done = cli("test", MAILCHIMP, "--sandbox", "--count", 3, "--output", "json")
    assert done.status == 0
    assert [one["outcome"] for one in done.json["deliveries"]] == ["delivered"] * 3
    assert done.json["counts"] == {"delivered": 3}
    assert set(done.json) == {"run", "partner", "environment", "counts", "deliveries"}
    assert all(set(one) == DELIVERY for one in done.json["deliveries"])


@pytest.mark.parametrize("command", ["test", "replay"])
def test_the_same_file_sent_twice_ends_in_duplicates(cli: CommandLine, command: str) -> None:
    first = cli(command, MAILCHIMP, FEW, "--sandbox", "--output", "json")
    again = cli(command, MAILCHIMP, FEW, "--sandbox", "--output", "json")
    assert (first.status, first.json["counts"]) == (0, {"delivered": 5})
    assert (again.status, again.json["counts"]) == (1, {"duplicate": 5})


def test_the_sandbox_forgets_when_told(cli: CommandLine) -> None:
    cli("test", MAILCHIMP, FEW, "--sandbox")
    assert cli("test", MAILCHIMP, FEW, "--sandbox", "--forget", "--output", "json").json["counts"] == {"delivered": 5}


@pytest.mark.parametrize("command", ["test", "replay"])
def test_the_same_rows_in_two_files_end_in_duplicates(cli: CommandLine, command: str) -> None:
    copy = cli.write("copy.csv", FEW.read_bytes())
    done = cli(command, MAILCHIMP, FEW, copy, "--sandbox", "--output", "json")
    assert (done.status, done.json["counts"]) == (1, {"delivered": 5, "duplicate": 5})


@pytest.mark.parametrize("command", ["test", "replay"])
def test_a_file_named_twice_is_a_slip_and_leaves_no_run(cli: CommandLine, command: str) -> None:
    done = cli(command, MAILCHIMP, FEW, FEW, "--sandbox", "--output", "json")
    assert (done.status, done.out) == (3, "")
    assert "named twice" in done.err
    assert cli("runs", "list", "--output", "json").json == []


def test_expected_duplicates_are_success(cli: CommandLine) -> None:
    cli("test", MAILCHIMP, FEW, "--sandbox")
    assert cli("test", MAILCHIMP, FEW, "--sandbox", "--expect", "duplicate").status == 0


def test_a_running_sandbox_remembers_and_tells(cli: CommandLine) -> None:
    with cli.start("sandbox", MAILCHIMP, "--port", 0, "--token", "t0ken") as serving:
        try:
            assert serving.stdout is not None
            url = serving.stdout.readline().strip()
            first = cli("test", MAILCHIMP, FEW, "--sandbox-url", url, "--output", "json")
            again = cli("test", MAILCHIMP, FEW, "--sandbox-url", url, "--output", "json")
            with urllib.request.urlopen(f"{url}/_sandbox/deliveries?token=t0ken", timeout=5) as answer:
                recorded = json.load(answer)
        finally:
            interrupt(serving)
        out, err = serving.communicate(timeout=10)
    assert (first.status, first.json["counts"]) == (0, {"delivered": 5})
    assert (again.status, again.json["counts"]) == (1, {"duplicate": 5})
    assert len(recorded["deliveries"]) == 10
    assert (serving.returncode, out) == (0, "")
    assert "5 delivered, 5 duplicate" in err
    assert "Traceback" not in err


@sample
def test_every_sample_validates(cli: CommandLine, sample: Path) -> None:
    done = cli("validate", sample, "--output", "json")
    assert done.status == 0
    # A demo has no variables, and HubSpot's forms know no duplicates.
    allowed = {"RX107", "RX109"} if sample.stem == "hubspot-forms" else {"RX107"}
    assert {finding["code"] for finding in done.json if finding["severity"] != "info"} <= allowed


@sample
def test_every_sample_renders_without_credentials(cli: CommandLine, sample: Path) -> None:
    http, curl, data = (cli("render", sample, "--as", form) for form in ("http", "curl", "json"))
    assert (http.status, curl.status, data.status) == (0, 0, 0)
    assert http.out.splitlines()[0].endswith(" HTTP/1.1")
    assert "curl -sS" in curl.out
    assert subprocess.run(["sh", "-n", "-c", curl.out], check=False).returncode == 0  # a shell can read it
    [row] = data.json
    assert row["problems"] == []
    assert row["url"].startswith("https://")
    assert http.err == curl.err == data.err == ""


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
