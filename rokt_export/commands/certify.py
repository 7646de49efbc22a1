"""`certify`: prove a set-up against the partner with acceptance probes derived from the spec."""

# ruff: noqa: ARG001 - the probes come next
from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rokt_export.commands import options as flag
from rokt_export.commands.certify_sign_off import AnswersFile, CheckedSpec, CheckPack, PackFolder, PageLanguage
from rokt_export.commands.options import Output
from rokt_export.commands.spec_setup import journal_place
from rokt_export.commands.terminal import Terminal
from rokt_export.errors import ExitStatus

Subject = Annotated[
    str | None,
    typer.Argument(
        metavar="SPEC|RUN", help="The partner's spec, a YAML file; with --answers the run.", show_default=False
    ),
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
    pack: PackFolder = Path(),
    template: PageLanguage = "en",
    answers: AnswersFile = None,
    check: CheckPack = None,
    spec: CheckedSpec = None,
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

    It writes a certification pack: a page with a form for the partner's tech contact, and the same as JSON. The answers
    are read back by --answers; --check says whether a changed spec is still certified.

    Exit status: 0 no findings, 1 findings, 3 a fault in the spec or a guarded environment, 4 the partner is unreachable
    or refuses the credentials.

    Examples:
        rokt-export certify acme.yaml --sandbox
        rokt-export certify acme.yaml --require-outcomes delivered,duplicate,rejected
        rokt-export certify --answers answers.json last
        rokt-export certify --check pack.html --spec acme.yaml
    """
    from rokt_export.commands.certify_sign_off import check_pack, read_answers

    terminal = Terminal(quiet, verbose, no_color)
    if answers is not None:
        return read_answers(answers, subject, journal_place(journal), terminal, output)
    if check is not None:
        checked = spec or (Path(subject) if subject else None)
        return check_pack(check, checked, journal_place(journal), terminal, output)
    # First `check_pack_folder(pack, template)`, then the probes, with `parts_of(loaded)` in `CertifiedSpec.parts`.
    # Once the run has ended: `hand_over(certification, journal_place(journal), pack, template, terminal)`.
    terminal.say("certify is not finished")
    return ExitStatus.OK
