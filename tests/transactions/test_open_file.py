"""A file is opened with the reader of its format; what has no rows is named for what it is."""

import pytest

from rokt_export.errors import TransactionsError
from rokt_export.transactions.damage import DamageKind
from rokt_export.transactions.source_options import InputFormat
from rokt_export.transactions.sources import open_transactions, scan
from transactions.samples import HEADER, ids, numbered


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
