"""`runs confirm`: what did the partner decide about the rows that it had only accepted?"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from msgspec import structs

from rokt_export.commands import options as flag
from rokt_export.commands.named_run import find_to_change, open_existing
from rokt_export.commands.options import Output
from rokt_export.commands.spec_setup import SpecSetup, journal_place, load_to_send
from rokt_export.commands.terminal import GUARD, Terminal, number_of
from rokt_export.errors import ExitStatus, JournalError, UnreachableError, UsageError

if TYPE_CHECKING:
    from rokt_export.delivery.confirmation import AcceptedJob, Decision, Questions
    from rokt_export.delivery.plan import Destination, Plan
    from rokt_export.exchange.delivery import Delivery
    from rokt_export.journal import Journal, RunInfo
    from rokt_export.partner_spec.model import Confirmation

_SAVED_EVERY = 2.0
"""Seconds of answers that a process which dies may lose: these jobs are asked about once more."""
_IN_SANDBOX = 0.2
"""Seconds between two questions to a sandbox, at most: it decides at the second."""
_MOST_TOLD = 5

Once = Annotated[bool, typer.Option("--once", help="Ask once, without waiting for pending jobs.")]


def confirm(
    run: flag.Run,
    once: Once = False,
    output: flag.OutputFormat = Output.TABLE,
    confirm: flag.Confirm = None,
    env_file: flag.EnvFile = None,
    allow_plugin: flag.AllowPlugin = None,
    journal: flag.JournalPlace = None,
    quiet: flag.Quiet = False,
    verbose: flag.Verbose = False,
    no_color: flag.NoColor = False,
) -> int:
    """Ask the partner what it decided about rows that it had only accepted, and keep it. Sends no transaction.

    Each job is asked about by GET, as `confirmation` in the spec says and within the spec's limits, until all are
    decided or its `until` is over. Ctrl-C keeps what was answered; the same command goes on. Exit status: 0 all have
    the expected outcome, 1 some otherwise or still pending, 4 the partner is unreachable or refuses the credentials.

    Examples:
        rokt-export runs confirm last
        rokt-export runs confirm last --once
    """
    from rokt_export.commands.run_output import show
    from rokt_export.delivery.confirmation import jobs_of, rounds
    from rokt_export.journal import RunState
    from rokt_export.reports.run_report import RunReport

    terminal = Terminal(quiet, verbose, no_color)
    with open_existing(place := journal_place(journal)) as opened:
        info = find_to_change(opened, run)
        if info.state is RunState.RUNNING:
            raise JournalError(f"run {info.run} is still running", remedy="Wait for its end, or stop it there.")
        if not info.confirmations.get("awaited"):
            terminal.say(f"run {info.run} has no row that waits for a decision of the partner")
            return ExitStatus.OK
        setup = _setup(terminal, info, env_file, allow_plugin)
        confirmed = _pass_interlock(terminal, setup, info, confirm)
        confirmation = _confirmation(setup, info)
        run_report = RunReport.of(opened, info)
        jobs = jobs_of((one for one in run_report.deliveries() if one.provisional), confirmation)
        keeper = _DecisionWriter(opened, info.run)
        every = min(confirmation.every, _IN_SANDBOX) if info.sandbox else confirmation.every
        until = (info.ended or info.started).timestamp() + confirmation.until

        def pause(jobs: int, seconds: float) -> None:
            keeper.save()
            moment = datetime.fromtimestamp(until, UTC)
            terminal.say(
                f"{number_of(jobs, 'job is', 'jobs are')} {_undecided(left.values())}: "
                f"asked again in {seconds:g} s, until {moment:%Y-%m-%d %H:%M} UTC at the latest"
            )

        left: dict[int, tuple[AcceptedJob, Decision]] = {}
        told: set[str] = set()
        with _questions(setup, confirmation, info, place, terminal, confirmed=confirmed) as questions:
            _check_urls(questions, jobs, setup)
            about = number_of(info.confirmations["awaited"])
            terminal.say(f"asking about {number_of(len(jobs), 'job', 'jobs')} of {about} at {info.target}, by GET")
            try:
                for job, decision in rounds(questions, jobs, every=every, until=until, once=once, pause=pause):
                    left[id(job)] = job, decision
                    if decision.reason and decision.outcome is None and decision.reason not in told:
                        told.add(decision.reason)
                        if len(told) <= _MOST_TOLD:
                            terminal.warn(f"{job.name}: {decision.reason}")
                    if decision.outcome is not None:
                        del left[id(job)]
                        keeper.take(job, decision)
            except KeyboardInterrupt:
                terminal.say(f"the responses so far are kept; go on with: rokt-export runs confirm {info.run}")
                raise
            finally:
                keeper.save()
        info = opened.find(info.run)
        show(RunReport.of(opened, info), terminal, output, everything=False)
    _say_what_is_left(terminal, list(left.values()))
    if left and all(decision.fault for _, decision in left.values()):
        raise UnreachableError("the partner did not answer", remedy="The responses so far are kept; ask again later.")
    return ExitStatus.OK if not left and set(info.counts) <= {run_report.expected} else ExitStatus.FINDINGS


class _DecisionWriter:
    """Writes decisions to the journal, many at a time."""

    def __init__(self, journal: Journal, run: str) -> None:
        self._journal, self._run = journal, run
        self._decided: dict[int, Decision] = {}
        self._saved = time.monotonic()

    def take(self, job: AcceptedJob, decision: Decision) -> None:
        """Take the decision about a job's rows; it is written within a moment."""
        self._decided.update(dict.fromkeys(job.rows, decision))
        if time.monotonic() - self._saved >= _SAVED_EVERY:
            self.save()

    def save(self) -> None:
        """Write what was taken."""
        from rokt_export.journal.revisions import CONFIRM

        if self._decided:
            self._journal.revise(self._run, self._final(), by=CONFIRM)
            self._decided.clear()
        self._saved = time.monotonic()

    def _final(self) -> Iterator[Delivery]:
        for one in self._journal.deliveries(self._run):
            decision = self._decided.get(one.row)
            if decision is not None and decision.outcome is not None:
                yield structs.replace(one, outcome=decision.outcome, reason=decision.reason)


