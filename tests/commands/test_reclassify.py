"""`reclassify`: recorded responses read by a changed spec, with nothing sent; and `diff --runs --spec`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from commands.conftest import CommandLine, Heard, Partner
from rokt_export.journal import Journal

SPEC = """\
spec_version: 1
partner: acme
endpoint: {{staging: "{url}/leads", production: "http://127.0.0.9:9/live"}}
method: POST
authentication: {{type: none}}
encoding: json
parameters:
  - {{name: email, attribute: email}}
responses:
  - {{outcome: delivered, status: 201, capture: {{reference: $.id}}}}
"""
HELD = "  - {name: held, outcome: duplicate, status: 409, body: {$.state: held}, capture: {reason: $.message}}\n"


def answer(heard: Heard) -> tuple[int, dict[str, str], bytes]:
    email = json.loads(heard.body)["email"]
    number = int(email.split("@")[0].rpartition(".")[2])
    status, data = (409, {"state": "held", "message": f"No. {number}", "mail": email}) if number % 4 == 0 else (201, {})
    return status, {"Content-Type": "application/json"}, json.dumps(data).encode()


@pytest.fixture
def spec(cli: CommandLine, partner: Partner) -> Path:
    partner.answer = answer
    cli.write("rows.csv", "email\n" + "".join(f"jane.doe.{row}@example.com\n" for row in range(1, 13)))
    return cli.write("acme.yaml", SPEC.format(url=partner.url))


def outcomes(cli: CommandLine, run: str) -> dict[int, str]:
    return {one["row"]: one["outcome"] for one in cli("runs", "show", run, "--output", "ndjson").lines}


def test_a_changed_spec_is_tried_on_a_run_and_then_written(cli: CommandLine, partner: Partner, spec: Path) -> None:
    run = cli("replay", spec, "rows.csv", "--no-stop-unclassified", "--record", "all", "--output", "json").json["run"]
    sent = len(partner.heard)
    assert cli("reclassify", run).err.splitlines()[-1] == "no row changes"
    changed = cli.write("new.yaml", spec.read_text() + HELD)
    tried = cli("reclassify", run, "--spec", changed)
    assert tried.status == 1  # duplicates are unexpected too
    for part in ("? unclassified", "now ≈ duplicate", "3  ? unclassified → ≈ duplicate, rule held: rows 4, 8, 12"):
        assert part in tried.out, part
    assert f"rokt-export reclassify {run} --spec {changed} --write" in tried.err
    assert set(outcomes(cli, run).values()) == {"delivered", "unclassified"}
    spec.write_text(changed.read_text())
    written = cli("reclassify", run, "--write", "--output", "json").json
    assert [(one["row"], one["after"], one["reason"]) for one in written["changes"]] == [
        (4, "duplicate", "No. 4"), (8, "duplicate", "No. 8"), (12, "duplicate", "No. 12"),
    ]  # fmt: skip
    assert outcomes(cli, run)[4] == "duplicate"
    shown = cli("runs", "show", run)
    assert "3 rows reclassified by a changed spec" in shown.out and "before: 9 delivered, 3 unclassified" in shown.out
    assert "All 2 response rules matched." in shown.out
    assert len(partner.heard) == sent
    with Journal.open(cli.journal) as journal:
        assert [str(one.outcome) for one in journal.earlier_outcomes(run, [4, 5])] == ["unclassified"]


def test_a_production_run_that_stopped_goes_on_and_sends_only_what_was_never_answered(
    cli: CommandLine, partner: Partner, spec: Path
) -> None:
    spec.write_text(spec.read_text().replace("127.0.0.9:9/live", "swapped").replace(partner.url, "http://127.0.0.9:9"))
    spec.write_text(spec.read_text().replace("http://swapped", f"{partner.url}/live"))
    live = ("--environment", "production", "--confirm", "acme", "--concurrency", "1")
    first = cli("replay", spec, "rows.csv", *live, "--output", "json")
    run = first.json["run"]
    assert first.json["counts"]["unclassified"] == 1 and len(partner.heard) < 12
    spec.write_text(spec.read_text() + HELD)
    assert (
        cli("reclassify", run, "--write").err.splitlines()[-1].startswith(f"go on with: rokt-export runs resume {run}")
    )
    resumed = cli("runs", "resume", run, "--confirm", "acme")
    assert resumed.status == 1
    mails = [json.loads(heard.body)["email"] for heard in partner.heard]
    assert sorted(mails) == sorted({f"jane.doe.{row}@example.com" for row in range(1, 13)})
    assert "is not the one that run" not in resumed.err
    again = cli("replay", spec, "rows.csv", *live)
    assert len(partner.heard) == 12, again.err  # the ledger knows what the partner has


def test_rows_that_cannot_be_read_keep_their_outcome_and_it_is_said(
    cli: CommandLine, partner: Partner, spec: Path
) -> None:
    long = json.dumps({"pad": "x" * 300_000, "state": "held"}).encode()

    def other(heard: Heard) -> tuple[int, dict[str, str], bytes]:
        number = int(json.loads(heard.body)["email"].split("@")[0].rpartition(".")[2])
        return (409, {"Content-Type": "application/json"}, long) if number == 1 else answer(heard)

    partner.answer = other
    run = cli("replay", spec, "rows.csv", "--no-stop-unclassified", "--record", "all", "--output", "json").json["run"]
    by_person = cli.write(
        "new.yaml",
        spec.read_text()
        + "  - {name: hers, outcome: failed, status: 409, body: {$.mail: jane.doe.4@example.com}}\n"
        + HELD,
    )
    tried = cli("reclassify", run, "--spec", by_person)
    assert "3 rows keep their outcome: a rule looks at a value that is redacted" in tried.err
    assert "1 row keeps its outcome: the recorded body was cut, and a rule reads it" in tried.err
    by_text = cli.write(
        "text.yaml", spec.read_text() + "  - {name: any, outcome: failed, status: 409, text: {contains: held}}\n"
    )
    assert "3  ? unclassified → ! failed, rule any: rows 4, 8, 12" in cli("reclassify", run, "--spec", by_text).out
    by_form = cli.write(
        "form.yaml", spec.read_text() + "  - {name: any, outcome: failed, status: 409, text: {regex: doe}}\n"
    )
    assert "a rule looks at a value that is redacted" not in cli("reclassify", run, "--spec", by_form).err


def test_a_run_that_cannot_be_read_again(cli: CommandLine, partner: Partner, spec: Path) -> None:
    bare = cli("replay", spec, "rows.csv", "--no-stop-unclassified", "--record", "none", "--output", "json").json["run"]
    found = cli("reclassify", bare, "--write")
    assert found.status == 2 and "has no recordings" in found.err and "--record all" in found.err
    cli("runs", "purge", bare, "--yes")
    purged = cli("reclassify", bare)
    assert purged.status == 2 and "was purged" in purged.err
    other = cli.write("other.yaml", spec.read_text().replace("partner: acme", "partner: other"))
    run = cli("replay", spec, "rows.csv", "--no-stop-unclassified", "--output", "json").json["run"]
    assert "was sent to acme, and this spec is other's" in cli("reclassify", run, "--spec", other).err
    broken = cli.write("broken.yaml", spec.read_text() + "  - {outcome: nothing}\n")
    assert cli("reclassify", run, "--spec", broken, "--write").status == 3
    assert cli("reclassify", run, "--spec", "gone.yaml").status == 3


def test_rows_without_a_response_are_not_counted_as_responses(cli: CommandLine, partner: Partner, spec: Path) -> None:
    mixed = cli.write("mixed.csv", 'email\njane.doe.1@example.com\n""\njane.doe.2@example.com\n')
    spec.write_text(spec.read_text().replace("attribute: email}", "attribute: email, required: true}"))
    cli("replay", spec, mixed, "--record", "all", "--name", "mixed")
    assert "2 of 2 responses read by" in cli("reclassify", "mixed").err
    spec.write_text(spec.read_text().replace(partner.url, "http://127.0.0.1:1"))
    cli("replay", spec, mixed, "--patience", "0s", "--name", "silent")
    silent = cli("reclassify", "silent").err
    assert "has no responses; nothing was sent" in silent and "of 0 responses" not in silent


def test_two_runs_are_compared_by_another_spec(cli: CommandLine, spec: Path) -> None:
    def replayed() -> str:
        args = ("--no-stop-unclassified", "--record", "all", "--output", "json")
        return str(cli("replay", spec, "rows.csv", *args).json["run"])

    a = replayed()
    plain = spec.read_text()
    spec.write_text(plain + HELD)
    b = replayed()
    assert cli("diff", "--runs", a, b).status == 1
    same = cli("diff", "--runs", a, b, "--spec", spec)
    assert same.status == 0, same.out
    assert "different versions of the spec" not in same.out
    assert cli("diff", spec, "--between", "staging", "production", "--spec", spec).status == 2
