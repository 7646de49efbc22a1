"""Turns an input into a pre-flight summary: how many rows, what became of the columns, what is damaged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from rokt_export.errors import TransactionsError
from rokt_export.transactions.columns import ColumnsReport
from rokt_export.transactions.damage import ALTERING, Damage, DamageKind
from rokt_export.transactions.files import FileStamp
from rokt_export.transactions.reader_base import NOTHING_CARRIED
from rokt_export.transactions.source_options import SourceOptions
from rokt_export.transactions.sources import open_transactions


@dataclass(frozen=True, slots=True)
class Scan:
    """What a pass over the input found.

    Attributes:
        files: the files read, in order.
        rows: rows read, problem rows included.
        problems: rows that cannot be sent, each with a damage that says why.
        damages: the first damages of each kind, file and column, in the order found.
        counts: how often each kind of damage was found.
        columns: what became of the columns.
        stamps: the state of the files; a later source whose `stamps` differ reads other files.
        complete: every row was read; false where `limit` ended the pass.
    """

    files: tuple[str, ...]
    rows: int
    problems: int
    damages: tuple[Damage, ...]
    counts: Mapping[DamageKind, int]
    columns: ColumnsReport
    stamps: tuple[FileStamp, ...]
    complete: bool

    @property
    def altered(self) -> bool:
        """Whether cells were damaged that can still be read, so that another value would be sent than was meant."""
        return not ALTERING.isdisjoint(self.counts)

    @property
    def clean(self) -> bool:
        """Whether no damage was found."""
        return not self.counts


def scan(paths: Sequence[str], *, options: SourceOptions | None = None, limit: int | None = None) -> Scan:
    """Return what a pass over the input finds, before anything is sent; memory does not grow with the input.

    Stdin and named pipes are consumed by it: ask `is_stream` first.

    Args:
        paths: files, globs and `-`.
        options: what a person said about them.
        limit: rows to read at most; None = all.

    Raises:
        TransactionsError: the input cannot be read, or holds no row.
    """
    source = open_transactions(paths, options=options)
    transactions = iter(source)
    survey = (
        source.survey() if limit is None else ((1, each.problem is not None) for each in islice(transactions, limit))
    )
    rows = problems = 0
    for read, bad in survey:
        rows += read
        problems += bad
    complete = limit is None or next(transactions, None) is None
    transactions.close()  # only then is it known which columns JSON had so far
    if source.barren:
        raise TransactionsError(
            NOTHING_CARRIED, where=", ".join(source.files[:3]), remedy="Say what a key carries: --map KEY=ATTRIBUTE."
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
    )
