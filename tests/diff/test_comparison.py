"""Two sides' answers compared: what counts, what is noise, what is hostile."""

from __future__ import annotations

import json
import random
import string
import uuid
from dataclasses import replace
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rokt_export.diff import Section, SentTexts, Side
from rokt_export.exchange.model import Request
from tests.diff.sides import JSON, apart, both, compared, found, many, side, text


def test_the_same_answers_do_not_differ():
    result = compared([({"status": "ok", "items": [1, 2.5, None, True]},) * 2] * 3)
    assert not result.differs
    assert result.agrees
    assert result.outcomes == {("delivered", "delivered"): 3}
    assert (result.pairs, result.bodies) == (3, 3)


def test_another_outcome_explains_the_rest_of_the_answer():
    a = side({"id": 1})
    b = side({"error": {"code": 7}}, outcome="rejected", rule="no", status=422, reason="no such list")
    result = compared([(a, b), (a, a)])
    assert found(result) == [("outcome", "outcome", 1)]
    assert result.outcomes == {("delivered", "rejected"): 1, ("delivered", "delivered"): 1}
    assert result.explained == 1
    (sample,) = result.differences[0].samples
    assert (sample.transaction, sample.a, sample.b) == (
        "t-1",
        "delivered (HTTP 200, rule ok)",
        "rejected (HTTP 422, rule no): no such list",
    )


def test_another_rule_explains_the_rest_of_the_answer():
    a, b = (side({name: 1}, outcome="rejected", rule=name, status=status) for name, status in (("x", 400), ("y", 422)))
    result = compared([(a, b)])
    assert found(result) == [("rule", "rule", 1)]
    assert result.differences[0].section is Section.REASONS


def test_a_reason_is_told_once_and_not_again_as_a_value():
    a, b = (
        side({"detail": f"Sorry: {words}", "n": 1}, outcome="rejected", reason=words, code=code)
        for words, code in (("not allowed", "E1"), ("forbidden", "E2"))
    )
    assert found(compared([(a, b)])) == [("reason", "reason", 1), ("code", "code", 1)]


def test_status_and_headers_that_matter():
    a = side({}, headers=(*JSON, ("X-Route", "eu"), ("Server", "nginx")))
    b = side({}, status=201, headers=(("content-type", 'application/json; charset="UTF-8"'), ("Server", "apache")))
    assert found(compared([(a, b)], headers=["X-Route"])) == [
        ("status", "status", 1),
        ("header", "header content-type", 1),
        ("header", "header x-route", 1),
    ]
    assert found(compared([(a, b)], headers=["X-Route"], ignore=["content-type", "x-route"])) == [
        ("status", "status", 1)
    ]


def test_texts_are_compared_line_by_line():
    result = compared([(text("OK\nid: 1\nbye"), text("OK\nid: x\nbye"))])
    assert found(result) == [("value", "line 2", 1)]
    result = compared([(text("OK\nbye"), text("OK\nhold on\nbye"))])
    assert found(result) == [("length", "lines", 1)]
    assert result.differences[0].samples[0].lines == ("+hold on",)


def test_an_echo_that_one_side_does_not_give_is_a_difference():
    sent = SentTexts({"email": "jane@example.com"})
    pairs = [
        (side({"to": "jane@example.com"}, sent=sent), side({"to": str(uuid.uuid4())}, sent=sent)) for _ in range(50)
    ]
    (difference,) = compared(pairs).differences
    assert (difference.path, difference.detail) == (
        "$.to",
        "always jane@example.com → one of 50 values, such as " + difference.detail.rpartition(" ")[2],
    )


