"""What a worker of a cluster does: it runs one partition of a plan."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rokt_export.delivery.cluster_workers import check_versions, versions_here, with_own_secrets
from rokt_export.delivery.events import Finished, StopReason
from rokt_export.delivery.lease import WorkerLease, leases_of
from rokt_export.delivery.plan import FileRows, Plan
from rokt_export.delivery.run_counts import Tally
from rokt_export.delivery.worker import PartitionContext, Result, StopRequest, run_partition, token_stores
from rokt_export.errors import LeaseLostError, TransactionsError

if TYPE_CHECKING:
    from distributed import Worker

    from rokt_export.delivery.oauth2 import TokenStore

_TOKENS: dict[str, tuple[TokenStore, ...]] = {}
"""Run to the tokens that this worker has fetched: they outlast a partition."""


@dataclass(frozen=True, slots=True)
class WorkerResult:
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


def work(plan: Plan, run_id: str, versions: Mapping[str, str]) -> WorkerResult:
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
    check_versions(versions_here(), versions, worker.address)
    plan = with_own_secrets(plan, run_id, worker.address)
    assert isinstance(plan.rows, FileRows)
    assert plan.rows.part is not None
    brake = StopRequest()
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
            return WorkerResult(Result(Tally(detailed=plan.metrics), Finished(StopReason.INTERRUPTED)))
        if run_id not in _TOKENS:
            _TOKENS[run_id] = token_stores(plan)
        common = PartitionContext(lease.numbers, tokens=_TOKENS[run_id], lease=lease)
        try:
            result = run_partition(plan, run_id, 0, lease, brake, common, journal)
        except TransactionsError as error:  # it may be this machine's alone
            error.where = f"{error.where}, read by worker {worker.address}"
            raise
        if lease.lost:
            raise LeaseLostError(f"another worker of run {run_id} has taken up these rows")
        return WorkerResult(result, lease.id, *lease.messages)


def _stop_profiler(worker: Worker) -> None:
    """Stop Dask's profiler of tasks, which keeps an hour of them: 20 MB more for each minute that a worker sends."""
    for name in ("profile", "profile-cycle"):
        if (timer := worker.periodic_callbacks.get(name)) is not None:
            worker.loop.add_callback(timer.stop)
