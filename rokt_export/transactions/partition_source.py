"""Reads the rows of one partition of an input, numbered as rows of the whole input."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import replace
from itertools import islice

from rokt_export.errors import TransactionsError
from rokt_export.transactions.claims import ALL
from rokt_export.transactions.columns import ColumnMapper
from rokt_export.transactions.damage import Damage, DamageKind, DamageLog
from rokt_export.transactions.files import FileStamp, change_between
from rokt_export.transactions.open_file import open_part, open_reader
from rokt_export.transactions.partitions import FilePart, Partition
from rokt_export.transactions.reader_base import Context, RowReader
from rokt_export.transactions.source_options import SourceOptions
from rokt_export.transactions.sources import tell_change
from rokt_export.transactions.transaction import Transaction


class PartitionSource:
    """The transactions of a partition. Iterating again reads it again, and resets `findings`.

    A reader of a part fetches the bytes of the part, and the lines at the file's start that decide how it is read.

    Args:
        partition: what to read.
        options: how to read it; the same as when its files were looked at.
    """

    def __init__(self, partition: Partition, options: SourceOptions) -> None:
        self.partition = partition
        self._options = options
        self._mapper = ColumnMapper(options.wanted, options.columns, options.spec_columns)
        self._log = DamageLog(options.keep_findings)

    @property
    def findings(self) -> tuple[Damage, ...]:
        """The damages found so far; those of a file's header where the partition has the file's first rows."""
        return self._log.damages

    @property
    def finding_counts(self) -> Mapping[DamageKind, int]:
        """How often each kind of damage was found, including the findings not kept."""
        return self._log.counts

    def __iter__(self) -> Generator[Transaction, None, None]:
        """Yield the transactions.

        Raises:
            TransactionsError: a file is not as it was when it was looked at, or cannot be read further.
        """
        self._log = DamageLog(self._options.keep_findings)
        row = self.partition.before
        for part in self.partition.parts:
            yield from self._rows_of(part, row)
            row += part.rows

    def _rows_of(self, part: FilePart, row: int) -> Generator[Transaction, None, None]:
        stamp = _unchanged(part)
        context = Context(part.path, self._options, self._mapper, self._log)
        reader = _opened(context, part)
        try:
            transactions = reader.transactions(row, ALL)
            yield from islice(transactions, part.rows)
            _check_ended(transactions, part.path)
        finally:
            reader.close()
        if (change := change_between(stamp, FileStamp.of(part.path))) is not None:
            tell_change(context, change)


def _opened(context: Context, part: FilePart) -> RowReader:
    if part.place is not None:
        return open_part(context, part.place, part.end)
    if (reader := open_reader(context)) is None:
        raise _changed(part.path, "it is empty")
    return reader


def _check_ended(transactions: Generator[Transaction, None, int], path: str) -> None:
    """Check that a part had all rows that it had before, and has no more: they would have the numbers of others.

    Raises:
        TransactionsError: it had fewer, or has more.
    """
    try:
        next(transactions)
    except StopIteration as end:
        if end.value is None:  # it had ended before
            raise _changed(path, "it has fewer rows") from None
    else:
        raise _changed(path, "it has more rows")


def _unchanged(part: FilePart) -> FileStamp:
    """Return the state of a file.

    Raises:
        TransactionsError: it is not the one in which the file was looked at. The device is not compared, because each
            machine numbers its own.
    """
    now = FileStamp.of(part.path)
    known = part.stamp if now is None else replace(part.stamp, inode=now.inode)
    if (change := change_between(known, now)) is not None:
        raise _changed(part.path, change)
    assert now is not None
    return now


def _changed(path: str, change: str) -> TransactionsError:
    return TransactionsError(
        f"the file changed after it was looked at: {change}",
        where=path,
        remedy="Bring it back as it was, for all workers, and resume the run. A new run sends again what this one has "
        "settled, except to a guarded environment: give it only the rows that are left.",
    )
