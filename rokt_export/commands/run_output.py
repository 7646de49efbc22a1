"""Shows what a run came to, as a table or as data, and writes its reports: always a re-read of the journal."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from rokt_export.commands.next_commands import Onward, place_flag
from rokt_export.commands.options import Output
from rokt_export.commands.terminal import Terminal, number_of, to_stdout
from rokt_export.errors import ExitStatus, UsageError
from rokt_export.exchange.delivery import LeftOut
from rokt_export.exchange.model import OutcomeKind

if TYPE_CHECKING:
    from rokt_export.commands.run_session import RunResult
    from rokt_export.journal import RunInfo
    from rokt_export.reports.run_report import Story


def expected_outcome(text: str, *, where: str = "--expect") -> OutcomeKind:
    """Return the outcome that `--expect`, or another flag, names.

    Raises:
        UsageError: there is none of that name.
    """
    try:
        return OutcomeKind(text.strip().lower())
    except ValueError as error:
        names = ", ".join(OutcomeKind)
        raise UsageError(f"`{text}` is not an outcome", where=where, remedy=f"Choose one of {names}.") from error


def present(
    done: RunResult,
    journal: str,
    terminal: Terminal,
    output: Output,
    reports: list[Path] | None,
    *,
    everything: bool = False,
) -> int:
    """Print a run that is over, write its reports, and return its exit status.

    Args:
        done: the run.
        journal: where it is.
        terminal: where to.
        output: how.
        reports: paths of reports; their suffixes say which.
        everything: print each row; else the summary, and the first rows with an unexpected outcome.
    """
    from rokt_export.journal import Journal
    from rokt_export.reports.formats import format_of, write_reports
    from rokt_export.reports.run_report import Story

    again = f"The run is in the journal: rokt-export runs export {done.run}{place_flag(journal)}"
    with Journal.open(journal) as opened:
        story = Story.of(opened, opened.find(done.run))
        with to_stdout(again):
            show(story, terminal, output, everything=everything)
        if reports:
            write_reports(story, [(format_of(path), path) for path in reports])
            for path in reports:
                terminal.say(f"report: {path}")
    has_notes = output is Output.TABLE and terminal.out.is_terminal
    if not has_notes:
        for note in done.result.tally.notes:
            terminal.warn(note)
        if done.result.finished.message:
            terminal.warn(f"stopped: {done.result.finished.message}")
    if done.status is ExitStatus.INTERRUPTED or done.result.finished.message:
        say_how_to_go_on(story.run, journal, terminal)
    if not done.result.tally.left_out[LeftOut.DELIVERED]:  # else another run has delivered what stays unknown here
        _say_what_is_unknown(story.run, journal, terminal)
    return done.status


def say_how_to_go_on(run: RunInfo, journal: str, terminal: Terminal) -> None:
    """Tell how far a replay came that did not reach its end, and the commands that send the rest."""
    if run.command != "replay" or run.purged:
        return
    onward = Onward.of(run, journal)
    if (rows := run.options.get("rows")) is not None and run.settled < rows:
        terminal.say(f"{run.settled:,} of {rows:,} rows are settled")
    terminal.say(f"go on with: {onward.resume(run.run)}")
    if failed := run.counts.get(OutcomeKind.FAILED):
        those = number_of(failed, "row that failed is settled", "rows that failed are settled")
        terminal.say(f"{those}, and not sent by that, but by: {onward.rerun(run.run, OutcomeKind.FAILED)}")


def _say_what_is_unknown(run: RunInfo, journal: str, terminal: Terminal) -> None:
    unknown = run.counts.get(OutcomeKind.UNKNOWN, 0)
    if unknown and run.command == "replay":
        those = number_of(unknown, "row is unknown: ask whether it", "rows are unknown: ask whether they")
        how = Onward.of(run, journal).resume(run.run)
        terminal.say(f"{those} arrived; if not: {how} --resend-unknown")


def show(story: Story, terminal: Terminal, output: Output, *, everything: bool) -> None:
    """Print a run."""
    match output:
        case Output.JSON:
            from rokt_export.reports import json as form

            form.write(story, sys.stdout)
        case Output.NDJSON:
            from rokt_export.reports import ndjson

            ndjson.write(story, sys.stdout)
        case Output.CSV:
            from rokt_export.reports import csv

            csv.write(story, sys.stdout)
        case Output.TABLE:
            from rokt_export.reports.console import run_table, summary

            run_table(terminal.out, story, show_all=everything)
            summary(terminal.out, story)


def check_reports(paths: list[Path] | None) -> None:
    """Check the suffixes of reports before anything is sent.

    Raises:
        UsageError: there is no report with that suffix, or its folder does not exist.
    """
    from rokt_export.reports.formats import format_of

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


def check_folder(path: Path) -> None:
    """Check that the folder of a file to come is there, before anything is sent.

    Raises:
        UsageError: it is not, or the path is a folder itself.
    """
    if path.is_dir():
        raise UsageError("a folder stands here", where=str(path), remedy="Choose the name of a file.")
    if not path.absolute().parent.is_dir():
        raise UsageError(
            "this folder does not exist", where=str(path.parent), remedy="Make it, or choose another path."
        )
