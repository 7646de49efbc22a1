"""Responses that no rule matches, in groups with a drafted rule each."""

from __future__ import annotations

import pytest
from pydantic import TypeAdapter
from ruamel.yaml import YAML

from rokt_export.exchange.model import Exchange, Outcome, OutcomeKind, Request, Response
from rokt_export.journal.recording import record
from rokt_export.onboarding.unexplained import UnmatchedResponse, groups_of
from rokt_export.partner_spec.model import Rule
from rokt_export.redaction import Redactor
from rokt_export.response.classify import Classifier
from rokt_export.transactions.transaction import Transaction

TEXTS = (b"`X-Api-Key` (header) is missing", b"API key `X-Api-Key` (header) is wrong", b"The body is not readable")
JSON = (b'{"error": "no such list"}', b'{"error": "list is full"}', b'{"error": "no such list"}')


def unmatched(row: int, body: bytes, kind: str) -> UnmatchedResponse:
    response = Response(401, (("Content-Type", kind),), body)
    exchange = Exchange(
        Transaction(row, f"t-{row}", {}), Request("POST", "https://example.com/", ()), response,
        Outcome(OutcomeKind.UNCLASSIFIED),
    )  # fmt: skip
    return UnmatchedResponse(row, record(exchange, Redactor(key=b"key"), ()))


@pytest.mark.parametrize(("bodies", "kind"), [(TEXTS, "text/plain"), (JSON, "application/json")])
def test_each_drafted_rule_matches_all_rows_that_it_is_for(bodies: tuple[bytes, ...], kind: str) -> None:
    every = [unmatched(row, body, kind) for row, body in enumerate(bodies * 2, 1)]
    groups = groups_of(every, ["ok"])
    assert sorted(row for group in groups for row in group.rows) == list(range(1, len(every) + 1))
    for group in groups:
        (rule,) = YAML(typ="safe").load("\n".join(group.rule))
        classifier = Classifier((TypeAdapter(Rule).validate_python(rule),))
        for row in group.rows:
            assert classifier.classify(every[row - 1].recording.response).rule == rule["name"]
    names = [YAML(typ="safe").load("\n".join(group.rule))[0]["name"] for group in groups]
    assert len(set(names)) == len(names) > 1
