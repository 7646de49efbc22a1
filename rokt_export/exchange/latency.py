"""Turn any number of latencies into a histogram in logarithmic classes, in constant memory."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from math import log
from typing import Any

_GROWTH = math.log(1.02)
"""Each class is 2 % wide, so a percentile is right to one percent of itself."""
_SHORTEST = 0.001
"""Milliseconds: what is shorter has no place on a logarithmic axis."""


@dataclass(slots=True)
class Latencies:
    """Latencies of a run, in milliseconds.

    Attributes:
        lowest: the shortest; 0.0 where there is none.
        highest: the longest.
        classes: number of class to latencies in it.
    """

    lowest: float = 0.0
    highest: float = 0.0
    classes: Counter[int] = field(default_factory=Counter)

    def add(self, milliseconds: float) -> None:
        """Count one latency; zero counts as a microsecond."""
        self.update((milliseconds,))

    def update(self, latencies: Sequence[float]) -> None:
        """Count latencies, in milliseconds."""
        if not latencies:
            return
        lowest = max(min(latencies), _SHORTEST)
        self.lowest = min(self.lowest, lowest) if self.classes else lowest
        self.highest = max(self.highest, *latencies, _SHORTEST)
        self.classes.update([round(log(value if value > _SHORTEST else _SHORTEST) / _GROWTH) for value in latencies])

    def merge(self, other: Latencies) -> None:
        """Count another's latencies too."""
        if other.classes:
            self.lowest = min(self.lowest, other.lowest) if self.classes else other.lowest
            self.highest = max(self.highest, other.highest)
            self.classes.update(other.classes)

    def as_json(self) -> dict[str, object]:
        """Return it as JSON data."""
        return {"lowest": self.lowest, "highest": self.highest, "classes": sorted(self.classes.items())}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Latencies:
        """Return what `as_json` wrote."""
        return cls(data["lowest"], data["highest"], Counter(dict(map(tuple, data["classes"]))))

    @property
    def count(self) -> int:
        """How many latencies there are."""
        return self.classes.total()

    def percentile(self, share: float) -> float | None:
        """Return the milliseconds that a share (0.95) of the latencies do not exceed; None where there are none."""
        wanted = math.ceil(share * self.count)
        seen = 0
        for number in sorted(self.classes):
            seen += self.classes[number]
            if seen >= wanted:
                return round(min(max(math.exp(number * _GROWTH), self.lowest), self.highest), 3)
        return None

    def bars(self, most: int = 36) -> Iterator[tuple[float, float, int]]:
        """Yield lower bound, upper bound and count of each bar of a histogram, gaps included.

        Bars are equally wide on a logarithmic axis. Each holds the same number of classes, so that none is high only
        for where its bounds fall.

        Args:
            most: bars at most.
        """
        if not self.classes:
            return
        first, last = min(self.classes), max(self.classes)
        width = -(-(last - first + 1) // most)
        for start in range(first, last + 1, width):
            count = sum(self.classes[number] for number in range(start, start + width))
            yield math.exp((start - 0.5) * _GROWTH), math.exp((start + width - 0.5) * _GROWTH), count
