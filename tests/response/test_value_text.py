"""Values and conditions as a person reads them."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from rokt_export.response.value_text import clean


@given(st.text(st.characters(exclude_categories=())))
@example("a\r\nb\x1b[2J")
@example("\x80\x9f\u2028\ud800\ufffe")
def test_what_is_left_as_it_is_needs_no_cleaning(text: str) -> None:
    assert all(clean(sign) == sign for sign in text if sign.isprintable())
    assert "".join(map(clean, text.replace("\r\n", "\n"))) == clean(text)
