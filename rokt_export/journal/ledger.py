"""The ledger: the last outcome of each row in production, by keyed hashes without personal data."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import cache
from itertools import chain

import msgspec
import orjson
from msgspec import Struct
from sqlalchemy import Connection, func, select

from rokt_export.exchange.delivery import LeftOut
from rokt_export.exchange.model import OutcomeKind
from rokt_export.journal.bulk import array_text
from rokt_export.journal.damage import readable
from rokt_export.journal.driver import rows_of
from rokt_export.journal.intents import FINGERPRINT_BYTES, chunks, open_rows
from rokt_export.journal.ledger_entries import RecentEntries, later_outcome
from rokt_export.journal.run_info import RunState
from rokt_export.journal.run_records import state_of
from rokt_export.journal.schema import identities_name, latest_number, meta, run, systems_name

ANY = frozenset(OutcomeKind)
"""Allows rows with every earlier outcome in production."""

SYSTEM = "@"
"""Prefix of the names of ledgers of a live system. Older ledgers have the name of a partner."""

_LOOKUP = 512
_CHOSEN = "SELECT fingerprint, outcome FROM ledger WHERE fingerprint"
_NONE: frozenset[bytes] = frozenset()
_OPEN = "SELECT no, run_no FROM intent WHERE fingerprints IS NOT NULL ORDER BY no"
_ANSWERED = {str(why): why for why in LeftOut if why not in (LeftOut.DONE_BEFORE, LeftOut.REPEATED)}


class RecognitionMethod(Struct, frozen=True):
    """A way to recognize rows that a live system has received.

    Attributes:
        key: the key of the fingerprints.
        identity: the names of the attributes that identify a row.
        as_written: whether values are digested as written in the file, as in older versions, and not normalized.
    """

    key: bytes
    identity: tuple[str, ...]
    as_written: bool = False

    def marks(self, contents: Iterable[bytes]) -> list[bytes]:
        """Return the fingerprints of rows' canonical bytes, as `fingerprint` does."""
        found: list[bytes] = []
        keyed = hashlib.blake2b(key=self.key, digest_size=FINGERPRINT_BYTES)  # a copy takes less time than a new one
        for content in contents:
            one = keyed.copy()
            one.update(content)
            found.append(one.digest())
        return found


def partner_key(secret: bytes, partner: str) -> bytes:
    """Return the key of a partner's fingerprints, so that a row has different fingerprints for different partners."""
    return hashlib.blake2b(partner.encode(), key=secret, digest_size=32).digest()


def fingerprint(key: bytes, content: bytes) -> bytes:
    """Return the 16-byte keyed BLAKE2b (RFC 7693) of a row's canonical bytes."""
    return hashlib.blake2b(content, key=key, digest_size=FINGERPRINT_BYTES).digest()


def own_key(connection: Connection, secret: bytes, names: Sequence[str]) -> bytes:
    """Return the key of a live system's new fingerprints.

    Args:
        connection: a connection to the journal.
        secret: the journal's key.
        names: the names of the system; see `Target.ledger`.
    """
    return partner_key(secret, _own(connection, secret, names))


def ways(
    connection: Connection, secret: bytes, names: Sequence[str], identity: tuple[str, ...], *, note: bool = False
) -> list[RecognitionMethod]:
    """Return the ways to recognize rows that a live system has received; new entries use the first one.

    A system keeps its ledger while one of its names stays the same: its address and account, the partner and
    environment, or the partner and address.

    Args:
        connection: a connection to the journal.
        secret: the journal's key.
        names: the names of the system; see `Target.ledger`.
        identity: the attributes that identify a row in this run.
        note: whether to record them, because a run will make entries that later runs must find.
    """
    if note:
        hold(connection, SYSTEM.encode())
    own = _own(connection, secret, names)
    older = [name for name in names if SYSTEM not in name]
    known = list(dict.fromkeys([own, *chain(*(_systems(connection, secret, name) for name in names)), *older]))
    if note:
        add_identity(connection, partner_key(secret, own), identity)
        for name in names:
            _note_systems(connection, secret, name, known)
    found = [RecognitionMethod(partner_key(secret, own), identity)]
    for one in known:
        key = partner_key(secret, one)
        found += [
            RecognitionMethod(key, names_read, one != own and one in older)
            for names_read in identities(connection, key)
        ]
    return list(dict.fromkeys(found))


