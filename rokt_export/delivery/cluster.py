"""Turns a plan into its result on a Dask cluster: each partition of the input is a task, run as on one machine."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import logging
import os
import platform
import re
import secrets
import time
import warnings
from collections import Counter, deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from rokt_export import __version__
from rokt_export.delivery.events import Finished, StopReason
from rokt_export.delivery.lease import BRAKE, FIRST_COUNTS, WorkerLease, leases_of
from rokt_export.delivery.plan import FileRows, Plan
from rokt_export.delivery.run_counts import Tally
from rokt_export.delivery.shared_counts import FirstRow
from rokt_export.delivery.worker import Brake, Common, Result, Watch, run_partition, token_stores
from rokt_export.delivery.workers import stopped, together
from rokt_export.errors import (
    ConfigurationError,
    JournalError,
    LeaseLostError,
    RoktExportError,
    UnreachableError,
    UsageError,
    WorkerError,
)
from rokt_export.exchange.delivery import LeftOut

if TYPE_CHECKING:
    from distributed import Client, Future, Worker

    from rokt_export.delivery.oauth2 import TokenStore
    from rokt_export.journal import Journal
    from rokt_export.journal.leases import Held, Leases
    from rokt_export.transactions.partitions import FileLook, Partition
    from rokt_export.transactions.source_options import SourceOptions

_LOUD = frozenset({"distributed", "tornado"})
_LOCAL = "local:"
_SECURE = "tls://"
_ADDRESS = re.compile(r"(tcp|tls)://[^/\s]+:[0-9]{1,5}/?")
_CONNECT = 10.0
"""Seconds within which the scheduler must answer."""
_STEP = 0.1
_LOOK_EVERY = 0.25
"""Seconds between two looks at how far the workers have come."""
_ROUNDS = 3
"""Workers that may be lost with one partition before the run gives up."""
_AHEAD = 2
"""Partitions that are given out for each worker: the next is there when one is done."""
_SILENT = 10.0
"""Seconds after the end of its lease until a worker that is silent loses its partitions."""
_LEAVE = 10.0
"""Seconds on top of an attempt's timeout that workers have to end once nobody tells them anything more."""


@dataclass(frozen=True, slots=True)
class Question:
    """What a worker must have in common with the process that drives the run.

    Attributes:
        nonce: makes the digests of the answers useless for anything else.
        variables: names of environment variables that the spec reads; empty where they are sent along.
        journal: the journal's place, without its password unless the connection is encrypted.
        guarded: whether the journal's key is needed.
    """

    nonce: bytes
    variables: tuple[str, ...]
    journal: str
    guarded: bool


@dataclass(frozen=True, slots=True)
class Answer:
    """What a worker has.

    Attributes:
        versions: what is installed, to its version.
        threads: tasks that it runs at a time.
        variables: name to digest of the variables that it has.
        journal: the journal's id.
        key: the id of the key of the journal's digests; None where none is needed.
        fault: why it cannot use the journal.
    """

    versions: Mapping[str, str]
    threads: int
    variables: Mapping[str, str]
    journal: str = ""
    key: str | None = None
    fault: str | None = None


def answer(question: Question, dask_worker: Worker | None = None) -> Answer:
    """Answer a question, on a worker, which Dask names by this very argument."""
    from rokt_export.journal import Journal, keys

    there = {name: _digest(question.nonce, os.environ[name]) for name in question.variables if name in os.environ}
    versions, threads = versions_here(), 1 if dask_worker is None else dask_worker.state.nthreads
    try:
        with Journal.open(own_journal(question.journal)) as journal:
            key = keys.id_of(keys.first()).hex() if question.guarded else None
            return Answer(versions, threads, there, journal.id, key)
    except RoktExportError as error:
        return Answer(versions, threads, there, fault=str(error))


def versions_here() -> dict[str, str]:
    """Return what must be alike on all machines, to its version."""
    python = ".".join(platform.python_version_tuple()[:2])
    return {"rokt-export": __version__, "Python": python, "distributed": version("distributed")}


def own_journal(place: str) -> str:
    """Return the journal's place on this machine: its own variable may add a password to the address."""
    from rokt_export.journal.storage import VARIABLE, same_address

    own = os.environ.get(VARIABLE, "")
    return own if own and same_address(own, place) else place


