"""`diagnose`: why a partner refused a request, from what was recorded and from harmless requests."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rokt_export.commands import completion
from rokt_export.commands import options as flag
from rokt_export.commands.named_run import find_to_read, open_existing
from rokt_export.commands.options import Output
from rokt_export.commands.spec_setup import journal_place, load_to_send
from rokt_export.commands.terminal import GUARD, Terminal, number_of
from rokt_export.errors import ExitStatus, RoktExportError, UsageError
from rokt_export.reports.prose import print_message

if TYPE_CHECKING:
    from rokt_export.commands.spec_setup import SpecSetup
    from rokt_export.delivery.attempt_credentials import AttemptCredentials
    from rokt_export.diagnosis.case import Case
    from rokt_export.diagnosis.requests import HarmlessRequests
    from rokt_export.diagnosis.suspects import SuspectFinding
    from rokt_export.exchange.delivery import Delivery
    from rokt_export.journal.recording import Recording
    from rokt_export.partner_spec.model import PartnerSpec
    from rokt_export.reports.run_report import RunReport

Subject = Annotated[
    str,
    typer.Argument(metavar="RUN|SPEC", help="A run, or a spec to ask its endpoint.", autocompletion=completion.runs),
]
Row = Annotated[
    int | None,
    typer.Option("--row", min=1, metavar="N", help="The row; default the first refused one.", show_default=False),
]
Environment = Annotated[
    str | None,
    typer.Option(
        "--environment", "-e", metavar="NAME", autocompletion=completion.environments, show_default=False,
        help="The environment of a spec; default staging.",
    ),
]  # fmt: skip
Offline = Annotated[bool, typer.Option("--offline", help="Use what the run recorded alone; send nothing.")]
_CONTACT = frozenset(
    {
        "edge-firewall",
        "allow-list",
        "scope",
        "user-agent",
        "certificate-expired",
        "certificate-host",
        "certificate-chain",
    }
)
"""Causes that only the partner can remove."""
_SHOWN = 5
_EXCERPT = 300


@dataclass(frozen=True, slots=True)
class _Diagnosis:
    """A case that was looked into.

    Attributes:
        case: None where nothing was refused.
        untested: why no request was sent, of a case or of the row itself; empty where some were.
        next_command: the command that goes on, ready to be pasted.
    """

    subject: dict[str, Any]
    case: Case | None
    findings: list[SuspectFinding]
    untested: str
    next_command: str


def diagnose(
    subject: Subject = "last",
    row: Row = None,
    environment: Environment = None,
    offline: Offline = False,
    confirm: flag.Confirm = None,
    output: flag.OutputFormat = Output.TABLE,
    env_file: flag.EnvFile = None,
    allow_plugin: flag.AllowPlugin = None,
    journal: flag.JournalPlace = None,
    quiet: flag.Quiet = False,
    verbose: flag.Verbose = False,
    no_color: flag.NoColor = False,
) -> int:
    """Say why a partner refused a request: firewall, credentials, path, certificate and others, with evidence.

    Suspects are tested by OPTIONS, HEAD and GET without a body or a person, never with a transaction. A guarded
    environment needs --confirm for that, as in `probe`. Exit status: 0 nothing was refused, 1 suspects are listed.

    Examples:
        rokt-export diagnose last
        rokt-export diagnose last --row 4 --offline
        rokt-export diagnose acme.yaml --environment staging
    """
    from rokt_export.diagnosis.suspects import ranked

    terminal = Terminal(quiet, verbose, no_color)
    asks = _CaseReader(terminal, confirm, env_file, allow_plugin)
    if Path(subject).is_file() or Path(subject).suffix in (".yaml", ".yml"):
        if offline or row is not None:
            raise UsageError("a spec has no recorded responses", where=subject, remedy="Name a run, or leave this out.")
        about, case, untested, after = asks.of_spec(Path(subject), environment or "staging", journal_place(journal))
    else:
        if environment is not None:
            raise UsageError("a run has its environment", where="--environment", remedy="Leave it out.")
        about, case, untested, after = asks.of_run(subject, row, journal, offline=offline)
    findings = ranked(case) if case is not None else []
    following = after(findings[0].cause if findings else None)
    _show(terminal, output, _Diagnosis(about, case, findings, untested, following))
    return ExitStatus.FINDINGS if case is not None else ExitStatus.OK


@dataclass(frozen=True, slots=True)
class _CaseReader:
    """Makes cases from runs and specs."""

    terminal: Terminal
    confirm: str | None
    env_file: Path | None
    allow_plugin: list[str] | None

    def of_spec(self, path: Path, environment: str, place: str) -> tuple[dict[str, Any], Case | None, str, Any]:
        """Ask the endpoint of a spec, and return its refusal, if there is one."""
        from rokt_export.commands.run_output import NextCommands
        from rokt_export.diagnosis.case import SentDelivery
        from rokt_export.diagnosis.refusal import refusal

        setup = load_to_send(path, environment, self.env_file, self.allow_plugin)
        requests = self._requests(setup)
        spec = setup.spec
        headers = {name.lower(): value for name, value in requests.renderer.shared_headers}
        method = str(spec.environment(environment).method)
        sent = SentDelivery(method, requests.url, headers, _authenticates(spec, environment))
        about = {"run": None, "row": None, "partner": spec.partner, "environment": environment}
        options = {"plugins": self.allow_plugin or (), "env_file": self.env_file}
        confirm = spec.partner if setup.target().guarded else None
        onward = NextCommands(str(path), (), options, environment, place, confirm)
        return about, refusal(sent, requests), "", lambda _cause: onward.test()

    def of_run(
        self, name: str, row: int | None, journal: str | None, *, offline: bool
    ) -> tuple[dict[str, Any], Case | None, str, Any]:
        """Return the refusal of a row of a run."""
        from rokt_export.commands.run_output import NextCommands, exchanges_of, place_flag
        from rokt_export.exchange.model import OutcomeKind
        from rokt_export.reports.run_report import RunReport

        with open_existing(place := journal_place(journal)) as opened:
            run_report = RunReport.of(opened, find_to_read(opened, name))
            found = _first_refused(run_report) if row is None else exchanges_of(run_report, [row])[row]
            if found is not None and found[0].outcome == run_report.expected:
                found = None
        info = run_report.run
        about = {"run": info.run, "row": None, "partner": info.partner, "environment": info.environment}
        path = info.options.get("spec_path", info.spec_file)

        def after(cause: str | None) -> str:
            if cause is None or cause in _CONTACT:
                return f"rokt-export report {info.run} --out {info.partner}.eml{place_flag(place)}"
            return NextCommands.of(info, place).test()

        if found is None:
            return about, None, "", after
        one, recording = found
        if one.status is None and not one.error:
            never = one.outcome == OutcomeKind.INVALID
            told = f"row {one.row} {'was never sent' if never else 'has no response'}: {one.reason or one.outcome}"
            if never and info.command == "replay":
                return about, None, told, lambda _cause: NextCommands.of(info, place).rerun(info.run, one.outcome)
            return about, None, told, after
        case = _recorded(run_report, one, recording)
        if _is_about_the_row(one, case):
            return about, None, "", after
        requests, untested = self._requests_of(run_report, path, offline=offline)
        if recording is None or recording.earlier:
            self.terminal.warn(f"only the status is known: {run_report.why_not_recorded(one)}")
        return {**about, "row": one.row}, replace(case, requests=requests), untested, after

    def _requests_of(self, run_report: RunReport, path: str, *, offline: bool) -> tuple[HarmlessRequests | None, str]:
        """Return what tests the suspects of a run, or why nothing is sent."""
        if offline:
            return None, "--offline: nothing was sent"
        if run_report.run.sandbox:
            return None, "the run went to a sandbox: nothing was sent to the partner"
        if not Path(path).is_file():
            return None, f"the spec {path} is gone: nothing was sent"
        try:
            setup = load_to_send(Path(path), run_report.run.environment, self.env_file, self.allow_plugin)
            return self._requests(setup), ""
        except UsageError:
            self.terminal.say("without that consent, --offline uses what the run recorded")
            raise
        except RoktExportError as error:
            return None, f"nothing was sent: {error}"

    def _requests(self, setup: SpecSetup) -> HarmlessRequests:
        """Return what sends harmless requests, once the interlock lets it.

        Raises:
            UsageError: the environment is guarded, and was not confirmed.
            ConfigurationError: a variable is not set.
        """
        from rokt_export.commands.interlock import pass_interlock
        from rokt_export.commands.run_session import new_key, variables_for
        from rokt_export.delivery.address import Address
        from rokt_export.delivery.plan import GeneratedRows, Pace, Plan
        from rokt_export.delivery.worker import credentials_for, transport_options
        from rokt_export.diagnosis.requests import MOST, HarmlessRequests
        from rokt_export.redaction import Redactor

        spec, environment = setup.spec, setup.environment
        pass_interlock(self.terminal, setup.target(), spec, confirm=self.confirm, invented=False, test_data=False)
        variables = variables_for(setup, self.terminal)
        limits = spec.limits_of(environment)
        plan = Plan(
            spec, environment, variables, GeneratedRows(0, frozenset(), 0), Pace.of(limits), "", new_key(),
            plugins=setup.plugins,
        )  # fmt: skip
        renderer = plan.renderer()
        options = transport_options(plan, renderer, 1)
        redactor = GUARD.redactor or Redactor()
        guard = setup.guard()

        def credentials() -> AttemptCredentials:
            return credentials_for(plan, renderer, options, redactor)

        def forbidden(url: str) -> bool:
            return Address.of(url, {}) is None or bool(guard(url))

        spans = [each for each in limits.rate if each.seconds > 1]
        most = min([MOST, *(max(1, int(each.sends)) for each in spans)])
        interval = max((1 / each.per_second for each in limits.rate if each.seconds <= 1), default=0.0)
        return HarmlessRequests(renderer, options, credentials, forbidden, interval, most)


def _authenticates(spec: PartnerSpec, environment: str) -> bool:
    return any(each.type != "none" for each in spec.environment(environment).authentication or ())


def _first_refused(run_report: RunReport) -> tuple[Delivery, Recording | None] | None:
    """Return the first row whose response speaks of the set-up; without one, the first that is not as expected.

    A row that the partner refuses for its data, or knows, comes last.
    """
    from rokt_export.diagnosis.case import is_about_its_row, needs_diagnosis

    other = about_its_row = None
    for one, recording in run_report.deliveries_with_recordings():
        kind = (one.error or "").partition(":")[0]
        if needs_diagnosis(one.status, kind):
            return one, recording
        if one.outcome == run_report.expected or (one.status is None and not kind):
            continue
        if is_about_its_row(one.outcome, one.status):
            about_its_row = about_its_row or (one, recording)
        else:
            other = other or (one, recording)
    return other or about_its_row


def _recorded(run_report: RunReport, one: Delivery, recording: Recording | None) -> Case:
    """Return the case of a row as the journal has it."""
    from rokt_export.diagnosis.case import Case, SentDelivery
    from rokt_export.exchange.model import Response

    spec, environment = run_report.spec, run_report.run.environment
    method = str(spec.environment(environment).method) if spec is not None else "the request"
    url, response, fault = "", None, None
    headers: dict[str, str] = {}
    at = one.started + (one.latency_ms or 0.0) / 1000 if one.started and one.attempts == 1 else None
    if recording is not None:
        method, url = recording.method or method, str(recording.url)
        headers = {name.lower(): str(value) for name, value in recording.request_headers}
    if recording is not None and not recording.earlier:
        fault, at = recording.fault, recording.started + recording.timings.total
        response = recording.response if fault is None else None
    elif one.status is not None:
        response = Response(one.status)
    elif one.error:
        kind, _, message = one.error.partition(": ")
        fault = kind, message
    authenticates = None if spec is None else _authenticates(spec, environment)
    if "authorization" in headers:
        authenticates = True
    return Case(SentDelivery(method, url, headers, authenticates), response, fault, at)


def _is_about_the_row(one: Delivery, case: Case) -> bool:
    """Return whether a response is the partner's word about a row, and nothing in it speaks of the set-up."""
    from rokt_export.diagnosis.case import is_about_its_row
    from rokt_export.diagnosis.suspects import ranked

    return is_about_its_row(one.outcome, one.status) and not ranked(case)


