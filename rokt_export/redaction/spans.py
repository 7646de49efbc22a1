"""Put labels in place of the spans of a text that give something away."""

from __future__ import annotations

from collections.abc import Iterator
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
    spans.sort(key=lambda span: (span.start, -span.end))
    group: list[Span] = []
    end = 0
    for span in spans:
        if group and span.start >= end:
            yield _union(group, end)
            group = []
        end = max(end, span.end) if group else span.end
        group.append(span)
    if group:
        yield _union(group, end)


def _union(group: list[Span], end: int) -> Span:
    longest = max(group, key=lambda span: span.end - span.start)
    return longest._replace(start=group[0].start, end=end)


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
