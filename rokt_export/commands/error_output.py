"""Shows errors and findings: place, message, the line with an arrow under it, and what to do."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from rokt_export.commands.terminal import GUARD, LOG, Terminal
from rokt_export.errors import RoktExportError
from rokt_export.redaction.sensitive_names import hidden_in_url
from rokt_export.reports.prose import print_message

if TYPE_CHECKING:
    from rich.console import Console

    from rokt_export.partner_spec.document import Finding

_STYLES = {"error": "bold red", "warning": "yellow", "info": "cyan"}
_WIDTH = 110


def print_findings(console: Console, findings: Iterable[Finding]) -> None:
    """Print findings in their order."""
    from rich.text import Text

    for finding in findings:
        severity = str(finding.severity)
        label = (f"{severity} {finding.code}", _STYLES[severity])
        head = Text.assemble((GUARD.line(finding.where), "bold"), " ", label, " ", GUARD.line(finding.message))
        print_message(console, head)
        if finding.source.strip():
            line, arrow = _excerpt(finding)
            console.print(Text.assemble((f"{finding.line:>5} │ ", "dim"), line), soft_wrap=True)
            console.print(Text.assemble(("      │ ", "dim"), (arrow, _STYLES[severity])), soft_wrap=True)
        if finding.hint:
            print_message(console, Text.assemble(("      = ", "dim"), GUARD.line(finding.hint)))


def _excerpt(finding: Finding) -> tuple[str, str]:
    """The line and an arrow under the column; a long line is cut around it, a literal secret is not shown."""
    source = finding.source.replace("\t", " ")
    column = finding.column - 1
    if finding.code == "RX106":
        source = source[:column] + "…"
    start = max(0, column - _WIDTH // 2) if len(source) > _WIDTH else 0
    shown = ("…" if start else "") + source[start : start + _WIDTH]
    return GUARD.text(shown), " " * (column - start + (1 if start else 0)) + "^"


def show(error: RoktExportError) -> None:
    """Write an error to stderr, its cause under it where that says more."""
    from rokt_export.partner_spec.loading import SpecFindingsError

    if LOG.is_json:
        _log(error)
        return
    terminal = Terminal()
    console = terminal.err
    if isinstance(error, SpecFindingsError):
        print_findings(console, error.findings)
    where = f"{hidden_in_url(error.where)}: " if error.where else ""
    print_message(console, f"error: {GUARD.line(where + error.message)}", "bold red")
    for each in error.listed:
        print_message(console, f"  {GUARD.line(each)}")
    if error.remedy:
        print_message(console, GUARD.line(error.remedy))


def _log(error: RoktExportError) -> None:
    from rokt_export.partner_spec.loading import SpecFindingsError

    for finding in error.findings if isinstance(error, SpecFindingsError) else ():
        level, more = str(finding.severity), {"code": finding.code, "where": finding.where, "hint": finding.hint}
        LOG.write(level, finding.message, "finding", **{name: text and GUARD.text(text) for name, text in more.items()})
    where, remedy = (text and GUARD.text(hidden_in_url(text)) for text in (error.where, error.remedy))
    message = "\n".join((error.message, *(f"  {each}" for each in error.listed)))
    LOG.write("error", message, "error", where=where, remedy=remedy, exit_status=int(error.exit_status))
