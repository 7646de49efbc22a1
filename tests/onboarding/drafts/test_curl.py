"""`init --curl`: the request of a line from any shell is taken over, its secrets and people are not."""

from __future__ import annotations

from typing import Any

import pytest
from commands.conftest import CommandLine

from onboarding.drafted import parameters_of, spec_of
from onboarding.recorded_requests import BASH
from rokt_export.onboarding.drafts.curl import parse_curl

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


@pytest.mark.parametrize("name", LINES)
def test_curl_lines_of_all_shells(cli: CommandLine, name: str) -> None:
    line, parameters, authentication = LINES[name]
    cli.write("line.txt", line)
    done = cli("init", "out.yml", "--curl", "@line.txt")
    assert done.status == 0, done.err + done.out
    spec = spec_of(cli.folder / "out.yml")
    assert parameters_of(spec) == parameters
    assert (spec.authentication[0].type if spec.authentication else None) == authentication
    text = (cli.folder / "out.yml").read_text()
    assert [each for each in PRIVATE if each in text or each in done.out + done.err] == []


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


def test_the_name_of_a_file_is_no_curl_line(cli: CommandLine) -> None:
    cli.write("line.txt", "curl https://api.example.com/leads -d email=a@mail.example")
    done = cli("init", "--curl", "line.txt")
    assert done.status == 3 and "`--curl @line.txt` reads the line in it" in done.err
    assert cli("init", "--curl", "@line.txt").status == 0


def test_a_text_body_keeps_its_content_type(cli: CommandLine) -> None:
    line = "curl https://api.example.com/v1 -H 'Content-Type: text/csv; charset=utf-8' -d 'email'"
    assert cli("init", "out.yml", "--curl", line).status == 0
    spec = spec_of(cli.folder / "out.yml")
    assert (spec.encoding, spec.content_type) == ("text", "text/csv")
