"""One budget for all who send to a partner: each process holds a share of it for a moment, and renews it in time.

A lease ends by itself: the journal's clock says when, and its holder stops before that. So a process that was killed,
stopped or cut off from the journal sends nothing more once its share belongs to others.
"""

from __future__ import annotations

import hashlib
import secrets
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import orjson
from msgspec import Struct
from sqlalchemy import Connection, Row, bindparam, delete, insert, select, update

from rokt_export.errors import LeaseLostError
from rokt_export.journal import storage
from rokt_export.journal.ledger import hold
from rokt_export.journal.schema import budget, lease, shared_number

T = TypeVar("T")

_SHORTEST, _LONGEST = 0.25, 2.0
"""Seconds between two renewals."""
_EACH = 0.005
"""Seconds of the database's time for a renewal, a network's way included: with many processes, each comes more
rarely."""
_MISSABLE = 3
"""Renewals that may fail to come before a lease ends."""
_DRIVER_LASTS = 4.0
"""Seconds that a run goes on without the process that drives it."""
_STALL = 1.0
"""Seconds that a process may be silent in a transaction, which others wait for."""
_CATCH_UP = 0.03
"""Share of the rate that is granted on top while fewer were sent than it allowed: for as long as shares moved."""
_MOST_MISSED = 1.0
"""Seconds of the rate that are made up for, at most."""


class LeaseTerms(Struct, frozen=True):
    """What a run may send, in all its processes together.

    Attributes:
        concurrency: requests at a time.
        rate: requests a second; None for no limit.
        processes: how many it is divided among, at least: those that are yet to come have their shares reserved.
    """

    concurrency: int
    rate: float | None = None
    processes: int = 1


class LeaseShare(Struct, frozen=True):
    """The share of one process, until it ends.

    Attributes:
        concurrency: requests at a time; may be 0.
        rate: requests a second; None for no limit.
        lasts: seconds that it lasts from when it was asked for.
        again: seconds after which it should be renewed.
        numbers: name to value of the counts that the run's processes share.
        driven: whether the process that drives the run is there.
        runs: other runs that send to the same partner now.
        crowded: whether others send to it now who may all be late at once: other runs, or workers of a cluster.
    """

    concurrency: int
    rate: float | None
    lasts: float
    again: float
    numbers: Mapping[str, int]
    driven: bool
    runs: int
    crowded: bool


@dataclass(frozen=True, slots=True)
class LeaseReport:
    """What the holder of a lease says when it renews it.

    Attributes:
        in_flight: its requests under way, which count whatever its share is.
        sent: requests that left since it last renewed it.
        told: how far it has come, as JSON data.
        puts: shared counts to set, before what is added.
        adds: shared counts to add to.
    """

    in_flight: int = 0
    sent: int = 0
    told: Any = None
    puts: Mapping[str, int] = field(default_factory=dict)
    adds: Mapping[str, int] = field(default_factory=dict)


class LeaseHolder(Struct, frozen=True):
    """A lease as the others see it.

    Attributes:
        id: random.
        run_no: the run that it sends for.
        terms: of that run.
        concurrency, rate: the share that it has now.
    """

    id: str
    run_no: int
    terms: LeaseTerms
    concurrency: int
    rate: float


class LeaseProgress(Struct, frozen=True):
    """How far the holder of a lease has come.

    Attributes:
        id: of the lease.
        part: what the process reads of the run's input.
        alive: whether the lease has not ended.
        told: what it last told, as JSON data.
    """

    id: str
    part: int
    alive: bool
    told: Any


