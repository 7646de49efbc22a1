"""Join two runs of the journal on their transactions and compare how they were answered, with no socket."""

from __future__ import annotations

import base64
import sqlite3
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import islice
from operator import attrgetter
from pathlib import Path
from typing import Any, Final, TypeAlias
from urllib.parse import urlsplit

from msgspec import structs

from rokt_export.diff import Comparison, DiffResult, SentTexts, Side
from rokt_export.diff.reclassify import RowReclassifier, UnchangedReason
from rokt_export.diff.sent import NOTHING
from rokt_export.errors import UsageError
from rokt_export.exchange.delivery import Delivery
from rokt_export.exchange.model import OutcomeKind, Request
from rokt_export.journal import Journal
from rokt_export.journal.recording import RecordedBody, Recording
from rokt_export.journal.run_info import RunInfo, RunState
from rokt_export.partner_spec.model import DiffSettings
from rokt_export.partner_spec.spec_editor import declare_in_diff

Couple: TypeAlias = tuple[Delivery | None, Delivery | None]

_BATCH: Final = 500
_UNRECORDED: Final = "Run {} {}: outcomes, reasons and status were compared, headers and bodies not."
_OTHER_SPEC: Final = "The runs were made with different versions of the spec: part of the differences may stem from it."
_UNFINISHED: Final = "Run {} is {}: not all of its transactions are in it."
_PURGED: Final = "Run {} was purged: only outcomes, rules and status are compared, row by row."
_EQUIVALENT: Final = (
    "Row by row each run sent a transaction of its own: equivalent ones are compared, not the same one twice."
)


def compare_runs(
    journal: Journal,
    a: RunInfo,
    b: RunInfo,
    settings: DiffSettings | None = None,
    rereader: RowReclassifier | None = None,
    people: Collection[str] | None = None,
) -> DiffResult:
    """Return how the answers of run B differ from those of run A, in memory that does not grow with the runs.

    Transactions are joined by row where both runs read the same files, or both made their transactions up; else by
    the transaction's id, the first of an id with the first, the second with the second.

    Args:
        journal: holds both.
        a: the run that is the measure.
        b: the run that is held against it.
        settings: the spec's `diff:`.
        rereader: reads the recorded responses of both by another spec; None for the outcomes as they are.
        people: personal values of all rows, which are not shown; None where they are not known.

    Raises:
        UsageError: both are one run, or of different partners, or have no transaction in common.
        JournalError: the journal cannot be read.
    """
    if a.run == b.run:
        raise UsageError(
            f"run {a.run} would be compared with itself",
            where="--runs",
            remedy="Name two runs; `rokt-export runs list` shows them.",
        )
    if a.partner != b.partner:
        raise UsageError(
            f"run {a.run} is of {a.partner}, run {b.run} of {b.partner}",
            remedy="Compare two runs of one partner; `rokt-export runs list` shows them.",
        )
    names = (a.environment, b.environment)
    if a.environment == b.environment:
        names = f"{a.environment}, {_called(a, b)}", f"{b.environment}, {_called(b, a)}"
    for by_row in (True, False):
        comparison = Comparison(settings, a=names[0], b=names[1], people=people)
        _tell(comparison, journal, a, b, same_spec=rereader is not None)
        try:
            couples = _by_row(journal, a, b) if by_row else _by_transaction(journal, a, b)
            _compare(comparison, journal, (a, b), couples, rereader)
        except _RowsDisagreeError:
            continue
        result = replace(comparison.result(), runs=(a.run, b.run))
        if not result.pairs:
            raise UsageError(
                f"runs {a.run} and {b.run} have no transaction in common",
                remedy="Compare runs of the same file, or of files whose rows have the same transaction ids.",
            )
        return result
    raise AssertionError("a join by transaction always comes to an end")


def varying_by_itself(journal: Journal, a: RunInfo, control: RunInfo, settings: DiffSettings | None) -> dict[str, str]:
    """Return the places at which a run differs from a control run of other transactions to the same environment.

    The runs' transactions are not the same, so that only what values have in common is compared: how often they are
    there, their types, forms and rates.

    Returns:
        Place to what was seen there.

    Raises:
        JournalError: the journal cannot be read.
    """
    comparison = Comparison(settings, a=a.environment, b="the control run")
    couples = zip(journal.deliveries(a.run), journal.deliveries(control.run), strict=False)
    _compare(comparison, journal, (a, control), couples)
    return {one.path: one.detail or str(one.kind) for one in comparison.result().differences if not one.bound}


def learn(spec_path: Path, result: DiffResult) -> dict[str, str]:
    """Write the undecided places of a result under `diff: varies:` of a spec file, and return those that are new.

    Raises:
        SpecError: the file cannot be read or written, or has a form that cannot be added to.
    """
    return declare_in_diff(spec_path, result.learned)


