"""The two streams: data on stdout, talk on stderr, both redacted and fit for what they lead to."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console

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
        """Return a text without secrets."""
        for redactor in self._known:
            text = redactor.secrets_in(text)
        return text


GUARD = Guard()
"""The process's own: errors and tracebacks pass it too."""


@dataclass(slots=True)
class Terminal:
    """Where one command writes to.

    Attributes:
        quiet: no progress, no talk.
        verbose: more talk.
        no_color: no colours.
    """

    quiet: bool = False
    verbose: bool = False
    no_color: bool = False
    _out: Console | None = field(default=None)
    _err: Console | None = field(default=None)

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

        class Patient(Console):
            """A console that a reader may leave (`| head`); rich would end the process with status 1."""

            def on_broken_pipe(self) -> None:
                """Write into the void from now on."""
                self.quiet = True
                drop_stdout()

        width = None if (sys.stderr if stderr else sys.stdout).isatty() else int(os.environ.get("COLUMNS", "120"))
        return Patient(
            stderr=stderr, no_color=self.no_color or None, highlight=False, soft_wrap=False, width=width, emoji=False
        )

    def say(self, text: str, *, style: str = "") -> None:
        """Say something on stderr, unless quiet."""
        if not self.quiet:
            self.err.print(GUARD.text(text), style=style or None, markup=False, soft_wrap=True)

    def detail(self, text: str) -> None:
        """Say something on stderr, where asked for more."""
        if self.verbose:
            self.say(text, style="dim")

    def warn(self, text: str) -> None:
        """Say something that must not be missed, quiet or not."""
        self.err.print(GUARD.text(text), style="yellow", markup=False, soft_wrap=True)

    def write(self, text: str) -> None:
        """Write data to stdout as it is, with a line end."""
        sys.stdout.write(text if text.endswith("\n") else text + "\n")

    def flush(self) -> None:
        """Let a reader have what was written."""
        sys.stdout.flush()

    def json(self, data: object) -> None:
        """Write one JSON document to stdout."""
        import orjson

        self.write(orjson.dumps(data, option=orjson.OPT_INDENT_2).decode())

    def ndjson(self, rows: Iterable[object]) -> None:
        """Write one JSON document a line."""
        import orjson

        for row in rows:
            sys.stdout.write(orjson.dumps(row).decode() + "\n")

    def csv(self, rows: Iterable[Mapping[str, Any]], columns: Iterable[str]) -> None:
        """Write rows as CSV with a header."""
        import csv

        names = list(columns)
        writer = csv.DictWriter(sys.stdout, names, extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def drop_stdout() -> None:
    """Let a reader that left (`| head`) be no error at the interpreter's end either."""
    devnull = os.open(os.devnull, os.O_WRONLY)
    os.dup2(devnull, sys.stdout.fileno())
    os.close(devnull)
