"""What every report says of a run as a whole: its title, its people and its files."""

from __future__ import annotations

from journal_samples import INVALID, UNKNOWN, begin, item, settled
from msgspec.structs import replace

from reports.test_console import printed
from reports.test_run_report import stopped, summarized
from rokt_export.journal import Journal, RunState
from rokt_export.reports import console
from rokt_export.reports.run_facts import run_facts, title
from rokt_export.reports.run_report import RunReport


def test_one_count_of_deliveries_and_no_moment_where_nothing_was_sent(journal: Journal) -> None:
    writer = begin(journal)
    writer.settle([settled(1), settled(2, INVALID)])
    writer.end(RunState.FINISHED, 1)
    some = RunReport.of(journal, journal.find(writer.run))
    assert title(some) == "acme, staging: 1 delivery, 1 invalid"
    writer = begin(journal)
    writer.intend([item(1)])
    writer.settle([replace(settled(2, INVALID), started=0.0, attempts=0)])
    writer.end(RunState.FINISHED, 1)
    none = RunReport.of(journal, journal.find(writer.run))
    assert none.counts == {INVALID: 1, UNKNOWN: 1}
    assert summarized(none).splitlines()[-1] == f"Run {none.run.run}"
    assert {"First sent", "Last sent"}.isdisjoint(dict(run_facts(none)))
    assert "sent -" not in printed(console.summary, none)


def test_a_run_without_rows_says_nothing_of_people(journal: Journal) -> None:
    run_report = stopped(journal, RunState.INTERRUPTED, rows=0)
    assert "People" not in dict(run_facts(run_report))
    assert run_report.unfinished == "interrupted: 0 of 200 rows handled, 200 not sent"


def test_a_report_names_files_without_the_folders_of_the_operator(journal: Journal) -> None:
    writer = begin(journal, spec_file="/home/jo/acme.yaml", events=["/home/jo/a.csv", "b.csv"])
    facts = dict(run_facts(RunReport.of(journal, journal.find(writer.run))))
    assert facts["Transactions"] == "a.csv, b.csv"
    assert facts["Spec"].startswith("acme.yaml, SHA-256 ")
