"""Errors in the command line: one style, a suggestion where a word is near, and a status of 2."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main

from rokt_export.commands.cli import program
from tests.commands.conftest import ROOT, CommandLine

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
