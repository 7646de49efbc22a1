"""A rule without an example gets a response that it matches."""

from __future__ import annotations

import pytest

from rokt_export.exchange.model import Response
from rokt_export.response.classify import Classifier
from rokt_export.sandbox.example_responses import ExampleResponses
from rokt_export.sandbox.synthetic_responses import synthesise
from tests.sandbox.conftest import spec_of


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
