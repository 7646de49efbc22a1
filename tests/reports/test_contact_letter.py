"""The letter claims nothing of the partner's system that the journal does not know, and asks only where it has to."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import pytest
from journal_samples import DELIVERED, DUPLICATE, FAILED, INVALID, REJECTED, UNKNOWN, begin, item, settled
from msgspec.structs import replace

from rokt_export.exchange.delivery import Delivery
from rokt_export.exchange.model import OUTCOMES, OutcomeKind
from rokt_export.journal import Journal, RunState
from rokt_export.reports.contact_letter import ContactLetter
from rokt_export.reports.run_facts import lookups
from rokt_export.reports.run_report import RunReport

ASKS = "ready to receive records?"
READY = f"Is acme staging {ASKS}"


def run(
    journal: Journal,
    *outcomes: OutcomeKind,
    state: RunState | None = RunState.FINISHED,
    notes: Mapping[str, Any] | None = None,
    total: int | None = None,
    only: tuple[str, ...] | None = None,
    invented: bool = False,
    **begun: Any,
) -> RunReport:
    """A replay whose rows came to these outcomes; without a state it goes on."""
    writer = begin(journal, **{"options": {"rows": total}, **begun})
    rows = [(row, kind) for row, kind in enumerate(outcomes, 1)]
    writer.intend([item(row) for row, kind in rows if kind is not INVALID])
    writer.settle([came(row, kind, invented) for row, kind in rows if kind is not UNKNOWN])
    journal.note(writer.run, notes or {})
    if state is not None:
        writer.end(state, 0)
    return RunReport.of(journal, journal.find(writer.run), only=only)


def came(row: int, kind: OutcomeKind, invented: bool) -> Delivery:
    one = replace(settled(row, kind), invented=invented)
    if kind is INVALID:
        return replace(one, status=None, rule=None, attempts=0, started=0.0, latency_ms=None, reason="no value")
    return replace(one, status=None, error="connect: refused") if kind is FAILED else one


def letter(run_report: RunReport, language: str = "en") -> tuple[str, str]:
    """Subject, and the text on one line; the page and the Markdown say the same."""
    made = ContactLetter(run_report, language)
    text = " ".join(made.text().split())
    opening = text.partition(" 1. ")[0].removesuffix(" Kind regards").partition(", ")[2]
    page = " ".join(re.sub(r"<[^>]+>", "", made.html()).split())
    shown = " ".join(made.markdown().replace("\\", "").split())
    assert [opening in page, opening.removeprefix("Hello,") in shown] == [True, True]
    return made.subject(), text


LEFT_OUT = {"left_out": {"delivered": 188, "rejected": 2, "unknown": 1}}


@pytest.mark.parametrize("outcomes", [(), (INVALID, INVALID)], ids=["no row", "invalid rows"])
def test_a_run_that_left_rows_out_does_not_say_that_the_partner_has_nothing(
    journal: Journal, outcomes: tuple[OutcomeKind, ...]
) -> None:
    run(journal, DELIVERED)
    run_report = run(journal, *outcomes, notes=LEFT_OUT)
    subject, text = letter(run_report)
    assert subject.startswith("Nothing was sent to acme staging, ")
    assert "we sent nothing to your staging system." in text
    assert "188 that you have already, 2 that you rejected before, 1 that you may have already." in text
    for claim in (ASKS, "about to send", "none has gone", "1. ", "Thank you"):
        assert claim not in text
    german = letter(run_report, "de")
    assert german[0].startswith("Nichts gesendet an acme (staging), ")
    assert "188, die Sie bereits haben; 2, die Sie früher abgelehnt haben" in german[1]
    assert "ging bisher keiner" not in german[1]


def test_only_the_first_contact_asks_whether_the_partner_is_ready(journal: Journal) -> None:
    run(journal, DELIVERED, environment="production")
    run(journal, DELIVERED, options={"flags": {"sandbox": True}})
    subject, text = letter(run(journal, INVALID))
    assert (subject, ASKS in text) == (READY, True)
    assert "As far as we have recorded, none has gone to your staging system yet." in text
    assert ASKS not in letter(run(journal, state=None))[1]
    run(journal, DUPLICATE)
    subject, text = letter(run(journal, INVALID))
    assert subject.startswith("Nothing was sent to acme staging, ")
    assert "we sent nothing to your staging system." in text
    assert ASKS not in text and "none has gone" not in text


def test_rows_that_are_not_listed_were_sent_all_the_same(journal: Journal) -> None:
    outcomes = (DELIVERED, DELIVERED, REJECTED)
    for only, about in (
        (("rejected",), "This is about 1 of them."),
        (("duplicate",), "None of them was already in your system."),
    ):
        subject, text = letter(run(journal, *outcomes, only=only))
        assert "we sent 3 deliveries to your staging system. " + about in text
        assert subject.startswith("Please confirm 1 delivery" if only == ("rejected",) else "3 deliveries to acme")
    counted = run(journal, *outcomes)
    journal.keep_as_counts(counted.run.run, [DELIVERED, REJECTED])
    text = letter(RunReport.of(journal, journal.find(counted.run.run)))[1]
    assert "we sent 3 deliveries to your staging system. Of these we have kept only the counts." in text
    purged = run(journal, *outcomes)
    journal.purge(purged.run.run, keep_counts=True)
    subject, text = letter(RunReport.of(journal, journal.find(purged.run.run)))
    assert subject.startswith("3 deliveries to acme staging, ")
    assert "we sent 3 deliveries to your staging system; our records of them have been removed since." in text


def test_a_letter_says_what_it_lists_and_what_the_table_has_beside(journal: Journal) -> None:
    run_report = run(journal, *[DELIVERED] * 7, INVALID, INVALID)
    made = ContactLetter(run_report, attached=False).markdown().replace("\\", "")
    assert "Listed above are 5 of 7 records, the first of each outcome." in made
    assert "All 7 rows are in the table below, beside 2 other rows of the run." in made
    text = letter(run_report)[1]
    assert "All 7 rows are in the attached CSV." in text and "Listed above are 5 of 7 records" in text
    few = letter(run(journal, DELIVERED))[1]
    assert "Listed above" not in few and "The row is in the attached CSV." in few
    assert "Oben stehen 5 von 7 Datensätzen" in letter(run_report, "de")[1]


def test_only_a_letter_with_references_asks_to_look_for_them(journal: Journal) -> None:
    assert "find the records by time." in letter(run(journal, DELIVERED))[1]
    writer = begin(journal)
    writer.intend([item(1)])
    writer.settle([replace(settled(1, DELIVERED), reference="A-1")])
    writer.end(RunState.FINISHED, 0)
    assert "find the records by time and reference." in letter(RunReport.of(journal, journal.find(writer.run)))[1]


def test_one_row_to_look_up_is_in_the_singular(journal: Journal) -> None:
    assert lookups(run(journal, UNKNOWN))[-1] == "unknown, did they arrive: 1 row"


def test_a_live_system_is_not_asked_how_to_make_it_fail(journal: Journal) -> None:
    spec = (
        "spec_version: 1\npartner: acme\nendpoint: {staging: 'https://test.example.com'}\nencoding: json\n"
        "parameters: [{name: e, attribute: email}]\n"
        "responses: [{outcome: delivered, status: 201}, {outcome: failed, status: 5xx}]\n"
    )
    asked = [
        "How can we trigger a response for an error of your service?" in letter(run_report)[1]
        for guarded in (False, True)
        for run_report in [run(journal, DELIVERED, notes={"spec_text": spec}, production=guarded)]
    ]
    assert asked == [True, False]


@pytest.mark.parametrize(
    ("state", "total", "said"),
    [
        (RunState.FINISHED, 9, ""),
        (RunState.INTERRUPTED, 9, "We stopped before the end: 7 further records were not sent."),
        (RunState.INTERRUPTED, 3, "We stopped before the end: 1 further record was not sent."),
        (RunState.INTERRUPTED, 2, ""),
        (RunState.INTERRUPTED, None, "We stopped before the end, so further records may not have been sent."),
        (None, 9, "We are still sending, so more may follow."),
    ],
)
def test_a_letter_says_that_the_run_did_not_reach_its_end(
    journal: Journal, state: RunState | None, total: int | None, said: str
) -> None:
    text = letter(run(journal, DELIVERED, DUPLICATE, state=state, total=total))[1]
    assert "we sent 2 deliveries to your staging system. " in text
    assert f"the questions below. {said}" in text
    assert ("We stopped" in text or "We are still" in text) == bool(said)


def test_rows_under_way_are_neither_counted_nor_asked_about(journal: Journal) -> None:
    text = letter(run(journal, DELIVERED, UNKNOWN, state=None))[1]
    assert "we sent 1 delivery to your staging system." in text
    assert "no response" not in text
    subject, text = letter(run(journal, UNKNOWN, environment="other", state=None))
    assert subject.startswith("1 delivery under way to acme other, ")
    assert "We are sending 1 delivery to your other system; there is no response yet. We are still sending" in text
    subject, text = letter(run(journal, environment="empty", state=None))
    assert subject.startswith("Nothing was sent to acme empty, ")
    assert "We have not sent anything to your empty system yet. We are still sending" in text


def test_a_row_that_timed_out_was_sent_while_its_run_goes_on(journal: Journal) -> None:
    writer = begin(journal)
    writer.intend([item(row) for row in (1, 2, 3)])
    writer.settle([replace(settled(row, UNKNOWN), status=None, reason="no response within 5 s") for row in (1, 2)])
    subject, text = letter(RunReport.of(journal, journal.find(writer.run)))
    assert subject.startswith("Please confirm 2 deliveries to acme staging, ")
    assert "we sent 2 deliveries to your staging system." in text
    assert "We received no response for these: " in text and "more" not in text.partition("1. ")[2]


def test_a_row_in_flight_of_another_run_is_a_contact(journal: Journal) -> None:
    run(journal, UNKNOWN, state=None)
    subject, text = letter(run(journal, INVALID))
    assert subject.startswith("Nothing was sent to acme staging, ")
    assert ASKS not in text and "none has gone" not in text


@pytest.mark.parametrize(("language", "ready"), [("en", ASKS), ("de", "bereit, Datensätze zu empfangen?")])
def test_each_outcome_of_a_sent_row_has_a_question(journal: Journal, language: str, ready: str) -> None:
    assert ready in letter(run(journal, INVALID), language)[1]  # what stands where no other question does
    asked = {kind: letter(run(journal, kind), language)[1] for kind in OutcomeKind}
    without = {kind for kind, text in asked.items() if "1. " not in text or ready in text}
    assert without == {kind for kind, facts in OUTCOMES.items() if not facts.sent}


def test_a_connection_that_failed_is_no_delivery(journal: Journal) -> None:
    subject, text = letter(run(journal, FAILED, FAILED))
    assert subject.startswith("We could not connect to acme staging, ")
    assert "we tried to send 2 deliveries to your staging system and could not connect to it." in text
    text = letter(run(journal, DELIVERED, FAILED))[1]
    assert "we sent 2 deliveries to your staging system; for 1 of them we could not connect to it." in text


OURS = [
    "protocol: the request to 127.0.0.1 cannot be sent: a header has a line break",
    "connect: nothing listens on the proxy 127.0.0.1:9 (connection refused)",
    "dns: the name of the proxy proxy.example.com cannot be resolved: check the proxy settings",
]


@pytest.mark.parametrize("error", OURS)
def test_a_fault_of_ours_says_nothing_of_the_connection(journal: Journal, error: str) -> None:
    writer = begin(journal)
    failed = replace(settled(1, FAILED), status=None, error=error)
    writer.settle([failed, replace(failed, row=2)])
    writer.end(RunState.FINISHED, 0)
    run_report = RunReport.of(journal, journal.find(writer.run))
    subject, text = letter(run_report)
    assert subject.startswith("We could not send 2 deliveries to acme staging, ")
    assert "we tried to send 2 deliveries to your staging system, but nothing went out." in text
    assert "connect to" not in text and "it did not go out" in text
    assert "aber nichts davon ging hinaus" in letter(run_report, "de")[1]
    writer = begin(journal)
    writer.settle([failed, replace(failed, row=2, error="connect: refused"), settled(3)])
    writer.end(RunState.FINISHED, 0)
    text = letter(RunReport.of(journal, journal.find(writer.run)))[1]
    assert "for 1 of them we could not connect to it; 1 of them did not go out." in text


def test_a_purged_run_without_a_connection_has_one_letter(journal: Journal) -> None:
    """Which fault it was is purged; that no response came and nothing went out is not."""
    run_report = run(journal, FAILED, FAILED)
    journal.purge(run_report.run.run)
    purged = RunReport.of(journal, journal.find(run_report.run.run))
    subject, text = letter(purged)
    assert subject.startswith("We could not send 2 deliveries to acme staging, ")
    assert "we tried to send 2 deliveries to your staging system, but nothing went out; our records" in text
    assert "wollten wir 2 Datensätze an Ihr System senden (staging), aber nichts" in letter(purged, "de")[1]


def test_only_test_data_is_called_so(journal: Journal) -> None:
    assert "we sent 1 test delivery to your" in letter(run(journal, DELIVERED, invented=True))[1]
    writer = begin(journal)
    writer.settle([replace(settled(1), invented=True), settled(2)])
    writer.end(RunState.FINISHED, 0)
    text = letter(RunReport.of(journal, journal.find(writer.run)))[1]
    assert "we sent 2 deliveries to your" in text
    assert "Some of these are real customers" in text


def test_a_record_that_was_sent_twice_says_so_and_when(journal: Journal) -> None:
    writer = begin(journal)
    rows = [replace(settled(row), reference=f"A-{row}", started=1.7e9 + row) for row in (1, 2)]
    writer.intend([item(1), item(2)])
    writer.settle([replace(rows[0], outcome=UNKNOWN, status=None, reference=None, error="timeout_after_send: none")])
    writer.intend([item(1)])
    writer.settle([replace(rows[0], started=1.7e9 + 90), rows[1]])
    writer.end(RunState.FINISHED, 0)
    run_report = RunReport.of(journal, journal.find(writer.run))
    text = letter(run_report)[1]
    assert "exactly once, as a new record: A-1 (sent 2 times), A-2?" in text
    assert "- first sent 22:13:21 UTC, 2 times in all, your reference A-1 " in text
    assert "- sent 22:13:22 UTC, your reference A-2 " in text
    german = letter(run_report, "de")[1]
    assert "A-1 (2-mal gesendet), A-2?" in german and "zuerst gesendet 22:13:21 UTC, insgesamt 2-mal" in german
