"""What the journal keeps of a certification and of the partner's sign-offs: notes of the run that outlive a purge.

They hold no values that were sent, and no exchanges: these are the run's recordings.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, assert_never

import msgspec
from msgspec import Struct
from sqlalchemy import Connection, select

from rokt_export.exchange.model import OutcomeKind
from rokt_export.journal.bulk import Bulk
from rokt_export.journal.note_kinds import NoteKind
from rokt_export.journal.schema import note, run

_PURGED = "(purged)"
"""Stands in for an answer that was purged."""

Found = Literal["as_sent", "differs", "not_found"]
"""What the partner found of a record."""

Meant = Literal["intended", "fault"]
"""What the partner says of a finding: its system is meant to work so, or it will be changed."""


class CertifiedProbe(Struct, frozen=True):
    """One probe: what it is called, its verdict (`records.ProbeVerdict`), and the name of a finding."""

    id: str
    title: str
    verdict: str
    defect: str = ""


class CertifiedRecord(Struct, frozen=True):
    """One record that the partner is asked to look up; `title` is that of its probe."""

    id: str
    title: str
    outcome: str
    removed: bool = False
    """Whether certify removed it again, by a request that the spec gives."""


class CertificationSummary(Struct, frozen=True):
    """A certification, without what was sent.

    Attributes:
        digest: of its pack.
        spec_sha256: hex digest of the spec file.
        environment: the environment that was probed.
        sandbox: whether a sandbox answered in place of the partner.
        parts: part of the spec to the hash of what it means; see `certification/staleness.py`.
        questions: id to text.
        missing_outcomes: outcomes that were required and never seen.
    """

    digest: str
    spec_sha256: str
    environment: str
    sandbox: bool
    parts: dict[str, str]
    probes: tuple[CertifiedProbe, ...]
    records: tuple[CertifiedRecord, ...]
    questions: dict[str, str]
    missing_outcomes: tuple[str, ...] = ()

    @property
    def findings(self) -> tuple[CertifiedProbe, ...]:
        """The probes whose verdict is a finding."""
        return tuple(each for each in self.probes if each.verdict == "finding")

    def line(self) -> str:
        """Return the verdicts as `certification: 12 probes as expected, 1 finding (P3 without email), 2 not run`."""
        counted = Counter(each.verdict for each in self.probes)
        findings = counted.pop("finding", 0)
        parts = [f"{number:,} {verdict}" for verdict, number in counted.items()]
        named = ", ".join(f"{each.id} {each.title}" for each in self.findings)
        if findings:
            parts.insert(0, f"{findings:,} finding{'' if findings == 1 else 's'} ({named})")
        parts += [f"{outcome} was required and never seen" for outcome in self.missing_outcomes]
        where = "a sandbox" if self.sandbox else self.environment
        return f"certification of {where}, probes: {', '.join(parts)}"


class RecordAnswer(Struct, frozen=True, forbid_unknown_fields=True):
    """What the partner found of one record; `note` says what is different."""

    found: Found
    note: str = ""


class SignOff(Struct, frozen=True):
    """The answers of the partner's tech contact.

    Attributes:
        at: when they were read, ISO 8601 in UTC.
        name: who signed.
        date: when, by the partner's own word, `2026-11-29`.
        records: id of a record to what was found.
        questions: id of a question to the answer.
        findings: id of a probe to what the partner says of its finding.
    """

    at: str
    name: str
    date: str
    records: dict[str, RecordAnswer]
    questions: dict[str, str]
    findings: dict[str, Meant]

    def same_as(self, other: SignOff) -> bool:
        """Return whether these are the same answers, read at another time; these may be purged since."""
        again = msgspec.structs.replace(other, at=self.at)
        return again == self or (_PURGED in self.questions.values() and again.without_text() == self)

    def without_text(self) -> SignOff:
        """Return what a purge leaves: who signed, when and what was found."""
        return msgspec.structs.replace(
            self,
            records={key: RecordAnswer(answer.found) for key, answer in self.records.items()},
            questions={key: _PURGED for key, answer in self.questions.items() if answer},
        )


NOTE: NoteKind[CertificationSummary] = NoteKind("certification", CertificationSummary)
"""The certification that a run is."""

SIGNED: NoteKind[list[SignOff]] = NoteKind("sign_offs", list[SignOff])
"""Its sign-offs, oldest first."""


class SignOffJudgement(Struct, frozen=True):
    """A sign-off compared with the certification.

    Attributes:
        confirmed: ids of records that are as we understood the responses.
        contradicted: a sentence for each record and finding that is not.
        learned: a sentence for each record whose outcome was not known, and each finding that is intended.
        unanswered: ids of records, findings and questions without an answer.
    """

    confirmed: tuple[str, ...]
    contradicted: tuple[str, ...]
    learned: tuple[str, ...]
    unanswered: tuple[str, ...]


def judged(certificate: CertificationSummary, signed: SignOff) -> SignOffJudgement:
    """Return what a sign-off says of a certification."""
    confirmed, contradicted, learned = [], [], []
    unanswered = [each.id for each in certificate.records if each.id not in signed.records]
    for each in certificate.records:
        if (answer := signed.records.get(each.id)) is None:
            continue
        what, agrees = _compared(OutcomeKind(each.outcome), answer.found)
        if each.removed and answer.found != "differs":
            agrees = True if answer.found == "not_found" else None  # a system may keep what is removed for a while
        state = f"{each.outcome} and removed by us" if each.removed else each.outcome
        sentence = f"{each.id} ({each.title}): {state}, and {what}{f': {answer.note}' if answer.note else ''}"
        if agrees is None:
            learned.append(sentence)
        elif agrees:
            confirmed.append(each.id)
        else:
            contradicted.append(sentence)
    for probe in certificate.findings:
        match signed.findings.get(probe.id):
            case None:
                unanswered.append(probe.id)
            case "intended":
                learned.append(f"{probe.id} ({probe.title}): a finding, and the partner says that it is intended")
            case "fault":
                contradicted.append(f"{probe.id} ({probe.title}): a finding, and the partner will change its system")
            case never:
                assert_never(never)
    unanswered += [each for each in certificate.questions if not signed.questions.get(each)]
    return SignOffJudgement(tuple(confirmed), tuple(contradicted), tuple(learned), tuple(unanswered))


def _compared(outcome: OutcomeKind, found: Found) -> tuple[str, bool | None]:
    """Return what was found, in words, and whether it agrees with an outcome; None where that was not known."""
    match found:
        case "differs":
            return "the partner found it with differences", False
        case "as_sent" | "not_found":
            there = found == "as_sent"
            words = "the partner found it as sent" if there else "the partner did not find it"
        case _:
            assert_never(found)
    match outcome:
        case OutcomeKind.DELIVERED | OutcomeKind.DUPLICATE:
            return words, there
        case OutcomeKind.REJECTED | OutcomeKind.FAILED | OutcomeKind.INVALID:
            return words, not there
        case OutcomeKind.UNCLASSIFIED | OutcomeKind.UNKNOWN:
            return words, None
        case _:
            assert_never(outcome)


def refusal(certificate: CertificationSummary, signed: Sequence[SignOff]) -> str | None:
    """Return why a spec with this certification does not count as certified, in a clause; None where it does.

    A finding counts as accepted where the last sign-off says that the partner's system is meant to work so.
    """
    if certificate.sandbox:
        return "only a sandbox answered"
    if not any(each.verdict == "as expected" for each in certificate.probes):
        return "no probe came as expected"
    if certificate.missing_outcomes:
        return f"{', '.join(certificate.missing_outcomes)} was never seen"
    last = signed[-1] if signed else None
    if last is not None and (wrong := judged(certificate, last).contradicted):
        return f"{last.name} contradicted it on {last.date}: {wrong[0]}"
    accepted = {} if last is None else last.findings
    if left := [each for each in certificate.findings if accepted.get(each.id) != "intended"]:
        several = (
            f"{len(left)} findings that nobody accepted, the first"
            if len(left) > 1
            else "a finding that nobody accepted"
        )
        return f"it has {several}: {left[0].id} {left[0].title}"
    return None


def signature(signed: Sequence[SignOff]) -> str:
    """Return who signed last and when: `signed by Jane Doe on 2026-11-29`, or `not signed by the partner`."""
    return f"signed by {signed[-1].name} on {signed[-1].date}" if signed else "not signed by the partner"


def sentences(run_id: str, certificate: CertificationSummary, signed: Sequence[SignOff]) -> Iterator[str]:
    """Yield what every report says of a certification, one sentence each."""
    yield certificate.line()
    if not signed:
        yield f"not signed by the partner yet; `rokt-export certify --answers FILE {run_id}` reads its answers"
        return
    last = signed[-1]
    found = judged(certificate, last)
    numbers = [f"{len(found.confirmed)} of {len(certificate.records)} records confirmed"]
    if found.contradicted:
        numbers.append(f"{len(found.contradicted)} contradicted")
    if found.unanswered:
        numbers.append(f"not answered: {', '.join(found.unanswered)}")
    yield f"{signature(signed)}: {', '.join(numbers)}"
    yield from (f"contradicted: {each}" for each in found.contradicted)
    yield from (f"answered: {each}" for each in found.learned)
    for key, text in certificate.questions.items():
        if answer := last.questions.get(key):
            yield f"{key} {text} Answer: {answer}"
    for each in signed[:-1]:
        before = judged(certificate, each)
        against = f", {len(before.contradicted)} contradicted" if before.contradicted else ""
        yield (
            f"an earlier sign-off by {each.name} on {each.date} no longer counts: "
            f"{len(before.confirmed)} confirmed{against}"
        )


def as_json(certificate: CertificationSummary, signed: Sequence[SignOff]) -> dict[str, Any]:
    """Return a certification and its sign-offs as data."""
    data: dict[str, Any] = {
        "digest": certificate.digest,
        "environment": certificate.environment,
        "sandbox": certificate.sandbox,
        "verdicts": dict(Counter(each.verdict for each in certificate.probes)),
        "findings": [each.id for each in certificate.findings],
        "missing_outcomes": list(certificate.missing_outcomes),
        "certified": refusal(certificate, signed) is None,
    }
    signs = [{**msgspec.to_builtins(each), **msgspec.to_builtins(judged(certificate, each))} for each in signed]
    return {**data, "sign_offs": signs}


def of_notes(notes: Mapping[str, Any]) -> tuple[CertificationSummary, list[SignOff]] | None:
    """Return certification and sign-offs among the notes of a run; None where it is no certification."""
    kept = notes.get(NOTE.key)
    return None if kept is None else (kept, notes.get(SIGNED.key, []))


def keep(connection: Connection, run_no: int, certificate: CertificationSummary) -> None:
    """Keep the certification of a run, within the caller's transaction."""
    Bulk(connection.dialect).note.run(connection, [(run_no, NOTE.key, msgspec.json.encode(certificate))])


