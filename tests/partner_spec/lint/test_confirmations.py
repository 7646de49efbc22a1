"""Provisional responses that nothing asks about, and a `confirmation` that cannot work."""

from __future__ import annotations

import pytest

from tests.partner_spec.lint.planted_faults import PARTS, Case, with_first_rule

PROVISIONAL = "{outcome: delivered, status: 202, provisional: true, capture: {reference: $.id}}"
CONFIRMATION = "confirmation: {url: '/jobs/{reference}', responses: [{outcome: delivered, status: 200}]}\n"

CASES = {
    "RX190-116": Case(
        "RX190",
        "responses",
        with_first_rule("{outcome: delivered, status: 202, provisional: ^true, capture: {reference: $.id}}"),
        with_first_rule(PROVISIONAL) + CONFIRMATION,
        "info",
    ),
    "RX191-117": Case(
        "RX191",
        "responses",
        with_first_rule(PROVISIONAL) + CONFIRMATION.replace("'/jobs/{reference}'", "^'/jobs/{code}'"),
        with_first_rule(PROVISIONAL) + CONFIRMATION,
        "error",
    ),
    "RX192-118": Case(
        "RX192",
        "responses",
        PARTS["responses"] + CONFIRMATION.replace("confirmation", "^confirmation"),
        with_first_rule(PROVISIONAL) + CONFIRMATION,
    ),
    "RX193-119": Case(
        "RX193",
        "responses",
        with_first_rule(PROVISIONAL) + CONFIRMATION.replace("status: 200}", "status: 200, retry: ^true}"),
        with_first_rule(PROVISIONAL) + CONFIRMATION,
    ),
}
"""By the code of the finding and any suffix; `^` marks the place of the fault."""


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_planted_fault_is_found_in_its_place(case: Case) -> None:
    assert case.found == [(case.severity, *case.place)]


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_the_same_spec_without_the_fault_is_silent(case: Case) -> None:
    assert case.found_without_fault == []
