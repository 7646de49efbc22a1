"""`replay` with a journal that is damaged, of another version, read-only or removed."""

from __future__ import annotations

import os
import socket
import sqlite3
import threading
import time
import zlib
from contextlib import closing, suppress

import pytest
from machines import database, needs_postgres
from sqlalchemy import make_url

from commands.replays import people
from rokt_export.commands.run_output import place_flag


def test_no_shown_command_contains_the_password_of_a_journal():
    assert place_flag("postgresql://jane:hunter2@db.example.com/x") == (
        " --journal 'postgresql://jane:***@db.example.com/x'"
    )


def test_a_journal_of_a_newer_version_is_left_alone(cli, spec, rows, partner):
    assert cli("replay", spec, rows).status == 0
    with sqlite3.connect(cli.journal) as database:
        database.execute("UPDATE journal_meta SET value = ? WHERE key = 'version'", (b"999",))
    for arguments in (["replay", spec, rows], ["runs", "list"], ["runs", "resume", "last"]):
        shown = cli(*arguments)
        assert shown.status == 5
        assert "version 999" in shown.err
    assert len(partner.heard) == 3


def test_a_damaged_or_foreign_journal_is_named_and_nothing_is_sent(cli, spec, rows, partner):
    cli.write("other.sqlite", b"not a database, but a text that is long enough to be looked at" * 100)
    shown = cli("replay", spec, rows, "--journal", "other.sqlite")
    assert shown.status == 5
    assert "not a journal" in shown.err
    assert partner.heard == []


