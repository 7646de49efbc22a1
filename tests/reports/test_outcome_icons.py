"""Each outcome has a sign of its own, also where a terminal knows no more than ASCII."""

from __future__ import annotations

import io

from rich.console import Console

from reports.test_console import many, printed
from rokt_export.reports import console as reports
from rokt_export.reports.run_report import RunReport


def test_every_outcome_has_a_sign_of_its_own(run_report: RunReport) -> None:
    text = printed(reports.deliveries_table, run_report.deliveries(), width=120)
    for sign in "✓≈✗!?∅…":
        assert sign in text


def test_a_terminal_without_unicode_gets_plain_signs() -> None:
    raw = io.BytesIO()
    console = Console(file=io.TextIOWrapper(raw, encoding="ascii", errors="strict"), width=80)
    reports.deliveries_table(console, many(9, 3))
    console.file.flush()
    assert b"x rejected" in raw.getvalue()
