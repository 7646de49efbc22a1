from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
import requests

from rokt_export.errors import ConfigurationError
from rokt_export.partner_spec.loading import load_spec
from rokt_export.sandbox.options import SandboxOptions
from rokt_export.sandbox.server import Sandbox
from tests.sandbox.conftest import Start, spec_of

EMAIL = "parameters: [{name: email, attribute: email, required: true, format: email}]"


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


def test_an_invalid_delivery_is_told_every_problem_in_the_partners_own_form(start: Start) -> None:
    client = start(
        spec_of(
            """
            parameters:
              - {name: email, attribute: email, required: true, format: email}
              - {name: zip, attribute: zipcode, required: true, min_length: 5}
            """,
            responses="""\
              - {outcome: delivered, status: 201}
              - outcome: rejected
                status: 4xx
                capture: {reason: '$.errors[0].message'}
                examples: [{status: 401, body: '{}'}, {status: 422, body: {errors: [{code: 7, message: "No \\"x\\""}]}}]
            """,
        )
    )
    answer = client.post(json={"email": "nobody", "zip": "1234"})
    assert answer.status_code == 422
    assert answer.json() == {
        "errors": [{"code": 7, "message": "`email` is not of the format email; `zip` is shorter than 5 characters"}]
    }
    assert client.last.problems == ("`email` is not of the format email", "`zip` is shorter than 5 characters")


def test_without_a_rule_for_it_a_rejection_is_400_in_plain_text(start: Start) -> None:
    answer = start(spec_of(EMAIL)).post(json={})
    assert (answer.status_code, answer.text) == (400, "`email` is missing")


def test_without_a_duplicate_rule_the_same_person_is_delivered_again(start: Start) -> None:
    client = start(spec_of(EMAIL))
    answers = [client.post(json={"email": "a@example.com"}).json()["id"] for _ in range(3)]
    assert len(set(answers)) == 3


def test_a_duplicate_names_the_record_made_first(start: Start) -> None:
    client = start(
        spec_of(
            EMAIL,
            responses="""\
              - outcome: duplicate
                status: 409
                capture: {reference: {path: $.message, regex: 'Existing ID: (\\d+)'}}
                examples: [{status: 409, body: '{"message": "Existing ID: 377123456789"}'}]
              - {outcome: delivered, capture: {reference: $.id}, examples: [{body: '{"id": 377123456789}'}]}
            """,
        )
    )
    first, again = (client.post(json={"email": "a@example.com"}) for _ in range(2))
    assert isinstance(first.json()["id"], int)
    assert again.json() == {"message": f"Existing ID: {first.json()['id']}"}


def test_an_idempotency_key_brings_the_same_answer_again(start: Start) -> None:
    client = start(spec_of(EMAIL + "\nidempotency: {header: Idempotency-Key}"))
    first, again = (client.post(json={"email": "a@example.com"}, headers={"Idempotency-Key": "k1"}) for _ in range(2))
    other = client.post(json={"email": "b@example.com"}, headers={"Idempotency-Key": "k2"})
    assert first.json() == again.json() != other.json()
    assert [each.repeat for each in client.sandbox.deliveries] == [False, True, False]
    assert client.post(json={"email": "c@example.com"}, headers={"Idempotency-Key": "k2"}).status_code == 400
    assert client.last.problems == ("the key in `Idempotency-Key` was used for another person",)


def test_path_placeholders_and_attributes_in_the_url(start: Start) -> None:
    url = "https://{{ env.HOST }}/l/{list}/p/{{ email }}?k={{ env.KEY }}"
    head = f"spec_version: 1\npartner: acme\nendpoint: {{staging: '{url}'}}\n"
    spec = spec_of("method: PUT\nparameters: [{name: list, in: path, attribute: list, format: digits}]", head=head)
    client = start(spec, "/l/123/p/a%40b.example%2Fx", variables={"KEY": "s3cret", "OTHER": "no"})
    assert client.sandbox.variables == {"HOST": "sandbox-acme-host", "KEY": "s3cret"}
    assert client.send("PUT", params={"k": "s3cret"}).status_code == 201
    assert client.last.parameters == {"list": "123", "email": "a@b.example/x"}
    assert client.send("PUT", params={"k": "wrong"}).status_code == 400
    assert client.last.problems == ("`k` in the URL's query is wrong",)
    client.url = client.url.replace("123", "12x")
    assert client.send("PUT", params={"k": "s3cret"}).status_code == 400


