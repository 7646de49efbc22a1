"""What `test`, `replay`, `diff` and `certify` share: a plan is carried out as one run in the journal."""

from __future__ import annotations

import gc
import os
import secrets
import shlex
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import count
from math import ceil
from types import FrameType
from typing import TYPE_CHECKING, Any, TypeVar, assert_never

import typer
from msgspec import Struct

from rokt_export.commands.input_summary import left_out
from rokt_export.commands.preflight import target_of
from rokt_export.commands.progress import ProgressWatch
from rokt_export.commands.run_output import NextCommands, say_how_to_go_on
from rokt_export.commands.spec_setup import SpecSetup, tell_variables
from rokt_export.commands.terminal import GUARD, LOG, Terminal, drop, note, number_of
from rokt_export.delivery.events import Settled, StopReason
from rokt_export.delivery.input_feed import is_live
from rokt_export.delivery.omitted_values import NOTE as OMITTED
from rokt_export.delivery.omitted_values import OmittedValues
from rokt_export.delivery.plan import FileRows, Plan
from rokt_export.delivery.redaction_setup import redactor_for
from rokt_export.delivery.row_filter import identity_of
from rokt_export.delivery.run_counts import RunFigures, Tally
from rokt_export.delivery.worker import AT_ONCE, Result, StopRequest, Watch, journal_of
from rokt_export.delivery.workers import run_plan
from rokt_export.errors import (
    ConfigurationError,
    ExitStatus,
    JournalError,
    JournalGoneError,
    RoktExportError,
    UsageError,
)
from rokt_export.exchange.delivery import Keep
from rokt_export.partner_spec.references import credential_variables, variable_names, variable_uses
from rokt_export.redaction.spec_lines import masked_spec

if TYPE_CHECKING:
    from rokt_export.commands.metrics import Metrics
    from rokt_export.journal import Journal, RunState
    from rokt_export.transactions.files import FileStamp

T = TypeVar("T")

_GRACE = 2.0
"""Seconds that the journal has to take what was answered, and a token server to be given up, once a person leaves."""
_NOT_STARTED = (ExitStatus.USAGE, ExitStatus.CONFIGURATION)
"""What ends a run whose input or set-up is wrong."""
_NO_ENDING: Mapping[str, Any] = {"finished": None}
"""The notes of a run that an error ends: what an earlier process noted of its end is no longer true."""
_MOST_JOURNALS = 5
"""Other journals that are named."""
_SHOW_CURSOR = "\x1b[?25h"


@dataclass(frozen=True, slots=True)
class RunJob:
    """A run to carry out.

    Attributes:
        options: what a resume needs.
        resume: the run to go on with, instead of a new one.
        keep: which rows stay in the journal once the run is finished.
        metrics: where metrics go.
    """

    command: str
    setup: SpecSetup
    plan: Plan
    name: str | None = None
    events: tuple[str, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)
    resume: str | None = None
    keep: Keep = Keep.ALL
    metrics: Metrics | None = None

    @property
    def kept(self) -> dict[str, Any]:
        """What is kept with the run for commands that go on after it."""
        rules = self.plan.spec.provisional_rules
        return {
            **self.options,
            "rows": self.plan.wanted,
            "target": target_of(self.plan),
            **({"plugins": sorted(self.plan.plugins)} if self.plan.plugins else {}),
            **({"provisional": rules} if rules else {}),
        }


class RunResult(Struct, frozen=True):
    """A run that is over.

    Attributes:
        result: the counts and how it ended.
        status: the exit status that it comes to.
    """

    run: str
    result: Result
    status: ExitStatus


