"""Help of a command by its name, and the version, as the whole command line gives them."""

from __future__ import annotations

from tests.commands.conftest import CommandLine


def test_help_of_a_command_by_name_and_the_version_by_letter(cli: CommandLine) -> None:
    assert cli("help", "runs", "show").out == cli("runs", "show", "--help").out
    assert cli("help").out == cli("--help").out
    assert cli("-V").out == cli("--version").out
    assert "Did you mean `replay`?" in cli("help", "replya").err