def test_a_base_url_from_the_environment(start: Start) -> None:
    head = "spec_version: 1\npartner: acme\nendpoint: {staging: '{{ env.BASE }}/leads'}\n"
    client = start(spec_of(EMAIL, head=head), "/leads")
    assert client.sandbox.variables == {"BASE": "https://sandbox-acme-base.invalid"}
    assert client.post(json={"email": "a@example.com"}).status_code == 201
    other = start(spec_of(EMAIL, head=head), "/deep/leads", variables={"BASE": "https://acme.example/deep"})
    assert other.post(json={"email": "a@example.com"}).status_code == 201


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


def test_too_large_a_body_is_413(start: Start) -> None:
    client = start(spec_of("encoding: text\nbody: '{{ email }}'"))
    answer = client.post(data=b"x" * 20_100_000, headers={"Content-Type": "text/plain"})
    assert answer.status_code == 413
    assert client.last.problems == ("the body is larger than 20 MB",)


def test_the_deliveries_page_shows_what_came_and_no_secret(start: Start) -> None:
    spec = spec_of(
        """
        authentication: {type: basic, username: me, password: "{{ env.PASSWORD }}"}
        parameters:
          - {name: email, attribute: email}
          - {name: n, value: "{{ amount | number }}"}
          - {name: q, in: query, value: "1"}
        """
    )
    client = start(spec, variables={"PASSWORD": "hunter2hunter2"})
    body = '{"email": "ä@example.com", "n": 9007199254740993.10}'.encode()
    for _ in range(3):
        client.post(
            data=body, params={"q": "1"}, auth=("me", "hunter2hunter2"), headers={"Content-Type": "application/json"}
        )
    page = client.get("/_sandbox/deliveries?limit=1&offset=1")
    assert "hunter2" not in page.text
    assert '"n":9007199254740993.10' in page.text
    found = page.json()
    assert (found["count"], found["outcomes"], len(found["deliveries"])) == (3, {"delivered": 3}, 1)
    one = found["deliveries"][0]
    assert one["received"].endswith("Z")
    assert (one["number"], one["method"], one["path"], one["query"]) == (2, "POST", "/v1/leads", "q=1")
    assert one["parameters"]["email"] == "ä@example.com"
    assert (one["outcome"], one["status"], one["problems"]) == ("delivered", 201, [])
    assert dict(one["headers"])["Content-Type"] == "application/json"
    assert client.get("/_sandbox/deliveries?limit=x").status_code == 400
    assert requests.delete(client.sandbox.inspection_url, timeout=5).status_code == 204
    assert client.get("/_sandbox/deliveries").json()["count"] == 0
    assert client.get("/_sandbox/health").json()["status"] == "ok"
    assert client.get("/_sandbox/other").status_code == 404


def test_curl_can_use_it(start: Start) -> None:
    client = start(spec_of(EMAIL))
    command = ["curl", "-sS", "--json", '{"email": "a@example.com"}', client.url]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True)
    except FileNotFoundError:
        pytest.skip("curl is not installed")
    assert set(json.loads(done.stdout)) == {"id"}


def test_the_same_seed_gives_the_same_identifiers(start: Start) -> None:
    def ids() -> list[str]:
        client = start(spec_of(EMAIL), seed=7)
        return [client.post(json={"email": f"{n}@example.com"}).json()["id"] for n in range(3)]

    assert ids() == ids()


def test_a_taken_port_and_a_missing_environment_are_told() -> None:
    spec = spec_of(EMAIL)
    with Sandbox(spec) as one:
        port = int(one.base_url.rpartition(":")[2])
        with pytest.raises(ConfigurationError, match="cannot listen"):
            Sandbox(spec, SandboxOptions(port=port)).start()
    with pytest.raises(ConfigurationError, match="no environment `qa`"):
        Sandbox(spec, SandboxOptions(environment="qa"))
    one.close()
