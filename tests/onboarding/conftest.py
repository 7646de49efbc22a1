"""The command line of the tests of commands, and the draft of a document."""

import pytest
from commands.conftest import CommandLine, cli, partner  # noqa: F401

from onboarding.documents import ACME


@pytest.fixture
def acme(cli: CommandLine) -> str:  # noqa: F811
    """The draft of the document with everything."""
    cli.write("acme-api.yaml", ACME)
    done = cli("init", "--openapi", "acme-api.yaml")
    assert done.status == 0, done.err + done.out
    return (cli.folder / "acme.yaml").read_text()
