"""Of many values some are kept, by chance."""

from __future__ import annotations

from rokt_export.diff import Side
from rokt_export.diff.column import KeptPairs


def test_the_rows_that_are_kept_of_many_follow_no_period() -> None:
    rows = KeptPairs()
    one = Side("delivered")
    for number in range(1, 20_001):
        rows.add(number, f"t-{number}", one, one)
    assert 500 < len(rows.kept) <= 2_048
    for period in (2, 3, 8, 20, 32):
        rests = {number % period for number in rows.kept}
        assert rests == set(range(period))
