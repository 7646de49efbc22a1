"""Rows that are intended and settled, through crashes and beside other processes."""

from __future__ import annotations

import sqlite3
import time

import pytest
from journal_samples import (
    DELIVERED,
    DUPLICATE,
    FAILED,
    UNKNOWN,
    begin,
    child,
    crashed,
    finished,
    item,
    outcomes,
    settled,
)
from msgspec import structs
from sqlalchemy import text

from rokt_export.errors import JournalError
from rokt_export.journal import Journal, RowSet, RunState, storage


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


def test_a_row_that_another_process_settles_between_two_looks_is_in_one_of_them(journal):
    with begin(journal) as writer, journal.attach(writer.run) as other:
        writer.intend([item(1), item(2), item(3)])
        writer.settle([settled(1)])
        assert list(other.settled_rows()) == [1]
        writer.settle([settled(2)])
        assert list(other.unsettled_rows()) == [2, 3]


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


def test_a_row_that_is_sent_once_more_keeps_its_first_moment_and_counts_both_sends(journal):
    writer = begin(journal)
    timed_out = structs.replace(settled(1, UNKNOWN), status=None, started=100.0, attempts=2)
    writer.intend([item(1), item(2)])
    writer.settle([timed_out, structs.replace(settled(2), started=101.0)])
    writer.intend([item(1)])
    again = structs.replace(settled(1), started=500.0)
    for _ in range(2):  # a result that is written again, as after a server's crash, counts once
        writer.settle([again])
        one, other = journal.deliveries(writer.run)
        assert (one.outcome, one.status, one.started, one.attempts) == (DELIVERED, 201, 100.0, 3)
        assert (other.started, other.attempts) == (101.0, 1)


def test_batches_of_any_size_and_shape_are_stored_whole(journal):
    writer = begin(journal)
    expected = []
    for size in (1, 31, 32, 33, 100):
        rows = [settled(len(expected) + number) for number in range(1, size + 1)]
        rows[-1] = structs.replace(rows[-1], error="dns: no such host", reason="é", invented=True)
        writer.settle(rows)
        expected += rows
    assert list(journal.deliveries(writer.run)) == expected


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


def test_a_long_run_gives_signs_of_life(journal, monkeypatch):
    writer = begin(journal)
    monkeypatch.setattr("rokt_export.journal.writer._HEARTBEAT", 0.0)
    time.sleep(0.002)
    writer.heartbeat()
    with journal._store.reading.connect() as connection:
        started, heard = connection.execute(text("SELECT started, heartbeat FROM run")).one()
    assert heard > started


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
        with pytest.raises(JournalError, match=r"another process has locked it") as told:
            writer.intend([item(2)])
        assert told.value.settled == "1 row: 1"
        holder.close()
        writer.intend([item(2)])
        writer.settle([settled(2)])
        assert journal.find(writer.run).counts == {"delivered": 2}


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
