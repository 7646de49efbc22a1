"""The command line of some commands, or of all: where one is asked for, the others need not be loaded."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib import import_module
from typing import Annotated

import typer

from rokt_export.commands.help_page import CommandLine

COMMANDS = (
    "init",
    "validate",
    "render",
    "probe",
    "diagnose",
    "test",
    "certify",
    "replay",
    "diff",
    "report",
    "reclassify",
    "rule",
    "classify",
    "sandbox",
    "attributes",
    "schema",
    "runs",
    "explain",
    "help",
)
"""In the order of the help; each is in the file of its name."""
_FUNCTIONS = {"help": "show_help"}
"""Where a command's function has another name than its file: Python has a `help` of its own."""
_HELP = """Prove a partner's API before transactions are delivered to it: validate, test, replay, diff, report.

Examples:
    rokt-export validate acme.yaml
    rokt-export test acme.yaml --sandbox
    rokt-export replay acme.yaml events.csv --environment staging
    rokt-export help runs show
"""


def asked_for(arguments: Sequence[str]) -> tuple[str, ...]:
    """Return the command that a command line begins with; all of them where it begins otherwise."""
    return tuple(arguments[:1]) if arguments and arguments[0] in COMMANDS else COMMANDS


@cache
def program(names: tuple[str, ...] = COMMANDS) -> typer.Typer:
    """Return the command line that knows these commands."""
    app = CommandLine(
        name="rokt-export",
        add_completion=True,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
        help=_HELP,
    )
    app.callback()(_root)
    for name in names:
        command = getattr(import_module(f"rokt_export.commands.{name}"), _FUNCTIONS.get(name, name))
        if isinstance(command, typer.Typer):
            app.add_typer(command)
        else:
            app.command(name)(command)
    return app


def _version(asked: bool) -> None:
    if asked:
        from rokt_export import __version__

        typer.echo(f"rokt-export {__version__}")
        raise typer.Exit


def _root(
    version: Annotated[
        bool, typer.Option("--version", "-V", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    pass
