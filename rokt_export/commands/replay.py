"""`replay`: files of transactions of any size, to any environment; nothing lost, nothing sent twice."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rokt_export.commands import completion
from rokt_export.commands import options as flag
from rokt_export.commands.cluster import Address as ClusterAddress
from rokt_export.commands.deadline import Deadline, MaxDuration, Until
from rokt_export.commands.metrics import Place as MetricsPlace
from rokt_export.commands.metrics import metrics_of
from rokt_export.commands.options import Output
from rokt_export.commands.spec_setup import journal_place, load_to_send
from rokt_export.commands.terminal import Terminal
from rokt_export.errors import UsageError
from rokt_export.exchange.delivery import Keep, KeptRecordings, LeftOut

if TYPE_CHECKING:
    from rokt_export.commands.row_selection import Ranges
    from rokt_export.delivery.plan import FileRows
    from rokt_export.exchange.model import OutcomeKind
    from rokt_export.journal import RunInfo

Environment = Annotated[
    str | None,
    typer.Option(
        "--environment", "-e", metavar="NAME", autocompletion=completion.environments,
        help="The environment of the spec; default: that of the run to resume or repeat, else staging.",
        show_default=False,
    ),
]  # fmt: skip
Events = Annotated[
    list[str] | None,
    typer.Argument(metavar="EVENTS", help="Files of transactions, globs, or - for stdin.", show_default=False),
]
Count = Annotated[
    int | None,
    typer.Option("--count", min=1, metavar="N", help="Send only the first N rows of the files.", show_default=False),
]
Strict = Annotated[bool, typer.Option("--strict", help="Send nothing if the files are damaged.")]
Rate = Annotated[
    str | None,
    typer.Option(
        "--rate",
        metavar="N/s",
        help="At most this many requests a second (10/s) or minute (600/m).",
        show_default=False,
    ),
]
Concurrency = Annotated[
    int | None,
    typer.Option("--concurrency", min=1, metavar="N", help="At most this many requests at a time.", show_default=False),
]
Workers = Annotated[
    str,
    typer.Option("--workers", metavar="N|auto", help="Number of processes; auto: one for each core that is of use."),
]
OverrideLimits = Annotated[bool, typer.Option("--override-limits", help="Allow flags to exceed the spec's limits.")]
StopAfter = Annotated[
    int | None,
    typer.Option("--stop-after", min=1, metavar="N", help="Stop after N unexpected outcomes.", show_default=False),
]
StopInARow = Annotated[
    int | None,
    typer.Option(
        "--stop-in-a-row", min=1, metavar="N", help="Stop after N unexpected outcomes in a row.", show_default=False
    ),
]
StopUnclassified = Annotated[
    bool | None,
    typer.Option(
        "--stop-unclassified/--no-stop-unclassified",
        help="Stop at a response that no rule matches.",
        show_default=False,
    ),
]
Record = Annotated[
    KeptRecordings,
    typer.Option("--record", metavar="all|some|none", help="Which requests and responses to keep whole."),
]
KeepRows = Annotated[
    Keep,
    typer.Option(
        "--keep",
        metavar="all|failures",
        help="Which rows stay in the journal once the run is finished; failures: the others as counts only.",
    ),
]
Resume = Annotated[
    str | None,
    typer.Option(
        "--resume",
        metavar="RUN",
        autocompletion=completion.runs,
        help="Resume a run: send only rows without an outcome.",
        show_default=False,
    ),
]
ResendUnknown = Annotated[
    bool, typer.Option("--resend-unknown", help="Also send rows that the partner may have received.")
]
Only = Annotated[
    list[str] | None,
    typer.Option(
        "--only",
        metavar="OUTCOMES",
        autocompletion=completion.outcomes,
        help="With --from-run: only rows with these outcomes (rejected,failed).",
        show_default=False,
    ),
]
FromRun = Annotated[
    str | None,
    typer.Option(
        "--from-run",
        metavar="RUN",
        autocompletion=completion.runs,
        help="The run whose rows --only selects.",
        show_default=False,
    ),
]
Certified = Annotated[
    list[Path] | None,
    typer.Option(
        "--certified", metavar="FILE", show_default=False,
        help="A certification pack of another journal, or the answers to it. Repeatable.",
    ),
]  # fmt: skip
RequireCertified = Annotated[
    bool, typer.Option("--require-certified", help="Send nothing unless the spec is certified.")
]


def replay(
    context: typer.Context,
    spec: flag.SpecFile,
    events: Events = None,
    count: Count = None,
    environment: Environment = None,
    confirm: flag.Confirm = None,
    test_data: flag.TestData = False,
    columns: flag.Columns = None,
    set_values: flag.SetValues = None,
    unset: flag.Unset = None,
    encoding: flag.Encoding = None,
    delimiter: flag.Delimiter = None,
    skip_lines: flag.SkipLines = 0,
    header: flag.Header = None,
    sheet: flag.Sheet = None,
    send_damaged: flag.SendDamaged = False,
    strict: Strict = False,
    rate: Rate = None,
    concurrency: Concurrency = None,
    workers: Workers = "1",
    cluster: ClusterAddress = None,
    override_limits: OverrideLimits = False,
    stop_after: StopAfter = None,
    stop_in_a_row: StopInARow = None,
    stop_unclassified: StopUnclassified = None,
    no_first_row_check: flag.NoFirstRowCheck = False,
    patience: flag.Patience = "60s",
    until: Until = None,
    max_duration: MaxDuration = None,
    record: Record = KeptRecordings.SOME,
    keep: KeepRows = Keep.ALL,
    again: flag.Again = False,
    require_certified: RequireCertified = False,
    certified: Certified = None,
    resume: Resume = None,
    resend_unknown: ResendUnknown = False,
    only: Only = None,
    from_run: FromRun = None,
    sandbox: flag.WithSandbox = False,
    sandbox_url: flag.SandboxUrl = None,
    forget: flag.Forget = False,
    expect: flag.Expect = "delivered",
    everything: flag.All = False,
    name: flag.Name = None,
    report: flag.Reports = None,
    metrics: MetricsPlace = None,
    output: flag.OutputFormat = Output.TABLE,
    env_file: flag.EnvFile = None,
    allow_plugin: flag.AllowPlugin = None,
    journal: flag.JournalPlace = None,
    quiet: flag.Quiet = False,
    verbose: flag.Verbose = False,
    no_color: flag.NoColor = False,
) -> int:
    """Send files of transactions, and keep each row in the journal, by which a run can be resumed.

    A resumed run sends no settled row again. In a guarded environment, such as production, no other run of the journal
    does either. Elsewhere, a new run of the same file sends all of its rows again.

    Ctrl-C stops after the responses in flight; a second Ctrl-C stops at once. Exit status: 0 all delivered, 1 any
    other outcome, 3 a fault in the spec, files or configuration, 4 the partner is unreachable, 5 a fault of the
    journal, 6 workers or a cluster's scheduler died, 7 the journal's server went away, 130 interrupted.

    Examples:
        rokt-export replay acme.yaml events.csv --count 5
        rokt-export replay acme.yaml --from-run last --only failed
    """
    from rokt_export.commands.certified import check_certified
    from rokt_export.commands.cluster import for_all_machines, on_cluster
    from rokt_export.commands.input_options import rows_of
    from rokt_export.commands.input_summary import left_out
    from rokt_export.commands.interlock import pass_interlock
    from rokt_export.commands.pace_options import pace_of, workers_of
    from rokt_export.commands.preflight import preflight, target_of
    from rokt_export.commands.replay_flags import GivenFlags, digests_of, file_digests, stamps_of
    from rokt_export.commands.row_selection import Choice, Chosen, environment_of
    from rokt_export.commands.run_output import check_reports, check_spared, expected_outcome, present, present_ended
    from rokt_export.commands.run_session import RunJob, carry_out, new_key, variables_for
    from rokt_export.commands.sandbox_target import sandboxed
    from rokt_export.delivery.plan import FileRows, Plan, Selection
    from rokt_export.transactions.files import expand

    given = GivenFlags.among(locals(), partial(_is_given, context))
    terminal = Terminal(quiet, verbose, no_color)
    deadline = Deadline.of(until, max_duration)
    place = journal_place(journal)
    environment = environment or environment_of(place, resume or from_run)
    setup = load_to_send(spec, environment, env_file, allow_plugin)
    check_reports(report)
    gauge = metrics_of(metrics, terminal)
    chosen = Chosen.among(place, Choice(resume, flag.joined(only), from_run, resend_unknown), given, setup)
    flags, resumed = chosen.flags, chosen.resumed
    expected = expected_outcome(flags.expect)
    target = setup.target(sandbox=flags.sandbox, sandbox_url=flags.sandbox_url)
    interlock = partial(
        pass_interlock, terminal, target, setup.spec, confirm=confirm,
        invented=flags.test_data, test_data=chosen.allows_test_data(given=test_data),
    )  # fmt: skip
    for warning in chosen.warnings(setup):
        terminal.warn(warning)
    interlock(may_ask=False)
    if target.guarded or require_certified or certified:
        check_certified(setup, place, terminal, files=certified or (), required=require_certified)
    files, ranges = chosen.input(tuple(events or ()), guarded=target.guarded)
    ranges = _first(count, ranges, earlier=resume or from_run)
    rows = rows_of(setup.spec, flags, files, guarded=target.guarded)
    assert isinstance(rows, FileRows)
    check_spared(report, (spec, env_file, place, *expand(files)))
    _check_strict(rows, strict=strict)
    pace = pace_of(
        setup.spec.limits_of(environment), flags, expected, guarded=target.guarded, in_sandbox=chosen.in_sandbox
    )
    with (
        sandboxed(setup, wanted=flags.sandbox, url=flags.sandbox_url, forget=forget) as (destination, variables),
        on_cluster(flags, rows, place, terminal) as machines,
    ):
        plan = Plan(
            spec=setup.spec,
            environment=environment,
            variables=variables_for(setup, terminal, variables),
            rows=rows if machines is None else for_all_machines(rows),
            pace=pace,
            journal=place,
            redaction_key=new_key(),
            selection=Selection(ranges, chosen.numbered_by, resend_unknown, flags.again, chosen.outcomes),
            destination=destination,
            plugins=setup.plugins,
            guarded=target.guarded,
            ledger=target.ledger,
            recordings=flags.record,
            expected=expected,
            partitions=workers_of(terminal, flags.workers, pace, rows),
        )
        if words := chosen.moved(target_of(plan), guarded=target.guarded):
            terminal.warn(words)
        looked = None if machines is None else machines.look(plan)
        digests = file_digests()
        seen = preflight(terminal, plan, strict=strict, resumed=resumed, looked=looked, named=files, digests=digests)
        if resumed is not None and seen.nothing_left and _has_ended(place, resumed, expected):
            return present_ended(resumed.run, place, terminal, output, report, everything=everything)
        plan = replace(plan, total=seen.total, looked_at=seen.looked_at)
        interlock(rows=seen.to_send if seen.at_most is None else seen.at_most, all_fit=seen.all_fit)
        plan = replace(plan, pace=replace(plan.pace, until=deadline.begin(terminal)))
        stamps = stamps_of(files)
        options = {
            "flags": flags.kept(setup.spec),
            "only": ranges,
            "outcomes": sorted(chosen.outcomes),
            "env_file": str(env_file.absolute()) if env_file else None,
            "spec_path": str(spec.absolute()),
            "stamps": stamps,
            "digests": digests_of(stamps, digests),
        }
        job = RunJob("replay", setup, plan, name, files, options, resumed.run if resumed else None, flags.keep, gauge)
        done = carry_out(job, terminal, run_with=None if machines is None else machines.run_plan)
    # What the preflight has said is not repeated; another run may have been quicker with further rows since.
    tally = done.result.tally
    as_told = {why: rows for why, rows in tally.left_out.items() if seen.known.get(LeftOut(why)) == rows}
    told = list(left_out(as_told, tally.first_left_out, "replay", repeated=False))
    return present(done, place, terminal, output, report, everything=everything, told=told)


def _first(count: int | None, ranges: Ranges | None, *, earlier: str | None) -> Ranges | None:
    """Return which rows to send: the first `count` of the files, where given.

    Raises:
        UsageError: an earlier run has already selected rows.
    """
    if count is None:
        return ranges
    if earlier is not None:
        raise UsageError(
            "the earlier run selects the rows", where="--count", remedy="Leave --count out, or --resume and --from-run."
        )
    return ((1, count),)


def _has_ended(place: str, run: RunInfo, expected: OutcomeKind) -> bool:
    """Return whether a run has reached its end, with the same expected outcome."""
    from rokt_export.journal import Journal, RunState
    from rokt_export.reports.run_report import RunReport

    if run.state is not RunState.FINISHED:
        return False
    with Journal.open(place) as journal:
        return RunReport.of(journal, run).expected == expected


def _is_given(context: typer.Context, flag: str) -> bool:
    """Whether a flag was given on the command line."""
    source = context.get_parameter_source(flag)
    return source is not None and source.name == "COMMANDLINE"


def _check_strict(rows: FileRows, *, strict: bool) -> None:
    from rokt_export.delivery.input_feed import is_live

    if strict and is_live(rows):
        raise UsageError(
            "rows that arrive over time cannot be checked before the first is sent",
            where="--strict",
            remedy="Name a file, or leave --strict out.",
        )
