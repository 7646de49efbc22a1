"""`replay` sends a file: order, reports, and what it prints before and while it sends."""

from __future__ import annotations

import csv
import io
import re
import resource
import signal

import pytest

from commands.conftest import PATIENCE
from commands.replays import MAILCHIMP, THOUSAND, people


def test_a_thousand_rows_are_reported_once_each_in_order(cli):
    shown = cli("replay", MAILCHIMP, THOUSAND, "--sandbox", "--output", "csv", "--quiet")
    assert shown.status == 0
    rows = list(csv.DictReader(io.StringIO(shown.out)))
    assert [int(row["row"]) for row in rows] == list(range(1, len(rows) + 1))
    with THOUSAND.open(encoding="utf-8-sig", newline="") as file:
        assert len(rows) == sum(1 for _ in csv.reader(file)) - 1
    exported = cli("runs", "export", "last", "--format", "csv")
    assert exported.out == shown.out


def test_too_few_open_files_are_named_before_the_first_send(cli, spec, partner):
    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))

    rows = cli.write("rows.csv", people(*range(1, 301)))
    with cli.start("replay", spec, rows, "--concurrency", 200, "--override-limits", preexec_fn=limit) as process:
        _, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == 3
    assert "200 requests at a time need about 224 open files" in errors and "this system allows 64" in errors
    assert "lower --concurrency to 40" in errors
    assert partner.heard == []


@pytest.mark.parametrize("named", ["rows.csv", "link.csv", "./acme.yaml", "journal.sqlite"])
@pytest.mark.parametrize("command", ["replay", "test", "diff"])
def test_no_report_overwrites_an_input(cli, spec, partner, command, named, monkeypatch):
    monkeypatch.chdir(cli.folder)
    cli.write("rows.csv", people(1, 2))
    cli("runs", "list", "--journal", "journal.sqlite")
    (cli.folder / "link.csv").symlink_to("rows.csv")
    (cli.folder / f"{named}.html").symlink_to(named)  # a suffix that each command knows
    before = (cli.folder / named).read_bytes()
    sides = ("--between", "staging", "production", "--confirm", "acme") if command == "diff" else ()
    flags = ("--journal", "journal.sqlite", "--report", f"{named}.html", *sides)
    shown = cli(command, "acme.yaml", "rows.csv", *flags)
    assert (shown.status, partner.heard) == (2, [])
    assert "which is read from" in shown.err
    assert (cli.folder / named).read_bytes() == before


@pytest.mark.parametrize("command", [("runs", "export", "last"), ("report", "last")])
def test_no_export_overwrites_the_input_of_a_run(cli, spec, partner, command):
    rows = cli.write("rows.csv", people(1, 2))
    cli("replay", spec, rows)
    shown = cli(*command, "--out", rows)
    assert (shown.status, rows.read_text()) == (2, people(1, 2))


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


def test_program_messages_stay_readable_whatever_names_people_have(cli, spec, partner):
    rows = cli.write("rows.csv", "email,firstname,lastname\n,required,row\n,is,the\njane.doe.1@example.com,Jane,Row\n")
    shown = cli("replay", spec, rows, "--output", "csv")
    told = [(row["transaction"], row["reason"]) for row in csv.DictReader(io.StringIO(shown.out))]
    assert told[:2] == [(f"row-{row}", "email is required: the value is empty") for row in (1, 2)]
    assert told[2][0] == "row-3"
    assert "row 1 cannot be sent: email is required: the value is empty" in shown.err
    wrong = cli.write("wrong.csv", "email,zipcode,lastname\njane.doe.1@example.com,x1,Is\n")
    patterned = "parameters:\n  - {name: zip, attribute: zipcode, pattern: '[0-9]+'}\n"
    cli.write("acme.yaml", spec.read_text().replace("parameters:\n", patterned))
    shown = cli("replay", spec, wrong, "--output", "csv")
    reason = next(csv.DictReader(io.StringIO(shown.out)))["reason"]
    assert re.fullmatch(r"zip: `person-\w+` does not match `\[0-9\]\+`", reason)  # what a row holds is hidden as ever


def test_a_column_is_mapped_only_to_an_existing_attribute(cli, spec, partner):
    rows = cli.write("rows.csv", people(1))
    shown = cli("replay", spec, rows, "--map", "email=emial")
    assert (shown.status, partner.heard) == (2, [])
    assert "there is no attribute `emial`" in shown.err and "Did you mean `email`?" in shown.err


def test_progress_is_plain_lines_without_a_terminal_and_nothing_when_quiet(cli, spec, partner):
    partner.delay = 0.3
    rows = cli.write("rows.csv", people(*range(1, 41)))
    shown = cli.process("replay", spec, rows, "--concurrency", "2", "--output", "ndjson")
    assert any(line.endswith(" delivered") and " of 40 rows, " in line for line in shown.err.splitlines()), shown.err
    assert "\x1b" not in shown.err
    quiet = cli.process("replay", spec, cli.write("few.csv", people(1, 2)), "--quiet", "--output", "ndjson")
    assert quiet.err == ""