def _setup(terminal: Terminal, info: RunInfo, env_file: Path | None, allow_plugin: list[str] | None) -> SpecSetup:
    path, kept = Path(info.options.get("spec_path", info.spec_file)), info.options.get("env_file")
    setup = load_to_send(path, info.environment, env_file or (Path(kept) if kept else None), allow_plugin)
    if setup.loaded.sha256 != info.spec_sha256:
        terminal.warn(f"the spec is not the one that run {info.run} went with")
    return setup


def _pass_interlock(terminal: Terminal, setup: SpecSetup, info: RunInfo, confirm: str | None) -> bool:
    """Return whether questions to a guarded environment are confirmed: by the run, or by the partner's name.

    Raises:
        UsageError: the environment is guarded, and nobody confirmed; or another partner is named.
    """
    from rokt_export.commands.interlock import pass_interlock

    if info.sandbox or (info.production and confirm is None):
        return True
    target = replace(setup.target(), guarded=True) if confirm is not None else setup.target()
    pass_interlock(terminal, target, setup.spec, confirm=confirm, invented=False, test_data=False)
    return confirm is not None


def _check_urls(questions: Questions, jobs: Iterable[AcceptedJob], setup: SpecSetup) -> None:
    """Check before the first question that none goes to a guarded environment without a confirmation.

    Raises:
        UsageError: one does.
    """
    from rokt_export.delivery.asked_urls import GuardedUrlError

    for job in jobs:
        try:
            questions.url(job)
        except GuardedUrlError as error:
            raise UsageError(
                f"{job.name}: {error}",
                where="confirmation: url",
                remedy=f"Write the URL that {setup.environment} has for it; --confirm {setup.spec.partner} asks there.",
            ) from error
        except ValueError:  # told when its turn comes
            continue


def _confirmation(setup: SpecSetup, info: RunInfo) -> Confirmation:
    """Return how the spec asks.

    Raises:
        UsageError: it does not say so.
    """
    if setup.spec.confirmation is None:
        raise UsageError(
            "the spec does not say how to ask what became of accepted rows",
            where=info.spec_file,
            remedy="Add `confirmation` to it, as docs/spec.md shows; the run can be confirmed then.",
        )
    return setup.spec.confirmation


