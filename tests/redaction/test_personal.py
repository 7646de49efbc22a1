"""Of a row's many values only those that an exchange may hold are looked for: what is hidden stays the same."""

from __future__ import annotations

import hashlib
from base64 import b64encode, urlsafe_b64encode
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rokt_export.redaction import Redactor, personal
from rokt_export.redaction.decoded_view import DecodedText
from rokt_export.redaction.hashes import UP_TO_SHA_2

VALUES = [
    "jane.doe@example.com", "Jane", "Doe", "Li", "Müller", "+1 (555) 010-4477", "1984-03-09", "12 Elm Street",
    "00123", "true", "Zoë", "O'Brien", "Hauptstraße 5",
    *(f"word{number}" for number in range(500)),
]  # fmt: skip


def hashes(value: str) -> list[str]:
    digests = [hashlib.new(name, value.encode()).digest() for name in UP_TO_SHA_2]
    return [each.hex() for each in digests] + [b64encode(each).decode() for each in digests] + [
        urlsafe_b64encode(each).decode().rstrip("=") for each in digests
    ]  # fmt: skip


TEXTS = [
    '{"email": "jane.doe@example.com", "n": "Li"}', "JANEDOE", "Doe, Jane", "doejane", "Mueller", "MÜLLER",
    "call 5550104477", "born 09.03.1984", "9 March 1984", quote("12 Elm Street"), "12-elm-street", "zoe", "OBrien",
    "hauptstrasse 5", b64encode(b"Jane Doe lives here").decode(), b"jane.doe@example.com".hex(), "word17 word499",
    "\\u004a\\u0061\\u006e\\u0065", "nothing at all", "jane.doe", "id=c0ffee00112233445566778899aabbccddeeff00",
    "6f1c2a34-9b7d-4c1e-8f00-123456789abc", *hashes("jane.doe@example.com"), *hashes("word17"),
    f"x{hashes('word17')[0].upper()}y",
]  # fmt: skip


@pytest.mark.parametrize("text", TEXTS)
def test_what_is_hidden_does_not_depend_on_the_values_that_are_left_out(text: str) -> None:
    redactor = Redactor(key=b"k" * 32)
    whole = redactor.text(text, VALUES)
    narrowed = redactor.personal_in(["before", text, "after 2020-01-01"], VALUES)
    assert redactor.text(text, narrowed) == whole
    assert len(narrowed) < 10


def test_texts_are_narrowed_together_as_they_are_one_by_one() -> None:
    redactor = Redactor(key=b"k" * 32)
    together = redactor.personal_in(TEXTS, VALUES)
    for text in TEXTS:
        assert redactor.text(text, together) == redactor.text(text, VALUES)
    assert "word3" not in together


WRITTEN = [
    str.upper, str.title, quote, lambda value: value.replace(" ", ""), lambda value: value.replace(" ", "-"),
    lambda value: " ".join(reversed(value.split())), lambda value: value.replace("ue", "u"), lambda value: value[:-1],
    lambda value: f"+49{value}", lambda value: f"x{value}y", lambda value: b64encode(value.encode()).decode(),
    lambda value: hashes(value)[0], lambda value: hashes(value)[4],
    lambda value: f"{value[4:]}-{value[2:4]}-{value[:2]}",
]  # fmt: skip
VALUE = st.one_of(
    st.text("aeou rn'-.1", min_size=1, max_size=8),
    st.text("0123456789", min_size=2, max_size=12),
    st.sampled_from(
        ["+1 (555) 010-4477", "1984-03-09", "9 March 1984", "03091984", "Mueller", "tel:5550104477", "Doe Jane"]
    ),
)


@given(st.lists(VALUE, min_size=1, max_size=6), st.data())
@settings(deadline=None)
def test_the_quick_look_leaves_out_no_value_that_is_found(values: list[str], data: st.DataObject) -> None:
    chosen = data.draw(st.lists(st.tuples(st.sampled_from(values), st.sampled_from(WRITTEN)), max_size=4))
    text = data.draw(st.sampled_from(["", "2020-01-01 ", "\\u0061", "é", "%41 "])) + ", ".join(
        how(one) for one, how in chosen
    )
    quick = personal.people_in(values, DecodedText(text))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(personal, "_may_be_in", lambda _value, _reading: True)
        assert personal.people_in(values, DecodedText(text)) == quick
