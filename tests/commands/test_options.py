"""Flags that several commands share, and what a flag that takes a list makes of several values."""

from __future__ import annotations

import pytest

from commands.conftest import CommandLine
from rokt_export.commands.options import joined


def test_a_list_may_be_given_with_commas_or_several_times() -> None:
    assert joined(["1,2", "3"]) == "1,2,3"
    assert joined([]) is joined(None) is None


@pytest.mark.parametrize("command", ["test", "replay", "certify"])
def test_flags_that_commands_share_read_the_same(cli: CommandLine, command: str) -> None:
    page = cli(command, "--help", env={"COLUMNS": "200"}).out
    for line in (
        "Start a sandbox for this run and send to it.",
        "Give an attribute this value in all rows.",
        "Read variables from this file instead of .env.",
    ):
        assert line in page