def _check_versions(found: Mapping[str, str], own: Mapping[str, str], worker: str) -> None:
    if other := {name: has for name, has in found.items() if own[name] != has}:
        told = ", ".join(f"{name} {has} instead of {own[name]}" for name, has in other.items())
        raise UnreachableError(
            f"this worker has {told}", where=worker, remedy="Install the same versions on all machines."
        )


def _check_variables(needed: Mapping[str, str], found: Mapping[str, str], worker: str) -> None:
    if lacking := sorted(needed.keys() - found.keys()):
        raise ConfigurationError(
            f"this worker lacks {', '.join(lacking)} in its environment",
            where=worker,
            remedy="Set it where the worker is started, or use a scheduler with TLS (tls://…).",
        )


def _check_alike(found: Answer, own: Answer, worker: str) -> None:
    """Check that a worker has what this process has; see `Cluster.check`."""
    _check_versions(found.versions, own.versions, worker)
    _check_variables(own.variables, found.variables, worker)
    if different := [name for name, digest in own.variables.items() if found.variables[name] != digest]:
        raise ConfigurationError(
            f"this worker has another value of {', '.join(different)} than this machine",
            where=worker,
            remedy="Set the same one everywhere.",
        )
    if found.fault is not None:
        raise JournalError(
            f"this worker cannot use the journal: {found.fault}",
            where=worker,
            remedy="Over tcp:// a worker has its own password: in ROKT_EXPORT_JOURNAL, PGPASSWORD or ~/.pgpass.",
        )
    if found.journal != own.journal:
        raise JournalError(
            "this worker finds another journal at the same address",
            where=worker,
            remedy="Name one on a server that all machines reach: --journal postgresql://…",
        )
    if found.key != own.key:
        raise JournalError(
            "this worker has another key of the journal's digests, so it would not know what was sent before",
            where=worker,
            remedy="Give all machines the same one: ROKT_EXPORT_KEY_FILE or ROKT_EXPORT_KEY.",
        )


class _WorkersDiedError(WorkerError):
    """Dask gives a task up: as many workers as it allows died one after another, each with the task."""


