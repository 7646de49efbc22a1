"""Turns a feed of transactions into settled exchanges: one stream of events, in one thread."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from operator import itemgetter

from msgspec import Struct
from msgspec.structs import replace

from rokt_export.delivery.attempt_credentials import AttemptCredentials
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
from rokt_export.delivery.gathering import GatheredRows
from rokt_export.delivery.input_feed import InputFeed, Prefetch
from rokt_export.delivery.pacing import LONGEST_PAUSE, SLOW_DOWN, Allowance, Breaker, Pacer, Retries
from rokt_export.delivery.plan import Pace
from rokt_export.delivery.shared_counts import FailureCounts, FirstRow
from rokt_export.delivery.stop_rules import StopJudge, setup_fault
from rokt_export.exchange.model import (
    LASTING,
    SILENT,
    UNCONNECTED,
    AttemptResult,
    Exchange,
    Fault,
    FaultKind,
    Outcome,
    OutcomeKind,
    Request,
    Response,
)
from rokt_export.journal.recording import KEPT_BYTES, WAITING_BYTES
from rokt_export.request.batches import RequestRecord
from rokt_export.request.render import InvalidRowError, Renderer
from rokt_export.response.classify import Classifier, retry_after
from rokt_export.transactions.transaction import Transaction
from rokt_export.transport import Transport

_WAITING = 500
"""Transactions that wait for another attempt, at most, before no new ones are taken."""
_GATHERED = 500
"""Rows rendered for a request at a time: while that lasts, answers wait."""
_RESULT = itemgetter(1)
_TOO_LARGE = 413
"""RFC 9110, 15.5.14: the request's content is larger than the server takes."""
_BAD = 400
"""RFC 9110, 15.5 and 15.6: statuses from here on are errors."""
_REMARKABLE = SLOW_DOWN | {_TOO_LARGE}
"""Statuses that ask for something besides their outcome."""
_SETTLE_AFTER = 0.05
"""Seconds that a settled exchange waits for others, at most, before its listeners get it."""
_UNJOURNALED = 64
"""Settled exchanges that wait for others, at most: after a kill they are `unknown` though they were answered."""
_SETTLED_BYTES = 4_000_000
"""Bytes of bodies in settled exchanges, about, from which on their listeners get them at once."""
_LONG_WAIT = 10.0
"""Seconds until a row is sent again, from which on that is told."""
_SIGN_OF_LIFE = 0.25
_IDLE = 0.5
_FIRST_ROW = 0.005
"""Seconds between two looks whether another process has sent the first row."""
_RENEWALS = 2
"""A digest nonce may go stale between challenge and answer; a third refusal is final."""


class _Job(Struct, eq=False):
    """One request on its way.

    Attributes:
        transactions: what it delivers: one, or those of a batch in its order.
        request: as rendered.
        records: of each transaction, where the request may carry several.
        attempts: on the wire so far.
        started: UTC seconds when it was first sent.
        renewals: attempts that were answered by a demand for other credentials.
        sent: the request as last sent.
        last: the exchanges of the last attempt, one for each transaction.
        unanswered: those of the last attempt that may have been received and was not answered.
    """

    transactions: tuple[Transaction, ...]
    request: Request
    records: tuple[RequestRecord, ...] = ()
    attempts: int = 0
    started: float = 0.0
    renewals: int = 0
    sent: Request | None = None
    last: tuple[Exchange, ...] = ()
    unanswered: tuple[Exchange, ...] = ()

    def final(self, place: int, exchange: Exchange) -> Exchange:
        """Return what settles a transaction where an exchange is its last.

        A response that only says "later" leaves open whether an earlier attempt was received.
        """
        if not self.unanswered or not exchange.outcome.retry:
            return exchange
        return replace(self.unanswered[place], attempts=self.attempts)

    def as_it_stood(self, unsent: Sequence[Exchange]) -> Iterator[Exchange]:
        """Yield what settles each transaction where the last attempt never went out.

        An earlier attempt may have been received: its exchange stays.
        """
        for place, exchange in enumerate(self.last or unsent):
            yield self.final(place, exchange) if self.last else exchange

    def exchanges(self, result: AttemptResult, classifier: Classifier) -> Sequence[Exchange]:
        """Return the exchange of each transaction with a result."""
        if not self.records:
            kept = result
            if result.__class__ is Response and len(result.body) > KEPT_BYTES:
                kept = result.shortened(KEPT_BYTES)
            outcome = classifier.classify(result)
            return (Exchange(self.transactions[0], self.sent, kept, outcome, self.attempts, self.started),)
        outcomes, answers = classifier.classify_rows(result, self.transactions)
        sent = self.sent or self.request
        together = self.transactions if len(self.transactions) > 1 else ()
        whole = result.shortened(KEPT_BYTES) if isinstance(result, Response) else result
        return [
            Exchange(
                transaction,
                Request(sent.method, sent.url, sent.headers, record.body),
                whole if own is result or not isinstance(own, Response) else own.shortened(KEPT_BYTES),
                outcome,
                self.attempts,
                self.started,
                together,
            )
            for transaction, record, outcome, own in zip(
                self.transactions, self.records, outcomes, answers, strict=True
            )
        ]

    def part(self, places: Sequence[int], renderer: Renderer) -> _Job:
        """Return what sends some of the transactions again."""
        records = tuple([self.records[place] for place in places])
        return _Job(
            tuple([self.transactions[place] for place in places]),
            renderer.together(records),
            records,
            self.attempts,
            self.started,
            self.renewals,
            unanswered=tuple([self.unanswered[place] for place in places]) if self.unanswered else (),
        )


