"""The marks that were added last are remembered, and old ones take no memory."""

from __future__ import annotations

from rokt_export.journal.recent_marks import RecentMarks


def test_the_last_marks_are_remembered_and_old_ones_are_dropped() -> None:
    seen = RecentMarks(100)
    marks = [b"%d" % number for number in range(1_000)]
    for number, mark in enumerate(marks, 1):
        assert mark not in seen
        seen.update([mark])
        last = marks[max(0, number - 100) : number]
        assert seen.among(last) == set(last)
    assert len(seen.among(marks)) <= 202
