"""Before the first send: what is in the files, where it goes, how long it takes, and what is wrong with it."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from itertools import repeat
from math import ceil
from typing import TYPE_CHECKING

from msgspec import Struct

from rokt_export.commands.input_summary import FIRST_ROWS, before_sending, tell_how_read
from rokt_export.commands.terminal import Terminal, number_of
from rokt_export.delivery.input_feed import is_live, source, with_changes
from rokt_export.delivery.pacing import rate_in_words
from rokt_export.delivery.plan import FileRows, Pace, Plan
from rokt_export.errors import TransactionsError
from rokt_export.exchange.delivery import LeftOut
from rokt_export.exchange.model import OutcomeKind
from rokt_export.transactions.files import STDIN

if TYPE_CHECKING:
    from rokt_export.journal import RunInfo
    from rokt_export.transactions.file_digests import FileDigests
    from rokt_export.transactions.sources import Scan
    from rokt_export.transactions.transaction import Transaction

_LARGE = 50_000_000
"""Bytes beyond which only the first rows are read before the send, unless it is guarded or --strict."""
_LOOK = 0.5
"""Seconds of the look before a guarded send: the first row leaves within two seconds, however large the file."""
_LOOK_ROWS = 500
_SAY_EVERY = 2.0
_RENDERED = 1_000
_USUAL_ANSWER = 0.2
"""Seconds that a partner's API takes, for a guess at the duration, which names it."""


class Readiness(Struct, frozen=True):
    """What rendering the first rows shows.

    Attributes:
        looked_at: how many there were, of those that are to be sent.
        problems: row and reason of those that cannot be sent.
    """

    looked_at: int
    problems: tuple[tuple[int, str], ...]


class PreflightResult(Struct, frozen=True):
    """What the look at the input came to.

    Attributes:
        total: how many rows there are; None where nobody can know yet.
        looked_at: rows that were looked at, if not all of them.
        to_send: how many rows are to be sent, of those that were asked for; None where nobody can know yet.
        known: why rows are left out to how many there are, as the operator was told.
        nothing_left: whether the run that goes on has no row to send.
        at_most: how many rows can be sent: those `to_send` without the ones that cannot be read.
        all_fit: whether no row is known to be one that cannot be sent.
    """

    total: int | None
    looked_at: int | None = None
    to_send: int | None = None
    known: Mapping[LeftOut, int] = {}
    nothing_left: bool = False
    at_most: int | None = None
    all_fit: bool = True


def preflight(
    terminal: Terminal,
    plan: Plan,
    *,
    strict: bool,
    resumed: RunInfo | None,
    looked: Scan | None,
    named: Sequence[str],
    digests: FileDigests | None = None,
) -> PreflightResult:
    """Look at the input, and tell what was found.

    A guarded environment's is looked at for a limited time, unless strict: the rest is told while it is sent.

    Args:
        terminal: for messages.
        plan: of the run.
        strict: whether damage is an error.
        resumed: the run that goes on.
        looked: what was found in all of the input, where others have looked at it.
        named: the files and patterns, as the operator names them.
        digests: takes digests of the files that are read.

    Raises:
        TransactionsError: the input cannot be read, or, when strict, is damaged.
    """
    assert isinstance(plan.rows, FileRows)
    if is_live(plan.rows):
        _tell_target(terminal, plan, "rows as they arrive", kept=plan.pace)
        if STDIN in plan.rows.paths and sys.stdin.isatty():
            terminal.say("type or paste the rows, the columns' names first, then end with Ctrl-D")
        _tell_earlier(terminal, plan, resumed)
        return PreflightResult(None)
    from rokt_export.transactions.sources import scan

    known: Counter[LeftOut] = Counter()
    readable = 0

    def look(read: Iterator[Transaction]) -> None:
        nonlocal known, readable
        known, readable = _known_among(_for_a_while(read, terminal, forever=strict), plan, resumed)

    found = scan(
        plan.rows.paths,
        options=replace(plan.rows.options, digests=digests),
        limit=_limit(plan, strict=strict),
        keep=_RENDERED,
        consume=look if plan.guarded else None,
    )
    by_us = None if found.complete else found.rows
    if looked is not None:
        found = replace(looked, first=found.first)
    if plan.guarded:
        _refuse_odd(found, named)
    first = with_changes(plan.rows, iter(found.first))
    readiness = _render_some(plan, first, _not_asked_for(plan, resumed))
    total = found.rows if found.complete else None
    rows = number_of(found.rows) if found.complete else _at_least(found)
    if plan.selection.only is not None:
        wanted = replace(plan, total=total).wanted or 0
        rows = rows if wanted == total else f"{wanted:,} of {'the ' if found.complete else ''}{rows}"
    files = f"{', '.join(found.files[:3])}{' …' if len(found.files) > 3 else ''}"
    sending = f"Sending {rows} in {files}" if plan.selection.only is not None else f"{rows} in {files}"
    pace = plan.pace if looked is None else plan.pace.steady()
    to_send = _to_send(replace(plan, total=total), resumed, _left_out(known, plan))
    nothing_left = _has_nothing_left(plan, resumed, to_send if found.complete else None)
    if not nothing_left:
        _tell_target(terminal, plan, sending, kept=pace)
    _tell_earlier(terminal, plan, resumed, nothing_left=nothing_left)
    _tell_ledger(terminal, plan, known, by_us)
    tell_how_read(terminal, plan.rows, found)
    if readiness.problems:
        row, reason = readiness.problems[0]
        several = f"{len(readiness.problems):,} of the first {readiness.looked_at:,} rows cannot be sent; the first: "
        terminal.warn(f"  {several if len(readiness.problems) > 1 else ''}row {row} cannot be sent: {reason}")
    if strict and not found.clean:
        places = number_of(sum(found.counts.values()), "place", "places")
        raise TransactionsError(
            f"the input is damaged in {places}; the first: {found.damages[0].message}. Nothing was sent",
            where=found.damages[0].where,
            remedy="Fix the file, or leave --strict out.",
        )
    counted = plan.guarded and found.complete and by_us is None
    at_most = max(0, readable - _left_out(known, plan)) if counted else None
    # Beside the number of rows that a prompt names, after what says why it is not all of them.
    _tell_duration(terminal, replace(plan, pace=pace), to_send if at_most is None else at_most)
    return PreflightResult(
        total,
        None if found.complete else found.rows,
        to_send if found.complete else None,
        known,
        nothing_left=nothing_left,
        at_most=at_most,
        all_fit=not readiness.problems,
    )


