"""Find a value in a text, each of its characters in whatever encoding."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence

from rokt_export.redaction.character_encodings import character, fold_case
from rokt_export.redaction.decoded_view import View

_SEGMENTS = re.compile(r"[0-9A-Za-z]+|.", re.DOTALL)
_GOOD_ANCHOR = 3
_MOST_STEPS = 10_000
"""Characters tried one by one, where no place is found, before all ways to read a text are followed at once."""
_MOST_SEGMENTS = 1_000
"""Segments that are then compared: where a longer value begins with them, the rest of the text is hidden."""


class _TooManyReadings(Exception):
    """A text may be read in too many ways to try one after the other, such as a run of quotes."""


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
        reached = 0
        try:
            for span in self._tried(view.text):
                yield view.span(*span)
                reached = span[1]
        except _TooManyReadings:
            yield from (view.span(*span) for span in self._followed(view.text, reached))

    def _tried(self, text: str) -> Iterator[tuple[int, int]]:
        if self._anchor is None:
            return self._find_anywhere(text)
        return self._find_anchored(text, self._segments[self._anchor], self._anchor)

    def _find_anchored(self, text: str, anchor: str, index: int) -> Iterator[tuple[int, int]]:
        steps = _Steps()
        reached = 0
        at = text.find(anchor)
        while at >= 0:
            raw = at - self._prefix_length
            if raw >= reached and text.startswith(self.value, raw):
                span: tuple[int, int] | None = (raw, raw + len(self.value))
            else:
                span = self._around(text, at, anchor, index, steps)
            if span is not None and span[0] >= reached:
                yield span
                reached = span[1]
                steps = _Steps()
            at = text.find(anchor, max(at + 1, reached))

    def _around(self, text: str, at: int, anchor: str, index: int, steps: _Steps) -> tuple[int, int] | None:
        starts = {at}
        for segment in reversed(self._segments[:index]):
            steps.take(len(starts))
            starts = _backward(text, starts, segment, self.fold)
            if not starts:
                return None
        end = self._forward(text, at + len(anchor), index + 1, steps)
        return None if end is None else (min(starts), end)

    def _find_anywhere(self, text: str) -> Iterator[tuple[int, int]]:
        steps = _Steps()
        reached = 0
        for match in character(self.value[0], self.fold).candidates.finditer(text):
            at = match.start()
            if at < reached:
                continue
            end = self._forward(text, at, 0, steps)
            if end is not None:
                yield at, end
                reached = end
                steps = _Steps()

    def _forward(self, text: str, at: int, index: int, steps: _Steps) -> int | None:
        ends = {at}
        for place in range(index, len(self._segments)):
            steps.take(len(ends))
            ends = _forward(text, ends, self._segments[place], self.fold)
            if not ends:
                return None
        return max(ends)

    def _followed(self, text: str, reached: int) -> Iterator[tuple[int, int]]:
        """Yield the places from `reached` on, following all ways to read the text at once."""
        segments = self._segments[:_MOST_SEGMENTS]
        places = _Places(text, self.fold)
        ends = places.after(-1 << reached, segments)
        starts = places.before(ends, segments) & (-1 << reached)
        width = sum(max(len(segment), character(segment[0], self.fold).longest) for segment in segments)
        while starts:
            start = (starts & -starts).bit_length() - 1
            if len(segments) < len(self._segments):
                yield start, len(text)
                return
            end = start + places.within(start, width).after(1, segments).bit_length() - 1
            others = starts >> start & ((1 << end - start) - 1)  # places that begin in this one, and may end later
            yield start, start + places.within(start, 2 * width).after(others, segments).bit_length() - 1
            starts = starts >> end << end


class _Steps:
    """Counts the characters that were tried since the last place was found."""

    __slots__ = ("_left",)

    def __init__(self) -> None:
        self._left = _MOST_STEPS

    def take(self, number: int) -> None:
        """Count some steps.

        Raises:
            _TooManySteps: if there were too many.
        """
        self._left -= number
        if self._left < 0:
            raise _TooManyReadings


class _Places:
    """Where in a text which segments are, as bits of integers: the bit of 2ⁿ stands for the place n.

    Following a segment from all places costs a few operations on integers, whatever the text is.
    """

    def __init__(self, text: str, fold: bool) -> None:
        self._text = text
        self._fold = fold
        self._begins: dict[str, list[tuple[int, int]]] = {}

    def within(self, start: int, width: int) -> _Places:
        """Return the places of a part of the text that are known, counted from its start."""
        part = _Places(self._text[start : start + width], self._fold)
        last = (1 << width) - 1
        for segment, found in self._begins.items():
            part._begins[segment] = [(length, bits) for length, all_ in found if (bits := all_ >> start & last)]
        return part

    def after(self, places: int, segments: Sequence[str]) -> int:
        """Return the places where the segments end, one after the other, that begin at any of some places."""
        for segment in segments:
            later = 0
            for length, begins in self._of(segment):
                later |= (places & begins) << length
            places = later
            if not places:
                break
        return places

    def before(self, places: int, segments: Sequence[str]) -> int:
        """Return the places where the segments begin, one after the other, that end at any of some places."""
        for segment in reversed(segments):
            earlier = 0
            for length, begins in self._of(segment):
                earlier |= places >> length & begins
            places = earlier
            if not places:
                break
        return places

    def _of(self, segment: str) -> list[tuple[int, int]]:
        """Return the lengths in which a segment is in the text, each with the places where it begins."""
        found = self._begins.get(segment)
        if found is None:
            by_length: dict[int, bytearray] = {}
            size = len(self._text)
            for start, end in self._occurrences(segment):
                digits = by_length.setdefault(end - start, bytearray(b"0") * (size + 1))
                digits[size - start] = ord("1")
            found = self._begins[segment] = [(length, int(digits, 2)) for length, digits in by_length.items()]
        return found

    def _occurrences(self, segment: str) -> Iterator[tuple[int, int]]:
        text = self._text
        if len(segment) > 1:
            yield from ((match.start(), match.start() + len(segment)) for match in re.finditer(f"(?={segment})", text))
            return
        encoded = character(segment, self._fold)
        yield from ((match.start(), match.end()) for match in re.finditer(re.escape(segment), text))
        for match in encoded.candidates.finditer(text):
            yield from ((match.start(), end) for end in encoded.ends(text, match.start()))


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
