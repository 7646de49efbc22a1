"""Unequal values are never passed over: they differ, agree by proof, are declared, or cannot be judged."""

from __future__ import annotations

import random
from datetime import UTC, datetime

import orjson
import pytest

from rokt_export.diff import Comparison, Side
from rokt_export.partner_spec.model import DiffSettings
from tests.diff.comparing import DAY, HALF_HOUR, ISO, JSON, Make, compared_values, mixed, said


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
            result = compared_values(rows, *(lambda row, _, side=side: side[row] for side in values))
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


def test_a_number_written_in_another_way_is_noted() -> None:
    result = compared_values(20, lambda row, _: [5, row], lambda row, _: [5.0, row])
    assert result.agrees
    assert result.notes == ("Equal numbers are written in two ways at $.x[*]: 5 → 5.0, in 20 rows.",)


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
