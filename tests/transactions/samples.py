"""Files of transactions that several test files read, and what reading them gives."""

import bz2
import gzip
import lzma

import zstandard

from rokt_export.transactions.source_options import SourceOptions
from rokt_export.transactions.sources import open_transactions

HEADER = "transactionid,email,zipcode,state,dob,mobile\n"
ROW = "T1,jane@example.com,10001,NY,19831215,2125550123\n"

VALUES = {
    "transactionid": "T1",
    "email": "jane@example.com",
    "zipcode": "10001",
    "state": "NY",
    "dob": "19831215",
    "mobile": "2125550123",
}
PACKERS = {
    "gz": gzip.compress,
    "bz2": bz2.compress,
    "xz": lzma.compress,
    "zst": zstandard.compress,
}


def damaged(path, **options):
    """Return kind, row and column of each damage, and which rows are problems."""
    source = open_transactions([path], options=SourceOptions(**options))
    problems = [transaction.row for transaction in source if transaction.problem is not None]
    assert all(damage.file == path and damage.message and damage.remedy for damage in source.findings)
    return [(damage.kind, damage.row, damage.column) for damage in source.findings], problems


def read(path, **options):
    source = open_transactions([path], options=SourceOptions(**options))
    return list(source), source


def ids(*paths, **options):
    return [row.id for row in open_transactions(paths, options=SourceOptions(**options))]


def numbered(count, start=1):
    return HEADER + "".join(ROW.replace("T1", f"T{number}") for number in range(start, start + count))
