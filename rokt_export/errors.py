"""What can go wrong, as one tree of errors, and the exit status each gravity ends in."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import IntEnum
from pathlib import Path


class ExitStatus(IntEnum):
    """How the process ends; relied on by scripts and CI, so a number never changes its meaning."""

    OK = 0
    FINDINGS = 1
    USAGE = 2
    CONFIGURATION = 3
    UNREACHABLE = 4
    JOURNAL = 5
    WORKER = 6
    JOURNAL_GONE = 7
    INTERRUPTED = 130

    @classmethod
    def most_severe(cls, *statuses: ExitStatus) -> ExitStatus:
        """Return the highest of several statuses: an interruption outweighs all, success nothing."""
        return max(statuses, default=cls.OK)


NO_FILE = "this is a device, a pipe or a socket, and no file"


class RoktExportError(Exception):
    """An error a user can act on: what is wrong, where, and what to do about it.

    Args:
        message: what is wrong, in one sentence without a final full stop.
        where: the place, as `file:line:column`, `row 7, column email`, or a host; shown before the message.
        remedy: what to do, as one sentence; shown on a line of its own.
        listed: what there is to choose from; each is shown on a line of its own, under the message.
    """

    exit_status: ExitStatus = ExitStatus.CONFIGURATION

    def __init__(
        self, message: str, *, where: str | None = None, remedy: str | None = None, listed: Sequence[str] = ()
    ) -> None:
        super().__init__(message)
        self.message = message
        self.where = where
        self.remedy = remedy
        self.listed = listed

    def __str__(self) -> str:
        """Return `where: message`, the form used in logs and in nested causes."""
        return f"{self.where}: {self.message}" if self.where else self.message


class UsageError(RoktExportError):
    """The command line asks for something that makes no sense or is not allowed."""

    exit_status = ExitStatus.USAGE


class SpecError(RoktExportError):
    """A partner spec cannot be read or breaks the language."""


class TransactionsError(RoktExportError):
    """A file of transactions cannot be read as one."""


class ConfigurationError(RoktExportError):
    """Something around the spec is missing or wrong: an environment variable, a certificate, a plug-in."""


class DocumentError(RoktExportError):
    """What a partner gave (an OpenAPI document, a Postman collection, a HAR, a curl line) cannot be read as that."""


class UnreachableError(RoktExportError):
    """The partner, or the server that issues its tokens, could not be reached or refused our credentials."""

    exit_status = ExitStatus.UNREACHABLE


class JournalError(RoktExportError):
    """The journal cannot be opened, read or written.

    Attributes:
        settled: which rows of its run the writer knows to be settled, in words; None where no run is being written.
    """

    exit_status = ExitStatus.JOURNAL
    settled: str | None = None


class JournalGoneError(JournalError):
    """The journal's server went away while a run was written, and did not come back in time."""

    exit_status = ExitStatus.JOURNAL_GONE


class LeaseLostError(JournalError):
    """A worker was too slow, or was stopped, and another has taken up its rows: it sends nothing more."""


class WorkerError(RoktExportError):
    """Worker processes died, and others could not take up their rows; or a cluster's scheduler went away."""

    exit_status = ExitStatus.WORKER


_NEAR = 0.65
"""Similarity (difflib's ratio) from which a word is near: one wrong letter of three, two of six."""
_SHORTEST_BEGINNING = 3
"""Letters of a word from which on it may stand for one that it begins."""


def nearest(word: str, known: Iterable[str], most: int = 1) -> list[str]:
    """Return the known words that are near to a word, the nearest first, or else the only one that it begins.

    Case and the dashes of a flag do not count.
    """
    from difflib import get_close_matches

    by_fold, folded = {each.casefold().lstrip("-"): each for each in known}, word.casefold().lstrip("-")
    near = get_close_matches(folded, by_fold, n=most, cutoff=_NEAR)
    if not near and len(folded) >= _SHORTEST_BEGINNING:
        begun = [each for each in by_fold if each.startswith(folded)]
        near = begun if len(begun) == 1 else []
    return [by_fold[each] for each in near]


def did_you_mean(word: str, known: Iterable[str]) -> str | None:
    """Return a remedy that names the known word nearest to this one; None where none is near."""
    near = nearest(word, known)
    return f"Did you mean `{near[0]}`?" if near else None


def near_file(path: Path) -> str | None:
    """Return a remedy that names the nearest file in the same folder; an extension in common makes no file near."""
    try:
        names = [each.name for each in path.parent.iterdir() if each.is_file() and nearest(path.stem, [each.stem])]
    except OSError:
        return None
    near = nearest(path.name, names)
    return f"Did you mean {path.parent / near[0]}?" if near else None
