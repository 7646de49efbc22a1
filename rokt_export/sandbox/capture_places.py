"""Finds the places of a rule's captures in an example response, so that they can be replaced."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from rokt_export.spec_language.filters import text_of
from rokt_export.spec_language.paths import compile_path
from rokt_export.spec_language.regexes import compile_regex
from rokt_export.spec_language.rules import CapturePath

Spell = Callable[[str], str]
"""Writes a text for a place of a body, with the escapes of the body's kind."""


@dataclass(frozen=True, slots=True)
class CaptureSpot:
    """A part of a text that may be replaced.

    Attributes:
        spell: writes another text for this place.
    """

    start: int
    end: int
    value: str
    spell: Spell


def body_kind(body: str, stated: str | None) -> str:
    """Return `json`, `xml` or `text`: the rule's `as`, else by the body."""
    if stated is not None:
        return stated
    if _parsed(body, "json") is not None:
        return "json"
    return "xml" if _parsed(body, "xml") is not None else "text"


def captured(body: str, kind: str, capture: CapturePath) -> str | None:
    """Return what a capture finds in a body; None if it finds nothing."""
    found = body if capture.path is None else _at_path(body, kind, capture.path)
    if found is None or capture.regex is None:
        return found or None
    return compile_regex(capture.regex).part(found) or None


def body_spot(body: str, kind: str, capture: CapturePath, probe: str) -> CaptureSpot | None:
    """Return the place in a body whose replacement changes what the capture finds; None if there is none.

    Each occurrence of the captured text is tried with another text. So the example's formatting, prefixes and order are
    kept.

    Args:
        kind: `json`, `xml` or `text`.
        probe: a text to try, of the kind that will be put there.
    """
    value = captured(body, kind, capture)
    if value is None or value == probe:
        return None
    for spell in spellings(kind):
        for start in _occurrences(body, spell(value)):
            end = start + len(spell(value))
            if captured(body[:start] + spell(probe) + body[end:], kind, capture) == probe:
                return CaptureSpot(start, end, value, spell)
    return None


def header_spot(header: str, capture: CapturePath) -> CaptureSpot | None:
    """Return the place of a capture in a header's value."""
    span = compile_regex(capture.regex).span(header) if capture.regex else (0, len(header))
    if span is None:
        return None
    start, end = span
    return CaptureSpot(start, end, header[start:end], str) if end > start else None


def spellings(kind: str) -> tuple[Spell, ...]:
    """Return the ways to write a text in a body of this kind."""
    if kind == "json":
        return (lambda text: json.dumps(text, ensure_ascii=False)[1:-1], lambda text: json.dumps(text)[1:-1])
    if kind == "xml":
        return (lambda text: escape(text, {'"': "&quot;"}), escape)
    return (str,)


def _at_path(body: str, kind: str, source: str) -> str | None:
    path = compile_path(source)
    if path.xml is not (kind == "xml"):
        return None
    found = path.find(_parsed(body, kind))
    return text_of(found[0]) if found and not isinstance(found[0], (dict, list)) else None


def _occurrences(text: str, part: str) -> Iterator[int]:
    at = text.find(part)
    while at >= 0:
        yield at
        at = text.find(part, at + 1)


def _parsed(body: str, kind: str) -> Any:
    try:
        if kind == "json":
            return json.loads(body, parse_int=_Digits, parse_float=_Digits)
        return ElementTree.fromstring(body) if kind == "xml" else None
    except (ValueError, ElementTree.ParseError):
        return None


class _Digits(str):
    """A number as its digits, so that a long identifier is found as written."""

    __slots__ = ()
