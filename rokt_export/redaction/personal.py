"""Find one person's values in a text: in either letter case, in every encoding, and as the digests partners ask for."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from enum import Enum, auto
from functools import lru_cache
from typing import assert_never
from urllib.parse import quote

from rokt_export.redaction.characters import fold_case, json_escaped
from rokt_export.redaction.literals import Literal, base64_literals, byte_forms, digests, hex_literals
from rokt_export.redaction.reading import Reading
from rokt_export.redaction.spelling import Spelling, variants

_SHORT = 4
"""Shorter values ("Li", "NY") are hidden only where they fill a field or are a word of their own."""
_WORDLIKE = 6
"""Letters alone, shorter than this ("Mark"), are hidden only where no letter adjoins ("Marketing" stays)."""
_PHONE_DIGITS = 7
"""Digits alone, shorter than this (a postcode), are hidden only where no digit adjoins (a timestamp stays)."""
_IDEOGRAPHS = "\u2e80"
"""From here on, two characters can be a whole name, written without blanks around it: no rule for short ones holds."""

_NOBODY = frozenset({"true", "false", "null", "none", "yes", "no"})
"""Values that say something about a person but point at nobody; hiding them would spoil every JSON document."""

_MD5_LENGTH = 32
_PHONE = re.compile(r"[+(]?[0-9][0-9 ().\-/]{5,}[0-9]")
_ESCAPE_BEFORE = re.compile(r"(?:%[0-9a-f]{2}|\\[a-z]|\\u[0-9a-f]{4}|\\x[0-9a-f]{2})\Z", re.IGNORECASE)
_FIELD_BEFORE = re.compile(r"""(?:^|["'=>|\t\r\n\\,;\[(]|": ?|\w: |%[0-9a-f]{2})\Z""", re.IGNORECASE)
_FIELD_AFTER = re.compile(r"""["'<&,;|\t\r\n\\%\])}]|\Z""")


class PersonalValue:
    """One value of a real person.

    Attributes:
        value: the value, trimmed.
    """

    __slots__ = ("_digests", "_literals", "_placement", "_shortest_literal", "_spellings", "value")

    def __init__(self, value: str) -> None:
        self.value = value
        self._placement = _placement(value)
        self._spellings = [Spelling(text, fold=True) for text in dict.fromkeys(_written(value))]
        self._literals: list[Literal] | None = [] if len(value) < _SHORT else None
        self._shortest_literal = (len(value) * 8 - 9) // 6
        self._digests: tuple[str, ...] = ()

    def find(self, reading: Reading) -> Iterator[tuple[int, int]]:
        """Yield start and end of each place that gives the value away."""
        for view in reading.views:
            for spelling in self._spellings:
                if spelling.gate in view.text:
                    for start, end in spelling.find(view):
                        if self._is_itself(reading.text, start, end):
                            yield start, end
        if reading.longest_run >= self._shortest_literal:
            yield from self._find_literals(reading)

    def _find_literals(self, reading: Reading) -> Iterator[tuple[int, int]]:
        if self._literals is None:
            self._literals = list(_literals(self.value))
        for literal in self._literals:
            if literal.text in reading.text:
                yield from literal.find(reading.text)
        if reading.longest_run >= _MD5_LENGTH:
            self._digests = self._digests or tuple(digests(self.value))
            for digest in self._digests:
                yield from ((match.start(), match.end()) for match in re.finditer(digest, reading.views[0].text))

    def _is_itself(self, text: str, start: int, end: int) -> bool:
        match self._placement:
            case _Placement.ANYWHERE:
                return True
            case _Placement.NO_LETTER_ADJOINS:
                return _stands_alone(text, start, end, str.isalpha)
            case _Placement.NO_DIGIT_ADJOINS:
                return _stands_alone(text, start, end, str.isdigit)
            case _Placement.FIELD_OR_WORD:
                word = text[start:end] == self.value and not self.value.isdigit()
                return is_whole_field(text, start, end) or (word and _stands_alone(text, start, end, str.isalnum))
        assert_never(self._placement)


@lru_cache(maxsize=4096)
def personal_value(value: str) -> PersonalValue | None:
    """Return the (cached) finder of a value; None for one that identifies nobody."""
    value = value.strip()
    if not value or value.lower() in _NOBODY or (len(value) == 1 and value.isascii()):
        return None
    return PersonalValue(value)


def _written(value: str) -> Iterator[str]:
    for text in variants(value):
        yield fold_case(text)
        if not text.isascii():
            yield fold_case(text.upper())
            yield fold_case(text.lower())
    if _PHONE.fullmatch(value):
        digits = "".join(filter(str.isdigit, value))
        if len(digits) >= _PHONE_DIGITS:
            yield digits


def _literals(value: str) -> Iterator[Literal]:
    escaped = (json_escaped(value), quote(value, safe="")) if not value.isalnum() or not value.isascii() else ()
    for text in {value, value.lower(), *escaped}:
        for data in byte_forms(text):
            yield from hex_literals(data)
            yield from base64_literals(data)


class _Placement(Enum):
    """Where a value must stand to be taken for itself, and not for a part of some other word or number."""

    ANYWHERE = auto()
    NO_LETTER_ADJOINS = auto()
    NO_DIGIT_ADJOINS = auto()
    FIELD_OR_WORD = auto()


def _placement(value: str) -> _Placement:
    if len(value) < _SHORT and max(value) < _IDEOGRAPHS:
        return _Placement.FIELD_OR_WORD
    if value.isascii() and value.isdigit() and len(value) < _PHONE_DIGITS:
        return _Placement.NO_DIGIT_ADJOINS
    if value.isalpha() and len(value) < _WORDLIKE and max(value) < _IDEOGRAPHS:
        return _Placement.NO_LETTER_ADJOINS
    return _Placement.ANYWHERE


def _stands_alone(text: str, start: int, end: int, kind: Callable[[str], bool]) -> bool:
    """Tell whether no character of a kind adjoins; the tail of an escape (`%2F`, `\\n`) before it does not count."""
    before, after = text[start - 1 : start] if start else "", text[end : end + 1]
    if after and kind(after):
        return False
    return not (before and kind(before)) or _ESCAPE_BEFORE.search(text[max(0, start - 6) : start]) is not None


def is_whole_field(text: str, start: int, end: int) -> bool:
    """Tell whether a part of a text fills a field: a JSON string, an XML text, a form, CSV or header value."""
    before = _FIELD_BEFORE.search(text[max(0, start - 3) : start])
    return before is not None and _FIELD_AFTER.match(text, end) is not None
