"""Runs of the journal, compared with what their specs say; nothing is sent."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.commands.compared_sides import BETWEEN, CONFIRMED, JSON, answered, found, people
from tests.commands.conftest import ROOT, CommandLine, Heard, Partner, clear

FINDINGS, USAGE = 1, 2
NO_SOCKETS = """
import sys

def refuse(event, arguments):
    if event.startswith("socket.") or (event == "import" and arguments[0] == "pycurl"):
        raise AssertionError(f"{event} {arguments}")

sys.addaudithook(refuse)
"""


def test_two_runs_are_compared_without_a_socket(cli: CommandLine, acme: Path, twenty: Path, partner: Partner) -> None:
    for name, tier in (("before", 1), ("after", "1")):
        partner.answer = lambda heard, tier=tier: answered(heard, tier=tier)
        cli("replay", acme, twenty, "-e", "production", "--confirm", "acme", "--again", "--record", "all",
            "--name", name, "--quiet")  # fmt: skip
    cli.write("sitecustomize.py", NO_SOCKETS)
    alone = {"PYTHONPATH": os.pathsep.join([str(cli.folder), str(ROOT)])}
    refused = cli.process("test", acme, env=alone)
    assert "AssertionError" in refused.err or "internal error" in refused.err
    done = cli.process("diff", "--runs", "before", "after", "--output", "json", env=alone)
    assert done.status == FINDINGS, done.err
    assert found(done) == [("type", "$.tier", 20, "number → string")]
    assert (done.json["a"], done.json["b"]) == ("production, before", "production, after")


def test_rows_that_neither_side_could_be_sent_prove_nothing(cli: CommandLine, acme: Path) -> None:
    rows = cli.write("rows.csv", "email,firstname\n,Jane\n,John\n")
    done = cli("diff", acme, rows, *BETWEEN, "--sandbox")
    assert done.status == FINDINGS
    assert "No response of production could be compared with one of staging. 2 rows could be" in done.out
    rows = cli.write("mixed.csv", people(3) + ",Jo,R\n")
    paths = [cli.folder / f"diff.{suffix}" for suffix in ("md", "html")]
    mixed = cli("diff", acme, rows, *BETWEEN, "--sandbox", *(word for path in paths for word in ("--report", path)))
    assert mixed.status == 0
    assert mixed.out.startswith("No differences found in 3 rows")
    assert "1 row could be sent to neither side" in mixed.out
    for text in (mixed.out, *(path.read_text("utf-8") for path in paths)):
        assert "Why rows are invalid in staging" in text
        assert "1 row: email is required: the value is empty" in text


def test_what_only_one_side_has_is_a_finding(cli: CommandLine, acme: Path, twenty: Path) -> None:
    few = cli.write("few.csv", people(3))
    for name, rows in (("all", twenty), ("few", few)):
        assert cli("test", acme, rows, "--sandbox", "--forget", "--name", name).status == 0
    done = cli("diff", "--runs", "all", "few", "--report", cli.folder / "diff.html")
    assert done.status == FINDINGS
    assert "No differences found in 3 rows" in done.out and "17 rows had no counterpart." in done.out
    assert "17 rows had no counterpart" in (cli.folder / "diff.html").read_text("utf-8")


SETTINGS = {
    "ignored": ("{ignore: [$.tier, $.points, $.items, $.price, x-plan], headers: [X-Plan]}", set()),
    "unordered": ("{unordered: [$.items]}", {"$.tier", "$.points", "$.price"}),
    "tolerant": ("{tolerance: {$.price: 0.5}}", {"$.tier", "$.points", "$.items"}),
    "subset": ("{mode: subset}", {"$.points", "$.items", "$.price"}),
    "schema": ("{mode: schema}", {"$.tier", "$.points"}),
    "headers": ("{headers: [X-Plan]}", {"$.tier", "$.points", "$.items", "$.price", "header x-plan"}),
}


@pytest.mark.parametrize("case", SETTINGS)
def test_the_specs_own_settings(cli: CommandLine, acme: Path, twenty: Path, partner: Partner, case: str) -> None:
    settings, places = SETTINGS[case]

    def answer(heard: Heard) -> tuple[int, dict[str, str], bytes]:
        common = {"items": ["a", "b"], "price": 10.0}
        there = {"items": ["b", "a"], "price": 10.25, "points": "5", "tier": 1}
        in_production = "production" in heard.target
        body = {"ok": True, "id": "1", "points": 5, **common, **(there if in_production else {})}
        return 201, {**JSON, "X-Plan": "b" if in_production else "a"}, json.dumps(body).encode()

    partner.answer = answer
    acme.write_text(acme.read_text(encoding="utf-8") + f"diff: {settings}\n", encoding="utf-8")
    done = cli("diff", acme, twenty, *CONFIRMED, "--output", "json")
    assert {place for _, place, _, _ in found(done)} == places
    assert done.status == (FINDINGS if places else 0)
    # Two runs are compared as the spec says that they went with, named or not.
    runs = [one["run"] for one in cli("runs", "list", "--output", "json").json]
    assert found(cli("diff", "--runs", runs[1], runs[0], "--output", "json")) == found(done)


def test_runs_of_different_partners(cli: CommandLine, acme: Path, twenty: Path) -> None:
    other = cli.write("other.yaml", acme.read_text(encoding="utf-8").replace("partner: acme", "partner: other"))
    for spec in (acme, other):
        cli("test", spec, twenty, "--quiet")
    runs = [one["run"] for one in cli("runs", "list", "--output", "json").json]
    clear(cli("diff", "--runs", *runs), USAGE, "is of other, run", "of acme", "runs list")


def test_runs_of_different_versions_of_the_spec_say_so(cli: CommandLine, acme: Path, twenty: Path) -> None:
    cli("test", acme, twenty, "--name", "one", "--quiet")
    acme.write_text(acme.read_text(encoding="utf-8") + "# another version\n", encoding="utf-8")
    cli("test", acme, twenty, "--name", "two", "--quiet")
    done = cli("diff", "--runs", "one", "two", "--output", "json")
    assert done.status == 0
    assert "different versions of the spec" in " ".join(done.json["notes"])


def test_a_run_is_not_compared_with_itself(cli: CommandLine, acme: Path, twenty: Path) -> None:
    assert cli("test", acme, twenty, "--sandbox", "--forget", "--name", "stg").status == 0
    clear(cli("diff", "--runs", "stg", "last"), USAGE, "would be compared with itself")


def test_runs_without_a_transaction_in_common(cli: CommandLine, acme: Path, twenty: Path) -> None:
    others = cli.write("others.csv", people(40).replace("R-", "S-").replace("jane", "john"))
    cli("test", acme, twenty, "--name", "one", "--quiet")
    cli("test", acme, others, "--name", "two", "--quiet")
    clear(cli("diff", "--runs", "one", "two"), USAGE, "have no transaction in common", "Compare runs of the same file")


def test_purged_runs_are_compared_as_far_as_they_go(cli: CommandLine, acme: Path, twenty: Path) -> None:
    for name in ("one", "two"):
        cli("test", acme, twenty, "--name", name, "--quiet")
    cli("runs", "purge", "one", "--quiet", "--yes")
    done = cli("diff", "--runs", "one", "two")
    assert done.status == 0, done.err
    assert "Run one was purged" in done.out
    assert "has no recordings" not in done.out
