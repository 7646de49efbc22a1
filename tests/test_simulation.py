"""The simulation of large runs keeps its laws: each row once, never above the rate, and the limits of closed forms."""

from __future__ import annotations

from dataclasses import replace
from itertools import accumulate, pairwise
from pathlib import Path

import pytest

from bench.simulate import SOURCES, Cluster, Figures, Sent, bounds, scenarios, simulate, sources, table

SMALL = Cluster(rows=2_000_000, workers=8, grain=1_000, figures=replace(Figures(), range_bytes=105 * 20_000))
CLUSTERS = {
    "requests in flight": SMALL,
    "the workers' cores": replace(SMALL, latency=0.0),
    "PostgreSQL": replace(SMALL, latency=0.0, server_cores=1, workers=20),
    "the partner's lock": replace(SMALL, latency=0.001, guarded=True),
    "the rate": replace(SMALL, rate=400.0),
    "the budget": replace(SMALL, rate=10_000.0, leased=0.0, latency=0.001),
    "the scheduler": replace(SMALL, latency=0.001, figures=replace(SMALL.figures, hand_out=0.5)),
}


@pytest.mark.parametrize("limit", CLUSTERS)
def test_each_row_is_sent_once_and_none_above_a_limit(limit: str) -> None:
    cluster = CLUSTERS[limit]
    sent: list[Sent] = []
    found = simulate(cluster, sent.append)
    sent.sort(key=lambda each: each.first)
    rows = [each.rows for each in sent]
    assert [each.first for each in sent] == [1 + before for before in accumulate(rows, initial=0)][:-1]
    assert sum(rows) == cluster.rows == found.settled
    assert all(load <= 1 + 1e-9 for load in found.loads.values())
    assert max(each.ended for each in sent) == found.seconds
    if cluster.rate is not None:
        assert _busiest(sent) <= cluster.rate * (1 + 1e-6)
    for worker in range(cluster.workers):
        own = sorted((each.began, each.ended) for each in sent if each.worker == worker)
        assert all(ended <= began for (_, ended), (began, _) in pairwise(own))
        in_flight = cluster.in_flight / cluster.latency if cluster.latency else float("inf")
        assert _busiest([each for each in sent if each.worker == worker]) <= in_flight * (1 + 1e-6)


@pytest.mark.parametrize("limit", CLUSTERS)
def test_it_comes_to_the_least_bound(limit: str) -> None:
    cluster = CLUSTERS[limit]
    expected = bounds(cluster)
    found = simulate(cluster)
    assert found.limit == limit == min(expected, key=lambda name: expected[name])
    assert 0.9 * expected[limit] <= found.rate <= expected[limit] * (1 + 1e-9)


def test_reading_the_whole_input_costs_what_is_skipped() -> None:
    cluster = replace(SMALL, latency=0.0, workers=8, server_cores=64)
    ranges, whole = simulate(cluster), simulate(replace(cluster, whole=True))
    assert ranges.rate / whole.rate == pytest.approx(
        bounds(replace(cluster, whole=False))["the workers' cores"]
        / bounds(replace(cluster, whole=True))["the workers' cores"],
        rel=0.02,
    )


def test_the_same_figures_give_the_same_result() -> None:
    assert simulate(SMALL) == simulate(SMALL)


def test_each_figure_names_its_source() -> None:
    assert set(SOURCES) == set(Figures.__dataclass_fields__)


def test_the_page_shows_what_the_simulation_says() -> None:
    page = (Path(__file__).parent.parent / "docs" / "scaling.md").read_text(encoding="utf-8")
    assert "\n".join(table(scenarios())) in page
    assert all(cluster.rows == 1_000_000_000 for _, cluster in scenarios())
    assert "\n".join(sources()) in page


def _busiest(sent: list[Sent]) -> float:
    """Return the most rows a second at any moment, of what goes evenly between two moments."""
    changes = sorted(
        (moment, change)
        for each in sent
        for speed in [each.rows / (each.ended - each.began)]
        for moment, change in ((each.began, speed), (each.ended, -speed))
    )
    most = now = 0.0
    for _, change in changes:
        now += change
        most = max(most, now)
    return most
