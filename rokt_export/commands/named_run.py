"""Finds the run that a command line names, where several runs may have one name, and the journal that it is in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rokt_export.commands.terminal import tell
from rokt_export.errors import JournalError, UsageError

if TYPE_CHECKING:
    from rokt_export.journal import Journal, RunInfo

_MOST_IDS = 5


def find_to_read(journal: Journal, wanted: str) -> RunInfo:
    """Return a run for a command that only reads it: of several of that name the newest, and say which that is.

    Raises:
        UsageError: no run matches, or the beginning of an id fits several.
    """
    found = journal.find(wanted)
    if len(ids := _ids(journal, found, wanted)) > 1:
        tell(f"run {found.run} is the newest of {len(ids):,} named `{wanted}`")
    return found


def find_to_change(journal: Journal, wanted: str) -> RunInfo:
    """Return a run for a command that changes it or sends by it: the only one of that name.

    Raises:
        UsageError: no run matches, or several do.
    """
    found = journal.find(wanted)
    if len(ids := _ids(journal, found, wanted)) > 1:
        several = ", ".join(ids[:_MOST_IDS]) + (", …" if len(ids) > _MOST_IDS else "")
        raise UsageError(f"several runs are named `{wanted}`: {several}", remedy="Give the id of one.")
    return found


def _ids(journal: Journal, found: RunInfo, wanted: str) -> list[str]:
    """Return the ids of all runs that have the name by which a run was found, newest first."""
    return journal.ids_named(wanted) if found.name == wanted != found.run else []


def open_existing(place: str) -> Journal:
    """Open a journal for a command that starts no run: only the default one is created.

    Raises:
        UsageError: the place is neither a path nor the URL of a supported database.
        JournalError: there is no such file, or it cannot be opened.
    """
    from pathlib import Path

    from rokt_export.journal import Journal, default_place
    from rokt_export.journal.storage import resolve, translated

    found = resolve(place)
    with translated(str(found), "opened"):  # a folder that may not be looked into, a name that is too long
        missing = isinstance(found, Path) and not found.exists()
    if isinstance(found, Path) and missing and found.absolute() != Path(default_place()).absolute():
        raise JournalError("there is no journal here", where=str(found), remedy="Name another with --journal.")
    return Journal.open(place)
