"""Runs that a machine watches: the log as JSON."""

from __future__ import annotations

import json

import pytest

from commands import replays
from commands.conftest import Partner, clear

five = replays.five


def log_of(text: str) -> list[dict]:
    lines = [json.loads(line) for line in text.splitlines()]
    assert all(list(line)[:5] == ["time", "level", "run", "event", "message"] for line in lines)
    return lines


@pytest.mark.parametrize("workers", [1, 2])
def test_each_line_of_the_log_is_an_object_with_the_run(cli, spec, five, workers):
    flags = ("--log-format", "json", "--output", "ndjson", "--workers", workers, "--verbose")
    done = cli.process("replay", spec, five, *flags)
    assert done.status == 1
    run = cli("runs", "list", "--output", "json").json[0]["run"]
    lines = log_of(done.err)
    ids = [line["run"] for line in lines]
    first = ids.index(run)
    assert set(ids[:first]) == {None}
    assert set(ids[first:]) == {run}
    assert any("row 3: POST" in line["message"] for line in lines)
    (end,) = [line for line in lines if line["event"] == "finished"]
    assert (end["reason"], end["exit_status"], end["outcomes"]) == ("complete", 1, {"delivered": 4, "rejected": 1})


def test_errors_and_findings_are_lines_too(cli, spec, five):
    lines = log_of(cli("replay", spec, "gone.csv", "--log-format=json").err)
    assert (lines[-1]["event"], lines[-1]["exit_status"]) == ("error", 3)
    assert "gone.csv" in str(lines[-1]["where"]) + lines[-1]["message"]
    cli.write("bad.yaml", spec.read_text().replace("encoding: json", "encoding: jsn"))
    lines = log_of(cli("replay", "bad.yaml", five, "--log-format", "json").err)
    assert {"event": "finding", "level": "error", "run": None}.items() <= lines[0].items()
    assert lines[0]["where"].startswith("bad.yaml:") and lines[0]["code"].startswith("RX")
    lines = log_of(cli("replay", spec, five, "--log-format", "json", "--rate", "fast").err)
    assert (lines[-1]["event"], lines[-1]["remedy"]) == ("error", "Write a rate as 10/s or 600/m.")
    lines = log_of(cli("replay", spec, five, "--log-format", "json", "--no-such-flag").err)
    assert lines[-1]["exit_status"] == 2
    clear(cli("replay", spec, five, "--log-format", "xml"), 2, "--log-format", "json")


def test_a_secret_is_no_more_in_the_log_than_elsewhere(cli, partner, rows):
    text = spec_with_token(partner)
    cli.write("acme.yaml", text)
    partner.answer = lambda heard: (500, {}, str(heard.headers).encode())
    done = cli("replay", "acme.yaml", rows, "--log-format", "json", "--verbose", env={"TOKEN": 'k"é\\c0nf1dential'})
    assert log_of(done.err)
    assert "c0nf1dential" not in done.err


def spec_with_token(partner: Partner) -> str:
    from commands.conftest import spec_text

    return spec_text(partner.url, authentication="{type: bearer, token: '{{ env.TOKEN }}'}")


@pytest.mark.parametrize(
    "words",
    [
        ("replay", "SPEC", "ROWS", "--metrics", "http://me:hush@127.0.0.1:1"),
        ("replay", "SPEC", "ROWS", "--metrics", "http://me:hush@[::1/?api_key=hush"),
        ("replay", "SPEC", "http://me:hush@127.0.0.1:1/rows.csv"),
        ("replay", "SPEC", "ROWS", "--sandbox-url", "http://me:hush@127.0.0.1:1"),
        ("runs", "list", "--journal", "postgresql://me:hush@127.0.0.1:1/x?sslpassword=hush"),
        ("replay", "SPEC", "ROWS", "--report", "http://me:hush@127.0.0.1/run.html"),
        ("replay", "SPEC", "ROWS", "--out", "http://me:hush@127.0.0.1/run.csv"),
        ("replay", "SPEC", "ROWS", "--openapi", "http://me:hush@127.0.0.1:1/api.json?api_key=hush"),
        ("init", "--openapi", "http://me:hush@127.0.0.1:1/api.json?api_key=hush"),
    ],
    ids=lambda words: " ".join(words[:4]),
)
@pytest.mark.parametrize("log", ["text", "json"])
def test_credentials_in_a_url_of_the_command_line_are_not_shown(cli, spec, five, words, log):
    given = {"SPEC": spec, "ROWS": five}
    flags = ("--log-format", log) if words[0] == "replay" else ()
    done = cli(*(given.get(word, word) for word in words), *flags)
    assert done.status != 0
    assert ("hush" in done.out, "hush" in done.err, "Traceback" in done.err) == (False, False, False), done.err
