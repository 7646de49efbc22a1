"""A journal, and runs told from it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from commands.conftest import cli  # noqa: F401
from exchange_deliveries import delivery_of
from msgspec.structs import replace

from reports.report_runs import Run, every_outcome
from rokt_export.exchange.delivery import Delivery
from rokt_export.journal import Journal, RunState
from rokt_export.journal.recording import record
from rokt_export.partner_spec.document import parse
from rokt_export.partner_spec.loading import read_spec
from rokt_export.redaction import Redactor
from rokt_export.reports.run_report import RunReport


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with Journal.open(tmp_path / "journal.db") as opened:
        yield opened


@pytest.fixture
def tell(journal: Journal) -> Callable[[Run], RunReport]:
    """Journal a run as the engine does, and return its report."""

    def telling(run: Run) -> RunReport:
        loaded = read_spec(parse("acme.yaml", run.spec))
        named = zip(loaded.spec.rule_names, loaded.spec.responses, strict=True)
        writer = journal.begin(
            command=run.command,
            partner=loaded.spec.partner,
            environment="staging",
            spec_file="acme.yaml",
            spec_sha256=loaded.sha256,
            events=["leads.csv"],
            options={"provisional": [name for name, rule in named if rule.provisional]},
        )
        hidden = run.redactor
        recorded = [one for one in run.exchanges if one.result and one.transaction.row not in run.unrecorded]
        kept = {one.transaction.row: record(one, hidden, run.personal).dump() for one in recorded}
        writer.settle([redacted(delivery_of(one), hidden, run.personal) for one in run.exchanges], kept)
        seen = [one.outcome.rule for one in run.exchanges if one.outcome.rule]
        journal.note(
            writer.run,
            {
                "coverage": coverage(seen, loaded.spec.rule_names),
                "spec_text": run.spec,
                "expected": run.expected,
                "notes": list(run.notes),
                "finished": {"reason": "complete", "message": ""},
            },
        )
        writer.end(RunState.FINISHED, 1)
        return RunReport.of(journal, journal.find(writer.run))

    return telling


def redacted(one: Delivery, redactor: Redactor, personal: Sequence[str]) -> Delivery:
    names = ("transaction", "reason", "reference", "code", "error")
    texts = {name: redactor.text(text, personal) for name in names if (text := getattr(one, name)) is not None}
    return replace(one, **texts)


def coverage(seen: Sequence[str], names: Sequence[str]) -> dict[str, Any]:
    return {
        "seen": {name: seen.count(name) for name in names if name in seen},
        "never": [name for name in names if name not in seen],
    }


@pytest.fixture
def run_report(tell: Callable[[Run], RunReport]) -> RunReport:
    """A run with every outcome."""
    return tell(Run(every_outcome()))
