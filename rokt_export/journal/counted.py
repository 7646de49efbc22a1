"""Rows that a run keeps as counts only: their outcomes and number stay, the rows themselves are gone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from typing import Any

import msgspec
import orjson
from sqlalchemy import Connection, select

from rokt_export.exchange.model import OutcomeKind
from rokt_export.journal.bulk import Bulk
from rokt_export.journal.damage import readable
from rokt_export.journal.intents import keep_open, open_rows
from rokt_export.journal.run_options import decoded_options
from rokt_export.journal.schema import delivery, earlier_outcome, intent, recording, run

OPTION = "counted"
"""The run's option with outcome to number of rows that are kept as counts only."""
_AT_ONCE = 50_000
"""Rows of a transaction: others wait about a second for it."""


def counted(options: Mapping[str, Any]) -> dict[str, int]:
    """Return outcome to rows that a run keeps as counts only."""
    return msgspec.convert(options.get(OPTION, {}), dict[str, int])


def of_run(connection: Connection, run_no: int) -> dict[str, int]:
    """As `counted`, of a run in the journal."""
    options = connection.scalar(select(run.c.options).where(run.c.no == run_no))
    with readable("the options", (connection, run_no)):
        return {} if options is None else counted(decoded_options(options))


def reduce(connection: Connection, run_no: int, outcomes: Collection[str], spared: Collection[str]) -> bool:
    """Replace some rows of an ended run by their counts; return whether more are left.

    Args:
        connection: in a transaction that writes.
        run_no: the run.
        outcomes: the outcomes of the rows.
        spared: rules whose rows stay: the partner has yet to decide on them.
    """
    table = delivery.c
    again = [row for row, one in open_rows(connection, run_no).items() if one.before is not None]
    chosen = [table.run_no == run_no, table.outcome.in_([str(one) for one in outcomes]), table.row.not_in(again)]
    if spared:
        chosen.append(table.rule.is_(None) | table.rule.not_in(list(spared)))
    found = connection.execute(
        select(table.row, table.outcome).where(*chosen).order_by(table.row).limit(_AT_ONCE)
    ).all()
    if found:
        keep_open(connection, run_no)
        chosen.append(table.row.between(found[0].row, found[-1].row))
        rows = select(table.row).where(*chosen)
        for other in (recording, earlier_outcome):
            connection.execute(other.delete().where(other.c.run_no == run_no, other.c.row.in_(rows)))
        connection.execute(delivery.delete().where(*chosen))
        _add(connection, run_no, Counter(one.outcome for one in found))
    return len(found) == _AT_ONCE


def reduce_all(connection: Connection, run_no: int, counts: Mapping[str, int]) -> None:
    """Replace all rows of an ended run by its counts; rows that may have been received go to the ledger."""
    remove_rows(connection, run_no)
    _write(connection, run_no, counts)


def remove_rows(connection: Connection, run_no: int) -> None:
    """Remove the rows of a run.

    What only the batches know goes to the ledger first: which unsettled rows production may have received.
    """
    cut_off = [
        (one.fingerprint, str(OutcomeKind.UNKNOWN), run_no, row)
        for row, one in open_rows(connection, run_no).items()
        if one.fingerprint is not None
    ]
    Bulk(connection.dialect).enter(connection, cut_off)
    for table in (delivery, earlier_outcome, intent):
        connection.execute(table.delete().where(table.c.run_no == run_no))


def _add(connection: Connection, run_no: int, rows: Counter[str]) -> None:
    _write(connection, run_no, rows + Counter(of_run(connection, run_no)))


def _write(connection: Connection, run_no: int, counts: Mapping[str, int]) -> None:
    options = connection.scalars(select(run.c.options).where(run.c.no == run_no)).one()
    with readable("the options", (connection, run_no)):
        changed = orjson.dumps({**decoded_options(options), OPTION: dict(counts)})
    connection.execute(run.update().where(run.c.no == run_no).values(options=changed))
