"""Counts that the partitions of a run share."""

from __future__ import annotations

import multiprocessing

from delivery import exchanges
from delivery.exchanges import exchange, person
from rokt_export.delivery.events import Settled
from rokt_export.delivery.journal_listener import Bookkeeper
from rokt_export.delivery.redaction_setup import redactor_for
from rokt_export.delivery.shared_counts import FIRST_RECORDINGS, FailureCounts, LocalNumbers, RecordingQuota
from rokt_export.journal import Journal

spec = exchanges.spec
personal = exchanges.personal
writer = exchanges.writer


def _miss(misses: FailureCounts) -> None:
    for _ in range(500):
        misses.failed()


def test_misses_are_counted_over_processes():
    context = multiprocessing.get_context("spawn")
    misses = FailureCounts(LocalNumbers(context))
    others = [context.Process(target=_miss, args=(misses,)) for _ in range(2)]
    for other in others:
        other.start()
    for other in others:
        other.join(30)
    assert (misses.failures, misses.in_a_row) == (1000, 1000)
    misses.succeeded()
    assert (misses.failures, misses.in_a_row) == (1000, 0)
    assert misses.failed() == (1001, 1)


def test_one_allowance_serves_all_who_keep_a_run(writer, spec, personal):
    first = RecordingQuota(FIRST_RECORDINGS, LocalNumbers(first={FIRST_RECORDINGS: 3}))
    redactor = redactor_for(spec, "staging", {}, key=b"key")
    with Journal.open(writer._store.path) as journal:
        writers = (writer, journal.attach(writer.run))
        keepers = [Bookkeeper(each, redactor, personal, (), first=first) for each in writers]
        for row in range(1, 7):
            keepers[row % 2](Settled((exchange(person(row), reference=f"r-{row}"),)))
        assert [row for row, _ in journal.recordings(writer.run)] == [1, 2, 3]
    assert first.left == 0
