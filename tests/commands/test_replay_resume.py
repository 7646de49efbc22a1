"""`replay --resume`: where a stopped run continues, with which flags, and over which files."""

from __future__ import annotations

import json
import re
import subprocess
from collections import Counter

import pytest

from commands.conftest import spec_text
from commands.replays import emails, leave_the_second_unanswered, people, production, refusing, stopped
from rokt_export.journal import Journal


def test_an_unfinished_run_reports_its_progress_until_it_is_finished(cli, spec, partner):
    run = stopped(cli, spec, partner)
    told = f"4 of 9 rows handled, 5 not sent\ngo on with: rokt-export runs resume {run}\n"
    assert told in cli("runs", "show", run).err
    cli("runs", "resume", run)
    assert cli("runs", "show", run).err == ""


def last_progress(shown) -> str:
    """The last line of progress, without the rate."""
    lines = [line for line in shown.err.splitlines() if re.search(r" rows, [\d,]+/s", line)]
    return re.sub(r", [\d,]+/s", "", lines[-1])


def test_progress_adds_up_to_the_rows_that_are_asked_for(cli, spec, partner, monkeypatch):
    monkeypatch.setattr("rokt_export.commands.progress._EVERY", 0.0)
    rows = cli.write("rows.csv", people(*range(1, 10)))
    flags = ("-e", "production", "--confirm", "acme", "--concurrency", "2")
    assert last_progress(cli("replay", spec, rows, *flags, "--count", "2")) == "2 of 2 rows, 2 delivered"
    partner.answer = refusing(5)
    stopping = (*flags, "--stop-after", "1", "--concurrency", "1", "--name", "eight", "--count", "8")
    told = last_progress(cli("replay", spec, rows, *stopping))
    assert told == "5 of 8 rows, 2 delivered, 1 rejected, 2 left out"
    partner.answer = refusing()
    told = last_progress(cli("runs", "resume", "eight", "--confirm", "acme"))
    assert told == "8 of 8 rows, 3 delivered, 3 done before, 2 left out"
    again = last_progress(cli("replay", spec, "--from-run", "eight", "--only", "rejected", *flags))
    assert again == "1 of 1 rows, 1 delivered"


def test_a_resumed_run_takes_no_second_quota_of_recordings(cli, spec, partner, monkeypatch):
    monkeypatch.setattr("rokt_export.delivery.shared_counts.FIRST_RECORDED", 3)
    monkeypatch.setattr("rokt_export.delivery.shared_counts.PROBLEMS_RECORDED", 1)
    rows = cli.write("rows.csv", people(*range(1, 13)))
    partner.answer = refusing(6, 12)
    cli("replay", spec, rows, "--concurrency", "1", "--stop-after", "1")
    assert cli("runs", "resume", "last", "--output", "json").json["counts"]["rejected"] == 2
    with Journal.open() as journal:
        assert journal.recorded("last") == 4


@pytest.mark.parametrize("how", ["id", "prefix", "name", "last"])
def test_a_run_resumes_by_each_of_its_names(cli, spec, partner, how):
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
def test_a_run_resumes_at_the_same_host(cli, spec, partner, environment):
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


def test_set_values_of_real_people_must_be_given_again_at_resume(cli, spec, partner):
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


def test_a_resume_of_selected_rows_sends_only_these(cli, spec, partner):
    rows = cli.write("rows.csv", people(*range(1, 10)))
    partner.answer = refusing(2, 5, 7)
    cli("replay", spec, rows, "--concurrency", "1", "--name", "first")
    partner.answer = refusing(2)
    cli("replay", spec, "--only", "rejected,failed", "--from-run", "first", "--concurrency", "1", "--stop-after", "1")
    assert emails(partner)[9:] == ["2"]
    partner.answer = refusing()
    cli("runs", "resume", "last")
    assert emails(partner)[10:] == ["5", "7"]


def test_a_run_to_a_sandbox_url_resumes_there(cli, spec, partner):
    sandbox_spec = cli.write("far.yaml", spec_text("http://127.0.0.1:9"))
    run = stopped(cli, sandbox_spec, partner, "--sandbox-url", partner.url)
    cli("runs", "resume", run)
    assert len(partner.heard) == 9


def test_a_cluster_that_is_given_anew_replaces_the_workers_of_the_run(cli, spec, partner):
    stopped(cli, spec, partner, "--workers", "2")
    shown = cli("replay", spec, "--resume", "nine", "--cluster", "tcp://127.0.0.1:1")
    assert (shown.status, "need a journal on a server" in shown.err) == (5, True), shown.err
    both = cli("replay", spec, "--resume", "nine", "--cluster", "tcp://127.0.0.1:1", "--workers", "2")
    assert (both.status, "workers of its own" in both.err) == (2, True), both.err


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
def test_a_run_that_cannot_be_resumed_is_refused(cli, spec, partner, arguments, words):
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


def test_a_file_that_was_restored_is_accepted(cli, spec, partner):
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


