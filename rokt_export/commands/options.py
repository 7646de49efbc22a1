"""The flags that several commands share, each declared once."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from rokt_export.reports.formats import SUFFIXES


class Output(StrEnum):
    """How data is written to stdout."""

    TABLE = "table"
    JSON = "json"
    NDJSON = "ndjson"
    CSV = "csv"


SpecFile = Annotated[Path, typer.Argument(metavar="SPEC", help="The partner's spec, a YAML file.", show_default=False)]
Environment = Annotated[
    str, typer.Option("--environment", "-e", metavar="NAME", help="Which of the spec's environments.")
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
        help="Let the spec load this authentication class; else $ROKT_EXPORT_PLUGINS.",
    ),
]  # fmt: skip
OutputFormat = Annotated[Output, typer.Option("--output", help="How to print the data.")]
JournalPlace = Annotated[
    str | None,
    typer.Option(
        "--journal", metavar="PATH|URL", help="Where runs are kept; else $ROKT_EXPORT_JOURNAL or your state folder.",
        show_default=False,
    ),
]  # fmt: skip
Quiet = Annotated[bool, typer.Option("--quiet", help="Nothing but warnings and errors on stderr.")]
Verbose = Annotated[bool, typer.Option("--verbose", help="Say more on stderr: what is read, sent and decided.")]
NoColor = Annotated[bool, typer.Option("--no-color", help="No colours; $NO_COLOR does the same.")]
Name = Annotated[str | None, typer.Option("--name", metavar="NAME", help="A name for this run.", show_default=False)]
NoFirstRowCheck = Annotated[
    bool,
    typer.Option(
        "--no-first-row-check",
        help="Do not send the first row alone, nor stop where responses show a wrong set-up.",
    ),
]
Confirm = Annotated[
    str | None,
    typer.Option(
        "--confirm",
        metavar="PARTNER",
        help="The partner's slug: yes, send to a guarded environment.",
        show_default=False,
    ),
]
Again = Annotated[bool, typer.Option("--again", help="Send rows again that production answered before.")]
TestData = Annotated[bool, typer.Option("--test-data", help="The rows are invented people, not real ones.")]
ShowPersonal = Annotated[
    bool, typer.Option("--show-personal-data", help="Do not redact personal data on this terminal.")
]
Reports = Annotated[
    list[Path] | None,
    typer.Option(
        "--report", metavar="PATH", help=f"Write a report; its suffix says which ({SUFFIXES}).",
        show_default=False,
    ),
]  # fmt: skip
Columns = Annotated[
    list[str] | None,
    typer.Option("--map", metavar="COLUMN=ATTRIBUTE", help="What a column carries.", show_default=False),
]
Encoding = Annotated[
    str | None,
    typer.Option("--encoding", help="The files' character encoding, if it is guessed wrong.", show_default=False),
]
Delimiter = Annotated[
    str | None,
    typer.Option("--delimiter", help="What separates the cells, if it is guessed wrong.", show_default=False),
]
SkipLines = Annotated[
    int, typer.Option("--skip-lines", min=0, metavar="N", help="Lines before the header of delimited files.")
]
Header = Annotated[
    str | None,
    typer.Option("--header", metavar="NAMES", help="Columns of files without a header (a,b,c).", show_default=False),
]
Sheet = Annotated[
    str | None,
    typer.Option("--sheet", metavar="NAME", help="Which sheet of an Excel workbook.", show_default=False),
]
SendDamaged = Annotated[
    bool,
    typer.Option("--send-damaged", help="Send damaged cells as they are to a guarded environment, too."),
]
SetValues = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=VALUE", help="Give an attribute this value in all rows.", show_default=False),
]
Unset = Annotated[
    list[str] | None,
    typer.Option("--unset", metavar="NAME", help="Take an attribute away from all rows.", show_default=False),
]
Expect = Annotated[str, typer.Option("--expect", metavar="OUTCOME", help="The outcome that counts as success.")]
Events = Annotated[
    list[str] | None,
    typer.Argument(metavar="EVENTS", help="Files of transactions; without, people are invented.", show_default=False),
]
WithSandbox = Annotated[bool, typer.Option("--sandbox", help="Start a sandbox for this run, and send to it.")]
SandboxUrl = Annotated[
    str | None,
    typer.Option("--sandbox-url", metavar="URL", help="Send to a sandbox that is running.", show_default=False),
]
Forget = Annotated[bool, typer.Option("--forget", help="Let the sandbox forget what earlier runs sent.")]
All = Annotated[bool, typer.Option("--all", help="Print every row, not only unexpected outcomes.")]