def variables_for(setup: SpecSetup, terminal: Terminal, given: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the values that a send needs; tell where each goes, and let the terminal know what is secret among them.

    Args:
        given: the values for a sandbox, which leave this machine nowhere.

    Raises:
        ConfigurationError: one is not set.
    """
    names = variable_names(setup.spec, [setup.environment])
    to_partner = given is None
    if given is None:
        setup.variables.require(names, setup.environment)
        given = setup.variables.values
    values = {name: given[name] for name in names}
    GUARD.know(redactor_for(setup.spec, setup.environment, values, addresses=False))
    if to_partner:
        tell_variables(terminal, setup.spec, variable_uses(setup.spec, setup.environment, values))
    return values


def new_key() -> bytes:
    """Return the key that makes one value one token within a run."""
    return secrets.token_bytes(16)


RunPlan = Callable[[Plan, str, Watch, StopRequest, "Journal | None"], Result]
"""Sends what a plan asks for; `workers.run_plan` is the usual one."""


def carry_out(
    job: RunJob, terminal: Terminal, listen: Callable[[Settled], None] | None = None, run_with: RunPlan | None = None
) -> RunResult:
    """Carry a plan out: begin the run, send, settle, end it; whatever happens, the journal says so.

    Args:
        job: the run.
        terminal: for progress and messages.
        listen: hears each batch of settled exchanges, where they are settled in this process.
        run_with: sends; None for `workers.run_plan`.

    Raises:
        RoktExportError: it could not be carried out; what was settled stays settled.
    """
    # What makes no request at all makes no run either.
    for name in job.plan.renderer().unsigned:
        terminal.say(f"a sandbox cannot check the credentials of {name}: they are left out, and it is not loaded")
    _check_open_files(job.plan)
    stamps = _stamps(job.plan)
    with ExitStack() as opened:
        journal: Journal | None = opened.enter_context(journal_of(job.plan))
        assert journal is not None
        _warn_of_other_journals(job.plan, journal, terminal)
        _say_who_has_the_name(job, journal, terminal)
        omitted = _omitted_before(job, journal)
        run, before = _begin(job, journal)
        recorded = 0 if job.resume is None else journal.recorded(run)
        if job.plan.partitions > 1:  # SQLite forbids that a connection is carried over a fork
            opened.close()
            journal = None
        LOG.run = run
        plan = replace(job.plan, before=before, recorded=recorded, verbose=terminal.verbose)
        plan = replace(plan, metrics=job.metrics is not None)
        job = replace(job, plan=plan)
        labels = {
            "run": run, "partner": plan.spec.partner, "environment": plan.environment, "command": job.command,
        }  # fmt: skip
        counted = plan.selection.only is None and isinstance(plan.rows, FileRows) and not is_live(plan.rows)
        files = [stamp.path for stamp in stamps] if counted else []
        watch = ProgressWatch(terminal, plan.wanted, listen, job.metrics, labels, files)
        return _carried_out(job, run, journal, stamps, watch, run_with or run_plan, omitted)


def _check_open_files(plan: Plan) -> None:
    """Check that a process may open as many connections as it has requests in flight.

    Raises:
        ConfigurationError: it may not, and would report the partner as unreachable.
    """
    from rokt_export.transport.transport import too_few_descriptors

    if plan.spec.environment(plan.environment).http_version == "2":  # many requests share a connection
        return
    in_flight = ceil(plan.pace.concurrency / plan.partitions)
    connections = in_flight if plan.wanted is None else min(in_flight, max(1, plan.wanted))
    if (short := too_few_descriptors(connections)) is not None:
        needed, allowed = short
        raise ConfigurationError(
            f"{connections:,} requests at a time need about {needed:,} open files in a process, and this system allows "
            f"{allowed:,}",
            where="ulimit -n",
            remedy=f"Raise the limit (`ulimit -n {2 * needed}`), or lower --concurrency to "
            f"{max(1, allowed - needed + connections):,}.",
        )


def _carried_out(
    job: RunJob,
    run: str,
    journal: Journal | None,
    stamps: list[FileStamp],
    watch: ProgressWatch,
    run_with: RunPlan,
    omitted: OmittedValues,
) -> RunResult:
    """Send the rows of a run that has begun, and end it; `omitted` is what its earlier processes left out."""
    _note_decisions(job, run)
    brake = StopRequest()
    # To the very end: an eager second Ctrl-C must not keep the journal from learning how the run ended.
    with _signals(brake, watch), _settled_rows_in_errors(job, run):
        result = _with_suspect(job, _sent(job, run, journal, watch, brake, run_with), run)
        result.tally.notes.extend(left_out(result.tally.left_out, result.tally.first_left_out, job.command))
        result.tally.omitted.merge(omitted)
        result.tally.omitted.partial |= bool(result.deaths)
        changed = _note_changes(result.tally, stamps)
        status = ExitStatus.most_severe(
            _status(job, run, journal, result, watch.say), ExitStatus.FINDINGS if changed else ExitStatus.OK
        )
        state = "finished" if result.finished.reason is StopReason.COMPLETE else "interrupted"
        _end(job, run, journal, state, status, _notes(job, result), watch.say)
        result.tally.notes.extend(result.tally.omitted.sentences)  # reports have them from the counts
        watch.ended(status, result.finished)
    return RunResult(run, result, status)


def _note_decisions(job: RunJob, run: str) -> None:
    plan, pace = job.plan, job.plan.pace
    files = ", ".join(stamp.path for stamp in _stamps(plan))
    note(f"read: {files or 'stdin' if isinstance(plan.rows, FileRows) else 'no file: test people are generated'}")
    address = plan.renderer().base_url().partition("?")[0]
    place = "a sandbox" if plan.destination.base_url else "guarded" if plan.guarded else "not guarded"
    note(f"decided: run {run}, {plan.environment}, {place}, {address}")
    rate = pace.rate_text or "none"
    note(
        f"decided: concurrency {pace.concurrency}, rate {rate}, attempts {pace.attempts}, timeout {pace.timeout:g} s, "
        f"processes {plan.partitions}"
    )
    note(f"decided: a row is recognized by {', '.join(identity_of(plan.spec))}")


def _sent(
    job: RunJob, run: str, journal: Journal | None, watch: ProgressWatch, brake: StopRequest, run_with: RunPlan
) -> Result:
    gc.freeze()  # what is loaded stays, and workers share it: garbage is looked for only in what comes
    try:
        with watch:
            return run_with(job.plan, run, watch, brake, journal)
    except JournalError:
        raise
    except RoktExportError as error:
        if job.resume is None and error.exit_status in _NOT_STARTED and _withdrawn(job, run, journal):
            raise
        _end(job, run, journal, "interrupted", error.exit_status, _NO_ENDING, watch.say)
        watch.warn(f"run {run} stopped; `rokt-export runs show {run}` lists what was settled")
        from rokt_export.reports.run_report import RunReport

        with suppress(JournalError), journal_of(job.plan, journal) as opened:
            if (info := opened.find(run)).counts:
                say_how_to_go_on(RunReport.of(opened, info), job.plan.journal, watch.warn)
        raise
    except BaseException:
        _end(job, run, None, "interrupted", ExitStatus.INTERRUPTED, _NO_ENDING, watch.say)
        raise


def _withdrawn(job: RunJob, run: str, journal: Journal | None) -> bool:
    """Remove a run that sent nothing, as its input could not be read at all; return whether it was one."""
    with suppress(JournalError), journal_of(job.plan, journal) as opened:
        return opened.withdraw(run)
    return False


def _warn_of_other_journals(plan: Plan, journal: Journal, terminal: Terminal) -> None:
    """Say why the journal may not know all that a guarded environment was sent; at a terminal, a person decides.

    Raises:
        UsageError: they did not agree.
    """
    if not plan.guarded:
        return
    if (folder := journal.unmarked()) is not None:
        terminal.warn(f"{folder} cannot be written to: copies of the journal cannot be recognised here")
    others = journal.senders_before(plan.ledger)
    if not others:
        return
    named = [f"`--journal {shlex.quote(each)}`" for each in others[:_MOST_JOURNALS]]
    if more := len(others) - len(named):
        named.append(f"{more:,} more")
    known = f"{named[0]} knows" if len(named) == 1 else f"{', '.join(named[:-1])} and {named[-1]} know"
    terminal.warn(
        f"{journal.place} has no record of what was sent to {plan.spec.partner} {plan.environment}, and this "
        f"machine sent to it with {number_of(len(others), 'other journal', 'other journals')} before: those rows are "
        f"sent again. {known} them"
    )
    if sys.stdin.isatty() and sys.stderr.isatty() and not typer.confirm("Go on with the new journal", err=True):
        raise UsageError("not confirmed; nothing was sent")


def _say_who_has_the_name(job: RunJob, journal: Journal, terminal: Terminal) -> None:
    """Say that other runs have the name of a new run: it means the newest, and does for no command that changes one."""
    if job.resume is None and job.name is not None and (ids := journal.ids_named(job.name)):
        runs = number_of(len(ids), "earlier run has", "earlier runs have")
        terminal.say(f"{runs} the name `{job.name}`: to resume, confirm or purge one of them, give its id")


def _omitted_before(job: RunJob, journal: Journal) -> OmittedValues:
    """Return what earlier processes of a run that is resumed left out of requests; nothing for a new run."""
    if job.resume is None:
        return OmittedValues()
    return OmittedValues.of_run(journal.find(job.resume), journal.notes(job.resume))


def _begin(job: RunJob, journal: Journal) -> tuple[str, int]:
    """Begin a run, or take one over; return its id, and the last batch that was intended before."""
    if job.resume is not None:
        taken = journal.reopen(job.resume)
        return taken.run, taken.before
    loaded = job.setup.loaded
    writer = journal.begin(
        command=job.command,
        partner=loaded.spec.partner,
        environment=job.plan.environment,
        spec_file=loaded.document.file,
        spec_sha256=loaded.sha256,
        events=job.events,
        name=job.name,
        options=job.kept,
        production=job.plan.guarded,
        notes={"spec_text": masked_spec(loaded.document.text)},  # a crashed run has its spec, too
    )
    return writer.run, writer.before


def _with_suspect(job: RunJob, result: Result, run: str) -> Result:
    """Add to a wrong set-up what to look at, and which command shows more."""
    finished = result.finished
    if finished.reason is not StopReason.SETUP:
        return result
    spec, name = job.setup.spec, job.plan.environment
    file, address = job.setup.loaded.document.file, job.plan.renderer().base_url().partition("?")[0]
    match finished.status:
        case 401 | 403:
            sources = job.setup.variables.sources
            names = sorted(credential_variables(spec, name))
            listed = ", ".join(f"{each} (from {sources.get(each, 'nowhere')})" for each in names)
            suspect = f"look at {listed}" if listed else f"look at `authentication` in {file}: it names no variable"
            suspect += ", and at who may reach the partner" if finished.status == 403 else ""
        case 405:
            suspect = f"look at `method` in {file}: {spec.environment(name).method or spec.method}"
        case 407:
            suspect = f"look at `proxy` in {file}, and at HTTPS_PROXY"
        case 415:
            suspect = f"look at `encoding` and `content_type` in {file}: {spec.encoding}"
        case _:
            suspect = f"look at `endpoint: {name}` in {file}: {address}"
    message = f"{finished.message}; {suspect}"
    if job.command in ("certify", "diff"):  # the others name it among the commands that fit
        message += f"; `{_onward(job).diagnose(run)}` finds the cause"
    return replace(result, finished=replace(finished, message=message))


def _onward(job: RunJob) -> NextCommands:
    file, plan = job.setup.loaded.document.file, job.plan
    partner = plan.spec.partner if plan.guarded else None
    return NextCommands(file, job.events, job.kept, plan.environment, plan.journal, partner)


def _end(
    job: RunJob,
    run: str,
    opened: Journal | None,
    state: str,
    status: ExitStatus,
    notes: Mapping[str, Any],
    tell: Callable[[str], None],
) -> None:
    """End a run; where the journal's server is away, try again as long as the run's patience says."""
    from rokt_export.journal import RunState

    final: RunState = RunState(state)
    reduced = final is RunState.FINISHED and job.keep is Keep.FAILURES
    patience = job.plan.pace.patience
    steadily = partial(_steadily, job, tell)
    with ExitStack() as stack:
        journal: Journal = steadily(lambda: stack.enter_context(journal_of(job.plan, opened)))
        if reduced and job.resume is not None:
            notes = {**notes, "figures": steadily(lambda: RunFigures.of(journal.deliveries(run)).as_json())}
        steadily(lambda: journal.note(run, notes))
        steadily(lambda: journal.attach(run, patience=patience, tell=tell)).end(final, int(status))
        if reduced:
            steadily(lambda: journal.keep_as_counts(run, [job.plan.expected]))


def _steadily(job: RunJob, tell: Callable[[str], None], attempt: Callable[[], T]) -> T:
    from rokt_export.journal.storage import steadily

    return steadily(attempt, patience=job.plan.pace.patience, tell=tell)


def _notes(job: RunJob, result: Result) -> dict[str, Any]:
    if job.resume is not None or result.deaths:
        # Earlier rows count too, or some that a dead worker did not tell of: read from the journal.
        return {"figures": None, **_standing_notes(job, result)}
    return {"figures": result.tally.figures.as_json(), **_standing_notes(job, result)}


def _standing_notes(job: RunJob, result: Result) -> dict[str, Any]:
    names, rules = job.plan.spec.rule_names, result.tally.figures.rules
    seen = {name: rules[name] for name in names if rules[name]}
    return {
        "coverage": {"seen": seen, "never": [name for name in names if name not in seen]},
        "finished": {"reason": str(result.finished.reason), "message": result.finished.stopped},
        "notes": result.tally.notes,
        OMITTED: result.tally.omitted.as_json(),
        "left_out": result.tally.known_before,
        "not_sent": result.tally.not_sent,
        "expected": str(job.plan.expected),
        "spec_text": masked_spec(job.setup.loaded.document.text),
    }


def _stamps(plan: Plan) -> list[FileStamp]:
    from rokt_export.transactions.files import FileStamp, expand

    files = expand(plan.rows.paths) if isinstance(plan.rows, FileRows) else ()
    return [stamp for path in files if (stamp := FileStamp.of(path)) is not None]


def _note_changes(tally: Tally, stamps: list[FileStamp]) -> bool:
    """Note which files changed while they were read; return whether any did."""
    from rokt_export.transactions.files import FileStamp, change_between

    changes = [(stamp.path, change_between(stamp, FileStamp.of(stamp.path))) for stamp in stamps]
    notes = [
        f"{path} changed while it was read: {change}. Compare the rows with the file as it is now."
        for path, change in changes
        if change is not None
    ]
    tally.notes.extend(notes)
    return bool(notes)


def _status(job: RunJob, run: str, opened: Journal | None, result: Result, tell: Callable[[str], None]) -> ExitStatus:
    rows = result.tally.exit_status(job.plan.expected) if result.status is None else result.status
    # A server that was killed may have lost the last results: the journal decides, not what was counted.
    on_server = "://" in job.plan.journal and result.status is None
    if job.resume is not None or result.deaths or on_server:
        rows = ExitStatus.most_severe(rows, _steadily(job, tell, lambda: _earlier(job, run, opened)))
    reason = result.finished.reason
    match reason:
        case StopReason.INTERRUPTED:
            return ExitStatus.INTERRUPTED
        case StopReason.UNREACHABLE | StopReason.SETUP:
            return ExitStatus.most_severe(rows, ExitStatus.UNREACHABLE)
        case StopReason.COMPLETE:
            return rows
        case StopReason.FAILURES | StopReason.CONSECUTIVE | StopReason.UNCLASSIFIED | StopReason.TIME:
            return ExitStatus.most_severe(rows, ExitStatus.FINDINGS)
        case _:
            assert_never(reason)


def _earlier(job: RunJob, run: str, opened: Journal | None) -> ExitStatus:
    """What all rows in the journal come to, those settled before a resume and those still unknown among them."""
    with journal_of(job.plan, opened) as journal:
        outcomes = journal.find(run).counts
    return ExitStatus.OK if set(outcomes) <= {job.plan.expected} else ExitStatus.FINDINGS


@contextmanager
def _settled_rows_in_errors(job: RunJob, run: str) -> Iterator[None]:
    """Let a journal that fails say which rows are: of all processes, if it can be read, else of the one that failed."""
    try:
        yield
    except JournalError as error:
        message, remedy = error.message, error.remedy or ""
        if error.settled is not None:
            least = "at least " if job.plan.partitions > 1 else ""  # one worker does not know of the others'
            message += f"; settled in run {run}: {_settled(job, run) or least + error.settled}"
        elif not isinstance(error, JournalGoneError):  # the run goes on elsewhere
            raise
        remedy += " What is in the journal stays settled."
        if job.command == "replay":
            remedy += f" Then go on with: {_onward(job).resume(run)}"
        raise type(error)(message, where=error.where, remedy=remedy.strip()) from error


def _settled(job: RunJob, run: str) -> str | None:
    try:
        with journal_of(job.plan) as journal:
            return journal.settled(run).counted()
    except RoktExportError:
        return None


class _Interrupts:
    """Ctrl-C once, or SIGTERM, stops and waits for answers; twice leaves at once; a third time, whatever is done.

    "At once" is a matter of writing down what was answered; what does not come to an end by then is not waited for.
    """

    def __init__(self, brake: StopRequest, watch: ProgressWatch) -> None:
        self._brake = brake
        self._watch = watch
        self._heard = count(1)
        self._said = 0
        self._saying = False
        self.leaving = threading.Timer(_GRACE, _leave)
        self.leaving.daemon = True

    def heard(self, _number: int, _frame: FrameType | None) -> None:
        """Handle a signal, perhaps while another one is being handled."""
        pressed = self._brake.level  # before the next line: a signal that comes between them counts too
        level = max(pressed + 1, next(self._heard))
        if level > AT_ONCE:
            raise KeyboardInterrupt
        self._brake.press(level)
        if level == AT_ONCE:
            self.leaving.start()
        if not self._saying:  # else this one came amid the message of the one before, which says both
            self._say()

    def _say(self) -> None:
        self._saying = True
        # A stream is not written to twice at once, nor can a module be used that the main thread is just loading.
        with suppress(RuntimeError, ImportError):
            while self._said < self._brake.level:
                self._said = self._brake.level
                self._watch.stopping(self._said)
        self._saying = False


@contextmanager
def _signals(brake: StopRequest, watch: ProgressWatch) -> Iterator[None]:
    """Stop the run as `_Interrupts` says.

    A terminal that goes away (SIGHUP: a connection that dropped, a closed window) stops it too, but hurries nothing: a
    shell passes the signal on a second time. Under nohup it does not matter.
    """
    shown = [stream for stream in (sys.stdout, sys.stderr) if stream.isatty()]
    interrupts = _Interrupts(brake, watch)

    def hung_up(_number: int, _frame: FrameType | None) -> None:
        for stream in shown:
            drop(stream)  # nobody reads there any more, and writing would fail
        brake.press(1)

    before = {number: signal.signal(number, interrupts.heard) for number in (signal.SIGINT, signal.SIGTERM)}
    if signal.getsignal(signal.SIGHUP) is signal.SIG_DFL:
        before[signal.SIGHUP] = signal.signal(signal.SIGHUP, hung_up)
    try:
        yield
    finally:
        interrupts.leaving.cancel()
        for number, handler in before.items():
            signal.signal(number, handler)


def _leave() -> None:
    """End the process as a kill would: what is in the journal stays, what is not is `unknown`."""
    words = "Not waiting any longer; rows that the journal has not settled are unknown."
    if LOG.is_json:
        LOG.write("warning", words)
    else:
        sys.stderr.write(f"{_SHOW_CURSOR if sys.stderr.isatty() else ''}\n{words}\n")
        sys.stderr.flush()
    os._exit(ExitStatus.INTERRUPTED)
