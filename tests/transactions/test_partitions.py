"""What the partitions of an input give together is what one reader of it gives: rows, numbers, damages, errors."""

from __future__ import annotations

import gzip
import json
import pickle
import tracemalloc
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rokt_export.errors import RoktExportError, TransactionsError
from rokt_export.transactions import compression, lines, open_file, partitions
from rokt_export.transactions.damage import Damage, DamageKind
from rokt_export.transactions.files import FileStamp
from rokt_export.transactions.partition_source import PartitionSource
from rokt_export.transactions.partitions import Partition, joined, look
from rokt_export.transactions.source_options import SourceOptions
from rokt_export.transactions.sources import open_transactions, scan
from rokt_export.transactions.transaction import Transaction
from tests.workbooks import sheet, workbook
from transactions.divided import ALL_KEPT, HEADER, USUAL, looks_at, many

OF_FILES = (DamageKind.NO_ROWS, DamageKind.CHANGED)
"""Damages of files as wholes, which `joined` finds."""


def read_divided(found: Sequence[Partition], options: SourceOptions) -> tuple[list[Transaction], list[Damage]]:
    """Return the rows and damages of all partitions."""
    rows: list[Transaction] = []
    damages: list[Damage] = []
    for partition in pickle.loads(pickle.dumps(found)):
        source = PartitionSource(partition, options)
        assert len(rows) == partition.before
        rows.extend(source)
        assert len(rows) == partition.before + partition.rows
        assert Counter(each.kind for each in source.findings) == source.finding_counts
        damages.extend(source.findings)
    return rows, damages


def told(error: RoktExportError) -> tuple[object, ...]:
    return type(error), error.message, error.where, error.remedy


def check(paths: Sequence[str], options: SourceOptions = ALL_KEPT, size: int = 60) -> list[Partition]:
    """Compare an input that is divided with the same that is not, and return the partitions."""
    looks = looks_at(paths, options, size)
    try:
        expected = scan(paths, options=options, keep=3)
    except RoktExportError as error:
        with pytest.raises(RoktExportError) as raised:
            joined(looks, options)
        assert told(raised.value) == told(error)
        return []
    assert joined(looks, options) == expected
    found = partitions.partitions(looks, size=size)
    source = open_transactions(paths, options=options)
    rows, damages = read_divided(found, options)
    assert rows == list(source)
    assert damages == [
        each for each in source.findings if each.kind not in OF_FILES and "other files" not in each.message
    ]
    return found


@contextmanager
def reading(block: int, sample: int) -> Iterator[None]:
    """Let readers read blocks and samples of so many bytes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lines, "_BLOCK", block)
        patch.setattr(open_file, "_SAMPLE", sample)
        patch.setattr(compression, "_CHUNK", sample)
        yield


CELLS = st.sampled_from(
    ["T1", "T2", "jane@example.com", "10001", "NY", "19831215", "Zoë", " x ", "😀", "Łucja", "", "501", "1.23E+10"]
)
ODD = st.sampled_from(
    [
        '"a,b"', '"q""q"', '"n\nn"', '"r\r\nr"', '"x\ry"', '"{d}"', '"a\n\nT1,b"', 'q"q', '"open', '"shut"t', '"', '""',
        "a\\", "\\\"", "nul\0", "\ufeffx", "\x1a", "JosÃ©", "\ufffd", "Total", "# c", "transactionid", "'12345", "=A1",
        "string", "long" * 30, '"' + "long\n" * 30 + '"', "\u2028", "\x85", "\udc81", "x{d}y",
    ]
)  # fmt: skip
LINES = st.sampled_from(
    [
        "", " ", "{header}", "\ufeff{header}", "# exported", "#", "\x1a", "\x1a\x1a", "Total{d}{d}{d}3", '"', '"""',
        "{d}{d}", "varchar(20){d}text{d}text{d}text{d}date", "\t", "// x",
    ]
)  # fmt: skip


