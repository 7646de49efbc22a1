"""Find a value in a text, each of its characters in whatever encoding."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from rokt_export.redaction.character_encodings import character, fold_case
from rokt_export.redaction.decoded_view import View

_SEGMENTS = re.compile(r"[0-9A-Za-z]+|.", re.DOTALL)
_GOOD_ANCHOR = 3


class Spelling:
    """One value, found in a text however its characters are encoded.

    Letters and digits stay as they are in nearly every encoding, so a run of them is searched for by `str.find`, and
    only the neighbourhood of a hit is compared character by character; where they are encoded too, a `View` decodes
    them first.

    Args:
        value: the text to find, not empty.
        fold: find it in either letter case; texts must then come through `fold_case`.
    """

    __slots__ = ("_anchor", "_prefix_length", "_segments", "fold", "gate", "value")

    def __init__(self, value: str, fold: bool = False) -> None:
        self.fold = fold
        self.value = fold_case(value) if fold else value
        self._segments = _SEGMENTS.findall(self.value)
        runs = [segment for segment in self._segments if segment.isascii() and segment.isalnum()]
        self.gate: str = max(runs, key=len, default="")
        """The longest run: a view without it does not hold the value."""
        anchor = next((run for run in runs if len(run) >= _GOOD_ANCHOR), self.gate)
        self._anchor = self._segments.index(anchor) if anchor else None
        self._prefix_length = sum(map(len, self._segments[: self._anchor]))

    def find(self, view: View) -> Iterator[tuple[int, int]]:
        """Yield start and end, in the view's source, of each place that contains the value.

        Args:
            view: the text, folded if this spelling is.
        """
        if self._anchor is None:
            spans = self._find_anywhere(view.text)
        else:
            spans = self._find_anchored(view.text, self._segments[self._anchor], self._anchor)
        for start, end in spans:
            yield view.span(start, end)

    def _find_anchored(self, text: str, anchor: str, index: int) -> Iterator[tuple[int, int]]:
        reached = 0
        at = text.find(anchor)
        while at >= 0:
            raw = at - self._prefix_length
            if raw >= reached and text.startswith(self.value, raw):
                span: tuple[int, int] | None = (raw, raw + len(self.value))
            else:
                span = self._around(text, at, anchor, index)
            if span is not None and span[0] >= reached:
                yield span
                reached = span[1]
            at = text.find(anchor, max(at + 1, reached))

    def _around(self, text: str, at: int, anchor: str, index: int) -> tuple[int, int] | None:
        starts = {at}
        for segment in reversed(self._segments[:index]):
            starts = _backward(text, starts, segment, self.fold)
            if not starts:
                return None
        end = self._forward(text, at + len(anchor), index + 1)
        return None if end is None else (min(starts), end)

    def _find_anywhere(self, text: str) -> Iterator[tuple[int, int]]:
        reached = 0
        for match in character(self.value[0], self.fold).candidates.finditer(text):
            at = match.start()
            if at < reached:
                continue
            end = self._forward(text, at, 0)
            if end is not None:
                yield at, end
                reached = end

    def _forward(self, text: str, at: int, index: int) -> int | None:
        ends = {at}
        for segment in self._segments[index:]:
            ends = _forward(text, ends, segment, self.fold)
            if not ends:
                return None
        return max(ends)


def _forward(text: str, at: set[int], segment: str, fold: bool) -> set[int]:
    ends = {end + len(segment) for end in at if text.startswith(segment, end)}
    if len(segment) > 1:
        return ends
    return ends | {later for end in at for later in character(segment, fold).ends(text, end)}


def _backward(text: str, at: set[int], segment: str, fold: bool) -> set[int]:
    starts = {start - len(segment) for start in at if text.endswith(segment, 0, start)}
    if len(segment) > 1:
        return starts
    return starts | {earlier for start in at for earlier in character(segment, fold).starts(text, start)}


def variants(value: str) -> Iterator[str]:
    """Yield the value, without its outer blanks too, in both Unicode normal forms."""
    for text in dict.fromkeys((value, value.strip())):
        yield text
        if not text.isascii():
            yield unicodedata.normalize("NFC", text)
            yield unicodedata.normalize("NFD", text)
