"""Reasons that differ only in values are one line, with a count and the first row."""

from __future__ import annotations

import random
import string
import tracemalloc
from collections.abc import Iterator

import pytest
from journal_samples import DELIVERED, FAILED, REJECTED, UNKNOWN, begin, item, settled

from reports.test_console import WIDTHS, printed
from rokt_export.exchange.delivery import Delivery
from rokt_export.exchange.model import OutcomeKind
from rokt_export.journal import Journal, RunState
from rokt_export.journal.queries import ReasonCount
from rokt_export.reports import console
from rokt_export.reports.markdown import reasons
from rokt_export.reports.reasons import grouped, less_frequent
from rokt_export.reports.run_report import RunReport

UNCLASSIFIED = OutcomeKind.UNCLASSIFIED


def groups(*reasons: str) -> list[tuple[int, str]]:
    counts = [ReasonCount(REJECTED, 422, "bad", reason, None, 1, row) for row, reason in enumerate(reasons, 1)]
    return [(one.rows, one.reason) for one in grouped(counts).groups]


@pytest.mark.parametrize(
    ("some", "other", "pattern"),
    [
        ("line 12 is bad", "line 7 is bad", "line … is bad"),
        ("no order A-77x1", "no order B-9.1", "no order …"),
        ("person-0a1b2c3d4e exists", "person-ffffffff00 exists", "… exists"),
        ("jane@example.com exists", "joe+1@mail.example.com exists", "… exists"),
        ("`x y` is not a date", "`z` is not a date", "… is not a date"),
        ('the name "Jane Doe" is too long', 'the name "Zoë" is too long', "the name … is too long"),
        ("can't take 'a b'", "can't take 'c'", "can't take …"),
        ("at 2026-11-29T02:13:07Z", "at 2026-11-30T00:00:00+01:00", "at …"),
        ('{"error": "row 3", "n":3}', '{"error": "row 4", "n":4}', '{"error": "row …", "n":…}'),
        ("line 2: 3 cells, not 6", "line 65: 1 cell, not 6", "line …: … cells, not 6"),  # the plural is shown
        ("1 error in 2 fields", "2 errors in 1 field", "… errors in … fields"),
        ("row 3 of 9", "row 4 of 9", "row … of 9"),  # what is the same in all rows is shown
    ],
)
def test_values_fold(some: str, other: str, pattern: str) -> None:
    assert groups(some, other) == [(2, pattern)]


@pytest.mark.parametrize(
    ("some", "other"),
    [
        ("the list is closed", "the list is gone"),
        ('{"code": "blocked"}', '{"code": "duplicate"}'),
        ("2 boss", "2 bus"),
        ('{"email": "invalid"}', '{"phone": "invalid"}'),
        ('no rule matched: status 400, body "Not found"', 'no rule matched: status 400, body "Too late"'),
    ],
)
def test_words_do_not_fold(some: str, other: str) -> None:
    assert groups(some, other) == [(1, some), (1, other)]


@pytest.mark.parametrize(("kinds", "shown"), [(4, 4), (6, 6), (7, 5)])
def test_no_line_takes_the_place_of_the_only_reason_that_it_counts(kinds: int, shown: int) -> None:
    counts = [ReasonCount(REJECTED, 422, "bad", "no " + "x" * kind, None, 1, kind) for kind in range(kinds)]
    groups, others = grouped(counts).most_frequent(5)
    assert (len(groups), others) == (shown, kinds - shown)
    assert less_frequent(1) == "1 more row has a less frequent reason"
    assert less_frequent(1_200) == "1,200 more rows have less frequent reasons"


