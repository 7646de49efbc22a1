"""Turn a run into CSV: one row per input row, in order, safe to open in a spreadsheet."""

from __future__ import annotations

import csv
from typing import TextIO

from rokt_export.exchange.delivery import Delivery
from rokt_export.redaction.display_text import csv_cell
from rokt_export.reports.columns import COLUMNS
from rokt_export.reports.run_report import Story


def write(story: Story, stream: TextIO) -> None:
    """Write the deliveries as RFC 4180: a header, commas, CRLF, quotes where needed.

    A text that a spreadsheet would take for a formula gets an apostrophe in front (OWASP, "CSV Injection"): a partner's
    answer must not run on the desk of the person who reads it.
    """
    writer = csv.writer(stream, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    writer.writerows(cells(one) for one in story.deliveries())


def cells(one: Delivery) -> list[object]:
    """Return a delivery's cells; None becomes an empty one."""
    values = one.as_json()
    return [csv_cell(values[name]) for name in COLUMNS]
