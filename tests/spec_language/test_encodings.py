"""The facts of each body encoding that the spec language knows, and what a Content-Type says."""

from __future__ import annotations

from pathlib import Path

import pytest

from rokt_export.spec_language.encodings import (
    ENCODINGS,
    WITH_BODY,
    charset_of,
    codec_of,
    form_fields,
    media_type_of,
    nests,
    subtype,
)

ROOT = Path(__file__).resolve().parents[2]


def test_only_text_takes_each_subtype_of_its_type() -> None:
    without = [name for name in WITH_BODY if not ENCODINGS[name].subtypes]
    assert without == ["text"], f"name the `subtypes` of {without} in spec_language/encodings.py"


def test_no_two_encodings_own_a_subtype() -> None:
    owned = [subtype for facts in ENCODINGS.values() for subtype in facts.subtypes]
    assert len(owned) == len(set(owned))


@pytest.mark.parametrize("name", ENCODINGS)
def test_the_spec_language_documents_each_encoding(name: str) -> None:
    rows = [line for line in (ROOT / "docs" / "spec.md").read_text().splitlines() if line.startswith(f"| `{name}` |")]
    content_type = ENCODINGS[name].content_type or ""
    assert any(content_type in row for row in rows), f"docs/spec.md, section 6, lacks `{name}` or its Content-Type"


def test_the_spec_language_says_which_encodings_take_a_body_template() -> None:
    without = [f"`{name}`" for name, facts in ENCODINGS.items() if facts.place is None]
    said = "in any encoding" + (f" but {' and '.join(without)}" if without else "")
    assert f"writes the whole body as a template, {said}." in (ROOT / "docs" / "spec.md").read_text()


@pytest.mark.parametrize(
    ("content_type", "media_type", "syntax", "charset"),
    [
        ("Application/Problem+JSON; Charset=UTF-8", "application/problem+json", "json", "UTF-8"),
        ('text/xml;charset = "iso-8859-1"', "text/xml", "xml", "iso-8859-1"),
        ("text/plain", "text/plain", "plain", None),
        (None, "", "", None),
    ],
)
def test_the_parts_of_a_content_type(
    content_type: str | None, media_type: str, syntax: str, charset: str | None
) -> None:
    assert media_type_of(content_type) == media_type
    assert subtype(media_type) == syntax
    assert charset_of(content_type) == charset


@pytest.mark.parametrize(
    ("charset", "codec"),
    [("UTF8", "utf-8"), ("latin1", "iso8859-1"), ("hex", None), ("idna", None), ("unicode_escape", None), ("x", None)],
)
def test_a_charset_is_one_of_http(charset: str, codec: str | None) -> None:
    assert codec_of(charset) == codec


def test_an_encoding_owns_its_subtypes_alone() -> None:
    assert ENCODINGS["json"].owns("application/problem+json") and not ENCODINGS["json"].owns("application/xml")
    assert [name for name in ENCODINGS if nests(name)] == ["json", "xml"]
    assert not nests("gone")


def test_the_fields_of_a_form_keep_empty_and_repeated_values() -> None:
    assert form_fields("a=1&b=&a=%C3%A9") == {"a": ["1", "é"], "b": [""]}
    with pytest.raises(ValueError, match="utf-8"):
        form_fields("a=%ff")
