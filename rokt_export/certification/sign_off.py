"""The partner's answers, read back: the file that the page of a pack saves, or the text that it makes for a mail.

They are read whole or refused; what they are compared with is what the journal keeps of the certification.
"""

from __future__ import annotations

import json
import re
import zlib
from base64 import b64decode
from binascii import Error as NotBase64
from collections.abc import Callable, Collection, Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any, NoReturn, get_args

import msgspec
from msgspec import Struct

from rokt_export.errors import DocumentError
from rokt_export.journal.certifications import CertificationSummary, Meant, RecordAnswer, SignOff
from rokt_export.journal.run_info import as_text, now
from rokt_export.redaction.display_text import STEERING, one_line

FORMAT = "rokt-export certification answers"
VERSION = 1
MOST_BYTES = 2_000_000
"""Bytes of a file of answers, or of a mail, that is read."""
_MOST_NAME, _MOST_NOTE, _MOST_ANSWER = 200, 2_000, 5_000
_BEGIN = re.compile(r"BEGIN\s+ROKT-EXPORT\s+ANSWERS")
_END = re.compile(r"END\s+ROKT-EXPORT\s+ANSWERS")
_QUOTES = re.compile(r"^[ \t]*(?:[A-Za-z]{0,3}[>|][ \t]*)+", re.MULTILINE)
"""Marks of a quoted line: `> `, `>> `, `JD> `."""
_SUM = 8
"""Hexadecimal digits of the block's CRC-32."""
_NO_BASE64 = re.compile(r"[^A-Za-z0-9+/]")
_MARKUP = re.compile(r"<\s*/?\s*(?:script|iframe|object|embed|img|svg|style|link)\b|javascript:", re.IGNORECASE)
"""The same as in `assets/pack.js`."""
_AGAIN = "Ask for the file again: `Save answers` at the end of the page writes it."


class SignOffAnswers(Struct, frozen=True, forbid_unknown_fields=True):
    """The answers as the page writes them; see `SignOff` for what they mean."""

    format: str
    version: int
    run: str
    spec_hash: str
    pack_digest: str
    records: dict[str, Any]
    questions: dict[str, str]
    name: str
    date: str
    findings: dict[str, str] = {}


def holds_answers(text: str) -> bool:
    """Return whether a text is meant to be answers, in either form, and not a pack."""
    start = text.lstrip()
    return f'"{FORMAT}"' in start if start.startswith("{") else not start.startswith("<") and any(_blocks(text))


def answers_of(where: str, text: str) -> SignOffAnswers:
    """Return the answers in a text: JSON, or a mail that holds a block of them, quoted and wrapped as mails are.

    Args:
        where: the file, for messages.
        text: its content.

    Raises:
        DocumentError: it holds no answers, or two different sets of them, or damaged ones.
    """
    if text.lstrip().startswith("{"):
        return _answers(where, text)
    blocks = {_unwrapped(where, block) for block in _blocks(_QUOTES.sub("", text))}
    if not blocks:
        raise DocumentError(
            "there are no answers in this: it is neither the JSON that the page saves, nor a mail with all lines from "
            "BEGIN ROKT-EXPORT ANSWERS to END ROKT-EXPORT ANSWERS",
            where=where,
            remedy=_AGAIN,
        )
    if len(blocks) > 1:
        raise DocumentError(
            f"this holds {len(blocks)} different sets of answers",
            where=where,
            remedy="Leave only the block that counts, and read it again.",
        )
    return _answers(where, blocks.pop())


def _blocks(text: str) -> Iterator[str]:
    """Yield what is between each beginning and its end, in linear time."""
    for part in _BEGIN.split(text)[1:]:
        if (end := _END.search(part)) is not None:
            yield part[: end.start()]


def _unwrapped(where: str, block: str) -> str:
    """Return the JSON of a block: its CRC-32 and base64, whatever a mail program put between."""
    kept = _NO_BASE64.sub("", block.replace("&gt;", ""))
    check, packed = kept[:_SUM], kept[_SUM:]
    try:
        raw = b64decode(packed + "=" * (-len(packed) % 4), validate=True)
        if f"{zlib.crc32(raw):08x}" == check.lower():
            return raw.decode()
    except (NotBase64, UnicodeDecodeError):
        pass
    raise DocumentError("the block of answers in this mail is damaged or cut", where=where, remedy=_AGAIN)


