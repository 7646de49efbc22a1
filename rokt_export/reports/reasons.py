"""Fold the reasons of a run's rows into patterns: reasons that differ only in values count as one."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from heapq import nlargest
from typing import TYPE_CHECKING

from rokt_export.exchange.model import UNCONNECTED, OutcomeKind, names_proxy

if TYPE_CHECKING:
    from rokt_export.journal.queries import ReasonCount

MOST_KEPT = 1_000
"""Patterns that are kept while reasons are read; beyond it the rare ones are counted together."""
_VARIES = "…"
_APART = r"\s`\"“”«»(){}\[\],;<>="
"""What parts words: no character of a value that is not quoted."""
_VALUE = re.compile(
    rf"""(
    `[^`\n]*`                                      # our own messages quote values so
    | (?<!body[ ])(?<![\w\[{{:,])(?<![:,][ ])       # in a sentence, and no key or value of JSON
      "[^"{{}}\n]{{1,80}}"(?![\w:])
    | “[^”\n]{{1,80}}” | «[^»\n]{{1,80}}»
    | (?<!\w)'[^'\n]{{1,80}}'(?!\w)
    | (?<![^{_APART}:])[^{_APART}:\d@]*[\d@](?:[^{_APART}]*[^{_APART}.:])?   # a number, date, id, address or token
    )""",
    re.VERBOSE,
)

_PLURAL = re.compile(r"^( [a-z]{2,})s\b")
"""The plural of the noun behind a value: `1 cell` and `3 cells` are the same reason."""


@dataclass(slots=True)
class ReasonGroup:
    """Rows that agree in outcome, status, rule, fault, and in their reason except for values.

    Attributes:
        fault: the kind of fault; None where a response came, or where it is not known.
        unconnected: whether no connection to the partner was made, and our own proxy is not why.
        rows: how many there are.
        first: the lowest row.
        reason: the reason, with `…` for values that are not the same in all rows; empty where the rows have none.
    """

    outcome: OutcomeKind
    status: int | None
    rule: str | None
    fault: str | None
    unconnected: bool
    rows: int
    first: int
    _fixed: tuple[str, ...]
    _values: list[str]

    @property
    def reason(self) -> str:
        """The pattern."""
        return "".join(part for pair in zip(self._fixed, [*self._values, ""], strict=True) for part in pair)

    def add(self, rows: int, first: int, fixed: tuple[str, ...], values: list[str]) -> None:
        """Count rows of the same pattern, which is shown in the plural where it occurs."""
        self.rows += rows
        self.first = min(self.first, first)
        self._fixed = tuple(max(pair, key=len) for pair in zip(self._fixed, fixed, strict=True))
        self._values = [one if one == other else _VARIES for one, other in zip(self._values, values, strict=True)]


@dataclass(slots=True)
class Reasons:
    """The reasons of a run, grouped.

    Attributes:
        groups: the most frequent first.
        rare_rows: rows whose reasons were too many and too rare to be kept.
    """

    groups: list[ReasonGroup] = field(default_factory=list)
    rare_rows: int = 0

    @property
    def rows(self) -> int:
        """All rows that were grouped."""
        return sum(one.rows for one in self.groups) + self.rare_rows

    def most_frequent(self, most: int) -> tuple[list[ReasonGroup], int]:
        """Return so many groups, and how many rows the others have; one more where it would be the only other."""
        alone = len(self.groups) == most + 1 and not self.rare_rows
        shown = self.groups[: most + alone]
        return shown, self.rows - sum(one.rows for one in shown)


def less_frequent(rows: int) -> str:
    """Return how many rows have reasons that are not shown, as a clause."""
    return "1 more row has a less frequent reason" if rows == 1 else f"{rows:,} more rows have less frequent reasons"


def grouped(counts: Iterable[ReasonCount]) -> Reasons:
    """Return the reasons of rows as groups, in bounded memory."""
    found: dict[tuple[object, ...], ReasonGroup] = {}
    rare = 0
    for one in counts:
        fixed, values = _parted(_why(one))
        fault, unconnected = fault_of(one.error), is_unconnected(one.error)
        words = tuple(_PLURAL.sub(r"\1", part) for part in fixed)
        key = one.outcome, one.status, one.rule, fault, unconnected, words
        known = found.get(key)
        if known is not None:
            known.add(one.rows, one.first, fixed, values)
            continue
        if len(found) == MOST_KEPT:
            kept = nlargest(MOST_KEPT // 2, found.items(), key=lambda each: each[1].rows)
            rare += sum(each.rows for each in found.values()) - sum(each.rows for _, each in kept)
            found = dict(kept)
        found[key] = ReasonGroup(
            one.outcome, one.status, one.rule, fault, unconnected, one.rows, one.first, fixed, values
        )
    return Reasons(sorted(found.values(), key=lambda each: (-each.rows, each.first)), rare)


def fault_of(error: str | None) -> str | None:
    """Return the kind of fault of a row's error, such as `connect` of `connect: refused`."""
    return error.partition(":")[0] if error else None


def is_unconnected(error: str | None) -> bool:
    """Return whether a row's error says that the partner could not be reached; a fault of our proxy is ours."""
    return error is not None and fault_of(error) in UNCONNECTED and not names_proxy(error)


def fixed_parts(reason: str) -> tuple[str, ...]:
    """Return what a reason says without its values."""
    return _parted(reason)[0]


def _parted(reason: str) -> tuple[tuple[str, ...], list[str]]:
    """Return what is fixed in a reason and the values between, one fewer."""
    parts = _VALUE.split(reason)
    return tuple(parts[::2]), parts[1::2]


def _why(one: ReasonCount) -> str:
    return why(one.reason, one.error) or ""


def why(reason: str | None, error: str | None) -> str | None:
    """Return the reason of a row; where a fault is the reason, with its kind."""
    return error if error and (reason is None or error.endswith(reason)) else reason
