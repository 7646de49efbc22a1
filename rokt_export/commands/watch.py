"""`test --watch`: on each save of the spec or `.env`, validate, render, and read the last response again.

Nothing is sent but when Enter is pressed.
"""

from __future__ import annotations

import secrets
import select
import sys
import termios
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from rokt_export.commands.terminal import GUARD, Terminal
from rokt_export.errors import ExitStatus, RoktExportError, UsageError

if TYPE_CHECKING:
    from rokt_export.commands.input_options import RowFlags
    from rokt_export.commands.spec_setup import SpecSetup

_EVERY = 0.2
"""Seconds between two looks at the files: a save is seen at once, and 3 files cost nothing."""
_CLEAR = "\x1b[2J\x1b[H"
Stamp = tuple[int, int, int] | None


@dataclass(slots=True)
class Watcher:
    """What is watched, and how it is shown.

    Attributes:
        spec: the spec file.
        environment: the environment that is sent to.
        env_file: variables, as the command line names them.
        load: loads spec and variables; raises for a fault in them.
        send: sends once with this seed, and prints the result; returns the exit status.
        journal: where runs are kept.
        rows, files: how the first row is read.
        seed: of the test person that is shown, and sent next.
    """

    spec: Path
    environment: str
    env_file: Path | None
    load: Callable[[], SpecSetup]
    send: Callable[[int], int]
    journal: str
    terminal: Terminal
    rows: RowFlags
    files: tuple[str, ...]
    seed: int | None
    _run: str | None = field(default=None)
    _next: int = field(default_factory=lambda: secrets.randbits(48))

    def watch(self) -> int:
        """Show, and follow the files and Enter until Ctrl-C or Ctrl-D.

        Raises:
            UsageError: there is no terminal.
        """
        if not (sys.stdin.isatty() and sys.stdout.isatty()):
            raise UsageError("this needs a terminal", where="--watch", remedy="Leave --watch out.")
        with _quiet_keys():
            try:
                seen = self._stamps()  # before the files are read: a save meanwhile is seen in the next turn
                self._show()
                while True:
                    if select.select([sys.stdin], [], [], _EVERY)[0]:  # a key was pressed
                        if not sys.stdin.readline():
                            break
                        self._send()
                    elif (now := self._stamps()) != seen and now == self._settled():  # else it is being written
                        seen = now
                        self._show()
            except KeyboardInterrupt:
                pass
        sys.stdout.write("\n")
        return ExitStatus.OK

    def _files(self) -> list[Path]:
        base = self.env_file or Path(".env")
        return [self.spec, base, base.with_name(f"{base.name}.{self.environment}")]

    def _stamps(self) -> list[Stamp]:
        return [_stamp(path) for path in self._files()]

    def _settled(self) -> list[Stamp]:
        """Return the stamps a moment later: an editor writes in steps."""
        select.select([], [], [], _EVERY / 2)
        return self._stamps()

    def _send(self) -> None:
        _clear()
        before = self._newest()
        with self._errors():
            self.send(self._seed())
        newest = self._newest()
        if newest != before:
            self._run, self._next = newest, secrets.randbits(48)
        termios.tcflush(sys.stdin, termios.TCIFLUSH)  # an Enter while it was sent asks for nothing
        self._tell_keys()

    def _seed(self) -> int:
        return self._next if self.seed is None else self.seed

    def _newest(self) -> str | None:
        from rokt_export.journal import Journal

        with Journal.open(self.journal) as opened:
            return next((each.run for each in opened.runs(1)), None)

    def _show(self) -> None:
        _clear()
        if not self.spec.exists():
            self.terminal.warn(f"{self.spec} is missing; watching continues once it is back")
        else:
            with self._errors():
                self._read_again(self.load())
        self._tell_keys()

    def _read_again(self, setup: SpecSetup) -> None:
        """Print findings, the first request, and the last response as this spec reads it."""
        from rokt_export.commands.error_output import print_findings
        from rokt_export.commands.input_options import rows_of
        from rokt_export.commands.render import print_requests
        from rokt_export.onboarding.validation import findings_of

        print_findings(self.terminal.out, findings_of(setup.loaded, setup.every))
        print_requests(self.terminal, setup, rows_of(setup.spec, self.rows, self.files, seed=self._seed()))
        if self._run is not None:
            self._read_response(setup, self._run)

    def _read_response(self, setup: SpecSetup, run: str) -> None:
        from rokt_export.diff.reclassify import RowReclassifier
        from rokt_export.journal import Journal
        from rokt_export.reports.exchange_view import exchange
        from rokt_export.reports.run_report import RunReport
        from rokt_export.response.classify import Classifier

        rules = setup.spec.responses
        with Journal.open(self.journal) as opened:
            run_report = RunReport.of(opened, opened.find(run))
            one, recording = next(run_report.deliveries_with_recordings(), (None, None))
            if one is None:
                return
            read = RowReclassifier(rules).read(one, recording).after
            response = None if recording is None else recording.response
            found = (
                None
                if response is None or recording is None
                else Classifier(rules).explain(response, received=recording.started)
            )
            self.terminal.out.print()
            exchange(self.terminal.out, read, recording, found)

    @contextmanager
    def _errors(self) -> Iterator[None]:
        """Show what is wrong, and go on."""
        from rokt_export.commands.error_output import show

        try:
            yield
        except RoktExportError as error:
            show(error)
        finally:
            sys.stdout.flush()

    def _tell_keys(self) -> None:
        named = ", ".join(str(path) for path in self._files() if path.exists()) or str(self.spec)
        self.terminal.say(f"\nwatching {GUARD.text(named)}: Enter sends, Ctrl-C quits".strip(), style="dim")


def _clear() -> None:
    """Clear the screen, at once: what follows may go to stderr, which does not wait for stdout."""
    sys.stdout.write(_CLEAR)
    sys.stdout.flush()


def _stamp(path: Path) -> Stamp:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino


@contextmanager
def _quiet_keys() -> Iterator[None]:
    """Let typed keys not show, and leave the terminal as it was."""
    before = termios.tcgetattr(sys.stdin)
    silent = termios.tcgetattr(sys.stdin)
    silent[3] &= ~termios.ECHO
    termios.tcsetattr(sys.stdin, termios.TCSADRAIN, silent)
    try:
        yield
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)
