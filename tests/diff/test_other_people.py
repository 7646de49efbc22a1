"""Values of people of other rows are hidden in what a comparison shows, in whatever writing."""

from __future__ import annotations

import pytest

from rokt_export.diff.other_people import OtherPeople, hidden, of_samples
from rokt_export.diff.result import Sample

PEOPLE = ["Jane Doe", "jane.doe@example.com", "+1 202 555 0143", "1983-12-31", "Li"]


@pytest.mark.parametrize(
    "text",
    [
        "Hello Jane Doe!",
        "DOE JANE",
        "janedoe",
        "jane.doe@example.com",
        "eod enaj",
        "call 2025550143",
        "born 31.12.1983",
        "x.person-0123456789@example.com",
    ],
)
def test_a_value_is_hidden_in_each_writing(text: str) -> None:
    shown = OtherPeople(PEOPLE).without(text)
    assert "hidden-1" in shown
    assert not any(part in shown.lower() for part in ("jane", "doe", "eod", "0143", "1983", "@"))


@pytest.mark.parametrize("text", ["Life is a list", "error", "person-0123456789", "order 202"])
def test_what_is_nobodys_stays(text: str) -> None:
    assert OtherPeople(PEOPLE).without(text) == text
    assert OtherPeople(None).without("Jane Doe") == "Jane Doe"


def test_equal_values_have_one_name_and_words_of_our_own_stay() -> None:
    others = OtherPeople(["Jane", "Joe", "Day"])
    assert others.without("Jane, Joe and Jane") == "hidden-1, hidden-2 and hidden-1"
    assert others.without("one day later than Joe", ours=True) == "one day later than hidden-2"


def test_what_stands_in_place_of_a_token_on_the_other_side_is_hidden() -> None:
    sample = Sample("t-1", "sent to person-0123456789 now", "sent to Unheard Of now")
    hide = OtherPeople(["Somebody Else"]).hiding(of_samples([sample]), words=False)
    assert hidden(sample, hide).b == "sent to hidden-1 now"
    assert hidden(sample, hide).a == sample.a