class Leases:
    """The leases of one run. Its methods may be called from any thread; each is a transaction.

    Args:
        store: the journal's database.
        run_no: the run.
        address: scheme, host and port that it sends to: all who send there share one budget.
        terms: what it may send.
        patience: seconds that the journal's server may be away, where nothing else is said.
    """

    def __init__(self, store: storage.Store, run_no: int, address: str, terms: LeaseTerms, patience: float) -> None:
        self._store = store
        self._run_no = run_no
        self._target = hashlib.blake2b(address.encode(), digest_size=16, person=b"budget").digest()
        self._terms = terms
        self._patience = patience

    def begin(self, numbers: Mapping[str, int]) -> None:
        """Give the run its shared counts, and forget the leases of an earlier process that drove it."""
        self._steadily(lambda connection: begin(connection, self._run_no, numbers))

    def end(self) -> None:
        """Forget the run's leases and counts. It is not tried again."""
        self._once(lambda connection: begin(connection, self._run_no, {}))

    def take(self, part: int | None, *, driven: bool = False) -> str | None:
        """Return the id of a new lease; see `take`.

        Args:
            part: what the process reads.
            driven: whether another process is to drive the run, by the counts with which it began.

        Raises:
            LeaseLostError: none does: another command has taken the run over.
        """

        def act(connection: Connection) -> str | None:
            own = take(connection, self._run_no, self._target, self._terms, part)
            if driven:
                check_driven(connection, self._run_no)
            return own

        return self._steadily(act)

    def renew(self, own: str, report: LeaseReport) -> LeaseShare | None:
        """Renew a lease; see `renew`. It is not tried again."""
        return self._once(lambda connection: renew(connection, own, self._target, report))

    def release(self, own: str) -> None:
        """Give a lease back. It is not tried again: the lease ends by itself."""
        self._once(lambda connection: release(connection, own))

    def held(self) -> list[LeaseProgress]:
        """Return how far each process of the run has come, except the one that drives it."""
        return self._once(lambda connection: held(connection, self._run_no))

    def put(self, name: str, value: int) -> None:
        """Set a shared count. It is not tried again."""
        self._once(lambda connection: put(connection, self._run_no, name, value))

    def swap(self, name: str, expected: int, value: int) -> bool:
        """Set a shared count if it has the value that is expected; return whether it had."""
        return self._steadily(lambda connection: swap(connection, self._run_no, name, expected, value))

    def draw(self, name: str, most: int) -> int:
        """Take up to `most` of a shared count; return how many there were."""
        return self._steadily(lambda connection: draw(connection, self._run_no, name, most))

    def _steadily(self, act: Callable[[Connection], T]) -> T:
        def attempt() -> T:
            return self._transaction(act)

        with storage.translated(self._store.shown, "written"):
            return storage.steadily(attempt, patience=self._patience, tell=lambda _message: None)

    def _once(self, act: Callable[[Connection], T]) -> T:
        with storage.translated(self._store.shown, "written"):
            return self._transaction(act)

    def _transaction(self, act: Callable[[Connection], T]) -> T:
        with self._store.writing.begin() as connection:
            if self._store.path is None:
                # What a killed server loses of it comes again with the next renewal; intents wait for its disk.
                connection.exec_driver_sql("SET LOCAL synchronous_commit TO off")
                storage.stalls_end(connection, _STALL)
            return act(connection)


def begin(connection: Connection, run_no: int, numbers: Mapping[str, int]) -> None:
    """Give a run its shared counts, as they are to begin, and forget the leases of an earlier process of it."""
    connection.execute(delete(lease).where(lease.c.run_no == run_no))
    connection.execute(delete(shared_number).where(shared_number.c.run_no == run_no))
    values = [{"run_no": run_no, "name": name, "value": value} for name, value in numbers.items()]
    if values:
        connection.execute(insert(shared_number), values)


def check_driven(connection: Connection, run_no: int) -> None:
    """Check that a run has shared counts; until the transaction ends, it has.

    Raises:
        LeaseLostError: it has none: the process that gave out the work drives it no more.
    """
    chosen = select(shared_number.c.value).where(shared_number.c.run_no == run_no).limit(1)
    if connection.scalar(chosen.with_for_update(read=True, key_share=True)) is None:  # which delays no renewal
        raise LeaseLostError("this run goes on elsewhere", remedy="Nothing more is sent here.")


def take(connection: Connection, run_no: int, target: bytes, terms: LeaseTerms, part: int | None) -> str | None:
    """Return the id of a new lease, which has no share yet.

    Args:
        connection: a transaction.
        run_no: the run.
        target: what it sends to, by `target_key`.
        terms: of the run.
        part: what its process reads of the run's input; None for the process that drives the run.

    Returns:
        None while another lease of that part has not ended. One that has ended is removed: its holder sends no more.
    """
    hold(connection, target)
    same = (lease.c.run_no == run_no, lease.c.part.is_(None) if part is None else lease.c.part == part)
    now = _clock(connection)
    if any(until > now for until in connection.scalars(select(lease.c.until).where(*same))):
        return None
    connection.execute(delete(lease).where(*same))
    new = secrets.token_hex(16)
    connection.execute(
        insert(lease).values(
            id=new,
            run_no=run_no,
            target=target,
            part=part,
            until=now + (_DRIVER_LASTS if part is None else _lasts(_SHORTEST)),
            concurrency=0,
            rate=0.0,
            most_concurrency=terms.concurrency,
            most_rate=terms.rate,
            processes=terms.processes,
            told=b"null",
        )
    )
    return new


