"""`rule`: the response rule for a recorded response, drafted, tried on the run, and written into the spec."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from commands.conftest import CommandLine, Heard, Partner
from commands.test_reclassify import SPEC
from rokt_export.partner_spec.loading import load_spec

COMMENTED = """\
  # what they refuse
  - {{outcome: rejected, status: 400}}  # see page 12
"""
ANSWERS = {
    2: (422, {"errors": [{"field": "email", "message": "The address jane.doe.2@example.com is not valid"}]}),
    3: (409, {"state": "held", "message": "Order 3 is held"}),
    4: (400, {"code": "known", "id": "A-4"}),
    5: (400, {"code": "bad"}),
}


def answer(heard: Heard) -> tuple[int, dict[str, str], bytes]:
    number = int(json.loads(heard.body)["email"].split("@")[0].rpartition(".")[2])
    status, data = ANSWERS.get(number, (201, {"id": f"A-{number}"}))
    return status, {"Content-Type": "application/json"}, json.dumps(data).encode()


@pytest.fixture
def spec(cli: CommandLine, partner: Partner) -> Path:
    partner.answer = answer
    cli.write("rows.csv", "email\n" + "".join(f"jane.doe.{row}@example.com\n" for row in range(1, 7)))
    return cli.write("acme.yaml", (SPEC + COMMENTED).format(url=partner.url))


@pytest.fixture
def run(cli: CommandLine, spec: Path) -> str:
    sent = cli("replay", spec, "rows.csv", "--no-stop-unclassified", "--record", "all", "--output", "json")
    assert sent.json["counts"] == {"delivered": 2, "rejected": 2, "unclassified": 2}
    return str(sent.json["run"])


def test_a_rule_is_drafted_for_the_first_row_that_no_rule_matches_and_written(
    cli: CommandLine, partner: Partner, spec: Path, run: str
) -> None:
    sent, before = len(partner.heard), spec.read_text()
    drafted = cli("rule")
    assert drafted.status == 0
    for line in (
        "    rejected\n  + - name: is_not_valid\n  +   outcome: rejected\n",
        "  +   body: {'$.errors[*].message': {contains: is not valid}}\n  +   status: 422\n",
        "1  ? unclassified → ✗ rejected, rule is_not_valid: row 2\n",
    ):
        assert line in drafted.out, drafted.out
    assert "jane.doe" not in drafted.out and spec.read_text() == before
    assert f"rokt-export rule {run} --row 2 --write" in drafted.err
    left = f"1 response without a rule: 409 application/json: message, state; rokt-export rule {run} --row 3"
    assert left in drafted.err
    written = cli("rule", run, "--row", "2", "--write")
    assert written.status == 0 and f"rokt-export reclassify {run} --write" in written.err
    assert spec.read_text().startswith(before.rstrip("\n"))
    assert load_spec(spec).spec.rule_names == ("delivered", "rejected", "is_not_valid")
    assert "error" not in cli("validate", spec).out.replace("no errors", "")
    assert "→ ✗ rejected, rule is_not_valid: row 2" in cli("reclassify", run).out
    assert len(partner.heard) == sent


def test_a_wrong_rule_is_narrowed_by_one_above_it_with_comments_kept(cli: CommandLine, spec: Path, run: str) -> None:
    before = spec.read_text()
    written = cli("rule", run, "--row", "4", "--outcome", "duplicate", "--write")
    assert written.status == 0 and "1  ✗ rejected → ≈ duplicate, rule rejected → known: row 4" in written.out
    added = "".join(f"{line}\n" for line in spec.read_text().splitlines() if line not in before.splitlines())
    assert before == spec.read_text().replace(added, "")
    assert load_spec(spec).spec.rule_names == ("delivered", "known", "rejected")
    assert spec.read_text().index("name: known") < spec.read_text().index("# what they refuse")


def test_a_rule_that_takes_rows_which_are_well_classified_says_so(cli: CommandLine, spec: Path, run: str) -> None:
    drafted = cli("rule", run, "--row", "1", "--outcome", "rejected")
    assert drafted.status == 1
    assert "it changes 2 rows that rule `delivered` makes delivered today: 1, 6" in drafted.err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--row", "99"), "row 99 is not in run"),
        (("--row", "4", "--outcome", "rejected"), "rule `rejected` gives rejected to row 4 already"),
        (("--row", "4", "--outcome", "unknown"), "a rule cannot give `unknown`"),
        (("--row", "3", "--outcome", "failed", "--name", "rejected"), "the spec has a rule `rejected` already"),
    ],
)
def test_what_cannot_be_drafted(cli: CommandLine, spec: Path, run: str, arguments: tuple[str, ...], words: str) -> None:
    before = spec.read_text()
    refused = cli("rule", run, *arguments, "--write")
    assert refused.status == 2 and words in refused.err
    assert spec.read_text() == before


def test_a_rule_that_would_break_the_spec_is_not_written(cli: CommandLine, spec: Path, run: str) -> None:
    text = spec.read_text().replace(
        "status: 400}", 'status: 400, examples: [{status: 400, body: \'{"code": "known"}\'}]}'
    )
    spec.write_text(text)
    refused = cli("rule", run, "--row", "4", "--outcome", "duplicate", "--write")
    assert refused.status == 3 and "acme.yaml is unchanged" in refused.err
    assert spec.read_text() == text


@pytest.mark.parametrize("form", ["crlf", "json", "flow"])
def test_each_form_of_file_is_kept(cli: CommandLine, spec: Path, run: str, form: str) -> None:
    text = spec.read_text()
    if form == "crlf":
        text = text.replace("\n", "\r\n")
    elif form == "json":
        from ruamel.yaml import YAML

        text = json.dumps(YAML(typ="safe").load(text))
    else:
        start = text.index("responses:")
        text = text[:start] + "responses: [{outcome: delivered, status: 201}, {outcome: rejected, status: 400}]\n"
    spec.write_bytes(text.encode())
    for row, outcome in ((3, "failed"), (4, "duplicate")):
        assert cli("rule", run, "--row", str(row), "--outcome", outcome, "--write").status == 0
    assert load_spec(spec).spec.rule_names == ("delivered", "known", "rejected", "held")
    written = spec.read_bytes().decode()
    if form == "crlf":
        assert written.count("\n") == written.count("\r\n")
    if form == "json":
        json.loads(written)


def test_without_a_row_the_spec_as_it_is_now_selects_it(cli: CommandLine, spec: Path, run: str) -> None:
    assert "--row 2 --write" in cli("rule", run).err
    assert cli("rule", run, "--write").status == 0
    assert "the response of row 3 (status 409)" in cli("rule", run).err  # the first that still matches no rule
    assert cli("rule", run, "--outcome", "failed", "--write").status == 0
    named = cli("rule", run)
    assert named.status == 2 and "rule `is_not_valid` gives rejected to row 2 already" in named.err
    spec.write_text(spec.read_text().split("responses:")[0] + "responses: [{outcome: delivered}]\n")
    assert f"the spec reads every recorded response of run {run} as delivered" in cli("rule", run).err


def test_a_run_without_a_response_has_nothing_to_draft_from(cli: CommandLine) -> None:
    rows = cli.write("rows.csv", "email\njane.doe.1@example.com\n")
    spec = cli.write("acme.yaml", SPEC.format(url="http://127.0.0.1:1"))
    cli("replay", spec, rows, "--patience", "0s", "--name", "silent")
    done = cli("rule", "silent")
    assert done.status == 2
    assert "has no response to draft a rule from: no response was recorded" in done.err
    assert "as delivered" not in done.err
