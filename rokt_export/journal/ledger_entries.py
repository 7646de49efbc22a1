"""Entries of the ledger, and the newest ones of a file: appended by the batch, moved into the table many at a time.

Digests are random, so in a large table each entry of a batch is on a page of its own: written at once, it costs that
page twice, in the log and in the file. Moved by the ten thousands in the order of their digests, several share a page.
A server writes its pages in other processes, and has many writers; there, each batch goes to the table.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Collection, Iterator, Sequence
from operator import itemgetter
from struct import Struct
from typing import Final, TypeAlias

from sqlalchemy import Connection

from rokt_export.exchange.model import NOT_JUDGED, NOT_RECEIVED, PERHAPS_RECEIVED, RECEIVED, OutcomeKind
from rokt_export.journal.damage import readable
from rokt_export.journal.driver import rows_of, run_one
from rokt_export.journal.mark_filter import MarkFilter

Entry: TypeAlias = tuple[bytes, str, int, int]
"""An entry of the ledger: fingerprint, outcome, number of the run, row."""
SAYS_NOTHING: Final = NOT_RECEIVED & NOT_JUDGED
"""The outcomes of a send that say nothing of an earlier one."""
MOST: Final = 35_000
"""Entries that wait until they are moved: a process that sends has their digests in memory, in 4 MB."""
_SLICES: Final = 16
"""Equal parts of the digests' range, which are moved one after the other."""
_ENTRY = Struct(">16sqB")
"""A batch's entry, in the order of digests: digest, row, place of its outcome in `_OUTCOMES`."""
_OUTCOMES: Final = (
    OutcomeKind.DELIVERED,
    OutcomeKind.DUPLICATE,
    OutcomeKind.REJECTED,
    OutcomeKind.FAILED,
    OutcomeKind.UNCLASSIFIED,
    OutcomeKind.UNKNOWN,
    OutcomeKind.INVALID,
)
"""Their places are in files: more may follow, none may change."""
_NAMES: Final = tuple(map(str, _OUTCOMES))
_PLACES: Final = {name: place for place, name in enumerate(_NAMES)}
_APPEND = "INSERT INTO ledger_recent (run_no, entries) VALUES (?, ?)"
_LATER = "SELECT no, entries FROM ledger_recent WHERE no > ? ORDER BY no"
_NUMBERS = """\
SELECT coalesce((SELECT min(no) FROM ledger_recent), 0),
       coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'ledger_recent'), 0)"""
"""The first batch that waits, and the last there ever was."""
_FILTERED = 200_000
"""Entries of the table, at most, that are read before the first send, in 0.2 s. In a larger one rows are looked up."""
_IN_TABLE = "SELECT fingerprint FROM ledger"
_COUNTED = "SELECT count(*) FROM (SELECT 1 FROM ledger LIMIT ?)"
_BATCHES = "SELECT run_no, entries FROM ledger_recent ORDER BY no"
_OF_RUN = "SELECT entries FROM ledger_recent WHERE run_no = ? ORDER BY no"
_DELETE = "DELETE FROM ledger_recent WHERE no <= ?"
_LAST = (1 << 63) - 1
_WHAT = "a batch of the ledger's recent entries"


def later_outcome(known: str | None, later: str) -> str:
    """Return a row's outcome in the ledger after another send; the table follows the same rule, see `bulk`.

    What the partner has received stays so. A failed send says nothing about an earlier one that it may have received.

    Args:
        known: the outcome before; None if there was none.
        later: that of the last send.
    """
    if known is not None and (known in RECEIVED or (known in PERHAPS_RECEIVED and later in SAYS_NOTHING)):
        return known
    return later


