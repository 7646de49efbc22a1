"""A row that production answered is not sent there again without leave, whatever the answer was."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from commands.conftest import CommandLine, Heard, Partner, Result
from commands.replays import emails, people

ANSWERS = {2: (409, b"{}"), 3: (400, b'{"message": "no"}'), 4: (503, b"{}"), 5: (302, b"")}
OUTCOMES = {1: "delivered", 2: "duplicate", 3: "rejected", 4: "failed", 5: "unclassified"}


def answering(heard: Heard):
    for number, (status, body) in ANSWERS.items():
        if f"jane.doe.{number}@".encode() in heard.body:
            return status, {}, body
    return 200, {}, b'{"id": "c0ffee"}'


def send(cli: CommandLine, spec: Path, *arguments: object) -> Result:
    careless = ("--stop-in-a-row", "100", "--no-stop-unclassified", "--quiet", "--output", "json")
    return cli("replay", spec, *arguments, "-e", "production", "--confirm", "acme", *careless)


@pytest.fixture
def first(cli: CommandLine, spec: Path, partner: Partner) -> Path:
    """The file of a production run in which each outcome that an answer can have occurred."""
    rows = cli.write("rows.csv", people(1, 2, 3, 4, 5))
    partner.answer = answering
    shown = send(cli, spec, rows, "--name", "first")
    assert shown.json["counts"] == dict.fromkeys(OUTCOMES.values(), 1)
    assert "left_out" not in shown.json
    partner.heard.clear()
    return rows


def test_a_second_replay_of_the_same_file_sends_nothing_and_says_by_outcome_what_it_left_out(cli, spec, partner, first):
    shown = send(cli, spec, first)
    assert (shown.status, partner.heard) == (1, [])
    assert shown.json["left_out"] == dict.fromkeys(OUTCOMES.values(), 1)
    assert cli("runs", "show", "last", "--output", "json").json["left_out"] == shown.json["left_out"]
    for words in (
        "1 row was delivered to production before: left out; --again sends it",
        "1 row was a duplicate in production before: left out; --again sends it",
        "1 row was rejected by production before: left out; --only rejected --from-run RUN sends it",
        "1 row failed in production before: left out; --only failed --from-run RUN sends it",
        "1 row got a response from production that no rule matches before: left out; --again sends it",
    ):
        assert words in shown.err, shown.err
    told = cli("runs", "show", "last").out
    assert "production failed on it before" in " ".join(told.split())


def test_a_repeated_row_is_counted_as_repeated_before_and_after_each_replay(cli, spec, partner):
    rows = cli.write("rows.csv", people(1, 6, 1, 6, 1))
    for _ in range(2):
        cli("replay", spec, rows, "-e", "production", "--confirm", "acme", "--quiet")
        told = cli("runs", "show", "last").out
        assert "3 rows were left out (rows 3, 4, 5): they repeat an earlier row of the input" in told
    assert "2 rows were left out (rows 1, 2): production has them already" in told
    shown = cli("replay", spec, rows, "-e", "production", "--confirm", "acme")
    assert len(partner.heard) == 2
    assert "2 rows were delivered to production before: left out" in shown.err
    assert "3 rows repeat an earlier one of these: left out" in shown.err


@pytest.mark.parametrize(
    ("flags", "sent"),
    [
        (["--only", "rejected"], "3"),
        (["--only", "failed"], "4"),
        (["--only", "rejected,failed"], "34"),
        (["--only", "unclassified"], ""),
        (["--only", "rejected,unclassified"], "3"),
        (["--only", "delivered,duplicate"], ""),
        (["--only", "unclassified", "--again"], "5"),
        (["--only", "delivered,rejected", "--again"], "13"),
        (["--only", "unclassified", "--resend-unknown"], ""),
    ],
)
def test_what_is_leave_enough_for_rows_of_an_earlier_run(cli, spec, partner, first, flags, sent):
    shown = send(cli, spec, *flags, "--from-run", "first")
    assert "".join(emails(partner)) == sent, shown.err
    assert ("left out" in shown.err) is (len(sent) < len(flags[1].split(",")))


def test_again_sends_all_that_was_answered(cli, spec, partner, first):
    send(cli, spec, first, "--again")
    assert emails(partner) == ["1", "2", "3", "4", "5"]


def test_a_failed_row_that_another_run_delivered_meanwhile_stays_out(cli, spec, partner, first):
    partner.answer = lambda _heard: (200, {}, b"{}")
    assert send(cli, spec, "--only", "failed", "--from-run", "first").status == 0
    again = send(cli, spec, "--only", "rejected,failed", "--from-run", "first")
    assert emails(partner) == ["4", "3"]
    assert again.status == 0 and again.json["left_out"] == {"delivered": 1}


def test_a_row_that_is_rejected_again_may_be_sent_again_by_the_same_word(cli, spec, partner, first):
    for _ in range(2):
        assert send(cli, spec, "--only", "rejected", "--from-run", "first").status == 1
    assert emails(partner) == ["3", "3"]


def test_a_run_of_staging_is_no_leave_for_production(cli, spec, partner, first):
    cli("replay", spec, first, "--name", "elsewhere")
    partner.heard.clear()
    shown = send(cli, spec, "--only", "rejected", "--from-run", "elsewhere")
    assert (emails(partner), shown.json["left_out"]) == ([], {"rejected": 1})


def test_a_resume_of_rows_of_an_earlier_run_has_the_same_leave(cli, spec, partner):
    rows = cli.write("rows.csv", people(*range(1, 7)))
    partner.answer = lambda _heard: (400, {}, b"{}")
    send(cli, spec, rows, "--name", "first")
    again = ("replay", spec, "--only", "rejected", "--from-run", "first", "-e", "production", "--confirm", "acme")
    assert cli(*again, "--name", "second").status == 1  # it stops at three in a row
    partner.answer = lambda _heard: (200, {}, b"{}")
    assert cli("runs", "resume", "second", "--confirm", "acme").status == 1
    assert Counter(emails(partner)) == Counter("123456123456")


def test_a_row_that_certainly_did_not_arrive_goes_again(cli, spec, partner):
    rows = cli.write("rows.csv", people(1, 2))
    url = partner.url
    cli.write("acme.yaml", spec.read_text().replace(url, "http://127.0.0.1:1"))
    assert send(cli, spec, rows, "--patience", "0s").status == 4
    cli.write("acme.yaml", spec.read_text().replace("http://127.0.0.1:1", url))
    shown = send(cli, spec, rows)
    assert (shown.status, emails(partner)) == (0, ["1", "2"])


def test_a_rejected_row_far_below_in_the_same_file_is_not_sent_again(cli, spec, partner):
    partner.answer = lambda heard: (400, {}, b"{}") if b"doe.1@" in heard.body else (200, {}, b"{}")
    rows = cli.write("rows.csv", people(1, *range(10, 5000), 1))
    shown = send(cli, spec, rows, "--concurrency", "50", "--override-limits")
    assert emails(partner).count("1") == 1
    assert shown.json.get("left_out", {}) in ({}, {"rejected": 1})


def test_a_test_in_production_leaves_out_what_was_answered_too(cli, spec, partner, first):
    shown = cli("test", spec, first, "-e", "production", "--confirm", "acme", "--output", "json")
    assert (partner.heard, sum(shown.json.get("left_out", {}).values())) == ([], 5)
