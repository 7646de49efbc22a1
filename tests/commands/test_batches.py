"""Several rows in one request: `limits.batch`, and responses that are read as a whole or by element."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from commands.conftest import CommandLine, Heard, Partner

SPEC = """\
spec_version: 1
partner: acme
endpoint: {{staging: "{url}/contacts"}}
method: PUT
authentication: none
parameters:
  - {{name: "contacts[].email", attribute: email, required: true}}
  - {{name: "contacts[].first_name", attribute: firstname}}
  - {{name: "contacts[].zip", attribute: zipcode, min_length: 5}}
  - {{name: "list_ids[]", value: newsletter}}
{more}responses:
{rules}limits: {{batch: {batch}, concurrency: 2, backoff: 10ms}}
"""
WHOLE = """\
  - {outcome: delivered, status: 202, provisional: true, capture: {reference: $.job_id}}
  - {outcome: rejected, status: 400, body: {$.message: {exists: true}}, capture: {reason: $.message}}
"""
ELEMENTS = """\
  - {outcome: failed, each: "$.results[*]", body: {$.status: busy}, retry: true}
  - {outcome: rejected, each: {path: "$.errors[*]", by: {$.address: email}}, capture: {reason: $.message}}
  - {outcome: duplicate, each: "$.results[*]", body: {$.status: skipped}, capture: {reference: $.id}}
  - {outcome: delivered, each: "$.results[*]", body: {$.status: created}, capture: {reference: $.id}}
