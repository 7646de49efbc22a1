"""The steps of a row's way through the package, each taken by itself and timed in CPU seconds."""

from __future__ import annotations

import gc
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TypeVar

from bench import workload
from bench.peers.model import Job
from bench.peers.ours import fresh
from rokt_export.delivery.attempt_credentials import AttemptCredentials
from rokt_export.delivery.engine import Engine
from rokt_export.delivery.events import Event, Intended, Settled
from rokt_export.delivery.input_feed import FileFeed
from rokt_export.delivery.journal_listener import Bookkeeper
from rokt_export.delivery.plan import Pace
from rokt_export.delivery.redaction_setup import PersonalData, redactor_for
from rokt_export.exchange.delivery import KeptRecordings
from rokt_export.exchange.model import AttemptResult, Exchange, Request
from rokt_export.journal import Journal, RunWriter
from rokt_export.partner_spec.loading import load_spec
from rokt_export.partner_spec.references import attribute_names
from rokt_export.request.render import Renderer
from rokt_export.response.classify import Classifier
from rokt_export.transactions.source_options import SourceOptions
from rokt_export.transactions.sources import open_transactions
from rokt_export.transactions.transaction import Transaction
from rokt_export.transport import Transport, TransportOptions

ENGINE = "the engine with all steps"

_ENVIRONMENT = "staging"
_VARIABLES = {workload.TOKEN_VARIABLE: workload.TOKEN}

T = TypeVar("T")


class Steps:
    """The steps over one job; what one makes, the next is given.

    Args:
        job: the rows, where to send them, and how many at once.
    """

    def __init__(self, job: Job) -> None:
        self._job = job
        file = job.workload.folder / "profile.yaml"
        file.write_text(workload.spec(job.url, concurrency=job.concurrency), encoding="utf-8")
        self._loaded = load_spec(file)
        self._spec = self._loaded.spec
        self._renderer = Renderer(self._spec, _ENVIRONMENT, _VARIABLES)
        self._credentials = AttemptCredentials(self._renderer, _VARIABLES)
        self._classifier = Classifier(self._spec.responses)

    def measure(self) -> Iterator[tuple[str, float]]:
        """Yield each step and its CPU seconds for all rows, last the engine with all of them.

        The engine is run first all the same: the journal alone is given batches as large as the engine made them.
        """
        whole, batch = self._engine()
        yield "read: file to transactions", timed(lambda: deque(self._source(), maxlen=0))[0]
        transactions = list(self._source())
        seconds, requests = timed(partial(self._render, transactions))
        yield "render: transaction to signed request", seconds
        seconds, results = timed(partial(self._send, requests))
        yield "curl: request to response", seconds
        seconds, outcomes = timed(lambda: [self._classifier.classify(result) for result in results])
        yield "classify: response to outcome", seconds
        ways = zip(transactions, requests, results, outcomes, strict=True)
        exchanges = [Exchange(*way, attempts=1, started=time.time()) for way in ways]
        events = list(_events(exchanges, batch))
        journal = self._keep(events, _WriterAlone)
        redacted = self._keep(events, partial(self._bookkeeper, recordings=KeptRecordings.NONE))
        yield "redact: exchange to delivery", redacted - journal
        yield "record: the first exchanges kept whole", self._keep(events, self._bookkeeper) - redacted
        yield "journal: intended, then settled", journal
        yield ENGINE, whole

    def _source(self) -> Iterator[Transaction]:
        options = SourceOptions(wanted=attribute_names(self._spec))
        return iter(open_transactions([str(self._job.workload.csv)], options=options))

    def _render(self, transactions: Sequence[Transaction]) -> list[Request]:
        return [self._credentials.on(self._renderer.render(transaction)) for transaction in transactions]

    def _send(self, requests: Sequence[Request]) -> list[AttemptResult]:
        """As many in flight as the job says, results in the order of the requests."""
        results: dict[int, AttemptResult] = {}
        waiting = iter(enumerate(requests))
        with self._transport() as transport:
            while len(results) < len(requests):
                while transport.in_flight < self._job.concurrency and (item := next(waiting, None)):
                    transport.start(*item)
                results.update(transport.poll(1.0))
        return [results[index] for index in range(len(requests))]

    def _transport(self) -> Transport:
        return Transport(TransportOptions(max_connections=self._job.concurrency))

    def _keep(self, events: Sequence[Event], keeper_of: Callable[[RunWriter], Callable[[Event], None]]) -> float:
        """CPU seconds of keeping the journal of these events."""
        with self._journal() as writer:
            return timed(partial(deque, map(keeper_of(writer), events), maxlen=0))[0]

    def _bookkeeper(self, writer: RunWriter, recordings: KeptRecordings = KeptRecordings.SOME) -> Bookkeeper:
        redactor = redactor_for(self._spec, _ENVIRONMENT, _VARIABLES)
        return Bookkeeper(writer, redactor, PersonalData(self._spec, self._renderer), (), recordings)

    @contextmanager
    def _journal(self) -> Iterator[RunWriter]:
        with Journal.open(fresh(self._job.workload.folder / "journal.sqlite")) as journal:
            yield journal.begin(
                command="replay",
                partner=self._spec.partner,
                environment=_ENVIRONMENT,
                spec_file=self._loaded.document.file,
                spec_sha256=self._loaded.sha256,
            )

    def _engine(self) -> tuple[float, int]:
        """CPU seconds of the engine with everything, and how many exchanges it settled at a time."""
        settled = 0

        def keep(event: Event) -> None:
            nonlocal settled
            settled += isinstance(event, Settled) or (isinstance(event, Intended) and bool(event.settled.exchanges))
            keeper(event)

        pace = Pace(concurrency=self._job.concurrency)
        with self._journal() as writer, self._transport() as transport:
            keeper = self._bookkeeper(writer)
            feed = FileFeed(self._source())
            engine = Engine(feed, self._renderer, self._classifier, transport, self._credentials, pace)
            seconds, _ = timed(lambda: deque(map(keep, engine.run()), maxlen=0))
        return seconds, max(1, self._job.workload.rows // max(1, settled))


class _WriterAlone:
    """Keeps the journal of exchanges that need no redaction."""

    def __init__(self, writer: RunWriter) -> None:
        self._writer = writer

    def __call__(self, event: Event) -> None:
        match event:
            case Intended(transactions, settled):
                items = [(each.row, each.id, None) for each in transactions]
                self._writer.intend(items, settled=(settled.deliveries, {}))
            case Settled():
                self._writer.settle(event.deliveries)


def _events(exchanges: Sequence[Exchange], batch: int) -> Iterator[Event]:
    """As the engine yields them: what is over goes with what begins."""
    over = Settled()
    for start in range(0, len(exchanges), batch):
        part = tuple(exchanges[start : start + batch])
        yield Intended(tuple(exchange.transaction for exchange in part), over)
        over = Settled(part)
    yield over


def timed(action: Callable[[], T]) -> tuple[float, T]:
    """CPU seconds of an action in this process, and its result.

    What lives already is kept out of the garbage collector's sight: a replay holds a few rows at a time, the rig all.
    """
    gc.collect()
    gc.freeze()
    try:
        began = time.process_time()
        result = action()
        return time.process_time() - began, result
    finally:
        gc.unfreeze()
