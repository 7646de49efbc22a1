"""Values and conditions as a person reads them."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rokt_export.response.value_text import abridged, clean, compact, described, same_look, shown, statuses_text
from rokt_export.spec_language.rules import Condition


@given(st.text(st.characters(exclude_categories=())))
@example("a\r\nb\x1b[2J")
@example("\x80\x9f\u2028\ud800\ufffe")
def test_what_is_left_as_it_is_needs_no_cleaning(text: str) -> None:
    assert all(clean(sign) == sign for sign in text if sign.isprintable())
    assert "".join(map(clean, text.replace("\r\n", "\n"))) == clean(text)


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ({"equals": None}, "`null`"),
        (["a", 7], "one of `a`, `7`"),
        ({"prefix": "MJ", "exists": True}, "starting with `MJ` and anything"),
        ({"any": {"contains": "x"}, "absent": False}, "anything and one that is (containing `x`)"),
        ({"compare": " > 5 ", "strict": True}, "a number > 5 (strict)"),
        ({"not": {"empty": True}, "ignore_case": True}, "not (empty) (ignore case)"),
    ],
)
def test_a_condition_in_words(written: object, words: str) -> None:
    assert described(Condition.model_validate(written)) == words


def test_statuses_and_values_in_words() -> None:
    assert statuses_text([(200, 200), (400, 499)]) == "200 or 400-499"
    assert shown([]) is None
    assert shown(["a", None, [1], 2, 3]) == "`a`, `null`, `[1]` and 2 more"


@pytest.mark.parametrize(("length", "kept"), [(100, 100), (101, 100), (1000, 100)])
def test_a_long_value_is_cut(length: int, kept: int) -> None:
    found = abridged("x" * length)
    assert (len(found), found.endswith("…")) == (kept, length > kept)


def test_what_looks_alike_is_one() -> None:
    assert same_look("\uff21\u00a0 b\n") == "A b"
    assert compact({"é": [1, None]}) == '{"é":[1,null]}'
