"""`limits.batch`: specs whose body has no array of records, and values that the rows of a request do not share."""

from __future__ import annotations

import pytest

from tests.partner_spec.lint.planted_faults import Case, with_first_rule

BATCH = "limits: {batch: 5}\nparameters:\n  - {name: 'a[].email', attribute: email, required: true}\n"
CHARSET = "  - {{name: Content-Type, in: header, value: application/json; charset={}}}\n"

CASES = {
    "RX185-124": Case("RX185", "limits", "limits: {batch: ^5}\n", BATCH, "error"),
    "RX185-125": Case("RX185", "limits", BATCH.replace("5}", "^5}") + "encoding: form\n", BATCH, "error"),
    "RX185-126": Case(
        "RX185", "limits", BATCH.replace("5}", "^5}") + "  - {name: 'b[].e', attribute: lastname}\n", BATCH, "error"
    ),
    "RX185-127": Case(
        "RX185",
        "limits",
        BATCH.replace("5}", "^5}") + CHARSET.format("latin1"),
        BATCH + CHARSET.format("utf-8"),
        "error",
    ),
    "RX186-128": Case(
        "RX186",
        "limits",
        BATCH + "  - {name: ^list, attribute: country}\n",
        BATCH + "  - {name: list, value: leads}\n",
        "info",
    ),
    "RX186-129": Case(
        "RX186",
        "limits",
        BATCH + "idempotency: {header: X-Key, value: ^'{{ confirmationref }}'}\n",
        BATCH + "idempotency: {header: X-Key}\n",
        "info",
    ),
    "RX187-130": Case(
        "RX187",
        "responses",
        with_first_rule(
            "{outcome: delivered, each: {path: '$.results[*]', by: {$.id: ^confirmationref}}, status: 200}"
        ),
        with_first_rule("{outcome: delivered, each: {path: '$.results[*]', by: {$.id: email}}, status: 200}"),
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
