"""`init --openapi`: the operation that tells what became of an accepted job."""

from __future__ import annotations

from pathlib import Path

from commands.conftest import CommandLine

from onboarding.drafted import spec_of


def test_how_to_ask_about_an_accepted_job(cli: CommandLine) -> None:
    """SendGrid's document has the state of an import, its words in prose, beside that of an export and of a contact."""
    document = Path(__file__).parents[1] / "sendgrid" / "tsg_mc_contacts_v3.yaml"
    assert cli("init", "--openapi", document, "--operation", "PUT /v3/marketing/contacts").status == 0
    asked = spec_of(cli.folder / "sendgrid.yaml").confirmation
    assert asked is not None and asked.url == "/v3/marketing/contacts/imports/{reference}"
    assert asked.pending is not None and asked.pending.body["$.status"].equals == "pending"
    assert [each.outcome for each in asked.responses] == ["delivered", "rejected"]
    assert asked.responses[1].body["$.status"].one_of == ("errored", "failed")
    assert "is a guess" in next(
        line for line in (cli.folder / "sendgrid.yaml").read_text().splitlines() if line.startswith("confirmation:")
    )


def test_a_job_without_an_operation_that_tells_its_state(cli: CommandLine, acme: str) -> None:
    assert "provisional: true" in acme and "confirmation" not in acme
