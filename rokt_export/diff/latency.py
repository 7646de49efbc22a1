"""Turn a stream of latencies into percentiles, in bounded memory."""

from __future__ import annotations

import math

from rokt_export.diff.model import Latency

_WIDTH = math.log(1.01)
_LEAST = 0.001


class LatencyHistogram:
    """Counts latencies in buckets that are each 1 % wider than the one before."""

    __slots__ = ("_buckets", "_count")

    def __init__(self) -> None:
        self._buckets: dict[int, int] = {}
        self._count = 0

    def add(self, milliseconds: float) -> None:
        """Count one latency."""
        bucket = round(math.log(max(milliseconds, _LEAST)) / _WIDTH)
        self._buckets[bucket] = self._buckets.get(bucket, 0) + 1
        self._count += 1

    def percentiles(self) -> Latency:
        """Return the 50th, 95th and 99th percentile (nearest rank)."""
        if not self._count:
            return Latency()
        return Latency(*(self._percentile(share) for share in (0.50, 0.95, 0.99)))

    def _percentile(self, share: float) -> float:
        rank, seen = math.ceil(share * self._count), 0
        for bucket in sorted(self._buckets):
            seen += self._buckets[bucket]
            if seen >= rank:
                return float(f"{math.exp(bucket * _WIDTH):.3g}")
        raise AssertionError("the rank is no higher than the count")
