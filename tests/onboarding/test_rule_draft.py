"""A drafted rule has the conditions that tell its response from others, and no more."""

from __future__ import annotations

import json

import pytest
from commands.conftest import CommandLine, Heard, Partner

from onboarding.recorded_responses import JSON, NEVER, sent
from rokt_export.exchange.model import Response
from rokt_export.onboarding.response_signs import meaning_of
from rokt_export.onboarding.rule_draft import RuleDraft, as_yaml


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
