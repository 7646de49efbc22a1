"""Turns a plan into its result: each partition of its rows is run by an executor, in this process or in several."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
import time
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.context import BaseContext
from typing import TYPE_CHECKING, Any

from rokt_export.delivery.events import Finished, Settled, StopReason
from rokt_export.delivery.plan import Plan
from rokt_export.delivery.run_counts import Tally
from rokt_export.delivery.worker import AT_ONCE, Brake, Common, Result, Watch, run_partition
from rokt_export.errors import ConfigurationError, ExitStatus

if TYPE_CHECKING:
    from rokt_export.journal import Journal

_ORPHANED = 5.0
"""Seconds that a worker has to write its results and end once its parent is gone or leaves."""
_SIGNALS = frozenset({signal.SIGINT, signal.SIGTERM, signal.SIGHUP})


def run_plan(plan: Plan, run_id: str, watch: Watch, brake: Brake, opened: Journal | None = None) -> Result:
    """Run all partitions and return their joint result.

    Args:
        plan: of the run.
        run_id: the run in the journal.
        watch: gets its progress.
        brake: stops it.
        opened: the journal, where this process has it open: only with one partition, as SQLite forbids that a
            connection is carried over a fork.

    Raises:
        RoktExportError: the first error of any partition; what was settled stays settled.
    """
    if plan.partitions == 1:
        return run_partition(plan, run_id, 0, watch, brake, Common(), opened)
    return _in_processes(plan, run_id, watch, brake)


def _in_processes(plan: Plan, run_id: str, watch: Watch, brake: Brake) -> Result:
    context = _context()
    level = context.Value("i", 0, lock=False)
    reports = context.SimpleQueue()
    given = (level, reports, Common.between(plan, context))
    pool = ProcessPoolExecutor(plan.partitions, mp_context=context, initializer=_start_worker, initargs=given)
    with pool:
        before = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)  # inherited: Ctrl-C must not hit one half-born
        try:
            futures = [pool.submit(_work, plan, run_id, index) for index in range(plan.partitions)]
            pool.submit(int)  # makes the pool look at its processes once more: it would not notice the last one's death
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        listener = threading.Thread(target=_listen, args=(reports, watch), daemon=True)
        listener.start()
        try:
            _wait(futures, level, brake)
        finally:
            with contextlib.suppress(OSError):
                reports.put(None)
            listener.join(2.0)
    return _together(futures)


class _Worker:
    """A process that runs partitions for its parent.

    Args:
        level: of the brake, set by the parent and by a worker that stops.
        reports: takes counts and messages.
        common: shared with the other workers.
    """

    def __init__(self, level: Any, reports: Any, common: Common) -> None:
        self._level = level
        self._reports = reports
        self._common = common
        self._brake: Brake | None = None
        self._leaving = False
        self._longest = 0.0

    def run(self, plan: Plan, run_id: str, index: int) -> Result:
        """Run a partition; unless it completes, all others stop too."""
        self._brake = Brake()
        self._longest = plan.pace.connect_timeout + plan.pace.timeout
        complete = False
        try:
            result = run_partition(plan, run_id, index, self, self._brake, self._common)
            complete = result.finished.reason is StopReason.COMPLETE
            return result
        finally:
            if not complete:  # here, because the others do not stop before
                _raise(self._level, 1)
            self._brake = None
            if self._leaving:
                self._leave_after(_ORPHANED)

    def tell(self, partition: int, tally: Tally, in_flight: int, messages: tuple[str, ...], waiting: str = "") -> None:
        """Pass on to the parent how far a partition has come; see `Watch`."""
        self._reports.put((partition, tally, in_flight, messages, waiting))

    def settled(self, event: Settled) -> None:
        """Do nothing: rows stay in their process, only counts are sent to the parent."""

    def terminate(self, _number: int, _frame: object) -> None:
        """Stop all workers, and then leave: from a pool that is broken no further word comes (a signal handler).

        Responses are waited for only so long: a worker that was killed may have held a lock.
        """
        self._leaving = True
        _raise(self._level, 1)
        self._leave_after(_ORPHANED if self._brake is None else _ORPHANED + self._longest)

    def follow(self) -> None:
        """Follow the parent's brake while the parent lives; leave at once when it was killed."""
        parent = multiprocessing.parent_process()
        level = 0
        while parent is not None and os.getppid() == parent.pid:
            before, level = level, self._level.value
            if (brake := self._brake) is not None:
                brake.press(level)
            if before < AT_ONCE <= level:
                self._leave_after(_ORPHANED)
            time.sleep(0.05)
        until = time.monotonic() + _ORPHANED
        while (brake := self._brake) is not None and time.monotonic() < until:
            brake.press(AT_ONCE)
            time.sleep(0.01)
        os._exit(ExitStatus.INTERRUPTED)

    def _leave_after(self, seconds: float) -> None:
        timer = threading.Timer(seconds, os._exit, (ExitStatus.INTERRUPTED,))
        timer.daemon = True
        timer.start()


_worker: _Worker
"""This process, where it is a worker; set once when it starts."""


def _start_worker(level: Any, reports: Any, common: Common) -> None:
    """Ignore Ctrl-C and a lost terminal, which the parent handles; SIGTERM may be for this worker alone."""
    global _worker
    _worker = _Worker(level, reports, common)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _worker.terminate)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
    threading.Thread(target=_worker.follow, name="brake", daemon=True).start()


def _work(plan: Plan, run_id: str, index: int) -> Result:
    _keep_to_a_core(index, plan.partitions)
    return _worker.run(plan, run_id, index)


def _keep_to_a_core(index: int, workers: int) -> None:
    """Pin each worker to a core where each core has one: moved, it would lose its caches and wait for another.

    If something else needs a core, its worker claims fewer rows, and the others more.
    """
    if hasattr(os, "sched_setaffinity"):
        cores = sorted(os.sched_getaffinity(0))
        if workers >= len(cores):
            with contextlib.suppress(OSError):
                os.sched_setaffinity(0, {cores[index % len(cores)]})


def _raise(level: Any, to: int) -> None:
    """Raise the level without a lock, which a killed process might hold: the parent repeats it."""
    level.value = max(level.value, to)


def _context() -> BaseContext:
    """Fork where it is safe, which is at once; a process with threads is started anew."""
    forks = "fork" in multiprocessing.get_all_start_methods() and threading.active_count() == 1
    return multiprocessing.get_context("fork" if forks else "spawn")


def _listen(reports: Any, watch: Watch) -> None:
    while (item := reports.get()) is not None:
        watch.tell(*item)


def _wait(futures: list[Future[Result]], level: Any, brake: Brake) -> None:
    """Wait for all partitions; one that fails, or stops by a rule, stops the others."""
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
    other = [finished for finished in stopped if finished.reason is not StopReason.INTERRUPTED]
    return Result(tally, (other or stopped or [Finished(StopReason.COMPLETE)])[0])
