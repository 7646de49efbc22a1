"""Two sides' answers compared: what counts, what is noise, what is hostile."""

from __future__ import annotations

import hashlib
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

from rokt_export.diff import Comparison, DifferenceKind, DiffResult, Section, SentTexts, Side
from rokt_export.diff.places import MOST_PLACES, PathPattern, Places
from rokt_export.exchange.model import Request
from rokt_export.partner_spec.model import DiffSettings

JSON = (("Content-Type", "application/json"),)
NOON = 1_780_000_000.0


def side(body: Any, **changes: Any) -> Side:
    raw = body if isinstance(body, bytes) else orjson.dumps(body)
    return Side(**{"outcome": "delivered", "rule": "ok", "status": 200, "headers": JSON, "body": raw, **changes})


def xml(text: str, **changes: Any) -> Side:
    return side(text.encode(), headers=(("Content-Type", "text/xml"),), **changes)


def text(content: str, **changes: Any) -> Side:
    return side(content.encode(), headers=(("Content-Type", "text/plain"),), **changes)


def compared(pairs: list[tuple[Any, Any]], **options: Any) -> DiffResult:
    comparison = Comparison(DiffSettings.model_validate(options))
    for number, (a, b) in enumerate(pairs, 1):
        a, b = (one if isinstance(one, Side) else side(one) for one in (a, b))
        comparison.add(f"t-{number}", a, b)
    return comparison.result()


def found(result: DiffResult) -> list[tuple[str, str, int]]:
    return [(str(one.kind), one.path, one.count) for one in result.differences]


def apart(result: DiffResult) -> list[tuple[str, str]]:
    return [(str(one.kind), one.path) for one in result.undecided]


# --- the order of comparison


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


def test_content_types_are_compared_by_meaning():
    a = side({}, headers=(("Content-Type", "Application/JSON;Charset=UTF-8"),))
    b = side({}, headers=(("content-type", 'application/json; charset="utf-8"'),))
    assert not compared([(a, b)]).differs


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        ({"a": {"x": 1, "y": 2}}, {}, [("missing", "$.a")]),
        ({}, {"a b": 1}, [("extra", "$['a b']")]),
        ({"a": 1}, {"a": "1"}, [("type", "$.a")]),
        ({"a": None}, {"a": "x"}, [("type", "$.a")]),
        ({"a": True}, {"a": 1}, [("type", "$.a")]),
        ({"a": 1}, {"a": 1.0}, []),
        ({"a": [1, 2, 3]}, {"a": [3, 1, 2]}, [("order", "$.a")]),
        ({"a": [1, 2]}, {"a": [1, 2, 3]}, [("length", "$.a")]),
        ({"a": [{"x": 1}, {"x": 2}]}, {"a": [{"x": 0}, {"x": 1}, {"x": 2}]}, [("length", "$.a")]),
        ({"a": [{"x": 1}, {"x": 2}]}, {"a": [{"x": 1}, {"x": "2"}]}, [("type", "$.a[*].x")]),
        ({"a": "x"}, {"a": "y"}, [("value", "$.a")]),
        ({"a": {"b": [{"@c": "x"}]}}, {"a": {"b": [{"@c": "y"}]}}, [("value", "$.a.b[*].@c")]),
        ([1], {"0": 1}, [("type", "$")]),
        ({"n": 9007199254740993}, {"n": 9007199254740992}, [("value", "$.n")]),
        ({"n": 12345678901234567890123}, {"n": 12345678901234567890124}, [("value", "$.n")]),
    ],
)
def test_shape_before_values(a, b, expected):
    result = compared([(json.dumps(a).encode(), json.dumps(b).encode())])
    assert [(str(one.kind), one.path) for one in result.differences] == expected


def test_every_difference_counts_transactions_and_shows_five():
    pairs = [({"items": [{"p": 1}, {"p": 2}]}, {"items": [{"p": 5}, {"p": 6}]})] * 9
    (difference,) = compared(pairs).differences
    assert difference.count == 9
    assert [sample.transaction for sample in difference.samples] == [f"t-{n}" for n in range(1, 6)]
    assert (difference.samples[0].a, difference.samples[0].b) == ("1", "5")


