"""The commands that go on after a replay, as their user would type them."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rokt_export.commands.spec_setup import journal_place
from rokt_export.transactions.files import STDIN

if TYPE_CHECKING:
    from rokt_export.journal import RunInfo

_OPEN_DESCRIPTORS = ("/dev/fd/", "/proc/self/fd/")
"""Where a shell puts what is read from `<(command)`."""


@dataclass(frozen=True, slots=True)
class Onward:
    """What the commands after a replay have to say again.

    Attributes:
        spec: the spec file, as given.
        events: the files, as given.
        options: what is kept with the run for a resume.
        environment: where it sends to.
        journal: where it is kept.
    """

    spec: str
    events: Sequence[str]
    options: Mapping[str, Any]
    environment: str
    journal: str

    @classmethod
    def of(cls, run: RunInfo, journal: str) -> Onward:
        """Return it for a run in a journal."""
        return cls(run.spec_file, run.events, run.options, run.environment, journal)

    @property
    def streams(self) -> list[str]:
        """Those of the inputs that could be read once: stdin, named pipes, what a command wrote."""
        return [path for path, size, _ in self.options.get("stamps", ()) if size is None]

    def resume(self, run: str) -> str:
        """Return the command that goes on with a run: what it read from a stream must be piped in again."""
        if self.streams:
            return self.piped("--resume", run)
        words = "".join(f" {word}" for word in self._plugins)
        return f"rokt-export runs resume {run}{words}{place_flag(self.journal)}"

    def rerun(self, run: str, outcomes: str) -> str:
        """Return the command that sends the rows of a run with these outcomes in a new one."""
        flags = ("--only", outcomes, "--from-run", run)
        return self.piped(*flags) if self.streams else self._replay("", flags)

    def inputs(self) -> str:
        """Return the inputs as they are typed, with a place for the command that wrote one."""
        return " ".join("<(…)" if path.startswith(_OPEN_DESCRIPTORS) else shlex.quote(path) for path in self.events)

    def piped(self, *flags: str) -> str:
        """Return the command that replays what is piped in."""
        return f"{'… | ' if STDIN in self.events else ''}{self._replay(self.inputs(), flags)}"

    @property
    def _plugins(self) -> list[str]:
        """The consent that the run was given, which a person has to give again."""
        return [word for name in self.options.get("plugins", ()) for word in ("--allow-plugin", shlex.quote(name))]

    def _replay(self, inputs: str, flags: Sequence[str]) -> str:
        """Return a replay to the same place; `--confirm` is left to its user."""
        spec = str(self.options.get("spec_path", self.spec))
        words = ["-e", self.environment, *flags]
        if self.options.get("env_file"):
            words += ["--env-file", str(self.options["env_file"])]
        words += self._plugins
        start = f"rokt-export replay {shlex.quote(spec)} {inputs}".rstrip()
        return f"{start} {shlex.join(words)}{place_flag(self.journal)}"


def place_flag(journal: str) -> str:
    """Return the flag that names a journal, without its password, where another command would look elsewhere."""
    from rokt_export.journal.storage import resolve, shown

    return "" if journal == journal_place(None) else f" --journal {shlex.quote(shown(resolve(journal)))}"
