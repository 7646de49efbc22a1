"""Counts the values that `invalid: omit` leaves out of requests, by parameter, with the first rows; mergeable."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rokt_export.journal.run_info import RunInfo, RunState

NOTE = "omitted"
"""The run's note of these counts, over all its processes."""
_MOST_NAMED = 3
_ENDED = (RunState.FINISHED, RunState.INTERRUPTED)


@dataclass(slots=True)
class OmittedValues:
    """Values that were left out of requests that were sent, each row counted once.

    Attributes:
        values: name of the parameter to how many of its values.
        first: name of the parameter to the numbers of the first of these rows, in order.
        partial: whether there may be more, because a process was killed before it noted its own.
    """

    values: Counter[str] = field(default_factory=Counter)
    first: dict[str, list[int]] = field(default_factory=dict)
    partial: bool = False

    def add(self, row: int, names: Sequence[str]) -> None:
        """Count a row's values by the names of their parameters, one for each value."""
        self.values.update(names)
        for name in names:
            self._name(name, (row,))

    def merge(self, other: OmittedValues) -> None:
        """Add another's counts to these."""
        self.values.update(other.values)
        for name, rows in other.first.items():
            self._name(name, rows)
        self.partial = self.partial or other.partial

    def _name(self, name: str, rows: Collection[int]) -> None:
        named = self.first.setdefault(name, [])
        if len(named) < _MOST_NAMED or min(rows) < named[-1]:
            named[:] = sorted({*named, *rows})[:_MOST_NAMED]

    def as_json(self) -> dict[str, object]:
        """Return it as JSON data."""
        return {"values": dict(self.values), "first": self.first, "partial": self.partial}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> OmittedValues:
        """Return what `as_json` wrote."""
        return cls(Counter(data["values"]), dict(data["first"]), data["partial"])

    @classmethod
    def of_run(cls, run: RunInfo, notes: Mapping[str, Any]) -> OmittedValues:
        """Return what a run noted; partial where a process of it ended without noting its own."""
        kept, ended = notes.get(NOTE), run.state in _ENDED and notes.get("finished") is not None
        found = cls() if kept is None else cls.from_json(kept)
        found.partial = found.partial or kept is None or not ended
        return found

    @property
    def sentences(self) -> Iterator[str]:
        """Yield of each parameter how many values were left out, of which rows first, and what to change."""
        for name, values in self.values.items():
            least, first = "at least " * self.partial, self.first[name]
            those, were = ("value does", "was") if values == 1 else ("values do", "were")
            rows = f"{'first ' * (values > len(first))}in row{'s' * (len(first) > 1)} {', '.join(map(str, first))}"
            yield (
                f"{least}{values:,} {those} not fit parameter {name}, and {were} left out (`invalid: omit`), {rows}: "
                "correct its `value`, `type` or `format` in the spec, or the file"
            )
