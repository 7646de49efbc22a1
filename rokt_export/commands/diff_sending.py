"""Sends the same rows to the two sides of `diff`, each as a run of its own."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rokt_export.commands.rows_of_both import check_rows_in_both
from rokt_export.errors import ExitStatus, UsageError

if TYPE_CHECKING:
    from rokt_export.commands.input_options import RowFlags
    from rokt_export.commands.run_session import RunResult
    from rokt_export.commands.spec_setup import SpecSetup
    from rokt_export.commands.terminal import Terminal
    from rokt_export.delivery.plan import Destination, FileRows, GeneratedRows, Plan
    from rokt_export.delivery.target import Target


@dataclass(frozen=True, slots=True)
class SendingFlags:
    """What the command line says about sending."""

    rows: RowFlags
    files: tuple[str, ...]
    count: int | None
    again: bool
    name: str | None
    confirm: str | None
    sandbox: bool
    urls: list[str]
    control: int | None
    no_first_row_check: bool
    env_file: Path | None

    def kept(self, side: SpecSetup, url: str | None) -> dict[str, Any]:
        """Return what is kept with the run of a side."""
        from rokt_export.commands.replay_flags import options_of

        return options_of(
            side.spec, self.rows, self.files, sandbox=self.sandbox, sandbox_url=url, env_file=self.env_file
        )


def send_to_both(
    terminal: Terminal, sides: Sequence[SpecSetup], flags: SendingFlags, place: str
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
        check_rows_in_both(plans)
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


def _control_plan(plan: Plan, flags: SendingFlags) -> Plan | None:
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


def _rows(setup: SpecSetup, flags: SendingFlags, *, guarded: bool) -> FileRows | GeneratedRows:
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
    flags: SendingFlags,
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


def _rows_for(plan: Plan) -> int | None:
    """Return how many rows a side will be sent; None where they are too many to be counted before a question."""
    from rokt_export.commands.input_summary import FIRST_ROWS
    from rokt_export.commands.preflight import rows_to_send

    rows = sum(1 for _ in islice(rows_to_send(plan), FIRST_ROWS + 1))
    return rows if rows <= FIRST_ROWS else None
