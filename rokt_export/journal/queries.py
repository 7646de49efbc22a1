"""Reads the rows and recordings of a run."""

from __future__ import annotations

import zlib
from collections import Counter, deque
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from msgspec import Struct
from sqlalchemy import Connection, Engine, Row, Select, func, select

from rokt_export.exchange.delivery import Delivery
from rokt_export.exchange.model import OutcomeKind
from rokt_export.journal import counted
from rokt_export.journal.column_types import ColumnTypes, blob
from rokt_export.journal.damage import DAMAGE, readable
from rokt_export.journal.intents import OpenRow, chunks, open_rows
from rokt_export.journal.row_set import RowSet
from rokt_export.journal.run_options import decoded_options
from rokt_export.journal.schema import delivery, recording, run

_PAGE = 5_000
_FIRST_PAGE = 50
"""Rows of the first page: many readers need only the first rows."""
_LOOKUP = 500
_NEVER_ANSWERED = "it may have been sent: no response was recorded"
IN_FLIGHT = "in flight: the run still waits for the response"
"""The reason of an `unknown` row that is in flight."""
_OUTCOMES = {str(kind): kind for kind in OutcomeKind}


def deliveries(
    engine: Engine, run_no: int, in_flight_behind: float, outcomes: Collection[str] | None = None
) -> Iterator[Delivery]:
    """Yield a run's deliveries in row order, open rows as `unknown`, page by page.

    No transaction stays open between pages, so a slow reader blocks neither writers nor checkpoints.

    Args:
        in_flight_behind: the batch behind which open rows are in flight; see `run_records.in_flight_behind`.
    """
    with engine.connect() as connection:
        pending = deque(open_rows(connection, run_no).items())
    show_unknown = outcomes is None or OutcomeKind.UNKNOWN in outcomes

    def unsettled(row: int, one: OpenRow) -> Iterator[Delivery]:
        if show_unknown:
            reason = IN_FLIGHT if one.intent_no > in_flight_behind else _NEVER_ANSWERED
            yield Delivery(row, one.transaction, OutcomeKind.UNKNOWN, reason=reason)

    for record in _pages(engine, run_no, outcomes):
        row = record.row
        while pending and pending[0][0] < row:
            yield from unsettled(*pending.popleft())
        if pending and pending[0][0] == row:
            _, one = pending.popleft()
            if record.intent_no < one.intent_no:
                yield from unsettled(row, one)
                continue
        try:
            found = _delivery(record)
        except DAMAGE:
            with readable(f"row {row}", (engine, run_no)):
                raise
        yield found
    for row, one in pending:
        yield from unsettled(row, one)


def counts(connection: Connection, run_no: int) -> dict[str, int]:
    """Return outcome to number of rows of a run, those kept as counts only included; open rows count as `unknown`."""
    grouped = (
        select(delivery.c.outcome, func.count().label("number"))
        .where(delivery.c.run_no == run_no)
        .group_by(delivery.c.outcome)
    )
    numbers = Counter({record.outcome: record.number for record in connection.execute(grouped)})
    numbers.update(counted.of_run(connection, run_no))
    for one in open_rows(connection, run_no).values():
        if one.before is not None:
            numbers[one.before] -= 1
        numbers[OutcomeKind.UNKNOWN] += 1
    return {str(kind): numbers[kind] for kind in OutcomeKind if numbers[kind]}


def was_sent(one: Delivery) -> bool:
    """Return whether a delivery was sent, or may have been: an invalid row never is, and one in flight not yet."""
    in_flight = one.outcome is OutcomeKind.UNKNOWN and one.reason == IN_FLIGHT
    return one.outcome is not OutcomeKind.INVALID and not in_flight


class ReasonCount(Struct, frozen=True, gc=False):
    """Rows that agree in outcome, status, rule, reason and fault.

    Attributes:
        rows: how many there are.
        first: the lowest row.
    """

    outcome: OutcomeKind
    status: int | None
    rule: str | None
    reason: str | None
    error: str | None
    rows: int
    first: int


def reason_counts(
    engine: Engine, run_no: int, in_flight_behind: float, outcomes: Collection[str]
) -> Iterator[ReasonCount]:
    """Yield how many rows of these outcomes have each reason, open rows as `unknown`, in constant memory.

    Args:
        in_flight_behind: the batch behind which open rows are in flight, and have no reason yet.
    """
    columns = (delivery.c.outcome, delivery.c.status, delivery.c.rule, delivery.c.reason, delivery.c.error)
    chosen = _filtered(select(*columns, func.count(), func.min(delivery.c.row)), outcomes)
    with engine.connect() as connection:
        pending = open_rows(connection, run_no)
        again: Counter[tuple[Any, ...]] = Counter()  # sent once more and cut off: what they were before counts no more
        for rows in chunks((row for row, one in pending.items() if one.before is not None), _LOOKUP):
            earlier = select(*columns).where(delivery.c.run_no == run_no, delivery.c.row.in_(rows))
            again.update(map(tuple, connection.execute(earlier)))
        grouped = chosen.where(delivery.c.run_no == run_no).group_by(*columns)
        for outcome, *rest, rows, first in connection.execution_options(yield_per=_PAGE).execute(grouped):
            status, rule, reason, error = rest
            if left := rows - again[outcome, status, rule, reason, error]:
                with readable(f"row {first}", (connection, run_no)):
                    kind = OutcomeKind(outcome)
                yield ReasonCount(kind, status, rule, reason, error, left, first)
    lost = [row for row, one in pending.items() if one.intent_no <= in_flight_behind]
    if lost and OutcomeKind.UNKNOWN in outcomes:
        yield ReasonCount(OutcomeKind.UNKNOWN, None, None, _NEVER_ANSWERED, None, len(lost), min(lost))


