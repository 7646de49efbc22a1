"""Runs one partition of a plan in this process: its rows through the engine, each event written down first."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import chain
from multiprocessing.context import BaseContext
from typing import TYPE_CHECKING, Protocol, assert_never

from rokt_export.authentication.base import ClientCertificate, FetchedToken, filler
from rokt_export.authentication.registry import credentials_of
from rokt_export.delivery.attempt_credentials import AttemptCredentials
from rokt_export.delivery.engine import Engine
from rokt_export.delivery.events import (
    Event,
    Finished,
    Intended,
    Paced,
    Progress,
    Retrying,
    Settled,
    StopReason,
    Withdrawn,
)
from rokt_export.delivery.input_feed import FileFeed, LateDamage, LiveFeed, Source, damage_in, is_live, source
from rokt_export.delivery.journal_listener import Bookkeeper
from rokt_export.delivery.lease import WorkerLease, leased
from rokt_export.delivery.plan import FileRows, Plan
from rokt_export.delivery.redaction_setup import PersonalData, redactor_for
from rokt_export.delivery.row_filter import identity_of, select
from rokt_export.delivery.run_counts import Tally
from rokt_export.delivery.shared_counts import (
    FIRST_RECORDINGS,
    PROBLEM_RECORDINGS,
    FailureCounts,
    FirstRow,
    LocalNumbers,
    Numbers,
    RecordingQuota,
    SharedMark,
    first_numbers,
)
from rokt_export.errors import ExitStatus, LeaseLostError, TransactionsError, UnreachableError
from rokt_export.exchange.delivery import Deliveries
from rokt_export.exchange.model import Exchange, Response
from rokt_export.redaction import Redactor
from rokt_export.request.render import Renderer
from rokt_export.response.classify import Classifier
from rokt_export.transactions.claims import ALL, ClaimMark, Claims, Share
from rokt_export.transport import Transport, TransportOptions

if TYPE_CHECKING:
    from rokt_export.delivery.oauth2 import TokenStore
    from rokt_export.journal import Journal, RowSet, RunWriter

_CLAIMED = 8
"""Rows that a worker claims at a time, at most, per send in flight. At the end of an input whose rows were not counted,
one worker may be left with so many while the others have none."""


@dataclass(frozen=True, slots=True)
class PartitionContext:
    """What all partitions of a run share; the defaults are for a run with one partition.

    Attributes:
        numbers: what the stop rules, the first row and the recordings count.
        mark: how far the rows are claimed; None where a partition has rows of its own.
        tokens: where the tokens of each OAuth authentication are; none: each partition keeps its own.
        lease: a share of what the partner bears, renewed while the partition runs; None where it has a fixed one.
    """

    numbers: Numbers = field(default_factory=LocalNumbers)
    mark: ClaimMark | None = None
    tokens: tuple[TokenStore, ...] = ()
    lease: WorkerLease | None = None

    @classmethod
    def between(cls, plan: Plan, context: BaseContext) -> PartitionContext:
        """Return that of several processes, to be handed to each when it starts."""
        numbers = LocalNumbers(context, first_numbers(plan.recorded))
        return cls(numbers, SharedMark(context), token_stores(plan, context))

    def share(self, plan: Plan, concurrency: int, settled: int) -> Share:
        """Return the rows of one partition.

        Args:
            plan: of the run.
            concurrency: what the partition may have in flight.
            settled: rows of the run that are settled already.
        """
        if self.mark is None:
            return ALL
        wanted = plan.wanted
        if wanted is not None and plan.selection.only is None:
            wanted -= settled
        most = min(Share.ahead, _CLAIMED * concurrency)
        return Claims(self.mark, plan.partitions, most, 2 * plan.pace.concurrency, plan.total, wanted)


def token_stores(plan: Plan, context: BaseContext | None = None) -> tuple[TokenStore, ...]:
    """Return a place for the token of each OAuth authentication, shared by processes if a context is given."""
    from rokt_export.delivery.oauth2 import TokenStore  # few partners need it

    authentications = plan.spec.environment(plan.environment).authentication or ()
    credentials = credentials_of(authentications, plan.variables)
    return tuple(TokenStore(context) for each in credentials if isinstance(each, FetchedToken))


_REPORT_EVERY = 0.2
_COUNTED = 8
"""Lots of settled rows that are counted together."""


class Watch(Protocol):
    """What follows a run from outside."""

    def tell(
        self, partition: int, /, tally: Tally, in_flight: int, messages: tuple[str, ...], waiting: str = ""
    ) -> None:
        """Take the progress of a partition: its counts from the start, new messages, and what it waits for."""

    def settled(self, event: Settled) -> None:
        """Take settled exchanges, where the partition runs in this process."""


AT_ONCE = 2
"""The brake's level at which no response is waited for."""


