"""What `certify` shows: the probe of each record, their count, and a table that fits the terminal."""

from __future__ import annotations

import re

from certification.certifying import ENV, without_accents
from certification.crm import SPEC, Crm, serving

from commands.conftest import CommandLine


def test_the_terminal_names_the_probe_of_each_record_and_why_one_was_not_run(cli: CommandLine) -> None:
    with serving(Crm()) as url:
        path = cli.write("acme.yaml", SPEC.format(url=url).partition("read_back:")[0])
        sent = " ".join(cli("certify", path, "--wait", "0.1s", env=ENV).out.split())
        tried = cli("certify", path, "--sandbox", env=ENV).out
    assert "Is record R1 (P1) where such records belong" in sent
    assert re.search(r"Are the values of R\d+ \(P\d+\), R\d+ \(P\d+\)", sent)
    assert "The page of the pack lists each record (R) with its values." in sent
    assert "not run: the spec has no `read_back`" in sent and "came: the spec has no `read_back`" not in sent
    assert "a sandbox stores no records that could be removed" in " ".join(tried.split())
    assert "remove these records" not in tried and "Is record" not in tried


def test_the_table_fits_eighty_columns(cli: CommandLine) -> None:
    with serving(Crm(keep=without_accents)) as url:
        path = cli.write("acme.yaml", SPEC.format(url=url))
        for width in (80, 50):
            done = cli("certify", path, "--wait", "0.1s", env={**ENV, "COLUMNS": str(width)})
            table = done.out.partition("\n\n")[0]
            assert max(map(len, table.splitlines())) <= width
            assert "drops-accents" in table
            assert "advice: " in done.out
