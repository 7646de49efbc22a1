"""Identifiers: a form that they keep, and lengths that vary by chance."""

from __future__ import annotations

import random
from base64 import b64encode
from string import ascii_letters, digits
from typing import Any

from tests.diff.comparing import compared, compared_values


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
            told = [one.sentence for one in compared_values(rows, answer, answer, seed).differences if one.certain]
            assert told == []
