"""A spec stays certified through comments and layout; a change says which probes must run again."""

from __future__ import annotations

from typing import get_args

import pytest

from rokt_export.certification.records import ProbeKind
from rokt_export.certification.staleness import (
    _PART_OF,
    _PROBES_OF,
    changes,
    other_environments,
    parts_of,
    probes_again,
)
from rokt_export.partner_spec.document import parse
from rokt_export.partner_spec.loading import read_spec
from rokt_export.partner_spec.model import PartnerSpec

SPEC = """\
spec_version: 1
partner: acme
endpoint:
  staging: https://test.example.com/leads
  production: {url: https://api.example.com/leads, guarded: true}
authentication: {type: bearer, token: "{{ env.ACME_TOKEN }}"}
parameters:
  - {name: email, attribute: email, required: true}
  - {name: list, value: "00123"}
responses:
  - {outcome: delivered, status: 2xx}
  - {outcome: failed, status: 5xx}
limits: {rate: 10/s}
"""


def parts(text: str) -> dict[str, str]:
    return parts_of(read_spec(parse("acme.yaml", text)))


def changed(old: str, new: str, environment: str = "staging") -> list[tuple[str, str]]:
    text = SPEC.replace(old, new, 1)
    assert text != SPEC
    return list(changes(parts(SPEC), parts(text), environment))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("partner: acme\n", "partner: acme  # of Rokt\n\n"),
        ("{name: email, attribute: email, required: true}", "{required: true, 'name': email,  attribute: \"email\"}"),
        ("  - {outcome: failed, status: 5xx}", "  -\n    outcome: failed\n    status: 5xx"),
        ("partner: acme\n", "partner: acme\ntitle: Acme\ncontact: {name: Jane Doe}\n"),
        ("limits: {rate: 10/s}", "limits: {rate: 5/s, concurrency: 1}"),
        ("guarded: true", "guarded: false"),
        ("staging: https://test.example.com/leads", "staging: {url: https://test.example.com/leads}"),
        ("https://api.example.com/leads", "https://api.example.com/v2/leads"),
    ],
)
def test_what_no_probe_depends_on_is_no_change(old: str, new: str) -> None:
    assert changed(old, new) == []


@pytest.mark.parametrize(
    ("old", "new", "part", "how", "again", "spared"),
    [
        ("attribute: email, required: true", "attribute: email", "parameters", "changed", "longest", "no_credentials"),
        ('"00123"', "123", "parameters", "changed", "good", "wrong_credentials"),
        ("env.ACME_TOKEN", "env.ACME_KEY", "authentication", "changed", "wrong_credentials", "race"),
        ("status: 2xx", "status: 201", "rules", "changed", "race", None),
        ("test.example.com", "qa.example.com", "endpoint.staging", "changed", "no_credentials", None),
        ("partner: acme\n", "partner: acme\nmethod: PUT\n", "request", "new", "race", None),
        ("partner: acme\n", "partner: acme\nidempotent: true\n", "repetition", "new", "repeat", "longest"),
        ("partner: acme\n", "partner: acme\ntls: {verify: false}\n", "connection", "new", "good", "repeat"),
        ("limits: {rate: 10/s}", "limits: {batch: {size: 5}}", "batch", "new", "good", None),
    ],
)
def test_a_change_names_its_part_and_the_probes_to_run_again(
    old: str, new: str, part: str, how: str, again: str, spared: str | None
) -> None:
    found = changed(old, new)
    assert found == [(part, how)]
    assert again in probes_again([part])
    assert spared not in probes_again([part])


def test_an_environment_that_was_not_certified_is_only_told() -> None:
    other = parts(SPEC.replace("api.example.com", "live.example.com"))
    assert other_environments(parts(SPEC), other, "staging") == ["production"]
    assert [part for part, _ in changes(parts(SPEC), other, "production")] == ["endpoint.production"]


def test_each_key_of_the_language_belongs_to_a_part_or_to_none() -> None:
    assert set(PartnerSpec.model_fields) == set(_PART_OF)


def test_each_kind_of_probe_that_a_part_names_is_one() -> None:
    kinds = frozenset(get_args(ProbeKind))
    assert all(again <= kinds for again in _PROBES_OF.values())
    assert set(_PROBES_OF) == set(_PART_OF.values()) - {None}