class Engine:
    """Delivers transactions in file order, as many at once as limits and partner allow.

    `run` is a generator: between two events its listeners do their work, and nothing is sent. An `Intended` event
    precedes the first attempt of each transaction that it names, so a listener that journals it has it on disk in time.
    At no moment are more transactions intended and not settled than those in flight and one batch, and those that wait
    for another attempt.
    """

    def __init__(
        self,
        feed: InputFeed,
        renderer: Renderer,
        classifier: Classifier,
        transport: Transport,
        credentials: AttemptCredentials,
        pace: Pace,
        *,
        repeatable: bool = False,
        failures: FailureCounts | None = None,
        first_row: FirstRow | None = None,
        departing: Callable[[int], None] | None = None,
        allowance: Callable[[], Allowance] | None = None,
    ) -> None:
        self._feed = feed
        self._departing = departing or (lambda _rows: None)
        self._renderer = renderer
        self._classifier = classifier
        self._transport = transport
        self._credentials = credentials
        self._pace = pace
        self._repeatable = repeatable
        self._unread_told = self._wait_told = self._impatience_told = False
        fixed = [rule.after.seconds or 0.0 for rule in classifier.rules if rule.after is not None]
        self._longest_wait = max([pace.patience or pace.backoff_limit, *fixed])
        """Seconds that a row waits for another attempt, at most, where the partner asks for a wait."""
        self._pacer = Pacer(pace.concurrency, pace.rate, pace.windows)
        self._allowance = allowance
        self._allowed: Allowance | None = None
        self._windows = pace.windows
        self._breaker = Breaker(pace.patience)
        self._judge = StopJudge(pace.stop, failures or FailureCounts())
        self._first_row = first_row if pace.stop.setup else None
        self._is_first = False
        self._ready: deque[_Job] = deque()
        self._retries: Retries[_Job] = Retries(pace, repeatable=repeatable)
        self._settled: list[Exchange] = []
        self._settled_bytes = 0
        self._most_settled = max(_UNJOURNALED, pace.batch or 0)
        self._arrived: list[tuple[_Job, AttemptResult]] = []
        """Results that are not judged yet."""
        self._lately = 0
        """Results of the last poll, as a guess at the next one's."""
        self._oldest = 0.0
        self._news: deque[Event] = deque()
        self._stopping: Finished | None = None
        self._abandoned = self._leaving = False
        self._broken: Exception | None = None
        self._reached = False
        self._hungry = False
        self._idle = False
        self._withheld: frozenset[int] = frozenset()
        self._eager = pace.concurrency > 1 and not pace.stop.early
        self._gathering = None if pace.batch is None else GatheredRows()
        self._stock = Prefetch(pace.concurrency, pace.rate)
        self._standing, self._renews = credentials.standing, credentials.renews
        self._ungranted = 0.0
        """Seconds until credentials may be available; 0.0 = they are."""

    def stop(
        self,
        reason: StopReason = StopReason.INTERRUPTED,
        message: str = "",
        status: int | None = None,
        row: int | None = None,
    ) -> None:
        """Start nothing more, wait for what is in flight, and finish. May be called from a signal handler.

        A person who interrupts does not wait for what is not connected yet: nothing of it was sent, its rows stay open.
        """
        if self._stopping is None:
            self._stopping = Finished(reason, message, status, row)
        self._leaving = self._leaving or reason is StopReason.INTERRUPTED
        self._transport.wake()

    def abandon(self) -> None:
        """Do not wait for responses: rows without one are `unknown`. May be called from a signal handler."""
        self._abandoned = True
        self.stop()

    def withhold(self, rows: Collection[int]) -> None:
        """Do not send these of the transactions just intended; called while an `Intended` event is listened to."""
        self._withheld = frozenset(rows)

    def run(self) -> Iterator[Event]:
        """Yield events until all is settled, or a rule or a person stops it.

        Raises:
            UnreachableError: a token server cannot be reached or refuses our credentials.
            TransactionsError: the input cannot be read further. In both cases what was in flight has been settled
                before, and what was not sent, or not accepted for its credentials, has been withdrawn.
        """
        alive = time.monotonic()
        self._look_at_the_clock()
        while True:
            if self._renews or self._allowance is not None:
                self._look_at_leave()
            yield from self._refill()
            self._start()
            if self._over():
                break
            if self._abandoned:
                self._transport.cancel_all()
            elif self._leaving:
                self._transport.cancel_unsent()
            self._poll()
            now = time.monotonic()
            # What is over leaves with the next that is intended, or before a kill would leave more of it in doubt.
            enough = len(self._settled) + self._lately > self._most_settled or self._settled_bytes > _SETTLED_BYTES
            if self._settled and (enough or self._arrived or now - self._oldest >= _SETTLE_AFTER):
                yield self._flush()
            while self._news:
                yield self._news.popleft()
            if now - alive >= _SIGN_OF_LIFE:
                alive = now
                self._look_at_the_clock()
                yield Progress(self._transport.in_flight, self._pacer.waiting(now) or self._breaker.waiting(now))
        self._credentials.close()
        yield from self._end()
        if self._broken is not None:
            raise self._broken
        yield self._stopping or Finished(StopReason.COMPLETE)

    @property
    def under_way(self) -> tuple[int, int]:
        """Requests in flight, and those sent so far where a rate is kept. May be read from any thread."""
        return self._transport.in_flight, self._pacer.sent

    def wake(self) -> None:
        """Look at the allowance now; may be called from any thread."""
        self._transport.wake()

    def _look_at_leave(self) -> None:
        """Look whether there are credentials, and how much may be sent."""
        if self._renews and self._stopping is None:
            self._look_at_credentials()
        allowance = None if self._allowance is None else self._allowance()
        if allowance is not None and allowance is not self._allowed:
            self._allowed = allowance
            self._pacer.allow(allowance, time.monotonic())
            self._stock.fit(allowance.concurrency, allowance.rate)

    def _look_at_the_clock(self) -> None:
        """Stop where the time that the run may take is over."""
        until = self._pace.until
        if until is not None and self._stopping is None and time.time() >= until:
            self.stop(StopReason.TIME, "the time that it may take is over")

    def _refill(self) -> Iterator[Event]:
        self._hungry = False
        if not self._is_short(idle=self._idle):
            return
        if self._gathering is not None:
            yield from self._gather(self._gathering, self._pace.batch or 1)
            return
        wanted = self._stock.wanted(len(self._ready), time.monotonic())
        taken = self._take(min(wanted, self._room()) if self._feed.scarce else wanted)
        jobs = self._rendered(taken)
        self._hungry = len(jobs) < len(taken) or self._feed.searching
        if jobs:
            # With what is over, so that what a crash leaves uncertain does not add up.
            yield Intended(tuple([job.transactions[0] for job in jobs]), self._flush())
            if self._withheld:
                jobs = [job for job in jobs if job.transactions[0].row not in self._withheld]
                self._withheld = frozenset()
            self._ready.extend(jobs)
            self._idle = False
        self._stock.filled(len(self._ready))

    def _gather(self, gathering: GatheredRows, most: int) -> Iterator[Event]:
        """Take in rows until they make a request that can be sent now; only then are they intended.

        What a crash leaves uncertain is so one request for each that may be in flight.
        """
        if self._first_row is not None or self._breaker.suspicious or self._breaker.open:
            most = 1  # a trial needs a row
        taken = self._take(min(most - len(gathering), _GATHERED)) if len(gathering) < most else []
        now = time.monotonic()
        for transaction in taken:
            try:
                gathering.add(transaction, self._renderer.record(transaction), now)
            except InvalidRowError as error:
                self._settle_invalid(transaction, error)
        rows = gathering.take(most, now, last=self._feed.exhausted)
        self._hungry = bool(taken) or self._feed.searching
        if rows:
            yield Intended(tuple([transaction for transaction, _ in rows]), self._flush())
            rows = [row for row in rows if row[0].row not in self._withheld]
            self._withheld = frozenset()
        if rows:
            transactions, records = zip(*rows, strict=True)
            self._ready.append(_Job(transactions, self._renderer.together(records), records))
            self._idle = False

    def _is_short(self, *, idle: bool) -> bool:
        """Whether more is to be taken in: now, or as soon as there is nothing else to do."""
        if self._stopping or (self._feed.exhausted and not self._gathering):
            return False
        if len(self._retries) >= _WAITING or self._ungranted > 0 or self._pacer.limit == 0:
            return False
        if self._breaker.open and (self._ready or self._retries):  # a trial needs a row, not a batch of them
            return False
        if self._gathering is not None:
            waiting = sum(len(job.transactions) for job in self._retries) // (self._pace.batch or 1)
            return not self._ready and self._room() > waiting and not self._in_suspense() and self._delay() <= 0
        if self._feed.scarce:
            return not self._ready and self._room() > 0
        return self._stock.is_low(len(self._ready), idle=idle)

    def _room(self) -> int:
        """Return how many more may be in flight; what waits for the journal counts, but for a few."""
        waiting = len(self._arrived) + len(self._settled) - self._most_settled
        return self._pacer.limit - self._transport.in_flight - max(0, waiting)

    def _delay(self) -> float:
        """Return seconds until rate, pause and breaker allow another send."""
        now = time.monotonic()
        return max(self._pacer.wait(now), self._breaker.wait(now))

    def _take(self, most: int) -> list[Transaction]:
        try:
            return self._feed.take(most)
        except Exception as error:  # noqa: BLE001 - raised again by `run`, once what came before it is settled
            self._broken = self._broken or error
            self._feed.exhausted = True
            return []

    def _rendered(self, transactions: Sequence[Transaction]) -> list[_Job]:
        """Return the jobs of transactions; one that cannot satisfy the spec is settled instead."""
        render = self._renderer.render
        jobs: list[_Job] = []
        for transaction in transactions:
            try:
                jobs.append(_Job((transaction,), render(transaction)))
            except InvalidRowError as error:
                self._settle_invalid(transaction, error)
        return jobs

    def _settle_invalid(self, transaction: Transaction, error: InvalidRowError) -> None:
        self._settle(Exchange(transaction, None, None, Outcome(OutcomeKind.INVALID, reason=error.reason)))

    def _look_at_credentials(self) -> None:
        """Check whether requests can be authenticated; where they never can, nothing more is sent."""
        try:
            self._ungranted = self._credentials.wait()
        except Exception as error:  # noqa: BLE001 - raised again by `run`, once what is in flight is settled
            self._break(error)
        self._news.extend(map(Paced, self._credentials.news()))

    def _start(self) -> None:
        if self._stopping or self._ungranted > 0:
            return
        now = time.monotonic()
        self._recall(now)
        room = self._room()
        if room <= 0 or not self._ready or self._in_suspense():
            return
        if self._first_row is not None and not self._may_start(self._first_row):
            return
        if self._breaker.suspicious or self._first_row is not None:
            room = 1
        if self._standing and self._pacer.unlimited and not self._breaker.open:
            if self._pacer.wait(now) <= 0:
                self._start_at_once(room)
        else:
            self._start_one_by_one(room, now)

    def _may_start(self, first_row: FirstRow) -> bool:
        """Whether this process sends the first row, or another has and its response was good."""
        if first_row.passed:
            self._first_row = None
            if first_row.quiet:
                self._transport.trust(self._ready[0].request)
        elif not self._is_first:
            self._is_first = first_row.claim()
        return self._first_row is None or self._is_first

    def _judge_first(self, first_row: FirstRow, exchange: Exchange) -> None:
        """Stop where the first response says that the set-up is wrong; else let all go on."""
        if not isinstance(exchange.result, Response):
            return  # the next row goes alone
        expected = exchange.outcome.kind in self._pace.stop.expected
        if why := setup_fault(exchange, expected=expected):
            self.stop(StopReason.SETUP, f"the first response was {why}", exchange.status)
            return
        self._first_row = None
        sent = exchange.request
        first_row.release(passed=True, quiet=sent is not None and self._transport.trusts(sent))

    def _in_suspense(self) -> bool:
        """Whether to wait for the requests in flight, because the partner broke one off without a response.

        A partner that goes down would swallow one more for each that it breaks off, and each leaves a row `unknown`.
        """
        return (self._breaker.suspicious or self._first_row is not None) and self._transport.in_flight > 0

    def _start_at_once(self, room: int) -> None:
        """Start as many as there is room for, all at once."""
        take, started = self._ready.popleft, time.time()
        jobs = [take() for _ in range(min(room, len(self._ready)))]
        first = 0
        for job in jobs:
            job.sent = job.request
            if not job.started:
                job.started = started
                first += len(job.transactions)
        self._departing(first)
        self._transport.start_all([(job, job.request) for job in jobs])

    def _start_one_by_one(self, room: int, now: float) -> None:
        """Start while rate, breaker and credentials allow another."""
        while room > 0 and self._ready and not self._stopping:
            if self._pacer.wait(now) > 0 or self._breaker.wait(now) > 0:
                return
            job = self._ready.popleft()
            if not self._authenticated(job):
                return
            if not job.started:
                job.started = time.time()
                self._departing(len(job.transactions))
            self._transport.start(job, job.sent or job.request)
            now = time.monotonic()  # the first start takes a while: the partner counts from the request's arrival
            self._pacer.started(now)
            self._breaker.started()
            room -= 1

    def _recall(self, now: float) -> None:
        """Make the jobs whose wait is over the next, in file order."""
        if self._retries:
            due = self._retries.due(now)
            due.sort(key=lambda job: job.transactions[0].row, reverse=True)
            self._ready.extendleft(due)

    def _authenticated(self, job: _Job) -> bool:
        """Put the credentials on a job; where they cannot be had, return False and send nothing more."""
        try:
            job.sent = self._credentials.on(job.request)
        except Exception as error:  # noqa: BLE001 - raised again by `run`, once what is in flight is settled
            self._ready.appendleft(job)
            self._break(error)
            return False
        return True

    def _break(self, error: Exception) -> None:
        self._broken = self._broken or error
        self.stop(StopReason.UNREACHABLE, str(error))

    def _over(self) -> bool:
        if self._transport.in_flight or self._arrived:
            return False
        return self._stopping is not None or (
            self._feed.exhausted and not self._ready and not self._retries and not self._gathering
        )

    def _poll(self) -> None:
        results = self._transport.poll(0.0 if self._arrived else self._patience())
        self._lately = len(results)
        if self._transport.warnings:
            self._news.extend(map(Paced, self._transport.warnings))
            self._transport.warnings.clear()
        arrived = self._arrived
        arrived += results
        self._idle = not arrived
        portion = len(arrived)
        if arrived and self._eager and self._first_row is None and _is_usual(map(_RESULT, arrived)):
            # The wire first: reading a response takes longer than sending; what is started leaves at a poll.
            self._start()
            portion = min(portion, max(1, self._most_settled - len(self._settled)))
            results += self._transport.poll(0.0)
            arrived += results[self._lately :]
        if self._windows:
            self._note_arrivals(results)
        self._take_results(arrived[:portion])
        del arrived[:portion]

    def _note_arrivals(self, results: Sequence[tuple[_Job, AttemptResult]]) -> None:
        now = time.monotonic()
        for _, result in results:
            if isinstance(result, Response) and result.timings.connect:
                self._pacer.connected(now, result.timings)

    def _patience(self) -> float:
        """Return the seconds in which only a response can change anything."""
        if not self._idle and self._is_short(idle=True):
            return 0.0
        now = time.monotonic()
        wait = _SIGN_OF_LIFE if self._transport.in_flight or self._settled else _IDLE
        if self._ungranted > 0:
            wait = min(wait, self._ungranted)
        if self._settled:
            wait = min(wait, self._oldest + _SETTLE_AFTER - now)
        if self._stopping:
            return max(0.0, wait)
        if self._hungry:
            return 0.0
        if self._retries:
            wait = min(wait, self._retries.next_at - now)
        free = self._transport.in_flight < self._pacer.limit and not self._ungranted
        if self._first_row is not None and not self._is_first:
            return min(wait, _FIRST_ROW)
        if self._gathering:
            wait = min(wait, self._gathering.wait(now)) if free else wait
        if (self._ready or self._gathering is not None) and free and not self._in_suspense():
            delay = max(self._pacer.wait(now), self._breaker.wait(now))
            wait = min(wait, delay) if self._ready or delay > 0 else wait
        return max(0.0, wait)

    def _take_results(self, results: Sequence[tuple[_Job, AttemptResult]]) -> None:
        """Settle what has ended, or send it again.

        A response that asks for nothing but its outcome, as nearly all do, is settled here, in half the time that
        `_answered` takes for any other.
        """
        classify, settled, stop = self._classifier.classify, self._settled, self._pace.stop
        calm, early = self._is_calm(), stop.early
        for job, result in results:
            if calm and result.__class__ is Response and result.status not in _REMARKABLE and not job.unanswered:
                outcome, size = classify(result), len(result.body)
                asks = outcome.retry or outcome.retry_after is not None or outcome.kind is OutcomeKind.UNKNOWN
                if not asks and size <= KEPT_BYTES:
                    job.attempts += 1
                    exchange = Exchange(job.transactions[0], job.sent, result, outcome, job.attempts, job.started)
                    if not settled:
                        self._oldest = time.monotonic()
                    settled.append(exchange)
                    self._settled_bytes += size
                    self._reached = True
                    clear = outcome.by_body and outcome.kind in stop.expected and not self._judge.setup_faults
                    if early or not clear:
                        self._obey(self._judge.judge(exchange))
                    continue
            self._answered(job, result)
            calm = self._is_calm()

    def _is_calm(self) -> bool:
        """Whether a response has no bearing on other rows: credentials stand, nothing failed, and none are grouped."""
        alone = self._first_row is not None or self._renews or self._gathering is not None
        return not alone and not self._pacer.slowed and self._breaker.calm

    def _answered(self, job: _Job, result: AttemptResult) -> None:
        if isinstance(result, Fault):
            self._failed(job, result)
            return
        job.attempts += 1
        if self._breaker.calm:
            self._reached = True
        else:
            self._heard(result)
        exchanges = job.exchanges(result, self._classifier)
        outcome = exchanges[0].outcome
        if self._renews and self._renewed(job, result):
            # The partner did not take it: if it is never sent again, it is as good as never sent.
            self._ready.appendleft(job)
            return
        again = outcome.retry
        if again or result.status in _REMARKABLE or self._pacer.slowed or outcome.retry_after is not None:
            self._mind(result, exchanges)
        if again or job.records or job.unanswered or outcome.kind is OutcomeKind.UNKNOWN:
            self._settle_or_retry(job, result, exchanges)
        else:  # most rows
            self._settle(exchanges[0])

    def _failed(self, job: _Job, fault: Fault) -> None:
        if not fault.sent:
            self._not_sent(job, fault)
            return
        job.attempts += 1
        self._heard(fault)
        self._settle_or_retry(job, fault, job.exchanges(fault, self._classifier))

    def _mind(self, response: Response, exchanges: Sequence[Exchange]) -> None:
        """Do what a response asks for besides its outcome: send less, wait, or smaller requests."""
        outcome, busy = exchanges[0].outcome, response.status in SLOW_DOWN
        if busy or self._pacer.slowed or outcome.retry_after is not None:
            self._slow_down(response, outcome)
        if response.status == _TOO_LARGE and exchanges[0].together and self._pace.stop.setup:
            rows = f"a request of {len(exchanges)} rows"
            why = f"the partner answers {response.status}: {rows} is too large: lower `limits.batch`"
            self.stop(StopReason.SETUP, why, response.status)
        if busy or outcome.retry:
            self._tell_unread_wait(response, outcome)

    def _settle_or_retry(self, job: _Job, result: AttemptResult, exchanges: Sequence[Exchange]) -> None:
        """Send again what may be sent again of a request, and settle the rest."""
        if exchanges[0].outcome.kind is OutcomeKind.UNKNOWN:
            job.unanswered = tuple(exchanges)
        # Where the partner throttled, the pace is what spares it, and no share of the traffic need be kept.
        throttled = isinstance(result, Response) and result.status in SLOW_DOWN
        again = [
            place
            for place, each in enumerate(exchanges)
            if each.outcome.retry or each.outcome.kind is OutcomeKind.UNKNOWN
        ]
        waits = [exchanges[place] for place in again]
        if again and self._is_patient(waits, throttled=throttled) and self._may_retry(job, free=throttled):
            part = job if len(again) == len(exchanges) else job.part(again, self._renderer)
            self._retry(part, waits)
            over = sorted({*range(len(exchanges))}.difference(again))
        else:
            over = [*range(len(exchanges))]
        for place in over:
            self._settle(job.final(place, exchanges[place]) if job.unanswered else exchanges[place])

    def _heard(self, result: AttemptResult) -> None:
        """Tell the breaker whether the partner lives: it answered, or took a request and never did."""
        now = time.monotonic()
        if isinstance(result, Fault) and result.kind in SILENT:
            if self._breaker.failed(now, taken=True):
                self._news.append(Paced(f"{_silence(result)}, trying again: {result.message}"))
            # A server or proxy that refuses our certificate or credentials would do so with each row.
            hopeless = result.kind in UNCONNECTED and not self._reached
            if hopeless or self._breaker.exhausted(now):
                self.stop(StopReason.UNREACHABLE, f"{_silence(result)}: {result.message}")
            return
        if isinstance(result, Fault) and result.kind is FaultKind.CANCELLED:  # that was us
            self._breaker.undecided()
            return
        self._reached = True
        if self._breaker.answered():
            self._news.append(Paced("the partner is back"))

    def _renewed(self, job: _Job, response: Response) -> bool:
        """Return whether the partner asked for other credentials, and did not accept the request.

        So it is sent again, or, where nothing more is sent, stays open.
        """
        if job.renewals >= _RENEWALS or job.sent is None:
            return False
        try:
            if not self._credentials.renewed(job.sent, response):
                return False
        except Exception as error:  # noqa: BLE001 - raised again by `run`, once what is in flight is settled
            self._break(error)
        job.renewals += 1
        if self._stopping is None:
            self._look_at_credentials()
        return True

    def _tell_unread_wait(self, response: Response, outcome: Outcome) -> None:
        """Say once that a partner which asks for a wait does so in a form that is not understood."""
        if self._unread_told or outcome.retry_after is not None:
            return
        if place := self._classifier.unread_wait(response, outcome.rule):
            self._unread_told = True
            why = f"the partner asks for a wait {place}, which is not understood: the back-off of `limits` applies"
            self._news.append(Paced(f"{why}; `after: {{…, unit: …}}` of the rule says how it is read"))

    def _slow_down(self, response: Response, outcome: Outcome) -> None:
        now = time.monotonic()
        after = outcome.retry_after
        if after is None and response.status in SLOW_DOWN:
            after = retry_after(response.header("Retry-After") or "")
        if message := self._pacer.answered(response.status, now, after):
            final = not (outcome.retry and self._repeatable)
            settled = f"; the row is {outcome.kind} and is not sent again" if final else ""
            self._news.append(Paced(message + settled))
        if 0 < self._pace.patience <= self._pacer.refused_for(now):
            self.stop(StopReason.UNREACHABLE, f"the partner accepts nothing: it responds {response.status} each time")

    def _is_patient(self, exchanges: Sequence[Exchange], *, throttled: bool) -> bool:
        """Return whether the run waits as long as the partner asks; where it does not, say so once."""
        asked = max((each.outcome.retry_after or 0.0 for each in exchanges), default=0.0)
        most = max(self._longest_wait, LONGEST_PAUSE) if throttled else self._longest_wait
        if asked <= most:
            return True
        if self._repeatable and self._stopping is None and not self._impatience_told:
            self._impatience_told = True
            row = f"row {exchanges[0].transaction.row} is {exchanges[0].outcome.kind} and is not sent again"
            why = f"the partner asks to wait {asked:,.0f} s, more than the {most:,.0f} s that --patience allows"
            self._news.append(Paced(f"{why}: {row}, nor is any other that it answers so"))
        return False

    def _may_retry(self, job: _Job, *, free: bool) -> bool:
        return self._stopping is None and self._retries.granted(job.attempts - job.renewals, free=free)

    def _retry(self, job: _Job, exchanges: Sequence[Exchange]) -> None:
        after = max((each.outcome.retry_after for each in exchanges if each.outcome.retry_after), default=None)
        wait = self._retries.seconds(job.attempts - job.renewals, after)
        job.last = tuple(
            replace(each, result=each.result.shortened(WAITING_BYTES)) if isinstance(each.result, Response) else each
            for each in exchanges
        )  # hundreds may wait
        self._retries.put(job, time.monotonic() + wait)
        self._news.append(Retrying(exchanges[0], wait))
        if after is not None and wait >= _LONG_WAIT and not self._wait_told:
            self._wait_told = True
            asked = f"the partner asks to wait {after:,.0f} s"
            self._news.append(Paced(f"{asked}: row {exchanges[0].transaction.row} is sent again in {wait:,.0f} s"))

    def _not_sent(self, job: _Job, fault: Fault) -> None:
        """Nothing was received, so it may be tried again as long as patience lasts."""
        last = job.exchanges(fault, self._classifier)
        cancelled = fault.kind is FaultKind.CANCELLED
        if fault.kind not in SILENT and not cancelled:  # about this request alone, such as one that cannot be sent
            self._breaker.undecided()
            self._settle_all(job.as_it_stood(last))
            return
        if cancelled or self._stopping:
            self._ready.append(job)
            return
        now = time.monotonic()
        patient = self._pace.patience > 0
        if self._breaker.failed(now) and patient:
            most = f"trying again for {self._pace.patience:,g} s at most"
            self._news.append(Paced(f"the partner cannot be reached, {most}: {fault.message}"))
        # Where no TLS has stood before, none will: a certificate is wrong. Else a partner is going down, or coming up.
        hopeless = not patient or (fault.kind in LASTING and not self._reached)
        if hopeless:
            self._settle_all(job.as_it_stood(last))
        else:
            self._retries.put(job, now)
        if self._breaker.open and (hopeless or self._breaker.exhausted(now)):
            self.stop(StopReason.UNREACHABLE, f"the partner cannot be reached: {fault.message}")

    def _settle_all(self, exchanges: Iterable[Exchange]) -> None:
        for exchange in exchanges:
            self._settle(exchange)

    def _settle(self, exchange: Exchange) -> None:
        if not self._settled:
            self._oldest = time.monotonic()
        self._settled.append(exchange)
        result = exchange.result
        if result.__class__ is Response:
            self._settled_bytes += len(result.body)
        if self._first_row is not None:
            self._judge_first(self._first_row, exchange)
        self._obey(self._judge.judge(exchange))

    def _obey(self, verdict: Finished | None) -> None:
        if verdict is not None:
            self.stop(verdict.reason, verdict.message, verdict.status, verdict.row)

    def _flush(self) -> Settled:
        event = Settled(tuple(self._settled))
        self._retries.earn(len(self._settled))
        self._settled.clear()
        self._settled_bytes = 0
        return event

    def _end(self) -> Iterator[Event]:
        """Settle what had its attempts, withdraw what had none."""
        wrong = self._stopping is not None and self._stopping.reason is StopReason.SETUP
        if self._first_row is not None and self._is_first and not wrong:
            self._first_row.release(passed=False)
        unsent: list[Transaction] = []
        for job in (*self._ready, *self._retries):
            if job.attempts and job.last:
                self._settled += job.as_it_stood(())
            else:
                unsent += job.transactions
        if self._settled:
            yield self._flush()
        if unsent:
            yield Withdrawn(tuple(unsent))
        while self._news:
            yield self._news.popleft()


def _is_usual(results: Iterable[AttemptResult]) -> bool:
    """Return whether more may leave before these are judged: they are responses, some good, and none says slow down.

    Where all are bad, the set-up may be wrong, and nobody waits for speed.
    """
    good = False
    for each in results:
        if each.__class__ is not Response or each.status in SLOW_DOWN:
            return False
        good = good or each.status < _BAD
    return good


def _silence(fault: Fault) -> str:
    """Say that a request was sent and no response came, or only a part of one."""
    return "the partner does not respond" if fault.timings.first_byte == 0 else "the partner does not respond in full"
