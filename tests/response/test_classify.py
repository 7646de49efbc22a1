"""Which rule decides, what it captures and when to try again; no response, however hostile, breaks the classifier."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rokt_export.exchange.model import LASTING, Fault, FaultKind, Outcome, OutcomeKind, Response
from rokt_export.response.classify import LONGEST_WAIT, Classifier, retry_after
from tests.response.classifying import captured, rule

JSON = (("Content-Type", "application/json"),)


def test_first_rule_that_holds_decides() -> None:
    rules = [rule("{outcome: duplicate, status: 400}"), rule("{outcome: rejected, status: 4xx}"), rule("{status: 400}")]
    classifier = Classifier(rules)
    assert classifier.names == ("duplicate", "rejected", "delivered")
    assert classifier.classify(Response(400)).rule == "duplicate"
    assert classifier.classify(Response(404)).rule == "rejected"


def test_unclassified_shows_what_came() -> None:
    outcome = Classifier([rule("{status: 200}")]).classify(Response(418, (), b"I am a\n  teapot\x1b[31m" + b"!" * 200))
    assert outcome.kind is OutcomeKind.UNCLASSIFIED
    assert outcome.reason is not None
    assert outcome.reason.startswith('no rule matched: status 418, body "I am a teapot\N{REPLACEMENT CHARACTER}[31m!!')
    assert outcome.reason.endswith('!!"')  # cut when it has been redacted
    empty = Classifier([rule("{status: 200}")]).classify(Response(418))
    assert empty.reason == "no rule matched: status 418, empty body"
    truncated = Response(200, (("Content-Type", "application/json"),), b'{"id": 17, "state": "sto')
    outcome = Classifier([rule("{status: 418}")]).classify(truncated)
    assert outcome.reason is not None
    assert "status 200, its body cannot be read: not JSON: Unterminated string" in outcome.reason
    assert outcome.reason.endswith(', body "{"id": 17, "state": "sto"')


def test_no_status_means_anything_without_a_rule() -> None:
    for status in range(100, 600):
        outcome = Classifier(()).classify(Response(status, JSON, b'{"success": true}'))
        assert (outcome.kind, outcome.rule, outcome.retry) == (OutcomeKind.UNCLASSIFIED, None, False)


@pytest.mark.parametrize(
    ("kind", "sent", "outcome", "retry"),
    [
        (FaultKind.DNS, False, OutcomeKind.FAILED, True),
        (FaultKind.CONNECT, False, OutcomeKind.FAILED, True),
        (FaultKind.TLS, False, OutcomeKind.FAILED, False),
        (FaultKind.TIMEOUT_BEFORE_SEND, False, OutcomeKind.FAILED, True),
        (FaultKind.PROTOCOL, False, OutcomeKind.FAILED, False),
        (FaultKind.CANCELLED, False, OutcomeKind.FAILED, False),
        (FaultKind.CANCELLED, True, OutcomeKind.UNKNOWN, False),
        (FaultKind.PROTOCOL, True, OutcomeKind.UNKNOWN, False),
        (FaultKind.CONNECT, True, OutcomeKind.UNKNOWN, False),
        (FaultKind.TIMEOUT_AFTER_SEND, True, OutcomeKind.UNKNOWN, False),
        (FaultKind.RESET_AFTER_SEND, True, OutcomeKind.UNKNOWN, False),
        (FaultKind.TOO_LARGE, True, OutcomeKind.UNKNOWN, False),
        (FaultKind.TOO_LARGE, False, OutcomeKind.UNKNOWN, False),
    ],
)
def test_fault(kind: FaultKind, sent: bool, outcome: OutcomeKind, retry: bool) -> None:
    catch_all = Classifier([rule("{}")])
    assert catch_all.classify(Fault(kind, "no answer", sent)) == Outcome(outcome, reason="no answer", retry=retry)


def test_a_row_that_may_have_arrived_is_never_failed_so_it_is_never_sent_again_unasked() -> None:
    answered = {FaultKind.TIMEOUT_AFTER_SEND, FaultKind.RESET_AFTER_SEND, FaultKind.TOO_LARGE}
    for kind in FaultKind:
        for sent in (True, False):
            outcome = Classifier([rule("{}")]).classify(Fault(kind, "no response", sent))
            may_have_arrived = sent or kind in answered
            assert (outcome.kind is OutcomeKind.UNKNOWN) is may_have_arrived, (kind, sent)
            assert not (may_have_arrived and outcome.retry), (kind, sent)


def test_what_becomes_of_a_row_with_a_fault_agrees_with_the_faults_facts() -> None:
    for kind in FaultKind:
        for sent in (True, False):
            outcome = Classifier([rule("{}")]).classify(Fault(kind, "no response", sent))
            assert outcome == Outcome(outcome.kind, reason="no response", retry=outcome.retry), (kind, sent)
            assert not (outcome.retry and kind in LASTING), f"{kind} is lasting: another attempt meets it again"


@pytest.mark.parametrize(
    ("capture", "body", "expected"),
    [
        ("$.a", '{"a": "x"}', "x"),
        ("$.a", '{"a": " x "}', "x"),
        ("$.a", '{"a": 1.10}', "1.10"),
        ("$.a", '{"a": 1E400}', "1E400"),
        ("$.a", '{"a": 12345678901234567}', "12345678901234567"),
        ("$.a", '{"a": true}', "true"),
        ("$.a", '{"a": null}', None),
        ("$.a", '{"a": ""}', None),
        ("$.a", '{"a": {"b": [1, "é", 123456789012345678901]}}', '{"b":[1,"é",123456789012345678901]}'),
        ("[$.a, $.b]", '{"b": "y"}', "y"),
        ("[$.a, $.b]", '{"a": "", "b": "y"}', "y"),
        ("'$[*].m'", '[{"m": null}, {"m": "second"}]', "second"),
        ("{path: $.m, regex: 'ID: (\\d+)'}", '{"m": "Existing ID: 42."}', "42"),
        ("{path: $.m, regex: '(a)?(?P<value>b)'}", '{"m": "b"}', "b"),
        ("{path: $.m, regex: 'b.'}", '{"m": "abc"}', "bc"),
        ("{path: $.m, regex: '(x)?a'}", '{"m": "a"}', None),
        ("{regex: 'lead=(\\d+)'}", "ok&lead=5", "5"),
        ("{header: X-Lead}", "", "L1"),
        ("{header: X-Lead, regex: '\\d'}", "", "1"),
        ("/r/id", "<r><id>5</id></r>", "5"),
        ("$.a", "broken {", None),
        ("$.a", '{"a": "' + "x" * 600 + '"}', "x" * 600),
        ("$.a", '{"a": "\\ud800\\u0000\\u001b[2J"}', "\N{REPLACEMENT CHARACTER}" * 3 + "[2J"),
    ],
)
def test_capture(capture: str, body: str, expected: str | None) -> None:
    outcome = captured(f"capture: {{reference: {capture}}}", body, (("x-lead", "L1"),))
    assert outcome.reference == expected


RECEIVED = 1_700_000_000.0


@pytest.mark.parametrize(
    ("after", "value", "expected"),
    [
        ("header", "120", 120.0),
        ("header", " 1.5 ", 1.5),
        ("header", "-3", 0.0),
        ("header", "9999999999", LONGEST_WAIT),
        ("header", "soon", None),
        ("header", "", None),
        ("header", "1e9", None),
        ("header", "inf", None),
        ("header", format_datetime(datetime.fromtimestamp(RECEIVED + 60, UTC), usegmt=True), 60.0),
        ("header", format_datetime(datetime.fromtimestamp(RECEIVED - 60, UTC), usegmt=True), 0.0),
        ("header", "Tue, 14 Nov 2023 22:14:20 -0000", 60.0),
        ("header", "Mon, 99 Foo 99999 99:99:99 GMT", None),
        ("{header: Retry-After, unit: ms}", "1500", 1.5),
        ("{header: Retry-After, unit: epoch}", "1700000030", 30.0),
        ("{header: Retry-After, seconds: 5}", "garbage", 5.0),
        ("{header: X-Other, seconds: 5}", "7", 5.0),
        ("X-Other", "7", None),
        ("30", "7", 30.0),
        ("{header: Retry-After, unit: epoch_ms}", "1700000030000", 30.0),
        ("{header: Retry-After, unit: epoch}", "1700000030000", 30.0),
        ("header", "1700000030", 30.0),
        ("header", "1700000030000", 30.0),
        ("{header: Retry-After, unit: ms}", "1700000030000", 30.0),
        ("{header: Retry-After, unit: ms}", "7000000000", LONGEST_WAIT),
        ("{header: Retry-After, unit: epoch_ms}", "1700000030", 30.0),
        ("{header: Retry-After, unit: epoch_ms}", "1500", 1.5),
        ("{header: Retry-After, unit: epoch}", "15", 15.0),
        ("header", "2023-11-14T22:14:20Z", 60.0),
        ("header", "2023-11-14T23:14:20+01:00", 60.0),
        ("header", "2023-11-14T22:14:20", 60.0),
        ("header", "2023-99-99", None),
        ("{body: $.retry.after}", "x", 7.0),
        ("{header: Retry-After, body: $.retry.after}", "x", 7.0),
        ("{header: Retry-After, body: $.retry.after}", "9", 9.0),
        ("{body: $.none, seconds: 5}", "x", 5.0),
    ],
)
def test_retry_after(after: str, value: str, expected: float | None) -> None:
    classifier = Classifier([rule(f"{{outcome: failed, status: 429, retry: true, after: {after}}}")])
    response = Response(429, (("retry-after", value),), b'{"retry": {"after": 7}}')
    outcome = classifier.classify(response, received=RECEIVED)
    words = '{"retry": {"after": 7}}'
    assert outcome == Outcome(OutcomeKind.FAILED, "failed", words, retry=True, retry_after=expected)


@pytest.mark.parametrize(
    ("written", "body", "reason"),
    [
        ("{outcome: rejected}", b'{"error":\n "no \x1b[31m list"}', '{"error": "no \ufffd[31m list"}'),
        ("{outcome: rejected, capture: {reason: $.nothing}}", b"Bad <b>", "Bad <b>"),
        ("{outcome: duplicate, capture: {reason: $.error}}", b'{"error": "known"}', "known"),
        ("{outcome: failed}", b" ", None),
        ("{outcome: delivered}", b"fine", None),
    ],
)
def test_a_reason_that_no_capture_gives_is_the_body_s_own_words(written: str, body: bytes, reason: str | None) -> None:
    assert Classifier([rule(written)]).classify(Response(400, (), body)).reason == reason


def test_epoch_counts_from_now_by_default() -> None:
    wait = retry_after(str(int(time.time()) + 100), "epoch")
    assert wait is not None and 90 < wait <= 100


BOMB = (
    '<?xml version="1.0"?><!DOCTYPE r [<!ENTITY a "aaaaaaaaaa">'
    + "".join(f'<!ENTITY {new} "{f"&{old};" * 10}">' for old, new in zip("abcdefghi", "bcdefghij", strict=True))
    + "]><r>&j;</r>"
)

HOSTILE = {
    "billion laughs": BOMB,
    "deep JSON": '{"a":' * 100_000 + "1" + "}" * 100_000,
    "deep JSON below the limit of one reader": '{"a":' * 1100 + "1.5" + "}" * 1100,
    "deep array": "[" * 900 + "1.5" + "]" * 900,
    "deep XML": "<a>" * 100_000 + "</a>" * 100_000,
    "wide and deep XML": "<a>" * 90 + "<b>x</b>" * 10_000 + "</a>" * 90,
    "long number": '{"a": ' + "9" * 100_000 + "}",
    "long exponent": '{"a": 1e999999999}',
    "external entity": '<!DOCTYPE a SYSTEM "file:///etc/passwd"><a>x</a>',
}


@pytest.mark.parametrize("body", HOSTILE.values(), ids=HOSTILE)
def test_hostile_body_ends_quickly(body: str) -> None:
    rules = [
        rule("body: {$..a: never}"),
        rule("body: {$.a: {compare: '< 0'}}"),
        rule("body: {//a: {equals: never, empty: true}}"),
        rule("{as: xml, body: {$.a.a: never}}"),
        rule("text: never"),
        rule("capture: {reason: $.a, reference: $, code: //a}"),
    ]
    classifier = Classifier(rules)
    response = Response(200, JSON, body.encode())
    start = time.process_time()
    assert classifier.classify(response).rule == "delivered-6"
    assert classifier.explain(response).outcome.rule == "delivered-6"
    assert time.process_time() - start < 5  # seconds; it takes 0.1


ALL_SORTS = [
    rule("{outcome: duplicate, status: 400, body: {$.title: Member Exists}}"),
    rule("body: {'$[*].a': {any: {compare: '> 5'}}, '$..b': {not: {empty: true}}}"),
    rule("not: {body: {/a/b: {empty: true}}}"),
    rule("{as: xml, body: {$.a: {every: {prefix: x, ignore_case: true}}}}"),
    rule("{as: text, text: {regex: '^[ab]+$'}, headers: {x: {contains: y}}, content_type: {suffix: json}}"),
    rule("{outcome: failed, status: 100-450, retry: true, after: x, capture: {reason: [$, /a], code: {regex: '(.)'}}}"),
]
CLASSIFIER = Classifier(ALL_SORTS)

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "b", "title"]), inner, max_size=3)
    ),
    max_leaves=8,
)
bodies = (
    st.binary(max_size=60)
    | st.text(alphabet='<>/ab&;![]{}":1 \x00é\n', max_size=40).map(str.encode)
    | json_values.map(lambda value: json.dumps(value).encode())
)
names = st.sampled_from(["x", "X", "content-type", "Content-Type"]) | st.text(max_size=5)
values = st.sampled_from(["application/json", "text/xml; charset=idna", "a; charset=utf-16", "99", "y"]) | st.text(
    max_size=30
)
headers_of_any_kind = st.lists(st.tuples(names, values), max_size=3).map(tuple)


@given(status=st.integers(-5, 1000), headers=headers_of_any_kind, body=bodies)
def test_any_answer_is_classified_and_the_explanation_agrees(
    status: int, headers: tuple[tuple[str, str], ...], body: bytes
) -> None:
    response = Response(status, headers, body)
    outcome = CLASSIFIER.classify(response, received=RECEIVED)
    told = CLASSIFIER.explain(response, received=RECEIVED)
    assert told.outcome == outcome
    assert [t.name for t in told.rules if t.verdict == "matched"] == ([outcome.rule] if outcome.rule else [])
    for trace in told.rules:
        held = all(check.held for check in trace.checks if check.depth == 0)
        assert held == (trace.verdict in ("matched", "also matches, but comes later"))
    for text in (outcome.reason, outcome.reference, outcome.code, *told.lines()):
        (text or "").encode()
