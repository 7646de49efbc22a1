"""`init --curl`, `--har`, `--postman`: the request is taken over, its secrets and people are not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from commands.conftest import CommandLine

from rokt_export.onboarding.drafts.curl import parse_curl
from rokt_export.partner_spec.loading import load_spec
from rokt_export.partner_spec.model import PartnerSpec

BASH = r"""$ curl -X POST \
  'https://us9.api.mailchimp.com/3.0/lists/a1b2c3d4e5/members?skip_merge_validation=true' \
  --user "anystring:0123456789abcdef-us9" -H 'Content-Type: application/json' -s \
  -d '{"email_address":"real.person@mail.example","status":"subscribed",
       "merge_fields":{"FNAME":"Zo\u00eb","LNAME":"O'\''Neil","BDAY":"12/15"}}' | jq ."""
HEREDOC = """curl https://a.klaviyo.com/api/profiles -H "Authorization: Klaviyo-API-Key pk_live_1234567890" \\
  -H 'revision: 2024-10-15' -H 'content-type: application/vnd.api+json' --data-binary @- <<'EOF'
{"data":{"type":"profile","attributes":{"email":"sarah@mail.example","phone_number":"+15005550006"}}}
EOF"""
CMD = r"""curl ^"https://api.example.com/v1/leads?campaign=42^" ^
  -X ^"POST^" ^
  -H ^"content-type: application/json^" ^
  -H ^"x-api-key: s3cr3t-key-value^" ^
  --data-raw ^"^{^\^"firstName^\^":^\^"Mia^\^",^\^"telephone^\^":^\^"020 7946 0958^\^",^\^"consent^\^":true^}^" ^
  --compressed"""
CMD_DOUBLED = (
    r'C:\Users\me> curl -X POST "https://api.example.com/contacts" -H "Content-Type: application/json" '
    r'-H "Authorization: Bearer abc.def" -d "{""email"":""max@mail.example"",""nachname"":""Muster""}"'
)
CMD_BACKSLASH = (
    r'curl -X POST "https://api.example.com/contacts" -H "Content-Type: application/json" '
    r'-d "{\"mail\":\"max@mail.example\",\"list_id\":7788}" -k'
)
POWERSHELL = r"""curl.exe -X POST "https://rest.example.com/subscribers" `
  -H "Authorization: Bearer $env:ACME_TOKEN" `
  -H "Content-Type: application/json" `
  -d '{\"email\":\"p@mail.example\",\"name\":\"Pia Real\"}'"""
FORM = (
    "curl https://leads.example.com/servlet?encoding=UTF-8 -d oid=00D300000000abc -d 'first_name=Ada' "
    "--data-urlencode 'last_name=Love & lace' --data-urlencode 'email=ada@mail.example'"
)
MULTIPART = "curl -F 'email=x@mail.example' -F photo=@me.png -F fname=Xi --foo -m 15 https://forms.example.com/submit"
QUERY = "curl -G 'https://leads.example.com/post' -d email=q@mail.example -d 'password=hunter22' --digest -u me:pw"
ANSI = r"""curl 'https://api.example.com/people' --json $'{"email":"a@mail.example","city":"K\u00f6ln"}' \
  --oauth2-bearer tok_1234567 -L"""
XML = (
    "curl -H 'Content-Type: text/xml' https://x.example.com/in -d '<lead id=\"9\"><email>a@mail.example</email></lead>'"
)
NAMED = """curl 'https://forms.example.com/submit/1234567' -H 'content-type: application/json' --data-raw \\
 '{"fields":[{"objectTypeId":"0-1","name":"email","value":"h@mail.example"},{"name":"firstname","value":"Hildegard"}]}'"""
