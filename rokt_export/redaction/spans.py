"""Put labels in place of the spans of a text that give something away."""

from __future__ import annotations

from collections.abc import Iterator
from operator import itemgetter
from typing import NamedTuple

from rokt_export.redaction.literals import Encoding


class Span(NamedTuple):
    """A part of a text to hide, and what is shown in its place."""

    start: int
    end: int
    label: str
    encoding: Encoding = Encoding.RAW


def merged(spans: list[Span]) -> Iterator[Span]:
    """Yield the spans in order, overlapping ones as one, labelled as the longest: no end of any is left."""
    if not spans:
        return
    spans.sort(key=itemgetter(0))
    group = spans[0]
    longest = group.end - group.start
    for span in spans[1:]:
        if span.start >= group.end:
            yield group
            group, longest = span, span.end - span.start
            continue
        widest = group
        if span.end - span.start > longest:
            widest, longest = span, span.end - span.start
        group = Span(group.start, max(group.end, span.end), widest.label, widest.encoding)
    yield group


def spliced(text: str, spans: list[Span]) -> str:
    """Return the text with each span's label in its place."""
    if not spans:
        return text
    parts: list[str] = []
    at = 0
    for span in merged(spans):
        parts += (text[at : span.start], span.label)
        at = span.end
    parts.append(text[at:])
    return "".join(parts)
