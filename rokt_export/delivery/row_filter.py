"""Turns a stream of transactions into those that are to be sent: not twice what was settled or delivered before."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain, islice
from math import inf
from typing import TYPE_CHECKING, Any, TypeAlias
from unicodedata import normalize

import orjson

from rokt_export.delivery.run_counts import Tally
from rokt_export.errors import TransactionsError
from rokt_export.exchange.delivery import LeftOut
from rokt_export.journal.recent_marks import RECENT, RecentMarks
from rokt_export.partner_spec.model import PartnerSpec
from rokt_export.partner_spec.references import attribute_names
from rokt_export.transactions.transaction import IDENTITIES, Transaction, Value

if TYPE_CHECKING:
    from rokt_export.delivery.plan import Selection
    from rokt_export.journal import RowRanges, RowSet, RunWriter
    from rokt_export.journal.ledger import RecognitionMethod

IdentityValues: TypeAlias = tuple[str, ...]
"""The attributes by which rows are distinguished, in alphabetical order."""


def identity_of(spec: PartnerSpec) -> IdentityValues:
    """Return the attributes that make a row what it is for a partner: those that its spec reads, and its names.

    Two rows of one person with the same data are two transactions where they are called differently.
    """
    return tuple(sorted(attribute_names(spec).union(IDENTITIES)))


def canonical_row(transaction: Transaction, identity: IdentityValues, *, as_written: bool = False) -> bytes:
    """Return a row's content as bytes: the same row has the same bytes in any file, whatever other columns there are.

    What is absent in one kind of file is empty in another, and null in a third. Blanks around a value and the Unicode
    form of its letters make no other row, except `as_written`, for the ledgers of older versions.
    """
    values = transaction.values
    parts = {name: value for name in identity if (value := values.get(name))}
    if not as_written:
        if _are_plain([*parts.values()]):
            return orjson.dumps(parts)  # an identity is sorted, and texts have no keys of their own
        parts = {name: plain for name, value in parts.items() if (plain := _plain(value))}
    return orjson.dumps(parts, option=orjson.OPT_SORT_KEYS)


def marks_of(transactions: Sequence[Transaction], ways: Sequence[RecognitionMethod]) -> list[tuple[bytes, ...]]:
    """Return, for each row, its fingerprint by each way to recognize it; none for a row that could not be read."""
    if not transactions or not ways:
        return [()] * len(transactions)
    contents = {way: _canonical_rows(transactions, way.identity, as_written=way.as_written) for way in ways}
    marks = list(zip(*(way.marks(rows) for way, rows in contents.items()), strict=True))
    if any(each.problem is not None for each in transactions):
        return [mark if each.problem is None else () for each, mark in zip(transactions, marks, strict=True)]
    return marks


def _canonical_rows(transactions: Sequence[Transaction], identity: IdentityValues, *, as_written: bool) -> list[bytes]:
    """Return what `canonical_row` returns for each row, column by column: a third of the time.

    Most values are printable ASCII, which JSON keeps as they are. Rows with another one are converted by themselves.
    """
    found = [each.values for each in transactions]
    names: list[str] = []
    columns: list[list[Any]] = []
    odd: set[int] = set()
    for name in identity:
        column = [values.get(name) for values in found]
        if any(column):
            names.append(orjson.dumps(name).decode().replace("%", "%%"))
            columns.append(column)
            if not (all(column) and _is_json_text(column)):
                odd.update(place for place, value in enumerate(column) if not (value and _is_json_text([value])))
    row = "{" + ",".join(f'{name}:"%s"' for name in names) + "}"
    texts = map(row.__mod__, zip(*columns, strict=True)) if columns else ["{}"] * len(found)
    if not odd:
        return "\n".join(texts).encode().split(b"\n")
    return [
        canonical_row(transactions[place], identity, as_written=as_written) if place in odd else text.encode()
        for place, text in enumerate(texts)
    ]


def _is_json_text(values: list[Any]) -> bool:
    """Return whether values are texts without blanks around them that JSON writes unchanged, in ASCII."""
    try:
        text = "".join(values)
    except TypeError:  # a file of JSON has other values than texts
        return False
    plain = text.isascii() and text.isprintable() and '"' not in text and "\\" not in text
    return plain and [*map(str.strip, values)] == values


def _are_plain(values: list[Any]) -> bool:
    """Return whether `_plain` would change none of these values; a row's most common case, seven times as fast."""
    try:
        return [*map(str.strip, values)] == values and "".join(values).isascii()
    except TypeError:  # a file of JSON has other values than texts
        return False