def settled_rows(connection: Connection, run_no: int, among: range | None = None) -> RowSet:
    """Return the settled rows of a run, of all or of those in a range, without open ones."""
    return _rows(connection, run_no, None, open_rows(connection, run_no), among)


def rows(connection: Connection, run_no: int, outcomes: Collection[str]) -> RowSet:
    """Return the rows of a run with one of these outcomes; open rows count as `unknown`."""
    pending = open_rows(connection, run_no)
    found = _rows(connection, run_no, outcomes, pending)
    if OutcomeKind.UNKNOWN in outcomes:
        found.update(pending)
    return found


def _rows(
    connection: Connection,
    run_no: int,
    outcomes: Collection[str] | None,
    pending: Mapping[int, OpenRow],
    among: range | None = None,
) -> RowSet:
    chosen = _filtered(select(delivery.c.row).where(delivery.c.run_no == run_no), outcomes)
    if among is not None:
        chosen = chosen.where(delivery.c.row.between(among.start, among.stop - 1))
    found = RowSet()
    for some in connection.execution_options(yield_per=50_000).scalars(chosen).partitions():
        found.update(some)
    for row, one in pending.items():
        if one.before is not None:
            found.discard(row)
    return found


def names(connection: Connection, run_id: str, rows: range) -> dict[int, str]:
    """Return row to transaction id for the settled rows in a range; empty for a purged run."""
    chosen = select(delivery.c.row, delivery.c.transaction).where(
        delivery.c.run_no == select(run.c.no).where(run.c.id == run_id).scalar_subquery(),
        delivery.c.row.between(rows.start, rows.stop - 1),
    )
    return {row: name for row, name in connection.execute(chosen) if name is not None}


def recordings(engine: Engine, run_no: int, rows: Iterable[int] | None = None) -> Iterator[tuple[int, bytes]]:
    """Yield (row, recording) of a run in row order, or for the given rows in the given order."""
    if rows is not None:
        yield from _recordings_of(engine, run_no, rows)
        return
    last = -1
    while True:
        page = select(recording.c.row, recording.c.data).where(recording.c.run_no == run_no, recording.c.row > last)
        with engine.connect() as connection:
            found = connection.execute(page.order_by(recording.c.row).limit(_LOOKUP)).all()
        for row, data in found:
            yield row, unpacked(engine, run_no, row, data)
        if len(found) < _LOOKUP:
            return
        last = found[-1].row


def _recordings_of(engine: Engine, run_no: int, rows: Iterable[int]) -> Iterator[tuple[int, bytes]]:
    for wanted in chunks(rows, _LOOKUP):
        chosen = select(recording.c.row, recording.c.data).where(
            recording.c.run_no == run_no, recording.c.row.in_(wanted)
        )
        with engine.connect() as connection:
            found = {record.row: record.data for record in connection.execute(chosen)}
        yield from ((row, unpacked(engine, run_no, row, found[row])) for row in wanted if row in found)


def unpacked(source: Connection | Engine, run_no: int, row: int, data: bytes) -> bytes:
    """Return a recording as it was written."""
    with readable(f"the recording of row {row}", (source, run_no)):
        return zlib.decompress(blob(data))


def _pages(engine: Engine, run_no: int, outcomes: Collection[str] | None) -> Iterator[Row[Any]]:
    last, size = -1, _FIRST_PAGE
    while True:
        page = select(delivery).where(delivery.c.run_no == run_no, delivery.c.row > last)
        with engine.connect() as connection:
            found = connection.execute(_filtered(page, outcomes).order_by(delivery.c.row).limit(size)).all()
        yield from found
        if len(found) < size:
            return
        last, size = found[-1].row, min(_PAGE, 10 * size)


def _filtered(chosen: Select[Any], outcomes: Collection[str] | None) -> Select[Any]:
    return chosen if outcomes is None else chosen.where(delivery.c.outcome.in_([str(one) for one in outcomes]))


_DELIVERY_TYPES = ColumnTypes(delivery.c)


def _delivery(record: Row[Any]) -> Delivery:
    # In the order of the table's columns, which is that of Delivery's fields behind run, row and intent.
    values: tuple[Any, ...] = tuple(record)
    _DELIVERY_TYPES.check(values)
    _, row, _, transaction, outcome, *rest = values
    return Delivery(row, transaction, _OUTCOMES.get(outcome) or OutcomeKind(outcome), *rest)


def options(record: Row[Any]) -> dict[str, Any]:
    """Return the options of a run, by its record."""
    with readable(f"the options of run {record.id}"):
        return decoded_options(record.options)
