"""Findings as SARIF and as annotations of a GitHub workflow."""

from __future__ import annotations

import json
import re

import jsonschema

from reports.wrong_spec import WRONG
from tests.commands.conftest import ROOT, SAMPLES, CommandLine

BREVO = next(path for path in SAMPLES if path.stem == "brevo")
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
