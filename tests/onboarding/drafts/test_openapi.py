"""`init --openapi`: the operation that is taken of a document, and what it says of the request."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from commands.conftest import CommandLine

from onboarding.documents import NEWER, SWAGGER, with_path, with_reference
from onboarding.drafted import parameters_of, spec_of


def test_endpoint_authentication_and_limits(cli: CommandLine, acme: str) -> None:
    spec = spec_of(cli.folder / "acme.yaml")
    path = "/lists/{{ env.ACME_LIST_ID }}/contacts"
    urls = {name: place.url for name, place in spec.endpoint.items()}
    assert urls == {
        "staging": f"https://sandbox.example.com/v1{path}",
        "production": f"https://eu.example.com/v1{path}",
    }
    assert "`region` may be eu, us" in acme
    assert spec.authentication is not None
    key = spec.authentication[0].model_dump(exclude_defaults=True, by_alias=True)
    assert key == {"type": "api_key", "name": "X-Acme-Key", "value": "{{ env.ACME_API_KEY }}"}
    assert spec.limits is not None and spec.limits.rate == ((10, 1), (300, 60))
    assert spec.idempotency is not None and spec.idempotency.header == "Idempotency-Key"
    assert spec.documentation == "https://docs.example.com/contacts"


def test_swagger_2(cli: CommandLine) -> None:
    cli.write("old.json", json.dumps(SWAGGER))
    assert cli("init", "--openapi", "old.json").status == 0
    spec = spec_of(cli.folder / "old.yaml")
    assert spec.endpoint["production"].url == "https://api.example.com/v2/leads"
    assert (spec.method, spec.encoding, spec.idempotent) == ("PUT", "form", True)
    assert parameters_of(spec) == {"source": "rokt", "EMAIL": "email", "FNAME": "firstname"}
    good = next(each for each in spec.responses if each.outcome == "delivered")
    assert good.body["$.success"].equals is True
    assert [each.outcome for each in spec.responses[:2]] == ["rejected", "delivered"]
    assert spec.authentication is not None and spec.authentication[0].type == "basic"


def test_openapi_3_1(cli: CommandLine) -> None:
    cli.write("newer.json", json.dumps(NEWER))
    assert cli("init", "--openapi", "newer.json").status == 0
    spec = spec_of(cli.folder / "newer.yaml")
    # The rule that the document lacks is there to be filled in.
    proposed = "# - {outcome: duplicate, status: 409}  # check: what is the response to an entry that exists?"
    assert proposed in (cli.folder / "newer.yaml").read_text()
    assert list(spec.endpoint) == ["staging"]
    assert parameters_of(spec) == {"people[0].mail": "email", "people[0].format": "v1"}
    assert spec.content_type == "application/vnd.acme+json"
    assert spec.authentication is not None and spec.authentication[0].type == "oauth2"


def test_from_a_published_document_to_certified_in_three_edits(cli: CommandLine) -> None:
    document = Path(__file__).parents[1] / "sendgrid" / "tsg_mc_contacts_v3.yaml"
    assert cli("init", "--openapi", document, "--operation", "PUT /v3/marketing/contacts").status == 0
    draft = cli.folder / "sendgrid.yaml"
    edits = {
        "# contact: {name: …, role: …, email: …}  # ask the partner": "contact: {name: Jane Doe}",
        "# staging: https://…": "staging: https://staging.example.com/v3/marketing/contacts",
        "attribute: email, format": "attribute: email, required: true, format",
    }
    text = draft.read_text()
    for before, after in edits.items():
        assert text.count(before) == 1
        text = text.replace(before, after)
    draft.write_text(text)
    done = cli("certify", draft, "--sandbox", "--output", "json", "--require-outcomes", "delivered,rejected")
    assert done.status == 0 and done.json["verdicts"].keys() == {"as expected", "not run"}, done.json["verdicts"]


def test_several_operations_are_listed_and_the_nearest_named(cli: CommandLine) -> None:
    cli.write("old.json", with_path(SWAGGER, "/customers"))
    several = cli("init", "--openapi", "old.json")
    assert several.status == 2 and "2 operations could create a person" in several.err
    assert several.err.index("PUT /leads") < several.err.index("POST /customers")
    wrong = cli("init", "--openapi", "old.json", "--operation", "POST /customer")
    assert wrong.status == 2 and "The nearest: POST /customers" in wrong.err
    assert not list(cli.folder.glob("old.yaml"))


def test_a_text_body_and_a_doubtful_path_parameter(cli: CommandLine) -> None:
    document = json.loads(with_reference("#/x"))
    post = document["paths"].pop("/leads")["post"]
    post["requestBody"] = {"content": {"text/plain": {"schema": {"type": "string"}}}}
    post["parameters"] = [{"name": "state", "in": "path", "required": True, "schema": {"type": "string"}}]
    cli.write("doc.json", json.dumps({**document, "paths": {"/leads/{state}": {"post": post}}}))
    assert cli("init", "out.yml", "--openapi", "doc.json", "--partner", "p").status == 0
    spec = spec_of(cli.folder / "out.yml")
    assert (spec.encoding, spec.parameters) == ("text", ())
    assert spec.endpoint["production"].url == "https://api.example.com/leads/{{ env.P_STATE }}"
    assert "write it as a template under `body:`" in (cli.folder / "out.yml").read_text()


MEDIA = [
    ("text/x-acme", "text", "text/x-acme", "write it as a template under `body:`"),
    ("text/plain", "text", None, "write it as a template under `body:`"),
    ("application/x-acme", None, None, "the document wants `application/x-acme`, which is not sent; JSON is a guess"),
    ("image/*", None, None, "the document wants `image/*`, which is not sent"),
    ("multipart/form-data", "form", None, "the document wants multipart/form-data, which is not sent"),
    ("application/*", "json", None, ""),
    ("application/vnd.acme+json", "json", "application/vnd.acme+json", ""),
]


@pytest.mark.parametrize(("media_type", "encoding", "content_type", "check"), MEDIA)
@pytest.mark.parametrize("swagger", [False, True], ids=["openapi", "swagger"])
def test_a_body_of_each_media_type(
    cli: CommandLine, media_type: str, encoding: str | None, content_type: str | None, check: str, *, swagger: bool
) -> None:
    schema = {"type": "object", "required": ["email"], "properties": {"email": {"type": "string"}}}
    if swagger:
        document = json.loads(json.dumps(SWAGGER))
        (operation,) = (item["put"] for item in document["paths"].values() if "put" in item)
        operation |= {"consumes": [media_type], "parameters": [{"in": "body", "name": "body", "schema": schema}]}
    else:
        document = json.loads(with_reference("#/x"))
        document["paths"]["/leads"]["post"]["requestBody"] = {"content": {media_type: {"schema": schema}}}
    cli.write("doc.json", json.dumps(document))
    done = cli("init", "out.yml", "--openapi", "doc.json")
    spec = spec_of(cli.folder / "out.yml")
    stated = spec.encoding if "encoding" in spec.model_fields_set else None
    assert (stated, spec.content_type) == (encoding, content_type)
    assert ("email" in parameters_of(spec)) == (encoding != "text")
    assert f"# check: {check}" in (cli.folder / "out.yml").read_text() if encoding is None else check in done.out
