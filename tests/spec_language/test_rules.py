"""Response rules: the short forms of conditions, captures, waits and examples."""

from __future__ import annotations

import pytest

from tests.partner_spec.models import rule_of


def test_conditions_have_short_forms():
    body = rule_of(body={"$.a": "x", "$.b": ["x", 7], "$.c": None, "$.d": True, "$.e": {"exists": False}}).body
    assert (body["$.a"].equals, body["$.b"].one_of, body["$.d"].equals) == ("x", ("x", 7), True)
    assert body["$.c"].has_equals
    assert body["$.c"].equals is None
    assert not body["$.e"].has_equals
    assert rule_of(text="x").text.equals == "x"
    assert rule_of(headers={"X": {"not": {"contains": "y"}}}).headers["X"].not_.contains == "y"


def test_captures_have_short_forms():
    capture = rule_of(
        capture={"reason": ["$.a", {"regex": "x(.)"}], "reference": {"header": "Location"}, "code": "/R/C"}
    ).capture
    assert [place.path for place in capture.reason] == ["$.a", None]
    assert capture.reason[1].regex == "x(.)"
    assert (capture.reference[0].header, capture.code[0].path) == ("Location", "/R/C")
    assert rule_of().capture.reason == ()


@pytest.mark.parametrize(
    ("written", "header", "unit", "seconds"),
    [
        ("header", "Retry-After", "s", None),
        ("X-Reset", "X-Reset", "s", None),
        (5, None, "s", 5.0),
        ({"header": "X", "unit": "epoch"}, "X", "epoch", None),
        ({"seconds": 2}, None, "s", 2.0),
    ],
)
def test_when_to_try_again(written, header, unit, seconds):
    after = rule_of(retry=True, after=written).after
    assert (after.header, after.unit, after.seconds) == (header, unit, seconds)


@pytest.mark.parametrize(
    ("written", "expected"),
    [({"a": [1]}, '{"a":[1]}'), ([1, None], "[1,null]"), ("text", "text"), (None, ""), ("", "")],
)
def test_the_body_of_an_example(written, expected):
    assert rule_of(examples=[{"body": written}]).examples[0].body == expected
