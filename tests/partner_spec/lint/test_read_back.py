"""`read_back` and `cleanup`: references that no rule captures, and attributes that no parameter sends."""

from __future__ import annotations

import pytest

from tests.partner_spec.lint.planted_faults import PARTS, Case, with_first_rule

READ_BACK = "read_back: {url: '/leads/{reference}', values: {email: $.email}}\n"
CAPTURED = "{outcome: delivered, status: 2xx, capture: {reference: $.id}}"

CASES = {
    "RX196-120": Case(
        "RX196",
        "responses",
        PARTS["responses"] + READ_BACK.replace("'/", "^'/"),
        with_first_rule(CAPTURED) + READ_BACK,
        "error",
    ),
    "RX196-121": Case(
        "RX196",
        "responses",
        PARTS["responses"] + "cleanup: ^'/leads/{code}'\n",
        PARTS["responses"] + "cleanup: '/leads/{{ email }}'\n",
        "error",
    ),
    "RX197-122": Case(
        "RX197",
        "responses",
        with_first_rule(CAPTURED) + READ_BACK.replace("email: $.", "emial: ^$."),
        with_first_rule(CAPTURED) + READ_BACK,
        "error",
    ),
}
"""By the code of the finding and any suffix; `^` marks the place of the fault."""


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_planted_fault_is_found_in_its_place(case: Case) -> None:
    assert case.found == [(case.severity, *case.place)]


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_the_same_spec_without_the_fault_is_silent(case: Case) -> None:
    assert case.found_without_fault == []
