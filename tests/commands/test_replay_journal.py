"""`replay` with a journal that is damaged, of another version, read-only or removed."""

from __future__ import annotations

import os
import sqlite3
import time

import pytest

from commands.replays import people
from rokt_export.commands.run_output import place_flag


def test_no_shown_command_contains_the_password_of_a_journal():
    assert place_flag("postgresql://jane:hunter2@db.example.com/x") == (
        " --journal 'postgresql+psycopg://jane:***@db.example.com/x'"
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
