"""What the journal is given comes back as it was."""

from __future__ import annotations

from datetime import timedelta

import pytest
from journal_samples import (
    DELIVERED,
    INVALID,
    REJECTED,
    SHA,
    begin,
    item,
    settled,
)

from rokt_export.exchange.delivery import Delivery
from rokt_export.journal import RunState
from rokt_export.journal.bulk import DELIVERY_COLUMNS
from rokt_export.journal.run_info import as_text


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


def test_deliveries_come_in_row_order_over_pages(journal, monkeypatch):
    monkeypatch.setattr("rokt_export.journal.queries._FIRST_PAGE", 2)
    monkeypatch.setattr("rokt_export.journal.queries._PAGE", 3)
    writer = begin(journal)
    writer.settle([settled(row) for row in (9, 2, 5, 7, 1, 8, 3)])
    writer.intend([item(4), item(6), item(10)])
    assert [one.row for one in journal.deliveries(writer.run)] == [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]
    assert [one.row for one in journal.deliveries(writer.run, outcomes=["unknown"])] == [4, 6, 10]
    assert [one.row for one in journal.deliveries(writer.run, outcomes=[DELIVERED])] == [1, 2, 3, 5, 7, 8, 9]


def test_a_run_says_what_it_was(journal):
    options = {"limits": {"rate": "10/s"}, "columns": {"E-mail": "email"}}
    writer = begin(journal, events=["a.csv", "b.csv"], name="first", options=options)
    running = journal.find("first")
    assert (running.state, running.ended, running.events, running.options) == (
        RunState.RUNNING,
        None,
        ("a.csv", "b.csv"),
        options,
    )
    writer.settle([settled(1), settled(2, REJECTED), settled(3)])
    writer.end(RunState.FINISHED, 1)
    ended = journal.find(writer.run)
    assert ended.exit_status == 1
    assert ended.as_json() == {
        "run": writer.run,
        "name": "first",
        "command": "replay",
        "partner": "acme",
        "environment": "staging",
        "spec_sha256": SHA,
        "started": as_text(ended.started),
        "ended": as_text(ended.ended),
        "state": "finished",
        "counts": {"delivered": 2, "rejected": 1},
    }
    assert ended.as_json()["started"].endswith("Z")
    assert timedelta(0) <= ended.ended - ended.started < timedelta(minutes=1)


def test_a_run_ends_only_in_a_state_that_is_an_end(journal):
    writer = begin(journal)
    for state in (RunState.RUNNING, RunState.CRASHED):
        with pytest.raises(ValueError, match="does not end"):
            writer.end(state, 0)


def test_recordings_and_notes(journal):
    writer = begin(journal)
    writer.settle([settled(1), settled(2), settled(3)], recordings={1: b"one", 3: b"three" * 1000})
    assert journal.recording(writer.run, 3) == b"three" * 1000
    assert journal.recording(writer.run, 2) is None
    assert [row for row, _ in journal.recordings(writer.run)] == [1, 3]
    assert list(journal.recordings(writer.run, [3, 2, 1])) == [(3, b"three" * 1000), (1, b"one")]
    journal.note(writer.run, {"coverage": {"rule 1": 3}})
    journal.note(writer.run, {"coverage": {"rule 1": 4}})
    assert journal.notes(writer.run) == {"coverage": {"rule 1": 4}}


def test_words_that_a_database_refuses_do_not_stop_a_run(journal):
    writer = begin(journal)
    writer.intend([(1, "half \ud83d pair", None)])
    writer.settle([settled(1, reason="half \ud83d pair, \0 and 😀"), settled(2, reason="plain")])
    assert [one.reason for one in journal.deliveries(writer.run)] == ["half � pair, � and 😀", "plain"]
