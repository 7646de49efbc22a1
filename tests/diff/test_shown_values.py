"""Long values are shown where they differ."""

from __future__ import annotations

import random

from rokt_export.diff import SentTexts, Side
from tests.diff.comparing import Answer, compared

NAMES = [
    {"firstname": f"person-{number:010x}", "lastname": f"person-{number + 99:010x}", "n": str(number)}
    for number in range(4)
]


def test_a_word_in_a_long_line_is_shown_with_the_words_around() -> None:
    def page(word: str) -> Answer:
        def made(row: int, chance: random.Random) -> Side:
            text = f"<html><body><p>Thanks {NAMES[row % 4]['firstname' if not word else 'lastname']}</p><p>Your number"
            text += f" is <b>{chance.randrange(10**7, 10**8)}</b></p><p>We will {word}call you</p></body></html>"
            headers = (("Content-Type", "text/html"),)
            return Side(
                "delivered", "ok", status=200, headers=headers, body=text.encode(), sent=SentTexts(NAMES[row % 4])
            )

        return made

    (difference,) = compared(20, page(""), page("not ")).differences
    assert difference.sentence == (
        'Line 1 is "…<p>Thanks (the sent firstname)</p><p>Your… will call you…" in staging but "…<p>Thanks (the sent'
        ' lastname)</p><p>Your… will not call you…" in production, in all 20 rows.'
    )


def test_long_values_are_shown_from_where_they_differ() -> None:
    long = "la " * 600
    result = compared(3, lambda row, chance: {"v": f"{long}yes"}, lambda row, chance: {"v": f"{long}no"})
    assert result.differences[0].detail == "…a la la la la la la yes → …a la la la la la la no"
