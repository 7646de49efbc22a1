"""`init --openapi`: what a document says is in the draft, guesses are marked, and a bad document leaves no file."""

from __future__ import annotations

import json
import socket
import time
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from commands.conftest import CommandLine

from onboarding.documents import ACME, NEWER, SWAGGER, with_path
from rokt_export.errors import DocumentError
from rokt_export.onboarding.drafts import openapi_document
from rokt_export.partner_spec.loading import load_spec
from rokt_export.partner_spec.model import PartnerSpec


def _spec(path: Path) -> PartnerSpec:
    return load_spec(path).spec


def _parameters(spec: PartnerSpec) -> dict[str, Any]:
    return {each.name: each.attribute or each.value for each in spec.parameters}


@pytest.fixture
def acme(cli: CommandLine) -> str:
    """The draft of the document with everything."""
    cli.write("acme-api.yaml", ACME)
    done = cli("init", "--openapi", "acme-api.yaml")
    assert done.status == 0, done.err + done.out
    return (cli.folder / "acme.yaml").read_text()


def test_parameters_of_a_document(cli: CommandLine, acme: str) -> None:
    spec = _spec(cli.folder / "acme.yaml")
    assert _parameters(spec) == {
        "Acme-Version": "2026-01",
        "givenName": "firstname",
        "Nachname": "lastname",
        "email": "email",
        "kind": "contact",
        "tier": "free",
        "account_id": "{{ env.ACME_ACCOUNT_ID }}",
        "favourite": "favourite",
        "birthday": "{{ dob | date }}",
        "gender": "{{ gender | map(equal={'M': 'Male', 'F': 'Female'}) }}",
        "marketing_consent": "optin",
        "phone": "{{ mobile | phone(region='US') }}",
        "address.city": "city",
        "address.state": "state",
        "address.country": "{{ country | upper }}",
    }
    needed = {each.name for each in spec.parameters if each.required}
    assert needed == {"givenName", "email", "favourite"}
    assert {each.name: each.max_length for each in spec.parameters}["givenName"] == 40
    assert spec.attributes["favourite"].description == "The colour they like"


def test_a_guess_is_marked_and_a_false_friend_is_left_out(acme: str) -> None:
    line = {name: each for each in acme.splitlines() for name in ("tier", "phone", "kind") if f"name: {name}," in each}
    assert "# check: one of free, paid" in line["tier"]
    assert "# check: numbers without a country code" in line["phone"]
    assert "check" not in line["kind"]
    omitting = [each for each in acme.splitlines() if "invalid: omit" in each]
    assert {name for name in ("birthday", "phone", "address.country") for each in omitting if f"name: {name}," in each}
    assert all("a value that does not fit is left out" in each.partition("# check: ")[2] for each in omitting)
    left = next(each for each in acme.splitlines() if "Not sent" in each)
    assert "title" in left and "work_phone" in left
    assert "`parent` refers to itself" in acme
    assert "alternatives" in acme
    assert "readOnly" not in acme and "name: id" not in acme


def test_endpoint_authentication_and_limits(cli: CommandLine, acme: str) -> None:
    spec = _spec(cli.folder / "acme.yaml")
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


def test_rules_of_a_document(cli: CommandLine, acme: str) -> None:
    spec = _spec(cli.folder / "acme.yaml")
    rules = [(each.outcome, each.status, each.name) for each in spec.responses]
    assert [outcome for outcome, _, _ in rules] == [
        "duplicate", "delivered", "duplicate", "failed", "failed", "rejected", "failed",
    ]  # fmt: skip
    by_body, queued, conflict, setup, busy, rejected, _ = spec.responses
    assert by_body.body["$.code"].equals == "duplicate_contact"
    assert queued.provisional and queued.capture.reference[0].path == "$.job_id"
    assert conflict.status == ((409, 409),) and "409 is a conflict" in acme
    assert setup.status == tuple((code, code) for code in (401, 403, 404, 405, 415)) and not setup.retry
    assert busy.retry and busy.after is not None and busy.after.header == "Retry-After"
    assert rejected.capture.reason[0].path == "$.message" and rejected.capture.code[0].path == "$.code"
    examples = [example for rule in spec.responses for example in rule.examples]
    assert len(examples) == 3 and all(example.illustrative for example in examples)
    assert "real.person" not in acme and "jane.doe@example.com" in acme


