"""`classify` of whatever somebody pastes: an outcome, or a usage error that says what to correct."""

from __future__ import annotations

import base64
import json

import pytest

from commands.conftest import CommandLine

SPEC = """\
spec_version: 1
partner: acme
endpoint: {staging: "http://127.0.0.1:1/"}
method: POST
authentication: {type: none}
encoding: json
parameters: [{name: id, attribute: transactionid}]
responses:
  - {outcome: failed, body: {"$.id": {compare: "> 5"}}, capture: {reason: ["$.id", "$..x"]}}
  - {outcome: failed, body: {"/r/x": {exists: true}}}
  - {outcome: delivered, status: 200, capture: {reference: "$.id"}}
"""


@pytest.fixture
def spec(cli: CommandLine) -> object:
    return cli.write("acme.yaml", SPEC)


@pytest.mark.parametrize(
    "line",
    [
        "HTTP/1.1 ² OK",
        "HTTP/1.1 ① OK",
        "HTTP/1.1 ٢٠٠ OK",
        f"HTTP/1.1 {'9' * 5000}",
        "HTTP/1.1",
        "HTTP/1.1 -1",
        "HTTP/1.1 2_0",
    ],
    ids=range(7),
)
def test_a_first_line_without_a_status_is_a_usage_error(cli: CommandLine, spec: object, line: str) -> None:
    done = cli("classify", spec, stdin=f"{line}\r\nX-A: b\r\n\r\n{{}}".encode())
    assert done.status == 2
    assert "the first line of this response has no status" in done.err
    assert "--status" in done.err


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1\t200",
        b"HTTP/1.1  200  OK",
        b"\xef\xbb\xbfHTTP/1.1 200 OK",
        b"HTTP/2 200",
        b"HTTP/1.1 100\r\n\r\nHTTP/1.1 200",
    ],
)
def test_a_first_line_with_a_status_is_read(cli: CommandLine, spec: object, head: bytes) -> None:
    done = cli("classify", spec, "--output", "json", stdin=head + b'\r\nX-A: b\r\n\r\n{"id": "a\\r\\nb"}')
    assert (done.status, done.json["reference"]) == (0, "a\nb"), done.err


def test_a_million_interim_answers_are_passed_over_at_once(cli: CommandLine, spec: object) -> None:
    assert cli("classify", spec, stdin=b"HTTP/1.1 103 Early\n\n" * 300_000 + b"HTTP/1.1 200 OK\n\n").status == 0


BODIES = {
    "levels": b"[" * 100_000,
    "levels closed": b"[" * 100_000 + b"]" * 100_000,
    "levels of XML": b"<a>" * 100_000,
    "levels of broken UTF-8": b"[" * 60_000 + b"\xff",
    "surrogate": b'{"id": "\\ud800", "\\udfff": 1}',
    "surrogate in a near name": b'{"i\\ud800d": 1}',
    "digits": b'{"id": ' + b"9" * 5_000 + b"}",
    "exponent": b'{"id": 1e999999999}',
    "nan": b'{"id": NaN}',
    "nul": b"\0",
    "escape": b'{"\x1b[31mid": "\x1b[31m"}',
}
CHARSETS = ["hex", "rot13", "idna", "punycode", "utf-7", "undefined", "zlib", "\\0", "..", "\xff", "utf-16", "x" * 1000]


@pytest.mark.parametrize("name", BODIES)
@pytest.mark.parametrize("output", ["table", "json"])
def test_no_body_is_an_internal_error(cli: CommandLine, spec: object, name: str, output: str) -> None:
    done = cli("classify", spec, "--status", 200, "--output", output, stdin=BODIES[name])
    assert done.status in (0, 1), done.err
    assert "\x1b" not in done.out


@pytest.mark.parametrize("charset", CHARSETS, ids=range(len(CHARSETS)))
def test_no_charset_is_an_internal_error(cli: CommandLine, spec: object, charset: str) -> None:
    paste = f"HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset={charset}\r\n\r\n".encode("latin-1") + b"\xe9t\xe9"
    assert cli("classify", spec, stdin=paste).status == 0
    declared = f'<?xml version="1.0" encoding="{charset}"?><r><x>1</x></r>'.encode("latin-1")
    assert cli("classify", spec, "--status", 200, stdin=declared).status in (0, 1)


