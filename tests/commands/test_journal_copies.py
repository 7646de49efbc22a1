"""A journal that is copied, moved, backed up or purged: nothing is lost in silence, and nothing is sent twice."""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
from collections import Counter
from pathlib import Path

import pytest
from machines import database, needs_postgres
from sqlalchemy import create_engine, make_url

from commands.conftest import PATIENCE, CommandLine, Partner, wait_for
from commands.replays import emails, people, production
from rokt_export.journal import Journal

ROWS = 400
LACKING = "this journal does not have all that was sent with it"


@pytest.fixture
def killed(cli: CommandLine, spec: Path, partner: Partner) -> Path:
    """The file of a production run that was killed while it was sending; its journal's log lies beside it."""
    rows = cli.write("rows.csv", people(*range(1, ROWS + 1)))
    with cli.start("replay", spec, rows, "-e", "production", "--confirm", "acme", "--name", "killed") as running:
        wait_for(lambda: len(partner.heard) >= 120, 3 * PATIENCE)
        running.kill()
        running.communicate(timeout=PATIENCE)
    assert 120 <= len(partner.heard) < ROWS
    assert (cli.folder / "journal.sqlite-wal").stat().st_size > 0
    return rows


def elsewhere(cli: CommandLine) -> dict[str, str]:
    """The variables of another machine, which has the key but has never seen the journal."""
    return {"XDG_STATE_HOME": str(cli.folder / "other state")}


def send(cli: CommandLine, spec: Path, rows: Path, journal: Path, env: dict[str, str]):
    flags = ("-e", "production", "--confirm", "acme", "--journal", journal, "--output", "json")
    return cli("replay", spec, rows, *flags, env=env)


@pytest.mark.parametrize("machine", ["the same", "another"])
@pytest.mark.parametrize("how", ["copied", "moved"])
def test_a_journal_without_its_log_sends_nothing_to_production(cli, spec, partner, killed, machine, how):
    env = elsewhere(cli) if machine == "another" else {}
    copy = cli.folder / "folder" / "copy.sqlite"
    copy.parent.mkdir()
    (shutil.copy if how == "copied" else shutil.move)(cli.journal, copy)
    sent = len(partner.heard)
    for _ in range(2):  # opening it leaves no trace that would let it pass the second time
        cli("runs", "list", "--journal", copy, env=env)
        shown = send(cli, spec, killed, copy, env)
        assert (shown.status, len(partner.heard)) == (5, sent)
        assert LACKING in shown.err and "--journal" in shown.err and "Traceback" not in shown.err
    resumed = cli("runs", "resume", "killed", "--confirm", "acme", "--journal", copy, env=env)
    assert (resumed.status, len(partner.heard)) == (5, sent)
    assert cli("replay", spec, killed, "--journal", copy, env=env).status == 0, "staging goes on"


@pytest.mark.parametrize("machine", ["the same", "another"])
def test_a_journal_that_is_copied_with_its_log_knows_all_that_was_sent(cli, spec, partner, killed, machine):
    env = elsewhere(cli) if machine == "another" else {}
    copy = cli.folder / "copy.sqlite"
    for end in ("", "-wal"):
        shutil.copy(f"{cli.journal}{end}", f"{copy}{end}")
    cli("runs", "list", "--journal", copy, env=env)  # the log goes into the file as it is closed
    assert not copy.with_name("copy.sqlite-wal").exists()
    shown = send(cli, spec, killed, copy, env)
    assert shown.status in (0, 1), shown.err
    assert max(Counter(emails(partner)).values()) == 1
    assert shown.json["left_out"]["delivered"] >= 30


def test_the_journal_itself_goes_on_after_a_kill_whoever_looked_at_it_before(cli, spec, partner, killed):
    cli("runs", "list")
    with sqlite3.connect(cli.journal) as other:  # as another tool that puts the log into the file
        other.execute("SELECT count(*) FROM run").fetchone()
    other.close()
    assert not (cli.folder / "journal.sqlite-wal").exists()
    assert cli("runs", "resume", "killed", "--confirm", "acme").status in (0, 1)
    assert max(Counter(emails(partner)).values()) == 1
    assert len(partner.heard) >= ROWS - 64


def test_a_log_without_its_journal_is_not_thrown_away(cli, spec, partner, killed):
    cli.journal.rename(cli.folder / "moved.sqlite")
    log = (cli.folder / "journal.sqlite-wal").read_bytes()
    shown = production(cli, spec, killed)
    assert shown.status == 5 and "the journal is missing" in shown.err
    assert (cli.folder / "journal.sqlite-wal").read_bytes() == log
    (cli.folder / "moved.sqlite").rename(cli.journal)
    assert cli("runs", "resume", "killed", "--confirm", "acme").status in (0, 1)
    assert max(Counter(emails(partner)).values()) == 1


