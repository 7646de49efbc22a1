"""Shows an error: where, what, and what to do; a broken spec with each of its findings."""

from __future__ import annotations

from rokt_export.commands.terminal import GUARD, Terminal
from rokt_export.errors import RoktExportError


def show(error: RoktExportError) -> None:
    """Write an error to stderr, its cause under it where that says more."""
    from rokt_export.partner_spec.loading import SpecFindingsError

    terminal = Terminal()
    console = terminal.err
    if isinstance(error, SpecFindingsError):
        from rokt_export.commands.findings import print_findings

        print_findings(console, error.findings)
    where = f"{error.where}: " if error.where else ""
    console.print(f"error: {GUARD.text(where + error.message)}", style="bold red", markup=False, soft_wrap=True)
    if error.remedy:
        console.print(GUARD.text(error.remedy), markup=False, soft_wrap=True)