class Cluster:
    """A Dask cluster that is connected.

    Attributes:
        address: of its scheduler, for a person.
        secure: whether what goes to its workers is encrypted, so that secrets may go along.
    """

    def __init__(self, client: Client, address: str, *, secure: bool) -> None:
        self._client = client
        self.address = address
        self.secure = secure

    @property
    def workers(self) -> list[str]:
        """The addresses of the workers that are there now."""
        with suppress(Exception):
            return sorted(self._client.nthreads())
        return []

    def check(self, plan: Plan, journal: Journal) -> Iterator[str]:
        """Check that all workers can do the work, before anything is sent.

        Yields:
            What a person should know.

        Raises:
            ConfigurationError: a worker lacks a variable, or has another value of it.
            UnreachableError: there is no worker, or it has another version.
            JournalError: a worker cannot use the journal, or has another one.
        """
        from distributed.comm.core import CommClosedError

        from rokt_export.journal import keys

        names = () if self.secure else tuple(sorted(plan.variables))
        question = Question(secrets.token_bytes(16), names, self._sent_place(plan.journal), plan.guarded)
        answers = self._client.run(answer, question, on_error="return")
        if not answers:
            raise UnreachableError(
                "the cluster has no worker",
                where=self.address,
                remedy=f"Start one: dask worker --nthreads 1 {self.address}",
            )
        own = Answer(
            versions_here(),
            1,
            {name: _digest(question.nonce, plan.variables[name]) for name in names},
            journal.id,
            keys.id_of(keys.first()).hex() if plan.guarded else None,
        )
        for worker, found in sorted(answers.items()):
            if isinstance(found, CommClosedError):
                raise UnreachableError(
                    f"this worker went away while it was asked what it has: {found}",
                    where=worker,
                    remedy="Look at its log; then start again. Nothing was sent.",
                ) from found
            if isinstance(found, BaseException):
                raise UnreachableError(
                    f"this worker cannot run rokt-export {__version__}: {type(found).__name__}: {found}",
                    where=worker,
                    remedy=f'Install it there: pip install "rokt-export[cluster]=={__version__}".',
                ) from found
            _check_alike(found, own, worker)
        if crowded := sum(found.threads > 1 for found in answers.values()):
            yield (
                f"{crowded} of {len(answers)} workers run several tasks in one process, which share one core: "
                "start them with --nthreads 1"
            )

    def look(
        self, files: Sequence[str], options: SourceOptions, told: Callable[[int], None], *, size: int
    ) -> list[FileLook]:
        """Return what is in each file, in their order; each is read by one worker.

        Args:
            files: the files, by names that all workers know.
            options: how to read them.
            told: is told how many files were read so far.
            size: bytes of a part of a large file.
        """
        from rokt_export.transactions.partitions import look

        begun = secrets.token_hex(4)
        futures = [
            self._client.submit(look, file, options, size=size, key=f"rokt-export-look-{begun}-{number}", pure=False)
            for number, file in enumerate(files)
        ]
        try:
            while (done := sum(each.done() for each in futures)) < len(futures):
                told(done)
                time.sleep(_STEP)
            for future in futures:
                if (error := self.failure(future)) is not None:
                    raise error
            return [future.result() for future in futures]
        finally:
            self._client.cancel(futures)

    def run_plan(self, partitions: Sequence[Partition]) -> Callable[[Plan, str, Watch, Brake, Journal | None], Result]:
        """Return what runs a plan on this cluster, as `workers.run_plan` does on this machine."""

        def run(plan: Plan, run_id: str, watch: Watch, brake: Brake, opened: Journal | None) -> Result:
            from rokt_export.delivery.worker import journal_of

            with journal_of(plan, opened) as journal:
                return _Run(self, plan, run_id, watch, brake, leases_of(journal, plan, run_id)).run(partitions)

        return run

    def submit(
        self, plan: Plan, run_id: str, partition: Partition, attempt: int, avoided: Collection[str]
    ) -> Future[Done]:
        """Give out a partition to a worker that is not to be avoided, if there is one."""
        assert isinstance(plan.rows, FileRows)
        plan = replace(plan, rows=replace(plan.rows, part=partition), journal=self._sent_place(plan.journal))
        if not self.secure:
            plan = replace(plan, variables=dict.fromkeys(plan.variables, ""), redaction_key=b"")
        key = f"rokt-export-{run_id}-{partition.number}-{attempt}"
        others = [each for each in self.workers if each not in avoided] if avoided else []
        return self._client.submit(
            work,
            plan,
            run_id,
            versions_here(),
            key=key,
            pure=False,
            priority=-partition.number,
            workers=others or None,
        )

    def has(self, worker: str) -> list[str]:
        """Return the keys of the tasks that Dask has given to a worker."""
        with suppress(Exception):
            return [key for keys in self._client.processing([worker]).values() for key in keys]
        return []

    @property
    def is_there(self) -> bool:
        """Whether the scheduler can be reached."""
        return bool(self._client.status == "running")

    def failure(self, future: Future[Any]) -> BaseException | None:
        """Return why a task has no result; None if it has one."""
        from distributed import KilledWorker

        if future.status == "finished":
            return None
        if future.status in ("lost", "cancelled"):
            return self.gone()
        error = future.exception()
        if isinstance(error, KilledWorker):
            return _WorkersDiedError(
                "several workers died, one after another, with the same rows: they were killed, or memory ran out",
                remedy="Look for the reason in the workers' logs; then start again.",
            )
        if isinstance(error, RoktExportError):
            return error
        return WorkerError(f"a worker failed: {type(error).__name__}: {error}", remedy="Look at the worker's log.")

    def gone(self) -> WorkerError:
        """Return the error for a scheduler that went away."""
        return WorkerError(
            "the cluster's scheduler went away: nothing more is sent",
            where=self.address,
            remedy="Start it and its workers again; then resume the run.",
        )

    def _sent_place(self, place: str) -> str:
        from rokt_export.journal.storage import without_password

        return place if self.secure else without_password(place)


