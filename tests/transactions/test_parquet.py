import datetime
import decimal

import pytest

from rokt_export.errors import TransactionsError
from rokt_export.transactions.damage import DamageKind
from rokt_export.transactions.sources import open_transactions

pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")


def write(tmp_path, table):
    path = str(tmp_path / "events.parquet")
    pq.write_table(pa.table(table), path)
    return path


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        (pa.scalar(9007199254740993), "9007199254740993"),
        (pa.scalar(decimal.Decimal("1.10")), "1.10"),
        (pa.scalar(decimal.Decimal("1E+3")), "1000"),
        (pa.scalar(1.1), "1.1"),
        (pa.scalar(19.99, pa.float32()), "19.99"),
        (pa.scalar(1e10, pa.float32()), "10000000000"),
        (pa.scalar(float("nan"), pa.float32()), None),
        (pa.scalar(None, pa.float32()), None),
        (pa.scalar(1e22), "10000000000000000000000"),
        (pa.scalar(float("nan")), None),
        (pa.scalar(None, pa.string()), None),
        (pa.scalar(True), "true"),
        (pa.scalar("00123"), "00123"),
        (pa.scalar("Zoë".encode()), "Zoë"),
        (pa.scalar(b"\xff\xfe"), "//4="),
        (pa.scalar(datetime.date(2024, 5, 1)), "2024-05-01"),
        (pa.scalar(1714566600123456789, pa.timestamp("ns", "UTC")), "2024-05-01T12:30:00.123456+00:00"),
        (pa.scalar(3723000000001, pa.time64("ns")), "01:02:03"),
        (pa.scalar([1, 2]), ["1", "2"]),
        (pa.scalar({"a": 1.5}), {"a": "1.5"}),
    ],
)
def test_typed_cells_become_the_text_a_person_would_write(tmp_path, cell, text):
    path = write(tmp_path, {"transactionid": ["T1"], "thing": pa.repeat(cell, 1)})
    (row,) = open_transactions([path])
    assert row.values == {"transactionid": "T1", "thing": text}


def test_columns_are_mapped_and_damage_is_found(tmp_path):
    path = write(tmp_path, {"E-Mail": ["jane@example.com"], "Zip": ["501"], "Order Id": [12.0]})
    source = open_transactions([path])
    (row,) = source
    assert row.values == {"email": "jane@example.com", "zipcode": "501", "confirmationref": "12.0"}
    assert {damage.kind for damage in source.findings} == {DamageKind.SHORT_ZIP, DamageKind.FLOAT_ID}


def test_a_file_that_is_cut_off_or_compressed_is_an_error(tmp_path):
    path = write(tmp_path, {"a": ["x"] * 1000})
    whole = (tmp_path / "events.parquet").read_bytes()
    (tmp_path / "events.parquet").write_bytes(whole[:-20])
    with pytest.raises(TransactionsError, match="not a complete Parquet file"):
        open_transactions([path])


def test_a_broken_page_is_an_error(tmp_path):
    path = write(tmp_path, {"a": [f"value {number * 7919}" for number in range(5000)]})
    broken = bytearray((tmp_path / "events.parquet").read_bytes())
    broken[4:200] = bytes(196)
    (tmp_path / "events.parquet").write_bytes(broken)
    with pytest.raises(TransactionsError, match="cannot be read further"):
        list(open_transactions([path]))


@pytest.mark.parametrize("cell", [pa.scalar(10**15, pa.timestamp("s")), pa.scalar([1], pa.list_(pa.timestamp("ns")))])
def test_a_value_that_cannot_be_written_is_an_error(tmp_path, cell):
    with pytest.raises(TransactionsError, match="cannot be read further"):
        list(open_transactions([write(tmp_path, {"a": pa.repeat(cell, 1)})]))


def test_an_empty_table_has_no_row(tmp_path):
    with pytest.raises(TransactionsError, match="a header and no rows"):
        list(open_transactions([write(tmp_path, {"a": pa.array([], pa.string())})]))
