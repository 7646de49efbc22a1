"""Finished runs whose journal is checked: in a file and on a server."""

from __future__ import annotations

import os

import pytest
from journal_samples import DELIVERED, DUPLICATE, FAILED, REJECTED, begin, item, settled
from machines import needs_postgres
from sqlalchemy import text

from rokt_export.journal import Journal, RunState
from rokt_export.journal.recording import Recording

SERVER = pytest.param("server", marks=needs_postgres)


@pytest.fixture(params=["file", SERVER])
def in_file_or_on_server(request, place, monkeypatch):
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
