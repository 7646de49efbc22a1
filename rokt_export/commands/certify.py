"""`certify`: prove a set-up against the partner with acceptance probes derived from the spec."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rokt_export.commands import options as flag
from rokt_export.commands.certify_sign_off import AnswersFile, CheckedSpec, CheckPack, PackFolder, PageLanguage
from rokt_export.commands.options import Output
from rokt_export.commands.spec_setup import (
    SpecSetup,
    check_attributes,
    journal_place,
    load_to_send,
    operation_check_for,
    parse_set,
)
from rokt_export.commands.terminal import Terminal, number_of
from rokt_export.errors import ConfigurationError, UsageError, did_you_mean

if TYPE_CHECKING:
    from rokt_export.certification.open_findings import EarlierRun
    from rokt_export.certification.planning import PlannedProbe
    from rokt_export.certification.records import Certification
    from rokt_export.certification.running import Certifier
    from rokt_export.commands.run_session import RunResult
    from rokt_export.delivery.plan import Destination, Plan
    from rokt_export.partner_spec.model import PartnerSpec
    from rokt_export.transactions.transaction import Transaction

Subject = Annotated[
    str | None,
    typer.Argument(
        metavar="SPEC|RUN", help="The partner's spec, a YAML file; with --answers the run.", show_default=False
    ),
]
Required = Annotated[
    str | None,
    typer.Option(
        "--require-outcomes", metavar="OUTCOMES", show_default=False,
        help="Outcomes that must be seen, such as `delivered,duplicate,rejected`.",
    ),
]  # fmt: skip
Wait = Annotated[
    str,
    typer.Option(
        "--wait", metavar="DURATION", help="How long a record may take until the partner knows it, or has decided."
    ),
]
Yes = Annotated[bool, typer.Option("--yes", help="Send without asking at the terminal.")]


def certify(
    subject: Subject = None,
    sandbox: flag.WithSandbox = False,
    sandbox_url: flag.SandboxUrl = None,
    require_outcomes: Required = None,
    wait: Wait = "5s",
    set_values: flag.SetValues = None,
    openapi: flag.OpenApi = None,
    operation: flag.OperationName = None,
    yes: Yes = False,
    pack: PackFolder = Path(),
    template: PageLanguage = "en",
    answers: AnswersFile = None,
    check: CheckPack = None,
    spec: CheckedSpec = None,
    environment: flag.Environment = "staging",
    name: flag.Name = None,
    output: flag.OutputFormat = Output.TABLE,
    env_file: flag.EnvFile = None,
    allow_plugin: flag.AllowPlugin = None,
    journal: flag.JournalPlace = None,
    quiet: flag.Quiet = False,
    verbose: flag.Verbose = False,
    no_color: flag.NoColor = False,
) -> int:
    """Send acceptance probes derived from the spec, and judge each response. Never to a guarded environment.

    A good transaction, the same again, each parameter left out, missing and wrong credentials, a wrong content type,
    hostile text, longest values, an unknown field, two at once. All people are invented.

    It writes a certification pack: a page with a form for the partner's tech contact, and the same as JSON. The answers
    are read back by --answers; --check says whether a changed spec is still certified.

    Exit status: 0 no findings, 1 findings, 3 a fault in the spec, or a guarded environment, 4 the partner is
    unreachable or refuses the set-up.

    Examples:
        rokt-export certify acme.yaml --sandbox
        rokt-export certify acme.yaml --require-outcomes delivered,duplicate,rejected
        rokt-export certify --answers answers.json last
        rokt-export certify --check pack.html --spec acme.yaml
    """
    from rokt_export.certification.planning import plan_probes
    from rokt_export.certification.running import Certifier, people
    from rokt_export.commands.certify_output import show_certification
    from rokt_export.commands.certify_sign_off import (
        check_alone,
        check_pack,
        check_pack_folder,
        hand_over,
        read_answers,
    )
    from rokt_export.commands.document_notes import document_notes_of
    from rokt_export.commands.input_options import RowFlags
    from rokt_export.commands.interlock import pass_interlock
    from rokt_export.commands.replay_flags import options_of
    from rokt_export.commands.run_session import RunJob, carry_out, variables_for
    from rokt_export.commands.sandbox_target import sandboxed
    from rokt_export.spec_language.fields import duration

    terminal = Terminal(quiet, verbose, no_color)
    check_alone(answers=answers, check=check, spec=spec)
    if answers is not None:
        return read_answers(answers, subject, journal_place(journal), terminal, output)
    if check is not None:
        checked = spec or (Path(subject) if subject else None)
        return check_pack(check, checked, env_file, journal_place(journal), terminal, output)
    if subject is None:
        raise UsageError("no spec is named", remedy="Name one: rokt-export certify SPEC.")
    required, overrides = _outcomes(require_outcomes), parse_set(set_values)
    _check_persons(overrides)
    try:
        seconds = duration(wait)
    except ValueError as error:
        raise UsageError(str(error), where="--wait", remedy="Write `10s`, `500ms` or `2m`.") from error
    check_pack_folder(pack, template)
    setup = load_to_send(Path(subject), environment, env_file, allow_plugin)
    check_attributes(setup.spec, [*overrides], "--set")
    operation_check = operation_check_for(setup.loaded, openapi, operation)
    target = setup.target(sandbox=sandbox, sandbox_url=sandbox_url)
    if target.guarded:
        others = [each for each in setup.spec.endpoint if each != environment and not setup.spec.guards(each)]
        named = "".join(f"--environment {each}, or " for each in others[:1])
        raise ConfigurationError(
            f"{environment} is guarded, and certify sends bad transactions of invented people: nothing was sent",
            where=f"endpoint: {environment}",
            remedy=f"Use {named}--sandbox.",
        )
    pass_interlock(terminal, target, setup.spec, confirm=None, invented=True, test_data=False)
    with sandboxed(setup, wanted=sandbox, url=sandbox_url, remember=False) as (destination, variables):
        plan = _plan(setup, destination, variables_for(setup, terminal, variables), journal_place(journal))
        supply = people(plan, overrides)
        planned = plan_probes(plan, first := next(supply))
        guard = setup.guard()
        if destination.base_url is None:
            _check_records(plan, first, guard)
        plan = _with_total(plan, planned)
        _tell(terminal, setup, plan, planned, ask=not yes)
        document_notes = document_notes_of(operation_check, plan, setup.variables.values)
        certifier = Certifier(planned, supply, seconds, required, document_notes.listen, guard, _earlier(setup, plan))
        options = options_of(
            setup.spec, RowFlags.among(locals()), (), sandbox=sandbox, sandbox_url=sandbox_url, env_file=env_file
        )
        done = carry_out(RunJob("certify", setup, plan, name, (), options), terminal, run_with=certifier.run)
        document_notes.keep(done.run, plan.journal)
    _keep_decisions(certifier, done.run, plan.journal)
    made = _certification(certifier, done, setup, plan) if certifier.complete else None
    show_certification(made, done, plan.journal, terminal, output)
    if made is not None:
        hand_over(made, plan.journal, pack, template, terminal)
    return done.status


def _check_records(plan: Plan, person: Transaction, guard: Callable[[str], str]) -> None:
    """Check that nothing is asked or removed later at the address of a guarded environment.

    What a response decides of a URL is checked when it is asked.

    Raises:
        ConfigurationError: they are.
    """
    from rokt_export.delivery.asked_urls import GuardedUrlError, asked_url
    from rokt_export.request.url import blank_url, origin

    spec, captured = plan.spec, {"reference": "0", "code": "0"}
    home = origin(blank_url(spec.environment(plan.environment).url, plan.variables))
    asked = {"confirmation": spec.confirmation, "read_back": spec.read_back, "cleanup": spec.cleanup}
    for key, how in asked.items():
        if how is None:
            continue
        try:
            asked_url(
                how.url,
                captured,
                variables=plan.variables,
                origin=home,
                base_url=None,
                guard=guard,
                values=person.values,
            )
        except GuardedUrlError as error:
            raise ConfigurationError(
                f"{error}; nothing was sent",
                where=f"{key}: url",
                remedy=f"Write the URL that {plan.environment} has for it, or leave `{key}` out.",
            ) from error
        except ValueError:  # the person has no value for it, or a response names the whole of it
            continue


def _outcomes(text: str | None) -> frozenset[str]:
    """Return the outcomes that must be seen.

    Raises:
        UsageError: a probe cannot bring one about, or there is none of that name.
    """
    from rokt_export.spec_language.rules import OUTCOMES

    names = [each.strip().lower() for each in (text or "").split(",") if each.strip()]
    for each in names:
        if each not in OUTCOMES:
            near = did_you_mean(each, OUTCOMES) or ""
            raise UsageError(
                f"`{each}` is not an outcome of a rule", where="--require-outcomes",
                remedy=f"{near} Choose from {', '.join(OUTCOMES)}.".strip(),
            )  # fmt: skip
    return frozenset(names)


def _check_persons(overrides: Mapping[str, str]) -> None:
    """Check that test people stay different.

    Raises:
        UsageError: all of them would have one address or name.
    """
    from rokt_export.partner_spec.attributes import UNIQUE, canonical

    for name in overrides:
        if canonical(name) in UNIQUE:
            raise UsageError(
                f"each probe needs a new person, and `{name}` tells them apart",
                where="--set",
                remedy="Set other attributes, such as --set country=us.",
            )


def _plan(setup: SpecSetup, destination: Destination, variables: dict[str, str], journal: str) -> Plan:
    from rokt_export.commands.run_session import new_key
    from rokt_export.delivery.plan import GeneratedRows, Pace, Plan
    from rokt_export.exchange.delivery import KeptRecordings

    pace = Pace.of(setup.spec.limits_of(setup.environment))
    return Plan(
        setup.spec,
        setup.environment,
        variables,
        GeneratedRows(0, frozenset(), 0),
        pace if destination.base_url is None else pace.unpaced(),
        journal,
        new_key(),
        destination=destination,
        plugins=setup.plugins,
        recordings=KeptRecordings.ALL,
    )


def _with_total(plan: Plan, planned: Sequence[PlannedProbe]) -> Plan:
    from dataclasses import replace

    from rokt_export.certification.planning import CONTROLS

    return replace(plan, total=sum(probe.sends for probe in planned) + CONTROLS)


def _tell(terminal: Terminal, setup: SpecSetup, plan: Plan, planned: Sequence[PlannedProbe], *, ask: bool) -> None:
    """Say what will be sent; at a terminal, a person decides.

    Raises:
        UsageError: they did not agree.
    """
    spec, at_sandbox = setup.spec, plan.destination.base_url is not None
    environment = spec.environment(plan.environment)
    address = plan.renderer().base_url().partition("?")[0]
    runs = [probe for probe in planned if not probe.not_run]
    place = f"{spec.name} {plan.environment}{' (a sandbox)' if at_sandbox else ''}"
    left = len(planned) - len(runs)
    terminal.say(
        f"{number_of(len(planned), 'probe', 'probes')}{f', {left} of them not run' if left else ''}: "
        f"up to {number_of(plan.total or 0, 'send', 'sends')} of test people"
    )
    terminal.say(f"to {place}: {environment.method} {address}")
    limits = f", at most {text}" if (text := plan.pace.rate_text) else ""
    terminal.say(f"one at a time{limits}")
    if not at_sandbox:
        for line in _beside(spec, plan.total or 0, runs):
            terminal.say(line)
    someone = sys.stdin.isatty() and sys.stderr.isatty()
    if ask and someone and not at_sandbox and not typer.confirm("Send them", default=True, err=True):
        raise UsageError("not confirmed; nothing was sent")


def _beside(spec: PartnerSpec, sends: int, runs: Sequence[PlannedProbe]) -> Iterator[str]:
    """Yield a line for each kind of request beside the sends: reads and removals."""
    from rokt_export.certification.planning import READ_BACK

    looked_at = sum(probe.kind in READ_BACK for probe in runs)
    if spec.read_back is not None:
        records = number_of(sends if spec.cleanup is not None else looked_at, "record", "records")
        yield f"up to {records} read back, again within --wait until they are there"
    if spec.cleanup is not None:
        yield f"up to {number_of(sends, 'record', 'records')} removed by {spec.cleanup.method}"


def _earlier(setup: SpecSetup, plan: Plan) -> list[EarlierRun]:
    """Return the earlier certifications that had the same partner, or a sandbox, at the same address.

    A run whose address is not known is none of them.
    """
    from rokt_export.certification.open_findings import EarlierRun
    from rokt_export.certification.staleness import parts_of
    from rokt_export.commands.preflight import target_of
    from rokt_export.journal import Journal

    parts, sandbox, target = parts_of(setup.loaded), plan.destination.base_url is not None, target_of(plan)
    with Journal.open(plan.journal) as journal:
        return [
            EarlierRun.of(run, certificate, parts)
            for run, certificate, _ in journal.certifications(setup.spec.partner)
            if (certificate.environment, certificate.sandbox) == (plan.environment, sandbox)
            and (sandbox or journal.find(run).options.get("target") == target)
        ]


def _keep_decisions(certifier: Certifier, run: str, place: str) -> None:
    """Write to the journal what the partner decided of rows that it only accepted at first."""
    from msgspec.structs import replace

    from rokt_export.journal import Journal
    from rokt_export.journal.revisions import CONFIRM

    decided = {row: each for row, each in certifier.decided.items() if each.outcome is not None}
    if not decided:
        return
    with Journal.open(place) as opened:
        final = (
            replace(one, outcome=decided[one.row].outcome, reason=decided[one.row].reason)
            for one in opened.deliveries(run)
            if one.row in decided
        )
        opened.revise(run, final, by=CONFIRM)


def _certification(certifier: Certifier, done: RunResult, setup: SpecSetup, plan: Plan) -> Certification:
    """Return the certification of a complete run."""
    from rokt_export import __version__
    from rokt_export.certification.records import Certification, CertifiedRun, CertifiedSpec, PartnerQuestion
    from rokt_export.certification.staleness import parts_of
    from rokt_export.commands.preflight import target_of
    from rokt_export.journal import Journal
    from rokt_export.journal.run_info import as_text, now

    with Journal.open(plan.journal) as opened:
        info = opened.find(done.run)
    return Certification(
        CertifiedRun(
            info.run, info.name, info.environment, target_of(plan), as_text(info.started),
            as_text(info.ended or now()), info.sandbox,
        ),
        CertifiedSpec(info.partner, info.spec_sha256, parts_of(setup.loaded)),
        certifier.probes,
        certifier.records,
        tuple(PartnerQuestion(f"Q{number}", *each) for number, each in enumerate(certifier.questions, start=1)),
        certifier.coverage,
        certifier.unexplained,
        __version__,
        certifier.missing,
        certifier.reads,
        certifier.removals,
    )  # fmt: skip
