"""Where does a run on many machines reach its limit? Discrete events in place of machines, sockets and databases.

    python -m bench.simulate

The same figures give the same result. What is measured and what is assumed is said at each figure (`Figures`).
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Generator
from contextlib import suppress
from dataclasses import dataclass, field, replace

MEASURED = "measured"
ASSUMED = "assumed"


@dataclass(frozen=True)
class Figures:
    """What a step costs; seconds, rows and bytes. `SOURCES` says where each comes from."""

    row_cpu: float = 31e-6
    skipped_row: float = 0.24e-6
    batch: int = 500
    server_row: float = 9.8e-6
    guarded_server_row: float = 20.8e-6
    write_wait: float = 10e-3
    guarded_lock: float = 13.9e-3
    range_bytes: int = 64_000_000
    row_bytes: int = 105
    hand_out: float = 1e-3
    lease: float = 0.2e-3
    table_bytes: int = 174
    ledger_bytes: int = 128
    log_bytes: int = 300
    guarded_log_bytes: int = 566
    sqlite_bytes: int = 86


SOURCES = {
    "row_cpu": (MEASURED, "docs/benchmarks.md: 31,949 rows/s of one worker, whole command"),
    "skipped_row": (MEASURED, "reading past a row of ten plain cells that is another worker's"),
    "batch": (MEASURED, "rows that are intended at a time, at most (delivery/input_feed.py)"),
    "server_row": (MEASURED, "CPU of the PostgreSQL server: intent and result, batches of 500"),
    "guarded_server_row": (MEASURED, "the same with the entry in the ledger"),
    "write_wait": (MEASURED, "wait for the intents of 500 rows, a busy machine with two cores, its disk synced"),
    "guarded_lock": (MEASURED, "the same in a guarded environment, where one partner's batches wait for each other"),
    "range_bytes": (ASSUMED, "size of a range of a file"),
    "row_bytes": (MEASURED, "517 MB for 5,000,000 rows (docs/benchmarks.md)"),
    "hand_out": (ASSUMED, "what a scheduler needs to hand out a range; Dask's documentation names 1 ms for a task"),
    "lease": (ASSUMED, "what the holder of the budget needs to answer one worker"),
    "table_bytes": (MEASURED, "table and indexes of PostgreSQL for a delivered row, without a recording"),
    "ledger_bytes": (MEASURED, "entry of the ledger and its indexes"),
    "log_bytes": (MEASURED, "PostgreSQL's write-ahead log of a row; it is written and used again"),
    "guarded_log_bytes": (MEASURED, "the same in a guarded environment"),
    "sqlite_bytes": (MEASURED, "a delivered row in a journal in a file"),
}


@dataclass(frozen=True)
class Cluster:
    """A run on several machines.

    Attributes:
        rows: to be sent.
        workers: processes, each with a core of its own.
        in_flight: requests of each worker at a time.
        latency: seconds until the partner responds.
        rate: requests per second, over all workers; None = no limit.
        guarded: whether the target is guarded: each batch then also looks rows up and claims them.
        server_cores: cores of the PostgreSQL server.
        whole: whether each worker reads the whole input, and skips what is others'; else it reads its ranges.
        leased: seconds for which a worker is given its part of the rate; 0 = it asks for each request.
        grain: rows that are simulated as one event; a multiple of a batch.
    """

    rows: int = 1_000_000_000
    workers: int = 100
    in_flight: int = 64
    latency: float = 0.05
    rate: float | None = None
    guarded: bool = False
    server_cores: int = 4
    whole: bool = False
    leased: float = 1.0
    grain: int = 50_000
    figures: Figures = field(default_factory=Figures)


class Station:
    """Something that all workers use, in the order in which they come to it: `places` at a time."""

    def __init__(self, name: str, places: int = 1) -> None:
        self.name = name
        self.places = places
        self.busy = 0.0
        self.waited = 0.0
        self._free = [0.0] * places

    def serve(self, now: float, seconds: float) -> float:
        """Return when a visit that arrives now is over. Calls must come in the order of `now`."""
        begin = max(now, self._free[0])
        heapq.heapreplace(self._free, begin + seconds)
        self.busy += seconds
        self.waited += begin - now
        return begin + seconds

    def load(self, until: float) -> float:
        """Return the share of the time in which it was busy."""
        return self.busy / (self.places * until) if until else 0.0


@dataclass(frozen=True)
class Sent:
    """Rows that one worker sent evenly between two moments."""

    worker: int
    first: int
    rows: int
    began: float
    ended: float


@dataclass(frozen=True)
class Outcome:
    """What a simulated run came to.

    Attributes:
        seconds: how long it took.
        settled: rows that were settled.
        loads: how busy each station was, and the workers' cores, as shares.
        limit: what was the limit.
    """

    seconds: float
    settled: int
    loads: dict[str, float]
    limit: str

    @property
    def rate(self) -> float:
        """Rows a second."""
        return self.settled / self.seconds if self.seconds else 0.0


def bounds(cluster: Cluster) -> dict[str, float]:
    """Return how many rows a second each part of a cluster allows, in closed form; `simulate` comes to the least."""
    figures, workers = cluster.figures, cluster.workers
    messages = _messages_a_row(cluster)
    found = {
        "the workers' cores": workers / _own_seconds(cluster),
        "requests in flight": math.inf if not cluster.latency else workers * cluster.in_flight / cluster.latency,
        "PostgreSQL": cluster.server_cores / _server_row(cluster),
        "the scheduler": figures.range_bytes / figures.row_bytes / figures.hand_out,
        "the budget": 1 / (messages * figures.lease) if messages else math.inf,
        "the rate": cluster.rate or math.inf,
    }
    if cluster.guarded:
        found["the partner's lock"] = figures.batch / figures.guarded_lock
    return found


def _own_seconds(cluster: Cluster) -> float:
    """Return seconds of a worker's core for a row that it sends, its wait for the disk and others' rows included."""
    figures = cluster.figures
    wait = figures.guarded_lock if cluster.guarded else figures.write_wait
    skipped = figures.skipped_row * (cluster.workers - 1) if cluster.whole else 0.0
    return figures.row_cpu + skipped + wait / figures.batch + _server_row(cluster)


def _server_row(cluster: Cluster) -> float:
    return cluster.figures.guarded_server_row if cluster.guarded else cluster.figures.server_row


def _messages_a_row(cluster: Cluster) -> float:
    """Return how many messages to the holder of the budget a row costs."""
    if cluster.rate is None:
        return 0.0
    return 1.0 if not cluster.leased else min(1.0, cluster.workers / (cluster.rate * cluster.leased))


def simulate(cluster: Cluster, hear: Callable[[Sent], None] = lambda _: None) -> Outcome:
    """Run a cluster, and return what it came to.

    Each worker takes a range of the input, and of it one grain after the other: its part of the budget, the intents,
    the sends, the results. While a worker waits for a station, its other stations serve others.

    Args:
        cluster: what is simulated.
        hear: is told of all rows that are sent, in no order.
    """
    figures = cluster.figures
    scheduler, budget, lock = Station("the scheduler"), Station("the budget"), Station("the partner's lock")
    server = Station("PostgreSQL", cluster.server_cores)
    a_range = max(1, figures.range_bytes // figures.row_bytes)
    cpu = figures.row_cpu + (figures.skipped_row * (cluster.workers - 1) if cluster.whole else 0.0)
    in_flight = cluster.latency / cluster.in_flight
    active = cluster.workers
    messages = _messages_a_row(cluster)
    free = 1
    settled, last, computed, slept = 0, 0.0, 0.0, 0.0

    def life(worker: int) -> Generator[float, float, None]:
        """Yield the moments at which a worker's next step begins."""
        nonlocal free, active, settled, last, computed, slept
        now = 0.0
        while free <= cluster.rows:
            begin, end = free, min(free + a_range, cluster.rows + 1)
            free = end
            now = yield scheduler.serve(now, figures.hand_out)
            while begin < end:
                rows = min(cluster.grain, end - begin)
                batches = math.ceil(rows / figures.batch)
                started = now
                paced = active / cluster.rate if cluster.rate else 0.0  # whoever has ended leaves its part
                if messages:
                    now = yield budget.serve(now, rows * messages * figures.lease)
                if cluster.guarded:
                    now = yield lock.serve(now, batches * figures.guarded_lock)
                now = yield server.serve(now, rows * _server_row(cluster))
                if not cluster.guarded:
                    now += batches * figures.write_wait
                now += rows * cpu
                computed += rows * cpu
                floor = started + rows * max(in_flight, paced)
                slept += max(0.0, floor - now)
                now = yield max(now, floor)
                hear(Sent(worker, begin, rows, started, now))
                settled += rows
                begin += rows
                last = max(last, now)
        active -= 1

    lives = [life(worker) for worker in range(cluster.workers)]
    queue = [(moment, worker) for worker, each in enumerate(lives) if (moment := next(each, None)) is not None]
    heapq.heapify(queue)
    while queue:
        moment, worker = heapq.heappop(queue)
        with suppress(StopIteration):
            heapq.heappush(queue, (lives[worker].send(moment), worker))
    stations = [station for station in (scheduler, budget, lock, server) if station.busy]
    loads = {station.name: station.load(last) for station in stations}
    busiest = max(loads, key=lambda name: loads[name])
    if loads[busiest] >= _FULL:
        limit = busiest
    elif slept >= _SLEPT * cluster.workers * last:
        limit = "the rate" if cluster.rate and cluster.workers / cluster.rate > in_flight else "requests in flight"
    else:
        limit = "the workers' cores"
    loads["the workers' cores"] = computed / (cluster.workers * last) if last else 0.0
    return Outcome(last, settled, loads, limit)


