"""Turns a plan into its result: each partition of its rows is run in this process, or in one of its own."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
import time
import traceback
from collections.abc import Sequence
from dataclasses import replace
from multiprocessing.connection import Connection, wait
from multiprocessing.context import BaseContext
from typing import TYPE_CHECKING, Any

from rokt_export.delivery.events import Finished, Settled, StopReason
from rokt_export.delivery.plan import Plan
from rokt_export.delivery.run_counts import Tally
from rokt_export.delivery.shared_counts import FirstRow, LocalNumbers, SharedMark, first_numbers
from rokt_export.delivery.worker import AT_ONCE, PartitionContext, Result, StopRequest, Watch, run_partition
from rokt_export.errors import ExitStatus, WorkerError
from rokt_export.exchange.delivery import LeftOut

if TYPE_CHECKING:
    from rokt_export.journal import Journal

_ORPHANED = 5.0
"""Seconds that a worker has to write its results and end once its parent is gone or leaves."""
_ROUNDS = 3
"""How often workers are started: after the first time, for the rows that dead ones have left."""
_SIGNALS = frozenset({signal.SIGINT, signal.SIGTERM, signal.SIGHUP})


def run_plan(plan: Plan, run_id: str, watch: Watch, brake: StopRequest, opened: Journal | None = None) -> Result:
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
        common = PartitionContext(LocalNumbers(first=first_numbers(plan.recorded)))
        return run_partition(plan, run_id, 0, watch, brake, common, opened)
    return _in_processes(plan, run_id, watch, brake)


def _in_processes(plan: Plan, run_id: str, watch: Watch, brake: StopRequest) -> Result:
    """Run all partitions in processes of their own.

    If one dies, the others go on. Then all go through the input once more, for the rows that it had claimed and not
    intended, as a resume would; what it may have sent stays `unknown`.
    """
    context = _context()
    level = context.Value("i", 0, lock=False)
    common = PartitionContext.between(plan, context)
    ended: list[Result] = []
    for turn in range(_ROUNDS):
        crew = _WorkerProcesses(context, plan, run_id, watch, turn * plan.partitions)
        crew.start(level, common)
        found = crew.work(level, brake)
        ended = found if turn == 0 else [*sent_by(ended), *found_by(found)]
        if not crew.deaths or stopped(ended) or brake.level:
            break
        FirstRow(common.numbers).reopen()
        common = replace(common, mark=SharedMark(context))
        plan = replace(plan, selection=replace(plan.selection, unknown=False))
    else:
        raise WorkerError(
            f"worker processes died in each of {_ROUNDS} turns: they were killed, or memory ran out",
            remedy="Look for the reason in the system's log; then resume the run, perhaps with fewer --workers.",
        )
    return together(ended)


class _WorkerProcesses:
    """The processes of one turn, each of which runs a partition.

    Args:
        plan: of the run.
        run_id: the run in the journal.
        watch: gets its progress.
        before: partitions of earlier turns, which the watch still counts.

    Attributes:
        deaths: how many processes ended without a result.
    """

    def __init__(self, context: BaseContext, plan: Plan, run_id: str, watch: Watch, before: int) -> None:
        self._context = context
        self._plan = plan
        self._run_id = run_id
        self._watch = watch
        self._before = before
        self._tallies = [Tally() for _ in range(plan.partitions)]
        self._processes: list[Any] = []
        self._pipes: dict[Any, int] = {}
        self.deaths = 0

    def start(self, level: Any, common: PartitionContext) -> None:
        """Start the processes, while signals wait: Ctrl-C must not hit one half-born."""
        before = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)  # inherited
        try:
            for index in range(self._plan.partitions):
                receiving, sending = self._context.Pipe(duplex=False)
                given = (sending, level, common, self._plan, self._run_id, index)
                process = self._context.Process(target=_work, args=given)  # type: ignore[attr-defined]
                process.start()
                sending.close()  # so that the pipe ends with the process
                self._processes.append(process)
                self._pipes[receiving] = index
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def work(self, level: Any, brake: StopRequest) -> list[Result]:
        """Wait for all processes, and return their results; one that fails, or stops by a rule, stops the others.

        Raises:
            RoktExportError: the first error of any.
        """
        results: list[Result] = []
        errors: list[BaseException] = []
        try:
            while self._pipes:
                _raise(level, brake.level)
                for pipe in wait(list(self._pipes), timeout=0.05):
                    found = self._received(pipe)
                    if isinstance(found, BaseException):
                        errors.append(found)
                    elif found is not None:
                        results.append(found)
                    if errors or stopped(results):
                        _raise(level, 1)
        finally:
            _raise(level, 1 if self._pipes else 0)
            for process in self._processes:
                process.join()
        if errors:
            raise errors[0]
        return results

    def _received(self, pipe: Any) -> Result | BaseException | None:
        """Take what a process says; return its result, once it has one."""
        index = self._pipes[pipe]
        try:
            said = pipe.recv()
        except (EOFError, OSError):
            del self._pipes[pipe]
            return self._died(index)
        if isinstance(said, Result | BaseException):
            del self._pipes[pipe]
            return said
        tally, in_flight, messages, waiting = said
        if self._before:
            del tally.left_out[LeftOut.DONE_BEFORE]  # earlier turns have counted these rows
        self._tallies[index] = tally
        self._watch.tell(self._before + index, tally, in_flight, messages, waiting)
        return None

    def _died(self, index: int) -> Result:
        """Return what is known of a process that died, as it last said."""
        self.deaths += 1
        process, tally = self._processes[index], self._tallies[index]
        process.join()
        how = f"signal {-process.exitcode}" if process.exitcode < 0 else f"exit status {process.exitcode}"
        words = f"a worker process died ({how}): its rows go to the others; those that it had in flight are unknown"
        tally.notes.append(words)
        self._watch.tell(self._before + index, tally, 0, (words,))
        return Result(tally, Finished(StopReason.COMPLETE), deaths=1)


def stopped(results: Sequence[Result]) -> bool:
    """Return whether a partition has ended before its end, so that the others are to stop too."""
    return any(result.finished.reason is not StopReason.COMPLETE for result in results)


def sent_by(earlier: list[Result]) -> list[Result]:
    """Return results of earlier turns without what the last one, which goes over the whole input, has seen too."""
    for result in earlier:
        result.tally.forget_left_out()
    return earlier


def found_by(last: list[Result]) -> list[Result]:
    """Return results of a further turn without the rows that it passed over, as earlier ones had settled them."""
    for result in last:
        del result.tally.left_out[LeftOut.DONE_BEFORE]
    return last


class _Worker:
    """A process that runs partitions for its parent.

    Args:
        level: of the brake, set by the parent and by a worker that stops.
        parent: takes counts and messages.
        common: shared with the other workers.
    """

    def __init__(self, level: Any, parent: Connection, common: PartitionContext) -> None:
        self._level = level
        self._parent = parent
        self._common = common
        self._brake: StopRequest | None = None
        self._leaving = False
        self._longest = 0.0

    def run(self, plan: Plan, run_id: str, index: int) -> Result:
        """Run a partition; unless it completes, all others stop too."""
        self._brake = StopRequest()
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

    def tell(self, _: int, tally: Tally, in_flight: int, messages: tuple[str, ...], waiting: str = "") -> None:
        """Pass on to the parent how far this partition has come; see `Watch`."""
        with contextlib.suppress(OSError):  # the parent is gone: see `follow`
            self._parent.send((tally, in_flight, messages, waiting))

    def settled(self, event: Settled) -> None:
        """Do nothing: rows stay in their process, only counts are sent to the parent."""

    def terminate(self, _number: int, _frame: object) -> None:
        """Stop all workers, and then leave (a signal handler).

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


