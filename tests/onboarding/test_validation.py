"""Faults that `validate` finds beside those of the language and of the lints, each at its place."""

from __future__ import annotations

import pytest
from commands.conftest import CommandLine

from onboarding.documents import ACME

SPEC = """\
spec_version: 1
partner: acme
endpoint: {staging: https://test.example.com/lists/l1/contacts}
parameters: [{name: email, attribute: email}]
responses:
  - {outcome: delivered, status: 2xx}
"""
REASON = (
    "  - {outcome: rejected, status: 400, capture: {reason: $.why}, examples: [{status: 400, body: '%s', reason: bad}]}"
)


@pytest.mark.parametrize(
    ("text", "code", "place", "says"),
    [
        ("", "RX001", (1, 1), "is empty"),
        (SPEC + "\ttitle: x\n", "RX001", (7, 1), "tab"),
        (SPEC + REASON % '{"why": "bad"}', None, (0, 0), ""),
        (SPEC + REASON % "{}", "RX128", (7, 101), "as reason of this example, not `bad`"),
        (SPEC + "openapi: {document: gone.yaml}\n", "RX212", (7, 21), "gone.yaml"),
        (SPEC + "openapi: {document: doc.yaml, operation: gone}\n", "RX212", (7, 42), "`gone`"),
        (SPEC + "openapi: {document: doc.yaml, operation: createContact}\n", None, (0, 0), ""),
    ],
)
def test_a_planted_fault_is_found_in_its_place(
    cli: CommandLine, text: str, code: str | None, place: tuple[int, int], says: str
) -> None:
    cli.write("doc.yaml", ACME)
    spec = cli.write("acme-spec.yaml", text)
    errors = [each for each in cli("validate", spec, "--output", "json").json if each["severity"] == "error"]
    assert [(each["code"], (each["line"], each["column"])) for each in errors] == ([(code, place)] if code else [])
    assert [each["message"] for each in errors if says not in each["message"]] == []


def test_a_missing_file_is_a_finding(cli: CommandLine) -> None:
    done = cli("validate", "gone.yaml", "--output", "json")
    assert [each["code"] for each in done.json] == ["RX001"]
    assert done.status == 3
