"""Contracts of single places: what a few transactions tell, who is affected, what is folded, what is only noted."""

from __future__ import annotations

import random
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from io import StringIO
from typing import Any

import orjson
import pytest
from rich.console import Console

from rokt_export.diff import Comparison, DiffResult, Sent, Side
from rokt_export.diff.column import Rows
from rokt_export.partner_spec.model import DiffSettings
from rokt_export.reports import differences

JSON = (("Content-Type", "application/json"),)
Answer = Callable[[int, random.Random], Any]


def compared(
    rows: int, a: Answer, b: Answer, sent: Callable[[int], dict[str, str]] = lambda row: {}, **settings: Any
) -> DiffResult:
    """Compare what two functions respond with to the same rows: data, or a whole side."""
    comparison = Comparison(DiffSettings.model_validate(settings), a="staging", b="production")
    chances = random.Random(1), random.Random(2)
    for row in range(rows):
        sides = []
        for number, (answer, chance) in enumerate(zip((a, b), chances, strict=True)):
            made = answer(row, chance)
            if not isinstance(made, Side):
                started = 1_790_000_000.0 + 900 * number + row
                made = Side(
                    "delivered", "ok", status=200, headers=JSON, body=orjson.dumps(made), started=started,
                    sent=Sent(sent(row)),
                )  # fmt: skip
            sides.append(made)
        comparison.add(f"t-{row}", *sides)
    return comparison.result()


def differing(result: DiffResult) -> list[tuple[str, str]]:
    return [(one.path, one.detail) for one in result.differences]


def undecided(result: DiffResult) -> list[str]:
    return [one.path for one in result.undecided]


def new_id(chance: random.Random) -> str:
    return str(uuid.UUID(int=chance.getrandbits(128), version=4))


@pytest.mark.parametrize("rows", [1, 2, 5])
def test_a_few_transactions_tell_words_apart_and_leave_identifiers_open(rows: int) -> None:
    result = compared(
        rows,
        lambda row, chance: {"id": new_id(chance), "state": "active", "note": f"Lead {chance.randrange(10**6)} taken"},
        lambda row, chance: {"id": new_id(chance), "state": "pending", "note": f"Lead {chance.randrange(10**6)} lost"},
    )
    assert differing(result) == [
        ("$.state", "active → pending"),
        ("$.note", "Lead (number) taken → Lead (number) lost"),
    ]
    assert undecided(result) == ["$.id"]
    assert (result.undecided[0].enough, "Compare 40 rows or more" in result.undecided[0].sentence) == (40, True)


def test_the_attribute_that_differing_rows_share_is_named() -> None:
    result = compared(
        40,
        lambda row, chance: {"tax": 19},
        lambda row, chance: {"tax": 7 if row % 4 == 1 else 19},
        lambda row: {"country": ["US", "DE", "FR", "US"][row % 4], "source": "rokt"},
    )
    (difference,) = result.differences
    assert (difference.count, difference.affected) == (10, "all 10 rows with country=DE, none of the other 30")


def test_maps_keyed_by_identifiers_are_one_place() -> None:
    result = compared(
        60,
        lambda row, chance: {"map": {new_id(chance): {"n": 1} for _ in range(3)}},
        lambda row, chance: {"map": {new_id(chance): {"n": 2} for _ in range(3)}},
    )
    assert differing(result) == [("$.map.*.n", "1 → 2")]


def test_names_of_fields_with_digits_are_no_identifiers() -> None:
    result = compared(
        3, lambda row, chance: {"address_line1": "x", "md5": 1}, lambda row, chance: {"address_line2": "x"}
    )
    assert sorted(path for path, _ in differing(result)) == ["$.address_line1", "$.address_line2", "$.md5"]


@pytest.mark.parametrize(
    ("a", "b", "detail"),
    [
        (lambda row, chance: f"{chance.getrandbits(64):016x}", lambda row, chance: new_id(chance), "form:"),
        (lambda row, chance: chance.random(), lambda row, chance: chance.random() * 100, "0."),
        (lambda row, chance: 500 + row, lambda row, chance: 900 - row, "rising → falling"),
        (lambda row, chance: 1_790_000_000 + row, lambda row, chance: "2020-01-01T00:00:00Z", "number → string"),
        (lambda row, chance: 2**53 + 1 + 2 * row, lambda row, chance: int(float(2**53 + 1 + 2 * row)), "digits"),
    ],
)  # fmt: skip
def test_a_change_of_the_contract_is_a_difference_where_values_vary_anyway(a: Answer, b: Answer, detail: str) -> None:
    result = compared(60, lambda row, chance: {"x": a(row, chance)}, lambda row, chance: {"x": b(row, chance)})
    assert len(result.differences) == 1
    assert detail in result.differences[0].detail


