"""The command line with all commands, for who wants to look at it as a whole."""

from __future__ import annotations

from rokt_export.commands.cli import program

app = program()