def test_the_draft_runs_against_its_sandbox(cli: CommandLine, acme: str) -> None:
    cli.write(".env", "ACME_LIST_ID=l1\nACME_API_KEY=k1\nACME_ACCOUNT_ID=a1\n")
    done = cli("test", "acme.yaml", "--sandbox", "--count", "2", "--output", "json")
    assert done.status == 0, done.err
    assert done.json["counts"] == {"delivered": len(done.json["deliveries"])}


def test_what_is_printed_at_the_end(cli: CommandLine) -> None:
    cli.write("acme-api.yaml", ACME)
    done = cli("init", "mine.yaml", "--openapi", "acme-api.yaml", "--operation", "createcontact", "--partner", "mine")
    assert done.status == 0
    assert "validate: 0 errors" in done.out
    assert " mapped, 4 guessed, 2 optional not sent" in done.out
    assert "\n  make a file .env with the lines MINE_ACCOUNT_ID=…, MINE_API_KEY=…, MINE_LIST_ID=…\n" in done.out
    verdict = next(line for line in done.out.splitlines() if line.startswith("validate: "))
    assert cli("validate", "mine.yaml").out.count(" warning RX") == int(verdict.split()[-2])
    assert "mine.yaml:" in done.out
    cli.write("my.env", "MINE_API_KEY=k1\nMINE_LIST_ID=l1\n")
    flags = ("--operation", "createcontact", "--partner", "mine", "--env-file", "my.env", "--force")
    again = cli("init", "mine.yaml", "--openapi", "acme-api.yaml", *flags)
    assert "\n  my.env: add the line MINE_ACCOUNT_ID=…\n" in again.out
    assert "Who is the technical contact" in done.out
    assert done.out.rstrip().endswith("Next: `rokt-export test mine.yaml --sandbox`")
    assert json.loads((cli.folder / "partner-spec.schema.json").read_text())["title"].startswith("Partner spec")


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


def test_a_document_without_a_host_has_no_endpoint(cli: CommandLine) -> None:
    document = {key: value for key, value in SWAGGER.items() if key != "host"}
    cli.write("old.json", json.dumps(document))
    done = cli("init", "--openapi", "old.json")
    assert "the endpoint is not known yet" in (cli.folder / "old.yaml").read_text()
    assert "What is the URL of your production endpoint?" in done.out


def test_a_guess_says_what_it_is_about(cli: CommandLine) -> None:
    cli.write("a.json", json.dumps(SWAGGER).replace('"FNAME"', '"first"'))
    assert cli("init", "a.yaml", "--openapi", "a.json").status == 0
    draft = (cli.folder / "a.yaml").read_text()
    assert "# check: `first` may also mean something other than firstname" in draft
    assert "# check: the source names none of these statuses" in draft


def test_swagger_2(cli: CommandLine) -> None:
    cli.write("old.json", json.dumps(SWAGGER))
    assert cli("init", "--openapi", "old.json").status == 0
    spec = _spec(cli.folder / "old.yaml")
    assert spec.endpoint["production"].url == "https://api.example.com/v2/leads"
    assert (spec.method, spec.encoding, spec.idempotent) == ("PUT", "form", True)
    assert _parameters(spec) == {"source": "rokt", "EMAIL": "email", "FNAME": "firstname"}
    good = next(each for each in spec.responses if each.outcome == "delivered")
    assert good.body["$.success"].equals is True
    assert [each.outcome for each in spec.responses[:2]] == ["rejected", "delivered"]
    assert spec.authentication is not None and spec.authentication[0].type == "basic"


def test_openapi_3_1(cli: CommandLine) -> None:
    cli.write("newer.json", json.dumps(NEWER))
    assert cli("init", "--openapi", "newer.json").status == 0
    spec = _spec(cli.folder / "newer.yaml")
    # The rule that the document lacks is there to be filled in.
    proposed = "# - {outcome: duplicate, status: 409}  # check: what is the response to an entry that exists?"
    assert proposed in (cli.folder / "newer.yaml").read_text()
    assert list(spec.endpoint) == ["staging"]
    assert _parameters(spec) == {"people[0].mail": "email", "people[0].format": "v1"}
    assert spec.content_type == "application/vnd.acme+json"
    assert spec.authentication is not None and spec.authentication[0].type == "oauth2"


