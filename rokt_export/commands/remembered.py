"""What a resume must do as the run did before: its flags, its files, and which of their rows."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rokt_export.delivery.model import Recordings
from rokt_export.errors import TransactionsError, UsageError

if TYPE_CHECKING:
    from rokt_export.commands.loading import Ready
    from rokt_export.delivery.journal import RunInfo
    from rokt_export.spec.model import PartnerSpec

Ranges = tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class ReplayFlags:
    """The flags of `replay` that a resume repeats unless told otherwise, as the command line has them."""

    columns: list[str] | None = None
    set_values: list[str] | None = None
    unset: list[str] | None = None
    encoding: str | None = None
    delimiter: str | None = None
    test_data: bool = False
    expect: str = "delivered"
    rate: str | None = None
    concurrency: int | None = None
    workers: int = 1
    override_limits: bool = False
    stop_after: int | None = None
    stop_in_a_row: int | None = None
    stop_unclassified: bool | None = None
    patience: str = "60s"
    record: Recordings = Recordings.SOME
    again: bool = False
    sandbox: bool = False
    sandbox_url: str | None = None

    @classmethod
    def among(cls, given: Mapping[str, Any]) -> ReplayFlags:
        """Return them out of all that the command was given."""
        return cls(**{field.name: given[field.name] for field in fields(cls)})

    def over(self, run: RunInfo) -> ReplayFlags:
        """Return the flags of a run, with what was told anew in their place.

        Raises:
            UsageError: it was told what the journal does not keep.
        """
        return self._over(run, {field.name for field in fields(self)})

    def with_rows_of(self, run: RunInfo) -> ReplayFlags:
        """Return these, where nothing else is told with those of a run that say how its rows are read and changed.

        Raises:
            UsageError: it was told what the journal does not keep.
        """
        return self._over(run, _OF_ROWS)

    def _over(self, run: RunInfo, known: Collection[str]) -> ReplayFlags:
        told = {name: value for name, value in asdict(self).items() if value != getattr(_UNTOLD, name)}
        before = {name: value for name, value in run.options.get("flags", {}).items() if name in known}
        if (left_out := [item for item in before.get("set_values", ()) if "=" not in item]) and not self.set_values:
            raise UsageError(
                f"run {run.run} was told {', '.join(f'--set {name}=…' for name in left_out)}, "
                "and the journal keeps no personal data",
                where="--set",
                remedy=f"Tell all that was set once more, with `rokt-export replay {run.spec_file} … --set …`.",
            )
        if "record" in before:
            before["record"] = Recordings(before["record"])
        if {"sandbox", "sandbox_url"} & told.keys():  # one excludes the other
            before = {name: value for name, value in before.items() if name not in ("sandbox", "sandbox_url")}
        return replace(self, **{**before, **told})

    def kept(self, spec: PartnerSpec) -> dict[str, Any]:
        """Return what is kept with the run: all that differs from what goes without saying.

        Of what was set of a real person only the attributes' names are: the journal holds no personal data.
        """
        from rokt_export.delivery.secrecy import holds_personal_data

        kept = {name: value for name, value in asdict(self).items() if value != getattr(_UNTOLD, name)}
        if self.set_values and not self.test_data:
            names = [item.partition("=")[0].strip() for item in self.set_values]
            kept["set_values"] = [
                name if holds_personal_data(name, spec) else item
                for name, item in zip(names, self.set_values, strict=True)
            ]
        return kept


_UNTOLD = ReplayFlags()
_OF_ROWS = frozenset({"columns", "set_values", "unset", "encoding", "delimiter", "test_data"})


def stamps_of(files: tuple[str, ...]) -> list[list[Any]]:
    """Return what files look like (path, bytes, nanoseconds of the last change); streams are left out."""
    from rokt_export.transactions.files import FileStamp, expand

    stamps = [stamp for path in expand(files) if (stamp := FileStamp.of(path)) is not None]
    return [[str(Path(stamp.path).absolute()), stamp.size, stamp.mtime_ns] for stamp in stamps]


def files_of(run: RunInfo, told: tuple[str, ...], flag: str) -> tuple[str, ...]:
    """Return the files whose rows a run numbered: as they were told now, else as it had them.

    Raises:
        UsageError: the run read a stream, and none is told; or others are told than it read.
        TransactionsError: a file is gone, or not as it was.
    """
    from rokt_export.transactions.files import STDIN

    if not told and STDIN in run.events:
        raise UsageError(
            f"run {run.run} read its rows from stdin, which is gone",
            where=flag,
            remedy=f"Pipe the same rows in again from the first: rokt-export replay {run.spec_file} - {flag} {run.run}",
        )
    _check_unchanged(run)
    stamps = run.options.get("stamps")
    if told and stamps and stamps_of(told) != stamps:
        raise UsageError(
            f"these are not the files that run {run.run} read, and a row is known by its place in them",
            where=flag,
            remedy=f"Leave the files out, or name the same: {' '.join(run.events)}",
        )
    return told or tuple(stamp[0] for stamp in stamps or ()) or run.events


def _check_unchanged(run: RunInfo) -> None:
    from rokt_export.transactions.files import FileStamp

    for path, size, modified in run.options.get("stamps", ()):
        stamp = FileStamp.of(path)
        if stamp is None or (stamp.size, stamp.mtime_ns) != (size, modified):
            raise TransactionsError(
                f"the file that run {run.run} read is gone"
                if stamp is None
                else f"the file is not as it was when run {run.run} read it",
                where=path,
                remedy="Bring it back as it was: a resume tells rows apart by their place in the file.",
            )


def find_resumable(place: str, run: str, ready: Ready) -> RunInfo:
    """Return the run to go on with, checked to be a replay to this partner and environment.

    Raises:
        UsageError: it is another's, or no replay.
        JournalError: the journal cannot be read.
    """
    from rokt_export.delivery.journal import Journal

    with Journal.open(place) as journal:
        found = journal.find(run)
    if found.command != "replay":
        raise UsageError(
            f"run {found.run} was a `{found.command}`, which cannot be resumed",
            where="--resume",
            remedy=f"Run `rokt-export {found.command}` again.",
        )
    if (found.partner, found.environment) != (ready.spec.partner, ready.environment):
        raise UsageError(
            f"run {found.run} sent to {found.partner} {found.environment}, "
            f"not to {ready.spec.partner} {ready.environment}",
            where="--resume",
            remedy=f"Use the spec and environment of that run: {found.spec_file} -e {found.environment}.",
        )
    return found


def in_sandbox(run: RunInfo) -> bool:
    """Return whether a run sent to a sandbox."""
    flags = run.options.get("flags", {})
    return bool(flags.get("sandbox") or flags.get("sandbox_url"))


def check_same_place(run: RunInfo, *, guarded: bool) -> None:
    """Refuse to let one run's rows go partly to production and partly to a sandbox.

    Raises:
        UsageError: they would.
    """
    if run.production is not guarded:
        was, now = ("production", "a sandbox") if run.production else ("a sandbox", "production")
        raise UsageError(
            f"run {run.run} sent to {was}, and would go on to {now}", where="--resume", remedy="Start a new run."
        )


def outcomes_of(only: str) -> list[str]:
    """Return the outcomes that `--only` names.

    Raises:
        UsageError: there is none of that name.
    """
    from rokt_export.commands.outcomes import expected_outcome

    return [str(expected_outcome(word, where="--only")) for word in only.split(",")]


def rows_with(place: str, run: RunInfo, only: str) -> Ranges:
    """Return the rows of a run that came to some outcomes, as ranges.

    Raises:
        UsageError: there are none, or no such outcome.
    """
    from rokt_export.delivery.journal import Journal

    outcomes = outcomes_of(only)
    with Journal.open(place) as journal:
        ranges = tuple(journal.rows(run.run, outcomes).ranges())
    if not ranges:
        raise UsageError(
            f"run {run.run} has no row that is {' or '.join(outcomes)}",
            where="--only",
            remedy=f"`rokt-export runs show {run.run}` shows what its rows came to.",
        )
    return ranges
