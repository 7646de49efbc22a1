"""`attributes`: what a transaction can carry, and the filters that turn it."""

from __future__ import annotations

from typing import Annotated

import typer

from rokt_export.commands import options as flag
from rokt_export.commands.options import Output
from rokt_export.commands.terminal import Terminal
from rokt_export.errors import ExitStatus, UsageError

Words = Annotated[
    list[str] | None,
    typer.Argument(metavar="WORD", help="List only attributes that contain this word.", show_default=False),
]
_COLUMNS = ("name", "format", "example", "description", "personal", "group", "aliases")


def attributes(words: Words = None, output: flag.OutputFormat = Output.TABLE, no_color: flag.NoColor = False) -> int:
    """List Rokt's attributes: name, format, example, personal or not. Custom attributes are also allowed.

    Examples:
        rokt-export attributes
        rokt-export attributes postal --output json
    """
    from rokt_export.partner_spec.attributes import ATTRIBUTES

    rows = [
        {
            "name": each.name,
            "format": each.format,
            "example": each.example,
            "description": each.description,
            "personal": each.personal,
            "group": each.group,
            "aliases": list(each.aliases),
        }
        for each in ATTRIBUTES.values()
    ]
    if words:
        rows = [row for row in rows if all(word.lower() in str(row).lower() for word in words)]
    terminal = Terminal(no_color=no_color)
    match output:
        case Output.JSON:
            terminal.json(rows)
        case Output.NDJSON:
            terminal.ndjson(rows)
        case Output.CSV:
            terminal.csv([{**row, "aliases": " ".join(row["aliases"])} for row in rows], _COLUMNS)  # type: ignore[arg-type]
        case Output.TABLE:
            _print(terminal, rows)
    if not rows:
        raise UsageError(
            "no attribute contains all these words", remedy="Leave a word out; without any, all are listed."
        )
    return ExitStatus.OK


def _print(terminal: Terminal, rows: list[dict[str, object]]) -> None:
    from rich.table import Table

    table = Table(box=None)
    for heading in ("Attribute", "Format", "Example", "Personal", "Meaning"):
        table.add_column(heading, overflow="fold")
    for row in rows:
        personal = "yes" if row["personal"] else ""
        table.add_row(
            *(str(cell) for cell in (row["name"], row["format"], row["example"], personal, row["description"]))
        )
    terminal.out.print(table)