def test_how_to_ask_about_an_accepted_job(cli: CommandLine) -> None:
    """SendGrid's document has the state of an import, its words in prose, beside that of an export and of a contact."""
    document = Path(__file__).parent / "sendgrid" / "tsg_mc_contacts_v3.yaml"
    assert cli("init", "--openapi", document, "--operation", "PUT /v3/marketing/contacts").status == 0
    asked = _spec(cli.folder / "sendgrid.yaml").confirmation
    assert asked is not None and asked.url == "/v3/marketing/contacts/imports/{reference}"
    assert asked.pending is not None and asked.pending.body["$.status"].equals == "pending"
    assert [each.outcome for each in asked.responses] == ["delivered", "rejected"]
    assert asked.responses[1].body["$.status"].one_of == ("errored", "failed")
    assert "is a guess" in next(
        line for line in (cli.folder / "sendgrid.yaml").read_text().splitlines() if line.startswith("confirmation:")
    )


def test_from_a_published_document_to_certified_in_three_edits(cli: CommandLine) -> None:
    document = Path(__file__).parent / "sendgrid" / "tsg_mc_contacts_v3.yaml"
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


def test_a_job_without_an_operation_that_tells_its_state(cli: CommandLine, acme: str) -> None:
    assert "provisional: true" in acme and "confirmation" not in acme


def test_several_operations_are_listed_and_the_nearest_named(cli: CommandLine) -> None:
    cli.write("old.json", with_path(SWAGGER, "/customers"))
    several = cli("init", "--openapi", "old.json")
    assert several.status == 2 and "2 operations could create a person" in several.err
    assert several.err.index("PUT /leads") < several.err.index("POST /customers")
    wrong = cli("init", "--openapi", "old.json", "--operation", "POST /customer")
    assert wrong.status == 2 and "The nearest: POST /customers" in wrong.err
    assert not list(cli.folder.glob("old.yaml"))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("<!DOCTYPE html><html><body>Docs</body></html>", "an HTML page"),
        ('{"openapi": "3.0.0", "paths": {', "bad.json:1:"),
        ("openapi: 3.0.0\n  paths: {\n", "bad.json:2:"),
        ("{}", "no key `openapi`"),
        ('{"info": {}, "item": []}', "use --postman"),
        ('{"openapi": "4.0.0", "paths": {}}', "not a version"),
        ('{"openapi": "3.0.0", "paths": {}}', "no operation"),
        ("", "is empty"),
        ("[" * 100_000, "not JSON"),
        ("openapi: 3.0.0\nx: '" + "y" * 12_000_000 + "'", "at most 12,000,000"),
    ],
    ids=["html", "json", "yaml", "empty object", "postman", "version", "no paths", "empty", "deep", "large"],
)
def test_a_bad_document_leaves_no_file(cli: CommandLine, text: str, says: str) -> None:
    cli.write("bad.json", text)
    done = cli("init", "--openapi", "bad.json")
    assert done.status == 3 and says in done.err
    assert [each.name for each in cli.folder.iterdir() if each.suffix == ".yaml"] == []


def _with_reference(reference: str) -> str:
    schema = {"schema": {"$ref": reference}}
    body = {"requestBody": {"content": {"application/json": schema}}}
    post = {"summary": "Create a lead", "responses": {}, **body}
    return json.dumps({"openapi": "3.0.0", "info": {"title": "r"}, "paths": {"/leads": {"post": post}}})


@pytest.mark.parametrize(
    ("reference", "flags", "says"),
    [
        ("#/components/schemas/Gone", (), "leads nowhere"),
        ("https://schemas.example.com/lead.json", (), "--allow-remote"),
        ("http://169.254.169.254/latest/meta-data", ("--allow-remote",), "not public"),
        ("http://127.0.0.1:1/lead.json", ("--allow-remote",), "not public"),
        ("http://[::ffff:10.0.0.1]/lead.json", ("--allow-remote",), "not public"),
        ("../outside.json", (), "out of the document's folder"),
        ("ftp://example.com/x", (), "neither a file nor a web address"),
    ],
)
def test_references_that_may_not_be_followed(
    cli: CommandLine, reference: str, flags: tuple[str, ...], says: str
) -> None:
    cli.write("doc.json", _with_reference(reference))
    done = cli("init", "--openapi", "doc.json", *flags)
    assert done.status == 3 and says in done.err, done.err
    assert not list(cli.folder.glob("*.yaml"))


