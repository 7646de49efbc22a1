"""What the journal is told of events: in batches, redacted, and the same as if each row came alone."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from delivery import exchanges
from delivery.exchanges import REJECTED, batch, deliveries_of, exchange, person, recorded
from rokt_export.delivery.events import Finished, Intended, Progress, Settled, StopReason, Withdrawn
from rokt_export.delivery.journal_listener import Bookkeeper
from rokt_export.delivery.redaction_clues import clue_columns
from rokt_export.delivery.redaction_screen import places_to_redact
from rokt_export.delivery.redaction_setup import redactor_for
from rokt_export.delivery.run_counts import Tally
from rokt_export.exchange.delivery import Delivery, KeptRecordings
from rokt_export.exchange.model import Exchange, Outcome, OutcomeKind, Response
from rokt_export.journal import Journal, RunWriter
from rokt_export.transactions.transaction import Transaction

spec = exchanges.spec
personal = exchanges.personal
writer = exchanges.writer


def test_nothing_is_kept_of_rows_that_are_over(writer, spec, personal):
    """Batches whose rows have different attributes among others whose rows have not: each row is let go of."""
    keeper = Bookkeeper(writer, redactor_for(spec, "staging", {}, key=b"key"), personal, ())
    rows = [person(row, **({"lastname": "Doe"} if row % 7 == 0 else {})) for row in range(1, 101)]
    for start in range(0, 100, 5):  # many of these have one kind of row, others two
        keeper(Intended(tuple(rows[start : start + 5])))
    assert len(keeper._seen) == 100
    keeper(Settled(tuple(map(exchange, rows[:50]))))
    for start in range(50, 80, 3):
        keeper(Settled(tuple(map(exchange, rows[start : start + 3]))))
    keeper(Withdrawn(tuple(rows[80:])))
    assert not keeper._seen


def test_nothing_is_kept_of_rows_that_somebody_else_was_quicker_with(tmp_path, spec, personal):
    with Journal.open(tmp_path / "journal.sqlite") as journal:
        keepers = [
            Bookkeeper(
                journal.begin(
                    command="replay", partner="acme", environment="production",
                    spec_file="acme.yaml", spec_sha256="0" * 64, production=True,
                ),
                redactor_for(spec, "staging", {}, key=b"key"), personal, ("email",),
            )
            for _ in (1, 2)
        ]  # fmt: skip
        for keeper, taken in zip(keepers, (0, 1), strict=True):
            assert len(keeper(Intended((person(1),)))) == taken
        assert [len(keeper._seen) for keeper in keepers] == [1, 0]


def test_only_what_is_personal_in_a_batch_is_redacted(writer, spec, personal):
    redactor = redactor_for(spec, "staging", {}, key=b"key")
    keeper = Bookkeeper(writer, redactor, personal, ())
    exchanges = batch()
    keeper(Intended(tuple(one.transaction for one in exchanges)))
    keeper(Settled(tuple(exchanges)))
    keeper(Settled(()))
    stored = list(_deliveries(writer))
    token = redactor.token("jane.doe@example.com")
    assert [one.reason for one in stored] == [None, f"{token} is known", None, None, "no email", None]
    assert [one.reference for one in stored] == [None, None, f"{redactor.token('Jane')}-7", None, None, None]
    assert [one.transaction for one in stored] == [one.transaction.id for one in exchanges]
    assert stored[0] == deliveries_of(exchanges)[0]
    assert stored[3].error == "dns: no such host"


def _deliveries(writer: RunWriter) -> Iterator[Delivery]:
    with Journal.open(writer._store.path) as journal:
        yield from journal.deliveries(writer.run)


def test_a_row_that_echoes_a_secret_does_not_spoil_the_others(writer, spec, personal):
    redactor = redactor_for(spec, "staging", {}, key=b"key")
    redactor.add_secret("TOKEN", "s3cret-canary")
    Bookkeeper(writer, redactor, personal, ())(
        Settled((exchange(person(1), reference="s3cret-canary"), exchange(person(2), reference="r-2")))
    )
    assert [one.reference for one in _deliveries(writer)] == ["$TOKEN", "r-2"]


MD5 = hashlib.md5(b"jane.doe@example.com", usedforsecurity=False).hexdigest()


def places(rows, texts, personal):
    """The places to redact, which are the same whether the rows' clues were found together or one by one."""
    found = places_to_redact(rows, texts, personal.clues(rows), personal.days)
    alone = [tuple(column[0] for column in personal.clues([row])) for row in rows]
    assert places_to_redact(rows, texts, clue_columns(alone), personal.days) == found
    return found


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({}, "tx1|JANE"),
        ({"firstname": " Jane\t"}, "jane-1"),
        ({"zipcode": "10001"}, "tx-10001"),
        ({"mobile": "2025550123"}, "c20255501239"),
        ({"mobile": "+1 (202) 555-0123"}, "ref-0012025550123"),
        ({"mobile": "+1 (202) 555-0123"}, "2025550123"),
        ({"mobile": "+44 20 7946 0958"}, "02079460958"),
        ({"firstname": "STRASSE7"}, "x-strasse7"),
        ({}, f"tx1|{MD5}"),
        ({}, f"tx1|{hashlib.sha256(b'JANE.DOE@EXAMPLE.COM').hexdigest().upper()}"),
        ({}, f"tx1|{base64.b64encode(hashlib.sha1(b'jane.doe@example.com').digest()).decode().rstrip('=')}"),
        ({}, base64.b64encode(b"jane.doe@example.com").decode().rstrip("=")),
        ({}, base64.urlsafe_b64encode(b"<jane.doe@example.com>").decode().rstrip("=")),
        ({}, "ref_" + base64.b64encode(b"id:jane.doe@example.com").decode().rstrip("=")),
        ({}, b"jane.doe@example.com".hex()),
        ({}, "0" + b"Jane.doe@example.com".hex().upper()),
        ({}, "ref-" + base64.b64encode(b'"Jane"').decode()),
        ({}, "0" + b"Jane-1".hex()),
        ({"lastname": "Müller"}, base64.b64encode("(MÜLLER)".encode()).decode()),
        ({"dob": "1983-12-15"}, base64.b64encode(b"1983-12-15").decode().rstrip("=")),
        ({"dob": "1983-12-15"}, base64.b64encode(b"15 Dec 1983").decode().rstrip("=")),
        ({}, "jane.doe is taken"),
        ({"firstname": "Zoë"}, "Zoe-1"),
        ({"lastname": "Müller"}, "mueller-1"),
        ({"lastname": "Müller"}, "muller"),
        ({"lastname": "Mueller"}, "muller"),
        ({"lastname": "Doe"}, "user doejane"),
        ({"fullname": "Jane van Doe"}, "no Doe, Jane van here"),
        ({"dob": "1983-12-15"}, "born 12/15/83"),
        ({"dob": "1983-12-15"}, "440294400"),
        ({"dob": "1983-12-15"}, "ref|30665"),
        ({"dob": "15/12/1983"}, "December 15, 1983"),
        ({"address1": "12 Main St."}, "12  MAIN ST"),
        ({"unheard_of": "R2D2C3PO"}, "r2d2c3po"),
        ({"amount": "wrong.column7@example.com"}, "wrong.column7 unknown"),
    ],
)
def test_no_text_that_gives_a_person_away_passes_the_screen(spec, personal, values, text):
    """A batch is screened as its rows are one by one, and what is found is what redaction hides."""
    row = person(1, **values)
    redactor = redactor_for(spec, "staging", {}, key=b"key")
    assert places([row], [text], personal) == [0]
    assert redactor.text(text, personal.of(row)) != text
    others = [person(2, **dict.fromkeys(values, "other")), person(3, **dict.fromkeys(values, "other"))]
    assert 1 in places([others[0], row, others[1]], ["tx2", text, "tx3"], personal)
    assert 1 in places([person(2, unlike="19830101"), row], ["tx2", text], personal)
    invented = structs.replace(row, invented=True)
    assert places([invented], [text], personal) == []


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({}, "tx1|12-34"),
        ({}, "The list does not exist."),
        ({"firstname": None}, "tx1"),
        ({"firstname": ""}, "tx1"),
        ({"dob": "1983-12-15"}, "tx00000123|order-000123"),
        ({"mobile": "2025550123"}, "c2025550"),
        ({}, "9f1e6f0c-7a35-4b0c-9a53-0f2f6a4cbb1d"),
    ],
)
def test_a_usual_text_passes_the_screen(personal, values, text):
    assert places([person(1, **values)], [text], personal) == []


