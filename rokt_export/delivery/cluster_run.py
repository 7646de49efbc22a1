"""Drives a run on a cluster: gives out its partitions, and follows the workers by their leases in the journal."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from rokt_export.delivery.cluster import Cluster, WorkersDiedError
from rokt_export.delivery.cluster_task import WorkerResult
from rokt_export.delivery.events import Finished, StopReason
from rokt_export.delivery.lease import BRAKE, FIRST_COUNTS, WorkerLease, leases_of
from rokt_export.delivery.plan import Plan
from rokt_export.delivery.run_counts import Tally
from rokt_export.delivery.shared_counts import FirstRow, first_numbers
from rokt_export.delivery.worker import Result, StopRequest, Watch, journal_of
from rokt_export.delivery.workers import found_by, sent_by, stopped, together
from rokt_export.errors import JournalError, LeaseLostError, RoktExportError, WorkerError
from rokt_export.exchange.delivery import LeftOut

if TYPE_CHECKING:
    from distributed import Future

    from rokt_export.journal import Journal
    from rokt_export.journal.leases import LeaseProgress, Leases
    from rokt_export.transactions.partitions import Partition

_STEP = 0.1
_LOOK_EVERY = 0.25
"""Seconds between two looks at how far the workers have come."""
_ROUNDS = 3
"""Workers that may be lost with one partition before the run gives up."""
_AHEAD = 2
"""Partitions that are given out for each worker: the next is there when one is done."""
_SILENT = 10.0
"""Seconds after the end of its lease until a worker that is silent loses its partitions."""
_BEGIN = 15.0
"""Seconds after which a worker that has begun none of its partitions loses them: a lease of before may last for 8."""
_BEGIN_AT_THE_END = 1.0
"""The same in a run that is stopped."""
_WATCH_EVERY = 1.0
"""Seconds between two looks at which workers have begun."""
_PASSED = 60.0
"""Seconds for which such a worker gets nothing, while others do."""
_LEAVE = 10.0
"""Seconds on top of an attempt's timeout that workers have to end once nobody tells them anything more."""


def run_plan(
    cluster: Cluster, partitions: Sequence[Partition]
) -> Callable[[Plan, str, Watch, StopRequest, Journal | None], Result]:
    """Return what runs a plan on a cluster, as `workers.run_plan` does on this machine."""

    def run(plan: Plan, run_id: str, watch: Watch, brake: StopRequest, opened: Journal | None) -> Result:
        with journal_of(plan, opened) as journal:
            return _Run(cluster, plan, run_id, watch, brake, leases_of(journal, plan, run_id)).run(partitions)

    return run


