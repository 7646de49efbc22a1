"""What the record of a run says: its state, its moments, its counts, its options."""

from __future__ import annotations

from datetime import timedelta

import pytest
from journal_samples import (
    REJECTED,
    SHA,
    begin,
    settled,
)

from rokt_export.journal import RunState
from rokt_export.journal.run_info import as_text


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
