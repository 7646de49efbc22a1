"""The key of a journal's digests: apart from the journal, moved out of older ones, and never missed in silence."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

import pytest
from machines import needs_postgres
from sqlalchemy import make_url, text

from rokt_export.errors import ExitStatus, JournalError
from rokt_export.exchange.delivery import LeftOut
from rokt_export.journal import Journal, keys, schema

VERSION_1 = Path(__file__).parent / "data" / "journal_v1.sql"
SECRET = bytes.fromhex("2F9B038FDCE4215A37BBE774F3FE3BDF7947A62E7BF981F368CBEE1B3CF038DD")
IDENTITY = ("confirmationref", "email", "firstname", "transactionid")
ROW = b'{"email":"jane.doe.%d@example.com","firstname":"Jane"}'
KNOWN = {1: LeftOut.DELIVERED, 2: LeftOut.DUPLICATE, 4: LeftOut.UNKNOWN}


@pytest.fixture(autouse=True)
def own_key(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("ROKT_EXPORT_KEY_FILE", str(tmp_path / "config" / "key"))
    return tmp_path / "config" / "key"


@pytest.fixture
def old(tmp_path) -> Path:
    """A journal as version 1 of the schema left it: rows 1 to 4 delivered, duplicate, rejected, unknown."""
    place = tmp_path / "journal.sqlite"
    with sqlite3.connect(place) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.executescript(VERSION_1.read_text())
    connection.close()
    return place


def begin(journal: Journal):
    return journal.begin(
        command="replay", partner="acme", environment="production", spec_file="acme.yaml", spec_sha256="0" * 64,
        production=True,
    )  # fmt: skip


def known(journal: Journal) -> dict[int, LeftOut]:
    found = begin(journal)
    marks = {row: found.fingerprint(ROW % row) for row in range(1, 6)}
    withheld = found.withheld(list(marks.values()), set())
    return {row: withheld[mark] for row, mark in marks.items() if mark in withheld}


def test_an_older_journal_gives_its_key_to_the_file_and_knows_its_rows_as_before(old, own_key):
    assert SECRET in old.read_bytes()
    with Journal.open(old) as journal:
        assert journal.find("first").counts == {"delivered": 1, "duplicate": 1, "rejected": 1, "unknown": 1}
        assert [way.identity for way in journal.ways(["acme"], ("email",))] == [("email",), IDENTITY]
        (own, older) = journal.ways(["@here", "acme"], IDENTITY)
        assert (own.as_written, older.as_written) == (False, True) and own.key != older.key
        assert known(journal) == KNOWN
        for file in old.parent.glob("journal.sqlite*"):
            assert SECRET not in file.read_bytes(), file
    assert own_key.stat().st_mode & 0o777 == 0o600
    assert SECRET.hex() in own_key.read_text()


def test_a_migration_that_was_killed_after_the_key_was_written_is_done_again(old, own_key):
    keys.keep(SECRET)
    Journal.open(old).close()
    assert own_key.read_text().count(SECRET.hex()) == 1


def test_an_older_journal_beside_others_keeps_a_key_of_its_own(old, own_key, tmp_path):
    with Journal.open(tmp_path / "new.sqlite") as new:
        mark = begin(new).fingerprint(b"row")
    with Journal.open(old) as journal:
        assert known(journal) == KNOWN
    with Journal.open(tmp_path / "new.sqlite") as new:
        assert begin(new).fingerprint(b"row") == mark
    assert len([line for line in own_key.read_text().splitlines() if not line.startswith("#")]) == 2


def test_an_older_journal_is_left_as_it_is_where_the_key_cannot_be_kept(old, monkeypatch, tmp_path):
    monkeypatch.setenv("ROKT_EXPORT_KEY_FILE", str(tmp_path))
    with pytest.raises(JournalError, match="key of the journal cannot be kept"):
        Journal.open(old)
    monkeypatch.setenv("ROKT_EXPORT_KEY_FILE", str(tmp_path / "key"))
    with Journal.open(old) as journal:
        assert known(journal) == KNOWN


@pytest.mark.parametrize("loss", ["gone", "another", "damaged", "another by its value"])
def test_a_key_that_is_lost_stops_what_goes_to_production_and_nothing_else(tmp_path, own_key, monkeypatch, loss):
    place = tmp_path / "journal.sqlite"
    with Journal.open(place) as journal:
        begin(journal)
    whole = own_key.read_text()
    own_key.unlink()
    if loss == "another":
        own_key.write_text("ab" * 32 + "\n")
    elif loss == "damaged":
        own_key.write_text(whole[:-10])
    elif loss == "another by its value":
        monkeypatch.setenv("ROKT_EXPORT_KEY", "ab" * 32)
    with Journal.open(place) as journal:
        for attempt in (lambda: begin(journal), lambda: journal.known_before([[b"row"]])):
            with pytest.raises(JournalError, match="key") as caught:
                attempt()
            assert caught.value.exit_status is ExitStatus.JOURNAL
            assert str(own_key) in f"{caught.value.where} {caught.value.remedy}"
        assert len(journal.runs()) == 1
        journal.begin(command="test", partner="acme", environment="staging", spec_file="a.yaml", spec_sha256="0" * 64)
    own_key.write_text(whole)  # what was lost is found
    with Journal.open(place) as journal:
        begin(journal)


def test_the_key_may_be_given_by_its_value_and_then_no_file_is_made(tmp_path, own_key, monkeypatch):
    monkeypatch.setenv("ROKT_EXPORT_KEY", "cd" * 32)
    with Journal.open(tmp_path / "journal.sqlite") as journal:
        mark = begin(journal).fingerprint(b"row")
    assert not own_key.exists()
    monkeypatch.delenv("ROKT_EXPORT_KEY")
    keys.keep(bytes.fromhex("cd" * 32))
    with Journal.open(tmp_path / "journal.sqlite") as journal:
        assert begin(journal).fingerprint(b"row") == mark


def test_a_key_in_the_variable_that_is_none_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("ROKT_EXPORT_KEY", "hunter2")
    with (
        Journal.open(tmp_path / "journal.sqlite") as journal,
        pytest.raises(JournalError, match="is not a key") as told,
    ):
        begin(journal)
    assert "hunter2" not in str(told.value)
    assert told.value.where == "ROKT_EXPORT_KEY"


def test_a_key_file_that_others_may_read_is_made_private(own_key):
    keys.first()
    own_key.chmod(0o644)
    keys.first()
    assert own_key.stat().st_mode & 0o777 == 0o600


def test_a_folder_named_as_key_file_keeps_its_permissions(tmp_path, monkeypatch):
    folder = tmp_path / "folder"
    folder.mkdir()
    folder.chmod(0o755)
    monkeypatch.setenv("ROKT_EXPORT_KEY_FILE", str(folder))
    with pytest.raises(JournalError, match="cannot be read"):
        keys.first()
    assert folder.stat().st_mode & 0o777 == 0o755


def test_an_unfinished_line_does_not_swallow_the_next_key(own_key):
    keys.keep(b"a" * 32)
    own_key.write_text(own_key.read_text().rstrip("\n"))
    keys.keep(b"b" * 32)
    assert keys.of_id(keys.id_of(b"a" * 32)) == b"a" * 32
    assert keys.of_id(keys.id_of(b"b" * 32)) == b"b" * 32


@needs_postgres
def test_an_older_journal_on_a_server_is_migrated_and_its_key_shared(own_key, monkeypatch):
    url = make_url(os.environ["ROKT_EXPORT_TEST_POSTGRES"])
    name = f"old_{os.urandom(4).hex()}"
    place = url.update_query_dict({"options": f"-csearch_path={name}"}).render_as_string(hide_password=False)
    with Journal.open(url.render_as_string(hide_password=False)) as journal, journal._store.writing.begin() as server:
        server.exec_driver_sql(f"CREATE SCHEMA {name}")
    with Journal.open(place) as journal, journal._store.writing.begin() as server:
        # What later versions changed, taken back.
        for statement in (
            "DROP TABLE earlier_outcome, journal_lease, journal_budget, journal_number, ledger_recent",
            "ALTER TABLE intent DROP COLUMN departures",
            "ALTER TABLE run DROP COLUMN owner, DROP COLUMN place",
            "ALTER TABLE ledger DROP COLUMN outcome, ADD COLUMN certain boolean NOT NULL",
            "DELETE FROM journal_meta WHERE key = 'id'",
            "UPDATE journal_meta SET value = '1' WHERE key = 'version'",
        ):
            server.exec_driver_sql(statement)
        lines = VERSION_1.read_text().splitlines()
        for line in (line for line in lines if line.startswith(('INSERT INTO "run"', 'INSERT INTO "delivery"'))):
            columns = (
                "no,id,name,command,partner,environment,production,spec_file,spec_sha256,events,options,started,"
                "ended,state,exit_status,counts,purged,host,pid,process_started,heartbeat"
            )
            line = line.replace('"run" VALUES', f'"run" ({columns}) VALUES').replace(
                "'production',1", "'production',true"
            )
            line = line.replace(",0);", ",false);").replace("X'5B5D'", "'[]'").replace("X'7B7D'", "'{}'")
            server.exec_driver_sql(line.replace("%", "%%"))
        for row, certain in ((1, True), (2, True), (4, False)):
            from rokt_export.journal import ledger

            mark = ledger.fingerprint(ledger.partner_key(SECRET, "acme"), ROW % row)
            server.execute(
                text("INSERT INTO ledger (fingerprint, certain, run_no, row) VALUES (:mark, :certain, 1, :row)"),
                {"mark": mark, "certain": certain, "row": row},
            )
        server.execute(text("INSERT INTO journal_meta VALUES ('secret', :secret)"), {"secret": SECRET})
    try:
        with Journal.open(place) as journal:
            assert known(journal) == KNOWN
            with journal._store.reading.connect() as server:
                assert schema.version_of(server) == schema.VERSION
                assert server.exec_driver_sql("SELECT count(*) FROM journal_meta WHERE key = 'secret'").scalar() == 0
        # Another machine has a key of its own, until it is given the shared one.
        monkeypatch.setenv("ROKT_EXPORT_KEY_FILE", str(own_key) + ".other")
        with (
            Journal.open(place) as journal,
            pytest.raises(JournalError, match="key of this journal's digests is missing"),
        ):
            begin(journal)
        monkeypatch.setenv("ROKT_EXPORT_KEY", SECRET.hex())
        with Journal.open(place) as journal:
            assert known(journal) == KNOWN
    finally:
        with Journal.open(place) as journal, journal._store.writing.begin() as server:
            server.exec_driver_sql(f"DROP SCHEMA {name} CASCADE")


def test_a_copied_journal_gives_nobody_back(tmp_path, own_key):
    """Its bytes do not hold the key, nor a partner's key derived from it."""
    place = tmp_path / "journal.sqlite"
    with Journal.open(place) as journal:
        writer = begin(journal)
        writer.ways(IDENTITY)
        bytes_of = b"".join(file.read_bytes() for file in tmp_path.glob("journal.sqlite*"))
        for secret in (keys.first(), writer.key, writer.key[:16]):
            assert secret not in bytes_of and secret.hex().encode() not in bytes_of


@pytest.mark.parametrize("damage", ["not readable", "not keys", "a folder"])
def test_a_file_of_keys_beside_the_variable_need_not_be_of_use(tmp_path, own_key, monkeypatch, damage):
    monkeypatch.setenv("ROKT_EXPORT_KEY", "ab" * 32)
    if damage == "a folder":
        own_key.mkdir(parents=True)
    elif damage == "not keys":
        own_key.parent.mkdir(parents=True, exist_ok=True)
        own_key.write_text("nonsense")
    else:
        own_key.parent.parent.mkdir(parents=True, exist_ok=True)
        own_key.parent.write_text("a file in place of the folder")
    assert keys.first() == bytes.fromhex("ab" * 32)
    monkeypatch.delenv("ROKT_EXPORT_KEY")
    with pytest.raises(JournalError):
        keys.first()
