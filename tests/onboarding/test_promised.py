"""A response that the partner's document does not promise is a note, and decides nothing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from commands.conftest import CommandLine, Partner

from onboarding.documents import NEWER, SWAGGER
from onboarding.sendgrid_contacts import PROMISED, answers


@pytest.mark.parametrize(
    ("status", "body", "kind", "says"),
    [
        (202, '{"job_id": "j1"}', "application/json; charset=utf-8", None),
        (200, "{}", "application/json", "status 200 is not documented (documented: 202, 400, 401, 403, 404, 500)"),
        (
            202,
            "<p>hello</p>",
            "text/html",
            "the content type `text/html` is not documented of status 202 (documented: application/json)",
        ),
        (202, "", "application/json", "status 202 comes without a body (documented: application/json)"),
        (202, "{", "application/json", "with status 202, the body is not JSON"),
        (202, '{"job_id": 7}', "application/json", "with status 202, `job_id` is of the type string"),
        (400, '{"errors": [{"message": 1}]}', "application/json",
         "with status 400, `errors[0].message` is of the type string"),
    ],
)  # fmt: skip
def test_a_response_that_is_not_promised_is_a_note(
    cli: CommandLine, sendgrid: Path, partner: Partner, status: int, body: str, kind: str, says: str | None
) -> None:
    partner.answer = answers(status, body, kind)
    outcome = "delivered" if status < 300 else "rejected"
    tested = cli("test", sendgrid)
    one = cli("runs", "show", "last", "--row", "1", "--as", "json").json[0]
    classified = cli("classify", sendgrid, "--status", status, "-H", f"Content-Type: {kind}", "--text", body,
                     "--output", "json")  # fmt: skip
    assert tested.status == classified.status == (0 if outcome == "delivered" else 1)
    assert one["outcome"] == classified.json["outcome"] == outcome
    if says is None:
        assert PROMISED not in tested.out and "notes" not in one and classified.json["notes"] == []
        return
    assert f"{PROMISED}: {says} (row 1)" in tested.out
    assert one["notes"] == classified.json["notes"] == [f"{PROMISED}: {says}"]


def test_names_in_a_response_that_may_be_data_are_not_shown(cli: CommandLine) -> None:
    text = json.dumps(NEWER).replace(
        '"201": {"description": "made"}',
        '"201": {"description": "made", "content": {"application/json": {"schema": {"type": "object",'
        ' "required": ["secret", "id"], "properties": {"secret": {"type": "string", "writeOnly": true}},'
        ' "additionalProperties": {"type": "integer"}}}}}',
    )
    cli.write("newer.json", text)
    assert cli("init", "newer.yaml", "--openapi", "newer.json").status == 0
    done = cli("classify", "newer.yaml", "--status", "201", "--text", '{"jane.doe@example.com": "x"}')
    assert "note: the document does not promise this response" in done.out
    assert "`*` is of the type integer" in done.out and "`id` is missing" in done.out
    assert "jane.doe" not in "".join(line for line in done.out.splitlines() if line.startswith("note"))


def test_ranges_and_default_and_swagger(cli: CommandLine) -> None:
    cli.write("newer.json", json.dumps(NEWER).replace('"201"', '"2XX"'))
    cli.write("old.json", json.dumps(SWAGGER))
    assert cli("init", "newer.yaml", "--openapi", "newer.json").status == 0
    assert cli("init", "old.yaml", "--openapi", "old.json").status == 0
    for status in (200, 299, 500):
        assert cli("classify", "newer.yaml", "--status", status, "--text", "x", "--output", "json").json["notes"] == []
    done = cli("classify", "old.yaml", "--status", "200", "--text", '{"success": "yes"}')
    assert "with status 200, `success` is of the type boolean" in done.out
    assert "status 404 is not documented (documented: 200)" in cli("classify", "old.yaml", "--status", 404).out