def test_a_rare_exception_beyond_the_kept_rows_is_seen() -> None:
    def token(row: int, chance: random.Random) -> dict[str, Any]:
        return {"token": f"{chance.getrandbits(64):016x}", "state": "ok"}

    def odd(row: int, chance: random.Random) -> dict[str, Any]:
        made = token(row, chance)
        return {**made, **({"token": "ERROR"} if row == 4_001 else {"state": "ko"} if row == 3_333 else {})}

    result = compared(5_000, token, odd)
    assert {(one.path, one.count, one.samples[0].transaction) for one in result.differences} == {
        ("$.token", 1, "t-4001"),
        ("$.state", 1, "t-3333"),
    }


def test_headers_and_namespaces_that_nobody_asked_for_are_notes() -> None:
    def answer(headers: tuple[tuple[str, str], ...], namespace: str) -> Answer:
        body = f'<r xmlns="{namespace}"><a>1</a></r>'.encode()
        kind = (("Content-Type", "text/xml"),)
        return lambda row, chance: Side("delivered", "ok", status=200, headers=(*kind, *headers), body=body)

    result = compared(5, answer((("X-Debug", "on"),), "urn:v1"), answer((), "urn:v2"))
    assert not result.differences
    assert any("Header x-debug differs" in note for note in result.notes)
    assert any("XML namespaces differ: urn:v1 → urn:v2" in note for note in result.notes)


def test_a_declared_field_must_keep_its_form() -> None:
    def answer(row: int, chance: random.Random) -> dict[str, Any]:
        return {"id": new_id(chance)}

    def short(row: int, chance: random.Random) -> dict[str, Any]:
        return {"id": new_id(chance)[:8]}

    declared = {"$.id": "uuid"}
    result = compared(40, answer, answer, varies=declared)
    assert (result.agrees, undecided(result)) == (True, [])
    assert differing(compared(40, answer, short, varies=declared)) == [("$.id", "declared as uuid: uuid → hex of 8")]
    assert differing(compared(40, answer, lambda row, chance: {}, varies=declared)) == [("$.id", "")]
    assert DiffSettings.model_validate({"varies": ["$.id"]}).varies == {"$.id": "any"}


def test_a_terminal_shows_forty_differences_and_counts_the_rest() -> None:
    result = compared(
        3,
        lambda row, chance: {f"f{n}": "a" for n in range(60)},
        lambda row, chance: {f"f{n}": "b" for n in range(60)},
    )
    page = StringIO()
    differences.console(result, Console(file=page, width=100))
    assert page.getvalue().count('is "a" in staging but "b" in production') == 40
    assert "And 20 more differences" in page.getvalue()


def test_the_rows_that_are_kept_of_many_follow_no_period() -> None:
    rows = Rows()
    one = Side("delivered")
    for number in range(1, 20_001):
        rows.add(number, f"t-{number}", one, one)
    assert 500 < len(rows.kept) <= 2_048
    for period in (2, 3, 8, 20, 32):
        rests = {number % period for number in rows.kept}
        assert rests == set(range(period))


@pytest.mark.parametrize(
    ("a", "b", "found"),
    [
        (["email", "sms", "push"], ["push", "email", "sms"], "the same change of order each time"),
        ("Received at {:%H:%M:%S}", "Received at {:%H:%M:%S}", None),
        ("{:%Y-%m-%dT%H:%M:%S}.{:%f}Z", "{:%Y-%m-%dT%H:%M:%S}.000000Z", "whole seconds in 0 % → 100 %"),
        ("{:%Y-%m-%dT%H:%M:%S}Z", "{:%Y-%m-%dT%H:%M}:00Z", "whole minutes in 0 % → 100 %"),
    ],
)
def test_orders_and_times_of_responses_in_the_same_second(a: Any, b: Any, found: str | None) -> None:
    def response(made: Any) -> Answer:
        def answer(row: int, chance: random.Random) -> Side:
            now = datetime.fromtimestamp(1_790_000_001.25 + row * 7.13, UTC)
            value = made.format(now, now) if isinstance(made, str) else made
            body = orjson.dumps({"v": value})
            return Side("delivered", "ok", status=200, headers=JSON, body=body, started=now.timestamp() - 0.3)

        return answer

    result = compared(30, response(a), response(b))
    assert [detail for _, detail in differing(result)] == ([found] if found else [])


