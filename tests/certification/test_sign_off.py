"""The partner's answers are read whole, as JSON or out of a mail, or refused with their place."""

from __future__ import annotations

import base64
import json
import textwrap
import time
import zlib
from datetime import UTC, datetime
from typing import Any

import pytest
from certification_samples import HOSTILE, certification

from rokt_export.certification.pack import certificate_of
from rokt_export.certification.sign_off import answers_of, sign_off_of
from rokt_export.errors import DocumentError
from rokt_export.journal.certifications import RecordAnswer, SignOff, SignOffJudgement, judged, refusal, sentences

RUN = "20261129-7k3f9q"
CERTIFICATE = certificate_of(certification(RUN))
BEGAN = datetime(2026, 11, 29, 9, tzinfo=UTC)
AT = datetime(2026, 11, 30, 9, tzinfo=UTC)


def answers(**changes: Any) -> dict[str, Any]:
    found = {
        "format": "rokt-export certification answers",
        "version": 1,
        "run": RUN,
        "spec_hash": CERTIFICATE.spec_sha256,
        "pack_digest": CERTIFICATE.digest,
        "records": {
            "R1": {"found": "as_sent", "note": ""},
            "R2": {"found": "as_sent", "note": ""},
            "R3": {"found": "not_found", "note": ""},
            "R4": {"found": "as_sent", "note": ""},
        },
        "findings": {"P4": "intended"},
        "questions": {"Q1": "Yes.", "Q2": "100"},
        "name": "Jane Doe",
        "date": "2026-11-30",
    }
    return {**found, **changes}


def mail(found: dict[str, Any]) -> str:
    """The text that the page makes for a mail."""
    raw = json.dumps(found, ensure_ascii=False).encode()
    lines = textwrap.wrap(base64.b64encode(raw).decode().rstrip("="), 64)
    block = ["-----BEGIN ROKT-EXPORT ANSWERS-----", f"{zlib.crc32(raw):08x}", *lines]
    return "\n".join(["R1: found as sent", "", *block, "-----END ROKT-EXPORT ANSWERS-----", ""])


def signed(found: dict[str, Any]) -> SignOff:
    return sign_off_of("a.json", answers_of("a.json", json.dumps(found)), RUN, CERTIFICATE, BEGAN, AT)


def judge(**changes: Any) -> SignOffJudgement:
    return judged(CERTIFICATE, signed(answers(**changes)))


def test_answers_that_agree_confirm_each_record() -> None:
    assert signed(answers()).name == "Jane Doe"
    assert judge() == SignOffJudgement(
        ("R1", "R2", "R3", "R4"),
        (),
        (f"P4 (hostile text {HOSTILE}): a finding, and the partner says that it is intended",),
        (),
    )


@pytest.mark.parametrize(
    ("record", "answer", "sentence"),
    [
        ("R1", {"found": "not_found"}, "R1 (a good transaction): delivered, and the partner did not find it"),
        ("R2", {"found": "not_found"}, "R2 (the same again): duplicate, and the partner did not find it"),
        ("R3", {"found": "as_sent"}, "R3 (without email): rejected, and the partner found it as sent"),
        (
            "R1",
            {"found": "differs", "note": "the name  is\ncut"},
            "R1 (a good transaction): delivered, and the partner found it with differences: the name is cut",
        ),
    ],
)
def test_what_contradicts_an_outcome_is_a_finding(record: str, answer: dict[str, str], sentence: str) -> None:
    found = judge(records={**answers()["records"], record: answer})
    assert found.contradicted == (sentence,)
    assert record not in found.confirmed


def test_what_is_left_out_is_named() -> None:
    found = judge(records={"R1": {"found": "as_sent"}}, questions={"Q1": " "}, findings={})
    assert found.confirmed == ("R1",)
    assert found.unanswered == ("R2", "R3", "R4", "P4", "Q1", "Q2")


