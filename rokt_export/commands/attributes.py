"""`attributes`: lists what a transaction can carry, and the filters that convert it."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Annotated, assert_never

import typer

from rokt_export.commands import options as flag
from rokt_export.commands.options import Output
from rokt_export.commands.terminal import Terminal
from rokt_export.errors import ExitStatus, UsageError

if TYPE_CHECKING:
    from rich.table import Table

Words = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="WORD",
        help="List only attributes and filters with this word in name, other names, format, example or meaning.",
        show_default=False,
    ),
]
_COLUMNS = ("name", "format", "example", "description", "personal", "group", "aliases")
_FILTER = "filter"
_NARROW = 76
"""Columns of a terminal below which a table would cut words apart."""


def attributes(words: Words = None, output: flag.OutputFormat = Output.TABLE, no_color: flag.NoColor = False) -> int:
    """List Rokt's attributes: name, format, example, personal or not; and the filters of templates, with their results.

    Custom attributes are also allowed. Exit status: 2 if nothing contains all words.

    Examples:
        rokt-export attributes
        rokt-export attributes postal --output json
        rokt-export attributes date
    """
    rows = [*_attribute_rows(), *_filter_rows()]
    wanted = [word.casefold() for word in words or ()]
    found = [row for row in rows if all(word in _searched(row) for word in wanted)]
    terminal = Terminal(no_color=no_color)
    match output:
        case Output.JSON:
            terminal.json(found)
        case Output.NDJSON:
            terminal.ndjson(found)
        case Output.CSV:
            terminal.csv([{**row, "aliases": " ".join(row["aliases"])} for row in found], _COLUMNS)  # type: ignore[arg-type]
        case Output.TABLE:
            _print(terminal, found)
        case _ as never:
            assert_never(never)
    if not found:
        raise UsageError("no attribute or filter contains all these words", remedy=_remedy(words or []))
    return ExitStatus.OK


def _attribute_rows() -> list[dict[str, object]]:
    from rokt_export.partner_spec.attributes import ATTRIBUTES

    return [
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


def _filter_rows() -> list[dict[str, object]]:
    """Return a row for each filter: its arguments as the format, and a template with its result as the example."""
    from rokt_export.partner_spec.attributes import ATTRIBUTES
    from rokt_export.spec_language.filters import EXAMPLES, FILTERS, text_of
    from rokt_export.spec_language.template import compile_template

    values = {attribute.name: attribute.example for attribute in ATTRIBUTES.values()}
    rows: list[dict[str, object]] = []
    for name, function in FILTERS.items():
        arguments = [each for each in inspect.signature(function).parameters if each != "value"]
        result = text_of(compile_template(EXAMPLES[name]).fill(values, {}))
        meaning = inspect.cleandoc(function.__doc__ or "").partition("\n")[0].removeprefix("Return ")
        rows.append(
            {
                "name": name,
                "format": f"({', '.join(arguments)})" if arguments else "",
                "example": f"{EXAMPLES[name]} → {result}",
                "description": meaning[:1].upper() + meaning[1:],
                "personal": False,
                "group": _FILTER,
                "aliases": [],
            }
        )
    return rows


def _searched(row: dict[str, object]) -> str:
    """Return the text of a row that is searched: what it says, not the names of its columns."""
    aliases = row["aliases"]
    assert isinstance(aliases, list)
    parts = (row["name"], *aliases, row["format"], row["example"], row["description"])
    return "\n".join(str(part) for part in parts).casefold()


def _remedy(words: list[str]) -> str:
    from rokt_export.partner_spec.attributes import fold, nearest

    near = list(dict.fromkeys(each for word in words if (each := nearest(word)) is not None))
    if near:
        return f"Did you mean {' or '.join(f'`{each}`' for each in near)}? Without a word, all are listed."
    own = fold(words[0]) or "name"
    return (
        "Leave a word out; without any, all are listed. An attribute of your own is allowed too: declare it in the"
        f" spec, `attributes: {{{own}: what it means}}`."
    )


def _print(terminal: Terminal, rows: list[dict[str, object]]) -> None:
    attributes = [row for row in rows if row["group"] != _FILTER]
    filters = [row for row in rows if row["group"] == _FILTER]
    if terminal.out.width < _NARROW:
        for row in rows:
            _print_block(terminal, row)
        return
    if attributes:
        table = _table("Attribute", "Format", "Example", "Personal", "Meaning")
        for row in attributes:
            table.add_row(*_cells(row, "name", "format", "example", "personal", "description"))
        terminal.out.print(table)
    if attributes and filters:
        terminal.out.print()
    if filters:
        table = _table("Filter", "Arguments", "Example", "Meaning")
        for row in filters:
            table.add_row(*_cells(row, "name", "format", "example", "description"))
        terminal.out.print(table)


def _table(*headings: str) -> Table:
    from rich.table import Table

    table = Table(box=None)
    for number, heading in enumerate(headings):
        table.add_column(heading, overflow="fold", no_wrap=number == 0)
    return table


def _cells(row: dict[str, object], *columns: str) -> list[str]:
    return [("yes" if row[column] else "") if column == "personal" else str(row[column]) for column in columns]


def _print_block(terminal: Terminal, row: dict[str, object]) -> None:
    from rich.padding import Padding

    personal = ", personal" if row["personal"] else ""
    kind = " (filter)" if row["group"] == _FILTER else ""
    terminal.out.print(f"{row['name']}{kind}", style="bold", markup=False)
    for text in (f"{row['format']}{personal}", row["example"], row["description"]):
        if text:
            terminal.out.print(Padding(str(text), (0, 0, 0, 2)), markup=False)
