"""The letter claims nothing of the partner's system that the journal does not know, and asks only where it has to."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Mapping
from email.message import EmailMessage
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
from journal_samples import DELIVERED, DUPLICATE, FAILED, INVALID, REJECTED, UNKNOWN, begin, item, settled
from msgspec.structs import replace

from reports.report_runs import SPEC, STARTED, Run, answer, exchange, post
from reports.report_texts import message_of, text_of, written
from rokt_export.errors import UsageError
from rokt_export.exchange.delivery import Delivery
from rokt_export.exchange.model import OUTCOMES, Exchange, Outcome, OutcomeKind
from rokt_export.journal import Journal, RunState
from rokt_export.partner_spec.document import parse
from rokt_export.partner_spec.loading import read_spec
from rokt_export.reports import eml
from rokt_export.reports.contact_letter import ContactLetter
from rokt_export.reports.run_facts import lookups
from rokt_export.reports.run_report import RunReport
from rokt_export.response.classify import Classifier

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


def test_what_the_partner_only_accepted_is_asked_as_such(tell) -> None:
    spec = SPEC.replace("status: 200-299, capture", "status: 200-299, provisional: true, capture")
    run_report = tell(Run([exchange(1, post(), answer(201, '{"id": "A-1"}'))], spec=spec))
    text = text_of(message_of(written(run_report, "eml")))
    assert "You accepted this and decide later: test@example.com." in " ".join(text.split())
    assert "accepted, not yet decided" in text


@pytest.mark.parametrize(
    ("status", "asked", "read", "german"),
    [
        (401, "Do you know the credentials that we send", "our credentials were not accepted", "Kennen Sie unsere"),
        (403, "Do you let requests from our network in", "we were not let in", "aus unserem Netz zu"),
        (404, "Is this the right address for such records (POST https://", "our address is not known", "die richtige"),
        (405, "Are this address and method right", "our method is not taken", "Sind Adresse und Methode"),
        (415, "Which content type do you expect?", "our content type is not taken", "Content-Type erwarten"),
        (421, "Is this the right address", "our host is not known", "die richtige Adresse"),
        (426, "Which protocol do you expect", "another protocol is asked for", "Welches Protokoll"),
        (429, "You asked us to slow down. How fast may we send", "you asked us to slow down", "Wie schnell dürfen wir"),
        (308, "What is the final address", "a redirect", "leiten uns an eine andere Adresse"),
    ],
)
@pytest.mark.parametrize("kind", [OutcomeKind.FAILED, OutcomeKind.UNCLASSIFIED])
def test_a_wrong_set_up_is_asked_as_such(
    tell, status: int, asked: str, read: str, german: str, kind: OutcomeKind
) -> None:
    came = answer(status, "{}", **{"X-Request-Id": "7f3a-19"})
    rule = "setup" if kind is OutcomeKind.FAILED else None
    run_report = tell(Run([exchange(1, post(), came, outcome=Outcome(kind, rule=rule))]))
    for form in ("eml", "markdown"):
        whole = text_of(message_of(written(run_report, form))) if form == "eml" else written(run_report, form)
        letter = " ".join(whole.partition("\n---\n")[0].replace("\\", "").split())
        assert asked in letter
        assert f"status {status}: {read}" in letter
        assert "In your logs: 02:13:21 UTC, X-Request-Id: 7f3a-19." in letter
        for wrong in ("Was your service unavailable", "What does it mean", "How can we trigger"):
            assert wrong not in letter
    stream = io.StringIO(newline="")
    eml.write(run_report, stream, "de")
    page = message_of(stream.getvalue()).get_body(("html",)).get_content()
    assert german in page and "X-Request-Id: 7f3a-19" in page


def test_what_certify_provoked_is_not_asked_about(tell) -> None:
    refused = exchange(2, post(), answer(401, "{}"), outcome=Outcome(OutcomeKind.FAILED, rule="setup"))
    rows = [exchange(1, post(), answer(201, '{"id": "A-1"}')), refused]
    for command, asked in (("certify", False), ("test", True)):
        letter = " ".join(text_of(message_of(written(tell(Run(rows, command=command)), "eml"))).split())
        assert ("Do you know the credentials" in letter) == asked
        assert "Was your service unavailable" not in letter


@pytest.mark.parametrize("later", [1, 7])
def test_each_row_that_is_named_in_a_question_is_among_the_records(tell, later: int) -> None:
    spec = SPEC.replace(
        "  - {outcome: delivered, status: 200-299",
        "  - {outcome: delivered, status: 202, provisional: true}\n  - {outcome: delivered, status: 200-299",
    )
    classifier = Classifier(read_spec(parse("acme.yaml", spec)).spec.responses)
    statuses = [*[201] * 40, *[202] * later, 422, 409]

    def sent(row: int, status: int) -> Exchange:
        came = answer(status, '{"error": "exists"}' if status == 409 else "{}")
        request = post(json.dumps({"email": f"jane.doe.{row}@example.com"}).encode())
        return exchange(row, request, came, outcome=classifier.classify(came))

    run_report = tell(Run([sent(row, status) for row, status in enumerate(statuses, 1)], spec=spec))
    text = text_of(message_of(written(run_report, "eml")))
    questions, _, records = text.partition("The records:")
    asked = " ".join(questions.split())
    named = set(re.findall(r"jane\.doe\.\d+@example\.com", questions))
    assert {name for name in named if f"  - {name}, sent" not in records} == set()
    assert named >= {"jane.doe.1@example.com", "jane.doe.41@example.com"}
    assert ("decide later: jane.doe.41@example.com." in asked) == (later == 1)
    assert ("jane.doe.43@example.com and 4 more. What did you decide" in asked) == (later == 7)
    assert "jane.doe.3@example.com and 37 more?" in asked
    assert "  - 40 × a new record\n" in records
    assert f"  - {later} × accepted, not yet decided\n" in records
    assert "  - 1 × status 422: rejected because of its data" in records


def test_records_of_one_second_are_told_apart(tell) -> None:
    rows = [exchange(row, post(), answer(201, json.dumps({"id": f"A-{row}"}))) for row in (1, 2, 3)]
    rows[1:] = [replace(one, started=STARTED + 1 + row / 1000) for row, one in enumerate(rows[1:], 1)]
    text = text_of(message_of(written(tell(Run(rows)), "eml")))
    assert [f"sent 02:13:21.{end} UTC" in text for end in (250, 251, 252)] == [True] * 3
    named = " ".join(text.split())
    assert "test@example.com (sent 02:13:21.251 UTC), test@example.com (sent 02:13:21.252 UTC)" in named


def test_an_endpoint_in_a_letter_names_no_variable_of_ours(tell) -> None:
    spec = SPEC.replace("staging.example.com/leads", "staging.example.com/lists/{{ env.ACME_TOKEN }}/leads")
    sent = replace(post(), url="https://staging.example.com/lists/s3cr3t-t0k3n/leads")
    text = text_of(message_of(written(tell(Run([exchange(1, sent, answer(201, "{}"))], spec=spec)), "eml")))
    assert "(POST https://staging.example.com/lists/…/leads)" in " ".join(text.split())


def test_a_house_has_its_own_words_and_language(run_report: RunReport, tmp_path: Path) -> None:
    def mail(template: str) -> EmailMessage:
        stream = io.StringIO(newline="")
        eml.write(run_report, stream, template)
        return message_of(stream.getvalue())

    german = mail("de")
    assert german["Subject"] == "Bitte um Bestätigung: 8 Testdatensätze an Acme Insurance (staging), 23. November"
    assert "Mit freundlichen Grüßen" in german.get_body(("html",)).get_content()
    english = resources.files("rokt_export.reports") / "assets" / "letter" / "en" / "words.jinja"
    own = english.read_text(encoding="utf-8").replace("Kind regards", "Your friends at {{ mail.partner.lower() }}")
    (tmp_path / "words.jinja").write_text(own, encoding="utf-8")
    assert text_of(mail(str(tmp_path))).endswith("Your friends at acme insurance\n")
    for fault, place in (("{{ mail.nothing }}", "mail.nothing"), ("{% if %}", ""), ("{{ 1 / 0 }}", "ZeroDivision")):
        (tmp_path / "words.jinja").write_text(own.replace("Thank you", fault), encoding="utf-8")
        with pytest.raises(UsageError, match="the template fails") as raised:
            mail(str(tmp_path))
        assert place.removeprefix("mail.") in str(raised.value)
    with pytest.raises(UsageError, match="no such language or folder"):
        mail("klingon")
