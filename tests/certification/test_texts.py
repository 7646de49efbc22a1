"""What became of a text that was read back has a name."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from unicodedata import combining, normalize

import pytest

from rokt_export.certification.texts import HOSTILE, change_in_words, change_of


def without_marks(text: str) -> str:
    return "".join(sign for sign in normalize("NFKD", text) if not combining(sign))


CHANGES: list[tuple[str, Callable[[str], str], str, str]] = [
    ("accents", without_marks, "drops-accents", "removed marks"),
    ("accents", lambda text: without_marks(text).encode("ascii", "ignore").decode(), "drops-accents", "to ASCII"),
    ("accents", lambda text: text.encode("latin-1", "ignore").decode("latin-1"), "drops-accents", "to Latin-1"),
    ("accents", lambda text: text.encode().decode("latin-1"), "misreads-encoding", "mojibake"),
    ("accents", lambda text: text.encode("ascii", "replace").decode(), "replaces-signs", "question marks"),
    ("accents", lambda text: text[:9], "truncates", "cut"),
    ("emoji", lambda text: "".join(sign for sign in text if ord(sign) < 0x10000), "drops-emoji", "dropped"),
    (
        "emoji",
        lambda text: "".join("?" if ord(sign) >= 0x10000 else sign for sign in text),
        "replaces-signs",
        "three bytes",
    ),
    ("right-to-left", lambda text: text.encode("ascii", "ignore").decode(), "drops-signs", "to ASCII"),
    ("quotes", html.escape, "escapes-markup", "escaped"),
    ("markup", lambda text: html.escape(html.escape(text)), "escapes-markup", "escaped twice"),
    ("markup", lambda text: re.sub("<[^>]*>", "", text), "strips-markup", "stripped"),
    ("line break", lambda text: text.replace("\n", " "), "joins-blanks", "one line"),
    ("line break", lambda text: text.replace("\n", ""), "joins-words", "no line"),
    ("blanks", lambda text: text.replace(" ", ""), "joins-words", "no blanks"),
    ("blanks", str.strip, "trims", "trimmed"),
    ("quotes", str.lower, "changes-case", "lower case"),
    ("quotes", lambda _text: "", "loses-value", "empty"),
    ("quotes", lambda _text: "Jane", "changes-text", "another"),
]


@pytest.mark.parametrize(
    ("name", "change", "defect"), [each[:3] for each in CHANGES], ids=[each[3] for each in CHANGES]
)
def test_a_change_has_a_name(name: str, change: Callable[[str], str], defect: str) -> None:
    assert change_of(HOSTILE[name], change(HOSTILE[name])) == defect
    assert change_in_words(defect)


@pytest.mark.parametrize("name", HOSTILE)
def test_the_same_text_in_another_unicode_form_is_no_change(name: str) -> None:
    assert change_of(HOSTILE[name], normalize("NFD", HOSTILE[name])) == ""


def test_an_absent_value_is_lost() -> None:
    assert change_of("Jane", None) == "loses-value"
