"""Responses that are not as their headers say: what came of them counts."""

from __future__ import annotations

import gzip
import json
import threading
from typing import Any

import pytest
from raw_partner import WAYS, Behaviour, Connection, Play, RawPartner

from commands.conftest import CommandLine, Heard, Partner, spec_text
from rokt_export.reports.formats import FORMATS

BODY = b'{"status": "created", "id": "L-7"}'
RESPONSES = """\
responses:
  - {outcome: duplicate, status: 200, body: {$.status: known}}
  - {outcome: delivered, status: 2xx, capture: {reference: $.id}}
  - {outcome: rejected, status: 4xx, capture: {reason: $.message}}
  - {outcome: failed, status: 5xx}
"""


def answering(head: bytes, body: bytes = BODY, *, length: bool = True) -> Play:
    stated = b"Content-Length: %d\r\n" % len(body) if length else b""

    def play(connection: Connection) -> None:
        while connection.read():
            connection.send(head + stated + b"\r\n" + body)
            if not length:
                return

    return play


def replayed(cli: CommandLine, play: Play, way: str, rows: int = 2, responses: str = RESPONSES) -> Any:
    """Return what a replay of some rows printed as JSON, and on stderr."""
    headers = "".join(f"  - {{name: {name}, in: header, value: {value}}}\n" for name, value in WAYS[way].items())
    with RawPartner(Behaviour(play)) as partner:
        cli.write(
            "spec.yaml",
            f"spec_version: 1\npartner: acme\nendpoint: {{staging: '{partner.url}'}}\nmethod: POST\nencoding: json\n"
            f"parameters:\n  - {{name: transaction, attribute: transaction}}\n{headers}{responses}",
        )
        names = "".join(f"row-{number}\n" for number in range(rows))
        shown = cli("replay", "spec.yaml", cli.write("rows.csv", "transaction\n" + names), "--output", "json", "--all")
    return json.loads(shown.out), shown.err


@pytest.fixture(params=list(WAYS))
def way(request: pytest.FixtureRequest) -> str:
    return str(request.param)


OK = b"HTTP/1.1 200 OK\r\n"
PACKED = gzip.compress(BODY)
WHOLE = {
    "another word as Content-Encoding": answering(OK + b"Content-Encoding: UTF-8\r\n"),
    "gzip that is none": answering(OK + b"Content-Encoding: gzip\r\n"),
    "br that is none": answering(OK + b"Content-Encoding: br\r\n"),
    "gzip with something behind it": answering(OK + b"Content-Encoding: gzip\r\n", gzip.compress(BODY) + b"--"),
    "gzip that no header states": answering(OK, gzip.compress(BODY)),
    "gzip that no header states, in a chunk": answering(
        OK + b"Transfer-Encoding: chunked\r\n",
        b"%x\r\n%s\r\n0\r\n\r\n" % (len(PACKED), PACKED),
        length=False,
    ),
    "gzip that is stated twice": answering(OK + b"Content-Encoding: gzip\r\n" * 2, gzip.compress(BODY)),
    "a coding of no name that is gzip": answering(OK + b"Content-Encoding: deflate\r\n", gzip.compress(BODY)),
    "UTF-16 without a mark": answering(OK, BODY.decode().encode("utf-16-le")),
    "bare line feeds": answering(b"HTTP/1.1 200 OK\nContent-Length: 34\n", length=False),
    "chunks that end in bare line feeds": answering(
        OK + b"Transfer-Encoding: chunked\r\n", b"22\n" + BODY + b"\n0\n\n", length=False
    ),
}


@pytest.mark.parametrize("name", WHOLE)
def test_a_body_is_read_as_it_is(cli: CommandLine, name: str, way: str) -> None:
    found, errors = replayed(cli, WHOLE[name], way)
    assert [(one["outcome"], one["reference"]) for one in found["deliveries"]] == [("delivered", "L-7")] * 2
    assert errors.count("names a Content-Encoding that its bodies do not have") == ("is none" in name or "word" in name)


def test_a_line_that_is_no_header_is_dropped(cli: CommandLine) -> None:
    found, _ = replayed(cli, answering(OK + b"Bad Header: x\r\n"), "ours")
    assert [(one["outcome"], one["reference"]) for one in found["deliveries"]] == [("delivered", "L-7")] * 2


