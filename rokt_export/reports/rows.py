"""Turn a run into data: CSV, newline-delimited JSON, or one JSON document; one entry a row, in row order."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from typing import Any, TextIO

from rokt_export.exchange.delivery import Delivery
from rokt_export.redaction.display_text import csv_cell, json_text
from rokt_export.reports.run_report import Story

COLUMNS = (
    "row", "transaction", "outcome", "status", "rule", "reason", "reference", "code", "attempts", "latency_ms", "error",
)  # fmt: skip
"""The keys of the contract's delivery (design section 5, "Streams"), plus the partner's code."""

CONFIRMATION = ("confirmation", "first_outcome")
"""Keys of rows that the partner only accepted at first; see `Delivery.as_json`."""


def write_csv(story: Story, stream: TextIO, deliveries: Iterable[Delivery] | None = None) -> None:
    """Write the deliveries as RFC 4180: a header, commas, CRLF, quotes where needed.

    A text that a spreadsheet would take for a formula gets an apostrophe in front (OWASP, "CSV Injection").
    """
    writer = csv.writer(stream, lineterminator="\r\n")
    columns = columns_of(story)
    writer.writerow(columns)
    for one in story.deliveries() if deliveries is None else deliveries:
        values = one.as_json()
        writer.writerow([csv_cell(values.get(name)) for name in columns])


def columns_of(story: Story) -> tuple[str, ...]:
    """Return the columns of a run's rows."""
    return (*COLUMNS, *CONFIRMATION) if story.run.confirmations else COLUMNS


def write_ndjson(story: Story, stream: TextIO, deliveries: Iterable[Delivery] | None = None) -> None:
    """Write each delivery as one JSON object a line (design section 5, "Streams")."""
    for one in story.deliveries() if deliveries is None else deliveries:
        stream.write(json_text(one.as_json()) + "\n")


def write_json(story: Story, stream: TextIO, deliveries: Iterable[Delivery] | None = None) -> None:
    """Write the contract's document (design section 5, "Streams"), its deliveries one a line, in constant memory.

    A run that has not reached its end has its `state`, `unfinished` (how far it came), `total` where it is known how
    many rows it was to handle, and `in_flight` where some of its `unknown` rows only wait for their responses.
    `left_out` is there where rows were not sent because a guarded environment responded to them before,
    `certification` where the run is one, and `only` where just the rows of some outcomes are listed. `counts` are those
    of the whole run.
    """
    head: dict[str, Any] = {
        "run": story.run.run,
        "partner": story.run.partner,
        "environment": story.run.environment,
        "counts": dict(story.counts),
    }
    if story.unfinished:
        head |= {"state": str(story.run.state), "unfinished": story.unfinished}
        head |= {"total": story.total} if story.total is not None else {}
        head |= {"in_flight": story.run.in_flight} if story.run.in_flight else {}
    if story.left_out:
        head["left_out"] = story.left_out
    if (certification := story.certification) is not None:
        head["certification"] = certification
    if story.only is not None:
        head["only"] = story.only
    stream.write(json_text(head).removesuffix("}") + ',"deliveries":[')
    separator = "\n"
    for one in story.deliveries() if deliveries is None else deliveries:
        stream.write(separator + json_text(one.as_json()))
        separator = ",\n"
    stream.write("\n]}\n")
