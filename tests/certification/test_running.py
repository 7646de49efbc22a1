"""The probes are run one after the other, and a certification is made of what came."""

from __future__ import annotations

import json
from typing import get_args

import pytest
from commands.conftest import CommandLine

from certification.certifying import certified, probes, without_duplicates
from certification.crm import Crm
from rokt_export.certification.records import ProbeKind
from rokt_export.certification.running import _MEANT
from rokt_export.partner_spec.attributes import UNIQUE


def test_the_rest_is_not_run_after_a_good_transaction_that_is_refused(cli: CommandLine) -> None:
    done = certified(cli, Crm(required=("email", "consent")))
    good, *others = probes(done)
    assert "consent is missing" in good["finding"]
    assert {each["verdict"] for each in others} == {"not run"}
    assert done.status == 1


def test_an_unexplained_response_has_a_ready_rule(cli: CommandLine) -> None:
    done = certified(cli, Crm(error=lambda status: 350 if status == 422 else status))
    (group,) = done.json["certification"]["unexplained"]
    assert group["count"] == 2
    assert "error.code, error.message" in group["structure"]
    assert group["rule"].startswith("- name:")
    assert "outcome: rejected" in group["rule"]
    table = certified(cli, Crm(error=lambda status: 350 if status == 422 else status), "--output", "table")
    assert "No rule matches 350 application/json" in table.out


def test_outcomes_that_must_be_seen(cli: CommandLine) -> None:
    done = certified(cli, Crm(), "--require-outcomes", "delivered,failed")
    assert done.status == 0  # wrong credentials are `failed` by the spec
    absent = certified(cli, Crm(), "--require-outcomes", "duplicate", spec=without_duplicates)
    assert absent.status == 1
    assert absent.json["certification"]["missing_outcomes"] == ["duplicate"]
    wrong = certified(cli, Crm(), "--require-outcomes", "deliverd")
    assert wrong.status == 2
    assert "`delivered`" in wrong.err


def test_the_partners_document_testifies_on_what_is_no_mistake_on_purpose(cli: CommandLine) -> None:
    document = {
        "openapi": "3.0.3",
        "info": {"title": "Acme", "version": "1"},
        "paths": {
            "/leads": {
                "post": {
                    "requestBody": {
                        "content": {
                            "application/json": {
                                "schema": {
                                    "type": "object",
                                    "required": ["email", "last_name", "consent"],
                                    "properties": {
                                        name: {"type": "string"}
                                        for name in ("email", "last_name", "consent", "zip", "first_name")
                                    },
                                }
                            }
                        }
                    },
                    "responses": {
                        "201": {"description": "made"},
                        "409": {"description": "known"},
                        "401": {"description": "no"},
                    },
                }
            }
        },
    }
    cli.write("acme.json", json.dumps(document))
    done = certified(cli, Crm(), "--openapi", "acme.json")
    assert done.status == 0
    assert "`consent` is missing" in done.err
    assert "`email` is missing" not in done.err  # that was on purpose
    assert "status 422 is not documented" in done.err


@pytest.mark.parametrize("name", sorted(UNIQUE))
def test_what_tells_test_people_apart_is_not_set(cli: CommandLine, name: str) -> None:
    crm = Crm()
    done = certified(cli, crm, "--set", f"{name}=x")
    assert (done.status, crm.heard) == (2, [])
    assert f"`{name}` tells them apart" in done.err


def test_an_attribute_that_does_not_exist_is_refused(cli: CommandLine) -> None:
    crm = Crm()
    done = certified(cli, crm, "--set", "nosuch=1")
    assert (done.status, "there is no attribute `nosuch`" in done.err, crm.heard) == (2, True, [])


def test_a_response_that_no_rule_matches_has_a_meaning_for_each_kind_that_is_sent() -> None:
    assert set(_MEANT) == set(get_args(ProbeKind)) - {"read_back", "cleanup"}
