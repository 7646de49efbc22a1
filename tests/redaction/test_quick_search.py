"""A quick search leaves out no text that holds a secret, and most texts that hold none."""

from __future__ import annotations

import pytest

from rokt_export.redaction.quick_search import QuickSearch, SecretScreen


def test_the_expressions_that_match_are_told_by_their_places() -> None:
    search = QuickSearch("[0-9]{4}", "jane", "x$")
    assert sorted(search.which_in(b"JANE 1984")) == [0, 1]
    assert list(search.which_in(b"doe")) == []
    assert search.found_in(b"1984") and not search.found_in(b"198")


@pytest.mark.parametrize(
    "text",
    [
        "token sk-Live-0123456789abcdef",
        "TOKEN SKLIVE0123456789ABCDEF",
        "s k l i v e 0 1 2 3 4 5",
        "nothing but %41",
        "nothing but \\u0041",
        "nothing but &#65;",
        "padded=",
        "Zoë",
    ],
)
def test_a_text_that_may_hold_a_secret_is_not_left_out(text: str) -> None:
    assert SecretScreen(["sk-live-0123456789abcdef", "other-secret"]).may_hold_any(text)


@pytest.mark.parametrize("text", ["", "delivered", "sk-live-01234", '{"id": 17, "state": "stored"}'])
def test_a_plain_text_without_a_secret_is_left_out(text: str) -> None:
    assert not SecretScreen(["sk-live-0123456789abcdef"]).may_hold_any(text)