_FULL = 0.9
"""Load from which a station is the limit; the rest is the start and the end, when not all workers have something."""
_SLEPT = 0.2
"""Share of the workers' time from which it is not their cores that are the limit."""


def disk(cluster: Cluster) -> int:
    """Return the bytes that the journal's tables take at the end, without recordings."""
    figures = cluster.figures
    return cluster.rows * (figures.table_bytes + (figures.ledger_bytes if cluster.guarded else 0))


def table(clusters: list[tuple[str, Cluster]]) -> Generator[str, None, None]:
    """Yield the lines of a Markdown table of what clusters come to."""
    yield "| Run | Workers | Rows/s | Hours | Limit | PostgreSQL busy | Journal |"
    yield "| --- | ---: | ---: | ---: | --- | ---: | ---: |"
    for name, cluster in clusters:
        found = simulate(cluster)
        size = disk(cluster) / 1e9
        yield (
            f"| {name} | {cluster.workers} | {found.rate:,.0f} | {found.seconds / 3600:,.1f} | {found.limit} "
            f"| {found.loads['PostgreSQL']:.0%} | {size:,.0f} GB |"
        )


def sources() -> Generator[str, None, None]:
    """Yield the lines of a Markdown table of the figures."""
    yield "| Figure | Value | | Source |"
    yield "| --- | ---: | --- | --- |"
    for name, (kind, source) in SOURCES.items():
        yield f"| `{name}` | {getattr(Figures(), name):g} | {kind} | {source} |"


def scenarios() -> list[tuple[str, Cluster]]:
    """Return the runs of the page docs/scaling.md."""
    base = Cluster()
    guarded = replace(base, guarded=True)
    return [
        *(("50 ms partner, tests", replace(base, workers=workers)) for workers in (1, 10, 100)),
        *(("50 ms partner, guarded", replace(guarded, workers=workers)) for workers in (1, 10, 100)),
        ("the same, each worker reads the whole input", replace(guarded, whole=True)),
        ("quick partner (1 ms), tests", replace(base, latency=0.001)),
        ("the same, PostgreSQL with 16 cores", replace(base, latency=0.001, server_cores=16)),
        ("guarded, 400/s", replace(guarded, rate=400)),
        ("guarded, 10,000/s", replace(guarded, rate=10_000)),
        ("tests, 10,000/s, the budget asked for each request", replace(base, rate=10_000, leased=0.0)),
    ]


def main() -> None:
    """Print the table, and where its figures come from."""
    print("\n".join([*table(scenarios()), "", *sources()]))


if __name__ == "__main__":
    main()
