"""Name the form of a value: a time in one notation, a uuid, hexadecimal digits of one length, words with holes."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Final, NamedTuple

from rokt_export.diff.sent import WORD

HOLE: Final = "…"
NUMBER: Final = re.compile(r"-?\d{1,300}(?:\.\d{1,300})?(?:[eE][+-]?\d{1,2})?", re.ASCII)
_DAY: Final = 86_400.0
_NAMED: Final = (
    ("uuid", re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")),
    ("UUID", re.compile(r"[0-9A-F]{8}(?:-[0-9A-F]{4}){3}-[0-9A-F]{12}")),
    ("ulid", re.compile(r"0[0-9A-HJKMNP-TV-Z]{25}")),
    ("jwt", re.compile(r"eyJ[\w-]+\.[\w-]+\.[\w-]*", re.ASCII)),
    ("ip", re.compile(r"\d{1,3}(?:\.\d{1,3}){3}", re.ASCII)),
    ("phone", re.compile(r"\+[1-9]\d{7,14}", re.ASCII)),
    ("url", re.compile(r"https?://\S+")),
    ("number", NUMBER),
)
_WHOLE: Final = frozenset({"uuid", "UUID", "ulid", "jwt"})
_BASE64 = re.compile(r"(?=.*[A-Z])(?=.*[a-z])(?:(?=.*\d)[A-Za-z0-9+/_-]{16,}={0,2}|[A-Za-z0-9+/]{10,}={1,2})", re.ASCII)
_DIGEST = re.compile(r"\$(?=.*\d)[\w$./+=,-]{24,}", re.ASCII)
"""A salted digest, as crypt writes it."""
_CLASSES: Final = (
    ("digits", re.compile(r"\d")),
    ("letters a-f", re.compile(r"[a-f]")),
    ("letters g-z", re.compile(r"[g-z]")),
    ("letters A-F", re.compile(r"[A-F]")),
    ("letters G-Z", re.compile(r"[G-Z]")),
    ("letters beyond ASCII", re.compile(r"[^\W\d_a-zA-Z]")),
)
CLASS_NAMES: Final = tuple(name for name, _ in _CLASSES)
_MONTHS = "Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec"
_DAYS = "Mon|Tue|Wed|Thu|Fri|Sat|Sun"
_TIME = r"\d{1,2}:\d\d(?::\d\d(?:[.,]\d{1,9})?)?(?:\s?[AaPp]\.?[Mm]\.?)?"
_ZONE = r"(?:\s?(?:Z|UTC|GMT)|\s?[+-]\d\d:?\d\d)?"
TIMES: Final = rf"""
    \d{{4}}-\d\d-\d\d(?:[T ]{_TIME}{_ZONE})?
    | \d{{4}}/\d\d/\d\d(?:\s{_TIME}{_ZONE})?
    | \d{{1,2}}[./]\d{{1,2}}[./]\d{{4}}(?:,?[T\s]{_TIME}{_ZONE})?
    | (?:(?:{_DAYS})[a-z]*,?\s)?\d{{1,2}}[\s-](?:{_MONTHS})[a-z]*[\s-]\d{{2,4}}(?:\s{_TIME}{_ZONE})?
    | (?:{_DAYS})\s(?:{_MONTHS})\s\s?\d{{1,2}}\s\d\d:\d\d:\d\d(?:\s[A-Z]{{3,4}})?\s\d{{4}}
    | /Date\(-?\d+(?:[+-]\d{{4}})?\)/
    | \d{{8}}T\d{{6}}(?:\.\d+)?Z?
    | {_TIME}{_ZONE}