def _plain(value: Value) -> Value:
    if not isinstance(value, str):
        return value
    return value.strip() if value.isascii() else normalize("NFC", value).strip()


_REDACTED = re.compile(r"(?i:person-)|\$")
"""Marks, in a name, a value that the journal does not keep."""
_NAMES = 1000
"""Rows whose names are looked up at a time."""
_AT_A_TIME = 1000
"""Rows left out at a time: 10 ms worth."""


def select(
    transactions: Iterator[Transaction],
    selection: Selection,
    writer: RunWriter,
    identity: IdentityValues,
    tally: Tally,
    ahead: Callable[[], int] = lambda: 500,
    *,
    live: bool = False,
    sendable: Callable[[Transaction], bool] = lambda _: True,
    gathered: int = 0,
) -> Iterator[Transaction | None]:
    """Return the transactions that a selection asks for, and count those of them that are left out.

    Where many are skipped there is a None at times, so that the caller can do other work.

    In production a row that occurs twice in the input is delivered once, as it would be in two runs. What other
    processes have in flight at the same time is decided when a row is intended.

    Args:
        transactions: all of a partition, in order.
        selection: which of them.
        writer: knows what this run has settled, and what earlier production runs delivered.
        identity: what makes a row what it is.
        tally: where rows are counted that are asked for and left out.
        ahead: returns how many transactions to look up in the ledger at once; 1 for an input that must not be waited
            for.
        live: the input is not a file that is known to be the same: a row that is settled must go by the same name.
        gathered: rows that may be gathered for a request before any of them is intended.
        sendable: returns whether a row can satisfy the spec: what was never sent repeats nothing.

    Raises:
        TransactionsError: while iterated: a live input is not the one that this run began with.
    """
    settled, unsettled = writer.settled_rows(), writer.unsettled_rows()
    chosen: Iterator[Transaction | None] = transactions
    if selection.only is not None or settled or unsettled:
        wished = writer.unknown_rows() if selection.unknown else None
        if live and settled:
            transactions = _known_again(transactions, settled, writer, writer.run)
        if live and selection.only is not None and selection.numbered_by is not None:
            from rokt_export.journal import RowRanges

            transactions = _known_again(transactions, RowRanges(selection.only), writer, selection.numbered_by)
        chosen = _of_this_run(transactions, selection, settled, unsettled, wished, tally)
    if not writer.production:
        return chosen
    ways = writer.ways(identity)  # noted in any case: later runs look up what this one delivers by it
    if selection.delivered and selection.unknown:
        return chosen
    return _not_of_others(chosen, selection, writer, ways, tally, ahead, sendable, RECENT + gathered)


def _of_this_run(
    transactions: Iterator[Transaction],
    selection: Selection,
    settled: RowSet,
    unsettled: RowSet,
    wished: RowSet | None,
    tally: Tally,
) -> Iterator[Transaction | None]:
    from rokt_export.journal import RowRanges

    wanted = None if selection.only is None else RowRanges(selection.only)
    last = inf if wanted is None else wanted.last
    passed_over = 0
    for transaction in transactions:
        row = transaction.row
        is_wanted = wanted is None or row in wanted
        is_over = row in settled and not (wished and row in wished)
        if is_wanted and not is_over and (selection.unknown or row not in unsettled):
            yield transaction
        else:
            if is_wanted:
                tally.leave_out(LeftOut.DONE_BEFORE, row)
            passed_over += 1
            if passed_over % _AT_A_TIME == 0:
                yield None
        if row >= last:  # of a large file, nobody waits for the rest
            return


def _known_again(
    transactions: Iterator[Transaction], settled: RowSet | RowRanges, writer: RunWriter, run: str
) -> Iterator[Transaction]:
    """Refuse a stream whose rows have other names than those sent: `tail -F` may begin at any line.

    Nor take a part for all: what ends before the last row that was settled is not what the run read.
    """
    names: dict[int, str] = {}
    looked_up = range(0)
    row = 0
    for transaction in transactions:
        row = transaction.row
        if row in settled:
            if row not in looked_up:
                looked_up = range(row, row + _NAMES)
                names = writer.names(looked_up, run)
            name = names.get(row, transaction.id)
            if name != transaction.id and not _REDACTED.search(name):
                raise TransactionsError(
                    f"row {row:,} is another than the row {row:,} that run {run} settled",
                    remedy="Pipe the same rows in again from the first; or begin a new run, which sends them all.",
                )
        yield transaction
    if row < (last := settled.last):
        raise TransactionsError(
            f"the input ended at row {row:,}, and run {run} settled rows up to row {last:,}",
            remedy="Pipe the same rows in again, all of them.",
        )


