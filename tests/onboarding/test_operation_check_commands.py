"""`openapi:` in a spec: the partner's document checks each request and response, and decides nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from commands.conftest import CommandLine, Partner

from onboarding.documents import ACME
from onboarding.sendgrid_contacts import PROMISED, PUBLISHED, answers


def test_a_request_that_a_published_document_does_not_allow(cli: CommandLine, sendgrid: Path, partner: Partner) -> None:
    assert cli("validate", sendgrid).out.count("RX21") == 0
    sendgrid.write_text(sendgrid.read_text().replace("contacts[0].first_name", "contacts[0].firstname"))
    says = "the document says of PUT /v3/marketing/contacts: it knows no `contacts[0].firstname`"

    validated = cli("validate", sendgrid, "--output", "json")
    assert [(each["line"], each["message"]) for each in validated.json if each["code"] == "RX211"] == [(9, says)]
    assert validated.status == 0

    rendered = cli("render", sendgrid)
    assert rendered.status == 0 and f"{sendgrid}:9:5 warning RX211 {says}" in rendered.err
    assert "firstname" in rendered.out and "RX211" not in rendered.out
    assert cli("render", sendgrid, "--output", "json").json[0]["contradictions"] == [says]

    files = ("run.html", "run.md", "run.xml")
    partner.answer = answers(200, "{}")
    tested = cli("test", sendgrid, "--count", "2", *(word for name in files for word in ("--report", name)))
    assert tested.status == 0 and f"{says} (row 1 and 1 more)" in tested.out
    for text in (tested.out, cli("runs", "show", "last").out, *((cli.folder / name).read_text() for name in files)):
        assert "it knows no " in text and f"{PROMISED}: status 200 is not documented" in text
    assert f"note: {says}" in cli("runs", "show", "last", "--row", "2").out
    # What goes to the partner is what the spec says: the document only witnesses.
    assert b"firstname" in partner.heard[-1].body


def test_a_sandbox_is_asked_nothing_of_the_document(cli: CommandLine) -> None:
    cli.write("doc.yaml", ACME)
    assert cli("init", "--openapi", "doc.yaml").status == 0
    text = (cli.folder / "acme.yaml").read_text()
    assert 'openapi: {document: doc.yaml, operation: "POST /lists/{list_id}/contacts"}' in text
    (cli.folder / "acme.yaml").write_text(text.replace("name: kind, value: contact", "name: kind, value: lead"))
    done = cli("test", "acme.yaml", "--sandbox", "--set", "favourite=red")
    assert "`kind` is one of contact (row 1)" in done.out and "does not promise" not in done.out


def test_flags_take_the_place_of_the_key(cli: CommandLine, sendgrid: Path) -> None:
    bare = cli.write("bare.yaml", "\n".join(
        line for line in sendgrid.read_text().splitlines() if not line.startswith("openapi")
    ))  # fmt: skip
    flags = ("--openapi", "api/contacts.yaml", "--operation", "PUT /v3/marketing/contacts")
    assert cli("classify", bare, "--status", "418", "--text", "x", "--output", "json").json["notes"] == []
    for command in (("classify", bare, "--status", "418", "--text", "x"), ("test", bare), ("render", bare)):
        done = cli(*command, *flags)
        assert ("status 418" in done.out) == (command[0] == "classify"), done
    other = cli("validate", sendgrid, "--operation", "POST /v3/marketing/contacts/search", "--output", "json")
    assert any("the method is POST, not PUT" in each["message"] for each in other.json)
    done = cli("render", bare, "--operation", "PUT /v3/marketing/contacts")
    assert done.status == 2 and "--operation needs a document" in done.err


@pytest.mark.parametrize(
    ("key", "file", "says", "remedy"),
    [
        ("document: api/contact.yaml", None, "api/contact.yaml: no such file", "api/contacts.yaml"),
        ("document: api", None, "this is a directory", ""),
        ("document: bad.yaml", "openapi: 3.0.0\npaths: [", "bad.yaml:3:1: this is not YAML", ""),
        ("document: bad.yaml", "a: 1", "this is not an OpenAPI document", ""),
        ("document: bad.yaml", "openapi: 3.0.0\n" + "# a long comment\n" * 1_300_000, "22,100,015 bytes", "JSON"),
        (
            'document: api/contacts.yaml, operation: "PUT /v3/marketing/contact"',
            None,
            "this document has no operation `PUT /v3/marketing/contact`",
            "The nearest: PUT /v3/marketing/contacts",
        ),
        ("document: 'https://example.com/api.json'", None, "a spec fetches nothing", "Download it"),
    ],
)
def test_a_document_that_cannot_be_used(
    cli: CommandLine, sendgrid: Path, partner: Partner, key: str, file: str | None, says: str, remedy: str
) -> None:
    if file is not None:
        cli.write("bad.yaml", file)
    old = 'document: api/contacts.yaml, operation: "PUT /v3/marketing/contacts"'
    sendgrid.write_text(sendgrid.read_text().replace(old, key))
    for command in ("validate", "render", "test", "classify"):
        done = cli(command, sendgrid)
        text = done.out + done.err
        assert done.status == 3 and says in text and remedy in text, (command, text)
        assert f"{sendgrid}:4:" in text
    assert partner.heard == []
    replayed = cli("replay", sendgrid, cli.write("rows.csv", "email\njane.doe@example.com\n"))
    assert (replayed.status == 3) == ("https" in key)


def test_references_that_lead_nowhere_or_in_circles(cli: CommandLine, sendgrid: Path, partner: Partner) -> None:
    """A response in a circle is judged as far as it goes; a reference to nothing is said, and nothing fails."""
    job = "                  job_id:\n                    "
    whole = PUBLISHED.replace(f"{job}type: string", f"{job}$ref: '#/components/schemas/Node'")
    assert whole != PUBLISHED
    node = "{type: object, properties: {next: {$ref: '#/components/schemas/Node'}, n: {type: integer}}}"
    head = "components:\n  schemas:\n"
    cli.write("api/contacts.yaml", whole.replace(head, f"{head}    Node: {node}\n", 1))
    partner.answer = answers(202, '{"job_id": {"next": {"next": {"n": "x"}}}}')
    done = cli("test", sendgrid)
    assert done.status == 0 and "`job_id.next.next.n` is of the type integer" in done.out
    cli.write("api/contacts.yaml", whole)
    done = cli("test", sendgrid)
    assert "cannot judge this response" in done.out
    assert done.status == 0 and "the reference `#/components/schemas/Node` leads nowhere" in done.out


def test_the_rows_of_a_batch_are_judged_each(cli: CommandLine, sendgrid: Path, partner: Partner) -> None:
    batch = sendgrid.read_text().replace("contacts[0].", "contacts[].").replace("first_name", "firstname")
    sendgrid.write_text(f"{batch}limits: {{batch: 100}}\n")
    partner.answer = answers(200, "{}")
    done = cli("test", sendgrid, "--count", "3")
    assert done.status == 0 and len(partner.heard) < 3
    assert "it knows no `contacts[0].firstname` (row 1 and 2 more)" in done.out
    assert f"{PROMISED}: status 200 is not documented" in done.out
