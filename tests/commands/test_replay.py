"""`replay` sends a file: order, reports, and what it prints before and while it sends."""

from __future__ import annotations

import csv
import io
import re

import pytest

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
