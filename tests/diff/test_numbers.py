"""Numbers: counters and scales."""

from __future__ import annotations

import pytest

from tests.diff.comparing import Make, compared, compared_values, differing, said


@pytest.mark.parametrize("step", [1, -1])
@pytest.mark.parametrize(("base", "other"), [(100, 900_000), (70_000, 90)])
def test_counters_from_another_number_on_are_no_difference(step: int, base: int, other: int) -> None:
    result = compared(
        40, lambda row, chance: {"n": base + step * row}, lambda row, chance: {"n": other + step * row}
    )  # fmt: skip
    assert differing(result) == []
    reversed_ = compared(40, lambda row, chance: {"n": base + row}, lambda row, chance: {"n": other - row})
    assert [detail for _, detail in differing(reversed_)] == ["rising → falling"]


def test_identifiers_that_hold_the_time_are_no_scale() -> None:
    def snowflake(late: int) -> Make:
        return lambda row, chance: (1_790_000_000_000 + late + 50 * row << 22) | chance.getrandbits(22)

    for rows in (3, 5, 60):
        result = compared_values(rows, snowflake(0), snowflake(20_000))
        assert not result.differences, said(result)
        assert [one.path for one in result.undecided] == ["$.x"]
