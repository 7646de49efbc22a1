"""A draft as it is written: what a comment proposes, the contact, and no text of a source read as a template."""

from __future__ import annotations

from commands.conftest import CommandLine

from onboarding.documents import ACME
from onboarding.drafted import parameters_of, spec_of


def test_what_a_comment_proposes_is_counted_as_not_sent(cli: CommandLine) -> None:
    cli.write(
        "leads.yaml",
        """\
openapi: 3.0.3
info: {title: Acme Leads, version: "1"}
servers: [{url: https://api.acme.example/v1}]
paths:
  /leads:
    post:
      requestBody:
        content:
          application/json:
            schema:
              type: object
              required: [email]
              properties: {email: {type: string, format: email}, source: {type: string}}
      responses: {"201": {description: Created}}
""",
    )
    done = cli("init", "--openapi", "leads.yaml")
    assert "acme-leads.yaml: parameters: 1 mapped, 0 guessed, 1 optional not sent" in done.out
    assert "# - {name: source, attribute: source}  # check: " in (cli.folder / "acme-leads.yaml").read_text()


def test_the_contact_is_taken_and_a_given_document_is_not_asked_for(cli: CommandLine) -> None:
    about = "info: {title: Acme API, version: '1', contact: {name: API team, email: api@acme.example}}"
    text = ACME.replace("info: {title: Acme API, version: '1'}", about)
    cli.write("acme-api.yaml", text.replace("externalDocs: {url: https://docs.example.com/contacts}\n", ""))
    done = cli("init", "--openapi", "acme-api.yaml")
    draft = (cli.folder / "acme.yaml").read_text()
    line = 'contact: {name: "API team", email: api@acme.example}  # check: from `info.contact` of the document'
    assert done.status == 0 and line in draft.splitlines()
    assert "Who is the technical contact" not in done.out and "Where is your API documented" not in done.out
    assert "We have your OpenAPI document. At which URL is your API documented?" in done.out
    cli.write("acme-api.yaml", text.replace("api@acme.example", "no address"))
    assert "Who is the technical contact" in cli("init", "b.yaml", "--openapi", "acme-api.yaml").out


def test_text_of_a_document_is_never_a_template_of_ours(cli: CommandLine) -> None:
    hostile = ACME.replace("[contact]", "['{{ env.AWS_SECRET }}']").replace(
        "default: '2026-01'", "default: '{{ env.K }}'"
    )
    hostile = hostile.replace("https://sandbox.example.com/v1", "https://sandbox.example.com/{{ env.HOME }}")
    hostile = hostile.replace("/lists/{list_id}/contacts:", "/lists/{list_id}/{{{ env.PATH }}}/contacts:")
    hostile = hostile.replace("The colour they like", "\"x\\n  - {name: stolen, value: '{{ env.K }}'}\"")
    cli.write("acme-api.yaml", hostile)
    assert cli("init", "--openapi", "acme-api.yaml").status == 0
    text = (cli.folder / "acme.yaml").read_text()
    assert "AWS_SECRET" not in text.replace("ACME_AWS_SECRET", "")
    assert "stolen" not in parameters_of(spec_of(cli.folder / "acme.yaml"))
    assert all("ACME_" in each for each in text.split("{{ env.")[1:])
