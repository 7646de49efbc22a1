"""Which rows a replay sends: all of the files named, what an earlier run left, or what came out in some way there."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from msgspec import Struct

from rokt_export.commands.named_run import find_to_change, find_to_read, open_existing
from rokt_export.commands.replay_flags import GivenFlags, ReplayFlags, are_alike, digests_of, file_digests, stamps_of
from rokt_export.commands.run_output import NextCommands, outcomes_named
from rokt_export.errors import TransactionsError, UsageError

if TYPE_CHECKING:
    from rokt_export.commands.spec_setup import SpecSetup
    from rokt_export.exchange.model import OutcomeKind
    from rokt_export.journal import RunInfo

Ranges = tuple[tuple[int, int], ...]


class Choice(Struct, frozen=True):
    """What the command line says of earlier runs.

    Attributes:
        only, from_run: outcomes, and the run whose rows with these are sent.
        unknown: rows may be sent that the partner may have.
    """

    resume: str | None
    only: str | None = None
    from_run: str | None = None
    unknown: bool = False


class Chosen(Struct, frozen=True):
    """A choice, looked up in the journal.

    Attributes:
        flags: as given, and else as the earlier run had them.
        earlier: the run whose rows are sent in a new one.
    """

    flags: ReplayFlags
    resumed: RunInfo | None
    earlier: RunInfo | None
    _place: str
    _only: str

    @classmethod
    def among(cls, place: str, choice: Choice, given: GivenFlags, setup: SpecSetup) -> Chosen:
        """Look the runs up.

        Raises:
            UsageError: what is asked does not go together, or is no replay to this partner and environment.
            JournalError: the journal cannot be read, or has no such run.
        """
        resumed = None if choice.resume is None else _resumable(place, choice.resume, setup)
        earlier = _earlier(place, choice, resumed)
        flags = given.over(resumed) if resumed else given.with_rows_of(earlier) if earlier else given.flags
        return cls(flags, resumed, earlier, place, choice.only or "")

    @property
    def in_sandbox(self) -> bool:
        """Whether a sandbox takes the partner's place."""
        return self.flags.sandbox or self.flags.sandbox_url is not None

    def allows_test_data(self, *, given: bool) -> bool:
        """Return whether test data may go to a guarded environment: a run that had leave goes on with it.

        That an earlier run sent test data elsewhere makes its rows test data, and is no leave.
        """
        return given or (self.resumed is not None and self.flags.test_data)

    @property
    def numbered_by(self) -> str | None:
        """The run whose rows are asked for by their numbers; None where they are those of the run itself."""
        return self.earlier.run if self.earlier is not None else None

    @property
    def outcomes(self) -> frozenset[OutcomeKind]:
        """What the rows that are asked for came to in an earlier production run; nothing where none is named."""
        from rokt_export.exchange.model import OutcomeKind

        if self.resumed is not None:
            return frozenset(map(OutcomeKind, self.resumed.options.get("outcomes", ())))
        if self.earlier is None or not self.earlier.production:
            return frozenset()
        return frozenset(map(OutcomeKind, outcomes_named(self._only)))

    def input(self, named: tuple[str, ...], *, guarded: bool) -> tuple[tuple[str, ...], Ranges | None]:
        """Return the files, and which of their rows; None for all.

        Raises:
            UsageError: no file is known, or not those of the earlier run, or its rows would go elsewhere now.
            TransactionsError: a file is gone, or not as it was.
        """
        files, ranges = named, None
        if self.resumed is not None:
            _check_same_place(self.resumed, guarded=guarded, sandbox=self.in_sandbox)
            kept = self.resumed.options.get("only")
            ranges = None if kept is None else tuple((low, high) for low, high in kept)
            files = self._files_of(self.resumed, named, guarded, "--resume", self.resumed.run)
        elif self.earlier is not None:
            if not self.earlier.events:
                raise UsageError(
                    f"run {self.earlier.run} used generated test data: there is no file to read its rows from",
                    where="--from-run",
                    remedy="Run `rokt-export test` again; --seed generates the same people.",
                )
            files = self._files_of(self.earlier, named, guarded, "--from-run", self.earlier.run, "--only", self._only)
            ranges = _rows_with(self._place, self.earlier, self._only)
        if not files:
            raise UsageError(
                "no file of transactions is named", remedy="Name one or more after the spec, or - for stdin."
            )
        return files, ranges

    def _files_of(self, run: RunInfo, given: tuple[str, ...], guarded: bool, *flags: str) -> tuple[str, ...]:
        """Return the files whose rows a run numbered: as they are given now, else as it had them."""
        onward = NextCommands.of(run, self._place)
        if not given and onward.streams:
            raise UsageError(
                f"run {run.run} read rows from {_in_words(onward.streams)}, and what was read there is gone",
                where=flags[0],
                remedy=f"Pipe the same rows in again from the first: {onward.piped(*flags)}",
            )
        _check_unchanged(run, guarded=guarded)
        stamps = run.options.get("stamps")
        if given and stamps is not None and not are_alike(stamps_of(given), stamps):
            raise UsageError(
                f"these are not the files that run {run.run} read, and a row is known by its place in them",
                where=flags[0],
                remedy=f"{'Name' if onward.streams else 'Leave the files out, or name'} the same, in the same order: "
                f"{onward.inputs()}",
            )
        return given or tuple(stamp[0] for stamp in stamps or ()) or run.events

    def warnings(self, setup: SpecSetup) -> Iterator[str]:
        """Yield what is not as it was in the earlier run, and may be meant so."""
        from rokt_export.journal import RunState

        if self.earlier is not None and self.earlier.state is not RunState.FINISHED:
            state = "still running" if self.earlier.state is RunState.RUNNING else str(self.earlier.state)
            yield f"run {self.earlier.run} is {state}: --only does not select rows that have no outcome yet"
        if self.earlier is not None and self.earlier.sandbox is not self.in_sandbox:
            was, now = ("the partner", "a sandbox") if self.in_sandbox else ("a sandbox", "the partner")
            yield f"run {self.earlier.run} sent to {was}; this one sends to {now}"
        if self.earlier is not None and self.earlier.environment != setup.environment:
            yield f"run {self.earlier.run} went to {self.earlier.environment}; this one goes to {setup.environment}"
        if self.earlier is not None and (inherited := self.flags.changes_of(self.earlier)):
            yield f"Using {inherited}, as in run {self.earlier.run}"
        for path in _written_to(self.resumed or self.earlier):
            yield f"{path} was written to or copied since: its size is the same, and its rows are taken to be"
        if self.resumed is not None and self.resumed.spec_sha256 != setup.loaded.sha256:
            yield f"the spec is not the one that run {self.resumed.run} began with"
        if self.resumed is not None:
            for flag in self.flags.read_otherwise(self.resumed):
                yield f"{flag} is not what run {self.resumed.run} began with: the rest of its rows are read another way"

    def moved(self, target: str, *, guarded: bool) -> str | None:
        """Return in words that a resumed run would go on at another host, by variables or a spec that changed.

        Raises:
            UsageError: it would in production: half a run's rows in each of two live systems.
        """
        before = self.resumed.options.get("target") if self.resumed is not None and not self.in_sandbox else None
        if self.resumed is None or before in (None, target):
            return None
        words = f"run {self.resumed.run} sent to {before}, and would go on to {target}"
        if guarded:
            raise UsageError(
                words,
                where="--resume",
                remedy="Restore the spec and the variables; or begin a new run, which leaves out what was delivered.",
            )
        return words


