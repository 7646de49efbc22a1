"""Revised outcomes: a later outcome takes the place of a settled one, which is kept."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, TypedDict

import orjson
from msgspec import Struct
from sqlalchemy import Connection, Row, exists, func, literal, or_, select

from rokt_export.exchange.delivery import Deliveries, Delivery
from rokt_export.exchange.model import RECEIVED, OutcomeKind
from rokt_export.journal import queries
from rokt_export.journal.bulk import Bulk, storable
from rokt_export.journal.damage import readable
from rokt_export.journal.intents import OpenRow, chunks, open_rows, prune
from rokt_export.journal.ledger_entries import move_all
from rokt_export.journal.note_kinds import NoteKind
from rokt_export.journal.run_info import as_text, now
from rokt_export.journal.schema import delivery, earlier_outcome, ledger, run

CONFIRM = "confirm"
"""The command that asks a partner what it decided; each row is confirmed once."""

_AT_ONCE = 500
_KEPT = ("outcome", "status", "rule", "reason", "reference", "code", "error")


@dataclass(frozen=True, slots=True)
class Revision:
    """One change of settled outcomes.

    Attributes:
        number: counts from 1 in its run.
        at: when, ISO 8601 in UTC.
        by: the command that made it.
        rows: how many rows got another result.
        before: outcome to number of rows before it, the whole run.
        spec_sha256: hex digest of the spec that the run had before; None where the spec stayed the same.
    """

    number: int
    at: str
    by: str
    rows: int
    before: dict[str, int]
    spec_sha256: str | None = None


class KnownCoverage(TypedDict):
    """The names of a run's response rules: those that matched, with their rows, and the others."""

    seen: dict[str, int]
    never: list[str]


NOTE: NoteKind[list[Revision]] = NoteKind("revisions", list[Revision])
"""The revisions of a run, oldest first."""

COVERAGE: NoteKind[KnownCoverage] = NoteKind("coverage", KnownCoverage)
"""Which of its response rules a run has exercised."""


class RevisingSpec(Struct, frozen=True):
    """The spec that gives the new outcomes, and is the run's from then on.

    Attributes:
        sha256: hex digest of its file.
        text: the file, secrets masked, as the run's note `spec_text` keeps it.
        provisional: its rules by which the partner has accepted a row, and decides later.
    """

    sha256: str
    text: str
    provisional: tuple[str, ...] = ()


class EarlierOutcome(Struct, frozen=True, gc=False):
    """What a row was before a revision; the attributes are those of `Delivery`."""

    row: int
    revision: int
    outcome: OutcomeKind
    status: int | None = None
    rule: str | None = None
    reason: str | None = None
    reference: str | None = None
    code: str | None = None
    error: str | None = None


def revise(
    connection: Connection, record: Row[Any], deliveries: Iterable[Delivery], by: str, spec: RevisingSpec | None
) -> Revision:
    """Give rows of a run new results, within the caller's transaction.

    A row that was intended and never settled is settled by it. The ledger follows, but never forgets what another run
    knows: it only follows an entry that speaks of this row, and otherwise only to `delivered` or `duplicate`.

    Args:
        connection: in a transaction that writes.
        record: the run's, held against other processes.
        deliveries: the new result of each row, texts redacted; rows that the run does not have are ignored.
        by: the command that revises.
        spec: the spec by which the new outcomes were found, where it is not the run's own.
    """
    kept = revisions(connection, record.no)
    number, pending = len(kept) + 1, open_rows(connection, record.no)
    before = queries.counts(connection, record.no)
    rows = 0
    bulk = Bulk(connection.dialect)
    for some in chunks(deliveries, _AT_ONCE):
        rows += _replace(connection, bulk, record, number, {one.row: one for one in some}, pending)
    if record.production:
        move_all(connection, bulk.ledger.run)
        _follow(connection, record.no, number)
    prune(connection, record.no)
    made = Revision(number, as_text(now()), by, rows, before, None if spec is None else record.spec_sha256)
    _note(connection, bulk, record, [*kept, made], spec)
    return made


def _replace(
    connection: Connection,
    bulk: Bulk,
    record: Row[Any],
    number: int,
    batch: Mapping[int, Delivery],
    pending: Mapping[int, OpenRow],
) -> int:
    """Keep the results of these rows, and write the new ones; return how many rows there are."""
    table = delivery.c
    mine = (table.run_no == record.no, table.row.in_(list(batch)))
    intents: dict[int, int] = {
        each.row: each.intent_no for each in connection.execute(select(table.row, table.intent_no).where(*mine))
    }
    never = {row: one for row, one in pending.items() if row in batch}
    settled = [row for row in intents if row not in never]
    columns = [table.run_no, table.row, literal(number), *(table[name] for name in _KEPT)]
    chosen = select(*columns).where(table.run_no == record.no, table.row.in_(settled))
    connection.execute(earlier_outcome.insert().from_select(["run_no", "row", "revision", *_KEPT], chosen))
    if never:
        unknown = {"run_no": record.no, "revision": number, "outcome": str(OutcomeKind.UNKNOWN)}
        connection.execute(earlier_outcome.insert(), [{**unknown, "row": row} for row in never])
        entries = [
            (one.fingerprint, str(batch[row].outcome), record.no, row)
            for row, one in never.items()
            if one.fingerprint is not None
        ]
        bulk.enter(connection, entries)
    found = [one for row, one in batch.items() if row in intents or row in never]
    numbers = [never[one.row].intent_no if one.row in never else intents[one.row] for one in found]
    bulk.deliveries.run(connection, record.no, numbers, _stored(found))
    return len(found)


