"""Which rows of an input are sent: by what this run has settled, by what is asked for, by what production has."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rokt_export.delivery import row_filter
from rokt_export.delivery.plan import Selection
from rokt_export.delivery.row_filter import canonical_row, marks_of
from rokt_export.delivery.row_filter import select as select_now_and_then
from rokt_export.delivery.run_counts import Tally
from rokt_export.errors import JournalError, TransactionsError
from rokt_export.exchange.delivery import Deliveries, Delivery, LeftOut
from rokt_export.exchange.model import OutcomeKind
from rokt_export.journal import Journal, RunState, RunWriter
from rokt_export.journal.ledger import RecognitionMethod, fingerprint
from rokt_export.transactions.transaction import Transaction

IDENTITY = ("email",)


@pytest.fixture
def journal(tmp_path) -> Iterator[Journal]:
    with Journal.open(tmp_path / "journal.sqlite") as opened:
        yield opened


def begin(journal: Journal, *, production: bool = False) -> RunWriter:
    return journal.begin(
        command="replay", partner="acme", environment="production" if production else "staging",
        spec_file="acme.yaml", spec_sha256="0" * 64, production=production,
    )  # fmt: skip


def people(*numbers: int) -> list[Transaction]:
    return [Transaction(row, f"tx{row}", {"email": f"{who}@example.com"}) for row, who in enumerate(numbers, 1)]


def select(*arguments, **more) -> Iterator[Transaction]:
    """What is chosen, without the moments in which something else may be done."""
    return (each for each in select_now_and_then(*arguments, **more) if each is not None)


def intend(writer: RunWriter, *transactions: Transaction) -> None:
    writer.intend([(each.row, each.id, writer.fingerprint(canonical_row(each, IDENTITY))) for each in transactions])


def settle(writer: RunWriter, transaction: Transaction, outcome: OutcomeKind) -> None:
    writer.settle(
        [
            Delivery(
                transaction.row, transaction.id, outcome, None if outcome is OutcomeKind.UNKNOWN else 200, attempts=1
            )
        ]
    )


def chosen(writer: RunWriter, transactions: list[Transaction], **selection) -> tuple[list[int], dict[str, int]]:
    tally = Tally()
    rows = [each.row for each in select(iter(transactions), Selection(**selection), writer, IDENTITY, tally)]
    return rows, dict(tally.left_out)


def test_a_resume_takes_what_is_neither_settled_nor_uncertain(journal):
    writer = begin(journal)
    rows = people(1, 2, 3, 4, 5)
    intend(writer, *rows[:4])
    settle(writer, rows[0], OutcomeKind.DELIVERED)
    settle(writer, rows[1], OutcomeKind.REJECTED)
    settle(writer, rows[2], OutcomeKind.UNKNOWN)
    assert chosen(writer, rows) == ([5], {LeftOut.DONE_BEFORE: 4})
    assert chosen(writer, rows, unknown=True) == ([3, 4, 5], {LeftOut.DONE_BEFORE: 2})
    assert chosen(writer, rows, only=((2, 3), (5, 9))) == ([5], {LeftOut.DONE_BEFORE: 2})


def test_what_an_earlier_run_delivered_is_left_out_of_production_alone(journal):
    rows = people(1, 2, 3)
    first = begin(journal, production=True)
    intend(first, *rows)
    settle(first, rows[0], OutcomeKind.DELIVERED)
    settle(first, rows[1], OutcomeKind.DUPLICATE)
    settle(first, rows[2], OutcomeKind.REJECTED)
    first.end(RunState.FINISHED, 1)
    later = people(3, 2, 1, 4)
    left_out = {LeftOut.REJECTED: 1, LeftOut.DUPLICATE: 1, LeftOut.DELIVERED: 1}
    assert chosen(begin(journal, production=True), later) == ([4], left_out)
    assert chosen(begin(journal, production=True), later, delivered=True) == ([1, 2, 3, 4], {})
    assert chosen(begin(journal), later) == ([1, 2, 3, 4], {})


def test_a_repeated_row_counts_as_one_whether_it_is_sent_or_left_out(journal):
    rows = people(1, 2, 1, 1)
    first = begin(journal, production=True)
    assert chosen(first, rows) == ([1, 2], {LeftOut.REPEATED: 2})
    intend(first, *rows[:2])
    settle(first, rows[0], OutcomeKind.DELIVERED)
    settle(first, rows[1], OutcomeKind.DELIVERED)
    first.end(RunState.FINISHED, 0)
    again = begin(journal, production=True)
    assert chosen(again, rows) == ([], {LeftOut.DELIVERED: 2, LeftOut.REPEATED: 2})
    assert chosen(again, rows, delivered=True) == ([1, 2, 3, 4], {})
    marks = marks_of(rows, again.ways(IDENTITY))
    assert journal.known_before(marks) == {LeftOut.DELIVERED: 2, LeftOut.REPEATED: 2}


@pytest.mark.parametrize("settled", [True, False], ids=["settled as unknown", "cut off"])
def test_what_an_earlier_run_may_have_delivered_is_uncertain(journal, settled):
    rows = people(1, 2)
    first = begin(journal, production=True)
    intend(first, rows[0])
    if settled:
        settle(first, rows[0], OutcomeKind.UNKNOWN)
    first.end(RunState.INTERRUPTED, 130)
    assert chosen(begin(journal, production=True), rows) == ([2], {LeftOut.UNKNOWN: 1})
    assert chosen(begin(journal, production=True), rows, unknown=True) == ([1, 2], {})
    assert chosen(begin(journal, production=True), rows, delivered=True) == ([2], {LeftOut.UNKNOWN: 1})


def test_what_a_run_at_the_same_time_has_under_way_is_uncertain_whenever_it_began(journal):
    rows = people(1, 2, 3)
    first, second = begin(journal, production=True), begin(journal, production=True)
    intend(first, rows[0])
    assert chosen(second, rows) == ([2, 3], {LeftOut.UNKNOWN: 1})
    assert chosen(second, rows, unknown=True) == ([2, 3], {LeftOut.UNKNOWN: 1})
    intend(first, rows[1])
    assert chosen(second, rows) == ([3], {LeftOut.UNKNOWN: 2})
    settle(first, rows[0], OutcomeKind.DELIVERED)
    settle(first, rows[1], OutcomeKind.REJECTED)
    assert chosen(second, rows) == ([3], {LeftOut.DELIVERED: 1, LeftOut.REJECTED: 1})


def test_equal_rows_are_one_however_far_apart_they_stand(journal):
    writer = begin(journal, production=True)
    rows = people(*range(1, 700), 1, 350, 699, *range(701, 6000), 5)
    tally = Tally()
    sent: list[int] = []
    waiting: list[Transaction] = []
    for each in select(iter(rows), Selection(), writer, IDENTITY, tally):
        sent.append(each.row)
        waiting.append(each)
        if len(waiting) == 300:  # as a feed reads ahead
            intend(writer, *waiting)
            waiting.clear()
    assert tally.left_out == {LeftOut.REPEATED: 4}
    assert tally.first_left_out == {LeftOut.REPEATED: [700, 701, 702]}
    assert len(sent) == len(set(sent)) == len(rows) - 4


def test_what_came_before_an_error_comes_before_it_here(journal):
    def breaking() -> Iterator[Transaction]:
        yield from people(1, 2, 3)
        raise TransactionsError("it broke off")

    seen: list[int] = []
    with pytest.raises(TransactionsError):
        for each in select(breaking(), Selection(), begin(journal, production=True), IDENTITY, Tally()):
            seen.append(each.row)
    assert seen == [1, 2, 3]


def test_rows_are_known_by_what_an_earlier_run_told_them_apart_by(journal):
    """A spec that comes to read another attribute, or one less, does not make new rows of old ones."""
    rows = [Transaction(1, "row-1", {"email": "a@example.com", "phone": "1", "other": "x"})]
    first = begin(journal, production=True)
    assert [way.identity for way in first.ways(("email",))] == [("email",)]
    first.intend([(1, "row-1", first.fingerprint(canonical_row(rows[0], ("email",))))])
    settle(first, rows[0], OutcomeKind.DELIVERED)
    first.end(RunState.FINISHED, 0)
    for identity in (("email", "phone"), ("email", "phone", "zip"), ("email",)):
        writer = begin(journal, production=True)
        assert list(select(iter(rows), Selection(), writer, identity, Tally())) == []
        assert journal.known_before(marks_of(rows, journal.ways(["acme"], identity))) == {LeftOut.DELIVERED: 1}
    known = [("email",), ("email", "phone", "zip"), ("email", "phone")]
    assert [way.identity for way in writer.ways(("email",))] == known
    assert {way.identity for way in journal.ways(["acme"], ("zip",))} == {("zip",), *known}
    assert [way.identity for way in journal.ways(["another partner"], ("zip",))] == [("zip",)]


def test_a_run_that_sends_everything_notes_what_its_rows_are_known_by(journal):
    everything = Selection(delivered=True, unknown=True)
    rows = people(1)
    assert list(select(iter(rows), everything, begin(journal, production=True), ("email",), Tally())) == rows
    assert [way.identity for way in journal.ways(["acme"], ("zip",))] == [("zip",), ("email",)]


def test_a_row_is_the_same_whatever_stands_beside_it():
    told = {"email": "a@example.com", "transactionid": "7"}
    alike = [told, {**told, "exported_at": "now"}, {**told, "zip": ""}, {**told, "zip": None}]
    assert len({canonical_row(Transaction(1, "7", each), ("email", "transactionid", "zip")) for each in alike}) == 1
    others = [{**told, "zip": "07919"}, {**told, "transactionid": "8"}, {**told, "zip": "0"}]
    assert len({canonical_row(Transaction(1, "7", each), ("email", "transactionid", "zip")) for each in others}) == 3


@given(
    st.lists(
        st.dictionaries(
            st.sampled_from(["email", "50%", 'a "b"', "transactionid", "other"]),
            st.one_of(
                st.sampled_from(
                    [None, "", " ", "a b", " a", "%s", 'a"', "a\\", "Zoë", "Zoe\u0308", "a\nb", "\x7f", 0, 7, ["x"]]
                ),
                st.text(st.characters(exclude_categories=["Cs"]), max_size=4),
            ),
        ),
        max_size=6,
    )
)
@settings(deadline=None)
def test_rows_looked_up_together_have_the_marks_that_each_has_alone(values):
    identity = ("50%", 'a "b"', "email", "transactionid")
    rows = [Transaction(row, "x", each, problem="no" if row == 5 else None) for row, each in enumerate(values, 1)]
    ways = [RecognitionMethod(bytes(32), identity), RecognitionMethod(b"k" * 32, identity[1:], as_written=True)]
    assert marks_of(rows, ways) == [
        ()
        if row.problem
        else tuple(fingerprint(way.key, canonical_row(row, way.identity, as_written=way.as_written)) for way in ways)
        for row in rows
    ]
    assert marks_of(rows, []) == [()] * len(rows)


def test_a_run_that_was_taken_over_intends_nothing_more(journal, tmp_path):
    writer = begin(journal)
    rows = people(1, 2)
    intend(writer, rows[0])
    with journal._writing() as connection:
        connection.exec_driver_sql("UPDATE run SET pid = 4194304, owner = 'another'")
    with pytest.raises(Exception, match="was taken over by process 4194304"):
        intend(writer, rows[1])
    settle(writer, rows[0], OutcomeKind.DELIVERED)  # an answer is true, whoever owns the run
    assert [(one.row, one.outcome) for one in journal.deliveries(writer.run)] == [(1, OutcomeKind.DELIVERED)]


def test_answers_that_come_to_disk_with_what_is_intended_are_kept_where_a_run_was_taken_over(journal):
    writer = begin(journal)
    rows = people(1, 2, 3)
    intend(writer, *rows[:2])
    with journal._writing() as connection:
        connection.exec_driver_sql("UPDATE run SET pid = 4194304, owner = 'another'")
    over = Deliveries.together([Delivery(1, "tx1", OutcomeKind.DELIVERED, attempts=1)])
    with pytest.raises(JournalError, match="was taken over by process 4194304"):
        writer.intend([(3, "tx3", None)], settled=(over, {}))
    found = [(one.row, one.outcome) for one in journal.deliveries(writer.run)]
    assert found == [(1, OutcomeKind.DELIVERED), (2, OutcomeKind.UNKNOWN)]


def claim(
    writer: RunWriter, *transactions: Transaction, leave: frozenset[OutcomeKind] = frozenset()
) -> dict[int, LeftOut]:
    items = [(each.row, each.id, writer.fingerprint(canonical_row(each, IDENTITY))) for each in transactions]
    return writer.intend(items, leave=leave)


def test_a_row_is_claimed_where_it_is_intended_by_whoever_comes_first(journal):
    """Both have looked before either intends: what `select` saw is out of date by then."""
    one, other = begin(journal, production=True), begin(journal, production=True)
    rows = people(1, 2, 3, 4)
    assert chosen(one, rows) == chosen(other, rows) == ([1, 2, 3, 4], {})
    assert claim(one, *rows[:3]) == {}
    assert claim(other, *rows) == {1: LeftOut.UNKNOWN, 2: LeftOut.UNKNOWN, 3: LeftOut.UNKNOWN}
    assert set(other.unsettled_rows()) == {4}
    settle(one, rows[0], OutcomeKind.DELIVERED)
    settle(one, rows[1], OutcomeKind.REJECTED)
    settle(one, rows[2], OutcomeKind.UNKNOWN)
    assert claim(other, *rows[:3]) == {1: LeftOut.DELIVERED, 2: LeftOut.REJECTED, 3: LeftOut.UNKNOWN}
    assert claim(other, *rows[:3], leave=Selection(unknown=True).leave) == {1: LeftOut.DELIVERED, 2: LeftOut.REJECTED}
    assert claim(other, *rows[:3], leave=frozenset(OutcomeKind)) == {}


def test_workers_of_one_run_do_not_send_what_stands_twice_in_the_input(journal, tmp_path):
    one = begin(journal, production=True)
    with Journal.open(tmp_path / "journal.sqlite") as opened:
        other = opened.attach(one.run)
        first, second, third = people(1, 1, 2)
        assert claim(one, first) == {}
        assert claim(other, second, third) == {2: LeftOut.REPEATED}
        settle(one, first, OutcomeKind.REJECTED)
        assert claim(other, second) == {2: LeftOut.REJECTED}


def test_a_batch_of_which_everything_is_taken_leaves_no_trace(journal):
    one, other = begin(journal, production=True), begin(journal, production=True)
    rows = people(1, 2)
    claim(one, *rows)
    assert set(claim(other, *rows)) == {1, 2}
    assert not other.unsettled_rows()
    other.end(RunState.FINISHED, 0)


def test_staging_takes_no_claims(journal):
    one, other = begin(journal), begin(journal)
    assert claim(one, *people(1)) == claim(other, *people(1)) == {}


def test_a_live_input_is_resumed_over_the_same_rows_alone(journal):
    writer = begin(journal)
    rows = people(1, 2, 3)
    intend(writer, *rows[:2])
    settle(writer, rows[0], OutcomeKind.DELIVERED)
    writer.settle([Delivery(2, "person-0123456789", OutcomeKind.DELIVERED, attempts=1)])  # a name that is not kept

    def resumed(*transactions: Transaction) -> list[int]:
        chosen = select(iter(transactions), Selection(), writer, IDENTITY, Tally(), live=True)
        return [each.row for each in chosen]

    assert resumed(*rows) == [3]
    assert resumed(rows[0], Transaction(2, "another", {}), rows[2]) == [3]
    with pytest.raises(TransactionsError, match=r"ended at row 1, and run .* settled rows up to row 2"):
        resumed(rows[0])
    with pytest.raises(TransactionsError, match="row 1 is another than the row 1 that run"):
        resumed(Transaction(1, "tx7", {}), *rows[1:])


def test_what_cannot_be_sent_repeats_nothing(journal):
    damaged = [Transaction(row, f"row-{row}", {}, problem=f"{row} cells where the header has 2") for row in (1, 2, 3)]
    rows = [*damaged, *people(1, 1, 2, 2)]
    tally = Tally()
    writer = begin(journal, production=True)
    chosen_rows = list(
        select(iter(rows), Selection(), writer, IDENTITY, tally, sendable=lambda each: each.values["email"][0] != "2")
    )
    assert chosen_rows == [*damaged, *people(1), *people(0, 0, 2, 2)[2:]]
    assert tally.left_out == {LeftOut.REPEATED: 1}


def test_while_many_are_left_out_there_are_moments_for_something_else(journal):
    rows = people(*range(10_000))
    ends = Selection(only=((1, 1), (10_000, 10_000)))
    for production in (False, True):
        found = list(select_now_and_then(iter(rows), ends, begin(journal, production=production), IDENTITY, Tally()))
        assert [each for each in found if each] == [rows[0], rows[-1]]
        assert found.index(rows[-1]) >= 9
    first, second = begin(journal, production=True), begin(journal, production=True)
    for start in range(0, 2000, 500):
        intend(first, *rows[start : start + 500])
        first.settle([Delivery(each.row, each.id, OutcomeKind.DELIVERED, attempts=1) for each in rows[start:][:500]])
    found = list(select_now_and_then(iter(rows[:2001]), Selection(), second, IDENTITY, Tally()))
    assert found == [None] * 4 + [rows[2000]]


@pytest.mark.parametrize("seed", range(60))
def test_a_batch_is_sorted_out_at_once_as_row_by_row(seed):
    """A fingerprint that no row has, among the repeated ones, makes it go row by row."""
    chance = random.Random(seed)
    rows = chance.randrange(1, 6)
    batch = [Transaction(row, f"t{row}", {}) for row in range(1, rows + 1)]
    marks = [(bytes([chance.choice((row, row, row, 1))]),) * chance.choice((1, 1, 1, 1, 0, 2)) for row in range(rows)]
    every = sorted({mark for own in marks for mark in own})
    held = chance.choice(([], every, chance.sample(every, len(every) // 2)))
    reasons = chance.choice(([LeftOut.DELIVERED], [LeftOut.REJECTED, LeftOut.DELIVERED]))
    withheld = {mark: chance.choice(reasons) for mark in held}
    chosen, slowly = (
        row_filter._sorted_out(batch, marks, Selection(), repeated, withheld, lambda _: True)
        for repeated in (set(), {b"another"})
    )
    assert chosen == slowly
