"""Counts of a run as its journal has them, and a lease that is renewed, lost and given back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from rokt_export.delivery.lease import BRAKE, LeasedNumbers, WorkerLease
from rokt_export.delivery.shared_counts import FAILURES, FIRST_RECORDINGS, FIRST_ROW, IN_A_ROW
from rokt_export.delivery.worker import StopRequest
from rokt_export.journal.leases import LeaseReport, LeaseShare


class Leases:
    """The leases of a run, in memory."""

    def __init__(self, **numbers: int) -> None:
        self.numbers = numbers
        self.share: LeaseShare | None = LeaseShare(4, 2.5, 30.0, 60.0, self.numbers, True, 0, False)
        self.reports: list[LeaseReport] = []
        self.released: list[str] = []

    def take(self, part: int | None, *, driven: bool = False) -> str:
        return f"lease-{part}"

    def renew(self, lease: str, report: LeaseReport) -> LeaseShare | None:
        self.reports.append(report)
        return self.share

    def release(self, lease: str) -> None:
        self.released.append(lease)

    def swap(self, name: str, expected: int, value: int) -> bool:
        if self.numbers[name] != expected:
            return False
        self.numbers[name] = value
        return True

    def draw(self, name: str, most: int) -> int:
        taken = min(most, self.numbers[name])
        self.numbers[name] -= taken
        return taken


def leased_numbers(leases: Any) -> LeasedNumbers:
    return LeasedNumbers(leases, lambda: None)


def names(changes: tuple[Mapping[str, int], Mapping[str, int]]) -> tuple[dict[str, int], dict[str, int]]:
    return dict(changes[0]), dict(changes[1])


def test_own_changes_count_at_once_and_are_written_with_the_next_renewal() -> None:
    numbers = leased_numbers(Leases())
    assert [numbers.add(FAILURES, 2), numbers.add(FAILURES, 1)] == [2, 3]
    numbers.put(IN_A_ROW, 5)
    numbers.add(IN_A_ROW, 1)
    assert names(numbers.changes()) == ({IN_A_ROW: 5}, {FAILURES: 3, IN_A_ROW: 1})
    assert (numbers.get(FAILURES), numbers.get(IN_A_ROW)) == (3, 6)
    numbers.add(FAILURES, 1)  # while the journal has not answered
    numbers.learn({FAILURES: 10, IN_A_ROW: 6})
    assert (numbers.get(FAILURES), numbers.get(IN_A_ROW)) == (11, 6)
    assert names(numbers.changes()) == ({}, {FAILURES: 1})


def test_changes_that_were_not_written_are_written_with_the_next() -> None:
    numbers = leased_numbers(Leases())
    numbers.add(FAILURES, 2)
    assert names(numbers.changes()) == names(numbers.changes()) == ({}, {FAILURES: 2})


def test_what_must_not_go_below_zero_is_drawn_from_the_journal() -> None:
    leases = Leases(**{FIRST_RECORDINGS: 21})
    numbers = leased_numbers(leases)
    numbers.learn({FIRST_RECORDINGS: 21})
    assert [numbers.draw(FIRST_RECORDINGS) for _ in range(22)] == [True] * 21 + [False]
    assert leases.numbers == {FIRST_RECORDINGS: 0}


def test_a_count_is_swapped_only_where_nobody_was_quicker() -> None:
    leases = Leases(**{FIRST_ROW: 0})
    one, other = leased_numbers(leases), leased_numbers(leases)
    for numbers in (one, other):
        numbers.learn({FIRST_ROW: 0})
    assert (one.swap(FIRST_ROW, 0, 1), other.swap(FIRST_ROW, 0, 2)) == (True, False)
    assert one.get(FIRST_ROW) == 1


def test_a_share_is_obeyed_and_the_last_counts_are_written_at_the_end() -> None:
    leases, brake = Leases(), StopRequest()
    with WorkerLease(leases, brake) as lease:
        assert lease.take(3)
        assert lease.allowance()[:2] == (4, 2.5)
        lease.numbers.add(FAILURES, 1)
    assert leases.reports[-1].adds == {FAILURES: 1}
    assert (leases.released, lease.lost, brake.level) == (["lease-3"], False, 0)


def test_a_lease_that_another_took_sends_nothing_more() -> None:
    leases, brake = Leases(), StopRequest()
    leases.share = None
    with WorkerLease(leases, brake) as lease:
        lease.take(0)
    assert (lease.lost, brake.level, lease.allowance().concurrency, leases.released) == (True, 1, 0, [])


def test_a_first_renewal_that_raises_is_told_as_it_is_and_the_lease_is_given_back() -> None:
    class Faulty(Leases):
        def renew(self, lease: str, report: LeaseReport) -> LeaseShare | None:
            raise ValueError("a fault of ours")

    leases = Faulty()
    with pytest.raises(ValueError, match="a fault of ours"), WorkerLease(leases, StopRequest()) as lease:
        lease.take(0)
    assert leases.released == ["lease-0"]


def test_the_operators_brake_reaches_a_worker() -> None:
    leases, brake = Leases(**{BRAKE: 2}), StopRequest()
    with WorkerLease(leases, brake) as lease:
        lease.take(0)
    assert brake.level == 2
