"""Finding a run, and whether its process lives."""

from __future__ import annotations

import dataclasses
import os
import socket
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest
from journal_samples import (
    begin,
    child,
    settled,
)

from rokt_export.errors import ExitStatus, JournalError, UsageError
from rokt_export.journal import RunState, run_records


def test_an_interrupted_run_goes_on_and_a_living_one_is_left_alone(place, journal):
    program = child(
        """
        writer = begin(Journal.open(sys.argv[1]))
        say(writer.run)
        sys.stdin.readline()
        writer.end(RunState.INTERRUPTED, 130)
        """,
        place,
        stdin=subprocess.PIPE,
    )
    run = program.stdout.readline().strip()
    assert journal.find(run).state is RunState.RUNNING
    for attempt in (lambda: journal.reopen(run), lambda: journal.purge(run)):
        with pytest.raises(JournalError, match=f"process {program.pid} on {socket.gethostname()}"):
            attempt()
    journal.attach(run).settle([settled(1)])
    program.communicate("\n", timeout=30)
    ended = journal.find(run)
    assert (ended.state, ended.exit_status, ended.counts) == (RunState.INTERRUPTED, 130, {"delivered": 1})
    with pytest.raises(JournalError, match="is interrupted"):
        journal.attach(run)
    journal.reopen(run).end(RunState.FINISHED, 0)
    assert journal.find(run).exit_status == 0


def test_a_process_is_known_by_more_than_its_number():
    here = run_records.this_process()
    now = datetime.now(UTC)
    assert here.is_alive(now - timedelta(days=1), now)  # it can be looked at: how long it was silent does not matter
    assert not dataclasses.replace(here, started="another time").is_alive(now, now)
    assert not dataclasses.replace(here, pid=2**22 + 1).is_alive(now, now)
    for place in ("", "another boot or container of the same host name"):
        elsewhere = dataclasses.replace(here, pid=2**22 + 1, place=place)
        assert elsewhere.is_alive(now - timedelta(seconds=30), now)
        assert not elsewhere.is_alive(now - timedelta(minutes=10), now)
        assert not elsewhere.is_alive(now + timedelta(minutes=10), now)  # a clock was set back


def test_a_zombie_does_not_drive_a_run():
    program = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    started = run_records._start_time(program.pid)
    assert run_records._lives(program.pid, started)
    program.stdin.close()
    os.waitid(os.P_PID, program.pid, os.WEXITED | os.WNOWAIT)
    assert run_records._lives(program.pid, started) is False
    program.wait()


def test_a_run_is_found_by_id_prefix_name_or_last(journal, monkeypatch):
    ids = iter(["20261123-aaaa11", "20261123-aabb22", "20261124-cccc33"])
    monkeypatch.setattr("rokt_export.journal.run_records.new_id", lambda _: next(ids))
    for name in ("nightly", "other", "nightly"):
        begin(journal, name=name)
    assert [one.run for one in journal.runs()] == ["20261124-cccc33", "20261123-aabb22", "20261123-aaaa11"]
    assert [one.run for one in journal.runs(1)] == ["20261124-cccc33"]
    for wanted, run in [
        ("last", "20261124-cccc33"),
        ("nightly", "20261124-cccc33"),
        ("20261123-aaaa11", "20261123-aaaa11"),
        ("20261123-AAB", "20261123-aabb22"),
        ("20261124", "20261124-cccc33"),
    ]:
        assert journal.find(wanted).run == run
    for wanted, message, remedy in [
        ("20261123-aa", "several runs begin with", "Give more"),
        ("nightli", "no run is called", "`nightly`"),
        ("%", "no run is called", "runs list"),
        ("", "no run is called", "runs list"),
    ]:
        with pytest.raises(UsageError, match=message) as caught:
            journal.find(wanted)
        assert remedy in caught.value.remedy
        assert caught.value.exit_status is ExitStatus.USAGE


def test_an_empty_journal_has_no_last_run(journal):
    assert journal.runs() == []
    with pytest.raises(UsageError, match="no runs yet"):
        journal.find("last")
    with pytest.raises(UsageError):
        journal.deliveries("last")  # told at the call, not at the first row


@pytest.mark.parametrize("name", ["last", "", " padded", "two\nlines"])
def test_a_name_that_cannot_be_typed_is_refused(journal, name):
    with pytest.raises(UsageError):
        begin(journal, name=name)
    assert journal.runs() == []


def test_ids_sort_by_time():
    from rokt_export.journal.run_records import new_id

    moments = [datetime(2026, 11, 23, tzinfo=UTC) + timedelta(seconds=seconds) for seconds in range(0, 172_800, 977)]
    ids = [new_id(moment) for moment in moments]
    assert ids == sorted(ids)
    assert all(len(one) == 15 for one in ids)


def test_an_id_that_is_taken_is_not_given_again(journal, monkeypatch):
    ids = iter(["20261123-aaaa11", "20261123-aaaa11", "20261123-aaaa12"])
    monkeypatch.setattr("rokt_export.journal.run_records.new_id", lambda _: next(ids))
    assert [begin(journal).run, begin(journal).run] == ["20261123-aaaa11", "20261123-aaaa12"]
