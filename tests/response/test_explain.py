"""What an explanation says of each rule, and how it names what came near."""

from __future__ import annotations

import json

import pytest

from rokt_export.exchange.model import Response
from rokt_export.partner_spec.document import parse
from rokt_export.response.classify import Classifier
from rokt_export.response.explain import ConditionTrace, Explanation, RuleVerdict
from rokt_export.spec_language.rules import Rule


def explained(rules: str, status: int, body: str = "", *headers: tuple[str, str]) -> Explanation:
    data = parse("rules.yaml", rules).data
    classifier = Classifier([Rule.model_validate({"outcome": "delivered", **each}) for each in data])
    return classifier.explain(Response(status, headers, body.encode()))


def only_check(condition: str, body: str, *headers: tuple[str, str], status: int = 200) -> ConditionTrace:
    (trace,) = explained(f"[{condition}]", status, body, *headers).rules
    return trace.checks[0]


RULES = """
- {outcome: duplicate, status: 400, body: {$.title: Member Exists}}
- {outcome: rejected, status: 4xx, capture: {reason: $.title}}
- {outcome: rejected, name: bad request, status: 400}
- {outcome: failed, status: 5xx, retry: true}
"""


def test_every_rule_is_told_also_behind_the_one_that_decided() -> None:
    told = explained(RULES, 400, '{"title": "member exists"}')
    assert [(trace.name, trace.verdict) for trace in told.rules] == [
        ("duplicate", RuleVerdict.NOT_MATCHED),
        ("rejected", RuleVerdict.MATCHED),
        ("bad request", RuleVerdict.ALSO_MATCHES),
        ("failed", RuleVerdict.NOT_REACHED),
    ]
    assert told.lines() == [
        "rejected by rule rejected; reason: member exists",
        "duplicate: not matched",
        "  yes status: found `400`, wanted 400",
        "  no  body $.title: found `member exists`, wanted `Member Exists`: differs in case only",
        "rejected: matched",
        "  yes status: found `400`, wanted 400-499",
        "bad request (rejected): also matches, but comes later",
        "  yes status: found `400`, wanted 400",
        "failed: not reached (an earlier rule matched)",
        "  no  status: found `400`, wanted 500-599",
    ]


def test_json_form_is_json() -> None:
    told = json.loads(json.dumps(explained(RULES, 400, '{"title": "Member Exists"}').as_json()))
    assert (told["outcome"], told["rule"]) == ("duplicate", "duplicate")
    assert told["rules"][0]["checks"][1] == {
        "what": "body $.title",
        "found": "`Member Exists`",
        "wanted": "`Member Exists`",
        "held": True,
        "near_miss": None,
        "depth": 0,
    }


@pytest.mark.parametrize(
    ("condition", "body", "near_miss"),
    [
        ("{body: {$.v: success}}", '{"v": "Success"}', "found `Success`, wanted `success`: differs in case only"),
        ("{body: {$.v: OK}}", '{"v": "OK "}', "found `OK`, wanted `OK`: white space at the end"),
        ("{body: {$.v: OK}}", '{"v": " OK"}', "found `OK`, wanted `OK`: white space at its ends"),
        ("{body: {$.v: a-b}}", '{"v": "A_B"}', "found `A_B`, wanted `a-b`: differs in case and punctuation only"),
        ("{body: {$.v: 00123}}", '{"v": 123}', "found `123`, wanted `00123`: differs in leading zeros only"),
        (
            "{body: {$.v: Member Exists}}",
            '{"v": "Member Exist"}',
            "found `Member Exist`, wanted `Member Exists`: nearly the same",
        ),
        (
            "{body: {$.v: exists}}",
            '{"v": "The member exists already here"}',
            "found `The member exists already here`, wanted `exists`: it is part of the value: `contains` would match",
        ),
        ("{strict: true, body: {$.v: 7}}", '{"v": "7"}', "found `7`, wanted `7`: text is not a number under `strict`"),
        (
            "{strict: true, body: {$.v: 'true'}}",
            '{"v": true}',
            "found `true`, wanted `true`: a boolean is not text under `strict`",
        ),
        ("{body: {$.v: {prefix: MJ18}}}", '{"v": "mj18"}', "found `mj18`, wanted `MJ18`: differs in case only"),
        ("{body: {$.v: {regex: ^dup}}}", '{"v": "Duplicate"}', "it would match if `ignore_case` were set"),
        ("{body: {$.v: [a, b]}}", '{"v": "B"}', "found `B`, wanted `b`: differs in case only"),
        ("{body: {$.v: {every: ok}}}", '{"v": ["ok", "Ok"]}', "found `Ok`, wanted `ok`: differs in case only"),
        ("{body: {$.v: x}}", '{"v": ["x"]}', "a list of 1: `any` or `every` asks of its elements"),
        ("{body: {$.v: x}}", '{"v": {"a": 1}}', "a mapping, with the keys `a`"),
        ("{body: {$.v: apple}}", '{"v": "pear"}', None),
        ("{body: {$.titel: x}}", '{"title": "x"}', "path `$.titel`: nearest key there is `title`"),
        ("{body: {$.Id: x}}", '{"id": "x"}', "path `$.Id`: nearest key there is `id`"),
        ("{body: {$.a.code: x}}", '{"a": {"zzz": 1, "yyy": 2}}', "path `$.a.code`: the keys there are `zzz`, `yyy`"),
        ("{body: {$.a.code: x}}", '{"a": "text"}', "path `$.a.code`: `$.a` is `text`, with nothing inside"),
        ("{body: {$.a.code: x}}", '{"a": {}}', "path `$.a.code`: `$.a` is an empty mapping"),
        ("{body: {$.code: x}}", '[{"code": "x"}]', "path `$.code`: `$` is a list: `$[*]` looks into each element"),
        ("{body: {'$[2]': x}}", '["x"]', "path `$[2]`: the list at `$` has 1 elements"),
        ("{body: {'$.e[*].c': x}}", '{"e": []}', "path `$.e[*].c` finds nothing"),
        ("{body: {$.v: x}}", "", "the body is empty"),
        ("{body: {$.w: x}}", "<v>x</v>", "path `$.w`: the keys there are `v`"),
        ("{body: {$.v: x}}", "OK", "the body is not JSON: it starts with `O`"),
        ("{body: {$.v: x}}", '{"v": x}', "the body is not JSON: Expecting value at line 1, column 7"),
        ("{as: text, body: {$.v: x}}", "{}", "the rule says `as: text`: the body has no paths"),
        ("{as: json, body: {/v: x}}", "<v>x</v>", "`/v` walks XML, and the rule says `as: json`"),
        ("{body: {/r/statuz: x}}", "<r><status>x</status></r>", "path `/r/statuz`: nearest element there is `status`"),
        (
            "{body: {/Result/id: x}}",
            "<result><id>x</id></result>",
            "path `/Result/id`: nearest element there is `result`",
        ),
        ("{body: {/r/a/b: x}}", "<r><a>t</a></r>", "path `/r/a/b`: `/r/a` has no elements inside"),
        ("{body: {/r: x}}", '{"r": 1}', "the body is not XML: it starts with `{`"),
        ("{text: OK}", "ok", "found `ok`, wanted `OK`: differs in case only"),
        ("{empty: true}", "x", None),
        ("{content_type: x}", "", "the response has no Content-Type"),
        ("{headers: {X-Statuz: x}}", "", "no header `X-Statuz`: the nearest is `x-status`"),
        ("{headers: {Location: x}}", "", "no header `Location`"),
    ],
)
def test_near_miss(condition: str, body: str, near_miss: str | None) -> None:
    check = only_check(condition, body, ("X-Status", "ok"))
    assert not check.held
    assert check.near_miss == near_miss


