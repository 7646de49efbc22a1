"""The SQLite file and its write-ahead log, while other processes use both."""

from __future__ import annotations

import shutil
import sqlite3
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest

from rokt_export.errors import JournalError
from rokt_export.journal import Journal, storage

RUN = {"command": "replay", "partner": "acme", "environment": "production", "spec_file": "acme.yaml"}


@pytest.fixture
def journal(tmp_path: Path):
    with Journal.open(tmp_path / "journal.sqlite") as opened:
        yield opened


def begin(journal: Journal) -> None:
    journal.begin(**RUN, spec_sha256="0" * 64, production=True)


def other(journal: Journal) -> sqlite3.Connection:
    return sqlite3.connect(journal.place, isolation_level=None, check_same_thread=False)


def test_a_production_run_waits_for_who_reads_an_older_state_and_then_the_file_alone_knows_it(journal, tmp_path):
    with closing(other(journal)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM run").fetchall()
        threading.Timer(0.3, reader.rollback).start()
        began = time.monotonic()
        begin(journal)
        assert time.monotonic() - began >= 0.25
    shutil.copy(journal.place, tmp_path / "copy.sqlite")
    with closing(sqlite3.connect(tmp_path / "copy.sqlite")) as copy:
        assert copy.execute("SELECT partner, state FROM run").fetchall() == [("acme", "running")]


def test_a_log_is_written_back_while_others_write_and_write_it_back_all_the_time(journal):
    begin(journal)
    enough = threading.Event()

    def write() -> None:
        with closing(other(journal)) as writer:
            while not enough.is_set():
                writer.execute("BEGIN IMMEDIATE")
                writer.execute("UPDATE run SET heartbeat = heartbeat")
                writer.execute("COMMIT")
                writer.execute("PRAGMA wal_checkpoint(PASSIVE)")

    others = [threading.Thread(target=write) for _ in range(2)]
    with closing(other(journal)) as busy:
        busy.execute("BEGIN IMMEDIATE")  # a full checkpoint would wait for it
        storage.write_through(journal._store)
    for thread in others:
        thread.start()
    try:
        for _ in range(20):
            storage.write_through(journal._store)
    finally:
        enough.set()
        for thread in others:
            thread.join()


def test_who_reads_an_older_state_for_too_long_is_named(journal, monkeypatch):
    monkeypatch.setattr(storage, "_LOG_PATIENCE", 0.05)
    with closing(other(journal)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM run").fetchall()
        with pytest.raises(JournalError, match="reading the journal for minutes"):
            begin(journal)
