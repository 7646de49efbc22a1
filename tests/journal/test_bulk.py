"""Deliveries come back from the journal as they were written."""

from __future__ import annotations

from journal_samples import (
    INVALID,
    REJECTED,
    begin,
    settled,
)

from rokt_export.exchange.delivery import Delivery
from rokt_export.journal.bulk import DELIVERY_COLUMNS


def test_a_delivery_comes_back_as_it_was(journal):
    writer = begin(journal)
    whole = Delivery(
        7, "tx-7", REJECTED, 422, "rule é", "words", "ref", "E1", 3, 12.345, "dns: no such host", 1.7e9 + 0.25, True
    )
    bare = Delivery(8, "tx-8", INVALID)
    writer.settle([whole, bare])
    assert list(journal.deliveries(writer.run)) == [whole, bare]


def test_the_table_orders_its_columns_as_a_delivery_orders_its_fields():
    later = {"first_outcome", "provisional"}  # what the partner decides later is kept elsewhere
    fields = [name for name in Delivery.__struct_fields__ if name not in later]
    assert [name for name in DELIVERY_COLUMNS if name not in {"run_no", "intent_no"}] == fields


def test_words_that_a_database_refuses_do_not_stop_a_run(journal):
    writer = begin(journal)
    writer.intend([(1, "half \ud83d pair", None)])
    writer.settle([settled(1, reason="half \ud83d pair, \0 and 😀"), settled(2, reason="plain")])
    assert [one.reason for one in journal.deliveries(writer.run)] == ["half � pair, � and 😀", "plain"]
