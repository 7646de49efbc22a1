"""`test`: a few deliveries to staging, classified, in a table that the tech contact can confirm."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rokt_export.commands import options as flag
from rokt_export.commands.options import Output
from rokt_export.commands.run_output import ShownExchanges
from rokt_export.commands.spec_setup import journal_place, load_to_send, operation_check_for
from rokt_export.commands.terminal import Terminal
from rokt_export.errors import ConfigurationError, SpecError, UsageError

if TYPE_CHECKING:
    from rokt_export.commands.spec_setup import SpecSetup

Count = Annotated[
    int | None,
    typer.Option(
        "--count", min=1, metavar="N", help="Number of test people (1), or of rows of the files.", show_default=False
    ),
]
Seed = Annotated[
    int | None, typer.Option("--seed", metavar="N", help="Generate the same people again.", show_default=False)
]

Watch = Annotated[
    bool, typer.Option("--watch", help="Validate and read the last response on each save; Enter sends again.")
]
Show = Annotated[
    ShownExchanges,
    typer.Option(
        "--show",
        metavar="first|all|none",
        help="Print request and response: of the first unexpected row or the only row, of all, none.",
    ),
]


def test(
    spec: flag.SpecFile,
    events: flag.Events = None,
    count: Count = None,
    sandbox: flag.WithSandbox = False,
    sandbox_url: flag.SandboxUrl = None,
    forget: flag.Forget = False,
    columns: flag.Columns = None,
    set_values: flag.SetValues = None,
    unset: flag.Unset = None,
    encoding: flag.Encoding = None,
    delimiter: flag.Delimiter = None,
    skip_lines: flag.SkipLines = 0,
    header: flag.Header = None,
    sheet: flag.Sheet = None,
    send_damaged: flag.SendDamaged = False,
    seed: Seed = None,
    expect: flag.Expect = "delivered",
    openapi: flag.OpenApi = None,
    operation: flag.OperationName = None,
    exchanges: Show = ShownExchanges.FIRST,
    environment: flag.Environment = "staging",
    confirm: flag.Confirm = None,
    test_data: flag.TestData = False,
    name: flag.Name = None,
    report: flag.Reports = None,
    output: flag.OutputFormat = Output.TABLE,
    env_file: flag.EnvFile = None,
    allow_plugin: flag.AllowPlugin = None,
    no_first_row_check: flag.NoFirstRowCheck = False,
    patience: flag.Patience = "0s",
    watch: Watch = False,
    journal: flag.JournalPlace = None,
    quiet: flag.Quiet = False,
    verbose: flag.Verbose = False,
    no_color: flag.NoColor = False,
) -> int:
    """Send test data or some rows of a file, and show the outcome of each response.

    Exit status: 0 all delivered, 1 any other outcome, 3 a fault in the spec, files or configuration, 4 the partner is
    unreachable.

    Examples:
        rokt-export test acme.yaml --sandbox
        rokt-export test acme.yaml --sandbox --watch
        rokt-export test acme.yaml --count 5 --report acme.html --report acme.eml
        rokt-export test acme.yaml events.csv --set email=jane@example.com
    """
    from rokt_export.commands.document_notes import document_notes_of
    from rokt_export.commands.input_options import RowFlags, rows_of
    from rokt_export.commands.input_summary import tell_first_rows
    from rokt_export.commands.interlock import careful, pass_interlock
    from rokt_export.commands.pace_options import patience_of
    from rokt_export.commands.replay_flags import options_of
    from rokt_export.commands.run_output import check_reports, check_spared, expected_outcome, present
    from rokt_export.commands.run_session import RunJob, carry_out, new_key, variables_for
    from rokt_export.commands.sandbox_target import sandboxed
    from rokt_export.delivery.plan import FileRows, Pace, Plan, Selection
    from rokt_export.delivery.stop_rules import StopRules
    from rokt_export.exchange.delivery import KeptRecordings
    from rokt_export.transactions.files import expand

    if watch:
        return _watched(locals())
    terminal = Terminal(quiet, verbose, no_color)
    setup = load_to_send(spec, environment, env_file, allow_plugin)
    operation_check = operation_check_for(setup.loaded, openapi, operation)
    expected = expected_outcome(expect)
    check_reports(report)
    check_spared(report, (spec, env_file, journal_place(journal), *(expand(tuple(events)) if events else ())))
    target = setup.target(sandbox=sandbox, sandbox_url=sandbox_url)
    flags, files = RowFlags.among(locals()), tuple(events or ())
    rows = rows_of(setup.spec, flags, files, count=count or 1, seed=seed, guarded=target.guarded)
    pass_interlock(
        terminal, target, setup.spec, confirm=confirm, invented=not isinstance(rows, FileRows), test_data=test_data,
        rows=None if isinstance(rows, FileRows) else rows.count,
    )  # fmt: skip
    if forget and not sandbox:
        raise UsageError("--forget needs --sandbox", remedy="Add --sandbox, or leave --forget out.")
    only = ((1, count),) if count is not None and isinstance(rows, FileRows) else None
    good = StopRules().expected | {expected}
    stop = StopRules(expected=good, setup=not no_first_row_check)
    pace = replace(Pace.of(setup.spec.limits_of(environment)), patience=patience_of(patience), stop=stop)
    if target.guarded:
        pace = careful(pace, expected)
    tell_first_rows(terminal, setup.spec, rows, count)
    with sandboxed(setup, wanted=sandbox, url=sandbox_url, forget=forget) as (destination, variables):
        plan = Plan(
            spec=setup.spec,
            environment=environment,
            variables=variables_for(setup, terminal, variables),
            rows=rows,
            pace=pace if destination.base_url is None else pace.unpaced(),
            journal=journal_place(journal),
            redaction_key=new_key(),
            selection=Selection(only=only),
            destination=destination,
            plugins=setup.plugins,
            guarded=target.guarded,
            ledger=target.ledger,
            recordings=KeptRecordings.ALL,
            expected=expected,
            total=None if isinstance(rows, FileRows) else rows.count,
        )
        options = options_of(setup.spec, flags, files, sandbox=sandbox, sandbox_url=sandbox_url, env_file=env_file)
        document_notes = document_notes_of(operation_check, plan, setup.variables.values)
        done = carry_out(RunJob("test", setup, plan, name, files, options), terminal, document_notes.listen)
        document_notes.keep(done.run, plan.journal)
    return present(done, plan.journal, terminal, output, report, everything=True, exchanges=exchanges)


def _watched(given: Mapping[str, Any]) -> int:
    """Follow the spec's file, and send when asked to.

    Args:
        given: the arguments of `test` by name.

    Raises:
        UsageError: no terminal, a guarded environment, or an output that is no screen.
    """
    from rokt_export.commands.input_options import RowFlags
    from rokt_export.commands.spec_setup import load
    from rokt_export.commands.watch import Watcher

    arguments = {name: given[name] for name in inspect.signature(test).parameters}
    if arguments["output"] is not Output.TABLE or arguments["report"]:
        raise UsageError("--watch shows a screen", remedy="Leave out --output and --report.")

    def loaded() -> SpecSetup:
        setup = load(arguments["spec"], arguments["environment"], arguments["env_file"], arguments["allow_plugin"])
        if setup.target(sandbox=arguments["sandbox"], sandbox_url=arguments["sandbox_url"]).guarded:
            raise UsageError(
                f"{setup.environment} is guarded, and --watch never sends there",
                where="--watch",
                remedy="Watch staging or a sandbox, or leave --watch out.",
            )
        return setup

    def send(seed: int) -> int:
        loaded()
        # Without --confirm: should the spec change to a guarded environment just now, the interlock stops the send.
        return test(**{**arguments, "watch": False, "confirm": None, "seed": seed})

    with suppress(SpecError, ConfigurationError):  # they are shown, and watched until they are fixed
        loaded()
    return Watcher(
        arguments["spec"],
        arguments["environment"],
        arguments["env_file"],
        loaded,
        send,
        journal_place(arguments["journal"]),
        Terminal(no_color=arguments["no_color"]),
        RowFlags.among(arguments),
        tuple(arguments["events"] or ()),
        arguments["seed"],
    ).watch()
