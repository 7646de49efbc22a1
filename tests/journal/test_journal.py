"""The journal: what it keeps through crashes, full disks, damage and other processes."""

from __future__ import annotations

import dataclasses
import os
import random
import socket
import sqlite3
import subprocess
import sys
import tempfile
import textwrap
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from msgspec import structs
from sqlalchemy import make_url, text
from sqlalchemy.exc import OperationalError

from rokt_export.errors import ExitStatus, JournalError, UsageError
from rokt_export.exchange.delivery import Delivery, LeftOut
from rokt_export.exchange.model import OutcomeKind
from rokt_export.journal import Journal, RowSet, RunState, RunWriter, default_place, run_records, schema, storage
from rokt_export.journal.bulk import DELIVERY_COLUMNS
from rokt_export.journal.model import as_text
from rokt_export.journal.storage import translated

SHA = "0" * 64
DELIVERED, DUPLICATE, REJECTED = OutcomeKind.DELIVERED, OutcomeKind.DUPLICATE, OutcomeKind.REJECTED
FAILED, INVALID, UNKNOWN = OutcomeKind.FAILED, OutcomeKind.INVALID, OutcomeKind.UNKNOWN
UNCLASSIFIED = OutcomeKind.UNCLASSIFIED
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="takes on another user, which only root can")


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "state" / "journal.sqlite"


@pytest.fixture
def journal(place: Path):
    with Journal.open(place) as opened:
        yield opened


def begin(journal: Journal, **changes) -> RunWriter:
    asked = {"command": "replay", "partner": "acme", "environment": "staging", "spec_file": "acme.yaml"}
    return journal.begin(**{**asked, "spec_sha256": SHA, **changes})


def item(row: int, mark: bytes | None = None) -> tuple[int, str, bytes | None]:
    return row, f"tx-{row}", mark


def settled(row: int, outcome: OutcomeKind = DELIVERED, **changes) -> Delivery:
    return Delivery(row, f"tx-{row}", outcome, 201, "rule 1", attempts=1, latency_ms=1.5, started=1.7e9, **changes)


def outcomes(journal: Journal, run: str) -> list[tuple[int, str]]:
    return [(one.row, str(one.outcome)) for one in journal.deliveries(run)]


