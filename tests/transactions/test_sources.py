import bz2
import gzip
import lzma
import pickle
import subprocess
import sys
import tracemalloc
from itertools import islice
from random import Random

import pytest
import zstandard

from rokt_export.errors import TransactionsError, UsageError
from rokt_export.transactions.claims import Claims
from rokt_export.transactions.damage import DamageKind
from rokt_export.transactions.files import expand
from rokt_export.transactions.source_options import InputFormat, SourceOptions
from rokt_export.transactions.sources import open_transactions, scan
from tests.workbooks import sheet, workbook
from transactions.conftest import PlainMark

HEADER = "transactionid,email,zipcode,state,dob,mobile\n"
ROW = "T1,jane@example.com,10001,NY,19831215,2125550123\n"

PACKERS = {
    "gz": gzip.compress,
    "bz2": bz2.compress,
    "xz": lzma.compress,
    "zst": zstandard.compress,
}


def ids(*paths, **options):
    return [row.id for row in open_transactions(paths, options=SourceOptions(**options))]


def numbered(count, start=1):
    return HEADER + "".join(ROW.replace("T1", f"T{number}") for number in range(start, start + count))


@pytest.mark.parametrize("kind", PACKERS)
def test_compressed_files_are_known_by_their_bytes(write, kind):
    packed = PACKERS[kind](numbered(2_000).encode())
    expected = [f"T{number}" for number in range(1, 2_001)]
    assert ids(write(packed, f"x.csv.{kind}")) == expected
    assert ids(write(packed, "no-suffix")) == expected


@pytest.mark.parametrize("kind", PACKERS)
def test_compressed_parts_joined_are_all_read(write, kind):
    packed = PACKERS[kind](numbered(3).encode()) + PACKERS[kind](ROW.encode())
    assert ids(write(packed, f"x.{kind}")) == ["T1", "T2", "T3", "T1"]


@pytest.mark.parametrize("kind", PACKERS)
def test_a_compressed_file_cut_off_is_an_error_behind_its_whole_rows(write, kind):
    lines = "".join(f"T{number},{number * 7919 % 999_983}\n" for number in range(60_000))
    packed = PACKERS[kind](("transactionid,x\n" + lines).encode())
    path = write(packed[: len(packed) * 9 // 10], f"x.csv.{kind}")
    rows = []
    with pytest.raises(TransactionsError) as caught:
        rows.extend(open_transactions([path]))
    assert "ends too early" in caught.value.message
    assert path in caught.value.where


@pytest.mark.parametrize("kind", ["gz", "zst"])
def test_a_compressed_file_with_wrong_bytes_is_an_error(write, kind):
    pack = gzip.compress if kind == "gz" else zstandard.ZstdCompressor(write_checksum=True).compress
    packed = bytearray(pack(numbered(9).encode()))
    packed[len(packed) // 2] ^= 0xFF
    with pytest.raises(TransactionsError):
        ids(write(bytes(packed), f"x.csv.{kind}"))


def test_a_missing_package_is_named(write, monkeypatch):
    monkeypatch.setitem(sys.modules, "zstandard", None)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    for name, content, extra in (
        ("x.zst", zstandard.compress(b"a,b\n1,2\n"), "zstd"),
        ("x.parquet", b"PAR1....PAR1", "parquet"),
    ):
        with pytest.raises(TransactionsError) as caught:
            ids(write(content, name))
        assert f"rokt-export[{extra}]" in caught.value.remedy


def test_files_and_globs_are_read_in_order_under_one_numbering(write, tmp_path):
    for name, start in (("b.csv", 3), ("a.csv", 1), ("z.csv", 9)):
        write(numbered(2, start), name)
    source = open_transactions([str(tmp_path / "z.csv"), str(tmp_path / "[ab].csv")])
    assert [(row.row, row.id) for row in source] == [
        (1, "T9"),
        (2, "T10"),
        (3, "T1"),
        (4, "T2"),
        (5, "T3"),
        (6, "T4"),
    ]


def test_files_of_different_shapes_make_one_input(write):
    first = write(numbered(1), "a.csv")
    second = write('{"transactionid": 2}\n', "b.ndjson")
    empty = write("", "c.csv")
    source = open_transactions([first, second, empty])
    assert [row.id for row in source] == ["T1", "2"]
    assert [(damage.kind, damage.file) for damage in source.findings] == [(DamageKind.NO_ROWS, empty)]


@pytest.mark.parametrize(
    ("paths", "message"),
    [
        ([], "no file of transactions is named"),
        (["{tmp}/none.csv"], "the file is not there"),
        (["{tmp}/none/none.csv"], "the file is not there"),
        (["{tmp}/*.nothing"], "no file matches"),
        (["{tmp}"], "this is a directory"),
        (["{tmp}/a.csv", "{tmp}/../{name}/a.csv"], "the same input is named twice"),
        (["-", "-"], "the same input is named twice"),
    ],
)
def test_what_cannot_be_read_is_told_before_anything_is(write, tmp_path, paths, message):
    write(numbered(1), "a.csv")
    with pytest.raises(TransactionsError, match=message) as caught:
        open_transactions([path.format(tmp=tmp_path, name=tmp_path.name) for path in paths])
    assert caught.value.remedy


def test_an_unknown_encoding_is_a_usage_error(write):
    with pytest.raises(UsageError, match="no encoding is called"):
        ids(write(numbered(1)), encoding="utf-9")


def test_a_told_format_wins(write):
    assert ids(write("[x,transactionid\n1,2\n", "x.json"), format=InputFormat.CSV) == ["2"]


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


def test_options_travel_to_other_processes():
    options = SourceOptions(wanted=frozenset({"email"}), columns={"a": "b"}, format=InputFormat.CSV)
    assert pickle.loads(pickle.dumps(options)) == options


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


def test_what_is_told_to_be_typed_for_a_folder_with_a_blank_in_its_name_can_be_typed(tmp_path):
    folder = tmp_path / "my leads"
    folder.mkdir()
    with pytest.raises(TransactionsError) as caught:
        expand([str(folder)])
    assert str(caught.value.remedy).endswith(f"for example '{folder}'/*.csv.")