LINES: dict[str, tuple[str, dict[str, Any], str | None]] = {
    "bash": (
        BASH,
        {
            "skip_merge_validation": "true",
            "email_address": "email",
            "status": "subscribed",
            "merge_fields.FNAME": "firstname",
            "merge_fields.LNAME": "lastname",
            "merge_fields.BDAY": "{{ dob | date('%m/%d') }}",
        },
        "basic",
    ),
    "heredoc": (
        HEREDOC,
        {
            "revision": "2024-10-15",
            "data.type": "profile",
            "data.attributes.email": "email",
            "data.attributes.phone_number": "{{ mobile | phone(region='US') }}",
        },
        "api_key",
    ),
    "cmd": (CMD, {"campaign": "42", "firstName": "firstname", "telephone": "mobile", "consent": "optin"}, "api_key"),
    "cmd, doubled quotes": (CMD_DOUBLED, {"email": "email", "nachname": "lastname"}, "bearer"),
    "cmd, backslashes": (CMD_BACKSLASH, {"mail": "email", "list_id": "{{ env.EXAMPLE_LIST_ID }}"}, None),
    "powershell": (POWERSHELL, {"email": "email", "name": "{{ firstname }} {{ lastname }}"}, "bearer"),
    "form": (
        FORM,
        {
            "encoding": "UTF-8",
            "oid": "{{ env.EXAMPLE_OID }}",
            "first_name": "firstname",
            "last_name": "lastname",
            "email": "email",
        },
        None,
    ),
    "multipart": (MULTIPART, {"email": "email", "fname": "firstname"}, None),
    "query": (QUERY, {"email": "email"}, "api_key"),
    "ansi": (ANSI, {"email": "email", "city": "city"}, "bearer"),
    "xml": (XML, {"lead.@id": "{{ env.EXAMPLE_ID }}", "lead.email": "email"}, None),
    "named values": (
        NAMED,
        {
            "fields[name=email].objectTypeId": "0-1",
            "fields[name=email].value": "email",
            "fields[name=firstname].value": "firstname",
        },
        None,
    ),
}
PRIVATE = [
    "mail.example", "Zoë", "O'Neil", "0123456789abcdef", "pk_live", "1500555", "Mia", "7946", "s3cr3t", "abc.def",
    "Muster", "Pia", "00D300000000abc", "Ada", "Love", "hunter22", "Köln", "tok_1234567", "Hildegard", "1234567",
    "a1b2c3d4e5", "7788",
]  # fmt: skip


def _spec(path: Path) -> PartnerSpec:
    return load_spec(path).spec


def _parameters(spec: PartnerSpec) -> dict[str, Any]:
    return {each.name: each.attribute or each.value for each in spec.parameters}


@pytest.mark.parametrize("name", LINES)
def test_curl_lines_of_all_shells(cli: CommandLine, name: str) -> None:
    line, parameters, authentication = LINES[name]
    cli.write("line.txt", line)
    done = cli("init", "out.yml", "--curl", "@line.txt")
    assert done.status == 0, done.err + done.out
    spec = _spec(cli.folder / "out.yml")
    assert _parameters(spec) == parameters
    assert (spec.authentication[0].type if spec.authentication else None) == authentication
    text = (cli.folder / "out.yml").read_text()
    assert [each for each in PRIVATE if each in text or each in done.out + done.err] == []


def test_a_source_without_a_name_takes_that_of_the_file_and_an_order_is_no_secret(cli: CommandLine) -> None:
    body = '{"email": "max@mail.example", "order": {"id": "A-1", "total": 12.5}, "order_id": "A-1", "list_id": 7788}'
    done = cli("init", "Beta GmbH.yaml", "--curl", f"curl http://127.0.0.1:8080/members -d '{body}'")
    spec = _spec(cli.folder / "Beta GmbH.yaml")
    assert (done.status, spec.partner) == (0, "beta-gmbh")
    found = _parameters(spec)
    assert (found["order.id"], found["order_id"]) == ("confirmationref", "confirmationref")
    assert found["list_id"] == "{{ env.BETA_GMBH_LIST_ID }}"
    assert "A-1" not in Path(".env").read_text()


def test_a_name_that_is_no_slug_is_refused_with_the_slug_of_it(cli: CommandLine) -> None:
    done = cli("init", "--curl", "curl https://x.example.com -d a=b", "--partner", "Beta GmbH")
    assert done.status == 2 and "--partner beta-gmbh" in done.err


