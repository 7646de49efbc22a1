"""`replay -`: rows from stdin and pipes, and resuming them."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import threading
import time
from collections import Counter

import pytest

from commands.conftest import PATIENCE
from commands.replays import emails, numbered, people, refusing


def test_a_run_over_stdin_resumes_by_the_shown_command_and_only_with_its_rows(cli, spec, partner):
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


def test_a_run_over_stdin_is_not_resumed_with_other_input(cli, spec, partner):
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


def test_a_part_of_the_piped_input_is_not_taken_for_all_of_it(cli, spec, partner):
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
    assert states == {"a": "interrupted"}  # the other sent nothing
    assert cli("replay", spec, "-", "--resume", "a", stdin=rows.encode()).status == 1
    assert Counter(emails(partner)) == {str(number): 1 for number in range(1, 21)}


def test_rows_of_stdin_with_ids_are_matched_by_id(cli, spec, partner):
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


def test_stdin_beside_a_file_must_be_piped_again(cli, spec, partner):
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
def test_a_pipe_beside_a_file_must_be_given_again(cli, spec, partner, first):
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


@pytest.mark.parametrize("told", ["a,b\n1,2\n", "", "email,firstname\n"])
@pytest.mark.parametrize("flags", [(), ("-e", "production", "--confirm", "acme")])
def test_a_stream_that_is_refused_before_its_first_row_leaves_no_run(cli, spec, partner, told, flags):
    done = cli("replay", spec, "-", *flags, stdin=told.encode())
    named = cli("replay", spec, cli.write("rows.csv", told), *flags)
    assert (done.status, partner.heard) == (named.status, []) == (3, [])
    assert "resume" not in done.err and "runs show" not in done.err
    assert cli("runs", "list", "--output", "json").json == []


def test_the_first_rows_of_a_stream_are_sent_without_waiting_for_more(cli, spec, partner):
    with cli.start("replay", spec, "-", "--count", "2", stdin=subprocess.PIPE) as running:
        running.stdin.write(people(1, 2, 3))
        running.stdin.flush()  # and the stream stays open
        running.wait(PATIENCE)
        assert running.returncode == 0
    assert emails(partner) == ["1", "2"]