def _show(terminal: Terminal, output: Output, found: _Diagnosis) -> None:
    findings: list[dict[str, Any]] = [
        {
            "cause": each.cause,
            "title": each.title,
            "confidence": each.confidence,
            "likelihood": each.word,
            "evidence": [_safe(text) for text in each.evidence],
            "advice": each.advice,
        }
        for each in found.findings
    ]
    match output:
        case Output.JSON:
            terminal.json({**_facts(found), "suspects": findings})
        case Output.NDJSON:
            terminal.ndjson(findings)
        case Output.CSV:
            rows = [{**each, "evidence": "; ".join(each["evidence"])} for each in findings]
            terminal.csv(rows, ("cause", "title", "confidence", "likelihood", "evidence", "advice"))
        case Output.TABLE:
            _print(terminal, found)


def _safe(text: str) -> str:
    """Return a text without secrets, and without the addresses of anyone."""
    text = GUARD.text(text)
    redactor = GUARD.redactor
    return (redactor.addresses(text) if redactor is not None else text)[:_EXCERPT]


def _facts(found: _Diagnosis) -> dict[str, Any]:
    """Return the refusal and the requests that were sent, as JSON data."""
    from rokt_export.diagnosis.case import moment
    from rokt_export.exchange.model import Response
    from rokt_export.response.log_ids import request_ids

    case = found.case
    refused = None
    if case is not None:
        refused = {
            "method": case.asked_by or case.sent.method,
            "url": _safe(case.sent.url),
            "status": case.status,
            "fault": None if case.fault is None else _safe(": ".join(case.fault)),
            "at": moment(case.at) if case.at else None,
            "request_ids": {name: _safe(value) for name, value in case.request_ids},
        }
    asked = case.requests.asked if case is not None and case.requests is not None else []
    requests = [
        {
            "method": each.method,
            "url": _safe(each.url),
            "changed": each.changed or None,
            "status": each.result.status if isinstance(each.result, Response) else None,
            "fault": None if isinstance(each.result, Response) else _safe(each.result.message),
            "at": moment(each.at),
            "request_ids": {
                name: _safe(value)
                for name, value in (request_ids(each.result) if isinstance(each.result, Response) else ())
            },
        }
        for each in asked
    ]
    return {
        **found.subject, "refusal": refused, "requests": requests, "untested": found.untested or None,
        "next": found.next_command,
    }  # fmt: skip