@pytest.mark.parametrize(
    "make",
    [
        lambda rnd, row: rnd.randrange(10**9),
        lambda rnd, row: "".join(rnd.choices("abcdefghijklmnopqrstuvwxyz", k=9)),
        lambda rnd, row: f"Lead {rnd.randrange(10**6, 10**7)} created",
        lambda rnd, row: f"web-{rnd.randrange(4)}",
        lambda rnd, row: rnd.random() < 0.3,
        lambda rnd, row: rnd.choices(["fast", "slow"], (9, 1))[0],
        lambda rnd, row: rnd.randrange(1000),
        lambda rnd, row: None if rnd.random() < 0.4 else "note",
        lambda rnd, row: [7] * rnd.randrange(1, 4),
    ],
)
def test_what_varies_within_each_side_by_itself_is_set_apart(make):
    result = both(make)
    assert found(result) == []
    assert result.undecided


LETTERS = string.ascii_letters + string.digits
IDENTIFIERS: dict[str, Any] = {
    "16 of hexadecimal": lambda rnd, row: f"{rnd.getrandbits(64):016x}",
    "16 of base 62": lambda rnd, row: "".join(rnd.choices(LETTERS, k=16)),
    "24 with a prefix": lambda rnd, row: "ch_" + "".join(rnd.choices(LETTERS, k=24)),
    "16 in a path": lambda rnd, row: f"/leads/{rnd.getrandbits(64):016x}/view",
}


@pytest.mark.parametrize("make", IDENTIFIERS.values(), ids=list(IDENTIFIERS))
def test_identifiers_are_known_whichever_digits_they_happen_to_have(make):
    assert found(both(make, 1_500)) == []


def test_a_word_in_place_of_an_identifier_is_a_real_difference():
    def word(rnd: random.Random, row: int) -> str:
        return IDENTIFIERS["16 of hexadecimal"](rnd, row) if row % 100 else "not available yet"

    assert found(many(IDENTIFIERS["16 of hexadecimal"], word, 1_000)) == [("value", "$.x", 10)]


def test_an_endpoints_own_path_is_an_echo():
    def answer(environment: str, row: int) -> Side:
        url = f"https://{environment}.example.com/{environment}/leads"
        link = {"self": f"{url}/{row}/view"}
        return side(link, sent=SentTexts.of(Request("POST", url, (), b"{}")), hosts=(f"{environment}.example.com",))

    pairs = [(answer("staging", row), answer("production", row)) for row in range(30)]
    assert found(compared(pairs)) == []


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (lambda rnd, row: "active", lambda rnd, row: "pending"),
        (lambda rnd, row: "active", lambda rnd, row: "pending" if row % 50 == 0 else "active"),
        (lambda rnd, row: "a" if row % 10 else "z", lambda rnd, row: "a" if row % 5 else "z"),
        (lambda rnd, row: row % 2 == 0, lambda rnd, row: row % 2 == 1),
        (lambda rnd, row: "xyz"[row % 3], lambda rnd, row: "yzx"[row % 3]),
        (lambda rnd, row: f"eu-{rnd.randrange(3)}", lambda rnd, row: f"us-{rnd.randrange(3)}"),
        (lambda rnd, row: f"lead-{rnd.randrange(10**9)}", lambda rnd, row: f"cust-{rnd.randrange(10**9)}"),
        (lambda rnd, row: f"Lead {rnd.randrange(10**9)} created", lambda rnd, row: f"Lead {rnd.randrange(10**9)} lost"),
        (lambda rnd, row: (row * 7919) % 1009 + 0.5, lambda rnd, row: ((row * 7919) % 1009 + 0.5) * 1.2),
        (lambda rnd, row: f"Nm {row * 7919 % 1009} Zz", lambda rnd, row: f"NM {row * 7919 % 1009} ZZ"),
        (lambda rnd, row: rnd.randrange(10**9), lambda rnd, row: str(rnd.randrange(10**9))),
    ],
)
def test_what_is_constant_or_follows_the_transaction_is_a_real_difference(a, b):
    result = many(a, b)
    assert [path for _, path, _ in found(result)] == ["$.x"]
    assert not result.undecided


def test_a_range_that_changes_is_a_difference_in_noisy_places_too():
    result = many(lambda rnd, row: rnd.randrange(10, 40), lambda rnd, row: rnd.randrange(60, 200))
    assert found(result) == [("value", "$.x", 300)]
    assert result.differences[0].detail == "10 to 39 → 60 to 199"