def test_options_of_curl_are_taken_or_named(cli: CommandLine) -> None:
    form = parse_curl(MULTIPART)
    assert (form.method, form.timeout, form.form) == ("POST", "15s", (("email", "x@mail.example"), ("fname", "Xi")))
    assert [each for each in form.notes if "--foo" in each] and [each for each in form.notes if "photo" in each]
    query = parse_curl(QUERY)
    assert (query.method, query.body, query.digest) == ("GET", "", True)
    assert parse_curl(FORM).body.endswith("last_name=Love+%26+lace&email=ada%40mail.example")
    assert "redirects are not followed" in " ".join(parse_curl(ANSI).notes)
    assert "certificates are checked" in " ".join(parse_curl(CMD_BACKSLASH).notes)
    done = cli("init", "out.yml", "--curl", MULTIPART)
    assert "curl's option `--foo` is not known" in done.out
    assert "shell's history" not in done.err
    assert "shell's history" in cli("init", "more.yml", "--curl", QUERY).err


def test_secrets_go_to_a_file_of_their_own(cli: CommandLine) -> None:
    cli.write(".env", "OTHER=1\nMAILCHIMP_USERNAME=mine")
    Path(".env").chmod(0o644)
    done = cli("init", "--curl", "-", stdin=BASH.encode())
    assert done.status == 0
    assert "MAILCHIMP_LIST_ID, MAILCHIMP_PASSWORD moved to .env" in done.out
    assert "another value of MAILCHIMP_USERNAME, which stays" in done.out
    lines = Path(".env").read_text().splitlines()
    assert lines == [
        "OTHER=1",
        "MAILCHIMP_USERNAME=mine",
        "MAILCHIMP_LIST_ID=a1b2c3d4e5",
        "MAILCHIMP_PASSWORD=0123456789abcdef-us9",
    ]
    assert Path(".env").stat().st_mode & 0o777 == 0o600
    run = cli("test", "mailchimp.yaml", "--sandbox", "-e", "production", "--count", "1", "--output", "json")
    assert run.json["counts"] == {"delivered": 1}, run.err


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("curl 'https://x.example.com", "a quote is opened"),
        ("Invoke-WebRequest -Uri https://x.example.com", "begins with `Invoke-WebRequest`"),
        ("curl -X POST -d a=b", "names no URL"),
        ("curl -I https://x.example.com", "HEAD creates nobody"),
        ("curl ftp://x.example.com/f -d a=b", "not a web address"),
        ("curl https://x.example.com -H 'Content-Type: application/json' -d '{\"a\":'", "is not JSON"),
        ("curl https://x.example.com -d '<a><b></a>'", "is not XML"),
    ],
)
def test_a_line_that_cannot_be_read(cli: CommandLine, line: str, says: str) -> None:
    done = cli("init", "--curl", line)
    assert done.status == 3 and says in done.err
    assert list(cli.folder.glob("*.yaml")) == []


def _entry(method: str, url: str, body: Any = None, response: Any = None, status: int = 201) -> dict[str, Any]:
    request: dict[str, Any] = {
        "method": method,
        "url": url,
        "headers": [
            {"name": ":authority", "value": "api.example.com"},
            {"name": "Authorization", "value": "Bearer browser-token-1"},
            {"name": "Cookie", "value": "session=private"},
            {"name": "User-Agent", "value": "Mozilla/5.0"},
        ],
    }
    if body is not None:
        request["postData"] = {"mimeType": "application/json", "text": json.dumps(body)}
    content = {"mimeType": "application/json; charset=utf-8", "text": json.dumps(response or {})}
    return {"request": request, "response": {"status": status, "statusText": "", "headers": [], "content": content}}


def test_a_har_of_a_browser(cli: CommandLine) -> None:
    note = "Annabel was stored by browser-token-1"
    answer = {"id": "r-1", "person": {"email": "ann@mail.example"}, "list": 4711, "note": note}
    sent = {"email": "ann@mail.example", "fname": "Annabel", "list_id": 4711}
    entries = [
        _entry("GET", "https://www.example.com/app.js"),
        _entry("OPTIONS", "https://api.example.com/v1/contacts"),
        _entry("POST", "https://api.example.com/v1/events", {"name": "click"}),
        _entry("POST", "https://api.example.com/v1/contacts", sent, answer),
    ]
    cli.write("page.har", json.dumps({"log": {"version": "1.2", "entries": entries}}))
    several = cli("init", "--har", "page.har")
    assert several.status == 2
    assert several.err.index("v1/contacts") < several.err.index("v1/events") and "app.js" not in several.err
    done = cli("init", "out.yml", "--har", "page.har", "--request", "v1/contacts")
    assert done.status == 0, done.err
    text = (cli.folder / "out.yml").read_text()
    spec = _spec(cli.folder / "out.yml")
    assert _parameters(spec) == {"email": "email", "fname": "firstname", "list_id": "{{ env.EXAMPLE_LIST_ID }}"}
    [example] = next(each for each in spec.responses if each.outcome == "delivered").examples
    assert json.loads(example.body)["person"] == {"email": "jane.doe@example.com"} and example.illustrative
    for private in ("ann@mail", "Annabel", "browser-token", "session=private", "4711"):
        assert private not in text + done.out
    assert "cookies of the source are left out" in text
    assert "browser-token-1" in Path(".env").read_text()