@pytest.mark.parametrize("length", [4, 6, 12])
@pytest.mark.parametrize("rows", [20, 60])
def test_maps_of_random_hexadecimal_keys_are_one_place(rows: int, length: int) -> None:
    def answer(row: int, chance: random.Random) -> Any:
        return {"items": {f"{chance.getrandbits(4 * length):0{length}x}": chance.randrange(5) for _ in range(2)}}

    result = compared(rows, answer, answer)
    assert differing(result) == []
    assert undecided(result) == ["$.items.*"]


def test_a_field_that_is_there_by_chance_is_no_certain_difference() -> None:
    def answer(values: dict[int, str]) -> Answer:
        return lambda row, chance: {"ok": True, **({"promo": values[row]} if row in values else {})}

    result = compared(60, answer({3: "x65", 9: "x12", 30: "x77"}), answer({3: "x90", 20: "x31", 41: "x55"}))
    (one,) = result.differences
    assert (one.path, one.detail, one.certain) == ("$.promo", "x65 → x90", False)
    assert one.sentence.endswith("This may be chance: compare 240 rows or more.")


@pytest.mark.parametrize("step", [1, -1])
@pytest.mark.parametrize(("base", "other"), [(100, 900_000), (70_000, 90)])
def test_counters_from_another_number_on_are_no_difference(step: int, base: int, other: int) -> None:
    result = compared(
        40, lambda row, chance: {"n": base + step * row}, lambda row, chance: {"n": other + step * row}
    )  # fmt: skip
    assert differing(result) == []
    reversed_ = compared(40, lambda row, chance: {"n": base + row}, lambda row, chance: {"n": other - row})
    assert [detail for _, detail in differing(reversed_)] == ["rising → falling"]


def test_requests_of_a_whole_minute_do_not_make_whole_minutes() -> None:
    def answer(start: float) -> Answer:
        def side(row: int, chance: random.Random) -> Side:
            now = start + row * 0.01
            body = orjson.dumps({"at": f"{datetime.fromtimestamp(now, UTC):%Y-%m-%dT%H:%M:%SZ}"})
            return Side("delivered", "ok", status=200, headers=JSON, body=body, started=now - 0.02)

        return side

    assert differing(compared(40, answer(1_790_000_023.1), answer(1_790_000_040.1))) == []


CITIES = ["Zürich", "Köln", "Genève", "Bern"]
REWRITTEN: dict[str, tuple[Any, Any, str]] = {
    "day and month": (
        lambda row, _: f"{13 + row % 9}/0{1 + row % 9}/1998", lambda row, _: f"0{1 + row % 9}/{13 + row % 9}/1998",
        "has the day and the month swapped in production",
    ),
    "capital ids": (
        lambda _, chance: f"{chance.getrandbits(64):016x}", lambda _, chance: f"{chance.getrandbits(64):016X}",
        "has small letters in staging but capital letters in production",
    ),
    "scheme": (
        lambda _, chance: f"https://acme.example/l/{new_id(chance)}", lambda _, chance: f"http://acme.example/l/{new_id(chance)}",
        "begins with http:// in production but with https:// in staging",
    ),
    "accents": (
        lambda row, _: CITIES[row % 4], lambda row, _: ["Zurich", "Koln", "Geneve", "Bern"][row % 4],
        "has lost its accents in production",
    ),
    "mojibake": (
        lambda row, _: CITIES[row % 4], lambda row, _: CITIES[row % 4].encode().decode("latin-1"),
        "is UTF-8 read as Latin-1 in production",
    ),
    "zeros": (
        lambda row, _: f"{7 + row % 5:05}", lambda row, _: f"{7 + row % 5}",
        "has leading zeros in staging but not in production",
    ),
    "notation of times": (
        lambda row, _: f"2026-11-23T10:00:{row:02}Z", lambda row, _: f"2026-11-23T10:00:{row:02}.250Z",
        "is YYYY-MM-DDThh:mm:ssZ in staging but YYYY-MM-DDThh:mm:ss.sssZ in production",
    ),
    "a word that was sent": (
        lambda row, _: f"<html>{row * 7919} accepted</html>", lambda row, _: f"<html>{row * 7907} refused</html>",
        'is "<html>(number) accepted</html>" in staging but "<html>(number) refused</html>" in production',
    ),
}  # fmt: skip


