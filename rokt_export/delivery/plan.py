"""The plan of a run: all that a partition needs to know, inert and picklable, so that it can go to another process."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from math import inf
from operator import attrgetter
from typing import TYPE_CHECKING

from rokt_export.delivery.pacing import rate_in_words
from rokt_export.delivery.stop_rules import StopRules
from rokt_export.exchange.delivery import KeptRecordings
from rokt_export.exchange.model import NOT_RECEIVED, OutcomeKind
from rokt_export.partner_spec.model import Limits, PartnerSpec
from rokt_export.request.render import Renderer
from rokt_export.spec_language.fields import Rate
from rokt_export.transactions.source_options import SourceOptions
from rokt_export.transactions.transaction import Value

if TYPE_CHECKING:
    from rokt_export.transactions.partitions import Partition


@dataclass(frozen=True, slots=True)
class Destination:
    """Where a run sends to, instead of the endpoint's own scheme, host and port.

    Attributes:
        base_url: a sandbox's `http://127.0.0.1:8080`.
        ca_file: PEM file of the authority to trust.
    """

    base_url: str | None = None
    ca_file: str | None = None


@dataclass(frozen=True, slots=True)
class FileRows:
    """Transactions from files.

    Attributes:
        paths: files, globs and `-`.
        options: how to read them.
        overrides: attribute to the value that all of them are given.
        unset: attributes that are taken from all of them.
        part: the part of them that a worker of a cluster reads; None for all.
    """

    paths: tuple[str, ...]
    options: SourceOptions = SourceOptions()  # noqa: RUF009 - frozen
    overrides: Mapping[str, Value] = field(default_factory=dict)
    unset: frozenset[str] = frozenset()
    part: Partition | None = None

    @property
    def own_rows(self) -> range | None:
        """The numbers of the part's rows."""
        return None if self.part is None else range(self.part.before + 1, self.part.before + self.part.rows + 1)


@dataclass(frozen=True, slots=True)
class GeneratedRows:
    """Invented people.

    Attributes:
        count: how many.
        attributes: what they have.
        seed: decides who they are, in every partition alike.
        overrides: attribute to the value that all of them have.
        unset: attributes that none of them has.
    """

    count: int
    attributes: frozenset[str]
    seed: int
    overrides: Mapping[str, Value] = field(default_factory=dict)
    unset: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Selection:
    """Which rows of the input are sent.

    Attributes:
        only: row numbers to send, as ranges; None = all.
        numbered_by: the earlier run that the numbers are of, by which rows of stdin are recognised.
        unknown: whether rows are sent again that may have been sent, in this run or an earlier production run.
        delivered: whether rows are sent again that production answered before.
        outcomes: the outcomes, in an earlier production run, of the rows to send.
    """

    only: tuple[tuple[int, int], ...] | None = None
    numbered_by: str | None = None
    unknown: bool = False
    delivered: bool = False
    outcomes: frozenset[OutcomeKind] = frozenset()

    @property
    def leave(self) -> frozenset[OutcomeKind]:
        """The earlier outcomes in production with which a row may be sent again.

        Asking for rejected or failed rows allows these; what the partner has, or may have, needs its own flag.
        """
        leave = {OutcomeKind.UNKNOWN} if self.unknown else set()
        if self.delivered:
            leave.update(set(OutcomeKind) - {OutcomeKind.UNKNOWN})
        elif not self.outcomes.isdisjoint(NOT_RECEIVED):
            leave |= NOT_RECEIVED
        return frozenset(leave)


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast a run sends, how often it tries, how long it waits, and when it stops: from the flags to the engine.

    Attributes:
        concurrency: requests in flight at most, over all partitions.
        batch: rows that one request carries at most; None for one, without an array of records.
        rate: requests per second at most, over all partitions; None = as fast as they are answered.
        written: the same as it is written, such as 1000/h.
        windows: where the spec states several rates, each of them: so many sends in any such span, exactly.
        attempts: attempts on the wire per transaction, at most.
        backoff: seconds before the second attempt, doubled for each further one, with full jitter.
        backoff_limit: seconds between two attempts, at most.
        timeout: seconds for a whole attempt.
        connect_timeout: seconds until connected, TLS included.
        max_response: bytes of a response that are read.
        patience: seconds that the partner may be out of reach.
        stop: when to stop before the end.
        until: UTC seconds since the epoch at which to stop; None = not by the clock.
    """

    concurrency: int = 10
    batch: int | None = None
    rate: float | None = None
    written: Rate | None = None
    windows: tuple[Rate, ...] = ()
    attempts: int = 3
    backoff: float = 1.0
    backoff_limit: float = 60.0
    timeout: float = 30.0
    connect_timeout: float = 10.0
    max_response: int = 10_000_000
    patience: float = 0.0
    stop: StopRules = StopRules()  # noqa: RUF009 - frozen
    until: float | None = None

    @classmethod
    def of(cls, limits: Limits) -> Pace:
        """Return what the spec allows."""
        rates = limits.rate
        fastest = max(rates, key=attrgetter("per_second"), default=None)
        return cls(
            rate=None if fastest is None else fastest.per_second,
            written=fastest,
            windows=rates if len(rates) > 1 else (),
            **limits.model_dump(exclude={"rate"}),
        )

    def unpaced(self) -> Pace:
        """Return the pace without a rate: a sandbox bears any."""
        return replace(self, rate=None, windows=())

    @property
    def rate_text(self) -> str:
        """The rate for a person; empty where there is none."""
        own = [] if self.rate is None else [rate_in_words(self.rate) if self.written is None else str(self.written)]
        if self.windows and self.rate == max(each.per_second for each in self.windows):
            own = []
        return " and ".join([*own, *map(str, self.windows)])

    def least_seconds(self, rows: int) -> float:
        """Return how long the rates let so many sends take, at least; 0.0 without a rate."""
        waits = [(rows - 1) // each.sends * each.seconds for each in self.windows]
        return max(rows / self.rate if self.rate is not None else 0.0, *waits, 0.0)

    def steady(self) -> Pace:
        """Return the pace with one rate that keeps all of them, without bursts: many processes cannot count together
        what each of them sends in any span.
        """
        if not self.windows:
            return self
        lowest = min(each.per_second for each in self.windows)
        return replace(self, rate=min(lowest, lowest if self.rate is None else self.rate), windows=())

    def share(self, index: int, partitions: int) -> Pace:
        """Return a partition's share of one budget, which has at least one send at once for each."""
        own = _sends_at_once(self.concurrency, partitions, index)
        rate = None if self.rate is None else self.rate * own / max(self.concurrency, partitions)
        before = sum(_sends_at_once(self.concurrency, partitions, each) for each in range(index))
        whole = max(self.concurrency, partitions)
        windows = tuple(_part(each, before, before + own, whole) for each in self.windows)
        return replace(self, concurrency=own, rate=rate, windows=windows)


