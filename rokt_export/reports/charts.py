"""Turn figures into the geometry of two charts, which the page's template draws as SVG."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from rokt_export.delivery.run_counts import Latencies

WIDTH = 360.0
"""Units across; the picture scales to its place."""
HEIGHT = 110.0
"""Units from the tallest bar's top to the axis."""
_TICKS = (1, 2, 5)
_MOST_TICKS = 6
_CHARACTER = 7.0
"""Units that a character of a label takes at most."""
_MARGIN = 8.0
"""Units that the picture has on each side of the axis."""


@dataclass(frozen=True, slots=True)
class OutcomeShare:
    """One outcome's part of the bar of all rows.

    Attributes:
        share: of all rows, 0 to 1.
    """

    outcome: str
    count: int
    share: float
    x: float
    width: float


@dataclass(frozen=True, slots=True)
class HistogramBar:
    """One bar of the latency histogram.

    Attributes:
        height: how high it is; 0.0 for none.
    """

    x: float
    width: float
    height: float
    label: str


@dataclass(frozen=True, slots=True)
class AxisMark:
    """A place on the axis of latency.

    Attributes:
        label: its text; empty where there is no room for it.
        label_x: the middle of the label, which is within the picture.
    """

    x: float
    label: str
    label_x: float = 0.0


@dataclass(frozen=True, slots=True)
class LatencyChart:
    """The latencies of a run.

    Attributes:
        description: the same in words, for who cannot see it.
    """

    columns: tuple[HistogramBar, ...]
    ticks: tuple[AxisMark, ...]
    marks: tuple[AxisMark, ...]
    description: str


def parts(counts: Mapping[str, int]) -> tuple[OutcomeShare, ...]:
    """Return the bar of all rows; a part is never too thin to be seen."""
    total = sum(counts.values())
    if not total:
        return ()
    least = 3.0
    shares = {outcome: max(count / total * WIDTH, least) for outcome, count in counts.items()}
    scale = WIDTH / sum(shares.values())
    found: list[OutcomeShare] = []
    x = 0.0
    for outcome, count in counts.items():
        width = shares[outcome] * scale
        found.append(OutcomeShare(outcome, count, count / total, round(x, 2), round(width, 2)))
        x += width
    return tuple(found)


def histogram(latencies: Latencies) -> LatencyChart | None:
    """Return the histogram on a logarithmic axis; None where it would have a single bar, or none."""
    bars = list(latencies.bars())
    if len(bars) < 2:
        return None
    start, end = math.log(bars[0][0]), math.log(bars[-1][1])
    tallest = max(count for *_, count in bars)

    def place(value: float) -> float:
        return round((math.log(value) - start) / (end - start) * WIDTH, 2)

    columns = tuple(
        HistogramBar(place(low), round(place(high) - place(low), 2), round(count / tallest * HEIGHT, 2),
               f"{duration(low)} to {duration(high)}: {count:,}")
        for low, high, count in bars
    )  # fmt: skip
    ticks = tuple(_labelled([(duration(value), place(value)) for value in _ticks(bars[0][0], bars[-1][1])]))
    percentiles = [(name, latencies.percentile(share)) for name, share in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99))]
    marks = tuple(_labelled([(name, place(value)) for name, value in percentiles if value is not None]))
    parts = ", ".join(f"{name} {duration(value)}" for name, value in percentiles if value is not None)
    lowest, highest = duration(latencies.lowest), duration(latencies.highest)
    return LatencyChart(columns, ticks, marks, f"{latencies.count:,} latencies from {lowest} to {highest}; {parts}")


def _labelled(places: list[tuple[str, float]]) -> Iterator[AxisMark]:
    """Yield places with their labels: each within the picture, and none over the one before."""
    taken = -math.inf
    for name, place in places:
        x = min(max(place, 0.0), WIDTH)
        half = len(name) * _CHARACTER / 2
        middle = min(max(x, half - _MARGIN), WIDTH + _MARGIN - half)
        room = middle - half >= taken
        yield AxisMark(x, name if room else "", round(middle, 2))
        taken = middle + half + _CHARACTER if room else taken


def _ticks(low: float, high: float) -> list[float]:
    found = list(_round_values(low, high, _TICKS))
    if len(found) > _MOST_TICKS:
        found = list(_round_values(low, high, (1,)))
    if len(found) < 2:
        found = list(_round_values(low, high, tuple(range(1, 10))))
    return found[:: -(-len(found) // _MOST_TICKS)] if found else []


def _round_values(low: float, high: float, steps: tuple[int, ...]) -> Iterator[float]:
    for decade in range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1):
        for step in steps:
            value = float(f"{step}e{decade}")
            if low <= value <= high:
                yield value


def duration(milliseconds: float) -> str:
    """Return milliseconds as `0.4 ms`, `45 ms` or `1.5 s`."""
    if milliseconds >= 1000:
        return f"{milliseconds / 1000:.3g} s"
    return f"{milliseconds:.3g} ms"
