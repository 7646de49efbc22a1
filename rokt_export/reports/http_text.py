"""Turn a recording into HTTP as text: what stood on the wire, redacted, for a person to read."""

from __future__ import annotations

import json
import re
from http import HTTPStatus
from typing import Any

import msgspec

from rokt_export.journal.recording import RecordedBody, Recording
from rokt_export.spec_language.encodings import media_type_of, subtype

_WRITTEN = re.compile(r"\d\.\d*0(?!\d)|\d[eE][-+\d]|\.\d{16}")
_CONTENT_TYPE = re.compile(r"^content-type:(.*)$", re.IGNORECASE | re.MULTILINE)
_XML_TAG = re.compile(r"(<[^<>]+>)")
_MOST_XML_PARTS = 100_000
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
_RENAMED = {
    413: "Content Too Large",
    414: "URI Too Long",
    416: "Range Not Satisfiable",
    422: "Unprocessable Content",
}
"""What RFC 9110 calls otherwise than its predecessors, whose words Python had until 3.13."""


def request_text(recording: Recording) -> str:
    """Return the request with its line, headers and body; the empty text where nothing was rendered."""
    if recording.method is None:
        return ""
    host, target = split_url(str(recording.url))
    version = "2" if recording.http_version == "2" else "1.1"
    lines = [f"{recording.method} {target} HTTP/{version}"]
    if not any(name.lower() == "host" for name, _ in recording.request_headers):
        lines.append(f"Host: {host}")
    lines += [f"{name}: {value}" for name, value in recording.request_headers]
    return _message(lines, recording.request_body)


def response_text(recording: Recording) -> str:
    """Return the response with its line, headers and body; what came instead where there is none."""
    fault = "" if recording.fault is None else ": ".join(recording.fault)
    if recording.status is None:
        return recording.earlier or (fault and f"No response: {fault}")
    line = f"HTTP/{recording.http_version or '1.1'} {recording.status} {phrase(recording.status)}".rstrip()
    headers = [f"{name}: {value}" for name, value in recording.response_headers]
    came = _message([line, *headers], recording.response_body)
    return f"{came}\n\n({fault})" if fault else came


def phrase(status: int) -> str:
    """Return the standard's phrase for a status (RFC 9110), or nothing."""
    try:
        return _RENAMED.get(status) or HTTPStatus(status).phrase
    except ValueError:
        return ""


def split_url(url: str) -> tuple[str, str]:
    """Return host (with port) and request target of an absolute URL, also of one with parts redacted.

    Of `$BASE/v1` the host is `$BASE`: a variable may contain the scheme too.
    """
    before, mark, after = url.partition("://")
    rest = url if not mark or before.startswith("$") else after
    ends = [at for sign in "/?" if (at := rest.find(sign)) >= 0]
    end = min(ends, default=len(rest))
    target = rest[end:]
    return rest[:end], target if target.startswith("/") else f"/{target}"


def _message(lines: list[str], body: RecordedBody | None) -> str:
    return "\n".join([*lines, "", body_text(body)]).rstrip("\n") + "\n"


def laid_out(text: str) -> str:
    """Return a message whose body is JSON or XML with that body indented; any other as it is.

    Numbers keep their written digits (`1.10`, `1e3`). A request's body is such only by its Content-Type: JSON Lines and
    plain text are shown as they are sent. A response's body is judged by itself: servers state wrong types.
    """
    head, blank, body = text.partition("\n\n")
    if not head.startswith("HTTP/") and _syntax(head) not in ("json", "xml", ""):
        return text
    if body.lstrip().startswith("<"):
        return head + blank + laid_out_xml(body)
    if not body.lstrip().startswith(("{", "[")):
        return text
    try:
        data = json.loads(body, parse_float=_as_written, parse_int=_as_written, parse_constant=_refused)
        return head + blank + msgspec.json.format(msgspec.json.encode(data), indent=2).decode() + "\n"
    except (ValueError, RecursionError):
        return text


def _syntax(head: str) -> str:
    """Return the syntax that the Content-Type of a message's head states; empty without one."""
    stated = _CONTENT_TYPE.search(head)
    return subtype(media_type_of(stated[1])) if stated else ""


def _as_written(number: str) -> msgspec.Raw:
    return msgspec.Raw(number.encode())


def _refused(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


def body_value(body: RecordedBody | None) -> Any:
    """Return a body as JSON data where it is JSON whose numbers keep their digits, else as text; None for none."""
    if body is None or not body.size:
        return None
    text = str(body.text)
    if body.binary or body.truncated or not text.lstrip().startswith(("{", "[")) or _loses_digits(text):
        return text
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _loses_digits(text: str) -> bool:
    return _WRITTEN.search(_STRING.sub("", text)) is not None


def laid_out_xml(body: str) -> str:
    """Return XML with each element on a line; what is not XML, has text between elements, or is HTML, unchanged."""
    parts = _XML_TAG.split(body.strip())
    if len(parts) > _MOST_XML_PARTS or "<!" in body or "".join(parts[1::2]).lower().startswith("<html"):
        return body
    lines: list[str] = []
    depth = 0
    open_line = False  # the last line is an element that only has text so far
    for place, part in enumerate(parts):
        if place % 2 == 0:
            if not part.strip():
                continue
            if not open_line:  # text beside elements: blanks may matter
                return body
            lines[-1] += part
        elif part.startswith("</"):
            depth -= 1
            if depth < 0:
                return body
            if open_line:
                lines[-1] += part
            else:
                lines.append("  " * depth + part)
            open_line = False
        else:
            lines.append("  " * depth + part)
            open_line = not part.startswith("<?") and not part.endswith("/>")
            depth += open_line
    return "\n".join(lines) + "\n" if depth == 0 else body


def body_text(body: RecordedBody | None) -> str:
    """Return a body for reading: its text, or its base64, with a note where it is not whole."""
    if body is None or not body.size:
        return ""
    notes = []
    if body.binary:
        notes.append(f"[{body.size:,} bytes, not text; base64:]\n")
    cut = f"\n[cut: the body has {body.size:,} bytes]" if body.truncated else ""
    return "".join([*notes, str(body.text), cut])