class Stoppable(Protocol):
    """What a brake stops."""

    def stop(self) -> None:
        """Start nothing more; may be called from a signal handler."""

    def abandon(self) -> None:
        """Do not wait for responses; may be called from a signal handler."""


@dataclass(slots=True)
class StopRequest:
    """What the operator has asked for: 0 = nothing, 1 = stop and wait for responses, 2 = leave at once."""

    level: int = 0
    _engines: list[Stoppable] = field(default_factory=list)

    def attach(self, engine: Stoppable) -> None:
        """Let an engine be stopped."""
        self._engines.append(engine)
        self.press(0)

    def press(self, level: int) -> None:
        """Ask for more; called from signal handlers too."""
        self.level = max(self.level, level)
        for engine in self._engines:
            if self.level == 1:
                engine.stop()
            elif self.level > 1:
                engine.abandon()


@dataclass(frozen=True, slots=True)
class Result:
    """The result of a run, or of one partition.

    Attributes:
        tally: the counts.
        finished: how it ended.
        status: the exit status that a complete run comes to; None where its rows decide.
        deaths: worker processes that died before their end; the tally may lack their last rows.
    """

    tally: Tally
    finished: Finished
    status: ExitStatus | None = None
    deaths: int = 0


@contextmanager
def journal_of(plan: Plan, opened: Journal | None = None) -> Iterator[Journal]:
    """Yield a plan's journal: the one that is open already, else one that is open for this block."""
    from rokt_export.journal import Journal

    if opened is not None:
        yield opened
        return
    with Journal.open(plan.journal) as journal:
        yield journal


def run_partition(
    plan: Plan,
    run_id: str,
    index: int,
    watch: Watch,
    brake: StopRequest,
    common: PartitionContext,
    opened: Journal | None = None,
) -> Result:
    """Run one partition in this process.

    Args:
        plan: of the run.
        run_id: the run in the journal.
        index: which of the plan's partitions.
        watch: gets its progress.
        brake: stops it.
        common: shared with the run's other partitions.
        opened: the journal, where this process has it open.

    Raises:
        JournalError: the journal cannot be written; nothing more was sent.
        TransactionsError: the input cannot be read further.
        ConfigurationError, SpecError: the plan does not make requests.
        UnreachableError: a token server cannot be reached, or refuses.
    """
    pace = plan.pace.share(index, plan.partitions) if common.lease is None else plan.pace.steady()
    if plan.destination.base_url is not None:  # a sandbox plays refusals too
        pace = replace(pace, stop=replace(pace.stop, setup=False))
    renderer = plan.renderer()
    redactor = redactor_for(plan.spec, plan.environment, plan.variables, key=plan.redaction_key)
    most = pace.concurrency if plan.pace.rate is None else plan.pace.concurrency  # shares of a rate may move
    options = transport_options(plan, renderer, most)
    tally = Tally(detailed=plan.metrics)
    with ExitStack() as opening:
        journal = opening.enter_context(journal_of(plan, opened))
        transport = opening.enter_context(Transport(options))
        lease = opening.enter_context(
            nullcontext(common.lease) if common.lease else leased(plan, run_id, index, journal, brake)
        )
        writer = opening.enter_context(
            journal.attach(
                run_id,
                before=plan.before,
                names=plan.ledger,
                patience=pace.patience,
                tell=lambda message: watch.tell(index, tally, 0, (message,)),
                lease=None if lease is None else lease.id,
                rows=plan.rows.own_rows if isinstance(plan.rows, FileRows) else None,
            )
        )
        credentials = credentials_for(plan, renderer, options, redactor, common.tokens)
        share = common.share(plan, pace.concurrency, len(writer.settled_rows()))
        transactions = source(plan, share)
        feed = _feed(plan, transactions, share, writer, tally, transport, renderer)
        classifier = Classifier(plan.spec.responses)
        engine = Engine(
            feed,
            renderer,
            classifier,
            transport,
            credentials,
            pace,
            repeatable=plan.spec.repeatable,
            failures=FailureCounts(common.numbers),
            first_row=FirstRow(common.numbers),
            departing=writer.count_departures(),
            allowance=None if lease is None else lease.allowance,
        )
        if lease is not None:
            lease.attach(engine)
        renderer.omitted_of = {}
        personal = PersonalData(plan.spec, renderer)
        attempts = partial(_attempt, redactor, personal) if plan.verbose else None
        keeper = Bookkeeper(
            writer,
            redactor,
            personal,
            identity_of(plan.spec),
            plan.recordings,
            plan.expected,
            leave=plan.selection.leave,
            first=RecordingQuota(FIRST_RECORDINGS, common.numbers),
            problems=RecordingQuota(PROBLEM_RECORDINGS, common.numbers),
            leaving=lambda: brake.level >= AT_ONCE,
        )
        brake.attach(engine)
        news = [LateDamage(transactions, plan.looked_at).news, *([] if lease is None else [lease.news])]
        reporter = _Reporter(index, tally, watch, news, attempts, renderer.omitted_of, _counted_before(plan, writer))
        finished = _listened_to(engine, keeper, reporter)
        if isinstance(feed, LiveFeed) or plan.looked_at is not None:  # nobody has looked at all rows before
            tally.notes.extend(damage_in(transactions))
        return Result(tally, finished)


