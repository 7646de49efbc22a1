"""The first row goes alone: a wrong set-up costs one row, not a file of them."""

from __future__ import annotations

import json
import re
import shlex
from typing import Any

import pytest
from raw_partner import Behaviour, Connection, Play, RawPartner

from commands.conftest import CommandLine

SPEC = """\
spec_version: 1
partner: acme
endpoint: {{staging: "{url}/api/leads"}}
method: POST
authentication: {{type: bearer, token: "{{{{ env.ACME_TOKEN }}}}"}}
encoding: json
parameters:
  - {{name: transaction, attribute: transaction}}
responses:
  - {{outcome: delivered, status: 2xx}}
  - {{outcome: duplicate, status: 404, body: {{$.code: known}}}}
  - {{outcome: rejected, status: 4xx, capture: {{reason: $.message}}}}
"""
ROWS = 60


def answering(*answers: tuple[str, str, str]) -> Play:
    """Give each answer in turn, the last for ever: status line, further headers, body."""
    left = list(answers)

    def play(connection: Connection) -> None:
        while connection.read():
            status, headers, body = left.pop(0) if len(left) > 1 else left[0]
            connection.send(f"HTTP/1.1 {status}\r\n{headers}Content-Length: {len(body)}\r\n\r\n{body}".encode())

    return play


def run(cli: CommandLine, play: Play, *flags: str, command: str = "replay") -> tuple[int, Any, str, int]:
    """Return exit status, output and messages of a run, and how many requests the partner counted."""
    with RawPartner(Behaviour(play)) as partner:
        spec = cli.write("acme.yaml", SPEC.format(url=partner.url))
        rows = cli.write("rows.csv", "transaction\n" + "".join(f"row-{each}\n" for each in range(ROWS)))
        cli.write(".env", "ACME_TOKEN=not-so-secret\n")
        # In a process of its own workers are forked; beside the partner's threads each would be a new interpreter.
        call = cli.process if "--workers" in flags else cli
        shown = call(command, spec, rows, "--output", "json", "--env-file", ".env", *flags)
        errors = shown.err.replace(f"{cli.folder}/", "")
    return shown.status, json.loads(shown.out), errors, sum(partner.received.values())


PAGE = "<!DOCTYPE html><html><title>Checking your browser</title></html>"
WRONG = {
    "401": (("401 No", "", '{"message": "bad key"}'), "ACME_TOKEN (from .env)"),
    "403": (("403 No", "", ""), "ACME_TOKEN (from .env), and at who may reach the partner"),
    "404": (("404 No", "", "not here"), "`endpoint: staging` in acme.yaml: http://127.0.0.1"),
    "405": (("405 No", "Allow: PUT\r\n", ""), "`method` in acme.yaml: POST"),
    "415": (("415 No", "", ""), "`encoding` and `content_type` in acme.yaml: json"),
    "301": (("301 Moved", "Location: https://example.com/v2\r\n", ""), "redirects to https://example.com/v2"),
    "login page": (("200 OK", "Content-Type: text/html\r\n", PAGE), 'an HTML page "Checking your browser" came'),
}


@pytest.mark.parametrize("workers", ["1", "2"])
@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_set_up_stops_the_run_before_the_second_row(cli: CommandLine, name: str, workers: str) -> None:
    answer, suspect = WRONG[name]
    flags = ("--concurrency", "10", "--workers", workers)
    status, found, errors, sent = run(cli, answering(answer), *flags)
    assert (status, sent, sum(found["counts"].values())) == (4, 1, 1)
    assert "the first response was " in errors and suspect in errors
    assert errors.count("the first response was ") == 1 and "rokt-export probe" not in errors
    asked = re.search(rf"see why it was refused: rokt-export diagnose {found['run']} --row \d+ --env-file ", errors)
    assert "rokt-export diagnose acme.yaml" not in errors
    assert bool(asked) is (name != "login page")  # a rule counts it as delivered: `diagnose` finds nothing refused


def test_no_rule_is_proposed_for_wrong_credentials(cli: CommandLine) -> None:
    with RawPartner(Behaviour(answering(WRONG["401"][0]))) as partner:
        spec = cli.write("acme.yaml", SPEC.format(url=partner.url).replace("status: 4xx", "status: 422"))
        shown = cli("test", spec, env={"ACME_TOKEN": "not-so-secret"})
    assert "? unclassified" in shown.out and "--no-first-row-check sends the rows anyway" in shown.err
    assert "see why it was refused" in shown.err and "rokt-export rule" not in shown.err


def test_why_a_page_came_is_asked_of_its_row(cli: CommandLine) -> None:
    page = ("200 OK", "Content-Type: text/html\r\n", PAGE)
    with RawPartner(Behaviour(answering(page))) as partner:
        text = SPEC.format(url=partner.url).replace("status: 2xx", "status: 201")
        spec = cli.write("acme.yaml", text)
        shown = cli("test", spec, env={"ACME_TOKEN": "not-so-secret"})
        asked = re.search(r"see why it was refused: rokt-export (diagnose \S+ --row 1)", shown.err)
        assert asked is not None
        assert cli(*asked[1].split(), env={"ACME_TOKEN": "not-so-secret"}).status == 1


