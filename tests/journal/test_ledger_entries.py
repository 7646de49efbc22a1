"""Recent entries of the ledger: known at once to all processes, moved to the table by the thousands, lost by nobody."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import threading
from itertools import product
from pathlib import Path

import pytest
from journal_samples import DELIVERED, FAILED, REJECTED, UNKNOWN, begin, item, settled

from rokt_export.errors import JournalError
from rokt_export.exchange.delivery import Deliveries, LeftOut
from rokt_export.exchange.model import OutcomeKind
from rokt_export.journal import Journal, RunState, RunWriter, ledger_entries
from rokt_export.journal.bulk import Bulk
from rokt_export.journal.ledger import ANY
from rokt_export.journal.ledger_entries import _SLICES, RecentEntries, append, later_outcome, move_all
from rokt_export.journal.schema import ledger

NOTHING: frozenset[OutcomeKind] = frozenset()
_KINDS = [str(kind) for kind in OutcomeKind if kind is not OutcomeKind.INVALID]


def mark_of(number: int) -> bytes:
    return random.Random(number).randbytes(16)


def entered(journal: Journal) -> dict[bytes, tuple[str, int, int]]:
    """Return what the ledger's table has: outcome, run and row of each fingerprint."""
    with journal._store.reading.connect() as connection:
        return {mark: (outcome, run, row) for mark, outcome, run, row in connection.execute(ledger.select())}


def waiting(place: Path) -> int:
    """Return how many batches are not in the table yet."""
    with sqlite3.connect(place) as file:
        return int(file.execute("SELECT count(*) FROM ledger_recent").fetchone()[0])


def send(writer: RunWriter, rows: range, outcome: OutcomeKind = DELIVERED, *, at_once: int = 100) -> None:
    """Let a writer intend and settle rows, whose fingerprints are those of their numbers."""
    for start in range(rows.start, rows.stop, at_once):
        some = range(start, min(start + at_once, rows.stop))
        assert writer.intend([item(row, mark_of(row)) for row in some]) == {}
        writer.settle([settled(row, outcome) for row in some])


@pytest.mark.parametrize("outcomes", list(product(_KINDS, repeat=3)))
def test_outcomes_follow_one_rule_in_memory_and_in_the_table(journal, outcomes):
    mark, known = mark_of(1), None
    bulk, recent = Bulk(journal._store.writing.dialect), RecentEntries()
    for number, outcome in enumerate(outcomes, 1):
        known = later_outcome(known, outcome)
        with journal._store.writing.begin() as connection:
            append(connection, [(mark, outcome, number, number)])
            recent.look(connection)
        assert recent.outcomes_of([mark, mark_of(2)]) == {mark: known}
    with journal._store.writing.begin() as connection:
        bulk.ledger.run(connection, [(mark_of(7), outcomes[0], 1, 1)])
        for number, outcome in enumerate(outcomes[1:], 2):
            bulk.ledger.run(connection, [(mark_of(7), outcome, number, number)])
        move_all(connection, bulk.ledger.run)
    found = entered(journal)
    assert found[mark] == found[mark_of(7)]
    assert found[mark][0] == known


def test_places_of_outcomes_in_files_never_change():
    assert ledger_entries._NAMES == (
        "delivered", "duplicate", "rejected", "failed", "unclassified", "unknown", "invalid",
    )  # fmt: skip
    assert set(ledger_entries._NAMES) == {str(kind) for kind in OutcomeKind}


def test_entries_are_known_to_others_before_and_after_they_move(journal, place, monkeypatch):
    monkeypatch.setattr(ledger_entries, "MOST", 500)
    ours = begin(journal, production=True)
    with Journal.open(place) as second:
        theirs = begin(second, production=True)
        most = 0
        for start in range(0, 3_000, 100):
            send(ours, range(start, start + 100))
            most = max(most, len(ours._elsewhere.recent), len(theirs._elsewhere.recent))
            known = theirs.withheld([mark_of(row) for row in range(start + 200)], NOTHING)
            assert set(known.values()) == {LeftOut.DELIVERED}
            assert set(known) == {mark_of(row) for row in range(start + 100)}
            repeated = theirs.intend([item(row, mark_of(row)) for row in range(start, start + 100)], leave=NOTHING)
            assert set(repeated) == set(range(start, start + 100))
        assert 500 <= most <= 500 + (_SLICES + 1) * 200, "a process keeps about as many digests in memory as may wait"
        assert 0 < len(entered(journal)) < 3_000
        ours.end(RunState.FINISHED, 0)
        assert waiting(place) == 0
        assert entered(journal) == {mark_of(row): ("delivered", 1, row) for row in range(3_000)}
        assert len(theirs.withheld([mark_of(row) for row in range(3_000)], NOTHING)) == 3_000