def _refuse_odd(found: Scan, named: Sequence[str]) -> None:
    """Refuse files of a pattern that have no row, or lack a column which others have: are they what was meant?

    Raises:
        TransactionsError: there is one that the operator did not name.
    """
    from rokt_export.transactions.damage import DamageKind
    from rokt_export.transactions.files import absolute

    kinds = (DamageKind.NO_ROWS, DamageKind.MISSING_COLUMN)
    late = [(damage.file, damage.message) for damage in found.damages if damage.kind in kinds]
    known = {absolute(path) for path in named}
    odd = {file: message for file, message in (*late, *found.odd) if absolute(file) not in known}
    if odd:
        file = min(odd, key=found.files.index)
        message = odd[file]
        more = f"; {number_of(len(odd) - 1, 'more is', 'more are')} like it" if len(odd) > 1 else ""
        raise TransactionsError(
            f"{message}{more}. Nothing was sent",
            where=file,
            remedy="Name the files instead of a pattern if this one is to be sent as it is, or leave it out.",
        )


def _for_a_while(rows: Iterator[Transaction], terminal: Terminal, *, forever: bool) -> Iterator[Transaction]:
    """Yield rows until the time for a look is over, or, if `forever`, all of them; say how far it is."""
    began = said = time.monotonic()
    for number, row in enumerate(rows, 1):
        yield row
        if number % _LOOK_ROWS == 0:
            now = time.monotonic()
            if now - began > _LOOK and not forever:
                return
            if now - said > _SAY_EVERY:
                said = now
                terminal.say(f"looking at the rows: {number:,} so far")


def _at_least(found: Scan) -> str:
    from rokt_export.transactions.row_count import estimated_rows

    about = estimated_rows(found.files)
    if about is None or about <= found.rows:
        return f"more than {found.rows:,} rows"
    return f"about {about:,} rows"


def _limit(plan: Plan, *, strict: bool) -> int | None:
    from rokt_export.transactions.files import FileStamp, expand

    assert isinstance(plan.rows, FileRows)
    size = sum(stamp.size for path in expand(plan.rows.paths) if (stamp := FileStamp.of(path)) is not None)
    return None if strict or plan.guarded or size <= _LARGE else FIRST_ROWS


def _has_nothing_left(plan: Plan, resumed: RunInfo | None, to_send: int | None) -> bool:
    """Return whether a run goes on that has no row to send."""
    from rokt_export.journal import RunState

    if resumed is None:
        return False
    if to_send is None and resumed.state is RunState.FINISHED and not plan.guarded:  # a large file, not counted
        return not (plan.selection.unknown and OutcomeKind.UNKNOWN in resumed.counts)
    return to_send == 0


