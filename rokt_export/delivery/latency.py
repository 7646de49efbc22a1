"""Turn any number of latencies into a histogram in logarithmic classes, in constant memory."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

_GROWTH = math.log(1.02)
"""Each class is 2 % wide, so a percentile is right to one percent of itself."""


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
        value = max(milliseconds, 0.001)
        self.lowest = min(self.lowest, value) if self.classes else value
        self.highest = max(self.highest, value)
        self.classes[round(math.log(value) / _GROWTH)] += 1

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

    def bars(self) -> Iterator[tuple[float, float, int]]:
        """Yield lower bound, upper bound and count of each bar of a histogram, gaps included.

        Bounds run 1, 2, 5, 10, 20, 50, …, from the class of the shortest to that of the longest.
        """
        if not self.classes:
            return
        numbers: Counter[int] = Counter()
        for number, count in self.classes.items():
            value = min(max(math.exp(number * _GROWTH), self.lowest), self.highest)
            numbers[_step(value)] += count
        for step in range(min(numbers), max(numbers) + 1):
            yield _bound(step), _bound(step + 1), numbers[step]


def _bound(step: int) -> float:
    decade, place = divmod(step, 3)
    return float(f"{(1, 2, 5)[place]}e{decade}")


def _step(value: float) -> int:
    step = math.floor(math.log10(value)) * 3
    while _bound(step + 1) <= value:
        step += 1
    return step
