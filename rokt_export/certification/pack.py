"""The certification pack: one JSON document, and one page with a form that holds the same document.

The page needs no network and no server: its policy admits its own style and script, by their hashes, and nothing else.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from functools import cache, partial
from importlib.resources import files
from pathlib import Path
from typing import Any, NoReturn, TextIO

import msgspec
import orjson
from markupsafe import Markup

from rokt_export import __version__
from rokt_export.certification.records import FORMAT, VERSION, Certification, SentRecord
from rokt_export.errors import DocumentError, UsageError, did_you_mean, near_file
from rokt_export.exchange.model import OutcomeKind
from rokt_export.journal.certifications import CertificationSummary, CertifiedProbe, CertifiedRecord
from rokt_export.read_whole import read_whole
from rokt_export.redaction.display_text import cut, json_text
from rokt_export.reports.html import asset, page, policy
from rokt_export.reports.outcome_icons import SIGNS

LANGUAGES = ("en", "de")
"""Languages of the page; titles and questions of the probes are English."""
MOST_BYTES = 50_000_000
"""Bytes of a pack that is read."""
_SHOWN = 300
"""Characters of a value that was sent."""
_FIRST_FIELDS = 6
"""Values of a record that are not folded away."""
_EXCHANGE = 20_000
"""Characters of a request or response; the JSON has all."""
_DOCUMENT = ('<script type="application/json" id="pack">', "</script>")
_SEAL = re.compile(r'<meta name="seal" content="([0-9a-f]{64})">')
_UNSEALED = "0" * 64


def document(certification: Certification) -> dict[str, Any]:
    """Return a certification as the JSON document of its pack, with its digest."""
    data: dict[str, Any] = msgspec.to_builtins(certification)
    return {**data, "digest": digest_of(data)}


def digest_of(data: Mapping[str, Any]) -> str:
    """Return the SHA-256 of a document without its member `digest`: compact JSON in UTF-8, keys in code point order."""
    kept = {key: value for key, value in data.items() if key != "digest"}
    return hashlib.sha256(orjson.dumps(kept, option=orjson.OPT_SORT_KEYS)).hexdigest()


def certificate_of(certification: Certification) -> CertificationSummary:
    """Return what the journal keeps of a certification."""
    titles = {each.id: each.title for each in certification.probes}
    return CertificationSummary(
        digest=digest_of(msgspec.to_builtins(certification)),
        spec_sha256=certification.spec.hash,
        environment=certification.run.environment,
        sandbox=certification.run.sandbox,
        parts=certification.spec.parts,
        probes=tuple(CertifiedProbe(each.id, each.title, each.verdict, each.defect) for each in certification.probes),
        records=tuple(
            CertifiedRecord(one.id, titles[one.probe], one.outcome, one.cleaned == "removed")
            for one in certification.records
        ),
        questions={each.id: each.text for each in certification.questions},
        missing_outcomes=certification.missing_outcomes,
    )


def targets(
    certification: Certification, folder: Path, language: str = "en"
) -> list[tuple[Callable[[TextIO], object], Path]]:
    """Return the two files of a pack, for `reports.formats.write_files`: what writes each, and where."""
    stem = f"{certification.spec.partner}-{certification.run.id}.certification"
    return [
        (partial(write_html, certification, language=language), folder / f"{stem}.html"),
        (partial(write_json, certification), folder / f"{stem}.json"),
    ]


def write_json(certification: Certification, stream: TextIO) -> None:
    """Write the JSON document."""
    stream.write(json_text(document(certification), indent=True) + "\n")


def write_html(certification: Certification, stream: TextIO, *, language: str = "en") -> None:
    """Write the page."""
    words = words_of(language)
    style, script = f"{asset('report.css')}\n{_asset('pack.css')}", _asset("pack.js")
    data = document(certification)
    probes = {each.id: each for each in certification.probes}
    text = page(_asset("pack.html")).render(
        policy=policy(style, script),
        style=Markup(style),
        script=Markup(script),
        seal=_UNSEALED,
        language=language,
        words=words,
        version=__version__,
        pack=certification,
        probes=probes,
        digest=data["digest"],
        signs=SIGNS,
        who=_who,
        people=_people,
        first_fields=_FIRST_FIELDS,
        shown=partial(cut, most=_SHOWN),
        exchange=partial(cut, most=_EXCHANGE),
        document=Markup(_inert(json_text(data))),
        texts=Markup(_inert(json_text({"language": language, **words["script"]}))),
        marks={"as expected": "✓", "finding": "✗", "cannot be told": "?", "not run": "–"},
    )
    stream.write(text.replace(_UNSEALED, _sealed(text), 1))


def _who(record: SentRecord) -> str:
    """Return what a record is looked up by: its mail address, else the partner's reference, else its first value."""
    values = [value for _, value in record.fields]
    return next((value for value in values if "@" in value), record.reference or next(iter(values), record.sent_at))


