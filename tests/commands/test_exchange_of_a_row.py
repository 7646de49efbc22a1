"""`runs show RUN --row N`: what was sent for a row, what came back, and how each rule met it."""

from __future__ import annotations

import json

import pytest

from commands.conftest import CommandLine, Partner
from rokt_export.reports.http_text import laid_out

SPEC = """\
spec_version: 1
partner: acme
endpoint: {{staging: "{url}/leads"}}
method: POST
authentication: {{type: bearer, token: "{{{{ env.ACME_TOKEN }}}}"}}
encoding: json
parameters:
  - {{name: email, attribute: email}}
responses:
  - {{outcome: delivered, status: 201}}
  - {{outcome: rejected, status: 422, capture: {{reason: "$.detail"}}}}
"""


@pytest.fixture
def run(cli: CommandLine, partner: Partner) -> str:
    answer = json.dumps({"detail": "no such list \x1b[31m", "lists": [1, 2]}).encode()
    partner.answer = lambda _heard: (422, {"Content-Type": "application/json"}, answer)
    spec = cli.write("acme.yaml", SPEC.format(url=partner.url))
    rows = cli.write("rows.csv", "email\n" + "".join(f"jane.doe.{row}@example.com\n" for row in range(1, 6)))
    shown = cli("replay", spec, rows, "--output", "json", env={"ACME_TOKEN": "s3cret-canary"})
    assert shown.json["counts"] == {"rejected": 5}
    return str(shown.json["run"])


def test_a_row_is_shown_with_its_request_response_and_rules(cli: CommandLine, run: str) -> None:
    shown = cli("runs", "show", run, "--row", "2")
    assert shown.status == 0
    for part in (
        "row 2", "✗ rejected", "POST /leads HTTP/1.1", "Authorization: Bearer $ACME_TOKEN", "HTTP/1.1 422",
        '  "lists": [\n    1,\n    2\n  ]', "reason: no such list", "✗ delivered: not matched",
        "found `422`, wanted 201",
    ):  # fmt: skip
        assert part in shown.out, part
    assert "s3cret-canary" not in shown.out and "example.com" not in shown.out and "\x1b" not in shown.out


def test_several_rows_in_order(cli: CommandLine, run: str) -> None:
    out = cli("runs", "show", run, "--row", "4,1-2").out
    assert [line.split()[1] for line in out.splitlines() if line.startswith("row ")] == ["1", "2", "4"]


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ("9", ("row 9 is not in run", "The nearest is 5.")),
        ("x", ("`x` is no row", "4,7-9")),
        ("0", ("`0` is no row",)),
        ("1-", ("`1-` is no row",)),
        ("1-1000", ("more than 100 rows", "report")),
    ],
)
def test_what_is_no_row_of_the_run(cli: CommandLine, run: str, rows: str, words: tuple[str, ...]) -> None:
    shown = cli("runs", "show", run, "--row", rows)
    assert shown.status == 2
    for word in words:
        assert word in shown.err


def test_a_row_that_was_not_recorded_says_so(cli: CommandLine, partner: Partner) -> None:
    partner.answer = lambda _heard: (201, {}, b"{}")
    spec = cli.write("acme.yaml", SPEC.format(url=partner.url))
    rows = cli.write("rows.csv", "email\njane.doe@example.com\n")
    run = cli("replay", spec, rows, "--record", "none", "--output", "json", env={"ACME_TOKEN": "s3cret"}).json["run"]
    shown = cli("runs", "show", run, "--row", "1")
    assert shown.status == 0 and "--record all keeps all" in shown.out


@pytest.mark.parametrize(
    ("body", "changed"),
    [
        ('{"a":1,"b":[2]}', True),
        ('{"hash":"0e12","version":"1.10"}', True),
        ('{"amount":1.10}', False),
        ('{"big":1e400}', False),
        ("[" * 100_000, False),
        ("{no json", False),
        ("plain", False),
    ],
)
def test_only_json_that_keeps_its_digits_is_laid_out(body: str, changed: bool) -> None:
    message = "HTTP/1.1 200 OK\n\n" + body
    shown = laid_out(message)
    assert (shown != message) == changed
    if changed:
        assert json.loads(shown.partition("\n\n")[2]) == json.loads(body)