def is_known(connection: Connection, secret: bytes, names: Sequence[str]) -> bool:
    """Return whether this journal ever had a run to a live system."""
    return any(
        _systems(connection, secret, name) or identities(connection, partner_key(secret, name)) for name in names
    )


def _own(connection: Connection, secret: bytes, names: Sequence[str]) -> str:
    if not names[0].startswith(SYSTEM):
        return names[0]
    noted = chain(*(_systems(connection, secret, name) for name in names))
    return next((one for one in noted if one.startswith(SYSTEM)), SYSTEM + _digest(secret, names[0]))


def _digest(secret: bytes, name: str) -> str:
    return hashlib.blake2b(name.encode(), key=secret, digest_size=16, person=b"live system").hexdigest()


def _systems(connection: Connection, secret: bytes, name: str) -> list[str]:
    kept = connection.scalar(select(meta.c.value).where(meta.c.key == systems_name(_digest(secret, name))))
    with readable("the list of the ledgers of a live system"):
        return [] if kept is None else msgspec.json.decode(kept, type=list[str])


def _note_systems(connection: Connection, secret: bytes, name: str, known: list[str]) -> None:
    key = systems_name(_digest(secret, name))
    connection.execute(meta.delete().where(meta.c.key == key))
    connection.execute(meta.insert().values(key=key, value=orjson.dumps(known)))


def identities(connection: Connection, key: bytes) -> list[tuple[str, ...]]:
    """Return the identities of a partner's production runs; rows are recognized by each of them.

    An identity is the names of the attributes that identify a row. It changes when the spec reads other attributes, and
    rows delivered before must still be recognized.
    """
    kept = connection.scalar(select(meta.c.value).where(meta.c.key == identities_name(key)))
    with readable("the list of the attributes that identify a row"):
        return [] if kept is None else msgspec.json.decode(kept, type=list[tuple[str, ...]])


def add_identity(connection: Connection, key: bytes, identity: tuple[str, ...]) -> list[tuple[str, ...]]:
    """Record the identity of a production run; return all identities, this one first."""
    hold(connection, key)
    others = identities(connection, key)
    if identity in others:
        return [identity, *(one for one in others if one != identity)]
    value = orjson.dumps([identity, *others])
    name = meta.c.key == identities_name(key)
    if others:
        connection.execute(meta.update().where(name).values(value=value))
    else:
        connection.execute(meta.insert().values(key=identities_name(key), value=value))
    return [identity, *others]


def _entries(connection: Connection, fingerprints: list[bytes]) -> Iterable[tuple[bytes, str]]:
    """Yield (fingerprint, outcome); by the driver's own means, as SQLAlchemy takes longer than the database."""
    file = connection.connection.driver_connection
    if isinstance(file, sqlite3.Connection):
        # SQLite's driver keeps each statement: some sizes do for all, the last fingerprint repeated.
        size = 1 << (len(fingerprints) - 1).bit_length()
        return file.execute(_of_so_many(size), fingerprints + fingerprints[-1:] * (size - len(fingerprints)))
    return map(tuple, connection.exec_driver_sql(f"{_CHOSEN} = ANY(%s::bytea[])", (array_text(fingerprints),)))


@cache
def _of_so_many(number: int) -> str:
    return f"{_CHOSEN} IN ({', '.join('?' * number)})"


def withheld(
    connection: Connection,
    fingerprints: Sequence[bytes],
    elsewhere: InFlightElsewhere,
    leave: Collection[OutcomeKind] = frozenset(),
) -> dict[bytes, LeftOut]:
    """Return which rows must not be sent, and why.

    Args:
        connection: a connection to the journal.
        fingerprints: the fingerprints of the rows.
        elsewhere: what others have in flight, read before this call: a row may be settled in between, but not the
            reverse.
        leave: earlier outcomes with which rows may be sent again. `unknown` does not include what a running run has in
            flight.
    """
    outcomes = elsewhere.recent.outcomes_of(fingerprints)  # before the table, into which they may be moved meanwhile
    for some in chunks(elsewhere.recent.perhaps_in_table(fingerprints), _LOOKUP):
        for mark, known in _entries(connection, some):
            outcomes[mark] = later_outcome(known, outcomes.get(mark, known))
    with readable("an entry of the ledger"):
        found: dict[bytes, LeftOut] = {
            mark: _ANSWERED.get(outcome) or LeftOut(outcome)
            for mark, outcome in outcomes.items()
            if outcome not in leave
        }
    pending = elsewhere.alive if OutcomeKind.UNKNOWN in leave else elsewhere.runs
    for mark in pending.intersection(fingerprints) if pending else ():
        if found.get(mark) not in (LeftOut.DELIVERED, LeftOut.DUPLICATE):
            found[mark] = LeftOut.UNKNOWN
    return found


