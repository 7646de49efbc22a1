"""What is judged of a place: which check judges it, how often it is there, what values are to each other."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.diff.comparing import DAY, Answer, Make, compared, compared_values, mixed, new_id, on_grid


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


def test_a_field_that_is_there_by_chance_is_no_certain_difference() -> None:
    def answer(values: dict[int, str]) -> Answer:
        return lambda row, chance: {"ok": True, **({"promo": values[row]} if row in values else {})}

    result = compared(60, answer({3: "x65", 9: "x12", 30: "x77"}), answer({3: "x90", 20: "x31", 41: "x55"}))
    (one,) = result.differences
    assert (one.path, one.detail, one.certain) == ("$.promo", "x65 → x90", False)
    assert one.sentence.endswith("This may be chance: compare 240 rows or more.")


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
    (one,) = compared_values(60, a, b).differences
    assert one.certain
    assert words in one.sentence, one.sentence
    few = compared_values(5, a, b)
    assert few.differences or few.undecided