def test_an_older_copy_of_a_journal_that_went_on_sends_nothing(cli, spec, partner):
    first, second = cli.write("first.csv", people(1)), cli.write("second.csv", people(2))
    assert production(cli, spec, first).status == 0
    assert cli("runs", "backup", "copy.sqlite").status == 0
    assert production(cli, spec, second).status == 0
    shown = production(cli, spec, second, "--journal", "copy.sqlite")
    assert (shown.status, emails(partner)) == (5, ["1", "2"])
    assert LACKING in shown.err
    refused = cli("runs", "recover", "--journal", "copy.sqlite")
    assert refused.status == 2 and "--yes" in refused.err
    recovered = cli("runs", "recover", "--journal", "copy.sqlite", "--yes")
    assert recovered.status == 0 and "goes on without 1 batch of rows" in recovered.err
    assert production(cli, spec, second, "--journal", "copy.sqlite").status == 0
    assert emails(partner) == ["1", "2", "2"]


@pytest.mark.parametrize("machine", ["the same", "another"])
def test_a_journal_that_was_closed_may_be_copied_and_moved_alone(cli, spec, partner, machine):
    rows = cli.write("rows.csv", people(1, 2))
    assert production(cli, spec, rows).status == 0
    cli.journal.rename(cli.folder / "moved.sqlite")
    shown = send(cli, spec, rows, cli.folder / "moved.sqlite", elsewhere(cli) if machine == "another" else {})
    assert (shown.status, shown.json["left_out"]) == (0, {"delivered": 2})
    assert emails(partner) == ["1", "2"]


def test_a_backup_is_complete_while_a_run_writes_and_overwrites_nothing(cli, spec, partner):
    partner.delay = 0.01
    rows = cli.write("rows.csv", people(*range(1, 200)))
    copy = cli.folder / "copy.sqlite"
    with cli.start("replay", spec, rows, "-e", "production", "--confirm", "acme") as running:
        wait_for(lambda: len(partner.heard) >= 20, PATIENCE)
        assert cli("runs", "backup", copy).status == 0
        seen = len(partner.heard)
        wait_for(lambda: len(partner.heard) >= seen + 40, PATIENCE)
        running.kill()
        running.communicate(timeout=PATIENCE)
    assert copy.stat().st_mode & 0o777 == 0o600
    with Journal.open(copy) as journal:
        assert 20 <= sum(journal.find("last").counts.values()) <= seen + 64
    # More was sent after it was made.
    assert send(cli, spec, rows, copy, {}).status == 5
    assert send(cli, spec, rows, copy, elsewhere(cli)).status == 5
    refused = cli("runs", "backup", copy)
    assert refused.status == 2 and "this file exists" in refused.err


def test_a_backup_of_a_run_that_crashed_goes_on_elsewhere(cli, spec, partner, killed):
    assert cli("runs", "backup", "copy.sqlite").status == 0
    partner_has = len(partner.heard)
    shown = send(cli, spec, killed, cli.folder / "copy.sqlite", elsewhere(cli))
    assert shown.status in (0, 1) and len(partner.heard) > partner_has
    assert max(Counter(emails(partner)).values()) == 1


def test_what_is_copied_is_of_no_use_without_the_key(cli, spec, partner):
    rows = cli.write("rows.csv", people(1))
    assert production(cli, spec, rows).status == 0
    (cli.folder / "config" / "rokt-export" / "key").unlink()
    shown = production(cli, spec, rows)
    assert (shown.status, len(partner.heard)) == (5, 1)
    assert "the key of this journal's digests is missing" in shown.err and "ROKT_EXPORT_KEY_FILE" in shown.err
    assert cli("replay", spec, rows).status == 0


# --- purge


def test_purge_asks_first_and_can_say_what_it_would_do(cli, spec, rows, partner):
    cli("replay", spec, rows, "--name", "first")
    before = cli("runs", "show", "first", "--output", "json").json
    refused = cli("runs", "purge", "first")
    assert refused.status == 2 and "--yes" in refused.err
    told = cli("runs", "purge", "--before", "0d", "--dry-run")
    assert told.status == 0 and "1 run would be purged" in told.err and before["run"] in told.err
    assert cli("runs", "show", "first", "--output", "json").json == before
    assert cli("runs", "purge", "first", "--yes").status == 0
    assert cli("runs", "show", "first", "--output", "json").json != before


def test_purge_goes_by_the_end_of_a_run(cli, spec, rows, partner):
    cli("replay", spec, rows, "--name", "long")
    with sqlite3.connect(cli.journal) as journal:
        journal.execute("UPDATE run SET started = '2020-01-01T00:00:00.000Z'")
    journal.close()
    shown = cli("runs", "purge", "--before", "2021-01-01", "--yes")
    assert shown.status == 0 and "0 runs purged" in shown.err
    with sqlite3.connect(cli.journal) as journal:
        journal.execute("UPDATE run SET ended = '2020-06-01T00:00:00.000Z'")
    journal.close()
    assert "1 run purged" in cli("runs", "purge", "--before", "2021-01-01", "--yes").err