@contextmanager
def connected(address: str) -> Iterator[Cluster]:
    """Yield the cluster of a scheduler's address, or, for `local:N`, one of N processes of this machine.

    Raises:
        UsageError: the address makes no sense.
        ConfigurationError: Dask is not installed.
        UnreachableError: the scheduler cannot be reached.
    """
    number = _number(address) if address.startswith(_LOCAL) else 0
    if not number and _ADDRESS.fullmatch(address) is None:
        raise UsageError(
            f"`{address}` is not the address of a Dask scheduler",
            where="--cluster",
            remedy="Write tcp://HOST:8786, tls://HOST:8786, or local:N for N processes of this machine.",
        )
    try:
        import distributed
        from distributed.versions import VersionMismatchWarning
    except ImportError as error:
        raise ConfigurationError(
            "a cluster needs the package distributed, which is not installed",
            where="--cluster",
            remedy='Install it: pip install "rokt-export[cluster]".',
        ) from error
    for name in (name for name in logging.root.manager.loggerDict if name.partition(".")[0] in _LOUD):
        logging.getLogger(name).setLevel(logging.CRITICAL)  # what goes wrong is raised, and said once
    warnings.filterwarnings("ignore", category=VersionMismatchWarning)  # `check` compares what matters
    if number:
        with _local(number) as client:
            yield Cluster(client, address, secure=True)
        return
    try:
        asyncio.run(_greet(address))
        client = distributed.Client(address, timeout=_CONNECT, set_as_default=False, name="rokt-export")
    # A RuntimeError says that Dask is to encrypt; a MemoryError, that it took "HTTP/1.1" for a length.
    except (OSError, TimeoutError, ValueError, TypeError, RuntimeError, MemoryError) as error:
        raise UnreachableError(
            f"the scheduler cannot be reached: {str(error) or 'what is there does not answer as one'}",
            where=address,
            remedy="Check its address, that it runs, and for tls:// the certificates of Dask's configuration.",
        ) from error
    try:
        yield Cluster(client, address, secure=address.startswith(_SECURE))
    finally:
        with suppress(Exception):
            client.close(timeout=2)


async def _greet(address: str) -> None:
    """Connect once: a client would wait without an end for what is no scheduler, such as its dashboard."""
    from distributed import Security
    from distributed.comm.core import connect

    arguments = Security().get_connection_args("client")
    (await asyncio.wait_for(connect(address, timeout=_CONNECT, **arguments), _CONNECT + 1)).abort()


def _number(address: str) -> int:
    text = address.removeprefix(_LOCAL)
    number = int(text) if text.isascii() and text.isdigit() else 0
    if not 1 <= number <= 64:
        raise UsageError(f"`{address}` names no number of processes", where="--cluster", remedy="Write local:4.")
    return number


@contextmanager
def _local(number: int) -> Iterator[Client]:
    from distributed import Client, LocalCluster, Security

    cluster = LocalCluster(
        n_workers=number,
        threads_per_worker=1,
        processes=True,
        dashboard_address="127.0.0.1:0",  # any port: each cluster has a server for its metrics
        scheduler_kwargs={"dashboard": False},
        security=Security.temporary(),
        silence_logs=logging.CRITICAL,
    )
    with cluster, Client(cluster, set_as_default=False, name="rokt-export") as client:
        yield client


@dataclass(slots=True)
class _Run:
    """Drives one run: gives out its partitions, and follows the workers by their leases in the journal."""

    cluster: Cluster
    plan: Plan
    run_id: str
    watch: Watch
    brake: Brake
    leases: Leases
    waiting: deque[Partition] = field(default_factory=deque)
    given: dict[int, tuple[Future[Done], Partition]] = field(default_factory=dict)
    attempts: Counter[int] = field(default_factory=Counter)
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
        self.leases.begin(FIRST_COUNTS)
        self.waiting.extend(partitions)
        with WorkerLease(self.leases, Brake()) as driver:
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
        if away != self.away:
            self.away = away
            patience = f"{self.plan.pace.patience:g} s"
            words = (
                f"the journal's server went away: nothing is sent until it is back, for {patience} at most"
                if away
                else "the journal's server is back"
            )
            self.watch.tell(self._place(""), Tally(), 0, (words,))

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
            words = f"the cluster has no worker: waiting for one, for {self.plan.pace.patience:g} s at most"
            self.watch.tell(self._place(""), Tally(), 0, (words,))
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
        room = _AHEAD * max(1, self.workers) - len(self.given)
        while room > 0 and self.waiting:
            partition = self.waiting.popleft()
            self.attempts[partition.number] += 1
            attempt = self.attempts[partition.number]
            future = self.cluster.submit(self.plan, self.run_id, partition, attempt, self.silent)
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
            elif isinstance(error, LeaseLostError | _WorkersDiedError):
                self.again[number] = partition  # a worker was too slow, or several left while it waited for its turn
                self.losses[number] += 1
            else:
                self.errors.append(error)
            future.release()
        if not self.given and not self.waiting and self.again and not self._stopping:
            self._once_more()

    def _done(self, partition: Partition, done: Done) -> None:
        result = done.result
        if result.finished.reason is StopReason.INTERRUPTED and not self._stopping:
            self.again[partition.number] = partition  # the worker was told to leave
            result = replace(result, finished=Finished(StopReason.COMPLETE))
        if self._is_again(partition.number):
            del result.tally.left_out[LeftOut.NOT_ASKED]
        self.results.append(result)
        self.holders.pop(partition.number, None)
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

    def _follow(self, held: Iterable[Held], driver: WorkerLease) -> None:
        """Pass on how far the workers have come; notice those whose partition another has taken up."""
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
                    del tally.left_out[LeftOut.NOT_ASKED]
                in_flight = told["in_flight"] if one.alive else 0
                self.watch.tell(self._place(one.id), tally, in_flight, new, told["waiting"])

    def _watch_silence(self, one: Held, worker: str) -> None:
        """Take from a worker what it has, if it does not renew its lease for long: it is stopped, or cut off.

        Dask itself waits for minutes. Should the worker wake up, its lease is another's, and it sends nothing.
        """
        if one.alive or not worker:
            self.ended.pop(one.id, None)
            self.silent.discard(worker)
        elif time.monotonic() - self.ended.setdefault(one.id, time.monotonic()) > _SILENT and worker not in self.silent:
            self.silent.add(worker)
            keys = self.cluster.has(worker)
            for number, (future, partition) in list(self.given.items()):
                if future.key in keys or number == one.part:
                    del self.given[number]
                    future.release()
                    self.waiting.appendleft(partition)

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