# --- XML, text, binary, broken


def test_xml_has_the_paths_of_json_and_no_namespaces():
    a = xml('<s:r xmlns:s="urn:x"><s:code id="1">7</s:code><item><n>1</n></item></s:r>')
    b = xml('<r><code id="2">7</code><item><n>1</n></item><item><n>2</n></item><more/></r>')
    assert found(compared([(a, b)])) == [
        ("extra", "$.r.more", 1),
        ("length", "$.r.item", 1),
        ("value", "$.r.code.@id", 1),
    ]


def test_in_xml_one_element_is_a_list_of_one_and_text_has_no_type():
    a = xml("<r><i>1</i><e></e><t>x</t></r>")
    b = xml('<r><i>1</i><e/><t lang="en">x</t></r>')
    assert found(compared([(a, b)])) == [("extra", "$.r.t.@lang", 1)]
    assert found(compared([(a, b)], ignore=["/r/t/@lang"])) == []


def test_texts_are_compared_line_by_line():
    result = compared([(text("OK\nid: 1\nbye"), text("OK\nid: x\nbye"))])
    assert found(result) == [("value", "line 2", 1)]
    result = compared([(text("OK\nbye"), text("OK\nhold on\nbye"))])
    assert found(result) == [("length", "lines", 1)]
    assert result.differences[0].samples[0].lines == ("+hold on",)


def test_binaries_are_compared_by_size_and_digest():
    png = (("Content-Type", "image/png"),)
    result = compared([(side(b"\x89PNG\0a", headers=png), side(b"\x89PNG\0bc", headers=png))])
    assert found(result) == [("binary", "$", 1)]
    assert result.differences[0].samples[0].a.startswith("6 bytes, sha256 ")


def test_json_broken_on_one_side_is_a_difference():
    result = compared([({"a": 1}, b'{"a": 1')])
    (difference,) = result.differences
    assert (difference.kind, difference.section, difference.detail) == (
        DifferenceKind.FORMAT,
        Section.SHAPE,
        "JSON → text",
    )
    assert "not JSON" in difference.samples[0].b
    assert not compared([(b'{"a": 1', b'{"a": 1')]).differs
    assert found(compared([({"a": 1}, b"")])) == [("format", "$", 1)]
    assert not compared([(b"", b" ")]).differs


def test_a_html_page_instead_of_json():
    page = side(b"<html><body>Down</body></html>", headers=(("Content-Type", "text/html"),))
    assert [one[:2] for one in found(compared([({"a": 1}, page)]))] == [
        ("header", "header content-type"),
        ("format", "$"),
    ]


# --- what was sent


def test_a_request_tells_what_it_carried():
    form = Request(
        "POST",
        "https://example.com/lists/a1b2c3?key=k1&q=a+b",
        (("Content-Type", "application/x-www-form-urlencoded"), ("X-Source", "rokt"), ("Host", "example.com")),
        b'email=jane%40example.com&json={"a":{"b":["x"]}}',
    )
    assert dict(SentTexts.of(form).values) == {
        "X-Source": "rokt",
        "path lists": "lists",
        "path a1b2c3": "a1b2c3",
        "key": "k1",
        "q": "a b",
        "email": "jane@example.com",
        "json": '{"a":{"b":["x"]}}',
        "a.b": "x",
    }
    document = Request("POST", "https://example.com/", (("Content-Type", "text/xml"),), b'<l><e id="7">jane</e></l>')
    assert dict(SentTexts.of(document).values) == {"l.e.@id": "7", "l.e.#text": "jane"}


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


def test_keys_that_are_identifiers_are_one_place():
    pairs = [({"by": {str(uuid.uuid4()): {"n": 1}}}, {"by": {str(uuid.uuid4()): {"n": 2}}}) for _ in range(4)]
    assert found(compared(pairs)) == [("value", "$.by.*.n", 4)]


# --- volatile places


def many(a: Any, b: Any, number: int = 300) -> DiffResult:
    """Compare answers that two functions make of a random generator and the row."""
    left, right = random.Random(1), random.Random(2)
    return compared([({"x": a(left, row)}, {"x": b(right, row)}) for row in range(number)])


