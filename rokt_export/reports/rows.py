"""Turn a run into data: CSV, newline-delimited JSON, or one JSON document; one entry a row, in row order."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from typing import Any, TextIO

from rokt_export.exchange.delivery import Delivery
from rokt_export.redaction.display_text import csv_cell, json_text
from rokt_export.reports.run_report import RunReport

COLUMNS = (
    "row", "transaction", "outcome", "status", "rule", "reason", "reference", "code", "attempts", "latency_ms", "error",
)  # fmt: skip
"""The keys of the contract's delivery (design section 5, "Streams"), plus the partner's code."""

CONFIRMATION = ("confirmation", "first_outcome")
"""Keys of rows that the partner only accepted at first; see `Delivery.as_json`."""


def write_csv(run_report: RunReport, stream: TextIO, deliveries: Iterable[Delivery] | None = None) -> None:
    """Write the deliveries as RFC 4180: a header, commas, CRLF, quotes where needed.

    A text that a spreadsheet would take for a formula gets an apostrophe in front (OWASP, "CSV Injection").
    """
    writer = csv.writer(stream, lineterminator="\r\n")
    columns = columns_of(run_report)
    writer.writerow(columns)
    for one in run_report.deliveries() if deliveries is None else deliveries:
        values = one.as_json()
        writer.writerow([csv_cell(values.get(name)) for name in columns])


def columns_of(run_report: RunReport) -> tuple[str, ...]:
    """Return the columns of a run's rows."""
    return (*COLUMNS, *CONFIRMATION) if run_report.run.confirmations else COLUMNS


def write_ndjson(run_report: RunReport, stream: TextIO, deliveries: Iterable[Delivery] | None = None) -> None:
    """Write each delivery as one JSON object a line (design section 5, "Streams")."""
    for one in run_report.deliveries() if deliveries is None else deliveries:
        stream.write(json_text(one.as_json()) + "\n")


def write_json(run_report: RunReport, stream: TextIO, deliveries: Iterable[Delivery] | None = None) -> None:
    """Write the contract's document (design section 5, "Streams"), its deliveries one a line, in constant memory.

    A run that has not reached its end has its `state`, `unfinished` (how far it came), `total` where it is known how
    many rows it was to handle, and `in_flight` where some of its `unknown` rows only wait for their responses.
    `left_out` is there where rows were not sent because a guarded environment responded to them before,
    `certification` where the run is one, and `only` where just the rows of some outcomes are listed. `counts` are those
    of the whole run.
    """
    head: dict[str, Any] = {
        "run": run_report.run.run,
        "partner": run_report.run.partner,
        "environment": run_report.run.environment,
        "counts": dict(run_report.counts),
    }
    if run_report.unfinished:
        head |= {"state": str(run_report.run.state), "unfinished": run_report.unfinished}
        head |= {"total": run_report.total} if run_report.total is not None else {}
        head |= {"in_flight": run_report.run.in_flight} if run_report.run.in_flight else {}
    if run_report.left_out:
        head["left_out"] = run_report.left_out
    if (certification := run_report.certification) is not None:
        head["certification"] = certification
    if run_report.only is not None:
        head["only"] = run_report.only
    stream.write(json_text(head).removesuffix("}") + ',"deliveries":[')
    separator = "\n"
    for one in run_report.deliveries() if deliveries is None else deliveries:
        stream.write(separator + json_text(one.as_json()))
        separator = ",\n"
    stream.write("\n]}\n")
