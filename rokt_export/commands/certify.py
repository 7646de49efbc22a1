"""`certify`: prove a set-up against the partner with acceptance probes derived from the spec."""

# ruff: noqa: ARG001 - the probes come next
from __future__ import annotations

from typing import Annotated

import typer

from rokt_export.commands import options as flag
from rokt_export.commands.options import Output
from rokt_export.commands.terminal import Terminal
from rokt_export.errors import ExitStatus

Subject = Annotated[
    str | None, typer.Argument(metavar="SPEC", help="The partner's spec, a YAML file.", show_default=False)
]
Required = Annotated[
    str | None,
    typer.Option(
        "--require-outcomes", metavar="OUTCOMES", show_default=False,
        help="Outcomes that must have been seen, as `delivered,duplicate,rejected`.",
    ),
]  # fmt: skip
Yes = Annotated[bool, typer.Option("--yes", help="Send without asking at the terminal.")]


def certify(
    subject: Subject = None,
    environment: flag.Environment = "staging",
    sandbox: flag.WithSandbox = False,
    sandbox_url: flag.SandboxUrl = None,
    require_outcomes: Required = None,
    openapi: flag.OpenApi = None,
    operation: flag.OperationName = None,
    yes: Yes = False,
    name: flag.Name = None,
    output: flag.OutputFormat = Output.TABLE,
    env_file: flag.EnvFile = None,
    allow_plugin: flag.AllowPlugin = None,
    journal: flag.JournalPlace = None,
    quiet: flag.Quiet = False,
    verbose: flag.Verbose = False,
    no_color: flag.NoColor = False,
) -> int:
    """Send acceptance probes derived from the spec, and judge each response. Never to a guarded environment.

    Exit status: 0 no findings, 1 findings, 3 a fault in the spec or a guarded environment, 4 the partner is unreachable
    or refuses the credentials.

    Examples:
        rokt-export certify acme.yaml --sandbox
        rokt-export certify acme.yaml --require-outcomes delivered,duplicate,rejected
    """
    Terminal(quiet, verbose, no_color).say("certify is not finished")
    return ExitStatus.OK
