"""`replay --workers`: one journal, one summary, shared limits and stop rules."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from commands.conftest import clear
from commands.replays import MAILCHIMP, THOUSAND, emails, people, refusing
from rokt_export.commands import pace_options


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


def test_workers_beside_a_sandbox_are_spawned_not_forked(cli):
    shown = cli.process("replay", MAILCHIMP, THOUSAND, "--sandbox", "--workers", "2", "--output", "json", "--quiet")
    assert shown.status == 0, shown.err
    assert shown.json["counts"] == {"delivered": 1000}


def test_workers_never_outnumber_concurrent_sends(cli, spec, rows):
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


def test_two_workers_do_not_read_one_stdin(cli, spec, partner):
    shown = cli("replay", spec, "-", "--workers", "2", "--output", "json", stdin=people(1, 2).encode())
    assert shown.status == 0
    assert "1 worker instead of 2: rows are read as they arrive" in shown.err


@pytest.mark.parametrize(
    ("worth", "cores", "flags", "words"),
    [
        (10, 2, (), "2 workers: one for each core that may be used"),
        (10, 1, (), "1 worker: one core may be used"),
        (10, 2, ("--rate", "10/s"), "1 worker: the rate is 10/s"),
        (10, 64, ("--concurrency", "2"), "2 workers: 2 may be sent at once"),
        (10, 64, ("-e", "production", "--confirm", "acme"), "1 worker: 1 may be sent at once"),
        (1 << 20, 64, (), "1 worker: the input is small"),
    ],
)
def test_auto_says_how_many_workers_and_why(cli, partner, monkeypatch, spec, worth, cores, flags, words):
    monkeypatch.setattr("rokt_export.delivery.cores.usable_cores", lambda: cores)
    monkeypatch.setattr(pace_options, "_BYTES_OF_A_WORKER", worth)
    shown = cli("replay", spec, cli.write("rows.csv", people(1, 2)), "--workers", "auto", *flags)
    assert shown.status == 0, shown.err
    assert words in shown.err


def test_auto_reads_stdin_in_one_process_and_is_resumed(cli, spec, partner):
    first = cli("replay", spec, "-", "--workers", "auto", "--count", "1", stdin=people(1, 2).encode())
    assert first.status == 0, first.err
    assert re.search("1 worker: (rows are read as they arrive|one core may be used)", first.err)
    resumed = cli("replay", spec, "-", "--resume", "last", stdin=people(1, 2).encode())
    assert "1 worker: " in resumed.err


@pytest.mark.parametrize("wrong", ["0", "65", "-1", "two", "1.5", "²", ""])
def test_what_is_no_number_of_workers_is_refused(cli, spec, rows, wrong):
    clear(
        cli("replay", spec, rows, f"--workers={wrong}"), 2, "--workers", "not a number of processes", "1 to 64, or auto"
    )