@st.composite
def csv_files(draw: st.DrawFn) -> tuple[bytes, SourceOptions]:
    delimiter = draw(st.sampled_from([",", ",", ";", "\t", "|", ", ", "||"]))
    width = draw(st.sampled_from([5, 5, 5, 2, 1]))
    tail = draw(st.sampled_from(["", "", delimiter]))
    cells = st.one_of(CELLS, CELLS, CELLS, CELLS, ODD)
    usual = st.lists(cells, min_size=width, max_size=width).map(lambda row: delimiter.join(row) + tail)
    ragged = st.lists(cells, max_size=7).map(delimiter.join)
    rows = draw(st.lists(st.one_of(usual, usual, usual, usual, ragged, LINES), min_size=4, max_size=40))
    header = delimiter.join(HEADER[:width]) + draw(st.sampled_from(["", "", tail]))
    skip = draw(st.sampled_from([0, 0, 0, 1, 2]))
    start = [f"title {number}" for number in range(skip)]
    hint = draw(st.booleans()) and len(delimiter) == 1
    ends = draw(st.sampled_from([["\n"], ["\n"], ["\r\n"], ["\r"], ["\n", "\r\n"], ["\n", "\r"]]))
    text = "".join(
        line.replace("{d}", delimiter).replace("{header}", header) + draw(st.sampled_from(ends))
        for line in [*start, *([f"sep={delimiter}"] if hint else []), header, *rows]
    )
    if draw(st.booleans()):
        text = text.rstrip("\r\n")
    codec = draw(st.sampled_from(["utf-8", "utf-8", "utf-8-sig", "cp1252"]))
    errors = "surrogateescape" if codec != "cp1252" else "ignore"
    options = replace(
        ALL_KEPT,
        skip_lines=skip,
        delimiter=draw(st.sampled_from([None, delimiter.strip(" ")])),
        quote=draw(st.sampled_from(['"', '"', '"', ""])),
        escape=draw(st.sampled_from([None, None, "\\"])),
        max_row=draw(st.sampled_from([100, 1_000_000])),
        encoding=draw(st.sampled_from([None, None, codec])),
        header=draw(st.sampled_from([None, None, None, tuple(HEADER[:width])])),
        refuse_damage_in=draw(st.sampled_from([frozenset(), frozenset(HEADER)])),
    )
    return text.encode(codec, errors), options


@settings(max_examples=100, deadline=None)
@given(
    csv_files(),
    st.sampled_from([1, 60, 200, 700]),
    st.sampled_from([7, 40, 300, 1 << 15]),
    st.sampled_from([80, 1 << 16]),
)
def test_parts_of_any_csv_file_are_together_the_file(
    tmp_path_factory: Any, made: Any, size: int, block: int, sample: int
) -> None:
    content, options = made
    path = tmp_path_factory.getbasetemp() / "parts.csv"
    path.write_bytes(content)
    with reading(block, sample):
        check([str(path)], options, size)


VALUES = st.sampled_from(["T1", "Zoë", "😀", "1.10", "501", "\ud800", "a\nb", "long" * 40])
OBJECTS = st.one_of(
    st.dictionaries(st.sampled_from(HEADER), VALUES).map(
        lambda each: json.dumps(each, ensure_ascii="\ud800" in each.values())
    ),
    st.sampled_from(
        ['{"email": ', "[1]", "7", "", " ", "\x1a", "nul\0", "\ufeff{}", '{"email": "x"}\r', '{"a":1,"a":2}', "\udc81"]
    ),
)


@settings(max_examples=50, deadline=None)
@given(
    st.lists(OBJECTS, max_size=40),
    st.sampled_from(["\n", "\r\n"]),
    st.sampled_from([1, 60, 200]),
    st.sampled_from([7, 40, 300]),
)
def test_parts_of_any_ndjson_file_are_together_the_file(
    tmp_path_factory: Any, rows: Any, end: str, size: int, block: int
) -> None:
    path = tmp_path_factory.getbasetemp() / "parts.ndjson"
    path.write_bytes(end.join(rows).encode("utf-8", "surrogateescape"))
    with reading(block, 1 << 16):
        check([str(path)], replace(ALL_KEPT, sent=frozenset({"email"})), size)


TYPES = ",text,,,date\n"


