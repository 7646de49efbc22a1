"""Read a response as people paste it: from curl, HTTPie, a browser's HAR, a mail, or a Markdown document."""

from __future__ import annotations

import base64
import binascii
import codecs
import json
import re
from typing import Any, NamedTuple

from rokt_export.errors import UsageError
from rokt_export.exchange.model import header_of, header_text

Headers = list[tuple[str, str]]


class PastedResponse(NamedTuple):
    """What a paste holds.

    Attributes:
        status: the HTTP status; None where the paste has none.
        headers: name and value, in order.
        body: the bytes of the body.
    """

    status: int | None
    headers: Headers
    body: bytes


_STATUS_LINE = re.compile(r"HTTP/\S+[ \t]+([1-9][0-9]{2})(?:[ \t].*)?", re.ASCII)
_PSEUDO_STATUS = re.compile(r":status:?\s+([1-9][0-9]{2})", re.ASCII)
_HEADER = re.compile(rb":?[!#$%&'*+.^_`|~0-9A-Za-z-]+[ \t]*:(?!//).*")
_STATES_BODY = re.compile(rb"content-(?:type|length|encoding)|transfer-encoding|date|server", re.IGNORECASE)
_LINE = re.compile(rb"[^\n]*\n?")
_COLOUR = re.compile(rb"\x1b\[[0-9;]*m")
_FENCE = re.compile(rb"^[ \t]*(`{3,}|~{3,})[^\n`]*\n(.*?)^[ \t]*\1[ \t]*\r?$", re.DOTALL | re.MULTILINE)
_QUOTE = re.compile(rb"^[ \t]*(?:>[ \t]?)+", re.MULTILINE)
_HEAD_LATER = re.compile(rb"^HTTP/\d\S*[ \t]+[1-9]\d\d", re.MULTILINE)
_BARS = re.compile(rb"^[ \t]*\|[ \t]?", re.MULTILINE)
_STATED_STATUS = re.compile(
    rb"(?:Status(?:[ _-]?Code)?:[ \t]*([1-5]\d\d)\b[^\r\n]*|([1-5]\d\d)[ \t]+[A-Z][A-Za-z' -]{1,40})(?=\r?\n|\Z)",
    re.IGNORECASE,
)
"""A first line as other tools write it: `Status: 201 Created`, `201 Created`."""
_OF_POSTMAN = {"originalRequest", "_postman_previewlanguage"}
_REQUEST_LINE = re.compile(rb"[A-Z]+ \S+ HTTP/\d")
_CURL_HEAD = re.compile(rb"^[ \t]*< ?(?=HTTP/)", re.MULTILINE)
_CURL_NOISE = re.compile(rb"(?:[*>](?: |\r?$)|[{}] \[\d+ bytes data\])")
_CURL_LAST = re.compile(rb"\* (?:Connection #\d+ to host|Closing connection|TLSv1|Excess found)[^\n]*\s*\Z")
_CHUNK_SIZE = re.compile(rb"([0-9a-fA-F]{1,8})[ \t]*(?:;[^\n]*)?\r?\n")
_CHUNK_LINE = re.compile(rb"(?:\A|\r?\n)[0-9a-fA-F]{1,8}[ \t]*(?:;[^\n]*)?\r?(?:\n|\Z)")
_STARTS_BODY = (b"{", b"[", b"<", b'"')


def read_pasted(raw: bytes) -> PastedResponse:
    """Return the response in a paste; a paste without a status line or a HAR entry is a body alone.

    It reads `curl -i`, `curl -v`, HTTPie, HAR, Postman's saved response, quotes of mails, code fences, UTF-8 and UTF-16
    with a byte order mark, chunked bodies, a status as `201 Created`, and a head without a blank line behind it.
    Interim responses (100, 103) are skipped. Where words come before the head, those behind a JSON or XML body are
    left out.

    Raises:
        UsageError: the status line has no status, or a HAR file does not hold exactly one response.
    """
    text = _plain(raw)
    if (entry := _har_response(text) or _postman_response(text)) is not None:
        return entry
    verbose = _from_curl_verbose(text)
    text, before = (verbose, b"") if verbose else _from_exchange(text)
    status: int | None = None
    headers: Headers = []
    at = 0
    while text.startswith(b"HTTP/", at):
        status, headers, at = _head(text, at)
    if status is None:
        return _without_status_line(text, raw)
    body = _without_words_behind(text[at:]) if before.strip() else text[at:]
    return PastedResponse(status, headers, _unchunked(body, headers))


