"""`replay` in production: stop rules, and rows that production has already."""

from __future__ import annotations

import re
import shlex
import time
from collections import Counter

import pytest

from commands.conftest import PATIENCE
from commands.replays import emails, leave_the_second_unanswered, people, production, refusing, stopped


def test_production_is_one_at_a_time_and_stops_at_three_in_a_row(cli, spec, partner):
    rows = cli.write("rows.csv", people(*range(1, 31)))
    partner.answer = refusing(2, 4, 5, 6)
    shown = production(cli, spec, rows)
    assert shown.status == 1
    assert emails(partner) == ["1", "2", "3", "4", "5", "6"]
    assert "up to 1 request at a time" in shown.err and "3 unexpected outcomes in a row" in shown.err


LARGE = people(*range(1, 1201)).replace("1190@example.com,Jane", "1190@example.com,ZoÃ«")
"""A value of row 1,190 is damaged, and the look ends after 500 rows if it has no time."""


def test_a_guarded_send_begins_before_a_large_file_is_looked_through(cli, spec, partner, monkeypatch):
    monkeypatch.setattr("rokt_export.commands.preflight._LOOK", 0.0)
    rows = cli.write("rows.csv", LARGE)
    fast = ("--concurrency", "20", "--override-limits", "--stop-in-a-row", "100")
    assert production(cli, spec, cli.write("first.csv", people(*range(1, 301))), *fast).status == 0
    partner.heard.clear()
    shown = production(cli, spec, rows, *fast)
    assert shown.status == 1
    assert shown.json["counts"] == {"delivered": 899, "invalid": 1}
    assert "about 1,200 rows in" in shown.err and "the first 500 rows were looked at" in shown.err
    assert "300 rows were delivered to production before: left out" in shown.err
    assert "row 1190, column firstname" in shown.err
    assert len(partner.heard) == 899
    assert "damage in the rows as they came" in cli("runs", "show", "last").out


def test_strict_looks_at_all_rows_before_a_guarded_send(cli, spec, partner, monkeypatch):
    monkeypatch.setattr("rokt_export.commands.preflight._LOOK", 0.0)
    shown = production(cli, spec, cli.write("rows.csv", LARGE), "--strict")
    assert shown.status == 3
    assert "the input is damaged in 1 place" in shown.err
    assert partner.heard == []


def test_production_stops_at_the_first_unclassified_response(cli, spec, partner):
    rows = cli.write("rows.csv", people(*range(1, 31)))
    partner.answer = refusing(3, status=302)
    assert production(cli, spec, rows).status == 1
    assert emails(partner) == ["1", "2", "3"]


def test_rows_that_production_has_are_skipped_without_again(cli, spec, partner):
    first = cli.write("first.csv", people(1, 2, 3))
    second = cli.write("second.csv", people(3, 2, 4))
    assert production(cli, spec, first).status == 0
    shown = production(cli, spec, second)
    assert shown.status == 0
    assert emails(partner) == ["1", "2", "3", "4"]
    assert "2 rows were delivered to production before: left out; --again sends them" in shown.err
    assert [one["row"] for one in shown.json["deliveries"]] == [3]
    assert production(cli, spec, second, "--again").status == 0
    assert emails(partner)[4:] == ["3", "2", "4"]


def test_rows_that_another_run_was_quicker_with_are_told_at_the_end(cli, spec, partner, monkeypatch):
    assert production(cli, spec, cli.write("first.csv", people(1, 2))).status == 0
    # As if the other run had sent them after this one's look at the file.
    monkeypatch.setattr("rokt_export.commands.preflight._known_among", lambda *_, **__: (Counter(), 0))
    shown = cli("replay", spec, cli.write("rows.csv", people(1, 2, 3)), "-e", "production", "--confirm", "acme")
    together = " ".join((shown.out + shown.err).split())
    assert "The row that was sent was delivered." in together and "left out: 2 delivered before" in together
    assert "2 rows were left out (rows 1, 2): production has them already (--again sends them)" in together


