"""`classify`: how a pasted response counts, and why."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from rokt_export.commands import options as flag
from rokt_export.commands.options import Output
from rokt_export.commands.terminal import Terminal
from rokt_export.errors import ExitStatus, UsageError
from rokt_export.exchange.model import OutcomeKind, Response

StatusCode = Annotated[
    int | None,
    typer.Option(
        "--status",
        min=100,
        max=599,
        metavar="CODE",
        help="HTTP status; default: that of the paste, else 200.",
        show_default=False,
    ),
]
Headers = Annotated[
    list[str] | None,
    typer.Option("--header", "-H", metavar="NAME:VALUE", help="A response header. Repeatable.", show_default=False),
]
Body = Annotated[str, typer.Option("--body", metavar="PATH|-", help="File of the response or its body; - is stdin.")]
Text = Annotated[str | None, typer.Option("--text", metavar="TEXT", help="The body itself.", show_default=False)]
_MOST = 50_000_000
"""Bytes of a paste that are read."""


def classify(
    spec: flag.SpecFile,
    status: StatusCode = None,
    header: Headers = None,
    body: Body = "-",
    text: Text = None,
    openapi: flag.OpenApi = None,
    operation: flag.OperationName = None,
    output: flag.OutputFormat = Output.TABLE,
    no_color: flag.NoColor = False,
) -> int:
    """Show the outcome of a pasted response, and how each rule met it. Paste its body, or the output of curl or HTTPie.

    Exit status: 0 delivered, 1 any other outcome.

    Examples:
        curl -i https://api.example.com/leads | rokt-export classify acme.yaml
        rokt-export classify acme.yaml --status 422 --text '{"error": "duplicate"}'
        rokt-export classify acme.yaml --body response.txt --openapi acme-openapi.json
    """
    from rokt_export.commands.spec_setup import operation_check_for
    from rokt_export.partner_spec.loading import load_spec
    from rokt_export.response.classify import Classifier

    terminal = Terminal(no_color=no_color)
    loaded = load_spec(spec)
    operation_check = operation_check_for(loaded, openapi, operation)
    raw = text.encode() if text is not None else _read(body)
    response, has_status = _response(raw, status, header or [])
    if not has_status:
        terminal.say("the paste has no status: 200 is assumed; --status gives another", style="yellow")
    explanation = Classifier(loaded.spec.responses).explain(response)
    notes = operation_check.of_response(response) if operation_check is not None else ()
    data = {**explanation.as_json(), "notes": list(notes)}
    match output:
        case Output.JSON:
            terminal.json(data)
        case Output.NDJSON:
            terminal.ndjson([data])
        case Output.CSV:
            raise UsageError("an explanation is not a table", where="--output", remedy="Use table or json.")
        case Output.TABLE:
            from rokt_export.reports.console import explanation as show
            from rokt_export.reports.console import note

            show(terminal.out, explanation)
            for each in notes:
                note(terminal.out, each)
    return ExitStatus.OK if explanation.outcome.kind is OutcomeKind.DELIVERED else ExitStatus.FINDINGS


def _read(place: str) -> bytes:
    if place == "-":
        if sys.stdin.isatty():
            sys.stderr.write("Paste the response, then end with Ctrl-D.\n")
        return sys.stdin.buffer.read(_MOST)
    try:
        with Path(place).open("rb") as stream:
            return stream.read(_MOST)
    except OSError as error:
        raise UsageError(
            f"this file cannot be read: {error.strerror}", where=place, remedy="Check the path; `-` reads stdin."
        ) from error


def _response(raw: bytes, status: int | None, given: list[str]) -> tuple[Response, bool]:
    """Return the response, and whether its status is known."""
    from rokt_export.commands.pasted_response import read_pasted

    pasted = read_pasted(raw)
    headers = [*pasted.headers]
    for item in given:
        name, colon, value = item.partition(":")
        if not colon:
            raise UsageError(
                f"`{item}` is not a header", where="--header", remedy='Write -H "Content-Type: application/json".'
            )
        headers.append((name.strip(), value.strip()))
    found = status or pasted.status
    if found is None and not pasted.body.strip():
        raise UsageError(
            "nothing was pasted",
            remedy="Paste the response (curl -i prints it whole), or give --status for one without a body.",
        )
    return Response(found or 200, tuple(headers), pasted.body), found is not None