def _called(run: RunInfo, other: RunInfo) -> str:
    """Return a run's name, or its id where it has none of its own."""
    return run.name if run.name is not None and run.name != other.name else run.run


def _tell(comparison: Comparison, journal: Journal, a: RunInfo, b: RunInfo, *, same_spec: bool) -> None:
    if a.spec_sha256 != b.spec_sha256 and not same_spec:
        comparison.note(_OTHER_SPEC)
    for run, other in ((a, b), (b, a)):
        called = _called(run, other)
        if run.state is not RunState.FINISHED:
            comparison.note(_UNFINISHED.format(called, run.state))
        if run.purged:
            comparison.note(_PURGED.format(called))
        for sentence in journal.notes(run.run).get("notes") or ():
            comparison.note(f"Run {called}: {sentence}")
    if not a.events and not b.events:
        comparison.note(_EQUIVALENT)


class _RowsDisagreeError(Exception):
    """The rows of two runs are not the same transactions after all."""


def _by_row(journal: Journal, a: RunInfo, b: RunInfo) -> Iterator[Couple]:
    """Yield deliveries with the same row number, and those whose row only one run has."""
    if a.events != b.events:
        raise _RowsDisagreeError
    ids_matter = bool(a.events) and not (a.purged or b.purged)
    deliveries = journal.deliveries(a.run), journal.deliveries(b.run)
    of_a, of_b = next(deliveries[0], None), next(deliveries[1], None)
    while of_a is not None or of_b is not None:
        if of_b is None or (of_a is not None and of_a.row < of_b.row):
            yield of_a, None
            of_a = next(deliveries[0], None)
        elif of_a is None or of_b.row < of_a.row:
            yield None, of_b
            of_b = next(deliveries[1], None)
        else:
            if ids_matter and of_a.transaction != of_b.transaction:
                raise _RowsDisagreeError  # the file has changed in between
            yield of_a, of_b
            of_a, of_b = next(deliveries[0], None), next(deliveries[1], None)


_COUPLES: Final = """
WITH
    of_a AS (SELECT *, row_number() OVER (PARTITION BY "transaction" ORDER BY no) AS turn FROM a),
    of_b AS (SELECT *, row_number() OVER (PARTITION BY "transaction" ORDER BY no) AS turn FROM b)
SELECT one.*, other.* FROM of_{one} AS one LEFT JOIN of_{other} AS other USING ("transaction", turn)
ORDER BY one.no
"""
_NAMES: Final = Delivery.__struct_fields__
_TABLE: Final = "CREATE TABLE {side} (no INTEGER PRIMARY KEY, " + ", ".join(f'"{name}"' for name in _NAMES[1:]) + ")"
_FIELDS: Final = attrgetter(*_NAMES)
_COLUMNS: Final = len(_NAMES)


def _by_transaction(journal: Journal, a: RunInfo, b: RunInfo) -> Iterator[Couple]:
    """Yield deliveries with the same transaction in the order of A, then those that only B has.

    The join is done on disk, by a nameless SQLite database that goes with its connection.
    """
    with closing(sqlite3.connect("", isolation_level=None)) as database:
        database.execute("BEGIN")
        for side, run in (("a", a), ("b", b)):
            database.execute(_TABLE.format(side=side))
            insert = f"INSERT INTO {side} VALUES ({', '.join('?' * _COLUMNS)})"
            database.executemany(insert, (_columns(one) for one in journal.deliveries(run.run)))
        for record in database.execute(_COUPLES.format(one="a", other="b")):
            yield _delivery(record[:_COLUMNS]), _delivery(record[_COLUMNS + 1 :])
        for record in database.execute(_COUPLES.format(one="b", other="a")):
            if record[_COLUMNS + 1] is None:
                yield None, _delivery(record[:_COLUMNS])


def _columns(delivery: Delivery) -> tuple[Any, ...]:
    values: tuple[Any, ...] = _FIELDS(delivery)
    return values


def _delivery(record: tuple[Any, ...]) -> Delivery | None:
    row, transaction, outcome, *rest = record[:_COLUMNS]
    return None if row is None else Delivery(row, transaction, OutcomeKind(outcome), *rest)


@dataclass(slots=True)
class _Recordings:
    """The recordings of one run, read along with its deliveries.

    Attributes:
        sought: the rows that were asked for and were sent; an invalid row has no exchange to record.
        found: the recordings of those asked for.
    """

    journal: Journal
    run: RunInfo
    sought: int = 0
    found: int = 0

    def along(self, deliveries: Iterable[Delivery | None]) -> Iterator[Recording | None]:
        """Yield the recording of each delivery, in the order given; None for none."""
        waiting = iter(deliveries)
        while batch := list(islice(waiting, _BATCH)):
            rows = [one.row for one in batch if one is not None]
            recordings = self.journal.recordings(self.run.run, rows)
            row, data = next(recordings, (None, b""))
            for one in batch:
                self.sought += one is not None and one.outcome is not OutcomeKind.INVALID
                if one is None or one.row != row:
                    yield None
                    continue
                self.found += 1
                yield Recording.load(data, f"row {row} of run {self.run.run}")
                row, data = next(recordings, (None, b""))