@pytest.mark.parametrize("rows", [5, 20])
@pytest.mark.parametrize("case", REWRITTEN)
def test_what_became_of_the_values_is_said(case: str, rows: int) -> None:
    a, b, words = REWRITTEN[case]
    result = compared(
        rows,
        lambda row, chance: {"v": a(row, chance)},
        lambda row, chance: {"v": b(row, chance)},
        sent=lambda row: {"email": f"jane.{row}@example.com", "as": "html"},
    )
    (one,) = result.differences
    assert words in one.sentence, one.sentence


def noisy(row: int, chance: random.Random) -> dict[str, Any]:
    optional = {name: chance.randrange(90) for name, share in (("rare", 0.1), ("half", 0.5)) if chance.random() < share}
    promo = {"promo": "SPRING"} if chance.random() < 0.3 else {}
    return {
        "id": new_id(chance),
        "nano": "".join(chance.choice("aZ09_-bcXY7k") for _ in range(21)),
        "pin": chance.randrange(9999),
        "otp": f"{chance.randrange(10**6):06}",
        "arm": chance.choice("ABC"),
        "hit": chance.choice(["HIT", "MISS"]),
        "wait": f"about {chance.randrange(2, 9)} minutes",
        "share": f"{chance.randrange(100)}%",
        "on": chance.random() < 0.5,
        "list": [chance.randrange(9) for _ in range(chance.randrange(5))],
        "tags": chance.sample(["a", "b", "c"], 3),
        "none": chance.choice([None, chance.randrange(90)]),
        "map": {new_id(chance): 1 for _ in range(chance.randrange(3))},
        **optional,
        **promo,
    }


def other_than(word: str) -> Answer:
    return lambda row, _: noisy(row, random.Random(f"{word}{row}"))


@pytest.mark.parametrize("rows", [60, 200])
def test_what_was_learned_holds_in_the_next_run(rows: int) -> None:
    learned = compared(rows, noisy, noisy).learned
    assert (learned["$.half"], learned["$.promo"], learned["$.tags"]) == ("optional number", "optional", "list")
    for run in range(1, 6):
        again = compared(60, other_than(f"a{run}"), other_than(f"b{run}"), varies=learned)
        assert not [one.sentence for one in again.differences if one.certain]
        assert set(undecided(again)) <= {"$.rare"}  # too seldom there on both sides for a form

    def changed(row: int, chance: random.Random) -> dict[str, Any]:
        return {**noisy(row, chance), "nano": "ERROR", "promo": "AUTUMN"}

    assert {path for path, _ in differing(compared(60, noisy, changed, varies=learned))} >= {"$.nano", "$.promo"}


def test_a_value_that_one_side_never_has_is_a_difference_in_few_rows() -> None:
    countries = ["DE", "FR", "US", "GB"]
    segment = {"DE": "x", "US": "y"}
    result = compared(
        20,
        lambda row, chance: {"v": segment.get(countries[row % 4], "z")},
        lambda row, chance: {"v": segment.get(countries[row % 4], "z").replace("y", "z")},
        lambda row: {"city": f"person-{row % 4:010x}", "country": countries[row % 4]},
    )
    (difference,) = result.differences
    assert (difference.detail, difference.certain) == ("y → z", True)
    assert difference.affected == "all 5 rows with country=US, none of the other 15"


def test_a_hidden_value_is_not_shown_as_what_rows_share() -> None:
    result = compared(
        20,
        lambda row, chance: {"tax": 19},
        lambda row, chance: {"tax": 7 if row % 4 == 1 else 19},
        lambda row: {"city": f"person-{row % 4:010x}"},
    )
    assert result.differences[0].affected == "all 5 rows with one city (hidden), none of the other 15"


def test_few_values_are_called_the_same_only_where_they_are() -> None:
    result = compared(
        20,
        lambda row, chance: {"v": "rare" if row == 3 else "xyz"[chance.randrange(2)]},
        lambda row, chance: {"v": "xyz"[chance.randrange(2)]},
    )
    (reason,) = [one.reason for one in result.undecided]
    assert reason == "takes few values, in other rows, and rare only in staging, in 1 row"


