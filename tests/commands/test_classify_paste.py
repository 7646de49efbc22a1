"""`classify` of whatever somebody pastes: an outcome, or a usage error that says what to correct."""

from __future__ import annotations

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
    assert "the first line of this answer has no status" in done.err
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
