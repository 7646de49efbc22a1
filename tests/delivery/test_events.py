"""Events of the engine: what was never sent, and where a run stopped."""

from __future__ import annotations

from rokt_export.delivery.events import Finished, Settled, StopReason
from rokt_export.exchange.model import Exchange, Fault, FaultKind, Outcome, OutcomeKind, Response, Timings
from rokt_export.transactions.transaction import Transaction


def exchange(row: int, result: Response | Fault | None) -> Exchange:
    return Exchange(Transaction(row, f"tx-{row}", {}), None, result, Outcome(OutcomeKind.UNKNOWN))


def test_settled_exchanges_are_also_columns_and_unsent_ones_are_counted() -> None:
    assert Settled((exchange(1, Response(200)),)).unsent == 0
    faults = [Fault(FaultKind.DNS, "no such host", sent, Timings()) for sent in (False, True)]
    settled = Settled(tuple(exchange(row, result) for row, result in enumerate([*faults, Response(200)], 1)))
    assert (settled.unsent, settled.deliveries.row, len(Settled().deliveries)) == (1, [1, 2, 3], 0)


def test_a_run_says_where_it_stopped_unless_it_reached_the_end() -> None:
    assert Finished(StopReason.COMPLETE).stopped == ""
    assert Finished(StopReason.FAILURES, "4 unexpected outcomes").stopped == "stopped: 4 unexpected outcomes"
    assert Finished(StopReason.SETUP, "status 401", 401, 1).stopped == "stopped at row 1: status 401"