def test_a_word_in_a_long_line_is_shown_with_the_words_around() -> None:
    def page(word: str) -> Answer:
        def made(row: int, chance: random.Random) -> Side:
            text = f"<html><body><p>Thanks {NAMES[row % 4]['firstname' if not word else 'lastname']}</p><p>Your number"
            text += f" is <b>{chance.randrange(10**7, 10**8)}</b></p><p>We will {word}call you</p></body></html>"
            headers = (("Content-Type", "text/html"),)
            return Side("delivered", "ok", status=200, headers=headers, body=text.encode(), sent=Sent(NAMES[row % 4]))

        return made

    (difference,) = compared(20, page(""), page("not ")).differences
    assert difference.sentence == (
        'Line 1 is "…<p>Thanks (the sent firstname)</p><p>Your… will call you…" in staging but "…<p>Thanks (the sent'
        ' lastname)</p><p>Your… will not call you…" in production, in all 20 rows.'
    )


def test_long_values_are_shown_from_where_they_differ() -> None:
    long = "la " * 600
    result = compared(3, lambda row, chance: {"v": f"{long}yes"}, lambda row, chance: {"v": f"{long}no"})
    assert result.differences[0].detail == "…a la la la la la la yes → …a la la la la la la no"


NAMES = [
    {"firstname": f"person-{number:010x}", "lastname": f"person-{number + 99:010x}", "n": str(number)}
    for number in range(4)
]


def test_numbers_that_read_the_same_are_not_called_rewritten() -> None:
    result = compared(3, lambda row, chance: {"n": 179.83, "id": 1}, lambda row, chance: BIG)
    assert not [note for note in result.notes if "two ways" in note]


BIG = Side("delivered", "ok", status=200, headers=JSON, body=b'{"n": 179.83, "id": 9007199254740993000}')


def test_the_value_of_the_row_before_is_named() -> None:
    tokens = [f"person-{number:010x}" for number in range(12)]
    result = compared(
        12,
        lambda row, chance: {"zip": tokens[row]},
        lambda row, chance: {"zip": tokens[max(0, row - 1)]},
        lambda row: {"zip": tokens[row], "n": str(row)},
    )
    (difference,) = result.differences
    assert difference.sentence.startswith("Field zip is the sent zip in staging but the zip of the row before in")
    mixed = compared(
        12,
        lambda row, chance: {"zip": tokens[row]},
        lambda row, chance: {"zip": tokens[(row * 5 + 3) % 12]},
        lambda row: {"zip": tokens[row], "n": str(row)},
    )
    assert "but another person's data in production" in mixed.differences[0].sentence


def test_a_value_of_the_row_before_that_its_redaction_did_not_know_is_named_and_hidden() -> None:
    places, tokens = ["10115", "SW1A 1AA", "75013", "02139"], [f"person-{number:010x}" for number in range(4)]
    order = random.Random(7).choices(range(4), k=40)
    result = compared(
        40,
        lambda row, chance: {"zip": tokens[order[row]]},
        lambda row, chance: {"zip": places[order[row - 1]] if row else tokens[order[0]]},
        lambda row: {"zip": tokens[order[row]], "n": str(row)},
    )
    (difference,) = result.differences
    assert "the zip of the row before in production" in difference.sentence
    assert {sample.b for sample in difference.samples} <= {f'"hidden-{number}"' for number in range(1, 5)}


def test_the_same_time_in_another_zone_is_called_so() -> None:
    result = compared(
        5,
        lambda row, chance: {"at": f"2027-03-1{row * row % 7}T10:00:00+00:00"},
        lambda row, chance: {"at": f"2027-03-1{row * row % 7}T11:00:00+01:00"},
    )
    assert (
        result.differences[0].detail == "is the same time in both, with another time zone in production than in staging"
    )


def test_form_fields_are_compared_by_name() -> None:
    def form(first: str) -> Answer:
        def made(row: int, chance: random.Random) -> Side:
            body = f"ok=1&id={chance.getrandbits(128):032x}&who={first}%20{row % 3}&empty=&n=1&n={row % 2}"
            headers = (("Content-Type", "application/x-www-form-urlencoded; charset=utf-8"),)
            return Side("delivered", "ok", status=200, headers=headers, body=body.encode())

        return made

    result = compared(20, form("Jane"), form("Joan"))
    assert differing(result) == [("$.who", "Jane (number) → Joan (number)")]
    assert undecided(result) == ["$.id"]


def test_all_that_is_undecided_of_a_field_gives_one_advice() -> None:
    def value(row: int, chance: random.Random) -> Any:
        return {"maybe": None if chance.random() < 0.5 else chance.randrange(10**6)}

    advice = {(one.path, one.enough) for one in compared(60, value, value).undecided}
    assert advice == {("$.maybe", 0)}
