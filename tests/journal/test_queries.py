"""Rows of a run are read in their order, over pages."""

from __future__ import annotations

from journal_samples import (
    DELIVERED,
    begin,
    item,
    settled,
)


def test_deliveries_come_in_row_order_over_pages(journal, monkeypatch):
    monkeypatch.setattr("rokt_export.journal.queries._FIRST_PAGE", 2)
    monkeypatch.setattr("rokt_export.journal.queries._PAGE", 3)
    writer = begin(journal)
    writer.settle([settled(row) for row in (9, 2, 5, 7, 1, 8, 3)])
    writer.intend([item(4), item(6), item(10)])
    assert [one.row for one in journal.deliveries(writer.run)] == [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]
    assert [one.row for one in journal.deliveries(writer.run, outcomes=["unknown"])] == [4, 6, 10]
    assert [one.row for one in journal.deliveries(writer.run, outcomes=[DELIVERED])] == [1, 2, 3, 5, 7, 8, 9]