def test_purge_clears_the_sandboxs_memory_which_holds_keyed_digests(cli, spec, rows, partner):
    flags = ("--sandbox", "--output", "json", "--quiet")
    assert cli("replay", spec, rows, *flags).json["counts"] == {"delivered": 3}
    (memory,) = (cli.folder / "state" / "rokt-export" / "sandbox").iterdir()
    kept = json.loads(memory.read_text())
    assert len(kept["known"]) == 3 and memory.stat().st_mode & 0o777 == 0o600
    assert cli("replay", spec, rows, *flags).json["counts"] == {"duplicate": 3}
    # Without the key it says nothing, and one made without a key is not gone by.
    memory.write_text(json.dumps(dict.fromkeys(kept["known"])))
    assert cli("replay", spec, rows, *flags).json["counts"] == {"delivered": 3}
    again = json.loads(memory.read_text())
    assert again == {**kept, "known": dict.fromkeys(kept["known"])}  # the same key, the same digests
    assert "the sandbox's memory" in cli("runs", "purge", "last", "--dry-run").err
    assert memory.exists()
    assert cli("runs", "purge", "last", "--yes").status == 0
    assert not memory.exists()
    assert cli("replay", spec, rows, *flags, env={"ROKT_EXPORT_KEY": "ab" * 32}).json["counts"] == {"delivered": 3}
    assert json.loads(memory.read_text())["known"].keys().isdisjoint(kept["known"])


def journals_before(shown) -> list[str]:
    """The other journals that a warning names, and how many more there are."""
    found = re.search(r"with (\d+) other journals? before: those rows are sent again\. (.*) knows? them", shown.err)
    named = re.findall(r"--journal (\S+?)`|(\d+) more", found[2]) if found else []
    assert not found or int(found[1]) == sum(int(more or 1) for _, more in named)
    return [place or more for place, more in named]


def test_a_journal_that_begins_anew_names_those_that_this_machine_sent_by(cli, spec, partner, monkeypatch):
    monkeypatch.setattr("rokt_export.commands.run_session._MOST_JOURNALS", 2)
    rows = cli.write("rows.csv", people(1))
    before: list[str] = []
    for number in range(4):
        place = cli.folder / f"{number}.sqlite"
        shown = production(cli, spec, rows, "--journal", place)
        assert journals_before(shown) == (before if len(before) <= 2 else [*before[:2], "1"])
        before.insert(0, str(place))
    assert journals_before(production(cli, spec, rows, "--journal", before[0])) == [], "it has sent there itself"
    staging = cli("replay", spec, rows, "--journal", "last.sqlite")
    assert journals_before(staging) == [], "staging is not guarded"


@needs_postgres
def test_a_journal_on_a_server_that_begins_anew_names_those_before_it(cli, spec, partner):
    rows = cli.write("rows.csv", people(1))
    assert production(cli, spec, rows).status == 0
    with database() as place:
        shown = production(cli, spec, rows, "--journal", place)
        assert (shown.status, journals_before(shown)) == (0, [str(cli.journal)])
        assert journals_before(production(cli, spec, rows, "--journal", place)) == []
        server, file = journals_before(production(cli, spec, rows, "--journal", "new.sqlite"))
    assert file == str(cli.journal)
    assert make_url(place).database in server


@needs_postgres
def test_what_is_said_of_a_damaged_journal_on_a_server_can_be_done_there(cli, spec):
    rows = cli.write("rows.csv", people(1, 2))
    with database() as place:
        assert cli("replay", spec, rows, "--journal", place).status == 0
        engine = create_engine(place)
        with engine.begin() as connection:
            connection.exec_driver_sql('DELETE FROM rokt_export.delivery WHERE "row" = 2')
        engine.dispose()
        shown = cli("runs", "verify", "--journal", place)
    assert shown.status == 5
    assert "keep a copy of it (`pg_dump`)" in shown.err
    assert "runs backup" not in shown.err


def test_a_state_folder_that_takes_nothing_is_told(cli, spec, partner):
    state = cli.write("no folder", "")
    shown = production(cli, spec, cli.write("rows.csv", people(1)), "--workers", "1")
    assert "cannot be recognised" not in shown.err
    env = {"XDG_STATE_HOME": str(state)}
    shown = send(cli, spec, cli.write("more.csv", people(2)), cli.journal, env)
    assert shown.status == 0 and shown.err.count("copies of the journal cannot be recognised here") == 1, shown.err
    assert str(state) in shown.err
