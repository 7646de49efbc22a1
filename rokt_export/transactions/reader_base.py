"""What all readers share: their interface, and how they make transactions, problem rows and errors."""

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
from rokt_export.transactions.source_options import SourceOptions
from rokt_export.transactions.transaction import IDENTITIES, Transaction, Value

NOTHING_CARRIED = "no column carries anything that the spec sends"


@dataclass(frozen=True, slots=True)
class Context:
    """What a reader needs to know besides its bytes.

    Attributes:
        path: the file's name, for messages.
        options: how to read the input.
        mapper: maps columns to attributes.
        log: where damages go.
        guessed: the file's encoding is a guess.
        breaks: of a sheet that is read as text, the lines on which a cell goes on; None for other files.
    """

    path: str
    options: SourceOptions
    mapper: ColumnMapper
    log: DamageLog
    guessed: bool = False
    breaks: Sequence[int] | None = None

    def inspector(self, plan: ColumnPlan) -> Inspector:
        """Return what looks at the cells of a layout of columns."""
        return Inspector(plan, self.path, self.log, self.options.refuse_damage_in, guessed=self.guessed)

    def carries(self, names: Iterable[str]) -> bool:
        """Return whether rows with these attributes have anything that the spec sends."""
        return not self.options.sent or not self.options.sent.isdisjoint(names)

    def nothing_carried(self, plan: ColumnPlan | ColumnsReport, hint: str | None = None) -> TransactionsError:
        """Return the error of a file that carries nothing that the spec sends."""
        report = plan.report if isinstance(plan, ColumnPlan) else plan
        pair = "=".join(report.likely() or ("COLUMN", min(self.options.sent or ("ATTRIBUTE",))))
        return TransactionsError(
            NOTHING_CARRIED,
            where=self.path,
            remedy=hint or f"Say what a column carries: --map {shlex.quote(pair)}; nothing was sent.",
        )

    def damage(
        self, kind: DamageKind, message: str, remedy: str, *, row: int | None = None, line: int | None = None
    ) -> None:
        """Log a damage of this file that concerns no single column."""
        self.log.add(Damage(kind, row, None, self.path, line, message, remedy))

    def problem(self, row: int, kind: DamageKind, message: str, remedy: str, line: int | None = None) -> Transaction:
        """Log a damage that makes a row unreadable, and return that row: reported, never sent, never lost."""
        self.damage(kind, message, remedy, row=row, line=line)
        place = f"line {line}: {message}" if line is not None else message
        return Transaction(row, f"row-{row}", {}, self.options.invented, place)

    def cut_off(self, error: Exception, row: int) -> TransactionsError:
        """Return the error of an input that cannot be read further, naming the last row that was."""
        where = f"{self.path}, after row {row}" if row else self.path
        reason = getattr(error, "strerror", None) or str(error)
        return TransactionsError(
            f"the file cannot be read further: {reason}",
            where=where,
            remedy="Fetch the file again; the rows before this place are whole.",
        )

    def made(self, values: Mapping[str, Value], row: int, refused: str | None) -> Transaction:
        """Return a row as a transaction; `refused`: why its damage keeps it from being sent."""
        return Transaction(row, identity(values, row), values, self.options.invented, refused)


class RowReader(Protocol):
    """One file, opened: rows in order."""

    @property
    def columns(self) -> ColumnsReport | None:
        """What became of the columns, as far as it is known; None before the first row of a file without a header."""

    @property
    def carries_nothing(self) -> bool:
        """Whether there were rows, and none had anything that the spec sends (of a file without a header)."""

    def transactions(self, row: int, share: Share) -> Generator[Transaction, None, int]:
        """Yield the rows of a share, numbered on from `row`, and return the number of the last row read."""

    def survey(self, row: int) -> Generator[tuple[int, int], None, int]:
        """Yield how many rows were read, and how many of them are problems; return the number of the last.

        The same damages are logged as by `transactions` with all rows for their share.
        """

    def close(self) -> None:
        """Release the file."""


def survey(transactions: Iterable[Transaction], row: int) -> Generator[tuple[int, int], None, int]:
    """Yield and return what `RowReader.survey` does, for a reader that looks at each row by itself."""
    for transaction in transactions:
        row = transaction.row
        yield 1, int(transaction.problem is not None)
    return row


def identity(values: Mapping[str, Value], row: int) -> str:
    """Return what both sides call a transaction: its `transactionid`, else its `confirmationref`, else `row-<n>`."""
    for name in IDENTITIES:
        value = values.get(name)
        if value.__class__ is str and (text := value.strip()):
            return text
    return OwnWords(f"row-{row}")
