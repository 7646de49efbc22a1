"""Reports and exports of runs with more rows than a person reads: what went wrong first, caps that are told."""

from __future__ import annotations

import csv
import gzip
import io
import json
import re

import pyarrow.parquet
import pytest
import zstandard

from commands.conftest import clear
from commands.test_report import KINDS, Scripts, attached
from rokt_export.exchange.delivery import Delivery
from rokt_export.exchange.model import OutcomeKind
from rokt_export.journal import Journal, RunState
from rokt_export.reports import eml, html, markdown

ROWS = 50


@pytest.fixture
def run(cli, monkeypatch):
    """A run of 50 rows, every tenth of them rejected; reports list 8."""
    for module in (markdown, html, eml):
        monkeypatch.setattr(module, "MOST_LISTED", 8)
    with Journal.open(cli.journal) as journal:
        writer = journal.begin(
            command="replay", partner="acme", environment="staging", spec_file="acme.yaml", spec_sha256="0" * 64
        )
        bad = OutcomeKind.REJECTED
        writer.settle(
            [
                Delivery(row, f"tx-{row}", OutcomeKind.DELIVERED if row % 10 else bad, 200, attempts=1, started=1.7e9)
                for row in range(1, ROWS + 1)
            ]
        )
        writer.end(RunState.FINISHED, 1)
        return writer.run


def listed(text: str) -> list[str]:
    return re.findall(r"tx-\d+", text.partition("## Deliveries")[2])


FIRST = ["tx-10", "tx-20", "tx-30", "tx-40", "tx-50", "tx-1", "tx-2", "tx-3"]


def test_markdown_leads_with_what_went_wrong_and_tells_what_it_leaves_out(cli, run):
    text = cli("report", run).out
    assert listed(text) == FIRST
    assert "8 of 50 rows are listed, unexpected outcomes first." in text
    assert f"rokt-export runs export {run} --out acme.csv.gz" in text
    assert "table below has the first 8 rows" in text


def test_the_page_and_the_mail_have_the_same_cap(cli, run):
    assert cli("report", run, "--out", "acme.html", "--out", "acme.eml").status == 0
    page = (cli.folder / "acme.html").read_text()
    assert [row[1] for row in Scripts(page).rows] == FIRST
    assert "8 of 50 rows are listed" in page
    mail = (cli.folder / "acme.eml").read_text()
    assert [row["outcome"] for row in csv.DictReader(io.StringIO(attached(mail)))] == ["rejected"] * 5 + [
        "delivered"
    ] * 3
    assert "attached CSV has the first 8 rows" in " ".join(mail.split())


def test_only_lists_the_rows_of_some_outcomes(cli, run):
    text = cli("report", run, "--only", "rejected,failed").out
    assert listed(text) == FIRST[:5]
    assert "Only rows that are rejected or failed are listed: 5 of the run's 50." in text
    assert "50 deliveries" in text.splitlines()[0]
    suite = cli("report", run, "--only", "rejected", "--format", "junit").out
    assert 'tests="5" failures="5" errors="0"' in suite
    assert cli("report", run, "--only", "rejected", "--out", "acme.html").status == 0
    page = Scripts((cli.folder / "acme.html").read_text())
    assert [KINDS[row[2]] for row in page.rows] == ["rejected"] * 5
    document = json.loads(cli("runs", "export", run, "--only", "rejected", "--format", "json").out)
    assert (document["only"], document["counts"]["delivered"], len(document["deliveries"])) == (["rejected"], 45, 5)
    assert cli("runs", "export", run, "--only", "unknown").out.count("\n") == 1


def test_an_export_is_split_and_compressed_by_its_name(cli, run):
    assert cli("runs", "export", run, "--out", "rows.csv.gz", "--split", "20").status == 0
    parts = [cli.folder / f"rows-000{number}.csv.gz" for number in (1, 2, 3)]
    rows = [list(csv.DictReader(io.StringIO(gzip.decompress(part.read_bytes()).decode()))) for part in parts]
    assert [len(each) for each in rows] == [20, 20, 10]
    assert [row["row"] for each in rows for row in each] == [str(row) for row in range(1, ROWS + 1)]
    again = cli("runs", "export", run, "--only", "rejected", "--out", "rows.csv.gz", "--split", "5")
    assert again.status == 0
    assert "rows-0002.csv.gz is not of this export" in again.err
    assert cli("runs", "export", run, "--out", "rows.ndjson.zst").status == 0
    plain = zstandard.ZstdDecompressor().stream_reader((cli.folder / "rows.ndjson.zst").open("rb")).read()
    assert len(plain.splitlines()) == ROWS


def test_parquet_has_the_types_that_the_csv_lacks(cli, run):
    assert cli("runs", "export", run, "--out", "rows.parquet", "--split", "30").status == 0
    tables = [pyarrow.parquet.read_table(cli.folder / f"rows-000{number}.parquet") for number in (1, 2)]
    assert [table.num_rows for table in tables] == [30, 20]
    assert [str(tables[0].schema.field(name).type) for name in ("row", "transaction", "status", "latency_ms")] == [
        "int64", "string", "int16", "double",
    ]  # fmt: skip
    assert tables[0].column("reason").null_count == 30
    assert cli("report", run, "--out", "all.parquet").status == 0


def test_what_cannot_be_written_so_is_refused(cli, run):
    clear(cli("runs", "export", run, "--split", "3"), 2, "--split", "Add --out PATH")
    clear(cli("runs", "export", run, "--out", "rows.har", "--split", "3"), 2, "only rows in files can be split")
    clear(cli("runs", "export", run, "--out", "rows.parquet.gz"), 2, "compressed already", "Leave out .gz.")
    clear(cli("runs", "export", run, "--out", "rows.xyz"), 2, "does not say which format")
    clear(cli("report", run, "--brief", "--only", "rejected"), 2, "--brief lists no rows")
    clear(cli("report", run, "--only", "refused"), 2, "`refused` is not an outcome", "rejected")
    assert [path.name for path in cli.folder.iterdir() if path.name.startswith("rows")] == []