words = st.text("Ja1. ß\n", max_size=4)


@given(st.lists(st.tuples(words, words, st.booleans()), min_size=1, max_size=6))
def test_a_batch_is_judged_as_its_rows_are_one_by_one(spec, personal, rows):
    people = [
        Transaction(number, "tx", {"firstname": name}, invented) for number, (name, _, invented) in enumerate(rows)
    ]
    texts = [text for _, text, _ in rows]
    found = places(people, texts, personal)
    assert found == [place for place, (row, text) in enumerate(zip(people, texts, strict=True))
                     if places([row], [text], personal)]  # fmt: skip
    redactor = redactor_for(spec, "staging", {}, key=b"key")
    hidden = [redactor.text(text, personal.of(row)) != text for row, text in zip(people, texts, strict=True)]
    assert {place for place, each in enumerate(hidden) if each} <= set(found)


def test_a_tally_counts_a_batch_as_its_rows_one_by_one():
    together, alone = Tally(), Tally()
    for tally, settled in (
        (together, Settled(tuple(batch()))),
        *((alone, Settled((one,))) for one in batch()),
        (together, Settled()),
    ):
        tally.add(settled.deliveries, settled.unsent)
    assert together == alone
    assert together.outcomes == {"delivered": 3, "rejected": 1, "unknown": 1, "invalid": 1}
    assert (together.figures.attempts, together.retries, together.unreachable, together.figures.latencies.count) == (
        5,
        0,
        1,
        5,
    )


