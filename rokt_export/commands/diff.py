"""`diff`: does one environment answer as the other did, by sending to both or from the journal alone?"""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TextIO

import typer

from rokt_export.commands import completion
from rokt_export.commands import options as flag
from rokt_export.commands.diff_comparison import compare_recorded
from rokt_export.commands.diff_sending import SendingFlags, send_to_both
from rokt_export.commands.options import Output
from rokt_export.commands.rows_of_both import count_to_send
from rokt_export.commands.spec_setup import journal_place, load_to_send
from rokt_export.commands.terminal import Terminal, to_stdout
from rokt_export.errors import ExitStatus, UsageError

if TYPE_CHECKING:
    from rokt_export.commands.run_session import RunResult
    from rokt_export.delivery.plan import Plan
    from rokt_export.diff import DiffResult

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
        flags = SendingFlags(
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
        plans, done = send_to_both(terminal, sides, flags, place)
        if len(done) < len(sides) + (control is not None) or done[-1].status > ExitStatus.FINDINGS:
            terminal.warn("not compared: a side could not be sent to; `rokt-export runs list` shows what was")
            return ExitStatus.most_severe(*(each.status for each in done))
        runs = (done[0].run, done[1].run)
        offline = f"rokt-export diff --runs {runs[0]} {runs[1]}{place_flag(place)}"
        terminal.say(f"compared: `{offline}` does it again without sending")
    result = compare_recorded(place, runs, spec or by_spec, done[2].run if control is not None else None, by_spec)
    listing = next((str(path) for path in report or () if path.suffix.lower() == ".json"), "")
    result = replace(result, listing=listing, count=count_to_send(plans, result.enough))
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
