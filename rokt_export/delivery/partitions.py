"""Turns a plan into its result: each partition of the rows is run by an executor, in this process or in several."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
import time
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from math import ceil
from multiprocessing.context import BaseContext
from typing import Any, Protocol

from rokt_export.delivery.bookkeeping import FIRST_RECORDED, Bookkeeper
from rokt_export.delivery.credentials import Credentials
from rokt_export.delivery.engine import Engine, EngineOptions
from rokt_export.delivery.events import Event, Finished, Intended, Paced, Progress, Settled, StopReason
from rokt_export.delivery.feed import FileFeed, LiveFeed
from rokt_export.delivery.misses import Misses, SharedMisses
from rokt_export.delivery.plan import FileRows, Plan
from rokt_export.delivery.retrying import RetryPolicy
from rokt_export.delivery.sameness import identity_of
from rokt_export.delivery.secrecy import PersonalData, redactor_for
from rokt_export.delivery.selecting import select
from rokt_export.delivery.sourcing import Source, damage_in, is_live, source
from rokt_export.delivery.tally import Tally
from rokt_export.delivery.tokens import SharedStore
from rokt_export.delivery.transport import Transport, TransportOptions
from rokt_export.errors import ConfigurationError, ExitStatus
from rokt_export.exchange.classify import Classifier
from rokt_export.exchange.render import Renderer
from rokt_export.exchange.signing import filler
from rokt_export.redaction import Redactor
from rokt_export.spec.authentication import MutualTls, OAuth2

_TELL_EVERY = 0.2
_ORPHANED = 5.0
"""Seconds that a worker whose parent is gone has to write down what it knows, and to end."""


class Watch(Protocol):
    """Who follows a run from outside."""

    def tell(self, partition: int, tally: Tally, in_flight: int, messages: tuple[str, ...]) -> None:
        """Hear how far a partition has come: its counts from the start, and what is new to say."""

    def settled(self, event: Settled) -> None:
        """Hear of settled exchanges, where the partition runs in this process."""


@dataclass(slots=True)
class Brake:
    """What a person asked for while it runs: 0 = nothing, 1 = stop and wait for answers, 2 = leave at once."""

    level: int = 0
    _engines: list[Engine] = field(default_factory=list)

    def attach(self, engine: Engine) -> None:
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
    """What became of a run, or of one partition.

    Attributes:
        tally: the counts.
        finished: how it ended.
    """

    tally: Tally
    finished: Finished


def run_plan(plan: Plan, run_id: str, watch: Watch, brake: Brake) -> Result:
    """Run all partitions and return what they came to together.

    Raises:
        RoktExportError: the first error of any partition; what was settled stays settled.
    """
    if plan.partitions == 1:
        return run_partition(plan, run_id, 0, watch, brake)
    return _in_processes(plan, run_id, watch, brake)


def run_partition(plan: Plan, run_id: str, index: int, watch: Watch, brake: Brake) -> Result:
    """Run one partition in this process.

    Raises:
        JournalError: the journal cannot be written; nothing more was sent.
        TransactionsError: the input cannot be read further.
        ConfigurationError, SpecError: the plan does not make requests.
        UnreachableError: a token server cannot be reached, or refuses.
    """
    from rokt_export.delivery.journal import Journal

    pace = plan.pace.share(index, plan.partitions)
    renderer = Renderer(plan.spec, plan.environment, plan.variables, base_url=plan.destination.base_url)
    redactor = redactor_for(plan.spec, plan.environment, plan.variables, key=plan.redaction_key)
    options = transport_options(plan, renderer, pace.concurrency)
    tally = Tally()
    with Journal.open(plan.journal) as journal, Transport(options) as transport:
        writer = journal.attach(run_id)
        credentials = credentials_for(plan, renderer, options, redactor)
        transactions = source(plan, index)
        feed = _feed(plan, transactions, writer, tally, transport)
        engine_options = EngineOptions(
            concurrency=pace.concurrency,
            rate=pace.rate,
            retry=RetryPolicy(pace.attempts, pace.backoff, pace.backoff_limit, plan.spec.repeatable),
            patience=pace.patience,
            stop=pace.stop,
        )
        classifier = Classifier(plan.spec.responses)
        engine = Engine(feed, renderer, classifier, transport, credentials, engine_options, _misses())
        keeper = Bookkeeper(
            writer,
            redactor,
            PersonalData(plan.spec, renderer),
            identity_of(plan.spec),
            plan.recordings,
            plan.expected,
            again=plan.selection.delivered,
            doubtful=plan.selection.unknown,
            first=ceil(FIRST_RECORDED / plan.partitions),
        )
        brake.attach(engine)
        teller = _Teller(index, tally, watch)
        finished = Finished(StopReason.COMPLETE)
        try:
            for event in engine.run():
                if taken := keeper(event):
                    engine.withhold(taken)
                    for why in taken.values():
                        tally.leave_out(why)
                teller(event)
                if isinstance(event, Finished):
                    finished = event
        finally:
            teller.last()
        if isinstance(feed, LiveFeed):  # nobody could look at these rows before they were sent
            tally.notes.extend(damage_in(transactions))
        return Result(tally, finished)


@dataclass(slots=True)
class _Teller:
    """Counts, and tells the watch now and then."""

    index: int
    tally: Tally
    watch: Watch
    _told: float = 0.0
    _in_flight: int = 0
    _messages: list[str] = field(default_factory=list)

    def __call__(self, event: Event) -> None:
        match event:
            case Settled():
                self._settled(event)
            case Intended(_, settled) if settled.exchanges:
                self._settled(settled)
            case Paced(message):
                self._messages.append(message)
            case Progress(in_flight):
                self._in_flight = in_flight
        now = time.monotonic()
        if self._messages or now - self._told >= _TELL_EVERY:
            self._told = now
            self.last()

    def _settled(self, event: Settled) -> None:
        self.tally.add(event.exchanges)
        self.watch.settled(event)

    def last(self) -> None:
        self.watch.tell(self.index, self.tally, self._in_flight, tuple(self._messages))
        self._messages.clear()


def _feed(plan: Plan, transactions: Source, writer: Any, tally: Tally, transport: Transport) -> FileFeed | LiveFeed:
    live = isinstance(plan.rows, FileRows) and is_live(plan.rows)
    chosen = select(iter(transactions), plan.selection, writer, identity_of(plan.spec), tally, ahead=1 if live else 500)
    return LiveFeed(chosen, transport.wake) if live else FileFeed(chosen)


def transport_options(plan: Plan, renderer: Renderer, connections: int) -> TransportOptions:
    """Return how an environment's endpoint is connected to."""
    environment, fill = renderer.environment, filler(plan.variables)
    tls = environment.tls
    certificate = next((item for item in environment.authentication or () if isinstance(item, MutualTls)), None)
    ca_file = fill(tls.ca_file) if tls is not None and tls.ca_file else None
    return TransportOptions(
        connect_timeout=plan.pace.connect_timeout,
        timeout=plan.pace.timeout,
        max_response=plan.pace.max_response,
        http_version=environment.http_version,
        verify=tls is None or tls.verify,
        ca_file=plan.destination.ca_file or ca_file,
        client_certificate=fill(certificate.certificate) if certificate else None,
        client_key=fill(certificate.key) if certificate and certificate.key else None,
        client_key_password=fill(certificate.key_password) if certificate and certificate.key_password else None,
        proxy="" if plan.destination.base_url else fill(environment.proxy) if environment.proxy else None,
        max_connections=connections,
    )