def test_the_row_that_was_refused_can_be_sent_once_the_set_up_is_right(cli: CommandLine) -> None:
    play = answering(WRONG["401"][0], ("200 OK", "", ""))
    with RawPartner(Behaviour(play)) as partner:
        spec = cli.write("acme.yaml", SPEC.format(url=partner.url))
        rows = cli.write("rows.csv", "transaction\nrow-0\nrow-1\n")
        environment = {"ACME_TOKEN": "not-so-secret"}
        stopped = cli("replay", spec, rows, "--output", "json", env=environment)
        run = stopped.json["run"]
        assert "1 row is settled as rejected: once the set-up is right, send it by: " in stopped.err
        assert f"--only rejected --from-run {run}" in stopped.err
        anyway = re.search(r"or send the rows anyway: rokt-export (.*)", stopped.err)
        assert anyway is not None and f" --resume {run} --no-first-row-check" in anyway[1]
        resumed = cli(*shlex.split(anyway[1]), env=environment)
        assert resumed.status == 1  # the first row stays rejected
        again = "1 row is settled as rejected: once the set-up is right, send it by: rokt-export replay "
        assert again in resumed.err and f"--only rejected --from-run {run}" in resumed.err
        flags = ("--only", "rejected", "--from-run", run)
        assert cli("replay", spec, rows, *flags, env=environment).status == 0
        assert partner.received == {"row-0": 2, "row-1": 1}


@pytest.mark.parametrize("command", ["test", "replay"])
def test_whoever_knows_sends_on(cli: CommandLine, command: str) -> None:
    status, _, _, sent = run(cli, answering(WRONG["404"][0]), "--no-first-row-check", command=command)
    assert (status, sent) == (1, ROWS)


def test_a_test_stops_too(cli: CommandLine) -> None:
    assert run(cli, answering(WRONG["401"][0]), command="test")[::3] == (4, 1)


def test_what_a_rule_reads_in_the_body_is_the_partners_word(cli: CommandLine) -> None:
    status, found, _, sent = run(cli, answering(("404 No", "", '{"code": "known"}')))
    assert (status, sent, found["counts"]) == (1, ROWS, {"duplicate": ROWS})


def test_the_expected_outcome_is_no_wrong_set_up(cli: CommandLine) -> None:
    status, _, _, sent = run(cli, answering(WRONG["404"][0]), "--expect", "rejected")
    assert (status, sent) == (0, ROWS)


def test_a_page_that_welcomes_is_no_wrong_set_up(cli: CommandLine) -> None:
    welcome = ("200 OK", "Content-Type: text/html\r\n", "<html><title>Thank you</title></html>")
    assert run(cli, answering(welcome))[::3] == (0, ROWS)


def test_ten_in_a_row_stop_later_too(cli: CommandLine) -> None:
    good = [("200 OK", "", "")] * 5
    status, _, errors, sent = run(cli, answering(*good, WRONG["401"][0]), "--concurrency", "1")
    assert (status, sent) == (4, 15)
    assert "10 responses in a row: 401" in errors


BARRIERS = {
    "XHTML": '<?xml version="1.0"?>\n<!DOCTYPE html><html xmlns="x"><title>Sign in</title></html>',
    "refresh": '<meta http-equiv="refresh" content="0;url=/login">',
    "comment": "<!-- edge 7 --><html><title>Just a moment</title></html>",
}


@pytest.mark.parametrize("name", BARRIERS)
def test_a_barrier_in_other_html_stops_the_run(cli: CommandLine, name: str) -> None:
    status, _, errors, sent = run(cli, answering(("200 OK", "", BARRIERS[name])))
    assert (status, sent) == (4, 1), errors


def test_ten_login_pages_that_a_rule_counts_as_delivered_stop_the_run(cli: CommandLine) -> None:
    fine = ("200 OK", "", "{}")
    play = answering(fine, fine, ("200 OK", "Content-Type: text/html\r\n", PAGE))
    status, _, errors, sent = run(cli, play, "--concurrency", "1", command="replay")
    assert (status, sent) == (4, 12)
    assert '10 responses in a row: 200: an HTML page "Checking your browser" came' in errors


def test_a_resume_that_reads_wrong_credentials_again_is_told_of_their_file(cli: CommandLine) -> None:
    with RawPartner(Behaviour(answering(WRONG["401"][0]))) as partner:
        spec = cli.write("acme.yaml", SPEC.format(url=partner.url))
        rows = cli.write("rows.csv", "transaction\nrow-0\nrow-1\n")
        wrong = cli.write("wrong.env", "ACME_TOKEN=not-so-secret\n")
        stopped = cli("replay", spec, rows, "--env-file", wrong, "--name", "keyless")
        shown = cli("runs", "show", "keyless")
        resumed = cli("runs", "resume", "keyless")
    advice = f"correct the set-up first: a resume reads {wrong} again; --env-file names another file\ngo on with: "
    assert stopped.status == 4 and advice in stopped.err
    assert advice in shown.err
    assert advice not in resumed.err and "has nothing left to send" in resumed.err
