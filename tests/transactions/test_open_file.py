"""A file is opened with the reader of its format, and each format does all that the others do."""

import csv
import gzip
import hashlib
import io
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import pyarrow
import pytest
from pyarrow import parquet

from rokt_export.errors import TransactionsError
from rokt_export.transactions import file_digests
from rokt_export.transactions.claims import Share
from rokt_export.transactions.damage import DamageKind
from rokt_export.transactions.file_digests import FileDigests
from rokt_export.transactions.partition_source import PartitionSource
from rokt_export.transactions.partitions import joined, partitions
from rokt_export.transactions.source_options import InputFormat, SourceOptions
from rokt_export.transactions.sources import open_transactions, scan
from rokt_export.transactions.transaction import Transaction, Value
from transactions.conftest import Write
from transactions.divided import ALL_KEPT, looks_at
from transactions.samples import HEADER, damaged, ids, numbered

ROOT = Path(__file__).resolve().parents[2]
Row = Mapping[str, str]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "the file is empty"),
        ("\n \n\n", "the file is empty"),
        (HEADER, "it has a header and no rows"),
        (b"PK\x03\x04" + bytes(100), "this Excel workbook, or zip archive, is incomplete"),
        (b"%PDF-1.7 x", "a PDF"),
        (b"\x89PNG\r\n\x1a\n", "a picture"),
        (bytes(range(256)) * 40, "a binary file"),
        (bytes(1000), "a binary file"),
    ],
)
def test_a_file_without_rows_is_an_error_that_says_what_it_is(write, content, message):
    path = write(content)
    with pytest.raises(TransactionsError) as caught:
        scan([path])
    assert message in caught.value.message
    assert caught.value.where == path
    assert caught.value.exit_status == 3


def test_files_of_different_shapes_make_one_input(write):
    first = write(numbered(1), "a.csv")
    second = write('{"transactionid": 2}\n', "b.ndjson")
    empty = write("", "c.csv")
    source = open_transactions([first, second, empty])
    assert [row.id for row in source] == ["T1", "2"]
    assert [(damage.kind, damage.file) for damage in source.findings] == [(DamageKind.NO_ROWS, empty)]


def test_a_told_format_wins(write):
    assert ids(write("[x,transactionid\n1,2\n", "x.json"), format=InputFormat.CSV) == ["2"]


def csv_of(rows: Sequence[Row]) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def parquet_of(rows: Sequence[Row]) -> bytes:
    packed = io.BytesIO()
    parquet.write_table(pyarrow.Table.from_pylist(list(rows)), packed)
    return packed.getvalue()


FILES: Mapping[InputFormat, tuple[str, Callable[[Sequence[Row]], bytes]]] = {
    InputFormat.CSV: (".csv", csv_of),
    InputFormat.NDJSON: (".ndjson", lambda rows: "".join(f"{json.dumps(row)}\n" for row in rows).encode()),
    InputFormat.JSON: (".json", lambda rows: json.dumps(rows).encode()),
    InputFormat.PARQUET: (".parquet", parquet_of),
}
"""The suffix of each format, and what writes rows in it."""
NOT_A_STREAM = {InputFormat.PARQUET: "it is read from its end"}
"""Formats that are read from a plain file alone, and why."""
OF_STREAMS = [form for form in InputFormat if form not in NOT_A_STREAM]
PEOPLE = [
    {"transactionid": f"T{n}", "email": f"jane.doe.{n}@example.com", "zipcode": "00123", "firstname": f"Zoë Ñandú {n}"}
    for n in range(1, 41)
]


def file_of(write: Write, form: InputFormat, rows: Sequence[Row] = PEOPLE, stem: str = "people") -> str:
    """Write rows to a file of a format, and return its path."""
    assert form in FILES, f"add to FILES of tests/transactions/test_open_file.py how to write the format {form}"
    suffix, made = FILES[form]
    return write(made(rows), f"{stem}{suffix}")


def rows_of(transactions: Iterable[Transaction]) -> list[tuple[int, str, Mapping[str, Value]]]:
    return [(each.row, each.id, each.values) for each in transactions]


class Odd(Share):
    """Every second row."""

    def has(self, row: int) -> bool:
        return row % 2 == 1

    def among(self, first: int, last: int) -> Iterator[range]:
        yield from (range(row, row + 1) for row in range(first, last + 1) if row % 2)


@pytest.mark.parametrize("form", InputFormat)
def test_each_format_gives_every_row_and_numbers_them_across_files(write: Write, form: InputFormat) -> None:
    paths = [file_of(write, form), file_of(write, form, PEOPLE[:3], "more")]
    last = Path(paths[1])
    last.write_bytes(last.read_bytes().rstrip(b"\r\n"))  # a last line without an end
    expected = [(row, one["transactionid"], one) for row, one in enumerate([*PEOPLE, *PEOPLE[:3]], start=1)]
    for options in (SourceOptions(), SourceOptions(format=form)):
        source = open_transactions(paths, options=options)
        assert rows_of(source) == expected, f"{form}: by {'its suffix' if options.format is None else 'its name'}"
        assert not source.findings
        assert {*source.columns_report.mapped.values()} == {*PEOPLE[0]}