def both(make: Any, number: int = 300) -> DiffResult:
    return many(make, make, number)


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


def test_a_member_that_is_there_at_times_is_volatile_unless_one_side_never_has_it():
    left, right = random.Random(1), random.Random(2)

    def at_times(rnd: random.Random) -> dict[str, int]:
        return {"w": 1} if rnd.random() < 0.3 else {}

    result = compared([(at_times(left), at_times(right)) for _ in range(300)])
    assert len(apart(result)) == 1
    assert apart(result)[0][1] == "$.w"
    assert not result.differs
    result = compared([(at_times(left), {}) for _ in range(300)])
    assert [one[:2] for one in found(result)] == [("missing", "$.w")]


def test_a_few_wrong_values_among_thousands_are_seen():
    def digest(row: int) -> str:
        return hashlib.md5(str(row).encode()).hexdigest()[:12]

    pairs = [({"x": digest(row)}, {"x": digest(row + (row % 100 == 0))}) for row in range(500)]
    assert found(compared(pairs)) == [("value", "$.x", 5)]


def test_a_single_pair_is_no_proof_except_for_the_reference():
    a, b = (side({"id": id_, "n": id_ + 1}, reference=str(id_)) for id_ in (100, 200))
    result = compared([(a, b)])
    assert found(result) == [("value", "$.n", 1)]
    assert apart(result) == [("value", "$.id")]


def test_what_was_learned_can_be_declared():
    pairs = [
        (
            side({"id": left, "k": [left]}, headers=(*JSON, ("Location", f"/x/{left}"))),
            side({"id": right, "k": [right]}, headers=(*JSON, ("Location", f"/x/{right}"))),
        )
        for left, right in zip(*(random.Random(seed).sample(range(10**6), 50) for seed in (1, 2)), strict=True)
    ]
    learned = compared(pairs, headers=["Location"]).learned
    assert learned == {"location": "/x/…", "$.id": "number", "$.k[*]": "number"}
    result = compared(pairs, headers=["Location"], varies=learned)
    assert not result.differs
    assert not result.undecided
    assert result.varying == {"header location": 50, "$.id": 50, "$.k[*]": 50}


# --- settings


def test_ignored_paths_in_every_spelling():
    a, b = {"a": {"id": 1, "b": [{"id": 1, "c": 1}]}}, {"a": {"id": 2, "b": [{"id": 2, "c": 1}]}}
    for patterns in (["$..id"], ["$.a.id", "$.a.b[*].id"], ["$.a.id", "$.a.b.id"], ["$.a"], ["$.a.*"], ["$"], ["//id"]):
        assert not compared([(a, b)], ignore=patterns).differs, patterns
    assert found(compared([(a, b)], ignore=["$.a.b[*].id"])) == [("value", "$.a.id", 1)]
    assert not compared([({"a b": 1}, {})], ignore=["$['a b']"]).differs


def test_a_pattern_of_an_array_does_not_mean_its_elements():
    places = Places(DiffSettings())
    array = places.body.child("a")
    assert PathPattern("$.a").matches(array)
    assert not PathPattern("$.a").matches(array.child("[*]"))
    assert PathPattern("$.a[0]").matches(array.child("[*]"))


def test_unordered_arrays():
    a, b = {"t": [{"n": 1}, {"n": 2}, {"n": 3}]}, {"t": [{"n": 3}, {"n": 4}, {"n": 1}]}
    assert found(compared([(a, b)], unordered=["$.t"])) == [("value", "$.t[*].n", 1)]
    assert not compared([({"t": [1, 2]}, {"t": [2, 1]})], unordered=["$.t"]).differs


def test_tolerance():
    assert not compared([({"p": 1.0}, {"p": 1.04})], tolerance={"$.p": 0.05}).differs
    assert not compared([({"p": "1.0"}, {"p": "1.04"})], tolerance={"$.p": 0.05}).differs
    assert compared([({"p": 1.0}, {"p": 1.06})], tolerance={"$.p": 0.05}).differs
    assert compared([({"p": "x"}, {"p": "y"})], tolerance={"$.p": 0.05}).differs


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


