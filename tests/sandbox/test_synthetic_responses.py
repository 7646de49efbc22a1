from __future__ import annotations

import json
import random
import re
import uuid
from itertools import pairwise
from statistics import correlation

import pytest

from rokt_export.exchange.model import Response
from rokt_export.response.classify import Classifier
from rokt_export.sandbox.example_responses import ExampleResponses, References
from rokt_export.sandbox.synthetic_responses import synthesise
from tests.sandbox.conftest import Start, spec_of


@pytest.mark.parametrize(
    "rule",
    [
        "{outcome: delivered, status: 200-299}",
        "{outcome: delivered, status: [4xx, 200], body: {$.id: {exists: true}}, capture: {reference: $.id}}",
        "{outcome: delivered, body: {$.success: true, '$.result[0].status': created}}",
        "{outcome: delivered, body: {'$.result[*].status': [created, updated], $.n: {compare: '> 3'}}}",
        "{outcome: delivered, body: {'$[0].errorCode': {prefix: DUP, suffix: _X}}}",
        "{outcome: delivered, body: {$: done}}",
        "{outcome: delivered, body: {$.gone: {absent: true}, $.text: {contains: 'is here'}, $.no: {empty: true}}}",
        "{outcome: delivered, body: {\"$.errors[?@.code == 'E1'].message\": {exists: true}}}",
        "{outcome: delivered, body: {\"$['a.b'].c\": 7, $.text: {regex: '^MJ18\\\\.?.*$'}}, strict: true}",
        "{outcome: delivered, body: {$..category: CONFLICT}}",
        "{outcome: delivered, empty: true, status: 202}",
        "{outcome: delivered, text: {contains: accepted}, headers: {X-Result: ok}, content_type: text/plain}",
        "{outcome: delivered, all: [{status: 409}, {any: [{body: {$.code: 1008}}, {empty: true}]}]}",
        "{outcome: delivered, body: {/Response/Status: {equals: Matched}, /Response/@code: '0'}}",
        "{outcome: delivered, body: {//StatusCode: OK, //Detail/Text: {exists: true}}}",
        "{outcome: delivered, body: {/response/result/recorddetail: {absent: true}}}",
        "{outcome: delivered, headers: {Location: {prefix: /leads/}}}",
    ],
)
def test_a_rule_without_an_example_gets_an_answer_that_it_catches(rule: str) -> None:
    spec = spec_of("parameters: [{name: e, attribute: email}]", responses=f"  - {rule}\n")
    made = synthesise(spec.responses[0])
    answer = ExampleResponses(spec.responses[0]).make()
    for headers, body in ((tuple(made.headers.items()), made.body.encode()), (answer.headers, answer.body)):
        outcome = Classifier(spec.responses).classify(Response(made.status, headers, body))
        assert outcome.kind == "delivered", (made, outcome)


@pytest.mark.parametrize(
    ("capture", "example", "again"),
    [
        ("{reference: $.id}", '{"id": 12, "n": 12}', lambda ref: {"id": int(ref), "n": 12}),
        ("{reference: $.id}", '{"n": "ab12", "id": "ab12"}', lambda ref: {"n": "ab12", "id": ref}),
        ("{reference: '$.a[-1:].b'}", '{"a": [{"b": "x1"}, {"b": "x1"}]}', lambda r: {"a": [{"b": "x1"}, {"b": r}]}),
        ("{reference: {path: $.url, regex: 'leads/(\\d+)'}}", '{"url": "/leads/7"}', lambda r: {"url": f"/leads/{r}"}),
        ("{reference: [$.no, $.id]}", '{"id": "a\\"b-1"}', lambda ref: {"id": ref}),
    ],
)
def test_each_answer_has_its_own_reference_in_its_place(capture: str, example: str, again: object) -> None:
    rule = f"  - {{outcome: delivered, capture: {capture}, examples: [{{body: {json.dumps(example)}}}]}}\n"
    spec = spec_of("parameters: [{name: e, attribute: email}]", responses=rule)
    answers, classifier = ExampleResponses(spec.responses[0]), Classifier(spec.responses)
    seen = set()
    for _ in range(50):
        body = answers.make().body
        reference = classifier.classify(Response(200, (), body)).reference
        assert json.loads(body) == again(reference)  # type: ignore[operator]
        seen.add(reference)
    assert len(seen) == 50


def test_xml_keeps_its_form_and_a_header_its_place(start: Start) -> None:
    client = start(
        spec_of(
            "parameters: [{name: email, attribute: email}]",
            responses="""\
              - outcome: delivered
                capture: {reference: {header: Location, regex: '[^/]+$'}}
                examples:
                  - status: 201
                    headers: {location: /leads/000123}
                    body: '<a:r xmlns:a="u"><who>x@example.com</who></a:r>'
            """,
        ),
    )
    answer = client.post(json={"email": "q&a@example.com"})
    assert re.fullmatch(r"/leads/[1-9]\d{9}", answer.headers["Location"])
    assert answer.text == '<a:r xmlns:a="u"><who>q&amp;a@example.com</who></a:r>'
    assert answer.headers["Content-Type"] == "application/xml; charset=utf-8"


@pytest.mark.parametrize(
    "example", ["7", "123456789012345678", "000123456789", "c0ffee12", "C0FFEE12", "00Q5e00001AbCdEAV", "LD-7", "x"]
)
def test_references_keep_their_shape_and_never_repeat(example: str) -> None:
    for chance in (None, random.Random(1)):
        series = References(example, chance)
        made = [series.next() for _ in range(2_000)]
        assert len(set(made)) == 2_000
        assert all(each.isdigit() for each in made) or not example.isdigit()
        assert all(each.upper() == each for each in made) or example.upper() != example
        if len(example) > 7:
            assert {len(each) for each in made} == {len(example)}
        if example[0] != "0":
            assert example.isdigit() is False or all(each[0] != "0" for each in made)


def test_a_random_series_has_no_step_that_a_comparison_could_take_for_a_pattern() -> None:
    series = References("483920192", random.Random(1))
    made = [int(series.next()) for _ in range(200)]
    assert len({after - before for before, after in pairwise(made)}) > 190
    other = References("483920192", random.Random(2))
    assert abs(correlation(made, [int(other.next()) for _ in range(200)])) < 0.3


def test_a_uuid_stays_one() -> None:
    made = uuid.UUID(References("f81d4fae-7dec-41d0-a765-00a0c91e6bf6", random.Random(1)).next())
    assert (made.version, made.variant) == (4, uuid.RFC_4122)
