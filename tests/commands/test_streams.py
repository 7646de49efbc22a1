"""Data on stdout in the contract's forms, talk on stderr, and how each end is told by the exit status."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest

from commands.findings import FINDING, UNSET
from tests.commands.conftest import ROOT, CommandLine, Heard, Partner, spec_text

RUN = {"run", "partner", "environment", "counts", "deliveries"}
DELIVERY = [
    "row", "transaction", "outcome", "status", "rule", "reason", "reference", "code", "attempts", "latency_ms", "error",
]  # fmt: skip
RUNS = ["run", "name", "command", "partner", "environment", "spec_sha256", "started", "ended", "state", "counts"]


def by_row(heard: Heard) -> tuple[int, dict[str, str], bytes]:
    """Answer each of three people differently."""
    email = json.loads(heard.body)["email"]
    status = {"1": 201, "2": 409, "3": 422}.get(email.split(".")[2][0], 500)
    return status, {"Content-Type": "application/json"}, b'{"id": 7, "message": "says, \\"no\\"\\n"}'


@pytest.mark.parametrize("command", ["test", "replay"])
def test_json_is_one_document_with_the_contracts_keys(
    cli: CommandLine, partner: Partner, spec: Path, rows: Path, command: str
) -> None:
    partner.answer = by_row
    done = cli(command, spec, rows, "--output", "json", "--name", "try")
    assert done.status == 1
    assert set(done.json) == RUN
    assert [list(one) for one in done.json["deliveries"]] == [DELIVERY] * 3
    assert [(one["row"], one["outcome"], one["status"]) for one in done.json["deliveries"]] == [
        (1, "delivered", 201),
        (2, "duplicate", 409),
        (3, "rejected", 422),
    ]
    assert done.json["deliveries"][0]["reference"] == "7"
    assert done.json["deliveries"][2]["reason"] == 'says, "no"'
    assert done.json["counts"] == {"delivered": 1, "duplicate": 1, "rejected": 1}
    assert (done.json["partner"], done.json["environment"]) == ("acme", "staging")


def test_the_other_forms_hold_the_same(cli: CommandLine, partner: Partner, spec: Path, rows: Path) -> None:
    partner.answer = by_row
    cli("test", spec, rows, "--name", "try")
    whole = cli("runs", "show", "try", "--output", "json").json
    lines = cli("runs", "show", "last", "--output", "ndjson").lines
    table = list(csv.DictReader(io.StringIO(cli("runs", "show", whole["run"][:-2], "--output", "csv").out)))
    assert lines == whole["deliveries"]
    assert list(table[0]) == DELIVERY
    assert [row["outcome"] for row in table] == ["delivered", "duplicate", "rejected"]
    assert table[2]["reason"].strip() == 'says, "no"'
    [run] = cli("runs", "list", "--output", "json").json
    assert list(run) == RUNS
    assert (run["name"], run["command"], run["state"], run["counts"]) == ("try", "test", "finished", whole["counts"])
    assert cli("runs", "list", "--output", "ndjson").lines == [run]
    [flat] = csv.DictReader(io.StringIO(cli("runs", "list", "--output", "csv").out))
    assert list(flat) == RUNS
    assert flat["counts"] == "delivered=1 duplicate=1 rejected=1"


def test_the_newest_run_stands_first(cli: CommandLine, spec: Path, partner: Partner) -> None:
    for name in ("one", "two", "three"):
        cli("test", spec, "--name", name)
    assert [run["name"] for run in cli("runs", "list", "--output", "json").json] == ["three", "two", "one"]
    assert [run["name"] for run in cli("runs", "list", "--output", "json", "--limit", 1).json] == ["three"]


def test_findings_probes_attributes_and_schema_as_data(cli: CommandLine, spec: Path, partner: Partner) -> None:
    spec = cli.write("acme.yaml", spec_text(partner.url, authentication=UNSET))
    findings = cli("validate", spec, "--output", "json").json
    assert findings
    assert all(list(one) == FINDING for one in findings)
    assert all(one["severity"] in ("error", "warning", "info") for one in findings)
    assert cli("validate", spec, "--output", "ndjson").lines == findings
    steps = cli("probe", spec, "--output", "json", env={"ACME_TOKEN": "x"}).json
    assert all(list(one) == ["step", "state", "detail", "ms", "remedy"] for one in steps)
    attributes = cli("attributes", "--output", "json").json
    assert {"email", "emailsha256", "firstname"} <= {one["name"] for one in attributes}
    committed = (ROOT / "docs" / "partner-spec.schema.json").read_text(encoding="utf-8")
    assert cli("schema").json == json.loads(committed)


@pytest.mark.parametrize("output", ["table", "json", "ndjson", "csv"])
def test_quiet_says_nothing_but_the_data(
    cli: CommandLine, spec: Path, rows: Path, partner: Partner, output: str
) -> None:
    for command in (["test"], ["replay"]):
        done = cli(*command, spec, rows, "--quiet", "--output", output)
        assert (done.status, done.err) == (0, "")
        assert done.out


def test_talk_stays_off_stdout(cli: CommandLine, spec: Path, rows: Path, partner: Partner) -> None:
    done = cli("replay", spec, rows, "--output", "json", "--verbose")
    assert done.json["counts"] == {"delivered": 3}
    assert "3 rows in " in done.err
    assert "POST http://127.0.0.1" in done.err
    assert cli("test", spec, rows, "--report", cli.folder / "x.csv", "--output", "ndjson").lines


def answer(status: int) -> Any:
    return lambda _heard: (status, {}, b"{}")


EXITS: list[tuple[str, int, list[str], int]] = [
    ("delivered", 200, [], 0),
    ("duplicate", 409, [], 1),
    ("rejected", 400, [], 1),
    ("failed", 500, [], 1),
    ("unclassified", 302, ["--no-first-row-check"], 1),
    ("duplicate", 409, ["--expect", "duplicate"], 0),
    ("rejected", 400, ["--expect", "rejected"], 0),
    ("delivered", 200, ["--expect", "duplicate"], 1),
    ("invalid", 200, ["--unset", "email"], 1),
    ("invalid", 200, ["--unset", "email", "--expect", "invalid"], 0),
]


@pytest.mark.parametrize("command", ["test", "replay"])
@pytest.mark.parametrize(("outcome", "status", "arguments", "exit_status"), EXITS)
def test_the_exit_status_of_each_outcome(
    cli: CommandLine, spec: Path, rows: Path, partner: Partner, command: str, outcome: str, status: int,
    arguments: list[str], exit_status: int,
) -> None:  # fmt: skip
    partner.answer = answer(status)
    done = cli(command, spec, rows, *arguments, "--output", "json")
    assert done.json["counts"] == {outcome: 3}
    assert done.status == exit_status
    assert len(partner.heard) == (0 if outcome == "invalid" else 3)


def test_probe_sends_no_transaction(cli: CommandLine, spec: Path, partner: Partner) -> None:
    done = cli("probe", spec)
    assert done.status == 0, done.out
    assert {heard.method for heard in partner.heard} <= {"OPTIONS", "HEAD"}
    assert all(heard.body == b"" for heard in partner.heard)
