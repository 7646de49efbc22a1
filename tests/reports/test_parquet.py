"""Parquet: the columns of the CSV, with their types, in groups of rows."""

from __future__ import annotations

import io

import pyarrow.parquet
import pytest
from msgspec.structs import replace

from rokt_export.reports import parquet
from rokt_export.reports.rows import columns_of
from rokt_export.reports.run_report import RunReport


def test_columns_have_types_and_rows_are_in_groups(run_report: RunReport, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet, "_GROUP", 4)
    stream = io.TextIOWrapper(io.BytesIO())
    odd = [replace(one, reason="a lone \ud800") if one.row == 3 else one for one in run_report.deliveries()]
    parquet.write(run_report, stream, odd)
    file = pyarrow.parquet.ParquetFile(stream.buffer)
    assert tuple(file.schema_arrow.names) == columns_of(run_report)
    types = {field.name: str(field.type) for field in file.schema_arrow}
    assert (types["row"], types["status"], types["latency_ms"], types["reason"]) == (
        "int64", "int16", "double", "string",
    )  # fmt: skip
    assert [file.metadata.row_group(group).num_rows for group in range(file.num_row_groups)] == [4, 4, 1]
    assert file.read().to_pylist()[2]["reason"] == "a lone ?"
