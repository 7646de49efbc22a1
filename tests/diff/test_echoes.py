"""What the row before sent is told from what the row sent."""

from __future__ import annotations

import random

from tests.diff.comparing import compared


def test_the_value_of_the_row_before_is_named() -> None:
    tokens = [f"person-{number:010x}" for number in range(12)]
    result = compared(
        12,
        lambda row, chance: {"zip": tokens[row]},
        lambda row, chance: {"zip": tokens[max(0, row - 1)]},
        lambda row: {"zip": tokens[row], "n": str(row)},
    )
    (difference,) = result.differences
    assert difference.sentence.startswith("Field zip is the sent zip in staging but the zip of the row before in")
    mixed = compared(
        12,
        lambda row, chance: {"zip": tokens[row]},
        lambda row, chance: {"zip": tokens[(row * 5 + 3) % 12]},
        lambda row: {"zip": tokens[row], "n": str(row)},
    )
    assert "but another person's data in production" in mixed.differences[0].sentence


def test_a_value_of_the_row_before_that_its_redaction_did_not_know_is_named_and_hidden() -> None:
    places, tokens = ["10115", "SW1A 1AA", "75013", "02139"], [f"person-{number:010x}" for number in range(4)]
    order = random.Random(7).choices(range(4), k=40)
    result = compared(
        40,
        lambda row, chance: {"zip": tokens[order[row]]},
        lambda row, chance: {"zip": places[order[row - 1]] if row else tokens[order[0]]},
        lambda row: {"zip": tokens[order[row]], "n": str(row)},
    )
    (difference,) = result.differences
    assert "the zip of the row before in production" in difference.sentence
    assert {sample.b for sample in difference.samples} <= {f'"hidden-{number}"' for number in range(1, 5)}
