"""`help`: the help of a command, as `COMMAND --help` prints it."""

from __future__ import annotations

from typing import Annotated

import typer

Names = Annotated[
    list[str] | None, typer.Argument(metavar="COMMAND", help="The command, such as runs show.", show_default=False)
]


def show_help(names: Names = None) -> int:
    """Show the help of a command.

    Examples:
        rokt-export help replay
        rokt-export help runs show
    """
    from rokt_export.commands.cli import asked_for, program

    words = names or []
    return int(program(asked_for(words))(args=[*words, "--help"], prog_name="rokt-export", standalone_mode=False) or 0)
