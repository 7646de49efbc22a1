"""Find dates in a text, in whatever order and notation, as the numbers of the days that they may mean."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from datetime import date
from functools import lru_cache

from rokt_export.redaction.quick_search import QuickSearch

_NAMES = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTHS = {name: number for number, name in enumerate(_NAMES, 1)}
_MONTH = f"(?P<{{}}>{'|'.join(_MONTHS)})[a-z]{{{{0,6}}}}"
_GAP = "(?:[^0-9a-z]{0,3}|<br ?/?>)(?:the |in |of )?"
_SUFFIX = r"(?:st|nd|rd|th)?"
_TIME = "(?:[0-9]{1,2}:[0-9]{2}(?::[0-9]{2})?(?: [a-z]{3,4})? )?"
"""Of the day, as `ctime` of C writes it: before the year, and the zone between both."""
_BETWEEN = "(?:[^0-9A-Za-z]{1,3}|<br ?/?>)"
"""What people and programs write between the parts of a date: any signs, blanks among them, or a line's end."""
_SEPARATED = f"(?P<a>[0-9]{{1,4}}){_BETWEEN}(?P<b>[0-9]{{1,2}}){_BETWEEN}(?P<c>[0-9]{{1,4}})"
_SEPARATED_IN_LINE = _SEPARATED.replace("[^0-9A-Za-z]", r"[^0-9A-Za-z\n]")
_COMPACT = (
    "(?P<digits>(?:1[89]|20)[0-9]{6}(?:[0-9]{6})?|[0-3][0-9]{3}(?:1[89]|20)[0-9]{2}"
    "|[1-6][0-9]{4}|[0-9]{6,8}00|[0-9]{6,8}00000)"
)
_NUMERIC = f"(?<![0-9])(?:{_SEPARATED}|{_COMPACT})(?![0-9])"
_NAMED = (
    rf"(?<![0-9])(?P<d1>[0-9]{{1,2}}){_SUFFIX}{_GAP}{_MONTH.format('m1')}{_GAP}"
    r"(?P<y1>[0-9]{4}|[0-9]{2})(?![0-9])"
    rf"|(?<![0-9])(?P<y3>[0-9]{{4}}){_GAP}{_MONTH.format('m3')}{_GAP}(?P<d3>[0-9]{{1,2}})(?![0-9])"
    rf"|(?<![a-z]){_MONTH.format('m2')}{_GAP}(?P<d2>[0-9]{{1,2}}){_SUFFIX}{_GAP}{_TIME}"
    r"(?P<y2>[0-9]{4}|[0-9]{2})(?![0-9])"
)
_WITHOUT_NAMES, _WITH_NAMES = re.compile(_NUMERIC), re.compile(f"{_NAMED}|{_NUMERIC}")
_EACH_IN_LINES = re.compile(f"(?=(?<![0-9])(?:{_SEPARATED_IN_LINE}|{_COMPACT})(?![0-9]))")
"""Dates that overlap too: in `7, 28-03-1979` two begin."""
_NUMBER = re.compile(r"[0-9](?:[0-9]{4,}|[0-9]{0,3}(?=[^0-9A-Za-z]|<br))")
"""The digits with which a date without names begins."""
_NUMBER_OR_NAME = re.compile(f"[0-9][0-9]*|{'|'.join(_MONTHS)}")
_MAY_BE_COMPACT = (
    "(?:1[89]|20)[0-9]{6}(?:[0-9]{6})?|[0-3][0-9]{3}(?:1[89]|20)[0-9]{2}|[1-6][0-9]{4}|0{0,3}[1-9][0-9]{4,7}00(?:000)?"
)
"""As `_COMPACT`, without the numbers of seconds that are too few for a date: identifiers are often such numbers."""
MAY_BE_WRITTEN = f"(?:^|[^0-9]){_SEPARATED_IN_LINE}(?:[^0-9]|$)|{'|'.join(_MONTHS)}"
"""An expression of RE2 that matches where a line may hold a date with separators or names, in either letter case."""
MAY_BE_NUMBER = f"(?:^|[^0-9])(?:{_MAY_BE_COMPACT})(?:[^0-9]|$)"
"""The same of a date that is one number."""
_MAY_BE_ANY = QuickSearch(f"{MAY_BE_WRITTEN}|{MAY_BE_NUMBER}")
_DIGITS = re.compile("[0-9].*[0-9]")
_IS_COMPACT = re.compile(_COMPACT)
_TO_NUMBERS = bytes(code if 48 <= code <= 57 else 32 for code in range(256))
_SHORTEST_COMPACT = 5
_SHORTEST = 6
"""Characters of a whole value that is a date: `1-1-90`."""
_NO_DAYS = frozenset[int]()
_EPOCH = date(1970, 1, 1).toordinal()
_SERIALS = (date(1899, 12, 30).toordinal(), date(1904, 1, 1).toordinal())
"""Day 0 of spreadsheets: Excel's usual one, and that of old Macintosh files."""
_DAY = 86_400
_FARTHEST = 14 * 3600
"""Seconds that a time zone is from UTC at most."""
_QUARTER = 900
"""Time zones differ by quarters of an hour, so midnight is such a number of seconds."""


