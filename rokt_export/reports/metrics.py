"""Turn the counts of a run into metrics, and metrics into Prometheus's text format (version 0.0.4)."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from rokt_export.delivery.run_counts import CLASS_WIDTH, Latencies, Tally

PREFIX = "rokt_export_"
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
"""Upper bounds of the latency buckets, in seconds."""


class MetricKind(StrEnum):
    """What a metric is, in Prometheus's words."""

    COUNTER = "counter"
    GAUGE = "gauge"


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric.

    Attributes:
        samples: labels to value, besides the labels of the run.
    """

    name: str
    kind: MetricKind
    help: str
    samples: Sequence[tuple[Mapping[str, str], float]]


@dataclass(frozen=True, slots=True)
class BucketHistogram:
    """Latencies in buckets.

    Attributes:
        counts: latencies of each of `BUCKETS`, and, last, above all of them.
        sum: of all latencies, in seconds, right to one percent.
    """

    counts: tuple[int, ...]
    sum: float

    @classmethod
    def of(cls, latencies: Latencies) -> BucketHistogram:
        """Return the buckets of a run's latencies, each of which is known to one percent."""
        counts, total = [0] * (len(BUCKETS) + 1), 0.0
        for number, rows in latencies.classes.items():
            seconds = math.exp(number * CLASS_WIDTH) / 1000
            total += rows * seconds
            counts[next((place for place, bound in enumerate(BUCKETS) if seconds <= bound), len(BUCKETS))] += rows
        return cls(tuple(counts), total)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A run at one moment.

    Attributes:
        labels: `run`, `partner`, `environment` and `command`.
        tally: its counts so far.
        total: rows to come; None where nobody knows.
        started: UTC seconds since the epoch.
        in_flight: requests under way.
        waiting: whether nothing is sent now, because of the partner or the rate.
        exit_status: how it ended; None while it lasts.
    """

    labels: Mapping[str, str]
    tally: Tally
    total: int | None
    started: float
    in_flight: int = 0
    waiting: bool = False
    exit_status: int | None = None
    latencies: BucketHistogram = field(init=False)

    def __post_init__(self) -> None:
        """Put the latencies into buckets."""
        object.__setattr__(self, "latencies", BucketHistogram.of(self.tally.figures.latencies))

    def metrics(self) -> Iterator[Metric]:
        """Yield all metrics but the histogram of latencies."""
        tally = self.tally
        responses = [
            ({"outcome": outcome, "rule": rule, "status": status}, float(rows))
            for (outcome, rule, status), rows in sorted(tally.responses.items())
        ]
        yield Metric(
            "rows_total", MetricKind.COUNTER, "Settled rows by outcome, response rule and HTTP status.", responses
        )
        left_out = [({"reason": why}, float(rows)) for why, rows in sorted(tally.left_out.items())]
        yield Metric("rows_left_out_total", MetricKind.COUNTER, "Rows of the input that were not sent.", left_out)
        for name, kind, text, value in (
            ("attempts_total", MetricKind.COUNTER, "Requests on the wire.", tally.figures.attempts),
            ("retries_total", MetricKind.COUNTER, "Further attempts of a row.", tally.retries),
            ("waited_seconds_total", MetricKind.COUNTER, "Seconds in which nothing was sent.", tally.waited),
            ("journal_seconds_total", MetricKind.COUNTER, "Seconds spent on writing the journal.", tally.journal),
            ("in_flight", MetricKind.GAUGE, "Requests under way.", self.in_flight),
            ("waiting", MetricKind.GAUGE, "1 while nothing is sent.", self.waiting),
            ("input_rows", MetricKind.GAUGE, "Rows to send, where known.", self.total),
            ("start_time_seconds", MetricKind.GAUGE, "When this process began to send.", self.started),
            ("finished", MetricKind.GAUGE, "1 once the run has ended.", self.exit_status is not None),
            ("exit_status", MetricKind.GAUGE, "The exit status, once the run has ended.", self.exit_status),
        ):
            if value is not None:
                yield Metric(name, kind, text, [({}, float(value))])


def prometheus(snapshot: Snapshot) -> str:
    """Return a run's metrics as text."""
    return "".join(_lines(snapshot))


def _lines(snapshot: Snapshot) -> Iterator[str]:
    for metric in snapshot.metrics():
        yield _head(metric.name, metric.kind, metric.help)
        for labels, value in metric.samples:
            yield _sample(metric.name, {**snapshot.labels, **labels}, value)
    name, histogram, below = "latency_seconds", snapshot.latencies, 0
    yield _head(name, "histogram", "Seconds of the last attempt of each row that was sent.")
    for bound, count in zip((*BUCKETS, math.inf), histogram.counts, strict=True):
        below += count
        text = "+Inf" if bound == math.inf else f"{bound:g}"
        yield _sample(f"{name}_bucket", {**snapshot.labels, "le": text}, below)
    yield _sample(f"{name}_sum", snapshot.labels, round(histogram.sum, 6))
    yield _sample(f"{name}_count", snapshot.labels, below)


def _head(name: str, kind: str, text: str) -> str:
    return f"# HELP {PREFIX}{name} {text}\n# TYPE {PREFIX}{name} {kind}\n"


def _sample(name: str, labels: Mapping[str, str], value: float) -> str:
    named = ",".join(f'{key}="{_escaped(text)}"' for key, text in labels.items())
    shown = f"{value:.0f}" if value == int(value) else repr(float(value))
    return f"{PREFIX}{name}{{{named}}} {shown}\n"


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
