"""Turn a run into JUnit XML: one test case a row, passed if it had an expected outcome."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TextIO
from xml.sax.saxutils import escape, quoteattr

from rokt_export.exchange.delivery import Delivery
from rokt_export.exchange.model import NOT_JUDGED
from rokt_export.journal.recording import Recording
from rokt_export.redaction.display_text import visible
from rokt_export.reports.http_text import request_text, response_text
from rokt_export.reports.run_report import RunReport

LONGEST = 4_000
"""Characters of a request or response shown with a case that did not pass."""

_ILLEGAL = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 cannot contain (section 2.2)."""


def write(run_report: RunReport, stream: TextIO) -> None:
    """Write one suite that satisfies the schemas of Ant (Windy Road's) and of Jenkins alike, in constant memory.

    They want times in seconds, a timestamp without zone (UTC here), a host name, and no attribute of `testsuites`.
    """
    stream.writelines(_document(run_report))


def _document(run_report: RunReport) -> Iterator[str]:
    run = run_report.run
    counts = run_report.chosen_counts
    tests = sum(counts.values())
    errors = sum(number for outcome, number in counts.items() if _is_error(run_report, outcome))
    ended = run.ended or run.started
    attributes = {
        "name": f"{run.partner} {run.target}",
        "package": run.partner,
        "id": "0",
        "hostname": "localhost",
        "timestamp": f"{run.started:%Y-%m-%dT%H:%M:%S}",
        "tests": str(tests),
        "failures": str(tests - counts.get(run_report.expected, 0) - errors),
        "errors": str(errors),
        "time": f"{(ended - run.started).total_seconds():.3f}",
    }
    yield f'<?xml version="1.0" encoding="UTF-8"?>\n<testsuites>\n<testsuite{_attributes(attributes)}>\n'
    yield "<properties>\n"
    for name, value in _properties(run_report):
        yield f"<property{_attributes({'name': name, 'value': value})}/>\n"
    yield "</properties>\n"
    for one, recording in run_report.deliveries_with_recordings():
        yield from _case(run_report, one, recording)
    coverage = run_report.coverage.line() if run_report.coverage is not None else ""
    yield f"<system-out>{_text(coverage)}</system-out>\n"
    yield f"<system-err>{_text(chr(10).join(filter(None, (run_report.unfinished, *run_report.notes))))}</system-err>\n"
    yield "</testsuite>\n</testsuites>\n"


def _properties(run_report: RunReport) -> Iterator[tuple[str, str]]:
    run = run_report.run
    yield "run", run.run
    yield "state", str(run.state)
    if run_report.unfinished:
        yield "unfinished", run_report.unfinished
    yield "command", run.command
    yield "environment", run.target
    yield "spec", run.spec_file
    yield "spec_sha256", run.spec_sha256
    yield "expected", run_report.expected
    for outcome, number in run_report.counts.items():
        yield f"count.{outcome}", str(number)


def _is_error(run_report: RunReport, outcome: str) -> bool:
    """Return whether an outcome is an error of JUnit; the other unexpected ones are its failures."""
    return outcome != run_report.expected and outcome in NOT_JUDGED


def _case(run_report: RunReport, one: Delivery, recording: Recording | None) -> Iterator[str]:
    attributes = {
        "classname": f"{run_report.run.partner}.{run_report.run.environment}",
        "name": f"row {one.row}: {one.transaction}",
        "time": f"{(one.latency_ms or 0) / 1000:.6f}",
    }
    if one.outcome == run_report.expected:
        yield f"<testcase{_attributes(attributes)}/>\n"
        return
    tag = "error" if _is_error(run_report, one.outcome) else "failure"
    why = one.error or one.reason
    failure = {"type": str(one.outcome), "message": f"{one.outcome}: {why}" if why else str(one.outcome)}
    yield f"<testcase{_attributes(attributes)}><{tag}{_attributes(failure)}>{_text(_details(one, recording))}</{tag}>"
    yield "</testcase>\n"


def _details(one: Delivery, recording: Recording | None) -> str:
    lines = [f"{name}: {value}" for name, value in one.as_json().items() if value is not None]
    if recording is not None:
        lines += ["", _cut(request_text(recording)), _cut(response_text(recording))]
    return "\n".join(lines)


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}\n[cut: {len(text):,} characters]"


def _attributes(values: dict[str, str]) -> str:
    return "".join(f" {name}={quoteattr(_legal(' '.join(value.split())))}" for name, value in values.items())


def _text(text: str) -> str:
    return escape(_legal(text))


def _legal(text: str) -> str:
    return _ILLEGAL.sub("\N{REPLACEMENT CHARACTER}", visible(text))
