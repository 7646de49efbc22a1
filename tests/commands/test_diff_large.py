"""`diff --runs` of two long runs: how long it takes, and how much memory."""

from __future__ import annotations

import json
import os
import random
import resource
import time
import uuid

import pytest
from exchange_deliveries import delivery_of

from rokt_export.exchange.model import Exchange, Outcome, OutcomeKind, Request, Response, Timings
from rokt_export.journal import Journal, RunState
from rokt_export.journal.recording import record
from rokt_export.redaction import Redactor
from rokt_export.transactions.transaction import Transaction
from tests.commands.conftest import CommandLine

ROWS = 100_000
BATCH = 1_000
JSON = (("Content-Type", "application/json"),)
MOST_MEGABYTES = 300
MOST_TIMES = 2.5
"""CPU seconds of comparing two runs against those of writing them down here: machines differ, work does not."""


def exchange(row: int, environment: str, chance: random.Random) -> Exchange:
    """A row as a partner answers it that echoes, and makes identifiers, tokens and times of its own."""
    sent = {"email": f"jane.doe.{row}@example.com", "person": {"first": "Jane", "last": f"Doe{row}"}, "zip": "00123"}
    answer = {
        "ok": True, "id": chance.randrange(10**9), "trace": str(uuid.UUID(int=chance.getrandbits(128))),
        "created": f"2026-11-23T10:{row % 60:02}:00Z", "you": sent, "node": f"web-{chance.randrange(3)}", "points": 5,
    }  # fmt: skip
    started = 1_795_400_000.0 + row / 1000
    request = Request("POST", f"https://{environment}.example.com/leads", JSON, json.dumps(sent).encode())
    response = Response(201, JSON, json.dumps(answer).encode(), Timings(total=0.02))
    outcome = Outcome(OutcomeKind.DELIVERED, "delivered", reference=str(answer["id"]))
    return Exchange(Transaction(row, f"t-{row}", {}, True), request, response, outcome, 1, started)


def keep(journal: Journal, environment: str) -> None:
    writer = journal.begin(
        command="replay", partner="acme", environment=environment, spec_file="acme.yaml", spec_sha256="0" * 64,
        events=["rows.csv"], name=environment,
    )  # fmt: skip
    chance, redactor = random.Random(environment), Redactor()
    for first in range(1, ROWS + 1, BATCH):
        batch = [exchange(row, environment, chance) for row in range(first, first + BATCH)]
        deliveries = [delivery_of(one) for one in batch]
        writer.intend([(one.row, one.transaction, None) for one in deliveries])
        writer.settle(deliveries, {one.transaction.row: record(one, redactor).dump() for one in batch})
    writer.end(RunState.FINISHED, 0)


@pytest.mark.soak
def test_two_runs_of_a_hundred_thousand_rows(cli: CommandLine) -> None:
    began = time.process_time()
    with Journal.open(cli.journal) as journal:
        for environment in ("staging", "production"):
            keep(journal, environment)
    written = time.process_time() - began
    before = (
        resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    )  # counted as the child's too, as long as it is that
    with cli.start("diff", "--runs", "staging", "production", "--output", "json", close_fds=True) as process:
        assert process.stdout is not None
        out = process.stdout.read()
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    seconds, megabytes = used.ru_utime + used.ru_stime, used.ru_maxrss / 1024
    print(f"{ROWS:,} rows a side: {seconds:.1f} s of one core, {seconds / written:.2f} x writing; {megabytes:.0f} MB")
    assert process.returncode == 0, out
    assert json.loads(out)["pairs"] == ROWS
    assert (seconds < MOST_TIMES * written, megabytes < max(MOST_MEGABYTES, before + 1)) == (True, True)