@pytest.mark.parametrize(
    "content",
    [
        many(40).replace("1215\n", "1215,\n"),
        many(40).replace("1215\n", "1215,,\n").replace("T0,", f"T{'0' * 90},"),
        many(40).replace("dob\n", "dob,\n"),
        many(40).replace(",", ", "),
        many(40).replace("T0", TYPES + "T0"),
        many(40).replace("T", TYPES + "T"),
        many(40).replace("jane.doe.1@", "Zoë@").encode("cp1252"),
        many(40).replace("T1", "\x1a\nT1").replace("\n", "\r"),
        many(40).replace("T1", "\x1a\nT1"),
        ("\ufeff" + many(10)) * 4,
        "sep=,\r\n" + many(40).replace("\n", "\r\n"),
    ],
)
def test_what_the_first_lines_decide_holds_in_each_part(write: Any, content: Any) -> None:
    path = write(content)
    for sample in (80, 1 << 16):
        with reading(150, sample):
            assert len(check([path], replace(ALL_KEPT, refuse_damage_in=frozenset(HEADER)), 215)) > 5


def test_a_large_file_becomes_parts_and_small_ones_become_one_partition(write: Any) -> None:
    large = write(many(3_000), "large.csv")
    small = [write(many(10), f"small-{number}.csv") for number in range(4)]
    mapped = replace(ALL_KEPT, columns={"dob": "birthday"})
    found = check([small[0], large, *small[1:]], mapped, 40_000)
    assert [len(each.parts) for each in found] == [1, 1, 1, 4]
    assert [each.number for each in found] == [1, 2, 3, 4]
    assert all(each.parts[0].size < 40_000 + 2 * lines._BLOCK for each in found)


def test_many_files_are_not_all_in_one_partition(write: Any) -> None:
    paths = [write(many(1), f"{number}.csv") for number in range(100)]
    assert [len(each.parts) for each in check(paths, size=1 << 20)] == [64, 36]