_TOKENS: dict[str, tuple[TokenStore, ...]] = {}
"""Run to the tokens that this worker has fetched: they outlast a partition."""


@dataclass(frozen=True, slots=True)
class Done:
    """What a worker returns.

    Attributes:
        result: of its partition.
        lease: that it had; empty if it got none.
        messages: its last ones, some of which may not have been heard of yet.
        before: how many came before them.
    """

    result: Result
    lease: str = ""
    messages: Sequence[str] = ()
    before: int = 0


def work(plan: Plan, run_id: str, versions: Mapping[str, str]) -> Done:
    """Run one partition, on a worker.

    Args:
        plan: of the run, with the partition.
        run_id: the run in the journal.
        versions: what the process that drives the run has, by `versions_here`: a worker may have come since it asked.

    Raises:
        UnreachableError: this worker has other versions.
        ConfigurationError: it lacks a variable.
        LeaseLostError: this worker was too slow, and another has taken the partition up.
        RoktExportError: as `run_partition`.
    """
    from distributed import Status, get_worker

    from rokt_export.journal import Journal

    worker = get_worker()
    _stop_profiler(worker)
    _check_versions(versions_here(), versions, worker.address)
    plan = with_own_secrets(plan, run_id, worker.address)
    assert isinstance(plan.rows, FileRows)
    assert plan.rows.part is not None
    brake = Brake()
    with (
        Journal.open(plan.journal) as journal,
        WorkerLease(
            leases_of(journal, plan, run_id),
            brake,
            lambda: worker.status is not Status.running,
            worker=worker.address,
        ) as lease,
    ):
        if not lease.take(plan.rows.part.number) or brake.level:
            return Done(Result(Tally(detailed=plan.metrics), Finished(StopReason.INTERRUPTED)))
        if run_id not in _TOKENS:
            _TOKENS[run_id] = token_stores(plan)
        common = Common(lease.numbers, tokens=_TOKENS[run_id], lease=lease)
        result = run_partition(plan, run_id, 0, lease, brake, common, journal)
        if lease.lost:
            raise LeaseLostError(f"another worker of run {run_id} has taken up these rows")
        return Done(result, lease.id, *lease.messages)


def _stop_profiler(worker: Worker) -> None:
    """Stop Dask's profiler of tasks, which keeps an hour of them: 20 MB more for each minute that a worker sends."""
    for name in ("profile", "profile-cycle"):
        if (timer := worker.periodic_callbacks.get(name)) is not None:
            worker.loop.add_callback(timer.stop)


def with_own_secrets(plan: Plan, run_id: str, worker: str = "") -> Plan:
    """Return a plan with the secrets of this machine's environment, where they were not sent along.

    Raises:
        ConfigurationError: one is not there.
    """
    if plan.redaction_key:
        return plan
    _check_variables(plan.variables, os.environ, worker)
    variables = {name: os.environ[name] for name in plan.variables}
    own = "\0".join(variables[name] for name in sorted(variables))
    key = hmac.digest(own.encode(), run_id.encode(), "sha256")
    return replace(plan, variables=variables, redaction_key=key, journal=own_journal(plan.journal))


def _digest(nonce: bytes, value: str) -> str:
    return hashlib.blake2b(value.encode(), key=nonce, digest_size=16).hexdigest()
