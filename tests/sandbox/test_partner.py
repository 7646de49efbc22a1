"""The simulated partner delivers, knows a person again, rejects, and answers for nothing but its endpoint."""

from __future__ import annotations

from pathlib import Path

import pytest

from rokt_export.partner_spec.loading import load_spec
from tests.sandbox.conftest import EMAIL, Start, spec_of


def test_the_mailchimp_sample_delivers_then_knows_the_person(start: Start) -> None:
    spec = load_spec(Path(__file__).parents[2] / "sample_specs" / "mailchimp.yaml").spec
    client = start(spec, "/3.0/lists/sandbox-mailchimp-staging-list/members")
    key = client.sandbox.variables["MAILCHIMP_API_KEY"]
    assert key == "sandbox-mailchimp-api-key"
    people = [{"email_address": address} for address in ("a@example.com", "b@example.com", " A@Example.com ".strip())]
    answers = [client.post(json=person, auth=("anystring", key)) for person in people]
    assert [answer.status_code for answer in answers] == [200, 200, 400]
    ids = [answer.json()["id"] for answer in answers[:2]]
    assert len(set(ids)) == 2
    assert all(len(found) == 32 and int(found, 16) >= 0 for found in ids)
    assert answers[2].json() == {
        "title": "Member Exists",
        "status": 400,
        "detail": "A@Example.com is already a list member.",
    }
    assert client.sandbox.counts == {"delivered": 2, "duplicate": 1}


def test_without_a_rule_for_it_a_rejection_is_400_in_plain_text(start: Start) -> None:
    answer = start(spec_of(EMAIL)).post(json={})
    assert (answer.status_code, answer.text) == (400, "`email` is missing")


def test_without_a_duplicate_rule_the_same_person_is_delivered_again(start: Start) -> None:
    client = start(spec_of(EMAIL))
    answers = [client.post(json={"email": "a@example.com"}).json()["id"] for _ in range(3)]
    assert len(set(answers)) == 3


def test_an_idempotency_key_brings_the_same_answer_again(start: Start) -> None:
    client = start(spec_of(EMAIL + "\nidempotency: {header: Idempotency-Key}"))
    first, again = (client.post(json={"email": "a@example.com"}, headers={"Idempotency-Key": "k1"}) for _ in range(2))
    other = client.post(json={"email": "b@example.com"}, headers={"Idempotency-Key": "k2"})
    assert first.json() == again.json() != other.json()
    assert [each.repeat for each in client.sandbox.deliveries] == [False, True, False]
    assert client.post(json={"email": "c@example.com"}, headers={"Idempotency-Key": "k2"}).status_code == 400
    assert client.last.problems == ("the key in `Idempotency-Key` was used for another person",)


def test_another_path_names_the_right_one_and_another_method_too(start: Start) -> None:
    client = start(spec_of(EMAIL))
    astray = client.get("/v1/lead")
    assert (astray.status_code, "POST /v1/leads" in astray.text) == (404, True)
    wrong = client.send("PUT", json={})
    assert (wrong.status_code, wrong.headers["Allow"]) == (405, "POST, HEAD, OPTIONS")
    assert client.last.problems == ("the method is PUT, wanted POST",)


def test_a_probe_is_answered_and_is_no_delivery(start: Start) -> None:
    client = start(spec_of(EMAIL))
    assert client.send("HEAD").status_code == 200
    assert client.send("OPTIONS").headers["Allow"] == "POST, HEAD, OPTIONS"
    assert client.sandbox.deliveries == []


@pytest.mark.parametrize("first", ["usual", "rare"])
def test_a_rare_rule_with_the_only_example_is_not_the_usual_response(start: Start, first: str) -> None:
    usual = "  - {outcome: delivered, status: 201, capture: {reference: $.contact.id}}\n"
    rare = """\
  - outcome: delivered
    status: 202
    body: {$.status: queued}
    provisional: true
    examples: [{status: 202, body: '{"status": "queued"}'}]
"""
    client = start(spec_of(EMAIL, responses=usual + rare if first == "usual" else rare + usual))
    assert [client.post(json={"email": f"{n}@example.com"}).status_code for n in range(2)] == [201, 201]


def test_the_first_rule_of_delivered_is_the_usual_response(start: Start) -> None:
    responses = """\
  - {outcome: delivered, status: 201, capture: {reference: $.id}}
  - {outcome: delivered, status: 200, examples: [{status: 200, body: '{"result": "quarantined"}'}]}
"""
    client = start(spec_of(EMAIL, responses=responses))
    assert client.post(json={"email": "a@example.com"}).status_code == 201