def _not_of_others(
    transactions: Iterator[Transaction | None],
    selection: Selection,
    writer: RunWriter,
    ways: Sequence[RecognitionMethod],
    tally: Tally,
    ahead: Callable[[], int],
    sendable: Callable[[Transaction], bool],
    remembered: int,
) -> Iterator[Transaction | None]:
    # Apart: rows that are left out must not push out of memory what is chosen and not in the journal yet.
    recent, passed_over = RecentMarks(remembered), RecentMarks(remembered)
    for batch in _batches(transactions, ahead):
        marks = marks_of(batch, ways)
        every = list(chain.from_iterable(marks))
        repeated: set[bytes] = set()
        if not selection.delivered:
            repeated = writer.under_way(every) | recent.among(every) | passed_over.among(every)
        withheld = writer.withheld(every, selection.leave)
        chosen, passed, left_out = _sorted_out(batch, marks, selection, repeated, withheld, sendable)
        for why, some in left_out.items():
            tally.leave_out(why, *[row for row, _ in some])
            if why is not LeftOut.REPEATED and not selection.delivered:
                passed_over.update([mark for _, mark in some])
        writer.expect(passed)
        if not selection.delivered:
            recent.update([mark for _, mark in passed])
        yield from chosen or (None,)


_Marked: TypeAlias = list[tuple[int, bytes]]
"""Numbers of rows, each with its first fingerprint."""


def _sorted_out(
    batch: list[Transaction],
    marks: Sequence[tuple[bytes, ...]],
    selection: Selection,
    repeated: set[bytes],
    withheld: Mapping[bytes, LeftOut],
    sendable: Callable[[Transaction], bool],
) -> tuple[list[Transaction], _Marked, Mapping[LeftOut, _Marked]]:
    """Return what is sent of a batch, the rows of it that have fingerprints, and the rows that are left out, by reason.

    Args:
        batch: the rows.
        marks: of each row.
        selection: what is asked for.
        repeated: fingerprints of rows that came by lately; those of this batch are added.
        withheld: why rows must not be sent, by any of their fingerprints.
        sendable: as `select`.
    """
    reasons = set(withheld.values())
    singles = {own[0] for own in marks if len(own) == 1}
    if not repeated and len(singles) == len(batch) and len(reasons) <= 1 and len(withheld) in {0, len(batch)}:
        whole = [(transaction.row, own[0]) for transaction, own in zip(batch, marks, strict=True)]
        return ([], [], dict.fromkeys(reasons, whole)) if reasons else (batch, whole, {})  # as in most batches
    chosen: list[Transaction] = []
    passed: _Marked = []
    left_out: defaultdict[LeftOut, _Marked] = defaultdict(list)
    for transaction, own in zip(batch, marks, strict=True):
        if not own:
            chosen.append(transaction)
            continue
        marked = transaction.row, own[0]
        if own[0] in repeated and sendable(transaction):
            left_out[LeftOut.REPEATED].append(marked)
            continue
        if withheld and (why := _why(withheld, own)):
            left_out[why].append(marked)
        else:
            passed.append(marked)
            chosen.append(transaction)
        if not selection.delivered:
            repeated.add(own[0])
    return chosen, passed, left_out


def _why(withheld: Mapping[bytes, LeftOut], marks: Sequence[bytes]) -> LeftOut | None:
    """Return why a row is not sent, by the first of its marks that tells."""
    if len(marks) == 1:
        return withheld.get(marks[0])
    return next((withheld[mark] for mark in marks if mark in withheld), None)


def _batches(transactions: Iterator[Transaction | None], size: Callable[[], int]) -> Iterator[list[Transaction]]:
    """Yield lists of up to `size()`, fewer at a None; what came before an error comes before it here too."""
    while True:
        batch: list[Transaction] = []
        try:
            for transaction in islice(transactions, size()):
                if transaction is None:
                    break
                batch.append(transaction)
            else:
                if not batch:
                    return
        except Exception:
            yield batch
            raise
        yield batch