"""
Answer = Callable[[list[Any]], Any]


def records(heard: Heard) -> list[Any]:
    found: list[Any] = json.loads(heard.body)["contacts"]
    return found


def answering(partner: Partner, answer: Answer, status: int = 200) -> None:
    """Answer with what a function makes of the records of a request."""

    def made(heard: Heard) -> tuple[int, Mapping[str, str], bytes]:
        return status, {"Content-Type": "application/json"}, json.dumps(answer(records(heard))).encode()

    partner.answer = made


def created(found: list[Any]) -> Any:
    return {"results": [{"status": "created", "id": f"id-{number}"} for number, _ in enumerate(found)]}


def spec(cli: CommandLine, partner: Partner, rules: str = ELEMENTS, *, batch: int = 5, more: str = "") -> None:
    cli.write("acme.yaml", SPEC.format(url=partner.url, rules=rules, batch=batch, more=more))


def rows(cli: CommandLine, count: int, **other: str) -> None:
    """Write rows of Jane Doe, of which some, by `row1`, `row2` ..., are other lines."""
    lines = [other.get(f"row{each}", f"jane.doe.{each}@example.com,Jane,12345") for each in range(1, count + 1)]
    cli.write("rows.csv", "email,firstname,zipcode\n" + "\n".join(lines) + "\n")


def outcomes(cli: CommandLine, *flags: str) -> list[tuple[int, str, str | None]]:
    """Return row, outcome and reason of each row of a replay."""
    shown = cli("replay", "acme.yaml", "rows.csv", "--output", "json", *flags)
    return [(each["row"], each["outcome"], each["reason"]) for each in shown.json["deliveries"]]


def test_the_first_row_goes_alone_and_the_others_together_without_those_that_cannot(
    cli: CommandLine, partner: Partner
) -> None:
    spec(cli, partner)
    rows(cli, 13, row4="jane.doe.4@example.com,Jane,1", row7=",Jane,12345")
    answering(partner, created)
    found = outcomes(cli)
    assert [outcome for _, outcome, _ in sorted(found)] == [
        *["delivered"] * 3, "invalid", "delivered", "delivered", "invalid", *["delivered"] * 6
    ]  # fmt: skip
    assert sorted(len(records(each)) for each in partner.heard) == [1, 5, 5]
    assert len(records(partner.heard[0])) == 1
    bodies = [json.loads(each.body) for each in partner.heard]
    assert all(body["list_ids"] == ["newsletter"] for body in bodies)
    sent = [record["email"] for body in sorted(bodies, key=str) for record in body["contacts"]]
    assert sorted(sent) == sorted(f"jane.doe.{row}@example.com" for row in range(1, 14) if row not in (4, 7))


def test_one_rule_decides_for_all_rows_where_the_response_is_read_as_a_whole(
    cli: CommandLine, partner: Partner
) -> None:
    spec(cli, partner, WHOLE)
    rows(cli, 11)
    partner.answer = lambda heard: (
        (400, {}, b'{"message": "no room"}') if len(records(heard)) > 4 else (202, {}, b'{"job_id": "job-1"}')
    )
    found = {row: (outcome, reason) for row, outcome, reason in outcomes(cli)}
    assert found == {1: ("delivered", None), **dict.fromkeys(range(2, 12), ("rejected", "no room"))}


def test_each_row_has_the_outcome_of_its_own_element(cli: CommandLine, partner: Partner) -> None:
    spec(cli, partner)
    rows(cli, 6)

    def answer(found: list[Any]) -> Any:
        if len(found) == 1:
            return created(found)
        by_place = ["created", "skipped", "created", "strange", "created"]
        results = [{"status": status, "id": f"id-{place}"} for place, status in enumerate(by_place)]
        third = {"address": found[2]["email"].upper(), "message": "no such mailbox"}
        return {"results": results, "errors": [third]}

    answering(partner, answer)
    found = outcomes(cli)
    assert [outcome for _, outcome, _ in found] == [
        "delivered", "delivered", "duplicate", "rejected", "unclassified", "delivered"
    ]  # fmt: skip
    assert found[3][2] == "no such mailbox"
    assert 'status 200, body "{"status":"strange","id":"id-3"}"' in (found[4][2] or "")
    shown = cli("runs", "show", "last", "--row", "3").out
    assert shown.count('"status": ') == 1 and '"skipped"' in shown and shown.count('"email"') == 1
    assert "The request contained 5 rows; the parts for the other rows are left out." in shown
    assert "found `skipped`, wanted `skipped`" in shown


def test_rows_that_the_response_does_not_name_are_unclassified_and_the_count_is_said(
    cli: CommandLine, partner: Partner
) -> None:
    spec(cli, partner)
    rows(cli, 4)
    answering(partner, lambda found: created(found[:2]))
    found = outcomes(cli, "--no-first-row-check")
    assert {outcome for _, outcome, _ in found} == {"unclassified"}
    assert "`$.results[*]` has 2 elements for 4 rows" in (found[0][2] or "")
    assert "no element of `$.errors[*]` names this row" in (found[0][2] or "")


def test_only_the_rows_that_a_rule_retries_are_sent_again(cli: CommandLine, partner: Partner) -> None:
    spec(cli, partner, more="idempotency: Idempotency-Key\n")
    rows(cli, 5)
    answering(
        partner,
        lambda found: {
            "results": [
                {"status": "busy" if len(found) == 5 and place in (1, 3) else "created", "id": "x"}
                for place, _ in enumerate(found)
            ]
        },
    )
    found = outcomes(cli, "--no-first-row-check")
    assert {outcome for _, outcome, _ in found} == {"delivered"}
    assert [[record["email"][9] for record in records(each)] for each in partner.heard] == [[*"12345"], [*"24"]]
    keys = [value for each in partner.heard for name, value in each.headers if name == "Idempotency-Key"]
    assert len(set(keys)) == 2


def test_a_whole_request_is_repeated_with_its_key_or_not_at_all(cli: CommandLine, partner: Partner) -> None:
    rules = "  - {outcome: failed, status: 503, retry: true}\n" + WHOLE
    rows(cli, 5)
    for more, times in (("idempotency: Idempotency-Key\n", 2), ("", 1)):
        partner.heard.clear()
        spec(cli, partner, rules, more=more)
        partner.answer = lambda _: (503, {}, b"") if len(partner.heard) == 1 else (202, {}, b'{"job_id": "1"}')
        found = outcomes(cli, "--no-first-row-check")
        assert {outcome for _, outcome, _ in found} == {"delivered" if times == 2 else "failed"}
        assert len(partner.heard) == times
        assert len({each.body for each in partner.heard}) == 1
        assert len({value for each in partner.heard for name, value in each.headers if name == "Idempotency-Key"}) < 2


def test_a_request_without_a_response_leaves_its_rows_unknown_and_a_single_row_tries_again(
    cli: CommandLine, partner: Partner
) -> None:
    spec(cli, partner)
    cli.write(
        "acme.yaml", (cli.folder / "acme.yaml").read_text().replace("concurrency: 2", "concurrency: 1, timeout: 1500ms")
    )
    rows(cli, 11)

    def answer(found: list[Any]) -> Any:
        if len(partner.heard) == 2:
            time.sleep(2)
        return created(found)

    answering(partner, answer)
    found = outcomes(cli)
    assert [row for row, outcome, _ in found if outcome == "unknown"] == [2, 3, 4, 5, 6]
    assert [row for row, outcome, _ in found if outcome == "delivered"] == [1, 7, 8, 9, 10, 11]
    assert [len(records(each)) for each in partner.heard] == [1, 5, 1, 4]
    assert cli("runs", "resume", "last").status == 1
    assert len(partner.heard) == 4
    assert cli("runs", "resume", "last", "--resend-unknown").status == 0
    assert [len(records(each)) for each in partner.heard[4:]] == [1, 4]


def test_what_a_request_has_once_keeps_rows_apart_that_differ_in_it(cli: CommandLine, partner: Partner) -> None:
    spec(cli, partner, more="")
    text = (cli.folder / "acme.yaml").read_text()
    cli.write("acme.yaml", text.replace("/contacts", "/lists/{{ state }}"))
    states = ["NY", "NY", "CA", "CA", "CA", "NY"]
    lines = [f"jane.{row}@example.com,Jane,12345,{state}\n" for row, state in enumerate(states)]
    cli.write("rows.csv", "email,firstname,zipcode,state\n" + "".join(lines))
    answering(partner, created)
    outcomes(cli, "--no-first-row-check")
    sent = sorted((each.target, len(records(each))) for each in partner.heard)
    assert sent == [("/lists/CA", 3), ("/lists/NY", 1), ("/lists/NY", 2)]


def test_a_request_that_is_too_large_stops_the_run_and_names_the_limit(cli: CommandLine, partner: Partner) -> None:
    spec(cli, partner, WHOLE)
    rows(cli, 40)
    partner.answer = lambda heard: (413, {}, b"") if len(records(heard)) > 1 else (202, {}, b'{"job_id": "1"}')
    shown = cli("replay", "acme.yaml", "rows.csv", "--concurrency", "1")
    assert shown.status == 4
    assert "the partner answers 413: a request of 5 rows is too large: lower `limits.batch`" in " ".join(
        shown.err.split()
    )
    assert len(partner.heard) == 2


def test_one_refusal_of_a_request_counts_once_among_ten_in_a_row(cli: CommandLine, partner: Partner) -> None:
    spec(cli, partner, WHOLE)
    rows(cli, 101)
    partner.answer = lambda heard: (401, {}, b"") if len(records(heard)) > 1 else (202, {}, b'{"job_id": "1"}')
    shown = cli("replay", "acme.yaml", "rows.csv", "--concurrency", "1")
    assert shown.status == 4
    assert len(partner.heard) == 11


def test_rows_of_a_paused_input_do_not_wait_for_a_full_request(cli: CommandLine, partner: Partner) -> None:
    spec(cli, partner, batch=500)
    answering(partner, created)
    with cli.start("replay", "acme.yaml", "-", "--no-first-row-check", stdin=subprocess.PIPE) as running:
        assert running.stdin is not None
        running.stdin.write("email\n" + "".join(f"jane.{each}@example.com\n" for each in range(3)))
        running.stdin.flush()
        deadline = time.monotonic() + 20
        while not partner.heard and time.monotonic() < deadline:
            time.sleep(0.01)
        first = [len(records(each)) for each in partner.heard]
        running.stdin.write("jane.9@example.com\n")
        running.communicate(timeout=20)
    assert sum(first) == 3
    assert sum(len(records(each)) for each in partner.heard) == 4


@pytest.mark.parametrize("rules", [WHOLE, ELEMENTS], ids=["whole", "elements"])
def test_a_row_shows_nothing_of_the_people_that_shared_its_request(
    cli: CommandLine, partner: Partner, rules: str
) -> None:
    """The partner gives each row the element of another, and names all people in its words for the whole."""
    people = [("Albert", "Camus"), ("Simone", "Weil"), ("Hannah", "Arendt"), ("Ludwig", "Wittgenstein")]
    lines = [
        f"{first.lower()}.{last.lower()}@example.com,{first},1000{row}\n" for row, (first, last) in enumerate(people)
    ]
    cli.write("rows.csv", "email,firstname,zipcode\n" + "".join(lines))
    spec(cli, partner, rules)

    def answer(found: list[Any]) -> Any:
        named = [f"{each['first_name']} <{each['email']}>" for each in found]
        turned = [*found[1:], found[0]]
        return {
            "message": f"nobody of {', '.join(named)} is wanted",
            "results": [{"status": "skipped", "id": each["email"]} for each in turned],
        }

    answering(partner, answer, 400 if rules is WHOLE else 200)
    cli("replay", "acme.yaml", "rows.csv", "--no-first-row-check", "--record", "all")
    kept = b"".join(each.read_bytes() for each in cli.folder.glob("journal.sqlite*"))
    shown = kept.decode("latin-1") + cli("runs", "show", "last", "--output", "json").out
    shown += "".join(cli("runs", "show", "last", "--row", str(row)).out for row in range(1, 5))
    for first, last in people:
        assert first not in shown and last.lower() not in shown
    assert "person-" in shown


def test_the_sandbox_answers_each_record_and_knows_whom_it_has(cli: CommandLine, partner: Partner) -> None:
    spec(cli, partner)
    rows(cli, 8, row5="jane.doe.2@example.com,Jo,12345", row6="jane.doe.6@example.com,Jane,")
    shown = cli("replay", "acme.yaml", "rows.csv", "--sandbox", "--output", "json")
    found = {each["row"]: each["outcome"] for each in shown.json["deliveries"]}
    assert found == {row: "duplicate" if row == 5 else "delivered" for row in range(1, 9)}
    assert not partner.heard


def test_diff_compares_rows_by_element_and_else_sends_each_alone(cli: CommandLine, partner: Partner) -> None:
    rows(cli, 6)
    for rules, requests in ((ELEMENTS, 2 * 2), (WHOLE, 2 * 6)):
        partner.heard.clear()
        spec(cli, partner, rules, batch=500)
        text = (cli.folder / "acme.yaml").read_text()
        places = f'endpoint: {{staging: "{partner.url}/contacts", qa: "{partner.url}/qa"}}'
        cli.write("acme.yaml", text.replace(text.splitlines()[2], places))

        def answer(found: list[Any]) -> Any:
            status = "skipped" if len(found) > 1 and partner.heard[-1].target == "/qa" else "created"
            results = created(found)["results"]
            results[-1]["status"] = status
            return {"results": results, "job_id": "1"}

        answering(partner, answer, 200 if rules is ELEMENTS else 202)
        shown = cli("diff", "acme.yaml", "rows.csv", "--between", "staging", "qa", "--confirm", "acme")
        assert len(partner.heard) == requests
        assert ("each row goes in a request of its own" in shown.err) is (rules is WHOLE)
        assert (shown.status, "duplicate" in shown.out) == ((1, True) if rules is ELEMENTS else (0, False))


BROKEN = {
    "no array": ('name: "contacts[].', 'name: "', "`batch` needs the array that contains a record for each row"),
    "two arrays": (
        '"contacts[].zip"',
        '"zips[]"',
        "one array contains a record for each row, here `contacts[]` and `zips[]`",
    ),
    "a form": ("method: PUT", "method: PUT\nencoding: form", "several rows go in one request as an array of JSON"),
    "a key not sent": ("{$.address: email}", "{$.address: mobile}", "the partner cannot repeat `mobile`"),
    "no array in a response": ("$.errors[*]", "$.errors", "`$.errors` is not the path of an array's elements"),
    "another charset": ("method: PUT", "method: PUT\ncontent_type: application/json; charset=latin-1", "in UTF-8 only"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_validate_says_why_rows_cannot_share_a_request(cli: CommandLine, partner: Partner, name: str) -> None:
    old, new, said = BROKEN[name]
    spec(cli, partner)
    cli.write("acme.yaml", (cli.folder / "acme.yaml").read_text().replace(old, new))
    shown = cli("validate", "acme.yaml")
    assert shown.status == 3
    assert said in shown.out + shown.err
    rows(cli, 2)
    assert cli("replay", "acme.yaml", "rows.csv").status == 3
    assert not partner.heard


def test_a_value_outside_the_records_that_varies_is_told(cli: CommandLine, partner: Partner) -> None:
    spec(cli, partner, more="idempotency: {header: K, value: '{{ confirmationref }}'}\n")
    text = (cli.folder / "acme.yaml").read_text()
    cli.write(
        "acme.yaml",
        text.replace(
            '  - {name: "list_ids[]"', '  - {name: X-Zip, in: header, attribute: zipcode}\n  - {name: "list_ids[]"'
        ),
    )
    shown = cli("validate", "acme.yaml").out
    assert "a request has `X-Zip` once, and it varies by row" in shown
    assert "a request has the idempotency key once, and it varies by row" in shown
    assert "RX173" not in shown


@pytest.mark.parametrize("named", [{}, {"address": "jane.doe+3@example.com"}, {"address": None}])
def test_an_error_that_names_no_row_leaves_in_doubt_the_rows_that_have_none(
    cli: CommandLine, partner: Partner, named: Mapping[str, str | None]
) -> None:
    rules = """\
  - {outcome: rejected, each: {path: "$.errors[*]", by: {$.address: email}}, capture: {reason: $.message}}
  - {outcome: delivered, status: 200}