UNREADABLE = {
    "br": (answering(OK + b"Content-Encoding: br\r\n", b"\x0b\x10\x80\x03ok"), "`br` is not known here"),
    "gzip that is broken": (
        answering(OK + b"Content-Encoding: gzip\r\n", gzip.compress(BODY)[:-8] + bytes(8)),
        "incorrect data check",
    ),
    "a chunk without a size": (
        answering(OK + b"Transfer-Encoding: chunked\r\n", b"zz\r\n" + BODY, length=False),
        "chunk",
    ),
    "a negative length": (answering(OK + b"Content-Length: -1\r\n", length=False), "ontent-"),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_status_decides_where_a_body_cannot_be_read(cli: CommandLine, name: str, way: str) -> None:
    play, why = UNREADABLE[name]
    found, _ = replayed(cli, play, way, rows=1)
    (one,) = found["deliveries"]
    assert (one["outcome"], one["status"]) == ("delivered", 200)
    assert one["reason"].startswith("200 came, its body cannot be read: ") and why in one["reason"]


def test_no_condition_on_the_body_holds_where_it_cannot_be_read(cli: CommandLine, way: str) -> None:
    rules = "".join(
        f"  - {{outcome: {outcome}, {condition}}}\n"
        for outcome, condition in (
            ("duplicate", "text: {contains: ok}"),
            ("duplicate", "empty: true"),
            ("duplicate", "not: {body: {$.id: exists}}"),
            ("rejected", "body: {$.id: exists}"),
        )
    )
    found, _ = replayed(cli, UNREADABLE["br"][0], way, rows=1, responses="responses:\n" + rules)
    (one,) = found["deliveries"]
    assert one["outcome"] == "unclassified"
    assert "status 200, its body cannot be read: " in one["reason"]


CUT = {
    "before its length": answering(OK + b"Content-Length: 500\r\n", BODY[:24], length=False),
    "within a chunk": answering(OK + b"Transfer-Encoding: chunked\r\n", b"100\r\n" + BODY[:24], length=False),
    "within gzip": answering(OK + b"Content-Encoding: gzip\r\n", gzip.compress(BODY)[:24]),
}


@pytest.mark.parametrize(
    "play",
    [
        answering(OK + b"Transfer-Encoding: chunked\r\n", b"22\r\n" + BODY + b"\r\n0\r\n", length=False),
        answering(OK + b"Transfer-Encoding: identity\r\n"),
    ],
    ids=["chunks without the last blank line", "identity on a kept connection"],
)
def test_a_body_that_has_come_is_not_waited_for(cli: CommandLine, play: Play) -> None:
    found, _ = replayed(cli, play, "ours")
    assert [(one["outcome"], one["reference"]) for one in found["deliveries"]] == [("delivered", "L-7")] * 2


@pytest.mark.parametrize(
    ("play", "way"),
    [
        (answering(OK + b"Transfer-Encoding: chunked\r\n", b"22\r\n" + BODY + b"\r\n0\r\n", length=False), "ours"),
        (answering(OK + b"Transfer-Encoding: identity\r\n"), "libcurl's"),
    ],
    ids=["chunks without the last blank line", "identity"],
)
def test_a_body_that_is_whole_at_the_timeout_counts(cli: CommandLine, play: Play, way: str) -> None:
    held = threading.Event()

    def silently(*request: Any) -> None:
        play(*request)
        held.wait(10)

    try:
        responses = RESPONSES + "limits: {timeout: 500ms}\n"
        found, _ = replayed(cli, silently, way, rows=1, responses=responses)
    finally:
        held.set()
    assert [(one["outcome"], one["reference"]) for one in found["deliveries"]] == [("delivered", "L-7")]


@pytest.mark.parametrize("name", CUT)
def test_a_body_that_was_cut_short_is_unknown_and_its_status_is_kept(cli: CommandLine, name: str, way: str) -> None:
    found, _ = replayed(cli, CUT[name], way, rows=1)
    (one,) = found["deliveries"]
    assert one["outcome"] == "unknown"
    assert one["reason"].startswith("200 came, with ")
    assert ("with 24 of 500 bytes of its body" in one["reason"]) is (name == "before its length")
    assert ("its compressed data is incomplete" in one["reason"]) is (name == "within gzip")
    shown = cli("report", found["run"], "--format", "markdown").out + cli("runs", "export", found["run"]).out
    assert "200 came, with " in shown


def test_a_redirect_names_its_target(cli: CommandLine, way: str) -> None:
    head = b"HTTP/1.1 301 Moved\r\nLocation: https://example.com/v2/leads\r\n"
    found, _ = replayed(cli, answering(head, b""), way, rows=1)
    (one,) = found["deliveries"]
    assert one["outcome"] == "unclassified"
    assert "redirects to https://example.com/v2/leads; redirects are not followed" in one["reason"]


REJECTED = "  - {outcome: rejected, status: 422, capture: {reason: $.message, reference: $.id}}"


def halves(heard: Heard) -> tuple[int, dict[str, str], bytes]:
    return 422, {"Content-Type": "application/json"}, b'{"id":"\\ud800","message":"bad \\udfff"}'


@pytest.mark.parametrize("command", ["test", "replay"])
def test_half_of_a_surrogate_pair_spoils_no_report(cli: CommandLine, partner: Partner, command: str) -> None:
    partner.answer = halves
    spec = cli.write(
        "acme.yaml",
        spec_text(partner.url).replace("responses:", f"responses:\n{REJECTED}"),
    )
    rows = cli.write("rows.csv", "transactionid,email\nt1,jane@example.com\n")
    reports = [f"--report=whole{one.suffixes[0]}" for one in FORMATS.values()]

    done = cli(command, spec, rows, *reports)

    assert "internal error" not in done.err
    for report in reports:
        assert done.status in (0, 1, 4), done.err
        data = (cli.folder / report.partition("=")[2]).read_bytes()
        assert data
        if not report.endswith((".parquet", ".xlsx")):
            data.decode()


def test_a_defect_in_one_report_loses_no_other(
    cli: CommandLine, partner: Partner, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise TypeError("a defect")

    monkeypatch.setattr("rokt_export.reports.html.page_json", broken)
    rows = cli.write("rows.csv", "transactionid,email\nt1,jane@example.com\n")

    done = cli("replay", cli.write("acme.yaml", spec_text(partner.url)), rows, "--report=a.html", "--report=b.md")

    assert "internal error" in done.err
    assert not (cli.folder / "a.html").exists()
    assert "acme" in (cli.folder / "b.md").read_text()


NO_REFERENCE = {
    "empty": b"",
    "broken": b'{"id":1',
    "no such key": b'{"status": "created"}',
    "HTML that is called JSON": b"<html><body>ok</body></html>",
}


@pytest.mark.parametrize("name", NO_REFERENCE)
def test_a_capture_that_finds_nothing_is_told_by_the_summary_and_by_classify(cli: CommandLine, name: str) -> None:
    body, rules = NO_REFERENCE[name], "responses: [{outcome: delivered, status: 201, capture: {reference: $.id}}]\n"
    with RawPartner(Behaviour(answering(b"HTTP/1.1 201 OK\r\nContent-Type: application/json\r\n", body))) as partner:
        spec = cli.write(
            "spec.yaml",
            f"spec_version: 1\npartner: acme\nendpoint: {{staging: '{partner.url}'}}\nmethod: POST\nencoding: json\n"
            f"parameters: [{{name: email, attribute: email}}]\n{rules}",
        )
        tested = cli("test", spec, "--count", "4")
        replayed = cli("replay", spec, cli.write("rows.csv", "email\na@example.com\n"), "--output", "json")
    assert (tested.status, replayed.status) == (0, 0)
    assert "reference `$.id`: found in 0 of 4 responses (rule delivered)" in tested.out
    assert "reference `$.id`: found in 0 of 1 response (rule delivered)" in replayed.err
    assert "found in 0 of 4" in cli("report", tested.err.split("run ")[-1].split()[0].rstrip(".")).out
    told = cli("classify", spec, "--status", "201", "-H", "Content-Type: application/json", "--text", body.decode())
    assert told.status == 0
    assert "reference: `$.id` found nothing (" in told.out


def test_a_capture_that_finds_its_text_is_not_told(cli: CommandLine) -> None:
    found, errors = replayed(cli, answering(OK), "ours")
    assert found["deliveries"][0]["reference"] == "L-7"
    assert "found in" not in errors
