"""The page of --help: whole flags under headings in one order, at any width."""

from __future__ import annotations

import re
from typing import Any

import pytest
import typer.main

from rokt_export.commands.cli import program
from tests.commands.conftest import CommandLine

COMMANDS = typer.main.get_command(program())
HEADINGS = ["Options:", "Rows:", "Sending:", "Stopping:", "Earlier runs:", "Sandbox:", "Output:"]


def _leaves(command: Any = COMMANDS, path: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], Any]]:
    children = getattr(command, "commands", {})
    own = [] if children else [(path, command)]
    return own + [leaf for name, child in children.items() for leaf in _leaves(child, (*path, name))]


@pytest.mark.parametrize("width", [60, 80, 100, 140])
def test_help_shows_whole_flags_and_examples_at_any_width(cli: CommandLine, width: int) -> None:
    for path, command in _leaves():
        done = cli(*path, "--help", env={"COLUMNS": str(width)})
        assert done.status == 0
        head, _, options = done.out.partition("Examples:\n")
        assert options.startswith(f"  {'curl' if path == ('classify',) else 'rokt-export'} "), path
        assert max(len(line) for line in head.splitlines()) <= width
        if width >= 80:
            assert max(len(line) for line in done.out.splitlines()) <= width, path
        for each in command.params:
            assert getattr(each, "is_flag", False) or each.metavar, (path, each.name)
            assert all(re.search(rf"(?m)^ .*{flag}[ ,\n]", done.out) for flag in each.opts if flag[0] == "-"), path
        assert not re.search(r"<\w+>| VALUE\b|…", done.out)


@pytest.mark.parametrize("command", ["replay", "test", "diff", "render"])
def test_flags_are_under_headings_in_one_order(cli: CommandLine, command: str) -> None:
    out = cli(command, "--help").out.splitlines()
    found = [line for line in out if line in HEADINGS]
    assert found == [heading for heading in HEADINGS if heading in found]
    assert found == HEADINGS or command != "replay"
    assert len(found) >= 3


def test_a_flag_of_two_commands_is_under_the_heading_that_fits(cli: CommandLine) -> None:
    diff, certify = cli("diff", "--help").out, cli("certify", "--help").out
    assert "Sign-off:" not in diff
    assert "--spec SPEC" in diff.partition("Earlier runs:")[2].partition("\n\n")[0]
    assert "--spec SPEC" in certify.partition("Sign-off:")[2].partition("\n\n")[0]