def _stored(found: list[Delivery]) -> Deliveries:
    batch = Deliveries.together(found)
    columns: tuple[list[Any], ...] = (batch.transaction, batch.rule, *batch.text_columns())
    for column in columns:
        column[:] = [text if text is None else storable(text) for text in column]
    return batch


def _follow(connection: Connection, run_no: int, number: int) -> None:
    """Let the ledger's entries of the revised rows say what the rows are now."""
    this_row = (delivery.c.run_no == ledger.c.run_no, delivery.c.row == ledger.c.row)
    after = select(delivery.c.outcome).where(*this_row).correlate(ledger).scalar_subquery()
    revised = exists().where(
        earlier_outcome.c.run_no == ledger.c.run_no,
        earlier_outcome.c.row == ledger.c.row,
        earlier_outcome.c.revision == number,
        or_(earlier_outcome.c.outcome == ledger.c.outcome, after.in_([str(one) for one in RECEIVED])),
    )
    connection.execute(ledger.update().where(ledger.c.run_no == run_no, revised).values(outcome=after))


def _note(
    connection: Connection, bulk: Bulk, record: Row[Any], made: list[Revision], spec: RevisingSpec | None
) -> None:
    """Keep what was revised, and bring up to date what the run's record and notes count."""
    counted = select(delivery.c.rule, func.count()).where(delivery.c.run_no == record.no).group_by(delivery.c.rule)
    seen = {rule: rows for rule, rows in connection.execute(counted) if rule is not None}
    known = COVERAGE.read(connection, record.no)
    names = () if known is None else (*known["seen"], *known["never"])
    never = [name for name in names if name not in seen]
    notes: dict[str, Any] = {
        NOTE.key: [asdict(each) for each in made],
        COVERAGE.key: {"seen": seen, "never": never},
        "figures": None,  # counted anew from the rows
    }
    values: dict[str, Any] = {}
    if record.counts is not None:
        values["counts"] = orjson.dumps(queries.counts(connection, record.no))
    if spec is not None:
        notes["spec_text"] = spec.text
        values["spec_sha256"] = spec.sha256
        options = {**queries.options(record), "provisional": list(spec.provisional)}
        values["options"] = orjson.dumps(options)
    bulk.note.run(connection, [(record.no, key, orjson.dumps(value)) for key, value in notes.items()])
    if values:
        connection.execute(run.update().where(run.c.no == record.no).values(values))


def confirmations(connection: Connection, run_no: int, rules: Collection[str]) -> dict[str, int]:
    """Return the rows that a partner only accepted at first, by what is known of them now.

    Args:
        connection: to the journal.
        run_no: the run.
        rules: the provisional rules.

    Returns:
        Rows by `awaited` (not decided yet), `confirmed` (decided as accepted) and `changed` (decided otherwise).
    """
    if not rules:
        return {}
    numbers = confirming(revisions(connection, run_no))
    accepted = select(func.count()).where(delivery.c.run_no == run_no, delivery.c.rule.in_(rules))
    found = Counter(awaited=connection.scalar(accepted) or 0)
    if numbers:
        first = earlier_outcome.c
        both = (delivery.c.run_no == first.run_no, delivery.c.row == first.row)
        decided = select(first.outcome, delivery.c.outcome, func.count()).where(
            first.run_no == run_no, first.revision.in_(numbers), *both, delivery.c.rule.in_(rules)
        )
        for before, outcome, rows in connection.execute(decided.group_by(first.outcome, delivery.c.outcome)):
            found["confirmed" if before == outcome else "changed"] += rows
            found["awaited"] -= rows
    return {name: found[name] for name in ("awaited", "confirmed", "changed") if found[name]}


def confirming(made: Iterable[Revision]) -> frozenset[int]:
    """Return the numbers of the revisions in which the partner decided on what it had accepted."""
    return frozenset(each.number for each in made if each.by == CONFIRM)


def revisions(connection: Connection, run_no: int) -> list[Revision]:
    """Return the revisions of a run, oldest first."""
    return NOTE.read(connection, run_no) or []


def earlier_outcomes(connection: Connection, run_no: int, rows: Collection[int]) -> Iterator[EarlierOutcome]:
    """Yield what rows of a run were before each revision of them, by row, oldest first."""
    table = earlier_outcome.c
    columns = (table.row, table.revision, *(table[name] for name in _KEPT))
    for some in chunks(rows, _AT_ONCE):
        chosen = select(*columns).where(table.run_no == run_no, table.row.in_(some))
        for row, revision, outcome, *rest in connection.execute(chosen.order_by(table.row, table.revision)):
            with readable(f"an earlier outcome of row {row}", (connection, run_no)):
                kind = OutcomeKind(outcome)
            yield EarlierOutcome(row, revision, kind, *rest)
