"""`diff`: does one environment answer as the other did, by sending to both or from the journal alone?"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from heapq import merge
from itertools import islice, pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TextIO

import typer

from rokt_export.commands import completion
from rokt_export.commands import options as flag
from rokt_export.commands.named_run import find_to_read, open_existing
from rokt_export.commands.options import Output
from rokt_export.commands.spec_setup import SpecSetup, journal_place, load_to_send
from rokt_export.commands.terminal import Terminal, to_stdout
from rokt_export.errors import ExitStatus, UsageError

if TYPE_CHECKING:
    from collections import Counter

    from rokt_export.commands.input_options import RowFlags
    from rokt_export.commands.run_session import RunResult
    from rokt_export.delivery.plan import Destination, FileRows, GeneratedRows, Plan
    from rokt_export.delivery.target import Target
    from rokt_export.diff import DiffResult
    from rokt_export.exchange.delivery import LeftOut
    from rokt_export.journal import Journal, RunInfo
    from rokt_export.partner_spec.loading import LoadedSpec
    from rokt_export.partner_spec.model import DiffSettings, PartnerSpec
    from rokt_export.reports.run_report import Story

Spec = Annotated[
    Path | None,
    typer.Argument(metavar="SPEC", help="The partner's spec; not needed with --runs.", show_default=False),
]
Between = Annotated[
    tuple[str, str] | None,
    typer.Option(
        "--between",
        metavar="A B",
        autocompletion=completion.environments,
        help="Two environments to send to. [default: staging production]",
        show_default=False,
    ),
]
Runs = Annotated[
    tuple[str, str] | None,
    typer.Option(
        "--runs", metavar="A B", autocompletion=completion.runs, help="Two runs of the journal.", show_default=False
    ),
]
BySpec = Annotated[
    Path | None,
    typer.Option(
        "--spec", metavar="SPEC", show_default=False,
        help="With --runs: read the recorded responses of both by this spec.",
    ),
]  # fmt: skip
Count = Annotated[
    int | None,
    typer.Option(
        "--count", min=1, metavar="N", help="Number of test people, or of rows of the files.", show_default=False
    ),
]
Learn = Annotated[
    bool, typer.Option("--learn", help="Add fields that could not be judged to `diff: varies:` of the spec.")
]
Strict = Annotated[bool, typer.Option("--strict", help="Fields that could not be judged fail too (exit 1).")]
Control = Annotated[
    int | None,
    typer.Option(
        "--control", min=1, metavar="N", show_default=False,
        help="Send N other transactions to A as well, to see what varies by itself; with files it needs --count.",
    ),
]  # fmt: skip
WithSandbox = Annotated[bool, typer.Option("--sandbox", help="Start a sandbox for each side.")]
SandboxUrls = Annotated[
    list[str] | None,
    typer.Option(
        "--sandbox-url", metavar="URL", help="A sandbox that is running: once for A, once for B.", show_default=False
    ),
]
Reports = Annotated[
    list[Path] | None,
    typer.Option("--report", metavar="PATH", help="Write the differences (.html, .md, .json).", show_default=False),
]


def diff(
    spec: Spec = None,
    events: flag.Events = None,
    between: Between = None,
    runs: Runs = None,
    by_spec: BySpec = None,
    count: Count = None,
    columns: flag.Columns = None,
    set_values: flag.SetValues = None,
    unset: flag.Unset = None,
    encoding: flag.Encoding = None,
    delimiter: flag.Delimiter = None,
    skip_lines: flag.SkipLines = 0,
    header: flag.Header = None,
    sheet: flag.Sheet = None,
    send_damaged: flag.SendDamaged = False,
    learn: Learn = False,
    strict: Strict = False,
    control: Control = None,
    no_first_row_check: flag.NoFirstRowCheck = False,
    sandbox: WithSandbox = False,
    sandbox_url: SandboxUrls = None,
    confirm: flag.Confirm = None,
    test_data: flag.TestData = False,
    again: flag.Again = False,
    name: flag.Name = None,
    report: Reports = None,
    output: flag.OutputFormat = Output.TABLE,
    env_file: flag.EnvFile = None,
    allow_plugin: flag.AllowPlugin = None,
    journal: flag.JournalPlace = None,
    quiet: flag.Quiet = False,
    verbose: flag.Verbose = False,
    no_color: flag.NoColor = False,
) -> int:
    """Compare the responses of two environments or runs: outcomes, reasons, status, headers and bodies.

    Exit status: 0 no differences, 1 differences, or transactions that only one side has, 2 to 5 as for other commands.
    Fields that vary on both sides cannot be judged; they are listed, and fail with --strict.

    Examples:
        rokt-export diff acme.yaml events.csv --count 20 --confirm acme
        rokt-export diff acme.yaml --between staging next --count 20
        rokt-export diff --runs monday tuesday --report changes.html
    """
    from rokt_export.commands.input_options import RowFlags
    from rokt_export.commands.run_output import check_spared, place_flag
    from rokt_export.transactions.files import expand

    terminal = Terminal(quiet, verbose, no_color)
    if between is None and runs is None and spec is not None:
        between = ("staging", "production")
    _check_flags(between, runs, output, report)
    if control is not None and (between is None or (events and count is None)):
        raise UsageError(
            "a control run sends the rows that follow the compared ones",
            where="--control",
            remedy="Write `diff SPEC EVENTS --between staging production --count 100 --control 50`.",
        )
    _check_arguments(spec, events, between, learn=learn, in_sandbox=sandbox or bool(sandbox_url))
    if by_spec is not None and runs is None:
        raise UsageError(
            "--spec reads recorded responses again, and nothing is recorded yet",
            where="--spec",
            remedy="Write `diff --runs A B --spec SPEC`.",
        )
    place = journal_place(journal)
    check_spared(report, (spec, by_spec, env_file, place, *(expand(tuple(events)) if events else ())))
    done: list[RunResult] = []
    plans: list[Plan] = []
    if runs is None:
        assert between is not None
        assert spec is not None
        sides = [load_to_send(spec, environment, env_file, allow_plugin) for environment in between]
        flags = _Flags(
            RowFlags.among(locals()),
            tuple(events or ()),
            count,
            again,
            name,
            confirm,
            sandbox,
            sandbox_url or [],
            control,
            no_first_row_check,
            env_file,
        )
        plans, done = _send(terminal, sides, flags, place)
        if len(done) < len(sides) + (control is not None) or done[-1].status > ExitStatus.FINDINGS:
            terminal.warn("not compared: a side could not be sent to; `rokt-export runs list` shows what was")
            return ExitStatus.most_severe(*(each.status for each in done))
        runs = (done[0].run, done[1].run)
        offline = f"rokt-export diff --runs {runs[0]} {runs[1]}{place_flag(place)}"
        terminal.say(f"compared: `{offline}` does it again without sending")
    result = _compared(place, runs, spec or by_spec, done[2].run if control is not None else None, by_spec)
    listing = next((str(path) for path in report or () if path.suffix.lower() == ".json"), "")
    result = replace(result, listing=listing, count=_count_to_send(plans, result.enough))
    with to_stdout(f"To compare again without sending: rokt-export diff --runs {runs[0]} {runs[1]}{place_flag(place)}"):
        _print(terminal, result, output)
    _write_reports(terminal, result, report or [])
    if learn:
        assert spec is not None
        _learn(terminal, spec, result)
    return ExitStatus.OK if result.agrees and not (strict and result.undecided) else ExitStatus.FINDINGS


def _check_flags(between: object, runs: object, output: Output, report: list[Path] | None) -> None:
    from rokt_export.commands.run_output import check_folder
    from rokt_export.reports.differences import SUFFIXES

    if (between is None) == (runs is None):
        raise UsageError(
            "use --between for two environments, or --runs for two runs",
            remedy="Write `diff SPEC EVENTS` for staging and production, or `diff --runs A B`.",
        )
    if output in (Output.CSV, Output.NDJSON):
        raise UsageError("differences are not rows", where="--output", remedy="Use table or json.")
    for path in report or ():
        if path.suffix.lower() not in SUFFIXES:
            raise UsageError(
                f"there is no diff report with the suffix `{path.suffix}`",
                where="--report",
                remedy="Use .html, .md or .json.",
            )
        check_folder(path)


def _check_arguments(
    spec: Path | None, events: list[str] | None, between: tuple[str, str] | None, *, learn: bool, in_sandbox: bool
) -> None:
    if spec is None and between is not None:
        raise UsageError("no spec is named", remedy="Write `diff SPEC EVENTS --between staging production`.")
    if spec is None and learn:
        raise UsageError("--learn needs a spec to write into", remedy="Write `diff SPEC --runs A B --learn`.")
    if events and between is None:
        raise UsageError(
            "two runs are compared from the journal, without files",
            where=events[0],
            remedy="Leave the files out, or send them: `diff SPEC EVENTS --between staging production`.",
        )
    if between is not None and between[0] == between[1] and not in_sandbox:
        raise UsageError(
            f"{between[0]} would receive every transaction twice, and call the second a duplicate",
            where="--between",
            remedy="Name two environments; compare two runs to one with `diff --runs A B`.",
        )


@dataclass(frozen=True, slots=True)
class _Flags:
    """What the command line says about sending."""

    rows: RowFlags
    files: tuple[str, ...]
    count: int | None
    again: bool
    name: str | None
    confirm: str | None
    sandbox: bool
    urls: list[str]
    control: int | None = None
    no_first_row_check: bool = False
    env_file: Path | None = None

    def kept(self, side: SpecSetup, url: str | None) -> dict[str, Any]:
        """Return what is kept with the run of a side."""
        from rokt_export.commands.replay_flags import options_of

        return options_of(
            side.spec, self.rows, self.files, sandbox=self.sandbox, sandbox_url=url, env_file=self.env_file
        )


def _send(
    terminal: Terminal, sides: Sequence[SpecSetup], flags: _Flags, place: str
) -> tuple[list[Plan], list[RunResult]]:
    """Send the same transactions to both sides, each as a run of its own; stop where a side could not be sent to."""
    from rokt_export.commands.input_summary import tell_first_rows
    from rokt_export.commands.interlock import pass_interlock
    from rokt_export.commands.run_session import RunJob, carry_out, new_key, variables_for
    from rokt_export.commands.sandbox_target import sandboxed
    from rokt_export.delivery.plan import FileRows

    if flags.urls and len(flags.urls) != len(sides):
        raise UsageError("--sandbox-url is given once for each side", remedy="Give it twice: first A, then B.")
    urls: Sequence[str | None] = flags.urls or [None] * len(sides)
    targets = [setup.target(sandbox=flags.sandbox, sandbox_url=url) for setup, url in zip(sides, urls, strict=True)]
    _check_two_places(targets)
    guarded = any(target.guarded for target in targets)
    rows = _rows(sides[0], flags, guarded=guarded)
    interlocks = [
        partial(
            pass_interlock, terminal, target, setup.spec, confirm=flags.confirm,
            invented=not isinstance(rows, FileRows), test_data=flags.rows.test_data,
        )
        for setup, target in zip(sides, targets, strict=True)
    ]  # fmt: skip
    for interlock in interlocks:
        interlock(may_ask=False)
    tell_first_rows(terminal, sides[0].spec, rows, flags.count)
    with ExitStack() as stack:
        ways = [
            stack.enter_context(sandboxed(setup, wanted=flags.sandbox, url=url, remember=False))
            for setup, url in zip(sides, urls, strict=True)
        ]
        # Both sides' variables are looked at before either is sent anything.
        values = [variables_for(setup, terminal, variables) for setup, (_, variables) in zip(sides, ways, strict=True)]
        key, done = new_key(), []
        plans = [
            _plan(setup, target, rows, flags, destination, variables, place, key)
            for setup, target, (destination, _), variables in zip(sides, targets, ways, values, strict=True)
        ]
        _check_rows_in_both(plans)
        if any(plan.pace.batch == 1 and plan.spec.limits_of(plan.environment).batch != 1 for plan in plans):
            terminal.say("no rule reads a response by row (`each`): each row goes in a request of its own")
        control = _control_plan(plans[0], flags)
        for interlock, plan in zip(interlocks, plans, strict=True):
            interlock(rows=None if flags.confirm is not None or not plan.guarded else _rows_for(plan))
        for setup, url, plan in zip(sides, urls, plans, strict=True):
            own = f"{flags.name}-{setup.environment}" if flags.name else None
            terminal.say(f"sending to {setup.environment}")
            options = flags.kept(setup, url)
            done.append(carry_out(RunJob("diff", setup, plan, own, flags.files, options), terminal))
            for note in done[-1].result.tally.notes:
                terminal.warn(note)
            if message := done[-1].result.finished.message:
                terminal.warn(f"{setup.environment} stopped: {message}")
            if done[-1].status > ExitStatus.FINDINGS:
                return plans, done
        if control is not None:
            terminal.say(f"sending the control run to {sides[0].environment}")
            own = f"{flags.name}-control" if flags.name else None
            options = flags.kept(sides[0], urls[0])
            done.append(carry_out(RunJob("diff", sides[0], control, own, flags.files, options), terminal))
    return plans, done


def _control_plan(plan: Plan, flags: _Flags) -> Plan | None:
    """The plan of the control run: the rows that follow the compared ones, to the first side.

    Raises:
        UsageError: there are too few of them.
    """
    from rokt_export.commands.preflight import known_in_production
    from rokt_export.delivery.plan import GeneratedRows

    if flags.control is None:
        return None
    if isinstance(plan.rows, GeneratedRows):
        return replace(plan, rows=replace(plan.rows, count=flags.control, seed=plan.rows.seed ^ 1), total=flags.control)
    first = (flags.count or 0) + 1
    selection = replace(plan.selection, only=((first, first + flags.control - 1),))
    control = replace(plan, selection=selection)
    _, there = known_in_production(control)
    if there < flags.control:
        raise UsageError(
            f"after row {first - 1:,} there are {there:,} rows, and the control run needs {flags.control:,}",
            where="--control",
            remedy="Lower --count or --control, or add rows.",
        )
    return control


def _check_two_places(targets: Sequence[Target]) -> None:
    """Refuse two sides at one guarded address: the ledger would leave out on the second what the first was sent."""
    a, b = targets
    if not set(a.ledger).isdisjoint(b.ledger):
        raise UsageError(
            f"{a.environment} and {b.environment} have the same address, which would receive every transaction twice",
            where="--between",
            remedy="Name two environments with different addresses.",
        )


def _rows(setup: SpecSetup, flags: _Flags, *, guarded: bool) -> FileRows | GeneratedRows:
    from rokt_export.commands.input_options import rows_of
    from rokt_export.delivery.input_feed import is_live
    from rokt_export.delivery.plan import FileRows

    rows = rows_of(setup.spec, flags.rows, flags.files, count=flags.count or 1, guarded=guarded)
    if isinstance(rows, FileRows) and is_live(rows):
        raise UsageError(
            "stdin can be read only once, and both sides need its rows",
            remedy="Save the rows in a file, and name it.",
        )
    return rows


def _plan(
    setup: SpecSetup,
    target: Target,
    rows: FileRows | GeneratedRows,
    flags: _Flags,
    destination: Destination,
    variables: dict[str, str],
    place: str,
    key: bytes,
) -> Plan:
    """The plan of one side; with one key for both, so that one person is one token on both."""
    from rokt_export.commands.interlock import careful
    from rokt_export.delivery.plan import Destination, FileRows, Pace, Plan, Selection
    from rokt_export.delivery.stop_rules import StopRules
    from rokt_export.exchange.delivery import KeptRecordings
    from rokt_export.exchange.model import OutcomeKind

    stop = StopRules(setup=not flags.no_first_row_check)
    pace = replace(Pace.of(setup.spec.limits_of(setup.environment)), stop=stop)
    if pace.batch is not None and not any(rule.each for rule in setup.spec.responses):
        pace = replace(pace, batch=1)  # what is said of a whole request cannot be compared row by row
    if destination != Destination():
        pace = pace.unpaced()
    elif target.guarded:
        # A row that was answered before is a duplicate, or is rejected again: neither says that the set-up is wrong.
        pace = careful(pace, *((OutcomeKind.DUPLICATE, OutcomeKind.REJECTED) if flags.again else ()))
    some = ((1, flags.count),) if flags.count and isinstance(rows, FileRows) else None
    return Plan(
        spec=setup.spec,
        environment=setup.environment,
        variables=variables,
        rows=rows,
        pace=pace,
        journal=place,
        redaction_key=key,
        selection=Selection(only=some, delivered=flags.again),
        destination=destination,
        plugins=setup.plugins,
        guarded=target.guarded,
        ledger=target.ledger,
        recordings=KeptRecordings.ALL,
        total=None if isinstance(rows, FileRows) else rows.count,
    )


def _check_rows_in_both(plans: Sequence[Plan]) -> None:
    """Check that a row goes to both sides, where a guarded one leaves out what it was sent before.

    Raises:
        UsageError: none does, because a guarded side has each, or may have it: nothing could be compared.
    """
    from rokt_export.commands.preflight import known_in_production
    from rokt_export.delivery.plan import FileRows

    guarded = [plan for plan in plans if plan.guarded and isinstance(plan.rows, FileRows)]
    if not guarded or next(_in_both(plans), None) is not None:
        return
    for plan in guarded:
        known, asked_for = known_in_production(plan)
        if known:
            raise _nothing_new(plan, known, asked_for)


def _rows_for(plan: Plan) -> int | None:
    """Return how many rows a side will be sent; None where they are too many to be counted before a question."""
    from rokt_export.commands.input_summary import FIRST_ROWS
    from rokt_export.commands.preflight import rows_to_send

    rows = sum(1 for _ in islice(rows_to_send(plan), FIRST_ROWS + 1))
    return rows if rows <= FIRST_ROWS else None


def _nothing_new(plan: Plan, known: Counter[LeftOut], asked_for: int) -> UsageError:
    """Return the error that no row goes to both sides.

    Args:
        plan: of a guarded side.
        known: why rows are left out there to how many there are.
        asked_for: rows that were asked for.
    """
    from rokt_export.exchange.delivery import LeftOut

    all_of_them = known.total() == asked_for
    all_rows = f"all {asked_for:,} rows" if asked_for > 1 else "the only row"
    what = all_rows if all_of_them else f"{known.total():,} of {asked_for:,} rows"
    rest = "" if all_of_them else ", and no other row can go to both sides"
    remedy = "Compare the runs that sent them (`rokt-export diff --runs A B`), or send new rows"
    if known.total() > known[LeftOut.UNKNOWN] and not plan.selection.delivered:
        remedy += ", or add --again"
    return UsageError(
        f"{plan.environment} answered {what} before, or may have them{rest}: nothing is left to compare",
        remedy=f"{remedy}.",
    )


def _in_both(plans: Iterable[Plan]) -> Iterator[int]:
    """Yield the numbers of the rows that both sides would be sent."""
    from rokt_export.commands.preflight import rows_to_send

    return (row for row, other in pairwise(merge(*map(rows_to_send, plans))) if row == other)


def _count_to_send(plans: Sequence[Plan], enough: int) -> int | None:
    """Return the `--count` by which enough rows go to both sides without --again; None where the files have too few.

    It is a hint: None also where the files or the journal cannot be read any more.
    """
    from rokt_export.delivery.plan import FileRows, Selection
    from rokt_export.errors import RoktExportError

    if not enough or not plans or not isinstance(plans[0].rows, FileRows):
        return None
    both = _in_both(replace(plan, selection=Selection()) for plan in plans)
    try:
        return next(islice(both, enough - 1, None), None)
    except RoktExportError:
        return None


def _compared(
    place: str, runs: tuple[str, str], spec: Path | None, control: str | None, by_spec: Path | None = None
) -> DiffResult:
    from rokt_export.commands.reclassify import spec_for
    from rokt_export.commands.run_output import place_flag
    from rokt_export.diff.reclassify import Rereader
    from rokt_export.diff.run_pairs import compare_runs, varying_by_itself
    from rokt_export.reports.run_report import Story

    with open_existing(place) as journal:
        a, b = find_to_read(journal, runs[0]), find_to_read(journal, runs[1])
        settings = _settings(journal, b, spec)
        loaded = [spec_for(run, by_spec) for run in (a, b)] if by_spec is not None else []
        before = [Story.of(journal, run).spec for run in (a, b)] if loaded else []
        known = [rule for each in before if each is not None for rule in each.responses]
        rereader = Rereader(loaded[0].spec.responses, known) if loaded else None
        result = compare_runs(
            journal, a, b, settings, rereader=rereader, people=_people(journal, (a, b), spec or by_spec)
        )
        result = replace(
            result,
            partner=b.partner,
            spec=str(spec or b.spec_file),
            events=b.events,
            between=(a.environment, b.environment),
            journal_flag=place_flag(place),
            send_flags=_send_flags((a, b)),
            guarded=_is_guarded(journal, (a, b), spec or by_spec),
            invalid=_invalid(Story.of(journal, a)),
        )
        if control is None:
            return result
        return result.without(varying_by_itself(journal, a, find_to_read(journal, control), settings))


def _invalid(story: Story) -> tuple[tuple[str, int], ...]:
    """Return why rows of a run could not be sent, and how many, the most frequent reason first."""
    from rokt_export.exchange.model import OutcomeKind

    groups = [one for one in story.reasons.groups if one.outcome is OutcomeKind.INVALID]
    return tuple((one.reason or "no reason is kept", one.rows) for one in groups)


def _send_flags(runs: Sequence[RunInfo]) -> tuple[str, ...] | None:
    """Return what a command that sends the same to the runs' environments needs.

    How rows are read, sandboxes, variables and plug-ins. None where one of two runs went to a sandbox.
    """
    from rokt_export.commands.replay_flags import row_words
    from rokt_export.commands.run_output import Onward, sandbox_words

    options = [run.options for run in runs]
    flags = [*row_words(runs[-1]), *sandbox_words(*options)]
    if flags.count("--sandbox-url") == 1 or len({run.sandbox for run in runs}) > 1:
        return None
    last = runs[-1]
    flags += Onward(last.spec_file, (), last.options, last.environment, "", None).endpoint_words()
    return tuple(flags)


def _is_guarded(journal: Journal, runs: Sequence[RunInfo], path: Path | None) -> bool:
    """Return whether one of the runs went to an environment that its spec guards, and not to a sandbox."""
    from rokt_export.reports.run_report import Story

    if runs[-1].sandbox:
        return False
    specs = [(Story.of(journal, run, _readable_spec(path or Path(run.spec_file))).spec, run) for run in runs]
    return any(
        spec is not None and run.environment in spec.endpoint and spec.guards(run.environment) for spec, run in specs
    )


def _people(journal: Journal, runs: Sequence[RunInfo], path: Path | None) -> set[str] | None:
    """Return the personal values of all rows that runs read from files, None where they cannot be read again.

    Args:
        path: the spec file; of a run that went with its very text it is read before the recorded text, which is masked.
    """
    from rokt_export.commands.input_options import RowFlags, rows_of
    from rokt_export.commands.replay_flags import stamps_of
    from rokt_export.delivery.plan import FileRows
    from rokt_export.errors import RoktExportError
    from rokt_export.reports.run_report import Story

    found: dict[str, set[str]] = {}
    for run in runs:
        flags, stamps = run.options.get("flags", {}), run.options.get("stamps", [])
        paths = tuple(path for path, _, _ in stamps)
        spec, key = Story.of(journal, run, _readable_spec(path or Path(run.spec_file))).spec, repr((flags, stamps))
        if not run.events or flags.get("test_data") or key in found:
            continue
        if spec is None or not stamps or any(size is None for _, size, _ in stamps):
            return None
        try:
            if stamps_of(paths) != stamps:
                return None
            read = RowFlags.among({name: value for name, value in flags.items() if name != "set_values"})
            rows = rows_of(spec, read, paths)
            assert isinstance(rows, FileRows)
            found[key] = _personal_values(spec, rows)
        except RoktExportError:
            return None
    return set().union(*found.values())


def _readable_spec(path: Path) -> LoadedSpec | None:
    from rokt_export.errors import RoktExportError
    from rokt_export.partner_spec.loading import load_spec

    try:
        return load_spec(path)
    except RoktExportError:
        return None


def _personal_values(spec: PartnerSpec, rows: FileRows) -> set[str]:
    from rokt_export.delivery.input_feed import with_changes
    from rokt_export.delivery.redaction_clues import texts_in
    from rokt_export.delivery.redaction_setup import holds_personal_data
    from rokt_export.transactions.claims import ALL
    from rokt_export.transactions.sources import open_transactions

    personal: dict[str, bool] = {}
    found: set[str] = set()
    for each in with_changes(rows, open_transactions(rows.paths, options=rows.options).part(ALL)):
        for name, value in each.values.items():
            if name not in personal:
                personal[name] = holds_personal_data(name, spec)
            if personal[name]:
                found.update(texts_in(value))
    return found


def _settings(journal: Journal, run: RunInfo, spec: Path | None) -> DiffSettings | None:
    """The `diff:` of the spec that is named, else of the one that the second run went with."""
    from rokt_export.partner_spec.loading import load_spec
    from rokt_export.reports.run_report import Story

    if spec is not None:
        return load_spec(spec).spec.diff
    kept = Story.of(journal, run).spec
    return kept.diff if kept is not None else None


def _learn(terminal: Terminal, spec: Path, result: DiffResult) -> None:
    from rokt_export.diff.run_pairs import learn
    from rokt_export.diff.statistics import ENOUGH

    if result.pairs < ENOUGH:
        raise UsageError(
            f"{result.pairs} transactions are too few to learn from",
            where="--learn",
            remedy=f"Compare {ENOUGH} transactions or more, or write `diff: varies:` by hand.",
        )
    if result.learned:
        terminal.say(f"to be declared in {spec} under `diff: varies:`:")
        for place, form in result.learned.items():
            terminal.say(f"  {place}: {form}")
    learned = learn(spec, result)
    terminal.say(
        f"written into {spec}: {len(learned)} field{'s' * (len(learned) != 1)}"
        if learned
        else "Nothing learned: every field agrees, differs, or is declared already."
    )
    if learned:
        again = shlex.join(["rokt-export", "diff", str(spec), "--runs", *result.runs]) + result.journal_flag
        terminal.say(f"these runs keep the spec that they were sent with; to compare them by this one: {again}")


def _write_reports(terminal: Terminal, result: DiffResult, paths: list[Path]) -> None:
    from rokt_export.reports.differences import SUFFIXES
    from rokt_export.reports.formats import write_files

    def writer(path: Path) -> Callable[[TextIO], object]:
        return lambda stream: stream.write(SUFFIXES[path.suffix.lower()](result))

    write_files([(writer(path), path) for path in paths])
    for path in paths:
        terminal.say(f"report: {path}")


def _print(terminal: Terminal, result: DiffResult, output: Output) -> None:
    from rokt_export.reports import differences

    if output is Output.JSON:
        terminal.write(differences.json(result))
    else:
        differences.console(result, terminal.out)