"""
    spec(cli, partner, rules)
    rows(cli, 4)

    def errors(found: list[Any]) -> Any:
        known = {"address": "jane.doe.2@example.com", "message": "known to be bad"}
        return {"errors": [None, known, {**named, "message": "bad"}] if len(found) > 1 else []}

    answering(partner, errors)
    doubt = "no rule is certain: an element of `$.errors[*]` names no row of the request, and may be this row's"
    assert outcomes(cli) == [
        (1, "delivered", None),
        (2, "rejected", "known to be bad"),
        (3, "unclassified", doubt),
        (4, "unclassified", doubt),
    ]


def test_a_batch_that_is_answered_by_no_json_says_what_came(cli: CommandLine, partner: Partner) -> None:
    spec(cli, partner)
    rows(cli, 2)
    partner.answer = lambda _heard: (200, {}, b"Bad Gateway")
    assert {(outcome, reason) for _, outcome, reason in outcomes(cli, "--no-first-row-check")} == {
        ("unclassified", 'no rule matched: status 200, body "Bad Gateway"')
    }


def test_a_login_page_stops_a_run_of_batches_at_its_first_row(cli: CommandLine, partner: Partner) -> None:
    spec(cli, partner)
    rows(cli, 4)
    partner.answer = lambda _heard: (200, {"Content-Type": "text/html"}, b"<html><title>Log in</title></html>")
    shown = cli("replay", "acme.yaml", "rows.csv")
    assert (shown.status, len(partner.heard)) == (4, 1)
    assert 'an HTML page "Log in" came' in shown.err
