"""Turn a run into an HTTP Archive 1.2, which a browser's developer tools open."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, TextIO
from urllib.parse import parse_qsl

from msgspec import structs

from rokt_export import __version__
from rokt_export.exchange.model import Timings, first_header
from rokt_export.journal.recording import RecordedBody, Recording
from rokt_export.redaction.display_text import json_text
from rokt_export.reports.http_text import phrase
from rokt_export.reports.run_facts import endpoint_of, title
from rokt_export.reports.run_report import RunReport

_UNKNOWN = "x-unknown"
_PAGE = "run"


def write(run_report: RunReport, stream: TextIO, rows: Sequence[int] | None = None) -> None:
    """Write one entry for each delivery, or of some rows, in constant memory (http://www.softwareishard.com/blog/har-12-spec/).

    Sizes in bytes and times in milliseconds are -1 where they are not known. What HAR has no field for is in
    `_delivery`: the contract's delivery. A row that was not sent, or not recorded, has an entry that says so.
    """
    head = {
        "version": "1.2",
        "creator": {"name": "rokt-export", "version": __version__},
        "pages": [
            {
                "startedDateTime": _moment(run_report.run.started.timestamp()),
                "id": _PAGE,
                "title": title(run_report),
                "pageTimings": {"onContentLoad": -1, "onLoad": -1},
            }
        ],
        "comment": f"run {run_report.run.run}{f', {run_report.unfinished}' if run_report.unfinished else ''}",
        "_state": str(run_report.run.state),
        "_counts": dict(run_report.counts),
    }
    stream.write('{"log":' + json_text(head).removesuffix("}") + ',"entries":[')
    separator = "\n"
    for entry in _entries(run_report, rows):
        stream.write(separator + json_text(entry))
        separator = ",\n"
    stream.write("\n]}}\n")


def _entries(run_report: RunReport, rows: Sequence[int] | None) -> Iterator[dict[str, Any]]:
    method, _, url = (endpoint_of(run_report) or "GET ").partition(" ")
    found = run_report.deliveries_with_recordings() if rows is None else run_report.exchanges(rows).values()
    for one, recording in found:
        recorded = recording is not None and recording.method is not None
        kept = recording if recording is not None and recorded else Recording(method=method)
        kept = kept if recorded and not kept.earlier else structs.replace(kept, status=one.status)
        timings = _timings(kept.timings, one.latency_ms)
        entry: dict[str, Any] = {
            "pageref": _PAGE,
            "startedDateTime": _moment(one.started or run_report.run.started.timestamp()),
            "time": round(sum(timings[name] for name in ("dns", "connect", "wait", "receive") if timings[name] > 0), 3),
            "request": _request(kept, url),
            "response": _response(kept),
            "cache": {},
            "timings": timings,
            "_delivery": one.as_json(),
        }
        if not recorded:
            entry["comment"] = "not recorded" if one.attempts else "never sent"
        elif kept.personal or kept.sharing or kept.earlier:
            tokens = f"{kept.personal.capitalize()}." if kept.personal else ""
            entry["comment"] = " ".join(f"{tokens} {kept.sharing} {kept.earlier}".split())
        if one.error:
            entry["_error"] = one.error
        yield entry


def _request(recording: Recording, url: str) -> dict[str, Any]:
    address = str(recording.url) or url
    body = recording.request_body
    headers = tuple((name, str(value)) for name, value in recording.request_headers)
    request: dict[str, Any] = {
        "method": recording.method,
        "url": address,
        "httpVersion": _version(recording.http_version),
        "cookies": [],
        "headers": _pairs(headers),
        "queryString": _pairs(parse_qsl(address.partition("?")[2], keep_blank_values=True)),
        "headersSize": -1,
        "bodySize": body.size if body is not None else 0 if recording.request_headers else -1,
    }
    if body is not None:
        data = {"mimeType": first_header(headers, "content-type") or _UNKNOWN, "text": str(body.text)}
        comment = _comment(body, "in base64, for it is not text")
        request["postData"] = {**data, "comment": comment} if comment else data
    return request


def _response(recording: Recording) -> dict[str, Any]:
    body = recording.response_body
    headers = recording.response_headers
    content: dict[str, Any] = {
        "size": body.size if body is not None else 0 if headers else -1,
        "mimeType": first_header(headers, "content-type") or _UNKNOWN,
    }
    if body is not None:
        content["text"] = str(body.text)
        if body.binary:
            content["encoding"] = "base64"
        if comment := _comment(body, ""):
            content["comment"] = comment
    return {
        "status": recording.status or 0,
        "statusText": phrase(recording.status or 0),
        "httpVersion": _version(recording.http_version),
        "cookies": [],
        "headers": _pairs(headers),
        "content": content,
        "redirectURL": first_header(headers, "location") or "",
        "headersSize": -1,
        "bodySize": -1,
    }


def _comment(body: RecordedBody, binary: str) -> str:
    notes = [binary] if body.binary and binary else []
    if body.truncated:
        notes.append(f"cut: it had {body.size} bytes")
    return "; ".join(notes)


def _timings(ends: Timings, latency_ms: float | None) -> dict[str, float]:
    """Turn the ends of phases into their lengths; HAR counts TLS as a part of connecting, and shows it once more."""
    connected = max(ends.connect, ends.tls)
    before = max(ends.dns, connected)
    total = ends.total or (latency_ms or 0) / 1000
    answered = ends.first_byte or total
    return {
        "blocked": -1,
        "dns": _length(0.0, ends.dns),
        "connect": _length(ends.dns, connected),
        "ssl": _length(ends.connect, ends.tls),
        "send": 0,
        "wait": max(_length(before, answered), 0),
        "receive": max(_length(answered, total), 0),
    }


def _length(start: float, end: float) -> float:
    """Milliseconds of a phase; -1 where it did not take place."""
    return round(max(end - start, 0.0) * 1000, 3) if end else -1


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _version(version: str | None) -> str:
    return f"HTTP/{version or '1.1'}"


def _pairs(pairs: Any) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in pairs]
