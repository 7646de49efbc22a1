"""Requests of several rows: each record is seen by itself, and the response has an element for each."""

from __future__ import annotations

import random
from typing import Any

import orjson
import pytest
from multidict import CIMultiDict

from rokt_export.authentication.base import ReceivedRequest
from rokt_export.exchange.model import Response
from rokt_export.sandbox.batches import ElementResponses, ReceivedRecord, splitter
from rokt_export.sandbox.checks import places
from rokt_export.sandbox.identity import Identity
from tests.sandbox.conftest import spec_of

BY_PLACE = """\
  - outcome: delivered
    status: 200
    each: '$.results[*]'
    body: {$.ok: true}
    capture: {reference: $.id}
    examples: [{status: 200, body: '{"results": [{"ok": true, "id": "r-1000000"}]}'}]
  - {outcome: rejected, status: 200, each: '$.results[*]', body: {$.ok: false}, capture: {reason: $.why}}
"""


def received(data: Any) -> ReceivedRequest:
    return ReceivedRequest("POST", "/leads", "", CIMultiDict(), b"", {}, data)


def record(outcome: str, number: int, **more: Any) -> ReceivedRecord:
    return ReceivedRecord(received([{"email": f"{number}@example.com"}]), Identity(b"%d" % number), outcome, **more)


@pytest.mark.parametrize(
    ("array", "data", "parts"),
    [
        ("", [1, 2], [[1], [2]]),
        ("people", {"list": 7, "people": [1, 2]}, [{"list": 7, "people": [1]}, {"list": 7, "people": [2]}]),
        ("a.b[1]", {"a": {"b": [0, [1, 2]]}}, [{"a": {"b": [0, [1]]}}, {"a": {"b": [0, [2]]}}]),
        ("people", {"people": []}, [{"people": []}]),
        ("people", {"people": "x"}, [{"people": "x"}]),
        ("people", [1], [[1]]),
        (None, [1, 2], [[1, 2]]),
    ],
)
def test_a_request_is_split_into_its_records(array: str | None, data: Any, parts: list[Any]) -> None:
    assert [each.data for each in splitter(array)(received(data))] == parts


def responses(rules: str) -> ElementResponses:
    spec = spec_of("parameters: [{name: email, attribute: email}]", responses=rules)
    return ElementResponses(spec.responses, places(spec.parameters, "json"), random.Random(1))


def test_each_record_has_its_element_in_its_place() -> None:
    made = responses(BY_PLACE)
    assert made and made.of("delivered") is not None and made.of("duplicate") is None
    records = [record("delivered", 1), record("rejected", 2, problems=("no zip",)), record("delivered", 3)]
    response = made.make(records, Response(200))
    first, second, third = orjson.loads(response.body)["results"]
    assert (response.status, first["ok"], second["ok"], second["why"]) == (200, True, False, "no zip")
    assert first["id"] != third["id"]


def test_without_a_rule_by_element_the_response_is_the_whole_one() -> None:
    made, whole = responses("  - {outcome: delivered, status: 200}\n"), Response(200, body=b"whole")
    assert not made
    assert made.make([record("delivered", 1)], whole) is whole