class Doorway:
    """Stands before a PostgreSQL server on a port of its own, and shuts for a while at each of some words."""

    def __init__(self, url, *words: bytes) -> None:
        self._host, self._port = str(url.query.get("host") or url.host or "127.0.0.1"), url.port or 5432
        self._words = [*words]
        self._shut_until = 0.0
        self._open: list[socket.socket] = []
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            client, _ = self._listening.accept()
            if time.monotonic() < self._shut_until:
                client.close()
                continue
            if self._host.startswith("/"):
                server = socket.socket(socket.AF_UNIX)
                server.connect(f"{self._host}/.s.PGSQL.{self._port}")
            else:
                server = socket.create_connection((self._host, self._port))
            self._open += [client, server]
            for pair in ((client, server), (server, client)):
                threading.Thread(target=self._carry, args=pair, daemon=True).start()

    def _carry(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                if heard := [words for words in self._words if words in data]:
                    self._words.remove(heard[0])
                    self._shut_until = time.monotonic() + 0.3
                    for each in self._open:
                        with suppress(OSError):
                            each.shutdown(socket.SHUT_RDWR)
                    return
                target.sendall(data)
        with suppress(OSError):
            target.shutdown(socket.SHUT_RDWR)


def test_a_wait_for_the_journal_is_no_latency_of_the_partner(cli, spec, partner):
    def answer(heard):
        if b"jane.doe.20@" in heard.body:
            other = sqlite3.connect(cli.journal, isolation_level=None, check_same_thread=False)
            other.execute("BEGIN IMMEDIATE")
            threading.Timer(0.8, other.rollback).start()
        return 200, {}, b"{}"

    partner.answer, partner.delay = answer, 0.02
    rows = cli.write("rows.csv", people(*range(1, 61)))
    shown = cli("replay", spec, rows, "--concurrency", "4", "--output", "json")
    assert shown.status == 0, shown.err
    times = [one["latency_ms"] for one in shown.json["deliveries"]]
    assert max(times) < 500, times


@needs_postgres
def test_a_server_that_is_away_when_a_run_ends_is_waited_for(cli, spec, rows, partner):
    """It goes away when the rows are counted, when the notes are written, and when the run's record is completed."""
    with database() as address:
        url = make_url(address)
        door = Doorway(url, b"GROUP BY delivery.outcome", b"coverage", b"exit_status=")
        place = url.set(host="127.0.0.1", port=door.port)
        place = place.difference_update_query(["host"]).render_as_string(hide_password=False)
        shown = cli("replay", spec, rows, "--workers", "2", "--journal", place)
        assert shown.status == 0, shown.err
        assert shown.err.count("the journal's server went away") == 3
        assert shown.err.count("the journal's server is back") == 3
        assert len(partner.heard) == 3
        listed = cli("runs", "show", "last", "--journal", place)
        assert (listed.status, "finished" in listed.out) == (0, True)


@needs_postgres
def test_a_server_that_does_not_come_back_leaves_the_command_that_goes_on(cli, spec, rows, partner):
    with database() as address:
        url = make_url(address)
        place = url.set(host="127.0.0.1", port=Doorway(url, b"coverage").port)
        place = place.difference_update_query(["host"]).render_as_string(hide_password=False)
        shown = cli("replay", spec, rows, "--patience", "50ms", "--journal", place)
        assert shown.status == 7, shown.err
        assert "did not come back within 0.05 s" in shown.err
        assert "go on with: rokt-export runs resume " in shown.err and str(url.database) in shown.err


def test_a_value_that_cannot_be_decoded_is_named(cli, spec, rows, partner):
    assert cli("replay", spec, rows).status == 0
    whole = cli.journal.read_bytes()
    other, shapeless = zlib.compress(b"[1").hex(), zlib.compress(b'{"method": "POST"}').hex()
    damage = {
        "batch 77 of run": "INSERT INTO intent (no, run_no, rows, transactions) VALUES (77, 1, x'5b39', x'5b5d')",
        "the note `coverage` of run": "UPDATE note SET value = x'7b' WHERE key = 'coverage'",
        "the options of run": "UPDATE run SET options = x'7b'",
        "the record of run": "UPDATE run SET counts = x'7b'",
        "row 2 of run": "UPDATE delivery SET outcome = 'sent' WHERE row = 2",
        "the recording of row 1 of run": "UPDATE recording SET data = x'00' WHERE row = 1",
        "the recording of row 2 of run": f"UPDATE recording SET data = x'{other}' WHERE row = 2",
    }
    another_shape = {
        "batch 77 of run": "INSERT INTO intent (no, run_no, rows, transactions) VALUES (77, 1, x'35', x'5b5d')",
        "the options of run": "UPDATE run SET options = x'5b5d'",
        "the record of run": "UPDATE run SET counts = x'5b315d'",
        "the recording of row 1 of run": f"UPDATE recording SET data = x'{shapeless}' WHERE row = 1",
    }
    flags = b'{"flags": 7}'.hex()
    moments = ("started", "ended", "heartbeat", "pid")
    another_type = [
        *(("the record of run", f"UPDATE run SET {column} = x'78'") for column in moments),
        ("the options of run", f"UPDATE run SET options = x'{flags}'"),
        ("row 1 of run", "UPDATE delivery SET \"transaction\" = x'ff' WHERE row = 1"),
        ("row 1 of run", "UPDATE delivery SET latency_ms = 'long' WHERE row = 1"),
        ("the recording of row 1 of run", "UPDATE recording SET data = 'text' WHERE row = 1"),
    ]
    for named, statement in [*damage.items(), *another_shape.items(), *another_type]:
        cli.journal.write_bytes(whole)
        with closing(sqlite3.connect(cli.journal)) as database, database:
            database.execute(statement)
        shown = cli("report", "last", "--out", "report.html")
        assert shown.status == 5
        assert f"{named} 2" in shown.err and "cannot be read: the journal is damaged" in shown.err
        assert cli("runs", "verify").status == 5
    with closing(sqlite3.connect(cli.journal)) as database, database:
        for statement in damage.values():
            database.execute(statement)
    verified = cli("runs", "verify")
    assert verified.status == 5
    for fault in ("batch 77", "its options", "its note `coverage`", "2 recordings"):
        assert f"{fault} cannot be read" in verified.out or f"{fault} of intended rows cannot be read" in verified.out
    assert len(partner.heard) == 3


@pytest.mark.parametrize("key", ["coverage", "expected", "left_out", "not_sent", "notes", "omitted", "spec_text"])
@pytest.mark.parametrize("value", ["7", '{"a":[1]}', "null"])
def test_no_command_takes_a_note_of_another_shape(cli, spec, rows, partner, key, value):
    assert cli("replay", spec, rows, "--count", "2").status == 0
    with closing(sqlite3.connect(cli.journal)) as database, database:
        database.execute("UPDATE note SET value = ? WHERE key = ?", (value.encode(), key))
    for command in (("report", "last"), ("runs", "show", "last"), ("runs", "resume", "last")):
        done = cli(*command)
        assert (done.status, "internal error" in done.err) == (5, False), done.err
        assert f"the note `{key}` of run" in done.err
    verified = cli("runs", "verify")
    assert verified.status == 5 and f"its note `{key}` cannot be read" in verified.out
    assert len(partner.heard) == 2


@pytest.mark.parametrize("how", ["removed", "replaced"])
@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_journal_that_is_removed_stops_the_run(cli, spec, partner, how, workers):
    partner.delay = 0.02
    rows = cli.write("rows.csv", people(*range(1, 1001)))
    with cli.start("replay", spec, rows, "--concurrency", "4", "--workers", workers, "--quiet") as running:
        while len(partner.heard) < 20:
            time.sleep(0.01)
        if how == "replaced":
            cli.write("other.sqlite", b"").replace(cli.journal)
        else:
            cli.journal.unlink()
        _, err = running.communicate(timeout=30)
    assert running.returncode == 5
    assert "the journal's file was removed or replaced; settled in run" in err
    assert len(partner.heard) < 200


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_journal(cli, spec, rows, partner):
    assert cli("replay", spec, rows).status == 0
    cli.journal.chmod(0o400)
    shown = cli("replay", spec, rows)
    assert shown.status == 5
    assert len(partner.heard) == 3
    assert cli("runs", "list").status == 0