def credentials_for(plan: Plan, renderer: Renderer, options: TransportOptions, redactor: Redactor) -> Credentials:
    """Return what authenticates each attempt; tokens are made known to the redactor as they come into being."""
    return Credentials(
        renderer,
        plan.variables,
        trust=options.ca_file or True if options.verify else False,
        proxy=options.proxy,
        base_url=plan.destination.base_url,
        reveal=redactor.add_secret,
        stores=_worker.get("tokens", ()),
    )


_SIGNALS = frozenset({signal.SIGINT, signal.SIGTERM})
_worker: dict[str, Any] = {}
"""This worker process's channels, set once when it starts."""


def _start_worker(level: Any, told: Any, tokens: tuple[SharedStore, ...], misses: SharedMisses) -> None:
    """A worker leaves Ctrl-C to its parent, which asks it to stop; SIGTERM may be for it alone."""
    _worker.update(level=level, told=told, tokens=tokens, misses=misses)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _terminate)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
    threading.Thread(target=_follow, name="brake", daemon=True).start()


def _terminate(_number: int, _frame: object) -> None:
    """Stop all workers, and then leave: from a pool that is broken no further word comes."""
    _worker["leaving"] = True
    _raise(_worker["level"], 1)
    if _worker.get("brake") is None:
        _leave_soon()


def _leave_soon() -> None:
    timer = threading.Timer(_ORPHANED, os._exit, (ExitStatus.INTERRUPTED,))
    timer.daemon = True
    timer.start()


