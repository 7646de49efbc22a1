"""Tables on a terminal: every width readable, no outcome told by colour alone, no partner's text steering."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest
from msgspec import structs
from rich.cells import cell_len
from rich.console import Console

from rokt_export.exchange.delivery import Delivery
from rokt_export.exchange.model import OutcomeKind
from rokt_export.journal import Journal, RunState
from rokt_export.reports import console as reports
from rokt_export.reports.outcome_icons import SIGNS
from rokt_export.reports.run_report import RunReport

WIDTHS = (40, 63, 64, 80, 120, 200)


def printed(show, *arguments, width: int = 80, **options) -> str:
    stream = io.StringIO()
    console = Console(file=stream, width=width, emoji=False, highlight=False)
    show(console, *arguments, **options)
    return stream.getvalue()


@pytest.mark.parametrize("width", WIDTHS)
def test_the_table_fits_and_holds_every_delivery(run_report: RunReport, width: int) -> None:
    text = printed(reports.deliveries_table, run_report.deliveries(), width=width)
    assert all(cell_len(line.rstrip()) <= width for line in text.splitlines())
    for one in run_report.deliveries():
        assert one.transaction in text
        assert str(one.outcome) in text


def test_a_rule_that_says_nothing_new_has_no_column(run_report: RunReport) -> None:
    assert "rule" not in printed(reports.deliveries_table, run_report.deliveries()).splitlines()[0]
    named = [structs.replace(one, rule="busy") for one in run_report.deliveries()]
    assert "rule" in printed(reports.deliveries_table, named).splitlines()[0]


def test_a_partners_text_steers_no_terminal() -> None:
    hostile = Delivery(1, "tx-1", OutcomeKind.REJECTED, 400, reason="\x1b[2J[red]gone[/red]\nnext\u202e")
    for width in (40, 80):
        text = printed(reports.deliveries_table, [hostile], width=width)
        assert "\x1b" not in text
        assert "\u202e" not in text
        assert "[red]" in text


def many(number: int, every: int) -> list[Delivery]:
    rejected = OutcomeKind.REJECTED
    return [
        Delivery(row, f"tx-{row}", OutcomeKind.DELIVERED if row % every else rejected) for row in range(1, number + 1)
    ]


def test_all_is_all() -> None:
    assert printed(reports.deliveries_table, many(1200, 10)).count("tx-") == 1200


def test_the_summary_counts_covers_and_names(run_report: RunReport) -> None:
    text = printed(reports.summary, run_report)
    assert "9 rows" in text
    assert "✓ delivered 2" in text
    assert "All 4 response rules matched." in text
    assert "Ask Jane Doe to look up in staging:" in text
    assert "@example.com (reference A-1)" in text


def test_runs_and_explanations(run_report: RunReport, journal: Journal) -> None:
    for width in WIDTHS:
        text = printed(reports.runs_table, journal.runs(), width=width)
        assert run_report.run.run in text
    recording = run_report.recording(3)
    assert recording is not None
    explained = run_report.explain(recording)
    assert explained is not None
    text = printed(reports.explanation, explained)
    assert "rejected by rule rejected" in text
    assert "✗ duplicate: not matched" in text


@pytest.mark.parametrize("width", [40, 60, 70, 80, 90, 100, 120, 200])
def test_a_table_of_runs_loses_no_count_at_any_width(run_report: RunReport, width: int) -> None:
    shown = printed(reports.runs_table, [run_report.run], width=width)
    for outcome, number in run_report.counts.items():
        assert f"{SIGNS[outcome].mark} {number}" in shown
        assert f"{SIGNS[outcome].mark} {outcome}" in shown
    named = printed(
        reports.runs_table, [replace(run_report.run, name="a name of some length", partner="p" * 30)], width=width
    )
    assert named.count(run_report.run.run) == 1


@pytest.mark.parametrize("width", [60, 80])
@pytest.mark.parametrize("state", [RunState.FINISHED, RunState.INTERRUPTED])
def test_production_is_read_whole_in_a_narrow_table_of_runs(run_report: RunReport, width: int, state: RunState) -> None:
    counts = {"delivered": 2_889, "duplicate": 23, "rejected": 56, "failed": 11, "invalid": 31, "unknown": 9_960}
    run = replace(run_report.run, name="a name", environment="production", state=state, counts=counts)
    shown = printed(reports.runs_table, [run], width=width)
    assert " production " in shown and run.command in shown
    assert all(cell_len(line.rstrip()) <= width for line in shown.splitlines())
    if width == 60:
        assert "✓ 2.9k" in shown and "… 10k" in shown


@pytest.mark.parametrize("width", [40, 50, 60])
def test_a_narrow_table_of_runs_keeps_command_and_state(run_report: RunReport, width: int) -> None:
    run = replace(run_report.run, name="a name of some length", state=RunState.FINISHED, counts={"delivered": 3})
    shown = printed(reports.runs_table, [run], width=width)
    assert f"{run.command} " in shown and "finished" in shown and "✓ 3" in shown
    assert all(cell_len(line.rstrip()) <= width for line in shown.splitlines())