def test_a_reference_to_a_file_beside_the_document(cli: CommandLine) -> None:
    cli.write("doc.json", _with_reference("lead.yaml#/Lead"))
    cli.write("lead.yaml", "Lead: {type: object, required: [Email], properties: {Email: {type: string}}}")
    assert cli("init", "out.yml", "--openapi", "doc.json").status == 0
    assert _parameters(_spec(cli.folder / "out.yml")) == {"Email": "email"}


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
    assert "stolen" not in _parameters(_spec(cli.folder / "acme.yaml"))
    assert all("ACME_" in each for each in text.split("{{ env.")[1:])


def test_a_form_with_nested_names(cli: CommandLine) -> None:
    person = {"type": "object", "properties": {"first_name": {"type": "string"}, "title": {"enum": ["Mr", "Ms"]}}}
    schema = {"type": "object", "properties": {"person": person, "email": {"type": "string"}}}
    document = json.loads(_with_reference("#/x"))
    content = {"application/x-www-form-urlencoded": {"schema": schema}}
    document["paths"]["/leads"]["post"]["requestBody"] = {"content": content}
    cli.write("doc.json", json.dumps(document))
    assert cli("init", "out.yml", "--openapi", "doc.json").status == 0
    spec = _spec(cli.folder / "out.yml")
    assert spec.encoding == "form"
    assert _parameters(spec) == {"person[first_name]": "firstname", "person[title]": "title", "email": "email"}


def test_a_text_body_and_a_doubtful_path_parameter(cli: CommandLine) -> None:
    document = json.loads(_with_reference("#/x"))
    post = document["paths"].pop("/leads")["post"]
    post["requestBody"] = {"content": {"text/plain": {"schema": {"type": "string"}}}}
    post["parameters"] = [{"name": "state", "in": "path", "required": True, "schema": {"type": "string"}}]
    cli.write("doc.json", json.dumps({**document, "paths": {"/leads/{state}": {"post": post}}}))
    assert cli("init", "out.yml", "--openapi", "doc.json", "--partner", "p").status == 0
    spec = _spec(cli.folder / "out.yml")
    assert (spec.encoding, spec.parameters) == ("text", ())
    assert spec.endpoint["production"].url == "https://api.example.com/leads/{{ env.P_STATE }}"
    assert "write it as a template under `body:`" in (cli.folder / "out.yml").read_text()


def test_an_xml_body(cli: CommandLine) -> None:
    lead = {
        "type": "object",
        "xml": {"name": "lead"},
        "required": ["id"],
        "properties": {
            "id": {"type": "string", "const": "rokt", "xml": {"attribute": True}},
            "mail": {"type": "string", "xml": {"name": "Mail"}},
        },
    }
    document = json.loads(_with_reference("#/x"))
    document["paths"]["/leads"]["post"]["requestBody"] = {"content": {"application/xml": {"schema": lead}}}
    cli.write("doc.json", json.dumps(document))
    assert cli("init", "out.yml", "--openapi", "doc.json").status == 0
    spec = _spec(cli.folder / "out.yml")
    assert (spec.encoding, _parameters(spec)) == ("xml", {"lead.@id": "rokt", "lead.Mail": "email"})


def test_alternatives_within_alternatives_end(cli: CommandLine) -> None:
    schemas = {
        f"S{level}": {
            "oneOf": [
                {"type": "object", "properties": {f"p{level}{i}": {"$ref": f"#/components/schemas/S{level + 1}"}}}
                for i in range(12)
            ]
        }
        for level in range(8)
    }
    schemas["S8"] = {"type": "object", "properties": {"email": {"type": "string"}}}
    deep: dict[str, Any] = schemas
    for level in range(7):
        deep[f"S{level}"]["oneOf"] += [{"$ref": f"#/components/schemas/S{level + 1}"}] * 12
    document = json.loads(_with_reference("#/components/schemas/S0"))
    cli.write("doc.json", json.dumps({**document, "components": {"schemas": schemas}}))
    began = time.monotonic()
    assert cli("init", "out.yml", "--openapi", "doc.json").status in (0, 1)
    assert time.monotonic() - began < 30


