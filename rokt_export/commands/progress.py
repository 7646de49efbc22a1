"""Shows how a run progresses: two lines on a terminal, a plain line every few seconds elsewhere, nothing when quiet."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from rokt_export.commands.terminal import LOG, Terminal
from rokt_export.delivery.events import Finished, Settled
from rokt_export.delivery.run_counts import Tally
from rokt_export.errors import ExitStatus
from rokt_export.exchange.delivery import LeftOut
from rokt_export.exchange.model import OutcomeKind

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, ConsoleRenderable, RenderResult
    from rich.live import Live
    from rich.text import Text

    from rokt_export.commands.metrics import Metrics
    from rokt_export.reports.metrics import Snapshot

_NO_LABELS: Mapping[str, str] = {}
_EVERY = 5.0
_SHORTEST_BAR = 10
"""Columns below which a bar shows nothing, and leaves its room to the figures."""


class ProgressWatch:
    """Follows the partitions of one run.

    Args:
        total: rows that are asked for, those that the run has settled before included; None where nobody knows.
        listen: hears each batch of settled exchanges, where they are settled in this process.
        metrics: where metrics go.
        labels: what the metrics are labelled with.
        files: whose rows are counted beside the run, where the total is not known.
    """

    def __init__(
        self,
        terminal: Terminal,
        total: int | None,
        listen: Callable[[Settled], None] | None = None,
        metrics: Metrics | None = None,
        labels: Mapping[str, str] = _NO_LABELS,
        files: Sequence[str] = (),
    ) -> None:
        self._files = files if total is None else ()
        self._about: int | None = None
        self._over = False
        self._metrics = metrics
        self._labels = labels
        self._started = time.time()
        self._terminal = terminal
        self._total = total
        self._listen = listen
        self._tallies: dict[int, Tally] = {}
        self._in_flight: dict[int, int] = {}
        self._waiting: dict[int, str] = {}
        self._began = time.monotonic()
        self._spoke = self._began
        self._told: dict[str, int] = {}
        self._live: Live | None = None
        self.widths: tuple[int, ...] = ()

    def __enter__(self) -> ProgressWatch:
        if not self._terminal.quiet and sys.stderr.isatty() and not LOG.is_json:
            self._live = _live(self, self._terminal.err)
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over = True
        if self._live is not None:
            self._live.stop()

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield the two lines, each of one line of the terminal at most."""
        lines = self._first_line(options.max_width - 1), self._second_line(console, options.max_width - 1)
        self.widths = tuple(line.cell_len for line in lines)
        yield from lines

    def _first_line(self, width: int) -> Text:
        """Return bar, done of total, rate and time left; the bar has what room the figures leave."""
        from rich.text import Text

        done, total, rate = self._done(), self._total if self._about is None else self._about, self._rate()
        figures = [f"{done:,}{self._of_total()}" if total is not None else f"{done:,} rows", f"{rate:,.0f}/s"]
        if total is not None and rate > 0 and done < total:
            figures.append(f"{_clock((total - done) / rate)} left")
        text = Text("  ".join(figures))
        room = min(40, width - text.cell_len - 2)
        if total and room >= _SHORTEST_BAR:
            full = min(room, room * done // total)
            text = Text.assemble(("━" * full, "green"), ("━" * (room - full), "dim"), "  ", text)
        text.truncate(width, overflow="ellipsis")
        return text

    def _second_line(self, console: Console, width: int) -> Text:
        """Return outcomes by sign and count, what is in flight, and what the run waits for."""
        from rich.text import Text

        from rokt_export.reports.console import counts_by_sign

        outcomes = counts_by_sign(console, self._outcomes())
        others = [Text(each, style="dim") for each in self._others()]
        flying = f"{sum(self._in_flight.values()):,} in flight"
        waiting = self._wait()
        shorter = waiting.replace("waiting for the partner", "waiting")
        text = Text()
        layouts: tuple[tuple[str, list[Text], tuple[str, ...]], ...] = (
            ("  ", others, (flying, waiting)), ("  ", [], (flying, waiting)), (" ", [], (flying, waiting)),
            ("  ", [], (shorter,)), (" ", [], (shorter,)),
        )  # fmt: skip
        for gap, beside, end in layouts:
            text = Text(gap).join([*outcomes, *beside, *(Text(each) for each in end if each)])
            if text.cell_len <= width or not (waiting or beside):
                break
        text.truncate(width, overflow="ellipsis")
        return text

    def tell(self, partition: int, tally: Tally, in_flight: int, messages: tuple[str, ...], waiting: str = "") -> None:
        """Show how far a partition has come."""
        if self._files:  # only now: a process with threads cannot be forked
            threading.Thread(target=self._count, args=(self._files,), daemon=True).start()
            self._files = ()
        self._tallies[partition] = tally
        self._in_flight[partition] = in_flight
        self._waiting[partition] = waiting
        for message in messages:
            if self._told.setdefault(message, partition) == partition:  # else another worker has said the same
                self._terminal.say(message, style="yellow")
        if self._live is None and time.monotonic() - self._spoke >= _EVERY:
            self._spoke = time.monotonic()
            self._speak()
        if self._metrics is not None and self._metrics.is_due:
            self._metrics.write(self._snapshot())

    def _speak(self) -> None:
        if not LOG.is_json:
            self._terminal.say(self._plain_line())
        elif not self._terminal.quiet:
            LOG.write(
                "info", self._plain_line(), "progress", rows=self._done(), total=self._total, about=self._about,
                rate=round(self._rate(), 1), outcomes=self._named_outcomes(), done_before=self._done_before(),
                left_out=self._left_out(), in_flight=sum(self._in_flight.values()), waiting=self._wait() or None,
            )  # fmt: skip

    def ended(self, status: ExitStatus, finished: Finished) -> None:
        """Write how the run ended where a program reads it: the log, and the metrics."""
        if LOG.is_json and not self._terminal.quiet:
            LOG.write(
                "info", finished.stopped or "all rows are done", "finished", reason=str(finished.reason),
                rows=self._done(), outcomes=self._named_outcomes(), exit_status=int(status),
            )  # fmt: skip
        if self._metrics is not None:
            self._metrics.end(self._snapshot(int(status)))

    def _snapshot(self, exit_status: int | None = None) -> Snapshot:
        from rokt_export.reports.metrics import Snapshot

        together = Tally()
        for tally in self._tallies.values():
            together.merge(tally)
        flying = 0 if exit_status is not None else sum(self._in_flight.values())
        waiting = exit_status is None and bool(self._wait())
        return Snapshot(self._labels, together, self._total, self._started, flying, waiting, exit_status)

    def say(self, text: str) -> None:
        """Say something beside the progress."""
        self._terminal.say(text)

    def warn(self, text: str) -> None:
        """Say something that must not be missed."""
        self._terminal.warn(text)

    def settled(self, event: Settled) -> None:
        """Pass settled exchanges on."""
        if self._listen is not None:
            self._listen(event)

    def stopping(self, level: int) -> None:
        """Say that Ctrl-C was heard, and with the second one wait for no collector."""
        if level > 1 and self._metrics is not None:
            self._metrics.stop_waiting()
        waiting = sum(self._in_flight.values())
        answers = f"{waiting} response{'' if waiting == 1 else 's'}" if waiting else "what is in flight"
        text = (
            f"stopping: waiting for {answers}; press Ctrl-C again to quit now"
            if level == 1
            else "quitting now: rows without a response are listed as unknown"
        )
        self._terminal.warn(text)

    def _plain_line(self) -> str:
        total = self._of_total()
        outcomes = ", ".join(f"{rows:,} {outcome}" for outcome, rows in self._outcomes().items())
        words = (f"{self._done():,}{total} rows", f"{self._rate():,.0f}/s", outcomes, *self._others(), self._wait())
        return ", ".join(filter(None, words))  # at first no outcome yet

    def _count(self, files: Sequence[str]) -> None:
        """Count the rows of large files beside the run."""
        from rokt_export.transactions.row_count import about_rows

        self._about = about_rows(files, lambda: self._over)

    def _of_total(self) -> str:
        if self._total is not None:
            return f" of {self._total:,}"
        return "" if self._about is None else f" of about {max(self._about, self._done()):,}"

    def _done(self) -> int:
        """Return the rows that are over: settled now or before, or left out.

        Those that two workers have left out, because the first one died, are counted once more than there are.
        """
        done = sum(tally.rows + tally.skipped for tally in self._tallies.values())
        return done if self._total is None else min(done, self._total)

    def _done_before(self) -> int:
        return sum(tally.left_out[LeftOut.DONE_BEFORE] for tally in self._tallies.values())

    def _left_out(self) -> int:
        return sum(tally.skipped for tally in self._tallies.values()) - self._done_before()

    def _others(self) -> list[str]:
        """Return how many rows are over without an outcome of this process."""
        counts = ((self._done_before(), "done before"), (self._left_out(), "left out"))
        return [f"{rows:,} {what}" for rows, what in counts if rows]

    def _rate(self) -> float:
        """Return rows a second since the start."""
        elapsed = time.monotonic() - self._began
        rows = sum(tally.rows for tally in self._tallies.values())
        return rows / elapsed if elapsed > 0 else 0.0

    def _outcomes(self) -> dict[str, int]:
        """Return the rows of each outcome that occurred, in the order of `OutcomeKind`."""
        together = Tally()
        for tally in self._tallies.values():
            together.outcomes.update(tally.outcomes)
        return {kind: together.outcomes[kind] for kind in OutcomeKind if together.outcomes[kind]}

    def _named_outcomes(self) -> dict[str, int]:
        return {str(kind): rows for kind, rows in self._outcomes().items()}

    def _wait(self) -> str:
        """Return what the run waits for: a partition tells why the partner is waited for, a cluster all of it."""
        waiting = next((each for each in self._waiting.values() if each), "")
        return waiting if not waiting or waiting.startswith("waiting ") else f"waiting for the partner ({waiting})"


def _live(watch: ProgressWatch, console: Console) -> Live:
    """Return what draws the lines anew, over themselves even where a narrower terminal has wrapped them."""
    from rich.live import Live

    class Redrawn(Live):
        """Rich counts the lines that it has written, not those that the terminal has made of them since."""

        def process_renderables(self, renderables: list[ConsoleRenderable]) -> list[ConsoleRenderable]:
            """Correct the height of what is there, and draw."""
            if watch.widths and self._live_render._shape is not None:
                height = sum(max(1, -(-width // console.width)) for width in watch.widths)
                self._live_render._shape = (console.width, height)
            return super().process_renderables(renderables)

    return Redrawn(watch, console=console, transient=True, refresh_per_second=8)


def _clock(seconds: float) -> str:
    """Return a time as 0:07, 12:30 or 1:02:03."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
