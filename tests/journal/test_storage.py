"""The SQLite file and its write-ahead log, while other processes use both."""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
import stat
import sys
import tempfile
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest
from journal_samples import (
    begin,
    child,
    finished,
    settled,
)

from rokt_export.errors import ExitStatus, JournalError, UsageError
from rokt_export.journal import Journal, RunState, default_place, storage
from rokt_export.journal.storage import same_address, without_password


def other(journal: Journal) -> sqlite3.Connection:
    return sqlite3.connect(journal.place, isolation_level=None, check_same_thread=False)


def test_a_production_run_waits_for_who_reads_an_older_state_and_then_the_file_alone_knows_it(journal, tmp_path):
    with closing(other(journal)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM run").fetchall()
        threading.Timer(0.3, reader.rollback).start()
        began = time.monotonic()
        begin(journal, environment="production", production=True)
        assert time.monotonic() - began >= 0.25
    shutil.copy(journal.place, tmp_path / "copy.sqlite")
    with closing(sqlite3.connect(tmp_path / "copy.sqlite")) as copy:
        assert copy.execute("SELECT partner, state FROM run").fetchall() == [("acme", "running")]


def test_a_log_that_another_process_removes_between_two_looks_is_no_error(journal, monkeypatch):
    place = journal.place
    journal.close()
    looked_at = []
    look = os.stat

    def look_and_lose(path, **options):
        found = look(path, **options)
        if str(path).endswith(("-wal", "-shm")):
            looked_at.append(path)
            Path(path).unlink()  # as SQLite does when the last process closes the file
        return found

    monkeypatch.setattr(os, "stat", look_and_lose)
    for end in ("-wal", "-shm"):
        Path(place + end).write_bytes(b"?")
    with Journal.open(place) as again:
        assert again.runs() == []
    assert looked_at


def test_a_log_is_written_back_while_others_write_and_write_it_back_all_the_time(journal):
    begin(journal, environment="production", production=True)
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
            begin(journal, environment="production", production=True)


as_root = pytest.mark.skipif(os.geteuid() != 0, reason="takes on another user, which only root can")


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


def test_what_is_kept_beside_a_journal_is_its_owners_alone_too(tmp_path, monkeypatch):
    home = tmp_path / "home"
    monkeypatch.setenv("XDG_STATE_HOME", str(home / "state"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home / "config"))
    previous = os.umask(0)
    try:
        with Journal.open(tmp_path / "journal.sqlite") as journal:
            writer = begin(journal, environment="production", production=True)
            journal.attach(writer.run, names=("acme", "another name of it")).count_departures()
            found = {path.relative_to(home): path.stat().st_mode for path in home.rglob("*")}
    finally:
        os.umask(previous)
    assert {len(found) >= 8, "senders" in {path.name for path in found}} == {True}
    assert {str(path): oct(mode & 0o777) for path, mode in found.items()} == {
        str(path): "0o700" if stat.S_ISDIR(mode) else "0o600" for path, mode in found.items()
    }


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


@pytest.mark.parametrize(
    ("place", "bare"),
    [
        ("postgresql://jane:hunter2@db:5433/x", "postgresql+psycopg://jane@db:5433/x"),
        (
            "postgresql+psycopg://jane@/x?host=%2Frun&password=hunter2&sslpassword=p",
            "postgresql+psycopg://jane@/x?host=%2Frun",
        ),
        ("/var/journal.sqlite", "/var/journal.sqlite"),
    ],
)
def test_a_place_that_is_sent_over_a_network_has_no_password(place, bare):
    assert without_password(place) == bare
    assert same_address(place, bare)
    assert not same_address(place, "postgresql://jane:hunter2@elsewhere/x")