def renew(connection: Connection, own: str, target: bytes, report: LeaseReport) -> LeaseShare | None:
    """Renew a lease, and return its new share; None if it was lost.

    Args:
        connection: a transaction.
        own: the id of the lease.
        target: what it sends to.
        report: what its holder has to say.
    """
    hold(connection, target)
    now = _clock(connection)
    records = connection.execute(select(lease).where(lease.c.target == target)).all()
    me = next((record for record in records if record.id == own), None)
    if me is None:
        return None
    driving = me.part is None
    alive = [record for record in records if record.until > now or record.id == own]
    senders = [_holder(record) for record in alive if record.part is not None]
    rate = max((each.terms.rate for each in senders if each.terms.rate is not None), default=None)
    missed = _missed(connection, target, now, rate, report.sent) if not driving else 0.0
    runs = {each.run_no for each in senders} - {me.run_no}
    crowded = bool(runs) or (me.processes == 1 and len(senders) > 1)
    # Who sends alone makes up for what it missed by itself.
    shares = shares_of(senders, 1 + _CATCH_UP * (missed > 0 and crowded))
    concurrency, granted = (0, 0.0) if driving else _granted(own, senders, shares)
    again = max(_SHORTEST, min(_LONGEST, _EACH * len(alive)))
    lasts = _DRIVER_LASTS if driving else _lasts(again)
    _store(
        connection,
        own,
        until=now + lasts,
        concurrency=max(concurrency, report.in_flight),
        rate=granted or 0.0,
        told=orjson.dumps(report.told, option=orjson.OPT_NON_STR_KEYS),
    )
    return LeaseShare(
        concurrency,
        granted,
        lasts,
        again,
        _numbers(connection, me.run_no, report),
        driven=driving or any(record.run_no == me.run_no and record.part is None for record in alive),
        runs=len(runs),
        crowded=crowded,
    )


def is_held(connection: Connection, own: str) -> bool:
    """Return whether a lease was not taken by another; until the transaction ends, it is not."""
    chosen = select(lease.c.id).where(lease.c.id == own).with_for_update(read=True)
    return connection.scalar(chosen) is not None


def release(connection: Connection, own: str) -> None:
    """Give a lease back."""
    connection.execute(delete(lease).where(lease.c.id == own))


def held(connection: Connection, run_no: int) -> list[LeaseProgress]:
    """Return how far each process of a run has come, except the one that drives it."""
    now = _clock(connection)
    chosen = select(lease).where(lease.c.run_no == run_no, lease.c.part.is_not(None))
    return [
        LeaseProgress(record.id, record.part, record.until > now, orjson.loads(record.told))
        for record in connection.execute(chosen)
    ]


def put(connection: Connection, run_no: int, name: str, value: int) -> None:
    """Set a shared count."""
    mine = (shared_number.c.run_no == run_no, shared_number.c.name == name)
    connection.execute(update(shared_number).where(*mine).values(value=value))


def swap(connection: Connection, run_no: int, name: str, expected: int, value: int) -> bool:
    """Set a shared count if it has the value that is expected; return whether it had."""
    mine = (shared_number.c.run_no == run_no, shared_number.c.name == name, shared_number.c.value == expected)
    return bool(connection.execute(update(shared_number).where(*mine).values(value=value)).rowcount)


def draw(connection: Connection, run_no: int, name: str, most: int) -> int:
    """Take up to `most` of a shared count that must not go below zero; return how many."""
    mine = (shared_number.c.run_no == run_no, shared_number.c.name == name)
    left = connection.scalar(select(shared_number.c.value).where(*mine).with_for_update()) or 0
    taken = max(0, min(most, left))
    connection.execute(update(shared_number).where(*mine).values(value=left - taken))
    return taken


