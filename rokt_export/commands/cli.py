"""The command line of some commands, or of all: where one is asked for, the others need not be loaded."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from importlib import import_module
from typing import Annotated

import typer

COMMANDS = (
    "validate",
    "render",
    "probe",
    "test",
    "replay",
    "diff",
    "report",
    "classify",
    "sandbox",
    "attributes",
    "schema",
    "runs",
)
"""In the order of the help; each is in the file of its name."""


def asked_for(arguments: Sequence[str]) -> tuple[str, ...]:
    """Return the command that a command line begins with; all of them where it begins otherwise."""
    return tuple(arguments[:1]) if arguments and arguments[0] in COMMANDS else COMMANDS


def program(names: Iterable[str] = COMMANDS) -> typer.Typer:
    """Return the command line that knows these commands."""
    app = typer.Typer(
        name="rokt-export",
        no_args_is_help=True,
        add_completion=True,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
        help="Prove a partner's API before transactions are delivered to it: validate, test, replay, diff, report.",
    )
    app.callback()(_root)
    for name in names:
        command = getattr(import_module(f"rokt_export.commands.{name}"), name)
        if isinstance(command, typer.Typer):
            app.add_typer(command)
        else:
            app.command()(command)
    return app


def _version(asked: bool) -> None:
    if asked:
        from rokt_export import __version__

        typer.echo(f"rokt-export {__version__}")
        raise typer.Exit


def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    pass
