"""`classify`: the exit status of a pasted response, and what is told of one without a status."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.commands.conftest import CommandLine


@pytest.mark.parametrize(("status", "exit_status"), [(200, 0), (409, 1), (400, 1), (500, 1), (302, 1)])
def test_the_exit_status_of_a_pasted_answer(cli: CommandLine, spec: Path, status: int, exit_status: int) -> None:
    assert cli("classify", spec, "--status", status, "--text", "{}").status == exit_status


def test_a_whole_pasted_answer(cli: CommandLine, spec: Path) -> None:
    paste = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/2 409 Conflict\r\nContent-Type: application/json\r\n\r\n{}"
    done = cli("classify", spec, "--output", "json", stdin=paste)
    assert (done.status, done.json["outcome"], done.json["rule"]) == (1, "duplicate", "duplicate")
    assert cli("classify", spec, "--body", cli.write("answer.txt", paste), "--output", "json").json == done.json


def test_a_paste_without_a_status_is_told_so(cli: CommandLine, spec: Path) -> None:
    done = cli("classify", spec, "--output", "json", stdin=b"{}")
    assert (done.status, done.json["outcome"]) == (0, "delivered")
    assert "200 is assumed; --status gives another" in done.err
    assert cli("classify", spec, "--status", 200, stdin=b"{}").err == ""