def _plain(raw: bytes) -> bytes:
    """Return the paste without what mail programs, editors and terminals put around it."""
    if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):  # PowerShell writes so
        decoded = raw.decode("utf-16", "replace").encode()
        raw = decoded if b"HTTP/" in decoded else raw
    raw = raw.removeprefix(codecs.BOM_UTF8)
    if b"\n" not in raw:  # of an old Mac, or some spreadsheet
        raw = raw.replace(b"\r", b"\n")
    lines = raw.lstrip(b"\r\n")
    width = len(lines) - len(lines.lstrip(b" \t"))
    if width and lines.lstrip().startswith((b"HTTP/", b"* ", b"> ", b"< ")):
        raw = re.sub(rb"^[ \t]{1,%d}" % width, b"", raw, flags=re.MULTILINE)
    start = raw.lstrip()
    if start.startswith(b"HTTP/"):
        return start
    raw = _unquoted(raw)
    start = raw.lstrip()
    if b"\x1b[" in start[:200] and not start.startswith(_STARTS_BODY):
        raw = _COLOUR.sub(b"", raw)
    if not start.startswith(_STARTS_BODY) and (fences := [match[2] for match in _FENCE.finditer(raw)]):
        place = next((at for at, fence in enumerate(fences) if fence.lstrip().startswith(b"HTTP/")), 0)
        raw = fences[place]
        if fences[place + 1 :] and _is_head(raw):  # head and body in a fence each
            raw = raw.strip() + b"\n\n" + fences[place + 1]
    start = raw.lstrip()
    if match := _STATED_STATUS.match(start):
        return b"HTTP/1.1 " + (match[1] or match[2]) + start[match.end() :]
    return start if start.startswith((b"HTTP/", b":status")) else raw


def _is_head(text: bytes) -> bool:
    """Return whether a text is a response without its body."""
    start = text.strip()
    is_response = start.startswith((b"HTTP/", b":status")) or _STATED_STATUS.match(start) is not None
    return is_response and not re.search(rb"\n[ \t]*\r?\n", start)


def _without_words_behind(body: bytes) -> bytes:
    """Return a body without the words that a mail has behind it, where the body is JSON or XML."""
    text = body.decode("utf-8", "surrogateescape")
    start = text.lstrip()
    try:
        end = json.JSONDecoder().raw_decode(start)[1] if start[:1] in ("{", "[") else 0
    except (ValueError, RecursionError):
        end = 0
    if start.startswith("<") and (root := re.match(r"(?:<[?!][^>]*>\s*)*<([\w:.-]+)", start)):
        closing = f"</{root[1]}>"
        end = start.rfind(closing) + len(closing) if closing in start else 0
    behind = start[end:]
    is_words = end and re.match(r"[ \t]*\r?\n", behind) and behind.lstrip()[:1] not in ("{", "[", "<", "")
    return start[:end].encode("utf-8", "surrogateescape") if is_words else body


def _unquoted(raw: bytes) -> bytes:
    """Return what a mail quotes with `>` or `|`: a response, or the whole paste; `curl -v` marks its request so too."""
    lines = [line for line in raw.splitlines(keepends=True) if line.strip()]
    if lines and all(line.lstrip().startswith(b"|") for line in lines):
        return _BARS.sub(b"", raw)
    quoted = b"".join(line for line in raw.splitlines(keepends=True) if line.lstrip().startswith(b">"))
    unquoted = _QUOTE.sub(b"", quoted)
    is_whole = bool(lines) and all(line.lstrip().startswith(b">") for line in lines)
    has_head = _HEAD_LATER.search(unquoted) is not None or _CURL_HEAD.search(unquoted) is not None
    return unquoted if has_head or (is_whole and unquoted.lstrip().startswith(_STARTS_BODY)) else raw


def _from_curl_verbose(text: bytes) -> bytes | None:
    """Return the last response of `curl -v` as `curl -i` would print it; None where the paste is none of that."""
    *_, head = [None, *_CURL_HEAD.finditer(text)]
    if head is None or text.startswith(b"HTTP/"):
        return None
    lines: list[bytes] = []
    in_head = True
    for line in _LINE.findall(text[head.start() :]):
        bare = line.lstrip(b" \t")
        if in_head and bare.startswith(b"<"):
            content = bare[1:].removeprefix(b" ")
            lines.append(content)
            in_head = bool(content.strip())
        elif not _CURL_NOISE.match(bare):
            if in_head:  # the blank line of the head was lost
                lines.append(b"\n")
            in_head = False
            lines.append(line)
    return _CURL_LAST.sub(b"", b"".join(lines))


def _from_exchange(text: bytes) -> tuple[bytes, bytes]:
    """Return the paste from its status line on, and the request or words before it."""
    if text.startswith((b"HTTP/", *_STARTS_BODY)) or not (later := _HEAD_LATER.search(text)):
        return text, b""
    before = text[: later.start()]
    is_prose = not _REQUEST_LINE.match(before.lstrip()) and len(before) > 2_000
    return (text, b"") if is_prose else (text[later.start() :], before)


def _head(text: bytes, at: int) -> tuple[int, Headers, int]:
    """Return status and headers of the head at a place, and where its body begins.

    A line that is no header ends the head as a blank line does.
    """
    end = text.find(b"\n", at) + 1 or len(text)
    first = text[at:end].decode("utf-8", "replace").strip()
    if (match := _STATUS_LINE.fullmatch(first)) is None:
        from rokt_export.response.value_text import abridged

        raise UsageError(
            f"the first line of this response has no status: `{abridged(first)}`",
            where="--body",
            remedy="Correct it (`HTTP/1.1 200 OK`), or give the body alone, with --status and --header.",
        )
    headers, at = _headers(text, end)
    return int(match[1]), headers, at


