"""How fast a replay sends, by how many workers: the spec's limits, and the flags."""

from __future__ import annotations

import re

import pytest

from commands.conftest import clear
from commands.replays import people
from rokt_export.commands import pace_options


@pytest.mark.parametrize(("rate", "shown"), [("1000/h", "1000/h"), ("30/m", "30/m"), ("190/10s", "190/10 s")])
def test_a_rate_is_shown_as_it_is_written(cli, spec, partner, rate, shown):
    rows = cli.write("rows.csv", people(1))
    assert f"at most {shown}" in cli("replay", spec, rows, "--rate", rate).err
    cli.write("acme.yaml", spec.read_text().replace("limits: {", f"limits: {{rate: {rate}, "))
    assert f"at most {shown}" in cli("replay", spec, rows).err
    refused = cli("replay", spec, rows, "--rate", "1000/s")
    assert (refused.status, f"the spec's limit is {shown}" in refused.err) == (2, True)


def test_a_limit_that_the_spec_does_not_state_is_called_the_default(cli, spec, partner):
    rows = cli.write("rows.csv", people(1))
    refused = cli("replay", spec, rows, "--concurrency", "50")
    told = "the spec states no `limits: {concurrency: …}`, and the default limit is 10"
    assert (refused.status, partner.heard, told in refused.err) == (2, [], True)
    cli.write("acme.yaml", spec.read_text().replace("limits: {", "limits: {concurrency: 10, "))
    assert "the spec's limit is 10" in cli("replay", spec, rows, "--concurrency", "50").err


def test_workers_never_outnumber_concurrent_sends(cli, spec, rows):
    shown = cli("replay", spec, rows, "--workers", "4", "--concurrency", "2", "--output", "json")
    assert shown.status == 0
    assert "2 workers instead of 4: 2 may be sent at once" in shown.err


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
