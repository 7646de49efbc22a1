"""`replay`: files of transactions of any size, to staging or production; nothing lost, nothing sent twice."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from rokt_export.commands.loading import journal_place, load
from rokt_export.commands.options import (
    Again,
    Confirm,
    EnvFile,
    Environment,
    Expect,
    JournalPlace,
    Name,
    NoColor,
    Output,
    OutputFormat,
    Quiet,
    Reports,
    SetValues,
    SpecFile,
    TestData,
    Unset,
    Verbose,
)
from rokt_export.commands.production import IN_A_ROW
from rokt_export.commands.terminal import Terminal
from rokt_export.delivery.interlock import PRODUCTION
from rokt_export.delivery.model import Recordings
from rokt_export.errors import UsageError

if TYPE_CHECKING:
    from rokt_export.commands.remembered import Ranges, ReplayFlags
    from rokt_export.delivery.journal import RunInfo
    from rokt_export.delivery.plan import FileRows, Pace
    from rokt_export.delivery.stopping import StopRules
    from rokt_export.exchange.model import OutcomeKind
    from rokt_export.spec.model import Limits

Events = Annotated[
    list[str] | None,
    typer.Argument(metavar="EVENTS", help="Files of transactions, globs, or - for stdin.", show_default=False),
]
Map = Annotated[
    list[str] | None,
    typer.Option("--map", metavar="COLUMN=ATTRIBUTE", help="What a column carries.", show_default=False),
]
Encoding = Annotated[
    str | None,
    typer.Option("--encoding", help="The files' character encoding, if it is guessed wrong.", show_default=False),
]
Delimiter = Annotated[
    str | None,
    typer.Option("--delimiter", help="What separates the cells, if it is guessed wrong.", show_default=False),
]
Strict = Annotated[bool, typer.Option("--strict", help="Do not send where damage is found in the files.")]
Rate = Annotated[
    str | None, typer.Option("--rate", metavar="N/s", help="Sends a second at most (10/s, 600/m).", show_default=False)
]
Concurrency = Annotated[
    int | None, typer.Option("--concurrency", min=1, metavar="N", help="Sends in flight at most.", show_default=False)
]
Workers = Annotated[int, typer.Option("--workers", min=1, max=64, metavar="N", help="Processes that share the work.")]
OverrideLimits = Annotated[bool, typer.Option("--override-limits", help="Let flags exceed the spec's limits.")]
StopAfter = Annotated[
    int | None,
    typer.Option("--stop-after", min=1, metavar="N", help="Stop after N rows not as hoped.", show_default=False),
]
StopInARow = Annotated[
    int | None,
    typer.Option("--stop-in-a-row", min=1, metavar="N", help="Stop after N in a row not as hoped.", show_default=False),
]
StopUnclassified = Annotated[
    bool | None,
    typer.Option(
        "--stop-unclassified/--no-stop-unclassified", help="Stop at an answer no rule explains.", show_default=False
    ),
]
Patience = Annotated[
    str, typer.Option("--patience", metavar="DURATION", help="How long the partner may be out of reach.")
]
Record = Annotated[Recordings, typer.Option("--record", help="Which exchanges are kept whole, for reports and diffs.")]
Resume = Annotated[
    str | None,
    typer.Option("--resume", metavar="RUN", help="Go on with a run: only rows not settled.", show_default=False),
]
ResendUnknown = Annotated[bool, typer.Option("--resend-unknown", help="Send rows again that may have been sent.")]
Only = Annotated[
    str | None,
    typer.Option(
        "--only",
        metavar="OUTCOMES",
        help="With --from-run: rows with these outcomes (rejected,failed).",
        show_default=False,
    ),
]
FromRun = Annotated[
    str | None, typer.Option("--from-run", metavar="RUN", help="The run that --only looks at.", show_default=False)
]
WithSandbox = Annotated[bool, typer.Option("--sandbox", help="Start a sandbox for this run, and send to it.")]
SandboxUrl = Annotated[
    str | None,
    typer.Option("--sandbox-url", metavar="URL", help="Send to a sandbox that is running.", show_default=False),
]
Forget = Annotated[bool, typer.Option("--forget", help="Let the sandbox forget what earlier runs sent.")]
All = Annotated[bool, typer.Option("--all", help="Print every row, not only those that did not come out as hoped.")]


def replay(
    spec: SpecFile,
    events: Events = None,
    environment: Environment = "staging",
    confirm: Confirm = None,
    test_data: TestData = False,
    columns: Map = None,
    set_values: SetValues = None,
    unset: Unset = None,
    encoding: Encoding = None,
    delimiter: Delimiter = None,
    strict: Strict = False,
    rate: Rate = None,
    concurrency: Concurrency = None,
    workers: Workers = 1,
    override_limits: OverrideLimits = False,
    stop_after: StopAfter = None,
    stop_in_a_row: StopInARow = None,
    stop_unclassified: StopUnclassified = None,
    patience: Patience = "60s",
    record: Record = Recordings.SOME,
    again: Again = False,
    resume: Resume = None,
    resend_unknown: ResendUnknown = False,
    only: Only = None,
    from_run: FromRun = None,
    sandbox: WithSandbox = False,
    sandbox_url: SandboxUrl = None,
    forget: Forget = False,
    expect: Expect = "delivered",
    everything: All = False,
    name: Name = None,
    report: Reports = None,
    output: OutputFormat = Output.TABLE,
    env_file: EnvFile = None,
    journal: JournalPlace = None,
    quiet: Quiet = False,
    verbose: Verbose = False,
    no_color: NoColor = False,
) -> int:
    """Send files of transactions, keeping a journal of every row: what was settled is never sent again.

    Ctrl-C once waits for answers and settles; twice leaves at once. Exit status: 0 all delivered, 1 any other outcome,
    3 something is wrong here, 4 the partner is out of reach, 5 the journal, 130 interrupted.
    """
    from rokt_export.commands import remembered
    from rokt_export.commands.outcomes import check_reports, expected_outcome, present
    from rokt_export.commands.preflight import preflight
    from rokt_export.commands.production import pass_interlock
    from rokt_export.commands.remembered import ReplayFlags, check_same_place, files_of, stamps_of
    from rokt_export.commands.rows import RowFlags, rows_of
    from rokt_export.commands.running import Job, carry_out, new_key, variables_for
    from rokt_export.commands.sandboxed import sandboxed
    from rokt_export.delivery.plan import FileRows, Plan, Selection

    told = ReplayFlags.among(locals())
    terminal = Terminal(quiet, verbose, no_color)
    place = journal_place(journal)
    ready = load(spec, environment, env_file)
    check_reports(report)
    resumed = remembered.find_resumable(place, resume, ready) if resume is not None else None
    earlier = _earlier(place, resumed, only, from_run, resend_unknown=resend_unknown)
    flags = told.over(resumed) if resumed is not None else told.with_rows_of(earlier) if earlier is not None else told
    hoped = expected_outcome(flags.expect)
    in_sandbox = flags.sandbox or flags.sandbox_url is not None
    guarded = environment == PRODUCTION and not in_sandbox
    interlock = partial(
        pass_interlock, terminal, ready, sandboxed=in_sandbox, confirm=confirm, invented=False,
        test_data=flags.test_data,
    )  # fmt: skip
    interlock(may_ask=False)
    files, ranges = _input(place, tuple(events or ()), resumed, only, earlier)
    if earlier is not None and remembered.in_sandbox(earlier) is not in_sandbox:
        was, now = ("the partner", "a sandbox") if in_sandbox else ("a sandbox", "the partner")
        terminal.warn(f"run {earlier.run} sent to {was}; this one sends to {now}")
    if resumed is not None:
        check_same_place(resumed, guarded=guarded)
        files = files_of(resumed, files, "--resume")
        if resumed.spec_sha256 != ready.loaded.sha256:
            terminal.warn(f"the spec is not the one that run {resumed.run} began with")
    if not files:
        raise UsageError("no file of transactions is named", remedy="Name one or more after the spec, or - for stdin.")
    rows = rows_of(
        ready.spec,
        RowFlags(
            files, 0, flags.set_values or [], flags.unset or [], flags.columns or [], flags.test_data,
            flags.encoding, flags.delimiter,
        ),
    )  # fmt: skip
    assert isinstance(rows, FileRows)
    _check_strict(rows, strict=strict)
    limits = ready.spec.limits_of(environment)
    if in_sandbox:
        limits = limits.model_copy(update={"rate": None})  # it is what the partner bears; a sandbox is not the partner
    pace = _pace(limits, flags, guarded=guarded)
    pace = replace(pace, stop=_stop_rules(flags, hoped, guarded=guarded))
    with sandboxed(ready, wanted=flags.sandbox, url=flags.sandbox_url, forget=forget) as (destination, variables):
        plan = Plan(
            spec=ready.spec,
            environment=environment,
            variables=variables_for(ready, variables),
            rows=rows,
            pace=pace,
            journal=place,
            redaction_key=new_key(),
            selection=Selection(only=ranges, unknown=resend_unknown, delivered=flags.again),
            destination=destination,
            recordings=flags.record,
            expected=hoped,
            partitions=_workers(terminal, flags.workers, pace, rows),
        )
        total = preflight(terminal, plan, strict=strict, resumed=resumed)
        interlock()
        options = {
            "flags": flags.kept(ready.spec),
            "only": ranges,
            "env_file": str(env_file.absolute()) if env_file else None,
            "spec_path": str(spec.absolute()),
            "stamps": stamps_of(files),
        }
        job = Job("replay", ready, plan, name, files, options, total, resumed.run if resumed else None)
        done = carry_out(job, terminal)
    return present(done, place, terminal, output, report, everything=everything)


def _earlier(
    place: str, resumed: RunInfo | None, only: str | None, from_run: str | None, *, resend_unknown: bool
) -> RunInfo | None:
    """Return the run that --from-run names, if what is asked of it can be done."""
    from rokt_export.commands.remembered import outcomes_of
    from rokt_export.delivery.journal import Journal
    from rokt_export.exchange.model import OutcomeKind

    if (only is None) != (from_run is None):
        raise UsageError("--only and --from-run belong together", remedy="Write --only rejected,failed --from-run RUN.")
    if only is None or from_run is None:
        return None
    if resumed is not None:
        raise UsageError(
            "a resumed run goes on with the rows that it began with",
            where="--only",
            remedy="Leave --resume out: --only and --from-run make a new run.",
        )
    if OutcomeKind.UNKNOWN in outcomes_of(only) and not resend_unknown:
        raise UsageError(
            "the partner may have an `unknown` row already",
            where="--only",
            remedy="Ask the partner first; add --resend-unknown to send such rows again.",
        )
    with Journal.open(place) as journal:
        return journal.find(from_run)


def _input(
    place: str, files: tuple[str, ...], resumed: RunInfo | None, only: str | None, earlier: RunInfo | None
) -> tuple[tuple[str, ...], Ranges | None]:
    """Return the files, and which of their rows: with --only, or in a run that began with it; else all."""
    from rokt_export.commands.remembered import files_of, rows_with

    if resumed is not None:
        kept = resumed.options.get("only")
        return files, None if kept is None else tuple((low, high) for low, high in kept)
    if only is None or earlier is None:
        return files, None
    return files_of(earlier, files, "--from-run"), rows_with(place, earlier, only)


def _check_strict(rows: FileRows, *, strict: bool) -> None:
    from rokt_export.delivery.sourcing import is_live

    if strict and is_live(rows):
        raise UsageError(
            "rows that arrive as they please cannot be looked at before the first is sent",
            where="--strict",
            remedy="Name a file, or leave --strict out.",
        )


def _workers(terminal: Terminal, wanted: int, pace: Pace, rows: FileRows) -> int:
    """How many processes share the work: not more than may send at once, and one for what is read as it arrives."""
    from rokt_export.delivery.sourcing import is_live

    most = 1 if is_live(rows) else pace.concurrency
    if wanted > most:
        why = "rows are read as they arrive" if is_live(rows) else f"{pace.concurrency} may be sent at once"
        terminal.say(f"{most} worker{'' if most == 1 else 's'} instead of {wanted}: {why}", style="yellow")
    return min(wanted, most)


def _pace(limits: Limits, flags: ReplayFlags, *, guarded: bool) -> Pace:
    """The spec's limits, lowered by flags; production is one at a time unless told."""
    from rokt_export.delivery.plan import Pace
    from rokt_export.spec.fields import duration
    from rokt_export.spec.fields import rate as parse_rate

    pace = Pace.of(limits)
    patience, concurrency = flags.patience, flags.concurrency
    try:
        rate = parse_rate(flags.rate) if flags.rate is not None else None
        pace = replace(pace, patience=0.0 if patience.strip() in ("0", "0s") else duration(patience))
    except ValueError as error:
        raise UsageError(str(error), remedy="Write a rate as 10/s or 600/m, a duration as 500ms or 10s.") from error
    if guarded:
        pace = replace(pace, concurrency=1)
    if rate is not None:
        if limits.rate is not None and rate > limits.rate and not flags.override_limits:
            raise _beyond("--rate", f"{limits.rate:g}/s")
        pace = replace(pace, rate=rate)
    if concurrency is not None:
        if concurrency > limits.concurrency and not flags.override_limits:
            raise _beyond("--concurrency", str(limits.concurrency))
        pace = replace(pace, concurrency=concurrency)
    return pace


def _beyond(flag: str, limit: str) -> UsageError:
    return UsageError(
        f"the spec's limit is {limit}",
        where=flag,
        remedy="Lower it, or add --override-limits if the partner has agreed.",
    )


def _stop_rules(flags: ReplayFlags, hoped: OutcomeKind, *, guarded: bool) -> StopRules:
    """When to stop early: as flags say; production, untold, at the first unclassified and at three in a row."""
    from rokt_export.delivery.stopping import StopRules
    from rokt_export.exchange.model import OutcomeKind

    after, in_a_row, unclassified = flags.stop_after, flags.stop_in_a_row, flags.stop_unclassified
    told = after is not None or in_a_row is not None
    if guarded and not told:
        in_a_row = IN_A_ROW
    if unclassified is None:
        unclassified = guarded
    good = {hoped, OutcomeKind.DELIVERED} | (set() if guarded and not told else {OutcomeKind.DUPLICATE})
    return StopRules(failures=after, consecutive=in_a_row, unclassified=unclassified, hoped=frozenset(good))
