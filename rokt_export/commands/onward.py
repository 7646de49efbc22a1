"""The commands that go on after a run, as their user would type them."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from rokt_export.commands.loading import journal_place
from rokt_export.transactions.files import STDIN


def resume_command(
    run: str, *, events: Sequence[str], options: Mapping[str, Any], environment: str, journal: str
) -> str:
    """Return the command that goes on with a replay.

    What it read from stdin must be piped in again, which `runs resume` cannot do. `--confirm` is left to its user.

    Args:
        run: its id.
        events: the files that it was given.
        options: what is kept with it for a resume.
        environment: where it sends to.
        journal: where it is kept.
    """
    if STDIN not in events:
        return f"rokt-export runs resume {run}{place_flag(journal)}"
    words = ["rokt-export", "replay", str(options["spec_path"]), *events, "-e", environment, "--resume", run]
    if options.get("env_file"):
        words += ["--env-file", str(options["env_file"])]
    return f"… | {shlex.join(words)}{place_flag(journal)}"


def place_flag(journal: str) -> str:
    """Return the flag that names a journal, where another command would look for it elsewhere; else nothing."""
    return "" if journal == journal_place(None) else f" --journal {shlex.quote(journal)}"
