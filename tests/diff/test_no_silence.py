"""Unequal values are never passed over: they differ, agree by proof, are declared, or cannot be judged."""

from __future__ import annotations

import hashlib
import random
from base64 import b64encode
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from string import ascii_letters, digits
from typing import Any

import orjson
import pytest

from rokt_export.diff import Comparison, DiffResult, Sent, Side
from rokt_export.partner_spec.model import DiffSettings

JSON = (("Content-Type", "application/json"),)
Make = Callable[[int, random.Random], Any]
STARTED = 1_790_000_000.0
HOUR, HALF_HOUR, DAY = timedelta(hours=1), timedelta(minutes=30), timedelta(days=1)


def compared(rows: int, a: Make, b: Make, seed: int = 1) -> DiffResult:
    """Compare two sides' fields `x`; B answers 20 seconds after A."""
    comparison = Comparison(DiffSettings(), a="staging", b="production")
    chances = random.Random(seed), random.Random(-seed)
    for row in range(rows):
        sent = Sent({"email": f"jane.{row}@example.com", "country": ["US", "DE", "FR", "US"][row % 4]})
        sides = [
            Side(
                "delivered", "ok", status=200, headers=JSON, body=orjson.dumps({"x": make(row, chance)}),
                started=STARTED + 20 * number + row * 0.05, sent=sent,
            )
            for number, (make, chance) in enumerate(zip((a, b), chances, strict=True))
        ]  # fmt: skip
        comparison.add(f"t-{row}", *sides)
    return comparison.result()


def said(result: DiffResult) -> str:
    return " ".join([*(one.sentence for one in result.differences), *(one.sentence for one in result.undecided)])


def on_grid(steps: int, step: timedelta, written: str, shift: timedelta) -> Make:
    return lambda row, _: (datetime(2027, 1, 5, 9, tzinfo=UTC) + step * (row % steps) + shift).strftime(written)


def mixed(row: int) -> int:
    return int(hashlib.md5(str(row).encode(), usedforsecurity=False).hexdigest()[:8], 16)


ISO = "%Y-%m-%dT%H:%M:%SZ"
SHIFTS = {
    "appointments": (40, HALF_HOUR, ISO, HOUR, "is 1 hour later in production"),
    "one appointment": (1, HALF_HOUR, ISO, HOUR, "2027-01-05T10:00:00Z"),
    "three appointments": (3, HALF_HOUR, ISO, HOUR, ""),
    "times of day": (10**6, timedelta(minutes=377), "%H:%M", HOUR, "is 1 hour later in production"),
    "half days": (9, HALF_HOUR, "%I:%M %p", HOUR, "is 1 hour later in production"),
    "days": (9, DAY, "%Y-%m-%d", DAY, "is 1 day later in production"),
    "one day": (1, DAY, "%d.%m.%Y", DAY, "is 1 day later in production"),
    "seconds": (50, timedelta(seconds=1), ISO, timedelta(seconds=30), "is 30 s later in production"),
    "in words": (40, HALF_HOUR, "Call at %H:%M on %d.%m.%Y", HOUR, "is 1 hour later in production"),
}


@pytest.mark.parametrize("rows", [5, 60, 200])
@pytest.mark.parametrize("case", SHIFTS)
def test_times_that_are_shifted_are_a_difference(case: str, rows: int) -> None:
    steps, step, written, shift, words = SHIFTS[case]
    result = compared(rows, on_grid(steps, step, written, timedelta()), on_grid(steps, step, written, shift))
    (one,) = result.differences
    assert one.certain
    assert words in one.sentence or (case == "one appointment" and "is 1 hour later" in one.sentence), one.sentence


