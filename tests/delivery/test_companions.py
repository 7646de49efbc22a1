"""Rows that share a request: which of them a text names, and what is then hidden in it."""

from __future__ import annotations

import pytest
from commands.conftest import spec_text

from rokt_export.delivery.companions import RequestCompanions, requests_in
from rokt_export.delivery.redaction_setup import PersonalData
from rokt_export.exchange.model import Exchange, Outcome, OutcomeKind
from rokt_export.partner_spec.document import parse
from rokt_export.partner_spec.loading import read_spec
from rokt_export.request.render import Renderer
from rokt_export.transactions.transaction import Transaction

NAMES = ["Albert", "Simone", "Hannah"]
PEOPLE = tuple(
    Transaction(row, f"tx-{row}", {"email": f"{name.lower()}@example.com", "firstname": name})
    for row, name in enumerate(NAMES, 1)
)


@pytest.fixture
def companions() -> RequestCompanions:
    spec = read_spec(parse("acme.yaml", spec_text("https://example.com"))).spec
    personal = PersonalData(spec, Renderer(spec, "staging", {}))
    return RequestCompanions(personal, PEOPLE, personal.clues(PEOPLE))


def test_the_rows_that_a_text_names_are_found_by_its_place(companions: RequestCompanions) -> None:
    texts = ["no such list", "hannah@example.com is known", "SIMONE and simone%40example.com"]
    assert companions.named_in(texts) == {1: [2], 2: [1]}
    assert set(companions.values([1])) == {"simone@example.com", "Simone"}


def test_only_the_values_of_rows_that_are_named_are_hidden(companions: RequestCompanions) -> None:
    assert companions.hidden_in("nobody") == ()
    assert set(companions.hidden_in("Albert") or ()) == {"albert@example.com", "Albert"}
    assert companions.hidden_in("Albert " * 20_000) is None, "too long to look for anybody in it"


def test_requests_of_several_real_people_are_told_apart() -> None:
    def exchange(place: int, together: tuple[Transaction, ...]) -> Exchange:
        outcome = Outcome(OutcomeKind.DELIVERED)
        return Exchange(PEOPLE[place], None, None, outcome, together=together)

    pair, invented = PEOPLE[:2], (Transaction(4, "tx-4", {}, invented=True),)
    exchanges = [exchange(0, pair), exchange(1, pair), exchange(2, invented)]
    assert list(requests_in(exchanges)) == [(pair, [0, 1])]
