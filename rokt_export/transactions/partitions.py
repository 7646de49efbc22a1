"""Divides an input into partitions for a run on a cluster, by one pass over each file that any worker can make."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from msgspec import structs

from rokt_export.errors import RoktExportError, TransactionsError
from rokt_export.redaction import OwnWords
from rokt_export.transactions.claims import Share
from rokt_export.transactions.columns import ColumnMapper, ColumnsReport
from rokt_export.transactions.compression import is_packed
from rokt_export.transactions.damage import Damage, DamageKind, DamageLog
from rokt_export.transactions.delimited import DelimitedReader
from rokt_export.transactions.encoding import FileEncoding
from rokt_export.transactions.files import STDIN, FileStamp, change_between, open_span
from rokt_export.transactions.json_files import NdjsonReader
from rokt_export.transactions.open_file import open_reader
from rokt_export.transactions.reader_base import Context, FilePosition, FirstRows, RowReader
from rokt_export.transactions.source_options import SourceOptions
from rokt_export.transactions.sources import Scan, TransactionSource, scan_source
from rokt_export.transactions.transaction import Transaction

PART = 64 << 20
"""Bytes of a part, and of a partition: some 500,000 rows, which a worker reads in seconds and sends in minutes."""
_MOST_FILES = 64
"""Maximum number of files in one partition: to open a file of a storage takes about as long as to read 1 MB of it."""


@dataclass(frozen=True, slots=True)
class FilePart:
    """Consecutive rows of a file.

    Attributes:
        path: the file.
        rows: how many rows they are, including problem rows.
        before: rows of the file before them.
        start: bytes of the file before them.
        end: bytes of the file up to their end; None = the file's end.
        lines: lines of the file before `start`.
        stamp: the state of the file when it was looked at.
        encoding: how the file's bytes become text; None where a reader of the whole file decides.
        extra: empty cells at the end of each row, beyond the columns.
    """

    path: str
    rows: int
    before: int
    start: int
    end: int | None
    lines: int
    stamp: FileStamp
    encoding: FileEncoding | None = None
    extra: int = 0

    @property
    def size(self) -> int:
        """Bytes of the file; of a compressed one, compressed bytes."""
        return (self.stamp.size if self.end is None else self.end) - self.start

    @property
    def place(self) -> FilePosition | None:
        """Where a reader of plain text begins; None for a whole file."""
        return None if self.encoding is None else FilePosition(self.start, self.lines, self.encoding, self.extra)


@dataclass(frozen=True, slots=True)
class FileLook:
    """The result of one pass over one file. Rows are numbered within the file.

    Attributes:
        path: the file.
        keep: maximum number of rows in `first`.
        stamp: the state of the file before the pass; None for one that is not there.
        opened: whether it has a reader; False where it is empty, or where `error` came before any row.
        header: the names of its columns; None for JSON.
        columns: what became of its columns; None if it has none.
        carries_nothing: whether no row had an attribute that the spec sends.
        rows: rows read, including problem rows.
        problems: rows that cannot be sent.
        first: the first rows.
        damages: the damages kept, in the order found.
        early: how many of `damages` were found before the first row.
        counts: how often each kind of damage was found.
        change: how the file changed while it was read; None if it did not.
        error: why it cannot be read, or not further; `joined` raises it.
        parts: its rows, divided; none for a file without rows.
        note: why a file that is larger than a part cannot be divided, for a person; None if it can be.
    """

    path: str
    keep: int
    stamp: FileStamp | None = None
    opened: bool = False
    header: tuple[str, ...] | None = None
    columns: ColumnsReport | None = None
    carries_nothing: bool = False
    rows: int = 0
    problems: int = 0
    first: tuple[Transaction, ...] = ()
    damages: tuple[Damage, ...] = ()
    early: int = 0
    counts: Mapping[DamageKind, int] = field(default_factory=dict)
    change: str | None = None
    error: RoktExportError | None = None
    parts: tuple[FilePart, ...] = ()
    note: str | None = None


def look(path: str, options: SourceOptions, *, size: int = PART, keep: int = 0) -> FileLook:
    """Read a file once, in bounded memory, and return what it holds and where it can be divided.

    What is wrong with the file is in the result's `error`, for `joined` raises the first one in the order of the files.

    Args:
        path: one file, as `expand` returns it.
        options: how to read it.
        size: bytes of a part, at least; only the last may be smaller.
        keep: how many of the first rows to return.
    """
    found = FileLook(path, keep)
    log, first = DamageLog(options.keep_findings), FirstRows(keep)
    try:
        stamp = _stamp(path)
        found = replace(found, stamp=stamp)
        reader = open_reader(Context(path, options, _mapper(options), log))
    except RoktExportError as error:
        return replace(found, error=error)
    found = replace(found, early=len(log.damages))
    if reader is not None:
        try:
            found = _surveyed(replace(found, opened=True, header=reader.header), stamp, reader, first, size)
        finally:
            reader.close()
    try:
        found = replace(found, change=change_between(stamp, FileStamp.of(path)))
    except RoktExportError as error:
        found = replace(found, error=found.error or error)
    return replace(found, first=tuple(first.kept), damages=log.damages, counts=dict(log.counts))


def _surveyed(found: FileLook, stamp: FileStamp, reader: RowReader, first: FirstRows, size: int) -> FileLook:
    """Return what is found with the rows of a reader, the parts, and the error that ended it."""
    rows = problems = 0
    cuts: list[tuple[int, FilePosition]] = []
    error: RoktExportError | None = None
    note: str | None = None
    begin = 0
    try:
        divided, note = _divided(reader, found.path) if stamp.size > size else (None, None)
        for read, bad in reader.survey(0, first):
            rows += read
            problems += bad
            if divided is None or divided.taken - begin < size:
                continue
            if (place := divided.place()) is not None and place.start - begin >= size:
                cuts.append((rows, place))
                begin = place.start
    except RoktExportError as raised:
        error = raised
    return replace(
        found,
        columns=reader.columns,
        carries_nothing=reader.carries_nothing,
        rows=rows,
        problems=problems,
        error=error,
        parts=_parts(stamp, rows, cuts),
        note=note,
    )


def _parts(stamp: FileStamp, rows: int, cuts: Sequence[tuple[int, FilePosition]]) -> tuple[FilePart, ...]:
    """Return the parts of a file that is cut at some places, each with the number of rows before it."""
    cuts = [cut for cut in cuts if cut[0] < rows]  # nothing but blank lines follows a cut behind the last row
    if not cuts:
        return (FilePart(stamp.path, rows, 0, 0, None, 0, stamp),) if rows else ()
    places = [(0, FilePosition(0, 0, cuts[0][1].encoding)), *cuts]
    ends = [*((before, place.start) for before, place in cuts), (rows, None)]
    return tuple(
        FilePart(stamp.path, until - before, before, at.start, end, at.lines, stamp, at.encoding, at.extra)
        for (before, at), (until, end) in zip(places, ends, strict=True)
    )


def _divided(reader: RowReader, path: str) -> tuple[DelimitedReader | NdjsonReader | None, str | None]:
    """Return the reader of a file that can be divided among workers; else None, and why not, for a person."""
    if is_packed(path):
        why = "it is compressed"
    elif not isinstance(reader, DelimitedReader | NdjsonReader) or not reader.divisible:
        why = "only CSV and JSON Lines can be, in UTF-8 or an encoding of one byte a character"
    elif not _sends_spans(path):
        why = "its server sends only whole files"
    else:
        return reader, None
    return None, f"{path} cannot be divided among workers, so one of them reads it all: {why}"


def _sends_spans(path: str) -> bool:
    try:
        with open_span(path, 1, 2) as span:
            return len(span.read(2)) == 1
    except OSError:
        return False


def _stamp(path: str) -> FileStamp:
    """Return the state of a file.

    Raises:
        TransactionsError: it is not there, or it is a stream.
    """
    stamp = None if path == STDIN else FileStamp.of(path)
    if stamp is not None:
        return stamp
    if path == STDIN or Path(path).exists():
        raise TransactionsError(
            "this input can be read only once, by one process",
            where="stdin" if path == STDIN else path,
            remedy="Save it to a file that all workers reach, and name the file.",
        )
    raise TransactionsError(
        "the file is not there for this worker",
        where=path,
        remedy="Name files that all workers reach by the same path, or by an address such as s3://bucket/rows.csv.",
    )


def _mapper(options: SourceOptions) -> ColumnMapper:
    return ColumnMapper(options.wanted, options.columns, options.spec_columns)


def joined(looks: Sequence[FileLook], options: SourceOptions) -> Scan:
    """Return what one pass over all files finds, from one look at each of them, in their order.

    Raises:
        TransactionsError, UsageError: as `scan` of these files does.
    """
    return scan_source(_LookedAt(looks, options), keep=max((each.keep for each in looks), default=0))


class _LookedAt(TransactionSource):
    """Files that were looked at before: what `TransactionSource` finds in them, without reading them again."""

    def __init__(self, looks: Sequence[FileLook], options: SourceOptions) -> None:
        self._looks = {each.path: each for each in looks}
        super().__init__(tuple(self._looks), options)

    def _reader(self, context: Context) -> RowReader | None:
        found = self._looks[context.path]
        if found.error is not None and not found.opened:
            raise found.error
        context.log.add_all(found.damages[: found.early], {})
        return _Replay(found, context) if found.opened else None

    def _stamp(self, file: str) -> FileStamp | None:
        return self._looks[file].stamp

    def _change_since(self, stamp: FileStamp) -> str | None:
        return self._looks[stamp.path].change


class _Replay:
    """A reader of a file that was looked at before. It has what was found, and no rows but the first ones."""

    def __init__(self, found: FileLook, context: Context) -> None:
        self._found = found
        self._context = context
        self._ended = False
        self.header = found.header
        if found.header is not None:
            context.mapper.plan(found.header, found.path)  # notes which columns of --map there are

    @property
    def columns(self) -> ColumnsReport | None:
        """What became of the columns; for JSON, as for its reader, None before the rows."""
        return self._found.columns if self._ended or self.header is not None else None

    @property
    def carries_nothing(self) -> bool:
        """Whether no row had an attribute that the spec sends."""
        return self._ended and self._found.carries_nothing

    def survey(self, row: int, first: FirstRows) -> Generator[tuple[int, int], None, int]:
        """Yield how many rows there are, and how many of them are problems.

        Raises:
            RoktExportError: the pass over the file ended with it.
        """
        found, self._ended = self._found, True
        for transaction in found.first:
            first.add(_renumbered(transaction, row))
        unkept = Counter(found.counts)
        unkept.subtract(damage.kind for damage in found.damages)
        late = [
            damage if damage.row is None else replace(damage, row=damage.row + row)
            for damage in found.damages[found.early :]
        ]
        self._context.log.add_all(late, +unkept)
        yield found.rows, found.problems
        if found.error is not None:
            raise _placed(found.error, found.path, row)
        return row + found.rows

    def transactions(self, row: int, share: Share) -> Generator[Transaction, None, int]:
        """Raise NotImplementedError: the rows are not kept."""
        raise NotImplementedError

    def close(self) -> None:
        """Do nothing."""


def _renumbered(transaction: Transaction, before: int) -> Transaction:
    """Return a row of a file as a row of an input that has others before it."""
    row, name, problem = transaction.row + before, transaction.id, transaction.problem
    if isinstance(name, OwnWords):
        name = OwnWords(f"row-{row}")
    elif problem is not None and not transaction.values:
        name = f"row-{row}"
    if problem is not None and problem.startswith(place := f"row {transaction.row}, "):
        problem = f"row {row}, {problem.removeprefix(place)}"
    return structs.replace(transaction, row=row, id=name, problem=problem)


def _placed(error: RoktExportError, path: str, before: int) -> RoktExportError:
    """Return the error that ended a file, with the row of an input that has others before it."""
    if error.where is None or not before:
        return error
    found = copy.copy(error)
    file, _, row = error.where.rpartition("row ")
    found.where = f"{file}row {int(row) + before}" if row.isdigit() else f"{path}, after row {before}"
    return found


@dataclass(frozen=True, slots=True)
class Partition:
    """Consecutive rows of an input, which one worker reads.

    Attributes:
        number: 1, 2, … in the order of the input.
        before: rows of the whole input before them.
        parts: the rows, in order.
        rows: how many they are, including problem rows.
    """

    number: int
    before: int
    parts: tuple[FilePart, ...]
    rows: int


def partitions(looks: Sequence[FileLook], *, size: int = PART) -> list[Partition]:
    """Return the partitions of an input: consecutive parts of together about `size` bytes; a larger part is alone."""
    groups: list[list[FilePart]] = []
    left = 0
    for part in (part for each in looks for part in each.parts):
        cost = max(part.size, size // _MOST_FILES)
        if cost > left:
            groups.append([])
            left = size
        groups[-1].append(part)
        left -= cost
    return list(_numbered(groups))


def _numbered(groups: Sequence[Sequence[FilePart]]) -> Iterator[Partition]:
    before = 0
    for number, parts in enumerate(groups, start=1):
        rows = sum(part.rows for part in parts)
        yield Partition(number, before, tuple(parts), rows)
        before += rows
