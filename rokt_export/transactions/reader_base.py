"""The interface of all readers, and how they make transactions, problem rows and errors."""

from __future__ import annotations

import shlex
from collections.abc import Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from rokt_export.errors import TransactionsError
from rokt_export.redaction import OwnWords
from rokt_export.transactions.claims import Share
from rokt_export.transactions.columns import ColumnMapper, ColumnPlan, ColumnsReport
from rokt_export.transactions.damage import Damage, DamageKind, DamageLog
from rokt_export.transactions.damage_checks import Inspector
from rokt_export.transactions.encoding import FileEncoding
from rokt_export.transactions.row_shapes import is_data
from rokt_export.transactions.source_options import SourceOptions
from rokt_export.transactions.transaction import IDENTITIES, Transaction, Value

NOTHING_CARRIED = "no column contains an attribute that the spec sends"


@dataclass(frozen=True, slots=True)
class Context:
    """What a reader of one file needs besides the file's bytes.

    Attributes:
        path: the file's name, for messages.
        options: how to read the input.
        mapper: maps columns to attributes.
        log: where damages go.
        guessed: whether the file's encoding is a guess.
        breaks: for a workbook's sheet, the lines of its text on which a cell of the line before continues; else None.
    """

    path: str
    options: SourceOptions
    mapper: ColumnMapper
    log: DamageLog
    guessed: bool = False
    breaks: Sequence[int] | None = None

    def inspector(self, plan: ColumnPlan) -> Inspector:
        """Return the checker of the cells of these columns."""
        return Inspector(plan, self.path, self.log, self.options.refuse_damage_in, guessed=self.guessed)

    def carries(self, names: Iterable[str]) -> bool:
        """Return whether one of these attributes is sent by the spec; True if the spec's attributes are not known."""
        return not self.options.sent or not self.options.sent.isdisjoint(names)

    def nothing_carried(self, plan: ColumnPlan | ColumnsReport) -> TransactionsError:
        """Return the error for a file without any attribute that the spec sends."""
        report = plan.report if isinstance(plan, ColumnPlan) else plan
        required = self.options.required
        some = required or (min(self.options.sent or ("ATTRIBUTE",)),)
        pair = "=".join(report.likely() or ("COLUMN", some[0]))
        columns = plan.columns if isinstance(plan, ColumnPlan) else ()
        found = f"Columns found: {_listed(columns)}. " if columns and not is_data(columns) else ""
        needs = f"Every row needs {_listed(required)}. " if required else ""
        advice = f"Map a column to an attribute: --map {shlex.quote(pair)}"
        return TransactionsError(
            NOTHING_CARRIED,
            where=self.path,
            remedy=f"{found}{needs}{advice}; nothing was sent.",
        )

    def damage(
        self, kind: DamageKind, message: str, remedy: str, *, row: int | None = None, line: int | None = None
    ) -> None:
        """Log a damage of this file that is not in a single column."""
        self.log.add(Damage(kind, row, None, self.path, line, message, remedy))

    def problem(self, row: int, kind: DamageKind, message: str, remedy: str, line: int | None = None) -> Transaction:
        """Log a damage that makes a row unreadable; return the row with this problem, never to be sent."""
        self.damage(kind, message, remedy, row=row, line=line)
        place = f"line {line}: {message}" if line is not None else message
        return Transaction(row, f"row-{row}", {}, self.options.invented, place)

    def cut_off(self, error: Exception, row: int) -> TransactionsError:
        """Return the error for an input that cannot be read further, with the last row that was read."""
        where = f"{self.path}, after row {row}" if row else self.path
        reason = getattr(error, "strerror", None) or str(error)
        return TransactionsError(
            f"the file cannot be read further: {reason}",
            where=where,
            remedy="Fetch the file again; the rows before this place are whole.",
        )

    def made(self, values: Mapping[str, Value], row: int, refused: str | None) -> Transaction:
        """Return a row as a transaction; `refused`: why its damage prevents it from being sent."""
        return Transaction(row, identity(values, row), values, self.options.invented, refused)


_MOST_NAMED, _LONGEST_NAME = 8, 40


def _listed(names: Sequence[str]) -> str:
    """Return the first names, shortened, and how many there are beside."""
    words = [name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1]}…" for name in names[:_MOST_NAMED]]
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return f"{', '.join(words)}{more}"


@dataclass(frozen=True, slots=True)
class FilePosition:
    """A place between two rows of a plain file of text, with what a reader knows that has come there.

    Attributes:
        start: bytes before it.
        lines: lines before it.
        encoding: how the file's bytes become text.
        extra: empty cells at the end of each row, beyond the columns (of a delimited file).
    """

    start: int
    lines: int
    encoding: FileEncoding
    extra: int = 0


class RowReader(Protocol):
    """A reader of one file's rows, in order."""

    @property
    def header(self) -> tuple[str, ...] | None:
        """The names of the columns in the file; None for a file without a header."""

    @property
    def columns(self) -> ColumnsReport | None:
        """What became of the columns read so far; None before the first row of a file without a header."""

    @property
    def carries_nothing(self) -> bool:
        """Whether no row so far had an attribute that the spec sends (only for a file without a header)."""

    def transactions(self, row: int, share: Share) -> Generator[Transaction, None, int]:
        """Yield the rows of a share, numbered from `row` + 1; return the number of the last row of the file."""

    def survey(self, row: int, first: FirstRows) -> Generator[tuple[int, int], None, int]:
        """Yield (rows read, problems among them), piece by piece; return the number of the last row of the file.

        It logs the same damages as `transactions` with all rows. After the rows that `first` takes, it makes no
        transactions where it can avoid it.
        """

    def close(self) -> None:
        """Release the file."""


class FirstRows:
    """Collects the first transactions of an input.

    Args:
        most: maximum number of transactions.

    Attributes:
        kept: the transactions, in order.
    """

    def __init__(self, most: int) -> None:
        self.kept: list[Transaction] = []
        self._most = most

    @property
    def lacks(self) -> bool:
        """Whether further transactions are kept."""
        return len(self.kept) < self._most

    def add(self, transaction: Transaction) -> None:
        """Keep a transaction, unless there are enough."""
        if self.lacks:
            self.kept.append(transaction)


def survey(transactions: Iterable[Transaction], row: int, first: FirstRows) -> Generator[tuple[int, int], None, int]:
    """Implement `RowReader.survey` for a reader that checks each row by itself."""
    for transaction in transactions:
        row = transaction.row
        first.add(transaction)
        yield 1, int(transaction.problem is not None)
    return row


def identity(values: Mapping[str, Value], row: int) -> str:
    """Return the id of a transaction: its `transactionid`, else its `confirmationref`, else `row-<n>`."""
    for name in IDENTITIES:
        value = values.get(name)
        if value.__class__ is str and (text := value.strip()):
            return text
    return OwnWords(f"row-{row}")
