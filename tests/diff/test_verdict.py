"""How one side's values come from the other's is said, where it is known."""

from __future__ import annotations

from typing import Any

import pytest

from tests.diff.comparing import compared, new_id

CITIES = ["Zürich", "Köln", "Genève", "Bern"]
REWRITTEN: dict[str, tuple[Any, Any, str]] = {
    "day and month": (
        lambda row, _: f"{13 + row % 9}/0{1 + row % 9}/1998", lambda row, _: f"0{1 + row % 9}/{13 + row % 9}/1998",
        "has the day and the month swapped in production",
    ),
    "capital ids": (
        lambda _, chance: f"{chance.getrandbits(64):016x}", lambda _, chance: f"{chance.getrandbits(64):016X}",
        "has small letters in staging but capital letters in production",
    ),
    "scheme": (
        lambda _, chance: f"https://acme.example/l/{new_id(chance)}", lambda _, chance: f"http://acme.example/l/{new_id(chance)}",
        "begins with http:// in production but with https:// in staging",
    ),
    "accents": (
        lambda row, _: CITIES[row % 4], lambda row, _: ["Zurich", "Koln", "Geneve", "Bern"][row % 4],
        "has lost its accents in production",
    ),
    "mojibake": (
        lambda row, _: CITIES[row % 4], lambda row, _: CITIES[row % 4].encode().decode("latin-1"),
        "is UTF-8 read as Latin-1 in production",
    ),
    "zeros": (
        lambda row, _: f"{7 + row % 5:05}", lambda row, _: f"{7 + row % 5}",
        "has leading zeros in staging but not in production",
    ),
    "notation of times": (
        lambda row, _: f"2026-11-23T10:00:{row:02}Z", lambda row, _: f"2026-11-23T10:00:{row:02}.250Z",
        "is YYYY-MM-DDThh:mm:ssZ in staging but YYYY-MM-DDThh:mm:ss.sssZ in production",
    ),
    "a word that was sent": (
        lambda row, _: f"<html>{row * 7919} accepted</html>", lambda row, _: f"<html>{row * 7907} refused</html>",
        'is "<html>(number) accepted</html>" in staging but "<html>(number) refused</html>" in production',
    ),
}  # fmt: skip


@pytest.mark.parametrize("rows", [5, 20])
@pytest.mark.parametrize("case", REWRITTEN)
def test_what_became_of_the_values_is_said(case: str, rows: int) -> None:
    a, b, words = REWRITTEN[case]
    result = compared(
        rows,
        lambda row, chance: {"v": a(row, chance)},
        lambda row, chance: {"v": b(row, chance)},
        sent=lambda row: {"email": f"jane.{row}@example.com", "as": "html"},
    )
    (one,) = result.differences
    assert words in one.sentence, one.sentence
