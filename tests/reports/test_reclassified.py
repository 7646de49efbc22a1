"""A reclassified run on a terminal: outcomes before and after, and the rows that change."""

from __future__ import annotations

from msgspec.structs import replace

from reports.test_console import printed
from rokt_export.diff.reclassify import Reclassified, ReclassifiedRow
from rokt_export.exchange.delivery import Delivery
from rokt_export.exchange.model import OutcomeKind
from rokt_export.reports.reclassified import changed_rows, changes, matrix

BEFORE = Delivery(1, "t-1", OutcomeKind.UNCLASSIFIED, 409)
AFTER = replace(BEFORE, outcome=OutcomeKind.DUPLICATE, rule="held", reason="No. 4 \x1b[31m")


def reclassified() -> Reclassified:
    found = Reclassified()
    for row in (4, 8, 12):
        found.add(ReclassifiedRow(replace(BEFORE, row=row), replace(AFTER, row=row)))
    same = replace(BEFORE, outcome=OutcomeKind.DELIVERED, rule="ok")
    found.add(ReclassifiedRow(same, same))
    return found


def test_outcomes_before_and_after_are_a_table_where_there_is_room() -> None:
    lines = printed(matrix, reclassified(), width=80).splitlines()
    assert lines[0].split() == ["before", "now", "✓", "delivered", "now", "≈", "duplicate"]
    assert [line.split() for line in lines[2:]] == [["✓", "delivered", "1"], ["?", "unclassified", "3"]]
    narrow = printed(matrix, reclassified(), width=40).splitlines()
    assert narrow == ["? unclassified → ≈ duplicate  3", "✓ delivered stays  1"]


def test_a_step_names_its_rule_and_its_rows() -> None:
    assert printed(changes, reclassified().steps) == "3  ? unclassified → ≈ duplicate, rule held: rows 4, 8, 12\n"


def test_a_row_that_changes_is_shown_with_its_reason() -> None:
    shown = printed(changed_rows, [ReclassifiedRow(BEFORE, AFTER)])
    assert shown.splitlines()[0] == "row 1  ? unclassified → ≈ duplicate, rule held"
    assert "No. 4" in shown and "\x1b" not in shown
    renamed = ReclassifiedRow(AFTER, replace(AFTER, rule="known", reason=None))
    assert printed(changed_rows, [renamed]) == "row 1  ≈ duplicate stays, rule held → known\n"