@pytest.mark.parametrize("known", ["unknown", "unclassified"])
def test_an_outcome_that_nobody_knew_is_learned(known: str) -> None:
    records = tuple(one if one.id != "R3" else type(one)(one.id, one.title, known) for one in CERTIFICATE.records)
    certificate = type(CERTIFICATE)(
        CERTIFICATE.digest, CERTIFICATE.spec_sha256, "staging", False, {}, CERTIFICATE.probes, records, {}
    )
    found = judged(certificate, signed(answers()))
    assert found.contradicted == ()
    assert found.learned[0] == f"R3 (without email): {known}, and the partner did not find it"


MAILS = {
    "as it is": lambda text: text,
    "CRLF": lambda text: text.replace("\n", "\r\n"),
    "quoted": lambda text: "".join(f"> {line}" for line in text.splitlines(keepends=True)),
    "quoted twice": lambda text: "".join(f">> {line}" for line in text.splitlines(keepends=True)),
    "quoted with a name": lambda text: "".join(f"  JD> {line}" for line in text.splitlines(keepends=True)),
    "wrapped": lambda text: "\n".join(part for line in text.split("\n") for part in (textwrap.wrap(line, 39) or [""])),
    "quoted, then wrapped": lambda text: "\n".join(
        part for line in text.split("\n") for part in (textwrap.wrap(f"> {line}", 50) or [">"])
    ),
    "indented, with blank lines": lambda text: text.replace("\n", "\n\n   "),
    "soft line breaks": lambda text: text.replace("\n", "=\r\n"),
    "a byte order mark": lambda text: "\ufeff" + text,
    "the same twice, in a thread": lambda text: text + "\nOn Monday Jane Doe wrote:\n" + text.replace("\n", "\n> "),
}


@pytest.mark.parametrize("kind", MAILS)
def test_a_pasted_mail_is_read(kind: str) -> None:
    asked = answers(questions={"Q1": "Grüße, 日本"})
    found = answers_of("mail.txt", MAILS[kind](f"Hello,\n\n{mail(asked)}\nRegards\n"))
    assert found.questions == asked["questions"]
    assert sign_off_of("mail.txt", found, RUN, CERTIFICATE, BEGAN, AT).records["R1"] == RecordAnswer("as_sent")


def _cut(text: str) -> str:
    lines = text.split("\n")
    return "\n".join([*lines[:6], *lines[7:]])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Hello", "there are no answers in this"),
        (mail(answers()).split("-----END")[0], "there are no answers in this"),
        (_cut(mail(answers())), "damaged or cut"),
        (mail(answers()) + mail(answers(name="John Smith")), "2 different sets of answers"),
        ("{", "not JSON"),
        ('{"a": 1, "a": 2}', "a member is there twice"),
        ('{"a": NaN}', "NaN is no JSON"),
        ("{" * 100, "not JSON"),
        ('{"a":' * 100_000, "nested too deeply"),
        (json.dumps([1]), "there are no answers in this"),
        (json.dumps({"format": "rokt-export certification"}), "not a file of answers to a certification"),
        (json.dumps(answers(version=2)), "version 2"),
        (json.dumps(answers(more=1)), "more"),
        (json.dumps(answers(name=5)), "name"),
        (json.dumps({k: v for k, v in answers().items() if k != "date"}), "date"),
    ],
)
def test_what_holds_no_answers_is_refused(text: str, message: str) -> None:
    with pytest.raises(DocumentError, match=message) as error:
        answers_of("a.json", text)
    assert (error.value.where or "").startswith("a.json")


