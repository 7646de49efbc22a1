"""`--metrics`: a file that is written anew while a run lasts, for Prometheus's node exporter, or a collector's URL."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rokt_export.commands.terminal import GUARD, Terminal
from rokt_export.errors import UsageError
from rokt_export.redaction.sensitive_names import hidden_in_url

if TYPE_CHECKING:
    from rokt_export.reports.metrics import Snapshot
    from rokt_export.reports.otlp import Exporter

Place = Annotated[
    str | None,
    typer.Option(
        "--metrics", metavar="PATH|URL", show_default=False,
        help="Write metrics to a Prometheus text file, or send them to an OTLP collector (http://host:4318).",
    ),
]  # fmt: skip
_EVERY = 5.0
"""Seconds between two writes: less than any scrape interval."""


class Metrics:
    """Where the metrics of one run go.

    Args:
        place: path of a file, or URL of a collector.
        terminal: hears once if it fails; a run does not stop for its metrics.

    Raises:
        UsageError: the file cannot be written.
        ConfigurationError: the packages for a collector are not installed.
    """

    def __init__(self, place: str, terminal: Terminal) -> None:
        self._place = place
        self._terminal = terminal
        self._target = _collector(place) if place.startswith(("http://", "https://")) else _File(Path(place))
        self._due = 0.0
        self._failed = self._gave_up = False

    @property
    def is_due(self) -> bool:
        """Whether it is time for the next write."""
        return time.monotonic() >= self._due

    def write(self, snapshot: Snapshot) -> None:
        """Write, or begin to send; what fails is told once."""
        self._due = time.monotonic() + _EVERY
        with self._failures_told():
            self._target.export(snapshot)

    def end(self, snapshot: Snapshot) -> None:
        """Write or send the last ones, and wait until they are sent, unless `stop_waiting` is called."""
        with self._failures_told():
            self._target.end(snapshot, lambda: self._gave_up)

    def stop_waiting(self) -> None:
        """Do not wait for a collector any longer; may be called by a handler of signals."""
        self._gave_up = True

    @contextmanager
    def _failures_told(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            if not self._failed:
                reason = GUARD.text(error.strerror or str(error))
                self._terminal.warn(f"--metrics {hidden_in_url(self._place)}: {reason}; the run goes on without")
            self._failed = True


def metrics_of(place: str | None, terminal: Terminal) -> Metrics | None:
    """Return where metrics go; None where they are not asked for."""
    return None if place is None else Metrics(place, terminal)


class _File:
    """A Prometheus text file, which is written anew.

    Raises:
        UsageError: it is no plain file, or its folder does not exist.
    """

    def __init__(self, path: Path) -> None:
        from rokt_export.commands.run_output import check_folder

        check_folder(path)
        if path.exists() and (path.is_symlink() or not path.is_file()):
            raise UsageError("metrics need a plain file", where=str(path), remedy="Name a file of its own.")
        self._path = path

    def export(self, snapshot: Snapshot) -> None:
        """Write a snapshot."""
        from rokt_export.atomic_write import write_draft
        from rokt_export.reports.metrics import prometheus

        text = GUARD.text(prometheus(snapshot))
        draft = write_draft(self._path, lambda stream: stream.write(text))
        draft.chmod(0o644)  # another user's exporter reads it; there is nothing of a person in it
        draft.replace(self._path)

    def end(self, snapshot: Snapshot, _stop_waiting: Callable[[], bool]) -> None:
        """Write the last snapshot."""
        self.export(snapshot)


def _collector(url: str) -> Exporter:
    from rokt_export.reports.otlp import Exporter

    return Exporter(url)
