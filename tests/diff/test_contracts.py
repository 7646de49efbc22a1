"""Contracts of single places: what a few transactions tell, who is affected, what is folded, what is only noted."""

from __future__ import annotations

import random
from io import StringIO
from typing import Any

import pytest
from rich.console import Console

from rokt_export.diff import Side
from rokt_export.diff.result import DifferenceKind, Sample, Undecided
from rokt_export.diff.sentences import SentenceNames, of_undecided
from rokt_export.partner_spec.model import DiffSettings
from rokt_export.reports import differences
from tests.diff.comparing import JSON, Answer, compared, differing, new_id, undecided


def test_a_text_of_several_wordings_is_shown_by_an_example() -> None:
    samples = (Sample("t", '"Hi"', '"Hello"'),)
    one = Undecided(
        DifferenceKind.VALUE, "$.note", 7, "has several wordings on both sides, in other rows", samples=samples
    )
    sentence = of_undecided(one, SentenceNames("staging", "production", 9))
    assert "both sides use them all, but not for the same rows, in 7 rows." in sentence
    assert sentence.endswith('An example of a row: "Hi" in staging but "Hello" in production.')


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


@pytest.mark.parametrize("length", [4, 6, 12])
@pytest.mark.parametrize("rows", [20, 60])
def test_maps_of_random_hexadecimal_keys_are_one_place(rows: int, length: int) -> None:
    def answer(row: int, chance: random.Random) -> Any:
        return {"items": {f"{chance.getrandbits(4 * length):0{length}x}": chance.randrange(5) for _ in range(2)}}

    result = compared(rows, answer, answer)
    assert differing(result) == []
    assert undecided(result) == ["$.items.*"]


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


def test_a_hidden_value_is_not_shown_as_what_rows_share() -> None:
    result = compared(
        20,
        lambda row, chance: {"tax": 19},
        lambda row, chance: {"tax": 7 if row % 4 == 1 else 19},
        lambda row: {"city": f"person-{row % 4:010x}"},
    )
    assert result.differences[0].affected == "all 5 rows with one city (hidden), none of the other 15"


def test_numbers_that_read_the_same_are_not_called_rewritten() -> None:
    result = compared(3, lambda row, chance: {"n": 179.83, "id": 1}, lambda row, chance: BIG)
    assert not [note for note in result.notes if "two ways" in note]


BIG = Side("delivered", "ok", status=200, headers=JSON, body=b'{"n": 179.83, "id": 9007199254740993000}')


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
