"""A run that has not reached its end says so wherever it is read: stopped, crashed, or still running."""

from __future__ import annotations

import json
import re
import signal
import threading
import time
from contextlib import contextmanager

import pytest

from commands.conftest import PATIENCE, wait_for
from commands.replays import begun, ended, numbered, people, refusing
from rokt_export.journal import Journal

GO_ON = "go on with: rokt-export runs resume "


@pytest.mark.parametrize("by", [signal.SIGINT, signal.SIGTERM])
def test_a_quiet_run_that_is_interrupted_does_not_read_as_a_success(cli, spec, partner, by):
    status, out, err = ended(begun(cli, spec, partner, "--quiet"), by)
    assert status == 130
    assert re.match(r"Interrupted: (\d+) of 200 rows handled, \d+ not sent\. All \1 handled rows were delivered\.", out)
    assert re.search(r"^run \S+: interrupted: \d+ of 200 rows handled, \d+ not sent$", err, re.MULTILINE)
    assert GO_ON in err and "Next:" not in err


def test_the_command_that_resends_is_said_once_after_an_interrupt(cli, spec, partner):
    rules = "responses:\n  - {outcome: failed, status: 5xx}"
    cli.write("acme.yaml", spec.read_text().replace("responses:", rules))
    partner.answer = refusing(2, status=500)
    status, _, err = ended(begun(cli, spec, partner), signal.SIGINT)
    assert (status, err.count("--only failed")) == (130, 1)


def test_the_json_of_an_interrupted_run_has_its_state_and_the_rows_asked_for(cli, spec, partner):
    _, out, _ = ended(begun(cli, spec, partner, "--quiet", "--output", "json"), signal.SIGINT)
    document = json.loads(out)
    assert (document["state"], document["total"]) == ("interrupted", 200)
    assert document["unfinished"].startswith("interrupted: ")
    shown = cli("runs", "show", "last", "--output", "json").json
    assert (shown["state"], shown["total"], shown["unfinished"]) == ("interrupted", 200, document["unfinished"])


def test_a_quiet_run_that_a_rule_stopped_says_how_to_go_on(cli, spec, partner):
    rows = cli.write("rows.csv", people(*range(1, 10)))
    partner.answer = refusing(4, status=500)
    done = cli("replay", spec, rows, "--concurrency", "1", "--stop-after", "1", "--quiet")
    told = r"topped: 1 unexpected outcome; 4 of 9 rows handled, 5 not sent"
    assert re.search(rf"S{told}\. 1 of 4 handled rows was not delivered\.", " ".join(done.out.split()))
    assert re.search(rf": s{told}$", done.err, re.MULTILINE) and GO_ON in done.err
    assert "resuming does not resend 1 failed row" in done.err
    assert re.search(rf"S{told}\.", " ".join(cli("runs", "show", "last").out.split()))
    again = cli("runs", "resume", "last", "--quiet")
    assert "All 9 rows" not in again.out and "topped" not in again.out + again.err


def test_a_quiet_run_says_what_is_unknown(cli, spec, partner):
    partner.delay = 0.6
    cli.write("acme.yaml", spec.read_text().replace("timeout: 5s", "timeout: 300ms"))
    done = cli("replay", spec, cli.write("rows.csv", people(1)), "--quiet")
    assert "1 row is unknown: ask whether it arrived" in done.err


def test_a_quiet_run_whose_input_is_refused_on_the_way_says_how_to_go_on(cli, spec, partner):
    partner.answer = refusing(4)
    cli("replay", spec, "-", "--concurrency", "1", "--stop-after", "1", stdin=numbered(*range(1, 10)))
    done = cli("replay", spec, "-", "--resume", "last", "--quiet", stdin=numbered(*range(2, 11)))
    assert done.status == 3
    assert ": interrupted: 4 rows handled\n" in done.err and "go on with: … | rokt-export replay" in done.err


def test_a_crashed_run_says_so_on_stdout(cli, spec, partner):
    ended(begun(cli, spec, partner, "--quiet"), signal.SIGKILL)
    shown = cli("runs", "show", "last")
    assert re.search(r"^Crashed: \d+ of 200 rows handled", shown.out, re.MULTILINE)
    assert GO_ON in shown.err
    assert "Ask Jane Doe to look up in staging:" in shown.out
    exported = cli("runs", "export", "last", "--quiet")
    assert re.match(r"run \S+: crashed: \d+ of 200 rows handled", exported.err)


@contextmanager
def running(cli, spec, partner):
    """A run of nine rows of which seven are settled, and two wait for their responses until the block ends."""
    gate = threading.Event()

    def answer(heard):
        if b"jane.doe.8@" in heard.body or b"jane.doe.9@" in heard.body:
            gate.wait(PATIENCE)
        return 200, {}, b'{"id": "c0ffee"}'

    partner.answer = answer
    rows = cli.write("rows.csv", people(*range(1, 10)))
    with cli.start("replay", spec, rows, "--concurrency", "2", "--name", "nine", "--quiet") as process:
        wait_for(lambda: len(partner.heard) == 9)
        wait_for(lambda: settled() == 7)
        try:
            yield
        finally:
            gate.set()
            process.communicate(timeout=PATIENCE)


def settled():
    with Journal.open() as journal:
        return journal.find("last").settled


def test_a_run_that_goes_on_shows_what_is_in_flight_and_asks_nobody(cli, spec, partner):
    with running(cli, spec, partner):
        shown = cli("runs", "show", "nine")
        assert "Still running: 7 of 9 rows handled so far, 2 in flight. All 7 handled rows were delivered." in shown.out
        assert "9 rows   ✓ delivered 7   2 in flight" in shown.out
        assert "unknown" not in shown.out and "Ask " not in shown.out and GO_ON not in shown.err
        listed = cli("runs", "list")
        assert "✓ 7 2 in flight" in listed.out and "unknown" not in listed.out
        found = cli("runs", "list", "--output", "json").json[0]
        assert (found["counts"], found["in_flight"]) == ({"delivered": 7, "unknown": 2}, 2)
        document = cli("runs", "show", "nine", "--output", "json").json
        assert (document["state"], document["in_flight"]) == ("running", 2)
        one = cli("runs", "show", "nine", "--row", "8")
        assert "the run still waits for the response" in one.out and "the run ended" not in one.out
        exported = cli("runs", "export", "nine")
        assert exported.out.count("in flight: the run still waits for the response") == 2
        assert "still running: 7 of 9 rows handled so far, 2 in flight" in exported.err
    assert cli("runs", "show", "nine").out.count("in flight") == 0


def test_what_an_earlier_process_left_open_is_unknown_while_the_run_goes_on(cli, spec, partner):
    ended(begun(cli, spec, partner, "--quiet"), signal.SIGKILL)
    with Journal.open() as journal:
        lost = journal.find("last").counts.get("unknown", 0)
    assert lost
    partner.delay = 0.3
    with cli.start("runs", "resume", "last", "--quiet") as process:
        wait_for(lambda: state() == "running")
        time.sleep(0.2)
        shown = cli("runs", "show", "last")
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=PATIENCE)
    assert re.search(rf"Still running: .*, {lost} unknown", shown.out)
    assert "it may have been sent: no response was recorded" in shown.out


def state():
    with Journal.open() as journal:
        return str(journal.find("last").state)