def _print(terminal: Terminal, found: _Diagnosis) -> None:
    from rich.text import Text

    facts = _facts(found)
    refused = facts["refusal"]
    if refused is None:
        if found.untested:
            print_message(terminal.out, f"{found.untested[0].upper()}{found.untested[1:]}.")
        elif found.subject["run"] is None:
            terminal.out.print("Nothing was refused.", markup=False)
            terminal.say("OPTIONS and HEAD do not prove credentials: a test does")
        else:
            terminal.out.print("Nothing was refused because of the set-up.", markup=False)
        terminal.say(f"next: {found.next_command}")
        return

    def line(text: str, style: str = "") -> None:
        print_message(terminal.out, text, style)

    row = f"row {facts['row']} of run {facts['run']}: " if facts["row"] else ""
    line(f"{row}{refused['method']} {refused['url']}: {refused['status'] or refused['fault']}")
    if not found.findings:
        line("No suspect has evidence against it.")
    for number, each in enumerate(found.findings[:_SHOWN], 1):
        terminal.out.print()
        head = Text.assemble(
            (f"{number}. {each.title}", "bold"), f"  ({each.word}, {each.confidence:.0%} sure; {each.cause})"
        )
        print_message(terminal.out, head)
        for text in each.evidence:
            line(f"   - {_safe(text)}")
        line(f"   {each.advice}", "dim")
    terminal.out.print()
    line("For the tech contact:", "bold")
    _contact(line, refused, facts["requests"])
    tested = "no request was sent: none would test these suspects"
    if asked := len(facts["requests"]):
        tested = f"tested by {number_of(asked, 'request', 'requests')} without a body; no transaction was sent"
    terminal.say(found.untested or tested)
    terminal.say(f"next: {found.next_command}")


def _contact(line: Any, refused: dict[str, Any], requests: list[dict[str, Any]]) -> None:
    """Print when the refusal came, the ids of it, and those of the requests that were sent now."""

    def ids(of: dict[str, Any]) -> str:
        return "".join(f"; {name}: {value}" for name, value in of["request_ids"].items())

    line(f"   {refused['at'] or 'time not recorded'}  {refused['method']} {refused['url']}{ids(refused)}")
    for each in requests:
        if each["changed"] is None and all(each[name] == refused[name] for name in ("at", "method", "request_ids")):
            continue  # the refusal itself
        changed = f" ({each['changed']})" if each["changed"] else ""
        line(f"   {each['at']}  {each['method']} {each['url']}{changed}: {each['status'] or each['fault']}{ids(each)}")