class RecentEntries:
    """What one thread of a process knows of them, and how far it is in moving them.

    An entry only ever moves from the batches to the table: who looks here first, and then in the table, misses none.
    Entries are moved a slice at a time, each in a transaction of some hundredths of a second, and their batches are
    deleted with the last slice. A slice takes what all batches have of it, in their order, so that it may be moved
    again, by any process: the outcomes of a row end as they ended before.

    Args:
        filtered: whether to remember, in 2 MB, what the table may hold: then hardly any new row is looked up there.
            Entries come into the table from batches alone, each of which is read here; where one was missed, because
            others moved and deleted it in between, the filter is made anew.
    """

    def __init__(self, *, filtered: bool = False) -> None:
        self._filtered = filtered
        self._forget_all()

    def _forget_all(self) -> None:
        self._forget_batches()
        self._table: MarkFilter | None = None
        self._noted: int | None = None
        """The last batch that the filter has, as all before it; None until the table was read."""

    def _forget_batches(self) -> None:
        self._first = self._last = 0
        self._marks: dict[str, set[bytes]] = {}
        self._move_to = self._slice = 0
        self._is_moving = False

    def __len__(self) -> int:
        return sum(map(len, self._marks.values()))

    def look(self, connection: Connection) -> None:
        """Read the batches that came since the last look, and forget those that are gone: the table has them."""
        if connection.dialect.name != "sqlite":  # a server has none
            return
        first, latest = rows_of(connection, _NUMBERS)[0]
        if first != self._first:
            self._forget_batches()
            self._first = first
        for number, entries in rows_of(connection, _LATER, (self._last,)) if first else ():
            with readable(_WHAT):
                self._add(number, entries)
            self._last = number
        if self._filtered and (self._noted is None or self._noted < latest):
            self._read_table(connection, latest)

    def _add(self, number: int, packed: bytes) -> None:
        """Add the entries of a batch."""
        outcomes = packed[_ENTRY.size - 1 :: _ENTRY.size]
        every = {mark for mark, _, _ in _unpacked(packed)}
        new = len(every) == len(outcomes) and all(map(every.isdisjoint, self._marks.values()))
        if new and len(set(outcomes)) == 1:  # as in most batches
            self._marks.setdefault(_NAMES[outcomes[0]], set()).update(every)
        else:
            for mark, _, place in _ENTRY.iter_unpack(packed):
                self._add_one(mark, _NAMES[place])
        if self._noted is not None and number == self._noted + 1:
            self._noted = number
            if self._table is not None:
                self._table.add(every)

    def _add_one(self, mark: bytes, outcome: str) -> None:
        for known, marks in self._marks.items():
            if mark in marks:
                marks.discard(mark)
                outcome = later_outcome(known, outcome)
                break
        self._marks.setdefault(outcome, set()).add(mark)

    def _read_table(self, connection: Connection, latest: int) -> None:
        """Make the filter: of the batches that wait, and then of the table, into which they may move meanwhile."""
        self._table, self._noted = None, max(latest, self._last)
        if rows_of(connection, _COUNTED, (_FILTERED + 1,))[0][0] <= _FILTERED:
            self._table = MarkFilter()
            for marks in self._marks.values():
                self._table.add(marks)
            self._table.add(connection.exec_driver_sql(_IN_TABLE).scalars())

    def forget(self) -> None:
        """Read all anew at the next look, and begin anew to move batches.

        After a transaction that failed, its number may be that of another process's batch.
        """
        self._forget_all()

    def perhaps_in_table(self, marks: Sequence[bytes]) -> Sequence[bytes]:
        """Return those of the fingerprints that must be looked up in the table: others are not in it.

        Args:
            marks: of rows that nobody has begun to send since the last look.
        """
        return marks if self._table is None else self._table.perhaps(marks)

    def outcomes_of(self, marks: Collection[bytes]) -> dict[bytes, str]:
        """Return the outcomes of those fingerprints that have a recent entry."""
        return {mark: outcome for outcome, known in self._marks.items() for mark in known.intersection(marks)}

    def move_slice(self, connection: Connection, to_table: Callable[[Connection, list[Entry]], None]) -> None:
        """Move the next slice, within the caller's transaction, if many entries wait.

        Args:
            connection: to a file, in a transaction that writes.
            to_table: writes entries into the table.
        """
        self.look(connection)
        self._is_moving = bool(self._move_to) or len(self) >= MOST
        if not self._is_moving:
            return
        if not self._move_to:
            self._move_to, self._slice = self._last, 0
        _move(connection, _batches(connection), self._slice, to_table)
        if self._slice == _SLICES - 1:
            connection.exec_driver_sql(_DELETE, (self._move_to,))

    def committed(self) -> None:
        """Note that the transaction of `move_slice` was committed."""
        self._slice += self._is_moving
        self._is_moving = False
        if self._slice == _SLICES:
            self._move_to = self._slice = 0