class _Documents(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = json.dumps(NEWER).encode() if self.path == "/openapi.json" else b""
        self.send_response(200 if body else 302)
        self.send_header("Location", "/elsewhere")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


def test_a_document_from_a_url(cli: CommandLine) -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Documents)
    Thread(target=server.serve_forever, daemon=True).start()
    base = f"http://127.0.0.1:{server.server_port}"
    try:
        assert cli("init", "--openapi", f"{base}/openapi.json").status == 0
        assert any("# openapi: {document: openapi.json" in path.read_text() for path in cli.folder.glob("*.yaml"))
        redirected = cli("init", "--openapi", f"{base}/old")
        assert redirected.status == 3 and "Redirects are not followed" in redirected.err
    finally:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize("start", [b"HTTP/1.1 200 OK\r\nX-Slow: ", b"HTTP/1.1 200 OK\r\n\r\n{"], ids=["head", "body"])
def test_a_document_that_comes_byte_by_byte_ends_at_the_limit(cli: CommandLine, monkeypatch, start) -> None:
    monkeypatch.setattr(openapi_document, "LONGEST", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def dribble() -> None:
            connection, _ = listener.accept()
            with connection, suppress(OSError):
                connection.sendall(start)
                for _ in range(100):
                    time.sleep(0.05)
                    connection.sendall(b" ")

        Thread(target=dribble, daemon=True).start()
        began = time.monotonic()
        slow = cli("init", "--openapi", f"http://127.0.0.1:{listener.getsockname()[1]}/openapi.json")
    assert slow.status == 3 and "takes more than" in slow.err
    assert time.monotonic() - began < 3


def test_a_file_is_not_overwritten(cli: CommandLine) -> None:
    cli.write("old.json", json.dumps(SWAGGER))
    cli.write("old.yaml", "mine")
    refused = cli("init", "--openapi", "old.json")
    assert refused.status == 2 and "--force" in refused.err
    assert (cli.folder / "old.yaml").read_text() == "mine"
    assert cli("init", "--openapi", "old.json", "--force").status == 0


def test_a_sample_is_copied_with_a_hint_that_works(cli: CommandLine) -> None:
    done = cli("init", "--sample", "mailchimp")
    assert done.status == 0
    text = (cli.folder / "mailchimp.yaml").read_text()
    hint = text.splitlines()[0].partition("$schema=")[2]
    assert json.loads((cli.folder / hint).read_text())["properties"]["partner"]
    unknown = cli("init", "--sample", "mailchmp")
    assert unknown.status == 2 and "mailchimp" in unknown.err


def test_one_source_is_needed(cli: CommandLine) -> None:
    both = cli("init", "--openapi", "a.json", "--sample", "hubspot")
    assert both.status == 2 and "--openapi and --sample" in both.err
    missing = cli("init", "--openapi", "a.json")
    assert missing.status == 3 and "no such file" in missing.err


def test_a_document_and_what_it_refers_to_have_one_limit(monkeypatch) -> None:
    def slow(url: str, _source: str, *, own: bool) -> bytes:
        time.sleep(0.3)
        return f"{url} {own}".encode()

    monkeypatch.setattr(openapi_document, "LONGEST", 0.5)
    monkeypatch.setattr(openapi_document, "_downloaded", slow)
    fetcher = openapi_document._Fetcher("http://a.example/api.json")
    assert fetcher.fetch("http://a.example/api.json", own=True) == b"http://a.example/api.json True"
    time.sleep(0.3)  # what is done with a document does not count
    with pytest.raises(DocumentError, match="what it refers to take more than") as raised:
        fetcher.fetch("http://a.example/other.json", own=True)
    assert raised.value.where == "http://a.example/other.json"


def test_a_timeout_of_the_download_is_not_the_limit(cli: CommandLine, monkeypatch) -> None:
    def timed_out(*_: Any, **__: Any) -> None:
        raise TimeoutError

    monkeypatch.setattr("requests.get", timed_out)
    done = cli("init", "--openapi", "http://127.0.0.1:9/openapi.json")
    assert (done.status, "takes more than" in done.err) == (3, False)
    assert "cannot be fetched: TimeoutError" in done.err
