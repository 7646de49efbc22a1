"""The two streams: data on stdout, talk on stderr, both redacted and fit for what they lead to."""

from __future__ import annotations

import itertools
import os
import stat
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import IO, TYPE_CHECKING, Any, TextIO

from rokt_export.errors import UsageError
from rokt_export.redaction.display_text import STEERING, csv_cell, json_text, one_line, visible
from rokt_export.redaction.sensitive_names import hidden_userinfo
from rokt_export.reports.prose import print_message

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderableType
    from rich.segment import Segment

    from rokt_export.redaction import Redactor


@dataclass(slots=True)
class Guard:
    """What must not reach the terminal, from the moment that it is known."""

    _known: list[Redactor] = field(default_factory=list)

    @property
    def redactor(self) -> Redactor | None:
        """What redacts the secrets that were learned of last; None before any were."""
        return self._known[-1] if self._known else None

    def know(self, redactor: Redactor) -> None:
        """Redact with this too from now on: two environments have secrets of their own."""
        self._known.append(redactor)

    def forget(self) -> None:
        """Know nothing, as at the start of a process."""
        self._known.clear()

    def text(self, text: str) -> str:
        """Return a text without secrets; the credentials in a URL are hidden wherever it comes from."""
        for redactor in self._known:
            text = redactor.secrets_in(text)
        return hidden_userinfo(text)

    def line(self, text: str) -> str:
        """Return a text as `text` does, as one line: a file's name or a value may hold line breaks."""
        text = self.text(text)
        return one_line(text) if "\n" in text else text


GUARD = Guard()
"""The process's own: errors and tracebacks pass it too."""


class LogFormat(StrEnum):
    """How stderr is written, as `--log-format` says."""

    TEXT = "text"
    JSON = "json"


@dataclass(slots=True)
class Log:
    """What is written to stderr as JSON, one object a line, where that is asked for.

    Attributes:
        is_json: whether it is.
        run: the id of the run, from its beginning on.
    """

    is_json: bool = False
    run: str | None = None

    def begin(self, arguments: Sequence[str]) -> None:
        """Begin a process's log, before its command line is parsed: an error in that is a line too."""
        pairs = itertools.pairwise(arguments)
        self.is_json = "--log-format=json" in arguments or ("--log-format", "json") in pairs
        self.run = None

    def write(self, level: str, message: str, event: str = "message", **more: object) -> None:
        """Write a line: time, level, run, event, message, and what else belongs to the event."""
        time = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        line = {"time": time, "level": level, "run": self.run, "event": event, "message": GUARD.text(message), **more}
        try:
            sys.stderr.write(json_text(line) + "\n")
            sys.stderr.flush()
        except OSError:  # the log that it goes to is full: no reason to stop a job
            drop(sys.stderr)


LOG = Log()
"""The process's own."""


_CURRENT: list[Terminal] = []


def note(text: str) -> None:
    """Say what was read or decided on stderr, where the command has `--verbose`."""
    for terminal in _CURRENT:
        terminal.detail(text)


def tell(text: str) -> None:
    """Say something on stderr, unless the command is quiet."""
    for terminal in _CURRENT:
        terminal.say(text)


