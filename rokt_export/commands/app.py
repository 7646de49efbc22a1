"""The command line: each command's file, under its name."""

from __future__ import annotations

from typing import Annotated

import typer

from rokt_export.commands.attributes import attributes
from rokt_export.commands.classify import classify
from rokt_export.commands.diff import diff
from rokt_export.commands.probe import probe
from rokt_export.commands.render import render
from rokt_export.commands.replay import replay
from rokt_export.commands.report import report
from rokt_export.commands.runs import runs
from rokt_export.commands.sandbox import sandbox
from rokt_export.commands.schema import schema
from rokt_export.commands.test import test
from rokt_export.commands.validate import validate

app = typer.Typer(
    name="rokt-export",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Prove a partner's API before transactions are delivered to it: validate, test, replay, diff, report.",
)


def _version(asked: bool) -> None:
    if asked:
        from rokt_export import __version__

        typer.echo(f"rokt-export {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    pass


for command in (validate, render, probe, test, replay, diff, report, classify, sandbox, attributes, schema):
    app.command()(command)
app.add_typer(runs)
