"""Every run ends with its id, what stopped it, and the commands that fit, ready to be pasted."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from commands.conftest import CommandLine, Partner, Result
from commands.test_reclassify import SPEC, answer
from rokt_export.commands.run_output import DRAFT_RULE, NextCommands
from rokt_export.journal import default_place


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
    assert list(found) == ["see row 4", DRAFT_RULE]
    run = found["see row 4"][2]
    assert f"run {run}. Next:" in shown.err and f"go on with: rokt-export runs resume {run}" in shown.err
    assert "row 4" in cli(*found["see row 4"]).out
    assert "delivered  nothing speaks for it" in cli(*found[DRAFT_RULE]).err
    assert cli(*found[DRAFT_RULE], "--outcome", "duplicate", "--write").status == 0


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


def test_commands_after_a_sandbox_stay_in_it(cli: CommandLine, spec: Path) -> None:
    compared = cli("diff", spec, "--sandbox", "--count", "3")
    again = next(line.strip() for line in compared.out.splitlines() if "--between" in line)
    assert again.endswith("--between staging production --count 40 --sandbox")
    assert cli(*shlex.split(again)[1:]).status == 0
    url = "http://127.0.0.1:9"
    options = {"flags": {"sandbox_url": url}, "env_file": "my.env", "plugins": ["acme:Auth"]}
    onward = NextCommands("acme.yaml", ["rows.csv"], options, "staging", default_place(), None)
    flags = f"--sandbox-url {url} --env-file my.env --allow-plugin acme:Auth"
    resend = "rokt-export replay acme.yaml  -e staging --only failed --from-run R " + flags
    assert shlex.split(onward.rerun("R", "failed")) == shlex.split(resend)
    assert onward.test() == f"rokt-export test acme.yaml -e staging {flags}"


def test_commands_after_a_run_on_a_cluster_send_from_it(cli: CommandLine) -> None:
    options = {"flags": {"cluster": "tcp://10.0.0.5:8786"}}
    onward = NextCommands("acme.yaml", ["rows.csv"], options, "staging", default_place(), None)
    assert onward.rerun("R", "failed").endswith(" --only failed --from-run R --cluster tcp://10.0.0.5:8786")
    assert onward.resume("R") == "rokt-export runs resume R"


def test_runs_of_which_one_went_to_a_sandbox_are_not_sent_again(cli: CommandLine, spec: Path, partner: Partner) -> None:
    partner.answer = lambda _heard: (201, {}, b"{}")
    cli("test", spec, "--count", "3", "--name", "real")
    cli("test", spec, "--count", "3", "--sandbox", "--name", "made")
    assert "--between" not in cli("diff", "--runs", "real", "made").out


def test_why_production_was_out_of_reach_is_asked_with_its_name(cli: CommandLine, spec: Path) -> None:
    live = ("-e", "production", "--confirm", "acme", "--test-data", "--patience", "0s")
    shown = cli("replay", spec, "rows.csv", *live)
    asked = commands(shown)["see why it was refused"]
    assert asked[-2:] == ["--confirm", "acme"]
    assert cli(*asked).status == 1


def test_a_file_of_variables_is_named_again(cli: CommandLine, spec: Path, partner: Partner) -> None:
    partner.answer = lambda _heard: (401, {}, b"{}")
    cli.write("my.env", "A=b\n").chmod(0o600)
    shown = cli("test", spec, "rows.csv", "--env-file", "my.env")
    asked = commands(shown)["see why it was refused"]
    assert asked[asked.index("--env-file") + 1].endswith("my.env")
    answer = cli(*asked)
    assert answer.status == 1 and "% sure; " in answer.out
    assert "--env-file" in answer.err.partition("next: ")[2]
