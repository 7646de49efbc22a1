"""The interlock at the terminal: asks a person to type the partner's name before anything goes to production."""

from __future__ import annotations

import sys

import typer

from rokt_export.commands.loading import Ready
from rokt_export.commands.terminal import Terminal
from rokt_export.delivery.interlock import guard_production


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
