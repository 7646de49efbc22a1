"""The cases that public reports of other tools describe, one by one: responses, token servers, specs, files.

Each has its right value here; the kinds behind them are tested elsewhere.
"""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from raw_partner import Behaviour, RawPartner

from commands.conftest import CommandLine, Partner
from commands.test_damaged_responses import OK, answering

SPEC = """\
spec_version: 1
partner: acme
endpoint: {{staging: "{url}"}}
method: POST
authentication: {authentication}
encoding: json
parameters:
  - {{name: email, attribute: email, required: true, format: email}}
  - {{name: first, attribute: firstname}}
  - {{name: last, attribute: lastname}}
  - {{name: zip, attribute: zipcode}}
  - {{name: phone, attribute: mobile}}
  - {{name: ref, attribute: confirmationref}}
responses:
  - {{outcome: delivered, status: 2xx}}
  - {{outcome: rejected, status: 4xx, capture: {{reason: $.message}}}}
  - {{outcome: failed, status: 5xx}}
"""
URL = "https://example.com/leads"
PEOPLE = "email,firstname\njane.doe@example.com,Jane\njohn.doe@example.com,John\n"
JSON = b"Content-Type: application/json\r\n"


def spec(cli: CommandLine, *changes: tuple[str, str], url: str = URL, authentication: str = "none") -> str:
    text = SPEC.format(url=url, authentication=authentication)
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    cli.write("acme.yaml", text)
    return "acme.yaml"


# --- responses

READ = {
    "Content-Encoding: UTF-8": answering(OK + JSON + b"Content-Encoding: UTF-8\r\n", b'{"id": 1}'),
    "Content-Encoding: gzip, plain": answering(OK + JSON + b"Content-Encoding: gzip\r\n", b'{"id": 1}'),
    "a header that is none": answering(OK + JSON + b"Bad Header: x\r\n", b'{"id": 1}'),
    "chunks that end in a bare LF": answering(
        OK + JSON + b"Transfer-Encoding: chunked\r\n", b'9\n{"id": 1}\n0\n\n', length=False
    ),
    "XML that declares utf-16 in ASCII": answering(
        OK + b"Content-Type: text/xml\r\n", b'<?xml version="1.0" encoding="utf-16"?><r><id>1</id></r>'
    ),
}


@pytest.mark.parametrize("name", READ)
def test_a_response_is_read(cli: CommandLine, name: str) -> None:
    condition = "body: {/r/id: 1}" if "XML" in name else "body: {$.id: 1}"
    with RawPartner(Behaviour(READ[name])) as raw:
        file = spec(cli, ("delivered, status: 2xx", f"delivered, status: 2xx, {condition}"), url=raw.url)
        began = time.monotonic()
        done = cli("replay", file, cli.write("rows.csv", PEOPLE))
    assert done.status == 0, done.out
    assert time.monotonic() - began < 20.0  # not the timeout
    assert done.err.count("names a Content-Encoding") == ("Content-Encoding" in name)


def delivered(cli: CommandLine, play: Any, *changes: tuple[str, str]) -> tuple[int, dict[str, Any], str]:
    with RawPartner(Behaviour(play)) as raw:
        done = cli("replay", spec(cli, *changes, url=raw.url), cli.write("rows.csv", PEOPLE), "--output", "json")
    return done.status, done.json["deliveries"][0], done.err


def test_a_body_cut_short_tells_its_status(cli: CommandLine) -> None:
    short = answering(OK + JSON + b"Content-Length: 500\r\n", b'{"message": "truncated"}', length=False)
    _, one, _ = delivered(cli, short)
    assert (one["outcome"], one["status"]) == ("unknown", None)
    assert "200 came, with 24 of 500 bytes" in f"{one['reason']} {one['error']}"


def test_a_redirect_names_its_target(cli: CommandLine) -> None:
    moved = answering(b"HTTP/1.1 301 Moved Permanently\r\nLocation: https://example.com/new\r\n", b"")
    status, one, _ = delivered(cli, moved)
    assert status == 4
    assert "https://example.com/new" in one["reason"]
    assert "redirects are not followed: put this URL into the spec" in one["reason"]


