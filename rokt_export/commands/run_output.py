"""Shows a run as a table or as data, writes its reports, and names the commands that go on after it."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO, assert_never

from msgspec import Struct

from rokt_export.commands.options import Output
from rokt_export.commands.terminal import Terminal, number_of, to_stdout
from rokt_export.delivery.events import Finished, StopReason
from rokt_export.errors import ExitStatus, UsageError, did_you_mean
from rokt_export.exchange.delivery import LeftOut
from rokt_export.exchange.model import OutcomeKind
from rokt_export.reports.formats import ReportFormat, format_named, format_of, write_reports
from rokt_export.transactions.files import STDIN

if TYPE_CHECKING:
    from rokt_export.commands.run_session import RunResult
    from rokt_export.exchange.delivery import Delivery
    from rokt_export.journal import RunInfo
    from rokt_export.journal.recording import Recording
    from rokt_export.reports.run_report import RunReport

_MOST_COMMANDS = 3
DRAFT_RULE = "draft the missing rule (it may ask for --outcome)"
_UNAUTHORIZED = 401
_CREDENTIALS = (_UNAUTHORIZED, 403)
"""Statuses that speak of credentials: a rule for rows does not explain them."""


class ShownExchanges(StrEnum):
    """Of which rows of a `test` request and response are printed."""

    FIRST = "first"
    """The first with an unexpected outcome, or the only row."""
    ALL = "all"
    NONE = "none"


def expected_outcome(text: str, *, where: str = "--expect") -> OutcomeKind:
    """Return the outcome that `--expect`, or another flag, names.

    Raises:
        UsageError: there is none of that name.
    """
    try:
        return OutcomeKind(text.strip().lower())
    except ValueError as error:
        names = ", ".join(OutcomeKind)
        near = did_you_mean(text, OutcomeKind)
        remedy = f"{near} Outcomes: {names}." if near else f"Choose one of {names}."
        raise UsageError(f"`{text}` is not an outcome", where=where, remedy=remedy) from error


def outcomes_named(text: str, *, where: str = "--only") -> list[str]:
    """Return the outcomes that a flag names (`rejected,failed`).

    Raises:
        UsageError: one is not an outcome.
    """
    return [str(expected_outcome(word, where=where)) for word in text.split(",")]


def present(
    done: RunResult,
    journal: str,
    terminal: Terminal,
    output: Output,
    reports: list[Path] | None,
    *,
    everything: bool = False,
    exchanges: ShownExchanges = ShownExchanges.NONE,
    told: Collection[str] = (),
) -> int:
    """Print a run that is over, write its reports, and return its exit status.

    Args:
        reports: paths of reports; their suffixes say which.
        everything: print each row; else the reasons of unexpected outcomes, and the summary.
        exchanges: of which rows request and response are printed too.
        told: notes that were shown before the send.
    """
    from rokt_export.journal import Journal
    from rokt_export.reports.run_report import RunReport

    again = f"The run is in the journal: rokt-export runs export {done.run}{place_flag(journal)}"
    with Journal.open(journal) as opened:
        run_report = RunReport.of(opened, opened.find(done.run))
        with to_stdout(again):
            show(run_report, terminal, output, everything=everything, told=told)
            if output is Output.TABLE:
                _show_exchanges(run_report, terminal, exchanges)
        _write_reports(run_report, terminal, reports)
        together = output is Output.TABLE and _are_read_together(terminal)
        if not together:
            for note in (*run_report.document_notes, *run_report.empty_captures, *done.result.tally.notes):
                if note not in told:
                    terminal.warn(note)
        stopped = done.status is ExitStatus.INTERRUPTED or bool(done.result.finished.message)
        if stopped:
            refused = done.result.finished.reason is StopReason.SETUP
            say_how_to_go_on(run_report, journal, terminal.warn, refused=refused, told=together)
        elif run_report.run.command == "replay" and not run_report.run.sandbox:
            kinds = {one.outcome for one in run_report.reasons.groups if _is_refused_login(one.outcome, one.status)}
            _say_how_to_send_refused(run_report, NextCommands.of(run_report.run, journal), terminal.warn, sorted(kinds))
        if not done.result.tally.left_out[LeftOut.DELIVERED]:  # else another run has delivered what stays unknown here
            _say_what_is_unknown(run_report.run, journal, terminal)
        _say_what_fits(run_report, journal, terminal, done.result.finished, stopped=stopped)
    return done.status


def present_ended(
    run: str, journal: str, terminal: Terminal, output: Output, reports: list[Path] | None, *, everything: bool
) -> int:
    """Print a run that had ended and sent nothing since, write its reports, and return its exit status."""
    from rokt_export.journal import Journal
    from rokt_export.reports.run_report import RunReport

    with Journal.open(journal) as opened:
        run_report = RunReport.of(opened, opened.find(run))
        with to_stdout():
            show(run_report, terminal, output, everything=everything)
        _write_reports(run_report, terminal, reports)
        _say_what_is_unknown(run_report.run, journal, terminal)
    return ExitStatus.OK if set(run_report.counts) <= {run_report.expected} else ExitStatus.FINDINGS


def _write_reports(run_report: RunReport, terminal: Terminal, reports: list[Path] | None) -> None:
    if reports:
        write_reports(run_report, [(format_of(path), path) for path in reports])
        for path in reports:
            terminal.say(f"report: {path}")


def _say_what_fits(
    run_report: RunReport, journal: str, terminal: Terminal, finished: Finished, *, stopped: bool
) -> None:
    """Say which run it was, and the two or three commands that fit it, ready to be pasted.

    Args:
        stopped: whether it did not reach its end: how to go on, and to resend what failed, was said then.
    """
    run, place, onward = run_report.run, place_flag(journal), NextCommands.of(run_report.run, journal)
    commands: list[tuple[str, str]] = []
    first = min((one.first for one in run_report.reasons.groups), default=None)
    stopped_by = finished.row if finished.reason is StopReason.UNCLASSIFIED else None
    if stopped_by is not None and finished.status not in _CREDENTIALS:
        commands.append((DRAFT_RULE, f"rule {run.run} --row {stopped_by}"))
    elif unmatched := [
        one.first
        for one in run_report.reasons.groups
        if one.outcome is OutcomeKind.UNCLASSIFIED and one.status not in _CREDENTIALS
    ]:
        commands.append((DRAFT_RULE, f"rule {run.run} --row {min(unmatched)}"))
    first = first if stopped_by is None else stopped_by
    if first is not None:
        commands.insert(0, (f"see row {first}", f"runs show {run.run} --row {first}"))
    if not run.sandbox and (refused := _refused(run_report, onward, finished)) is not None:
        refused = refused.removeprefix("rokt-export ")
        commands.insert(1 if first is not None else 0, ("see why it was refused", refused))
    if not stopped and run.command == "replay" and (failed := run.counts.get(OutcomeKind.FAILED)):
        resend = onward.rerun(run.run, OutcomeKind.FAILED).removeprefix("rokt-export ")
        commands.append((f"resend {number_of(failed, 'failed row', 'failed rows')}", resend))
    if len(commands) < _MOST_COMMANDS - stopped:
        commands.append(("write the report", f"report {run.run} --out {run.partner}.html"))
    terminal.say(f"run {run.run}{f' ({run.name})' if run.name else ''}. Next:")
    for what, command in commands[:_MOST_COMMANDS]:
        own = "" if " --journal " in command else place
        terminal.say(f"  {what}: {'' if command.startswith('…') else 'rokt-export '}{command}{own}")


def _is_refused_login(outcome: OutcomeKind, status: int | None) -> bool:
    """Return whether a row was settled by wrong credentials; a partner may also reject a row's data with 403."""
    if outcome is OutcomeKind.REJECTED:
        return status == _UNAUTHORIZED
    return outcome is OutcomeKind.UNCLASSIFIED and status in _CREDENTIALS


