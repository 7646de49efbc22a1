"""Find a value in a text, each of its characters in whatever encoding."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from rokt_export.redaction.characters import character, fold_case

_SEGMENTS = re.compile(r"[0-9A-Za-z]+|.", re.DOTALL)
_GOOD_ANCHOR = 3

_ALNUM = "(?:3[0-9]|[46][1-9A-Fa-f]|[57][0-9Aa])"
_ENCODED_ALNUM = re.compile(
    rf"%(?:{_ALNUM}|2[56]|5[Cc][ux01]|u00)"  # `%25` and `%26` may begin a nested encoding
    rf"|\\(?:u00{_ALNUM}|u\{{|x{_ALNUM}|0[67][0-7]|1[0-7][0-7])"
    rf"|&(?:amp;)*#0*(?:[xX]0*{_ALNUM}|4[89]|5[0-7]|6[5-9]|[78][0-9]|9[0789]|1[01][0-9]|12[0-2])"
)


def encodes_alphanumerics(text: str) -> bool:
    """Tell whether the text may encode letters or digits, which no usual encoder does but any may."""
    if "%" not in text and "\\" not in text and "&#" not in text and "&amp;" not in text:
        return False
    return _ENCODED_ALNUM.search(text) is not None


class Spelling:
    """One value, found in a text however its characters are encoded.

    Letters and digits stay as they are in nearly every encoding, so a run of them is searched for by `str.find`, and
    only the neighbourhood of a hit is compared character by character.

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
        """The longest run: a text without it holds the value only if `encodes_alphanumerics` says so."""
        anchor = next((run for run in runs if len(run) >= _GOOD_ANCHOR), self.gate)
        self._anchor = self._segments.index(anchor) if anchor else None
        self._prefix_length = sum(map(len, self._segments[: self._anchor]))

    def find(self, text: str, exotic: bool = False) -> Iterator[tuple[int, int]]:
        """Yield start and end of each place where the value stands, in order, not overlapping.

        Args:
            text: the text, folded if this spelling is.
            exotic: letters and digits may be encoded too (`encodes_alphanumerics`).
        """
        if exotic or self._anchor is None:
            yield from self._find_anywhere(text)
        else:
            yield from self._find_anchored(text, self._segments[self._anchor], self._anchor)

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
        end = self._forward(text, at + len(anchor), index + 1, exotic=False)
        return None if end is None else (min(starts), end)

    def _find_anywhere(self, text: str) -> Iterator[tuple[int, int]]:
        reached = 0
        for match in character(self.value[0], self.fold).candidates.finditer(text):
            at = match.start()
            if at < reached:
                continue
            end = self._forward(text, at, 0, exotic=True)
            if end is not None:
                yield at, end
                reached = end

    def _forward(self, text: str, at: int, index: int, *, exotic: bool) -> int | None:
        ends = {at}
        for segment in self._segments[index:]:
            ends = _forward(text, ends, segment, self.fold, exotic)
            if not ends:
                return None
        return max(ends)

    def unfinished(self, text: str) -> int | None:
        """Return the first place from which the end of the text may be the beginning of this value, else None."""
        longest = len(self.value) * 16
        first = max(0, len(text) - longest)
        return next((at for at in range(first, len(text)) if self._is_cut_short(text, at)), None)

    def _is_cut_short(self, text: str, at: int) -> bool:
        ends = {at}
        for char in self.value:
            letter = character(char, self.fold)
            if any(letter.is_cut_short(text[end:]) for end in ends):
                return True
            ends = {later for end in ends for later in letter.ends(text, end)}
            if not ends:
                return False
        return False


def _forward(text: str, at: set[int], segment: str, fold: bool, exotic: bool) -> set[int]:
    ends = {end + len(segment) for end in at if text.startswith(segment, end)}
    if not (exotic or len(segment) == 1):
        return ends
    by_character = at
    for char in segment:
        letter = character(char, fold)
        by_character = {later for end in by_character for later in letter.ends(text, end)}
    return ends | by_character


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
