"""The rows of one partition: a file that changed is refused, and a change while it is read is told."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rokt_export.errors import TransactionsError
from rokt_export.transactions import partitions
from rokt_export.transactions.files import FileStamp
from rokt_export.transactions.partition_source import PartitionSource
from rokt_export.transactions.partitions import Partition, joined, look
from transactions.divided import ALL_KEPT, USUAL, looks_at, many


def test_a_file_that_changed_after_the_look_is_refused_before_its_first_row(write: Any) -> None:
    path = write(many(100))
    found = partitions.partitions(looks_at([path], ALL_KEPT, 1_000), size=1_000)
    rows = iter(PartitionSource(found[1], ALL_KEPT))
    os.utime(path, ns=(1, 1))
    with pytest.raises(TransactionsError, match="changed after it was looked at: it was written to") as raised:
        next(rows)
    assert raised.value.where == path
    Path(path).unlink()
    with pytest.raises(TransactionsError, match="changed after it was looked at: it was removed"):
        next(iter(PartitionSource(found[0], ALL_KEPT)))
    missing = look(path, ALL_KEPT)
    with pytest.raises(TransactionsError, match="the file is not there for this worker"):
        joined([missing], ALL_KEPT)


def test_a_change_while_a_part_is_read_is_told_and_gives_no_further_rows(write: Any) -> None:
    path = write(many(100))
    found = partitions.partitions(looks_at([path], ALL_KEPT, 3_000), size=3_000)
    source = PartitionSource(found[-1], ALL_KEPT)
    rows = iter(source)
    next(rows)
    with Path(path).open("a") as file:
        file.write(USUAL.format(100) * 2_000)
    with pytest.raises(TransactionsError, match="it has more rows"):
        list(rows)
    stamp = FileStamp.of(path)
    assert stamp is not None
    more = replace(found[0].parts[0], rows=100, stamp=stamp)
    with pytest.raises(TransactionsError, match="it has fewer rows"):
        list(PartitionSource(Partition(1, 0, (more,), 100), ALL_KEPT))
    source = PartitionSource(partitions.partitions([look(path, ALL_KEPT)])[0], ALL_KEPT)
    rows = iter(source)
    next(rows)
    os.utime(path, ns=(1, 1))
    list(rows)
    assert [each.message for each in source.findings] == ["the file changed while it was read: it was written to"]


def test_a_file_of_another_device_is_the_same_file(write: Any) -> None:
    path = write(many(3))
    found = look(path, ALL_KEPT)
    assert found.stamp is not None
    elsewhere = replace(found.parts[0], stamp=replace(found.stamp, inode=(9, 9)))
    assert len(list(PartitionSource(Partition(1, 0, (elsewhere,), 3), ALL_KEPT))) == 3
