"""The attributes and variables that a spec uses, where each variable goes, and whose it is."""

from __future__ import annotations

import pytest

from rokt_export.partner_spec.references import (
    attribute_names,
    belongs_to_others,
    credential_variables,
    every_parameter,
    examples_of,
    never_omitted,
    required_attributes,
    sent_attributes,
    sole_parameters,
    variable_names,
    variable_uses,
)
from tests.partner_spec.models import spec_of


@pytest.mark.parametrize("name", ["GITHUB_TOKEN", "SSH_AUTH_SOCK", "CI_JOB_TOKEN", "HOME", "KUBECONFIG", "PATH"])
def test_names_of_others(name: str) -> None:
    assert belongs_to_others(name)
    assert not belongs_to_others(f"ACME_{name}")


SPEC = spec_of(
    endpoint={"staging": "https://{{ env.HOST }}/{{ env.LIST }}?k={{ env.K }}", "production": "https://p.example.com"},
    authentication={"type": "bearer", "token": "{{ env.TOKEN }}"},
    attributes={"sku": {"required": True, "example": "A-1"}, "mobile": {"required": True}},
    parameters=[
        {"name": "email", "attribute": "email", "required": True},
        {"name": "name", "value": "{{ firstname }} {{ lastname }}"},
        {"name": "zip", "attribute": "zipcode", "required": {"when": {"country": "us"}}},
        {"name": "m", "attribute": "mobile", "format": "digits", "invalid": "omit"},
        {"name": "json", "encoding": "json", "parameters": [{"name": "b", "value": "{{ dob | date }}"}]},
        {"name": "X", "in": "header", "value": "{{ env.X }}"},
    ],
)
SENT = {"email", "firstname", "lastname", "zipcode", "mobile", "dob"}


def test_attributes_are_found_in_all_parts_of_a_spec() -> None:
    assert sent_attributes(SPEC) == SENT
    assert attribute_names(SPEC) == {*SENT, "country", "sku"}
    assert required_attributes(SPEC) == ("sku", "mobile", "email")
    assert examples_of(SPEC) == {"sku": "A-1"}
    assert set(sole_parameters(SPEC)) == {"email", "zipcode", "mobile"}
    assert [each.name for each in every_parameter(SPEC.parameters)][-3:] == ["json", "b", "X"]


def test_what_the_partner_needs_is_not_omitted() -> None:
    assert never_omitted(SPEC) == {"sku", "mobile"}


def test_each_variable_is_told_with_the_host_that_receives_it() -> None:
    assert variable_names(SPEC) == {"HOST", "LIST", "K", "TOKEN", "X"}
    assert variable_names(SPEC, ["production"]) == {"TOKEN", "X"}
    assert credential_variables(SPEC, "production") == {"TOKEN"}
    assert [use.line() for use in variable_uses(SPEC, "staging", {"HOST": "a.example.com", "LIST": "l", "K": "k"})] == [
        "HOST -> a.example.com, URL host",
        "K -> a.example.com, URL query",
        "LIST -> a.example.com, URL path",
        "TOKEN -> a.example.com, header Authorization",
        "X -> a.example.com, header X",
    ]
    assert {use.host for use in variable_uses(SPEC, "staging", {})} == {"$HOST"}
