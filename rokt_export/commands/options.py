"""The flags that several commands share, each declared once."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from rokt_export.commands import completion
from rokt_export.reports.formats import SUFFIXES


class Output(StrEnum):
    """How data is written to stdout."""

    TABLE = "table"
    JSON = "json"
    NDJSON = "ndjson"
    CSV = "csv"


SpecFile = Annotated[Path, typer.Argument(metavar="SPEC", help="The partner's spec, a YAML file.", show_default=False)]
Environment = Annotated[
    str,
    typer.Option(
        "--environment",
        "-e",
        metavar="NAME",
        autocompletion=completion.environments,
        help="The environment of the spec.",
    ),
]
EnvFile = Annotated[
    Path | None,
    typer.Option(
        "--env-file", metavar="PATH", help="Read variables from this file instead of .env.", show_default=False
    ),
]
AllowPlugin = Annotated[
    list[str] | None,
    typer.Option(
        "--allow-plugin", metavar="MODULE:CLASS", show_default=False,
        help="Let the spec load this class; default $ROKT_EXPORT_PLUGINS.",
    ),
]  # fmt: skip
OutputFormat = Annotated[
    Output, typer.Option("--output", metavar="table|json|ndjson|csv", help="How to print the data.")
]
JournalPlace = Annotated[
    str | None,
    typer.Option(
        "--journal", metavar="PATH|URL", help="The journal; default $ROKT_EXPORT_JOURNAL, else your state folder.",
        show_default=False,
    ),
]  # fmt: skip
Run = Annotated[
    str,
    typer.Argument(
        metavar="RUN", help="A run's id, its beginning, its name, or `last`.", show_default=False,
        autocompletion=completion.runs,
    ),
]  # fmt: skip
Quiet = Annotated[bool, typer.Option("--quiet", help="Print only warnings and errors on stderr.")]
Verbose = Annotated[bool, typer.Option("--verbose", help="Print on stderr what is read, sent and decided.")]
NoColor = Annotated[bool, typer.Option("--no-color", help="No colours; $NO_COLOR does the same.")]
OnlyOutcomes = Annotated[
    list[str] | None,
    typer.Option(
        "--only", metavar="OUTCOMES", autocompletion=completion.outcomes, show_default=False,
        help="List only rows with these outcomes (rejected,failed).",
    ),
]  # fmt: skip
Name = Annotated[str | None, typer.Option("--name", metavar="NAME", help="A name for this run.", show_default=False)]
NoFirstRowCheck = Annotated[
    bool,
    typer.Option(
        "--no-first-row-check",
        help="Do not send the first row alone, and do not stop when responses show a wrong set-up.",
    ),
]
Patience = Annotated[
    str,
    typer.Option(
        "--patience", metavar="DURATION", help="How long the partner may be unreachable before the run stops."
    ),
]
Confirm = Annotated[
    str | None,
    typer.Option(
        "--confirm",
        metavar="PARTNER",
        autocompletion=completion.partners,
        help="Confirm a send to a guarded environment by naming the partner.",
        show_default=False,
    ),
]
OpenApi = Annotated[
    str | None,
    typer.Option(
        "--openapi", metavar="FILE|URL", show_default=False,
        help="Check against this document of the partner; default: the spec's `openapi`.",
    ),
]  # fmt: skip
OperationName = Annotated[
    str | None,
    typer.Option(
        "--operation", metavar="NAME", help='Which operation of it: its id, or "POST /path".', show_default=False
    ),
]
Again = Annotated[bool, typer.Option("--again", help="Send rows again that production answered before.")]
TestData = Annotated[bool, typer.Option("--test-data", help="The rows are test data, not real people.")]
ShowPersonal = Annotated[
    bool, typer.Option("--show-personal-data", help="Do not redact personal data on this terminal.")
]
Reports = Annotated[
    list[Path] | None,
    typer.Option(
        "--report", metavar="PATH", help=f"Write a report; the suffix selects the format ({SUFFIXES}). Repeatable.",
        show_default=False,
    ),
]  # fmt: skip
Columns = Annotated[
    list[str] | None,
    typer.Option("--map", metavar="COLUMN=ATTRIBUTE", help="Map a column to an attribute.", show_default=False),
]
Encoding = Annotated[
    str | None,
    typer.Option(
        "--encoding", metavar="NAME", help="The files' character encoding, if detection is wrong.", show_default=False
    ),
]
Delimiter = Annotated[
    str | None,
    typer.Option(
        "--delimiter", metavar="CHAR", help="The character between cells, if detection is wrong.", show_default=False
    ),
]
SkipLines = Annotated[int, typer.Option("--skip-lines", min=0, metavar="N", help="Lines to skip before the header.")]
Header = Annotated[
    str | None,
    typer.Option(
        "--header", metavar="NAMES", help="Column names of files without a header (a,b,c).", show_default=False
    ),
]
Sheet = Annotated[
    str | None,
    typer.Option("--sheet", metavar="NAME", help="The sheet of an Excel workbook.", show_default=False),
]
SendDamaged = Annotated[
    bool,
    typer.Option("--send-damaged", help="Send damaged cells unchanged, also to a guarded environment."),
]
SetValues = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=VALUE", help="Give an attribute this value in all rows.", show_default=False),
]
Unset = Annotated[
    list[str] | None,
    typer.Option("--unset", metavar="NAME", help="Remove an attribute from all rows.", show_default=False),
]
Expect = Annotated[
    str,
    typer.Option(
        "--expect", metavar="OUTCOME", autocompletion=completion.outcomes, help="The outcome that counts as success."
    ),
]
Events = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="EVENTS", help="Files of transactions; without them, test data is generated.", show_default=False
    ),
]
WithSandbox = Annotated[bool, typer.Option("--sandbox", help="Start a sandbox for this run and send to it.")]
SandboxUrl = Annotated[
    str | None,
    typer.Option("--sandbox-url", metavar="URL", help="Send to a sandbox that is running.", show_default=False),
]
Forget = Annotated[bool, typer.Option("--forget", help="Clear the sandbox's memory of earlier runs.")]
All = Annotated[bool, typer.Option("--all", help="Print every row, not only unexpected outcomes.")]


def joined(given: list[str] | None) -> str | None:
    """Return what a flag lists, given once with commas or several times; None where it is not given."""
    return ",".join(given) if given else None
