"""Compressed files are recognized by their bytes and unpacked whole, or named as broken."""

import gzip
import sys

import pytest
import zstandard

from rokt_export.errors import TransactionsError
from rokt_export.transactions.sources import open_transactions
from transactions.samples import PACKERS, ROW, ids, numbered


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