def _refused(run_report: RunReport, onward: NextCommands, finished: Finished) -> str | None:
    """Return the command that says why a row was refused, or the connection; None where `diagnose` finds neither."""
    run, rows = run_report.run, list[int]()
    if run_report.reasons.groups:
        from rokt_export.diagnosis.case import is_about_its_row, needs_diagnosis  # loads what asks a partner

        page = finished.status if finished.reason is StopReason.SETUP else None  # whose status says nothing

        rows = [
            one.first
            for one in run_report.reasons.groups
            if needs_diagnosis(one.status, None)
            or (one.status is None and one.outcome is OutcomeKind.FAILED)
            or (page is not None and one.status == page and not is_about_its_row(one.outcome, page))
        ]  # failed without a status: no connection was made
    if rows:
        return onward.diagnose(run.run, "--row", str(min(rows)))
    if finished.reason is StopReason.UNREACHABLE:
        return onward.diagnose(str(run.options.get("spec_path", run.spec_file)), "-e", run.environment)
    return None


def _show_exchanges(run_report: RunReport, terminal: Terminal, wanted: ShownExchanges) -> None:
    """Print the exchanges of a run that are asked for."""
    from itertools import islice

    from rokt_export.commands.exchange_output import MOST_ROWS, print_exchanges

    others = [outcome for outcome in run_report.counts if outcome != run_report.expected]
    match wanted:
        case ShownExchanges.ALL:
            rows = list(islice(run_report.deliveries(), MOST_ROWS))
        case ShownExchanges.FIRST:
            rows = list(islice(run_report.deliveries(others if others and run_report.rows > 1 else None), 1))
            rows = rows if others or run_report.rows == 1 else []
        case ShownExchanges.NONE:
            return
        case _:
            assert_never(wanted)
    if rows:
        terminal.out.print()
        print_exchanges(run_report, rows, terminal)


