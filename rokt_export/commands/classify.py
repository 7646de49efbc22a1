"""`classify`: how a pasted answer counts, and why."""

from __future__ import annotations

import re
import sys
from codecs import BOM_UTF8
from pathlib import Path
from typing import Annotated

import typer

from rokt_export.commands.options import NoColor, Output, OutputFormat, SpecFile
from rokt_export.commands.terminal import Terminal
from rokt_export.errors import ExitStatus, UsageError
from rokt_export.exchange.model import OutcomeKind, Response

StatusCode = Annotated[
    int | None,
    typer.Option("--status", min=100, max=599, help="HTTP status; 200 if the paste has none.", show_default=False),
]
Headers = Annotated[
    list[str] | None, typer.Option("--header", "-H", metavar="NAME: VALUE", help="A header.", show_default=False)
]
Body = Annotated[
    str, typer.Option("--body", metavar="PATH|-", help="File of the answer's body, or of the whole answer; - is stdin.")
]
Text = Annotated[str | None, typer.Option("--text", help="The body itself.", show_default=False)]
Most = 50_000_000


def classify(
    spec: SpecFile,
    status: StatusCode = None,
    header: Headers = None,
    body: Body = "-",
    text: Text = None,
    output: OutputFormat = Output.TABLE,
    no_color: NoColor = False,
) -> int:
    """Say how an answer counts, and what each rule found in it. A whole pasted answer (HTTP/1.1 400 …) will do too.

    Exit status: 0 delivered, 1 anything else.
    """
    from rokt_export.partner_spec.loading import load_spec
    from rokt_export.response.classify import Classifier

    terminal = Terminal(no_color=no_color)
    loaded = load_spec(spec)
    raw = text.encode() if text is not None else _read(body)
    response, stated = _response(raw, status, header or [])
    if not stated:
        terminal.say("no status is told: 200 is taken; --status tells another", style="yellow")
    explanation = Classifier(loaded.spec.responses).explain(response)
    match output:
        case Output.JSON:
            terminal.json(explanation.as_json())
        case Output.NDJSON:
            terminal.ndjson([explanation.as_json()])
        case Output.CSV:
            raise UsageError("an explanation is no table", where="--output", remedy="Use table or json.")
        case Output.TABLE:
            from rokt_export.reports.console import explanation as show

            show(terminal.out, explanation)
    return ExitStatus.OK if explanation.outcome.kind is OutcomeKind.DELIVERED else ExitStatus.FINDINGS


def _read(place: str) -> bytes:
    if place == "-":
        if sys.stdin.isatty():
            sys.stderr.write("Paste the answer, then end with Ctrl-D.\n")
        return sys.stdin.buffer.read(Most)
    try:
        with Path(place).open("rb") as stream:
            return stream.read(Most)
    except OSError as error:
        raise UsageError(
            f"this file cannot be read: {error.strerror}", where=place, remedy="Check the path; `-` reads stdin."
        ) from error


def _response(raw: bytes, status: int | None, given: list[str]) -> tuple[Response, bool]:
    """The answer, and whether a status was told for it."""
    found, headers, body = _pasted(raw)
    for item in given:
        name, sign, value = item.partition(":")
        if not sign:
            raise UsageError(
                f"`{item}` is no header", where="--header", remedy='Write -H "Content-Type: application/json".'
            )
        headers.append((name.strip(), value.strip()))
    told = status or found
    return Response(told or 200, tuple(headers), body), told is not None


_BLANK_LINE = re.compile(rb"\r?\n\r?\n")
_STATUS_LINE = re.compile(r"HTTP/\S+[ \t]+([1-9][0-9]{2})(?:[ \t].*)?", re.ASCII)


def _pasted(raw: bytes) -> tuple[int | None, list[tuple[str, str]], bytes]:
    """A whole answer starts with `HTTP/`, as `curl -i` prints it; interim answers (100, 103) before it are skipped.

    Raises:
        UsageError: its first line has no status.
    """
    status: int | None = None
    headers: list[tuple[str, str]] = []
    at = len(BOM_UTF8) if raw.startswith(BOM_UTF8 + b"HTTP/") else 0
    while raw.startswith(b"HTTP/", at):
        blank = _BLANK_LINE.search(raw, at)
        end, following = blank.span() if blank else (len(raw), len(raw))
        first, *lines = raw[at:end].decode("utf-8", "replace").replace("\r\n", "\n").split("\n")
        match = _STATUS_LINE.fullmatch(first.rstrip())
        if match is None:
            from rokt_export.response.value_text import abridged

            raise UsageError(
                f"the first line of this answer has no status: `{abridged(first)}`",
                where="--body",
                remedy="Correct it (`HTTP/1.1 200 OK`), or give the body alone, with --status and --header.",
            )
        status, at = int(match[1]), following
        headers = [(name.strip(), value.strip()) for name, _, value in (line.partition(":") for line in lines)]
    return status, headers, raw[at:] if status is not None else raw