def test_a_large_changed_file_is_refused_in_production(cli, spec, partner, monkeypatch):
    """It has no digest: the error says how it is resumed all the same."""
    monkeypatch.setattr("rokt_export.transactions.file_digests.MOST_BYTES", 0)
    rows = cli.write("rows.csv", people(*range(1, 10)))
    partner.answer = refusing(3)
    assert production(cli, spec, rows, "--stop-after", "1").status == 1
    rows.write_text(rows.read_text())
    shown = cli("runs", "resume", "last", "--confirm", "acme")
    assert shown.status == 3 and len(partner.heard) == 3
    subprocess.run(re.search(r"touch -d '.*", shown.err)[0], shell=True, check=True)
    assert cli("runs", "resume", "last", "--confirm", "acme").status == 1
    assert Counter(emails(partner)) == {str(number): 1 for number in range(1, 10)}


def test_an_explicit_flag_overrides_the_run_even_if_it_is_the_default(cli, spec, partner):
    rows = cli.write("rows.csv", people(*range(1, 6)))
    assert cli("replay", spec, rows, "--expect", "rejected", "--stop-after", "1", "--concurrency", "1").status == 1
    resumed = ("replay", spec, "--resume", "last", "--stop-after", "9", "--output", "json")
    assert cli(*resumed, "--expect", "delivered").status == 0
    assert len(partner.heard) == 5
    assert cli(*resumed).status == 1  # as it began


def test_a_resume_with_other_input_options_warns(cli, spec, partner):
    run = stopped(cli, spec, partner)
    shown = cli("replay", spec, "--resume", run, "--map", "firstname=shoe")
    assert f"--map is not what run {run} began with" in shown.err
    assert "--encoding" not in shown.err


def test_a_resume_does_not_resend_failed_rows_and_shows_how(cli, spec, partner):
    rows = cli.write("rows.csv", people(*range(1, 10)))
    partner.answer = refusing(2, status=500)
    failing = cli.write(
        "failing.yaml", spec.read_text().replace("responses:", "responses:\n  - {outcome: failed, status: 5xx}")
    )
    shown = cli("replay", failing, rows, "--stop-after", "1", "--concurrency", "1")
    assert "resuming does not resend 1 failed row; this does:" in shown.err
    run = re.search(r"--only failed --from-run (\S+)", shown.err)[1]
    partner.answer = refusing()
    assert cli("replay", failing, "--only", "failed", "--from-run", run).status == 0
    assert emails(partner)[-1] == "2"


def test_a_complete_run_has_nothing_left_to_send_and_keeps_its_end(cli, spec, rows, partner):
    assert cli("replay", spec, rows).status == 0
    before = cli("runs", "list", "--output", "json").json
    done = cli("runs", "resume", "last")
    assert (done.status, len(partner.heard)) == (0, 3)
    assert f"run {before[0]['run']} has nothing left to send: 3 rows are settled\n" in done.err
    assert "goes on" not in done.err and "All 3 rows were delivered." in done.out
    assert cli("runs", "list", "--output", "json").json == before
    assert cli("runs", "resume", "last", "--output", "json").json["counts"] == {"delivered": 3}


def test_a_run_that_stopped_at_its_last_row_has_nothing_left_to_send(cli, spec, rows, partner):
    partner.answer = refusing(3)
    done = cli("replay", spec, rows, "--concurrency", "1", "--stop-after", "1")
    assert "3 of 3 rows handled" in done.out + done.err
    assert "has nothing left to send" in done.err and "go on with:" not in done.err
    assert cli("runs", "resume", "last").status == 1
    assert cli("runs", "list", "--output", "json").json[0]["state"] == "finished"


def test_a_resume_says_that_unknown_rows_are_not_sent(cli, spec, partner):
    leave_the_second_unanswered(cli, spec, partner)
    cli("replay", spec, cli.write("rows.csv", people(1, 2)))
    left = "has nothing left to send: 1 row is settled, 1 is unknown and is not sent; --resend-unknown sends it\n"
    assert left in cli("runs", "resume", "last").err
    again = cli("runs", "resume", "last", "--resend-unknown")
    assert "goes on: 1 row is settled, 1 is unknown and sent again\n" in again.err
    assert (again.status, len(partner.heard)) == (0, 3)


def test_a_purged_run_does_not_begin_to_go_on(cli, spec, partner):
    run = stopped(cli, spec, partner)
    assert cli("runs", "purge", run, "--yes").status == 0
    done = cli("runs", "resume", run)
    assert (done.status, "goes on" in done.err) == (5, False)
    assert "was purged" in done.err
    assert "Start a new run; it sends all rows again." in done.err


def test_a_purged_run_to_production_says_that_a_new_one_leaves_out_what_was_delivered(cli, spec, rows):
    assert production(cli, spec, rows, "--name", "old").status == 0
    assert cli("runs", "purge", "old", "--yes").status == 0
    assert "Start a new run; rows already delivered are left out." in cli("runs", "resume", "old").err