def _compare(
    comparison: Comparison,
    journal: Journal,
    runs: tuple[RunInfo, RunInfo],
    couples: Iterator[Couple],
    rereader: RowReclassifier | None = None,
) -> None:
    stays: Counter[UnchangedReason] = Counter()
    recordings = (_Recordings(journal, runs[0]), _Recordings(journal, runs[1]))
    worded = not (runs[0].purged or runs[1].purged)
    while batch := list(islice(couples, _BATCH)):
        of_a = recordings[0].along([a if b is not None else None for a, b in batch])
        of_b = recordings[1].along([b if a is not None else None for a, b in batch])
        for (a, b), recording_a, recording_b in zip(batch, of_a, of_b, strict=True):
            if a is None or b is None:
                _count_alone(comparison, a, b)
                continue
            if rereader is not None:
                read = rereader.read(a, recording_a), rereader.read(b, recording_b)
                a, b = (one.after for one in read)
                stays.update(one.stays for one in read if one.stays is not None)
            if worded:
                comparison.add(a.transaction, *_sides(a, b, recording_a, recording_b))
            else:
                comparison.add(a.transaction, *_sides(_wordless(a), _wordless(b), None, None))
    for why, rows in stays.items():
        comparison.note(f"{rows:,} responses were not read by the other spec, and count as before: {why}.")
    for one, other in (recordings, recordings[::-1]):
        if one.sought and not one.found and not one.run.purged:
            lacks = "recorded none of these rows" if journal.recorded(one.run.run) else "has no recordings"
            comparison.note(_UNRECORDED.format(_called(one.run, other.run), lacks))


def _count_alone(comparison: Comparison, a: Delivery | None, b: Delivery | None) -> None:
    if a is not None:
        comparison.only_in_a(a.transaction)
    elif b is not None:
        comparison.only_in_b(b.transaction)


def _wordless(delivery: Delivery) -> Delivery:
    """A delivery without what a purge takes away, so that one that was purged does not differ by it."""
    return structs.replace(delivery, reason=None, reference=None, code=None)


def _sides(a: Delivery, b: Delivery, recording_a: Recording | None, recording_b: Recording | None) -> tuple[Side, Side]:
    sent_a = _sent(recording_a)
    same = recording_a is not None and recording_b is not None and _same_request(recording_a, recording_b)
    return _side(a, recording_a, sent_a), _side(b, recording_b, sent_a if same else _sent(recording_b))


def _side(delivery: Delivery, recording: Recording | None, sent: SentTexts) -> Side:
    body = None if recording is None or recording.status is None else _bytes(recording.response_body)
    return Side(
        outcome=str(delivery.outcome),
        rule=delivery.rule,
        reason=delivery.reason,
        code=delivery.code,
        reference=delivery.reference,
        status=delivery.status,
        headers=() if recording is None else recording.response_headers,
        body=body,
        truncated=recording is not None and recording.response_body is not None and recording.response_body.truncated,
        latency_ms=delivery.latency_ms,
        started=delivery.started,
        sent=sent,
        hosts=() if recording is None else _hosts(urlsplit(str(recording.url)).netloc),
    )


def _bytes(body: RecordedBody | None) -> bytes:
    if body is None:
        return b""
    text = str(body.text)
    return base64.b64decode(text) if body.binary else text.encode("utf-8", "surrogatepass")


def _same_request(a: Recording, b: Recording) -> bool:
    """Whether two requests carry the same; the host apart, which is the environment's."""
    return (
        a.request_body == b.request_body
        and _behind_host(str(a.url)) == _behind_host(str(b.url))
        and [value for _, value in a.request_headers] == [value for _, value in b.request_headers]
    )


def _behind_host(url: str) -> str:
    return url.partition("://")[2].partition("/")[2]


def _sent(recording: Recording | None) -> SentTexts:
    if recording is None or recording.method is None:
        return NOTHING
    headers = tuple((name, str(value)) for name, value in recording.request_headers)
    body = recording.request_body
    return SentTexts.of(Request(recording.method, str(recording.url), headers, None if body is None else _bytes(body)))


@lru_cache(maxsize=64)
def _hosts(netloc: str) -> tuple[str, ...]:
    """The environment's host, with its port first where it has one."""
    authority = netloc.rpartition("@")[2].lower()
    host = authority.rpartition(":")[0] if authority.rpartition(":")[2].isdigit() else authority
    return tuple(name for name in dict.fromkeys((authority, host)) if name)