def test_a_challenge_page_under_200(cli: CommandLine) -> None:
    page = answering(OK + b"Content-Type: text/html\r\n", b"<html><title>Checking your browser</title></html>")
    status, one, told = delivered(cli, page)
    assert (status, one["row"]) == (4, 1)
    assert "HTML page" in told
    found = cli("validate", "acme.yaml", "--output", "json").json
    assert "RX181" in {each["code"] for each in found}


def test_a_job_is_accepted_and_not_confirmed(cli: CommandLine) -> None:
    queued = answering(b"HTTP/1.1 202 Accepted\r\n" + JSON, b'{"job_id": "J-17"}')
    rule = "delivered, status: 202, provisional: true, capture: {reference: $.job_id}"
    status, one, told = delivered(cli, queued, ("delivered, status: 2xx", rule))
    assert (status, one["outcome"], one["confirmation"], one["reference"]) == (0, "delivered", "awaited", "J-17")
    assert "accepted, not yet confirmed" in told + cli("runs", "show", "last").out


# --- token servers and challenges

OAUTH = (
    "{{type: oauth2, token_url: '{url}/token', client_id: rokt, client_secret: '{{{{ env.ACME_SECRET }}}}', {more}}}"
)
DIGEST = "{type: digest, username: rokt, password: '{{ env.ACME_SECRET }}'}"


def sent(cli: CommandLine, partner: Partner, authentication: str) -> Any:
    partner.heard.clear()
    rows = cli.write("rows.csv", PEOPLE)
    return cli("replay", spec(cli, url=f"{partner.url}/leads", authentication=authentication), rows,
               env={"ACME_SECRET": "sesame-9f2c"})  # fmt: skip


def test_a_token_server_that_is_busy_once_is_waited_for(cli: CommandLine, partner: Partner) -> None:
    asked = iter([(503, {"Retry-After": "1"}, b""), *[(200, {}, b'{"access_token": "T1"}')] * 9])
    partner.answer = lambda heard: next(asked) if heard.target == "/token" else (200, {}, b"{}")
    assert sent(cli, partner, OAUTH.format(url=partner.url, more="scope: a")).status == 0


@pytest.mark.parametrize("more", ["token_field: tokenData.access_token", "headers: {X-Client: rokt}"])
def test_a_token_within_its_document_and_headers_of_the_request(cli: CommandLine, partner: Partner, more: str) -> None:
    def answer(heard: Any) -> Any:
        if heard.target != "/token":
            return (200 if dict(heard.headers)["Authorization"] == "Bearer T1" else 401), {}, b"{}"
        headers = dict(heard.headers)
        asked = headers["Accept"] == "application/json" and ("X-Client" in headers or "token_field" in more)
        body = b'{"tokenData": {"access_token": "T1"}}' if "token_field" in more else b'{"access_token": "T1"}'
        return (200, {}, body) if asked else (406, {}, b"")

    partner.answer = answer
    done = sent(cli, partner, OAUTH.format(url=partner.url, more=more))
    assert done.status == 0, done.err


@pytest.mark.parametrize(
    "challenge",
    [
        'Basic realm="r", Digest realm="r", nonce="abc", qop="auth"',
        'Digest realm="r", nonce="abc", qop="auth", algorithm=SHA-512-256, Digest realm="r", nonce="abc", qop="auth"',
    ],
)
def test_a_digest_challenge_among_several_is_answered(cli: CommandLine, partner: Partner, challenge: str) -> None:
    def answer(heard: Any) -> Any:
        given = dict(heard.headers).get("Authorization", "")
        return (200, {}, b"{}") if given.startswith("Digest ") else (401, {"WWW-Authenticate": challenge}, b"")

    partner.answer = answer
    assert sent(cli, partner, DIGEST).status == 0


def test_a_challenge_that_nobody_knows_is_said_once(cli: CommandLine, partner: Partner) -> None:
    partner.answer = lambda _heard: (401, {"WWW-Authenticate": 'Digest realm="r", nonce="abc", algorithm=FOO'}, b"")
    done = sent(cli, partner, DIGEST)
    assert (done.status, done.err.count("FOO"), len(partner.heard)) == (4, 1, 1)


# --- specs

