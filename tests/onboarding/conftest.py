"""The command line of the tests of commands, the draft of a document, and a spec beside its document."""

from pathlib import Path

import pytest
from commands.conftest import CommandLine, Partner, cli, partner  # noqa: F401

from onboarding.documents import ACME
from onboarding.sendgrid_contacts import PUBLISHED, SENDGRID, answers


@pytest.fixture
def acme(cli: CommandLine) -> str:  # noqa: F811
    """The draft of the document with everything."""
    cli.write("acme-api.yaml", ACME)
    done = cli("init", "--openapi", "acme-api.yaml")
    assert done.status == 0, done.err + done.out
    return (cli.folder / "acme.yaml").read_text()


@pytest.fixture
def sendgrid(cli: CommandLine, partner: Partner) -> Path:  # noqa: F811
    """A spec of SendGrid's contacts, its published document in a folder beside it."""
    (cli.folder / "api").mkdir()
    cli.write("api/contacts.yaml", PUBLISHED)
    partner.answer = answers(202, '{"job_id": "j1"}')
    return cli.write("sendgrid.yaml", SENDGRID % partner.url)
