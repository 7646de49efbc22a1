"""`init --postman`: a request of a collection is taken over, its secrets are not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from commands.conftest import CommandLine

from onboarding.drafted import parameters_of, spec_of
from onboarding.recorded_requests import COLLECTION


@pytest.mark.parametrize("version", ["2.1", "2.0"])
def test_a_postman_collection(cli: CommandLine, version: str) -> None:
    collection = json.loads(json.dumps(COLLECTION))
    if version == "2.0":
        collection["auth"] = {"type": "apikey", "apikey": {"key": "X-Key", "value": "{{apiKey}}"}}
        collection["item"][0]["item"][0]["request"]["url"] = "{{base}}/lists/:list/contacts"
    cli.write("acme.json", json.dumps(collection))
    done = cli("init", "--postman", "acme.json")
    assert done.status == 0, done.err + done.out
    spec = spec_of(cli.folder / "acme.yaml")
    assert spec.endpoint["production"].url == "https://api.example.com/v1/lists/{{ env.ACME_LIST }}/contacts"
    assert parameters_of(spec) == {"mail": "email", "tier": "tier"}
    assert spec.authentication is not None and spec.authentication[0].type == "api_key"
    duplicate = spec.responses[0]
    assert duplicate.outcome == "duplicate" and duplicate.body["$.code"].equals == "DUPLICATE"
    delivered = next(each for each in spec.responses if each.outcome == "delivered")
    assert delivered.capture.reference[0].path == "$.uuid" and not delivered.examples[0].illustrative
    assert "k-secret-9" in Path(".env").read_text()
    assert "k-secret-9" not in (cli.folder / "acme.yaml").read_text() + done.out