@pytest.mark.parametrize(
    ("changes", "place", "message"),
    [
        ({"run": "20261129-000000"}, "run", "another run"),
        ({"spec_hash": "c" * 64}, "spec_hash", "another version of the spec"),
        ({"pack_digest": "d" * 64}, "pack_digest", "another pack"),
        ({"records": {"R9": {"found": "as_sent"}}}, "records", "no `R9` among its records"),
        ({"records": {"\x1b[31mR9": {"found": "as_sent"}}}, "records", r"no `\\x1b"),
        ({"records": {"R1": {"found": "yes"}}}, "records.R1", "no answer"),
        ({"records": {"R1": {"found": "as_sent", "more": 1}}}, "records.R1", "no answer"),
        ({"records": {"R1": "as_sent"}}, "records.R1", "no answer"),
        ({"records": {"R1": {"found": "differs", "note": " "}}}, "records.R1.note", "does not say which"),
        ({"records": {"R1": {"found": "differs", "note": HOSTILE}}}, "records.R1.note", "script or HTML"),
        ({"records": {"R1": {"found": "differs", "note": "x" * 2001}}}, "records.R1.note", "2,001 characters"),
        ({"questions": {"Q1": "<ScRiPt >alert(1)"}}, "questions.Q1", "script or HTML"),
        ({"questions": {"Q1": "\ud800"}}, "questions.Q1", "surrogate"),
        ({"questions": {"Q7": "yes"}}, "questions", "no `Q7`"),
        ({"findings": {"P1": "intended"}}, "findings", "no `P1`"),
        ({"findings": {"P4": "maybe"}}, "findings.P4", "no answer"),
        ({"name": ""}, "name", "nobody signed"),
        ({"name": " \u200b\u202e "}, "name", "nobody signed"),
        ({"name": HOSTILE}, "name", "script or HTML"),
        ({"date": "2026-12-02"}, "date", "in the future"),
        ({"date": "2026-11-27"}, "date", "before the certification"),
        ({"date": "2026-02-30"}, "date", "not a date"),
        ({"date": ""}, "date", "not a date"),
    ],
)
def test_forged_and_stale_answers_are_refused_with_their_place(
    changes: dict[str, Any], place: str, message: str
) -> None:
    with pytest.raises(DocumentError, match=message) as error:
        signed(answers(**changes))
    assert error.value.where == f"a.json, {place}"


def test_a_mail_full_of_beginnings_is_read_in_linear_time() -> None:
    began = time.process_time()
    with pytest.raises(DocumentError, match="there are no answers"):
        answers_of("a.txt", "> BEGIN ROKT-EXPORT ANSWERS\n" * 70_000)
    assert time.process_time() - began < 5


def test_a_description_of_markup_in_words_is_no_script() -> None:
    note = 'a < b, "quotes" and <b> are stored as &lt;b&gt;'
    assert signed(answers(records={"R4": {"found": "differs", "note": note}})).records["R4"].note == note


def test_a_finding_counts_until_it_is_accepted() -> None:
    assert refusal(CERTIFICATE, []) == f"it has a finding that nobody accepted: P4 hostile text {HOSTILE}"
    assert refusal(CERTIFICATE, [signed(answers())]) is None
    assert "John Smith" not in str(
        refusal(CERTIFICATE, [signed(answers(name="John Smith", findings={})), signed(answers())])
    )
    wrong = signed(answers(findings={"P4": "fault"}))
    assert refusal(CERTIFICATE, [signed(answers()), wrong]) == (
        f"Jane Doe contradicted it on 2026-11-30: P4 (hostile text {HOSTILE}): a finding, and the partner will change "
        "its system"
    )


def test_answers_are_known_again_after_a_purge() -> None:
    first, other = signed(answers()), signed(answers(questions={"Q1": "No."}))
    assert first.without_text().same_as(first)
    assert first.without_text().questions == {"Q1": "(purged)", "Q2": "(purged)"}
    assert not first.same_as(other)
    assert not first.without_text().same_as(other)


def test_the_last_sign_off_counts_and_the_earlier_one_is_told() -> None:
    first = signed(answers(name="John Smith", records={"R1": {"found": "not_found"}}))
    told = list(sentences(RUN, CERTIFICATE, [first, signed(answers())]))
    assert told[1] == "signed by Jane Doe on 2026-11-30: 4 of 4 records confirmed"
    assert told[-1] == ("an earlier sign-off by John Smith on 2026-11-30 no longer counts: 0 confirmed, 1 contradicted")
    assert "Q1 Is a repeated record always answered with 409? Answer: Yes." in told
