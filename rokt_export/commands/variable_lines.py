"""Tells where each environment variable goes, so that a stranger's spec takes none in silence."""

from __future__ import annotations

from collections.abc import Iterable

from rokt_export.commands.terminal import Terminal
from rokt_export.partner_spec.model import PartnerSpec
from rokt_export.partner_spec.references import THIS_MACHINE, VariableUse, belongs_to_others


def tell_variables(terminal: Terminal, spec: PartnerSpec, uses: Iterable[VariableUse]) -> None:
    """Write a line for each variable to stderr; another program's that the spec does not list is a warning."""
    for use in dict.fromkeys(uses):
        if use.host != THIS_MACHINE and belongs_to_others(use.name) and use.name not in spec.variables:
            terminal.warn(f"  {use.line()}: another program's variable; list it under `variables:` if it is meant")
        else:
            terminal.say(f"  {use.line()}", style="dim")
