"""Attributes that a spec does not know, does not send, or names outside `{{ }}`."""

from __future__ import annotations

import pytest

from tests.partner_spec.lint.planted_faults import Case, with_parameter

CASES = {
    "RX101-0": Case(
        "RX101",
        "parameters",
        with_parameter("{name: a, attribute: ^emial}"),
        with_parameter("{name: a, attribute: email}"),
    ),
    "RX101-1": Case(
        "RX101",
        "parameters",
        with_parameter("{name: a, attribute: ^shoe_size}"),
        "attributes: [shoe_size]\n" + with_parameter("{name: a, attribute: shoe_size}"),
        "info",
    ),
    "RX101-2": Case(
        "RX101",
        "parameters",
        with_parameter("{name: a, attribute: zipcode, required: {when: {contry: ^us}}}"),
        with_parameter("{name: a, attribute: zipcode, required: {when: {country: us}}}"),
    ),
    "RX101-3": Case(
        "RX101",
        "endpoint",
        'endpoint: {staging: ^"https://api.example.com/{{ customer_id }}"}\n',
        'attributes: [customer_id]\nendpoint: {staging: "https://api.example.com/{{ customer_id }}"}\n',
    ),
    "RX101-4": Case("RX101", "columns", "columns: {Kunde: ^lastnam}\n", "columns: {Kunde: lastname}\n"),
    "RX102-5": Case(
        "RX102", "attributes", "attributes: {^dob: {required: true}}\n", "attributes: {dob: birthday}\n", "error"
    ),
    "RX102-6": Case(
        "RX102",
        "parameters",
        "^parameters: [{name: a, attribute: firstname}]\n",
        "parameters: [{name: a, value: '{{ mobile | phone }}'}]\n",
    ),
    "RX117-29": Case(
        "RX117",
        "parameters",
        with_parameter("""{name: a, value: ^"{{ 'x' }}"}"""),
        with_parameter("{name: a, value: '{{ now }}'}"),
    ),
    "RX117-32": Case(
        "RX117",
        "parameters",
        with_parameter("{name: a, attribute: ^'{{ dob }}'}"),
        with_parameter("{name: a, attribute: dob}"),
    ),
    "RX101-75": Case(
        "RX101",
        "authentication",
        "authentication: {type: bearer, token: ^'{{ ACME_TOKEN }}'}\n",
        "authentication: {type: bearer, token: '{{ env.KEY }}'}\n",
    ),
    "RX101-87": Case(
        "RX101",
        "parameters",
        with_parameter("{name: a, attribute: dob, required: {any_of: [dob, ^emial]}}"),
        with_parameter("{name: a, attribute: dob, required: {any_of: [dob, email]}}"),
    ),
    "RX184-123": Case(
        "RX184",
        "contact",
        "contact: {name: Jane Doe, email: ^jane.doe at example.com}\n",
        "contact: {name: Jane Doe, email: jane.doe@example.com}\n",
    ),
}
"""By the code of the finding and any suffix; `^` marks the place of the fault."""


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_planted_fault_is_found_in_its_place(case: Case) -> None:
    assert case.found == [(case.severity, *case.place)]


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_the_same_spec_without_the_fault_is_silent(case: Case) -> None:
    assert case.found_without_fault == []
