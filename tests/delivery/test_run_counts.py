"""The figures of a run: what its reports say of all rows."""

from __future__ import annotations

import json

from rokt_export.delivery.run_counts import RunFigures
from rokt_export.exchange.delivery import Delivery
from rokt_export.exchange.model import OutcomeKind


def delivered(row: int, rule: str | None, reference: str | None) -> Delivery:
    return Delivery(row, str(row), OutcomeKind.DELIVERED, 201, rule, reference=reference, code="c", attempts=1)


def test_rows_without_a_captured_text_are_counted_by_rule() -> None:
    rows = [delivered(1, "a", "x"), delivered(2, "a", None), delivered(3, "b", None), delivered(4, None, None)]
    figures = RunFigures.of(rows)
    figures.merge(RunFigures.of([delivered(5, "a", None)]))
    assert figures.without == {"reason": {"a": 3, "b": 1}, "reference": {"a": 2, "b": 1}, "code": {}}


def test_figures_return_from_json_and_from_a_journal_that_counted_less() -> None:
    figures = RunFigures.of([delivered(1, "a", None)])
    written = json.loads(json.dumps(figures.as_json()))
    assert RunFigures.from_json(written) == figures
    del written["without"]
    assert RunFigures.from_json(written).without["reference"] == {}
