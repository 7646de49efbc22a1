"""The facts of each body encoding that the spec language knows, and what a Content-Type says."""

from __future__ import annotations

from pathlib import Path

import pytest

from rokt_export.spec_language.encodings import ENCODINGS, WITH_BODY

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
