"""Notations of a person's values that servers, stylesheets and programs write."""

from __future__ import annotations

import json
import re
import tracemalloc
import unicodedata
from urllib.parse import quote

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


SHORT_NAMES = ("Zoë", "Léo", "Noé", "Åse", "Łoś", "Öz", "Ní", "Цой", "Amy", "Li")


def in_json(text: str) -> str:
    return json.dumps(text)[1:-1]


WAYS_TO_WRITE = {
    "as it is": str,
    "json": in_json,
    "json, capitals": lambda text: re.sub(r"u([0-9a-f]{4})", lambda code: f"u{code[1].upper()}", in_json(text)),
    "json in json": lambda text: in_json(in_json(text)),
    "entities": lambda text: "".join(sign if sign.isascii() else f"&#{ord(sign)};" for sign in text),
    "entities in hex": lambda text: "".join(f"&#x{ord(sign):x};" for sign in text),
    "named entities": lambda text: text.replace("ë", "&euml;").replace("é", "&eacute;").replace("Ö", "&Ouml;"),
    "percent": quote,
    "percent twice": lambda text: quote(quote(text)),
    "all in percent": lambda text: "".join(f"%{code:02X}" for code in text.encode()),
    "quoted-printable": lambda text: "".join(
        sign if sign.isascii() else "".join(f"={code:02X}" for code in sign.encode()) for sign in text
    ),
    "braces": lambda text: "".join(f"\\u{{{ord(sign):x}}}" for sign in text),
    "octal": lambda text: "".join(sign if not sign.isascii() else f"\\{ord(sign):o}" for sign in text),
    "zero-width spaces": lambda text: "\u200b".join(text),
    "soft hyphens, json": lambda text: in_json("\u00ad".join(text)),
    "decomposed": lambda text: unicodedata.normalize("NFD", text),
    "decomposed, json": lambda text: in_json(unicodedata.normalize("NFD", text)),
    "capitals": str.upper,
}


@pytest.mark.parametrize("way", WAYS_TO_WRITE)
@pytest.mark.parametrize("name", SHORT_NAMES)
def test_a_short_name_that_is_a_word_is_hidden_however_it_is_written(name: str, way: str) -> None:
    written = WAYS_TO_WRITE[way](name)
    for text in ("dear {}!", "no such person {} here", "<b>for {}, sorry</b>", '{{"m": "dear {}! thanks"}}'):
        shown = Redactor(key=b"key").text(text.format(written), [name, "Miller"])
        assert written not in shown, shown
        assert "person-" in shown.lower(), shown


@pytest.mark.parametrize("field", ['{"zip": "8\u200b0\u200b3\u200b3\u200b1"}', "zip 80\u00ad331 is wrong"])
def test_a_postcode_with_invisible_signs_is_hidden(field: str) -> None:
    shown = Redactor(key=b"key").text(field, ["80331"])
    assert "80331" not in re.sub("[\u200b\u00ad]", "", shown), shown


@pytest.mark.parametrize("text", ["Noel likes Leone", "a% Amyl", "the list of zoology", "Link &amp; Lily"])
def test_a_part_of_another_word_is_no_short_name(text: str) -> None:
    assert Redactor(key=b"key").text(text, ["Noé", "Léo", "Amy", "Li", "Zoë"]) == text
