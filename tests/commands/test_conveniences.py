"""What saves an operator keys: findings where CI looks, the first rows only, defaults, folders, a browser."""

from __future__ import annotations

from pathlib import Path

from commands.findings import BREVO, WRONG
from tests.commands.conftest import FEW, ROOT, CommandLine


def test_replay_sends_the_first_rows_only_and_no_others_on_resume(cli: CommandLine) -> None:
    done = cli("replay", BREVO, FEW, "--test-data", "--sandbox", "--count", 2, "--output", "ndjson")
    assert (done.status, [line["row"] for line in done.lines]) == (0, [1, 2])
    again = cli("replay", BREVO, "--from-run", "last", "--only", "delivered", "--count", 1)
    assert (again.status, "the earlier run selects the rows" in again.err) == (2, True)


def test_diff_compares_staging_and_production_unless_told_otherwise(cli: CommandLine) -> None:
    done = cli("diff", BREVO, "--sandbox", "--count", 2)
    assert done.status == 0, done.err
    assert "sending to staging\n" in done.err
    assert "sending to production\n" in done.err
    cli.write("one.yaml", WRONG.replace("requird: true\n", ""))
    lacking = cli("diff", "one.yaml")
    assert (lacking.status, "no environment `production`" in lacking.err) == (2, True)


def test_strict_names_the_place_of_the_damage(cli: CommandLine) -> None:
    rows = cli.write("rows.csv", "email,zipcode\njane@example.com,10115\njohn@example.com,1.2E+10\n")
    done = cli("replay", BREVO, rows, "--strict", "--test-data", "--sandbox")
    assert done.status == 3
    assert f"error: {rows}:3, row 2, column zipcode: the input is damaged in 1 place; the first: " in done.err


def test_a_folder_that_is_not_there_is_made_for_reports(cli: CommandLine) -> None:
    assert cli("test", BREVO, "--sandbox").status == 0
    assert cli("report", "last", "--out", "new/folder").status == 0
    (page,) = (cli.folder / "new" / "folder").iterdir()
    assert page.suffix == ".html"


def test_a_report_opens_in_the_browser(cli: CommandLine) -> None:
    assert cli("test", BREVO, "--sandbox").status == 0
    browser = cli.write("browser", '#!/bin/sh\nprintf %s "$1" > "$0.url"\n')
    browser.chmod(0o700)
    done = cli.process("report", "--open", env={"BROWSER": str(browser), "TMPDIR": str(cli.folder)})
    assert done.status == 0, done.err
    page = Path((cli.folder / "browser.url").read_text().removeprefix("file://"))
    assert page.read_text(encoding="utf-8").startswith("<!doctype html>")
    assert page.parent.stat().st_mode & 0o077 == 0


def test_runs_have_one_line_each(cli: CommandLine) -> None:
    cli("test", BREVO, "--sandbox", "--name", "the-monday-check-before-the-release")
    cli("replay", BREVO, FEW, "--test-data", "--sandbox")
    for width in (80, 100, 140):
        lines = cli("runs", "list", env={"COLUMNS": str(width)}).out.splitlines()
        assert len(lines) == 5, lines
        assert max(len(line.rstrip()) for line in lines) <= width
    assert "the-monday-check-before-the-release" in "\n".join(lines)


def test_a_command_that_is_shown_can_be_pasted_where_a_path_has_a_space(cli: CommandLine) -> None:
    spec = cli.write("my partner.yaml", (ROOT / "sample_specs" / "mailchimp.yaml").read_text(encoding="utf-8"))
    done = cli("validate", spec)
    assert f"rokt-export validate '{spec}' --questions" in done.out + done.err