def _tell_earlier(terminal: Terminal, plan: Plan, resumed: RunInfo | None, *, nothing_left: bool = False) -> None:
    if resumed is not None:
        unknown = resumed.counts.get(OutcomeKind.UNKNOWN, 0)
        be, it = ("is", "it") if unknown == 1 else ("are", "them")
        fate = "sent again" if plan.selection.unknown else f"{be} not sent; --resend-unknown sends {it}"
        open_rows = f", {unknown:,} {be} unknown and {fate}" if unknown else ""
        goes_on = "has nothing left to send" if nothing_left else "goes on"
        terminal.say(
            f"run {resumed.run} {goes_on}: {number_of(resumed.settled, 'row is', 'rows are')} settled{open_rows}"
        )


def known_in_production(plan: Plan) -> tuple[Counter[LeftOut], int]:
    """Return how many of the rows production answered before, by outcome, and how many are asked for."""
    return _known_among(iter(source(plan)), plan, None, changed=True)


def rows_to_send(plan: Plan) -> Iterator[int]:
    """Yield the numbers of the rows that a plan sends, in order, as far as the ledger and the spec decide it.

    Raises:
        TransactionsError: the input cannot be read.
        JournalError: the plan is guarded, and the journal's key is lost, or its file is an incomplete copy.
    """
    from rokt_export.delivery.row_filter import identity_of, marks_of
    from rokt_export.journal import Journal
    from rokt_export.journal.intents import chunks

    passed_over, renders, selection = _not_asked_for(plan, None), plan.renderer().renders, plan.selection
    taken: set[bytes] = set()
    with ExitStack() as stack:
        journal = stack.enter_context(Journal.open(plan.journal)) if plan.guarded else None
        ways = [] if journal is None else journal.ways(plan.ledger, identity_of(plan.spec))
        for some in chunks(source(plan), _LOOK_ROWS):
            asked = [each for each in some if each.problem is None and not passed_over(each.row)]
            marks = marks_of(asked, ways)
            answered = repeat(None, len(asked)) if journal is None else journal.answered_before(marks)
            for each, own, why in zip(asked, marks, answered, strict=True):
                known = why is not None and OutcomeKind(why) not in selection.leave
                repeated = not selection.delivered and not taken.isdisjoint(own[:1])
                if not known and not repeated and renders(each):
                    taken.update(own[:1])
                    yield each.row


def _known_among(
    rows: Iterator[Transaction], plan: Plan, resumed: RunInfo | None, *, changed: bool = False
) -> tuple[Counter[LeftOut], int]:
    """As `known_in_production`, of these rows.

    What a run that is gone on with has settled itself is not to be sent, nor are rows that nobody asks for.

    Args:
        changed: whether they have the values already that the run sets or removes.
    """
    from rokt_export.delivery.row_filter import identity_of, marks_of
    from rokt_export.journal import Journal, RowRanges, RowSet
    from rokt_export.journal.intents import chunks

    if not changed and isinstance(plan.rows, FileRows):
        rows = with_changes(plan.rows, rows)
    only = None if plan.selection.only is None else RowRanges(plan.selection.only)
    asked_for = 0
    with Journal.open(plan.journal) as journal:
        ways = journal.ways(plan.ledger, identity_of(plan.spec))
        done = journal.settled(resumed.run) if resumed is not None else RowSet()
        if resumed is not None and not plan.selection.unknown:
            done.update(journal.rows(resumed.run, [OutcomeKind.UNKNOWN]))

        def marks() -> Iterator[tuple[bytes, ...]]:
            nonlocal asked_for
            for some in chunks(rows, _LOOK_ROWS):
                asked = [
                    each
                    for each in some
                    if each.problem is None and (only is None or each.row in only) and each.row not in done
                ]
                asked_for += len(asked)
                yield from marks_of(asked, ways)

        return journal.known_before(marks()), asked_for


def _tell_ledger(terminal: Terminal, plan: Plan, known: Mapping[LeftOut, int], looked_at: int | None) -> None:
    """Say how many of the rows production answered before, as the ledger knows them, and what becomes of them."""
    for line in before_sending(known, plan.selection):
        terminal.warn(f"  {line}")
    if plan.guarded and looked_at is not None:
        terminal.warn(
            f"  the first {looked_at:,} rows were looked at; of the others, what is damaged or known is told while the "
            "rest is sent, and is not sent itself. --strict looks at all rows first"
        )


