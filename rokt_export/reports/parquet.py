"""Turn a run into a Parquet file: the columns of the CSV, typed."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import Any, TextIO

from rokt_export.exchange.delivery import Delivery
from rokt_export.reports.rows import columns_of
from rokt_export.reports.run_report import RunReport

_GROUP = 5_000
"""Rows of a row group, which are in memory together: 1 MB."""
_TYPES = {"row": "int64", "status": "int16", "attempts": "int32", "latency_ms": "float64"}
"""Columns that are no text."""


def write(run_report: RunReport, stream: TextIO, deliveries: Iterable[Delivery] | None = None) -> None:
    """Write the file to the binary stream beneath a text stream; texts are as the journal has them."""
    import pyarrow
    from pyarrow.parquet import ParquetWriter

    names = columns_of(run_report)
    schema = pyarrow.schema([(name, pyarrow.type_for_alias(_TYPES.get(name, "string"))) for name in names])
    source = iter(run_report.deliveries() if deliveries is None else deliveries)
    with ParquetWriter(stream.buffer, schema, compression="zstd") as writer:
        while group := [one.as_json() for one in islice(source, _GROUP)]:
            columns = [[_storable(one.get(name)) for one in group] for name in names]
            writer.write_table(pyarrow.table(columns, schema=schema))


def _storable(value: Any) -> Any:
    """Return a value; an unpaired surrogate in a text, which UTF-8 does not have, becomes `?`."""
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) and not value.isascii() else value