def _answers(where: str, text: str) -> SignOffAnswers:
    try:
        data = json.loads(text, object_pairs_hook=_distinct, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        raise DocumentError(
            f"this is not JSON: {error.msg}", where=f"{where}:{error.lineno}:{error.colno}", remedy=_AGAIN
        ) from error
    except (ValueError, RecursionError) as error:
        reason = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise DocumentError(f"this is not a file of answers: {reason}", where=where, remedy=_AGAIN) from error
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise DocumentError("this is not a file of answers to a certification", where=where, remedy=_AGAIN)
    try:
        found = msgspec.convert(data, SignOffAnswers)
    except msgspec.ValidationError as error:
        raise DocumentError(f"this is not a file of answers: {error}", where=where, remedy=_AGAIN) from error
    if found.version != VERSION:
        raise DocumentError(
            f"these answers have version {found.version}, and this program knows version {VERSION}",
            where=where,
            remedy="Update rokt-export.",
        )
    return found


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a member is there twice")
    return found


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def sign_off_of(
    where: str,
    answers: SignOffAnswers,
    run: str,
    certificate: CertificationSummary,
    began: datetime,
    at: datetime | None = None,
) -> SignOff:
    """Return the sign-off that answers to a certification are.

    Args:
        where: the file, for messages.
        answers: what the partner wrote.
        run: the id of the certification's run.
        certificate: what the answers are about.
        began: when the run began, UTC.
        at: the present moment, UTC.

    Raises:
        DocumentError: they are about another run, spec or pack, or something in them cannot be. The place is named.
    """
    _check_about(where, answers, run, certificate)
    at = at or now()
    records = {each.id for each in certificate.records}
    findings = {each.id for each in certificate.findings}
    return SignOff(
        at=as_text(at),
        name=_name(where, answers.name),
        date=_date(where, answers.date, began, at),
        records=_each(where, "records", answers.records, records, _record),
        questions={
            key: text
            for key, text in _each(where, "questions", answers.questions, certificate.questions, _answer).items()
            if text
        },
        findings=_each(where, "findings", answers.findings, findings, _meant),
    )


def _check_about(where: str, answers: SignOffAnswers, run: str, certificate: CertificationSummary) -> None:
    for member, given, own, what in (
        ("run", answers.run, run, "another run"),
        ("spec_hash", answers.spec_hash, certificate.spec_sha256, "another version of the spec"),
        ("pack_digest", answers.pack_digest, certificate.digest, "another pack, or one that was changed"),
    ):
        if given != own:
            raise DocumentError(
                f"these answers are about {what}: `{_shown(given)}`, and run {run} has `{own}`",
                where=f"{where}, {member}",
                remedy="Name the run that they are about, or ask for answers on the pack of this one.",
            )


def _shown(text: str) -> str:
    return one_line(text[:80])


def _each(
    where: str, member: str, given: dict[str, Any], known: Collection[str], read: Callable[[str, Any], Any]
) -> dict[str, Any]:
    for key in given:
        if key not in known:
            raise DocumentError(
                f"the certification has no `{_shown(key)}` among its {member}",
                where=f"{where}, {member}",
                remedy=_AGAIN,
            )
    return {key: read(f"{where}, {member}.{key}", value) for key, value in given.items()}


def _record(where: str, value: Any) -> RecordAnswer:
    try:
        answer = msgspec.convert(value, RecordAnswer)
    except msgspec.ValidationError as error:
        raise DocumentError(
            f"this is no answer: {error}", where=where, remedy="`found` is as_sent, differs or not_found."
        ) from error
    note = _text(f"{where}.note", answer.note, _MOST_NOTE)
    if answer.found == "differs" and not note:
        raise DocumentError(
            "the record was found with differences, and the answer does not say which", where=f"{where}.note",
            remedy=_AGAIN,
        )  # fmt: skip
    return RecordAnswer(answer.found, note)


def _meant(where: str, value: Any) -> Meant:
    if value not in get_args(Meant):
        raise DocumentError("this is no answer", where=where, remedy="It is intended or fault.")
    meant: Meant = value
    return meant


def _answer(where: str, value: Any) -> str:
    return _text(where, value, _MOST_ANSWER)


def _name(where: str, value: str) -> str:
    if len(value.strip().splitlines()) > 1:
        raise DocumentError("the name has more than one line", where=f"{where}, name", remedy="Ask for the name alone.")
    name = _text(f"{where}, name", value, _MOST_NAME)
    if not any(character.isalnum() for character in STEERING.sub("", name)):
        raise DocumentError("nobody signed these answers", where=f"{where}, name", remedy="Ask for the name.")
    return name


def _text(where: str, value: str, most: int) -> str:
    """Return one line of text without blanks around it."""
    text = " ".join(value.split())
    if len(text) > most:
        raise DocumentError(f"this has {len(text):,} characters; {most:,} are read", where=where, remedy=_AGAIN)
    if (found := _MARKUP.search(text)) is not None:
        raise DocumentError(
            f"this holds a script or HTML: `{_shown(found[0])}`", where=where,
            remedy="Ask for a description in words.",
        )  # fmt: skip
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise DocumentError("this has half of a surrogate pair", where=where, remedy=_AGAIN) from error
    return text


def _date(where: str, value: str, began: datetime, at: datetime) -> str:
    where = f"{where}, date"
    try:
        day = date.fromisoformat(value)
    except ValueError as error:
        raise DocumentError(f"`{_shown(value)}` is not a date", where=where, remedy="Write 2026-01-31.") from error
    ahead = timedelta(days=1)  # a partner may be a day ahead of UTC, or behind
    if day > at.astimezone(UTC).date() + ahead:
        raise DocumentError(f"the date {day} is in the future", where=where, remedy="Ask for the right date.")
    if day < began.astimezone(UTC).date() - ahead:
        raise DocumentError(
            f"the date {day} is before the certification, which began on {began:%Y-%m-%d}", where=where,
            remedy="Ask for the right date.",
        )  # fmt: skip
    return day.isoformat()
