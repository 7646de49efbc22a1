"""`render`: the requests that would be sent, without a network and without credentials."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from itertools import islice
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rokt_export.commands import options as flag
from rokt_export.commands.options import Output
from rokt_export.commands.spec_setup import SpecSetup, load
from rokt_export.commands.terminal import Terminal
from rokt_export.errors import ExitStatus, UsageError

if TYPE_CHECKING:
    from rokt_export.delivery.plan import FileRows, GeneratedRows
    from rokt_export.journal.recording import Recording
    from rokt_export.transactions.transaction import Transaction


class Form(StrEnum):
    """How a request is shown."""

    HTTP = "http"
    CURL = "curl"
    JSON = "json"


Count = Annotated[int, typer.Option("--count", min=1, metavar="N", help="Number of requests.")]
As = Annotated[Form, typer.Option("--as", metavar="http|curl|json", help="HTTP text, a curl command, or JSON.")]


def render(
    spec: flag.SpecFile,
    events: flag.Events = None,
    count: Count = 1,
    form: As = Form.HTTP,
    set_values: flag.SetValues = None,
    unset: flag.Unset = None,
    columns: flag.Columns = None,
    encoding: flag.Encoding = None,
    delimiter: flag.Delimiter = None,
    skip_lines: flag.SkipLines = 0,
    header: flag.Header = None,
    sheet: flag.Sheet = None,
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
    """
    from rokt_export.commands.input_options import RowFlags, rows_of
    from rokt_export.commands.input_summary import tell_first_rows

    terminal = Terminal(quiet, verbose, no_color)
    setup = load(spec, environment, env_file, allow_plugin)
    rows = rows_of(setup.spec, RowFlags.among(locals()), tuple(events or ()), count=count)
    if output is Output.CSV:
        raise UsageError(
            "a request is not a row of a table", where="--output", remedy="Use json or ndjson, or --as curl."
        )
    tell_first_rows(terminal, rows, count)
    shown = _requests(setup, rows, count, show_personal)
    as_data = form is Form.JSON or output is not Output.TABLE
    if not as_data:
        return _print(terminal, shown, form)
    data = [_data(transaction, recording, problems) for transaction, recording, problems in shown]
    if output is Output.NDJSON:
        terminal.ndjson(data)
    else:
        terminal.json(data)
    return ExitStatus.FINDINGS if any(each["problems"] for each in data) else ExitStatus.OK


def _requests(
    setup: SpecSetup, rows: FileRows | GeneratedRows, count: int, show_personal: bool
) -> Iterator[tuple[Transaction, Recording | None, tuple[str, ...]]]:
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
    for transaction in islice(source(plan), count):
        private = () if show_personal else personal.of(transaction)
        try:
            request = with_places(renderer.render(transaction), renderer, redactor)
        except InvalidRowError as error:
            yield transaction, None, tuple(redactor.text(problem, private) for problem in error.problems)
            continue
        exchange = Exchange(transaction, request, None, Outcome(OutcomeKind.UNKNOWN))
        made = personal.derived.templated(transaction)
        yield transaction, record(exchange, redactor.also("SIGNATURE", made) if made else redactor, private), ()


def print_requests(terminal: Terminal, setup: SpecSetup, rows: FileRows | GeneratedRows, count: int = 1) -> int:
    """Print the first requests as HTTP text, redacted; return the exit status."""
    return _print(terminal, _requests(setup, rows, count, False), Form.HTTP)


def _plugins(setup: SpecSetup) -> frozenset[str] | None:
    """What may be loaded: all of the classes that the spec names, else none, as nothing here needs a credential."""
    from rokt_export.authentication.custom import Custom, is_allowed

    authentications = setup.spec.environment(setup.environment).authentication or ()
    names = [each.auth for each in authentications if isinstance(each, Custom)]
    return setup.plugins if all(is_allowed(name, setup.plugins) for name in names) else None


def _print(
    terminal: Terminal, shown: Iterator[tuple[Transaction, Recording | None, tuple[str, ...]]], form: Form
) -> int:
    from rokt_export.reports.curl import curl_command
    from rokt_export.reports.http_text import laid_out, request_text
    from rokt_export.reports.message_view import message

    status = ExitStatus.OK
    for number, (transaction, recording, problems) in enumerate(shown):
        if number:
            terminal.write(f"\n# row {transaction.row}")
        if recording is None:
            status = ExitStatus.FINDINGS
            for problem in problems:
                terminal.warn(f"row {transaction.row} cannot be sent: {problem}")
        elif form is Form.CURL:
            terminal.write(curl_command(recording))
        elif terminal.out.no_color:  # a thousand times as fast, where thousands may be written
            terminal.write(laid_out(request_text(recording)))
        else:
            terminal.flush()
            terminal.out.print(message(request_text(recording)), soft_wrap=True)
    return status


def _data(transaction: Transaction, recording: Recording | None, problems: tuple[str, ...]) -> dict[str, Any]:
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
    }
