"""`validate`: is the spec complete and consistent, and does it read the partner's own examples as meant?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import StrEnum
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Annotated, assert_never

import typer

from rokt_export.commands import options as flag
from rokt_export.commands.terminal import GUARD, Terminal, note, to_stdout
from rokt_export.errors import ExitStatus, UsageError

if TYPE_CHECKING:
    from rich.console import Console

    from rokt_export.onboarding.validation import Validation
    from rokt_export.partner_spec.variables import Variables


class FindingsForm(StrEnum):
    """How findings are written to stdout."""

    TABLE = "table"
    JSON = "json"
    NDJSON = "ndjson"
    CSV = "csv"
    SARIF = "sarif"
    GITHUB = "github"


Specs = Annotated[list[Path], typer.Argument(metavar="SPEC", help="Spec files.", show_default=False)]
Strict = Annotated[bool, typer.Option("--strict", help="Warnings fail too (exit 1).")]
Questions = Annotated[bool, typer.Option("--questions", help="Print what to ask the partner.")]

OutputForm = Annotated[
    FindingsForm,
    typer.Option(
        "--output", metavar="FORMAT", help="table, json, ndjson, csv, sarif, or github (annotations of a workflow)."
    ),
]


def validate(
    specs: Specs,
    strict: Strict = False,
    questions: Questions = False,
    openapi: flag.OpenApi = None,
    operation: flag.OperationName = None,
    output: OutputForm = FindingsForm.TABLE,
    env_file: flag.EnvFile = None,
    quiet: flag.Quiet = False,
    verbose: flag.Verbose = False,
    no_color: flag.NoColor = False,
) -> int:
    """Check specs: list errors and warnings with their place, and what is not yet known of the partner.

    Exit status: 0 no errors, 1 warnings under --strict, 3 errors.

    Examples:
        rokt-export validate acme.yaml
        rokt-export validate acme.yaml --openapi acme-openapi.json
        rokt-export validate specs/*.yaml --strict --output github
    """
    from rokt_export.commands.spec_setup import tell_variables, warn_of_exposed
    from rokt_export.onboarding.validation import validate as validate_spec
    from rokt_export.partner_spec.references import variable_uses
    from rokt_export.partner_spec.variables import load_variables

    terminal = Terminal(quiet, verbose, no_color)

    def variables(environment: str) -> Variables:
        read[environment] = load_variables(environment, env_file)
        return read[environment]

    read: dict[str, Variables] = {}
    found = [validate_spec(path, variables) for path in specs]
    found = [_witnessed(validation, openapi, operation, read) for validation in found]
    warn_of_exposed(read.values())
    with to_stdout():
        if questions:
            _print_questions(terminal, found)
        else:
            _print_data(terminal, output, found)
    for validation in found:
        note(f"read: {validation.file}" + (f", SHA-256 {validation.loaded.sha256}" if validation.loaded else ""))
        if validation.loaded is not None:
            spec = validation.loaded.spec
            uses = [use for name in spec.endpoint for use in variable_uses(spec, name, variables(name).values)]
            tell_variables(terminal, spec, uses)
    if any(validation.errors for validation in found):
        return ExitStatus.CONFIGURATION
    return ExitStatus.FINDINGS if strict and any(validation.warnings for validation in found) else ExitStatus.OK


def _witnessed(
    validation: Validation, source: str | None, operation: str | None, variables: Mapping[str, Variables]
) -> Validation:
    """Add what the partner's document says against the requests of a spec."""
    if validation.loaded is None or validation.errors:
        return validation
    from dataclasses import replace

    from rokt_export.commands.spec_setup import operation_check_for
    from rokt_export.partner_spec.loading import SpecFindingsError

    try:
        operation_check = operation_check_for(validation.loaded, source, operation)
        more = (
            operation_check.of_spec({name: each.values for name, each in variables.items()}) if operation_check else ()
        )
    except SpecFindingsError as error:
        more = error.findings
    ordered = sorted((*validation.findings, *more), key=lambda finding: (finding.line, finding.column, finding.code))
    return replace(validation, findings=tuple(ordered))


def _print_data(terminal: Terminal, output: FindingsForm, found: list[Validation]) -> None:
    findings = [finding for validation in found for finding in validation.findings]
    rows = [finding.as_json() for finding in findings]
    match output:
        case FindingsForm.JSON:
            terminal.json([*rows, *_unchecked_rows(found)])
        case FindingsForm.NDJSON:
            terminal.ndjson([*rows, *_unchecked_rows(found)])
        case FindingsForm.CSV:
            terminal.csv(rows, ("code", "severity", "file", "line", "column", "message", "hint"))
        case FindingsForm.SARIF:
            from rokt_export.commands.explain import entries
            from rokt_export.reports.ci_findings import sarif

            heads = {code: entry.partition("\n")[0] for code, entry in entries().items()}
            titles = {code: head.partition(": ")[2].rpartition(" (")[0] for code, head in heads.items()}
            terminal.json(sarif(findings, titles))
        case FindingsForm.GITHUB:
            from rokt_export.reports.ci_findings import workflow_commands

            for line in workflow_commands(findings):
                terminal.write(line)
        case FindingsForm.TABLE:
            for validation in found:
                _print(terminal.out, validation)
        case _ as never:
            assert_never(never)


def _unchecked(validation: Validation) -> str:
    """Return how many lines are marked `# check`, and which; empty for none."""
    lines = validation.unchecked
    if not lines:
        return ""
    marked = "1 line is" if len(lines) == 1 else f"{len(lines)} lines are"
    return f"{marked} still marked `# check`: {', '.join(map(str, lines))}"


def _unchecked_rows(found: list[Validation]) -> Iterator[dict[str, object]]:
    """Yield the marks of each spec in the form of a finding of no code."""
    for validation in found:
        if message := _unchecked(validation):
            yield {
                "code": "", "severity": "info", "file": validation.file, "line": validation.unchecked[0], "column": 1,
                "message": message, "hint": _CONFIRM,
            }  # fmt: skip


_CONFIRM = "Confirm or correct each, and take the mark away."


def _print(console: Console, validation: Validation) -> None:
    from rokt_export.commands.error_output import print_findings

    print_findings(console, validation.findings)
    counts = [
        f"{count} {word}{'s' if count != 1 else ''}"
        for count, word in ((validation.errors, "error"), (validation.warnings, "warning"))
        if count
    ]
    verdict = ", ".join(counts) or "no errors, no warnings"
    style = "bold red" if validation.errors else "yellow" if validation.warnings else "bold green"
    console.print(GUARD.line(f"{validation.file}: {verdict}"), style=style, markup=False, soft_wrap=True)
    if validation.checklist is not None and not validation.errors:
        _print_checklist(console, validation)
    if message := _unchecked(validation):
        console.print(
            GUARD.line(f"{validation.file}: {message}. {_CONFIRM}"),
            style=_INFO,
            markup=False,
            highlight=False,
            soft_wrap=True,
        )


_INFO = "cyan"
_SIGNS = {"given": ("✓", "green"), "partly": ("~", "yellow"), "missing": ("✗", "red")}


def _print_checklist(console: Console, validation: Validation) -> None:
    from rich.table import Table
    from rich.text import Text

    assert validation.checklist is not None
    table = Table(title=f"Partner information: {validation.checklist.percent} %", title_justify="left", box=None)
    table.add_column("")
    table.add_column("Point", no_wrap=True)
    table.add_column("State", no_wrap=True)
    table.add_column("Detail")
    for point in validation.checklist.points:
        sign, style = _SIGNS[str(point.state)]
        table.add_row(Text(sign, style), f"{point.number} {point.title}", str(point.state), Text(point.detail))
    console.print(table)
    if validation.checklist.percent < 100:
        console.print(
            GUARD.line(
                f"`rokt-export validate {quote(str(validation.file))} --questions` writes what to ask the partner."
            ),
            style="dim",
            markup=False,
            soft_wrap=True,
        )


def _print_questions(terminal: Terminal, found: list[Validation]) -> None:
    from rokt_export.partner_spec.checklist import questions_text

    for validation in found:
        if validation.loaded is None or validation.checklist is None:
            raise UsageError(
                "this file cannot be read as a spec, so there is nothing to ask yet",
                where=validation.file,
                remedy=f"Fix it first: `rokt-export validate {quote(str(validation.file))}`.",
            )
        terminal.write(questions_text(validation.loaded, validation.checklist))
