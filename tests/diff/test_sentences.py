"""Differences in sentences."""

from __future__ import annotations

import random
from typing import Any

import pytest

from rokt_export.diff.result import Difference, DifferenceKind
from rokt_export.diff.sentences import SentenceNames, clock_text, field_name, form_words, of_difference
from tests.diff.comparing import compared


def test_all_that_is_undecided_of_a_field_gives_one_advice() -> None:
    def value(row: int, chance: random.Random) -> Any:
        return {"maybe": None if chance.random() < 0.5 else chance.randrange(10**6)}

    advice = {(one.path, one.enough) for one in compared(60, value, value).undecided}
    assert advice == {("$.maybe", 0)}


NAMES = SentenceNames("staging", "production", 30)


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("$", "the body"),
        ("$.a.b", "field a.b"),
        ("$.list[*]", "each element of list"),
        ("header location", "header location"),
        ("line 3", "line 3"),
        ("status", "the status"),
    ],
)
def test_a_place_has_a_name(path: str, name: str) -> None:
    assert field_name(path) == name


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ("hex of 12", "12 hexadecimal characters"),
        ("letters and digits of 1", "1 letter or digit"),
        ("digits", "digits"),
        ("uuid", "a uuid"),
        ("number", "a number"),
        ("LD-…", '"LD-…"'),
    ],
)
def test_a_form_has_words(form: str, words: str) -> None:
    assert form_words(form) == words


@pytest.mark.parametrize(
    ("kind", "path", "detail", "count", "sentence"),
    [
        (DifferenceKind.STATUS, "status", "201 → 200", 30, "The status is 201 in staging but 200 in production, in all "
         "30 rows."),
        (DifferenceKind.TYPE, "$.a", "number → string", 30, "Field a is a number in staging but text in production, in "
         "all 30 rows."),
        (DifferenceKind.MISSING, "$.a", "", 29, "Field a is present in staging but missing in production, in 29 of 30 "
         "rows. In the other row no such difference was found."),
        (DifferenceKind.VALUE, "$.a", "yes → no", 30, 'Field a is "yes" in staging but "no" in production, in all 30 '
         "rows."),
        (DifferenceKind.ORDER, "$.a", "", 30, "Field a has the same elements in another order, in all 30 rows."),
    ],
)  # fmt: skip
def test_a_difference_says_what_is_on_which_side_and_in_how_many_rows(
    kind: DifferenceKind, path: str, detail: str, count: int, sentence: str
) -> None:
    assert of_difference(Difference(kind, path, count, detail), NAMES) == sentence


def test_a_clock_stands_beside_the_time_of_its_request() -> None:
    assert clock_text(3600.0, 0.0) == "01:00:00 UTC, request sent 00:00:00"
    assert clock_text(90_000.0, 0.0) == "1970-01-02 01:00:00 UTC, request sent 1970-01-01 00:00:00"
