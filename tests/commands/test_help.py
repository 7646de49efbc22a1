"""Help, errors in the command line, completion: what a person reads before anything is sent."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main

from rokt_export.__main__ import main
from rokt_export.commands.cli import program
from rokt_export.commands.explain import entries
from tests.commands.conftest import ROOT, SAMPLES, CommandLine, Partner, spec_text

COMMANDS = typer.main.get_command(program())
HEADINGS = ["Options:", "Rows:", "Sending:", "Stopping:", "Earlier runs:", "Sandbox:", "Output:"]


def _leaves(command: Any = COMMANDS, path: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], Any]]:
    children = getattr(command, "commands", {})
    own = [] if children else [(path, command)]
    return own + [leaf for name, child in children.items() for leaf in _leaves(child, (*path, name))]


@pytest.mark.parametrize("width", [60, 80, 100, 140])
def test_help_shows_whole_flags_and_examples_at_any_width(cli: CommandLine, width: int) -> None:
    for path, command in _leaves():
        done = cli(*path, "--help", env={"COLUMNS": str(width)})
        assert done.status == 0
        head, _, options = done.out.partition("Examples:\n")
        assert options.startswith(f"  {'curl' if path == ('classify',) else 'rokt-export'} "), path
        assert max(len(line) for line in head.splitlines()) <= width
        if width >= 80:
            assert max(len(line) for line in done.out.splitlines()) <= width, path
        for each in command.params:
            assert getattr(each, "is_flag", False) or each.metavar, (path, each.name)
            assert all(re.search(rf"(?m)^ .*{flag}[ ,\n]", done.out) for flag in each.opts if flag[0] == "-"), path
        assert not re.search(r"<\w+>| VALUE\b|…", done.out)


@pytest.mark.parametrize("command", ["replay", "test", "diff", "render"])
def test_flags_are_under_headings_in_one_order(cli: CommandLine, command: str) -> None:
    out = cli(command, "--help").out.splitlines()
    found = [line for line in out if line in HEADINGS]
    assert found == [heading for heading in HEADINGS if heading in found]
    assert found == HEADINGS or command != "replay"
    assert len(found) >= 3


def test_help_of_a_command_by_name_and_the_version_by_letter(cli: CommandLine) -> None:
    assert cli("help", "runs", "show").out == cli("runs", "show", "--help").out
    assert cli("help").out == cli("--help").out
    assert cli("-V").out == cli("--version").out
    assert "Did you mean `replay`?" in cli("help", "replya").err


def test_each_code_is_explained(cli: CommandLine) -> None:
    page = (ROOT / "docs" / "findings.md").read_text(encoding="utf-8")
    assert len(entries()) == page.count("\n### RX")
    done = cli("explain", "rx110")
    assert done.status == 0
    assert done.out.startswith("RX110: a rule that is never reached (warning)\n\n")
    assert "Remedy:" in done.out
    wrong = cli("explain", "RX999")
    assert (wrong.status, "no finding has the code `RX999`" in wrong.err) == (2, True)


WRONG: dict[str, tuple[tuple[str, ...], int, str]] = {
    "command": (("replya",), 2, "error: no such command: `replya`\nDid you mean `replay`?"),
    "command of a group": (("runs", "lst"), 2, "error: no such command: `lst`\nDid you mean `list`?"),
    "flag": (("replay", "--rat"), 2, "error: no such option: `--rat`\nDid you mean `--rate`?"),
    "choice": (("test", "SPEC", "--output", "jsno"), 2, "table, json, ndjson, csv\nDid you mean `json`?"),
    "number": (("test", "SPEC", "--count", "x"), 2, "error: --count: `x` is not a whole number\n"),
    "small": (("test", "SPEC", "--count", "0"), 2, "error: --count: 0 is too small; the least is 1\n"),
    "large": (("sandbox", "SPEC", "--error-rate", "3"), 2, "error: --error-rate: 3 is too large; the most is 1\n"),
    "nothing": (("replay",), 2, "error: SPEC is missing\nThe partner's spec, a YAML file."),
    "too much": (("probe", "SPEC", "more"), 2, "error: too many arguments: more\n"),
    "no value": (("test", "SPEC", "--count"), 2, "error: --count: this option needs a value\n"),
    "no values": (("diff", "--runs", "big"), 2, "error: --runs: this option needs 2 values\n"),
    "spec": (("test", "brevvo.yaml"), 3, "error: brevvo.yaml: no such file\nDid you mean brevo.yaml?"),
    "events": (("test", "SPEC", "fwe.csv"), 3, "error: fwe.csv: the file is not there\nDid you mean few.csv?"),
    "variables": (("test", "SPEC", "--env-file", "env.stagin"), 3, "Did you mean env.staging?"),
    "environment": (("test", "SPEC", "-e", "stagin"), 2, "Did you mean `staging`? Choose one of staging, production"),
    "outcome": (("test", "SPEC", "--expect", "duplcate"), 2, "Did you mean `duplicate`?"),
    "run": (("runs", "show", "monady"), 2, "Did you mean `monday`?"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_a_typing_error_is_answered_in_one_style(cli: CommandLine, case: str) -> None:
    spec = cli.write("brevo.yaml", (ROOT / "sample_specs" / "brevo.yaml").read_bytes())
    cli.write("few.csv", (ROOT / "sample_events" / "few.csv").read_bytes())
    cli.write("env.staging", "BREVO_API_KEY=x\n")
    if case == "run":
        assert cli("test", spec, "--sandbox", "--name", "monday").status == 0
    arguments, status, message = WRONG[case]
    done = cli(*(str(spec) if each == "SPEC" else each for each in arguments))
    assert done.status == status
    assert message in done.err
    assert done.err.startswith("error: ")
    assert not re.search(r"Input should|Invalid value|Usage:|Error", done.err)


FAR: dict[str, tuple[str, ...]] = {
    "spec": ("validate", "missing.yaml"),
    "events": ("test", "SPEC", "journey.csv"),
    "flag": ("runs", "show", "last", "--only", "delivered"),
    "command": ("send",),
    "run": ("runs", "show", "tuesday-morning"),
    "document": ("init", "--openapi", "missing.yaml", "partner.yaml"),
    "filter": ("validate", "filter.yaml"),
}


@pytest.mark.parametrize("case", FAR)
def test_only_what_is_near_is_suggested(cli: CommandLine, case: str) -> None:
    spec = cli.write("plain.yaml", (ROOT / "sample_specs" / "brevo.yaml").read_bytes())
    cli.write("few.csv", (ROOT / "sample_events" / "few.csv").read_bytes())
    cli.write("filter.yaml", "spec_version: 1\nparameters: [{name: a, value: '{{ email | shout }}'}]\n")
    if case == "run":
        assert cli("test", spec, "--sandbox", "--name", "monday").status == 0
    done = cli(*(str(spec) if each == "SPEC" else each for each in FAR[case]))
    assert done.status in (2, 3), done.err
    assert "did you mean" not in (done.out + done.err).lower()


def test_the_shell_completes_what_is_known(
    cli: CommandLine, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def completed(line: str) -> list[str]:
        monkeypatch.setenv("COMP_WORDS", line)
        monkeypatch.setenv("COMP_CWORD", str(len(line.split(" ")) - 1))
        with pytest.raises(SystemExit):
            main([])
        return capfd.readouterr().out.split()

    spec = next(str(path) for path in SAMPLES if path.stem == "brevo")
    assert cli("test", spec, "--sandbox", "--name", "monday").status == 0
    monkeypatch.setenv("_ROKT_EXPORT_COMPLETE", "complete_bash")
    assert completed(f"rokt-export test {spec} -e ") == ["staging", "production"]
    assert completed(f"rokt-export replay {spec} --confirm ") == ["brevo"]
    assert completed(f"rokt-export replay {spec} --only r") == ["rejected"]
    assert completed("rokt-export runs show m") == ["monday"]
    assert {"RX110", "RX111"} <= set(completed("rokt-export explain RX11"))
    assert completed("rokt-export test gone.yaml -e ") == []


def test_a_pager_gets_the_terminals_width_and_colours_on_demand(cli: CommandLine) -> None:
    spec = next(path for path in SAMPLES if path.stem == "brevo")
    plain = _through_a_pipe(cli, 66, "--help")
    assert 60 < max(len(line) for line in plain.splitlines()) <= 66
    assert "\x1b[" not in plain
    assert "\x1b[" in _through_a_pipe(cli, 66, "--help", CLICOLOR_FORCE="1")
    assert "\x1b[" in _through_a_pipe(cli, 66, "validate", str(spec), CLICOLOR_FORCE="1")


def _through_a_pipe(cli: CommandLine, columns: int, *arguments: str, **env: str) -> str:
    """Return what a reader of stdout gets while stderr is a terminal of so many columns."""
    main, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    try:
        done = subprocess.run(
            [sys.executable, "-m", "rokt_export", *arguments], env=cli.environment() | env, stdout=subprocess.PIPE,
            stderr=terminal, text=True, timeout=60,
        )  # fmt: skip
    finally:
        os.close(terminal)
        os.close(main)
    return done.stdout


def test_color_decides_where_a_pager_reads(cli: CommandLine, partner: Partner) -> None:
    cli("test", cli.write("acme.yaml", spec_text(partner.url)))
    for flags, coloured in (((), False), (("--color", "always"), True), (("--color", "never"), False)):
        shown = cli("runs", "show", "last", *flags, env={"COLUMNS": "66"})
        assert ("\x1b[" in shown.out) is coloured, flags
        assert all(len(re.sub(r"\x1b\[[\d;]*m", "", line)) <= 66 for line in shown.out.splitlines() if "─" in line)
    forced = {"FORCE_COLOR": "1"}
    assert "\x1b[" in cli("runs", "list", env=forced).out
    assert "\x1b[" not in cli("runs", "list", "--color", "never", env=forced).out
    assert "`always` is not" not in cli("runs", "list", "--color", "sometimes").err
    assert "--color: `sometimes` is not one of auto, always, never" in cli("runs", "list", "--color", "sometimes").err


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("diff acme.yaml --between", "`rokt-export diff --help`"),
        ("runs show last --row", "`rokt-export runs show --help`"),
        ("explain RX11O", "Did you mean `RX110`?"),
        ("explain rx1l0", "Did you mean `RX110`?"),
    ],
)
def test_an_error_leads_on(cli: CommandLine, line: str, words: str) -> None:
    refused = cli(*line.split())
    assert refused.status == 2 and words in refused.err, refused.err


def test_a_flag_of_two_commands_is_under_the_heading_that_fits(cli: CommandLine) -> None:
    diff, certify = cli("diff", "--help").out, cli("certify", "--help").out
    assert "Sign-off:" not in diff
    assert "--spec SPEC" in diff.partition("Earlier runs:")[2].partition("\n\n")[0]
    assert "--spec SPEC" in certify.partition("Sign-off:")[2].partition("\n\n")[0]


def _whole_numbers(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield a command line up to a flag's value, and the flag, of each flag of a whole number."""
    for name, one in getattr(command, "commands", {}).items():
        yield from _whole_numbers(one, (*path, name))
    needed = ["x" for each in command.params if each.param_type_name == "argument" and each.required]
    for each in command.params:
        if each.param_type_name == "option" and each.type_descriptor.annotation is int:
            yield (*path, *needed, each.opts[0]), each.opts[0]


