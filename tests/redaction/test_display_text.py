"""Text that is not our own is harmless on a terminal, in Markdown, HTML, JSON and CSV."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from rokt_export.redaction import display_text
from tests.reports.report_runs import HIDDEN


@pytest.mark.parametrize(
    "write", [display_text.visible, display_text.one_line, display_text.markdown, display_text.html]
)
def test_hidden_characters_become_their_escapes(write: Callable[[str], str]) -> None:
    shown = write(f"a{HIDDEN}b")
    assert shown.isprintable()
    assert "x1b" in shown and "u202e" in shown and "U000e0041" in shown
    assert write("Zoë O'Brien 陳 🙂") in ("Zoë O'Brien 陳 🙂", "Zoë O&#x27;Brien 陳 🙂")


def test_json_keeps_the_value_and_hides_no_character() -> None:
    value = {f"k{HIDDEN}": [f"v{HIDDEN}", 'quote " and \\', 1]}
    for indent in (False, True):
        text = display_text.json_text(value, indent=indent)
        assert all(sign.isprintable() or sign == "\n" for sign in text)
        assert json.loads(text) == value


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n", " =", "\uff1d"])
def test_a_cell_is_no_formula(start: str) -> None:
    cell = display_text.csv_cell(f"{start}cmd|' /C calc'!A0{HIDDEN}")
    assert str(cell).startswith("'")
    assert "\x1b" not in str(cell) and "\u202e" not in str(cell)
    assert display_text.csv_cell(-5) == -5