def _left_out(known: Mapping[LeftOut, int], plan: Plan) -> int:
    """Return how many of the rows that were looked at will be left out, as production answered them."""
    sent = plan.selection.leave | ({LeftOut.REPEATED} if plan.selection.delivered else set())
    return sum(rows for why, rows in known.items() if why not in sent)


def _not_asked_for(plan: Plan, resumed: RunInfo | None) -> Callable[[int], bool]:
    """Return what tells of a row's number whether it is not to be sent now: what is wrong with it was shown before."""
    from rokt_export.journal import Journal, RowRanges, RowSet

    only = None if plan.selection.only is None else RowRanges(plan.selection.only)
    settled = RowSet()
    if resumed is not None:
        with Journal.open(plan.journal) as journal:
            settled = journal.settled(resumed.run)
    return lambda row: row in settled or (only is not None and row not in only)


def _render_some(plan: Plan, rows: Iterable[Transaction], passed_over: Callable[[int], bool]) -> Readiness:
    from rokt_export.delivery.redaction_setup import PersonalData, redactor_for
    from rokt_export.request.render import InvalidRowError

    renderer = plan.renderer()
    redactor = redactor_for(plan.spec, plan.environment, plan.variables, key=plan.redaction_key)
    personal = PersonalData(plan.spec, renderer)
    problems: list[tuple[int, str]] = []
    looked_at = 0
    for transaction in rows:
        if passed_over(transaction.row):
            continue
        looked_at += 1
        try:
            renderer.render(transaction)
        except InvalidRowError as error:
            problems.append((transaction.row, redactor.text(error.reason, personal.of(transaction))))
    return Readiness(looked_at, tuple(problems))


def target_of(plan: Plan) -> str:
    """Return scheme, host and port that a run sends to."""
    from rokt_export.request.url import blank_url, origin

    url = plan.spec.environment(plan.environment).url
    return origin(blank_url(url, plan.variables, base_url=plan.destination.base_url))


def _tell_target(terminal: Terminal, plan: Plan, rows: str, *, kept: Pace) -> None:
    """Say how many rows go where, and how fast.

    Args:
        kept: the pace as it is kept: a cluster keeps several rates as one.
    """
    environment = plan.spec.environment(plan.environment)
    target = plan.renderer().base_url().partition("?")[0]
    rate = f", at most {text}" if (text := plan.pace.rate_text) else ""
    if plan.pace.windows:
        one = "" if kept.windows or kept.rate is None else rate_in_words(kept.rate)
        rate += f" (kept as an even {one})" if one else " (several rates: kept by this run alone)"
    workers = f", {plan.partitions} workers" if plan.partitions > 1 else ""
    sandbox = " (a sandbox)" if plan.destination.base_url else ""
    terminal.say(rows)
    terminal.say(f"to {plan.spec.name} {plan.environment}{sandbox}: {environment.method} {target}")
    requests = number_of(plan.pace.concurrency, "request", "requests")
    carrying = f", each of up to {plan.pace.batch:,} rows" if plan.pace.batch else ""
    terminal.say(f"up to {requests} at a time{carrying}{rate}{workers}")


def _to_send(plan: Plan, resumed: RunInfo | None, left_out: int) -> int | None:
    """Return how many rows are to be sent, without those handled before; None where nobody knows how many there are."""
    if plan.wanted is None:
        return None
    before = 0
    if resumed is not None:
        before = resumed.settled if plan.selection.unknown else sum(resumed.counts.values())
    return max(0, plan.wanted - left_out - before)


def _tell_duration(terminal: Terminal, plan: Plan, rows: int | None) -> None:
    """Say how long it takes: by the rate, or by how many are under way at once and a guess at the partner's answers."""
    if not rows:
        return
    requests = ceil(rows / (plan.pace.batch or 1))
    by_answers = requests * _USUAL_ANSWER / plan.pace.concurrency
    by_rate = plan.pace.least_seconds(requests)
    if plan.pace.rate is not None and by_rate >= by_answers:
        terminal.say(f"at this rate it takes at least {_in_words(by_rate)}")
    elif plan.destination.base_url is None:  # a sandbox answers at once
        terminal.say(f"about {_in_words(by_answers)} at {1000 * _USUAL_ANSWER:.0f} ms per response")


def _in_words(seconds: float) -> str:
    if seconds > 5400:
        return f"{seconds / 3600:.1f} h"
    return f"{seconds / 60:.0f} min" if seconds > 90 else f"{max(1.0, seconds):.0f} s"
