"""Which rows a report lists: all of a small run; of a large one the unexpected outcomes first, up to a number."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from rokt_export.exchange.delivery import Delivery

if TYPE_CHECKING:
    from rokt_export.journal.recording import Recording
    from rokt_export.reports.run_report import RunReport


@dataclass(frozen=True, slots=True)
class ListedRows:
    """Rows that are listed together, in row order.

    Attributes:
        outcomes: their outcomes; None for all that are chosen.
        rows: how many rows have these outcomes.
        listed: how many of them are listed, the first ones.
    """

    outcomes: Sequence[str] | None
    rows: int
    listed: int


@dataclass(frozen=True, slots=True)
class Listing:
    """The rows of a run that a report lists.

    Attributes:
        run_report: the run.
        parts: the rows, in the order of the report.
    """

    run_report: RunReport
    parts: Sequence[ListedRows]

    @classmethod
    def of(cls, run_report: RunReport, most: int) -> Listing:
        """Return all rows in row order if they are no more than `most`; else the unexpected outcomes come first."""
        counts = run_report.chosen_counts
        if sum(counts.values()) <= most:
            return cls(run_report, (ListedRows(None, sum(counts.values()), most),))
        parts: list[ListedRows] = []
        left = most
        for expected in (False, True):
            group = [one for one in counts if (one == run_report.expected) is expected]
            rows = sum(counts[one] for one in group)
            parts.append(ListedRows(group, rows, min(rows, left)))
            left -= parts[-1].listed
        return cls(run_report, parts)

    @property
    def rows(self) -> int:
        """How many rows the report is about: those of the chosen outcomes."""
        return sum(part.rows for part in self.parts)

    @property
    def listed(self) -> int:
        """How many rows are listed."""
        return sum(min(part.rows, part.listed) for part in self.parts)

    @property
    def is_complete(self) -> bool:
        """Whether all rows are listed, in row order."""
        return len(self.parts) == 1 and self.parts[0].listed >= self.parts[0].rows

    def deliveries(self) -> Iterator[Delivery]:
        """Yield the listed rows."""
        for part in self.parts:
            if part.listed:
                yield from islice(self.run_report.deliveries(part.outcomes), part.listed)

    def deliveries_with_recordings(self) -> Iterator[tuple[Delivery, Recording | None]]:
        """Yield each listed row with its recording where there is one."""
        for part in self.parts:
            if part.listed:
                yield from islice(self.run_report.deliveries_with_recordings(part.outcomes), part.listed)

    def notes(self) -> Iterator[str]:
        """Yield which rows are left out, and the command that writes all of them."""
        run_report, run = self.run_report, self.run_report.run.run
        if run_report.only is not None:
            named = " or ".join(run_report.only)
            yield f"Only rows that are {named} are listed: {self.rows:,} of the run's {run_report.rows:,}."
        if not self.is_complete:
            only = "" if run_report.only is None else f" --only {','.join(run_report.only)}"
            yield (
                f"{self.listed:,} of {self.rows:,} rows are listed, unexpected outcomes first. "
                f"All of them: rokt-export runs export {run}{only} --out {run_report.run.partner}.csv.gz"
            )
