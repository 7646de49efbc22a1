"""`runs show RUN --row N`: what was sent for a row, what came back, and how each rule met it."""

from __future__ import annotations

import json

import pytest

from commands.conftest import CommandLine, Partner

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
    for rows in (("--row", "4,1-2"), ("--row", "4", "--row", "1-2")):
        out = cli("runs", "show", run, *rows).out
        assert [line.split()[1] for line in out.splitlines() if line.startswith("row ")] == ["1", "2", "4"]


def test_a_flag_that_takes_a_list_may_be_given_several_times(cli: CommandLine, run: str) -> None:
    for command in (("show", "--output", "json", "--outcome"), ("export", "--format", "json", "--only")):
        name, *flags, only = command
        shown = cli("runs", name, run, *flags, only, "rejected", only, "failed").json
        rows = shown if isinstance(shown, list) else shown["deliveries"]
        assert len(rows) == 5
    for flags in (("--status", "422", "--status", "5xx"), ("--status", "5xx")):
        shown = cli("runs", "show", run, "--output", "json", *flags).json
        assert len(shown if isinstance(shown, list) else shown["deliveries"]) == (5 if "422" in flags else 0)


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ("9", ("row 9 is not in run", "The nearest is 5.")),
        ("x", ("`x` is not a row", "4,7-9")),
        ("0", ("`0` is not a row",)),
        ("1-", ("`1-` is not a row",)),
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
    assert shown.status == 0 and "the run was sent with --record none" in shown.out


def test_other_forms_of_an_exchange(cli: CommandLine, run: str) -> None:
    curl = cli("runs", "show", run, "--row", "1,3", "--as", "curl").out
    assert curl.count("curl -sS") == 2 and '"$ACME_TOKEN"' in curl
    one, two = cli("runs", "show", run, "--row", "1-2", "--as", "json").json
    assert (one["row"], two["response"]["body"]["lists"], one["response"]["status"]) == (1, [1, 2], 422)
    assert [rule["verdict"] for rule in one["rules"]] == ["not matched", "matched"]
    assert len(cli("runs", "show", run, "--row", "2-4", "--as", "har").json["log"]["entries"]) == 3
    raw = cli("runs", "show", run, "--row", "2", "--raw").out
    assert '"lists": [1, 2]' in raw and "1 attempt, sent 20" in raw


@pytest.mark.parametrize(
    ("filters", "rows"),
    [
        (("--status", "422", "--all"), [1, 2, 3, 4, 5]),
        (("--outcome", "rejected,failed"), [1, 2, 3]),
        (("--rule", "rejected", "--row", "2,5"), [2, 5]),
        (("--reason", "NO such…list"), [1, 2, 3]),
    ],
)
def test_rows_are_chosen_by_what_they_came_to(
    cli: CommandLine, run: str, filters: tuple[str, ...], rows: list[int]
) -> None:
    shown = cli("runs", "show", run, *filters)
    assert [int(line.split()[1]) for line in shown.out.splitlines() if line.startswith("row ")] == rows
    assert ("--all shows 5" in shown.err) == (len(rows) == 3)
    assert cli("runs", "show", run, "--status", "201").status == 1
    data = cli("runs", "show", run, "--reason", "list", "--output", "ndjson").lines
    assert [one["row"] for one in data] == [1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    ("flags", "shown"), [((), [2]), (("--show", "all"), [1, 2, 3]), (("--show", "none"), []), (("--count", "1"), [1])]
)
def test_a_test_shows_the_exchange_of_the_first_unexpected_row(
    cli: CommandLine, partner: Partner, flags: tuple[str, ...], shown: list[int]
) -> None:
    partner.answer = lambda heard: ((422 if b"doe.2" in heard.body else 201), {}, b'{"detail": "no"}')
    spec = cli.write("acme.yaml", SPEC.format(url=partner.url))
    rows = cli.write("rows.csv", "email\n" + "".join(f"jane.doe.{row}@example.com\n" for row in range(1, 4)))
    out = cli("test", spec, rows, *flags, env={"ACME_TOKEN": "s3cret"}).out
    heads = [line.split() for line in out.splitlines() if line.startswith("row ")]
    assert [int(head[1]) for head in heads if head[1].isdigit()] == shown
    assert ("POST /leads HTTP/1.1" in out) == bool(shown)


def test_rendered_rows_are_apart_and_a_body_of_json_is_json(cli: CommandLine, partner: Partner) -> None:
    spec = cli.write("acme.yaml", SPEC.format(url=partner.url))
    rows = cli.write("rows.csv", "email\njane.doe.1@example.com\njane.doe.2@example.com\n")
    out = cli("render", spec, rows, "--count", "2", "--test-data").out
    assert '{\n  "email": "jane.doe.1@example.com"\n}\n\n# row 2\nPOST /leads' in out
    assert cli("render", spec, rows, "--as", "json", "--test-data").json[0]["body"] == {
        "email": "jane.doe.1@example.com"
    }


def test_a_row_without_a_recording_says_its_own_reason(cli: CommandLine, partner: Partner) -> None:
    partner.answer = lambda heard: (201, {}, b"{}")
    spec = cli.write(
        "acme.yaml", SPEC.format(url=partner.url).replace("attribute: email", "attribute: email, required: true")
    )
    rows = cli.write("rows.csv", "email,city\n" + "jane.doe@example.com,x\n" * 230 + ",x\n")
    env = {"ACME_TOKEN": "s3cret"}
    run = cli("replay", spec, rows, "--no-first-row-check", "--output", "json", env=env).json["run"]
    invalid = cli("runs", "show", run, "--row", "231").out
    assert "no request and response: the row is invalid, nothing was sent" in invalid, invalid
    usual = cli("runs", "show", run, "--row", "230").out
    assert "of expected outcomes only the first 200 are recorded; --record all records each" in usual
    as_curl = cli("runs", "show", run, "--row", "231", "--as", "curl")
    assert "row 231 has no request: the row is invalid, nothing was sent" in as_curl.err
    assert cli("runs", "purge", run, "--yes").status == 0
    assert "the run was purged" in cli("runs", "show", run, "--row", "1").out


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (("--row", "9-7"), "--row: `9-7` ends before it begins\nWrite 7-9."),
        (("--rule", "delivred"), "has no rule `delivred`\nDid you mean `delivered`? Rules: delivered"),
        (("--status", "5x"), "--status: `5x` is no status\nWrite 422, 4xx, 200-299, or several: 4xx,503."),
    ],
)
def test_a_filter_that_is_none_has_a_remedy(
    cli: CommandLine, partner: Partner, flags: tuple[str, str], words: str
) -> None:
    partner.answer = lambda _heard: (201, {}, b"{}")
    spec = cli.write("acme.yaml", SPEC.format(url=partner.url))
    assert cli("test", spec, env={"ACME_TOKEN": "s3cret"}).status == 0
    refused = cli("runs", "show", "last", *flags)
    assert refused.status == 2 and words in refused.err
    for status in ("2xx", "422,2xx", "200-299", "201"):
        assert "row 1 " in cli("runs", "show", "last", "--status", status).out
    assert "no row of run" in cli("runs", "show", "last", "--status", "4xx,503").err
