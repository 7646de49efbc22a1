"""A row's text may be a long run of what encodings escape: it is hidden, in a time that grows with its length."""

from __future__ import annotations

import json
import time
from urllib.parse import quote

import pytest

from rokt_export.redaction.character_encodings import fold_case
from rokt_export.redaction.decoded_view import View
from rokt_export.redaction.encoded_search import Spelling
from rokt_export.redaction.redactor import Redactor

LENGTH = 20_000
SECONDS = 6.0
"""Of the processor; each takes less than a second, where a time that grows with the square takes minutes."""


@pytest.mark.parametrize(
    "repeated",
    ['"', "\\", "'", "%", "&=", '\n"', "\x00", "\ud800", "é", '"\\%', "\\u0022", "ab-", "12"],
    ids=ascii,
)
def test_a_long_run_of_any_character_is_hidden_in_a_bounded_time(repeated: str) -> None:
    value = (repeated * LENGTH)[:LENGTH]

    began = time.process_time()
    shown = Redactor(key=b"key").text(json.dumps({"name": value}), [value])

    assert time.process_time() - began < SECONDS
    assert len(shown) < 60 and "person-" in shown.lower()


@pytest.mark.parametrize("repeated", ['"', "\\", "%", "'"])
def test_a_text_that_holds_nearly_the_value_many_times_is_searched_in_a_bounded_time(repeated: str) -> None:
    text = "x".join([repeated * 399] * 50)

    began = time.process_time()
    shown = Redactor(key=b"key").text(text, [repeated * 400 + "!"])

    assert time.process_time() - began < SECONDS
    assert shown == text


def test_a_name_of_long_words_is_prepared_in_a_bounded_time() -> None:
    began = time.process_time()
    Redactor(key=b"key").text("none", [" ".join([letter * 400 for letter in "abcd"]) + "!"])

    assert time.process_time() - began < SECONDS


@pytest.mark.parametrize("steps", [0, 5, 40])
def test_following_all_readings_at_once_finds_what_trying_each_finds(monkeypatch, steps: int) -> None:
    values = ['"\\"', "\\\\\\a\\\\", '"" "', "a&%", "山\\山\\山", "ü=ü=ü"]
    parts = [*values, *(json.dumps(value)[1:-1] for value in values), *map(quote, values), '"', "\\", "a", "%"]
    for at, value in enumerate(values):
        for first in range(len(parts)):
            text = fold_case("".join(parts[(first + place * (at + 2)) % len(parts)] for place in range(9)))
            found = [list(Spelling(value, fold=True).find(View(text)))]
            monkeypatch.setattr("rokt_export.redaction.encoded_search._MOST_STEPS", steps)
            found.append(list(Spelling(value, fold=True).find(View(text))))
            monkeypatch.undo()
            tried, followed = ({place for span in spans for place in range(*span)} for spans in found)
            assert tried <= followed, (value, text)
