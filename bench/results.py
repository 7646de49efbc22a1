"""What the sections hand to the report: tables, targets held or missed, and remarks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median


@dataclass(frozen=True)
class Table:
    """Rows of text under headings; all columns but the first `texts` are numbers.

    Attributes:
        title: what it shows.
        columns: the headings.
        rows: the cells.
        texts: how many columns at the left are words.
    """

    title: str
    columns: tuple[str, ...]
    rows: list[tuple[str, ...]]
    texts: int = 1


@dataclass(frozen=True)
class Target:
    """A figure that was promised.

    Attributes:
        promise: in words.
        measured: the figure.
        held: whether it was kept; None where it could not be measured.
    """

    promise: str
    measured: str
    held: bool | None

    @property
    def verdict(self) -> str:
        return {True: "held", False: "MISSED", None: "not measured"}[self.held]


@dataclass
class Section:
    """One question and its answer.

    Attributes:
        name: as `--only` takes it.
        title: the heading.
        method: how it was measured.
        tables: the figures.
        targets: the promises.
        remarks: what went wrong or is missing; never left unsaid.
        commands: the commands as run, without the folder of the run.
        files: name and text of what they were given, where a reader needs it.
        broken: rokt-export itself failed in it.
    """

    name: str
    title: str
    method: str
    tables: list[Table] = field(default_factory=list)
    targets: list[Target] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)
    files: dict[str, str] = field(default_factory=dict)
    broken: bool = False


def middle(values: Sequence[float]) -> float:
    """The median; 0 of nothing."""
    return median(values) if values else 0.0


def target_at_least(promise: str, least: float, found: float | None, unit: str = " x") -> Target:
    """A target that a figure reaches or not; None = it could not be measured."""
    if found is None:
        return Target(promise, "", None)
    return Target(promise, f"{found:,.2f}{unit}", found >= least)


def target_at_most(promise: str, most: float, found: float | None, unit: str = " x") -> Target:
    """A target that a figure stays under or not; None = it could not be measured."""
    if found is None:
        return Target(promise, "", None)
    return Target(promise, f"{found:,.2f}{unit}", found <= most)


def mega(count: float) -> str:
    """Bytes as megabytes (10^6)."""
    return f"{count / 1e6:,.0f} MB"
