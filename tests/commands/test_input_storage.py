"""Rows are replayed from a storage as from a disk, by several workers, and are known again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.commands.conftest import CommandLine, Partner, clear

FILES = "s3://rows/2026/*.csv.gz"
TRANSACTIONS = 3


def test_objects_are_replayed_by_two_workers_and_the_run_is_taken_up_again(
    cli: CommandLine, partner: Partner, spec: Path, s3: Any
) -> None:
    done = cli.process("replay", spec, FILES, "--workers", 2, "--name", "year", "--quiet")
    assert done.status == 0, done.err
    rows = cli("report", "year", "--format", "ndjson").lines
    assert [each["row"] for each in rows] == [1, 2, 3, 4, 5, 6]
    sent = [f"{name}.doe.{month}@example.com" for month in (1, 2, 10) for name in ("jane", "john")]
    assert sorted(json.loads(each.body)["email"] for each in partner.heard) == sorted(sent)
    again = cli("replay", spec, "--from-run", "year", "--only", "delivered", "--quiet")
    assert again.status == 0, again.err
    assert len(partner.heard) == 2 * len(sent)


def test_nothing_is_sent_where_the_storage_does_not_have_the_file(
    cli: CommandLine, partner: Partner, spec: Path, s3: Any
) -> None:
    clear(cli("replay", spec, "s3://rows/none.csv"), TRANSACTIONS, "s3://rows/none.csv: the file is not there")
    clear(cli("replay", spec, "s3://key:hidden@rows/a.csv"), TRANSACTIONS, "contains credentials")
    assert not partner.heard
