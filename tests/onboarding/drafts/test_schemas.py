"""`init --openapi`: the schema of a body becomes parameters with nested names."""

from __future__ import annotations

import json
import time
from typing import Any

from commands.conftest import CommandLine

from onboarding.documents import with_reference
from onboarding.drafted import parameters_of, spec_of
from rokt_export.onboarding.drafts.schemas import kind_of, leaves_of, values_of


def test_a_form_with_nested_names(cli: CommandLine) -> None:
    person = {"type": "object", "properties": {"first_name": {"type": "string"}, "title": {"enum": ["Mr", "Ms"]}}}
    schema = {"type": "object", "properties": {"person": person, "email": {"type": "string"}}}
    document = json.loads(with_reference("#/x"))
    content = {"application/x-www-form-urlencoded": {"schema": schema}}
    document["paths"]["/leads"]["post"]["requestBody"] = {"content": content}
    cli.write("doc.json", json.dumps(document))
    assert cli("init", "out.yml", "--openapi", "doc.json").status == 0
    spec = spec_of(cli.folder / "out.yml")
    assert spec.encoding == "form"
    assert parameters_of(spec) == {"person[first_name]": "firstname", "person[title]": "title", "email": "email"}


def test_an_xml_body(cli: CommandLine) -> None:
    lead = {
        "type": "object",
        "xml": {"name": "lead"},
        "required": ["id"],
        "properties": {
            "id": {"type": "string", "const": "rokt", "xml": {"attribute": True}},
            "mail": {"type": "string", "xml": {"name": "Mail"}},
        },
    }
    document = json.loads(with_reference("#/x"))
    document["paths"]["/leads"]["post"]["requestBody"] = {"content": {"application/xml": {"schema": lead}}}
    cli.write("doc.json", json.dumps(document))
    assert cli("init", "out.yml", "--openapi", "doc.json").status == 0
    spec = spec_of(cli.folder / "out.yml")
    assert (spec.encoding, parameters_of(spec)) == ("xml", {"lead.@id": "rokt", "lead.Mail": "email"})


def test_alternatives_within_alternatives_end(cli: CommandLine) -> None:
    schemas = {
        f"S{level}": {
            "oneOf": [
                {"type": "object", "properties": {f"p{level}{i}": {"$ref": f"#/components/schemas/S{level + 1}"}}}
                for i in range(12)
            ]
        }
        for level in range(8)
    }
    schemas["S8"] = {"type": "object", "properties": {"email": {"type": "string"}}}
    deep: dict[str, Any] = schemas
    for level in range(7):
        deep[f"S{level}"]["oneOf"] += [{"$ref": f"#/components/schemas/S{level + 1}"}] * 12
    document = json.loads(with_reference("#/components/schemas/S0"))
    cli.write("doc.json", json.dumps({**document, "components": {"schemas": schemas}}))
    began = time.monotonic()
    assert cli("init", "out.yml", "--openapi", "doc.json").status in (0, 1)
    assert time.monotonic() - began < 30


def test_values_of_a_body_have_nested_names_and_kinds() -> None:
    body = {"a": {"b": [1, 2.5]}, "ok": True, "none": None, "list": [{"id": "x"}]}
    found = dict(values_of(body))
    assert found["ok"] is True and found["none"] is None and found["list[0].id"] == "x"
    assert [kind_of(value) for value in (True, 1, 2.5, "x")] == ["boolean", "integer", "number", "string"]


def test_leaves_of_a_body_are_json_paths() -> None:
    found = leaves_of('{"error": {"code": 7}, "id": "r-1"}')
    assert {path: each.name for path, each in found.items()} == {"$.error.code": "error.code", "$.id": "id"}
    assert leaves_of("no json") == {}
