"""`reclassify`: the recorded responses of a run, read by a changed spec; nothing is sent."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rokt_export.commands import options as flag
from rokt_export.commands.named_run import find_to_change, find_to_read, open_existing
from rokt_export.commands.options import Output
from rokt_export.commands.spec_setup import journal_place
from rokt_export.commands.terminal import Terminal, number_of, to_stdout
from rokt_export.errors import ExitStatus, JournalError, UsageError

if TYPE_CHECKING:
    from rokt_export.diff.reclassify import Reclassified, ReclassifiedRow
    from rokt_export.exchange.delivery import Delivery
    from rokt_export.journal import Journal, RunInfo
    from rokt_export.partner_spec.loading import LoadedSpec
    from rokt_export.reports.run_report import RunReport

SpecOption = Annotated[
    Path | None,
    typer.Option("--spec", metavar="SPEC", help="The spec to read by; default the run's own file.", show_default=False),
]
Write = Annotated[bool, typer.Option("--write", help="Make it the run's outcome; the old one is kept.")]
AllChanges = Annotated[bool, typer.Option("--all", help="Print every row that changes.")]


def reclassify(
    run: flag.Run,
    spec: SpecOption = None,
    write: Write = False,
    everything: AllChanges = False,
    output: flag.OutputFormat = Output.TABLE,
    journal: flag.JournalPlace = None,
    quiet: flag.Quiet = False,
    verbose: flag.Verbose = False,
    no_color: flag.NoColor = False,
) -> int:
    """Read a run's recorded responses by a changed spec: outcomes before and after. Nothing is sent.

    Rows whose response was not recorded, or cannot be judged because it is redacted, keep their outcome. Exit status:
    0 all rows of the run have the expected outcome by this spec, 1 some have another.

    Examples:
        rokt-export reclassify last
        rokt-export reclassify last --spec acme-new.yaml
        rokt-export reclassify last --write
    """
    from rokt_export.reports.run_report import RunReport

    terminal = Terminal(quiet, verbose, no_color)
    with open_existing(place := journal_place(journal)) as opened:
        info = find_to_change(opened, run) if write else find_to_read(opened, run)
        loaded = spec_for(info, spec)
        run_report = RunReport.of(opened, info)
        reading = RecordingsPass(run_report, loaded, keeps=everything or output is not Output.TABLE)
        with to_stdout("Nothing was sent or changed."):
            if write:
                _write(opened, info, loaded, reading)
            else:
                for _ in reading.changes():
                    pass
            reading.check()
            _print(terminal, info, loaded, reading, output)
        _say_what_next(terminal, info, loaded, reading.found, place, wrote=write)
    expected = set(reading.found.after) <= {run_report.expected}
    return ExitStatus.OK if expected else ExitStatus.FINDINGS


def spec_for(info: RunInfo, path: Path | None) -> LoadedSpec:
    """Return the spec to read a run's responses by: the one named, else the run's own file as it is now.

    Raises:
        UsageError: it is another partner's, or the run was purged.
        JournalError: the run is still running.
        SpecError: it cannot be read, or breaks the language.
    """
    from rokt_export.journal import RunState
    from rokt_export.partner_spec.loading import load_spec

    if info.purged:
        raise UsageError(
            f"run {info.run} was purged: its responses are gone, so they cannot be read again",
            remedy="Its outcomes stay as they are.",
        )
    if info.state is RunState.RUNNING:
        raise JournalError(f"run {info.run} is still running", remedy="Wait for its end, or stop it there.")
    loaded = load_spec(path or Path(info.options.get("spec_path", info.spec_file)))
    if loaded.spec.partner != info.partner:
        raise UsageError(
            f"run {info.run} was sent to {info.partner}, and this spec is {loaded.spec.partner}'s",
            where=loaded.document.file,
            remedy=f"Name the spec of {info.partner}: --spec {shlex.quote(info.spec_file)}",
        )
    return loaded


@dataclass
class RecordingsPass:
    """One pass over a run's recordings.

    Attributes:
        keeps: whether rows that change are kept, to be shown.
        found: what it has come to so far.
        kept: the rows that change.
    """

    run_report: RunReport
    loaded: LoadedSpec
    keeps: bool
    found: Reclassified = field(init=False)
    kept: list[ReclassifiedRow] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Begin with nothing."""
        from rokt_export.diff.reclassify import Reclassified

        self.found = Reclassified()

    def changes(self) -> Iterator[Delivery]:
        """Yield the new result of each row that has another one, as `Journal.revise` takes them."""
        from rokt_export.diff.reclassify import RowReclassifier

        before = self.run_report.spec
        rereader = RowReclassifier(self.loaded.spec.responses, before.responses if before is not None else ())
        for one, recording in self.run_report.deliveries_with_recordings():
            read = rereader.read(one, recording)
            self.found.add(read)
            if read.changed and self.keeps:
                self.kept.append(read)
            if read.after is not read.before:
                yield read.after

    def check(self) -> None:
        """Check that any response was recorded.

        Raises:
            UsageError: none was.
        """
        from rokt_export.diff.reclassify import UnchangedReason

        unread = self.found.stays[UnchangedReason.NO_RECORDING]
        if unread and not self.found.read and unread == sum(self.found.stays.values()):
            raise UsageError(
                f"run {self.run_report.run.run} has no recordings: there is nothing that could be read again",
                remedy="Its outcomes stay. Send with `--record all` to keep every response.",
            )


