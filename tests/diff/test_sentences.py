"""Differences in sentences."""

from __future__ import annotations

import random
from typing import Any

from tests.diff.comparing import compared


def test_all_that_is_undecided_of_a_field_gives_one_advice() -> None:
    def value(row: int, chance: random.Random) -> Any:
        return {"maybe": None if chance.random() < 0.5 else chance.randrange(10**6)}

    advice = {(one.path, one.enough) for one in compared(60, value, value).undecided}
    assert advice == {("$.maybe", 0)}
