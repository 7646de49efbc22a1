"""Notations of a person's values that servers, stylesheets and programs write."""

from __future__ import annotations

import hashlib
import tracemalloc

import pytest

from rokt_export.redaction.decoded_view import fold_letters
from rokt_export.redaction.redactor import Redactor


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("María", "M a r i a"),
        ("Gonzalez-Huber", "mgonzalezhuber"),
        ("1979-03-08", "Thu Mar  8 00:00:00 1979"),
        ("1979-03-08", "1979年3月8日"),
        ("María", "&#77&#97&#114&#105&#97"),
        ("María", "&#x4d&#x61&#x72&#x69&#x61"),
        ("María", "\\00004d\\000061\\000072\\000069\\000061"),
        ("María", "\\U0000004d\\U00000061\\U00000072\\U00000069\\U00000061"),
    ],
)
def test_more_notations_of_a_person_are_hidden(value: str, text: str) -> None:
    assert text not in Redactor(key=b"key").text(f"the value [{text}] is bad", [value])


@pytest.mark.parametrize("name", ["md5", "sha256"])
def test_a_hash_with_colons_is_hidden(name: str) -> None:
    digest = hashlib.new(name, b"jane@example.com").digest()
    for text in (digest.hex(":"), digest.hex(":").upper()):
        assert text not in Redactor(key=b"key").text(f"seen: {text}", ["jane@example.com"])


@pytest.mark.parametrize("text", ["ma ria", "Thu Mar 9 00:00:00 1979", "Mar 8 10:00"])
def test_what_only_looks_like_a_value_stays(text: str) -> None:
    assert text in Redactor(key=b"key").text(text, ["Maria", "1979-03-08"])


def test_no_character_is_read_as_more_than_seven_letters() -> None:
    longest = max(range(0x80, 0x30000), key=lambda code: len(fold_letters(chr(code))))
    assert len(fold_letters(chr(longest))) == 7, hex(longest)


def test_a_body_of_phrases_in_one_sign_takes_little_memory() -> None:
    body = "\ufdfa" * 100_000
    tracemalloc.start()
    try:
        Redactor(secrets={"KEY": "sk_live_9aQ2mX7v"}).text(body, ["jane.doe@example.com"])
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 30_000_000


def test_a_person_with_such_a_sign_is_hidden() -> None:
    shown = Redactor().text("Rasul Jane \ufdfb, jane\ufdfb", ["Jane \ufdfb"])
    assert "jane" not in shown.lower()
