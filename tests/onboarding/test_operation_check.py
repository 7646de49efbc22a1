"""`validate --openapi`: the partner's document contradicts the requests that a spec renders, and nothing else."""

from __future__ import annotations

import json
import os

import pytest
from commands.conftest import CommandLine

from onboarding.documents import ACME, NEWER, SWAGGER, with_path
from onboarding.operation_checks import DOUBLED, VARIABLES, contradictions_in


@pytest.mark.parametrize(
    ("old", "new", "code", "says"),
    [
        ("name: email,", "name: emial,", "RX211", "it knows no `emial`"),
        ("name: email,", "name: emial,", "RX210", "`email` is missing"),
        ("name: kind, value: contact", "name: kind, value: lead", "RX210", "`kind` is one of contact"),
        ("{name: tier, value: free}", "{name: tier, value: 7}", "RX210", "`tier` is one of free, paid"),
        ("name: address.city", "name: address.town", "RX211", "`address.town`"),
        ("max_length: 40}", "value: 5}", "RX210", ""),
        ("method: POST", "method: PUT", "RX210", "the method is POST, not PUT"),
        ("/contacts", "/contact", "RX210", "the path is `/lists/{list_id}/contacts`"),
        ("encoding: json", "encoding: form", "RX210", "no body of the type `application/x-www-form-urlencoded`"),
    ],
)
def test_what_a_document_contradicts(cli: CommandLine, old: str, new: str, code: str, says: str) -> None:
    cli.write("doc.yaml", ACME)
    assert cli("init", "--openapi", "doc.yaml").status == 0
    spec = cli.folder / "acme.yaml"
    text = spec.read_text()
    if not says:
        old, new, says = (
            "attribute: firstname, required: true, max_length: 40",
            "value: 5",
            "`givenName` is of the type string",
        )
    assert old in text
    spec.write_text(text.replace(old, new))
    done = cli(
        "validate", spec, "--openapi", "doc.yaml", "--operation", "createContact", "--output", "json", env=VARIABLES
    )
    found = [(message, line) for each, line, message in contradictions_in(done) if each == code]
    assert any(says in message for message, _ in found), done.json
    assert done.status == 0
    assert cli("validate", spec, "--openapi", "doc.yaml", "--operation", "createContact", "--strict").status == 1


def test_a_draft_agrees_with_its_document(cli: CommandLine) -> None:
    documents = {"acme": ACME, "old": json.dumps(SWAGGER), "newer": json.dumps(NEWER)}
    for name, text in documents.items():
        cli.write(f"{name}-api", text)
        assert cli("init", f"{name}.yaml", "--openapi", f"{name}-api").status == 0
        done = cli("validate", f"{name}.yaml", "--openapi", f"{name}-api", "--output", "json")
        assert contradictions_in(done) == [], name


def test_form_parameters_of_swagger(cli: CommandLine) -> None:
    cli.write("old.json", json.dumps(SWAGGER))
    assert cli("init", "--openapi", "old.json").status == 0
    spec = cli.folder / "old.yaml"
    spec.write_text(spec.read_text().replace("name: source,", "name: src,").replace("name: FNAME", "name: FNAM"))
    done = cli("validate", spec, "--openapi", "old.json", "--output", "json")
    found = [(code, message.partition(": ")[2]) for code, _, message in contradictions_in(done)]
    assert found == [("RX210", "the query parameter `source` is missing"), ("RX211", "it knows no `FNAM`")]


def test_the_operation_must_be_found(cli: CommandLine) -> None:
    cli.write("old.json", with_path(SWAGGER, "/customers"))
    cli.write("other.json", json.dumps(NEWER))
    assert cli("init", "--openapi", "old.json", "--operation", "PUT /leads").status == 0
    assert cli("validate", "old.yaml", "--openapi", "old.json").status == 0
    done = cli("validate", "old.yaml", "--openapi", "other.json")
    assert done.status == 2 and "no operation of this document" in done.err


def test_a_document_that_is_no_file(cli: CommandLine) -> None:
    os.mkfifo(cli.folder / "pipe")
    for place in ("/dev/zero", "pipe"):
        done = cli("validate", cli.write("acme.yaml", DOUBLED.replace("doc.json", place)))
        assert done.status == 3 and "a device, a pipe or a socket" in done.out + done.err
