"""A later outcome takes the place of a settled one, and the settled one is kept."""

from __future__ import annotations

import sqlite3

import pytest
from journal_samples import DUPLICATE, FAILED, REJECTED, SHA, UNKNOWN, begin, child, item, settled
from msgspec import structs

from rokt_export.delivery.run_counts import RunFigures
from rokt_export.errors import JournalError
from rokt_export.exchange.delivery import Delivery
from rokt_export.exchange.model import OutcomeKind
from rokt_export.journal import EarlierOutcome, Journal, RevisingSpec, RunState, schema

UNCLASSIFIED = OutcomeKind.UNCLASSIFIED


def test_the_new_outcome_counts_everywhere_and_the_old_one_is_kept(journal):
    writer = begin(journal)
    writer.intend([item(row) for row in range(1, 5)])
    writer.settle([settled(1), settled(2, UNCLASSIFIED, reason="no rule matched"), settled(3, FAILED), settled(4)])
    journal.note(
        writer.run, {"coverage": {"seen": {"rule 1": 4}, "never": ["gone"]}, "figures": RunFigures().as_json()}
    )
    writer.end(RunState.FINISHED, 1)
    new = [Delivery(2, "tx-2", DUPLICATE, 409, "gone", "known", attempts=1), structs.replace(settled(3, REJECTED))]
    made = journal.revise(writer.run, iter(new), by="reclassify", spec=RevisingSpec("1" * 64, "partner: acme"))
    assert (made.number, made.rows, made.spec_sha256) == (1, 2, SHA)
    assert made.before == {"delivered": 2, "failed": 1, "unclassified": 1}
    after = journal.find(writer.run)
    assert (after.counts, after.spec_sha256, after.exit_status) == (
        {"delivered": 2, "duplicate": 1, "rejected": 1},
        "1" * 64,
        1,
    )
    rows = list(journal.deliveries(writer.run))
    assert [(one.outcome, one.rule, one.status) for one in rows[1:3]] == [
        (DUPLICATE, "gone", 409),
        (REJECTED, "rule 1", 201),
    ]
    assert journal.earlier_outcomes(writer.run, [1, 2]) == [
        EarlierOutcome(2, 1, UNCLASSIFIED, 201, "rule 1", "no rule matched")
    ]
    notes = journal.notes(writer.run)
    assert notes["coverage"] == {"seen": {"gone": 1, "rule 1": 3}, "never": []}
    assert (notes["figures"], notes["spec_text"]) == (None, "partner: acme")
    again = journal.revise(writer.run, [settled(2, REJECTED)], by="confirm")
    assert (again.number, again.spec_sha256) == (2, None)
    assert journal.revisions(writer.run) == [made, again]
    assert [one.outcome for one in journal.earlier_outcomes(writer.run, [2])] == [UNCLASSIFIED, DUPLICATE]


def test_a_row_that_was_never_settled_is_settled_and_a_strange_row_is_ignored(place):
    run = _crashed(place)
    with Journal.open(place) as journal:
        made = journal.revise(run, [settled(1), settled(77)], by="confirm")
        assert (made.rows, made.before) == (1, {"unknown": 2})
        assert journal.find(run).counts == {"delivered": 1, "unknown": 1}
        assert [one.outcome for one in journal.earlier_outcomes(run, [1, 77])] == [UNKNOWN]
        second = begin(journal, production=True, environment="production")
        marks = [second.fingerprint(b"%d" % row) for row in (1, 2)]
        assert [str(why) for why in second.withheld(marks, frozenset()).values()] == ["delivered", "unknown"]


def _crashed(place) -> str:
    program = child(
        """
        writer = begin(Journal.open(sys.argv[1]), production=True, environment="production")
        writer.intend([(row, f"tx-{row}", writer.fingerprint(b"%d" % row)) for row in (1, 2)])
        say(writer.run)
        os._exit(9)
        """,
        place,
    )
    out, _ = program.communicate(timeout=30)
    return out.strip()


@pytest.mark.parametrize(
    ("first", "second", "revised", "afterwards"),
    [
        ("failed", None, "delivered", "delivered"),
        ("unclassified", None, "rejected", "rejected"),
        ("delivered", None, "failed", "failed"),
        ("delivered", "failed", "rejected", "delivered"),  # an earlier run delivered it: that stays
        ("delivered", "delivered", "rejected", "delivered"),
        ("unknown", "failed", "rejected", "unknown"),  # the earlier send may have arrived
        ("unknown", "failed", "duplicate", "duplicate"),
    ],
)
def test_the_ledger_follows_and_never_forgets_what_another_run_knows(journal, first, second, revised, afterwards):
    mark = b""
    for outcome in filter(None, (first, second)):
        writer = begin(journal, production=True, environment="production")
        mark = writer.fingerprint(b"row")
        other = writer.fingerprint(b"another row of %s" % writer.run.encode())
        writer.intend([item(1, mark), item(2, other)], leave=frozenset(OutcomeKind))
        writer.settle([settled(2, FAILED), settled(1, OutcomeKind(outcome))])
        writer.end(RunState.FINISHED, 0)
    journal.revise(writer.run, [settled(1, OutcomeKind(revised)), settled(2, DUPLICATE)], by="reclassify")
    later = begin(journal, production=True, environment="production")
    assert {str(why) for why in later.withheld([mark, other], frozenset()).values()} == {afterwards, "duplicate"}


def test_a_run_that_runs_or_was_purged_is_not_revised_and_a_failure_changes_nothing(journal):
    writer = begin(journal)
    writer.intend([item(row) for row in range(1, 2001)])
    writer.settle([settled(row, REJECTED, reason="jane.doe@example.com") for row in range(1, 2001)])
    with pytest.raises(JournalError, match="cannot be revised: it is still running"):
        journal.revise(writer.run, [settled(1)], by="reclassify")
    writer.end(RunState.FINISHED, 0)

    def failing():
        yield from (settled(row) for row in range(1, 1001))
        raise RuntimeError("half way")

    with pytest.raises(RuntimeError):
        journal.revise(writer.run, failing(), by="reclassify")
    assert journal.find(writer.run).counts == {"rejected": 2000}
    assert journal.revisions(writer.run) == journal.earlier_outcomes(writer.run, range(2001)) == []
    journal.revise(writer.run, [settled(1)], by="reclassify")
    journal.purge(writer.run)
    assert [(one.outcome, one.reason) for one in journal.earlier_outcomes(writer.run, [1])] == [(REJECTED, None)]
    with pytest.raises(JournalError, match="cannot be revised: its recordings were purged"):
        journal.revise(writer.run, [settled(1)], by="reclassify")


def test_a_journal_of_version_2_gets_the_table(place):
    with Journal.open(place) as journal:
        run = begin(journal).run
    with sqlite3.connect(place) as other:
        other.execute("DROP TABLE earlier_outcome")
        other.execute("ALTER TABLE intent DROP COLUMN departures")
        for table in ("journal_lease", "journal_budget", "journal_number", "ledger_recent"):
            other.execute(f"DROP TABLE {table}")
        other.execute("UPDATE journal_meta SET value = ? WHERE key = 'version'", (b"2",))
    with Journal.open(place) as journal:
        assert journal.earlier_outcomes(run, [1]) == []
        with journal._store.reading.connect() as connection:
            assert schema.version_of(connection) == schema.VERSION