def append(connection: Connection, entries: list[Entry]) -> None:
    """Append entries of a run, within the caller's transaction."""
    if entries:
        entries.sort()
        packed = b"".join([_ENTRY.pack(mark, row, _PLACES[outcome]) for mark, outcome, _, row in entries])
        run_one(connection, _APPEND, (entries[0][2], packed))


def move_all(connection: Connection, to_table: Callable[[Connection, list[Entry]], None]) -> None:
    """Move all recent entries to the table, within the caller's transaction.

    Args:
        connection: to a file, in a transaction that writes; to a server, where there are none, it does nothing.
        to_table: writes entries into the table.
    """
    if connection.dialect.name != "sqlite":
        return
    if batches := _batches(connection):
        for number in range(_SLICES):
            _move(connection, batches, number, to_table)
        connection.exec_driver_sql(_DELETE, (_LAST,))


def _batches(connection: Connection) -> list[tuple[int, bytes]]:
    """Return run number and entries of all batches, in their order."""
    return [(run_no, entries) for run_no, entries in connection.exec_driver_sql(_BATCHES)]


def _move(
    connection: Connection,
    batches: list[tuple[int, bytes]],
    number: int,
    to_table: Callable[[Connection, list[Entry]], None],
) -> None:
    with readable(_WHAT):
        entries = [entry for run_no, packed in batches for entry in _in_slice(run_no, packed, number)]
        entries.sort(key=itemgetter(0))  # of one row, the later result stays the later one
    to_table(connection, entries)


def entries_of(connection: Connection, run_no: int) -> dict[bytes, tuple[str, int]]:
    """Return the outcome and row of each fingerprint with a recent entry of a run.

    Raises:
        JournalError: a batch is damaged.
    """
    found: dict[bytes, tuple[str, int]] = {}
    if connection.dialect.name == "sqlite":
        for entries in connection.exec_driver_sql(_OF_RUN, (run_no,)).scalars():
            with readable(_WHAT):
                for mark, row, place in _unpacked(entries):
                    known = found[mark][0] if mark in found else None
                    found[mark] = later_outcome(known, _NAMES[place]), row
    return found


def _unpacked(entries: bytes | memoryview) -> Iterator[tuple[bytes, int, int]]:
    """Return fingerprint, row and place of the outcome of each entry.

    Raises:
        ValueError: an outcome is none.
        struct.error: the last entry is cut off.
    """
    unpacked = _ENTRY.iter_unpack(entries)
    if (last := max(entries[_ENTRY.size - 1 :: _ENTRY.size], default=0)) >= len(_NAMES):
        raise ValueError(f"an entry has the outcome {last}, which is none")
    return unpacked


def _in_slice(run_no: int, packed: bytes, number: int) -> Iterator[Entry]:
    """Yield the entries of a batch whose digests are in one of `_SLICES` equal parts of their range."""
    places = range(len(packed) // _ENTRY.size)
    width = 256 // _SLICES
    first, last = (
        bisect_left(places, bound, key=lambda place: packed[place * _ENTRY.size])
        for bound in (number * width, (number + 1) * width)
    )
    for mark, row, place in _unpacked(memoryview(packed)[first * _ENTRY.size : last * _ENTRY.size]):
        yield mark, _NAMES[place], run_no, row
