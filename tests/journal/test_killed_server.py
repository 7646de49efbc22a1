"""A server that is killed loses results that its disk did not have yet; the writer lives on, and writes them again."""

from __future__ import annotations

import pytest
from journal_samples import DELIVERED, begin, item, settled
from machines import PostgresServer, needs_postgres

from rokt_export.journal import Journal, RunState
from rokt_export.journal.recording import Recording

pytestmark = needs_postgres


@pytest.mark.parametrize("production", [False, True])
def test_no_row_vanishes_with_a_killed_server(monkeypatch, production) -> None:
    monkeypatch.setenv("ROKT_EXPORT_KEY", "5e" * 32)
    server = PostgresServer()
    try:
        with Journal.open(server.url) as journal:
            writer = begin(journal, production=production)
            marks = {row: writer.fingerprint(b"row %d" % row) for row in range(1, 33)}
            writer.intend([item(row, marks[row]) for row in range(1, 33)])
            writer.settle([settled(1)])  # the wait for the disk of this moment
            writer.settle([settled(row) for row in range(2, 25)], {2: Recording(method="POST", status=200).dump()})
            server.kill()
            server.start()
            writer.settle([settled(row) for row in range(25, 33)])  # no row of the batch is open now: it is removed
            writer.end(RunState.FINISHED, 0)
            writer.close()
            rows = {one.row: one.outcome for one in journal.deliveries(writer.run)}
            assert rows == dict.fromkeys(range(1, 33), DELIVERED)
            assert [row for row, _ in journal.recordings(writer.run)] == [2]
            (found,) = journal.verify(writer.run)
            assert (found.faults, found.entries) == ([], 32 if production else 0)
    finally:
        server.close()


def test_results_are_on_the_disk_once_a_writer_is_closed(monkeypatch) -> None:
    monkeypatch.setenv("ROKT_EXPORT_KEY", "5e" * 32)
    server = PostgresServer()
    try:
        with Journal.open(server.url) as journal:
            writer = begin(journal)
            writer.intend([item(row) for row in range(1, 33)])
            writer.settle([settled(row) for row in range(1, 25)], {1: Recording(method="POST", status=200).dump()})
            writer.settle([settled(row) for row in range(25, 31)], {25: Recording(method="POST", status=200).dump()})
            run = writer.run
            writer.close()
            server.kill()
            server.start()
        with Journal.open(server.url) as journal:
            rows = [one.row for one in journal.deliveries(run) if one.outcome == DELIVERED]
            assert rows == list(range(1, 31))
    finally:
        server.close()
