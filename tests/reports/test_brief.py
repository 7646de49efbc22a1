"""The brief summary of a run."""

from __future__ import annotations

import io

from rokt_export.reports import brief
from rokt_export.reports.run_report import RunReport


def test_a_brief_summary_has_no_table(run_report: RunReport) -> None:
    stream = io.StringIO()
    brief.write(run_report, stream)
    text = stream.getvalue()
    assert text.startswith("**Acme Insurance, staging: 8 test deliveries, 1 invalid**: ✓ 2 delivered, ≈ 1 duplicate, ")
    assert "- 1 duplicate, status 409: " in text
    assert "|" not in text.replace("\\|", "")
