"""A quick count of rows by line ends, beside a run."""

from __future__ import annotations

import csv
import gzip
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rokt_export.transactions import row_count
from rokt_export.transactions.row_count import about_rows

CELLS = st.text(st.sampled_from(['"', "\n", ",", "a", "é", " "]), max_size=6)


def count(path: Path) -> int | None:
    return about_rows([str(path)], lambda: False)


@given(st.lists(st.tuples(CELLS, CELLS), max_size=30), st.integers(1, 40))
def test_what_the_csv_module_writes_is_counted_as_it_is_read(tmp_path_factory, rows, chunk) -> None:
    path = tmp_path_factory.mktemp("count") / "rows.csv"
    stream = io.StringIO(newline="")
    csv.writer(stream).writerows([("a", "b"), *rows])
    path.write_text(stream.getvalue(), newline="")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(row_count, "_CHUNK", chunk)
        assert count(path) == len(rows)


@pytest.mark.parametrize(
    ("content", "rows"),
    [
        (b"a,b\n1,2\n3,4", 2),
        (b"\xef\xbb\xbfa,b\n1,2\n", 1),
        (b'{"a": "x\\"y"}\n{"a": 1}\n', 2),
        (b"a,b\n", 0),
        (b"", 0),
        (b'[{"a": 1}]', None),
        ("a,b\n1,2\n".encode("utf-16"), None),
        (gzip.compress(b"a,b\n1,2\n", mtime=0), None),
        (b"PK\x03\x04...", None),
    ],
)
def test_what_line_ends_do_not_tell_has_no_count(tmp_path: Path, content: bytes, rows: int | None) -> None:
    path = tmp_path / "rows"
    path.write_bytes(content)
    assert count(path) == rows


def test_a_count_is_stopped_and_adds_files_up(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).write_text("x\n1\n2\n")
    both = [str(tmp_path / "a"), str(tmp_path / "b")]
    assert about_rows(both, lambda: False) == 4
    assert about_rows(both, lambda: True) is None
    assert about_rows([*both, str(tmp_path / "gone")], lambda: False) is None
    assert about_rows(["-"], lambda: False) is None