FIRST = "  - {name: first, attribute: firstname}\n"
FOUND = {
    "a fragment before the query": ([(URL, "http://example.com/api/leads#/v2")], "RX012"),
    "no scheme": ([(URL, "api.example.com/leads")], "RX"),
    "a blank in the host": ([(URL, "https://exa mple.com/x")], "RX"),
    "a placeholder of a document": ([(URL, "https://<your-subdomain>.example.com")], "RX"),
    "a placeholder of another tool": ([(URL, "https://example.com/lists/:list_id/members")], "RX171"),
    "arithmetic on text": ([(FIRST, '  - {name: first, value: "{{ amount * 100 }}"}\n')], "RX"),
    "a literal Z": ([(FIRST, "  - {name: first, value: \"{{ at | date('%Y-%m-%dT%H:%M:%SZ') }}\"}\n")], "RX17"),
    "letters that are no placeholder": (
        [
            (
                "authentication: none",
                "authentication: {type: hmac, style: header, secret: '{{ env.S }}', header: X-Sig,"
                " message: '{uuid}.{timestamp}.{body}'}",
            )
        ],
        "RX17",
    ),
    "elements of their own": (
        [
            (
                FIRST,
                '  - {name: "contacts[].email", attribute: email}\n  - {name: "contacts[].n", attribute: firstname}\n',
            )
        ],
        "RX17",
    ),
    "truth of a text": ([(FIRST, '  - {name: first, value: "{{ not optin }}"}\n')], "RX17"),
}


@pytest.mark.parametrize("name", FOUND)
def test_a_spec_is_told_what_is_wrong_with_it(cli: CommandLine, name: str) -> None:
    changes, code = FOUND[name]
    found = cli("validate", spec(cli, *changes), "--output", "json").json
    grave = {each["code"] for each in found if each["severity"] in ("error", "warning")} - {"RX107", "RX109", "RX102"}
    assert any(each.startswith(code) for each in grave), found


def body_of(cli: CommandLine, value: str, row: str, *more: tuple[str, str]) -> bytes:
    file = spec(cli, (FIRST, f"  - {{name: first, value: {value}}}\n"), *more)
    columns = "email,firstname,amount,at,phone"
    rows = cli.write("rows.csv", f"{columns}\njane.doe@example.com,{row}\n")
    done = cli("render", file, rows, "--show-personal-data", "--output", "json")
    assert done.status == 0, done.out + done.err
    return json.dumps(done.json).encode()


def test_amounts_and_times_are_reckoned(cli: CommandLine) -> None:
    assert b"110.00" in body_of(cli, '"{{ amount | number * 100 }}"', "Jane,1.10,,")
    moved = "\"{{ at | date('%Y-%m-%dT%H:%M:%SZ', utc=true) }}\""
    assert b"2026-01-06T04:30:00Z" in body_of(cli, moved, "Jane,,2026-01-05T23:30:00-05:00,")


def test_an_optional_value_that_is_malformed_is_left_out(cli: CommandLine) -> None:
    body = body_of(cli, "\"{{ phone | phone(region='US') }}\", invalid: omit", "Jane,,,123")
    assert b"jane.doe@example.com" in body
    assert b"first" not in body


def test_a_charset_is_that_of_the_bytes(cli: CommandLine, partner: Partner) -> None:
    text = spec(cli, ("encoding: json", 'encoding: xml\ncontent_type: "text/xml; charset=iso-8859-1"'),
                ("{name: email, ", "{name: r.email, "), *((f"{{name: {name},", f"{{name: r.{name},")
                for name in ("first", "last", "zip", "phone", "ref")), url=partner.url)  # fmt: skip
    done = cli("replay", text, cli.write("rows.csv", "email,firstname\njane.doe@example.com,Zoë\n"))
    assert done.status == 0, done.err
    assert "Zoë".encode("latin-1") in partner.heard[0].body
    assert b"ISO-8859-1" in partner.heard[0].body