BODY = b'{"id": "c0ffee"}'
HEAD = b"HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nX-A: b\r\n"
CURL_V = b"""\
*   Trying 192.0.2.1:443...
* Connected to api.example.com (192.0.2.1) port 443
> POST /leads HTTP/1.1
> Host: api.example.com
> Content-Type: application/json
>
} [24 bytes data]
< HTTP/1.1 201 Created\r
< Content-Type: application/json\r
< X-A: b\r
<\x20
{ [16 bytes data]
{"id": "c0ffee"}* Connection #0 to host api.example.com left intact
"""
ENTRY = {
    "request": {"method": "POST", "headers": []},
    "response": {
        "status": 201,
        "headers": [{"name": "Content-Type", "value": "application/json"}, {"name": "X-A", "value": "b"}],
        "content": {"mimeType": "application/json", "text": BODY.decode()},
    },
}
PACKED = {**ENTRY["response"], "content": {"text": base64.b64encode(BODY).decode(), "encoding": "base64"}}
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
PASTES = {
    "curl -i": HEAD + b"\r\n" + BODY,
    "curl -i with LF": (HEAD + b"\r\n" + BODY).replace(b"\r", b""),
    "CRLF in the head, LF behind it": HEAD + b"\n" + BODY,
    "LF in the head, CRLF behind it": HEAD.replace(b"\r", b"") + b"\r\n" + BODY,
    "curl -v": CURL_V,
    "curl -v from its response on": CURL_V[CURL_V.index(b"< HTTP") :],
    "curl -v after a redirect": b"< HTTP/1.1 302 Found\n< Location: /x\n< \n* Issue another request\n" + CURL_V,
    "curl -v of HTTP/2": CURL_V.replace(b"HTTP/1.1 201 Created", b"HTTP/2 201 "),
    "curl -v in a mail": b"".join(b"> " + line + b"\n" for line in CURL_V.splitlines()),
    "proxy before it": b"HTTP/1.1 200 Connection established\r\n\r\n" + HEAD + b"\r\n" + BODY,
    "quoted": b"".join(b"> " + line + b"\n" for line in (HEAD + b"\r\n" + BODY).splitlines()),
    "quoted twice": b"".join(b">> " + line + b"\n" for line in (HEAD + b"\r\n" + BODY).splitlines()),
    "quoted below words": b"On Monday Jane wrote:\n\n> " + (HEAD + b"\r\n" + BODY).replace(b"\r\n", b"\n> ") + b"\n",
    "fenced": b"```http\n" + (HEAD + b"\r\n" + BODY).replace(b"\r", b"") + b"\n```\n",
    "fenced below words": b"We get this:\n\n~~~\n" + HEAD + b"\r\n" + BODY + b"\n~~~\nWhy?\n",
    "below words": b"We get this:\n\n" + HEAD + b"\r\n" + BODY,
    "indented": b"".join(b"    " + line + b"\n" for line in (HEAD + b"\r\n" + BODY).splitlines()),
    "byte order mark": b"\xef\xbb\xbf" + HEAD + b"\r\n" + BODY,
    "UTF-16 of PowerShell": (HEAD + b"\r\n" + BODY).decode().encode("utf-16"),
    "blank lines before it": b"\r\n\n" + HEAD + b"\r\n" + BODY,
    "no blank line": HEAD + BODY,
    "folded header": HEAD.replace(b"X-A: b", b"X-A:\r\n b") + b"\r\n" + BODY,
    "HTTP/2": HEAD.replace(b"HTTP/1.1 201 Created", b"HTTP/2 201") + b"\r\n" + BODY,
    "pseudo-header": HEAD.replace(b"HTTP/1.1 201 Created", b":status: 201") + b"\r\n" + BODY,
    "chunked": CHUNKED + b"8\r\n" + BODY[:8] + b"\r\n8;x=y\r\n" + BODY[8:] + b"\r\n0\r\n\r\n",
    "chunked, sizes that no longer fit": CHUNKED + b"15\n" + BODY[:6] + b"\n" + BODY[6:] + b"\n0\n\n",
    "chunked, taken out by curl": CHUNKED + BODY,
    "httpie -v": b"POST /leads HTTP/1.1\nHost: api.example.com\n\n{}\n\n\n" + HEAD + b"\r\n" + BODY,
    "httpie in colours": b"\x1b[34mHTTP\x1b[39;49;00m/1.1 201 Created\nContent-Type: application/json\nX-A: b\n\n"
    + BODY,
    "status and its words": HEAD.replace(b"HTTP/1.1 ", b"") + b"\r\n" + BODY,
    "status with its name": HEAD.replace(b"HTTP/1.1 ", b"Status: ") + b"\r\n" + BODY,
    "status of Postman": HEAD.replace(b"HTTP/1.1 201 Created", b"Status: 201 Created  Time: 34 ms") + b"\r\n" + BODY,
    "quoted with bars": b"".join(b"| " + line + b"\n" for line in (HEAD + b"\r\n" + BODY).splitlines()),
    "line ends of CR": (HEAD + b"\r\n" + BODY).replace(b"\n", b""),
    "two fences": b"The head:\n```\n" + HEAD + b"```\nand the body:\n```json\n" + BODY + b"\n```\n",
    "a fence for the request": b"```\nPOST /leads HTTP/1.1\n```\n```\n" + HEAD + b"\n" + BODY + b"\n```\n",
    "words around it": b"Hi,\n\nwe get:\n\n" + HEAD + b"\r\n" + BODY + b"\n\nBest,\nJane Doe\n",
    "Postman's saved response": json.dumps(
        {
            "name": "created",
            "originalRequest": {"method": "POST"},
            "status": "Created",
            "code": 201,
            "header": [{"key": "X-A", "value": "b"}],
            "body": BODY.decode(),
        }
    ).encode(),
    "HAR entry": json.dumps(ENTRY).encode(),
    "HAR response": json.dumps(PACKED).encode(),
    "HAR file": json.dumps({"log": {"entries": [ENTRY]}}).encode(),
}


