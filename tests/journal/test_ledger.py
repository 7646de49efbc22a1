"""What production answered to a row before."""

from __future__ import annotations

from collections import Counter

from journal_samples import (
    DELIVERED,
    DUPLICATE,
    FAILED,
    REJECTED,
    UNKNOWN,
    begin,
    item,
    settled,
)
from msgspec import structs

from rokt_export.exchange.delivery import LeftOut
from rokt_export.exchange.model import OutcomeKind
from rokt_export.journal import Journal

UNCLASSIFIED = OutcomeKind.UNCLASSIFIED


def test_a_production_run_knows_what_an_earlier_one_was_answered(journal, place):
    first = begin(journal, production=True, environment="production")
    marks = {row: first.fingerprint(b"row %d" % row) for row in range(1, 10)}
    first.intend([item(row, mark) for row, mark in marks.items()])
    unsent = structs.replace(settled(8, FAILED), status=None)
    unanswered = structs.replace(settled(4, UNKNOWN), status=None)
    first.settle(
        [settled(1), settled(2, DUPLICATE), settled(3, REJECTED), unanswered, settled(5), settled(7, UNCLASSIFIED)]
    )
    first.settle([unsent, settled(9, FAILED)])
    first.close()
    with Journal.open(place) as later:
        second = begin(later, production=True, environment="production")
        assert [second.fingerprint(b"row %d" % row) for row in range(1, 10)] == list(marks.values())

        def known(leave=frozenset()) -> dict[int, str]:
            found = second.withheld(list(marks.values()), leave)
            return {row: str(found[mark]) for row, mark in marks.items() if mark in found}

        everything = {
            1: "delivered", 2: "duplicate", 3: "rejected", 4: "unknown", 5: "delivered", 6: "unknown",
            7: "unclassified", 9: "failed",
        }  # fmt: skip
        assert known() == everything
        assert known({REJECTED, FAILED}) == {row: why for row, why in everything.items() if row not in (3, 9)}
        assert known({UNKNOWN}) == {row: why for row, why in everything.items() if row != 4}  # 6: its process lives
        assert second.intend([item(3, marks[3]), item(6, marks[6])], leave={REJECTED, UNKNOWN}) == {6: LeftOut.UNKNOWN}
        for row, outcome, afterwards in (
            (4, FAILED, "unknown"),  # a failure says nothing about an earlier send that may have arrived
            (4, UNCLASSIFIED, "unclassified"),
            (4, REJECTED, "rejected"),  # a definite answer to a resend ends the doubt
            (4, UNKNOWN, "unknown"),
            (7, FAILED, "unclassified"),
            (9, DELIVERED, "delivered"),
            (9, REJECTED, "delivered"),  # what the partner has, it has
            (1, UNKNOWN, "delivered"),
        ):
            assert second.intend([item(row, marks[row])]) == {}
            second.settle([structs.replace(settled(row, outcome), status=None if outcome is UNKNOWN else 400)])
            assert known()[row] == afterwards


def test_staging_leaves_the_ledger_alone(journal):
    writer, guarded = begin(journal), begin(journal, production=True)
    mark = guarded.fingerprint(b"row")
    writer.intend([item(1, mark)])
    writer.settle([settled(1)])
    assert guarded.withheld([mark], set()) == {}


def test_a_fingerprint_depends_on_partner_and_key(journal, tmp_path, monkeypatch):
    one, other = begin(journal, production=True), begin(journal, production=True, partner="other")
    monkeypatch.setenv("ROKT_EXPORT_KEY", "ab" * 32)
    with Journal.open(tmp_path / "second.sqlite") as second:
        elsewhere = begin(second, production=True)
        marks = {writer.fingerprint(b"jane@example.com") for writer in (one, other, elsewhere)}
    assert len(marks) == 3
    assert all(len(mark) == 16 for mark in marks)


def test_a_large_lookup_in_the_ledger(journal):
    writer = begin(journal, production=True)
    marks = {row: writer.fingerprint(b"%d" % row) for row in range(3000)}
    writer.intend([item(row, mark) for row, mark in marks.items()])
    writer.settle([settled(row) for row in range(2000)])
    assert Counter(writer.withheld(list(marks.values()), set()).values()) == {LeftOut.DELIVERED: 2000}
