"""The mail: a draft to the contact with a table attached, which shows no real person."""

from __future__ import annotations

import csv
import io
import json
import re
import zipfile

import pytest
from msgspec.structs import replace

from reports.report_runs import SPEC, Run, answer, every_outcome, exchange, post
from reports.report_texts import message_of, text_of, written
from rokt_export.exchange.model import Outcome, OutcomeKind
from rokt_export.reports import eml
from rokt_export.reports.run_report import RunReport


def test_the_mail_is_a_draft_to_the_contact(run_report: RunReport) -> None:
    text = written(run_report, "eml")
    assert text.isascii()
    assert "\n" not in text.replace("\r\n", "")
    message = message_of(text)
    assert message["To"] == "Jane Doe <jane.doe@example.com>"
    assert message["Subject"] == "Please confirm 8 test deliveries to Acme Insurance staging, 23 Nov"
    assert message["X-Unsent"] == "1"
    plain, rich = message.get_body(("plain",)), message.get_body(("html",))
    assert plain is not None
    assert rich is not None
    text, page = text_of(message), rich.get_content()
    assert text.startswith("Dear Jane Doe,\n\nOn 23 Nov 2026 we sent 8 test deliveries to your staging system")
    assert max(map(len, text.splitlines())) <= 72
    assert text.index("1. You did not take this: ") < text.index("The records:")
    assert "  - ada.1@example.com, Ada, sent 02:13:21 UTC, your reference A-1\n    status 201: a new record\n" in text
    assert "status 409: already in your system" in text
    assert "All 8 rows are in the attached CSV." in text
    assert "<ol " in page
    (attached,) = message.iter_attachments()
    assert attached.get_filename() == f"acme-{run_report.run.run}.csv"
    table = list(csv.DictReader(io.StringIO(attached.get_content())))
    assert [row["outcome"] for row in table] == [
        "delivered", "duplicate", "rejected", "failed", "unclassified", "unknown", "failed", "delivered"
    ]  # fmt: skip
    assert table[0] == {
        "sent_utc": "2026-11-23 02:13:21.250", "email": "ada.1@example.com", "person.first": "Ada", "status": "201",
        "outcome": "delivered", "reference": "A-1", "reason": "",
    }  # fmt: skip
    for ours in ("tx-", "no rule matched", "invalid", "SHA-256", run_report.run.run):
        assert ours not in text
        assert ours not in page
        assert ours not in attached.get_content()


def test_a_mail_without_deliveries_has_no_empty_table(tell) -> None:
    invalid = Outcome(OutcomeKind.INVALID, reason="parameter email: no value")
    message = message_of(written(tell(Run([exchange(1, None, None, outcome=invalid)])), "eml"))
    assert message["Subject"] == "Is Acme Insurance staging ready to receive records?"
    assert "none has gone to your staging system yet" in " ".join(text_of(message).split())
    assert "<table" not in message.get_body(("html",)).get_content()


def test_a_mail_about_real_people_shows_neither_them_nor_our_tokens(tell) -> None:
    people = ["jane.doe.real@example.com", "joe.doe.real@example.com", "ann.doe.real@example.com"]
    rows = [
        exchange(1, post(b'{"email": "%s"}' % people[0].encode()), answer(201, '{"id": "A-1"}'), invented=False),
        # The partner's reference is the address itself, and the other two were sent in one moment.
        exchange(2, post(), answer(201, json.dumps({"id": people[1]})), invented=False),
        exchange(3, post(), answer(422, json.dumps({"error": f"{people[2]} is no member"})), invented=False),
        exchange(4, post(), answer(300, json.dumps({"note": "a teapot", "who": people[2]})), invented=False),
        exchange(5, post(), answer(201, json.dumps({"id": people[1]})), invented=False),
    ]
    rows[4] = replace(rows[4], started=rows[1].started)
    run_report = tell(Run(rows, personal=people))
    message = message_of(written(run_report, "eml"))
    (attached,) = message.iter_attachments()
    page = message.get_body(("html",)).get_content()
    letter = " ".join(text_of(message).split())
    for shown in (letter, page, attached.get_content(), written(run_report, "markdown").partition("\n---\n")[0]):
        assert "person-" not in shown
        assert not [person for person in people if person in shown]
    assert "UTC (line 3 of the attached CSV), the one sent 02:13:22.250 UTC (line 6 of the attached CSV)?" in letter
    assert "status 422: rejected because of its data (“… is no member”)" in letter
    assert 'status 300: we do not know what this means (“{"note": "a teapot", "who": "…"}”)' in letter
    assert "we sent 5 deliveries to your staging system" in letter
    assert "We do not understand your response to this: " in letter
    assert "These are real customers, so we leave out their data" in letter
    assert attached.get_content().splitlines()[0] == "sent_utc,status,outcome,reference,reason"


def test_a_large_table_is_zipped(run_report: RunReport, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(eml, "LARGEST_PLAIN", 100)
    attached = next(message_of(written(run_report, "eml")).iter_attachments())
    with zipfile.ZipFile(io.BytesIO(attached.get_content())) as packed:
        assert packed.read(packed.namelist()[0]).decode().startswith("sent_utc,email,person.first,status,outcome,")


@pytest.mark.parametrize("contact", ["{name: Jane Doe}", '{name: "Jane\\nBcc: x@example.com", email: "a b@@c"}'])
def test_a_contact_without_a_usable_address_gets_a_mail_without_one(tell, contact: str) -> None:
    spec = re.sub(r"contact: \{.*\}", lambda _: f"contact: {contact}", SPEC)
    message = message_of(written(tell(Run(every_outcome(), spec=spec)), "eml"))
    assert message["To"] is None
    assert message["Bcc"] is None
