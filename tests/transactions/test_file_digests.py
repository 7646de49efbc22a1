"""A file's digest is taken while a reader goes through it; where none did, the file is read for it."""

from __future__ import annotations

import gzip
import hashlib
from pathlib import Path

import pytest
from workbooks import sheet, workbook

from rokt_export.transactions import file_digests
from rokt_export.transactions.file_digests import FileDigests
from rokt_export.transactions.source_options import InputFormat, SourceOptions
from rokt_export.transactions.sources import scan

KEY = b"k" * 32
CSV = b"email,firstname\n" + b"".join(b"%d@example.com,Jane\n" % row for row in range(9_000))
"""Larger than a sample, and than several pieces."""


def expected(content: bytes) -> str:
    return hashlib.blake2b(content, key=KEY, digest_size=16).hexdigest()


def read_whole(path: Path, monkeypatch: pytest.MonkeyPatch, limit: int | None = None, **options: object) -> str | None:
    """Return a file's digest after a look at it; fail where the file is opened once more for it."""
    digests = FileDigests(KEY)
    scan([str(path)], options=SourceOptions(digests=digests, **options), limit=limit)  # type: ignore[arg-type]
    with monkeypatch.context() as patch:
        if limit is None:
            patch.setattr(file_digests, "Path", None)
        return digests.of(str(path), path.stat().st_size)


@pytest.mark.parametrize("content", [CSV, CSV[:40], CSV.replace(b"Jane", "Zoë".encode("latin-1"))], ids=len)
def test_a_look_at_all_of_a_file_takes_its_digest(
    tmp_path: Path, content: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "people.csv"
    path.write_bytes(content)
    assert read_whole(path, monkeypatch) == expected(content)


def test_the_digest_is_of_the_bytes_on_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "people.csv.gz"
    path.write_bytes(gzip.compress(CSV))
    assert read_whole(path, monkeypatch) == expected(path.read_bytes())


@pytest.mark.parametrize("form", [InputFormat.JSON, InputFormat.NDJSON])
def test_other_formats_have_digests_too(tmp_path: Path, form: InputFormat, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / f"people.{form}"
    path.write_text('{"email": "jane.doe@example.com"}\n')
    assert read_whole(path, monkeypatch, format=form) == expected(path.read_bytes())


def test_a_file_of_which_the_first_rows_were_read_is_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "people.csv"
    path.write_bytes(CSV)
    assert read_whole(path, monkeypatch, limit=3) == expected(CSV)


def test_a_workbook_which_is_not_read_in_order_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "people.xlsx"
    path.write_bytes(workbook({"People": sheet([["email"], *([f"{row}@example.com"] for row in range(9_000))])}))
    assert path.stat().st_size > 1 << 16  # else it is read whole as a sample
    digests = FileDigests(KEY)
    scan([str(path)], options=SourceOptions(digests=digests))
    assert digests.of(str(path), path.stat().st_size) == expected(path.read_bytes())


def test_a_large_file_has_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_digests, "MOST_BYTES", len(CSV) - 1)
    path = tmp_path / "people.csv"
    path.write_bytes(CSV)
    assert read_whole(path, monkeypatch) is None


@pytest.mark.parametrize("how", ["seek", "read"])
def test_what_is_not_read_in_order_is_read_again(tmp_path: Path, how: str) -> None:
    path = tmp_path / "people.csv"
    path.write_bytes(CSV)
    digests = FileDigests(KEY)
    with digests.open(str(path)) as file:
        if how == "read":
            assert file.read(70_000) + file.read() == CSV
        else:
            while file.read1(60_000):
                pass
            file.seek(0)
    assert digests.of(str(path), len(CSV)) == expected(CSV)
