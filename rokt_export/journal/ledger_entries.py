"""Entries of the ledger, and the newest ones of a file: appended by the batch, moved into the table many at a time.

Digests are random, so in a large table each entry of a batch is on a page of its own: written at once, it costs that
page twice, in the log and in the file. Moved by the ten thousands in the order of their digests, several share a page.
A server writes its pages in other processes, and has many writers; there, each batch goes to the table.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Collection, Iterator
from operator import itemgetter
from struct import Struct
from typing import Final, TypeAlias

from sqlalchemy import Connection

from rokt_export.exchange.model import OutcomeKind
from rokt_export.journal.damage import readable

Entry: TypeAlias = tuple[bytes, str, int, int]
"""An entry of the ledger: fingerprint, outcome, number of the run, row."""
RECEIVED: Final = (str(OutcomeKind.DELIVERED), str(OutcomeKind.DUPLICATE))
PERHAPS_RECEIVED: Final = (str(OutcomeKind.UNKNOWN), str(OutcomeKind.UNCLASSIFIED))
NOT_RECEIVED: Final = str(OutcomeKind.FAILED)
MOST: Final = 50_000
"""Entries that wait until they are moved: a process that sends has their digests in memory, in 5 MB."""
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
_BATCHES = "SELECT run_no, entries FROM ledger_recent WHERE no <= ? ORDER BY no"
_OF_RUN = "SELECT entries FROM ledger_recent WHERE run_no = ?"
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
    if known is not None and (known in RECEIVED or (known in PERHAPS_RECEIVED and later == NOT_RECEIVED)):
        return known
    return later


class RecentEntries:
    """What a process knows of them, and how far it is in moving them. It reads each batch once.

    An entry only ever moves from the batches to the table: who looks here first, and then in the table, misses none.
    Entries are moved a slice at a time, each in a transaction of some hundredths of a second, and their batches are
    deleted with the last. To move an entry twice changes nothing, so it does not matter where a process is killed.
    """

    def __init__(self) -> None:
        self._read_to = 0
        self._marks: dict[str, set[bytes]] = {}
        self._moving: dict[str, set[bytes]] = {}
        self._move_to = 0
        self._slice = 0
        self._was_moved = False

    def __len__(self) -> int:
        return sum(map(len, (*self._marks.values(), *self._moving.values())))

    def look(self, connection: Connection) -> None:
        """Read the batches that came since the last look; there are none on a server."""
        if connection.dialect.name != "sqlite":
            return
        for number, entries in connection.exec_driver_sql(_LATER, (self._read_to,)).all():
            with readable(_WHAT):
                for mark, _, place in _ENTRY.iter_unpack(entries):
                    self._add(mark, _NAMES[place])
            self._read_to = number

    def _add(self, mark: bytes, outcome: str) -> None:
        for known, marks in self._marks.items():
            if mark in marks:
                marks.discard(mark)
                outcome = later_outcome(known, outcome)
                break
        self._marks.setdefault(outcome, set()).add(mark)

    def of(self, marks: Collection[bytes]) -> dict[bytes, str]:
        """Return the outcomes of those fingerprints that have a recent entry."""
        found: dict[bytes, str] = {}
        for outcomes in (self._moving, self._marks):
            for outcome, known in outcomes.items():
                found.update((mark, later_outcome(found.get(mark), outcome)) for mark in known.intersection(marks))
        return found

    def move_slice(self, connection: Connection, to_table: Callable[[Connection, list[Entry]], None]) -> None:
        """Move the next slice, within the caller's transaction, if many entries wait.

        Args:
            connection: to a file, in a transaction that writes.
            to_table: writes entries into the table.
        """
        self._was_moved = False
        if not self._move_to:
            if len(self) < MOST:
                return
            self._moving, self._marks, self._move_to, self._slice = self._marks, {}, self._read_to, 0
        batches = _batches(connection, self._move_to)
        _move(connection, batches, self._slice, to_table)
        if self._slice == _SLICES - 1:
            connection.exec_driver_sql(_DELETE, (self._move_to,))
        self._was_moved = True

    def moved(self) -> None:
        """Note that the transaction of `move_slice` was committed."""
        self._slice += self._was_moved
        self._was_moved = False
        if self._slice == _SLICES:
            self._moving, self._move_to = {}, 0


def append(connection: Connection, entries: list[Entry]) -> None:
    """Append entries of a run, within the caller's transaction."""
    if entries:
        packed = b"".join([_ENTRY.pack(mark, row, _PLACES[outcome]) for mark, outcome, _, row in sorted(entries)])
        connection.exec_driver_sql(_APPEND, (entries[0][2], packed))


def move_all(connection: Connection, to_table: Callable[[Connection, list[Entry]], None]) -> None:
    """Move all recent entries to the table, within the caller's transaction.

    Args:
        connection: to a file, in a transaction that writes; to a server, where there are none, it does nothing.
        to_table: writes entries into the table.
    """
    if connection.dialect.name != "sqlite":
        return
    if batches := _batches(connection, _LAST):
        for number in range(_SLICES):
            _move(connection, batches, number, to_table)
        connection.exec_driver_sql(_DELETE, (_LAST,))


def _batches(connection: Connection, last: int) -> list[tuple[int, bytes]]:
    """Return run number and entries of the batches up to a number."""
    return [(run_no, entries) for run_no, entries in connection.exec_driver_sql(_BATCHES, (last,))]


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


def rows_of(connection: Connection, run_no: int) -> int:
    """Return how many recent entries a run has."""
    if connection.dialect.name != "sqlite":
        return 0
    return sum(len(entries) // _ENTRY.size for entries in connection.exec_driver_sql(_OF_RUN, (run_no,)).scalars())


def _in_slice(run_no: int, packed: bytes, number: int) -> Iterator[Entry]:
    """Yield the entries of a batch whose digests are in one of `_SLICES` equal parts of their range."""
    places = range(len(packed) // _ENTRY.size)
    width = 256 // _SLICES
    first, last = (
        bisect_left(places, bound, key=lambda place: packed[place * _ENTRY.size])
        for bound in (number * width, (number + 1) * width)
    )
    for mark, row, place in _ENTRY.iter_unpack(memoryview(packed)[first * _ENTRY.size : last * _ENTRY.size]):
        yield mark, _NAMES[place], run_no, row
