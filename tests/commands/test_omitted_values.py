"""Values that `invalid: omit` leaves out of requests: what they count as, and who says so."""

from __future__ import annotations

import pytest

from commands.conftest import CommandLine, Partner

SPEC = """\
spec_version: 1
partner: acme
endpoint: {{staging: "{url}/leads"}}
method: POST
authentication: none
encoding: {encoding}
parameters:
  - {{name: '{prefix}email', attribute: email, required: true, format: email}}
  - {{name: '{prefix}dob', value: "{{{{ dob | date }}}}", invalid: omit}}
  - {{name: X-Phone, in: header, attribute: phone, format: digits, invalid: omit}}
responses:
  - {{outcome: delivered, status: 2xx}}
{more}"""
ROWS = (
    "email,dob,phone\n"
    "jane.1@example.com,13/02/1980,555\n"
    "jane.2@example.com,1980-02-13,a\n"
    "jane.3@example.com,31/01/1980,b\n"
    "nobody,31/01/1980,c\n"
    "jane.5@example.com,,\n"
)
TOLD = (
    "2 values do not fit parameter dob, and were left out (`invalid: omit`)",
    "2 values do not fit parameter X-Phone, and were left out (`invalid: omit`)",
)


def spec_of(cli: CommandLine, url: str, encoding: str = "json", prefix: str = "", more: str = "") -> str:
    return cli.write("omits.yaml", SPEC.format(url=url, encoding=encoding, prefix=prefix, more=more))


@pytest.mark.parametrize(
    ("encoding", "prefix", "more"),
    [("json", "", ""), ("form", "", ""), ("xml", "lead.", ""), ("json", "rows[].", "limits: {batch: 1}\n")],
)
@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_run_says_how_many_values_it_left_out(
    cli: CommandLine, partner: Partner, encoding: str, prefix: str, more: str, workers: str
) -> None:
    spec = spec_of(cli, partner.url, encoding, prefix, more)
    rows = cli.write("rows.csv", ROWS)
    shown = cli("replay", spec, rows, "--workers", workers)
    assert shown.status == 1
    assert cli("report", "last", "--out", "r.html").status == 0
    page = (cli.folder / "r.html").read_text(encoding="utf-8")
    for place in (shown.out + shown.err, cli("runs", "show", "last").out, page):
        together = " ".join(place.split())
        assert all(told.replace("dob", f"{prefix}dob") in together for told in TOLD), place


def test_render_says_it_too(cli: CommandLine) -> None:
    spec = spec_of(cli, "http://127.0.0.1:9")
    for form in ("http", "json"):
        shown = cli("render", spec, cli.write("rows.csv", ROWS), "--count", "5", "--as", form)
        together = " ".join(shown.err.split())
        assert all(told in together for told in TOLD), shown.err


def test_values_that_fit_or_are_not_there_are_not_told(cli: CommandLine, partner: Partner) -> None:
    rows = cli.write("rows.csv", "email,dob,phone\njane.1@example.com,1980-02-13,555\njane.2@example.com,,\n")
    shown = cli("replay", spec_of(cli, partner.url), rows)
    assert (shown.status, "left out" in shown.out + shown.err) == (0, False)