@dataclass(slots=True)
class Terminal:
    """Where one command writes to."""

    quiet: bool = False
    verbose: bool = False
    no_color: bool = False
    _out: Console | None = field(default=None)
    _err: Console | None = field(default=None)

    def __post_init__(self) -> None:
        """Become the one that `note` writes to: a process has one command."""
        _CURRENT[:] = [self]

    @property
    def out(self) -> Console:
        """The console of stdout, for tables."""
        if self._out is None:
            self._out = self._console(stderr=False)
        return self._out

    @property
    def err(self) -> Console:
        """The console of stderr."""
        if self._err is None:
            self._err = self._console(stderr=True)
        return self._err

    def _console(self, *, stderr: bool) -> Console:
        from rich.console import Console
        from rich.segment import Segment

        class Patient(Console):
            """A console that a reader may leave (`| head`), on which no text steers the terminal.

            rich would end the process with status 1.
            """

            def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterator[Segment]:
                """Yield segments in which every text is harmless; only styles become control sequences."""
                for segment in super().render(renderable, options):
                    text, style, control = segment
                    yield segment if control or not STEERING.search(text) else Segment(visible(text), style)

            def on_broken_pipe(self) -> None:
                """Write into the void from now on."""
                self.quiet = True
                drop(self.file)

        stream = sys.stderr if stderr else sys.stdout
        coloured = not self.no_color and colours_wanted(stream)
        return Patient(
            stderr=stderr,
            no_color=not coloured,
            force_terminal=True if coloured else None if stream.isatty() else False,
            highlight=False,
            markup=False,
            soft_wrap=False,
            width=None if stream.isatty() else text_width(stream),
            emoji=False,
        )

    def say(self, text: str, *, style: str = "") -> None:
        """Say something on stderr, unless quiet."""
        if not self.quiet:
            self._talk(text, style, "info")

    def detail(self, text: str) -> None:
        """Say something on stderr, where asked for more."""
        if self.verbose and not self.quiet:
            self._talk(text, "dim", "debug")

    def warn(self, text: str) -> None:
        """Say something that must not be missed, quiet or not."""
        self._talk(text, "yellow", "warning")

    def _talk(self, text: str, style: str, level: str) -> None:
        if LOG.is_json:
            LOG.write(level, text.strip())
            return
        try:
            print_message(self.err, GUARD.line(text), style)
        except OSError:  # the log that it goes to is full: no reason to stop a job
            drop(sys.stderr)

    def write(self, text: str) -> None:
        """Write data to stdout with a line end; what steers a terminal is escaped."""
        text = visible(text)
        sys.stdout.write(text if text.endswith("\n") else text + "\n")

    def flush(self) -> None:
        """Let a reader have what was written."""
        sys.stdout.flush()

    def json(self, data: object) -> None:
        """Write one JSON document to stdout."""
        self.write(json_text(data, indent=True))

    def ndjson(self, rows: Iterable[object]) -> None:
        """Write one JSON document a line."""
        for row in rows:
            sys.stdout.write(json_text(row) + "\n")

    def csv(self, rows: Iterable[Mapping[str, Any]], columns: Iterable[str]) -> None:
        """Write rows as CSV with a header."""
        import csv

        names = list(columns)
        writer = csv.DictWriter(sys.stdout, names, extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        writer.writerows({name: csv_cell(row.get(name)) for name in names} for row in rows)


@contextmanager
def to_stdout(remedy: str | None = None) -> Iterator[None]:
    """Write data to stdout; a reader that has left (`| head`) hears no more, and that changes nothing else.

    Args:
        remedy: how to have the data after all, where it could not be written.

    Raises:
        UsageError: it cannot be written: a disk is full.
    """
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        drop(sys.stdout)
    except OSError as error:
        drop(sys.stdout)
        raise UsageError(f"stdout cannot be written: {error.strerror or error}", remedy=remedy) from error


def drop(stream: TextIO | IO[str]) -> None:
    """Write into the void from now on, so that the interpreter's end finds no fault with a stream either."""
    devnull = os.open(os.devnull, os.O_WRONLY)
    os.dup2(devnull, stream.fileno())
    os.close(devnull)


def text_width(stream: TextIO) -> int:
    """Return the columns that text for a stream may take.

    A pipe has the width of the terminal that the command is typed at (`| less -R`); `$COLUMNS` overrides it.
    A file has 120.
    """
    given = os.environ.get("COLUMNS", "")
    if given.isdecimal() and int(given) > 0:
        return int(given)
    for each in (stream, sys.stderr) if _is_pipe(stream) else (stream,):
        try:
            if width := os.get_terminal_size(each.fileno()).columns:
                return width
        except (OSError, ValueError):  # not a terminal, or no file at all
            continue
    return _WIDTH


_WIDTH = 120


def _is_pipe(stream: TextIO) -> bool:
    try:
        return stat.S_ISFIFO(os.fstat(stream.fileno()).st_mode)
    except (OSError, ValueError):
        return False


class Color(StrEnum):
    """When output is coloured, as `--color` says."""

    AUTO = "auto"
    ALWAYS = "always"
    NEVER = "never"


_COLOR = [Color.AUTO]


def set_color(choice: Color) -> None:
    """Let `--color` decide for the whole process."""
    _COLOR[:] = [choice]


def colours_wanted(stream: TextIO) -> bool:
    """Return whether text for a stream is coloured: as `--color` says, else at a terminal, or where it is forced.

    `$NO_COLOR` forbids colours (no-color.org); `$CLICOLOR_FORCE` and `$FORCE_COLOR` demand them, except as `0`. A pipe
    may lead to a pager or to a program: nothing tells which, so a pipe has no colours unless they are asked for.
    """
    if _COLOR[0] is not Color.AUTO:
        return _COLOR[0] is Color.ALWAYS
    if os.environ.get("NO_COLOR"):
        return False
    if any(os.environ.get(name, "0") not in ("", "0") for name in ("CLICOLOR_FORCE", "FORCE_COLOR")):
        return True
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def number_of(count: int, one: str = "row", more: str = "rows") -> str:
    """Return a count and what is counted, in words that fit the number."""
    return f"{count:,} {one if count == 1 else more}"
