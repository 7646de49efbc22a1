"""Inputs that are divided, and what their partitions give."""

from __future__ import annotations

import pickle
from collections.abc import Sequence

from rokt_export.transactions.partitions import FileLook, look
from rokt_export.transactions.source_options import SourceOptions

ALL_KEPT = SourceOptions(keep_findings=100_000)


def looks_at(paths: Sequence[str], options: SourceOptions, size: int, keep: int = 3) -> list[FileLook]:
    return [pickle.loads(pickle.dumps(look(path, options, size=size, keep=keep))) for path in paths]


HEADER = ["transactionid", "email", "zipcode", "state", "dob"]
USUAL = "T{0},jane.doe.{0}@example.com,10001,NY,19831215\n"


def many(count: int, row: str = USUAL) -> str:
    return ",".join(HEADER) + "\n" + "".join(row.format(number) for number in range(count))
