"""Markdown, mail, JUnit, HAR and page: each well-formed, holding every delivery, agreeing on counts."""

from __future__ import annotations

import csv
import email
import email.policy
import inspect
import io
import json
import pkgutil
import re
import subprocess
import sys
import zipfile
import zlib
from base64 import b64decode
from collections import Counter
from collections.abc import Collection, Iterable
from email.message import EmailMessage
from html.parser import HTMLParser
from importlib import import_module, resources
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import jsonschema
import pyarrow.parquet
import pytest
from msgspec.structs import replace

from reports.report_runs import HIDDEN, SPEC, STARTED, Run, answer, every_outcome, exchange, post
from rokt_export import reports
from rokt_export.errors import UsageError
from rokt_export.exchange.delivery import Delivery
from rokt_export.exchange.model import Exchange, Fault, FaultKind, Outcome, OutcomeKind
from rokt_export.journal import Journal, RunState
from rokt_export.journal.recording import record
from rokt_export.partner_spec.document import parse
from rokt_export.partner_spec.loading import read_spec
from rokt_export.redaction import Redactor
from rokt_export.reports import brief, eml
from rokt_export.reports.formats import FORMATS, ReportFormat
from rokt_export.reports.listing import Listing
from rokt_export.reports.run_facts import lookups
from rokt_export.reports.run_report import RunReport
from rokt_export.response.classify import Classifier

DATA = Path(__file__).parent / "data"
HOSTILE = '</script><img src=x onerror="alert(1)"> ]]> | `x` [a](b) *c* \x00\x1b\ufffe end'


def written(run_report: RunReport, name: str, deliveries: Iterable[Delivery] | None = None) -> str:
    stream = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", newline="")
    FORMATS[name].write(run_report, stream, deliveries=deliveries)
    stream.flush()
    data = stream.buffer.getvalue()
    return parquet_text(data) if name == "parquet" else data.decode()


def parquet_text(data: bytes) -> str:
    """The rows of a Parquet file, as one JSON document."""
    return json.dumps(pyarrow.parquet.read_table(io.BytesIO(data)).to_pylist(), ensure_ascii=False)


