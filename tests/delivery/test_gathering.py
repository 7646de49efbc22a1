"""Rows gathered for one request: which go together, and how long they wait for more."""

from __future__ import annotations

import pytest

from rokt_export.delivery.gathering import GatheredRows
from rokt_export.request.batches import RequestRecord
from rokt_export.transactions.transaction import Transaction


def record(url: str = "https://example.com/a") -> RequestRecord:
    return RequestRecord(url, (), b"[", b"{}", b"]")


def taken(gathering: GatheredRows, most: int, now: float, *, last: bool = False) -> list[int]:
    return [transaction.row for transaction, _ in gathering.take(most, now, last=last)]


def gathered(*urls: str, now: float = 0.0) -> GatheredRows:
    gathering = GatheredRows()
    for row, url in enumerate(urls, 1):
        gathering.add(Transaction(row, f"tx-{row}", {}), record(url), now)
    return gathering


def test_a_full_request_goes_at_once_and_another_waits() -> None:
    gathering = gathered("a", "a", "a")
    assert taken(gathering, 2, 0.0) == [1, 2]
    assert (taken(gathering, 2, 0.1), len(gathering)) == ([], 1)
    assert taken(gathering, 2, 0.3) == [3]


def test_at_the_end_of_the_input_nothing_waits() -> None:
    gathering = gathered("a")
    assert taken(gathering, 2, 0.0) == []
    assert taken(gathering, 2, 0.0, last=True) == [1]


def test_rows_that_do_not_join_each_other_go_apart() -> None:
    gathering = gathered("a", "a", "b", "a")
    assert [taken(gathering, 5, 0.0, last=True) for _ in range(4)] == [[1, 2], [3], [4], []]


def test_a_row_waits_no_longer_than_two_seconds_though_others_keep_coming() -> None:
    gathering = gathered("a")
    assert gathering.wait(0.05) == pytest.approx(0.15)
    for step in range(1, 20):
        gathering.add(Transaction(step + 1, "tx", {}), record("a"), step / 10)
    assert gathering.wait(1.9) == pytest.approx(0.1)
    assert len(taken(gathering, 100, 2.0)) == 20
