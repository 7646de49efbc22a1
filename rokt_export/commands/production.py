"""Production at the terminal: a person types the partner's name first, and sends go one at a time."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import typer

from rokt_export.commands.loading import Ready
from rokt_export.commands.terminal import Terminal
from rokt_export.delivery.interlock import guard_production

if TYPE_CHECKING:
    from rokt_export.delivery.plan import Pace
    from rokt_export.exchange.model import OutcomeKind

IN_A_ROW = 3
"""The contract's: three in a row not delivered stop a production run."""


def pass_interlock(
    terminal: Terminal,
    ready: Ready,
    *,
    sandboxed: bool,
    confirm: str | None,
    invented: bool,
    test_data: bool,
    may_ask: bool = True,
) -> None:
    """Let a send pass, or stop it; a sandbox is no production, whatever the environment is called.

    Args:
        terminal: where a person is asked.
        ready: the spec.
        sandboxed: whether it goes to a sandbox.
        confirm: what `--confirm` said.
        invented: whether the people are generated.
        test_data: whether `--test-data` was given.
        may_ask: false while there is still something to show first: what a prompt will decide passes for now.

    Raises:
        UsageError: it may not pass.
    """
    someone = sys.stdin.isatty() and sys.stderr.isatty()
    if sandboxed or (confirm is None and someone and not may_ask):
        return

    def ask() -> str:
        terminal.warn(f"This sends to PRODUCTION of {ready.spec.name}.")
        return str(typer.prompt(f"Type the partner's name ({ready.spec.partner}) to go on", err=True))

    guard_production(
        ready.spec,
        ready.environment,
        confirm=confirm,
        invented=invented,
        test_data=test_data,
        ask=ask if someone else None,
    )


def careful(pace: Pace, hoped: OutcomeKind) -> Pace:
    """Return production's pace: one at a time, up to the first answer that no rule explains or three that disappoint.

    Args:
        pace: the spec's.
        hoped: the outcome that is as good as delivered.
    """
    from rokt_export.delivery.stopping import StopRules
    from rokt_export.exchange.model import OutcomeKind

    stop = StopRules(consecutive=IN_A_ROW, unclassified=True, hoped=frozenset({hoped, OutcomeKind.DELIVERED}))
    return replace(pace, concurrency=1, stop=stop)
