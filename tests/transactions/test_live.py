"""Rows of a pipe that stays open are handed out as they arrive."""

import gzip
import os
import subprocess
import sys
import threading
import time
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from rokt_export.transactions.sources import open_transactions

ECHO = """
from rokt_export.transactions.sources import open_transactions
source = open_transactions(["-"])
for row in source:
    print(row.row, row.id, row.problem or "ok", flush=True)
print([str(damage.kind) for damage in source.findings], flush=True)
"""


@contextmanager
def reader():
    """Run the readers in a process of their own, its stdin a pipe; it is ended in any case."""
    process = subprocess.Popen([sys.executable, "-c", ECHO], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    stop = threading.Timer(20, process.kill)
    stop.start()
    try:
        yield process
    finally:
        stop.cancel()
        process.kill()
        process.wait(10)
        process.stdout.close()
        with suppress(BrokenPipeError):
            process.stdin.close()


def arrives(process, written: bytes, expected: bytes) -> None:
    """Write, and expect a line within a second, while the pipe stays open."""
    began = time.monotonic()
    process.stdin.write(written)
    process.stdin.flush()
    assert process.stdout.readline() == expected + b"\n"
    assert time.monotonic() - began < 1


def start(process, written: bytes, expected: bytes) -> None:
    """Write the first rows and wait for one, however long Python takes to start."""
    process.stdin.write(written)
    process.stdin.flush()
    assert process.stdout.readline() == expected + b"\n"


def finish(process) -> bytes:
    process.stdin.close()
    rest = process.stdout.read()
    assert process.wait(10) == 0
    return rest


def test_csv_rows_arrive_one_by_one():
    with reader() as process:
        start(process, b"transactionid,email\nT1,a@example.com\n", b"1 T1 ok")
        arrives(process, b"T2,b@example.com\n", b"2 T2 ok")
        arrives(process, b'T3,"b\nc"\r\n', b"3 T3 ok")
        arrives(process, b"ragged\n", b"4 row-4 line 6: 1 cell where the header has 2")
        process.stdin.write(b"T5,b@exam")
        arrives(process, b"ple.com\n", b"5 T5 ok")
        process.stdin.write(b"T6,last")
        assert finish(process) == b"6 T6 ok\n['ragged']\n"


def test_ndjson_rows_arrive_one_by_one():
    with reader() as process:
        start(process, b'{"transactionid": 1}\n', b"1 1 ok")
        arrives(process, b'{"transactionid": 2}\n', b"2 2 ok")
        assert finish(process) == b"[]\n"


def test_elements_of_an_array_arrive_one_by_one():
    with reader() as process:
        start(process, b'[{"transactionid": 1},\n', b"1 1 ok")
        arrives(process, b'{"transactionid": 2}\n', b"2 2 ok")
        process.stdin.write(b"]")
        assert finish(process) == b"[]\n"


def test_compressed_rows_arrive_one_by_one():
    with reader() as process:
        start(process, gzip.compress(b"transactionid,x\nT1,x\n"), b"1 T1 ok")
        arrives(process, gzip.compress(b"T2,x\n"), b"2 T2 ok")
        assert finish(process) == b"[]\n"


def test_an_encoding_guessed_on_a_pipe_is_told():
    with reader() as process:
        start(process, "transactionid,x\nT1,Jürgen\n".encode("cp1252"), b"1 T1 ok")
        finish(process)
    with reader() as process:
        start(process, "transactionid,Größe\nT1,x\n".encode("cp1252"), b"1 T1 ok")
        assert finish(process) == b"['encoding_guessed']\n"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_named_pipe_is_opened_once_and_loses_nothing(tmp_path):
    pipe = str(tmp_path / "pipe")
    os.mkfifo(pipe)

    def write():
        Path(pipe).write_text("transactionid,x\n" + "".join(f"T{number},Zoë\n" for number in range(20_000)), "utf-8")

    writer = threading.Thread(target=write, daemon=True)
    writer.start()
    source = open_transactions([pipe])
    assert [row.id for row in source] == [f"T{number}" for number in range(20_000)]
    writer.join(5)
    with pytest.raises(Exception, match="read only once"):
        list(source)
