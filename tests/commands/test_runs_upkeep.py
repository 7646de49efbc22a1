"""Keeping a journal for months: verify, retention, crashed runs, rows as counts only, sizes."""

from __future__ import annotations

import json
import signal
import sqlite3
from contextlib import closing

import pytest

from commands.conftest import clear, wait_for
from commands.replays import people, production, refusing


@pytest.fixture
def mixed(cli, spec, partner):
    """A run of five rows, the third of them refused, whose delivered rows are kept as counts only."""
    rows = cli.write("rows.csv", people(1, 2, 3, 4, 5))
    partner.answer = refusing(3)
    done = cli("replay", spec, rows, "--keep", "failures", "--name", "small")
    assert done.status == 1
    return rows


def test_delivered_rows_are_kept_as_counts_only(cli, mixed):
    run = cli("runs", "list", "--output", "json").json[0]
    assert run["counts"] == {"delivered": 4, "rejected": 1}
    shown = cli("runs", "show", "small", "--output", "json").json
    assert [one["row"] for one in shown["deliveries"]] == [3]
    told = cli("runs", "show", "small")
    assert "kept as counts only, without their rows (--keep failures): 4 delivered" in told.out
    text = cli("report", "small").out
    assert "4 delivered" in text and "1 of 5 rows" not in text
    assert cli("report", "small", "--out", "a.html", "--out", "a.eml", "--out", "a.har").status == 0
    assert cli("runs", "verify").status == 0


def test_a_reduced_run_is_not_resumed_nor_are_its_counted_rows_sent(cli, spec, mixed, partner):
    sent = len(partner.heard)
    clear(cli("runs", "resume", "small"), 2, "kept as counts only", "Start a new run; it sends all rows again.")
    again = cli("replay", spec, mixed, "--only", "delivered", "--from-run", "small")
    clear(again, 2, "keeps its rows that are delivered as counts only")
    assert len(partner.heard) == sent
    partner.answer = refusing()
    assert cli("replay", spec, mixed, "--only", "rejected", "--from-run", "small").status == 0
    assert len(partner.heard) == sent + 1


def test_a_run_that_stops_keeps_all_rows_until_a_resume_finishes_it(cli, spec, partner):
    rows = cli.write("rows.csv", people(1, 2, 3, 4, 5))
    partner.answer = refusing(3)
    flags = ("--keep", "failures", "--stop-after", "1", "--concurrency", "1")
    assert cli("replay", spec, rows, *flags).status == 1
    assert len(cli("runs", "show", "last", "--output", "ndjson").lines) == 3
    cli("runs", "resume", "last")
    assert [one["row"] for one in cli("runs", "show", "last", "--output", "ndjson").lines] == [3]
    assert cli("runs", "list", "--output", "json").json[0]["counts"] == {"delivered": 4, "rejected": 1}
    assert "Requests sent | 5 |" in cli("report", "last").out


def test_the_ledger_knows_rows_that_are_kept_as_counts(cli, spec, partner):
    rows = cli.write("rows.csv", people(1, 2, 3))
    assert production(cli, spec, rows, "--keep", "failures").status == 0
    again = production(cli, spec, rows)
    assert again.json["left_out"] == {"delivered": 3}
    assert len(partner.heard) == 3
    assert cli("runs", "verify").status == 0


def test_retention_keeps_counts_and_passes_over_what_is_done(cli, mixed):
    clear(cli("runs", "purge", "--older-than", "soon"), 2, "--older-than", "Write 90d, 12w or 36h")
    clear(cli("runs", "purge", "--older-than", "-1d"), 2, "not an age")
    clear(cli("runs", "purge", "last", "--older-than", "1d"), 2, "name one run")
    clear(cli("runs", "purge", "--older-than", "1d", "--remove", "--keep-counts"), 2, "exclude each other")
    assert "0 runs purged" in cli("runs", "purge", "--older-than", "1d", "--keep-counts", "--yes").err
    purge = ("runs", "purge", "--older-than", "0h", "--keep-counts", "--yes")
    assert "1 run purged" in cli(*purge).err
    assert "0 runs purged" in cli(*purge).err
    assert cli("runs", "list", "--output", "json").json[0]["counts"] == {"delivered": 4, "rejected": 1}
    assert cli("runs", "show", "small", "--output", "ndjson").lines == []
    assert "only its counts are kept" in cli("report", "small").out
    assert "0 rows and 5 as counts, 0 recordings" in cli("runs", "verify").out


def test_verify_tells_what_does_not_agree(cli, spec, rows):
    assert cli("replay", spec, rows).status == 0
    sound = cli("runs", "verify")
    assert sound.status == 0
    assert "3 rows, 3 recordings, 0 ledger entries" in sound.out
    assert "1 run verified: no fault" in sound.err
    with closing(sqlite3.connect(cli.journal)) as file:
        file.execute('DELETE FROM delivery WHERE "row" = 2')
        file.commit()
    broken = cli("runs", "verify")
    assert broken.status == 5
    assert "FAULT: its record counts 3 delivered, and its rows are 2 delivered" in broken.out
    assert "FAULT: 1 recordings are of rows that the run does not have; the first: row 2" in broken.out
    document = cli("runs", "verify", "last", "--output", "json")
    assert document.status == 5
    assert [len(one["faults"]) for one in document.json] == [2]
    clear(cli("runs", "verify", "nightly"), 2, "no run is called `nightly`")


def test_the_list_shows_sizes_where_asked(cli, mixed):
    assert cli("runs", "list", "--verbose", "--output", "json").json[0]["bytes"] > 500
    assert "bytes" not in cli("runs", "list", "--output", "json").json[0]
    assert " kB" in cli("runs", "list", "--verbose").out
    assert cli("runs", "list", "--verbose", "--output", "csv").out.splitlines()[0].endswith(",bytes")


def test_all_crashed_replays_go_on(cli, spec, partner):
    partner.delay = 0.05
    for name in ("one", "two"):
        rows = cli.write(f"{name}.csv", people(*range(1, 201)))
        seen = len(partner.heard) + 3
        process = cli.start("replay", spec, rows, "--name", name, "--quiet", "--concurrency", "2")
        wait_for(lambda seen=seen: len(partner.heard) > seen)
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=30)
    (cli.folder / "two.csv").rename(cli.folder / "gone.csv")
    partner.delay = 0.0
    clear(cli("runs", "resume"), 2, "name one run, or give --all-crashed")
    clear(cli("runs", "resume", "last", "--all-crashed"), 2, "name one run, or give --all-crashed")
    clear(cli("runs", "resume", "--all-crashed", "--output", "json"), 2, "Use ndjson or table")
    done = cli("runs", "resume", "--all-crashed", "--resend-unknown", "--output", "ndjson")
    assert done.status == 3
    assert "(1 of 2)" in done.err and "the file that run" in done.err
    assert "1 of 2 crashed replays resumed" in done.err
    assert len([json.loads(line) for line in done.out.splitlines()]) == 200
    (cli.folder / "gone.csv").rename(cli.folder / "two.csv")
    done = cli("runs", "resume", "--all-crashed", "--resend-unknown")
    assert (done.status, "(1 of 1)" in done.err) == (0, True)
    assert "\n1 crashed replay resumed" in done.err
    assert "0 crashed replays resumed" in cli("runs", "resume", "--all-crashed").err


def test_a_purge_names_a_sandbox_as_the_target(cli, spec, mixed):
    assert cli("test", spec, "--sandbox").status == 0
    told = cli("runs", "purge", "--older-than", "0d", "--yes", "--keep-counts").err
    assert " test acme staging (sandbox), ended " in told
    assert " replay acme staging, ended " in told
