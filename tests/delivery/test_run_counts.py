"""The figures of a run: what its reports say of all rows."""

from __future__ import annotations

import json

import pytest

from rokt_export.delivery.run_counts import Latencies, RunFigures
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


def test_percentiles_are_right_to_one_percent() -> None:
    latencies = Latencies()
    for value in range(1, 10_001):
        latencies.add(value / 10)
    for share in (0.5, 0.95, 0.99):
        assert latencies.percentile(share) == pytest.approx(share * 1000, rel=0.011)
    assert latencies.percentile(1.0) == 1000
    assert Latencies().percentile(0.5) is None


def test_histogram_bars_hold_every_latency_once() -> None:
    latencies = Latencies()
    for value in (0.0, 0.4, 1, 1.9, 2, 9.99, 10, 499, 30_000):
        latencies.add(value)
    bars = list(latencies.bars())
    assert sum(count for *_, count in bars) == 9
    assert all(lower < upper for lower, upper, _ in bars)
    assert [upper for _, upper, _ in bars[:-1]] == pytest.approx([lower for lower, *_ in bars[1:]])
    assert len(bars) <= 36