def _counted_before(plan: Plan, writer: RunWriter) -> RowSet | frozenset[int]:
    """Return the rows that an earlier process of the run settled as `unknown`, and that are sent again."""
    if not plan.selection.unknown:
        return frozenset()
    rows = writer.unknown_rows()
    rows.difference_update(writer.unsettled_rows())
    return rows


def _listened_to(engine: Engine, keeper: Bookkeeper, reporter: _Reporter) -> Finished:
    """Run an engine to its end: the journal gets each event first, and may withhold rows.

    Raises:
        LeaseLostError: this worker was too slow; nothing more was sent, and what was in flight is settled.
    """
    finished = Finished(StopReason.COMPLETE)
    lost: LeaseLostError | None = None
    try:
        for event in engine.run():
            began = time.perf_counter()
            try:
                taken = keeper(event)
            except LeaseLostError as error:
                if not isinstance(event, Intended):
                    raise
                lost, taken = error, None
                engine.stop()
                engine.withhold(frozenset(each.row for each in event.transactions))
            reporter.tally.journal += time.perf_counter() - began
            if taken:
                engine.withhold(taken)
                for row, why in taken.items():
                    reporter.tally.leave_out(why, row)
                    reporter.omitted.pop(row, None)
            reporter(event)
            if isinstance(event, Finished):
                finished = event
    except (UnreachableError, TransactionsError):  # after which the journal is told no more events
        keeper.finish()
        raise
    finally:
        reporter.last()
    if lost is not None:
        raise lost
    return finished


@dataclass(slots=True)
class _Reporter:
    """Counts, and reports to the watch at intervals.

    Attributes:
        omitted: row to the parameters of which its request lacks values; see `Renderer.omitted_of`.
        counted: rows whose omitted values are counted already.
    """

    index: int
    tally: Tally
    watch: Watch
    news: Sequence[Callable[[], list[str]]]
    attempt: Callable[[Exchange], str] | None = None
    omitted: dict[int, tuple[str, ...]] = field(default_factory=dict)
    counted: RowSet | frozenset[int] = frozenset()
    _reported: float = 0.0
    _in_flight: int = 0
    _waiting: str = ""
    _heard: float = field(default_factory=time.monotonic)
    _messages: list[str] = field(default_factory=list)
    _uncounted: list[tuple[Deliveries, int]] = field(default_factory=list)
    """What is not in the tally yet: small lots are counted together, which takes half the time."""

    def __call__(self, event: Event) -> None:
        match event:
            case Settled():
                self._settled(event)
            case Intended(_, settled):
                if settled.exchanges:
                    self._settled(settled)
            case Retrying(exchange, wait):
                if self.attempt is not None:
                    self._messages.append(f"{self.attempt(exchange)}; again in {wait:.1f} s")
            case Paced(message):
                self._messages.append(message)
            case Progress(in_flight, waiting):
                self._in_flight = in_flight
                self._progress(waiting)
            case Withdrawn() | Finished():
                pass
            case _:
                assert_never(event)
        now = time.monotonic()
        if self._messages or now - self._reported >= _REPORT_EVERY:
            self._reported = now
            self._messages += chain.from_iterable(news() for news in self.news)
            self.last()

    def _progress(self, waiting: str) -> None:
        """Count the time since the last sign of life as waited, where it was."""
        now = time.monotonic()
        if self._waiting:
            self.tally.waited += now - self._heard
        self._waiting, self._heard = waiting, now

    def _settled(self, event: Settled) -> None:
        self._uncounted.append((event.deliveries, event.unsent))
        if len(self._uncounted) >= _COUNTED:
            self._count()
        if self.attempt is not None:
            shown = [each for each in event.exchanges if each.attempts]
            pairs = zip([None, *shown], shown, strict=False)  # one line for the rows of a request
            self._messages += [
                self.attempt(each) for before, each in pairs if not (before and each.together is before.together != ())
            ]
        if self.omitted:
            self._count_omitted(event.exchanges)
        self.watch.settled(event)

    def _count_omitted(self, exchanges: Sequence[Exchange]) -> None:
        for each in exchanges:
            row = each.transaction.row
            names = self.omitted.pop(row, None)
            if names is None or not each.attempts:
                continue
            if row not in self.counted:
                self.tally.omitted.add(row, names)
            if self.attempt is not None:
                listed = ", ".join(dict.fromkeys(names))
                self._messages.append(f"row {row}: sent without {listed}: the value does not fit (`invalid: omit`)")

    def _count(self) -> None:
        if self._uncounted:
            lots, unsent = zip(*self._uncounted, strict=True)
            self.tally.add(Deliveries.joined(lots), sum(unsent))
            self._uncounted.clear()

    def last(self) -> None:
        self._count()
        self.watch.tell(self.index, self.tally, self._in_flight, tuple(self._messages), self._waiting)
        self._messages.clear()


