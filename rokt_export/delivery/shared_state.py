"""What the partitions of one run have in common: how far its rows are claimed, what it may still keep, its tokens."""

from __future__ import annotations

from dataclasses import dataclass, field
from multiprocessing.context import BaseContext

from rokt_export.authentication.base import FetchedToken
from rokt_export.authentication.registry import credentials_of
from rokt_export.delivery.failure_counts import Misses, SharedMisses
from rokt_export.delivery.plan import Plan
from rokt_export.delivery.recording_quota import FIRST_RECORDED, PROBLEMS_RECORDED, Allowance, SharedAllowance
from rokt_export.delivery.token_stores import SharedStore
from rokt_export.transactions.claims import ALL, Claims, Mark, Share

_CLAIMED = 8
"""Rows that a worker claims at a time, at most, for each that it may have in flight: where nobody has counted the rows,
it is alone with so many at the end."""


class SharedMark:
    """How far the rows are claimed, by several processes.

    A worker that is killed while it holds the lock, a microsecond at a time, leaves the others waiting: the pool asks
    them to end, and they do once an answer could not be waited for any longer.

    Args:
        context: how the processes are made.
    """

    def __init__(self, context: BaseContext) -> None:
        self._free = context.Value("q", 1)

    def claim(self, row: int, size: int) -> int:
        """Claim rows unless somebody has; see `Mark.claim`."""
        with self._free.get_lock():
            free = int(self._free.value)
            if free <= row:
                self._free.value = row + size
        return free


@dataclass(frozen=True, slots=True)
class Common:
    """What all partitions of a run use; as it stands, that of a run with one.

    Attributes:
        mark: how far the rows are claimed; None where there is nobody to share them with.
        tokens: where the tokens of each OAuth authentication are; none: each partition keeps its own.
        misses: what the stop rules count.
        first, problems: how many exchanges may still be kept whole.
    """

    mark: Mark | None = None
    tokens: tuple[SharedStore, ...] = ()
    misses: Misses = field(default_factory=Misses)
    first: Allowance = field(default_factory=lambda: Allowance(FIRST_RECORDED))
    problems: Allowance = field(default_factory=lambda: Allowance(PROBLEMS_RECORDED))

    @classmethod
    def between(cls, plan: Plan, context: BaseContext) -> Common:
        """Return that of several processes, to be handed to each when it starts."""
        authentications = plan.spec.environment(plan.environment).authentication or ()
        credentials = credentials_of(authentications, plan.variables)
        return cls(
            SharedMark(context),
            tuple(SharedStore(context) for each in credentials if isinstance(each, FetchedToken)),
            SharedMisses(context),
            SharedAllowance(context, FIRST_RECORDED),
            SharedAllowance(context, PROBLEMS_RECORDED),
        )

    def share(self, plan: Plan, concurrency: int, settled: int) -> Share:
        """Return the rows of one partition.

        Args:
            plan: of the run.
            concurrency: what the partition may have in flight.
            settled: rows of the run that are settled already.
        """
        if self.mark is None:
            return ALL
        wanted = plan.wanted
        if wanted is not None and plan.selection.only is None:
            wanted -= settled
        most = min(Share.ahead, _CLAIMED * concurrency)
        return Claims(self.mark, plan.partitions, most, 2 * plan.pace.concurrency, plan.total, wanted)
