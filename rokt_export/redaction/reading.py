"""Read a text as it stands and, where letters or digits are encoded, with these decoded, each place traced back."""

from __future__ import annotations

import re
from bisect import bisect_right

from rokt_export.redaction.characters import fold_case

_ALNUM = "(?:3[0-9]|[46][1-9A-Fa-f]|[57][0-9Aa])"
_DECIMAL = "(?:4[89]|5[0-7]|6[5-9]|[78][0-9]|9[0789]|1[01][0-9]|12[0-2])"
_OCTAL = "(?:0[67][0-7]|1[0-7][0-7])"


def _encoded(percent: str, backslash: str, ampersand: str, hash_sign: str, semicolon: str) -> re.Pattern[str]:
    return re.compile(
        rf"(?:{percent}(?:u00)?|{backslash}(?:u00|x))(?P<hex>{_ALNUM})"
        rf"|{backslash}u\{{0*(?P<braced>{_ALNUM})\}}"
        rf"|{backslash}(?P<octal>{_OCTAL})"
        rf"|{ampersand}{hash_sign}(?:0*(?P<decimal>{_DECIMAL})|[xX]0*(?P<entity>{_ALNUM})){semicolon}"
    )


_ONCE = _encoded("%", r"\\", "&", "#", ";")
_NESTED = _encoded(
    "%(?:25)*", r"(?:\\+|%(?:25)*5[Cc])", "(?:&|%(?:25)*26)(?:amp(?:;|%(?:25)*3[Bb]))*", "(?:#|%(?:25)*23)",
    "(?:;|%(?:25)*3[Bb])",
)  # fmt: skip
_HINT = re.compile(
    rf"%(?:25)*(?:{_ALNUM}|u00|5[Cc][ux01]|26(?:[#%]|amp))"
    rf"|\\(?:u00{_ALNUM}|u\{{|x{_ALNUM}|{_OCTAL})"
    r"|&(?:amp;)*(?:#|%(?:25)*23)[0-9xX]"
)
"""Cheap to search for: one of these three characters begins it."""
_BASES = {"hex": 16, "braced": 16, "octal": 8, "decimal": 10, "entity": 16}
_RUN = re.compile(r"[0-9A-Za-z+/_\-%\\]+")


class View:
    """A text in which some characters stand for longer parts of another, its source.

    Attributes:
        text: what to search.
    """

    __slots__ = ("_places", "_shifts", "text")

    def __init__(self, text: str, places: list[int], shifts: list[int]) -> None:
        self.text = text
        self._places = places
        self._shifts = shifts

    def source(self, at: int) -> int:
        """Return the place in the source of a place in this text."""
        before = bisect_right(self._places, at)
        return at + self._shifts[before - 1] if before else at

    def folded(self) -> View:
        """Return this view in lower case; folding moves no character."""
        return View(fold_case(self.text), self._places, self._shifts)


def views(text: str) -> list[View]:
    """Return the text as it stands, then decoded if it may encode letters or digits: once, and all nesting at once.

    No usual encoder touches letters and digits, but any may, and an attacker's echo will.
    """
    found = [View(text, [], [])]
    if ("%" in text or "\\" in text or "&#" in text or "&amp;" in text) and _HINT.search(text):
        for pattern in (_ONCE, _NESTED):
            view = _decoded(text, pattern)
            if view.text not in (found[0].text, found[-1].text):
                found.append(view)
    return found


def _decoded(text: str, pattern: re.Pattern[str]) -> View:
    parts: list[str] = []
    places: list[int] = []
    shifts: list[int] = []
    length = end = 0
    for match in pattern.finditer(text):
        kind = match.lastgroup or ""
        parts += (text[end : match.start()], chr(int(match[kind], _BASES[kind])))
        length += match.start() - end + 1
        end = match.end()
        places.append(length)
        shifts.append(end - length)
    parts.append(text[end:])
    return View("".join(parts), places, shifts)


class Reading:
    """A text as it is searched for several personal values: what is worth knowing of it is worked out once.

    Attributes:
        text: the text.
        views: its views, folded; the first is the text as it stands.
        longest_run: length of the longest part that may be base64, hexadecimal or a digest.
    """

    __slots__ = ("longest_run", "text", "views")

    def __init__(self, text: str) -> None:
        self.text = text
        self.views = [view.folded() for view in views(text)]
        self.longest_run = max(map(len, _RUN.findall(text)), default=0)
