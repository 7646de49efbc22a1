"""The geometry of the charts: parts that can be seen, bars in their places, labels that do not overlap."""

from __future__ import annotations

from itertools import pairwise

import pytest

from rokt_export.delivery.run_counts import Latencies
from rokt_export.reports.charts import HEIGHT, WIDTH, duration, histogram, parts


def latencies(*milliseconds: float) -> Latencies:
    found = Latencies()
    found.update(milliseconds)
    return found


def test_the_parts_of_all_rows_fill_the_bar_and_none_is_too_thin() -> None:
    found = parts({"delivered": 9_999, "rejected": 1})
    assert [(part.outcome, part.share) for part in found] == [("delivered", 0.9999), ("rejected", 0.0001)]
    assert found[1].width > 2.5
    assert found[0].x == 0 and found[1].x + found[1].width == pytest.approx(WIDTH, abs=0.02)
    assert parts({}) == ()


def test_bars_lie_side_by_side_and_the_tallest_is_as_high_as_the_picture() -> None:
    chart = histogram(latencies(*[20] * 50, *[45] * 5, 900, 1_500))
    assert chart is not None
    assert max(bar.height for bar in chart.columns) == HEIGHT
    for bar, after in pairwise(chart.columns):
        assert bar.x + bar.width == pytest.approx(after.x, abs=0.02)
    assert sum(int(bar.label.rpartition(": ")[2]) for bar in chart.columns) == 57
    assert chart.description.startswith("57 latencies from 20 ms to 1.5 s; p50 2")


def test_labels_stay_in_the_picture_and_apart() -> None:
    chart = histogram(latencies(*[20.0] * 98, 21.0, 4_000.0))
    assert chart is not None
    for marks in (chart.ticks, chart.marks):
        shown = [mark for mark in marks if mark.label]
        assert shown
        for mark, after in pairwise(shown):
            assert after.label_x - mark.label_x >= 7 * (len(mark.label) + len(after.label)) / 2
        assert all(-8 <= mark.label_x <= WIDTH + 8 for mark in shown)


def test_one_latency_makes_no_chart() -> None:
    assert histogram(latencies()) is None
    assert histogram(latencies(20, 20)) is None


@pytest.mark.parametrize(("value", "text"), [(0.4, "0.4 ms"), (45, "45 ms"), (1_500, "1.5 s"), (60_000, "60 s")])
def test_a_duration_is_in_milliseconds_or_seconds(value: float, text: str) -> None:
    assert duration(value) == text
