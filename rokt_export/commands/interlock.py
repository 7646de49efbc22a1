"""A guarded environment at the terminal: a person types the partner's name first, and sends go one at a time."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import typer

from rokt_export.commands.terminal import Terminal, number_of

if TYPE_CHECKING:
    from rokt_export.delivery.plan import Pace
    from rokt_export.delivery.target import Target
    from rokt_export.exchange.model import OutcomeKind
    from rokt_export.partner_spec.model import PartnerSpec

IN_A_ROW = 3
"""The contract's: three in a row not delivered stop a run to a guarded environment."""


def pass_interlock(
    terminal: Terminal,
    target: Target,
    spec: PartnerSpec,
    *,
    confirm: str | None,
    invented: bool,
    test_data: bool,
    rows: int | None = None,
    all_fit: bool = True,
    may_ask: bool = True,
) -> None:
    """Let a send pass, or stop it; say what there is to say of its target.

    Args:
        rows: how many are to be sent, where that is known.
        all_fit: whether none of these is known to be one that cannot be sent.
        may_ask: false while there is still something to show first: what a prompt will decide passes for now.

    Raises:
        UsageError: it may not pass.
        ConfigurationError: its proxy cannot be used.
    """
    from rokt_export.delivery.target import AddressLikeness
    from rokt_export.errors import ConfigurationError

    if target.bad_proxy:
        raise ConfigurationError(
            f"the proxy of {target.environment} cannot be used: {target.bad_proxy}; nothing was sent",
            remedy="Write it as http://user:password@host:port, with %20 for a blank.",
        )
    someone = sys.stdin.isatty() and sys.stderr.isatty()
    if may_ask:
        for near in target.near:
            if near.likeness in (AddressLikeness.OPEN, AddressLikeness.SWITCH):
                terminal.warn(near.text)
            else:
                terminal.say(near.text, style="yellow")
        if target.proxy:
            terminal.say(f"{target.environment} goes through the proxy {target.proxy}, from the process environment")
        if target.unchecked:
            terminal.warn(f"the certificate of {target.environment} is not checked (`tls: {{verify: false}}`)")
    elif confirm is None and someone:
        return

    def ask() -> str:
        what = "" if rows is None else f" {'' if all_fit else 'up to '}{number_of(rows)}"
        terminal.warn(f"This sends{what} to {target.environment.upper()} of {spec.name}, at {target.address}.")
        return str(typer.prompt(f"Type the partner's name ({target.partner}) to go on", err=True))

    target.permit(confirm=confirm, invented=invented, test_data=test_data, ask=ask if someone else None)


def careful(pace: Pace, *expected: OutcomeKind) -> Pace:
    """Return the pace for a guarded environment: one at a time, to the first unclassified or three failures in a row.

    Args:
        expected: the outcomes that are as good as delivered.
    """
    from rokt_export.delivery.stop_rules import StopRules
    from rokt_export.exchange.model import OutcomeKind

    good = frozenset({*expected, OutcomeKind.DELIVERED})
    stop = StopRules(consecutive=IN_A_ROW, unclassified=True, expected=good, setup=pace.stop.setup)
    return replace(pace, concurrency=1, stop=stop)
