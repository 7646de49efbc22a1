"""The result counts transactions, shows some of them, and is JSON."""

from __future__ import annotations

import pytest

from rokt_export.diff import Comparison
from tests.diff.sides import compared, side


def test_every_difference_counts_transactions_and_shows_five():
    pairs = [({"items": [{"p": 1}, {"p": 2}]}, {"items": [{"p": 5}, {"p": 6}]})] * 9
    (difference,) = compared(pairs).differences
    assert difference.count == 9
    assert [sample.transaction for sample in difference.samples] == [f"t-{n}" for n in range(1, 6)]
    assert (difference.samples[0].a, difference.samples[0].b) == ("1", "5")


def test_transactions_without_a_counterpart_and_latencies():
    comparison = Comparison(a="staging", b="production")
    for number in range(100):
        comparison.add(f"t-{number}", side({}, latency_ms=number + 1.0), side({}, latency_ms=200.0))
    for number in range(7):
        comparison.only_in_b(f"x-{number}")
    result = comparison.result()
    assert (result.only_in_b.count, result.only_in_b.samples[0], len(result.only_in_b.samples)) == (7, "x-0", 5)
    assert not result.agrees
    assert not result.differs
    assert result.latency_a.p50 == pytest.approx(50, rel=0.02)
    assert result.latency_a.p99 == pytest.approx(99, rel=0.02)
    assert result.latency_b.p95 == pytest.approx(200, rel=0.01)
