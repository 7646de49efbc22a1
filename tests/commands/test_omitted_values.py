"""Values that `invalid: omit` leaves out of requests: what they count as, and who says so."""

from __future__ import annotations

import pytest

from commands.conftest import CommandLine, Partner
from commands.omitted import ROWS, TOLD, spec_of


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


def test_values_that_fit_or_are_not_there_are_not_told(cli: CommandLine, partner: Partner) -> None:
    rows = cli.write("rows.csv", "email,dob,phone\njane.1@example.com,1980-02-13,555\njane.2@example.com,,\n")
    shown = cli("replay", spec_of(cli, partner.url), rows)
    assert (shown.status, "left out" in shown.out + shown.err) == (0, False)