def test_a_run_that_sends_no_row_says_why(cli, spec, partner):
    rows = cli.write("rows.csv", people(1, 2, 3))
    assert production(cli, spec, rows).status == 0
    shown = cli("replay", spec, rows, "-e", "production", "--confirm", "acme")
    assert shown.status == 0
    assert "No row was sent: production has received all 3 before." in shown.out and "All 0" not in shown.out
    shown = cli("replay", spec, rows, "--max-duration", "1ms")
    assert "No row was sent: the run stopped before the first." in " ".join(shown.out.split())


def test_only_requested_rows_are_counted_as_known_in_production(cli, spec, partner):
    rows = cli.write("rows.csv", people(*range(1, 9)))
    partner.answer = refusing(3, 5)
    production(cli, spec, rows, "--name", "first")
    partner.answer = refusing()
    for command in (("runs", "resume", "first"), ("replay", spec, "--only", "rejected", "--from-run", "first")):
        shown = cli(*command, "--confirm", "acme")
        assert shown.status in (0, 1) and "delivered to production before" not in shown.err
    again = cli("runs", "resume", "first", "--confirm", "acme", "--again")
    assert again.status == 1 and len(partner.heard) == 10
    assert "8 rows were delivered to production before" in production(cli, spec, rows).err


def test_the_command_shown_for_skipped_rows_of_a_test_works(cli, spec, partner):
    rows = cli.write("rows.csv", people(1, 2))
    for _ in range(2):
        shown = cli("test", spec, rows, "-e", "production", "--confirm", "acme")
    assert "production has them already (`rokt-export replay … --again` sends them)" in shown.out


def test_a_repeated_row_of_a_file_is_sent_to_production_once(cli, spec, partner):
    rows = cli.write("rows.csv", people(1, 2, 1, 3, 2))
    shown = production(cli, spec, rows)
    assert shown.status == 0
    assert emails(partner) == ["1", "2", "3"]
    told = "2 rows were left out (rows 3, 5): they repeat an earlier row of the input"
    assert told in shown.err and told in cli("runs", "show", "last").out


@pytest.mark.parametrize("workers", [1, 2])
def test_a_row_that_was_left_out_is_named_and_looked_for_in_vain_with_the_reason(cli, spec, partner, workers):
    rows = cli.write("rows.csv", people(1, 2, 1, 3, 1, 1, 1))
    partner.delay = 1.0  # what one worker has delivered when the other looks is no repetition, but known before
    done = cli(
        "replay", spec, rows, "-e", "production", "--confirm", "acme", "--concurrency", "2", "--workers", workers
    )
    told = "4 rows were left out (rows 3, 5, 6, …): they repeat an earlier row of the input"
    assert told in done.out + done.err
    shown = cli("runs", "show", "last", "--row", "5")
    assert shown.status == 2
    assert "row 5 is not in run" in shown.err and f"The nearest is 4. {told}." in shown.err
    partner.delay = 0.0
    production(cli, spec, rows)
    shown = cli("runs", "show", "last", "--row", "2")
    assert "The run has no rows. 3 rows were left out (rows 1, 2, 4): production has them already" in shown.err


def test_a_row_that_a_stopped_run_did_not_reach_is_looked_for_in_vain_with_the_reason(cli, spec, partner):
    stopped(cli, spec, partner)
    for command in (("runs", "show", "nine"), ("rule", "nine"), ("diagnose", "nine")):
        assert (
            "The nearest is 4. Stopped: 1 unexpected outcome; 4 of 9 rows handled, 5 not sent."
            in cli(*command, "--row", "7").err
        )
    cli("replay", spec, "--from-run", "nine", "--only", "rejected", "--name", "one")
    told = "The nearest is 4. The run was asked for some rows of its input only."
    assert told in cli("runs", "show", "one", "--row", "7").err