COLLECTION: dict[str, Any] = {
    "info": {"name": "Acme", "schema": "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"},
    "auth": {"type": "apikey", "apikey": [{"key": "key", "value": "X-Key"}, {"key": "value", "value": "{{apiKey}}"}]},
    "variable": [{"key": "base", "value": "https://api.example.com/v1"}, {"key": "apiKey", "value": "k-secret-9"}],
    "item": [
        {
            "name": "People",
            "item": [
                {
                    "name": "Create person",
                    "request": {
                        "method": "POST",
                        "header": [{"key": "X-Off", "value": "1", "disabled": True}],
                        "url": {
                            "raw": "{{base}}/lists/:list/contacts?dry=true",
                            "query": [{"key": "dry", "value": "true", "disabled": True}],
                            "variable": [{"key": "list", "value": ""}],
                        },
                        "body": {
                            "mode": "raw",
                            "raw": '{"id": "{{$guid}}", "mail": "x@mail.example", "tier": {{tier}}}',
                            "options": {"raw": {"language": "json"}},
                        },
                    },
                    "response": [
                        {"name": "Stored", "code": 201, "body": '{"uuid": "u-1"}'},
                        {
                            "name": "Known",
                            "code": 400,
                            "body": '{"error": "contact already exists", "code": "DUPLICATE"}',
                        },
                    ],
                },
                {"name": "List", "request": "{{base}}/contacts"},
            ],
        }
    ],
}


@pytest.mark.parametrize("version", ["2.1", "2.0"])
def test_a_postman_collection(cli: CommandLine, version: str) -> None:
    collection = json.loads(json.dumps(COLLECTION))
    if version == "2.0":
        collection["auth"] = {"type": "apikey", "apikey": {"key": "X-Key", "value": "{{apiKey}}"}}
        collection["item"][0]["item"][0]["request"]["url"] = "{{base}}/lists/:list/contacts"
    cli.write("acme.json", json.dumps(collection))
    done = cli("init", "--postman", "acme.json")
    assert done.status == 0, done.err + done.out
    spec = _spec(cli.folder / "acme.yaml")
    assert spec.endpoint["production"].url == "https://api.example.com/v1/lists/{{ env.ACME_LIST }}/contacts"
    assert _parameters(spec) == {"mail": "email", "tier": "tier"}
    assert spec.authentication is not None and spec.authentication[0].type == "api_key"
    duplicate = spec.responses[0]
    assert duplicate.outcome == "duplicate" and duplicate.body["$.code"].equals == "DUPLICATE"
    delivered = next(each for each in spec.responses if each.outcome == "delivered")
    assert delivered.capture.reference[0].path == "$.uuid" and not delivered.examples[0].illustrative
    assert "k-secret-9" in Path(".env").read_text()
    assert "k-secret-9" not in (cli.folder / "acme.yaml").read_text() + done.out


def test_requests_of_a_collection_by_name(cli: CommandLine) -> None:
    cli.write("acme.json", json.dumps(COLLECTION))
    wrong = cli("init", "--postman", "acme.json", "--request", "Creat persn")
    assert wrong.status == 2 and "People / Create person" in wrong.err
    cli.write("old.json", json.dumps({"requests": [], "name": "old"}))
    old = cli("init", "--postman", "old.json")
    assert old.status == 3 and "version 1" in old.err
    none = cli("init", "--har", "acme.json")
    assert none.status == 3 and "log.entries" in none.err
