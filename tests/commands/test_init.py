"""`init` takes one source, and says what to fill in, what to ask the partner, and which command is next."""

from __future__ import annotations

import pytest

from commands.conftest import CommandLine

LINE = "curl https://example.com/leads -H 'X-Key: s3cret-s3cret' --json '{\"email\": \"jane@example.com\"}'"


@pytest.mark.parametrize("source", ["line", "file", "stdin"])
def test_a_curl_line_is_taken_as_given_of_a_file_or_of_stdin(cli: CommandLine, source: str) -> None:
    cli.write("line.txt", LINE)
    given = {"line": LINE, "file": "@line.txt", "stdin": "-"}[source]
    done = cli("init", "acme.yaml", "--curl", given, stdin=LINE.encode() if source == "stdin" else b"")
    assert done.status == 0, done.err
    assert "acme.yaml: parameters: 1 mapped" in done.out
    assert "Secrets: EXAMPLE_X_KEY moved to .env (readable only by you)." in done.out
    assert "To fill in or confirm:\n" in done.out and "Questions to the partner:\n  1. " in done.out
    assert done.out.rstrip().endswith("Next: `rokt-export test acme.yaml --sandbox -e production`")
    assert "s3cret" not in done.out + done.err + (cli.folder / "acme.yaml").read_text()


def test_a_file_that_cannot_be_read_is_named_with_its_flag(cli: CommandLine) -> None:
    done = cli("init", "acme.yaml", "--curl", "@gone.txt")
    assert (done.status, "--curl: this file cannot be read" in done.err) == (2, True)
    cli.write("line.txt", LINE.encode("utf-16"))
    assert cli("init", "acme.yaml", "--curl", "@line.txt").status == 2
    assert not (cli.folder / "acme.yaml").exists()


def test_two_sources_are_a_usage_error(cli: CommandLine) -> None:
    done = cli("init", "--curl", LINE, "--sample", "hubspot")
    assert (done.status, "--curl" in done.err and "--sample" in done.err) == (2, True), done.err
