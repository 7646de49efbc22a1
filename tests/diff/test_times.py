"""Times: shifts, zones, clocks and their resolution."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest

from rokt_export.diff import Side
from tests.diff.comparing import DAY, HALF_HOUR, HOUR, ISO, JSON, Answer, compared, compared_values, differing, on_grid

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
    result = compared_values(rows, on_grid(steps, step, written, timedelta()), on_grid(steps, step, written, shift))
    (one,) = result.differences
    assert one.certain
    assert words in one.sentence or (case == "one appointment" and "is 1 hour later" in one.sentence), one.sentence


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


def test_requests_of_a_whole_minute_do_not_make_whole_minutes() -> None:
    def answer(start: float) -> Answer:
        def side(row: int, chance: random.Random) -> Side:
            now = start + row * 0.01
            body = orjson.dumps({"at": f"{datetime.fromtimestamp(now, UTC):%Y-%m-%dT%H:%M:%SZ}"})
            return Side("delivered", "ok", status=200, headers=JSON, body=body, started=now - 0.02)

        return side

    assert differing(compared(40, answer(1_790_000_023.1), answer(1_790_000_040.1))) == []


def test_the_same_time_in_another_zone_is_called_so() -> None:
    result = compared(
        5,
        lambda row, chance: {"at": f"2027-03-1{row * row % 7}T10:00:00+00:00"},
        lambda row, chance: {"at": f"2027-03-1{row * row % 7}T11:00:00+01:00"},
    )
    assert (
        result.differences[0].detail == "is the same time in both, with another time zone in production than in staging"
    )
