"""Counts of a run as metrics: labels are escaped, and latencies are in buckets."""

from __future__ import annotations

import pytest

from reports.metrics_text import samples
from rokt_export.delivery.run_counts import Latencies, Tally
from rokt_export.reports.metrics import BUCKETS, BucketHistogram, Snapshot, prometheus


def test_metrics_escape_labels_and_sum_buckets():
    latencies = Latencies()
    latencies.update([3.0, 40.0, 40.0, 60_000.0])
    histogram = BucketHistogram.of(latencies)
    assert (histogram.counts[0], histogram.counts[BUCKETS.index(0.05)], histogram.counts[-1]) == (1, 2, 1)
    assert histogram.sum == pytest.approx(60.083, rel=0.01)
    tally = Tally()
    tally.responses[("rejected", 'a "b"\\\n', "none")] += 2
    text = prometheus(Snapshot({"run": "r", "partner": "p", "environment": "e", "command": "replay"}, tally, None, 1.0))
    assert 'rule="a \\"b\\"\\\\\\n",status="none"} 2' in text
    assert samples(text)["start_time_seconds", ""] == 1
    assert not any(name in ("input_rows", "exit_status") for name, _ in samples(text))