@contextmanager
def _questions(
    setup: SpecSetup, confirmation: Confirmation, info: RunInfo, journal: str, terminal: Terminal, *, confirmed: bool
) -> Iterator[Questions]:
    """Yield what asks the partner, or the sandbox, that the run was sent to.

    A guarded environment is asked without a confirmation of its own where the run was sent to one: the run that was
    confirmed is what is asked about, by GET, and at the address that it was sent to.

    Raises:
        UsageError: the address is another one now.
    """
    from rokt_export.commands.run_session import variables_for
    from rokt_export.commands.sandbox_target import sandboxed
    from rokt_export.delivery.confirmation import Questions
    from rokt_export.delivery.pacing import Pacer
    from rokt_export.delivery.worker import credentials_for, transport_options
    from rokt_export.redaction import Redactor
    from rokt_export.request.url import blank_url, origin
    from rokt_export.transport import Transport

    flags = info.options.get("flags", {})
    wanted, url = bool(flags.get("sandbox")), flags.get("sandbox_url")
    with sandboxed(setup, wanted=wanted, url=url, remember=False) as (destination, values):
        variables = variables_for(setup, terminal, values)
        address = origin(blank_url(setup.spec.environment(setup.environment).url, variables))
        if not info.sandbox and address != info.options.get("target", address):
            raise UsageError(
                f"run {info.run} was sent to {info.options['target']}, and would be asked about at {address}",
                remedy="Restore the spec and the variables.",
            )
        plan = _plan(setup, variables, journal, destination)
        renderer = plan.renderer()
        options = transport_options(plan, renderer, plan.pace.concurrency)
        redactor = GUARD.redactor or Redactor()
        credentials = credentials_for(plan, renderer, options, redactor)
        with Transport(options) as transport:
            try:
                yield Questions(
                    confirmation,
                    renderer,
                    origin=address,
                    base_url=destination.base_url,
                    guard=(lambda _url: "") if confirmed else setup.guard(),
                    transport=transport,
                    credentials=credentials,
                    redactor=redactor,
                    pacer=Pacer(plan.pace.concurrency, *(() if info.sandbox else (plan.pace.rate, plan.pace.windows))),
                )
            finally:
                credentials.close()


def _plan(setup: SpecSetup, variables: Mapping[str, str], journal: str, destination: Destination) -> Plan:
    from rokt_export.commands.run_session import new_key
    from rokt_export.delivery.plan import GeneratedRows, Pace, Plan

    pace = Pace.of(setup.spec.limits_of(setup.environment))
    return Plan(
        setup.spec,
        setup.environment,
        variables,
        GeneratedRows(0, frozenset(), 0),
        pace,
        journal,
        new_key(),
        destination=destination,
        plugins=setup.plugins,
    )


def _undecided(left: Iterable[tuple[AcceptedJob, Decision]]) -> str:
    """Return in words how far the jobs are about which the partner is asked again."""
    asked = [decision for _, decision in left if not decision.hopeless]
    silent = sum(decision.fault for decision in asked)
    unread = sum(decision.reason is not None and not decision.fault for decision in asked)
    parts = [
        f"{number:,} {what}" if number < len(asked) else what
        for number, what in (
            (len(asked) - silent - unread, "still pending"),
            (unread, "not understood"),
            (silent, "without a response"),
        )
        if number
    ]
    return " and ".join(filter(None, (", ".join(parts[:-1]), parts[-1])))


def _say_what_is_left(terminal: Terminal, left: list[tuple[AcceptedJob, Decision]]) -> None:
    """Say which jobs are not decided, and why, as far as there is a reason."""
    if not left:
        return
    terminal.warn(
        f"{number_of(len(left), 'job is', 'jobs are')} not decided yet: these rows stay accepted, not confirmed"
    )
    reasons: dict[str, list[AcceptedJob]] = {}
    for job, decision in left:
        reasons.setdefault(decision.reason or "the partner says that it is pending", []).append(job)
    for reason, jobs in list(reasons.items())[:_MOST_TOLD]:
        named = ", ".join(job.name for job in jobs[:3]) + (f" and {len(jobs) - 3:,} more" if len(jobs) > 3 else "")
        terminal.warn(f"  {named}: {reason}")
