"""`replay` through the real command line: sources, the ledger, resuming, stopping, workers, damaged input."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import shlex
import signal
import sqlite3
import subprocess
import threading
import time
from collections import Counter
from pathlib import Path

import pytest

from commands.conftest import PATIENCE, ROOT, CommandLine, Heard, Partner, spec_text
from rokt_export.commands.run_output import place_flag

THOUSAND = ROOT / "sample_events" / "thousand.csv"
MAILCHIMP = ROOT / "sample_specs" / "mailchimp.yaml"


def people(*numbers: int) -> str:
    return "email,firstname\n" + "".join(f"jane.doe.{number}@example.com,Jane\n" for number in numbers)


def emails(partner: Partner) -> list[str]:
    return [json.loads(heard.body)["email"].split("@")[0].removeprefix("jane.doe.") for heard in partner.heard]


def refusing(*numbers: int, status: int = 400):
    """Answer these people with a status of its own, and all others well."""
    bodies = tuple(f"jane.doe.{number}@".encode() for number in numbers)

    def answer(heard: Heard):
        if any(body in heard.body for body in bodies):
            return status, {}, b'{"message": "no"}'
        return 200, {}, b'{"id": "c0ffee"}'

    return answer


def production(cli: CommandLine, spec: Path, *arguments: object, confirm: str = "acme"):
    return cli("replay", spec, *arguments, "-e", "production", "--confirm", confirm, "--output", "json")


# --- a real file


def test_the_thousand_rows_come_back_as_one_row_each_in_order(cli):
    shown = cli("replay", MAILCHIMP, THOUSAND, "--sandbox", "--output", "csv", "--quiet")
    assert shown.status == 0
    rows = list(csv.DictReader(io.StringIO(shown.out)))
    assert [int(row["row"]) for row in rows] == list(range(1, len(rows) + 1))
    with THOUSAND.open(encoding="utf-8-sig", newline="") as file:
        assert len(rows) == sum(1 for _ in csv.reader(file)) - 1
    exported = cli("runs", "export", "last", "--format", "csv")
    assert exported.out == shown.out


@pytest.mark.parametrize("workers", [1, 2])
def test_workers_share_one_journal_and_one_summary(cli, spec, partner, workers):
    rows = cli.write("rows.csv", people(*range(1, 201)))
    partner.answer = refusing(7, 8)
    shown = cli.process("replay", spec, rows, "--workers", workers, "--output", "json")
    assert shown.status == 1, shown.err
    assert shown.json["counts"] == {"delivered": 198, "rejected": 2}
    assert [one["row"] for one in shown.json["deliveries"]] == list(range(1, 201))
    assert Counter(emails(partner)) == {str(number): 1 for number in range(1, 201)}
    assert len(cli("runs", "list", "--output", "json").json) == 1


def test_workers_beside_a_sandbox_are_started_anew_rather_than_forked(cli):
    shown = cli.process("replay", MAILCHIMP, THOUSAND, "--sandbox", "--workers", "2", "--output", "json", "--quiet")
    assert shown.status == 0, shown.err
    assert shown.json["counts"] == {"delivered": 1000}


def test_never_more_workers_than_sends_at_once(cli, spec, rows):
    shown = cli("replay", spec, rows, "--workers", "4", "--concurrency", "2", "--output", "json")
    assert shown.status == 0
    assert "2 workers instead of 4: 2 may be sent at once" in shown.err


@pytest.mark.parametrize("workers", [1, 2])
def test_a_stop_rule_counts_over_all_workers(cli, spec, partner, workers):
    partner.answer = lambda _heard: (400, {}, b"{}")
    rows = cli.write("rows.csv", people(*range(1, 301)))
    shown = cli.process("replay", spec, rows, "--workers", workers, "--concurrency", "2", "--stop-after", "6")
    assert shown.status == 1, shown.err
    stopped = re.search(r"stopped: (\d+) unexpected outcomes", shown.err)
    assert stopped is not None, shown.err
    assert 6 <= int(stopped[1]) <= len(partner.heard) <= 12  # what is in flight at the sixth still comes back


# --- production, and its ledger


def test_production_is_one_at_a_time_and_stops_at_three_in_a_row(cli, spec, partner):
    rows = cli.write("rows.csv", people(*range(1, 31)))
    partner.answer = refusing(2, 4, 5, 6)
    shown = production(cli, spec, rows)
    assert shown.status == 1
    assert emails(partner) == ["1", "2", "3", "4", "5", "6"]
    assert "1 at once" in shown.err and "3 unexpected outcomes in a row" in shown.err


def test_production_stops_at_the_first_answer_that_no_rule_explains(cli, spec, partner):
    rows = cli.write("rows.csv", people(*range(1, 31)))
    partner.answer = refusing(3, status=302)
    assert production(cli, spec, rows).status == 1
    assert emails(partner) == ["1", "2", "3"]


def test_rows_that_production_has_are_left_out_unless_again(cli, spec, partner):
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


def test_before_production_only_rows_that_are_asked_for_are_counted_as_known(cli, spec, partner):
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


def test_what_is_said_of_rows_left_out_of_a_test_can_be_done(cli, spec, partner):
    rows = cli.write("rows.csv", people(1, 2))
    for _ in range(2):
        shown = cli("test", spec, rows, "-e", "production", "--confirm", "acme")
    assert "production has them already (`rokt-export replay … --again` sends them)" in shown.out


def test_a_row_that_stands_twice_in_a_file_goes_to_production_once(cli, spec, partner):
    rows = cli.write("rows.csv", people(1, 2, 1, 3, 2))
    shown = production(cli, spec, rows)
    assert shown.status == 0
    assert emails(partner) == ["1", "2", "3"]
    assert "2 rows were left out" in cli("runs", "show", "last").out


@pytest.mark.parametrize("workers", [1, 2])
def test_rows_that_cannot_be_sent_to_production_are_each_told(cli, spec, partner, workers):
    text = people(1) + "jane.doe.2@example.com\n" + people(3).split("\n", 1)[1] + "jane,2,3\nx,1,2,3\n,Jo\n,Jo\n" * 2
    flags = ("--workers", workers, "--concurrency", "2", "--override-limits", "--stop-in-a-row", "100")
    shown = production(cli, spec, cli.write("rows.csv", text), *flags)
    assert shown.status == 1
    assert shown.json["counts"] == {"delivered": 2, "invalid": 9}
    assert "left out" not in shown.err
    assert sorted(emails(partner)) == ["1", "3"]
    assert [each["row"] for each in shown.json["deliveries"]] == list(range(1, 12))


def test_rows_that_cannot_be_sent_stop_no_production_run(cli, spec, partner):
    text = people(1) + "jane,2,3\n" * 3 + people(*range(2, 9)).split("\n", 1)[1]
    assert production(cli, spec, cli.write("rows.csv", text)).status == 1
    assert emails(partner) == [str(number) for number in range(1, 9)]


def leave_the_second_unanswered(cli: CommandLine, spec: Path, partner: Partner) -> None:
    """The partner takes row 2 and does not answer in time; sent again, it is answered as the others are."""
    cli.write("acme.yaml", spec.read_text().replace("timeout: 5s", "timeout: 300ms"))
    sent = Counter[str]()

    def answer(heard: Heard):
        sent["2"] += b"jane.doe.2@" in heard.body
        if b"jane.doe.2@" in heard.body and sent["2"] == 1:
            time.sleep(0.6)
        return 200, {}, b"{}"

    partner.answer = answer


def test_a_row_without_an_answer_is_not_sent_again_by_a_later_run_unless_told(cli, spec, partner):
    rows = cli.write("rows.csv", people(1, 2, 3))
    leave_the_second_unanswered(cli, spec, partner)
    assert production(cli, spec, rows).json["counts"] == {"delivered": 2, "unknown": 1}
    again = production(cli, spec, rows)
    assert again.status == 1
    assert "1 row may have been delivered to production before" in again.err
    assert emails(partner) == ["1", "2", "3"]
    assert production(cli, spec, rows, "--resend-unknown").status == 0
    assert emails(partner)[3:] == ["2"]


def test_what_is_unknown_is_asked_of_the_partner_and_told_how_to_be_sent(cli, spec, partner):
    rows = cli.write("rows.csv", people(1, 2, 3))
    leave_the_second_unanswered(cli, spec, partner)
    shown = cli("replay", spec, rows)
    assert shown.status == 1
    assert re.search(r"\n  unknown, did they arrive: \S+\n", shown.out)
    told = re.search(r"1 row is unknown: ask whether it arrived; if not: rokt-export (.*)\n", shown.err)
    again = cli(*shlex.split(told[1]))
    assert (again.status, emails(partner)[3:]) == (0, ["2"])
    assert "unknown" not in again.out
    assert "1 is unknown: sent again\n" in again.err


def test_what_a_run_has_under_way_is_not_unknown_and_no_other_run_sends_it(cli, spec, partner):
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


# --- resuming, and choosing rows of an earlier run


def stopped(cli: CommandLine, spec: Path, partner: Partner, *arguments: object) -> str:
    """A run of nine rows that stopped after some, and why it can go on."""
    rows = cli.write("rows.csv", people(*range(1, 10)))
    partner.answer = refusing(4)
    shown = cli(
        "replay",
        spec,
        rows,
        "--concurrency",
        "1",
        "--stop-after",
        "1",
        "--name",
        "nine",
        "--output",
        "json",
        *arguments,
    )
    assert shown.status == 1
    assert "go on with: rokt-export runs resume" in shown.err
    partner.answer = refusing()
    return str(shown.json["run"])


def test_a_run_that_did_not_reach_its_end_says_how_far_it_came_until_it_has(cli, spec, partner):
    run = stopped(cli, spec, partner)
    told = f"4 of 9 rows are settled\ngo on with: rokt-export runs resume {run}\n"
    assert told in cli("runs", "show", run).err
    assert "settled" not in cli("runs", "show", run, "--output", "json").out
    cli("runs", "resume", run)
    assert cli("runs", "show", run).err == ""


@pytest.mark.parametrize("named", ["rows.csv", "link.csv", "./acme.yaml", "journal.sqlite"])
@pytest.mark.parametrize("command", ["replay", "test", "diff"])
def test_no_report_is_written_over_what_is_read(cli, spec, partner, command, named, monkeypatch):
    monkeypatch.chdir(cli.folder)
    cli.write("rows.csv", people(1, 2))
    cli("runs", "list", "--journal", "journal.sqlite")
    (cli.folder / "link.csv").symlink_to("rows.csv")
    (cli.folder / f"{named}.html").symlink_to(named)  # a suffix that each command knows
    before = (cli.folder / named).read_bytes()
    sides = ("--between", "staging", "production", "--confirm", "acme") if command == "diff" else ()
    flags = ("--journal", "journal.sqlite", "--report", f"{named}.html", *sides)
    shown = cli(command, "acme.yaml", "rows.csv", *flags)
    assert (shown.status, partner.heard) == (2, [])
    assert "which is read from" in shown.err
    assert (cli.folder / named).read_bytes() == before


@pytest.mark.parametrize("command", [("runs", "export", "last"), ("report", "last")])
def test_nothing_is_exported_over_the_rows_of_a_run(cli, spec, partner, command):
    rows = cli.write("rows.csv", people(1, 2))
    cli("replay", spec, rows)
    shown = cli(*command, "--out", rows)
    assert (shown.status, rows.read_text()) == (2, people(1, 2))


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        ((), "\nif it answers in 0.2 s: 3 min\n"),  # 9,000 rows, ten at once
        (("--rate", "1/s"), "\nat that rate: 2.5 h or more\n"),
        (("--rate", "600/m", "--concurrency", "1"), "\nif it answers in 0.2 s: 30 min\n"),
        (("--rate", "1/s", "--sandbox"), "\nat that rate: 2.5 h or more\n"),
    ],
)
def test_before_the_first_send_it_says_how_long_it_takes(cli, spec, partner, flags, told):
    rows = cli.write("rows.csv", people(*range(1, 9_001)))
    with cli.start("replay", spec, rows, *flags) as process:
        assert process.stderr is not None
        heard = ""
        for line in process.stderr:
            heard += line
            if heard.endswith(told):
                break
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=PATIENCE)
    assert told in heard


@pytest.mark.parametrize("how", ["id", "prefix", "name", "last"])
def test_a_run_goes_on_where_it_stopped_by_any_of_its_names(cli, spec, partner, how):
    run = stopped(cli, spec, partner)
    called = {"id": run, "prefix": run[:-1], "name": "nine", "last": "last"}[how]
    shown = cli("runs", "resume", called, "--output", "json")
    assert shown.status == 1  # row 4 was rejected, and stays so
    assert shown.json["counts"] == {"delivered": 8, "rejected": 1}
    assert emails(partner) == [str(number) for number in range(1, 10)]


def test_a_resume_repeats_the_flags_of_its_run(cli, spec, partner):
    run = stopped(cli, spec, partner, "--set", "firstname=Joan", "--test-data")
    cli("replay", spec, "--resume", run)
    assert {json.loads(heard.body)["name"] for heard in partner.heard} == {"Joan"}


@pytest.mark.parametrize("environment", ["staging", "production"])
def test_a_run_goes_on_at_the_host_where_it_began(cli, spec, partner, environment):
    cli.write("acme.yaml", spec.read_text().replace(partner.url, "{{ env.BASE }}"))
    rows = cli.write("rows.csv", people(1, 2, 3))
    partner.answer = refusing(2)
    flags = ("-e", "production", "--confirm", "acme") if environment == "production" else ()
    once = ("--concurrency", "1", "--stop-after", "1", "--name", "first")
    cli("replay", spec, rows, *flags, *once, env={"BASE": partner.url})
    assert emails(partner) == ["1", "2"]
    shown = cli("runs", "resume", "first", *flags[2:], env={"BASE": partner.url.replace("127.0.0.1", "localhost")})
    assert re.search(r"run \S+ sent to http://127\.0\.0\.1:\d+, and would go on to http://localhost:\d+", shown.err)
    assert shown.status == (2 if flags else 1)
    assert len(partner.heard) == (2 if flags else 3)


def test_what_was_set_of_a_real_person_is_not_kept_and_must_be_told_again(cli, spec, partner):
    run = stopped(cli, spec, partner, "--set", "firstname=Joanna", "--set", "currency=USD")
    assert all(b"Joanna" not in file.read_bytes() for file in cli.folder.glob("journal.sqlite*"))
    before = len(partner.heard)
    for arguments in (["runs", "resume", run], ["replay", spec, "--resume", run]):
        refused = cli(*arguments)
        assert (refused.status, len(partner.heard)) == (2, before)
        assert "--set firstname=…" in refused.err and "currency" not in refused.err
    cli("replay", spec, "--resume", run, "--set", "firstname=Joanna", "--set", "currency=USD")
    assert {json.loads(heard.body)["name"] for heard in partner.heard} == {"Joanna"}
    assert len(partner.heard) == 9


def test_a_resume_of_some_rows_stays_with_these(cli, spec, partner):
    rows = cli.write("rows.csv", people(*range(1, 10)))
    partner.answer = refusing(2, 5, 7)
    cli("replay", spec, rows, "--concurrency", "1", "--name", "first")
    partner.answer = refusing(2)
    cli("replay", spec, "--only", "rejected,failed", "--from-run", "first", "--concurrency", "1", "--stop-after", "1")
    assert emails(partner)[9:] == ["2"]
    partner.answer = refusing()
    cli("runs", "resume", "last")
    assert emails(partner)[10:] == ["5", "7"]


def test_rows_of_another_run_are_read_and_changed_as_it_did(cli, spec, partner):
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


def test_a_rerun_elsewhere_says_so(cli, spec, partner):
    elsewhere = cli.write("far.yaml", spec_text("http://127.0.0.1:9"))
    rows = cli.write("rows.csv", people(1, 2))
    partner.answer = refusing(2)
    cli("replay", elsewhere, rows, "--name", "first", "--sandbox-url", partner.url)
    shown = cli("replay", spec, "--only", "rejected", "--from-run", "first")
    assert "sent to a sandbox; this one sends to the partner" in shown.err


def test_a_rerun_goes_where_the_run_went_unless_told(cli, spec, partner):
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


def test_what_is_said_of_rows_that_failed_can_be_typed(cli, spec, partner):
    rows = cli.write("some rows.csv", people(*range(1, 31)))
    partner.answer = refusing(2, 4, 5, 6, status=500)
    stopped = production(cli, spec, rows)
    partner.answer = refusing()
    told = re.search(
        r"^4 rows that failed are settled, and not sent by that, but by: rokt-export (.*)$", stopped.err, re.M
    )
    assert told, stopped.err
    again = cli(*shlex.split(told[1]), "--confirm", "acme")
    assert again.status == 0, again.err
    assert emails(partner)[6:] == ["2", "4", "5", "6"]
    assert {heard.target for heard in partner.heard} == {"/production/leads"}


def test_a_run_that_went_to_a_sandbox_by_its_url_goes_on_there(cli, spec, partner):
    sandbox_spec = cli.write("far.yaml", spec_text("http://127.0.0.1:9"))
    run = stopped(cli, sandbox_spec, partner, "--sandbox-url", partner.url)
    cli("runs", "resume", run)
    assert len(partner.heard) == 9


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--resume", "nobody"], "no run is called `nobody`"),
        (["--resume", "nine", "-e", "production", "--confirm", "acme"], "sent to acme staging"),
        (["few.csv", "--resume", "nine"], "not the files"),
        (["--resume", "nine", "--only", "failed", "--from-run", "nine"], "goes on with the rows"),
        (["--only", "failed"], "belong together"),
        (["--only", "lost", "--from-run", "nine"], "`lost` is not an outcome"),
        (["--only", "duplicate", "--from-run", "nine"], "has no row that is duplicate"),
        (["--only", "failed,unknown", "--from-run", "nine"], "add --resend-unknown"),
    ],
)
def test_what_cannot_be_gone_on_with_is_refused(cli, spec, partner, arguments, words):
    stopped(cli, spec, partner)
    cli.write("few.csv", people(1))
    before = len(partner.heard)
    shown = cli("replay", spec, *arguments)
    assert shown.status == 2, shown.err
    assert words in shown.err
    assert len(partner.heard) == before


@pytest.mark.parametrize("change", ["more", "other", "gone"])
def test_a_file_that_changed_since_is_refused(cli, spec, partner, change):
    run = stopped(cli, spec, partner)
    rows = cli.folder / "rows.csv"
    if change == "gone":
        rows.unlink()
    else:
        rows.write_text(people(*range(1, 11)) if change == "more" else people(*range(9, 0, -1)))
    before = len(partner.heard)
    for arguments in (["runs", "resume", run], ["replay", spec, "--only", "rejected", "--from-run", run]):
        shown = cli(*arguments)
        assert shown.status == 3
        assert {"more": "and has 2", "other": "its size is the same", "gone": "is gone"}[change] in shown.err
        assert "rows.csv" in shown.err and "ring it back" in shown.err
    assert len(partner.heard) == before


def test_a_file_that_was_copied_back_is_the_same(cli, spec, partner):
    run = stopped(cli, spec, partner)
    rows = cli.folder / "rows.csv"
    rows.write_text(rows.read_text())
    shown = cli("runs", "resume", run)
    assert shown.status == 1 and "its size is the same" not in shown.err
    assert Counter(emails(partner)) == {str(number): 1 for number in range(1, 10)}


def test_a_file_without_a_digest_is_resumed_in_staging_with_a_warning(cli, spec, partner, monkeypatch):
    monkeypatch.setenv("ROKT_EXPORT_KEY_FILE", str(cli.write("no folder", "") / "key"))
    run = stopped(cli, spec, partner)
    rows = cli.folder / "rows.csv"
    rows.write_text(rows.read_text())
    shown = cli("runs", "resume", run)
    assert shown.status == 1 and "its rows are taken to be" in shown.err
    assert Counter(emails(partner)) == {str(number): 1 for number in range(1, 10)}


def test_a_large_file_that_was_written_to_is_refused_in_production(cli, spec, partner, monkeypatch):
    """It has no digest: the error says how it is resumed all the same."""
    monkeypatch.setattr("rokt_export.commands.replay_flags._DIGESTED", 0)
    rows = cli.write("rows.csv", people(*range(1, 10)))
    partner.answer = refusing(3)
    assert production(cli, spec, rows, "--stop-after", "1").status == 1
    rows.write_text(rows.read_text())
    shown = cli("runs", "resume", "last", "--confirm", "acme")
    assert shown.status == 3 and len(partner.heard) == 3
    subprocess.run(re.search(r"touch -d '.*", shown.err)[0], shell=True, check=True)
    assert cli("runs", "resume", "last", "--confirm", "acme").status == 1
    assert Counter(emails(partner)) == {str(number): 1 for number in range(1, 10)}


def numbered(*numbers: int) -> bytes:
    return b"transactionid,email\n" + b"".join(b"tx%d,jane.doe.%d@example.com\n" % (n, n) for n in numbers)


def test_a_flag_told_anew_counts_also_where_it_is_told_as_it_goes_without_saying(cli, spec, partner):
    rows = cli.write("rows.csv", people(*range(1, 6)))
    assert cli("replay", spec, rows, "--expect", "rejected", "--stop-after", "1", "--concurrency", "1").status == 1
    resumed = ("replay", spec, "--resume", "last", "--stop-after", "9", "--output", "json")
    assert cli(*resumed, "--expect", "delivered").status == 0
    assert len(partner.heard) == 5
    assert cli(*resumed).status == 1  # as it began


def test_a_run_over_stdin_goes_on_as_it_says_and_over_no_other_rows(cli, spec, partner):
    place = cli.folder / "a journal.sqlite"
    partner.answer = refusing(3)
    stopping = cli("replay", spec, "-", "--journal", place, "--stop-after", "1", stdin=numbered(*range(1, 31)))
    assert stopping.status == 1
    sent = len(partner.heard)
    assert sent < 30
    onward = re.search(r"go on with: … \| rokt-export (.*)", stopping.err)[1]
    shown = cli("runs", "resume", "last", "--journal", place)
    assert shown.status == 2
    assert "from stdin, and what was read there is gone" in shown.err and onward in shown.err
    again = cli("replay", spec, "--only", "rejected", "--from-run", "last", "--journal", place)
    assert again.status == 2
    piped = re.search(r"from the first: … \| rokt-export (.*)", again.err)[1]
    other = cli(*shlex.split(onward), stdin=numbered(*range(31, 36)))
    assert other.status == 3
    assert "row 1 is another than the row 1 that run" in other.err
    assert len(partner.heard) == sent
    assert cli(*shlex.split(onward), stdin=numbered(*range(1, 31))).status == 1
    assert Counter(emails(partner)) == {str(number): 1 for number in range(1, 31)}
    assert cli(*shlex.split(piped), stdin=numbered(*range(1, 31))).status == 1
    assert Counter(emails(partner))["3"] == 2


def test_a_resume_that_reads_rows_otherwise_says_so(cli, spec, partner):
    run = stopped(cli, spec, partner)
    shown = cli("replay", spec, "--resume", run, "--map", "firstname=shoe")
    assert f"--map is not what run {run} began with" in shown.err
    assert "--encoding" not in shown.err


def test_what_failed_is_not_sent_by_a_resume_and_is_told_how_it_is(cli, spec, partner):
    rows = cli.write("rows.csv", people(*range(1, 10)))
    partner.answer = refusing(2, status=500)
    failing = cli.write(
        "failing.yaml", spec.read_text().replace("responses:", "responses:\n  - {outcome: failed, status: 5xx}")
    )
    shown = cli("replay", failing, rows, "--stop-after", "1", "--concurrency", "1")
    assert "1 row that failed is settled, and not sent by that" in shown.err
    run = re.search(r"--only failed --from-run (\S+)", shown.err)[1]
    partner.answer = refusing()
    assert cli("replay", failing, "--only", "failed", "--from-run", run).status == 0
    assert emails(partner)[-1] == "2"


def test_rows_of_a_purged_run_are_not_told_apart_any_more(cli, spec, partner):
    rows = cli.write("rows.csv", people(1, 2))
    partner.answer = refusing(2)
    cli("replay", spec, rows, "--name", "first")
    cli("runs", "purge", "first", "--yes")
    cli.write("rows.csv", people(3, 1, 2))
    shown = cli("replay", spec, rows, "--only", "rejected", "--from-run", "first")
    assert (shown.status, len(partner.heard)) == (2, 2)
    assert "was purged" in shown.err


def test_of_some_rows_only_their_own_faults_are_told_before(cli, spec, partner):
    rows = cli.write("rows.csv", people(1, 2) + ",x\n")
    partner.answer = refusing(2)
    assert "row 3 cannot be sent" in cli("replay", spec, rows, "--name", "first").err
    shown = cli("replay", spec, "--only", "rejected", "--from-run", "first")
    assert "3 rows in" in shown.err and "of which 1 is asked for" in shown.err
    assert "cannot be sent" not in shown.err
    assert "cannot be sent" not in cli("replay", spec, "--resume", "first").err


def test_the_tools_own_words_stay_readable_whatever_people_are_called(cli, spec, partner):
    rows = cli.write("rows.csv", "email,firstname,lastname\n,required,row\n,is,the\njane.doe.1@example.com,Jane,Row\n")
    shown = cli("replay", spec, rows, "--output", "csv")
    told = [(row["transaction"], row["reason"]) for row in csv.DictReader(io.StringIO(shown.out))]
    assert told[:2] == [(f"row-{row}", "email is required: the value is empty") for row in (1, 2)]
    assert told[2][0] == "row-3"
    assert "row 1 cannot be sent: email is required: the value is empty" in shown.err
    wrong = cli.write("wrong.csv", "email,zipcode,lastname\njane.doe.1@example.com,x1,Is\n")
    patterned = "parameters:\n  - {name: zip, attribute: zipcode, pattern: '[0-9]+'}\n"
    cli.write("acme.yaml", spec.read_text().replace("parameters:\n", patterned))
    shown = cli("replay", spec, wrong, "--output", "csv")
    reason = next(csv.DictReader(io.StringIO(shown.out)))["reason"]
    assert re.fullmatch(r"zip: `person-\w+` does not match `\[0-9\]\+`", reason)  # what a row holds is hidden as ever


def test_a_column_is_mapped_to_an_attribute_that_there_is(cli, spec, partner):
    rows = cli.write("rows.csv", people(1))
    shown = cli("replay", spec, rows, "--map", "email=emial")
    assert (shown.status, partner.heard) == (2, [])
    assert "there is no attribute `emial`" in shown.err and "Did you mean `email`?" in shown.err


def test_what_another_run_has_delivered_is_not_asked_for_as_unknown(cli, spec, partner):
    rows = cli.write("rows.csv", people(1, 2))
    leave_the_second_unanswered(cli, spec, partner)
    production(cli, spec, rows, "--name", "first")
    assert production(cli, spec, rows, "--resend-unknown").status == 0
    shown = production(cli, spec, "--resume", "first", "--resend-unknown")
    assert len(partner.heard) == 3
    assert "ask whether" not in shown.err


def test_rows_of_stdin_are_not_gone_on_with_from_other_places(cli, spec, partner):
    mine, theirs = people(*range(1, 9)), people(*range(11, 19))
    own, other = cli.write("own.csv", mine), cli.write("other.csv", theirs)
    partner.answer = refusing(3)
    assert (
        cli("replay", spec, "-", "--stop-after", "1", "--concurrency", "1", "--name", "a", stdin=mine.encode()).status
        == 1
    )
    partner.answer = refusing()
    heard = len(partner.heard)
    for flags in (("--resume", "a"), ("--only", "rejected", "--from-run", "a")):
        for path in (own, other):
            shown = cli("replay", spec, path, *flags)
            assert (shown.status, len(partner.heard)) == (2, heard)
            assert (
                "these are not the files that run" in shown.err and "Name the same, in the same order: -" in shown.err
            )


def test_a_part_of_what_was_piped_in_is_not_taken_for_all_of_it(cli, spec, partner):
    partner.answer = refusing(9)
    rows = people(*range(1, 21))
    cli("replay", spec, "-", "--stop-after", "1", "--concurrency", "1", "--name", "a", stdin=rows.encode())
    partner.answer = refusing()
    heard = len(partner.heard)
    for flags in (("--resume", "a"), ("--only", "rejected", "--from-run", "a", "--name", "b")):
        shown = cli("replay", spec, "-", *flags, stdin=people(*range(1, 5)).encode())
        assert (shown.status, len(partner.heard)) == (3, heard)
        assert re.search(r"the input ended at row 4, and run \S+ settled rows up to row \d+", shown.err)
    states = {run["name"]: run["state"] for run in cli("runs", "list", "--output", "json").json}
    assert states == {"a": "interrupted", "b": "interrupted"}
    assert cli("replay", spec, "-", "--resume", "a", stdin=rows.encode()).status == 1
    assert Counter(emails(partner)) == {str(number): 1 for number in range(1, 21)}


def test_rows_of_a_run_that_did_not_end_are_asked_for_with_a_word_of_it(cli, spec, partner):
    run = stopped(cli, spec, partner)
    shown = cli("replay", spec, "--only", "rejected", "--from-run", run)
    assert f"run {run} is interrupted: rows that it has not settled are not among those asked for" in shown.err
    cli("runs", "resume", run)
    assert "not among those" not in cli("replay", spec, "--only", "rejected", "--from-run", run).err


def test_a_journals_password_is_in_no_command_that_is_shown():
    assert place_flag("postgresql://jane:hunter2@db.example.com/x") == (
        " --journal 'postgresql+psycopg://jane:***@db.example.com/x'"
    )


def test_rows_of_stdin_that_have_names_are_known_by_them(cli, spec, partner):
    def named(letter: str) -> bytes:
        return "".join(
            ["transactionid,email\n", *(f"{letter}{n},jane.doe.{n}@example.com\n" for n in range(1, 6))]
        ).encode()

    partner.answer = refusing(3)
    cli("replay", spec, "-", "--name", "a", stdin=named("a"))
    partner.answer = refusing()
    heard = len(partner.heard)
    shown = cli("replay", spec, "-", "--only", "rejected", "--from-run", "a", stdin=named("b"))
    assert (shown.status, len(partner.heard)) == (3, heard)
    assert "row 3 is another than the row 3 that run" in shown.err
    assert cli("replay", spec, "-", "--only", "rejected", "--from-run", "a", stdin=named("a")).status == 0
    assert len(partner.heard) == heard + 1


def test_stdin_beside_a_file_is_asked_for_again(cli, spec, partner):
    rows = cli.write("rows.csv", people(1, 2))
    partner.answer = refusing(3)
    cli(
        "replay", spec, rows, "-", "--stop-after", "1", "--concurrency", "1", "--name", "a", stdin=people(3, 4).encode()
    )
    heard = len(partner.heard)
    for told in ([rows], ["-", rows], [rows, rows]):
        shown = cli("replay", spec, *told, "--resume", "a", stdin=people(3, 4).encode())
        assert shown.status in (2, 3) and len(partner.heard) == heard
    assert "go on with: … | rokt-export replay" in cli("runs", "show", "a").err
    shown = cli("replay", spec, rows, "-", "--resume", "a", stdin=people(3, 4).encode())
    assert Counter(emails(partner)) == {str(number): 1 for number in range(1, 5)}


@pytest.mark.parametrize("first", [True, False])
def test_a_pipe_beside_a_file_is_asked_for_again(cli, spec, partner, first):
    """What a resume would read without it are other rows, under the numbers of those that were sent."""
    rows, pipe = cli.write("rows.csv", people(*range(11, 31))), cli.folder / "pipe"
    os.mkfifo(pipe)
    inputs = [pipe, rows] if first else [rows, pipe]

    def told(*flags: str):
        writer = threading.Thread(target=lambda: pipe.write_text(people(*range(1, 10))), daemon=True)
        writer.start()
        return cli("replay", spec, *inputs, "--concurrency", "1", *flags)

    partner.answer = refusing(5 if first else 15)
    stopping = told("--name", "a", "--stop-after", "1")
    onward = f"rokt-export replay {spec} {' '.join(map(str, inputs))} -e staging --resume"
    assert onward in stopping.err
    heard = len(partner.heard)
    for arguments in (("replay", spec, "--resume", "a"), ("runs", "resume", "a")):
        shown = cli(*arguments)
        assert (shown.status, len(partner.heard)) == (2, heard)
        assert "read rows from a pipe, and what was read there is gone" in shown.err and onward in shown.err
    partner.answer = refusing()
    assert told("--resume", "a").status == 1
    assert Counter(emails(partner)) == {str(number): 1 for number in (*range(1, 10), *range(11, 31))}


# --- a live input


def test_tail_delivers_each_row_within_a_second_of_its_arrival(cli, spec, partner):
    log = cli.write("live.csv", "email,firstname\n")
    with subprocess.Popen(["tail", "-n", "+1", "-F", log], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as tail:
        running = cli.start("replay", spec, "-", "--output", "ndjson", stdin=tail.stdout)
        try:
            for number in (1, 2, 3, 4):
                with log.open("a") as file:
                    file.write(f"jane.doe.{number}@example.com,Jane\n")
                wrote = time.monotonic()
                while len(partner.heard) < number and time.monotonic() - wrote < PATIENCE:
                    time.sleep(0.01)
                if number > 1:  # the first row waits for the program to start
                    assert time.monotonic() - wrote < 1.0
            running.send_signal(signal.SIGINT)
            out, err = running.communicate(timeout=PATIENCE)
        finally:
            tail.kill()
            running.kill()
    assert running.returncode == 130, err
    assert "Fatal" not in err and "Traceback" not in err
    assert [json.loads(line)["row"] for line in out.splitlines()] == [1, 2, 3, 4]


def test_stdin_to_its_end(cli, spec, partner):
    with cli.start("replay", spec, "-", "--output", "csv", stdin=subprocess.PIPE) as running:
        out, err = running.communicate(people(1, 2), timeout=PATIENCE)
    assert running.returncode == 0, err
    assert len(out.splitlines()) == 3
    assert sorted(emails(partner)) == ["1", "2"]  # two at once: the wire may turn them round


def test_two_workers_do_not_read_one_stdin(cli, spec, partner):
    shown = cli("replay", spec, "-", "--workers", "2", "--output", "json", stdin=people(1, 2).encode())
    assert shown.status == 0
    assert "1 worker instead of 2: rows are read as they arrive" in shown.err


# --- damaged input: said clearly, with the contract's status, and what was settled stays settled


@pytest.mark.parametrize(
    ("content", "status", "words"),
    [
        (b"", 3, "empty"),
        (b"\xef\xbb\xbf", 3, "the file is empty"),
        (b"\xff\xfe\n\x00", 3, "the file is empty"),
        (b'"email,firstname"\n"a@example.com,Jane"\n', 3, "each line is quoted as a whole"),
        (b"Jane Doe,+1 212 555 0100\nJoan Doe,+1 212 555 0101\n", 3, "the first line holds data"),
        (b'{"a@example.com": {"firstname": "Jane"}}\n', 3, "no column holds an attribute that the spec sends"),
        (b"email,firstname\na@example.com\n", 1, "Add the cells that are missing"),
        (b"email,firstname\na@example.com,Jane,,\n", 0, "the empty cell behind it is left out"),
        (b"email,firstname\n", 3, "no row"),
        (b"\x00" * 4096, 3, ""),
        (b"email,firstname\na@example.com,J\x00ane\n", 1, "NUL"),
        (b"email,firstname\na@example.com,Jane,more\nb@example.com,Joan\n", 1, "row 1"),
        (b'email,firstname\na@example.com,"Jane\nb@example.com,Joan\n', 1, "quot"),
        (b'[{"email": "a@example.com"}, {"email": ', 3, ""),
        (b'{"email": "a@example.com"}\n{"email": \n', 1, ""),
    ],
    ids=[
        "empty",
        "a mark alone",
        "a mark and a line",
        "lines quoted",
        "no header",
        "keyed by people",
        "short",
        "trailing",
        "header alone",
        "zeros",
        "NUL",
        "ragged",
        "open quote",
        "half an array",
        "half a line",
    ],
)
def test_damaged_files(cli, spec, partner, content, status, words):
    rows = cli.write("rows.csv", content)
    shown = cli("replay", spec, rows)
    assert shown.status == status, shown.err
    assert words.lower() in (shown.err + shown.out).lower()
    assert "Traceback" not in shown.err and "internal error" not in shown.err


def test_strict_and_rows_that_arrive_exclude_each_other(cli, spec, partner):
    shown = cli("replay", spec, "-", "--strict", stdin=people(1).encode())
    assert (shown.status, partner.heard) == (2, [])
    assert "--strict" in shown.err


def test_damage_in_rows_that_arrive_is_told_at_the_end(cli, spec, partner):
    rows = "email,firstname,mobile\njane@example.com,JosÃ©,1\njoe@example.com,Joe,1.23E+10\n"
    shown = cli("replay", spec, "-", stdin=rows.encode())
    assert (shown.status, len(partner.heard)) == (0, 2)
    assert "damage in the rows as they came: -:2, row 1, column firstname: " in shown.out
    assert "JosÃ©" not in shown.out + shown.err


@pytest.mark.parametrize("told", ["\\t", "tab", "\t"])
def test_a_tab_may_be_told_in_words(cli, spec, partner, told):
    rows = cli.write("rows.txt", people(1, 2).replace(",", "\t"))
    assert cli("replay", spec, rows, "--delimiter", told).status == 0
    assert sorted(emails(partner)) == ["1", "2"]


@pytest.mark.parametrize("told", ["", '"', "\n"])
def test_what_is_no_delimiter_is_refused(cli, spec, partner, told):
    shown = cli("replay", spec, cli.write("rows.csv", people(1)), "--delimiter", told)
    assert (shown.status, partner.heard) == (2, [])
    assert "--delimiter" in shown.err


def test_strict_stops_at_damage(cli, spec, partner):
    rows = cli.write("rows.csv", "email,firstname,zipcode\na@example.com,Jane,1.23E+10\n")
    shown = cli("replay", spec, rows, "--strict")
    assert shown.status == 3
    assert "row 1" in shown.err and "nothing was sent" in shown.err
    assert partner.heard == []


def test_a_row_of_ten_megabytes_hurts_nobody_else(cli, spec, partner):
    rows = cli.write(
        "rows.csv", people(1) + f"jane.doe.2@example.com,{'J' * 10_000_000}\n" + "jane.doe.3@example.com,J\n"
    )
    shown = cli("replay", spec, rows, "--output", "json")
    assert shown.status in (0, 1)
    assert [one["row"] for one in shown.json["deliveries"]] == [1, 2, 3]
    assert {"1", "3"} <= set(emails(partner))


@pytest.mark.parametrize("output", ["table", "json", "csv"])
def test_a_file_that_changes_while_it_is_read_is_told(cli, spec, partner, output):
    rows = cli.write("rows.csv", people(*range(1, 50)))

    def answer(_heard: Heard):
        if len(partner.heard) == 5:
            with rows.open("a") as file:
                file.write("jane.doe.999@example.com,Jane\n")
        return 200, {}, b"{}"

    partner.answer = answer
    shown = cli("replay", spec, rows, "--concurrency", "1", "--output", output)
    assert shown.status == 1
    assert "changed while it was read" in shown.err


def test_a_journal_of_a_newer_version_is_left_alone(cli, spec, rows, partner):
    assert cli("replay", spec, rows).status == 0
    with sqlite3.connect(cli.journal) as database:
        database.execute("UPDATE journal_meta SET value = ? WHERE key = 'version'", (b"999",))
    for arguments in (["replay", spec, rows], ["runs", "list"], ["runs", "resume", "last"]):
        shown = cli(*arguments)
        assert shown.status == 5
        assert "version 999" in shown.err
    assert len(partner.heard) == 3


def test_a_journal_that_is_none_or_is_damaged_is_named_and_nothing_is_sent(cli, spec, rows, partner):
    cli.write("other.sqlite", b"not a database, but a text that is long enough to be looked at" * 100)
    shown = cli("replay", spec, rows, "--journal", "other.sqlite")
    assert shown.status == 5
    assert "not a journal" in shown.err
    assert partner.heard == []


@pytest.mark.parametrize("how", ["removed", "replaced"])
@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_journal_that_goes_away_stops_the_run(cli, spec, partner, how, workers):
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
def test_a_journal_that_can_only_be_read(cli, spec, rows, partner):
    assert cli("replay", spec, rows).status == 0
    cli.journal.chmod(0o400)
    shown = cli("replay", spec, rows)
    assert shown.status == 5
    assert len(partner.heard) == 3
    assert cli("runs", "list").status == 0


# --- progress


def test_progress_is_plain_lines_where_there_is_no_terminal_and_nothing_when_quiet(cli, spec, partner):
    partner.delay = 0.3
    rows = cli.write("rows.csv", people(*range(1, 41)))
    shown = cli.process("replay", spec, rows, "--concurrency", "2", "--output", "ndjson")
    assert any(line.endswith(" delivered") and " of 40 rows, " in line for line in shown.err.splitlines()), shown.err
    assert "\x1b" not in shown.err
    quiet = cli.process("replay", spec, cli.write("few.csv", people(1, 2)), "--quiet", "--output", "ndjson")
    assert quiet.err == ""
