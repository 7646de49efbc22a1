"""How many planted differences a comparison finds, and how much noise it takes for one."""

from __future__ import annotations

import pytest

from tests.diff.planted import bookings, leads, orders
from tests.diff.planted.partner import Bench, Score, compared, score

BENCHES = {"leads": leads.BENCH, "orders": orders.BENCH, "bookings": bookings.BENCH}
TARGETS = {200: (68 / 75, 3 / 75, 4), 20: (60 / 75, 8 / 75, 6)}
"""By rows: share of differences found at least, share without any trace at most, fields of noise reported at most."""


def scored(bench: Bench, rows: int, seed: int) -> Score:
    return score(bench, compared(bench, rows, seed))


def check(bench: Bench, rows: int, seed: int) -> None:
    found, lost, alarms = TARGETS[rows]
    result = scored(bench, rows, seed)
    planted = len(bench.planted)
    assert len(result.found) >= found * planted, result
    assert len(result.lost) <= lost * planted, result
    assert len(result.alarms) <= alarms, result


@pytest.mark.parametrize("bench", BENCHES.values(), ids=list(BENCHES))
def test_a_bench_is_large_enough(bench: Bench) -> None:
    assert len(bench.noise) >= 70
    assert len(bench.planted) >= 75


@pytest.mark.parametrize("rows", [20, 200])
@pytest.mark.parametrize("bench", BENCHES.values(), ids=list(BENCHES))
def test_differences_are_found_and_noise_is_not_taken_for_one(bench: Bench, rows: int) -> None:
    check(bench, rows, seed=1)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(2, 12))
@pytest.mark.parametrize("rows", [20, 200])
@pytest.mark.parametrize("bench", BENCHES.values(), ids=list(BENCHES))
def test_differences_are_found_whatever_the_seed(bench: Bench, rows: int, seed: int) -> None:
    check(bench, rows, seed)


@pytest.mark.soak
@pytest.mark.parametrize("bench", BENCHES.values(), ids=list(BENCHES))
def test_more_rows_do_not_hurt(bench: Bench) -> None:
    result = scored(bench, 2_000, 1)
    assert len(result.found) >= 0.9 * len(bench.planted), result
    assert len(result.alarms) <= 4, result


@pytest.mark.parametrize("bench", BENCHES.values(), ids=list(BENCHES))
def test_a_side_does_not_differ_from_another_run_of_itself(bench: Bench) -> None:
    alike = Bench(bench.noise, {name: (a, a) for name, (a, _) in bench.planted.items()}, bench.people, bench.apart)
    told = scored(alike, 100, 3)
    assert len(told.found | told.alarms) <= 8, told
