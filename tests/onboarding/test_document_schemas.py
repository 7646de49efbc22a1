"""Schemas of a document judge values in bounded time, and say why where they cannot."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from commands.conftest import CommandLine

from onboarding.documents import ACME
from onboarding.operation_checks import DOUBLED, VARIABLES, contradictions_in
from onboarding.sendgrid_contacts import PUBLISHED


@pytest.mark.parametrize(
    ("schema", "says"),
    [
        ("{type: strng}", "its schema is not one that JSON Schema knows"),
        ("{allOf: [{$ref: '#/components/schemas/Node'}]}", "its schema has no end"),
        ("{$ref: 'http://169.254.169.254/x.json'}", "a reference leads to another host"),
        ("{type: object, properties: {n: {minLength: '3', pattern: '(?=('}}}", None),
    ],
)
def test_a_schema_that_judges_nothing(cli: CommandLine, sendgrid: Path, schema: str, says: str | None) -> None:
    head = "components:\n  schemas:\n"
    text = PUBLISHED.replace(
        "                type: object\n                properties:\n                  job_id:",
        "                $ref: '#/components/schemas/Node'\n                x:\n                  job_id:",
        1,
    )
    assert text != PUBLISHED
    cli.write("api/contacts.yaml", text.replace(head, f"{head}    Node: {schema}\n", 1))
    done = cli("classify", sendgrid, "--status", "202", "--text", '{"n": 1}')
    assert done.status == 0
    assert says is None or f"note: the document cannot judge this response to PUT /v3/marketing/contacts: {says}" in (
        done.out.replace("with status 202, ", "")
    )


def test_patterns_of_a_document_run_in_linear_time(cli: CommandLine) -> None:
    slow = "{type: string, maxLength: 40, pattern: '^(([a-z])+.)+[A-Z]([a-z])+$'}"
    text = ACME.replace("{type: string, maxLength: 40}", slow)
    cli.write(
        "doc.yaml",
        text.replace("{type: string, description: The colour", "{type: string, pattern: '(?=x', description: The"),
    )
    assert cli("init", "--openapi", "doc.yaml").status == 0
    spec = cli.folder / "acme.yaml"
    spec.write_text(spec.read_text().replace("attribute: firstname", f"value: {'a' * 39}"))
    done = cli("validate", spec, "--openapi", "doc.yaml", "--output", "json", env=VARIABLES)
    assert any("`givenName` breaks `pattern" in message for _, _, message in contradictions_in(done)), done.json


def test_a_schema_without_an_end(cli: CommandLine) -> None:
    text = ACME.replace("type: object\n      required: [givenName]", "allOf: [{$ref: '#/components/schemas/Named'}]")
    assert text != ACME
    cli.write("doc.yaml", text)
    assert cli("init", "--openapi", "doc.yaml").status == 0
    done = cli("validate", "acme.yaml", "--openapi", "doc.yaml", "--output", "json", env=VARIABLES)
    assert done.status == 0 and any("no end" in message for _, _, message in contradictions_in(done)), done.json


@pytest.mark.parametrize("word", ["allOf", "oneOf", "anyOf"])
@pytest.mark.parametrize("command", ["validate", "init"])
def test_schemas_that_double_at_each_level(cli: CommandLine, word: str, command: str) -> None:
    doubled = {
        f"S{number}": {word: [{"$ref": f"#/components/schemas/S{number + 1}"}] * 2, "properties": {"a": {}}}
        for number in range(30)
    }
    body = {"type": "object", "properties": {"email": {"$ref": "#/components/schemas/S0"}}}
    post = {
        "requestBody": {"content": {"application/json": {"schema": body}}},
        "responses": {"200": {"description": "ok"}},
    }
    document = {
        "openapi": "3.0.0",
        "info": {"title": "acme", "version": "1"},
        "servers": [{"url": "https://api.example.com"}],
        "paths": {"/leads": {"post": post}},
        "components": {"schemas": {**doubled, "S30": {"type": "string"}}},
    }
    cli.write("doc.json", json.dumps(document))
    if command == "init":
        assert cli("init", "--openapi", "doc.json").status == 0
        return
    spec = cli.write("acme.yaml", DOUBLED)
    assert cli("validate", spec).status == 0
