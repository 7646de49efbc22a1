"""A process's share of what a partner bears, renewed by a thread while the process sends."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol, Self

from rokt_export.delivery.events import Settled
from rokt_export.delivery.pacing import Allowance
from rokt_export.delivery.run_counts import Tally
from rokt_export.delivery.shared_counts import FIRST_NUMBERS
from rokt_export.errors import JournalError
from rokt_export.request.url import blank_url, origin

if TYPE_CHECKING:
    from rokt_export.delivery.plan import Plan
    from rokt_export.delivery.worker import StopRequest
    from rokt_export.journal import Journal
    from rokt_export.journal.leases import Leases, LeaseShare

BRAKE = "brake"
"""The shared count that holds how hard the operator brakes; see `StopRequest.level`."""
FIRST_COUNTS = {**FIRST_NUMBERS, BRAKE: 0}
"""What the counts of a run on a cluster begin with."""

_NOTHING = Allowance(0, 0.0, 0.0, shared=True)
_DRAWN = {"first_recordings": 20, "problem_recordings": 200}
"""How many of a count that must not go below zero a process takes at a time."""
_WAIT = 0.25
"""Seconds between two tries to take a lease that another still holds."""
_UNDRIVEN = 2.0
"""Seconds for which a worker goes on though nobody seems to drive its run: a journal's server that was away is back for
the one before the other."""
_MOST_MESSAGES = 50
"""Messages that wait to be read by the process that drives the run."""


class LeasedSender(Protocol):
    """What sends by a lease."""

    @property
    def under_way(self) -> tuple[int, int]:
        """Requests in flight, and those sent so far where a rate is kept."""

    def wake(self) -> None:
        """Look at the allowance now."""


class LeasedNumbers:
    """The counts of a run as its journal has them: see `shared_counts.Numbers`.

    What is read is as of the last renewal, with this process's own changes. These are written with the next.

    Args:
        leases: of the run.
        hurry: makes the next renewal come at once.
    """

    def __init__(self, leases: Leases, hurry: Callable[[], None]) -> None:
        self._leases = leases
        self._hurry = hurry
        self._known = dict(FIRST_COUNTS)
        self._puts: dict[str, int] = {}
        self._adds: Counter[str] = Counter()
        self._under_way: tuple[dict[str, int], Counter[str]] = {}, Counter()
        self._drawn: Counter[str] = Counter()
        self._lock = threading.Lock()

    def get(self, name: str) -> int:
        """Return a count; of one that is drawn from, also what this process has taken and not used."""
        with self._lock:
            puts, adds = self._under_way
            value = puts.get(name, self._known[name]) + adds[name]
            return self._puts.get(name, value) + self._adds[name] + self._drawn[name]

    def put(self, name: str, value: int) -> None:
        """Set a count; others hear of it at their next renewal."""
        with self._lock:
            self._puts[name] = value
            del self._adds[name]
        self._hurry()

    def add(self, name: str, more: int) -> int:
        """Add to a count, and return it."""
        with self._lock:
            self._adds[name] += more
        return self.get(name)

    def swap(self, name: str, expected: int, value: int) -> bool:
        """Set a count in the journal if it has the value that is expected; return whether it had."""
        if self.get(name) != expected or not self._leases.swap(name, expected, value):
            return False
        with self._lock:
            self._known[name] = value
        return True

    def draw(self, name: str) -> bool:
        """Take one of a count; return whether there was one left."""
        if not self._drawn[name] and self._known[name] > 0:
            taken = self._leases.draw(name, _DRAWN[name])
            with self._lock:
                self._drawn[name] += taken
                self._known[name] = self._known[name] - taken if taken else 0
        if not self._drawn[name]:
            return False
        self._drawn[name] -= 1
        return True

    def changes(self) -> tuple[Mapping[str, int], Mapping[str, int]]:
        """Return what was set, and what was added to that, since `learn` was last called."""
        with self._lock:
            puts, adds = self._under_way
            for name, value in self._puts.items():
                puts[name] = value
                del adds[name]
            adds.update(self._adds)
            self._puts, self._adds = {}, Counter()
            return dict(puts), {name: more for name, more in adds.items() if more}

    def learn(self, numbers: Mapping[str, int]) -> None:
        """Take over what the journal says, now that it has the changes."""
        with self._lock:
            self._known.update(numbers)
            self._under_way = {}, Counter()


class WorkerLease:
    """A lease, renewed by a thread until it is closed. Use it as a context manager.

    It also is the watch of what runs by it: what it is told goes to the journal, where the process that drives the run
    reads it.

    Args:
        leases: of the run.
        brake: pressed when the operator brakes, when nobody drives the run any more, or when the lease is lost.
        leaving: returns whether this process is about to end, so that it should send no more.
        driven: whether another process drives the run: without it, nothing more is sent.
        worker: the address of this process in its cluster.

    Attributes:
        numbers: the counts that the run's processes share.
        lost: whether another process has taken the lease.
        id: of the lease.
    """

    def __init__(
        self,
        leases: Leases,
        brake: StopRequest,
        leaving: Callable[[], bool] = lambda: False,
        *,
        driven: bool = True,
        worker: str = "",
    ) -> None:
        self._leases = leases
        self._brake = brake
        self._leaving = leaving
        self._driven = driven
        self._worker = worker
        self._others = 0
        self._undriven: float | None = None
        self._news: list[str] = []
        self._hurried = threading.Event()
        self.numbers = LeasedNumbers(leases, self._hurried.set)
        self.lost = False
        self.id = ""
        self._allowance = _NOTHING
        self._engine: LeasedSender | None = None
        self._sent = 0
        self._told: dict[str, Any] = {"worker": worker}
        self._messages: list[str] = []
        self._messages_before = 0
        self._closed = False
        self._again = _WAIT
        self._thread = threading.Thread(target=self._keep, name="lease", daemon=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closed = True
        self._hurried.set()
        if not self.id:
            return
        if self._thread.ident is not None:  # the first renewal did not raise
            self._thread.join()
            if not self.lost:
                self._renew()  # what was counted last
        if not self.lost:
            with suppress(JournalError):
                self._leases.release(self.id)

    def take(self, part: int | None) -> bool:
        """Take the lease of a part of the input, or that of the process which drives the run, once nobody holds it.

        Returns:
            False if the operator braked before.

        Raises:
            JournalError: the journal cannot be written.
            LeaseLostError: another process has taken the run over.
        """
        while (own := self._leases.take(part, driven=self._driven and part is not None)) is None:
            if self._brake.level or self._leaving():
                return False
            time.sleep(_WAIT)
        self.id = own
        self._again = self._renew()
        self._thread.start()
        return True

    def allowance(self) -> Allowance:
        """Return the present share."""
        return self._allowance

    def news(self) -> list[str]:
        """Return what a person should know since the last call; for the engine's thread."""
        news, self._news = self._news, []
        return news

    @property
    def messages(self) -> tuple[list[str], int]:
        """The last messages that this process told, and how many came before them."""
        return self._messages, self._messages_before

    def attach(self, engine: LeasedSender) -> None:
        """Let an engine hear of each new share, and be counted."""
        self._engine = engine

    def tell(self, _partition: int, tally: Tally, in_flight: int, messages: tuple[str, ...], waiting: str = "") -> None:
        """Note how far this process has come; see `worker.Watch`."""
        new = list(messages)
        drop = max(0, len(self._messages) + len(new) - _MOST_MESSAGES)
        self._messages = [*self._messages, *new][drop:]
        self._messages_before += drop
        self._told = {
            "tally": tally.as_json(),
            "in_flight": in_flight,
            "waiting": waiting,
            "messages": self._messages,
            "before": self._messages_before,
            "worker": self._worker,
        }

    def settled(self, event: Settled) -> None:
        """Do nothing: rows stay in their process, only counts go to the journal."""

    def _keep(self) -> None:
        while not self._closed and not self.lost:
            self._hurried.wait(self._again)
            self._hurried.clear()
            if not self._closed:
                self._again = self._renew()
            if self._leaving():
                self._brake.press(1)

    def _renew(self) -> float:
        """Renew the lease; return the seconds after which to do so again. A journal that is away is asked again."""
        began = time.monotonic()
        in_flight, sent = (0, 0) if self._engine is None else self._engine.under_way
        puts, adds = self.numbers.changes()
        from rokt_export.journal.leases import LeaseReport

        report = LeaseReport(in_flight, sent - self._sent, self._told, puts, adds)
        try:
            grant = self._leases.renew(self.id, report)
        except JournalError:
            return _WAIT
        self._sent = sent
        if grant is None:
            self._lose()
            return 0.0
        self._obey(grant, began)
        return grant.again

    def _lose(self) -> None:
        self.lost = True
        self._allowance = _NOTHING
        self._brake.press(1)
        self._wake()

    def _obey(self, grant: LeaseShare, began: float) -> None:
        self.numbers.learn(grant.numbers)
        if grant.driven or not self._driven:
            self._undriven = None
        elif self._undriven is None:
            self._undriven = began
        alone = self._undriven is not None and began - self._undriven > _UNDRIVEN
        self._brake.press(max(grant.numbers.get(BRAKE, 0), int(alone)))
        if grant.runs != self._others:
            self._others = grant.runs
            who = "another run sends" if grant.runs == 1 else f"{grant.runs} other runs send"
            self._news.append(
                f"{who} to this partner too: the limits are shared" if grant.runs else "no other run sends any more"
            )
        before = self._allowance
        self._allowance = Allowance(grant.concurrency, grant.rate, began + grant.lasts, grant.crowded)
        if before[:2] != self._allowance[:2] or began >= before.until:
            self._wake()

    def _wake(self) -> None:
        if self._engine is not None:
            self._engine.wake()


def leases_of(journal: Journal, plan: Plan, run_id: str) -> Leases:
    """Return the leases of a run."""
    from rokt_export.journal.leases import LeaseTerms

    url = plan.spec.environment(plan.environment).url
    address = origin(blank_url(url, plan.variables, base_url=plan.destination.base_url))
    terms = LeaseTerms(plan.pace.concurrency, plan.pace.steady().rate, plan.partitions)
    return journal.leases(run_id, address, terms, patience=plan.pace.patience)


@contextmanager
def leased(plan: Plan, run_id: str, index: int, journal: Journal, brake: StopRequest) -> Iterator[WorkerLease | None]:
    """Yield the share of a run of this machine in the partner's rate; None where the plan keeps no single rate.

    Runs of one journal to one address share the rate. Where a spec states several, each run keeps them by itself: a
    window of sends cannot be divided without knowing when the others send.
    """
    if plan.pace.rate is None or plan.pace.windows:
        yield None
        return
    with WorkerLease(leases_of(journal, plan, run_id), brake, driven=False) as lease:
        lease.take(index)
        yield lease
