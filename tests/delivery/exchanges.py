"""Exchanges that a run settles, and what its journal then holds of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from commands.conftest import spec_text
from exchange_deliveries import delivery_of

from rokt_export.delivery.redaction_setup import PersonalData
from rokt_export.exchange.delivery import Delivery
from rokt_export.exchange.model import Exchange, Fault, FaultKind, Outcome, OutcomeKind, Response, Timings
from rokt_export.journal import Journal, RunWriter
from rokt_export.partner_spec.loading import load_spec
from rokt_export.partner_spec.model import PartnerSpec
from rokt_export.request.render import Renderer
from rokt_export.transactions.transaction import Transaction

DELIVERED, REJECTED, UNKNOWN = OutcomeKind.DELIVERED, OutcomeKind.REJECTED, OutcomeKind.UNKNOWN


def person(row: int, **values: str | None) -> Transaction:
    return Transaction(row, f"tx{row}", {"email": "jane.doe@example.com", "firstname": "Jane", **values})


def exchange(transaction: Transaction, kind: OutcomeKind = DELIVERED, **told: str) -> Exchange:
    timings = Timings(total=0.0123456)
    answer = Fault(FaultKind.DNS, "no such host", False, timings) if kind is UNKNOWN else Response(201, timings=timings)
    return Exchange(transaction, None, answer, Outcome(kind, "rule 1", **told), 1, 1.7e9)


def batch() -> list[Exchange]:
    return [
        exchange(person(1)),
        exchange(person(2), REJECTED, reason="jane.doe@example.com is known"),
        exchange(person(3), reference="Jane-7"),
        exchange(person(4), UNKNOWN),
        Exchange(person(5), None, None, Outcome(OutcomeKind.INVALID, reason="no email")),
        exchange(person(6), code="E1"),
    ]


def deliveries_of(exchanges: list[Exchange]) -> list[Delivery]:
    return [delivery_of(each) for each in exchanges]


def recorded(writer: RunWriter) -> list[int]:
    with Journal.open(writer._store.path) as journal:
        return [row for row, _ in journal.recordings(writer.run)]


@pytest.fixture(scope="module")
def spec(tmp_path_factory: pytest.TempPathFactory) -> PartnerSpec:
    file = tmp_path_factory.mktemp("spec") / "acme.yaml"
    file.write_text(spec_text("https://example.com"), encoding="utf-8")
    return load_spec(file).spec


@pytest.fixture(scope="module")
def personal(spec: PartnerSpec) -> PersonalData:
    return PersonalData(spec, Renderer(spec, "staging", {}))


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[RunWriter]:
    with Journal.open(tmp_path / "journal.sqlite") as journal:
        yield journal.begin(
            command="replay", partner="acme", environment="staging", spec_file="acme.yaml", spec_sha256="0" * 64
        )
