"""A journal that agrees with itself, and what `verify` finds where it does not; rows that are kept as counts only."""

from __future__ import annotations

import os
import sqlite3
import zlib
from contextlib import closing

import pytest
from journal_samples import DELIVERED, DUPLICATE, FAILED, REJECTED, UNKNOWN, begin, item, settled
from machines import needs_postgres
from sqlalchemy import text

from rokt_export.errors import JournalError
from rokt_export.journal import Journal, RunState
from rokt_export.journal.damage import readable
from rokt_export.journal.recording import Recording

SERVER = pytest.param("server", marks=needs_postgres)


@pytest.fixture(params=["file", SERVER])
def journal(request, place, monkeypatch):
    """A journal in a file, or on a server that other tests use at the same time."""
    monkeypatch.setenv("ROKT_EXPORT_KEY", "5e" * 32)
    with Journal.open(place if request.param == "file" else os.environ["ROKT_EXPORT_TEST_POSTGRES"]) as opened:
        yield opened


OUTCOMES = {1: DELIVERED, 2: DELIVERED, 3: REJECTED, 4: DUPLICATE, 5: FAILED}


def a_run(journal: Journal, *, production: bool = True) -> str:
    """A finished run of five settled rows, two of them recorded, and one that was cut off."""
    writer = begin(journal, production=production)
    marks = {row: writer.fingerprint(b"%s %d" % (writer.run.encode(), row)) for row in range(1, 7)}
    for rows in (range(1, 3), range(3, 7)):
        writer.intend([item(row, marks[row]) for row in rows])
    kept = Recording(method="POST", status=200).dump()
    writer.settle([settled(row, outcome) for row, outcome in OUTCOMES.items()], {1: kept, 3: kept})
    writer.end(RunState.FINISHED, 1)
    return writer.run


def execute(journal: Journal, statement: str, **values: object) -> None:
    with journal._store.writing.begin() as connection:
        connection.execute(text(statement), values)


def faults(journal: Journal, run: str) -> list[str]:
    (found,) = journal.verify(run)
    assert found.run == run
    return found.faults


def number(journal: Journal, run: str) -> int:
    with journal._store.reading.connect() as connection:
        return int(connection.scalar(text("SELECT no FROM run WHERE id = :run"), {"run": run}))


def test_a_sound_run_has_no_fault(journal):
    run = a_run(journal)
    (found,) = journal.verify(run)
    assert (found.rows, found.recordings, found.entries, found.faults) == (5, 2, 5, [])


def test_each_kind_of_damage_is_found(journal):
    run = a_run(journal)
    no = number(journal, run)
    execute(journal, "UPDATE delivery SET outcome = 'delivered' WHERE run_no = :no AND \"row\" = 3", no=no)
    found = faults(journal, run)
    assert "its record counts 2 delivered, 1 duplicate, 1 rejected, 1 failed, 1 unknown" in found[0]
    assert "row 3 is delivered, and the ledger says rejected" in found
    execute(journal, "UPDATE delivery SET outcome = 'rejected' WHERE run_no = :no AND \"row\" = 3", no=no)
    execute(journal, 'DELETE FROM delivery WHERE run_no = :no AND "row" = 1', no=no)
    found = faults(journal, run)
    assert any("the ledger names 1 rows that the run does not have; the first: 1" in fault for fault in found)
    assert any("1 recordings are of rows that the run does not have; the first: row 1" in fault for fault in found)
    execute(journal, 'UPDATE recording SET data = :data WHERE run_no = :no AND "row" = 3', no=no, data=b"broken")
    assert any("1 recordings cannot be read; the first: row 3" in fault for fault in faults(journal, run))
    execute(journal, "UPDATE recording SET data = :data WHERE run_no = :no", no=no, data=zlib.compress(b"[]"))
    assert any("2 recordings cannot be read" in fault for fault in faults(journal, run))


def test_a_batch_that_cannot_be_read_is_a_fault(place):
    with Journal.open(place) as journal:  # on a server, other runs would read it too
        run = a_run(journal)
        execute(journal, "UPDATE intent SET transactions = :data", data=b"[")
        assert any("of intended rows cannot be read" in fault for fault in faults(journal, run))


def test_rows_of_no_run_and_broken_pages_are_faults_of_the_file(place):
    with Journal.open(place) as journal:
        a_run(journal)
        execute(journal, "INSERT INTO note VALUES (99, 'x', :data)", data=b"{}")
        first, *_ = journal.verify()
        assert first.run is None
        assert first.faults == ["the table note has rows of run no 99, which is not in the journal"]
    with closing(sqlite3.connect(place)) as file:
        (root,) = file.execute("SELECT rootpage FROM sqlite_master WHERE name = 'ix_intent_run_no'").fetchone()
        (size,) = file.execute("PRAGMA page_size").fetchone()
        file.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with place.open("r+b") as raw:
        raw.seek((root - 1) * size + 8)
        raw.write(b"\xff" * 8)
    with Journal.open(place) as journal:
        (found,) = journal.verify()  # no run: what SQLite reads of such pages is not to be believed
        assert found.damaged
        assert found.faults[0].startswith("the file is damaged: ")


def test_rows_kept_as_counts_stay_counted_and_in_the_ledger(journal):
    run = a_run(journal)
    before = journal.find(run)
    journal.keep_as_counts(run, [DELIVERED, REJECTED])
    after = journal.find(run)
    assert after.counts == before.counts
    assert after.counted == {"delivered": 2, "rejected": 1}
    assert [one.row for one in journal.deliveries(run)] == [4, 5, 6]
    assert [one.outcome for one in journal.deliveries(run)][-1] == UNKNOWN
    assert list(journal.recordings(run)) == []
    assert faults(journal, run) == []
    with pytest.raises(JournalError, match="some of its rows are kept as counts only"):
        journal.reopen(run)
    journal.purge(run)
    assert (journal.find(run).counts, journal.find(run).counted) == (before.counts, after.counted)
    assert faults(journal, run) == []


def test_a_purge_may_keep_nothing_but_counts_and_ledger(journal):
    run = a_run(journal)
    before = journal.find(run).counts
    assert before["unknown"] == 1
    journal.purge(run, keep_counts=True)
    after = journal.find(run)
    assert (after.counts, after.counted, after.purged) == (before, before, True)
    assert list(journal.deliveries(run)) == []
    (found,) = journal.verify(run)
    assert (found.rows, found.recordings, found.entries, found.faults) == (0, 0, 6, [])


def test_what_is_reduced_already_is_passed_over(place):
    from datetime import UTC, datetime, timedelta

    later = datetime.now(UTC) + timedelta(days=1)
    with Journal.open(place) as journal:
        a_run(journal, production=False)
        assert journal.purge(before=later) == 1
        assert journal.purge(before=later) == 0
        assert journal.purge(before=later, keep_counts=True) == 1
        assert journal.purge(before=later, keep_counts=True) == 0
        assert journal.purge(before=later, remove=True) == 1


def test_a_run_with_more_bytes_has_a_larger_size(journal):
    small, large = a_run(journal), begin(journal)
    large.settle([settled(row, UNKNOWN, reason="x" * 100) for row in range(1, 101)], {1: os.urandom(5_000)})
    sizes = journal.sizes([small, large.run])
    assert 200 < sizes[small] < 1_000
    assert 15_000 < sizes[large.run] < 25_000


@pytest.mark.parametrize("fault", [KeyError, TypeError, AttributeError, IndexError])
def test_a_fault_of_this_program_is_no_damage(fault: type[Exception]) -> None:
    with pytest.raises(fault), readable("row 1"):
        raise fault("a name that is not there")
