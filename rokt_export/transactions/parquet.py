"""Reads a Parquet file in batches of rows; each cell becomes plain text."""

from __future__ import annotations

import base64
import datetime
from collections.abc import Generator, Iterator
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from rokt_export.errors import TransactionsError
from rokt_export.transactions.claims import ALL, Share
from rokt_export.transactions.columns import ColumnsReport
from rokt_export.transactions.reader_base import Context, FirstRows, survey
from rokt_export.transactions.remote_storage import is_remote, open_remote
from rokt_export.transactions.transaction import Transaction, Value

if TYPE_CHECKING:
    from pyarrow import Array, RecordBatch
    from pyarrow.parquet import ParquetFile

_BATCH = 1_000


class ParquetReader:
    """A Parquet file whose schema has been read.

    Args:
        context: options, columns and log; `context.path` names the file.

    Raises:
        TransactionsError: pyarrow is not installed, or the file is not a Parquet file.
    """

    carries_nothing = False

    def __init__(self, context: Context) -> None:
        self._context = context
        self._file: ParquetFile = _open(context.path)
        self._plan = context.mapper.plan(self._file.schema_arrow.names, context.path)
        self._inspector = context.inspector(self._plan)
        if not context.carries(self._plan.names):
            self._file.close()
            raise context.nothing_carried(self._plan)

    @property
    def columns(self) -> ColumnsReport:
        """What became of the columns."""
        return self._plan.report

    @property
    def header(self) -> tuple[str, ...]:
        """The names of the columns in the file."""
        return self._plan.columns

    def close(self) -> None:
        """Release the file."""
        self._file.close()

    def survey(self, row: int, first: FirstRows) -> Generator[tuple[int, int], None, int]:
        """Yield how many rows were read, and how many of them are problems; see `RowReader`."""
        return survey(self.transactions(row, ALL), row, first)

    def transactions(self, row: int, share: Share) -> Generator[Transaction, None, int]:
        """Yield a share's rows, numbered on from `row`; return the number of the last row of the file.

        Raises:
            TransactionsError: the file cannot be read to its end.
        """
        from pyarrow import ArrowException

        names, inspector, made = self._plan.names, self._inspector, self._context.made
        before = row
        try:
            for batch in self._file.iter_batches(batch_size=_BATCH):
                for own in share.among(before + 1, before + batch.num_rows):
                    part = batch.slice(own.start - before - 1, len(own))
                    for row, cells in zip(own, _cells(part), strict=True):
                        values = {name: as_text(cell) for name, cell in zip(names, cells, strict=True)}
                        inspector.check(values, row, None)
                        inspector.check_text(values)
                        yield made(values, row, inspector.refused())
                before += batch.num_rows
        except (OSError, ArrowException, ValueError, OverflowError) as error:  # a value that Python cannot represent
            raise self._context.cut_off(error, before) from error
        return before


def _cells(batch: RecordBatch) -> Iterator[tuple[Any, ...]]:
    """Return the rows of a batch."""
    return zip(*(_python(column) for column in batch.columns), strict=True)


def _python(column: Array) -> list[Any]:
    """Return a column's cells as Python values.

    Nanoseconds are cut to microseconds. A float of 32 bits keeps the shortest digits that identify it (19.99), not
    those of the double that it converts to.
    """
    import pyarrow

    if pyarrow.types.is_float32(column.type) or pyarrow.types.is_float16(column.type):
        texts = column.cast(pyarrow.float32()).cast(pyarrow.string()).to_pylist()
        return [None if text is None or text == "nan" else Decimal(text) for text in texts]
    if pyarrow.types.is_timestamp(column.type) and column.type.unit == "ns":
        column = column.cast(pyarrow.timestamp("us", column.type.tz), safe=False)
    elif column.type == pyarrow.time64("ns"):
        column = column.cast(pyarrow.time64("us"), safe=False)
    cells: list[Any] = column.to_pylist()
    return cells


def as_text(cell: Any) -> Value:
    """Return a typed cell as text: numbers with all digits, dates in ISO 8601.

    Binary cells become text if they are UTF-8, as some writers do not declare strings; else base64. Null and NaN
    become None.
    """
    match cell:
        case None | str():
            return cell
        case bool():
            return "true" if cell else "false"
        case datetime.datetime() | datetime.date() | datetime.time():
            return cell.isoformat()
        case float() if cell != cell:
            return None
        case float() | Decimal():
            return format(Decimal(str(cell)), "f")
        case bytes():
            return _text(cell)
        case list() | tuple():
            return [as_text(item) for item in cell]
        case dict():
            return {str(key): as_text(item) for key, item in cell.items()}
        case _:
            return str(cell)


def _open(path: str) -> ParquetFile:
    try:
        from pyarrow import ArrowException
        from pyarrow.parquet import ParquetFile
    except ImportError as error:
        raise TransactionsError(
            "a Parquet file needs the package pyarrow, which is not installed",
            where=path,
            remedy='Install it: pip install "rokt-export[parquet]", or convert the file to CSV or NDJSON.',
        ) from error
    try:
        return ParquetFile(open_remote(path) if is_remote(path) else path)
    except (ArrowException, OSError) as error:
        raise TransactionsError(
            "this is not a complete Parquet file", where=path, remedy="Fetch the file again; it may have been cut off."
        ) from error


def _text(cell: bytes) -> str:
    try:
        return cell.decode()
    except UnicodeDecodeError:
        return base64.b64encode(cell).decode("ascii")
