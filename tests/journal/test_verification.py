"""A journal that agrees with itself, and what `verify` finds where it does not."""

from __future__ import annotations

import os
import sqlite3
import zlib
from contextlib import closing

from journal_samples import UNKNOWN, begin, settled

from journal import checked_runs
from journal.checked_runs import a_run, execute, faults, number
from rokt_export.journal import Journal

journal = checked_runs.in_file_or_on_server


def test_a_sound_run_has_no_fault(journal):
    run = a_run(journal)
    (found,) = journal.verify(run)
    assert (found.rows, found.recordings, found.entries, found.faults) == (6, 2, 5, [])


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


def test_a_run_with_more_bytes_has_a_larger_size(journal):
    small, large = a_run(journal), begin(journal)
    large.settle([settled(row, UNKNOWN, reason="x" * 100) for row in range(1, 101)], {1: os.urandom(5_000)})
    sizes = journal.sizes([small, large.run])
    assert 200 < sizes[small] < 1_000
    assert 15_000 < sizes[large.run] < 25_000
