"""Turn a rule's captures into functions from an answer to the text kept of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from rokt_export.redaction.cutting import KEPT
from rokt_export.response.body_reader import Find, ReadAs, ResponseReader, body_values, header_values
from rokt_export.response.value_text import clean, compact
from rokt_export.spec_language.filters import text_of
from rokt_export.spec_language.regexes import compile_regex
from rokt_export.spec_language.rules import CapturePath

Captured = Callable[[ResponseReader], str | None]


def compile_capture(places: Sequence[CapturePath], read_as: ReadAs) -> Captured | None:
    """Return what takes the text from the first place that yields some; None where no place is given.

    The text is not cut to what is shown of it: it has to be redacted first.

    Of several values the first that says something counts. Numbers keep their written digits, lists and mappings become
    compact JSON, null and white space say nothing.
    """
    takers = [_taker(place, read_as) for place in places]
    if not takers:
        return None
    if len(takers) == 1:
        return takers[0]

    def first(reader: ResponseReader) -> str | None:
        for take in takers:
            text = take(reader)
            if text is not None:
                return text
        return None

    return first


def _taker(place: CapturePath, read_as: ReadAs) -> Captured:
    find, part = _find(place, read_as), None if place.regex is None else compile_regex(place.regex).part

    def take(reader: ResponseReader) -> str | None:
        for value in find(reader) or ():
            text: str | None = value if value.__class__ is str else _text(value)
            if part is not None and text:
                text = part(text)
            if text and (text := text.strip()):
                return clean(text[:KEPT])
        return None

    return take


def _find(place: CapturePath, read_as: ReadAs) -> Find:
    if place.header is not None:
        return header_values(place.header)
    if place.path is not None:
        return body_values(place.path, read_as)
    return lambda reader: (reader.text,)


def _text(value: Any) -> str:
    return compact(value) or "" if isinstance(value, (list, dict)) else text_of(value)
