"""The place of a capture is found in an example, and only that is replaced."""

from __future__ import annotations

import json
import re

import pytest

from rokt_export.exchange.model import Response
from rokt_export.response.classify import Classifier
from rokt_export.sandbox.example_responses import ExampleResponses
from tests.sandbox.conftest import Start, spec_of


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