@pytest.mark.parametrize("workers", [1, 2])
def test_invalid_rows_are_each_reported_in_production(cli, spec, partner, workers):
    text = people(1) + "jane.doe.2@example.com\n" + people(3).split("\n", 1)[1] + "jane,2,3\nx,1,2,3\n,Jo\n,Jo\n" * 2
    flags = ("--workers", workers, "--concurrency", "2", "--override-limits", "--stop-in-a-row", "100")
    shown = production(cli, spec, cli.write("rows.csv", text), *flags)
    assert shown.status == 1
    assert shown.json["counts"] == {"delivered": 2, "invalid": 9}
    assert "left out" not in shown.err
    assert sorted(emails(partner)) == ["1", "3"]
    assert [each["row"] for each in shown.json["deliveries"]] == list(range(1, 12))


def test_invalid_rows_do_not_stop_a_production_run(cli, spec, partner):
    text = people(1) + "jane,2,3\n" * 3 + people(*range(2, 9)).split("\n", 1)[1]
    assert production(cli, spec, cli.write("rows.csv", text)).status == 1
    assert emails(partner) == [str(number) for number in range(1, 9)]


def test_an_unknown_row_is_resent_by_a_later_run_only_on_request(cli, spec, partner):
    rows = cli.write("rows.csv", people(1, 2, 3))
    leave_the_second_unanswered(cli, spec, partner)
    assert production(cli, spec, rows).json["counts"] == {"delivered": 2, "unknown": 1}
    again = production(cli, spec, rows)
    assert again.status == 1
    told = "1 row may have been delivered to production before: left out; once no other run is under way, "
    assert f"{told}--resend-unknown sends it\n" in again.err
    shown = " ".join(cli("runs", "show", "last").out.split())
    assert (
        "1 row was left out (row 2): when this run left it out, production might have had it: another run was" in shown
    )
    assert emails(partner) == ["1", "2", "3"]
    assert production(cli, spec, rows, "--resend-unknown").status == 0
    assert emails(partner)[3:] == ["2"]


def test_unknown_rows_are_listed_with_the_command_to_resend_them(cli, spec, partner):
    rows = cli.write("rows.csv", people(1, 2, 3))
    leave_the_second_unanswered(cli, spec, partner)
    shown = cli("replay", spec, rows)
    assert shown.status == 1
    assert re.search(r"\n  unknown, did they arrive: the one sent at \S+ UTC\n", shown.out)
    told = re.search(r"1 row is unknown: ask whether it arrived; if not: rokt-export (.*)\n", shown.err)
    again = cli(*shlex.split(told[1]))
    assert (again.status, emails(partner)[3:]) == (0, ["2"])
    assert "unknown" not in again.out
    assert "1 is unknown and sent again\n" in again.err


def test_rows_in_flight_in_another_run_are_not_sent(cli, spec, partner):
    rows = cli.write("rows.csv", people(1, 2, 3))
    partner.answer = lambda heard: time.sleep(0.5) or (200, {}, b"{}")
    flags = ("-e", "production", "--confirm", "acme", "--quiet")
    with cli.start("replay", spec, rows, *flags) as first:
        while not partner.heard:
            time.sleep(0.01)
        second = cli("replay", spec, rows, *flags, "--resend-unknown")
        first.wait(PATIENCE)
    assert second.status == 1, "what the first had under way is not known to be delivered"
    assert sorted(emails(partner)) == ["1", "2", "3"]


def test_staging_and_a_sandbox_keep_no_ledger(cli, spec, rows, partner):
    for _ in range(2):
        assert cli("replay", spec, rows).status == 0
    assert len(partner.heard) == 6


@pytest.mark.parametrize(
    ("answers", "why", "status"), [(refusing(), "delivered", 0), (refusing(1, status=500), "failed", 1)]
)
def test_a_test_in_production_says_in_its_summary_what_was_left_out(cli, spec, partner, answers, why, status):
    rows = cli.write("rows.csv", people(1))
    partner.answer = answers
    production(cli, spec, rows)
    done = cli("test", spec, rows, "-e", "production", "--confirm", "acme")
    assert (done.status, len(partner.heard)) == (status, 1)
    received = "No row was sent: production has received it before."
    assert (received if why == "delivered" else "No row was sent. Left out: 1 failed before.") in done.out
    assert "No deliveries" not in done.out
