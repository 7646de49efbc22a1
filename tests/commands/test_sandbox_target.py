"""`--sandbox`: a partner for the length of a run, which remembers what it was sent until told to forget."""

from __future__ import annotations

import pytest

from commands.replays import MAILCHIMP
from tests.commands.conftest import FEW, CommandLine


@pytest.mark.parametrize("command", ["test", "replay"])
def test_the_same_file_sent_twice_ends_in_duplicates(cli: CommandLine, command: str) -> None:
    first = cli(command, MAILCHIMP, FEW, "--sandbox", "--output", "json")
    again = cli(command, MAILCHIMP, FEW, "--sandbox", "--output", "json")
    assert (first.status, first.json["counts"]) == (0, {"delivered": 5})
    assert (again.status, again.json["counts"]) == (1, {"duplicate": 5})


def test_the_sandbox_forgets_when_told(cli: CommandLine) -> None:
    cli("test", MAILCHIMP, FEW, "--sandbox")
    assert cli("test", MAILCHIMP, FEW, "--sandbox", "--forget", "--output", "json").json["counts"] == {"delivered": 5}


@pytest.mark.parametrize("command", ["test", "replay"])
def test_the_same_rows_in_two_files_end_in_duplicates(cli: CommandLine, command: str) -> None:
    copy = cli.write("copy.csv", FEW.read_bytes())
    done = cli(command, MAILCHIMP, FEW, copy, "--sandbox", "--output", "json")
    assert (done.status, done.json["counts"]) == (1, {"delivered": 5, "duplicate": 5})