def environment_of(place: str, run: str | None) -> str:
    """Return the environment that a run went to, for one that goes on after it; without any, staging.

    Raises:
        UsageError: there is no such run, or more than one.
        JournalError: the journal cannot be read.
    """
    if run is None:
        return "staging"
    with open_existing(place) as journal:
        return journal.find(run).environment


def _resumable(place: str, run: str, setup: SpecSetup) -> RunInfo:
    """Return the run to go on with, checked to be a replay to this partner and environment."""
    from rokt_export.journal.run_records import check_not_purged, sends_anew

    with open_existing(place) as journal:
        found = find_to_change(journal, run)
        journal.check_not_running(found.run)  # before anything is said of what would be sent
    check_not_purged(found.run, purged=found.purged, production=found.production)
    if found.counted:
        raise UsageError(
            f"run {found.run} cannot be resumed: some of its rows are kept as counts only",
            where="--resume",
            remedy=sends_anew(production=found.production),
        )
    if found.command != "replay":
        raise UsageError(
            f"run {found.run} was a `{found.command}`, which cannot be resumed",
            where="--resume",
            remedy=f"Run `rokt-export {found.command}` again.",
        )
    if (found.partner, found.environment) != (setup.spec.partner, setup.environment):
        raise UsageError(
            f"run {found.run} sent to {found.partner} {found.environment}, "
            f"not to {setup.spec.partner} {setup.environment}",
            where="--resume",
            remedy=f"Use the spec and environment of that run: {shlex.quote(found.spec_file)} -e {found.environment}.",
        )
    return found