# --- what only one side has, and what was not recorded


def test_transactions_without_a_counterpart_and_latencies():
    comparison = Comparison(a="staging", b="production")
    for number in range(100):
        comparison.add(f"t-{number}", side({}, latency_ms=number + 1.0), side({}, latency_ms=200.0))
    for number in range(7):
        comparison.only_in_b(f"x-{number}")
    result = comparison.result()
    assert (result.only_in_b.count, result.only_in_b.samples[0], len(result.only_in_b.samples)) == (7, "x-0", 5)
    assert not result.agrees
    assert not result.differs
    assert result.latency_a.p50 == pytest.approx(50, rel=0.02)
    assert result.latency_a.p99 == pytest.approx(99, rel=0.02)
    assert result.latency_b.p95 == pytest.approx(200, rel=0.01)


def test_without_recordings_reasons_and_references_are_compared_themselves():
    a = replace(side(b""), body=None, reason="Member Exists", reference="7")
    assert found(compared([(a, replace(a, reason="Already there", reference=None))])) == [
        ("reason", "reason", 1),
        ("reference", "reference", 1),
    ]
    result = compared([(a, side({}, reason="Member Exists", reference="8"))])
    assert not result.differs
    assert "only one side" in result.undecided[-1].reason


def test_a_body_cut_in_the_recording_is_not_judged():
    result = compared([(side(b'{"a', truncated=True), side(b'{"b', truncated=True))])
    assert not result.differs
    assert [(one.count, one.reason) for one in result.undecided] == [
        (1, "is not compared: it was cut when it was recorded")
    ]


# --- hostile


def test_a_body_of_ten_megabytes():
    a = {"items": [{"n": number, "v": "x" * 60} for number in range(110_000)]}
    b = {"items": [*a["items"][:-1], {"n": -1, "v": "x"}], "late": 1}
    result = compared([(a, b)])
    assert ("extra", "$.late", 1) in found(result)
    assert "beyond the first 100,000 values" in result.undecided[-1].reason
    long = compared([({"t": "a" * 10_000_000}, {"t": "b" * 10_000_000})])
    assert found(long) == [("value", "$.t", 1)]
    assert len(long.differences[0].samples[0].a) <= 200


@pytest.mark.parametrize("depth", [150, 900, 5_000, 200_000])
def test_deep_nesting(depth):
    deep, deeper = b"[" * depth + b"]" * depth, b"[" * depth + b"1" + b"]" * depth
    assert not compared([(deep, deep)]).differs
    assert compared([(deep, deeper)]).differs
    open_, close = "<a>" * depth, "</a>" * depth
    assert not compared([(xml(open_ + close), xml(open_ + close))]).differs
    assert compared([(xml(open_ + close), xml(open_ + "x" + close))]).differs


def test_names_without_end_fill_no_memory():
    pairs = [({f"k{row}x{n}": n for n in range(100)}, {f"k{row}x{n}": -n for n in range(100)}) for row in range(60)]
    result = compared(pairs)
    assert len(result.differences) <= MOST_PLACES
    assert ("value", "$.*") in [one[:2] for one in found(result)]


def test_of_a_key_that_stands_twice_the_last_counts():
    assert not compared([(b'{"a": 1, "a": 2}', b'{"a": 2}')]).differs


def test_what_a_partner_sends_does_not_reach_the_terminal_raw():
    result = compared([({"a\x1b[31m": "\x1b]0;x\x07", "b": 1}, {"b": 2})])
    assert not any("\x1b" in word for one in result.differences for word in (one.path, str(one.samples)))


@pytest.mark.parametrize(
    "body",
    [
        b"\xff\xfe{\x00",
        b"\x00" * 50,
        b"{" * 10,
        b"<a",
        b"<a><b></a>",
        b"\xef\xbb\xbf{}",
        b'{"\\ud800": "\\udfff"}',
        b"NaN",
        b"[NaN, 1e999]",
    ],
)
def test_odd_bodies_are_compared_all_the_same(body):
    assert not compared([(body, body)]).differs
    assert compared([(body, {"a": 1})]).differs


# --- laws

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