def test_a_row_that_was_only_intended_is_not_called_by_what_is_personal(writer, spec, personal):
    """Its answer may never come: then this is the name that every list of unknown rows shows."""
    redactor = redactor_for(spec, "staging", {}, key=b"key")
    phone = Transaction(1, "2025550143", {"transactionid": "2025550143", "mobile": "2025550143"})
    plain = Transaction(2, "tx-2", {"transactionid": "tx-2", "mobile": "2025550144"})
    Bookkeeper(writer, redactor, personal, ())(Intended((phone, plain)))
    shown = [one.transaction for one in _deliveries(writer)]
    assert shown == [redactor.token("2025550143"), "tx-2"]
    assert not any(b"2025550143" in file.read_bytes() for file in writer._store.path.parent.iterdir())


@pytest.mark.parametrize("last", [Progress(0), Finished(StopReason.COMPLETE)])
def test_recordings_follow_a_large_batch_a_few_at_a_time_and_all_by_the_end(writer, spec, personal, last):
    keeper = Bookkeeper(writer, redactor_for(spec, "staging", {}, key=b"key"), personal, ())
    keeper(Settled(tuple([exchange(person(row)) for row in range(1, 65)])))
    early = recorded(writer)
    keeper(Settled((exchange(person(65)),)))
    assert early == list(range(1, len(early) + 1)) and 0 < len(early) < len(recorded(writer)) < 65
    keeper(last)
    assert recorded(writer) == list(range(1, 66))
    keeper(last)  # nothing is left to do


def test_where_all_fails_no_more_than_some_wait_to_be_recorded(writer, spec, personal):
    keeper = Bookkeeper(writer, redactor_for(spec, "staging", {}, key=b"key"), personal, ())
    for start in range(1, 1_025, 64):
        keeper(Settled(tuple([exchange(person(row), REJECTED) for row in range(start, start + 64)])))
        assert len(recorded(writer)) >= start + 63 - 200


def test_no_recording_waits_where_all_are_kept_or_bodies_are_large(writer, spec, personal):
    redactor = redactor_for(spec, "staging", {}, key=b"key")
    Bookkeeper(writer, redactor, personal, (), KeptRecordings.ALL)(
        Settled(tuple([exchange(person(row)) for row in range(1, 65)]))
    )
    assert recorded(writer) == list(range(1, 65))
    large = Response(500, (), b"x" * 100_000)
    failed = Outcome(OutcomeKind.FAILED)
    Bookkeeper(writer, redactor, personal, ())(
        Settled(tuple([Exchange(person(row), None, large, failed, 1, 1.7e9) for row in range(65, 85)]))
    )
    assert recorded(writer) == list(range(1, 85))


def test_who_leaves_at_once_settles_rows_without_their_recordings(writer, spec, personal):
    pressed = []
    keeper = Bookkeeper(
        writer, redactor_for(spec, "staging", {}, key=b"key"), personal, (), leaving=lambda: bool(pressed)
    )
    for row in (1, 2, 3):
        keeper(Settled((exchange(person(row), reference=f"r-{row}"),)))
        pressed = [2] if row == 2 else pressed
    with Journal.open(writer._store.path) as journal:
        assert [row for row, _ in journal.recordings(writer.run)] == [1, 2]
        assert [(each.row, each.reference) for each in journal.deliveries(writer.run)] == [
            (1, "r-1"), (2, "r-2"), (3, "r-3"),
        ]  # fmt: skip
