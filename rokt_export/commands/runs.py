"""`runs`: what was run: list, show, confirm, resume, export, purge, and the journal itself: backup, recover."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rokt_export.commands import completion
from rokt_export.commands import options as flag
from rokt_export.commands.confirm import confirm
from rokt_export.commands.deadline import MaxDuration, Until
from rokt_export.commands.exchange_output import ExchangeForm, RowQuery, show_rows
from rokt_export.commands.help_page import CommandLine
from rokt_export.commands.metrics import Place as MetricsPlace
from rokt_export.commands.named_run import find_to_change, find_to_read, open_existing
from rokt_export.commands.options import Output
from rokt_export.commands.replay import ResendUnknown, replay
from rokt_export.commands.spec_setup import journal_place
from rokt_export.commands.terminal import Terminal, number_of, to_stdout
from rokt_export.errors import ExitStatus, RoktExportError, UsageError
from rokt_export.reports.formats import FORMATS, STDOUT, format_named, format_of, part_of, write_parts, write_reports

if TYPE_CHECKING:
    from rokt_export.journal import Journal, RunInfo

runs = CommandLine(
    name="runs", help="Runs in the journal: list, show, confirm, resume, export, purge, verify, backup, recover."
)

Limit = Annotated[
    int | None, typer.Option("--limit", min=1, metavar="N", help="List only the newest N.", show_default=False)
]
WithSizes = Annotated[bool, typer.Option("--verbose", help="Show about how many bytes each run takes in the journal.")]
Rows = Annotated[
    list[str] | None,
    typer.Option(
        "--row", metavar="N[,N-M]", help="Show the request and the response of these rows.", show_default=False
    ),
]
ByOutcome = Annotated[
    list[str] | None,
    typer.Option(
        "--outcome", metavar="OUTCOMES", autocompletion=completion.outcomes, show_default=False,
        help="Show rows with these outcomes (rejected,failed).",
    ),
]  # fmt: skip
ByReason = Annotated[
    str | None, typer.Option("--reason", metavar="TEXT", help="Show rows whose reason has this.", show_default=False)
]
ByStatus = Annotated[
    list[str] | None,
    typer.Option("--status", metavar="CODES", help="Show rows with this status (422, 4xx,503).", show_default=False),
]
ByRule = Annotated[
    str | None, typer.Option("--rule", metavar="NAME", help="Show rows that this rule decided.", show_default=False)
]
As = Annotated[
    ExchangeForm, typer.Option("--as", metavar="http|curl|json|har", help="How to show the exchanges of rows.")
]
Raw = Annotated[bool, typer.Option("--raw", help="Show bodies as they were on the wire.")]
_COLUMNS = ("run", "name", "command", "partner", "environment", "spec_sha256", "started", "ended", "state", "counts")


@runs.command("list")
def list_runs(
    limit: Limit = None,
    output: flag.OutputFormat = Output.TABLE,
    journal: flag.JournalPlace = None,
    verbose: WithSizes = False,
    no_color: flag.NoColor = False,
) -> int:
    """List runs, newest first.

    Examples:
        rokt-export runs list --limit 20
    """
    terminal = Terminal(no_color=no_color)
    with _opened(journal) as opened:
        found = opened.runs(limit)
        sizes = opened.sizes([info.run for info in found]) if verbose else {}
    rows = [info.as_json() | ({"bytes": sizes[info.run]} if verbose else {}) for info in found]
    match output:
        case Output.JSON:
            terminal.json(rows)
        case Output.NDJSON:
            terminal.ndjson(rows)
        case Output.CSV:
            columns = (*_COLUMNS, "bytes") if verbose else _COLUMNS
            terminal.csv([{**row, "counts": _counts(info)} for row, info in zip(rows, found, strict=True)], columns)
        case Output.TABLE:
            from rokt_export.reports.console import runs_table

            if not found:
                terminal.say("no runs yet; `rokt-export test SPEC --sandbox` makes one")
            else:
                runs_table(terminal.out, found, sizes)
    return ExitStatus.OK


def _counts(info: RunInfo) -> str:
    return " ".join(f"{outcome}={rows}" for outcome, rows in info.counts.items())


@runs.command("show")
def show_run(
    run: flag.Run,
    row: Rows = None,
    outcome: ByOutcome = None,
    reason: ByReason = None,
    status: ByStatus = None,
    rule: ByRule = None,
    form: As = ExchangeForm.HTTP,
    raw: Raw = False,
    everything: flag.All = False,
    output: flag.OutputFormat = Output.TABLE,
    journal: flag.JournalPlace = None,
    no_color: flag.NoColor = False,
) -> int:
    """Show a run's rows and their outcomes, or the request and response of some rows.

    Examples:
        rokt-export runs show last
        rokt-export runs show last --row 4
        rokt-export runs show last --status 422 --as curl
    """
    from rokt_export.commands.run_output import say_how_to_go_on, show
    from rokt_export.journal import RunState
    from rokt_export.reports.run_report import RunReport

    terminal = Terminal(no_color=no_color)
    with _opened(journal) as opened:
        info = find_to_read(opened, run)
        query = RowQuery(flag.joined(row), flag.joined(outcome), flag.joined(status), rule, reason)
        run_report = RunReport.of(opened, info)
        if query or form is not ExchangeForm.HTTP:
            query = query or RowQuery(outcomes=",".join(info.counts))
            with to_stdout():
                return show_rows(run_report, query, terminal, output, form, everything=everything, raw=raw)
        if output is Output.TABLE:
            from rokt_export.reports.console import runs_table

            runs_table(terminal.out, [info])
        show(run_report, terminal, output, everything=everything)
    if info.state in (RunState.CRASHED, RunState.INTERRUPTED):
        say_how_to_go_on(run_report, journal_place(journal), terminal.say)
    return ExitStatus.OK


runs.command("confirm")(confirm)


Resumed = Annotated[
    str | None,
    typer.Argument(
        metavar="RUN", autocompletion=completion.runs, show_default=False,
        help="A run's id, its beginning, its name, or `last`; or use --all-crashed.",
    ),
]  # fmt: skip
AllCrashed = Annotated[bool, typer.Option("--all-crashed", help="Resume each replay whose process died, oldest first.")]


@runs.command("resume")
def resume_run(
    context: typer.Context,
    run: Resumed = None,
    all_crashed: AllCrashed = False,
    resend_unknown: ResendUnknown = False,
    again: flag.Again = False,
    until: Until = None,
    max_duration: MaxDuration = None,
    confirm: flag.Confirm = None,
    metrics: MetricsPlace = None,
    output: flag.OutputFormat = Output.TABLE,
    env_file: flag.EnvFile = None,
    allow_plugin: flag.AllowPlugin = None,
    journal: flag.JournalPlace = None,
    quiet: flag.Quiet = False,
    verbose: flag.Verbose = False,
    no_color: flag.NoColor = False,
) -> int:
    """Resume a stopped run: read the same files again, and send only rows without an outcome.

    Examples:
        rokt-export runs resume last
        rokt-export runs resume --all-crashed --until 06:00
    """
    if (run is None) is not all_crashed:
        raise UsageError("name one run, or give --all-crashed", remedy="`runs resume last`.")

    def resume(info: RunInfo) -> int:
        try:
            return replayed(info)
        except UsageError as error:
            if error.where == "--resume":  # a flag of `replay`; the message names the run
                error.where = None
            raise

    def replayed(info: RunInfo) -> int:
        options = info.options
        return replay(
            context,
            Path(options.get("spec_path", info.spec_file)),
            None,
            environment=info.environment,
            confirm=confirm,
            resume=info.run,
            resend_unknown=resend_unknown,
            again=again,
            until=until,
            max_duration=max_duration,
            metrics=metrics,
            output=output,
            env_file=env_file or (Path(options["env_file"]) if options.get("env_file") else None),
            allow_plugin=allow_plugin,
            journal=journal,
            quiet=quiet,
            verbose=verbose,
            no_color=no_color,
        )

    if run is not None:
        with _opened(journal) as opened:
            info = find_to_change(opened, run)
        return resume(info)
    if output in (Output.JSON, Output.CSV):
        raise UsageError("several runs are no one document", where="--output", remedy="Use ndjson or table.")
    return _resume_crashed(journal, Terminal(quiet, verbose, no_color), resume)


def _resume_crashed(journal: str | None, terminal: Terminal, resume: Callable[[RunInfo], int]) -> int:
    """Resume each crashed replay, oldest first; one that is stopped stops no other. Return the worst exit status."""
    from rokt_export.commands.error_output import show
    from rokt_export.journal import RunState

    with _opened(journal) as opened:
        crashed = [one for one in reversed(opened.runs()) if one.state is RunState.CRASHED and not one.purged]
    found = [one for one in crashed if one.command == "replay"]
    for one in crashed:
        if one.command != "replay":
            terminal.say(f"run {one.run} was a `{one.command}`, which is run again and not resumed")
    statuses = [ExitStatus.OK]
    resumed = 0
    for number, one in enumerate(found, 1):
        terminal.say(f"resuming {one.run} ({number} of {len(found)}): {one.partner} {one.target}")
        try:
            status = ExitStatus(resume(one))
            resumed += 1
        except RoktExportError as error:
            show(error)
            status = error.exit_status
        statuses.append(status)
        if status is ExitStatus.INTERRUPTED:
            break
    some = f"{resumed:,} of " if resumed < len(found) else ""
    terminal.say(f"{some}{number_of(len(found), 'crashed replay', 'crashed replays')} resumed")
    return ExitStatus.most_severe(*statuses)


Form = Annotated[
    str | None,
    typer.Option(
        "--format", metavar="NAME", show_default=False,
        help=f"One of {', '.join(FORMATS)}; default: as --out is named, else csv.",
    ),
]  # fmt: skip
Out = Annotated[
    Path | None,
    typer.Option(
        "--out", metavar="PATH", show_default=False,
        help="The file to write, else stdout, as for -; .gz and .zst compress it.",
    ),
]  # fmt: skip
Split = Annotated[
    int | None,
    typer.Option(
        "--split", min=1, metavar="N", show_default=False, help="Write files of N rows each, such as rows-0001.csv."
    ),
]


@runs.command("export")
def export_run(
    run: flag.Run,
    form: Form = None,
    out: Out = None,
    only: flag.OnlyOutcomes = None,
    split: Split = None,
    journal: flag.JournalPlace = None,
    quiet: flag.Quiet = False,
) -> int:
    """Write each row of a run with its outcome, in the order of the input.

    Examples:
        rokt-export runs export last --out rows.csv
        rokt-export runs export last --only rejected,failed
        rokt-export runs export last --out rows.parquet --split 1000000
    """
    from rokt_export.commands.run_output import check_spared, outcomes_named, sources_of, stdout_for, warn_if_unfinished
    from rokt_export.reports.run_report import RunReport

    terminal = Terminal(quiet)
    out = None if out == STDOUT else out
    if form is not None:
        chosen = format_named(form)
    else:
        chosen = format_named("csv") if out is None or not out.suffix else format_of(out)
    if split is not None and (out is None or not chosen.rows):
        raise UsageError(
            "only rows in files can be split",
            where="--split",
            remedy=f"Add --out PATH, with one of {', '.join(name for name, one in FORMATS.items() if one.rows)}.",
        )
    with _opened(journal) as opened:
        info = find_to_read(opened, run)
        run_report = RunReport.of(opened, info, only=outcomes_named(flag.joined(only) or "") if only else None)

        def check(path: Path) -> None:
            check_spared([path], [*sources_of(info), journal_place(journal)])

        warn_if_unfinished(run_report, [chosen], terminal)
        if out is None:
            chosen.write(run_report, stdout_for(chosen))
            return ExitStatus.OK
        if split is None:
            check(out)
            write_reports(run_report, [(chosen, out)])
            written = [out]
        else:
            written = write_parts(run_report, chosen, out, split, check)
            if (further := part_of(out, len(written) + 1)).exists():
                terminal.warn(f"{further} is not of this export: an earlier one had more parts")
    for path in written:
        terminal.say(f"written: {path}")
    return ExitStatus.OK


Purged = Annotated[
    str | None,
    typer.Argument(metavar="RUN", autocompletion=completion.runs, help="One run; or use --before.", show_default=False),
]
Before = Annotated[
    str | None,
    typer.Option(
        "--before",
        metavar="DATE|AGE",
        help="All runs that ended before 2026-01-31, or more than 30d ago.",
        show_default=False,
    ),
]
OlderThan = Annotated[
    str | None,
    typer.Option("--older-than", metavar="AGE", help="All runs that ended more than 90d ago.", show_default=False),
]
KeepCounts = Annotated[
    bool, typer.Option("--keep-counts", help="Remove the rows too; keep the counts of each run, and the ledger.")
]
Remove = Annotated[bool, typer.Option("--remove", help="Remove the runs with their counts.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="List the runs, and change nothing.")]


@runs.command("purge")
def purge_runs(
    run: Purged = None,
    before: Before = None,
    older_than: OlderThan = None,
    keep_counts: KeepCounts = False,
    remove: Remove = False,
    dry_run: DryRun = False,
    yes: Yes = False,
    journal: flag.JournalPlace = None,
    quiet: flag.Quiet = False,
) -> int:
    """Remove recorded personal data of runs, and keep their counts. What production answered is kept as digests.

    The sandbox forgets the people that it was sent in place of these partners.

    Examples:
        rokt-export runs purge last
        rokt-export runs purge --before 30d --dry-run
        rokt-export runs purge --older-than 90d --keep-counts --yes
    """
    from rokt_export.commands.sandbox_target import memory_of

    if sum(each is not None for each in (run, before, older_than)) != 1:
        raise UsageError(
            "name one run, or give --before or --older-than",
            remedy="`runs purge last`, or `runs purge --older-than 90d`.",
        )
    if remove and keep_counts:
        raise UsageError("--remove and --keep-counts exclude each other", remedy="Leave one of them out.")
    terminal = Terminal(quiet)
    moment = _moment(before) if before is not None else _ago(older_than) if older_than is not None else None
    extent: dict[str, Any] = {"before": moment, "remove": remove, "keep_counts": keep_counts}
    with _opened(journal) as opened:
        run = None if run is None else find_to_change(opened, run).run
        found = opened.purgeable(run, **extent)
        memories = sorted({memory_of(each.partner, each.environment) for each in found})
        memories = [path for path in memories if path.exists()]
        for each in found:
            ended = f"ended {each.ended:%Y-%m-%d %H:%M} UTC" if each.ended else str(each.state)
            terminal.say(f"  {each.run} {each.command} {each.partner} {each.target}, {ended}")
        for path in memories:
            terminal.say(f"  the sandbox's memory: {path}")
        if dry_run:
            terminal.say(f"{number_of(len(found), 'run', 'runs')} would be {'removed' if remove else 'purged'}")
            return ExitStatus.OK
        if found and not yes:
            _ask(
                f"{'Remove' if remove else 'Purge'} {number_of(len(found), 'run', 'runs')}? It cannot be undone",
                "purging",
            )
        count = opened.purge(run, **extent) if found else 0
        for path in memories:
            path.unlink(missing_ok=True)
        on_server = opened.on_server
    terminal.say(f"{number_of(count, 'run', 'runs')} {'removed' if remove else 'purged'}")
    if count and on_server:
        terminal.say(
            "the server's tables were vacuumed: later runs use the space again; `VACUUM FULL` gives it back to the disk"
        )
    return ExitStatus.OK


BackupPath = Annotated[Path, typer.Argument(metavar="PATH", help="The new file.", show_default=False)]


@runs.command("backup")
def backup_journal(path: BackupPath, journal: flag.JournalPlace = None, quiet: flag.Quiet = False) -> int:
    """Copy the journal to a new file, also while runs write to it.

    The key of its digests is not in the copy: it has a file of its own, to be kept apart.

    Examples:
        rokt-export runs backup journal-copy.db
    """
    with _opened(journal) as opened:
        opened.backup(path)
    Terminal(quiet).say(f"written: {path}")
    return ExitStatus.OK


Verify = Annotated[
    str | None,
    typer.Argument(metavar="RUN", autocompletion=completion.runs, help="One run; default: all.", show_default=False),
]


@runs.command("verify")
def verify_journal(
    run: Verify = None,
    output: flag.OutputFormat = Output.TABLE,
    journal: flag.JournalPlace = None,
    quiet: flag.Quiet = False,
    no_color: flag.NoColor = False,
) -> int:
    """Check that the journal agrees with itself. It changes nothing.

    The counts of each run are compared with its rows, the ledger with the outcomes of the rows that it names, each
    recording is read, and a SQLite file's pages are checked. Exit status: 0 all agrees, 5 something does not.

    Examples:
        rokt-export runs verify
        rokt-export runs verify last --output json
    """
    terminal = Terminal(quiet, no_color=no_color)
    checked = faulty = 0
    damaged = False
    rows = []
    with _opened(journal) as opened, to_stdout():
        copying = "`pg_dump`" if opened.on_server else "`rokt-export runs backup PATH`"
        for found in opened.verify(None if run is None else find_to_read(opened, run).run):
            checked += found.run is not None
            faulty += bool(found.faults)
            damaged = damaged or found.damaged
            rows.append({name: getattr(found, name) for name in _VERIFIED})
            kept = f" and {found.counted:,} as counts" if found.counted else ""
            if output is Output.TABLE:
                terminal.write(
                    f"run {found.run}: {number_of(found.rows)}{kept}, "
                    f"{number_of(found.recordings, 'recording', 'recordings')}, "
                    f"{number_of(found.entries, 'ledger entry', 'ledger entries')}"
                    if found.run is not None
                    else f"journal {opened.place}"
                )
                for fault in found.faults:
                    terminal.write(f"  FAULT: {fault}")
    match output:
        case Output.TABLE:
            pass
        case Output.JSON:
            terminal.json(rows)
        case Output.NDJSON:
            terminal.ndjson(rows)
        case Output.CSV:
            terminal.csv([{**row, "faults": "; ".join(row["faults"])} for row in rows], _VERIFIED)
    if faulty:
        terminal.warn(_DAMAGED if damaged else f"the journal does not agree with itself: keep a copy of it ({copying})")
        return ExitStatus.JOURNAL
    terminal.say(f"{number_of(checked, 'run', 'runs')} verified: no fault")
    return ExitStatus.OK


_DAMAGED = (
    "no run could be checked: keep the file, rescue its contents with `sqlite3 FILE .recover`, and name a new journal "
    "with --journal"
)
_VERIFIED = ("run", "rows", "counted", "recordings", "entries", "faults")


@runs.command("recover")
def recover_journal(yes: Yes = False, journal: flag.JournalPlace = None, quiet: flag.Quiet = False) -> int:
    """Use a restored copy of a journal. Rows sent since the copy was made may be sent a second time.

    Examples:
        rokt-export runs recover
    """
    if not yes:
        _ask(
            "Rows that were sent since this copy was made may be sent again. Have you asked the partner what arrived",
            "recovery",
        )
    with _opened(journal) as opened:
        missing = opened.recover()
        Terminal(quiet).say(f"{opened.place} goes on without {number_of(missing, 'batch', 'batches')} of rows")
    return ExitStatus.OK


def _ask(question: str, step: str) -> None:
    """Let a person agree, or stop.

    Raises:
        UsageError: they did not, or nobody is there to ask.
    """
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise UsageError(f"{step} needs confirmation; add --yes")
    if not typer.confirm(question, err=True):
        raise UsageError("not confirmed; nothing was changed")


def _moment(text: str) -> datetime:
    try:
        if text.endswith("d"):
            days = float(text[:-1])
            if days < 0:
                raise ValueError("a time in the future")
            return datetime.now(UTC) - timedelta(days=days)
        moment = datetime.fromisoformat(text)
    except (ValueError, OverflowError) as error:
        raise UsageError(f"`{text}` is not a date", where="--before", remedy="Write 2026-01-31 or 30d.") from error
    return moment if moment.tzinfo else moment.astimezone()


def _ago(age: str) -> datetime:
    """Return the moment so long ago: `90d`, `12w`, `36h`."""
    try:
        span = timedelta(**{_AGES[age[-1:]]: float(age[:-1])})
        if span < timedelta():
            raise ValueError("a time to come")
        return datetime.now(UTC) - span
    except (KeyError, ValueError, OverflowError) as error:
        raise UsageError(f"`{age}` is not an age", where="--older-than", remedy="Write 90d, 12w or 36h.") from error


_AGES = {"h": "hours", "d": "days", "w": "weeks"}


def _opened(place: str | None) -> Journal:
    return open_existing(journal_place(place))
