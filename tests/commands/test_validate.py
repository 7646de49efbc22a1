"""`validate`: findings as data, as SARIF and as annotations, and which of them fail."""

from __future__ import annotations

import json
import re
from pathlib import Path

from ruamel.yaml import YAML

from commands.findings import BREVO, FINDING, UNSET, WRONG
from tests.commands.conftest import ROOT, CommandLine, spec_text


def test_validate_tells_the_lines_that_nobody_has_confirmed(cli: CommandLine) -> None:
    text = "# `# check` marks what is a guess\n" + spec_text("https://example.com")
    spec = cli.write(
        "acme.yaml", text.replace("encoding: json", "encoding: json  # check: a guess") + "# check: more\n"
    )
    last = len(spec.read_text().splitlines())
    done = cli("validate", spec)
    told = f"2 lines are still marked `# check`: {text[: text.index('encoding')].count(chr(10)) + 1}, {last}."
    assert (done.status, told in done.out) == (0, True), done.out
    (row,) = [one for one in cli("validate", spec, "--output", "json").json if not one["code"]]
    assert list(row) == FINDING and row["severity"] == "info" and row["message"] + "." == told
    assert "# check" not in cli("validate", spec, "--output", "csv").out


def test_several_specs_are_one_document(cli: CommandLine) -> None:
    spec = cli.write("acme.yaml", spec_text("https://example.com", authentication=UNSET))
    other = cli.write("other.yaml", "spec_version: 2\n")
    done = cli("validate", spec, other, "gone.yaml", "--output", "json")
    assert done.status == 3
    assert {Path(one["file"]).name for one in done.json} == {"acme.yaml", "other.yaml", "gone.yaml"}


def test_warnings_fail_where_told(cli: CommandLine) -> None:
    spec = cli.write("acme.yaml", spec_text("https://example.com", authentication=UNSET))
    assert cli("validate", spec).status == 0
    assert cli("validate", spec, "--strict").status == 1
    assert cli("validate", spec, "--strict", env={"ACME_TOKEN": "x"}).status == 0


SCHEMA = json.loads((ROOT / "tests" / "reports" / "data" / "sarif-2.1.0.schema.json").read_text(encoding="utf-8"))


def test_the_hook_of_pre_commit_runs_a_command_that_exists(cli: CommandLine) -> None:
    (hook,) = YAML(typ="safe").load(ROOT / ".pre-commit-hooks.yaml")
    program, *arguments = hook["entry"].split()
    assert program == "rokt-export"
    assert cli(*arguments, BREVO).status == 0
    assert cli(*arguments, cli.write("acme.yaml", WRONG)).status == 3
    assert re.search(hook["files"], "partner_specs/acme.yaml")
    assert re.search(hook["files"], "specs/acme.yaml")
    assert not re.search(hook["files"], ".github/workflows/ci.yaml")
