"""Secrets that stand in a spec, and environment variables that are not set."""

from __future__ import annotations

from pathlib import Path

import pytest

from rokt_export.partner_spec.lint import lint
from rokt_export.partner_spec.loading import load_spec
from tests.partner_spec.lint.planted_faults import Case, found, spec_text, with_parameter

ROOT = Path(__file__).resolve().parents[3]

CASES = {
    "RX106-11": Case(
        "RX106",
        "authentication",
        "authentication:\n  type: basic\n  username: anystring\n  password: ^s3cret\n",
        "authentication:\n  type: basic\n  username: anystring\n  password: '{{ env.KEY }}'\n",
        "error",
    ),
    "RX106-12": Case(
        "RX106",
        "authentication",
        "authentication: [{type: api_key, name: X, value: ^abc}]\n",
        "authentication: [{type: basic, username: '{{ env.KEY }}', password: x}]\n",
        "error",
    ),
    "RX106-13": Case(
        "RX106",
        "parameters",
        with_parameter("{name: X-Api-Key, in: header, value: ^abc}"),
        with_parameter("{name: token_type, in: header, value: bearer}"),
        "error",
    ),
    "RX106-14": Case(
        "RX106",
        "parameters",
        with_parameter("{name: X-Sent-By, in: header, value: ^Bearer abcdefgh}"),
        with_parameter("{name: Authorization, in: header, value: 'Bearer {{ env.KEY }}'}"),
        "error",
    ),
    "RX106-15": Case(
        "RX106",
        "endpoint",
        "endpoint: {staging: ^'https://api.example.com/a?list=5&api_key=abc'}\n",
        "endpoint: {staging: 'https://api.example.com/a?list=5&api_key={{ env.KEY }}'}\n",
        "error",
    ),
    "RX106-16": Case(
        "RX106",
        "endpoint",
        "endpoint: {staging: ^'https://me:secret@api.example.com/a'}\n",
        "endpoint: {staging: 'https://api.example.com/a?tokens=5'}\n",
        "error",
    ),
    "RX107-17": Case(
        "RX107",
        "authentication",
        "authentication: {type: bearer, token: ^'{{ env.GONE }}'}\n",
        "authentication: {type: bearer, token: '{{ env.KEY }}'}\n",
    ),
}
"""By the code of the finding and any suffix; `^` marks the place of the fault."""


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_planted_fault_is_found_in_its_place(case: Case) -> None:
    assert case.found == [(case.severity, *case.place)]


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_the_same_spec_without_the_fault_is_silent(case: Case) -> None:
    assert case.found_without_fault == []


def test_mailchimp_lacks_variables_only() -> None:
    findings = lint(
        load_spec(ROOT / "sample_specs" / "mailchimp.yaml"), {"MAILCHIMP_LIST": "a", "MAILCHIMP_API_KEY": ""}
    )
    assert [(each.code, each.message.rpartition(" is ")[2]) for each in findings if each.severity != "info"] == [
        ("RX107", "not set"),
        ("RX107", "empty"),
    ]


def test_no_message_holds_the_secret() -> None:
    text = spec_text(
        authentication="authentication: {type: bearer, token: hunter2hunter2}\n",
        endpoint="endpoint: {staging: 'https://me:hunter2hunter2@api.example.com/?token=hunter2hunter2'}\n",
    )
    findings = [each for each in found(text) if each.code == "RX106"]
    assert len(findings) == 3
    assert not any("hunter2" in f"{each.message}{each.hint}{each.as_json()}" for each in findings)
