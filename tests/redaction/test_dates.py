"""Dates in texts that are looked at together: what is found in a quick way is what is found in the exact one."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rokt_export.redaction.batch_signs import TextSign, signs_in
from rokt_export.redaction.dates import dates_in, dates_in_lines, days_of, numbers_meaning

LINES = st.lists(
    st.one_of(
        st.from_regex(r"[0-9]{1,9}(?:-[0-9]{1,6})?", fullmatch=True),
        st.sampled_from(["T000041234", "33225", "19901217", "17121990", "661392000", "661392000000", "20260101120000"]),
    ),
    min_size=1,
    max_size=8,
)


@given(LINES, st.dates())
@example(["33224-1"], days_of("1990-12-17"))
@example(["x33224", "33224", "133224"], days_of("1990-12-17"))
def test_numbers_mean_the_days_that_the_exact_search_finds(lines, day) -> None:
    text = "\n".join(lines)
    wanted = day if isinstance(day, frozenset) else frozenset({day.toordinal()})
    exact = {(start, days) for start, days in dates_in_lines(text) if not days.isdisjoint(wanted)}
    found = {(start, days) for start, days in numbers_meaning(text, wanted) if not days.isdisjoint(wanted)}
    if TextSign.DATE not in signs_in(text):  # a date with separators is looked for in the exact way
        assert found == exact


SEPARATORS = [*"-/., _‐‑–—−·|:\\\t\n~;+*#@&='\"年", "<br>", "<br/>", " – ", " | ", " - ", "..", "()"]
ORDERS = ["28{0}03{0}1979", "1979{0}03{0}28", "03{0}28{0}1979", "28{0}3{0}79", "28{0}mar{0}1979", "march{0}28{0}1979",
          "1979{0}march{0}28"]  # fmt: skip


@pytest.mark.parametrize("before", ["", "born ", "row 7, ", "7: ", "x 12 ", "("])
@pytest.mark.parametrize("between", SEPARATORS)
def test_a_date_is_found_whatever_stands_between_its_parts_and_before_it(between, before) -> None:
    day = date(1979, 3, 28).toordinal()
    for order in ORDERS:
        text = f"{before}{order.format(between)} ok"
        assert any(day in days for _, _, days in dates_in(text)), text
        if text.isascii() and "\n" not in text:  # lines are rows, and such texts are searched one by one
            assert any(day in days for _, days in dates_in_lines(text)), text


@pytest.mark.parametrize("text", ["march the 28th, 1979", "march 28 in 1979", "28th of march, in 1979"])
def test_a_date_is_found_with_the_words_that_people_say(text) -> None:
    assert any(date(1979, 3, 28).toordinal() in days for _, _, days in dates_in(text))


def test_a_spreadsheets_day_is_found_among_identifiers() -> None:
    wanted = days_of("1990-12-17")
    assert [start for start, _ in numbers_meaning("12-33223\n12-33224\n12-33225", wanted)] == [12]