def say_how_to_go_on(
    run_report: RunReport, journal: str, say: Callable[[str], None], *, refused: bool = False, told: bool = False
) -> None:
    """Tell how far a run came that did not reach its end, and of a replay the commands that send the rest.

    Args:
        run_report: the run's.
        journal: where it is kept.
        say: shows a line.
        refused: whether it stopped because of a wrong set-up: what was refused then can be sent once that is right.
        told: whether the summary has said how far it came.
    """
    run = run_report.run
    if run_report.unfinished and not told:
        say(f"run {run.run}: {run_report.unfinished}")
    if refused and run.command != "replay":
        say("--no-first-row-check sends the rows anyway")
    if run.command != "replay" or run.purged:
        return
    onward = NextCommands.of(run, journal)
    if run_report.left_over == 0 and OutcomeKind.UNKNOWN not in run.counts:
        say(f"run {run.run} has nothing left to send")
    else:
        if (refused or run_report.stopped_by_setup) and (env_file := run.options.get("env_file")):
            say(f"correct the set-up first: a resume reads {env_file} again; --env-file names another file")
        say(f"go on with: {onward.resume(run.run)}")
        if refused:
            say(f"or send the rows anyway: {onward.piped('--resume', run.run, '--no-first-row-check')}")
    if failed := run.counts.get(OutcomeKind.FAILED):
        those = number_of(failed, "failed row", "failed rows")
        say(f"resuming does not resend {those}; this does: {onward.rerun(run.run, OutcomeKind.FAILED)}")
    if refused:
        _say_how_to_send_refused(run_report, onward, say, (OutcomeKind.REJECTED, OutcomeKind.UNCLASSIFIED))


def _say_how_to_send_refused(
    run_report: RunReport, onward: NextCommands, say: Callable[[str], None], kinds: Iterable[OutcomeKind]
) -> None:
    """Name the commands that send the rows of these outcomes, which a wrong set-up settled: a resume does not."""
    run = run_report.run
    for kind in kinds:
        if count := run.counts.get(kind):
            those = number_of(count, f"row is settled as {kind}", f"rows are settled as {kind}")
            them = "it" if count == 1 else "them"
            say(f"{those}: once the set-up is right, send {them} by: {onward.rerun(run.run, kind)}")


def _say_what_is_unknown(run: RunInfo, journal: str, terminal: Terminal) -> None:
    unknown = run.counts.get(OutcomeKind.UNKNOWN, 0)
    if unknown and run.command == "replay":
        those = number_of(unknown, "row is unknown: ask whether it", "rows are unknown: ask whether they")
        how = NextCommands.of(run, journal).resume(run.run)
        terminal.warn(f"{those} arrived; if not: {how} --resend-unknown")