def shares_of(holders: Sequence[LeaseHolder], factor: float = 1.0) -> dict[str, tuple[int, float | None]]:
    """Return what each holder should have: requests at a time, and a second.

    What a partner bears is the largest that a run states, as its spec does; no run gets more than it states itself.
    Runs share it alike, what one cannot use goes to the others, and each run has one request at a time at least. The
    processes of a run share alike.

    Args:
        holders: all who send to one partner.
        factor: by which the rates are higher for now.
    """
    terms = {each.run_no: each.terms for each in holders}
    processes = Counter(each.run_no for each in holders)
    in_flight = _divided({run_no: float(one.concurrency) for run_no, one in terms.items()})
    rates = _divided({run_no: one.rate * factor for run_no, one in terms.items() if one.rate is not None})
    found: dict[str, tuple[int, float | None]] = {}
    placed: dict[int, int] = defaultdict(int)
    for each in sorted(holders, key=lambda holder: holder.id):
        number, place = max(each.terms.processes, processes[each.run_no]), placed[each.run_no]
        placed[each.run_no] += 1
        whole = max(1, int(in_flight[each.run_no] + 1e-9))
        own = whole * (place + 1) // number - whole * place // number
        rate = rates.get(each.run_no)
        found[each.id] = own, None if rate is None else rate / number
    return found


def _divided(limits: Mapping[int, float]) -> dict[int, float]:
    """Divide the largest of some limits among all that have one, alike, and no more for each than its own."""
    left, shares = max(limits.values(), default=0.0), {}
    for place, (run_no, limit) in enumerate(sorted(limits.items(), key=lambda item: item[1])):
        shares[run_no] = min(limit, left / (len(limits) - place))
        left -= shares[run_no]
    return shares


def _granted(
    own: str, senders: Sequence[LeaseHolder], shares: Mapping[str, tuple[int, float | None]]
) -> tuple[int, float | None]:
    """Return what a holder gets now: what it should have, as far as the others have left it already."""
    others = [each for each in senders if each.id != own]
    wanted, rate = shares[own]
    in_all = sum(concurrency for concurrency, _ in shares.values())
    concurrency = max(0, min(wanted, in_all - sum(each.concurrency for each in others)))
    if rate is None:
        return concurrency, None
    most = sum(each or 0.0 for _, each in shares.values())
    taken = sum(each.rate for each in others if each.terms.rate is not None)
    return concurrency, max(0.0, min(rate, most - taken))


def _missed(connection: Connection, target: bytes, now: float, rate: float | None, sent: int) -> float:
    """Return how many sends the rate would have allowed and nobody made, with those just told of."""
    if rate is None:
        return 0.0
    known = connection.execute(select(budget).where(budget.c.target == target)).one_or_none()
    if known is None or now - known.at > _DRIVER_LASTS:
        missed = 0.0
    else:
        missed = min(known.missed + rate * (now - known.at) - sent, rate * _MOST_MISSED)
    missed = max(missed, -rate * _MOST_MISSED)
    values = {"at": now, "missed": missed}
    if known is None:
        connection.execute(insert(budget).values(target=target, **values))
    else:
        connection.execute(update(budget).where(budget.c.target == target).values(**values))
    return missed


def _numbers(connection: Connection, run_no: int, report: LeaseReport) -> dict[str, int]:
    for name, value in report.puts.items():
        put(connection, run_no, name, value)
    for name, more in report.adds.items():
        mine = (shared_number.c.run_no == run_no, shared_number.c.name == name)
        connection.execute(update(shared_number).where(*mine).values(value=shared_number.c.value + more))
    chosen = select(shared_number.c.name, shared_number.c.value).where(shared_number.c.run_no == run_no)
    return {record.name: record.value for record in connection.execute(chosen)}


_RENEWED = update(lease).where(lease.c.id == bindparam("own"))


def _store(connection: Connection, own: str, **values: Any) -> None:
    connection.execute(_RENEWED.values(**values), {"own": own})


def _holder(record: Row[Any]) -> LeaseHolder:
    terms = LeaseTerms(record.most_concurrency, record.most_rate, record.processes)
    return LeaseHolder(record.id, record.run_no, terms, record.concurrency, record.rate)


def _lasts(again: float) -> float:
    return (_MISSABLE + 1) * again


def _clock(connection: Connection) -> float:
    """Return the seconds of the journal's clock: a server's, or this machine's."""
    if connection.dialect.name == "postgresql":
        return float(connection.exec_driver_sql("SELECT extract(epoch FROM clock_timestamp())").scalar_one())
    return time.time()
