"""Each sample spec is certified against a sandbox made from it."""

from __future__ import annotations

from pathlib import Path
from uuid import UUID

import pytest

from rokt_export.partner_spec.loading import load_spec
from tests.commands.conftest import ROOT, SAMPLES, CommandLine

CANNOT_BE_TOLD = {"getresponse", "hubspot-forms", "salesforce-web-to-lead"}
"""Samples whose partner leaves a question open: an answer that only accepts, or no word for a duplicate."""
OPEN = ("the partner has not decided yet", "no rule gives `duplicate`")


@pytest.mark.parametrize("sample", SAMPLES, ids=[path.stem for path in SAMPLES])
def test_a_sample_certifies_against_its_sandbox(cli: CommandLine, sample: Path) -> None:
    spec = load_spec(sample).spec
    outcomes = {"delivered", "rejected"} | {rule.outcome for rule in spec.responses if rule.outcome == "duplicate"}
    done = cli("certify", sample, "--sandbox", "--output", "json", "--require-outcomes", ",".join(sorted(outcomes)))
    assert done.status == 0, done.err
    certification = done.json["certification"]
    assert certification["unexplained"] == [] and certification["spec"]["partner"] == sample.stem
    probes = certification["probes"]
    assert done.json["verdicts"].keys() <= {"as expected", "not run", "cannot be told"}

    open_ones = {each["finding"] for each in probes if each["verdict"] == "cannot be told"}
    assert bool(open_ones) == (sample.stem in CANNOT_BE_TOLD)
    assert all(each.endswith(OPEN) for each in open_ones), open_ones

    kinds = {kind: [each for each in probes if each["kind"] == kind] for kind in {each["kind"] for each in probes}}
    assert {each["outcome"] for each in kinds["good"]} == {"delivered"}
    assert {each["outcome"] for each in kinds["missing_required"] if each["verdict"] != "not run"} <= {"rejected"}
    if any(each.type != "none" for each in spec.environment("staging").authentication or ()):
        refused = [*kinds["no_credentials"], *kinds["wrong_credentials"]]
        assert {each["verdict"] for each in refused} <= {"as expected", "not run"}
        assert "delivered" not in {each["outcome"] for each in refused}


def test_the_vendors_document_agrees_with_the_sample(cli: CommandLine) -> None:
    document = ROOT / "tests" / "onboarding" / "sendgrid" / "tsg_mc_contacts_v3.yaml"
    (sample,) = (path for path in SAMPLES if path.stem == "sendgrid")
    done = cli("validate", sample, "--openapi", document, "--output", "json", env={"SENDGRID_LIST": str(UUID(int=7))})
    assert done.status == 0 and not [each for each in done.json if each["code"].startswith("RX21")]