RELATED: dict[str, tuple[Make, Make, str]] = {
    "slot": (lambda row, _: row % 12, lambda row, _: row % 12 + 1, "is 1 more in production"),
    "points": (lambda row, _: mixed(row) % 900, lambda row, _: mixed(row) % 900 + 7, "is 7 more in production"),
    "half points": (
        lambda row, _: mixed(row) % 9 / 2, lambda row, _: mixed(row) % 9 / 2 + 0.5, "is 0.5 more in production",
    ),
    "in a text": (
        lambda row, _: f"{mixed(row) % 90} points", lambda row, _: f"{mixed(row) % 90 + 1} points", "is 1 more",
    ),
    "cents": (
        lambda row, _: round(mixed(row) % 900 / 7, 2), lambda row, _: round(100 * round(mixed(row) % 900 / 7, 2)),
        "is 100 times as much in production as in staging",
    ),
    "hours in words": (lambda row, _: f"{row % 8 + 1}am", lambda row, _: f"{row % 8 + 2}am", "is 1 more in production"),
    "day in words": (
        on_grid(20, DAY, "%A, %d %B %Y", timedelta()), on_grid(20, DAY, "%A, %d %B %Y", DAY), "is 1 day later",
    ),
    "percent": (lambda row, _: f"{mixed(row) % 80}%", lambda row, _: f"{mixed(row) % 80 + 5}%", "is 5 more"),
    "sign": (lambda row, _: 3 + row, lambda row, _: -3 - row, "has the opposite sign in production"),
    "digits": (
        lambda row, _: 2**53 + 1 + 2 * row, lambda row, _: int(float(2**53 + 1 + 2 * row)),
        "has lost its last digits in production",
    ),
    "weekday": (
        on_grid(7, DAY, "%A", timedelta()), on_grid(7, DAY, "%A", DAY), "has other values",
    ),
    "swapped words": (
        lambda row, _: ["gold", "silver", "iron"][mixed(row) % 3],
        lambda row, _: ["silver", "gold", "iron"][mixed(row) % 3], "gold → silver",
    ),
    "flipped": (lambda row, _: mixed(row) % 2 == 0, lambda row, _: mixed(row) % 2 != 0, "true → false"),
    "second wording": (
        lambda row, _: f"Lead {mixed(row) % 900} is new" if row % 3 else f"Order {mixed(row) % 900} was kept",
        lambda row, _: f"Lead {mixed(row) % 900} is new" if row % 3 else f"Order {mixed(row) % 900 + 1} was kept",
        "is 1 more in production",
    ),
    "second type": (
        lambda row, _: "none" if row % 3 else mixed(row) % 90,
        lambda row, _: "none" if row % 3 else mixed(row) % 90 + 1,
        "is 1 more in production",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", RELATED)
def test_values_that_follow_from_the_other_side_are_a_difference(case: str) -> None:
    a, b, words = RELATED[case]
    (one,) = compared(60, a, b).differences
    assert one.certain
    assert words in one.sentence, one.sentence
    few = compared(5, a, b)
    assert few.differences or few.undecided


def test_identifiers_that_hold_the_time_are_no_scale() -> None:
    def snowflake(late: int) -> Make:
        return lambda row, chance: (1_790_000_000_000 + late + 50 * row << 22) | chance.getrandbits(22)

    for rows in (3, 5, 60):
        result = compared(rows, snowflake(0), snowflake(20_000))
        assert not result.differences, said(result)
        assert [one.path for one in result.undecided] == ["$.x"]


@pytest.mark.parametrize("rows", [1, 2, 3, 5, 20, 200])
def test_whatever_two_sides_say_is_mentioned(rows: int) -> None:
    makes: list[Make] = [
        lambda row, chance: chance.randrange(3),
        lambda row, chance: chance.random() < 0.5,
        lambda row, chance: chance.choice(["a", "b", None, 5, True]),
        lambda row, chance: f"Lead {chance.randrange(9)} {chance.choice(['is new', 'was kept', 'waits'])}",
        lambda row, chance: f"{datetime(2027, 1, 5, tzinfo=UTC) + HALF_HOUR * chance.randrange(40):{ISO}}",
        lambda row, chance: f"{datetime(2027, 1, 5, tzinfo=UTC) + HALF_HOUR * chance.randrange(40):%H:%M}",
        lambda row, chance: chance.choice(["soon", "2027-01-05", "2027-01-06", "later"]),
        lambda row, chance: [chance.randrange(5) for _ in range(chance.randrange(4))],
        lambda row, chance: "".join(chance.choice("abc-_ 12") for _ in range(chance.randrange(12))),
    ]
    for a in makes:
        for b in makes:
            values = [
                [make(row, random.Random(f"{seed}{row}")) for row in range(rows)] for seed, make in ((1, a), (2, b))
            ]
            result = compared(rows, *(lambda row, _, side=side: side[row] for side in values))
            assert result.differences or result.undecided or values[0] == values[1], values


def test_a_line_more_does_not_hide_a_line_that_changed() -> None:
    comparison = Comparison(DiffSettings(), a="staging", b="production")
    for row in range(30):
        texts = f"OK {mixed(row)}\nstatus: stored\nfor Jane", f"New\nOK {mixed(-row)}\nstatus: held\nfor Jane\nbye"
        sides = [Side("delivered", "ok", status=200, body=text.encode()) for text in texts]
        comparison.add(f"t-{row}", *sides)
    result = comparison.result()
    assert {one.path: one.detail for one in result.differences} == {
        "lines": "3 → 5",
        "line 2": "status: stored → status: held",
    }
    assert result.differences[0].samples[0].lines == ("+New", "+bye")


def test_random_lengths_and_rates_are_no_certain_difference() -> None:
    def answer(_: int, chance: random.Random) -> Any:
        return {
            "list": [chance.randrange(9) for _ in range(chance.randrange(6))],
            "flag": chance.random() < 0.5,
            "number": None if chance.random() < 0.5 else chance.randrange(90),
            "cursor": b64encode(b'{"o": %d}' % chance.randrange(10**6)).decode(),
            "digest": "$2b$10$" + "".join(chance.choice(ascii_letters + digits + "./") for _ in range(53)),
        }

    for rows in (5, 20, 200):
        for seed in range(1, 9):
            told = [one.sentence for one in compared(rows, answer, answer, seed).differences if one.certain]
            assert told == []


def test_a_number_written_in_another_way_is_noted() -> None:
    result = compared(20, lambda row, _: [5, row], lambda row, _: [5.0, row])
    assert result.agrees
    assert result.notes == ("Equal numbers are written in two ways at $.x[*]: 5 → 5.0, in 20 rows.",)


def test_a_flag_that_flips_for_one_country_is_a_difference() -> None:
    result = compared(
        80, lambda row, _: mixed(row) % 2 == 0, lambda row, _: (mixed(row) % 2 == 0) != (row % 4 in (0, 3))
    )
    (one,) = result.differences
    assert "all 40 rows with country=US" in one.sentence


def test_words_of_our_own_are_not_taken_for_names() -> None:
    comparison = Comparison(DiffSettings(), a="staging", b="production", people={"Day", "Small", "May Later"})
    names = ["Day", "Small", "May Later", "SMALL"]
    for row in range(20):
        bodies = [
            {"x": f"{datetime(2027, 1, 5 + row, tzinfo=UTC) + DAY * side:%Y-%m-%d}", "y": names[(row + side) % 4]}
            for side in (0, 1)
        ]
        sides = [Side("delivered", "ok", status=200, headers=JSON, body=orjson.dumps(body)) for body in bodies]
        comparison.add(f"t-{row}", *sides)
    result = comparison.result()
    told = said(result)
    assert "Field x is 1 day later in production than in staging, in all 20 rows." in told
    shown = told.replace("1 day later", "") + repr([one.as_json() for one in result.differences]).replace(
        "day later", ""
    )
    assert not [name for name in ("Day", "Small", "SMALL", "May") if name in shown]