def test_milliseconds_under_seconds_are_no_day(cli: CommandLine, partner: Partner) -> None:
    partner.answer = lambda _heard: (
        (429, {"X-RateLimit-Reset": str(int(time.time() * 1000) + 300)}, b"")
        if len(partner.heard) == 1
        else (200, {}, b"")
    )
    limited = "  - {outcome: failed, status: 429, retry: true, after: {header: X-RateLimit-Reset, unit: epoch}}\n"
    file = spec(cli, ("responses:\n", f"idempotent: true\nresponses:\n{limited}"), url=partner.url)
    began = time.monotonic()
    assert cli("replay", file, cli.write("rows.csv", PEOPLE)).status == 0
    assert time.monotonic() - began < 20.0


def test_a_key_keeps_its_prefix(cli: CommandLine) -> None:
    key = "{type: api_key, name: Authorization, value: 'Klaviyo-API-Key {{ env.K }}'}"
    done = cli("render", spec(cli, authentication=key), cli.write("rows.csv", PEOPLE), env={"K": "pk-8812af"})
    assert "Klaviyo-API-Key $K" in done.out


# --- files: what `render` makes of them, and what it says

HEADER = "email,firstname,zipcode,mobile,confirmationref"
FILES = {
    "a header in line 3": (f"Report\nof today\n{HEADER}\na@example.com,Ann,,,\n", "--skip-lines 2", None, ""),
    '="00123"': (f'{HEADER}\na@example.com,Ann,="00123",,\n', "", '"00123"', ""),
    "exponents": (f"{HEADER}\na@example.com,Ann,,2.12555E+09,9.00720E+15\n", "2.12555E+09", None, ""),
    "a total": (f"{HEADER}\na@example.com,Ann,,,\nTotal,,,,2\n", "total", None, ""),
    "NULL": (f"{HEADER}\na@example.com,NULL,,,\n", "NULL", None, ""),
    "(null)": (f"{HEADER}\na@example.com,(null),,,\n", "(null)", None, ""),
    "None": (f"{HEADER}\na@example.com,None,,,\n", "None", None, ""),
    "undefined": (f"{HEADER}\na@example.com,undefined,,,\n", "undefined", None, ""),
    "[object Object]": (f"{HEADER}\na@example.com,[object Object],,,\n", "[object Object]", None, ""),
    "an apostrophe before a number": (
        f"{HEADER}\na@example.com,Ann,,'+12125550100,\n",
        "apostrophe",
        '"+12125550100"',
        "",
    ),
    "U+001F before digits": (f"{HEADER}\na@example.com,Ann,\x1f00123,,\n", "U+001F", '"00123"', ""),
    "a zero-width space in an address": (
        f"{HEADER}\nzw\u200b@example.com,Ann,,,\n",
        "is not of the format email",
        None,
        "",
    ),
    "sep= in quotes": ('"sep=;"\nemail;firstname\na@example.com;Ann\n', "", '"Ann"', ""),
    "a delimiter behind each row": ("email;firstname\na@example.com;Ann;\n", "empty", '"Ann"', ""),
    "Ctrl-Z at the end": (f"{HEADER}\na@example.com,Ann,,,\n\x1a", "", '"Ann"', "1"),
    "cp1250": ("email,lastname\na@example.com,Łukasz Dąbrowski\n", "cp1250", "Łukasz", ""),
}


@pytest.mark.parametrize("name", FILES)
def test_a_file_is_read_or_told(cli: CommandLine, name: str) -> None:
    text, told, value, rows = FILES[name]
    path = cli.write("rows.csv", text.encode("cp1250" if name == "cp1250" else "utf-8"))
    done = cli("render", spec(cli), path, "--show-personal-data")
    everything = done.out + done.err
    assert told in everything, everything
    assert value is None or value in done.out, everything
    assert not rows or done.out.count("POST ") == int(rows)


def test_a_quote_that_takes_rows_in_makes_its_row_invalid(cli: CommandLine, partner: Partner) -> None:
    rows = [f'{name}@example.com,"{name}' if name == "b" else f"{name}@example.com,{name}" for name in "abcd"]
    path = cli.write("rows.csv", "email,firstname\n" + "\n".join([*rows, 'e@example.com,e"', "f@example.com,f"]) + "\n")
    done = cli("replay", spec(cli, url=partner.url), path, "--output", "json", "--all")
    assert done.status == 1
    assert "invalid" in done.json["counts"]
    assert all(heard.body.count(b"@") == 1 for heard in partner.heard)
