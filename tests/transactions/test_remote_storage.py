"""Inputs in a storage are read as those on a disk: an S3 by moto, a web server, and what goes wrong there."""

from __future__ import annotations

import functools
import gzip
import http.server
import io
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from rokt_export.errors import TransactionsError
from rokt_export.transactions.files import FileStamp, change_between, expand, is_stream
from rokt_export.transactions.partition_source import PartitionSource
from rokt_export.transactions.partitions import look, partitions
from rokt_export.transactions.remote_storage import BLOCK
from rokt_export.transactions.source_options import SourceOptions
from rokt_export.transactions.sources import open_transactions
from tests.conftest import ROWS_OF_A_MONTH


def emails(*paths: str) -> list[object]:
    return [each.values.get("email") for each in open_transactions(paths)]


def test_objects_of_a_pattern_are_read_in_the_order_of_their_names(s3: Any) -> None:
    assert expand(["s3://rows/2026/*.csv.gz"]) == tuple(
        f"s3://rows/2026/{month}.csv.gz" for month in ("01", "02", "10")
    )
    expected = [f"{name}.doe.{month}@example.com" for month in (1, 2, 10) for name in ("jane", "john")]
    assert emails("s3://rows/2026/*.csv.gz") == expected
    assert not is_stream("s3://rows/2026/01.csv.gz")


def test_an_object_is_read_as_the_same_file_on_a_disk(s3: Any, tmp_path: Path) -> None:
    import pyarrow
    from pyarrow import parquet

    large = "email,firstname\n" + "".join(f"jane.doe.{n}@example.com,Jane {n}\n" for n in range(200_000))
    packed = io.BytesIO()
    parquet.write_table(pyarrow.table({"email": ["jane.doe@example.com"], "firstname": ["Jane"]}), packed)
    bodies = {"large.csv": large.encode(), "one.parquet": packed.getvalue(), "bom.csv": large[:2000].encode("utf-16")}
    for name, body in bodies.items():
        (tmp_path / name).write_bytes(body)
        s3.put_object(Bucket="rows", Key=f"same/{name}", Body=body)
        assert emails(f"s3://rows/same/{name}") == emails(str(tmp_path / name))


def test_an_object_is_fetched_in_large_blocks_however_small_its_reads_are(s3: Any) -> None:
    from s3fs import S3File

    body = ("email\n" + "jane.doe@example.com\n" * 400_000).encode()
    s3.put_object(Bucket="rows", Key="blocks/large.csv", Body=body)
    s3.put_object(Bucket="rows", Key="blocks/large.csv.gz", Body=gzip.compress(body, 1))
    fetched: list[int] = []
    fetch = S3File._fetch_range

    def noted(file: Any, start: int, end: int) -> Any:
        fetched.append(end - start)
        return fetch(file, start, end)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(S3File, "_fetch_range", noted)
        for name in ("large.csv", "large.csv.gz"):
            fetched.clear()
            assert len(emails(f"s3://rows/blocks/{name}")) == 400_000
            assert len(fetched) <= 2 + len(body) // BLOCK + 1, "once to see what it is, and once to read it"


def test_a_file_in_memory_is_read_whole_though_it_is_one_object_for_all_its_readers() -> None:
    import fsspec

    with fsspec.open("memory://rows/large.csv", "w") as file:
        file.write("email\n" + "jane.doe@example.com\n" * 20_000)
    assert len(emails("memory://rows/large.csv")) == 20_000
    options = SourceOptions()
    found = partitions([look("memory://rows/large.csv", options, size=100_000)], size=100_000)
    assert sum(sum(1 for _ in PartitionSource(each, options)) for each in found) == 20_000


def test_an_object_that_changes_while_it_is_read_is_told(s3: Any) -> None:
    s3.put_object(Bucket="rows", Key="changing.csv", Body=ROWS_OF_A_MONTH.format(1).encode())
    source = open_transactions(["s3://rows/changing.csv"])
    before = FileStamp.of("s3://rows/changing.csv")
    assert before == FileStamp.of("s3://rows/changing.csv")
    rows = iter(source)
    next(rows)
    s3.put_object(Bucket="rows", Key="changing.csv", Body=ROWS_OF_A_MONTH.format(2).encode())
    assert before is not None and change_between(before, FileStamp.of("s3://rows/changing.csv")) == "it was written to"
    list(rows)
    assert "the file changed while it was read: it was written to" in [each.message for each in source.findings]
    s3.delete_object(Bucket="rows", Key="changing.csv")
    assert change_between(before, FileStamp.of("s3://rows/changing.csv")) == "it was removed"


@pytest.mark.parametrize(
    ("path", "message", "remedy"),
    [
        ("s3://rows/none.csv", "the file is not there", "Check the bucket"),
        ("s3://nobody/none.csv", "the file is not there", "Check the bucket"),
        ("s3://rows/none-*.csv", "no file matches", "Check the pattern"),
        ("s3://rows/2026", "this is a folder", "s3://rows/2026/*.csv"),
        ("klingon://rows/a.csv", "there is no such storage", "s3://"),
        ("gs://rows/a.csv", "needs a package that is not installed", "Install"),
        ("file:///rows/a.csv", "needs no scheme", "its path alone"),
        ("s3://key:hidden@rows/a.csv", "contains credentials", "AWS_PROFILE"),
        ("https://example.com/a.csv?X-Amz-Signature=hidden", "contains credentials or a query", "save the file first"),
    ],
)
def test_what_cannot_be_read_is_named_with_its_remedy(s3: Any, path: str, message: str, remedy: str) -> None:
    with pytest.raises(TransactionsError, match=message) as raised:
        open_transactions([path])
    told = f"{raised.value} {raised.value.where} {raised.value.remedy}"
    assert remedy in told and "hidden" not in told


def test_a_storage_that_is_away_is_named(monkeypatch: pytest.MonkeyPatch, s3: Any) -> None:
    with pytest.raises(TransactionsError, match="is not there: Cannot connect to host") as raised:
        open_transactions(["http://127.0.0.1:9/rows.csv"])
    assert raised.value.where == "http://127.0.0.1:9/rows.csv"
    monkeypatch.setitem(sys.modules, "fsspec.core", None)
    with pytest.raises(TransactionsError, match="needs the package fsspec") as raised:
        open_transactions(["s3://rows/2026/01.csv.gz"])
    assert "rokt-export[storage]" in str(raised.value.remedy)


def test_a_file_of_a_web_server_is_read(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text(ROWS_OF_A_MONTH.format(7))
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(tmp_path))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}/rows.csv"
        assert emails(address) == ["jane.doe.7@example.com", "john.doe.7@example.com"]
        with pytest.raises(TransactionsError, match="the file is not there"):
            open_transactions([address.replace("rows", "none")])
        found = look(address, SourceOptions(), size=10)
        assert len(found.parts) == 1 and str(found.note).endswith("its server sends only whole files")
        server.shutdown()