def test_the_entries_of_an_interrupted_run_wait_and_are_known(journal, place):
    first = begin(journal, production=True)
    send(first, range(300), REJECTED)
    first.end(RunState.INTERRUPTED, 130)
    first.close()
    assert waiting(place) == 3
    assert [each.faults for each in journal.verify()] == [[], []]
    assert [each.entries for each in journal.verify(first.run)] == [300]
    with Journal.open(place) as later:
        assert later.known_before([[mark_of(row)] for row in range(400)]) == {LeftOut.REJECTED: 300}
        second = begin(later, production=True)
        taken = second.intend([item(row, mark_of(row)) for row in range(310)], leave={UNKNOWN})
        assert taken == dict.fromkeys(range(300), LeftOut.REJECTED)
        second.settle([settled(row, FAILED) for row in range(300, 310)])
        second.end(RunState.FINISHED, 0)
        assert waiting(place) == 0
        assert len(entered(later)) == 310


def test_a_killed_writer_leaves_no_row_unknown_to_the_next(place):
    child = os.fork()
    if not child:
        with Journal.open(place) as journal:
            send(begin(journal, production=True), range(2_000))
            os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(child, 0)
    with Journal.open(place) as journal:
        found = begin(journal, production=True).withheld([mark_of(row) for row in range(2_100)], NOTHING)
        assert found == {mark_of(row): LeftOut.DELIVERED for row in range(2_000)}


