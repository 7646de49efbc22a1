"""Few values: which rows share a change, and what is called the same."""

from __future__ import annotations

from tests.diff.comparing import compared, compared_values, mixed


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


def test_few_values_are_called_the_same_only_where_they_are() -> None:
    result = compared(
        20,
        lambda row, chance: {"v": "rare" if row == 3 else "xyz"[chance.randrange(2)]},
        lambda row, chance: {"v": "xyz"[chance.randrange(2)]},
    )
    (reason,) = [one.reason for one in result.undecided]
    assert reason == "takes few values, in other rows, and rare only in staging, in 1 row"


def test_a_flag_that_flips_for_one_country_is_a_difference() -> None:
    result = compared_values(
        80, lambda row, _: mixed(row) % 2 == 0, lambda row, _: (mixed(row) % 2 == 0) != (row % 4 in (0, 3))
    )
    (one,) = result.differences
    assert "all 40 rows with country=US" in one.sentence
