"""Personal data that is removed from a journal."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from journal_samples import (
    REJECTED,
    begin,
    item,
    settled,
)

from rokt_export.errors import JournalError, UsageError
from rokt_export.exchange.delivery import LeftOut
from rokt_export.journal import Journal, RunState


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
