"""Which rows a report lists: all of a small run, of a large one the unexpected outcomes first."""

from __future__ import annotations

from rokt_export.exchange.model import OutcomeKind
from rokt_export.journal import Journal
from rokt_export.reports.listing import Listing
from rokt_export.reports.run_report import RunReport


def rows(listing: Listing) -> list[int]:
    found = [one.row for one in listing.deliveries()]
    assert [one.row for one, _ in listing.deliveries_with_recordings()] == found
    return found


def test_all_rows_of_a_small_run_are_listed_in_their_order(run_report: RunReport) -> None:
    listing = Listing.of(run_report, 9)
    assert (rows(listing), listing.rows, listing.listed) == ([*range(1, 10)], 9, 9)
    assert listing.is_complete and list(listing.notes()) == []


def test_of_a_large_run_the_unexpected_rows_come_first(run_report: RunReport) -> None:
    listing = Listing.of(run_report, 8)
    assert rows(listing) == [2, 3, 4, 5, 6, 7, 8, 1]
    assert (listing.rows, listing.listed, listing.is_complete) == (9, 8, False)
    assert rows(Listing.of(run_report, 3)) == [2, 3, 4]
    (note,) = listing.notes()
    assert note.startswith("8 of 9 rows are listed, unexpected outcomes first. All of them: rokt-export runs export ")


def test_only_the_outcomes_that_are_asked_for_are_listed(run_report: RunReport, journal: Journal) -> None:
    some = RunReport.of(journal, run_report.run, only=frozenset({OutcomeKind.DELIVERED}))
    listing = Listing.of(some, 1)
    assert (rows(listing), listing.rows) == ([1], 2)
    chosen, left_out = listing.notes()
    assert chosen == "Only rows that are delivered are listed: 2 of the run's 9."
    assert " --only delivered --out acme.csv.gz" in left_out
