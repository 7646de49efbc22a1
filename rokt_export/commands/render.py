"""`render`: the requests that would be sent, without a network and without credentials."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import StrEnum
from itertools import islice
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from rokt_export.commands import options as flag
from rokt_export.commands.options import Output
from rokt_export.commands.spec_setup import SpecSetup, load, operation_check_for
from rokt_export.commands.terminal import Terminal
from rokt_export.errors import ExitStatus, UsageError

if TYPE_CHECKING:
    from rokt_export.delivery.plan import FileRows, GeneratedRows
    from rokt_export.journal.recording import Recording
    from rokt_export.onboarding.operation_check import OperationCheck
    from rokt_export.partner_spec.document import Finding
    from rokt_export.transactions.transaction import Transaction


class RequestForm(StrEnum):
    """How a request is shown."""

    HTTP = "http"
    CURL = "curl"
    JSON = "json"


class Rendered(NamedTuple):
    """One row's request.

    Attributes:
        recording: the request, redacted; None where the row cannot be sent.
        problems: why it cannot.
        contradictions: what the partner's document says against the request.
        omitted: parameters that `invalid: omit` left out of it.
    """

    transaction: Transaction
    recording: Recording | None
    problems: tuple[str, ...] = ()
    contradictions: tuple[Finding, ...] = ()
    omitted: tuple[str, ...] = ()


Count = Annotated[int, typer.Option("--count", min=1, metavar="N", help="Number of requests.")]
As = Annotated[RequestForm, typer.Option("--as", metavar="http|curl|json", help="HTTP text, a curl command, or JSON.")]


def render(
    spec: flag.SpecFile,
    events: flag.Events = None,
    count: Count = 1,
    form: As = RequestForm.HTTP,
    set_values: flag.SetValues = None,
    unset: flag.Unset = None,
    columns: flag.Columns = None,
    encoding: flag.Encoding = None,
    delimiter: flag.Delimiter = None,
    skip_lines: flag.SkipLines = 0,
    header: flag.Header = None,
    sheet: flag.Sheet = None,
    openapi: flag.OpenApi = None,
    operation: flag.OperationName = None,
    environment: flag.Environment = "staging",
    test_data: flag.TestData = False,
    show_personal: flag.ShowPersonal = False,
    output: flag.OutputFormat = Output.TABLE,
    env_file: flag.EnvFile = None,
    allow_plugin: flag.AllowPlugin = None,
    quiet: flag.Quiet = False,
    verbose: flag.Verbose = False,
    no_color: flag.NoColor = False,
) -> int:
    """Show the requests that would be sent. Nothing is sent, and credentials show as $NAME.

    Exit status: 0 all rendered, 1 a row does not satisfy the spec, 3 the spec or a file is wrong.

    Examples:
        rokt-export render acme.yaml
        rokt-export render acme.yaml events.csv --count 3 --as curl
        rokt-export render acme.yaml --openapi acme-openapi.json
    """
    from rokt_export.commands.input_options import RowFlags, rows_of
    from rokt_export.commands.input_summary import tell_first_rows

    terminal = Terminal(quiet, verbose, no_color)
    setup = load(spec, environment, env_file, allow_plugin)
    guarded = setup.spec.guards(environment)
    rows = rows_of(setup.spec, RowFlags.among(locals()), tuple(events or ()), count=count, guarded=guarded)
    if output is Output.CSV:
        raise UsageError(
            "a request is not a row of a table", where="--output", remedy="Use json or ndjson, or --as curl."
        )
    tell_first_rows(terminal, setup.spec, rows, count)
    operation_check = operation_check_for(setup.loaded, openapi, operation)
    shown = _requests(setup, rows, count, show_personal, operation_check)
    as_data = form is RequestForm.JSON or output is not Output.TABLE
    if not as_data:
        return _print(terminal, shown, form)
    rendered = list(shown)
    data = [_data(*each) for each in rendered]
    if output is Output.NDJSON:
        terminal.ndjson(data)
    else:
        terminal.json(data)
    _tell_contradictions(terminal, (finding for each in rendered for finding in each.contradictions))
    _tell_omitted(terminal, ((each.transaction.row, each.omitted) for each in rendered))
    return ExitStatus.FINDINGS if any(each["problems"] for each in data) else ExitStatus.OK


def _requests(
    setup: SpecSetup,
    rows: FileRows | GeneratedRows,
    count: int,
    show_personal: bool,
    operation_check: OperationCheck | None = None,
) -> Iterator[Rendered]:
    from rokt_export.delivery.dry_run import dry_variables, with_places
    from rokt_export.delivery.input_feed import source
    from rokt_export.delivery.plan import Pace, Plan
    from rokt_export.delivery.redaction_setup import PersonalData
    from rokt_export.exchange.model import Exchange, Outcome, OutcomeKind
    from rokt_export.journal.recording import record
    from rokt_export.request.render import InvalidRowError, Renderer

    variables, redactor = dry_variables(setup.spec, setup.environment, setup.variables.values)
    renderer = Renderer(setup.spec, setup.environment, variables, plugins=_plugins(setup))
    personal = PersonalData(setup.spec, renderer)
    plan = Plan(setup.spec, setup.environment, variables, rows, Pace(), "", b"")
    stand_ins = frozenset(variables.values()) - frozenset(setup.variables.values.values())
    for transaction in islice(source(plan), count):
        private = () if show_personal else personal.of(transaction)
        try:
            request = with_places(renderer.render(transaction), renderer, redactor)
        except InvalidRowError as error:
            problems = tuple(redactor.text(problem, private) for problem in error.problems)
            yield Rendered(transaction, None, problems)
            continue
        omitted = tuple(renderer.omitted)
        against = (
            operation_check.of_request(request, setup.environment, stand_ins) if operation_check is not None else ()
        )
        exchange = Exchange(transaction, request, None, Outcome(OutcomeKind.UNKNOWN))
        made = personal.derived.templated(transaction)
        recording = record(exchange, redactor.also("SIGNATURE", made) if made else redactor, private)
        yield Rendered(transaction, recording, contradictions=against, omitted=omitted)


def print_requests(terminal: Terminal, setup: SpecSetup, rows: FileRows | GeneratedRows, count: int = 1) -> int:
    """Print the first requests as HTTP text, redacted; return the exit status."""
    return _print(terminal, _requests(setup, rows, count, False), RequestForm.HTTP)


def _plugins(setup: SpecSetup) -> frozenset[str] | None:
    """What may be loaded: all of the classes that the spec names, else none, as nothing here needs a credential."""
    from rokt_export.authentication.custom import Custom, is_allowed

    authentications = setup.spec.environment(setup.environment).authentication or ()
    names = [each.auth for each in authentications if isinstance(each, Custom)]
    return setup.plugins if all(is_allowed(name, setup.plugins) for name in names) else None


def _tell_contradictions(terminal: Terminal, findings: Iterable[Finding]) -> None:
    """Print on stderr what the document says against the requests, each once."""
    if distinct := dict.fromkeys(findings):
        from rokt_export.commands.error_output import print_findings

        terminal.flush()
        print_findings(terminal.err, distinct)


def _tell_omitted(terminal: Terminal, rows: Iterable[tuple[int, tuple[str, ...]]]) -> None:
    """Print on stderr which parameters were left out of how many requests, by row and its parameters."""
    from rokt_export.delivery.omitted_values import OmittedValues

    omitted = OmittedValues()
    for row, names in rows:
        omitted.add(row, names)
    terminal.flush()
    for sentence in omitted.sentences:
        terminal.warn(sentence)


def _print(terminal: Terminal, shown: Iterator[Rendered], form: RequestForm) -> int:
    from rokt_export.reports.curl import curl_command
    from rokt_export.reports.http_text import laid_out, request_text
    from rokt_export.reports.message_view import message

    status = ExitStatus.OK
    against: dict[Finding, None] = {}
    left_out: list[tuple[int, tuple[str, ...]]] = []
    for number, (transaction, recording, problems, contradictions, omitted) in enumerate(shown):
        left_out.append((transaction.row, omitted))
        against |= dict.fromkeys(contradictions)
        if number:
            terminal.write(f"\n# row {transaction.row}")
        if recording is None:
            status = ExitStatus.FINDINGS
            for problem in problems:
                terminal.warn(f"row {transaction.row} cannot be sent: {problem}")
        elif form is RequestForm.CURL:
            terminal.write(curl_command(recording))
        else:
            if recording.personal:
                terminal.write(f"# {recording.personal}")
            if terminal.out.no_color:  # a thousand times as fast, where thousands may be written
                terminal.write(laid_out(request_text(recording)))
            else:
                terminal.flush()
                terminal.out.print(message(request_text(recording)), soft_wrap=True)
    _tell_contradictions(terminal, against)
    _tell_omitted(terminal, left_out)
    return status


def _data(
    transaction: Transaction,
    recording: Recording | None,
    problems: tuple[str, ...],
    contradictions: tuple[Finding, ...],
    _omitted: tuple[str, ...],
) -> dict[str, Any]:
    from rokt_export.reports.http_text import body_value

    body = recording.request_body if recording is not None else None
    return {
        "row": transaction.row,
        "transaction": transaction.id if transaction.invented else None,
        "method": recording.method if recording else None,
        "url": str(recording.url) if recording else None,
        "headers": [[name, str(value)] for name, value in recording.request_headers] if recording else None,
        "body": body_value(body),
        "body_is_base64": bool(body and body.binary),
        "problems": list(problems),
        "contradictions": [each.message for each in contradictions],
    }
