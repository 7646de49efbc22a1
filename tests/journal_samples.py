"""Runs, rows and results for the tests of the journal."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

from rokt_export.exchange.delivery import Delivery
from rokt_export.exchange.model import OutcomeKind
from rokt_export.journal import Journal, RunWriter

SHA = "0" * 64


DELIVERED, DUPLICATE, REJECTED = OutcomeKind.DELIVERED, OutcomeKind.DUPLICATE, OutcomeKind.REJECTED


FAILED, INVALID, UNKNOWN = OutcomeKind.FAILED, OutcomeKind.INVALID, OutcomeKind.UNKNOWN


def begin(journal: Journal, **changes) -> RunWriter:
    asked = {"command": "replay", "partner": "acme", "environment": "staging", "spec_file": "acme.yaml"}
    return journal.begin(**{**asked, "spec_sha256": SHA, **changes})


def item(row: int, mark: bytes | None = None) -> tuple[int, str, bytes | None]:
    return row, f"tx-{row}", mark


def settled(row: int, outcome: OutcomeKind = DELIVERED, **changes) -> Delivery:
    return Delivery(row, f"tx-{row}", outcome, 201, "rule 1", attempts=1, latency_ms=1.5, started=1.7e9, **changes)


def child(code: str, *arguments: object, **options) -> subprocess.Popen[str]:
    """Start a Python that has the names of this module's header."""
    header = """
        import os, sys, time, signal
        from rokt_export.journal import Journal, RunState
        from rokt_export.exchange.delivery import Delivery
        from rokt_export.exchange.model import OutcomeKind
        from rokt_export.errors import JournalError
        def begin(journal, **changes):
            return journal.begin(**{**dict(command="replay", partner="acme", environment="staging",
                spec_file="acme.yaml", spec_sha256="0" * 64), **changes})
        def item(row): return row, f"tx-{row}", None
        def settled(row): return Delivery(row, f"tx-{row}", OutcomeKind.DELIVERED, 201, attempts=1)
        def say(*words): print(*words, flush=True)
    """
    program = textwrap.dedent(header) + textwrap.dedent(code)
    return subprocess.Popen(
        [sys.executable, "-c", program, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


def finished(program: subprocess.Popen[str]) -> str:
    out, errors = program.communicate(timeout=30)
    assert program.returncode == 0, errors
    return out


def outcomes(journal: Journal, run: str) -> list[tuple[int, str]]:
    return [(one.row, str(one.outcome)) for one in journal.deliveries(run)]


def crashed(place: Path) -> str:
    """Leave a run that was killed after rows 1-20 were settled, 21-40 intended and 21-25 of these settled."""
    program = child(
        """
        journal = Journal.open(sys.argv[1])
        writer = begin(journal, name="broken")
        writer.intend([item(row) for row in range(1, 21)])
        writer.settle([settled(row) for row in range(1, 21)])
        writer.intend([item(row) for row in range(21, 41)])
        writer.settle([settled(row) for row in range(21, 26)])
        say(writer.run)
        time.sleep(60)
        """,
        place,
    )
    run = program.stdout.readline().strip()
    program.kill()
    program.communicate()
    return run


def unknown(place, run: str = "cut-off") -> list[int]:
    with Journal.open(place) as journal:
        return list(journal.rows(run, ["unknown"]))