def dates_in(text: str) -> Iterator[tuple[int, int, frozenset[int]]]:
    """Yield start, end and possible day numbers (proleptic Gregorian ordinals) of each date in a folded text.

    They may overlap. Read are dates with separators in each order, compact ones, months by their English names, seconds
    and milliseconds since 1970 that are a midnight somewhere, and a spreadsheet's day numbers.
    """
    if any(map(text.__contains__, _MONTHS)):
        begins, pattern = _NUMBER_OR_NAME, _WITH_NAMES
    else:
        begins, pattern = _NUMBER, _WITHOUT_NAMES
    for begin in begins.finditer(text):  # trying each character would take ten times as long
        match = pattern.match(text, begin.start())
        if match is not None and (days := frozenset(_days(match))):
            yield match.start(), match.end(), days


def dates_in_lines(text: str) -> Iterator[tuple[int, frozenset[int]]]:
    """Yield start and possible day numbers of each date in ASCII lines: as `dates_in`, quick where there is none."""
    if not _MAY_BE_ANY.found_in(text.encode()):
        return
    folded = text.lower()
    for match in _EACH_IN_LINES.finditer(folded):
        digits = match["digits"]
        yield match.start(), _days_of_digits(digits) if digits else frozenset(_days(match))
    for month in _MONTHS:
        at = folded.find(month)
        while at >= 0:
            start, end = folded.rfind("\n", 0, at) + 1, folded.find("\n", at)
            yield from ((start, days) for _, _, days in dates_in(folded[start : end if end >= 0 else len(text)]))
            at = folded.find(month, at + 1)


def numbers_meaning(text: str, wanted: Collection[int]) -> Iterator[tuple[int, frozenset[int]]]:
    """Yield start and days of each number in ASCII lines that may mean one of the wanted days: few of many do.

    Args:
        text: the lines.
        wanted: day numbers.
    """
    numbers = [number for number in text.encode().translate(_TO_NUMBERS).split() if len(number) >= _SHORTEST_COMPACT]
    meant: set[str] = set()
    for number in numbers:
        if len(number) == _SHORTEST_COMPACT:  # a spreadsheet's day: identifiers of five digits often look like one
            day = int(number)
            if _SERIALS[0] + day in wanted or _SERIALS[1] + day in wanted:
                meant.add(number.decode())
        elif _IS_COMPACT.fullmatch(digits := number.decode()) and not _days_of_digits(digits).isdisjoint(wanted):
            meant.add(digits)
    for digits in meant:
        for start in _whole_numbers(digits, text):
            yield start, _days_of_digits(digits)


def _whole_numbers(digits: str, text: str) -> Iterator[int]:
    """Yield where these digits stand in a text with no other digit beside them."""
    start = text.find(digits)
    while start >= 0:
        end = start + len(digits)
        if not (text[start - 1 : start].isdecimal() or text[end : end + 1].isdecimal()):
            yield start
        start = text.find(digits, end)


def days_of(value: str) -> frozenset[int]:
    """Return the day numbers that a folded value may mean; none where it is no date."""
    # Postcodes and telephone numbers would fill the cache.
    return _NO_DAYS if len(value) < _SHORTEST or (value.isdigit() and len(value) != 8) else _days_of(value)


@lru_cache(maxsize=16_384)
def _days_of(value: str) -> frozenset[int]:
    match = _WITH_NAMES.match(value) if len(value) <= 40 and _DIGITS.search(value) else None
    if match is None or (match["digits"] and (len(match["digits"]) != 8 or match.end() < len(value))):
        return frozenset()
    return frozenset(_days(match))


def _days(match: re.Match[str]) -> Iterator[int]:
    groups = match.groupdict()
    if groups["a"]:
        yield from _ordered(groups["a"], groups["b"], groups["c"])
    elif groups["digits"]:
        yield from _of_digits(groups["digits"])
    else:
        for mark in "123":
            if month := groups[f"m{mark}"]:
                yield from _day(groups[f"y{mark}"], str(_MONTHS[month]), groups[f"d{mark}"])


def _ordered(first: str, second: str, third: str) -> Iterator[int]:
    if len(first) != 3 != len(third):
        if len(third) != 1:
            yield from _day(third, second, first)
            yield from _day(third, first, second)
        if len(first) != 1 and len(third) <= 2:
            yield from _day(first, second, third)
            yield from _day(first, third, second)


@lru_cache(maxsize=512)
def _days_of_digits(digits: str) -> frozenset[int]:
    return frozenset(_of_digits(digits))


def _of_digits(digits: str) -> Iterator[int]:
    number = int(digits)
    if len(digits) == 8:
        yield from _ordered(digits[:4], digits[4:6], digits[6:])
        yield from _ordered(digits[:2], digits[2:4], digits[4:])
    if len(digits) == 14:  # a compact moment
        yield from _ordered(digits[:4], digits[4:6], digits[6:8])
    if len(digits) == 5:
        yield from (zero + number for zero in _SERIALS)
    for unit in (1, 1000) if number >= _DAY * 100 else ():
        seconds, rest = divmod(number, unit)
        if not rest and not seconds % _QUARTER and seconds >= _DAY * 100:
            for day in (seconds // _DAY, seconds // _DAY + 1):
                if abs(seconds - day * _DAY) <= _FARTHEST:
                    yield _EPOCH + day
                    yield _EPOCH - day  # the sign of a moment before 1970 stands before the digits


def _day(year: str, month: str, day: str) -> Iterator[int]:
    if not 0 < int(month) <= 12 or not 0 < int(day) <= 31 or len(year) == 3 or len(year) + len(month) + len(day) > 8:
        return
    years = (int(year),) if len(year) == 4 else (1900 + int(year), 2000 + int(year))
    for each in years:
        try:
            yield date(each, int(month), int(day)).toordinal()
        except ValueError:
            continue