def _people(records: Iterable[SentRecord]) -> list[list[SentRecord]]:
    """Return the sends of each person, who is looked up once: by its mail address, else by all of its values."""
    found: dict[tuple[str, ...], list[SentRecord]] = {}
    for record in records:
        values = tuple(value.casefold() for _, value in record.fields)
        address = next((value for value in values if "@" in value), None)
        found.setdefault(values if address is None else (address,), []).append(record)
    return list(found.values())


def _inert(document: str) -> str:
    """Return JSON that no reader of HTML takes for markup."""
    return document.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _sealed(page: str) -> str:
    """Return the SHA-256 of a page whose seal is zeros."""
    return hashlib.sha256(page.replace("\r\n", "\n").encode("utf-8", "replace")).hexdigest()


@cache
def _asset(name: str) -> str:
    return files("rokt_export.certification").joinpath("assets", name).read_text(encoding="utf-8")


@cache
def words_of(language: str) -> dict[str, Any]:
    """Return the words of the page in a language.

    Raises:
        UsageError: there is no page in that language.
    """
    if language not in LANGUAGES:
        near = did_you_mean(language, LANGUAGES)
        raise UsageError(
            f"there is no page in `{language}`",
            where="--template",
            remedy=" ".join(filter(None, (near, f"Choose one of {', '.join(LANGUAGES)}."))),
        )
    words: dict[str, Any] = orjson.loads(_asset(f"{language}.json"))
    return words


def read_pack(path: Path) -> Certification:
    """Return the certification of a pack: the JSON file, or the page.

    Raises:
        DocumentError: the file cannot be read, is no pack, or was changed after it was written.
    """
    return pack_of(str(path), read_file(path, MOST_BYTES, "a certification pack"))


def read_file(path: Path, most: int, what: str) -> str:
    """Return a small file of text.

    Raises:
        DocumentError: it is missing, larger than `most` bytes, or not UTF-8.
    """
    try:
        raw = read_whole(path, most)
    except FileNotFoundError as error:
        raise DocumentError("no such file", where=str(path), remedy=near_file(path) or "Check the path.") from error
    except OSError as error:
        raise DocumentError(f"this file cannot be read: {error.strerror}", where=str(path)) from error
    return text_of(str(path), raw, most, what)


def text_of(where: str, raw: bytes, most: int, what: str) -> str:
    """Return bytes as text; see `read_file`."""
    if len(raw) > most:
        raise DocumentError(f"this is larger than {most:,} bytes, and is not {what}", where=where)
    try:
        return raw.decode("utf-16" if raw.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise DocumentError(
            f"this is not UTF-8: byte 0x{raw[error.start]:02x}, and not {what}", where=f"{where}:{line}"
        ) from error


def pack_of(where: str, text: str) -> Certification:
    """Return the certification in the text of a pack; see `read_pack`."""
    if text.lstrip().startswith("<"):
        text = _document_in(where, text)
    try:
        data = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise DocumentError(
            f"this is not JSON: {error.msg}",
            where=f"{where}:{error.lineno}:{error.colno}",
            remedy="Give the pack that `certify` wrote, as .json or .html.",
        ) from error
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise DocumentError(
            "this is not a certification pack",
            where=where,
            remedy="Give the .json or .html that `certify` wrote; answers are read by `certify --answers`.",
        )
    if data.get("version") != VERSION:
        raise DocumentError(
            f"this pack has version {data.get('version')!r}, and this program knows version {VERSION}",
            where=where,
            remedy="Update rokt-export.",
        )
    if data.get("digest") != digest_of(data):
        _changed(where)
    try:
        certification = msgspec.convert(data, Certification)
        _check(certification)
    except (msgspec.ValidationError, ValueError) as error:
        raise DocumentError(f"this is not a certification pack: {error}", where=where) from error
    return certification


def _check(certification: Certification) -> None:
    """Check what the types do not say, for a pack that `certify` did not write.

    Raises:
        ValueError: a time, an outcome or the probe of a record is none, or an id is there twice.
    """
    for text in (certification.run.started_at, certification.run.ended_at):
        if datetime.fromisoformat(text).tzinfo is None:
            raise ValueError(f"`{text}` has no time zone")
    probes = {each.id for each in certification.probes}
    for record in certification.records:
        OutcomeKind(record.outcome)
        if record.probe not in probes:
            raise ValueError(f"record `{record.id}` names the probe `{record.probe}`, which is not there")
    ids = [each.id for each in certification.probes]
    ids += [*(each.id for each in certification.records), *(each.id for each in certification.questions)]
    if len(set(ids)) < len(ids):
        raise ValueError("an id is there twice")


def _document_in(where: str, page: str) -> str:
    start, end = _DOCUMENT
    found, seal = page.partition(start)[2].partition(end)[0], _SEAL.search(page)
    if not found or seal is None:
        raise DocumentError(
            "this page holds no certification pack", where=where, remedy="Give the page that `certify` wrote."
        )
    if _sealed(page.replace(seal[1], _UNSEALED, 1)) != seal[1]:
        _changed(where)
    return found


def _changed(where: str) -> NoReturn:
    raise DocumentError(
        "this pack was changed after `certify` wrote it: its digest does not match",
        where=where,
        remedy="Give the file as it was written. A page that a browser saved anew is another one.",
    )