def test_other_outcome_status_or_rule_is_another_group() -> None:
    first = ReasonCount(REJECTED, 422, "bad", "no", None, 3, 4)
    others = [
        ReasonCount(FAILED, 422, "bad", "no", None, 1, 1),
        ReasonCount(REJECTED, 400, "bad", "no", None, 1, 2),
        ReasonCount(REJECTED, 422, "worse", "no", None, 1, 3),
        ReasonCount(REJECTED, 422, "bad", "no", "tls: no", 1, 9),
    ]
    assert [(one.rows, one.first) for one in grouped([*others, first]).groups] == [
        (3, 4), (1, 1), (1, 2), (1, 3), (1, 9),
    ]  # fmt: skip


def test_a_million_different_reasons_do_not_grow_memory_and_the_frequent_one_is_found() -> None:
    choose = random.Random(7).choices

    def counts() -> Iterator[ReasonCount]:
        for row in range(1, 30_001):
            yield ReasonCount(FAILED, 500, None, "".join(choose(string.ascii_letters, k=200)), None, 1, row)
            if row % 100 == 0:
                yield ReasonCount(FAILED, 503, None, "busy", None, 1, row)

    tracemalloc.start()
    found = grouped(counts())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 3_000_000
    assert (found.groups[0].reason, found.groups[0].rows, found.rows) == ("busy", 300, 30_300)
    shown, others = found.most_frequent(10)
    assert sum(one.rows for one in shown) + others == 30_300


@pytest.fixture
def mixed(journal: Journal) -> RunReport:
    writer = begin(journal)
    writer.intend([item(row) for row in range(1, 1001)])
    writer.settle([_row(row) for row in range(1, 1000)])
    writer.end(RunState.FINISHED, 1)
    return RunReport.of(journal, journal.find(writer.run))


def _row(row: int) -> Delivery:
    if row % 10 == 0:
        return settled(row, REJECTED, reason=f"field {row} is bad")
    return settled(row, FAILED, reason="busy", error="tls: busy") if row % 100 == 7 else settled(row, DELIVERED)


@pytest.mark.parametrize("width", WIDTHS)
def test_the_end_of_a_run_lists_reasons_and_no_rows(mixed: RunReport, width: int) -> None:
    text = printed(console.run_table, mixed, width=width)
    for part in ("99", "rejected", "field … is bad", "10", "tls: busy", "unknown"):
        assert part in " ".join(text.split()), part
    assert "tx-" not in text
    assert "109 of 1,000 rows were not delivered, 1 is unknown. --all shows every row." in " ".join(text.split())
    assert printed(console.run_table, mixed, width=width, show_all=True).count("tx-") == 1000


def test_a_run_that_went_well_is_one_line(journal: Journal) -> None:
    writer = begin(journal)
    writer.intend([item(row) for row in range(1, 101)])
    writer.settle([settled(row) for row in range(1, 101)])
    writer.end(RunState.FINISHED, 0)
    text = printed(console.run_table, RunReport.of(journal, journal.find(writer.run)))
    assert text.splitlines() == ["All 100 rows were delivered. --all shows every row."]


def test_the_markdown_report_lists_them(mixed: RunReport) -> None:
    assert "".join(reasons(mixed)).splitlines()[4:6] == [
        "| 99 | ✗ rejected | 201 | rule 1 | field … is bad | 10 |",
        "| 10 | ! failed | 201 | rule 1 | tls: busy | 7 |",
    ]


def test_a_row_sent_again_and_cut_off_counts_as_unknown_only(journal: Journal) -> None:
    writer = begin(journal)
    writer.intend([item(1), item(2)])
    writer.settle([settled(1, FAILED, reason="busy"), settled(2, FAILED, reason="busy")])
    writer.intend([item(1)])
    assert [(one.outcome, one.rows) for one in journal.reason_counts(writer.run, [FAILED, UNKNOWN])] == [(FAILED, 1)]
    writer.end(RunState.INTERRUPTED, 130)  # until then it is in flight, and has no reason yet
    found = list(journal.reason_counts(writer.run, [FAILED, UNKNOWN]))
    assert [(one.outcome, one.rows) for one in found] == [(FAILED, 1), (UNKNOWN, 1)]
