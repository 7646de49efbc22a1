"""Recorded responses are read by other rules, but where a hidden or missing part of one could decide."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from msgspec.structs import replace

from rokt_export.diff.reclassify import Reclassified, RowReclassifier, UnchangedReason
from rokt_export.exchange.delivery import Delivery
from rokt_export.exchange.model import Exchange, Outcome, OutcomeKind, Request, Response
from rokt_export.journal.recording import Recording, record
from rokt_export.partner_spec.document import parse
from rokt_export.partner_spec.loading import read_spec
from rokt_export.redaction import Redactor
from rokt_export.spec_language.rules import Rule
from rokt_export.transactions.transaction import Transaction

BEFORE = Delivery(1, "t-1", OutcomeKind.UNCLASSIFIED, 409)
HELD = "{name: held, outcome: duplicate, status: 409, body: {$.state: held}, capture: {reason: $.note}}"


def rules(text: str) -> Sequence[Rule]:
    head = "spec_version: 1\npartner: acme\nendpoint: {staging: https://example.com}\nresponses:\n"
    return read_spec(parse("acme.yaml", f"{head}  - {text}\n")).spec.responses


def recorded(body: bytes, personal: Sequence[str] = ()) -> Recording:
    response = Response(409, (("Content-Type", "application/json"),), body)
    sent = Request("POST", "https://example.com/", ())
    exchange = Exchange(Transaction(1, "t-1", {}), sent, response, Outcome(OutcomeKind.UNCLASSIFIED))
    return record(exchange, Redactor(key=b"key"), personal)


def test_a_row_gets_the_outcome_of_the_rule_that_now_matches() -> None:
    found = RowReclassifier(rules(HELD)).read(BEFORE, recorded(b'{"state": "held", "note": "wait"}'))
    assert (found.after.outcome, found.after.rule, found.after.reason) == (OutcomeKind.DUPLICATE, "held", "wait")
    assert found.changed and found.stays is None
    same = RowReclassifier(rules(HELD)).read(found.after, recorded(b'{"state": "held", "note": "wait"}'))
    assert same.after is found.after and not same.changed


@pytest.mark.parametrize(
    ("changes", "recording", "why"),
    [
        ({"status": None}, None, UnchangedReason.NO_RESPONSE),
        ({}, None, UnchangedReason.NO_RECORDING),
        ({"first_outcome": OutcomeKind.DELIVERED}, None, UnchangedReason.CONFIRMED),
    ],
)
def test_a_row_without_a_response_to_read_keeps_its_outcome(
    changes: dict[str, Any], recording: Recording | None, why: UnchangedReason
) -> None:
    found = RowReclassifier(rules(HELD)).read(replace(BEFORE, **changes), recording)
    assert (found.stays, found.after) == (why, found.before)


@pytest.mark.parametrize(
    ("condition", "why"),
    [
        ("body: {$.mail: jane.doe@example.com}", UnchangedReason.HIDDEN),
        ("body: {$.mail: {exists: true}}", None),
        ("body: {$.state: held}", None),
        ("text: {contains: held}", None),
    ],
)
def test_only_a_rule_that_rests_on_a_hidden_value_is_not_judged(condition: str, why: UnchangedReason | None) -> None:
    recording = recorded(b'{"state": "held", "mail": "jane.doe@example.com"}', ["jane.doe@example.com"])
    found = RowReclassifier(rules(f"{{name: own, outcome: failed, status: 409, {condition}}}")).read(BEFORE, recording)
    assert found.stays is why
    assert found.changed is (why is None)


def test_a_run_counts_what_changes_and_what_stays() -> None:
    reader, found = RowReclassifier(rules(HELD)), Reclassified()
    for row, body in ((1, b'{"state": "held"}'), (2, b'{"state": "held"}'), (3, b"{}")):
        found.add(reader.read(replace(BEFORE, row=row), recorded(body)))
    found.add(reader.read(replace(BEFORE, row=4, status=None), None))
    assert (found.changed, found.read, found.responses) == (2, 3, 3)
    assert found.after == {OutcomeKind.DUPLICATE: 2, OutcomeKind.UNCLASSIFIED: 2}
    ((step, rows),) = found.steps.items()
    assert step == (OutcomeKind.UNCLASSIFIED, None, OutcomeKind.DUPLICATE, "held") and len(rows) == 2
