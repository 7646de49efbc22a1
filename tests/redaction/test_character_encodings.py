"""One character in all its spellings: those of URLs, JSON, XML, shells and logs, nested up to three deep."""

from __future__ import annotations

import pytest

from rokt_export.redaction.character_encodings import character, fold_case, json_escaped


@pytest.mark.parametrize(
    ("char", "spelling"),
    [
        ("a", "a"),
        ("a", "%61"),
        ("a", "&#97;"),
        ("a", "&#x61;"),
        ("a", "\\u0061"),
        ("a", "\\141"),
        ("/", "%252F"),
        ("/", "\\/"),
        ('"', "&quot;"),
        ('"', '\\\\\\"'),
        ("'", "'\\''"),
        ("&", "&amp;amp;"),
        (" ", "+"),
        ("\n", "\\r\\n"),
        ("é", "\u00c3\u00a9"),
        ("é", "%C3%A9"),
        ("é", "%e9"),
        ("é", "&eacute;"),
        ("🙂", "\\ud83d\\ude42"),
    ],
)
def test_a_spelling_is_matched_from_both_ends(char: str, spelling: str) -> None:
    found = character(char, False)
    assert len(spelling) in found.ends(spelling + "x", 0)
    assert 1 in found.starts("x" + spelling, 1 + len(spelling))
    assert found.candidates.match(spelling)


@pytest.mark.parametrize(("char", "text"), [("a", "b"), ("a", "%62"), ("a", ""), ("é", "e"), ("/", "%2G")])
def test_another_character_is_not_matched(char: str, text: str) -> None:
    assert character(char, False).ends(text, 0) == []


def test_either_letter_case_is_matched_in_folded_text() -> None:
    assert character("é", True).ends(fold_case("É"), 0) == [1]
    assert character("é", True).ends(fold_case("%C3%89"), 0) == [6]
    assert character("é", False).ends("É", 0) == []


@pytest.mark.parametrize("text", ["İpek", "ΟΔΥΣΣΕΥΣ ΙΙ", "Straße", "ABC", "ΣΑΣ"])
def test_folding_keeps_each_character_in_its_place(text: str) -> None:
    assert len(fold_case(text)) == len(text)
    assert fold_case(text) == "".join(map(fold_case, text))


def test_json_escapes_without_its_quotes() -> None:
    assert json_escaped('é"\n') == '\\u00e9\\"\\n'
