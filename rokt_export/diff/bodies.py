"""Turn a body into what is compared: a tree of JSON, XML or form fields, lines of text, or bytes."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from urllib.parse import parse_qsl

import orjson

from rokt_export.diff.side import Side
from rokt_export.exchange.model import Response
from rokt_export.response.body_reader import NoData, ResponseReader
from rokt_export.response.charset import decode

_LONG_NUMBER = re.compile(rb"\d{19}")
_HTML = re.compile(r"\s*(?:<!doctype html|<html)", re.IGNORECASE)
_BOM = b"\xef\xbb\xbf"
_MOST_XML_DEPTH = 400


class BodyFormat(StrEnum):
    """What a body is."""

    EMPTY = "empty"
    JSON = "JSON"
    XML = "XML"
    FORM = "form fields"
    TEXT = "text"
    BINARY = "binary"


@dataclass(frozen=True, slots=True)
class ParsedBody:
    """A body that was read.

    Attributes:
        format: what it is.
        data: the tree of JSON or XML; the fields of a form; the lines of a text; None for the others.
        why_not: why it is not what it seems to be, such as broken JSON.
    """

    format: BodyFormat
    data: Any = None
    why_not: str | None = None

    @property
    def described(self) -> str:
        """What it is, for a person."""
        return f"{self.format} ({self.why_not})" if self.why_not else str(self.format)


_EMPTY = ParsedBody(BodyFormat.EMPTY)


def read_body(side: Side) -> ParsedBody:
    """Return what a side's body is; never raises.

    JSON is an object or an array, or anything that the content type calls JSON: a bare `OK` or `12345` is text. Of a
    key that an object has twice the last counts. HTML is text.
    """
    raw = side.body or b""
    start = raw[:64].removeprefix(_BOM).lstrip()
    if start[:1] in (b"{", b"["):
        return _json(raw, side)
    if not raw.strip():
        return _EMPTY
    declared = (side.header("content-type") or "").partition(";")[0].strip().lower()
    if declared.endswith(("/json", "+json")):
        return _json(raw, side)
    if _is_binary(raw, declared):
        return ParsedBody(BodyFormat.BINARY)
    text = decode(raw, side.header("content-type"))
    if declared == "application/x-www-form-urlencoded" and (fields := _form(text)):
        return ParsedBody(BodyFormat.FORM, fields)
    if text.lstrip()[:1] == "<" and not _HTML.match(text):
        return _xml(side, text)
    return ParsedBody(BodyFormat.TEXT, text.splitlines())


def _form(text: str) -> dict[str, Any]:
    """Return the fields of a form, a list where a name comes again; nothing where the text is no form."""
    found: dict[str, Any] = {}
    try:
        fields = parse_qsl(text.strip(), keep_blank_values=True, strict_parsing=True)
    except ValueError:
        return {}
    for name, value in fields:
        found.setdefault(name, []).append(value)
    return {name: values[0] if len(values) == 1 else values for name, values in found.items()}


def _json(raw: bytes, side: Side) -> ParsedBody:
    if _LONG_NUMBER.search(raw) is None:
        try:
            return ParsedBody(BodyFormat.JSON, orjson.loads(raw.removeprefix(_BOM)))
        except orjson.JSONDecodeError:
            pass
    reading = _reading(side)
    data = reading.exact_json
    if isinstance(data, NoData):
        return _broken(reading, data)
    return ParsedBody(BodyFormat.JSON, data)


def _broken(reading: ResponseReader, data: NoData) -> ParsedBody:
    return ParsedBody(
        BodyFormat.TEXT, reading.text.splitlines(), data.reason.removeprefix("the body is ").removeprefix("the ")
    )


def _xml(side: Side, text: str) -> ParsedBody:
    if _depth(text) > _MOST_XML_DEPTH:
        return ParsedBody(BodyFormat.TEXT, text.splitlines(), "not read as XML: it is nested too deeply")
    reading = _reading(side)
    data = reading.mapping
    if isinstance(data, NoData):
        return _broken(reading, data)
    return ParsedBody(BodyFormat.XML, data)


def _depth(text: str) -> int:
    """How deep elements are nested at most; counted, since the trees' own destruction recurses."""
    deepest = depth = 0
    for match in _TAG.finditer(text):
        if match[1]:
            depth -= 1
        elif not match[0].endswith("/>"):
            depth += 1
            deepest = max(deepest, depth)
    return deepest


_TAG = re.compile(r"<(/)?[^\W\d][^<>]*>")


def _reading(side: Side) -> ResponseReader:
    return ResponseReader(Response(side.status or 200, side.headers, side.body or b""))


def _is_binary(raw: bytes, declared: str) -> bool:
    if declared.startswith(("image/", "audio/", "video/", "font/")) or declared in _BINARY_TYPES:
        return True
    if b"\0" not in raw[:100_000]:
        return False
    return raw[:2] not in (b"\xff\xfe", b"\xfe\xff")


_BINARY_TYPES = frozenset(
    {"application/octet-stream", "application/pdf", "application/zip", "application/gzip", "application/protobuf"}
)


def binary_facts(raw: bytes) -> str:
    """Return size and digest of bytes, for a person."""
    return f"{len(raw):,} bytes, sha256 {hashlib.sha256(raw).hexdigest()[:16]}…"