def test_a_transaction_that_fails_moves_nothing(journal, place, monkeypatch):
    monkeypatch.setattr(ledger_entries, "MOST", 100)
    ours = begin(journal, production=True)
    send(ours, range(100))
    batches, moved = waiting(place), entered(journal)
    with monkeypatch.context() as broken:
        broken.setattr(ours._intents, "insert", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            ours.intend([item(101, mark_of(101))], leave=NOTHING)
    assert (waiting(place), entered(journal)) == (batches, moved)
    again = ours.intend([item(row, mark_of(row)) for row in range(100)], leave=NOTHING)
    assert again == dict.fromkeys(range(100), LeftOut.DELIVERED)
    assert 0 < len(entered(journal)) < 100, "one slice"
    for row in range(200, 200 + _SLICES):
        assert ours.intend([item(row, mark_of(row)), item(row - 200, mark_of(row - 200))], leave=NOTHING) == {
            row - 200: LeftOut.DELIVERED
        }
    assert (waiting(place), len(entered(journal)), len(ours._elsewhere.recent)) == (0, 100, 0)


def test_a_batch_of_a_transaction_that_failed_is_not_taken_for_anothers(journal, place):
    ours = begin(journal, production=True)
    send(ours, range(10))
    ours.intend([item(10, mark_of(10))], leave=NOTHING)
    with pytest.MonkeyPatch.context() as broken:
        broken.setattr(ours._intents, "insert", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):  # it had entered row 10, under a number that the next one gets
            ours.intend([item(11, mark_of(11))], leave=NOTHING, settled=(Deliveries.together([settled(10)]), {}))
    with Journal.open(place) as second:
        theirs = begin(second, production=True)
        send(theirs, range(500, 501))
        for ends in (False, True):
            assert ours.withheld([mark_of(500)], NOTHING) == {mark_of(500): LeftOut.DELIVERED}
            if not ends:
                theirs.end(RunState.FINISHED, 0)
                assert waiting(place) == 0


def test_a_move_that_began_in_a_transaction_that_failed_deletes_no_batch_of_another(journal, place, monkeypatch):
    monkeypatch.setattr(ledger_entries, "MOST", 100)
    ours = begin(journal, production=True)
    send(ours, range(99))
    ours.intend([item(99, mark_of(99))], leave=NOTHING)
    with monkeypatch.context() as broken:
        broken.setattr(ours._intents, "insert", lambda *_: 1 / 0)
        with pytest.raises(
            ZeroDivisionError
        ):  # it began to move what it had entered, up to a number that is free again
            ours.intend([item(100, mark_of(100))], leave=NOTHING, settled=(Deliveries.together([settled(99)]), {}))
    for row in range(200, 203):
        ours.intend([item(row, mark_of(row))], leave=NOTHING)
    with Journal.open(place) as second:
        send(begin(second, production=True), range(500, 600))
    for row in range(300, 320):
        ours.intend([item(row, mark_of(row))], leave=NOTHING)
    known = ours.withheld([mark_of(row) for row in (*range(99), *range(500, 600))], NOTHING)
    assert len(known) == 199


def test_rows_are_moved_though_each_may_be_sent_again(journal, place, monkeypatch):
    monkeypatch.setattr(ledger_entries, "MOST", 500)
    ours = begin(journal, production=True)
    for start in range(0, 5_000, 100):
        some = range(start, start + 100)
        assert ours.intend([item(row, mark_of(row)) for row in some], leave=ANY) == {}
        ours.settle([settled(row) for row in some])
    assert waiting(place) < 30


@pytest.mark.parametrize("order", range(6))
def test_two_processes_that_move_at_once_end_with_the_last_outcome(journal, monkeypatch, order):
    """Each knows batches up to another one, and their slices take turns."""
    monkeypatch.setattr(ledger_entries, "MOST", 1)
    bulk, first, second = Bulk(journal._store.writing.dialect), RecentEntries(), RecentEntries()
    mark, chance = mark_of(1), random.Random(order)
    with journal._store.writing.begin() as connection:
        append(connection, [(mark, "rejected", 1, 1)])
        first.look(connection)
        append(connection, [(mark, "unknown", 2, 1)])
        second.look(connection)
    turns = [first] * (_SLICES + 1) + [second] * (_SLICES + 1)
    chance.shuffle(turns)
    for one in turns:
        with journal._store.writing.begin() as connection:
            one.move_slice(connection, bulk.ledger.run)
        one.committed()
    assert entered(journal)[mark][0] == "unknown"


@pytest.mark.parametrize("outcomes", list(product(_KINDS, repeat=4)))
def test_an_end_of_a_row_s_outcomes_that_is_entered_again_changes_nothing(outcomes):
    def after(known, some):
        for outcome in some:
            known = later_outcome(known, outcome)
        return known

    once = after(None, outcomes)
    assert all(after(once, outcomes[start:]) == once for start in range(4))


def test_a_live_feed_and_the_writer_look_each_for_itself(journal, monkeypatch):
    monkeypatch.setattr(ledger_entries, "MOST", 300)
    ours = begin(journal, production=True)
    settled_rows, over, faults = [0], threading.Event(), []

    def feed():
        chance = random.Random(1)
        while not over.is_set():
            count = settled_rows[0]
            asked = [chance.randrange(count) for _ in range(20)] if count else []
            known = ours.withheld([mark_of(row) for row in asked], NOTHING)
            faults.extend(row for row in asked if mark_of(row) not in known)

    thread = threading.Thread(target=feed)
    thread.start()
    try:
        for start in range(0, 6_000, 50):
            send(ours, range(start, start + 50))
            settled_rows[0] = start + 50 if not ours._waiting else settled_rows[0]
    finally:
        over.set()
        thread.join()
    assert faults == []
    assert len(ours._ahead.recent) < 6_000


def test_a_writer_that_is_killed_between_two_slices_loses_and_changes_nothing(journal, place, monkeypatch):
    monkeypatch.setattr(ledger_entries, "MOST", 400)
    outcomes = [OutcomeKind(random.Random(row).choice(_KINDS)) for row in range(400)]
    first = begin(journal, production=True)
    first.intend([item(row, mark_of(row)) for row in range(400)])
    first.settle([settled(row, outcome) for row, outcome in enumerate(outcomes)])
    for row in range(500, 504):
        first.intend([item(row, mark_of(row))], leave=NOTHING)
    part = entered(journal)
    assert 0 < len(part) < 400
    second = begin(journal, production=True)
    known = second.withheld([mark_of(row) for row in range(400)], NOTHING)
    assert known == {mark_of(row): LeftOut(str(outcome)) for row, outcome in enumerate(outcomes)}
    second.end(RunState.FINISHED, 0)
    assert entered(journal) == {mark_of(row): (str(outcome), 1, row) for row, outcome in enumerate(outcomes)}


def test_a_revision_follows_entries_that_were_not_moved(journal, place):
    first = begin(journal, production=True)
    send(first, range(10), OutcomeKind.UNCLASSIFIED)
    first.end(RunState.INTERRUPTED, 130)
    first.close()
    journal.revise(first.run, [settled(3, OutcomeKind.DUPLICATE)], by="reclassify")
    assert entered(journal)[mark_of(3)][0] == "duplicate"
    assert waiting(place) == 0


@pytest.mark.parametrize("damaged", ["substr(entries, 2)", "substr(entries, 1, length(entries) - 1) || x'63'"])
def test_a_damaged_batch_is_named_and_nothing_is_sent(journal, place, damaged):
    first = begin(journal, production=True)
    send(first, range(10))
    first.end(RunState.INTERRUPTED, 130)
    with sqlite3.connect(place) as file:
        file.execute(f"UPDATE ledger_recent SET entries = CAST({damaged} AS BLOB)")
    file.close()
    with pytest.raises(JournalError, match="a batch of the ledger's recent entries cannot be read"):
        begin(journal, production=True).intend([item(50, mark_of(50))], leave=NOTHING)


def test_a_journal_is_not_migrated_while_an_older_version_sends_with_it(place):
    with Journal.open(place) as journal:
        old = begin(journal, production=True)
        with sqlite3.connect(place) as file:
            file.execute("DROP TABLE ledger_recent")
            file.execute("UPDATE journal_meta SET value = ? WHERE key = 'version'", (b"5",))
        with pytest.raises(JournalError, match=f"run {old.run} of an older version .* is sending to production"):
            Journal.open(place)
        old.end(RunState.INTERRUPTED, 130)
    with Journal.open(place) as journal:
        assert waiting(place) == 0


def test_new_rows_are_looked_up_in_no_large_table(journal, monkeypatch):
    monkeypatch.setattr(ledger_entries, "MOST", 200)
    ours = begin(journal, production=True)
    send(ours, range(2_000))
    assert len(entered(journal)) > 1_000
    recent = ours._elsewhere.recent
    assert ours.withheld([mark_of(2_000)], NOTHING) == {}
    assert recent.perhaps_in_table([mark_of(row) for row in range(10_000, 12_000)]) == []
    assert len(recent.perhaps_in_table([mark_of(row) for row in range(2_000)])) == 2_000


def test_of_a_large_table_each_row_is_looked_up(journal, place, monkeypatch):
    first = begin(journal, production=True)
    send(first, range(300))
    first.end(RunState.FINISHED, 0)
    for most, sure in ((300, True), (299, False)):
        monkeypatch.setattr(ledger_entries, "_FILTERED", most)
        ours = begin(journal, production=True)
        asked = [mark_of(row) for row in range(600)]
        assert len(ours.withheld(asked, NOTHING)) == 300
        assert len(ours._elsewhere.recent.perhaps_in_table(asked)) == (300 if sure else 600)


def test_entries_that_came_and_moved_unseen_are_found(journal, place, monkeypatch):
    ours = begin(journal, production=True)
    send(ours, range(10))
    asked = [mark_of(row) for row in range(3_000)]
    assert len(ours.withheld(asked, NOTHING)) == 10
    with Journal.open(place) as second:
        for rows in (range(500, 1_000), range(2_000, 2_300)):
            theirs = begin(second, production=True)
            send(theirs, rows)
            theirs.end(RunState.FINISHED, 0)
            assert waiting(place) == 0
            send(theirs, range(rows.stop, rows.stop + 5))
    assert len(ours.withheld(asked, NOTHING)) == 10 + 505 + 305


@pytest.mark.parametrize("seed", range(40))
def test_no_outcome_is_missed_whatever_the_order_of_sends_moves_and_failures(journal, place, monkeypatch, seed):
    """Three processes send and fail; a large table is read whole, or looked up row by row."""
    chance = random.Random(seed)
    monkeypatch.setattr(ledger_entries, "MOST", chance.choice((20, 100, 400)))
    if chance.random() < 0.3:
        monkeypatch.setattr(ledger_entries, "_FILTERED", 50)
    known: dict[int, OutcomeKind] = {}
    with Journal.open(place) as second, Journal.open(place) as third:
        journals = [journal, second, third]
        writers = [begin(each, production=True) for each in journals]
        for step in range(60):
            at = chance.randrange(3)
            some = range(1_000 * step, 1_000 * step + chance.randrange(1, 40))
            match chance.randrange(8):
                case 0:
                    with pytest.MonkeyPatch.context() as broken:
                        broken.setattr(writers[at]._intents, "insert", lambda *_: 1 / 0)
                        with pytest.raises(ZeroDivisionError):
                            writers[at].intend([item(row, mark_of(row)) for row in some], leave=NOTHING)
                case 1:
                    writers[at].end(RunState.FINISHED, 0)
                    writers[at].close()
                    writers[at] = begin(journals[at], production=True)
                case 2:
                    asked = chance.sample(sorted(known), min(len(known), 50))
                    repeated = writers[at].intend([item(row, mark_of(row)) for row in asked], leave=NOTHING)
                    assert repeated == {row: LeftOut(str(known[row])) for row in asked}
                case _:
                    outcome = chance.choice((DELIVERED, REJECTED))
                    send(writers[at], some, outcome)
                    known |= dict.fromkeys(some, outcome)
            asked = [*known, *range(900_000, 900_020)]
            found = chance.choice(writers).withheld([mark_of(row) for row in asked], NOTHING)
            assert found == {mark_of(row): LeftOut(str(outcome)) for row, outcome in known.items()}
