"""A Dask cluster that is connected: its workers look at files, and run partitions."""

from __future__ import annotations

import asyncio
import logging
import re
import secrets
import time
import warnings
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from rokt_export.delivery.cluster_task import WorkerResult, work
from rokt_export.delivery.cluster_workers import (
    WorkerQuestion,
    answer,
    answer_of,
    check_alike,
    check_files,
    files_here,
    told_of_clocks,
    versions_here,
)
from rokt_export.delivery.plan import FileRows, Plan
from rokt_export.errors import ConfigurationError, RoktExportError, UnreachableError, UsageError, WorkerError

if TYPE_CHECKING:
    from distributed import Client, Future

    from rokt_export.journal import Journal
    from rokt_export.transactions.partitions import FileLook, Partition
    from rokt_export.transactions.source_options import SourceOptions

_LOUD = frozenset({"distributed", "tornado"})
_LOCAL = "local:"
_SECURE = "tls://"
_ADDRESS = re.compile(r"(tcp|tls)://[^/\s]+:[0-9]{1,5}/?")
_CONNECT = 10.0
"""Seconds within which the scheduler must answer."""
_ANSWER = 10.0
"""Seconds within which a worker must answer, before anything is sent."""
_STEP = 0.1


class WorkersDiedError(WorkerError):
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
        self._left_out: frozenset[str] = frozenset()
        self._busy: frozenset[str] = frozenset()

    @property
    def workers(self) -> list[str]:
        """The addresses of the workers that are there now, without those that did not answer."""
        with suppress(Exception):
            return sorted(self._client.nthreads().keys() - self._left_out)
        return []

    def check(self, plan: Plan, journal: Journal) -> Iterator[str]:
        """Check that all workers can do the work, before anything is sent.

        Yields:
            What a person should know.

        Raises:
            ConfigurationError: a worker lacks a variable, or has another value of it.
            UnreachableError: there is no worker that answers, or it has another version.
            JournalError: a worker cannot use the journal, or has another one.
            TransactionsError: a worker sees another file, or none.
        """
        assert isinstance(plan.rows, FileRows)
        names = () if self.secure else tuple(sorted(plan.variables))
        files = files_here(plan.rows.paths)
        question = WorkerQuestion(secrets.token_bytes(16), names, self._sent_place(plan.journal), plan.guarded, files)
        begun = time.time()
        asked: dict[str, Any] = self._client.sync(self._ask, question, self.workers)
        ended = time.time()
        answers = {worker: found for worker, found in asked.items() if found is not None}
        self._left_out = frozenset(asked.keys() - answers.keys())
        if self._left_out and not answers:
            raise UnreachableError(
                f"no worker of the cluster answers within {_ANSWER:g} s: {', '.join(sorted(self._left_out))}",
                where=self.address,
                remedy="Let them go on if they are stopped, or start others; then start again. Nothing was sent.",
            )
        if not answers:
            raise UnreachableError(
                "the cluster has no worker",
                where=self.address,
                remedy=f"Start one: dask worker --nthreads 1 {self.address}",
            )
        for worker in sorted(self._left_out):
            yield f"worker {worker} does not answer within {_ANSWER:g} s: this run leaves it out"
        own = answer_of(question, plan.variables, journal)
        for worker, found in sorted(answers.items()):
            check_alike(found, own, worker)
        self._busy = frozenset(worker for worker, found in answers.items() if found.busy)
        check_files(answers, files)
        yield from told_of_clocks(answers, begun, ended)
        if crowded := sum(found.threads > 1 for found in answers.values()):
            yield (
                f"{crowded} of {len(answers)} workers run several tasks in one process, which share one core: "
                "start them with --nthreads 1"
            )

    async def _ask(self, question: WorkerQuestion, workers: Sequence[str]) -> dict[str, Any]:
        """Return each worker's answer, or the error that it ended in; None if there is none in time."""

        async def answer_of_one(worker: str) -> Any:
            asking = self._client.run(answer, question, workers=[worker], on_error="return")
            try:
                return (await asyncio.wait_for(asking, _ANSWER))[worker]
            except TimeoutError:
                return None

        return dict(zip(workers, await asyncio.gather(*map(answer_of_one, workers)), strict=True))

    def look(
        self, files: Sequence[str], options: SourceOptions, told: Callable[[int], None], *, size: int
    ) -> list[FileLook]:
        """Return what is in each file, in their order; each is read by one worker, one that was idle if there is any.

        Args:
            files: the files, by names that all workers know.
            options: how to read them.
            told: is told how many files were read so far.
            size: bytes of a part of a large file.
        """
        from rokt_export.transactions.partitions import look

        begun = secrets.token_hex(4)
        futures = [
            self._client.submit(
                look,
                file,
                options,
                size=size,
                key=f"rokt-export-look-{begun}-{number}",
                pure=False,
                workers=self._chosen(self._busy),
            )
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

    def submit(
        self, plan: Plan, run_id: str, partition: Partition, attempt: int, avoided: Collection[str]
    ) -> Future[WorkerResult]:
        """Give out a partition to a worker that is not to be avoided, if there is one."""
        assert isinstance(plan.rows, FileRows)
        plan = replace(plan, rows=replace(plan.rows, part=partition), journal=self._sent_place(plan.journal))
        if not self.secure:
            plan = replace(plan, variables=dict.fromkeys(plan.variables, ""), redaction_key=b"")
        key = f"rokt-export-{run_id}-{partition.number}-{attempt}"
        return self._client.submit(
            work,
            plan,
            run_id,
            versions_here(),
            key=key,
            pure=False,
            priority=-partition.number,
            workers=self._chosen(avoided),
        )

    def _chosen(self, avoided: Collection[str]) -> list[str] | None:
        """Return the workers that are not to be avoided; None for any."""
        if not avoided and not self._left_out:
            return None
        return [each for each in self.workers if each not in avoided] or None

    def tasks(self) -> dict[str, list[str]]:
        """Return worker to the keys of the tasks that Dask has given it."""
        with suppress(Exception):
            return {worker: list(keys) for worker, keys in self._client.processing().items()}
        return {}

    def last_seen(self) -> dict[str, float]:
        """Return worker to when the scheduler last heard of it, by the scheduler's clock."""
        with suppress(Exception):
            return {name: each["last_seen"] for name, each in self._client.scheduler_info()["workers"].items()}
        return {}

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
            return WorkersDiedError(
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
        if isinstance(error, TypeError) and address.startswith(_SECURE):  # Dask has nothing to encrypt with
            why = "Dask's configuration on this machine names no certificates"
        else:
            why = str(error) or "what is there does not answer as one"
        raise UnreachableError(
            f"the scheduler cannot be reached: {why}",
            where=address,
            remedy="Check its address, that it runs, and for tls:// the certificates of Dask's configuration "
            "(DASK_DISTRIBUTED__COMM__TLS__CA_FILE, …__CLIENT__CERT, …__CLIENT__KEY).",
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


_MOST_DIGITS = 15


def _number(address: str) -> int:
    text = address.removeprefix(_LOCAL)
    number = int(text[:_MOST_DIGITS]) if text.isascii() and text.isdigit() else 0
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
