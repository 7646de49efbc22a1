"""`runs` through the real command line: list, show, export, purge, in the contract's words."""

from __future__ import annotations

import csv
import io
import json
import re
import signal
import time
from collections import Counter

import pytest

from commands.conftest import PATIENCE, ok, spec_text

RUN = {
    "run", "name", "command", "partner", "environment", "spec_sha256", "started", "ended", "state", "counts",
}  # fmt: skip
DELIVERY = {
    "row", "transaction", "outcome", "status", "rule", "reason", "reference", "code", "attempts", "latency_ms", "error",
}  # fmt: skip
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


@pytest.fixture
def two_runs(cli, spec, rows, partner):
    """Two finished runs; in the newer one a row was rejected."""
    assert cli("replay", spec, rows, "--name", "old").status == 0
    partner.answer = lambda heard: (400, {}, b'{"message": "no"}') if b"doe.2@" in heard.body else (200, {}, b"{}")
    assert cli("replay", spec, rows, "--name", "new").status == 1


def test_the_list_is_the_contracts_newest_first(cli, two_runs):
    found = cli("runs", "list", "--output", "json")
    assert found.status == 0
    assert [run["name"] for run in found.json] == ["new", "old"]
    for run in found.json:
        assert run.keys() == RUN
        assert run["command"] == "replay" and run["partner"] == "acme" and run["environment"] == "staging"
        assert re.fullmatch(r"[0-9a-f]{64}", run["spec_sha256"])
        assert MOMENT.fullmatch(run["started"]) and MOMENT.fullmatch(run["ended"])
        assert run["state"] == "finished"
    assert [run["counts"] for run in found.json] == [{"delivered": 2, "rejected": 1}, {"delivered": 3}]
    assert [run["name"] for run in cli("runs", "list", "--limit", "1", "--output", "ndjson").lines] == ["new"]
    assert len(list(csv.DictReader(io.StringIO(cli("runs", "list", "--output", "csv").out)))) == 2


def test_an_empty_journal_lists_nothing(cli):
    assert cli("runs", "list", "--output", "json").json == []
    assert cli("runs", "list").status == 0


def test_show_is_one_delivery_a_line(cli, two_runs):
    shown = cli("runs", "show", "new", "--output", "ndjson")
    assert shown.status == 0
    assert [one["row"] for one in shown.lines] == [1, 2, 3]
    assert all(one.keys() == DELIVERY for one in shown.lines)
    assert [one["outcome"] for one in shown.lines] == ["delivered", "rejected", "delivered"]
    document = cli("runs", "show", "last", "--output", "json").json
    assert document.keys() >= {"run", "partner", "environment", "counts", "deliveries"}
    assert document["deliveries"] == shown.lines


def test_a_run_is_running_while_it_runs_and_crashed_when_it_was_killed(cli, spec, partner):
    partner.delay = 0.2
    rows = cli.write("rows.csv", "email\n" + "".join(f"jane.doe.{n}@example.com\n" for n in range(200)))
    with cli.start("replay", spec, rows, "--name", "slow") as running:
        while not partner.heard and running.poll() is None:
            time.sleep(0.01)
        assert cli("runs", "list", "--output", "json").json[0]["state"] == "running"
        refused = cli("runs", "resume", "slow")
        assert refused.status == 5 and "still running in process" in refused.err
        assert "goes on" not in refused.err and "--resend-unknown" not in refused.err
        running.send_signal(signal.SIGKILL)
        running.communicate(timeout=PATIENCE)
    (run,) = cli("runs", "list", "--output", "json").json
    assert run["state"] == "crashed" and run["ended"] is None
    partner.delay = 0.0
    resumed = cli("runs", "resume", "slow", "--output", "json")
    assert resumed.status == 1
    assert 0 < resumed.json["counts"]["unknown"] <= 10 + 20
    assert max(Counter(heard.body for heard in partner.heard).values()) == 1
    assert cli("runs", "resume", "slow", "--resend-unknown", "--output", "json").json["counts"] == {"delivered": 200}


@pytest.mark.parametrize("form", ["csv", "ndjson", "json"])
def test_export_holds_every_row_in_order(cli, two_runs, form):
    out = cli("runs", "export", "new", "--format", form).out
    rows = {
        "csv": lambda: [int(row["row"]) for row in csv.DictReader(io.StringIO(out))],
        "ndjson": lambda: [json.loads(line)["row"] for line in out.splitlines()],
        "json": lambda: [one["row"] for one in json.loads(out)["deliveries"]],
    }[form]()
    assert rows == [1, 2, 3]
    assert cli("runs", "export", "new", "--format", form, "--out", f"out.{form}").status == 0
    assert (cli.folder / f"out.{form}").read_bytes().decode().splitlines() == out.splitlines()


def test_the_variable_may_name_a_database_by_its_url(cli, partner, spec, rows):
    variable = {"ROKT_EXPORT_JOURNAL": f"sqlite:///{cli.folder}/shared.sqlite"}
    assert cli("replay", spec, rows, "--name", "far", env=variable).status == 0
    assert not cli.journal.exists()
    assert cli("runs", "show", "far", "--output", "json", env=variable).json["counts"] == {"delivered": 3}


def test_purge_takes_what_is_personal_and_keeps_the_counts(cli, two_runs):
    assert cli("runs", "purge", "new", "--yes").status == 0
    shown = cli("runs", "show", "new", "--output", "json").json
    assert shown["counts"] == {"delivered": 2, "rejected": 1}
    assert [one["reason"] for one in shown["deliveries"]] == [None, None, None]
    refused = cli("runs", "resume", "new")
    assert refused.status in (2, 5) and "purged" in refused.err
    assert cli("runs", "purge", "--before", "0d", "--remove", "--yes").status == 0
    assert cli("runs", "list", "--output", "json").json == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["show", "nobody"], "no run is called `nobody`"),
        (["show", "nw"], "Did you mean `new`?"),
        (["show", "2"], "several runs begin with `2`"),
        (["export", "new", "--format", "xls"], "xls"),
        (["purge"], "name one run"),
        (["purge", "--before", "yesterday"], "`yesterday` is not a date"),
        (["purge", "--before", "-5d"], "`-5d` is not a date"),
        (["purge", "--before", "infd"], "`infd` is not a date"),
    ],
)
def test_what_means_no_run_is_said(cli, two_runs, arguments, words):
    shown = cli("runs", *arguments)
    assert shown.status == 2
    assert words in shown.err


def test_a_run_is_resumed_from_any_folder(cli, partner, monkeypatch):
    cli.write("acme.yaml", spec_text(partner.url))
    cli.write("rows.csv", "email\n" + "".join(f"jane.doe.{n}@example.com\n" for n in range(5)))
    (cli.folder / "elsewhere").mkdir()
    monkeypatch.chdir(cli.folder)
    partner.answer = lambda _heard: (500, {}, b"")
    stopped = cli("replay", "acme.yaml", "rows.csv", "--stop-after", "1", "--concurrency", "1", "--output", "json")
    assert (stopped.status, stopped.json["counts"]) == (1, {"failed": 1})
    partner.answer = ok
    monkeypatch.chdir(cli.folder / "elsewhere")
    resumed = cli("runs", "resume", "last", "--output", "json")
    assert resumed.json["counts"] == {"delivered": 4, "failed": 1}