def _headers(text: bytes, at: int) -> tuple[Headers, int]:
    headers: Headers = []
    while at < len(text):
        end = text.find(b"\n", at) + 1 or len(text)
        line = text[at:end].rstrip(b"\r\n")
        if not line.strip():
            return headers, end
        if line[:1] in (b" ", b"\t") and headers:  # a folded line (RFC 9112, 5.2)
            name, value = headers[-1]
            headers[-1] = name, f"{value} {header_text(line).strip()}"
        elif _HEADER.fullmatch(line):
            headers.append(header_of(line))
        else:
            return headers, at
        at = end
    return headers, at


def _without_status_line(text: bytes, raw: bytes) -> PastedResponse:
    """Return a paste that begins with `:status: 400` of HTTP/2, with headers, or with its body."""
    first = text[: text.find(b"\n") + 1 or len(text)]
    match = _PSEUDO_STATUS.fullmatch(first.decode("utf-8", "replace").strip())
    headers, at = _headers(text, len(first) if match else 0)
    if match is None and not (text[:at].endswith(b"\n") and any(_states_body(name) for name, _ in headers)):
        return PastedResponse(None, [], text if text is not raw else raw)
    return PastedResponse(int(match[1]) if match else None, headers, _unchunked(text[at:], headers))


def _states_body(name: str) -> bool:
    return _STATES_BODY.fullmatch(name.encode()) is not None


def _unchunked(body: bytes, headers: Headers) -> bytes:
    """Return a body without its chunk sizes, where it is said to be chunked and is; curl takes them out itself."""
    coding = next((value for name, value in headers if name.lower() == "transfer-encoding"), "")
    if "chunked" not in coding.lower() or not _CHUNK_SIZE.match(body):
        return body
    found: list[bytes] = []
    at = 0
    while (size := _CHUNK_SIZE.match(body, at)) or body[at:].rstrip() == b"0":
        length = int(size[1], 16) if size else 0
        if not length or size is None:
            return b"".join(found)
        found.append(body[size.end() : size.end() + length])
        at = size.end() + length
        at += 2 if body.startswith(b"\r\n", at) else body.startswith(b"\n", at)
    # Copying changed the line ends, so that the sizes no longer fit: the lines that hold a size are left out.
    return _CHUNK_LINE.sub(b"", body).strip(b"\r\n")


def _har_response(text: bytes) -> PastedResponse | None:
    """Return the response of a HAR entry, of a whole HAR file with one entry, or of a `response` copied from one.

    Raises:
        UsageError: a HAR file has no entry, or several.
    """
    if not text.lstrip().startswith(b"{") or b'"status"' not in text or b'"headers"' not in text:
        return None
    try:
        found: Any = json.loads(text)
    except (ValueError, RecursionError):
        return None
    log = found.get("log")
    if isinstance(log, dict) and isinstance(log.get("entries"), list):
        if len(log["entries"]) != 1:
            raise UsageError(
                f"this HAR file has {len(log['entries'])} entries, not one",
                where="--body",
                remedy="Give one of them: jq '.log.entries[0]' FILE, counted from 0.",
            )
        found = log["entries"][0]
    found = found.get("response", found) if isinstance(found, dict) else None
    match found:
        case {"status": int(status), "headers": [*headers], "content": {**content}} if 100 <= status <= 599:
            pairs = [(str(each["name"]), str(each["value"])) for each in headers if {"name", "value"} <= each.keys()]
            return PastedResponse(status, pairs, _har_body(content))
        case {"status": 0, "headers": list(), "content": dict()}:
            raise UsageError(
                "this HAR entry holds no response: its status is 0",
                where="--body",
                remedy="The browser got none, or was not allowed to read it. Send the request with curl -i instead.",
            )
        case _:
            return None


def _postman_response(text: bytes) -> PastedResponse | None:
    """Return a response that Postman has saved, also as an entry of a collection."""
    if not text.lstrip().startswith(b"{") or b'"code"' not in text or b'"header"' not in text:
        return None
    try:
        found: Any = json.loads(text)
    except (ValueError, RecursionError):
        return None
    match found:
        case {"code": int(status), "header": [*headers]} if 100 <= status <= 599 and _OF_POSTMAN & found.keys():
            pairs = [(str(each["key"]), str(each["value"])) for each in headers if {"key", "value"} <= each.keys()]
            return PastedResponse(status, pairs, str(found.get("body") or "").encode())
        case _:
            return None


def _har_body(content: dict[Any, Any]) -> bytes:
    text = str(content.get("text") or "")
    if content.get("encoding") != "base64":
        return text.encode()
    try:
        return base64.b64decode(text)
    except binascii.Error as error:
        raise UsageError(
            "the body of this HAR entry is not base64", where="--body", remedy="Copy the entry once more, whole."
        ) from error
