"""Batches of rows that may be sent: which rows stay open, and when a batch is gone."""

from __future__ import annotations

import sqlite3

from journal_samples import (
    REJECTED,
    begin,
    crashed,
    item,
    outcomes,
    settled,
)


def test_a_forgotten_intent_leaves_no_trace(journal):
    writer = begin(journal)
    writer.intend([item(1), item(2), item(3)])
    writer.forget_intent([1, 3, 99])
    assert list(writer.unsettled_rows()) == [2]
    writer.forget_intent([2])
    assert outcomes(journal, writer.run) == []


def test_a_row_that_is_intended_again_while_it_is_open_is_in_the_later_batch_alone(journal, place):
    writer = begin(journal)
    writer.intend([item(1), item(2)])
    writer.intend([item(2), item(3)])
    writer.settle([settled(1)])
    with sqlite3.connect(place) as looking:
        assert looking.execute("SELECT count(*) FROM intent").fetchone() == (1,)
    assert list(writer.unsettled_rows()) == [2, 3]
    writer.forget_intent([2])
    assert list(writer.unsettled_rows()) == [3]
    writer.settle([settled(3), settled(3, REJECTED)])
    assert outcomes(journal, writer.run) == [(1, "delivered"), (3, "rejected")]


def test_an_unknown_row_stays_unknown_when_its_resend_was_never_sent(journal, place):
    crashed(place)
    writer = journal.reopen("last")
    rows = list(writer.unsettled_rows())
    writer.intend([item(row) for row in rows])
    writer.forget_intent(rows)
    assert list(writer.unsettled_rows()) == rows


def test_the_intents_of_a_settled_run_are_gone(journal, place):
    writer = begin(journal)
    for first in range(1, 100, 10):
        writer.intend([item(row) for row in range(first, first + 10)])
        writer.settle([settled(row) for row in range(first, first + 10)])
    with sqlite3.connect(place) as looking:
        assert looking.execute("SELECT count(*) FROM intent").fetchone() == (0,)
        assert looking.execute("SELECT seq FROM sqlite_sequence WHERE name = 'intent'").fetchone() == (10,)