def _are_read_together(terminal: Terminal) -> bool:
    """Return whether who reads stderr reads stdout too: at a terminal, or where both go to one file."""
    if terminal.out.is_terminal:
        return True
    try:
        return os.path.sameopenfile(sys.stdout.fileno(), sys.stderr.fileno())
    except (OSError, ValueError):  # a stream that is no file
        return False


def show(
    run_report: RunReport, terminal: Terminal, output: Output, *, everything: bool, told: Collection[str] = ()
) -> None:
    """Print a run.

    Args:
        everything: print each row.
        told: notes that were shown before.
    """
    match output:
        case Output.JSON | Output.NDJSON | Output.CSV:
            format_named(output).write(run_report, sys.stdout)
        case Output.TABLE:
            from rokt_export.reports.console import run_table, summary

            run_table(terminal.out, run_report, show_all=everything)
            summary(terminal.out, run_report, told=told)


def warn_if_unfinished(run_report: RunReport, forms: Iterable[ReportFormat], terminal: Terminal) -> None:
    """Warn that a run has not reached its end, where a file has its rows and no place to say so."""
    if run_report.unfinished and any(form.rows for form in forms):
        terminal.warn(f"run {run_report.run.run}: {run_report.unfinished}")


def exchanges_of(run_report: RunReport, rows: Sequence[int]) -> dict[int, tuple[Delivery, Recording | None]]:
    """Return row and recording of each of these rows of a run.

    Raises:
        UsageError: a row is not in the run; the nearest is named, and why rows are missing.
    """
    found = run_report.exchanges(rows)
    missing = [row for row in rows if row not in found]
    if missing:
        near = run_report.nearest_row(missing[0])
        nearest = f"The nearest is {near}." if near is not None else "The run has no rows."
        remedy = " ".join([nearest, *(f"{why[0].upper()}{why[1:]}." for why in _why_missing(run_report))])
        raise UsageError(f"row {missing[0]} is not in run {run_report.run.run}", where="--row", remedy=remedy)
    return found


def _why_missing(run_report: RunReport) -> Iterator[str]:
    """Yield why a run lacks rows of its input."""
    from rokt_export.commands.input_summary import left_out

    run, not_sent = run_report.run, run_report.not_sent
    if run_report.unfinished:
        yield run_report.unfinished
    if run.options.get("only"):
        yield "the run was asked for some rows of its input only"
    rows_by = {why: told["rows"] for why, told in not_sent.items()}
    yield from left_out(rows_by, {why: told["first"] for why, told in not_sent.items()}, run.command)
    yield from run_report.counted


def check_reports(paths: list[Path] | None) -> None:
    """Check the suffixes of reports before anything is sent.

    Raises:
        UsageError: there is no report with that suffix, or its folder does not exist.
    """
    for path in paths or ():
        format_of(path)
        check_folder(path)


def check_spared(written: Iterable[Path] | None, read: Iterable[str | Path | None]) -> None:
    """Check that no file to come takes the place of one that is read: rows or a spec would be gone.

    Raises:
        UsageError: one would.
    """
    sources = [Path(each) for each in read if each is not None]
    for path in written or ():
        for source in sources:
            if path.exists() and source.exists() and path.samefile(source):
                raise UsageError(
                    f"this would be written over {source}, which is read from", where=str(path),
                    remedy="Choose another name.",
                )  # fmt: skip


def sources_of(run: RunInfo) -> list[str | Path | None]:
    """Return the files that a run was made from, and is gone on with."""
    stamps = [stamp[0] for stamp in run.options.get("stamps", ())]
    return [run.spec_file, run.options.get("spec_path"), run.options.get("env_file"), *run.events, *stamps]


def stdout_for(form: ReportFormat) -> TextIO:
    """Return stdout for a report.

    Raises:
        UsageError: it is a terminal, and the report is no text.
    """
    if form.binary and sys.stdout.isatty():
        raise UsageError(f"{form.name} is not text for a terminal", remedy="Name a file with --out.")
    return sys.stdout


def check_folder(path: Path) -> None:
    """Check that the folder of a file to come is there, before anything is sent.

    Raises:
        UsageError: it is not, or the path is a folder itself.
    """
    if path.is_dir():
        raise UsageError("this is a folder", where=str(path), remedy="Choose the name of a file.")
    if not path.absolute().parent.is_dir():
        raise UsageError(
            "this folder does not exist", where=str(path.parent), remedy="Make it, or choose another path."
        )