def test_files_of_all_kinds_are_one_input(write: Any, tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    columns = {"transactionid": [f"P{n}" for n in range(90)], "zipcode": ["501"] * 90}
    parquet.write_table(pyarrow.table(columns), tmp_path / "a.parquet")
    rows = [HEADER, *([f"X{n}", "jane@example.com", "10001", "NY", "19831215"] for n in range(90))]
    objects = [f'{{"transactionid": "J{n}", "email": "jane@example.com"}}' for n in range(90)]
    paths = [
        str(tmp_path / "a.parquet"),
        write(many(2), "b.csv"),
        write("", "empty.csv"),
        write("transactionid,email\n", "no-rows.csv"),
        write(workbook({"A": sheet(rows)}), "c.xlsx"),
        write(gzip.compress(many(900, "{0},x\n").encode()), "d.csv.gz"),
        write(many(40).encode("utf-16"), "e.csv"),
        write(many(40, "Jürgen {0},x,1,NY,1\n").encode("cp1252"), "f.csv"),
        write(f"[{','.join(objects)}]", "g.json"),
        write("\n".join(objects), "h.ndjson"),
    ]
    found = check(paths, replace(ALL_KEPT, wanted=frozenset({"email", "dob"})), 300)
    assert Counter(part.path for each in found for part in each.parts if part.end is not None).keys() == {
        paths[7],
        paths[9],
    }
    notes = {path: look(path, ALL_KEPT, size=300).note for path in paths}
    assert {path for path, note in notes.items() if note} == {paths[0], paths[4], paths[5], paths[6], paths[8]}
    assert (
        notes[paths[5]] == f"{paths[5]} cannot be divided among workers, so one of them reads it all: it is compressed"
    )


@pytest.mark.parametrize(
    ("contents", "options"),
    [
        ({"a.csv": many(3), "b.csv": "no header here\n1,2\n"}, {"sent": frozenset({"email"})}),
        ({"a.csv": many(3), "b.csv": many(2)}, {"columns": {"none": "email"}}),
        ({"a.csv": many(3), "b.ndjson": '{"x": 1}'}, {"columns": {"none": "email"}}),
        ({"a.csv": "transactionid,x\n", "b.csv": ""}, {}),
        ({"a.csv": "transactionid,x\n"}, {}),
        ({"a.csv": many(3), "b.ndjson": '{"x": 1}\n' * 60}, {"sent": frozenset({"email"})}),
        ({"a.csv": many(3), "b.json": '[{"x": 1}, {"x"'}, {}),
        ({"a.csv": many(3), "b.csv.gz": gzip.compress(many(9_000).encode())[:-9]}, {}),
        ({"b.csv.gz": gzip.compress(many(9_000).encode())[:-9], "c.csv": "a@example.com\n"}, {}),
        ({"a.csv": many(3)}, {"encoding": "utf-9"}),
        ({"a.ndjson": '{"x": 1}\n'}, {"header": ("x",)}),
        ({"a.csv": "email,zipcode\nx,1\n", "b.csv": "email\ny\n"}, {"wanted": frozenset({"email", "zipcode"})}),
        ({"a.csv": "a,b\n1\n", "b.csv": "a,b\n1\n"}, {}),
    ],
)
def test_what_is_wrong_is_told_as_by_one_reader(write: Any, contents: Any, options: Any) -> None:
    paths = [write(content, name) for name, content in contents.items()]
    check(paths, replace(ALL_KEPT, **options))
    check(paths, replace(ALL_KEPT, keep_findings=2, **options), 1 << 20)


def test_rows_inside_quotes_that_are_larger_than_parts_are_not_cut(write: Any) -> None:
    inside = USUAL.format(7) * 80
    path = write(many(30, f'T{{0}},"{inside}",10001,NY,19831215\n'))
    unclosed = write(many(50) + f'T,"{inside}', "unclosed.csv")
    with reading(500, 1 << 16):
        assert len(check([path], size=1_000)) == 30
        assert len(check([unclosed], size=1_000)) > 1


def test_a_change_while_a_file_is_looked_at_is_told(write: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(many(3))
    stamped = [FileStamp(path, 9, 9, (9, 9)), FileStamp(path, 8, 9, (9, 9))]
    monkeypatch.setattr(FileStamp, "of", lambda _path: stamped.pop(0))
    found = joined([look(path, ALL_KEPT)], ALL_KEPT)
    assert [each.message for each in found.damages] == [
        "the file changed while it was read: it had 9 bytes and now has 8"
    ]


def test_streams_are_refused() -> None:
    with pytest.raises(TransactionsError, match="read only once, by one process") as raised:
        joined([look("-", ALL_KEPT)], ALL_KEPT)
    assert raised.value.where == "stdin"


def test_objects_of_a_storage_are_divided_and_only_their_parts_are_fetched(s3: Any, tmp_path: Path) -> None:
    from s3fs import S3File

    body = many(12_000).encode()
    s3.put_object(Bucket="rows", Key="parts/large.csv", Body=body)
    s3.put_object(Bucket="rows", Key="parts/small.csv.gz", Body=gzip.compress(many(30).encode()))
    paths = ["s3://rows/parts/large.csv", "s3://rows/parts/small.csv.gz"]
    found = check(paths, size=200_000)
    assert len(found) == 3
    fetched: list[tuple[int, int]] = []
    fetch = S3File._fetch_range

    def noted(file: Any, start: int, end: int) -> Any:
        fetched.append((start, end))
        return fetch(file, start, end)

    part = found[1].parts[0]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(S3File, "_fetch_range", noted)
        assert sum(1 for _ in PartitionSource(found[1], ALL_KEPT)) == part.rows
    assert fetched == [(0, 1 << 16), (part.start, part.end)]
    s3.put_object(Bucket="rows", Key="parts/large.csv", Body=body.replace(b"jane", b"john"))
    with pytest.raises(TransactionsError, match="it was written to"):
        next(iter(PartitionSource(found[1], ALL_KEPT)))


def test_memory_does_not_grow_with_the_parts(write: Any) -> None:
    def peak(count: int) -> int:
        path = write(many(count))
        tracemalloc.start()
        try:
            (found,) = partitions.partitions([look(path, ALL_KEPT, size=20_000)], size=1 << 30)
            assert sum(1 for _ in PartitionSource(found, ALL_KEPT)) == count
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    base = peak(1_500)
    assert peak(4_500) < base * 1.1 + 65_536