def _misses() -> Misses:
    shared: Misses | None = _worker.get("misses")
    return shared or Misses()


class _PostingWatch:
    """Passes on what a worker process tells to its parent."""

    def tell(self, partition: int, tally: Tally, in_flight: int, messages: tuple[str, ...]) -> None:
        """Post the counts."""
        _worker["told"].put((partition, tally, in_flight, messages))

    def settled(self, event: Settled) -> None:
        """Keep rows where they are: only counts travel."""


def _work(plan: Plan, run_id: str, index: int) -> Result:
    brake = _worker["brake"] = Brake()
    complete = False
    try:
        result = run_partition(plan, run_id, index, _PostingWatch(), brake)
        complete = result.finished.reason is StopReason.COMPLETE
        return result
    finally:
        if not complete:  # here, because the others go on until they hear of it
            _raise(_worker["level"], 1)
        _worker["brake"] = None
        if _worker.get("leaving"):
            _leave_soon()


def _follow() -> None:
    """Pass on what the parent asks, as long as it lives; a worker whose parent was killed leaves at once."""
    parent = multiprocessing.parent_process()
    while parent is not None and os.getppid() == parent.pid:
        if (brake := _worker.get("brake")) is not None:
            brake.press(_worker["level"].value)
        time.sleep(0.05)
    until = time.monotonic() + _ORPHANED
    while (brake := _worker.get("brake")) is not None and time.monotonic() < until:
        brake.press(2)
        time.sleep(0.01)
    os._exit(ExitStatus.INTERRUPTED)


def _raise(level: Any, to: int) -> None:
    """Ask for more. Without a lock, which a process that is killed might hold: the parent says it again and again."""
    level.value = max(level.value, to)


def _in_processes(plan: Plan, run_id: str, watch: Watch, brake: Brake) -> Result:
    context = _context()
    level = context.Value("i", 0, lock=False)
    told = context.SimpleQueue()
    authentications = plan.spec.environment(plan.environment).authentication or ()
    tokens = tuple(SharedStore(context) for item in authentications if isinstance(item, OAuth2))
    channels = (level, told, tokens, SharedMisses(context))
    pool = ProcessPoolExecutor(plan.partitions, mp_context=context, initializer=_start_worker, initargs=channels)
    with pool:
        before = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)  # inherited: Ctrl-C must not hit one half-born
        try:
            futures = [pool.submit(_work, plan, run_id, index) for index in range(plan.partitions)]
            pool.submit(int)  # makes the pool look at its processes once more: it would not notice the last one's death
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        listener = threading.Thread(target=_listen, args=(told, watch), daemon=True)
        listener.start()
        try:
            _wait(futures, level, brake)
        finally:
            with contextlib.suppress(OSError):
                told.put(None)
            listener.join(2.0)
    return _together(futures)


def _context() -> BaseContext:
    """Fork where it is safe, which is at once; a process with threads is started anew."""
    forks = "fork" in multiprocessing.get_all_start_methods() and threading.active_count() == 1
    return multiprocessing.get_context("fork" if forks else "spawn")


def _listen(told: Any, watch: Watch) -> None:
    while (item := told.get()) is not None:
        watch.tell(*item)


def _wait(futures: list[Future[Result]], level: Any, brake: Brake) -> None:
    """Wait for all; one that fails, or stops by a rule, stops the others."""
    pending = set(futures)
    while pending:
        _raise(level, brake.level)
        done = {future for future in pending if future.done()}
        pending -= done
        for future in done:
            failed = future.exception() is not None
            if failed or future.result().finished.reason is not StopReason.COMPLETE:
                _raise(level, 1)
        if pending and not done:
            with contextlib.suppress(TimeoutError, Exception):
                next(iter(pending)).result(timeout=0.05)


def _together(futures: list[Future[Result]]) -> Result:
    error = next((error for future in futures if (error := future.exception()) is not None), None)
    if isinstance(error, BrokenProcessPool):
        raise ConfigurationError(
            "a worker process died: it was killed, or memory ran out",
            remedy="Look for the reason in the system's log; then resume the run, perhaps with fewer --workers.",
        ) from error
    if error is not None:
        raise error
    results = [future.result() for future in futures]
    tally = Tally()
    for result in results:
        tally.merge(result.tally)
    stopped = [result.finished for result in results if result.finished.reason is not StopReason.COMPLETE]
    told = [finished for finished in stopped if finished.reason is not StopReason.INTERRUPTED]
    return Result(tally, (told or stopped or [Finished(StopReason.COMPLETE)])[0])
