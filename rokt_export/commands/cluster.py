"""`replay --cluster`: the workers of a Dask cluster read, send and classify; this process drives them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from rokt_export.commands.terminal import Terminal, number_of
from rokt_export.errors import JournalError, UsageError

if TYPE_CHECKING:
    from rokt_export.commands.replay_flags import ReplayFlags
    from rokt_export.commands.run_session import RunPlan
    from rokt_export.delivery.cluster import Cluster
    from rokt_export.delivery.plan import FileRows, Plan
    from rokt_export.transactions.partitions import Partition
    from rokt_export.transactions.sources import Scan

Address = Annotated[
    str | None,
    typer.Option(
        "--cluster",
        metavar="ADDRESS",
        help="Send from the workers of a Dask cluster: tcp://HOST:8786, tls://HOST:8786, or local:N.",
        show_default=False,
    ),
]

_LOCAL = "local:"
_SAY_EVERY = 2.0
_SMALLEST, _LARGEST = 1 << 20, 64 << 20
"""Bytes of a partition: one takes at least as long as it takes to begin one."""
_EACH = 8
"""Partitions for each worker, at least, where the input is large enough: so all end at about the same time."""


class OnCluster:
    """A run on a cluster, from the look at its input on.

    Args:
        cluster: that is connected.
        terminal: for messages.
    """

    def __init__(self, cluster: Cluster, terminal: Terminal) -> None:
        self._cluster = cluster
        self._terminal = terminal
        self._partitions: list[Partition] = []

    def look(self, plan: Plan) -> Scan:
        """Check the workers, let them look at all files, and return what they found.

        Args:
            plan: of the run.

        Raises:
            RoktExportError: a worker cannot do the work, or a file cannot be sent as it is; nothing was sent.
        """
        from rokt_export.delivery.plan import FileRows
        from rokt_export.journal import Journal
        from rokt_export.transactions.partitions import joined, partitions

        assert isinstance(plan.rows, FileRows)
        with Journal.open(plan.journal) as journal:
            for words in self._cluster.check(plan, journal):
                self._terminal.warn(words)
        workers = len(self._cluster.workers)
        self._terminal.say(f"on {number_of(workers, 'worker', 'workers')} of {self._cluster.address}")
        size = _size_of(plan.rows.paths, workers)
        looks = self._cluster.look(plan.rows.paths, plan.rows.options, self._teller(len(plan.rows.paths)), size=size)
        found = joined(looks, plan.rows.options)
        for each in looks:
            if each.note:
                self._terminal.say(each.note)
        self._partitions = partitions(looks, size=size)
        if 0 < (parts := len(self._partitions)) < workers:
            divided = number_of(parts, "part", "parts")
            self._terminal.say(
                f"the input is {divided}, for {workers:,} workers: only plain files above 1 MB are divided"
            )
        return found

    @property
    def run_plan(self) -> RunPlan:
        """What runs the plan; see `run_session.carry_out`."""
        from rokt_export.delivery.cluster_run import run_plan

        return run_plan(self._cluster, self._partitions)

    def _teller(self, files: int) -> Callable[[int], None]:
        """Return what says now and then how many files were looked at."""
        said = time.monotonic()

        def tell(done: int) -> None:
            nonlocal said
            if time.monotonic() - said >= _SAY_EVERY:
                said = time.monotonic()
                self._terminal.say(f"looking at the files: {done:,} of {files:,}")

        return tell


@contextmanager
def on_cluster(flags: ReplayFlags, rows: FileRows, place: str, terminal: Terminal) -> Iterator[OnCluster | None]:
    """Yield the run on a cluster that the flags ask for; None where they ask for none.

    Raises:
        UsageError: the flags do not go together.
        ConfigurationError, UnreachableError: there is no such cluster.
        JournalError: the workers cannot all reach the journal.
    """
    if flags.cluster is None:
        yield None
        return
    from rokt_export.delivery.cluster import connected
    from rokt_export.delivery.input_feed import is_live

    if flags.workers != "1":
        raise UsageError(
            "the cluster has workers of its own", where="--workers", remedy="Leave --workers or --cluster out."
        )
    if is_live(rows):
        raise UsageError(
            "rows that arrive over time can be read by one process only",
            where="--cluster",
            remedy="Save them to a file, or leave --cluster out.",
        )
    if not flags.cluster.startswith(_LOCAL):
        if flags.sandbox:
            raise UsageError(
                "a sandbox of this process is out of reach for workers on other machines",
                where="--sandbox",
                remedy="Start one that they reach, and name it with --sandbox-url; or use --cluster local:N.",
            )
        if "://" not in place:
            raise JournalError(
                "workers on other machines need a journal on a server",
                where=place,
                remedy="Name one: --journal postgresql://USER@HOST/DATABASE; or use --cluster local:N.",
            )
    with connected(flags.cluster) as cluster:
        yield OnCluster(cluster, terminal)


def for_all_machines(rows: FileRows) -> FileRows:
    """Return the rows with their files by names that do not depend on this process's folder."""
    from rokt_export.transactions.files import absolute, expand

    return replace(rows, paths=tuple(map(absolute, expand(rows.paths))))


def _size_of(files: Sequence[str], workers: int) -> int:
    from rokt_export.transactions.files import FileStamp

    total = sum(stamp.size for file in files if (stamp := FileStamp.of(file)) is not None)
    return max(_SMALLEST, min(_LARGEST, total // (_EACH * max(1, workers))))
