"""`rule`: the response rule for a recorded response, drafted, tried on the run, and written into the spec."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from commands.conftest import CommandLine, Heard, Partner
from commands.test_reclassify import SPEC
from rokt_export.exchange.model import Response
from rokt_export.onboarding.response_signs import meaning_of
from rokt_export.onboarding.rule_draft import RuleDraft, as_yaml
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


@pytest.mark.parametrize(
    ("status", "body", "outcome", "conditions"),
    [
        (409, "", None, {"empty": True}),
        (
            503,
            "<html><title>Down for a while</title></html>",
            "failed",
            {"body": {"/html/title": {"contains": "Down for a while"}}},
        ),
        (200, "ERROR: list 12 does not exist", None, {"text": {"contains": "does not exist"}}),
        (400, '{"error": {"code": 17, "message": "no"}}', "rejected", {"body": {"$.error.code": 17}}),
        (400, "<r><code>E1</code></r>", "rejected", {"body": {"/r/code": "E1"}}),
        (400, '{"success": false, "at": "2026-11-29T00:00:00Z"}', "rejected", {"body": {"$.success": False}}),
        (400, '{"mail": "person-0a1b2c3d4e", "note": "yes"}', "rejected", {"body": {"$.note": "yes"}}),
        (400, '{"it\'s": "no \\"good\\" at all"}', "rejected", {"body": {'$["it\'s"]': {"contains": "at all"}}}),
    ],
)
def test_the_condition_that_tells_a_response_from_others(status, body, outcome, conditions) -> None:
    response = Response(status, (("Content-Type", "application/json"),) if body[:1] == "{" else (), body.encode())
    assert meaning_of(response).certain == outcome
    rule = RuleDraft(response, outcome or "rejected").rule(())
    assert {key: rule[key] for key in ("body", "text", "empty") if key in rule} == conditions
    from ruamel.yaml import YAML

    assert YAML(typ="safe", pure=True).load("\n".join(as_yaml(rule))) == [rule]


JSON, TEXT, HTML, XML = "application/json", "text/plain", "text/html", "application/xml"
FAULT = "<soap:Fault><faultcode>soap:Client</faultcode><faultstring>Bad zip</faultstring></soap:Fault>"
MANY: list[tuple[int, str, dict[str, str], str]] = [
    (200, TEXT, {}, "ERROR: quota of account 35 used up <b>now</b>"),
    (200, XML, {}, f'<soap:Envelope xmlns:soap="urn:soap"><soap:Body>{FAULT}</soap:Body></soap:Envelope>'),
    (200, HTML, {}, "<html><head><title>Sign in</title></head><body>Login</body></html>"),
    (201, HTML, {}, "<!doctype html><html><title>Checking your browser</title></html>"),
    (200, JSON, {}, '{"status": "error", "message": "Email jane.doe@example.com invalid"}'),
    (200, JSON, {"X-Result": "rejected"}, '{"ok": true}'),
    (200, JSON, {"X-Lead-State": "on-hold"}, '{"ok": true}'),
    (200, JSON, {}, "[]"),
    (200, JSON, {}, '{"id": "A-17"}'),
    (202, JSON, {}, '[{"id": 17, "state": "queued"}]'),
    (200, XML, {}, "<r><status>Error</status><error>Duplicate lead 991</error></r>"),
    (422, JSON, {}, '{"errors": {"email": ["has already been taken"]}}'),
    (307, TEXT, {}, ""),
    (200, JSON, {"X-Result": "stored"}, '{"ok": true}'),
    (201, JSON, {}, '{"id": "A-18"}'),
    (204, JSON, {}, ""),
    (409, JSON, {}, '{"error": {"code": "DUP", "message": "Lead 4711 was stored"}}'),
    (422, JSON, {}, '{"errors": [{"field": "phone", "detail": "phone 15550000011 is not a valid number"}]}'),
    *((status, JSON, {}, '{"error": "bad token"}') for status in (401, 403, 404, 405, 407, 408, 415, 429, 500, 503)),
]
PROVED = ["delivered", "delivered", "delivered", "duplicate", "rejected", *["failed"] * 10]
NOT_PROVED = len(MANY) - len(PROVED)


def many(heard: Heard) -> tuple[int, dict[str, str], bytes]:
    number = int(json.loads(heard.body)["email"].split("@")[0].rpartition(".")[2])
    status, kind, headers, body = MANY[number - 1]
    return status, {"Content-Type": kind, **headers}, body.encode()


def sent(cli: CommandLine, partner: Partner, rules: str, rows: int) -> str:
    partner.answer = many
    cli.write("rows.csv", "email\n" + "".join(f"jane.doe.{row}@example.com\n" for row in range(1, rows + 1)))
    spec = SPEC.format(url=partner.url)
    cli.write("acme.yaml", spec[: spec.index("responses:")] + f"responses:\n{rules}")
    flags = ("--no-stop-unclassified", "--no-first-row-check", "--record", "all", "--concurrency", "1")
    return str(cli("replay", "acme.yaml", "rows.csv", *flags, "--output", "json").json["run"])


NEVER = "  - {outcome: delivered, status: 299}\n"


def test_an_outcome_is_drafted_only_where_the_response_proves_it(cli: CommandLine, partner: Partner) -> None:
    run = sent(cli, partner, NEVER, len(MANY))
    before = (cli.folder / "acme.yaml").read_text()
    for row in range(1, NOT_PROVED + 1):
        refused = cli("rule", run, "--row", str(row), "--write")
        assert refused.status == 2 and refused.out == "", (row, refused.out)
        assert f"the response of row {row} (status {MANY[row - 1][0]}) does not prove one outcome" in refused.err
        for outcome in ("delivered", "duplicate", "rejected", "failed"):
            assert f"\n  {outcome:<9}  " in refused.err
    assert (cli.folder / "acme.yaml").read_text() == before
    drafted = {row: cli("rule", run, "--row", str(row)).out for row in range(NOT_PROVED + 1, len(MANY) + 1)}
    found = [next(line.split()[-1] for line in out.splitlines() if "outcome:" in line) for out in drafted.values()]
    assert found == PROVED
    refused = cli("rule", run, "--row", "1")
    assert "delivered  nothing speaks for it; against it: the body has `ERROR`" in refused.err
    assert "failed     the body has `quota`" in refused.err


NARROW: list[tuple[int, str, list[str]]] = [
    (1, "failed", ["text: {contains: 'ERROR: quota of account'}", "status: 200"]),
    (2, "rejected", ["/Envelope/Body/Fault/faultstring: {contains: Bad zip}}", "status: 200"]),
    (3, "failed", ["body: {/html/head/title: {contains: Sign in}}", "status: 200"]),
    (5, "rejected", ["body: {$.status: error, $.message: {contains: invalid}}", "status: 200"]),
    (6, "rejected", ["body: {$.ok: true}", "headers: {X-Result: rejected}", "status: 200"]),
    (7, "failed", ["body: {$.ok: true}", "headers: {X-Lead-State: on-hold}", "status: 200"]),
    (8, "rejected", ["text: {equals: '[]'}", "status: 200"]),
    (9, "delivered", ["body: {$.id: {exists: true}}", "status: 200"]),
    (12, "duplicate", ["body: {'$.errors.email[*]': {contains: has already been taken}}", "status: 422"]),
    (14, "delivered", ["body: {$.ok: true}", "headers: {X-Result: stored}", "status: 200"]),
]


def test_a_draft_is_as_narrow_as_the_response(cli: CommandLine, partner: Partner) -> None:
    run = sent(cli, partner, NEVER, 14)
    for row, outcome, lines in NARROW:
        drafted = cli("rule", run, "--row", row, "--outcome", outcome)
        assert drafted.status == 0, drafted.err
        for line in lines:
            assert f"{line}\n" in drafted.out, drafted.out
        assert f": row {row}\n" in drafted.out


def numbered(heard: Heard) -> tuple[int, dict[str, str], bytes]:
    number = int(json.loads(heard.body)["email"].split("@")[0].rpartition(".")[2])
    body = {"id": f"A-{number}"} | ({"note": "no consent"} if number == 3 else {})
    return 200, {"Content-Type": JSON, "X-Trace": str(number)}, json.dumps(body).encode()


def test_a_draft_matches_no_response_to_which_a_later_rule_gives_another_outcome(
    cli: CommandLine, partner: Partner
) -> None:
    rules = (
        "  - {name: one, outcome: failed, headers: {X-Trace: '1'}}\n"
        "  - {outcome: rejected, body: {$.note: {exists: true}}}\n"
        "  - {outcome: delivered, status: 200}\n"
    )
    run = sent(cli, partner, rules, 1)
    partner.answer = numbered
    cli.write("rows.csv", "email\n" + "".join(f"jane.doe.{row}@example.com\n" for row in (1, 2, 3)))
    flags = ("--record", "all", "--no-first-row-check", "--output", "json")
    run = cli("replay", "acme.yaml", "rows.csv", *flags).json["run"]
    before = (cli.folder / "acme.yaml").read_text()
    refused = cli("rule", run, "--row", "1", "--outcome", "duplicate", "--write")
    assert refused.status == 2 and (cli.folder / "acme.yaml").read_text() == before
    assert "nothing tells the response from that of row 2, which rule `delivered` makes delivered" in refused.err
    narrowed = cli("rule", run, "--row", "3", "--outcome", "duplicate")
    assert narrowed.status == 0 and "body: {$.note: {contains: no consent}}" in narrowed.out
    assert ": row 3\n" in narrowed.out


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