@dataclass(slots=True)
class _Run:
    """Drives one run: gives out its partitions, and follows the workers by their leases in the journal."""

    cluster: Cluster
    plan: Plan
    run_id: str
    watch: Watch
    brake: StopRequest
    leases: Leases
    waiting: deque[Partition] = field(default_factory=deque)
    given: dict[int, tuple[Future[WorkerResult], Partition]] = field(default_factory=dict)
    attempts: Counter[int] = field(default_factory=Counter)
    """Partition to how often it was given out and may have been begun."""
    submitted: Counter[int] = field(default_factory=Counter)
    """Partition to how often it was given out."""
    losses: Counter[int] = field(default_factory=Counter)
    """Partition to how many workers were lost with it."""
    again: dict[int, Partition] = field(default_factory=dict)
    """Partitions of which a worker may have left rows."""
    results: list[Result] = field(default_factory=list)
    errors: list[BaseException] = field(default_factory=list)
    holders: dict[int, str] = field(default_factory=dict)
    """Partition to the lease of the worker that was last seen with it."""
    ended: dict[str, float] = field(default_factory=dict)
    """Lease that has ended, though its worker has not, to the monotonic seconds at which that was seen."""
    silent: set[str] = field(default_factory=set)
    """Workers that do not renew their lease, and get nothing more."""
    begun: set[int] = field(default_factory=set)
    """Partitions of which a worker has the lease, or had it when it ended."""
    unbegun: dict[str, tuple[float, float | None]] = field(default_factory=dict)
    """Worker that has partitions and has begun none, to the monotonic seconds since when, and when it was seen then."""
    passed: dict[str, float] = field(default_factory=dict)
    """Worker that gets nothing, as it does not begin what it has, to the monotonic seconds until when."""
    unheard: dict[str, float | None] = field(default_factory=dict)
    """Silent worker without a lease, to when the scheduler last heard of it."""
    late: list[str] = field(default_factory=list)
    """Workers that the run waits for until they begin, as there is no other."""
    said: set[str] = field(default_factory=set)
    """Workers of which it was said that they do not begin."""
    watched: float = 0.0
    seen: dict[str, int] = field(default_factory=dict)
    """Lease to its number in the watch."""
    heard: dict[str, int] = field(default_factory=dict)
    """Lease to how many of its messages were passed on."""
    away: bool = False
    """Whether the journal's server could not be reached when it was last asked."""
    pressed: int = 0
    workers: int = 1
    alone_since: float | None = None
    """Monotonic seconds since when there has been no worker."""

    def run(self, partitions: Sequence[Partition]) -> Result:
        """Run all partitions, and return their joint result.

        Raises:
            RoktExportError: the first error of any; what was settled stays settled.
        """
        self.leases.begin({**FIRST_COUNTS, **first_numbers(self.plan.recorded)})
        self.waiting.extend(partitions)
        with WorkerLease(self.leases, StopRequest()) as driver:
            driver.take(None)
            try:
                self._until_done(driver)
            except BaseException:
                self._brake(max(1, self.brake.level))
                self._wait_for_workers()
                raise
            finally:
                with suppress(RoktExportError):
                    self.leases.end()
        if self.errors:
            raise self.errors[0]
        if self.given or self.waiting or self.again:  # all that is left of a run that was stopped
            self.results.append(Result(Tally(), Finished(StopReason.INTERRUPTED)))
        return replace(together(self.results), deaths=self.losses.total())

    def _until_done(self, driver: WorkerLease) -> None:
        looked = 0.0
        while self.given or (self.waiting and not self._stopping):
            if driver.lost:
                raise LeaseLostError("another process drives this run now", remedy="Nothing more is sent here.")
            if not self.cluster.is_there:
                raise self.cluster.gone()
            self._brake(self.brake.level)
            if time.monotonic() - looked >= _LOOK_EVERY:
                looked = time.monotonic()
                self._count_workers(looked)
                self._look(driver)
            self._give_out()
            self._collect()
            time.sleep(_STEP)

    def _look(self, driver: WorkerLease) -> None:
        """Follow the workers, or say that the journal's server is away, for which they wait."""
        away = False
        try:
            self._follow(self.leases.held(), driver)
        except JournalError:
            away = True
        words = ""
        if away != self.away:
            self.away = away
            patience = f"{self.plan.pace.patience:g} s"
            words = (
                f"the journal's server went away: nothing is sent until it is back, for {patience} at most"
                if away
                else "the journal's server is back"
            )
        if away:
            self.unbegun.clear()  # a worker waits for the journal, too, before it begins
        else:
            self._watch_beginnings(time.monotonic())
        self._say(words)

    def _say(self, words: str = "") -> None:
        """Tell what a person should know of the run itself, and what it waits for."""
        waiting = ""
        if self.away:
            waiting = "waiting for the journal's server"
        elif self.alone_since is not None:
            waiting = "waiting for a worker"
        elif self.late:
            waiting = f"waiting for worker {self.late[0]}, which is busy"
        self.watch.tell(self._place(""), Tally(), 0, (words,) if words else (), waiting)

    @property
    def _stopping(self) -> bool:
        return bool(self.brake.level or self.errors or stopped(self.results))

    def _count_workers(self, now: float) -> None:
        """Note how many workers there are; wait for some while patience lasts.

        Raises:
            WorkerError: there are none.
        """
        self.workers = sum(worker not in self.silent for worker in self.cluster.workers)
        if self.workers:
            self.alone_since = None
        elif self.alone_since is None:
            self.alone_since = now
            what = "no worker that answers" if self.cluster.workers else "no worker"
            self._say(f"the cluster has {what}: waiting for one, for {self.plan.pace.patience:g} s at most")
        elif self._stopping:
            self.given.clear()  # nobody is there to give them back
        elif now - self.alone_since > self.plan.pace.patience:
            raise WorkerError(
                "the cluster has no worker any more", where=self.cluster.address,
                remedy="Start some: dask worker --nthreads 1 SCHEDULER; then resume the run.",
            )  # fmt: skip

    def _give_out(self) -> None:
        if self._stopping:
            self._brake(max(1, self.brake.level))
            return
        if not self.workers:
            return  # Dask would give it to one that is silent
        free = self._free()
        room = _AHEAD * max(1, len(free)) - len(self.given)
        while room > 0 and self.waiting:
            partition = self.waiting.popleft()
            self.attempts[partition.number] += 1
            self.submitted[partition.number] += 1
            attempt = self.submitted[partition.number]
            avoided = self.silent.union(self.passed) if free else self.silent
            future = self.cluster.submit(self.plan, self.run_id, partition, attempt, avoided)
            self.given[partition.number] = future, partition
            room -= 1

    def _collect(self) -> None:
        for number, (future, partition) in list(self.given.items()):
            if not future.done():
                continue
            del self.given[number]
            error = self.cluster.failure(future)
            if error is None:
                self._done(partition, future.result())
            elif isinstance(error, LeaseLostError | WorkersDiedError):
                self.again[number] = partition  # a worker was too slow, or several left while it waited for its turn
                self.losses[number] += 1
            else:
                self.errors.append(error)
            future.release()
        if not self.given and not self.waiting and self.again and not self._stopping:
            self._once_more()

    def _done(self, partition: Partition, done: WorkerResult) -> None:
        result = done.result
        before = self.holders.pop(partition.number, None)
        again = self._is_again(partition.number) or before not in (None, done.lease)  # Dask gave it to another itself
        if result.finished.reason is StopReason.INTERRUPTED and not self._stopping:
            self.again[partition.number] = partition  # the worker was told to leave
            result = replace(result, finished=Finished(StopReason.COMPLETE))
            sent_by([result])
        if again:
            found_by([result])
        self.results.append(result)
        new = self._unheard(done.lease, done.messages, done.before)
        self.watch.tell(self._place(done.lease), result.tally, 0, new)

    def _is_again(self, number: int) -> bool:
        """Return whether a partition is read again, so that rows which it passes over were counted before."""
        return self.attempts[number] > 1 or number in self.again

    def _once_more(self) -> None:
        """Go over partitions again whose workers may have left rows that were never sent."""
        if worn := [number for number in self.again if self.losses[number] >= _ROUNDS]:
            self.errors.append(
                WorkerError(
                    f"workers died in each of {_ROUNDS} rounds over partition {worn[0]}",
                    remedy="Look for the reason in the workers' logs; then resume the run.",
                )
            )
            return
        self.waiting.extend(self.again[number] for number in sorted(self.again))
        self.again.clear()

    def _follow(self, held: Iterable[LeaseProgress], driver: WorkerLease) -> None:
        """Pass on how far the workers have come; notice those whose partition another has taken up."""
        held = list(held)
        self.begun = {one.part for one in held}
        for one in held:
            before = self.holders.get(one.part)
            if before is not None and before != one.id:
                self.losses[one.part] += 1
                if one.part in self.given:
                    self.again[one.part] = self.given[one.part][1]
                FirstRow(driver.numbers).reopen()
                words = "a worker died or was cut off: its rows go to another; those that it had in flight are unknown"
                self.watch.tell(self._place(one.id), Tally(notes=[words]), 0, (words,))
            self.holders[one.part] = one.id
            told = one.told or {}
            self._watch_silence(one, told.get("worker", ""))
            if "tally" in told:
                new = self._unheard(one.id, told["messages"], told["before"])
                tally = Tally.from_json(told["tally"])
                if self._is_again(one.part):
                    del tally.left_out[LeftOut.DONE_BEFORE]
                in_flight = told["in_flight"] if one.alive else 0
                self.watch.tell(self._place(one.id), tally, in_flight, new, told["waiting"])

    def _watch_silence(self, one: LeaseProgress, worker: str) -> None:
        """Take from a worker what it has, if it does not renew its lease for long: it is stopped, or cut off.

        Dask itself waits for minutes. Should the worker wake up, its lease is another's, and it sends nothing.
        """
        if one.alive or not worker:
            self.ended.pop(one.id, None)
            self.silent.discard(worker)
        elif time.monotonic() - self.ended.setdefault(one.id, time.monotonic()) > _SILENT and worker not in self.silent:
            self.silent.add(worker)
            keys = self.cluster.tasks().get(worker, [])
            self._take_back(
                number for number, (future, _) in self.given.items() if future.key in keys or number == one.part
            )

    def _take_back(self, numbers: Iterable[int]) -> None:
        for number in sorted(numbers, reverse=True):
            future, partition = self.given.pop(number)
            future.release()
            self.waiting.appendleft(partition)

    def _free(self) -> list[str]:
        """Return the workers that get partitions."""
        return [each for each in self.cluster.workers if each not in self.silent and each not in self.passed]

    def _watch_beginnings(self, now: float) -> None:
        """Take from a worker what it does not begin: it is busy with other work, or was stopped before it had a lease.

        Dask does not know that: what was cancelled, such as a part of a run that has ended, may still keep a worker
        busy. Where no other worker is free, one that is busy is waited for.
        """
        if now - self.watched < _WATCH_EVERY:
            return
        self.watched = now
        self.passed = {worker: until for worker, until in self.passed.items() if until > now}
        number_of = {str(future.key): number for number, (future, _) in self.given.items()}
        has = {
            worker: [number_of[key] for key in keys if key in number_of]
            for worker, keys in self.cluster.tasks().items()
        }
        waits = {worker: own for worker, own in has.items() if own and self.begun.isdisjoint(own)}
        seen = self.cluster.last_seen() if waits or self.unheard else {}
        for worker, before in list(self.unheard.items()):
            if seen.get(worker) != before:
                del self.unheard[worker]
                self.silent.discard(worker)
        self.unbegun = {worker: self.unbegun.get(worker) or (now, seen.get(worker)) for worker in waits}
        longest = _BEGIN_AT_THE_END if self._stopping else _BEGIN
        self.late = sorted(worker for worker, (since, _) in self.unbegun.items() if now - since > longest)
        for worker in list(self.late):
            answers = self._stopping or self.unbegun[worker][1] != seen.get(worker)
            self._pass(worker, waits[worker], now, answers=answers)

    def _pass(self, worker: str, parts: Sequence[int], now: float, *, answers: bool) -> None:
        """Take from a worker the partitions that it does not begin, if another may, or if it does not even answer."""
        others = not set(self._free()).issubset(self.late)
        goes = not answers or others or self._stopping
        if worker not in self.said:
            self.said.add(worker)
            why = "is busy or cut off from the journal" if answers else "does not answer"
            then = "goes to another" if goes else "waits for it"
            self._say(f"worker {worker} {why}: part {min(parts)}, which it has not begun, {then}")
        if not goes:
            return
        if not answers:
            self.silent.add(worker)
            self.unheard[worker] = self.unbegun[worker][1]
        self.passed[worker] = now + _PASSED
        self.late.remove(worker)
        del self.unbegun[worker]
        self.attempts.subtract(parts)
        self._take_back(parts)

    def _unheard(self, lease: str, messages: Sequence[str], before: int) -> tuple[str, ...]:
        """Return those of a worker's last messages that were not passed on, given how many came before them."""
        new = messages[max(0, self.heard.get(lease, 0) - before) :]
        self.heard[lease] = before + len(messages)
        return tuple(new)

    def _place(self, lease: str) -> int:
        return self.seen.setdefault(lease, len(self.seen))

    def _brake(self, level: int) -> None:
        if level > self.pressed:
            with suppress(RoktExportError):
                self.leases.put(BRAKE, level)
                self.pressed = level

    def _wait_for_workers(self) -> None:
        """Wait until no worker sends any more: each sees the brake, or that nobody renews this process's lease."""
        until = time.monotonic() + self.plan.pace.timeout + self.plan.pace.connect_timeout + _LEAVE
        with suppress(RoktExportError):
            while time.monotonic() < until and any(one.alive for one in self.leases.held()):
                self._brake(self.brake.level)
                time.sleep(_STEP)
