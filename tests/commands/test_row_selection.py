"""`replay --from-run --only`: rows of an earlier run."""

from __future__ import annotations

import json
import re
import shlex

from commands.conftest import spec_text
from commands.replays import emails, leave_the_second_unanswered, people, production, refusing, stopped


def test_rows_of_another_run_are_read_with_its_flags(cli, spec, partner):
    rows = cli.write("rows.csv", people(1, 2).replace("email", "address", 1).replace(",", ";"))
    partner.answer = refusing(2)
    told = ("--map", "address=email", "--delimiter", ";", "--set", "firstname=Joan", "--test-data")
    cli("replay", spec, rows, "--name", "first", "--concurrency", "1", *told)
    partner.answer = refusing()
    shown = cli("replay", spec, "--only", "rejected", "--from-run", "first")
    assert shown.status == 0, shown.err
    assert partner.heard[-1].body == partner.heard[1].body
    assert json.loads(partner.heard[-1].body)["name"] == "Joan"
    cli("replay", spec, "--only", "delivered", "--from-run", "first", "--set", "firstname=Jill")
    assert json.loads(partner.heard[-1].body)["name"] == "Jill"


def test_a_rerun_to_another_target_warns(cli, spec, partner):
    elsewhere = cli.write("far.yaml", spec_text("http://127.0.0.1:9"))
    rows = cli.write("rows.csv", people(1, 2))
    partner.answer = refusing(2)
    cli("replay", elsewhere, rows, "--name", "first", "--sandbox-url", partner.url)
    shown = cli("replay", spec, "--only", "rejected", "--from-run", "first")
    assert "sent to a sandbox; this one sends to the partner" in shown.err


def test_a_rerun_uses_the_earlier_target_by_default(cli, spec, partner):
    rows = cli.write("rows.csv", people(1, 2))
    partner.answer = refusing(2)
    production(cli, spec, rows, "--name", "first")
    partner.answer = refusing()
    rerun = ("replay", spec, "--only", "rejected", "--from-run", "first")
    shown = cli(*rerun)
    assert shown.status == 2 and "Add --confirm acme" in shown.err
    elsewhere = cli(*rerun, "-e", "staging")
    assert "went to production; this one goes to staging" in elsewhere.err
    assert cli(*rerun, "--confirm", "acme").status == 0
    assert [heard.target for heard in partner.heard] == [*["/production/leads"] * 2, "/leads", "/production/leads"]


def test_the_command_shown_for_failed_rows_works(cli, spec, partner):
    rows = cli.write("some rows.csv", people(*range(1, 31)))
    partner.answer = refusing(2, 4, 5, 6, status=500)
    stopped = production(cli, spec, rows)
    partner.answer = refusing()
    told = re.search(r"^resuming does not resend 4 failed rows; this does: rokt-export (.*)$", stopped.err, re.M)
    assert told, stopped.err
    again = cli(*shlex.split(told[1]), "--confirm", "acme")
    assert again.status == 0, again.err
    assert emails(partner)[6:] == ["2", "4", "5", "6"]
    assert {heard.target for heard in partner.heard} == {"/production/leads"}


def test_rows_of_a_purged_run_cannot_be_selected(cli, spec, partner):
    rows = cli.write("rows.csv", people(1, 2))
    partner.answer = refusing(2)
    cli("replay", spec, rows, "--name", "first")
    cli("runs", "purge", "first", "--yes")
    cli.write("rows.csv", people(3, 1, 2))
    shown = cli("replay", spec, rows, "--only", "rejected", "--from-run", "first")
    assert (shown.status, len(partner.heard)) == (2, 2)
    assert "was purged" in shown.err


def test_only_problems_of_selected_rows_are_shown_before_sending(cli, spec, partner):
    rows = cli.write("rows.csv", people(1, 2) + ",x\n")
    partner.answer = refusing(2)
    assert "row 3 cannot be sent" in cli("replay", spec, rows, "--name", "first").err
    shown = cli("replay", spec, "--only", "rejected", "--from-run", "first")
    assert "Sending 1 of the 3 rows in" in shown.err
    assert "cannot be sent" not in shown.err
    assert "cannot be sent" not in cli("replay", spec, "--resume", "first").err


def test_rows_delivered_by_another_run_are_not_resent_as_unknown(cli, spec, partner):
    rows = cli.write("rows.csv", people(1, 2))
    leave_the_second_unanswered(cli, spec, partner)
    production(cli, spec, rows, "--name", "first")
    assert production(cli, spec, rows, "--resend-unknown").status == 0
    shown = production(cli, spec, "--resume", "first", "--resend-unknown")
    assert len(partner.heard) == 3
    assert "ask whether" not in shown.err


def test_selecting_rows_of_an_unfinished_run_warns(cli, spec, partner):
    run = stopped(cli, spec, partner)
    shown = cli("replay", spec, "--only", "rejected", "--from-run", run)
    assert f"run {run} is interrupted: --only does not select rows that have no outcome yet" in shown.err
    cli("runs", "resume", run)
    assert "have no outcome yet" not in cli("replay", spec, "--only", "rejected", "--from-run", run).err