"""
_A_TIME = re.compile(TIMES, re.VERBOSE)
_DIGIT = re.compile(r"\d")
_AS_ZERO = str.maketrans("123456789", "000000000")
_LONE_DIGIT = re.compile(r"(?<!0)0(?!0)")
_WORDS = re.compile(r"[A-Za-z]{2}|[AaPp]\.")
_DAY_NAME = re.compile(rf"(?:{_DAYS})[a-z]*")
_MONTH_NAME = re.compile(rf"(?:{_MONTHS})[a-z]*")
_HALF = re.compile(r"[AaPp](\.?[Mm])\b")
_EPOCH = re.compile(r"\d{10}(?:\d{3}|\d{6}|\d{9})?(?:\.\d{1,9})?", re.ASCII)
_COMPACT = re.compile(r"20\d{12}", re.ASCII)
_CLOCK = re.compile(r"(\d{1,2}):(\d\d)(?::(\d\d(?:[.,]\d+)?))?\s?([AaPp])?", re.ASCII)
_NUMERIC_DATE = re.compile(r"(\d{1,4})([-/.])(\d{1,2})[-/.](\d{1,4})", re.ASCII)
_FRACTION = re.compile(r"(?<=:\d\d)[.,](\d+)", re.ASCII)
_OFFSET = re.compile(r"([+-])(\d\d):?(\d\d)$", re.ASCII)


_NOTATIONS: Final = tuple(
    (re.compile(zeros), letters)
    for zeros, letters in (
        (r"(?<=[0\s])([+-])00(:?)00$", r"\1hh\2mm"), (r"0{8}T0{6}", "YYYYMMDDThhmmss"), (r"00:00:00", "hh:mm:ss"),
        (r"00:00", "hh:mm"), (r"(?<=ss)[.,]0+", lambda found: found[0].replace("0", "s")),
        (r"0000([-/])00[-/]00", r"YYYY\1MM\1DD"), (r"00\.00\.0000", "DD.MM.YYYY"), (r"00/00/0000", "NN/NN/YYYY"),
        (r"0000", "YYYY"), (r"00(?=[ -]Mon)|(?<=Mon )00|(?<=Mon  )00", "DD"),
    )
)  # fmt: skip


class ParsedTime(NamedTuple):
    """A time that was read.

    Attributes:
        form: its notation, such as `YYYY-MM-DDThh:mm:ssZ`.
        seconds: UTC seconds since 1970; of a clock time without a date, seconds of the day.
        resolution: seconds to which it is exact.
    """

    form: str
    seconds: float
    resolution: float

    @property
    def of_day(self) -> bool:
        """Whether it has no date."""
        return self.form.startswith("clock")


@lru_cache(maxsize=16_384)
def read_time(text: str) -> ParsedTime | None:
    """Return the time that a text is, None where it is none."""
    text = text.strip()
    if not 5 <= len(text) <= 40 or _DIGIT.search(text) is None:
        return None
    if _EPOCH.fullmatch(text):
        return read_epoch(text)
    if _COMPACT.fullmatch(text):
        with suppress(ValueError):
            moment = datetime.strptime(text, "%Y%m%d%H%M%S").replace(tzinfo=UTC)
            return ParsedTime("YYYYMMDDhhmmss", moment.timestamp(), 1)
    if _A_TIME.fullmatch(text) is None:
        return None
    with suppress(ValueError, OverflowError, IndexError, TypeError):
        return _read(text)
    return None


def read_epoch(text: str) -> ParsedTime | None:
    """Return the time that digits mean as seconds, milli-, micro- or nanoseconds since 1970 (2001 to 2286)."""
    digits, _, fraction = text.partition(".")
    unit = {10: 0, 13: 3, 16: 6, 19: 9}.get(len(digits))
    if unit is None or not digits.isdigit():
        return None
    seconds = float(text) / 10**unit
    if not 1_000_000_000 <= seconds < 4_200_000_000:
        return None
    name = {0: "epoch seconds", 3: "epoch ms", 6: "epoch µs", 9: "epoch ns"}[unit]
    return ParsedTime(
        name + (" with decimals" if fraction else ""), seconds, 1.0 if not unit and not fraction else 0.001
    )


def _read(text: str) -> ParsedTime:
    form = _LONE_DIGIT.sub("00", text.translate(_AS_ZERO))
    if _WORDS.search(text) is not None:
        form = _HALF.sub(r"A\1", _MONTH_NAME.sub("Mon", _DAY_NAME.sub("Day", form)))
    form = notation(form)
    if text.startswith("/Date("):
        milliseconds = re.search(r"-?\d+", text)
        assert milliseconds is not None
        return ParsedTime(".NET date", int(milliseconds[0]) / 1000, 0.001)
    if re.fullmatch(r"\d{8}T\d{6}(?:\.\d+)?Z?", text):
        return ParsedTime(form, datetime.strptime(text[:15], "%Y%m%dT%H%M%S").replace(tzinfo=UTC).timestamp(), 1)
    clock = _CLOCK.search(text)
    date = _NUMERIC_DATE.search(text)
    fraction = _FRACTION.search(text)
    has_seconds = clock is not None and clock[3] is not None
    resolution = _DAY if clock is None else 60.0 if not has_seconds else 10.0 ** -len(fraction[1]) if fraction else 1.0
    if date is None and clock is not None and clock.start() == 0:
        return ParsedTime(f"clock {form}", _seconds_of_day(clock), resolution)
    if date is None:
        if text[3] == " " and text[:3] in _DAYS.split("|") and text[-4:].isdigit():
            words = text.split()
            moment = datetime.strptime(" ".join([*words[:4], words[-1]]), "%a %b %d %H:%M:%S %Y").replace(tzinfo=UTC)
            form = re.sub(r"\s+", " ", form)
        else:
            written = text.replace("-", " ", 2) if "-" in text[:3] else text
            moment = parsedate_to_datetime(written if clock is not None else f"{written} 00:00:00")
            moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return ParsedTime(form, moment.timestamp(), resolution)
    first, sign, second, third = int(date[1]), date[2], int(date[3]), int(date[4])
    if first > 31:
        year, month, day = first, second, third
    elif sign == "." or first > 12:
        year, month, day = third, second, first
    else:
        year, month, day = third, first, second
    at = datetime(year, month, day, tzinfo=UTC) + timedelta(seconds=_seconds_of_day(clock) if clock else 0)
    zone = _OFFSET.search(text[date.end() :])
    if zone:
        at -= timedelta(seconds=int(f"{zone[1]}1") * (int(zone[2]) * 3600 + int(zone[3]) * 60))
    return ParsedTime(form, at.timestamp(), resolution)


@lru_cache(maxsize=256)
def notation(form: str) -> str:
    """Return a notation of times, with zeros for its digits, as people write it; any other form as it is."""
    for zeros, letters in _NOTATIONS if "00" in form and " of " not in form else ():
        form = zeros.sub(letters, form)
    return form


def _seconds_of_day(clock: re.Match[str]) -> float:
    hours = int(clock[1])
    if clock[4]:
        hours = hours % 12 + (12 if clock[4] in "Pp" else 0)
    return hours * 3600 + int(clock[2]) * 60 + float((clock[3] or "0").replace(",", "."))


_PIECE = re.compile(
    rf"""(?P<person>(?i:person-[0-9a-f]{{10}}(?:-[0-9a-f]{{4}})?\b)) | (?P<time>(?<![\w.:-])(?:{TIMES})(?![\w:-]))
    | (?P<word>{WORD})""",
    re.VERBOSE,
)
_NO_SIGN = re.compile(r"[\w\s]+")
_RANDOM = re.compile(r"[a-z][A-Z].*[a-z][A-Z]|[A-Z][a-z]?[A-Z][a-z]+[A-Z]")
_PREFIX = re.compile(r"(?:[^\W\d_]{1,12}[_-])+(?=\w*\d|\w{8,}$)")


@lru_cache(maxsize=4096)
def skeleton(text: str, sent: Collection[str] = ()) -> tuple[str, tuple[str, ...]]:
    """Return a text with holes where it holds an identifier, a number, a time or a sent word; and what stood there.

    Args:
        text: the text.
        sent: words that its request carried, in lower case.
    """
    holes: list[str] = []

    def piece(match: re.Match[str]) -> str:
        found = match[0]
        end = ""
        if match.lastgroup == "word":
            stripped = found.rstrip(".")
            end, found = found[len(stripped) :], stripped
            start = _PREFIX.match(found)
            if start is not None and found.lower() not in sent:
                holes.append(found[start.end() :])
                return start[0] + HOLE + end
            if not _is_hole(found, sent):
                return match[0]
        holes.append(found)
        return HOLE + end

    return _PIECE.sub(piece, text), tuple(holes)


def _is_hole(word: str, sent: Collection[str]) -> bool:
    if _DIGIT.search(word) is not None:
        return True
    if len(word) >= 2 and word.lower() in sent:
        return True
    return len(word) >= 12 and _RANDOM.search(word) is not None


@lru_cache(maxsize=4096)
def form_of(text: str) -> str:
    """Return the name of the form of one text."""
    moment = read_time(text)
    if moment is not None and not moment.form.startswith("epoch"):
        return moment.form
    for name, pattern in _NAMED:
        if pattern.fullmatch(text):
            return name
    return ""


def is_number(text: str) -> bool:
    """Return whether a text is nothing but one number."""
    return NUMBER.fullmatch(text) is not None


def is_opaque(texts: Sequence[str]) -> bool:
    """Return whether nearly all texts are identifiers of one piece, in which no words are to be looked for."""
    named = sum(
        form_of(text) in _WHOLE or _BASE64.fullmatch(text) is not None or _DIGEST.fullmatch(text) is not None
        for text in texts
    )
    return named >= 0.9 * len(texts)


_FAMILIES: Final = {
    "digits": (re.compile(r"\d+", re.ASCII), 10),
    "letters": (re.compile(r"[^\W\d_]+"), 52),
    "hex": (re.compile(r"[0-9a-f]+|[0-9A-F]+"), 16),
    "letters and digits": (re.compile(r"[^\W_]+"), 62),
    "base64": (re.compile(r"[A-Za-z0-9+/_-]+={0,2}", re.ASCII), 64),
}
"""Form of identifiers to its pattern and how many characters it may have, narrower ones first."""
_LEAST_HEX, _LEAST_BASE64 = 4, 8


def common_form(texts: Sequence[str]) -> str:
    """Return what texts have in common as a form, for a person and for `varies:`."""
    if not texts:
        return "text"
    named = Counter(map(form_of, texts))
    best, count = named.most_common(1)[0]
    if best and count == len(texts) and not (best == "number" and all(map(str.isdigit, texts))):
        return best
    lengths = set(map(len, texts))
    family = _family(texts, max(lengths))
    size = f" of {min(lengths)}" if len(lengths) == 1 else ""
    bones = {skeleton(text)[0] for text in texts[:200]} if family not in ("digits", "hex") else {HOLE}
    only = bones.pop() if len(bones) == 1 else ""
    if only and only != HOLE:
        return only
    return f"{family}{size}" if family else "text"


def _family(texts: Sequence[str], longest: int) -> str:
    for family, (pattern, _) in _FAMILIES.items():
        if all(map(pattern.fullmatch, texts)):
            whole = "".join(texts)
            if family == "hex" and (longest < _LEAST_HEX or whole.isalpha()):
                continue
            if family == "base64" and (longest < _LEAST_BASE64 or not all(classes_of(whole)[at] for at in (0, 2, 4))):
                continue
            return family
    return ""


def keeps_form(wanted: str, texts: Sequence[str]) -> bool:
    """Return whether texts have a form that was seen before, or a narrower one that these few may have by chance."""
    found = common_form(texts)
    if wanted in (found, "text"):
        return True
    if wanted == "number":
        return all(map(NUMBER.fullmatch, texts))
    if HOLE in wanted:
        pattern = re.compile(".+?".join(map(re.escape, wanted.split(HOLE))), re.DOTALL)
        return all(map(pattern.fullmatch, texts))
    family, _, size = wanted.partition(" of ")
    narrower = found.partition(" of ")[0]
    if family not in _FAMILIES or not all(_FAMILIES[family][0].fullmatch(text) for text in texts):
        return False
    if size and {str(len(text)) for text in texts} != {size}:
        return False
    share = _FAMILIES[narrower][1] / _FAMILIES[family][1] if narrower in _FAMILIES else 1.0
    return sum(map(len, texts)) * math.log(share) > _BY_CHANCE or (not size and len(set(texts)) <= 2)


_BY_CHANCE: Final = math.log(1e-6)


@lru_cache(maxsize=8192)
def classes_of(text: str) -> tuple[bool, ...]:
    """Return which classes of characters (`CLASS_NAMES`) stand in a text."""
    return tuple(pattern.search(text) is not None for _, pattern in _CLASSES)


def prefix_of(text: str) -> str:
    """Return the word that an identifier starts with, up to its separator: `lead_` of `lead_8f3a`."""
    found = re.match(r"(?:[^\W\d_]{1,12}[_:#.-])+|[^\W\d_]{1,12}(?=\d)|W/", text)
    return found[0] if found else ""


def punctuation_of(text: str) -> str:
    """Return the signs of a text that are no letters, digits or spaces: `:::` of `ab:cd:12:9f`."""
    return _NO_SIGN.sub("", text)


def all_read(texts: Sequence[str], read: Callable[[str], ParsedTime | None]) -> list[ParsedTime | None]:
    """Return the times that texts are, an empty list where fewer than nine of ten are times."""
    if not texts or (read(texts[0]) is None and read(texts[-1]) is None):
        return []
    found = [read(text) for text in texts]
    return found if sum(one is not None for one in found) >= 0.9 * len(found) else []
