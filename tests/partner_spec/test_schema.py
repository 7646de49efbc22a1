"""The JSON Schema: committed as it is, whole in its descriptions, and of one mind with the loader."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from rokt_export.partner_spec.document import parse
from rokt_export.partner_spec.loading import SpecFindingsError, read_spec
from rokt_export.partner_spec.schema import json_schema, schema_text

ROOT = Path(__file__).resolve().parents[2]
VALIDATOR = Draft202012Validator(json_schema())

BASE = """\
spec_version: 1
partner: acme
endpoint: {staging: https://api.example.com/leads}
responses:
  - {outcome: delivered, status: 2xx}
"""


def loads(text: str) -> bool:
    try:
        return not read_spec(parse("spec.yaml", text)).findings
    except SpecFindingsError:
        return False


def accepted(text: str) -> bool:
    data: Any = parse("spec.yaml", text).data
    return VALIDATOR.is_valid(data)


def test_the_committed_schema_is_this_one() -> None:
    path = ROOT / "docs" / "partner-spec.schema.json"
    assert path.read_text(encoding="utf-8") == schema_text()


def test_it_is_a_schema() -> None:
    Draft202012Validator.check_schema(json_schema())


def test_every_key_is_described() -> None:
    schema = json_schema()
    undescribed = [
        f"{name}.{key}"
        for name, definition in [("PartnerSpec", schema), *schema["$defs"].items()]
        for key, value in definition.get("properties", {}).items()
        if not value.get("description") and "$ref" not in value
    ]
    assert undescribed == []


@pytest.mark.parametrize("path", sorted((ROOT / "sample_specs").glob("*.yaml")), ids=lambda path: path.name)
def test_sample_specs_satisfy_it(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert [error.message for error in VALIDATOR.iter_errors(parse(str(path), text).data)] == []


GOOD = {
    "base": "",
    "none": "authentication: none",
    "one authentication": "authentication: {type: basic, username: a, password: '{{ env.P }}'}",
    "two": "authentication: [{type: bearer, token: '{{ env.T }}'}, {type: mutual_tls, certificate: c.pem}]",
    "attribute list": "attributes: [plan, tier]",
    "attribute mapping": "attributes: {plan: The plan, tier: {required: true, example: gold}, other: }",
    "required by condition": "parameters: [{name: a, attribute: email, required: {when: {country: [us, ca]}}}]",
    "policies": "parameters: [{name: a, attribute: email, absent: send empty, 'null': omit}]",
    "nested body": "parameters: [{name: x, encoding: xml, parameters: [{name: a.b, attribute: email}]}]",
    "list value": "parameters: [{name: a, value: [x, 1, true]}]",
    "null value": "parameters: [{name: a, value: null}]",
    "idempotency": "idempotency: Idempotency-Key",
    "varying fields": "diff: {varies: {$.id: uuid, ETag: any}}",
    "varying fields, listed": "diff: {varies: [$.id, ETag]}",
    "limits": "limits: {rate: 600/m, timeout: 500ms, max_response: 5MB, backoff: 2}",
    "documentation": "documentation: [https://example.com/a, https://example.com/b]",
    "custom": "authentication: {type: custom, auth: 'my.auth:Signer', options: {key: '{{ env.K }}'}}",
}
BAD = {
    "unknown key": "endpiont: x",
    "method": "method: FETCH",
    "encoding": "encoding: yaml",
    "authentication type": "authentication: {type: basci, username: a}",
    "authentication key": "authentication: {type: basic, user: a}",
    "authentication text": "authentication: basic",
    "two sources": "parameters: [{name: a, attribute: email, value: x}]",
    "no source": "parameters: [{name: a}]",
    "parameter key": "parameters: [{name: a, attribute: email, requird: true}]",
    "mapping value": "parameters: [{name: a, value: {b: c}}]",
    "format": "parameters: [{name: a, attribute: email, format: mail}]",
    "policy": "parameters: [{name: a, attribute: email, absent: skip}]",
    "rate": "limits: {rate: fast}",
    "timeout": "limits: {timeout: soon}",
    "concurrency": "limits: {concurrency: 0}",
    "contact": "contact: Jane Doe",
    "encoding alone": "parameters: [{name: a, encoding: json, value: x}]",
    "boolean title": "title: true",
    "environment": "columns: [a, b]",
}
GOOD_RULES = {
    "condition scalar": "{outcome: duplicate, body: {$.title: Member Exists, $.n: 7, $.x: null, $.b: true}}",
    "condition list": "{outcome: duplicate, body: {$.code: [1, 2]}, content_type: application/json}",
    "condition mapping": "{outcome: duplicate, body: {$.code: {not: {exists: true}}, /a/@id: {compare: '>= 5'}}}",
    "any and not": "{outcome: failed, any: [{status: 500}, {text: {contains: oops}}], not: {empty: true}}",
    "capture": "{outcome: failed, capture: {reason: $.a, code: [$.b, /c], reference: {header: Id, regex: '\\d+'}}}",
    "after header": "{outcome: failed, retry: true, after: header}",
    "after seconds": "{outcome: failed, retry: true, after: 30}",
    "after mapping": "{outcome: failed, retry: true, after: {header: X-Reset, unit: epoch}}",
    "statuses": "{outcome: failed, status: [200-204, 4xx, 500]}",
    "example": "{outcome: failed, examples: [{status: 500, body: {a: 1}, headers: {X-N: 5}}, {illustrative: true}]}",
}
BAD_RULES = {
    "outcome": "{outcome: success}",
    "no outcome": "{status: 200}",
    "status": "{outcome: failed, status: 2000}",
    "status text": "{outcome: failed, status: ok}",
    "empty condition": "{outcome: failed, body: {$.a: {}}}",
    "condition key": "{outcome: failed, body: {$.a: {equal: 1}}}",
    "body path": "{outcome: failed, body: {title: x}}",
    "capture path": "{outcome: failed, capture: {reason: message}}",
    "capture key": "{outcome: failed, capture: {message: $.a}}",
    "after list": "{outcome: failed, after: [1]}",
    "example status": "{outcome: failed, examples: [{status: 700}]}",
    "rule key": "{outcome: failed, retries: true}",
    "as": "{outcome: failed, as: html}",
}


@pytest.mark.parametrize("snippet", GOOD.values(), ids=GOOD)
def test_schema_and_loader_accept(snippet: str) -> None:
    assert (accepted(BASE + snippet), loads(BASE + snippet)) == (True, True)


@pytest.mark.parametrize("snippet", BAD.values(), ids=BAD)
def test_schema_and_loader_refuse(snippet: str) -> None:
    assert (accepted(BASE + snippet), loads(BASE + snippet)) == (False, False)


@pytest.mark.parametrize("rule", GOOD_RULES.values(), ids=GOOD_RULES)
def test_schema_and_loader_accept_rules(rule: str) -> None:
    assert (accepted(f"{BASE}  - {rule}"), loads(f"{BASE}  - {rule}")) == (True, True)


@pytest.mark.parametrize("rule", BAD_RULES.values(), ids=BAD_RULES)
def test_schema_and_loader_refuse_rules(rule: str) -> None:
    assert (accepted(f"{BASE}  - {rule}"), loads(f"{BASE}  - {rule}")) == (False, False)


@pytest.mark.parametrize("missing", ["spec_version", "partner", "endpoint", "responses"])
def test_both_need_the_four_keys(missing: str) -> None:
    text = "".join(line for line in BASE.splitlines(True) if not line.startswith(missing))
    text = text.replace("  - {outcome: delivered, status: 2xx}\n", "") if missing == "responses" else text
    assert (accepted(text), loads(text)) == (False, False)
