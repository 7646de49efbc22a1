"""What a request refuses to send, the sandbox refuses to take, and nothing else: each rule is fed to both sides."""

from __future__ import annotations

import json
from typing import Any

import pytest
from multidict import CIMultiDict

from rokt_export.authentication.base import ReceivedRequest
from rokt_export.partner_spec.model import Parameter
from rokt_export.request.parameter_values import OMIT, RefusedError, compile_field
from rokt_export.sandbox.checks import checks, places

RULES: list[tuple[dict[str, Any], str, str]] = [
    ({"format": "email"}, "jane.doe@example.com", "jane.doe"),
    ({"format": "digits"}, "00123", "12a"),
    ({"format": "date"}, "1983-12-31", "1983-02-30"),
    ({"format": "country"}, "US", "XX"),
    ({"pattern": "[a-z]+"}, "abc", "abc1"),
    ({"choices": ["a", "b"]}, "b", "c"),
    ({"min_length": 3}, "abc", "ab"),
    ({"max_length": 3}, "Zoë", "Zoës"),
    ({"type": "number"}, "1.5", "one"),
    ({"type": "integer"}, "42", "4.2"),
    ({"type": "boolean"}, "yes", "perhaps"),
    ({"type": "date"}, "1983-12-31", "yesterday"),
]
WHEN: list[tuple[dict[str, Any], dict[str, str], bool]] = [
    ({"country": "present"}, {"country": "US"}, True),
    ({"country": "present"}, {"country": ""}, False),
    ({"country": "present"}, {}, False),
    ({"country": "absent"}, {}, True),
    ({"country": "absent"}, {"country": ""}, True),
    ({"country": "absent"}, {"country": "US"}, False),
    ({"country": ["US", "CA"]}, {"country": "CA"}, True),
    ({"country": ["US", "CA"]}, {"country": "DE"}, False),
    ({"country": "US"}, {}, False),
    ({"country": "US", "state": "present"}, {"country": "US"}, False),
    ({"country": "US", "state": "present"}, {"country": "US", "state": "NY"}, True),
]


def parameter(name: str, **more: Any) -> Parameter:
    return Parameter.model_validate({"name": name, "attribute": name, **more})


def sends(made: Parameter, row: dict[str, str]) -> bool:
    try:
        compile_field(made, {}).take(row)
    except RefusedError:
        return False
    return True


def takes(parameters: list[Parameter], body: dict[str, str], encoding: str = "form") -> bool:
    received = ReceivedRequest("POST", "/", "", CIMultiDict(), b"")
    received.data = {name: [value] for name, value in body.items()} if encoding == "form" else body
    return not [wrong for check in checks(places(parameters, encoding)) for wrong in check.problems(received)]


@pytest.mark.parametrize(("rule", "right", "wrong"), RULES, ids=json.dumps)
def test_both_sides_agree_on_a_value(rule: dict[str, Any], right: str, wrong: str) -> None:
    made = parameter("x", **rule)
    for value, accepted in ((right, True), (wrong, False)):
        assert (sends(made, {"x": value}), takes([made], {"x": value})) == (accepted, accepted), value


@pytest.mark.parametrize("encoding", ["form", "json"])
@pytest.mark.parametrize(("rule", "right", "wrong"), RULES, ids=json.dumps)
def test_the_sandbox_takes_what_the_request_sends(rule: dict[str, Any], right: str, wrong: str, encoding: str) -> None:
    made = parameter("x", **rule)
    sent = compile_field(made, {}).take({"x": right})
    assert sent is not OMIT
    value = json.loads(sent) if encoding == "json" and rule.get("type") in ("number", "integer") else sent
    assert takes([made], {"x": value}, encoding)


@pytest.mark.parametrize(("when", "row", "needed"), WHEN, ids=json.dumps)
def test_both_sides_agree_on_when_a_parameter_is_required(
    when: dict[str, Any], row: dict[str, str], needed: bool
) -> None:
    made = parameter("x", required={"when": when})
    others = [parameter("country"), parameter("state")]
    assert sends(made, row) is not needed
    assert takes([made, *others], row) is not needed
    assert takes([made, *others], {**row, "x": "here"})


@pytest.mark.parametrize(("row", "needed"), [({}, True), ({"country": ""}, True), ({"country": "US"}, False)])
def test_both_sides_agree_on_one_of_several(row: dict[str, str], needed: bool) -> None:
    made = parameter("x", required={"any_of": ["x", "country"]})
    assert (sends(made, row), takes([made, parameter("country")], row)) == (not needed, not needed)
    assert sends(made, row | {"x": "1"})
    assert takes([made, parameter("country")], row | {"x": "1"})