def _work(parent: Connection, level: Any, common: PartitionContext, plan: Plan, run_id: str, index: int) -> None:
    """Run a partition in a process of its own, and send its result, or what went wrong.

    Ctrl-C and a lost terminal are for the parent to handle; SIGTERM may be for this worker alone.
    """
    worker = _Worker(level, parent, common)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, worker.terminate)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
    threading.Thread(target=worker.follow, name="brake", daemon=True).start()
    _keep_to_a_core(index, plan.partitions)
    said: Result | BaseException
    try:
        said = worker.run(plan, run_id, index)
    except BaseException as error:  # noqa: BLE001 - raised again by the parent
        error.add_note("".join(traceback.format_exception(error)))
        said = error
    with contextlib.suppress(OSError):
        parent.send(said)


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


def together(results: list[Result]) -> Result:
    """Return the joint result of all partitions: why one stopped outweighs that the others were complete."""
    tally = Tally()
    for result in results:
        tally.merge(result.tally)
    early = [result.finished for result in results if result.finished.reason is not StopReason.COMPLETE]
    other = [finished for finished in early if finished.reason is not StopReason.INTERRUPTED]
    deaths = sum(result.deaths for result in results)
    return Result(tally, (other or early or [Finished(StopReason.COMPLETE)])[0], deaths=deaths)
