"""CSV, NDJSON and JSON: a row each, in order, and nothing that a spreadsheet would run."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter

from reports.report_runs import Run
from reports.report_texts import written
from rokt_export.reports.run_report import RunReport


def test_csv_has_one_row_per_input_row_in_order(run_report: RunReport) -> None:
    rows = list(csv.DictReader(io.StringIO(written(run_report, "csv"), newline="")))
    assert [row["row"] for row in rows] == [str(number) for number in range(1, 10)]
    assert list(rows[0]) == [
        *("row", "transaction", "outcome", "status", "rule", "reason", "reference"),
        *("code", "attempts", "latency_ms", "error"),
    ]
    assert Counter(row["outcome"] for row in rows) == run_report.counts


def test_csv_ends_lines_as_the_standard_says(run_report: RunReport) -> None:
    text = written(run_report, "csv")
    assert text.count("\r\n") == text.count("\n") == 10


def test_csv_disarms_what_a_spreadsheet_would_run(run_report: RunReport) -> None:
    reasons = [row["reason"] for row in csv.DictReader(io.StringIO(written(run_report, "csv"), newline=""))]
    assert reasons[2] == "'=cmd|'/c calc'!A1"
    assert not any(cell.startswith(("=", "+", "-", "@", "\t", "\r")) for cell in reasons)


def test_json_is_the_contracts_document(run_report: RunReport) -> None:
    document = json.loads(written(run_report, "json"))
    assert list(document) == ["run", "partner", "environment", "counts", "deliveries"]
    assert document["counts"] == run_report.counts
    assert document["deliveries"] == [one.as_json() for one in run_report.deliveries()]


def test_ndjson_is_one_delivery_a_line(run_report: RunReport) -> None:
    lines = [json.loads(line) for line in written(run_report, "ndjson").splitlines()]
    assert lines == [one.as_json() for one in run_report.deliveries()]


def test_a_run_without_rows_is_a_document_too(tell) -> None:
    empty = tell(Run([]))
    assert json.loads(written(empty, "json"))["deliveries"] == []
    assert written(empty, "ndjson") == ""
    assert written(empty, "csv").count("\n") == 1
