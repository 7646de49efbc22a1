"""Reads files, globs and stdin as one numbered stream of transactions, or summarizes them."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TypeVar

from rokt_export.errors import TransactionsError
from rokt_export.transactions.claims import ALL, Share
from rokt_export.transactions.columns import ColumnMapper, ColumnsReport
from rokt_export.transactions.damage import ALTERING, Damage, DamageKind, DamageLog
from rokt_export.transactions.files import STDIN, FileStamp, change_between, expand
from rokt_export.transactions.open_file import open_reader
from rokt_export.transactions.reader_base import NOTHING_CARRIED, Context, FirstRows, RowReader, survey
from rokt_export.transactions.source_options import SourceOptions
from rokt_export.transactions.transaction import Transaction

T = TypeVar("T")


def open_transactions(paths: Sequence[str], *, options: SourceOptions | None = None) -> TransactionSource:
    """Return the transactions of files, globs and `-`. All headers are read and checked before any row.

    The header of stdin is read with its first row, so this call does not wait for stdin.

    Raises:
        TransactionsError: a file is missing, does not hold rows, or has ambiguous columns; or no file has a column of
            `options.columns`.
    """
    return TransactionSource(expand(paths), options or SourceOptions())


class TransactionSource:
    """Transactions in file order, with rows numbered 1, 2, … across all files, in bounded memory.

    Iterating again reads the files again and resets `findings`. Stdin can be read once.

    Args:
        files: the files, in order, as `expand` returns them.
        options: how to read them.

    Attributes:
        files: the files, in order.
        options: how to read them.
        carries_nothing: whether no row of some file, so far, had an attribute that the spec sends.
        stamps: the state of each regular file when the source was made.
    """

    def __init__(self, files: Sequence[str], options: SourceOptions) -> None:
        self.files = tuple(files)
        self.options = options
        self.stamps = tuple(stamp for file in self.files if (stamp := self._stamp(file)) is not None)
        self._regular = {stamp.path: stamp for stamp in self.stamps}
        self._mapper = ColumnMapper(options.wanted, options.columns, options.spec_columns)
        self._log = DamageLog(options.keep_findings)
        self._columns = ColumnsReport(missing=tuple(sorted(options.wanted or ())))
        self._read_once: set[str] = set()
        self.carries_nothing = False
        self._opened: RowReader | None = None
        self._columns_of: dict[str, ColumnsReport | None] = {}
        self._check_headers()

    @property
    def columns_report(self) -> ColumnsReport:
        """What became of the columns of all files; for JSON and stdin, as far as they were read."""
        return self._columns

    @property
    def findings(self) -> tuple[Damage, ...]:
        """The damages found so far: those of headers from the start, those of rows as they are read."""
        return self._log.damages

    @property
    def finding_counts(self) -> Mapping[DamageKind, int]:
        """How often each kind of damage was found, including the findings not kept."""
        return self._log.counts

    def __iter__(self) -> Generator[Transaction, None, None]:
        """Yield all transactions; see `part`."""
        return self.part(ALL)

    def part(self, share: Share) -> Generator[Transaction, None, None]:
        """Yield the transactions of a share. Every reader reads the whole input, so a row has the same number for all.

        Raises:
            TransactionsError: a file cannot be read further, stdin is read twice, or the whole input has no row.
        """
        return self._read(lambda reader, row: reader.transactions(row, share), alone=share is ALL)

    def survey(self, first: FirstRows) -> Iterator[tuple[int, int]]:
        """Yield (rows read, problems among them), piece by piece, until the input ends.

        It finds the same damages as iterating. After the rows that `first` takes, it makes no transactions.

        Raises:
            TransactionsError: as `part`.
        """
        return self._read(lambda reader, row: reader.survey(row, first), alone=True)

    def _read(
        self, read: Callable[[RowReader, int], Generator[T, None, int]], *, alone: bool
    ) -> Generator[T, None, None]:
        opened, self._opened = self._opened, None
        if opened is None:
            self._log = DamageLog(self.options.keep_findings)
        row = 0
        for file in self.files:
            before = row
            reader = opened or self._open(file)
            if reader is not None:
                self._note_what_others_have(file, reader)
                try:
                    row = yield from read(reader, row)
                finally:
                    self._note_columns(reader)
                    self.carries_nothing = self.carries_nothing or reader.carries_nothing
                    reader.close()
                if alone and reader.carries_nothing:
                    raise self._context(file).nothing_carried(reader.columns or ColumnsReport())
                if row == before:
                    message = "it has a header and no rows" if reader.columns else "it has no rows"
                    self._context(file).damage(DamageKind.NO_ROWS, message, "Export it again.")
            self._check_unchanged(file)
        if row == 0:
            raise self._no_rows()

    def _no_rows(self) -> TransactionsError:
        if len(self.files) == 1:
            message = next(damage.message for damage in self._log.damages if damage.kind is DamageKind.NO_ROWS)
        else:
            message = f"none of the {len(self.files)} files has a row"
        where = ", ".join(self.files[:3])
        return TransactionsError(message, where=where, remedy="Check that the export wrote rows; nothing was sent.")

    def _check_headers(self) -> None:
        headers: list[str] = []
        fixed = True
        for file in self.files:
            reader = self._open(file) if file in self._regular else None
            if file in self._regular:
                self._columns_of[file] = None if reader is None else reader.columns or ColumnsReport()
            if reader is not None and reader.header is not None:
                headers.extend(reader.header)
            else:
                fixed = False
            if reader is not None:
                self._note_columns(reader)
                if len(self.files) == 1:
                    self._opened = reader  # the first pass continues with it
                else:
                    reader.close()
        if fixed:
            self._mapper.check_given(headers)

    def _open(self, file: str) -> RowReader | None:
        if file not in self._regular:
            if file in self._read_once:
                raise TransactionsError(
                    "this input can be read only once",
                    where="stdin" if file == STDIN else file,
                    remedy="Save it to a file, and name the file.",
                )
            self._read_once.add(file)
        return self._reader(self._context(file))

    def _reader(self, context: Context) -> RowReader | None:
        return open_reader(context)

    def _stamp(self, file: str) -> FileStamp | None:
        return FileStamp.of(file)

    def _change_since(self, stamp: FileStamp) -> str | None:
        return change_between(stamp, FileStamp.of(stamp.path))

    def _context(self, file: str) -> Context:
        return Context(file, self.options, self._mapper, self._log)

    def _note_columns(self, reader: RowReader) -> None:
        if (columns := reader.columns) is not None:
            self._columns = self._columns.joined(columns)

    def odd_files(self) -> Iterator[tuple[str, str]]:
        """Yield each file that is empty, or has no column for an attribute which others have, and says so in words.

        Headers alone tell: no row is read.
        """
        for file, columns in self._columns_of.items():
            if columns is None:
                yield file, "the file is empty"
            elif lacking := self._lacking(columns):
                yield file, _no_column_for(lacking[0])

    def _lacking(self, columns: ColumnsReport) -> list[str]:
        """Return the attributes that are missing in a file but present in others."""
        if len(self.files) == 1:
            return []
        return [name for name in columns.missing if name not in self._columns.missing]

    def _note_what_others_have(self, file: str, reader: RowReader) -> None:
        for name in [] if reader.columns is None else self._lacking(reader.columns):
            context = self._context(file)
            context.damage(DamageKind.MISSING_COLUMN, _no_column_for(name), "Check whether this is intended.")

    def _check_unchanged(self, file: str) -> None:
        stamp = self._regular.get(file)
        if stamp is not None and (change := self._change_since(stamp)) is not None:
            tell_change(self._context(file), change)


def tell_change(context: Context, change: str) -> None:
    """Log that a file changed while it was read."""
    context.damage(
        DamageKind.CHANGED,
        f"the file changed while it was read: {change}",
        "Compare the rows with the file's final state; read from a copy that nothing writes to.",
    )


def _no_column_for(attribute: str) -> str:
    return f"there is no column for {attribute}, which other files have"


@dataclass(frozen=True, slots=True)
class Scan:
    """The result of one pass over the input.

    Attributes:
        files: the files read, in order.
        rows: rows read, including problem rows.
        problems: rows that cannot be sent; `damages` holds the reasons.
        damages: the first damages of each kind, file and column, in the order found.
        counts: how often each kind of damage was found.
        columns: what became of the columns.
        stamps: the state of the files; if a later source's `stamps` differ, the files have changed.
        complete: whether every row was read; False if `limit` ended the pass.
        first: the first rows, as many as were asked for.
        odd: files that are empty, or lack a column which others have, and what they are in words.
    """

    files: tuple[str, ...]
    rows: int
    problems: int
    damages: tuple[Damage, ...]
    counts: Mapping[DamageKind, int]
    columns: ColumnsReport
    stamps: tuple[FileStamp, ...]
    complete: bool
    first: tuple[Transaction, ...]
    odd: tuple[tuple[str, str], ...]

    @property
    def altered(self) -> bool:
        """Whether a cell's value was changed by damage, so that a wrong value would be sent."""
        return not ALTERING.isdisjoint(self.counts)

    @property
    def clean(self) -> bool:
        """Whether no damage was found."""
        return not self.counts