def _earlier(place: str, choice: Choice, resumed: RunInfo | None) -> RunInfo | None:
    """Return the run that --from-run names, if what is asked of it can be done."""
    from rokt_export.exchange.model import OutcomeKind

    if (choice.only is None) != (choice.from_run is None):
        raise UsageError("--only and --from-run belong together", remedy="Write --only rejected,failed --from-run RUN.")
    if choice.only is None or choice.from_run is None:
        return None
    if resumed is not None:
        raise UsageError(
            "a resumed run goes on with the rows that it began with",
            where="--only",
            remedy="Leave --resume out: --only and --from-run make a new run.",
        )
    if OutcomeKind.UNKNOWN in outcomes_named(choice.only) and not choice.unknown:
        raise UsageError(
            "the partner may have an `unknown` row already",
            where="--only",
            remedy="Ask the partner first; add --resend-unknown to send such rows again.",
        )
    with open_existing(place) as journal:
        found = find_to_read(journal, choice.from_run)
    if found.purged:
        raise UsageError(
            f"run {found.run} was purged: what its files looked like is not known any more, and rows are distinguished "
            "by their place in them",
            where="--from-run",
            remedy="Send the file anew; in production, rows already delivered are left out.",
        )
    return found


def _in_words(streams: Sequence[str]) -> str:
    from rokt_export.transactions.files import STDIN

    return " and ".join(dict.fromkeys("stdin" if path == STDIN else "a pipe" for path in streams))


def _written_to(run: RunInfo | None) -> Iterator[str]:
    """Yield the files of which only the time is another than a run saw, where no digest tells whether the rows are."""
    from rokt_export.transactions.files import FileStamp

    if run is None:
        return
    for path, size, modified in run.options.get("stamps", ()):
        stamp = FileStamp.of(path) if size is not None else None
        if stamp is not None and stamp.size == size and stamp.mtime_ns != modified and _is_same(run, path) is None:
            yield path


def _is_same(run: RunInfo, path: str) -> bool | None:
    """Return whether a file holds what a run read; None where the run kept no digest."""
    kept = run.options.get("digests", {}).get(path)
    return None if kept is None else digests_of(stamps_of((path,)), file_digests()).get(path) == kept


def _check_unchanged(run: RunInfo, *, guarded: bool) -> None:
    from rokt_export.transactions.files import FileStamp

    for path, size, modified in run.options.get("stamps", ()):
        if size is None:  # a stream, which is given anew
            continue
        stamp = FileStamp.of(path)
        if stamp is None or (stamp.size, stamp.mtime_ns) != (size, modified):
            why = "a resume tells rows apart by their place in the file"
            if stamp is None:
                raise TransactionsError(
                    f"the file that run {run.run} read is gone", where=path, remedy=f"Bring it back: {why}."
                )
            if stamp.size != size:
                raise TransactionsError(
                    f"the file had {size:,} bytes when run {run.run} read it, and has {stamp.size:,}",
                    where=path,
                    remedy=f"Bring it back as it was: {why}.",
                )
            same = _is_same(run, path)
            if same or (same is None and not guarded):
                continue
            moment = f"{datetime.fromtimestamp(modified // 10**9, UTC):%Y-%m-%d %H:%M:%S}.{modified % 10**9:09d} UTC"
            raise TransactionsError(
                f"the file was written to after run {run.run} had read it, or was copied since; its size is the same",
                where=path,
                remedy=f"Bring it back as it was: {why}. If you are sure that each row is where it was, give the file "
                f"its time back: touch -d '{moment}' {shlex.quote(path)}",
            )


def _check_same_place(run: RunInfo, *, guarded: bool, sandbox: bool) -> None:
    """Refuse to let one run's rows go partly to a guarded environment and partly elsewhere."""
    if run.production is guarded:
        return
    was, now = ("a sandbox" if each else run.environment for each in (run.sandbox, sandbox))
    words = f"run {run.run} sent to {was}, and would go on to {now}"
    if was == now:
        words += ", which is guarded now and was not then" if guarded else ", which is no longer guarded"
    raise UsageError(words, where="--resume", remedy="Start a new run.")


def _rows_with(place: str, run: RunInfo, only: str) -> Ranges:
    """Return the rows of a run that came to some outcomes, as ranges."""
    from rokt_export.journal import Journal

    outcomes = outcomes_named(only)
    with Journal.open(place) as journal:
        ranges = tuple(journal.rows(run.run, outcomes).ranges())
    if gone := [kind for kind in outcomes if run.counted.get(kind)]:
        raise UsageError(
            f"run {run.run} keeps its rows that are {' or '.join(gone)} as counts only",
            where="--only",
            remedy="Send the file anew; in production, rows already delivered are left out.",
        )
    if not ranges:
        raise UsageError(
            f"run {run.run} has no row that is {' or '.join(outcomes)}",
            where="--only",
            remedy=f"`rokt-export runs show {run.run}` shows what its rows came to.",
        )
    return ranges