def _attempt(redactor: Redactor, personal: PersonalData, exchange: Exchange) -> str:
    """One attempt on a line: row, method, URL, status or fault, and milliseconds; redacted."""
    row, request, result = exchange.transaction.row, exchange.request, exchange.result
    if request is None or result is None:
        return f"row {row}: not sent"
    private = personal.of(exchange.transaction)
    what = str(result.status) if isinstance(result, Response) else redactor.text(result.message, private)
    url = redactor.url(request.url, private)
    rows = f" and {len(exchange.together) - 1} more" if exchange.together else ""
    return f"row {row}{rows}: {request.method} {url} {what}, {result.timings.total * 1000:.0f} ms"


def _feed(
    plan: Plan,
    transactions: Source,
    share: Share,
    writer: RunWriter,
    tally: Tally,
    transport: Transport,
    renderer: Renderer,
) -> FileFeed | LiveFeed:
    live = isinstance(plan.rows, FileRows) and is_live(plan.rows)
    chosen = select(
        iter(transactions), plan.selection, writer, identity_of(plan.spec), tally,
        (lambda: 1) if live else (lambda: share.ahead), live=live, sendable=renderer.renders,
        gathered=plan.pace.batch or 0,
    )  # fmt: skip
    return LiveFeed(chosen, transport.wake) if live else FileFeed(chosen, share)


def transport_options(plan: Plan, renderer: Renderer, connections: int) -> TransportOptions:
    """Return how an environment's endpoint is connected to."""
    environment, fill = renderer.environment, filler(plan.variables)
    tls = environment.tls
    client = next((each for each in renderer.credentials if isinstance(each, ClientCertificate)), None)
    ca_file = fill(tls.ca_file) if tls is not None and tls.ca_file else None
    return TransportOptions(
        connect_timeout=plan.pace.connect_timeout,
        timeout=plan.pace.timeout,
        max_response=plan.pace.max_response,
        http_version=environment.http_version,
        verify=tls is None or tls.verify,
        ca_file=plan.destination.ca_file or ca_file,
        client_certificate=client.certificate if client else None,
        client_key=client.key if client else None,
        client_key_password=client.key_password if client else None,
        proxy="" if plan.destination.base_url else fill(environment.proxy) if environment.proxy else None,
        max_connections=connections,
    )


def credentials_for(
    plan: Plan,
    renderer: Renderer,
    options: TransportOptions,
    redactor: Redactor,
    tokens: tuple[TokenStore, ...] = (),
) -> AttemptCredentials:
    """Return what authenticates each attempt; tokens are made known to the redactor as they come into being."""
    return AttemptCredentials(
        renderer,
        plan.variables,
        options=options,
        base_url=plan.destination.base_url,
        reveal=redactor.add_secret,
        hide=redactor.text,
        stores=tokens,
        patience=plan.pace.patience,
    )
