"""Shows how a run comes along: a bar on a terminal, a plain line every few seconds elsewhere, nothing when quiet."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from rokt_export.commands.terminal import Terminal
from rokt_export.delivery.events import Settled
from rokt_export.delivery.run_counts import Tally

if TYPE_CHECKING:
    from rich.progress import Progress

_EVERY = 5.0
_NARROW = 70
"""Columns below which a bar would leave no room for the figures."""


class ProgressWatch:
    """Follows the partitions of one run.

    Args:
        total: rows to come; None where nobody knows (a live input).
        listen: hears each batch of settled exchanges, where they are settled in this process.
    """

    def __init__(self, terminal: Terminal, total: int | None, listen: Callable[[Settled], None] | None = None) -> None:
        self._terminal = terminal
        self._total = total
        self._listen = listen
        self._tallies: dict[int, Tally] = {}
        self._in_flight: dict[int, int] = {}
        self._said: set[str] = set()
        self._began = time.monotonic()
        self._spoke = self._began
        self._bar: Progress | None = None
        self._task: Any = None

    def __enter__(self) -> ProgressWatch:
        if not self._terminal.quiet and sys.stderr.isatty():
            self._bar = self._new_bar()
            self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def _new_bar(self) -> Progress:
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        bar = Progress(
            *(
                TextColumn("{task.description}"),
                BarColumn(bar_width=None),
                MofNCompleteColumn(),
                TextColumn("{task.fields[rate]}"),
                TextColumn("{task.fields[outcomes]}", markup=False),
                TimeRemainingColumn(compact=True),
            )
            if self._terminal.err.width >= _NARROW
            else (TextColumn("{task.fields[line]}", markup=False),),
            console=self._terminal.err,
            transient=True,
            refresh_per_second=8,
        )
        self._task = bar.add_task("sending", total=self._total, rate="", outcomes="", line="sending")
        return bar

    def tell(self, partition: int, tally: Tally, in_flight: int, messages: tuple[str, ...]) -> None:
        """Show how far a partition has come."""
        self._tallies[partition] = tally
        self._in_flight[partition] = in_flight
        for message in messages:
            self._say(message)
        if self._bar is not None:
            rate, outcomes = self._rate(), self._outcomes()
            self._bar.update(
                self._task, completed=self._done(), rate=rate, outcomes=outcomes, line=self._line(rate, outcomes)
            )
        elif time.monotonic() - self._spoke >= _EVERY:
            self._spoke = time.monotonic()
            self._terminal.say(self._line(self._rate(), self._outcomes()))

    def settled(self, event: Settled) -> None:
        """Pass settled exchanges on."""
        if self._listen is not None:
            self._listen(event)

    def stopping(self, level: int) -> None:
        """Say that Ctrl-C was heard."""
        waiting = sum(self._in_flight.values())
        answers = f"{waiting} answer{'' if waiting == 1 else 's'}" if waiting else "what is in flight"
        text = (
            f"stopping: waiting for {answers}; press Ctrl-C again to leave at once"
            if level == 1
            else "leaving at once: what has no answer yet is listed as unknown"
        )
        self._terminal.warn(text)

    def _say(self, message: str) -> None:
        self._terminal.say(message, style="yellow")

    def _line(self, rate: str, outcomes: str) -> str:
        total = f" of {self._total:,}" if self._total is not None else ""
        return ", ".join(filter(None, (f"{self._done():,}{total} rows", rate, outcomes)))  # at first no outcome yet

    def _done(self) -> int:
        return sum(tally.rows + tally.skipped for tally in self._tallies.values())

    def _rate(self) -> str:
        elapsed = time.monotonic() - self._began
        rows = sum(tally.rows for tally in self._tallies.values())
        return f"{rows / elapsed:,.0f}/s" if elapsed > 0 else ""

    def _outcomes(self) -> str:
        together = Tally()
        for tally in self._tallies.values():
            together.outcomes.update(tally.outcomes)
        return ", ".join(f"{rows:,} {outcome}" for outcome, rows in together.outcomes.most_common())
