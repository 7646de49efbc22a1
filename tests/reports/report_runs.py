"""Runs to report: a journal filled as the engine fills it, from exchanges with their requests and answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from rokt_export.exchange.model import Exchange, Fault, FaultKind, Outcome, OutcomeKind, Request, Response, Timings
from rokt_export.partner_spec.document import parse
from rokt_export.partner_spec.loading import read_spec
from rokt_export.redaction import Redactor
from rokt_export.response.classify import Classifier
from rokt_export.transactions.transaction import Transaction

SPEC = """\
spec_version: 1
partner: acme
title: Acme Insurance
documentation: https://example.com/docs
contact: {name: Jane Doe, role: Integrations, email: jane.doe@example.com}
endpoint:
  staging: https://staging.example.com/leads
  production: https://api.example.com/leads
authentication: {type: bearer, token: "{{ env.ACME_TOKEN }}"}
parameters:
  - {name: email, attribute: email, required: true}
  - {name: person.first, attribute: firstname}
responses:
  - outcome: duplicate
    status: 409
    body: {$.error: exists}
    examples: [{status: 409, body: '{"error": "exists"}'}]
  - {outcome: delivered, status: 200-299, capture: {reference: $.id}}
  - {outcome: rejected, status: 4xx, capture: {reason: $.error}}
  - {outcome: failed, status: 5xx, retry: true}
"""
HIDDEN = "\x1b[2J \x07\x9b31m\x7f\u202e\u2066\u200b\u2028\ufeff\U000e0041"
"""Characters that a terminal or an editor acts on, or does not show."""
STARTED = 1_795_400_000.25
CLASSIFIER = Classifier(read_spec(parse("acme.yaml", SPEC)).spec.responses)
TIMINGS = Timings(0.001, 0.003, 0.008, 0.040, 0.045)


def answer(status: int, body: str | bytes, **headers: str) -> Response:
    data = body.encode() if isinstance(body, str) else body
    named = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    return Response(status, (("Content-Type", "application/json"), *named), data, TIMINGS, "1.1")


def post(body: bytes = b'{"email": "test@example.com"}', **headers: str) -> Request:
    named = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    return Request(
        "POST",
        "https://staging.example.com/leads",
        (("Content-Type", "application/json"), ("Authorization", "Bearer s3cr3t-t0k3n"), *named),
        body,
    )


def exchange(
    row: int,
    request: Request | None,
    answered: Response | Fault | None,
    *,
    invented: bool = True,
    outcome: Outcome | None = None,
) -> Exchange:
    if outcome is None:
        assert answered is not None
        outcome = CLASSIFIER.classify(answered)
    sent = answered is not None
    transaction = Transaction(row, f"tx-{row}", {}, invented)
    started = STARTED + row if sent else 0.0
    return Exchange(transaction, request, answered, outcome, int(sent), started)


@dataclass
class Run:
    """What a run is made of."""

    exchanges: Sequence[Exchange]
    spec: str = SPEC
    redactor: Redactor = field(default_factory=lambda: Redactor(secrets={"ACME_TOKEN": "s3cr3t-t0k3n"}))
    personal: Sequence[str] = ()
    expected: str = "delivered"
    command: str = "test"
    notes: Sequence[str] = ()
    unrecorded: Sequence[int] = ()


def every_outcome() -> list[Exchange]:
    """One row of each outcome, and two of some."""
    invalid = Outcome(OutcomeKind.INVALID, reason="parameter email: no value")
    late = Fault(FaultKind.TIMEOUT_AFTER_SEND, "staging.example.com gave no answer within 30 s", True, TIMINGS)
    lost = Fault(FaultKind.CONNECT, "staging.example.com: connection refused", False, TIMINGS)
    return [
        exchange(1, post(b'{"email": "ada.1@example.com", "person": {"first": "Ada"}}'), answer(201, '{"id": "A-1"}')),
        exchange(2, post(), answer(409, '{"error": "exists"}')),
        exchange(3, post(), answer(422, '{"error": "=cmd|\'/c calc\'!A1"}')),
        exchange(4, post(), answer(503, "<h1>Down</h1>")),
        exchange(5, post(), answer(302, "", Location="/elsewhere")),
        exchange(6, None, None, outcome=invalid),
        exchange(7, post(), late),
        exchange(8, post(), lost),
        exchange(9, post(), answer(200, '{"id": "A-9"}')),
    ]