def _sends_at_once(concurrency: int, partitions: int, index: int) -> int:
    return max(1, concurrency // partitions + (index < concurrency % partitions))


def _part(window: Rate, first: int, last: int, whole: int) -> Rate:
    """Return the sends of a window that belong to some of its shares; those of all shares add up to the window's."""
    return window._replace(sends=window.sends * last // whole - window.sends * first // whole)


@dataclass(frozen=True, slots=True)
class Plan:
    """A run, before it begins.

    Attributes:
        spec: the partner's spec.
        environment: the environment's name.
        variables: the values that it names.
        rows: where the transactions come from.
        pace: how fast.
        selection: which of them.
        destination: where to instead.
        guarded: whether the target is guarded; a sandbox is not (`delivery/target.py`).
        ledger: the names by which the ledger knows the target; see `Target.ledger`.
        recordings: which exchanges are kept whole.
        expected: the expected outcome for.
        redaction_key: makes one value one token in all partitions.
        journal: path or URL of the journal.
        partitions: how many processes share the work.
        total: rows to come, where known.
        looked_at: rows whose damage was told before the run; None for all, or for those that nobody can look at before.
        before: the last batch that was intended in the run before its process took it over; see `Journal.attach`.
        recorded: exchanges of the run that were recorded before its process took it over.
        plugins: the authentication classes that the operator allows, as `module:Class`.
        verbose: whether each attempt is reported (`--verbose`).
        metrics: whether responses are counted by outcome, rule and status (`--metrics`).
    """

    spec: PartnerSpec
    environment: str
    variables: Mapping[str, str]
    rows: FileRows | GeneratedRows
    pace: Pace
    journal: str
    redaction_key: bytes
    selection: Selection = Selection()
    destination: Destination = Destination()
    guarded: bool = False
    ledger: tuple[str, ...] = ()
    recordings: KeptRecordings = KeptRecordings.SOME
    expected: OutcomeKind = OutcomeKind.DELIVERED
    partitions: int = 1
    total: int | None = None
    looked_at: int | None = None
    before: int = 0
    recorded: int = 0
    plugins: frozenset[str] = frozenset()
    verbose: bool = False
    metrics: bool = False

    def renderer(self) -> Renderer:
        """Return what renders the plan's rows; for a sandbox, no authentication class is loaded.

        Raises:
            SpecError, ConfigurationError: the plan does not make requests.
        """
        in_sandbox = self.destination.base_url is not None
        return Renderer(
            self.spec,
            self.environment,
            self.variables,
            base_url=self.destination.base_url,
            plugins=None if in_sandbox else self.plugins,
        )

    @property
    def wanted(self) -> int | None:
        """Rows to send, where known, those that a resumed run has settled included."""
        if self.selection.only is None:
            return self.total
        most = inf if self.total is None else self.total
        return int(sum(max(0, min(last, most) - first + 1) for first, last in self.selection.only))

    def __repr__(self) -> str:
        """Name the plan without its variables: they hold secrets."""
        return f"Plan({self.spec.partner!r}, {self.environment!r})"
