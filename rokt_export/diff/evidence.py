"""What is kept of one place while pairs of values stream by: counts, samples, and enough to judge it at the end."""

from __future__ import annotations

from collections.abc import Callable
from zlib import crc32

from rokt_export.diff.model import Sample

MOST_SAMPLES = 5
_MOST_VALUES = 256
_MOST_COMBINATIONS = 256
_MOST_PAIRS = 64
_MOST_CHANGES = 8
KEPT = 80
"""Characters of a value that the pairs keep."""


class ValueSample:
    """The distinct values of a stream and how often each came, in bounded memory.

    Gibbons' distinct sampling (VLDB 2001): while there are few values all are kept; then only those whose hash ends in
    a zero bit, then in two, and so on. Which values are kept does not depend on how often they come, so the share of
    values seen once is that of the whole stream.

    Attributes:
        counts: hash of each value kept to how often it came.
        bits: how many zero bits a hash must end in.
    """

    __slots__ = ("_mask", "bits", "counts")

    def __init__(self) -> None:
        self.counts: dict[int, int] = {}
        self.bits = 0
        self._mask = 0

    def add(self, value: int) -> None:
        """Count one value, given as its hash."""
        if value & self._mask:
            return
        counts = self.counts
        counts[value] = counts.get(value, 0) + 1
        while len(counts) > _MOST_VALUES:
            self.bits += 1
            self._mask = (1 << self.bits) - 1
            self.counts = counts = {key: count for key, count in counts.items() if not key & self._mask}

    @property
    def distinctness(self) -> float:
        """Distinct values by values seen: 1.0 where none came twice."""
        seen = sum(self.counts.values())
        return len(self.counts) / seen if seen else 0.0

    def at(self, bits: int) -> dict[int, int]:
        """Return the counts as if `bits` zero bits had been asked for, to set two samples side by side."""
        mask = (1 << bits) - 1
        return {key: count for key, count in self.counts.items() if not key & mask}


class Evidence:
    """The values of both sides at one place, from the first difference there on.

    Attributes:
        agreed: pairs of values that agreed.
        differed: pairs of values that did not.
        transactions: transactions in which some did not.
        a, b: the values of each side.
        joint: how often each combination came; None once there are too many.
        changes: the same for the differing ones alone, as texts, to tell what changed into what.
        pairs: differing values, evenly thinned out over the stream, in its order.
        samples: the first transactions that differ.
    """

    __slots__ = (
        "_last",
        "_stride",
        "a",
        "agreed",
        "b",
        "changes",
        "differed",
        "joint",
        "pairs",
        "samples",
        "transactions",
    )

    def __init__(self) -> None:
        self.agreed = self.differed = self.transactions = 0
        self.a, self.b = ValueSample(), ValueSample()
        self.joint: dict[tuple[int, int], int] | None = {}
        self.changes: dict[tuple[str, str], int] = {}
        self.pairs: list[tuple[str, str]] = []
        self.samples: list[Sample] = []
        self._stride = 1
        self._last = -1

    def agree(self, value: str) -> None:
        """Count a pair that agrees."""
        self.agreed += 1
        hashed = crc32(value.encode("utf-8", "surrogatepass"))
        self.a.add(hashed)
        self.b.add(hashed)
        self._join(hashed, hashed)

    def differ(self, number: int, a: str, b: str, sample: Callable[[], Sample]) -> None:
        """Count a pair that differs.

        Args:
            number: of the transaction, ascending.
            a: A's value, with placeholders.
            b: B's.
            sample: makes a sample of it; called for the first few transactions.
        """
        if number != self._last:
            self._last = number
            self.transactions += 1
            if len(self.samples) < MOST_SAMPLES:
                self.samples.append(sample())
        hashed_a, hashed_b = crc32(a.encode("utf-8", "surrogatepass")), crc32(b.encode("utf-8", "surrogatepass"))
        self.a.add(hashed_a)
        self.b.add(hashed_b)
        self._join(hashed_a, hashed_b)
        if self.differed % self._stride == 0:
            self._keep(a[:KEPT], b[:KEPT])
        if (change := (a[:KEPT], b[:KEPT])) in self.changes or len(self.changes) < _MOST_CHANGES:
            self.changes[change] = self.changes.get(change, 0) + 1
        self.differed += 1

    def _keep(self, a: str, b: str) -> None:
        self.pairs.append((a, b))
        if len(self.pairs) > _MOST_PAIRS:
            self.pairs = self.pairs[::2]
            self._stride *= 2

    def _join(self, a: int, b: int) -> None:
        joint = self.joint
        if joint is not None:
            joint[a, b] = joint.get((a, b), 0) + 1
            if len(joint) > _MOST_COMBINATIONS:
                self.joint = None

    @property
    def only_change(self) -> tuple[str, str] | None:
        """What changed into what, where every difference is the same."""
        return next(iter(self.changes)) if len(self.changes) == 1 else None


class Presence:
    """How often a member of an object stands on both sides, and on one alone, from the first difference on.

    Attributes:
        both: objects with it on both sides.
        missing, extra: those with it on A's side alone, and on B's alone.
        before: objects compared before.
    """

    __slots__ = ("before", "both", "extra", "missing")

    def __init__(self, before: int) -> None:
        self.before = before
        self.both = 0
        self.missing, self.extra = Evidence(), Evidence()
