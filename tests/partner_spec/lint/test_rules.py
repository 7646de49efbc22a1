"""Response rules that are missing, unreachable, contradictory, or rest on the status alone."""

from __future__ import annotations

import pytest

from rokt_export.partner_spec.lint import lint
from tests.partner_spec.lint.planted_faults import (
    PARTS,
    SET_UP,
    Case,
    found,
    loaded,
    spec_text,
    with_first_rule,
    with_rule,
)

CASES = {
    "RX108-18": Case("RX108", "responses", "^responses: [{outcome: duplicate, status: 409}]\n", PARTS["responses"]),
    "RX109-19": Case(
        "RX109",
        "responses",
        "^responses: [{outcome: delivered, status: 2xx}]\n",
        "idempotent: true\nresponses: [{outcome: delivered, status: 2xx}]\n",
    ),
    "RX110-20": Case(
        "RX110",
        "responses",
        with_rule("^{outcome: failed, status: 404, body: {$.a: 1}}"),
        with_rule("{outcome: failed, status: 500}"),
    ),
    "RX110-21": Case(
        "RX110", "responses", with_rule("^{outcome: failed, status: 201-299}"), with_rule("{outcome: failed}")
    ),
    "RX110-22": Case(
        "RX110",
        "responses",
        with_first_rule("{outcome: failed, text: {contains: dup}}")
        + "  - ^{outcome: failed, text: {prefix: duplicate}}\n",
        with_first_rule("{outcome: failed, text: {contains: dup}}") + "  - {outcome: failed, text: {prefix: double}}\n",
    ),
    "RX111-23": Case(
        "RX111",
        "responses",
        with_first_rule("{outcome: failed, status: 422}")
        + "  - ^{outcome: duplicate, status: [422, 500], body: {$.a: 1}}\n",
        with_first_rule("{outcome: duplicate, status: [422, 500], body: {$.a: 1}}")
        + "  - {outcome: failed, status: 5xx}\n",
        "info",
    ),
    "RX111-24": Case(
        "RX111",
        "responses",
        with_first_rule("{outcome: rejected, body: {$.c: [1, 2]}}")
        + "  - ^{outcome: duplicate, body: {$.c: [2, 3]}}\n",
        with_first_rule("{outcome: rejected, body: {$.c: [1, 2]}}") + "  - {outcome: duplicate, body: {$.c: [3, 4]}}\n",
        "info",
    ),
    "RX121-43": Case(
        "RX121",
        "responses",
        with_first_rule("{outcome: failed, all: [{status: 500}, {status: 501}]}").replace("all:", "^all:"),
        with_first_rule("{outcome: failed, any: [{status: 500}, {status: 501}]}"),
    ),
    "RX121-44": Case(
        "RX121",
        "responses",
        with_first_rule("{outcome: failed, body: {^$.a: {exists: true, absent: true}}}"),
        with_first_rule("{outcome: failed, body: {$.a: {exists: true}}}"),
    ),
    "RX121-45": Case(
        "RX121",
        "responses",
        with_first_rule("{outcome: failed, status: 5xx, ^not: {status: 500-599}}"),
        with_first_rule("{outcome: failed, status: 5xx, not: {status: 503}}"),
    ),
    "RX121-46": Case(
        "RX121",
        "responses",
        with_first_rule("{outcome: failed, empty: ^true, text: {contains: a}}"),
        with_first_rule("{outcome: failed, empty: true, text: {absent: true}}"),
    ),
    "RX121-47": Case(
        "RX121",
        "responses",
        with_first_rule("{outcome: failed, status: ^1xx}"),
        with_first_rule("{outcome: failed, status: 3xx}"),
    ),
    "RX178-104": Case(
        "RX178",
        "responses",
        with_rule("{outcome: failed, status: 5xx, retry: ^true}"),
        "idempotent: true\n" + with_rule("{outcome: failed, status: 5xx, retry: true}"),
        "info",
    ),
    "RX179-105": Case(
        "RX179",
        "responses",
        PARTS["responses"].replace(SET_UP, "").replace("- {outcome: rejected", "- ^{outcome: rejected"),
        PARTS["responses"],
        "info",
    ),
    "RX178-106": Case(
        "RX178",
        "responses",
        "idempotent: true\nlimits: {attempts: 1}\n" + with_rule("{outcome: failed, status: 5xx, retry: ^true}"),
        "idempotent: true\nlimits: {attempts: 2}\n" + with_rule("{outcome: failed, status: 5xx, retry: true}"),
        "info",
    ),
    "RX178-107": Case(
        "RX178",
        "responses",
        with_rule("{outcome: failed, status: 500, after: ^5}"),
        with_rule("{outcome: failed, status: 429, after: 5}"),
        "info",
    ),
    "RX179-108": Case(
        "RX179",
        "responses",
        with_first_rule("^{outcome: rejected, not: {status: [2xx, 409]}}"),
        with_first_rule("{outcome: rejected, status: 400, not: {body: {$.a: 1}}}"),
        "info",
    ),
    "RX179-109": Case(
        "RX179",
        "responses",
        with_first_rule("^{outcome: rejected, any: [{status: 401}, {body: {$.a: 1}}]}"),
        with_first_rule("{outcome: rejected, any: [{status: 400}, {body: {$.a: 1}}]}"),
        "info",
    ),
    "RX179-110": Case(
        "RX179",
        "responses",
        "responses: [{outcome: delivered, status: 2xx}, ^{outcome: rejected}]\n",
        with_rule("{outcome: rejected}"),
        "info",
    ),
    "RX179-111": Case(
        "RX179", "responses", with_first_rule("^{outcome: duplicate, status: 4xx}"), PARTS["responses"], "info"
    ),
    "RX195-112": Case(
        "RX195",
        "responses",
        with_rule("^{outcome: delivered}"),
        with_rule("{outcome: failed, status: 5xx}")
        + "  - {outcome: delivered, any: [{status: 200}, {body: {$.a: 1}}]}\n",
    ),
    "RX180-113": Case(
        "RX180",
        "responses",
        with_first_rule("{outcome: delivered, status: 202}").replace("- {", "- ^{", 1),
        with_first_rule("{outcome: delivered, status: 202, provisional: true}"),
    ),
    "RX180-114": Case(
        "RX180",
        "responses",
        with_first_rule("{outcome: delivered, status: [200, 202]}").replace("- {", "- ^{", 1),
        with_first_rule("{outcome: delivered, status: [200, 201]}"),
    ),
    "RX181-115": Case(
        "RX181",
        "responses",
        with_first_rule("{outcome: failed, body: {$.error: 1}}").replace(
            "- {outcome: delivered", "- ^{outcome: delivered"
        ),
        with_first_rule("{outcome: failed, body: {$.error: 1}}").replace("2xx", "2xx, content_type: {contains: json}"),
        "info",
    ),
}
"""By the code of the finding and any suffix; `^` marks the place of the fault."""


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_planted_fault_is_found_in_its_place(case: Case) -> None:
    assert case.found == [(case.severity, *case.place)]


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_the_same_spec_without_the_fault_is_silent(case: Case) -> None:
    assert case.found_without_fault == []


def test_a_rule_that_reads_the_body_another_way_is_not_superseded() -> None:
    rules = "responses:\n  - {outcome: delivered, body: {$.a: 1}}\n  - {outcome: duplicate, as: json, body: {$.a: 1}}\n"
    assert found(spec_text(responses=rules)) == []


def test_a_rule_with_an_error_takes_nothing_from_later_ones() -> None:
    rules = PARTS["responses"].replace("responses:\n", "responses:\n  - {outcome: rejected, body: {dup: 1}}\n")
    spec = loaded(spec_text(responses=rules))
    assert [each.code for each in spec.findings] == ["RX022"]
    assert lint(spec, {}) == []
