"""Opens the transactions of a share of the rows, from files or invented, with what the command line changes in them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from msgspec import structs

from rokt_export.delivery.plan import FileRows, Plan
from rokt_export.transactions.claims import ALL, Share
from rokt_export.transactions.transaction import Transaction

if TYPE_CHECKING:
    from rokt_export.transactions.sources import TransactionSource


def is_live(rows: FileRows) -> bool:
    """Return whether rows arrive as they please: stdin or a named pipe is among the files."""
    from rokt_export.transactions.files import is_stream

    return any(is_stream(path) for path in rows.paths)


@dataclass(frozen=True, slots=True)
class Source:
    """The transactions of a share of the rows.

    Attributes:
        transactions: those of a share.
        files: the files that they are read from; None for invented people.
    """

    transactions: Iterator[Transaction]
    files: TransactionSource | None = None

    def __iter__(self) -> Iterator[Transaction]:
        """Return the transactions, of which each comes once."""
        return self.transactions


def damage_in(source: Source) -> Iterator[str]:
    """Tell what was found wrong with the rows while they were read, without a word of what stood in them."""
    if source.files is not None:
        for kind, places in source.files.finding_counts.items():
            first = next(damage for damage in source.files.findings if damage.kind is kind)
            more = f", and {places - 1:,} more of its kind" if places > 1 else ""
            yield f"damage in the rows as they came: {first.where}: {first.message}{more}"


def source(plan: Plan, share: Share = ALL) -> Source:
    """Return the transactions of a share of the rows."""
    rows = plan.rows
    if isinstance(rows, FileRows):
        from rokt_export.transactions.sources import open_transactions

        files = open_transactions(rows.paths, options=rows.options)
        read: Iterator[Transaction] = files.part(share)
        if rows.overrides or rows.unset:
            read = map(partial(_changed, rows), read)
        return Source(map(partial(_carrying, rows.options.sent), read) if rows.options.sent else read, files)
    from rokt_export.transactions.test_people import generate

    people = generate(
        rows.count, attributes=rows.attributes, seed=rows.seed, overrides=rows.overrides, unset=rows.unset
    )
    return Source(person for person in people if share.has(person.row))


def _changed(rows: FileRows, transaction: Transaction) -> Transaction:
    kept = {name: value for name, value in transaction.values.items() if name not in rows.unset}
    return structs.replace(transaction, values={**kept, **rows.overrides})


def _carrying(sent: frozenset[str], transaction: Transaction) -> Transaction:
    """Return a transaction; one that has no value for anything that the spec sends is a problem."""
    if any(map(transaction.values.get, sent)) or transaction.problem is not None:
        return transaction
    return structs.replace(transaction, problem="the row has no value for anything that the spec sends")