def _write(journal: Journal, info: RunInfo, loaded: LoadedSpec, reading: RecordingsPass) -> None:
    """Make what the spec says the run's outcome; leave the run alone where nothing changes."""
    from itertools import chain

    from rokt_export.journal import RevisingSpec
    from rokt_export.redaction.spec_lines import masked_spec

    changes = reading.changes()
    first = next(changes, None)
    if first is None:
        return
    revising = RevisingSpec(loaded.sha256, masked_spec(loaded.document.text), loaded.spec.provisional_rules)
    journal.revise(info.run, chain([first], changes), by="reclassify", spec=revising)


def _print(terminal: Terminal, info: RunInfo, loaded: LoadedSpec, reading: RecordingsPass, output: Output) -> None:
    found = reading.found
    match output:
        case Output.JSON:
            terminal.json(
                {
                    "run": info.run,
                    "spec": loaded.document.file,
                    "spec_sha256": loaded.sha256,
                    "read": found.read,
                    "changed": found.changed,
                    "reworded": found.reworded,
                    "not_read": {stays.name.lower(): rows for stays, rows in found.stays.items()},
                    "matrix": [
                        {"before": before, "after": after, "rows": rows}
                        for (before, after), rows in sorted(found.matrix.items())
                    ],
                    "changes": [_as_json(one) for one in reading.kept],
                }
            )
        case Output.NDJSON:
            terminal.ndjson(map(_as_json, reading.kept))
        case Output.CSV:
            columns = (
                "row", "transaction", "status", "before", "rule_before", "reason_before", "after", "rule", "reason",
            )  # fmt: skip
            terminal.csv(map(_as_json, reading.kept), columns)
        case Output.TABLE:
            from rokt_export.reports.reclassified import changed_rows, changes, matrix

            matrix(terminal.out, found)
            if reading.kept:
                changed_rows(terminal.out, reading.kept)
            changes(terminal.out, found.steps)


def _as_json(one: ReclassifiedRow) -> dict[str, Any]:
    before, after = one.before, one.after
    return {
        "row": before.row,
        "transaction": before.transaction,
        "status": before.status,
        "before": str(before.outcome),
        "rule_before": before.rule,
        "reason_before": before.reason,
        "after": str(after.outcome),
        "rule": after.rule,
        "reason": after.reason,
    }


def _say_what_next(
    terminal: Terminal, info: RunInfo, loaded: LoadedSpec, found: Reclassified, place: str, *, wrote: bool
) -> None:
    """Say what was read, what was not and why, and the command that goes on."""
    from rokt_export.commands.run_output import NextCommands, place_flag
    from rokt_export.journal import RunState

    read = f"{found.read:,} of {number_of(found.responses, 'response', 'responses')} read by {loaded.document.file}"
    terminal.say(f"{read if found.responses else f'run {info.run} has no responses'}; nothing was sent")
    for stays, number in sorted(found.stays.items(), key=lambda item: -item[1]):
        terminal.say(f"{number_of(number, 'row keeps its outcome', 'rows keep their outcome')}: {stays}")
    if found.reworded:
        terminal.say(f"{number_of(found.reworded, 'row has', 'rows have')} only another reason, reference or code")
    if not (found.changed or found.reworded):
        terminal.say("no row changes")
        return
    if not wrote:
        command = ["rokt-export", "reclassify", info.run, "--write"]
        if loaded.document.file != info.options.get("spec_path", info.spec_file):
            command[3:3] = ["--spec", loaded.document.file]
        terminal.say(f"make it the run's outcome: {shlex.join(command)}{place_flag(place)}")
        return
    terminal.say(
        f"written to run {info.run}; what the rows were is kept: rokt-export runs show {info.run}{place_flag(place)}"
    )
    if info.command == "replay" and info.state in (RunState.CRASHED, RunState.INTERRUPTED):
        terminal.say(f"go on with: {NextCommands.of(info, place).resume(info.run)}")
