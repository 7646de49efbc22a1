"""Every run ends with its id, what stopped it, and the commands that fit, ready to be pasted."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from commands.conftest import CommandLine, Partner, Result
from commands.test_reclassify import SPEC, answer


@pytest.fixture
def spec(cli: CommandLine, partner: Partner) -> Path:
    partner.answer = answer
    cli.write("rows.csv", "email\n" + "".join(f"jane.doe.{row}@example.com\n" for row in range(1, 13)))
    text = SPEC.format(url=partner.url) + "  - {outcome: failed, status: 503}\n"
    return cli.write("acme.yaml", text)


def commands(shown: Result) -> dict[str, list[str]]:
    """Return what each of the last lines says, and the command that it names."""
    lines = shown.err.splitlines()
    begin = next(place for place, line in enumerate(lines) if line.endswith(". Next:"))
    pairs = (line.strip().partition(": rokt-export ") for line in lines[begin + 1 :])
    return {what: shlex.split(command) for what, _, command in pairs}


def test_a_run_that_stopped_says_where_why_and_what_to_do(cli: CommandLine, partner: Partner, spec: Path) -> None:
    shown = cli("replay", spec, "rows.csv", "--concurrency", "1", "--stop-unclassified")
    assert shown.err.count("no rule matches this response") == 1
    assert ": stopped at row 4: no rule matches this response; 4 of 12 rows handled, 8 not sent\n" in shown.err
    assert f"to acme staging: POST {partner.url}/leads\n" in shown.err
    found = commands(shown)
    assert list(found) == ["see row 4", "draft the missing rule"]
    run = found["see row 4"][2]
    assert f"run {run}. Next:" in shown.err and f"go on with: rokt-export runs resume {run}" in shown.err
    assert "row 4" in cli(*found["see row 4"]).out
    assert "delivered  nothing speaks for it" in cli(*found["draft the missing rule"]).err
    assert cli(*found["draft the missing rule"], "--outcome", "duplicate", "--write").status == 0


def test_a_run_that_reached_its_end_names_what_fits(cli: CommandLine, partner: Partner, spec: Path) -> None:
    partner.answer = lambda heard: (503, {}, b"") if b"doe.2@" in heard.body else (201, {}, b"{}")
    shown = cli("replay", spec, "rows.csv", "--name", "first")
    assert "(first). Next:" in shown.err
    found = commands(shown)
    assert list(found) == ["see row 2", "resend 1 failed row", "write the report"]
    partner.answer = lambda heard: (201, {}, b"{}")
    again = cli(*found["resend 1 failed row"])
    assert again.status == 0 and list(commands(again)) == ["write the report"]
    assert cli(*found["write the report"]).status == 0 and Path("acme.html").exists()
    assert "Next:" not in cli("replay", spec, "rows.csv", "--quiet").err


def test_commands_for_a_guarded_environment_work_when_pasted(cli: CommandLine, partner: Partner, spec: Path) -> None:
    spec.write_text(spec.read_text().replace("http://127.0.0.9:9/live", f"{partner.url}/live"))
    live = ("-e", "production", "--confirm", "acme", "--test-data")
    stopped = cli("replay", spec, "rows.csv", *live)
    resume = next(line for line in stopped.err.splitlines() if line.startswith("go on with: rokt-export "))
    assert resume.endswith(" --confirm acme")
    partner.answer = lambda heard: (503 if b"doe.6@" in heard.body else 201, {}, b"{}")
    resumed = cli(*shlex.split(resume.partition(": rokt-export ")[2]))
    assert resumed.status == 1 and "settled" in resumed.err
    resend = commands(resumed)["resend 1 failed row"]
    assert resend[-3:] == ["--confirm", "acme", "--test-data"]
    partner.answer = lambda _heard: (201, {}, b"{}")
    assert cli(*resend).status == 0


def test_what_was_left_out_is_told_once(cli: CommandLine, partner: Partner, spec: Path) -> None:
    partner.answer = lambda _heard: (201, {}, b"{}")
    spec.write_text(spec.read_text().replace("http://127.0.0.9:9/live", f"{partner.url}/live"))
    live = ("-e", "production", "--confirm", "acme", "--test-data")
    assert cli("replay", spec, "rows.csv", *live).status == 0
    again = cli("replay", spec, "rows.csv", *live, "--name", "again")
    assert (again.out + again.err).count("left out") == 1
    assert "12 rows were left out" in cli("runs", "show", "again").out
