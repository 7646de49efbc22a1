"""Names of the input become readable files; a file that changes is detected."""

import os
from pathlib import Path

import pytest

from rokt_export.errors import TransactionsError
from rokt_export.transactions.damage import DamageKind
from rokt_export.transactions.files import expand
from rokt_export.transactions.sources import open_transactions
from transactions.samples import HEADER, ROW, numbered


def test_a_file_that_changes_while_it_is_read_is_reported(write):
    path = write(HEADER + ROW * 5)
    source = open_transactions([path])
    rows = iter(source)
    next(rows)
    with Path(path).open("a") as file:
        file.write(ROW)
    list(rows)
    assert [damage.kind for damage in source.findings] == [DamageKind.CHANGED]
    assert "bytes and now has" in source.findings[0].message


@pytest.mark.parametrize("change", ["removed", "replaced", "touched"])
def test_each_way_to_change_is_told(write, tmp_path, change):
    path = write(HEADER + ROW)
    source = open_transactions([path])
    if change == "removed":
        rows = iter(source)
        next(rows)
        Path(path).unlink()
    elif change == "replaced":
        Path(write(HEADER + ROW, "other.csv")).replace(path)
        rows = iter(source)
    else:
        os.utime(path, ns=(1, 1))
        rows = iter(source)
    list(rows)
    assert [damage.kind for damage in source.findings] == [DamageKind.CHANGED]


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


def test_what_is_told_to_be_typed_for_a_folder_with_a_blank_in_its_name_can_be_typed(tmp_path):
    folder = tmp_path / "my leads"
    folder.mkdir()
    with pytest.raises(TransactionsError) as caught:
        expand([str(folder)])
    assert str(caught.value.remedy).endswith(f"for example '{folder}'/*.csv.")