class _Counted:
    """Counts the transactions that pass, and keeps the first of them."""

    def __init__(self, transactions: Iterator[Transaction], first: FirstRows) -> None:
        self._transactions = transactions
        self._first = first
        self.rows = self.problems = 0

    def __iter__(self) -> Iterator[Transaction]:
        for transaction in self._transactions:
            self.rows += 1
            self.problems += transaction.problem is not None
            self._first.add(transaction)
            yield transaction


def scan(
    paths: Sequence[str],
    *,
    options: SourceOptions | None = None,
    limit: int | None = None,
    keep: int = 0,
    consume: Callable[[Iterator[Transaction]], None] | None = None,
) -> Scan:
    """Read the input once, in bounded memory, and return what it holds. Check `is_stream` first: this consumes streams.

    Args:
        paths: files, globs and `-`.
        options: how to read them.
        limit: maximum number of rows to read; None = all.
        keep: how many of the first rows to return.
        consume: takes the rows as they are read, and may stop before the last; for None they are only looked at.

    Raises:
        TransactionsError: the input cannot be read, or has no rows.
    """
    return scan_source(open_transactions(paths, options=options), limit=limit, keep=keep, consume=consume)


def scan_source(
    source: TransactionSource,
    *,
    limit: int | None = None,
    keep: int,
    consume: Callable[[Iterator[Transaction]], None] | None = None,
) -> Scan:
    """Read a source once, as `scan` does."""
    transactions = iter(source)
    first = FirstRows(keep)
    rows = problems = 0
    if consume is not None:
        counted = _Counted(islice(transactions, limit), first)
        consume(iter(counted))
        rows, problems = counted.rows, counted.problems
    else:
        for read, bad in source.survey(first) if limit is None else survey(islice(transactions, limit), 0, first):
            rows += read
            problems += bad
    complete = (limit is None and consume is None) or next(transactions, None) is None
    transactions.close()  # only then are the columns of JSON known
    if source.carries_nothing:
        raise TransactionsError(
            NOTHING_CARRIED, where=", ".join(source.files[:3]), remedy="Map a key to an attribute: --map KEY=ATTRIBUTE."
        )
    return Scan(
        source.files,
        rows,
        problems,
        source.findings,
        source.finding_counts,
        source.columns_report,
        source.stamps,
        complete,
        tuple(first.kept),
        tuple(source.odd_files()),
    )
