"""`diff`: does one environment answer as the other did, by sending to both or from the journal alone?"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TextIO

import typer

from rokt_export.commands.loading import Ready, load
from rokt_export.commands.options import (
    Confirm,
    EnvFile,
    JournalPlace,
    Name,
    NoColor,
    Output,
    OutputFormat,
    Quiet,
    SetValues,
    TestData,
    Unset,
    Verbose,
)
from rokt_export.commands.terminal import Terminal
from rokt_export.delivery.interlock import PRODUCTION
from rokt_export.errors import ExitStatus, UsageError

if TYPE_CHECKING:
    from rokt_export.commands.running import Done
    from rokt_export.delivery.plan import FileRows, GeneratedRows
    from rokt_export.exchange.compare import DiffResult
    from rokt_export.spec.model import DiffSettings

Spec = Annotated[
    Path | None,
    typer.Argument(metavar="SPEC", help="The partner's spec; not needed with --runs.", show_default=False),
]
Events = Annotated[
    list[str] | None,
    typer.Argument(metavar="EVENTS", help="Files of transactions; without, people are invented.", show_default=False),
]
Between = Annotated[
    tuple[str, str] | None,
    typer.Option("--between", metavar="A B", help="Two environments to send to.", show_default=False),
]
Runs = Annotated[
    tuple[str, str] | None, typer.Option("--runs", metavar="A B", help="Two runs of the journal.", show_default=False)
]
Count = Annotated[
    int | None,
    typer.Option("--count", min=1, metavar="N", help="People to invent, or rows to take.", show_default=False),
]
Learn = Annotated[bool, typer.Option("--learn", help="Write the volatile paths that were found into the spec.")]
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
    events: Events = None,
    between: Between = None,
    runs: Runs = None,
    count: Count = None,
    set_values: SetValues = None,
    unset: Unset = None,
    learn: Learn = False,
    sandbox: WithSandbox = False,
    sandbox_url: SandboxUrls = None,
    confirm: Confirm = None,
    test_data: TestData = False,
    name: Name = None,
    report: Reports = None,
    output: OutputFormat = Output.TABLE,
    env_file: EnvFile = None,
    journal: JournalPlace = None,
    quiet: Quiet = False,
    verbose: Verbose = False,
    no_color: NoColor = False,
) -> int:
    """Compare answers: outcomes first, then reasons, status and headers, the shape of bodies, and values.

    Exit status: 0 they agree, 1 they differ, 2 to 5 as ever.
    """
    from rokt_export.commands.running import journal_place

    terminal = Terminal(quiet, verbose, no_color)
    _check_flags(spec, between, runs, output, report)
    place = journal_place(journal)
    done: list[Done] = []
    if runs is None:
        assert between is not None
        assert spec is not None
        sides = [load(spec, environment, env_file) for environment in between]
        flags = (tuple(events or ()), count, set_values or [], unset or [], test_data)
        done = _send(terminal, sides, flags, place, name, confirm, sandbox, sandbox_url or [])
        runs = (done[0].run, done[1].run)
        if grave := [each.status for each in done if each.status > ExitStatus.FINDINGS]:
            terminal.warn("not compared: a side could not be sent to; `rokt-export runs list` shows what was")
            return ExitStatus.gravest(*grave)
    result = _compared(place, runs, _settings(spec))
    if learn:
        _learn(terminal, spec, result)
    _write_reports(terminal, result, report or [])
    _print(terminal, result, output)
    return ExitStatus.FINDINGS if result.differs else ExitStatus.OK


_SUFFIXES = {".html": "html", ".htm": "html", ".md": "markdown", ".json": "json"}


def _check_flags(spec: Path | None, between: object, runs: object, output: Output, report: list[Path] | None) -> None:
    if (between is None) == (runs is None):
        raise UsageError(
            "a diff is either --between two environments, or of two --runs",
            remedy="Write `diff SPEC EVENTS --between staging production`, or `diff --runs A B`.",
        )
    if between is not None and spec is None:
        raise UsageError("no spec is named", remedy="Write `diff SPEC EVENTS --between staging production`.")
    if output in (Output.CSV, Output.NDJSON):
        raise UsageError("differences are no rows", where="--output", remedy="Use table or json.")
    for path in report or ():
        if path.suffix.lower() not in _SUFFIXES:
            raise UsageError(
                f"there is no diff report with the suffix `{path.suffix}`",
                where="--report",
                remedy="Use .html, .md or .json.",
            )


def _settings(spec: Path | None) -> DiffSettings | None:
    if spec is None:
        return None
    from rokt_export.spec.loading import load_spec

    return load_spec(spec).spec.diff


def _send(
    terminal: Terminal,
    sides: list[Ready],
    flags: tuple[tuple[str, ...], int | None, list[str], list[str], bool],
    place: str,
    name: str | None,
    confirm: str | None,
    sandbox: bool,
    urls: list[str],
) -> list[Done]:
    """Send the same transactions to both sides, each as a run of its own, with one key for both redactions."""
    from rokt_export.commands.production import pass_interlock
    from rokt_export.commands.rows import RowFlags, rows_of
    from rokt_export.commands.running import Job, carry_out, new_key, variables_for
    from rokt_export.commands.sandboxed import sandboxed
    from rokt_export.delivery.model import Recordings
    from rokt_export.delivery.plan import FileRows, Pace, Plan, Selection

    if urls and len(urls) != len(sides):
        raise UsageError("--sandbox-url is given once for each side", remedy="Give it twice: first A, then B.")
    files, count, changes, unset, test_data = flags
    given = RowFlags(files, count or 1, changes, unset, test_data=test_data, seed=secrets.randbits(48))
    rows: FileRows | GeneratedRows = rows_of(sides[0].spec, given)
    for ready in sides:
        pass_interlock(
            terminal, ready, sandboxed=sandbox or bool(urls), confirm=confirm,
            invented=not isinstance(rows, FileRows), test_data=test_data,
        )  # fmt: skip
    key, done = new_key(), []
    with ExitStack() as stack:
        for index, ready in enumerate(sides):
            url = urls[index] if urls else None
            destination, variables = stack.enter_context(sandboxed(ready, wanted=sandbox, url=url, forget=sandbox))
            pace = Pace.of(ready.spec.limits_of(ready.environment))
            in_sandbox = destination.base_url is not None
            guarded = ready.environment == PRODUCTION and not in_sandbox
            pace = replace(pace, concurrency=1 if guarded else pace.concurrency, rate=None if in_sandbox else pace.rate)
            plan = Plan(
                spec=ready.spec,
                environment=ready.environment,
                variables=variables_for(ready, variables),
                rows=rows,
                pace=pace,
                journal=place,
                redaction_key=key,
                selection=Selection(
                    only=((1, count),) if count and isinstance(rows, FileRows) else None, delivered=True
                ),
                destination=destination,
                recordings=Recordings.ALL,
            )
            terminal.say(f"sending to {ready.environment}")
            own = f"{name}-{ready.environment}" if name else None
            done.append(carry_out(Job("diff", ready, plan, own, files), terminal))
    return done


def _compared(place: str, runs: tuple[str, str], settings: DiffSettings | None) -> DiffResult:
    from rokt_export.delivery.journal import Journal
    from rokt_export.delivery.pairing import compare_runs

    with Journal.open(place) as journal:
        return compare_runs(journal, journal.find(runs[0]), journal.find(runs[1]), settings)


def _learn(terminal: Terminal, spec: Path | None, result: DiffResult) -> None:
    from rokt_export.delivery.pairing import learn

    if spec is None:
        raise UsageError(
            "--learn writes into a spec, and none is named", remedy="Write `diff SPEC --runs A B --learn`."
        )
    learned = learn(spec, result)
    terminal.say(f"written into {spec}: {', '.join(learned)}" if learned else "there was nothing to learn")


def _write_reports(terminal: Terminal, result: DiffResult, paths: list[Path]) -> None:
    from rokt_export.reports import differences
    from rokt_export.reports.formats import write_files

    def writer(path: Path) -> Callable[[TextIO], object]:
        text = getattr(differences, _SUFFIXES[path.suffix.lower()])(result)
        return lambda stream: stream.write(text)

    write_files([(writer(path), path) for path in paths])
    for path in paths:
        terminal.say(f"report: {path}")


def _print(terminal: Terminal, result: DiffResult, output: Output) -> None:
    from rokt_export.reports import differences

    if output is Output.JSON:
        terminal.write(differences.json(result))
    else:
        differences.console(result, terminal.out)