class InFlightElsewhere:
    """The rows that others have in flight: other runs, alive or dead, and other workers of this run.

    They are read again after a batch was added or removed. A batch is read once: its rows count as in flight until all
    of them are settled. One thread uses it: what it remembers and what it reads of the table must be of one moment.

    Args:
        run_no: this writer's run.
        before: the last batch of earlier processes of that run; their open rows are no longer in flight.
        filtered: whether a filter spares new rows the look into the ledger's table; see `RecentEntries`.

    Attributes:
        recent: the ledger's recent entries, of any process.
        runs: fingerprints of rows that other runs have in flight or left open; production may have received them.
        alive: the part of `runs` whose run is alive; no other run may send them, whatever the flags.
        workers: fingerprints of rows that other workers of this run have in flight.
        state: what the last look saw. While two looks see the same, no other process has begun a batch, so the ledger
            has no new row that was not among `runs` or `workers`.
    """

    def __init__(self, run_no: int, before: int = 0, *, filtered: bool = False) -> None:
        self._run_no = run_no
        self._before = before
        self._batches: dict[int, frozenset[bytes]] = {}
        self.recent = RecentEntries(filtered=filtered)
        self.state: tuple[int, ...] = ()
        self.runs: set[bytes] = set()
        self.alive: set[bytes] = set()
        self.workers: set[bytes] = set()

    def look(self, connection: Connection, own: Collection[int], begun: int = 0) -> None:
        """Read them again, if batches have changed.

        Args:
            connection: a connection to the journal.
            own: numbers of this writer's open batches.
            begun: how many batches this writer has begun.
        """
        latest = latest_number(connection)  # before the batches: one that comes in between counts as new next time
        others = {number: run_no for number, run_no in rows_of(connection, _OPEN) if number not in own}
        state = (latest - begun, *others)
        self.recent.look(connection)
        if state == self.state:
            return
        read = self._read(connection, {number: others[number] for number in others.keys() - self._batches.keys()})
        self._batches = {number: read.get(number) or self._batches.get(number, _NONE) for number in others}
        runs: set[bytes] = set()
        alive: set[bytes] = set()
        workers: set[bytes] = set()
        going_on = {run_no: run_no != self._run_no and _goes_on(connection, run_no) for run_no in set(others.values())}
        for number, run_no in others.items():
            if run_no == self._run_no and number > self._before:
                workers |= self._batches[number]
            else:
                runs |= self._batches[number]
                if going_on[run_no]:
                    alive |= self._batches[number]
        self.runs, self.alive, self.workers, self.state = runs, alive, workers, state

    @staticmethod
    def _read(connection: Connection, batches: Mapping[int, int]) -> dict[int, frozenset[bytes]]:
        """Return the fingerprints of the open rows of batches, which are given with their runs."""
        found: dict[int, set[bytes]] = {number: set() for number in batches}
        for run_no in set(batches.values()):
            numbers = [number for number in batches if batches[number] == run_no]
            for one in open_rows(connection, run_no, numbers).values():
                if one.fingerprint is not None:
                    found[one.intent_no].add(one.fingerprint)
        return {number: frozenset(marks) for number, marks in found.items()}


def _goes_on(connection: Connection, run_no: int) -> bool:
    record = connection.execute(select(run).where(run.c.no == run_no)).one_or_none()
    return record is not None and state_of(record) is RunState.RUNNING


def hold(connection: Connection, key: bytes) -> None:
    """Lock a partner's ledger against other processes until the transaction ends.

    SQLite needs no lock: it has one writer at a time, and writing transactions have the lock from their start.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(
            select(
                func.pg_advisory_xact_lock(int.from_bytes(hashlib.blake2b(key, digest_size=8).digest(), signed=True))
            )
        )