@pytest.mark.parametrize("form", InputFormat)
def test_each_format_gives_a_share_its_rows_alone(write: Write, form: InputFormat) -> None:
    source = open_transactions([file_of(write, form), file_of(write, form, PEOPLE[:3], "more")])
    assert [each.row for each in source.part(Odd())] == list(range(1, 44, 2))


@pytest.mark.parametrize("form", InputFormat)
def test_each_format_is_divided_into_partitions_that_give_every_row(write: Write, form: InputFormat) -> None:
    paths = [file_of(write, form), file_of(write, form, PEOPLE[:3], "more")]
    divided = partitions(looks_at(paths, ALL_KEPT, 500), size=500)
    given = [each for one in divided for each in PartitionSource(one, ALL_KEPT)]
    assert rows_of(given) == rows_of(open_transactions(paths))
    scanned = joined(looks_at(paths, ALL_KEPT, 500), ALL_KEPT)
    assert (scanned.rows, scanned.problems, scanned.first) == (43, 0, scan(paths, keep=3).first)


@pytest.mark.parametrize("form", InputFormat)
def test_each_format_checks_its_cells_for_damage(write: Write, form: InputFormat) -> None:
    """By its rows, and by a look at all of them, which need not make the rows."""
    bad = [*PEOPLE[:4], PEOPLE[4] | {"email": "(null)", "firstname": "JosÃ©"}, PEOPLE[5] | {"zipcode": " 00123\u00a0"}]
    path = file_of(write, form, bad)
    options = SourceOptions(refuse_damage_in=frozenset({"email"}))
    source = open_transactions([path], options=options)
    refused = [each.row for each in source if each.problem is not None]
    found = {(damage.kind, damage.row, damage.column) for damage in source.findings}
    wanted = {(DamageKind.LEFTOVER, 5, "email"), (DamageKind.MOJIBAKE, 5, "firstname")}
    assert (found & wanted, refused) == (wanted, [5]), f"{form}: see `Inspector` of damage_checks.py"
    lines = Path(path).read_bytes().splitlines()
    assert all(b"T5" in lines[each.line - 1] for each in source.findings if each.line and each.row == 5), "wrong lines"
    looked = scan([path], options=options)
    assert {(damage.kind, damage.row, damage.column) for damage in looked.damages} == found
    assert (looked.rows, looked.problems, looked.counts) == (6, 1, source.finding_counts)


@pytest.mark.parametrize("form", OF_STREAMS)  # a row of Parquet has no length
def test_each_format_of_a_stream_refuses_a_row_that_is_too_long(write: Write, form: InputFormat) -> None:
    path = file_of(write, form, [*PEOPLE[:2], PEOPLE[2] | {"firstname": "x" * 3_000}, *PEOPLE[3:6]])
    kinds, problems = damaged(path, max_row=2_000)
    assert ([(kind, row) for kind, row, _ in kinds], problems) == ([(DamageKind.OVERSIZE, 3)], [3])


@pytest.mark.parametrize("form", InputFormat)
def test_each_format_of_a_stream_may_be_packed_and_has_a_digest(
    write: Write, form: InputFormat, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = Path(file_of(write, form))
    path = write(gzip.compress(plain.read_bytes()), f"{plain.name}.gz")
    if form in NOT_A_STREAM:
        with pytest.raises(TransactionsError, match="not a plain file"):
            scan([path])
        return
    digests = FileDigests(b"k" * 32)
    source = open_transactions([path], options=SourceOptions(digests=digests))
    assert rows_of(source) == rows_of(open_transactions([str(plain)]))
    monkeypatch.setattr(file_digests, "Path", None)  # the file is not read once more for it
    expected = hashlib.blake2b(Path(path).read_bytes(), key=b"k" * 32, digest_size=16).hexdigest()
    assert digests.of(path, Path(path).stat().st_size) == expected


@pytest.mark.parametrize("form", OF_STREAMS)
def test_each_format_of_a_stream_says_that_it_breaks_off(write: Write, form: InputFormat) -> None:
    plain = Path(file_of(write, form, PEOPLE * 500))
    path = write(gzip.compress(plain.read_bytes())[:-2_000], f"{plain.name}.gz")
    with pytest.raises(TransactionsError, match="cannot be read further") as caught:
        scan([path])
    assert (caught.value.where or "").startswith(path), f"{form}: see `Context.cut_off`"


@pytest.mark.parametrize("form", InputFormat)
def test_the_page_of_files_has_each_format(form: InputFormat) -> None:
    words = form.replace("_", "[ -]")
    page = (ROOT / "docs" / "files.md").read_text(encoding="utf-8")
    assert re.search(rf"(?im)^\| {words}\b", page), f"docs/files.md lacks a row of {form}"