def child(code: str, *arguments: object, **options) -> subprocess.Popen[str]:
    """Start a Python that has the names of this module's header."""
    header = """
        import os, sys, time, signal
        from rokt_export.journal import Journal, RunState
        from rokt_export.exchange.delivery import Delivery
        from rokt_export.exchange.model import OutcomeKind
        from rokt_export.errors import JournalError
        def begin(journal, **changes):
            return journal.begin(**{**dict(command="replay", partner="acme", environment="staging",
                spec_file="acme.yaml", spec_sha256="0" * 64), **changes})
        def item(row): return row, f"tx-{row}", None
        def settled(row): return Delivery(row, f"tx-{row}", OutcomeKind.DELIVERED, 201, attempts=1)
        def say(*words): print(*words, flush=True)
    """
    program = textwrap.dedent(header) + textwrap.dedent(code)
    return subprocess.Popen(
        [sys.executable, "-c", program, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


def finished(program: subprocess.Popen[str]) -> str:
    out, errors = program.communicate(timeout=30)
    assert program.returncode == 0, errors
    return out


# --- what is written is what is read


def test_a_delivery_comes_back_as_it_was(journal):
    writer = begin(journal)
    whole = Delivery(
        7, "tx-7", REJECTED, 422, "rule é", "words", "ref", "E1", 3, 12.345, "dns: no such host", 1.7e9 + 0.25, True
    )
    bare = Delivery(8, "tx-8", INVALID)
    writer.settle([whole, bare])
    assert list(journal.deliveries(writer.run)) == [whole, bare]


def test_the_table_orders_its_columns_as_a_delivery_orders_its_fields():
    fields = list(Delivery.__struct_fields__)
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


# --- intended, settled, unknown


def test_an_intended_row_is_unknown_until_it_is_settled(journal):
    writer = begin(journal)
    writer.intend([item(1), item(2), item(3)])
    writer.settle([settled(2)])
    assert outcomes(journal, writer.run) == [(1, "unknown"), (2, "delivered"), (3, "unknown")]
    assert journal.find(writer.run).counts == {"delivered": 1, "unknown": 2}
    assert list(writer.settled_rows()) == [2]
    assert list(writer.unsettled_rows()) == [1, 3]
    assert list(journal.rows(writer.run, ["unknown"])) == [1, 3]
    assert next(journal.deliveries(writer.run)).transaction == "tx-1"
    writer.settle([settled(1), settled(3)])
    assert not writer.unsettled_rows()


def test_a_forgotten_intent_leaves_no_trace(journal):
    writer = begin(journal)
    writer.intend([item(1), item(2), item(3)])
    writer.forget_intent([1, 3, 99])
    assert list(writer.unsettled_rows()) == [2]
    writer.forget_intent([2])
    assert outcomes(journal, writer.run) == []


def test_a_second_send_that_was_cut_off_is_unknown_whatever_the_first_one_came_to(journal):
    writer = begin(journal)
    writer.intend([item(1), item(2)])
    writer.settle([settled(1, FAILED), settled(2, FAILED)])
    writer.intend([item(1), item(2)])
    assert journal.find(writer.run).counts == {"unknown": 2}
    assert list(journal.rows(writer.run, ["failed"])) == []
    assert list(journal.deliveries(writer.run, outcomes=["failed"])) == []
    assert len(writer.settled_rows()) == 0
    writer.forget_intent([2])
    assert outcomes(journal, writer.run) == [(1, "unknown"), (2, "failed")]


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


def test_batches_of_any_size_and_shape_are_stored_whole(journal):
    writer = begin(journal)
    expected = []
    for size in (1, 31, 32, 33, 100):
        rows = [settled(len(expected) + number) for number in range(1, size + 1)]
        rows[-1] = structs.replace(rows[-1], error="dns: no such host", reason="é", invented=True)
        writer.settle(rows)
        expected += rows
    assert list(journal.deliveries(writer.run)) == expected


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


# --- crashes


def crashed(place: Path) -> str:
    """Leave a run that was killed after rows 1-20 were settled, 21-40 intended and 21-25 of these settled."""
    program = child(
        """
        journal = Journal.open(sys.argv[1])
        writer = begin(journal, name="broken")
        writer.intend([item(row) for row in range(1, 21)])
        writer.settle([settled(row) for row in range(1, 21)])
        writer.intend([item(row) for row in range(21, 41)])
        writer.settle([settled(row) for row in range(21, 26)])
        say(writer.run)
        time.sleep(60)
        """,
        place,
    )
    run = program.stdout.readline().strip()
    program.kill()
    program.communicate()
    return run


def test_kill_9_leaves_each_row_settled_or_unknown_or_untouched(place):
    run = crashed(place)
    with Journal.open(place) as journal:
        found = journal.find("broken")
        assert (found.run, found.state, found.counts) == (run, RunState.CRASHED, {"delivered": 25, "unknown": 15})
        writer = journal.reopen(run)
        assert writer.settled_rows() == RowSet(range(1, 26))
        assert writer.unsettled_rows() == RowSet(range(26, 41))
        assert journal.find(run).state is RunState.RUNNING
        writer.settle([settled(26)])  # decided without a new send
        writer.intend([item(row) for row in range(27, 41)])
        writer.settle([settled(row, DUPLICATE) for row in range(27, 41)])
        assert not writer.unsettled_rows()
        writer.end(RunState.FINISHED, 1)
        assert journal.find(run).counts == {"delivered": 26, "duplicate": 14}
    with sqlite3.connect(place) as looking:
        assert looking.execute("SELECT count(*) FROM intent").fetchone() == (0,)


@pytest.mark.parametrize("seconds", [0.0, 0.03, 0.1])
def test_what_a_writer_reported_survives_kill_9_at_any_moment(place, seconds):
    program = child(
        """
        writer = begin(Journal.open(sys.argv[1]))
        for first in range(1, 1_000_000, 50):
            rows = range(first, first + 50)
            writer.intend([item(row) for row in rows])
            say("intended", rows[-1])
            writer.settle([settled(row) for row in rows])
            say("settled", rows[-1])
        """,
        place,
    )
    seen = [program.stdout.readline()]
    time.sleep(seconds)
    program.kill()
    seen += program.communicate()[0].splitlines(keepends=True)
    whole = (line.split() for line in seen if line.startswith(("intended ", "settled ")) and line.endswith("\n"))
    told = {word: int(row) for word, row in whole}
    with Journal.open(place) as journal:
        writer = journal.reopen("last")
        done, open_rows = writer.settled_rows(), writer.unsettled_rows()
        assert all(row in done for row in range(1, told.get("settled", 0) + 1))
        assert all(row in done or row in open_rows for row in range(1, told["intended"] + 1))
        assert len(open_rows) in {0, 50}


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


def test_a_long_run_gives_signs_of_life(journal, monkeypatch):
    writer = begin(journal)
    monkeypatch.setattr("rokt_export.journal.writer._HEARTBEAT", 0.0)
    time.sleep(0.002)
    writer.heartbeat()
    with journal._store.reading.connect() as connection:
        started, heard = connection.execute(text("SELECT started, heartbeat FROM run")).one()
    assert heard > started


# --- the ledger


def test_a_production_run_knows_what_an_earlier_one_was_answered(journal, place):
    first = begin(journal, production=True, environment="production")
    marks = {row: first.fingerprint(b"row %d" % row) for row in range(1, 10)}
    first.intend([item(row, mark) for row, mark in marks.items()])
    unsent = structs.replace(settled(8, FAILED), status=None)
    unanswered = structs.replace(settled(4, UNKNOWN), status=None)
    first.settle(
        [settled(1), settled(2, DUPLICATE), settled(3, REJECTED), unanswered, settled(5), settled(7, UNCLASSIFIED)]
    )
    first.settle([unsent, settled(9, FAILED)])
    first.close()
    with Journal.open(place) as later:
        second = begin(later, production=True, environment="production")
        assert [second.fingerprint(b"row %d" % row) for row in range(1, 10)] == list(marks.values())

        def known(leave=frozenset()) -> dict[int, str]:
            found = second.withheld(list(marks.values()), leave)
            return {row: str(found[mark]) for row, mark in marks.items() if mark in found}

        everything = {
            1: "delivered", 2: "duplicate", 3: "rejected", 4: "unknown", 5: "delivered", 6: "unknown",
            7: "unclassified", 9: "failed",
        }  # fmt: skip
        assert known() == everything
        assert known({REJECTED, FAILED}) == {row: why for row, why in everything.items() if row not in (3, 9)}
        assert known({UNKNOWN}) == {row: why for row, why in everything.items() if row != 4}  # 6: its process lives
        assert second.intend([item(3, marks[3]), item(6, marks[6])], leave={REJECTED, UNKNOWN}) == {6: LeftOut.UNKNOWN}
        for row, outcome, afterwards in (
            (4, FAILED, "unknown"),  # a failure says nothing about an earlier send that may have arrived
            (4, UNCLASSIFIED, "unclassified"),
            (4, REJECTED, "rejected"),  # a definite answer to a resend ends the doubt
            (4, UNKNOWN, "unknown"),
            (7, FAILED, "unclassified"),
            (9, DELIVERED, "delivered"),
            (9, REJECTED, "delivered"),  # what the partner has, it has
            (1, UNKNOWN, "delivered"),
        ):
            assert second.intend([item(row, marks[row])]) == {}
            second.settle([structs.replace(settled(row, outcome), status=None if outcome is UNKNOWN else 400)])
            assert known()[row] == afterwards


def test_staging_leaves_the_ledger_alone(journal):
    writer, guarded = begin(journal), begin(journal, production=True)
    mark = guarded.fingerprint(b"row")
    writer.intend([item(1, mark)])
    writer.settle([settled(1)])
    assert guarded.withheld([mark], set()) == {}


def test_a_fingerprint_depends_on_partner_and_key(journal, tmp_path, monkeypatch):
    one, other = begin(journal, production=True), begin(journal, production=True, partner="other")
    monkeypatch.setenv("ROKT_EXPORT_KEY", "ab" * 32)
    with Journal.open(tmp_path / "second.sqlite") as second:
        elsewhere = begin(second, production=True)
        marks = {writer.fingerprint(b"jane@example.com") for writer in (one, other, elsewhere)}
    assert len(marks) == 3
    assert all(len(mark) == 16 for mark in marks)


def test_a_large_lookup_in_the_ledger(journal):
    writer = begin(journal, production=True)
    marks = {row: writer.fingerprint(b"%d" % row) for row in range(3000)}
    writer.intend([item(row, mark) for row, mark in marks.items()])
    writer.settle([settled(row) for row in range(2000)])
    assert Counter(writer.withheld(list(marks.values()), set()).values()) == {LeftOut.DELIVERED: 2000}


# --- several processes


def test_four_processes_write_one_run_at_once(place, journal):
    writer = begin(journal)
    code = """
        journal = Journal.open(sys.argv[1])
        writer, worker = journal.attach(sys.argv[2]), int(sys.argv[3])
        rows = range(worker + 1, 8001, 4)
        for first in range(0, len(rows), 100):
            batch = rows[first:first + 100]
            writer.intend([item(row) for row in batch])
            writer.settle([settled(row) for row in batch if row != 1])
        journal.close()
    """
    workers = [child(code, place, writer.run, number) for number in range(4)]
    for worker in workers:
        finished(worker)
    assert list(writer.unsettled_rows()) == [1]
    writer.end(RunState.FINISHED, 1)
    assert journal.find(writer.run).counts == {"delivered": 7999, "unknown": 1}


def test_four_processes_create_one_journal_at_once(place):
    code = "begin(Journal.open(sys.argv[1])).end(RunState.FINISHED, 0)"
    for program in [child(code, place) for _ in range(4)]:
        finished(program)
    with Journal.open(place) as journal:
        assert len(journal.runs()) == 4


def test_a_journal_held_too_long_is_an_error_and_the_batch_can_be_tried_again(place, monkeypatch):
    monkeypatch.setattr(storage, "PATIENCE", 0.05)
    with Journal.open(place) as journal:
        writer = begin(journal)
        writer.settle([settled(1)])
        holder = sqlite3.connect(place, isolation_level=None)
        holder.execute("BEGIN IMMEDIATE")
        with pytest.raises(JournalError, match=r"another process holds it") as told:
            writer.intend([item(2)])
        assert told.value.settled == "1 row: 1"
        holder.close()
        writer.intend([item(2)])
        writer.settle([settled(2)])
        assert journal.find(writer.run).counts == {"delivered": 2}


# --- finding a run


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
    with pytest.raises(UsageError, match="no run yet"):
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


# --- purge


def test_purge_leaves_no_personal_data_in_the_bytes_of_any_file(place):
    secret = "jane.doe@example.com"
    with Journal.open(place) as journal:
        writer = begin(journal, options={"set": {"email": secret}})
        for first in range(1, 2001, 100):
            rows = range(first, first + 100)
            writer.intend([(row, f"{secret}-{row}", None) for row in rows])
            results = [
                settled(row, REJECTED, reason=secret, reference=secret, code=secret, error=secret) for row in rows
            ]
            writer.settle(results[: 99 if first == 1 else 100], recordings={first: secret.encode()})
        journal.note(writer.run, {"sample": secret})
        journal.note(writer.run, {"sample": "replaced"})
        writer.end(RunState.FINISHED, 1)
        before = journal.find(writer.run)
        assert any(secret.encode() in file.read_bytes() for file in place.parent.iterdir())
        assert journal.purge(writer.run) == 1
        after = journal.find(writer.run)
        for file in place.parent.iterdir():
            assert b"jane" not in file.read_bytes(), file
        assert (after.counts, after.purged, after.options) == (before.counts, True, {})
        assert after.counts == {"rejected": 1999, "unknown": 1}
        first = next(journal.deliveries(writer.run))
        assert (first.transaction, first.outcome, first.status, first.reason) == ("row-1", REJECTED, 201, None)
        assert next(journal.deliveries(writer.run, outcomes=["unknown"])).transaction == "row-100"
        assert list(journal.recordings(writer.run)) == []
        assert journal.notes(writer.run) == {}
        with pytest.raises(JournalError, match="purged"):
            journal.reopen(writer.run)
    assert all(b"jane" not in file.read_bytes() for file in place.parent.iterdir())


def test_purge_by_date_spares_what_runs_and_remove_takes_the_run_but_not_the_ledger(journal):
    old, running = begin(journal, production=True), begin(journal)
    mark = old.fingerprint(b"row")
    old.intend([item(1, mark)])
    old.settle([settled(1)])
    old.end(RunState.FINISHED, 0)
    assert journal.purge(before=datetime.now(UTC) - timedelta(days=1)) == 0
    assert journal.purge(before=datetime.now(UTC) + timedelta(days=1), remove=True) == 1
    assert [one.run for one in journal.runs()] == [running.run]
    assert begin(journal, production=True).withheld([mark], set()) == {mark: LeftOut.DELIVERED}
    with pytest.raises(UsageError, match="needs a run or a date"):
        journal.purge()


def test_a_removed_run_leaves_its_rows_unknown(journal):
    cut_off = begin(journal, production=True)
    marks = [cut_off.fingerprint(content) for content in (b"answered", b"never answered", b"refused")]
    cut_off.intend([item(row, mark) for row, mark in enumerate(marks, start=1)])
    cut_off.settle([settled(1), settled(3, REJECTED)])
    cut_off.end(RunState.INTERRUPTED, 130)
    assert journal.purge(cut_off.run, remove=True) == 1
    after = begin(journal, production=True)
    known = after.withheld(marks, set())
    assert known == dict(zip(marks, (LeftOut.DELIVERED, LeftOut.UNKNOWN, LeftOut.REJECTED), strict=True))


# --- places


def test_files_are_their_owners_alone_whatever_the_umask(tmp_path):
    place = tmp_path / "new" / "deep" / "journal.sqlite"
    previous = os.umask(0)
    try:
        with Journal.open(place) as journal:
            begin(journal).settle([settled(1)])
            modes = {file.name: file.stat().st_mode & 0o777 for file in place.parent.iterdir()}
    finally:
        os.umask(previous)
    assert len(modes) == 3
    assert set(modes.values()) == {0o600}
    assert {folder.stat().st_mode & 0o777 for folder in (place.parent, place.parent.parent)} == {0o700}
    place.chmod(0o644)
    Journal.open(place).close()
    assert place.stat().st_mode & 0o777 == 0o600


def test_the_default_place(monkeypatch, tmp_path):
    monkeypatch.delenv(storage.VARIABLE, raising=False)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert Path(default_place()).name == "journal.sqlite"
    assert "rokt-export" in Path(default_place()).parts
    monkeypatch.setenv(storage.VARIABLE, str(tmp_path / "mine.sqlite"))
    assert default_place() == str(tmp_path / "mine.sqlite")
    Journal.open().close()
    Journal.open(f"sqlite:///{tmp_path}/mine.sqlite").close()
    assert [file.name for file in tmp_path.iterdir()] == ["mine.sqlite"]


@pytest.mark.parametrize("place", ["mysql://root@localhost/x", "://", "", "a\0b", "sqlite://", "http://example.com"])
def test_a_place_that_makes_no_sense(place):
    with pytest.raises(UsageError) as caught:
        Journal.open(place)
    assert caught.value.remedy


def test_a_driver_that_is_not_installed(monkeypatch):
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(JournalError, match="driver is not installed") as caught:
        Journal.open("postgres://jane:hunter2@127.0.0.1:1/journal")
    assert "rokt-export[cluster]" in caught.value.remedy
    assert "hunter2" not in str(caught.value)


def test_a_password_is_never_shown():
    pytest.importorskip("psycopg")
    url = "postgresql://jane:hunter2@127.0.0.1:1/journal"
    with pytest.raises(JournalError) as caught:
        Journal.open(url)
    assert "cannot be reached" in str(caught.value)
    assert "hunter2" not in str(caught.value)
    assert caught.value.__cause__ is not None


# --- bad input


def test_a_folder(tmp_path):
    with pytest.raises(JournalError, match="is a folder"):
        Journal.open(tmp_path)


@pytest.mark.parametrize(
    "content", [b"row,outcome\n" * 200, random.Random(1).randbytes(9000), b"SQLite format 3\0" + b"\xff" * 5000]
)
def test_a_file_that_is_no_journal_is_left_as_it_is(tmp_path, content):
    place = tmp_path / "file"
    place.write_bytes(content)
    with pytest.raises(JournalError, match=r"not a journal|damaged") as caught:
        Journal.open(place)
    assert caught.value.exit_status is ExitStatus.JOURNAL
    assert caught.value.where == str(place)
    assert caught.value.__cause__ is not None
    assert place.read_bytes() == content


def test_a_database_of_something_else_is_left_as_it_is(tmp_path):
    place = tmp_path / "other.sqlite"
    with sqlite3.connect(place) as other:
        other.execute("CREATE TABLE cake (slice)")
    content = place.read_bytes()
    with pytest.raises(JournalError, match="not a journal"):
        Journal.open(place)
    assert place.read_bytes() == content


def test_damage_inside_the_file_is_told(place):
    with Journal.open(place) as journal:
        writer = begin(journal)
        writer.settle([settled(row) for row in range(2000)])
        writer.end(RunState.FINISHED, 0)
        run = writer.run
    with place.open("r+b") as file:
        file.seek(4096 * 12)
        file.write(b"\xa5" * (place.stat().st_size - 4096 * 12))
    with Journal.open(place) as journal, pytest.raises(JournalError, match="damaged") as caught:
        list(journal.deliveries(run))
    assert "recover" in caught.value.remedy


def test_a_journal_of_a_newer_version(place):
    Journal.open(place).close()
    with sqlite3.connect(place) as other:
        other.execute("UPDATE journal_meta SET value = ? WHERE key = 'version'", (str(schema.VERSION + 1).encode(),))
    other.close()
    with pytest.raises(JournalError, match=f"has version {schema.VERSION + 1}") as caught:
        Journal.open(place)
    assert "Update" in caught.value.remedy


def test_an_older_journal_is_migrated_step_by_step_in_one_transaction(journal):
    steps = []

    def broken(_):
        raise RuntimeError("half way")

    start = schema.VERSION
    good = {start + n: lambda connection, n=n: steps.append(n) for n in range(3)}
    with pytest.raises(RuntimeError), journal._store.writing.begin() as connection:
        schema.migrate(connection, {**good, start + 2: broken}, start + 3)
    with journal._store.writing.begin() as connection:
        assert schema.version_of(connection) == start
        steps.clear()
        schema.migrate(connection, good, start + 3)
        assert schema.version_of(connection) == start + 3
    assert steps == [0, 1, 2]


def test_a_full_disk_is_told_with_the_rows_that_are_settled(place):
    run, message = finished(
        child(
            """
            import resource
            journal = Journal.open(sys.argv[1])
            writer = begin(journal)
            resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, resource.RLIM_INFINITY))
            told = 0
            try:
                for first in range(1, 100_000, 100):
                    rows = range(first, first + 100)
                    writer.intend([item(row) for row in rows])
                    writer.settle([settled(row) for row in rows])
                    told = rows[-1]
            except JournalError as error:
                assert error.settled == f"{told:,} rows: 1-{told}", error.settled
                assert error.exit_status == 5 and error.remedy and error.__cause__
                resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
                rows = range(told + 1, told + 101)
                writer.intend([item(row) for row in rows])  # there is space again
                writer.settle([settled(row) for row in rows])
                writer.end(RunState.INTERRUPTED, 5)
                say(writer.run)
                say(error.message)
            """,
            place,
        )
    ).splitlines()
    assert "disk" in message
    with Journal.open(place) as journal:
        found = journal.find(run)
        assert found.counts["delivered"] == len(journal.reopen(run).settled_rows()) >= 200
        assert set(found.counts) == {"delivered"}


# A process that has read its modules becomes nobody, whom permissions bind as they do not bind root.
AS_NOBODY = """
            Journal.open(sys.argv[1] + ".warm").close()
            os.setgroups([])
            os.setresgid(65534, 65534, 65534)
            os.setresuid(65534, 65534, 65534)
"""


@pytest.fixture
def public():
    """A folder that others may enter and read, unlike pytest's own."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@as_root
def test_a_folder_that_takes_no_files(public):
    said = finished(
        child(
            AS_NOBODY
            + """
            try:
                Journal.open(sys.argv[1])
            except JournalError as error:
                say(error, "|", error.remedy, "|", type(error.__cause__).__name__)
            """,
            public / "journal.sqlite",
        )
    )
    assert "Permission denied" in said
    assert "PermissionError" in said


@as_root
def test_a_read_only_journal_can_be_read_and_says_so_when_written(public):
    place = public / "journal.sqlite"
    with Journal.open(place) as journal:
        writer = begin(journal)
        writer.settle([settled(1)])
        writer.end(RunState.FINISHED, 0)
    place.chmod(0o644)
    said = finished(
        child(
            AS_NOBODY
            + """
            journal = Journal.open(sys.argv[1])
            say([one.row for one in journal.deliveries("last")], journal.find("last").counts)
            for attempt in (lambda: begin(journal), lambda: journal.reopen("last"), lambda: journal.purge("last")):
                try:
                    attempt()
                except JournalError as error:
                    say(error.message)
            """,
            place,
        )
    ).splitlines()
    assert said[0] == "[1] {'delivered': 1}"
    assert len(said) == 4
    assert all("can only be read" in line for line in said[1:])


# --- sets of rows


def test_a_row_set_is_a_set():
    numbers = random.Random(1)
    rows, plain = RowSet(), set()
    for _ in range(5000):
        row = numbers.choice([numbers.randrange(300), numbers.randrange(200_000), numbers.randrange(10**12)])
        if numbers.random() < 0.7:
            rows.add(row)
            plain.add(row)
        else:
            rows.discard(row)
            plain.discard(row)
    assert list(rows) == sorted(plain)
    assert rows.last == max(plain)
    assert len(rows) == len(plain)
    assert rows == RowSet(plain)
    assert rows != RowSet([1])
    assert [row for first, last in rows.ranges() for row in range(first, last + 1)] == sorted(plain)
    assert -1 not in rows


def test_a_row_set_tells_its_rows():
    assert RowSet().summary() == "none"
    assert RowSet().last == 0
    assert RowSet([1, 2, 3, 5, 9, 10]).summary() == "1-3, 5, 9-10"
    assert RowSet(range(0, 20, 2)).summary(3) == "0, 2, 4, and 7 more"
    with pytest.raises(ValueError, match="negative"):
        RowSet([-1])


def test_a_row_set_of_millions_is_small():
    rows = RowSet(range(1, 500_001))
    assert sum(map(len, rows._blocks.values())) < 80_000


# --- the price


def test_importing_delivery_does_not_load_sqlalchemy():
    code = "import sys, rokt_export.exchange.delivery; sys.exit('sqlalchemy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.benchmark(group="journal")
@pytest.mark.parametrize("production", [False, True])
def test_journal_500_rows(journal, benchmark, production):
    writer = begin(journal, production=production)
    firsts = iter(range(1, 10**9, 500))

    def batch():
        rows = range(first := next(firsts), first + 500)
        items = [item(row, writer.fingerprint(b"%d" % row) if production else None) for row in rows]
        return (items, [settled(row, reference=f"ref-{row}") for row in rows]), {}

    def write(items, results):
        writer.intend(items)
        writer.settle(results)

    benchmark.pedantic(write, setup=batch, rounds=100)


def test_signals_do_not_leave_a_transaction_open(place):
    """An interrupt inside a batch rolls it back, and the writer stays usable."""
    said = finished(
        child(
            """
            journal = Journal.open(sys.argv[1])
            writer = begin(journal)
            signal.signal(signal.SIGALRM, lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
            signal.setitimer(signal.ITIMER_REAL, 0.05)
            row = 0
            try:
                while row < 10_000_000:
                    row += 100
                    writer.settle([settled(one) for one in range(row, row + 100)])
            except KeyboardInterrupt:
                pass
            writer.settle([settled(1)])
            say(1 in writer.settled_rows())
            """,
            place,
        )
    )
    assert said.split() == ["True"]


# --- PostgreSQL


@pytest.fixture
def server(monkeypatch) -> str:
    """A database that other tests use at the same time; all share its key, as machines do."""
    monkeypatch.setenv("ROKT_EXPORT_KEY", "5e" * 32)
    return os.environ["ROKT_EXPORT_TEST_POSTGRES"]


@pytest.mark.skipif("ROKT_EXPORT_TEST_POSTGRES" not in os.environ, reason="ROKT_EXPORT_TEST_POSTGRES names no database")
def test_postgresql_keeps_a_run_as_sqlite_does(server):
    place = server
    with Journal.open(place) as journal:
        writer = begin(journal, production=True, name="nightly")
        marks = {row: writer.fingerprint(b"%s %d" % (writer.run.encode(), row)) for row in range(1, 2001)}
        worker = """
            writer = Journal.open(sys.argv[1]).attach(sys.argv[2])
            rows = range(2001 + int(sys.argv[3]), 3001, 2)
            writer.intend([item(row) for row in rows])
            writer.settle([settled(row) for row in rows])
        """
        workers = [child(worker, place, writer.run, number) for number in range(2)]
        for first in range(1, 2001, 500):
            rows = range(first, first + 500)
            writer.intend([item(row, marks[row]) for row in rows])
            writer.settle([settled(row, reason="a \0 b") for row in rows if row % 100], recordings={first: b"recorded"})
        for program in workers:
            finished(program)
        unknown = list(range(100, 2001, 100))
        assert list(writer.unsettled_rows()) == unknown
        writer.forget_intent([100])
        writer.intend([item(200, marks[200])])
        writer.settle([settled(200, UNKNOWN), settled(300, FAILED)])
        assert writer.settled_rows() == RowSet(
            row for row in range(1, 3001) if row % 100 or row > 2000 or row in (200, 300)
        )
        known = writer.withheld(list(marks.values()), set())
        assert {row for row in marks if known.get(marks[row]) is LeftOut.DELIVERED} == {r for r in marks if r % 100}
        assert (known[marks[200]], known[marks[300]]) == (LeftOut.UNKNOWN, LeftOut.FAILED)
        with pytest.raises(JournalError, match="still running"):
            journal.reopen(writer.run)
        writer.end(RunState.FINISHED, 1)
        assert journal.find("nightly").counts == {"delivered": 2980, "failed": 1, "unknown": 18}
        assert [one.row for one in journal.deliveries(writer.run)] == [row for row in range(1, 3001) if row != 100]
        assert next(journal.deliveries(writer.run)).reason == "a � b"
        assert dict(journal.recordings(writer.run)) == dict.fromkeys((1, 501, 1001, 1501), b"recorded")
        journal.note(writer.run, {"coverage": {"rule 1": 1}})
        assert journal.notes(writer.run) == {"coverage": {"rule 1": 1}}
        journal.reopen(writer.run).end(RunState.FINISHED, 1)
        assert journal.purge(writer.run) == 1
        assert next(journal.deliveries(writer.run)).transaction == "row-1"
        assert journal.purge(writer.run, remove=True) == 1


@pytest.mark.skipif("ROKT_EXPORT_TEST_POSTGRES" not in os.environ, reason="ROKT_EXPORT_TEST_POSTGRES names no database")
def test_what_a_postgresql_server_refuses_is_not_told_as_out_of_reach():
    url = make_url(os.environ["ROKT_EXPORT_TEST_POSTGRES"])
    for other, words in (
        (url.set(username="nobody-of-that-name"), "refused the user or the password"),
        (url.set(database="nothing-of-that-name"), "has no such database"),
        (url.set(host="127.0.0.1", port=1, query={}), "cannot be reached"),
    ):
        with pytest.raises(JournalError, match=words):
            Journal.open(other.render_as_string(hide_password=False))


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ('connection failed: FATAL:  password authentication failed for user "jane"', "refused the user"),
        ("connection failed: fe_sendauth: no password supplied", "refused the user"),
        ("connection failed: FATAL:  sorry, too many clients already", "run out of"),
        ("connection failed: FATAL:  the database system is starting up", "shut the connection"),
        ("connection failed: Connection refused", "cannot be reached"),
        ("the connection is closed", "cannot be reached"),
    ],
)
def test_what_a_server_says_of_a_connection_that_it_refuses(said, words):
    psycopg = pytest.importorskip("psycopg")
    with pytest.raises(JournalError, match=words), translated("there", "opened"):
        raise OperationalError("", {}, psycopg.OperationalError(said))


@pytest.mark.skipif("ROKT_EXPORT_TEST_POSTGRES" not in os.environ, reason="ROKT_EXPORT_TEST_POSTGRES names no database")
def test_postgresql_gives_a_row_to_one_of_two_runs(server):
    """As from several machines: each intends the same rows, in batches, as fast as it can."""
    place = server
    worker = """
        writer = Journal.open(sys.argv[1]).begin(command="replay", partner="race", environment="production",
            spec_file="race.yaml", spec_sha256="0" * 64, production=True)
        for first in range(0, 3000, 50):
            items = [(row, f"tx{row}", writer.fingerprint(b"%s %d" % (sys.argv[2].encode(), row)))
                     for row in range(first, first + 50)]
            taken = writer.intend(items, leave=set())
            mine = [row for row, _, _ in items if row not in taken]
            print(*mine)
            if mine:
                writer.settle([settled(row) for row in mine])
        writer.end(RunState.FINISHED, 0)
    """
    salt = os.urandom(8).hex()
    workers = [child(worker, place, salt) for _ in range(2)]
    sent = Counter(row for program in workers for row in finished(program).split())
    assert sent == {str(row): 1 for row in range(3000)}
