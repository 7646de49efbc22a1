"""Markdown, mail, JUnit, HAR and page: each well-formed, holding every delivery, agreeing on counts."""

from __future__ import annotations

import csv
import email
import email.policy
import io
import json
import re
import subprocess
import sys
import zipfile
import zlib
from base64 import b64decode
from collections import Counter
from email.message import EmailMessage
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import jsonschema
import pytest
from report_runs import SPEC, STARTED, Run, answer, every_outcome, exchange, post

from rokt_export.exchange.delivery import Delivery
from rokt_export.exchange.model import OutcomeKind
from rokt_export.journal import Journal, RunState
from rokt_export.journal.recording import record
from rokt_export.redaction import Redactor
from rokt_export.reports import eml
from rokt_export.reports.formats import FORMATS
from rokt_export.reports.run_report import Story

DATA = Path(__file__).parent / "data"
HOSTILE = '</script><img src=x onerror="alert(1)"> ]]> | `x` [a](b) *c* \x00\x1b\ufffe end'


def written(story: Story, name: str) -> str:
    stream = io.StringIO(newline="")
    FORMATS[name].write(story, stream)
    return stream.getvalue()


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


def outcomes_in(story: Story, name: str) -> list[str]:
    """The outcome of each delivery, as a format tells it."""
    text = written(story, name)
    kinds = [str(kind) for kind in OutcomeKind]
    match name:
        case "csv":
            return [row["outcome"] for row in csv.DictReader(io.StringIO(text, newline=""))]
        case "ndjson":
            return [json.loads(line)["outcome"] for line in text.splitlines()]
        case "json":
            return [one["outcome"] for one in json.loads(text)["deliveries"]]
        case "har":
            return [entry["_delivery"]["outcome"] for entry in json.loads(text)["log"]["entries"]]
        case "junit":
            cases = ElementTree.fromstring(text).iter("testcase")
            return [case[0].attrib["type"] if len(case) else story.expected for case in cases]
        case "markdown":
            table = text.partition("## Every delivery")[2].strip().splitlines()[2:]
            return [line.split(" | ")[3] for line in table]
        case "eml":
            attached = next(message_of(text).iter_attachments()).get_content()
            return [row["outcome"] for row in csv.DictReader(io.StringIO(attached, newline=""))]
        case "html":
            return [kinds[row[2]] for row in Reader(text).rows]
    raise AssertionError(name)


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_holds_every_delivery_and_agrees_on_counts(story: Story, name: str) -> None:
    assert outcomes_in(story, name) == [str(one.outcome) for one in story.deliveries()]
    assert Counter(outcomes_in(story, name)) == story.counts


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_stands_an_empty_a_purged_and_an_unknown_run(tell, journal: Journal, name: str) -> None:
    empty = tell(Run([]))
    assert outcomes_in(empty, name) == []
    whole = tell(Run(every_outcome()))
    journal.purge(whole.run.run)
    purged = Story.of(journal, journal.find(whole.run.run))
    assert Counter(outcomes_in(purged, name)) == whole.counts


# --- JUnit


def schema(name: str) -> Any:
    return pytest.importorskip("xmlschema").XMLSchema(str(DATA / name))


def test_junit_is_valid_and_counts(story: Story) -> None:
    text = written(story, "junit")
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
    story = tell(Run([exchange(1, post(HOSTILE.encode()), answer(400, json.dumps({"error": HOSTILE})))]))
    text = written(story, "junit")
    schema("junit.xsd").validate(text)
    assert '<img src=x onerror="alert(1)">' in "".join(ElementTree.fromstring(text).itertext())


# --- HAR


def archive(story: Story) -> dict[str, Any]:
    found = json.loads(written(story, "har"))
    jsonschema.validate(found, json.loads((DATA / "har-1.2.schema.json").read_text()))
    return found


def test_har_is_valid_and_tells_the_exchange(story: Story) -> None:
    entries = archive(story)["log"]["entries"]
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
    story = tell(Run([exchange(1, post(b"\xff\x00a"), answer(200, b"\x00\xfe"))]))
    entry = archive(story)["log"]["entries"][0]
    assert b64decode(entry["response"]["content"]["text"]) == b"\x00\xfe"
    assert entry["response"]["content"]["encoding"] == "base64"
    assert "base64" in entry["request"]["postData"]["comment"]


# --- the hand-over


def test_markdown_names_what_to_look_up_and_asks(story: Story) -> None:
    text = written(story, "markdown")
    assert text.startswith("# Acme Insurance, staging: 9 test deliveries\n")
    assert "Dear Jane Doe," in text
    for told in (
        story.run.spec_sha256,
        "POST https://staging.example.com/leads",
        "2026-11-23 02:13:21.250 UTC",
        "| 1 | tx-1 | 2026-11-23 02:13:21.250 | 201 | A-1 | ada.1@example.com | Ada |",
        "4 of 4 rules seen",
        "1. Are these in your system, once each, as new records: tx-1 (reference A-1), tx-9 (reference A-9)?",
        "6. No answer reached us for these: tx-7. Did they arrive?",
    ):
        assert told in text


