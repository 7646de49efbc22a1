"""Whatever a body is, reading it takes little time and memory; beyond the limits it is text that no path holds for."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from hostile_bodies import BODIES

from rokt_export.exchange.model import Response
from rokt_export.response.body_limits import MAX_NODES
from rokt_export.response.classify import Classifier
from rokt_export.spec_language.rules import Rule

PROGRAM = Path(__file__).parents[1] / "hostile_bodies.py"
READ = {
    "json one integer",
    "json 900 levels",
    "json long text",
    "json digits",
    "json most floats",
    "json most mappings",
    "json chain",
    "xml most elements",
    "xml chain of texts",
    "xml chain of elements",
}


def measured(megabytes: float) -> list[dict[str, object]]:
    done = subprocess.run(
        [sys.executable, PROGRAM, str(megabytes)], capture_output=True, text=True, timeout=300, check=True
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


def judged(megabytes: float, seconds: float, memory: float) -> None:
    found = measured(megabytes)
    assert [each["name"] for each in found] == list(BODIES)
    for each in found:
        assert each["seconds"] < seconds, each
        assert each["megabytes"] < memory, each
    assert {each["name"] for each in found if each["outcome"] == "delivered"} == READ


def test_reading_takes_little_time_and_memory() -> None:
    judged(3, 1.5, 60)


@pytest.mark.soak
def test_reading_the_largest_bodies_takes_little_time_and_memory() -> None:
    judged(9.9, 2.5, 160)


def outcome(raw: bytes, **rule: object) -> tuple[str, str]:
    classifier = Classifier([Rule.model_validate({"outcome": "delivered", **rule})])
    explanation = classifier.explain(Response(200, (), raw))
    check = explanation.rules[0].checks[0]
    return str(explanation.outcome.kind), check.near_miss or ""


@pytest.mark.parametrize(
    ("body", "path", "why"),
    [
        (b"[" + b"1," * MAX_NODES + b"1]", "$[0]", "has about 50,001 values, and at most 50,000 are read"),
        (b"<r>" + b"<a/>" * MAX_NODES + b"</r>", "/r/a", "elements and attributes, and at most 50,000 are read"),
        (b'<!DOCTYPE r [<!ATTLIST r q CDATA "A">]><r/>', "/r/@q", "its document type declares entities or attributes"),
        (b'<!DOCTYPE r SYSTEM "[" [<!ENTITY a "A">]><r>&a;</r>', "/r", "declares entities or attributes"),
        (b'<?xml version="1.0"?><!--[--><!DOCTYPE r\n[ ]><r/>', "/r", "declares entities or attributes"),
        (b'{"x":' * 101 + b"1" + b"}" * 101, "$..x", "is not followed: the body is nested too deeply"),
        (b'{"x":' * 80 + b"[" + b"1," * 9_000 + b"1]" + b"}" * 80, "$..x..x", "the path would visit too much of it"),
        (b"[" + b"{}," * 900 + b"{}]", "$[?$..x]", "the path would visit too much of it"),
        (b"<x>" * 90 + b"<x/>" * 20_000 + b"</x>" * 90, "//x", "the path would visit too much of it"),
        (b"<x>" * 90 + b"t" * 200_000 + b"</x>" * 90, "//x", "the path would visit too much of it"),
    ],
    ids=range(10),
)
@pytest.mark.parametrize("condition", [{"exists": True}, {"absent": True}])
def test_beyond_the_limits_no_path_condition_holds(body: bytes, path: str, why: str, condition: object) -> None:
    kind, near_miss = outcome(body, body={path: condition})
    assert kind == "unclassified"
    assert why in near_miss


@pytest.mark.parametrize(
    ("body", "path"),
    [
        (b"[" + b"1," * (MAX_NODES - 2) + b"1]", "$[49998]"),
        (b'<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML" "[x].dtd"><html><b>[</b></html>', "/html/b"),
        (b"<r>" + b"<a><b/></a>" * 9_000 + b"</r>", "//b"),
        (b"[" + b'{"x":{"y":1}},' * 8_000 + b"1]", "$..x..y"),
    ],
    ids=range(4),
)
def test_within_the_limits_paths_are_followed(body: bytes, path: str) -> None:
    assert outcome(body, body={path: {"exists": True}})[0] == "delivered"


def test_text_conditions_hold_for_what_is_too_large_for_paths() -> None:
    body = b"[" + b"1," * MAX_NODES + b'"Member Exists"]'
    assert outcome(body, text={"contains": "Member Exists"})[0] == "delivered"


def test_many_rules_with_searching_paths_share_one_limit() -> None:
    body = b"[" + b'{"a":1},' * 15_000 + b"1]"
    rules = [Rule.model_validate({"outcome": "failed", "body": {f"$..b{n}": {"exists": True}}}) for n in range(100)]
    rules.append(Rule.model_validate({"outcome": "rejected", "body": {"$..a": {"exists": True}}}))
    rules.append(Rule.model_validate({"outcome": "delivered", "body": {"$[0].a": 1}}))
    assert Classifier(rules).classify(Response(200, (), body)).kind == "delivered"