def test_status_is_near_in_its_own_hundred() -> None:
    assert only_check("{status: 200}", "", status=201).near_miss == "201 is another 2xx status"
    assert only_check("{status: [200-202, 409]}", "", status=204).near_miss == "204 is another 2xx status"
    assert only_check("{status: 200}", "", status=404).near_miss is None


def test_groups_are_told_with_what_stands_in_them() -> None:
    told = explained("[{any: [{body: {$.a: 1}}, {status: 201}], not: {text: x}}]", 200, "x")
    assert told.lines()[2:] == [
        "  no  any of these (what it rests on cannot be decided)",
        "    no  body $.a: found nothing, wanted `1` (the body is not JSON: it starts with `x`)",
        "    no  status: found `200`, wanted 201 (200 is another 2xx status)",
        "  no  not this",
        "    yes text: found `x`, wanted `x`",
    ]


def test_conditions_in_words() -> None:
    condition = "{regex: ^a, not: {one_of: [b, 7]}, every: {compare: '> 5'}, empty: false, ignore_case: true}"
    assert only_check(f"{{body: {{$.v: {condition}}}}}", "{}").wanted == (
        "matching `^a` and not empty and each of them (a number > 5) and not (one of `b`, `7`) (ignore case)"
    )


def test_a_rule_for_everything_says_so() -> None:
    assert explained("[{name: rest}]", 200).lines() == [
        "delivered by rule rest",
        "rest (delivered): matched",
        "  yes no conditions: matches every response",
    ]


def test_hostile_text_stays_on_its_line() -> None:
    (line,) = (line for line in explained("[{text: x}]", 200, "a\n\x1b[31mb\r\n" + "c" * 500).lines() if "text" in line)
    assert "\x1b" not in line and "\n" not in line and len(line) < 200


CAPTURING = "[{capture: {reference: [$.id, {header: X-Id}], code: {regex: 'code (\\d+)'}}}]"


@pytest.mark.parametrize(
    ("body", "content_type", "why"),
    [
        ("", "application/json", "the body is empty"),
        ('{"id":1', "application/json", "the body is not JSON: "),
        ("<html><p>ok</p></html>", "application/json", "path `$.id`: the keys there are `html`"),
        ("<html><br>ok</html>", "application/json", "the body is not XML: "),
        ('{"iid": 1}', "application/json", "path `$.id`: nearest key there is `iid`"),
        ('{"id": null}', "application/json", "there is no text in it"),
        ('{"id": "  "}', "application/json", "there is no text in it"),
    ],
)
def test_a_capture_that_finds_nothing_says_why(body: str, content_type: str, why: str) -> None:
    told = explained(CAPTURING, 201, body, ("Content-Type", content_type))
    reference, code = told.rules[0].missed
    assert reference.line().startswith(f"reference: `$.id` or header `X-Id` found nothing ({why}")
    assert reference.why.endswith("; no header `X-Id`")
    assert code.line() == "code: `code (\\d+)` in the body found nothing (no match there)" or not body
    assert [line for line in told.lines() if "found nothing" in line] == [
        f"  {each.line()}" for each in (reference, code)
    ]
    assert told.as_json()["rules"][0]["missed"][0]["name"] == "reference"  # type: ignore[index]


def test_a_capture_that_finds_something_is_not_told_again() -> None:
    told = explained("[{capture: {reference: [$.key, $.id]}}, {capture: {reference: $.none}}]", 201, '{"id": 7}')
    assert [trace.missed for trace in told.rules] == [(), ()]


def test_a_retry_is_what_the_rule_allows_not_what_comes() -> None:
    told = explained("[{outcome: failed, retry: true, after: header}]", 429, "", ("Retry-After", "1"))
    assert told.lines()[0] == "failed by rule failed; the rule allows a retry after 1 s"
