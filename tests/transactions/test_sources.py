import subprocess
import sys
import tracemalloc
from itertools import islice
from random import Random

import pytest
import zstandard

from rokt_export.transactions.claims import Claims
from rokt_export.transactions.damage import DamageKind
from rokt_export.transactions.source_options import SourceOptions
from rokt_export.transactions.sources import open_transactions, scan
from tests.workbooks import sheet, workbook
from transactions.conftest import PlainMark
from transactions.samples import HEADER, ROW, numbered


@pytest.mark.parametrize("name", ["x.csv", "x.ndjson", "x.json", "x.parquet", "x.xlsx"])
@pytest.mark.parametrize("count", [1, 2, 7, 150])
@pytest.mark.parametrize("total", [None, 103])
def test_claims_together_are_the_whole(write, tmp_path, name, count, total):
    columns = {"transactionid": [f"T{number}" for number in range(100)], "x": ["y"] * 100}
    if name == "x.parquet":
        parquet = pytest.importorskip("pyarrow.parquet")
        path = str(tmp_path / name)
        parquet.write_table(pytest.importorskip("pyarrow").table(columns), path, row_group_size=9)
    elif name == "x.xlsx":
        rows = [["transactionid", "x"], *([name, "y"] for name in columns["transactionid"])]
        path = write(workbook({"A": sheet(rows)}), name)
    elif name == "x.csv":
        path = write("transactionid,x\n" + "".join(f"{name},y\n" for name in columns["transactionid"]) + "ragged\n")
    else:
        objects = [f'{{"transactionid": "{name}", "x": "y"}}' for name in columns["transactionid"]]
        path = write("\n".join(objects) if name == "x.ndjson" else f"[{','.join(objects)}]", name)
    first = write(numbered(3), "first.csv")
    whole = list(open_transactions([first, path]))
    mark = PlainMark()
    sources = [open_transactions([first, path]) for _ in range(count)]
    readers = [source.part(Claims(mark, count, 6, 9, total)) for source in sources]
    parts = [[] for _ in readers]
    # Now one is quicker, now another; whoever is behind finds rows claimed that it has not read yet.
    order = Random(count)
    while readers_left := [place for place, reader in enumerate(readers) if reader is not None]:
        place = order.choice(readers_left)
        some = list(islice(readers[place], order.randrange(1, 9)))
        parts[place].extend(some)
        if not some:
            readers[place] = None
    assert sorted((row for part in parts for row in part), key=lambda row: row.row) == whole
    assert all([row.row for row in part] == sorted(row.row for row in part) for part in parts)
    assert sum(len(source.findings) for source in sources) == (name == "x.csv")
    if count == 2:
        assert all(len(part) > 20 for part in parts)


def test_a_source_can_be_read_again(write):
    source = open_transactions([write(HEADER + ROW.replace("10001", "501"))])
    assert list(source) == list(source)
    assert len(source.findings) == 1


def test_scan_counts_without_keeping(write):
    found = scan([write(numbered(50) + "ragged\n")])
    assert (found.rows, found.problems, found.complete) == (51, 1, True)
    assert found.counts == {DamageKind.RAGGED: 1}
    assert found.columns.mapped["mobile"] == "mobile"
    partly = scan([write(numbered(50))], limit=10)
    assert (partly.rows, partly.complete, partly.clean) == (10, False, True)
    assert scan([write(numbered(10))], limit=10).complete


@pytest.mark.parametrize("limit", [None, 2000])
def test_scan_returns_the_first_rows_in_the_same_pass(write, limit):
    path = write(numbered(300) + "ragged\n" + ROW * 700)
    found = scan([path], limit=limit, keep=302)
    assert (found.rows, found.problems, found.counts) == (1001, 1, {DamageKind.RAGGED: 1})
    assert list(found.first) == list(islice(open_transactions([path]), 302))


def test_declared_test_data_is_invented(write):
    (row,) = open_transactions([write(numbered(1))], options=SourceOptions(invented=True))
    assert row.invented


@pytest.mark.parametrize("name", ["x.csv", "x.ndjson", "x.json", "x.csv.zst"])
def test_memory_does_not_grow_with_the_file(write, name):
    def peak(count):
        match name:
            case "x.csv" | "x.csv.zst":
                content = numbered(count).replace("10001", "501")
            case _:
                rows = ['{"transactionid": 1, "zipcode": "501"}'] * count
                content = "\n".join(rows) if name == "x.ndjson" else f"[{','.join(rows)}]"
        packed = zstandard.compress(content.encode()) if name.endswith(".zst") else content
        path = write(packed, name)
        del content, packed
        tracemalloc.start()
        try:
            for _ in open_transactions([path]):
                pass
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    base = peak(6_000)
    assert peak(18_000) < base * 1.1 + 65_536


def test_importing_the_readers_loads_no_heavy_package():
    heavy = {"pyarrow", "charset_normalizer", "zstandard", "faker", "requests", "pydantic", "orjson", "pycurl", "bz2"}
    code = (
        "import sys; from rokt_export.transactions import sources, test_people;"
        f"print(sorted({heavy!r} & set(sys.modules)))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=30)
    assert run.stdout.strip() == "[]"