def test_of_real_people_only_tokens_are_named(tell) -> None:
    address = "jane.doe.real@example.com"
    real = exchange(1, post(f'{{"email": "{address}"}}'.encode()), answer(201, '{"id": "A-1"}'), invented=False)
    text = written(tell(Run([real], personal=[address])), "markdown")
    assert "real; tokens stand in place of their data" in text
    assert address not in text
    assert "| email |" not in text


def test_markdown_shows_a_partners_text_as_text(tell) -> None:
    story = tell(Run([exchange(1, post(), answer(400, json.dumps({"error": "<b>| [a](javascript:1) `c`\nd"})))]))
    row = written(story, "markdown").partition("## Every delivery")[2].strip().splitlines()[2]
    assert row.endswith(r"| \<b\>\| \[a\](javascript:1) \`c\` d |")


def test_the_mail_is_a_draft_to_the_contact(story: Story) -> None:
    text = written(story, "eml")
    assert text.isascii()
    assert "\n" not in text.replace("\r\n", "")
    message = message_of(text)
    assert message["To"] == "Jane Doe <jane.doe@example.com>"
    assert message["Subject"] == "Acme Insurance, staging: 9 test deliveries"
    assert message["X-Unsent"] == "1"
    plain, rich = message.get_body(("plain",)), message.get_body(("html",))
    assert plain is not None
    assert rich is not None
    assert "Are these in your system, once each" in plain.get_content()
    assert "✓ delivered" in rich.get_content()
    attached = list(message.iter_attachments())
    assert [part.get_filename() for part in attached] == [f"acme-{story.run.run}.csv"]
    assert attached[0].get_payload(decode=True) == written(story, "csv").encode()


def test_a_large_table_is_zipped(story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(eml, "LARGEST_PLAIN", 100)
    attached = next(message_of(written(story, "eml")).iter_attachments())
    with zipfile.ZipFile(io.BytesIO(attached.get_content())) as packed:
        assert packed.read(packed.namelist()[0]).decode() == written(story, "csv")


@pytest.mark.parametrize("contact", ["{name: Jane Doe}", '{name: "Jane\\nBcc: x@example.com", email: "a b@@c"}'])
def test_a_contact_without_a_usable_address_gets_a_mail_without_one(tell, contact: str) -> None:
    spec = re.sub(r"contact: \{.*\}", lambda _: f"contact: {contact}", SPEC)
    message = message_of(written(tell(Run(every_outcome(), spec=spec)), "eml"))
    assert message["To"] is None
    assert message["Bcc"] is None


# --- the page


def test_the_page_holds_text_as_text_and_asks_for_nothing(tell) -> None:
    story = tell(Run([exchange(1, post(HOSTILE.encode()), answer(400, json.dumps({"error": HOSTILE})))]))
    reader = Reader(written(story, "html"))
    assert not [tag for tag, _ in reader.tags if tag in ("img", "iframe", "object")]
    links = [values.get("href") or values.get("src") for _, values in reader.tags]
    assert [link for link in links if link] == ["data:,", "#deliveries"]
    policy = next(values["content"] for _, values in reader.tags if values.get("http-equiv"))
    assert policy is not None
    assert policy.startswith("default-src 'none'; img-src data:; style-src 'sha256-")
    assert "unsafe" not in policy
    assert HOSTILE in reader.blocks[0]["entries"][0]["request"]


def test_the_page_explains_each_recorded_answer_and_keeps_equal_traces_once(tell) -> None:
    story = tell(Run([exchange(row, post(), answer(409, '{"error": "exists"}')) for row in range(1, 11)]))
    block = Reader(written(story, "html")).blocks[0]
    assert [entry["trace"] for entry in block["entries"]] == [0] * 10
    assert [trace["rule"] for trace in block["traces"]] == ["duplicate"]


def test_recordings_lie_in_blocks_in_row_order(tell) -> None:
    story = tell(Run([exchange(row, post(), answer(201, "{}")) for row in range(1, 451)]))
    blocks = Reader(written(story, "html")).blocks
    assert [len(block["entries"]) for block in blocks] == [200, 200, 50]


# --- size


MEASURE = """
import json, re, sys
from pathlib import Path
from rokt_export.journal import Journal
from rokt_export.reports.formats import FORMATS, write_reports
from rokt_export.reports.run_report import Story
def megabytes(name):
    return int(re.search(name + r":\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) / 1024
_, few, many, folder, *names = sys.argv
grown = {}
with Journal.open(few) as one, Journal.open(many) as other:
    for name in names:
        write_reports(Story.of(one, one.find("last")), [(FORMATS[name], Path(folder, "few"))])
        before = megabytes("VmRSS")
        Path("/proc/self/clear_refs").write_text("5")  # the peak (VmHWM) begins anew
        write_reports(Story.of(other, other.find("last")), [(FORMATS[name], Path(folder, "many"))])
        grown[name] = megabytes("VmHWM") - before
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
    # A list of the long run's deliveries takes 6 MB; the page holds a block of recordings at a time.
    assert {name: most for name, most in grown.items() if most > (12 if name == "html" else 3)} == {}