_OPEN_DESCRIPTORS = ("/dev/fd/", "/proc/self/fd/")
"""Where a shell puts what is read from `<(command)`."""


class NextCommands(Struct, frozen=True):
    """What the commands after a replay have to say again.

    Attributes:
        options: what is kept with the run for a resume.
        confirm: the partner, where the environment is guarded and asks for its name; else None.
    """

    spec: str
    events: Sequence[str]
    options: Mapping[str, Any]
    environment: str
    journal: str
    confirm: str | None

    @classmethod
    def of(cls, run: RunInfo, journal: str) -> NextCommands:
        """Return it for a run in a journal."""
        return cls(
            run.spec_file, run.events, run.options, run.environment, journal, run.partner if run.production else None
        )

    @property
    def streams(self) -> list[str]:
        """Those of the inputs that could be read once: stdin, named pipes, what a command wrote."""
        return [path for path, size, _ in self.options.get("stamps", ()) if size is None]

    def resume(self, run: str) -> str:
        """Return the command that goes on with a run: what it read from a stream must be piped in again."""
        if self.streams:
            return self.piped("--resume", run)
        words = shlex.join(["rokt-export", "runs", "resume", run, *self._consent()])
        return f"{words}{place_flag(self.journal)}"

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

    def endpoint_words(self) -> list[str]:
        """Return the flags by which a command asks the endpoint as the run did: its variables, and its consent."""
        env_file = self.options.get("env_file")
        return [*(["--env-file", str(env_file)] if env_file else []), *self._consent()]

    def diagnose(self, *subject: str) -> str:
        """Return the command that says why the partner refused a row of the run, or the connection."""
        return f"{shlex.join(['rokt-export', 'diagnose', *subject, *self.endpoint_words()])}{place_flag(self.journal)}"

    def test(self) -> str:
        """Return the command that tries the spec where the run went; of a guarded environment, `probe`."""
        words = [str(self.options.get("spec_path", self.spec)), "-e", self.environment]
        if self.confirm is not None:
            return shlex.join(["rokt-export", "probe", *words, *self.endpoint_words()])
        words = ["rokt-export", "test", *words, *sandbox_words(self.options), *self.endpoint_words()]
        return f"{shlex.join(words)}{place_flag(self.journal)}"

    def _consent(self) -> list[str]:
        """Return the consent that the run was given, and a command asks for again."""
        words = [word for name in self.options.get("plugins", ()) for word in ("--allow-plugin", name)]
        return words if self.confirm is None else [*words, "--confirm", self.confirm]

    def _replay(self, inputs: str, flags: Sequence[str]) -> str:
        """Return a replay to the same place; one that resumes knows its sandbox, its cluster, and its test data."""
        spec = str(self.options.get("spec_path", self.spec))
        resumed = "--resume" in flags
        words = ["-e", self.environment, *flags, *([] if resumed else sandbox_words(self.options))]
        words += self.endpoint_words()
        if not resumed and (cluster := self.options.get("flags", {}).get("cluster")):
            words += ["--cluster", str(cluster)]
        if not resumed and self.confirm is not None and self.options.get("flags", {}).get("test_data"):
            words.append("--test-data")
        start = f"rokt-export replay {shlex.quote(spec)} {inputs}".rstrip()
        return f"{start} {shlex.join(words)}{place_flag(self.journal)}"


def sandbox_words(*options: Mapping[str, Any]) -> list[str]:
    """Return the flags by which a command sends to a sandbox, as the runs with these options did."""
    flags: list[Mapping[str, Any]] = [each.get("flags", {}) for each in options]
    words = [word for each in flags if each.get("sandbox_url") for word in ("--sandbox-url", str(each["sandbox_url"]))]
    return words or ["--sandbox"] * any(each.get("sandbox") for each in flags)


def place_flag(journal: str) -> str:
    """Return the flag that names a journal, without its password, where another command would look elsewhere."""
    from rokt_export.journal import default_place
    from rokt_export.journal.storage import resolve, shown

    return "" if journal == default_place() else f" --journal {shlex.quote(shown(resolve(journal)))}"