def test_counters_are_volatile_though_some_agree():
    def counting(rnd: random.Random, row: int) -> int:
        return 1000 + row + (rnd.random() < 0.5)

    assert apart(both(counting)) == [("value", "$.x")]


def test_modes():
    a, b = {"a": 1, "l": [1]}, {"a": 2, "l": [1, 2], "more": 1}
    assert [one[:2] for one in found(compared([(a, b)], mode="subset"))] == [("value", "$.a")]
    assert [one[:2] for one in found(compared([(b, a)], mode="subset"))] == [
        ("missing", "$.more"),
        ("length", "$.l"),
        ("value", "$.a"),
    ]
    assert [one[:2] for one in found(compared([(a, b)], mode="schema"))] == [("extra", "$.more")]
    assert not compared([(text("a"), text("b"))], mode="schema").differs


def test_without_recordings_reasons_and_references_are_compared_themselves():
    a = replace(side(b""), body=None, reason="Member Exists", reference="7")
    assert found(compared([(a, replace(a, reason="Already there", reference=None))])) == [
        ("reason", "reason", 1),
        ("reference", "reference", 1),
    ]
    result = compared([(a, side({}, reason="Member Exists", reference="8"))])
    assert not result.differs
    assert "only one side" in result.undecided[-1].reason


def test_a_body_of_ten_megabytes():
    a = {"items": [{"n": number, "v": "x" * 60} for number in range(110_000)]}
    b = {"items": [*a["items"][:-1], {"n": -1, "v": "x"}], "late": 1}
    result = compared([(a, b)])
    assert ("extra", "$.late", 1) in found(result)
    assert "beyond the first 100,000 values" in result.undecided[-1].reason
    long = compared([({"t": "a" * 10_000_000}, {"t": "b" * 10_000_000})])
    assert found(long) == [("value", "$.t", 1)]
    assert len(long.differences[0].samples[0].a) <= 200


def test_what_a_partner_sends_does_not_reach_the_terminal_raw():
    result = compared([({"a\x1b[31m": "\x1b]0;x\x07", "b": 1}, {"b": 2})])
    assert not any("\x1b" in word for one in result.differences for word in (one.path, str(one.samples)))


scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
trees = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4)
)


def dumped(tree: Any) -> bytes:
    return json.dumps(tree).encode()


sides = st.builds(
    Side,
    outcome=st.sampled_from(["delivered", "rejected"]),
    rule=st.sampled_from(["r1", "r2", None]),
    reason=st.none() | st.text(max_size=20),
    status=st.sampled_from([200, 400, None]),
    headers=st.sampled_from([JSON, (), (("content-type", "text/xml"),)]),
    body=st.none() | st.binary(max_size=60) | trees.map(dumped),
)


@given(st.lists(sides, max_size=8))
@settings(suppress_health_check=[HealthCheck.too_slow])
def test_a_side_never_differs_from_itself(answers):
    result = compared([(answer, answer) for answer in answers])
    assert not result.differs
    assert not result.undecided


_MIRRORED = {"missing": "extra", "extra": "missing"}


@given(st.lists(st.tuples(sides, sides), max_size=8))
@settings(suppress_health_check=[HealthCheck.too_slow])
def test_the_other_way_round_it_is_the_same_mirrored(pairs):
    there = compared(pairs)
    back = compared([(b, a) for a, b in pairs])
    mirrored = sorted((_MIRRORED.get(kind, kind), path, count) for kind, path, count in found(back))
    assert sorted(found(there)) == mirrored
    assert {(b, a): count for (a, b), count in back.outcomes.items()} == there.outcomes


@given(trees, st.integers(2, 5))
@settings(suppress_health_check=[HealthCheck.too_slow])
def test_the_result_is_json(tree, number):
    pairs = [(dumped(tree), dumped({"x": tree}))] * number
    assert orjson.loads(orjson.dumps(compared(pairs).as_json()))["pairs"] == number
