"""Rows that a run keeps as counts only: they stay counted, and the ledger knows them."""

from __future__ import annotations

import pytest
from journal_samples import DELIVERED, REJECTED, UNKNOWN

from journal import checked_runs
from journal.checked_runs import a_run, faults
from rokt_export.errors import JournalError
from rokt_export.journal import Journal

journal = checked_runs.in_file_or_on_server


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