class Reader(HTMLParser):
    """What is in a page: its elements, their attributes, the text of its scripts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[tuple[dict[str, str | None], str]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attributes)))
        if tag == "script":
            self.scripts.append((dict(attributes), ""))

    def handle_data(self, data: str) -> None:
        if self.scripts and self.lasttag == "script":
            attributes, before = self.scripts[-1]
            self.scripts[-1] = (attributes, before + data)

    @property
    def rows(self) -> list[list[Any]]:
        packed = next(text for attributes, text in self.scripts if attributes.get("id") == "rows")
        return [json.loads(line) for line in zlib.decompress(b64decode(packed)).splitlines()]

    @property
    def blocks(self) -> list[dict[str, Any]]:
        packed = [text for attributes, text in self.scripts if attributes.get("class") == "block"]
        return [json.loads(zlib.decompress(b64decode(text))) for text in packed]


def message_of(text: str) -> EmailMessage:
    message = email.message_from_string(text, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    return message


def text_of(message: EmailMessage) -> str:
    body = message.get_body(("plain",))
    assert body is not None
    return str(body.get_content()).replace("\r\n", "\n")


def outcomes_in(run_report: RunReport, name: str, deliveries: Iterable[Delivery] | None = None) -> list[str]:
    """The outcome of each delivery, as a format tells it."""
    text = written(run_report, name, deliveries)
    kinds = [str(kind) for kind in OutcomeKind]
    match name:
        case "csv":
            return [row["outcome"] for row in csv.DictReader(io.StringIO(text, newline=""))]
        case "ndjson":
            return [json.loads(line)["outcome"] for line in text.splitlines()]
        case "parquet":
            return [one["outcome"] for one in json.loads(text)]
        case "json":
            return [one["outcome"] for one in json.loads(text)["deliveries"]]
        case "har":
            return [entry["_delivery"]["outcome"] for entry in json.loads(text)["log"]["entries"]]
        case "junit":
            cases = ElementTree.fromstring(text).iter("testcase")
            return [case[0].attrib["type"] if len(case) else run_report.expected for case in cases]
        case "markdown":
            heading = "## Every delivery" if run_report.only is None else "## Deliveries"
            table = [line for line in text.partition(heading)[2].splitlines() if line.startswith("|")][2:]
            return [line.split(" | ")[3] for line in table]
        case "eml":
            attached = next(message_of(text).iter_attachments()).get_content()
            return [row["outcome"] for row in csv.DictReader(io.StringIO(attached, newline=""))]
        case "html":
            return [kinds[row[2]] for row in Reader(text).rows]
    raise AssertionError(f"outcomes_in does not read the format {name} yet: add a case for it")


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_holds_every_delivery_and_agrees_on_counts(run_report: RunReport, name: str) -> None:
    told = [str(one.outcome) for one in run_report.deliveries() if one.started or name != "eml"]
    assert outcomes_in(run_report, name) == told
    assert len(told) == run_report.rows - (name == "eml")  # a row that was never sent is none of the partner's business


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_lists_only_the_outcomes_that_are_asked_for(
    run_report: RunReport, journal: Journal, name: str
) -> None:
    some = RunReport.of(journal, run_report.run, only=frozenset({OutcomeKind.REJECTED, OutcomeKind.UNKNOWN}))
    assert set(outcomes_in(some, name)) == {"rejected", "unknown"}


@pytest.mark.parametrize("name", [name for name, form in FORMATS.items() if form.rows])
def test_a_format_of_rows_writes_those_that_it_is_given(run_report: RunReport, name: str) -> None:
    parts = [outcomes_in(run_report, name, [one]) for one in run_report.deliveries()]
    assert parts == [[str(one.outcome)] for one in run_report.deliveries()]


def test_the_formats_of_rows_are_those_that_can_be_split() -> None:
    assert [name for name, form in FORMATS.items() if "deliveries" in _parameters(form)] == [
        name for name, form in FORMATS.items() if form.rows
    ]


def _parameters(form: ReportFormat) -> Collection[str]:
    module, _, function = form.writer.partition(":")
    return inspect.signature(getattr(import_module(f"rokt_export.reports.{module}"), function)).parameters


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_stands_an_empty_a_purged_and_an_unknown_run(tell, journal: Journal, name: str) -> None:
    empty = tell(Run([]))
    assert outcomes_in(empty, name) == []
    whole = tell(Run(every_outcome()))
    journal.purge(whole.run.run)
    purged = RunReport.of(journal, journal.find(whole.run.run))
    lacking = {"invalid": 1} if name == "eml" else {}
    assert Counter(outcomes_in(purged, name)) + Counter(lacking) == whole.counts


FORGED = (
    f"</script></table>{HIDDEN} | tx-9 | x | delivered | 200 | | ||\r\n| 9 | tx-9 | x | delivered | 200 | | |\n"
    '9,tx-9,delivered,200,,,,,1,1,\r\n{"row": 9, "outcome": "delivered"}\n"/></testcase><testcase name="row 9"/>]]>\n'
)
"""What would forge a row of each format, were a text of the file or of the partner written as it is."""


def in_the_open(text: str, name: str) -> str:
    """What a format's file shows: a mail's parts are decoded, and of Parquet the program that reads it decides."""
    match name:
        case "parquet":
            return ""
        case "eml":
            parts = [part for part in message_of(text).walk() if not part.is_multipart()]
            return "\n".join(str(part.get_content()) for part in parts)
        case _:
            return text


@pytest.mark.parametrize("name", FORMATS)
def test_no_text_of_others_forges_a_row_or_steers_what_shows_it(tell, name: str) -> None:
    rows = [exchange(row, post(), answer(422, json.dumps({"error": FORGED}))) for row in (1, 2)]
    run_report = tell(Run([replace(one, transaction=replace(one.transaction, id=f"a | b{FORGED}")) for one in rows]))
    try:
        found: object = outcomes_in(run_report, name)
    except Exception as error:  # noqa: BLE001 - whatever fails, the format cannot be read back
        found = error
    assert found == ["rejected"] * 2, f"{name}: escape each text of a row: see display_text.py"
    steering = {sign for sign in in_the_open(written(run_report, name), name) if not sign.isprintable()} - set("\r\n\t")
    assert not steering, f"{name} writes signs that steer a terminal or an editor: see display_text.py"


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_says_which_rows_it_leaves_out(
    run_report: RunReport, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = Listing.of
    monkeypatch.setattr(Listing, "of", classmethod(lambda _cls, told, _most: whole(told, 4)))
    text = " ".join(in_the_open(written(run_report, name), name).split())
    if len(outcomes_in(run_report, name)) < run_report.rows - (name == "eml"):
        said = "4 of 9 rows are listed" in text or "the first 4 rows" in text  # the letter has words of its own
        assert said, f"{name} does not write `Listing.notes`"


NO_FORMATS = {"brief:write": "`report --brief` prints it"}
"""Writers of a run that `--format` does not offer, and why."""


def test_each_writer_of_a_story_is_in_the_registry() -> None:
    found = set()
    for each in pkgutil.iter_modules(reports.__path__, "rokt_export.reports."):
        for name, function in inspect.getmembers(import_module(each.name), inspect.isfunction):
            takes = list(inspect.signature(function).parameters)[:2]
            if function.__module__ == each.name and takes == ["run_report", "stream"] and not name.startswith("_"):
                found.add(f"{each.name.rpartition('.')[2]}:{name}")
    lacking = found - {one.writer for one in FORMATS.values()} - set(NO_FORMATS)
    assert not lacking, f"add to FORMATS of rokt_export/reports/formats.py, or to NO_FORMATS here: {lacking}"


# --- JUnit


def schema(name: str) -> Any:
    return pytest.importorskip("xmlschema").XMLSchema(str(DATA / name))


def test_junit_is_valid_and_counts(run_report: RunReport) -> None:
    text = written(run_report, "junit")
    schema("junit.xsd").validate(text)
    suite = ElementTree.fromstring(text)[0]
    assert (suite.attrib["tests"], suite.attrib["failures"], suite.attrib["errors"]) == ("9", "3", "4")
    assert len(suite.findall("testcase/failure")) == 3
    assert len(suite.findall("testcase/error")) == 4


def test_junit_passes_what_was_expected(tell) -> None:
    suite = ElementTree.fromstring(written(tell(Run(every_outcome(), expected="duplicate")), "junit"))[0]
    passed = [case.attrib["name"] for case in suite.findall("testcase") if not len(case)]
    assert passed == ["row 2: tx-2"]
    assert (suite.attrib["failures"], suite.attrib["errors"]) == ("4", "4")


def test_junit_holds_what_xml_cannot(tell) -> None:
    run_report = tell(Run([exchange(1, post(HOSTILE.encode()), answer(400, json.dumps({"error": HOSTILE})))]))
    text = written(run_report, "junit")
    schema("junit.xsd").validate(text)
    assert '<img src=x onerror="alert(1)">' in "".join(ElementTree.fromstring(text).itertext())


# --- HAR


def archive(run_report: RunReport) -> dict[str, Any]:
    found = json.loads(written(run_report, "har"))
    jsonschema.validate(found, json.loads((DATA / "har-1.2.schema.json").read_text()))
    return found


def test_har_is_valid_and_tells_the_exchange(run_report: RunReport) -> None:
    entries = archive(run_report)["log"]["entries"]
    first = entries[0]
    assert first["request"]["postData"]["text"] == '{"email": "ada.1@example.com", "person": {"first": "Ada"}}'
    assert first["response"]["content"]["text"] == '{"id": "A-1"}'
    assert first["timings"] == {
        "blocked": -1, "dns": 1.0, "connect": 7.0, "ssl": 5.0, "send": 0, "wait": 32.0, "receive": 5.0
    }  # fmt: skip
    assert first["time"] == pytest.approx(45.0)
    assert entries[4]["response"]["redirectURL"] == "/elsewhere"
    assert [entry["comment"] for entry in entries if "comment" in entry] == ["never sent"]
    assert entries[6]["_error"].startswith("timeout_after_send: ")


def test_har_tells_bytes_in_base64(tell) -> None:
    run_report = tell(Run([exchange(1, post(b"\xff\x00a"), answer(200, b"\x00\xfe"))]))
    entry = archive(run_report)["log"]["entries"][0]
    assert b64decode(entry["response"]["content"]["text"]) == b"\x00\xfe"
    assert entry["response"]["content"]["encoding"] == "base64"
    assert "base64" in entry["request"]["postData"]["comment"]


# --- the hand-over


def test_markdown_has_the_letter_of_the_mail_and_then_the_run(run_report: RunReport) -> None:
    text = written(run_report, "markdown")
    assert text.startswith(
        "# Acme Insurance, staging: 8 test deliveries, 1 invalid\n\nDear Jane Doe,\n\nOn 23 Nov 2026 we "
    )
    letter, _, run = text.partition("\n---\n")
    asked = re.findall(r"^\d\. .*", letter.replace("\\", ""), re.MULTILINE)
    mail = " ".join(text_of(message_of(written(run_report, "eml"))).split())
    assert len(asked) == 7
    assert [question for question in asked if question not in mail] == []
    assert "| ada.1@example.com | Ada | 02:13:21 | A-1 | status 201: a new record |" in letter
    assert "All 8 rows are in the table below, beside 1 other row of the run." in letter
    for theirs in ("tx-", "no rule matched", run_report.run.run):
        assert theirs not in letter
    for ours in (
        run_report.run.spec_sha256,
        "POST https://staging.example.com/leads",
        "| 1 | tx-1 | 2026-11-23 02:13:21.250 | delivered | 201 | A-1 |",
        "All 4 response rules matched.",
    ):
        assert ours in run


def test_of_real_people_only_tokens_are_named(tell) -> None:
    address = "jane.doe.real@example.com"
    real = exchange(1, post(f'{{"email": "{address}"}}'.encode()), answer(201, '{"id": "A-1"}'), invented=False)
    text = written(tell(Run([real], personal=[address])), "markdown")
    assert "real; their data is shown as tokens" in text
    assert address not in text
    assert "| email |" not in text


def test_markdown_shows_a_partners_text_as_text(tell) -> None:
    run_report = tell(Run([exchange(1, post(), answer(400, json.dumps({"error": "<b>| [a](javascript:1) `c`\nd"})))]))
    row = written(run_report, "markdown").partition("## Every delivery")[2].strip().splitlines()[2]
    assert row.endswith(r"| \<b\>\| \[a\](javascript:1) \`c\` d |")


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


@pytest.mark.parametrize(
    ("parameter", "ids", "received", "known"),
    [
        ("attribute: transactionid", {}, "tx-1", True),
        ("attribute: confirmationref", {}, "tx-1", True),
        ("attribute: confirmationref", {}, "C-1", False),  # the rows have a transactionid beside it
        ("attribute: confirmationref", {2: "row-2", 3: "row-3"}, "tx-1", False),
        ('value: "{{ confirmationref | upper }}"', {}, "tx-1", False),
        ("attribute: transactionid, type: integer", {}, "tx-1", False),
    ],
)
def test_a_row_without_a_recording_is_named_by_the_id_that_the_partner_received(
    tell, parameter: str, ids: dict[int, str], received: str, known: bool
) -> None:
    spec = SPEC.replace("responses:", f"  - {{name: order.id, {parameter}}}\nresponses:", 1)
    sent = post(json.dumps({"email": "ada@example.com", "order": {"id": received}}).encode())
    lost = Fault(FaultKind.TIMEOUT_AFTER_SEND, "gave no answer", True)
    rows = [exchange(row, sent, answer(201, "{}")) for row in (1, 2)] + [exchange(3, sent, lost)]
    for row, own in ids.items():
        rows[row - 1] = replace(rows[row - 1], transaction=replace(rows[row - 1].transaction, id=own))
    run_report = tell(Run(rows, spec=spec, personal=["ada@example.com"], unrecorded=(2, 3)))
    message = message_of(written(run_report, "eml"))
    (attached,) = message.iter_attachments()
    column = [one["order.id"] for one in csv.DictReader(io.StringIO(attached.get_content()))]
    assert column == [received, *(("tx-2", "tx-3") if known else ("", ""))]
    assert ("We received no response for this: tx-3. Did it arrive?" in " ".join(text_of(message).split())) == known
    only = RunReport.of(run_report._journal, run_report.run, only=["unknown"])
    assert ("tx-3" in " ".join(lookups(only))) == known


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


def test_a_brief_summary_has_no_table(run_report: RunReport) -> None:
    stream = io.StringIO()
    brief.write(run_report, stream)
    text = stream.getvalue()
    assert text.startswith("**Acme Insurance, staging: 8 test deliveries, 1 invalid**: ✓ 2 delivered, ≈ 1 duplicate, ")
    assert "- 1 duplicate, status 409: " in text
    assert "|" not in text.replace("\\|", "")


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


# --- the page


def test_the_page_holds_text_as_text_and_asks_for_nothing(tell) -> None:
    run_report = tell(Run([exchange(1, post(HOSTILE.encode()), answer(400, json.dumps({"error": HOSTILE})))]))
    reader = Reader(written(run_report, "html"))
    assert not [tag for tag, _ in reader.tags if tag in ("img", "iframe", "object")]
    links = [values.get("href") or values.get("src") for _, values in reader.tags]
    assert [link for link in links if link] == ["data:,", "#deliveries"]
    policy = next(values["content"] for _, values in reader.tags if values.get("http-equiv"))
    assert policy is not None
    assert policy.startswith("default-src 'none'; img-src data:; style-src 'sha256-")
    assert "unsafe" not in policy
    assert HOSTILE in reader.blocks[0]["entries"][0]["request"]


def test_the_page_explains_each_recorded_answer_and_keeps_equal_traces_once(tell) -> None:
    run_report = tell(Run([exchange(row, post(), answer(409, '{"error": "exists"}')) for row in range(1, 11)]))
    block = Reader(written(run_report, "html")).blocks[0]
    assert [entry["trace"] for entry in block["entries"]] == [0] * 10
    assert [trace["rule"] for trace in block["traces"]] == ["duplicate"]


def test_recordings_lie_in_blocks_in_row_order(tell) -> None:
    run_report = tell(Run([exchange(row, post(), answer(201, "{}")) for row in range(1, 451)]))
    blocks = Reader(written(run_report, "html")).blocks
    assert [len(block["entries"]) for block in blocks] == [200, 200, 50]


# --- size


MEASURE = """
import json, re, sys
from pathlib import Path
from rokt_export.journal import Journal
from rokt_export.reports.formats import FORMATS, write_reports
from rokt_export.reports.run_report import RunReport
from rokt_export.response.classify import Classifier
def megabytes(name):
    return int(re.search(name + r":\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) / 1024
_, few, many, folder, *names = sys.argv
def growth(name):
    write_reports(RunReport.of(one, one.find("last")), [(FORMATS[name], Path(folder, "few"))])
    before = megabytes("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # the peak (VmHWM) begins anew
    write_reports(RunReport.of(other, other.find("last")), [(FORMATS[name], Path(folder, "many"))])
    return megabytes("VmHWM") - before
with Journal.open(few) as one, Journal.open(many) as other:
    grown = {name: growth(name) for name in names}
    for name in names:
        if grown[name] > 3:  # pages that the system had taken away count as growth when they return
            grown[name] = min(grown[name], growth(name))
print(json.dumps(grown))
"""
"""Writes each report of a short run, then that of a long one, and tells by how many MB the peak grew in between."""


def journal_of(place: Path, rows: int) -> Path:
    """Make a journal with a run of so many rows, the first 400 of them recorded."""
    with Journal.open(place) as journal:
        writer = journal.begin(
            command="replay", partner="acme", environment="staging", spec_file="acme.yaml", spec_sha256="0" * 64
        )
        kept = record(exchange(1, post(b"x" * 1000), answer(201, "y" * 1000)), Redactor()).dump()
        kind = OutcomeKind.DELIVERED
        writer.settle(
            [Delivery(row, f"tx-{row}", kind, 201, "delivered", None, f"A-{row}", None, 1, row % 97 + 20.5, None,
                      STARTED + row, True) for row in range(1, rows + 1)],
            dict.fromkeys(range(1, 401), kept),
        )  # fmt: skip
        journal.note(writer.run, {"spec_text": SPEC})
        writer.end(RunState.FINISHED, 0)
    return place


def test_the_memory_of_a_report_does_not_grow_with_its_rows(tmp_path: Path) -> None:
    few, many = journal_of(tmp_path / "few.db", 2_000), journal_of(tmp_path / "many.db", 25_000)
    names = [name for name in FORMATS if name != "eml"]  # a mail's attachment is built in memory
    command = [sys.executable, "-c", MEASURE, str(few), str(many), str(tmp_path), *names]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    grown = json.loads(done.stdout)
    # A list of the long run's deliveries takes 6 MB; the page holds a block of recordings at a time, and
    # pyarrow keeps what it took for a group of rows.
    assert {name: most for name, most in grown.items() if most > (12 if name in ("html", "parquet") else 3)} == {}
