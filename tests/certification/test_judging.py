"""A probe whose request must be refused never comes as expected where the partner takes it."""

from __future__ import annotations

from typing import get_args

from certification.crm import SPEC
from rokt_export.certification.planning import PlannedProbe
from rokt_export.certification.records import ProbeKind
from rokt_export.certification.running import _MEANT, Certifier
from rokt_export.certification.sending import SentRow
from rokt_export.certification.verdicts import ProbeJudge
from rokt_export.exchange.model import Exchange, Outcome, OutcomeKind, Response
from rokt_export.partner_spec.document import parse
from rokt_export.partner_spec.loading import read_spec
from rokt_export.request.render import Renderer
from rokt_export.transactions.transaction import Transaction


def test_what_must_be_refused_and_is_delivered_is_a_finding() -> None:
    spec = read_spec(parse("acme.yaml", SPEC.format(url="https://test.example.com"))).spec
    response = Response(201, body=b"{}")
    outcome = Outcome(OutcomeKind.DELIVERED, "created")
    sent = SentRow(
        Exchange(Transaction(1, "T1", {}), None, response, outcome),
        Renderer(spec, "staging", {"ACME_KEY": "k"}),
        {},
    )
    certifier = Certifier([], iter(()), 0.0)
    certifier._judge = ProbeJudge(spec, False, str)
    refused = PlannedProbe("longest", "with values that are too long", "not delivered", "")
    assert certifier._judged(refused, [sent]).defect == "delivered-unexpectedly"
    taken = PlannedProbe("longest", "with the longest values", "delivered", "")
    assert certifier._judged(taken, [sent]).verdict == "as expected"


def test_a_response_that_no_rule_matches_has_a_meaning_for_each_kind_that_is_sent() -> None:
    assert set(_MEANT) == set(get_args(ProbeKind)) - {"read_back", "cleanup"}