@pytest.mark.parametrize("digits", [20, 400, 5000])
def test_a_number_that_is_too_large_is_a_usage_error_with_each_flag(cli: CommandLine, digits: int) -> None:
    flags = list(_whole_numbers(typer.main.get_command(program())))
    assert {"--count", "--stop-after", "--skip-lines", "--port", "--split"} <= {flag for _, flag in flags}
    for line, flag in flags:
        done = cli(*line, "9" * digits)
        assert done.status == 2, line
        assert done.err.startswith(f"error: {flag}: "), line
        assert "at most 1,000,000,000,000,000" in done.err or "is too large" in done.err, line
    assert "--seed: at least -1,000,000,000,000,000" in cli("test", "x", "--seed", "-" + "9" * digits).err


@pytest.mark.parametrize("flag", ["--workers", "--patience", "--rate", "--max-duration", "--cluster"])
def test_a_text_with_a_number_that_is_too_large_is_a_usage_error(cli: CommandLine, spec: Path, flag: str) -> None:
    rows = cli.write("few.csv", (ROOT / "sample_events" / "few.csv").read_bytes())
    unit = {"--patience": "s", "--rate": "/s", "--max-duration": "h"}.get(flag, "")
    before = "local:" if flag == "--cluster" else ""
    done = cli("replay", spec, rows, flag, before + "9" * 5000 + unit)
    assert (done.status, flag in done.err) == (2, True)


def test_a_row_that_is_too_large_is_a_usage_error(cli: CommandLine, spec: Path) -> None:
    assert cli("test", spec, "--sandbox").status == 0
    for digits in (400, 5000):
        done = cli("runs", "show", "last", "--row", "9" * digits)
        assert (done.status, "--row: a row has at most 15 digits" in done.err) == (2, True)