@pytest.mark.parametrize("name", PASTES)
def test_a_response_is_read_as_it_is_pasted(cli: CommandLine, name: str) -> None:
    spec = cli.write(
        "acme.yaml",
        SPEC.partition("responses:")[0] + "responses: [{outcome: delivered, status: 201, headers: {X-A: b},"
        " body: {$.id: c0ffee}, capture: {reference: $.id}}]\n",
    )
    done = cli("classify", spec, "--output", "json", stdin=PASTES[name])
    assert (done.status, done.json["outcome"]) == (0, "delivered"), done.out + done.err


@pytest.mark.parametrize(
    ("paste", "words"),
    [
        (b" \n", "nothing was pasted"),
        (json.dumps(ENTRY["response"] | {"status": 0}).encode(), "its status is 0"),
    ],
)
def test_a_paste_without_a_response_is_told(cli: CommandLine, spec: object, paste: bytes, words: str) -> None:
    done = cli("classify", spec, stdin=paste)
    assert done.status == 2 and words in done.err
    assert "--body: nothing" not in done.err


@pytest.mark.parametrize("entries", [0, 2])
def test_a_har_file_needs_one_entry(cli: CommandLine, spec: object, entries: int) -> None:
    har = {"log": {"entries": [ENTRY] * entries}, "status": 1, "headers": []}
    done = cli("classify", spec, stdin=json.dumps(har).encode())
    assert done.status == 2
    assert f"{entries} entries" in done.err
    assert "jq" in done.err


@pytest.mark.parametrize(
    "body",
    [
        b"> quoted by the partner",
        b"status: fine\nall: good",
        b"see http://example.com\nHTTP is fine",
        b"201",
        b"| one bar\ntwo",
    ],
)
def test_a_body_alone_stays_a_body(cli: CommandLine, body: bytes) -> None:
    text = body.decode().replace("\n", "\\n")
    spec = cli.write(
        "acme.yaml",
        SPEC.partition("responses:")[0]
        + f'responses: [{{outcome: delivered, status: 200, text: {{contains: "{text}"}}}}]\n',
    )
    done = cli("classify", spec, "--status", 200, "--output", "json", stdin=body)
    assert (done.status, done.json["outcome"]) == (0, "delivered"), done.out + done.err
