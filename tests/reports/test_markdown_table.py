"""A table of Markdown, whose cells no text can leave."""

from __future__ import annotations

from rokt_export.reports.markdown_table import table


def test_numbers_are_aligned_and_cells_hold_their_text() -> None:
    lines = "".join(table(("name", "rows"), [("a|b", "1"), ("c\nd", "2")], numbers={1})).splitlines()
    assert lines == ["| name | rows |", "| --- | ---: |", r"| a\|b | 1 |", "| c d | 2 |", ""]
