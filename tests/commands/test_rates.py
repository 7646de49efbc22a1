"""Several rates hold at once, over all workers."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing

import pytest

from commands.conftest import CommandLine, Partner, spec_text
from commands.replays import people

BURST, STEADY, SPAN = 20, 30, 3.0


def test_neither_more_than_the_burst_nor_more_than_the_steady_rate_leaves(cli: CommandLine, partner: Partner) -> None:
    limits = f"limits: {{rate: [{BURST}/s, {STEADY}/{SPAN:g}s], concurrency: 6, "
    cli.write("acme.yaml", spec_text(partner.url).replace("limits: {", limits))
    cli.write("rows.csv", "email\n" + "".join(f"jane.doe.{number}@example.com\n" for number in range(45)))
    done = cli.process("replay", "acme.yaml", "rows.csv", "--workers", "2")
    assert done.status == 0, done.err
    assert f"at most {BURST}/s and {STEADY}/{SPAN:g} s (several rates: kept by this run alone)" in done.err
    assert len(partner.heard) == 45
    with closing(sqlite3.connect(cli.journal)) as journal:  # when they left: a busy machine lets them arrive together
        left = [moment for (moment,) in journal.execute("SELECT started FROM delivery ORDER BY started")]
    for most, span in ((BURST, 1.0), (STEADY, SPAN)):
        assert max(sum(first <= each < first + span for each in left) for first in left) <= most
    assert left[STEADY] - left[0] >= SPAN


@pytest.mark.parametrize(("rate", "shown"), [("1000/h", "1000/h"), ("30/m", "30/m"), ("190/10s", "190/10 s")])
def test_a_rate_is_shown_as_it_is_written(cli, spec, partner, rate, shown):
    rows = cli.write("rows.csv", people(1))
    assert f"at most {shown}" in cli("replay", spec, rows, "--rate", rate).err
    cli.write("acme.yaml", spec.read_text().replace("limits: {", f"limits: {{rate: {rate}, "))
    assert f"at most {shown}" in cli("replay", spec, rows).err
    refused = cli("replay", spec, rows, "--rate", "1000/s")
    assert (refused.status, f"the spec's limit is {shown}" in refused.err) == (2, True)


def test_the_rows_of_a_large_file_are_counted_beside_the_run(cli, spec, partner, monkeypatch):
    monkeypatch.setattr("rokt_export.commands.preflight._LARGE", 10)
    monkeypatch.setattr("rokt_export.commands.preflight.FIRST_ROWS", 2)
    monkeypatch.setattr("rokt_export.commands.progress._EVERY", 0.1)
    rows = cli.write("rows.csv", people(*range(1, 21)))
    partner.delay = 0.1
    done = cli("replay", spec, rows, "--concurrency", "2", "--log-format", "json")
    lines = [json.loads(line) for line in done.err.splitlines()]
    progress = [line for line in lines if line["event"] == "progress"]
    assert progress[-1]["about"] == 20
    assert progress[-1]["total"] is None
    assert " of about 20 rows" in progress[-1]["message"]


def test_a_limit_that_the_spec_does_not_state_is_called_the_default(cli, spec, partner):
    rows = cli.write("rows.csv", people(1))
    refused = cli("replay", spec, rows, "--concurrency", "50")
    told = "the spec states no `limits: {concurrency: …}`, and the default limit is 10"
    assert (refused.status, partner.heard, told in refused.err) == (2, [], True)
    cli.write("acme.yaml", spec.read_text().replace("limits: {", "limits: {concurrency: 10, "))
    assert "the spec's limit is 10" in cli("replay", spec, rows, "--concurrency", "50").err
