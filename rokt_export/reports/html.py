"""Turn a run into one page for a browser: all of it in one file, which asks no network for anything."""

from __future__ import annotations

import hashlib
import zlib
from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, TextIO

from jinja2 import Environment, StrictUndefined, Template, select_autoescape
from markupsafe import Markup

from rokt_export import __version__
from rokt_export.exchange.delivery import Delivery
from rokt_export.exchange.model import OutcomeKind
from rokt_export.journal import RowSet
from rokt_export.journal.recording import Recording
from rokt_export.redaction.display_text import page_json, visible
from rokt_export.reports.charts import HEIGHT, WIDTH, duration, histogram, parts
from rokt_export.reports.curl import curl_command
from rokt_export.reports.http_text import laid_out, request_text, response_text
from rokt_export.reports.listing import Listing
from rokt_export.reports.outcome_icons import SIGNS
from rokt_export.reports.reasons import less_frequent
from rokt_export.reports.run_facts import endpoint_of, run_facts, title
from rokt_export.reports.run_report import RunReport

MOST_SHOWN = 100_000
"""Characters of a message that the page shows; the HAR has what a journal has, and the curl command sends all of it."""

MOST_LISTED = 100_000
"""Deliveries that the page lists: more would take seconds to search."""

MOST_REASONS = 100
"""Groups of reasons that the page lists."""

FEWEST_DRAWN = 10
"""Latencies from which a histogram shows more than the figures below it."""

_OUTCOMES = tuple(str(kind) for kind in OutcomeKind)
_ROWS_AT_ONCE = 1_000
_BLOCK_ROWS = 200
_BLOCK_BYTES = 2_000_000
_LINE = 57 * 1024
"""Bytes encoded at a time: a multiple of three, so that the lines of base64 join."""


@dataclass(frozen=True, slots=True)
class RecordingBlock:
    """Recordings that the page unpacks together, when one of them is opened."""

    first: int
    last: int
    data: str


def write(run_report: RunReport, stream: TextIO) -> None:
    """Write the page, in constant memory.

    Rows and recordings are compressed in it; the page unpacks the rows when it opens and a recording when it is asked
    for, so that 100,000 deliveries stay responsive. Its content security policy admits its own script and style, by
    their hashes, and nothing else.
    """
    stream.writelines(page(asset("report.html")).generate(_context(run_report)))


def _context(run_report: RunReport) -> dict[str, Any]:
    style, script = asset("report.css"), asset("report.js")
    listing, shown = Listing.of(run_report, MOST_LISTED), RowSet()
    again: dict[int, Delivery] = {}
    rules, latencies = _rules(run_report), run_report.figures.latencies
    return {
        "policy": policy(style, script),
        "style": Markup(style),
        "script": Markup(script),
        "version": __version__,
        "run_report": run_report,
        "title": title(run_report),
        "endpoint": endpoint_of(run_report),
        "facts": list(run_facts(run_report)),
        "signs": SIGNS,
        "parts": parts(run_report.counts),
        "histogram": histogram(latencies) if latencies.count >= FEWEST_DRAWN else None,
        "percentiles": _percentiles(run_report),
        "reasons": run_report.reasons.most_frequent(MOST_REASONS),
        "less_frequent": less_frequent,
        "rules": rules,
        "most_seen": max((rule["seen"] for rule in rules), default=0),
        "width": WIDTH,
        "height": HEIGHT,
        "about": {
            "outcomes": [[outcome, SIGNS[outcome].mark] for outcome in _OUTCOMES],
            "rules": _rule_names(run_report),
            "rows": listing.listed,
            "expected": run_report.expected,
            "run": run_report.run.run,
        },
        "listing": listing,
        "rows": packed(_rows(run_report, listing, shown, again)),
        "blocks": _blocks(run_report, shown, again),
    }


def _rule_names(run_report: RunReport) -> list[str]:
    """The spec's rules, then any others that deliveries name."""
    known = list(run_report.spec.rule_names) if run_report.spec is not None else []
    return [*known, *(name for name in run_report.figures.rules if name not in known)]


def _rules(run_report: RunReport) -> list[dict[str, Any]]:
    spec = run_report.spec
    outcomes = {n: str(r.outcome) for n, r in zip(spec.rule_names, spec.responses, strict=True)} if spec else {}
    seen = run_report.figures.rules
    return [{"name": name, "outcome": outcomes.get(name), "seen": seen[name]} for name in _rule_names(run_report)]


def _percentiles(run_report: RunReport) -> list[tuple[str, str]]:
    latencies = run_report.figures.latencies
    if not latencies.count:
        return []
    shares = (("p50", 0.5), ("p95", 0.95), ("p99", 0.99))
    parts = [(name, duration(latencies.percentile(share) or 0.0)) for name, share in shares]
    return [*parts, ("longest", duration(latencies.highest))]


