"""What saves an operator keys: findings where CI looks, the first rows only, defaults, folders, a browser."""

from __future__ import annotations

import json
import re
from pathlib import Path

import jsonschema
from ruamel.yaml import YAML

from tests.commands.conftest import FEW, ROOT, SAMPLES, CommandLine

BREVO = next(path for path in SAMPLES if path.stem == "brevo")
WRONG = """spec_version: 1
partner: acme
endpoint: {staging: "https://example.com"}
requird: true
responses: [{status: 2xx, outcome: delivered}]
"""
SCHEMA = json.loads((ROOT / "tests" / "reports" / "data" / "sarif-2.1.0.schema.json").read_text(encoding="utf-8"))


def test_findings_as_sarif_satisfy_its_public_schema(cli: CommandLine) -> None:
    cli.write("a spec.yaml", WRONG)
    done = cli("validate", "a spec.yaml", "gone.yaml", BREVO, "--output", "sarif")
    assert done.status == 3
    jsonschema.Draft7Validator(SCHEMA, format_checker=jsonschema.FormatChecker()).validate(done.json)
    run = done.json["runs"][0]
    rules = run["tool"]["driver"]["rules"]
    unknown = next(each for each in run["results"] if each["ruleId"] == "RX010")
    place = unknown["locations"][0]["physicalLocation"]
    assert place == {"artifactLocation": {"uri": "a%20spec.yaml"}, "region": {"startLine": 4, "startColumn": 1}}
    assert (unknown["level"], rules[unknown["ruleIndex"]]["shortDescription"]["text"]) == ("error", "unknown key")


def test_findings_as_annotations_of_a_workflow(cli: CommandLine) -> None:
    cli.write("100%,a.yaml", WRONG)
    done = cli("validate", "100%,a.yaml", "--output", "github")
    assert done.status == 3
    lines = done.out.splitlines()
    assert any(line.startswith("::error file=100%25%2Ca.yaml,line=4,col=1,title=RX010::unknown key") for line in lines)
    assert all(re.match(r"::(error|warning|notice) file=", line) for line in lines)


def test_the_hook_of_pre_commit_runs_a_command_that_exists(cli: CommandLine) -> None:
    (hook,) = YAML(typ="safe").load(ROOT / ".pre-commit-hooks.yaml")
    program, *arguments = hook["entry"].split()
    assert program == "rokt-export"
    assert cli(*arguments, BREVO).status == 0
    assert cli(*arguments, cli.write("acme.yaml", WRONG)).status == 3
    assert re.search(hook["files"], "partner_specs/acme.yaml")
    assert re.search(hook["files"], "specs/acme.yaml")
    assert not re.search(hook["files"], ".github/workflows/ci.yaml")


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


def test_test_waits_as_long_as_patience_says(cli: CommandLine) -> None:
    spec = cli.write("acme.yaml", WRONG.replace("requird: true\n", "").replace("https://example.com", "http://[::1]:9"))
    assert cli("test", spec, "--patience", "soon").status == 2
    done = cli("test", spec, "--patience", "100ms")
    assert done.status == 4


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