def sign(connection: Connection, run_no: int, signed: SignOff) -> list[SignOff]:
    """Add a sign-off to those of a run, within the caller's transaction; answers that were read before are not added.

    Returns:
        All sign-offs of the run, oldest first.
    """
    known = SIGNED.read(connection, run_no) or []
    if any(each.same_as(signed) for each in known):  # an old file that is read again overrides nothing
        return known
    known.append(signed)
    Bulk(connection.dialect).note.run(connection, [(run_no, SIGNED.key, msgspec.json.encode(known))])
    return known


def of_partner(connection: Connection, partner: str) -> Iterator[tuple[str, CertificationSummary, list[SignOff]]]:
    """Yield run id, certification and sign-offs of each certification of a partner, newest first."""
    chosen = select(run.c.no, run.c.id).where(run.c.partner == partner).join(note, note.c.run_no == run.c.no)
    for number, run_id in connection.execute(chosen.where(note.c.key == NOTE.key).order_by(run.c.no.desc())).all():
        if (certificate := NOTE.read(connection, number)) is not None:
            yield run_id, certificate, SIGNED.read(connection, number) or []


def purge(connection: Connection, run_no: int) -> None:
    """Remove the free text of a run's sign-offs; who signed, when and what was found stay."""
    if (kept := SIGNED.read(connection, run_no)) is None:
        return
    signs = [each.without_text() for each in kept]
    Bulk(connection.dialect).note.run(connection, [(run_no, SIGNED.key, msgspec.json.encode(signs))])