def _rows(run_report: RunReport, listing: Listing, shown: RowSet, again: dict[int, Delivery]) -> Iterator[bytes]:
    """One JSON array a line for each listed delivery, in the order that the script reads; adds its row to `shown`.

    What may have been sent once more, or is, goes to `again`. Outcomes and rules are given by number.
    """
    rules = {name: number for number, name in enumerate(_rule_names(run_report))}
    lines = bytearray()
    for number, one in enumerate(listing.deliveries(), 1):
        shown.add(one.row)
        if one.attempts != 1:
            again[one.row] = one
        lines += page_json(_row(one, rules)) + b"\n"
        if number % _ROWS_AT_ONCE == 0:
            yield bytes(lines)
            lines.clear()
    yield bytes(lines)


def _row(one: Delivery, rules: dict[str, int]) -> list[Any]:
    rule = -1 if one.rule is None else rules.get(one.rule, -1)
    return [
        one.row, one.transaction, _OUTCOMES.index(one.outcome), one.status, rule, one.reason, one.reference, one.code,
        one.attempts, one.latency_ms, one.error, one.started, one.confirmation_text,
    ]  # fmt: skip


def _blocks(run_report: RunReport, shown: RowSet, again: Mapping[int, Delivery]) -> Iterator[RecordingBlock]:
    """Recordings of the rows that are shown; the template asks for them after the rows."""
    pending: list[bytes] = []
    traces: dict[bytes, int] = {}
    size = first = last = 0
    for row, recording in run_report.recordings():
        if row not in shown:
            continue
        met = run_report.met(again[row], recording) if row in again else recording
        entry = _entry(run_report, row, met or recording, traces)
        first = first if pending else row
        last = row
        pending.append(entry)
        size += len(entry)
        if len(pending) == _BLOCK_ROWS or size >= _BLOCK_BYTES:
            yield _block(first, last, pending, traces)
            pending, traces, size = [], {}, 0
    if pending:
        yield _block(first, last, pending, traces)


def _block(first: int, last: int, entries: Iterable[bytes], traces: Iterable[bytes]) -> RecordingBlock:
    document = b'{"entries":[' + b",".join(entries) + b'],"traces":[' + b",".join(traces) + b"]}"
    return RecordingBlock(first, last, "".join(packed([document])))


def _entry(run_report: RunReport, row: int, recording: Recording, traces: dict[bytes, int]) -> bytes:
    """One recording as the page shows it. Equal traces are kept once in a block."""
    explanation = run_report.explain(recording)
    trace = -1
    if explanation is not None:
        trace = traces.setdefault(page_json(explanation.as_json()), len(traces))
    timings = recording.timings
    return page_json(
        {
            "row": row,
            "request": _shown(laid_out(request_text(recording))),
            "curl": curl_command(recording),
            "response": _shown(laid_out(response_text(recording))),
            "trace": trace,
            "tokens": recording.tokens,
            "sharing": recording.sharing,
            "timings": [
                round(seconds * 1000, 3)
                for seconds in (timings.dns, timings.connect, timings.tls, timings.first_byte, timings.total)
            ],
        }
    )


def _shown(text: str) -> str:
    if len(text) <= MOST_SHOWN:
        return text
    return f"{text[:MOST_SHOWN]}\n[cut: {len(text):,} characters in all]"


def packed(chunks: Iterable[bytes]) -> Iterator[str]:
    """Yield the chunks as one zlib stream (RFC 1950) in lines of base64, in constant memory."""
    compressor = zlib.compressobj(6)
    pending = bytearray()
    for chunk in chunks:
        pending += compressor.compress(chunk)
        if len(pending) >= _LINE:
            whole = len(pending) // 3 * 3
            yield b64encode(pending[:whole]).decode() + "\n"
            del pending[:whole]
    pending += compressor.flush()
    yield b64encode(pending).decode()


def policy(style: str, script: str = "") -> str:
    """Return a content security policy that admits one inline style and one inline script, and no request at all."""
    scripts = f" script-src {_source(script)};" if script else ""
    return (
        f"default-src 'none'; img-src data:; style-src {_source(style)};{scripts} base-uri 'none'; form-action 'none'"
    )


def _source(text: str) -> str:
    """The source expression that admits exactly this inline text (CSP level 2)."""
    return f"'sha256-{b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


@cache
def asset(name: str) -> str:
    """Return a file that the pages are made of."""
    return files("rokt_export.reports").joinpath("assets", name).read_text(encoding="utf-8")


@cache
def page(source: str) -> Template:
    """Return the template of a page: what is put in is text, unless it is marked up already."""
    made = Environment(
        autoescape=select_autoescape(default=True, default_for_string=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=lambda value: visible(value) if type(value) is str else value,
    )
    made.filters["thousands"] = "{:,}".format
    made.tests["outcome"] = frozenset(map(str, OutcomeKind)).__contains__
    return made.from_string(source)
