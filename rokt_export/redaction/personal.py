"""Find one person's values in a text: in every encoding and letter case, in normal forms, and as their hashes."""

from __future__ import annotations

import re
import unicodedata
from base64 import b64encode
from bisect import bisect_right
from collections.abc import Callable, Collection, Iterable, Iterator
from enum import Enum, auto
from functools import lru_cache
from itertools import permutations
from typing import assert_never

from rokt_export.redaction.character_encodings import fold_case
from rokt_export.redaction.dates import days_of
from rokt_export.redaction.decoded_view import DecodedText, decoded_view, fold_letters, squeezed, views
from rokt_export.redaction.encoded_search import Spelling, variants
from rokt_export.redaction.hashes import UP_TO_SHA_2, digest

_SHORT = 4
"""Shorter values ("Li", "NY") are hidden only where they fill a field or are a word of their own."""
_WORDLIKE = 6
"""Letters alone, shorter than this ("Mark"), are hidden only where no letter adjoins ("Marketing" stays)."""
PHONE_TAIL = 7
"""Digits alone, shorter than this (a postcode), are hidden only where no digit adjoins (a timestamp stays). Of a phone
number, this many of the last digits are what all its notations share: prefixes for countries and trunks differ."""
SHORTEST_LOCAL = 5
"""Characters of an e-mail address before the `@` that point at its owner, if they are no mere word."""
_TELLING_LOCAL = re.compile(r"[0-9._-]")
_LONGEST_NAME = 20
_MOST_WORDS = 3
_LONGEST_SINGLE = 64
"""Characters of a value whose places are found one by one; of a longer one, places that overlap are found as one."""
_SQUEEZED = 7
"""Letters and digits that a value must have to be found with other blanks and punctuation between them."""
_LONG_NAME = 10
"""Letters and digits, not digits alone, that tell a value wherever they are: an initial may stand before a surname."""
_IDEOGRAPHS = "\u2e80"
"""From here on, two characters can be a whole name, written without blanks around it: no rule for short ones holds."""

_NOBODY = frozenset({"true", "false", "null", "none", "yes", "no"})
"""Values that say something about a person but point at nobody; hiding them would spoil every JSON document."""

_RUN = re.compile("[0-9a-z]+")
_PHONE = re.compile(
    r"(?:tel:)?(?P<number>[+(]*[0-9][0-9 ().\-/\xa0\u2010-\u2015]{5,}?[0-9])(?:\.0)?(?:\s*(?:x|ext\.?)\s*[0-9]+)?",
    re.IGNORECASE,
)
_PHONE_BEGINS = frozenset("0123456789+(tT")
_NO_DIGITS = re.compile("[^0-9]+")
_WORDS = re.compile(r"[^\W\d_]+(?:['\u2019-][^\W\d_]+)*")
_NAME = re.compile(r"[^\W\d_]+(?:['\u2019.-][^\W\d_]*)?(?:,? +[^\W\d_]+(?:['\u2019.-][^\W\d_]*)?){1,3}")
_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "å": "aa", "ø": "oe", "Ä": "ae", "Ö": "oe", "Ü": "ue"})
_SPELLED_OUT = re.compile("(?<=[aou])e")
_ESCAPE_BEFORE = re.compile(r"(?:%[0-9a-f]{2}|\\[a-z]|\\u[0-9a-f]{4}|\\x[0-9a-f]{2})\Z", re.IGNORECASE)
_FIELD_BEFORE = re.compile(r"""(?:^|["'=>|\t\r\n\\,;\[(]|": ?|\w: |%[0-9a-f]{2})\Z""", re.IGNORECASE)
_FIELD_AFTER = re.compile(r"""["'<&,;|\t\r\n\\%\])}]|\Z""")

_HEX_LENGTHS = {name: 2 * len(digest(name, b"")) for name in UP_TO_SHA_2}
_HASHES = tuple((name, -(-length * 2 // 3)) for name, length in _HEX_LENGTHS.items())
"""The hashes that partners ask for, with the length of each in base64, the shortest way to write it."""
SHORTEST_HASH = _HASHES[0][1]


class PersonalValue:
    """One value of a real person.

    Attributes:
        raw: the value as the file has it.
        is_name: whether it is one short word.
    """

    __slots__ = (
        "_coded", "_days", "_gates", "_hexes", "_needles", "_phone", "_placement", "_spellings", "folded", "is_name",
        "raw", "value",
    )  # fmt: skip

    def __init__(self, raw: str) -> None:
        self.raw = raw
        self.value = value = raw.strip()
        self.folded = folded = fold_letters(value)
        self.is_name = folded.isalpha() and 1 < len(folded) < _LONGEST_NAME
        self._placement = _placement(value)
        self._phone = phone_of(value)
        self._days = days_of(folded)
        self._spellings: list[Spelling] | None = None
        self._hexes: dict[str, list[str]] = {}
        self._coded: dict[str, list[str]] = {}
        written = (folded,) if value.isascii() else tuple(_written(value))
        self._gates = [max(_RUN.findall(text), key=len, default="") for text in written]
        self._needles = tuple(dict.fromkeys(_needles(value, folded)))

    def find(self, reading: DecodedText) -> Iterator[tuple[int, int]]:
        """Yield start and end of each place that gives the value away."""
        spelled = 0
        for gate in self._gates:
            if any(gate in view.text for view in reading.views):
                for span in self._spelled(reading):
                    spelled += 1
                    yield span
                break
        plainly = reading.plain.text is reading.views[0].text
        if not plainly or not self.value.isascii():
            yield from self._folded(reading)
        letters = squeezed(self.folded) if plainly and spelled == 1 else ""  # of what is found already
        for needle in self._needles:
            if needle in reading.squeezed and not (needle in letters and _is_there_once(needle, reading.squeezed)):
                yield from squeezed_places(reading, needle)
        yield from self._spaced(reading)
        tail = self._phone[-PHONE_TAIL:]
        known = self._phone == letters and _is_there_once(tail, reading.squeezed)
        if tail and tail in reading.squeezed and not known:
            yield from self._dialled(reading)
        if self._days:
            yield from (reading.plain.span(start, end) for start, end, days in reading.dates if days & self._days)
        if reading.longest_run or reading.longest_hex:
            yield from self._hashed(reading)

    def _spaced(self, reading: DecodedText) -> Iterator[tuple[int, int]]:
        """Places of a short name with blanks or punctuation between all its letters; a longer one is found by these."""
        if self.is_name and _SHORT <= len(self.folded) < _SQUEEZED and self.folded in reading.squeezed:
            shortest = 2 * len(self.folded) - 1
            yield from (span for span in squeezed_places(reading, self.folded) if span[1] - span[0] >= shortest)

    def _spelled(self, reading: DecodedText) -> Iterator[tuple[int, int]]:
        if self._spellings is None:
            self._spellings = [Spelling(text, fold=True) for text in dict.fromkeys(_written(self.value))]
        for view in reading.views:
            for spelling in self._spellings:
                if spelling.gate in view.text:
                    yield from (span for span in spelling.find(view) if self._is_itself(reading, *span))

    def _folded(self, reading: DecodedText) -> Iterator[tuple[int, int]]:
        forms = (self.folded,) if self.value.isascii() else (self.folded, spelled_out(self.value))
        for form in forms:
            found = (reading.plain.span(*span) for span in _occurrences(form, reading.plain.text))
            yield from (span for span in found if self._is_itself(reading, *span))

    def _dialled(self, reading: DecodedText) -> Iterator[tuple[int, int]]:
        """Places of the number's last digits, with as many before them as are the number's too."""
        text, phone = reading.squeezed_view.text, self._phone
        reached = 1
        for start, end in _occurrences(phone[-PHONE_TAIL:], text):
            first, known = start, PHONE_TAIL
            while first >= reached and known < len(phone) and text[first - 1] == phone[-known - 1]:
                first, known = first - 1, known + 1
            yield reading.squeezed_view.span(first, end)
            reached = end  # what is before is hidden, and one character is enough to join both

    def _hashed(self, reading: DecodedText) -> Iterator[tuple[int, int]]:
        plain, decoded = reading.plain.text, reading.decoded.text
        for name, length in _HASHES:
            if reading.longest_hex >= _HEX_LENGTHS[name]:
                for text in self._hexes.get(name) or self._hashed_by(name):
                    if reading.has_fingerprint:
                        yield from squeezed_places(reading, text)
                    if text in plain:
                        yield from (reading.plain.span(*span) for span in _occurrences(text, plain))
            if reading.longest_run >= length:
                for text in self._coded.get(name) or self._coded_by(name):
                    if text in decoded:
                        yield from (reading.decoded.span(*span) for span in _occurrences(text, decoded))

    def _hashed_by(self, name: str) -> list[str]:
        """Return the hashes of the value by one algorithm, in hexadecimal; they are kept, for the next text."""
        found = self._hexes[name] = [digest(name, data).hex() for data in _hashed_forms(self.raw, self._phone)]
        return found

    def _coded_by(self, name: str) -> list[str]:
        """Return the same in base64, of both alphabets, without padding."""
        digests = map(bytes.fromhex, self._hexes.get(name) or self._hashed_by(name))
        coded = [b64encode(each).decode().rstrip("=") for each in digests]
        urls = [text.replace("+", "-").replace("/", "_") for text in coded if "+" in text or "/" in text]
        found = self._coded[name] = [*coded, *urls]
        return found

    def _is_itself(self, reading: DecodedText, start: int, end: int) -> bool:
        text = reading.text
        match self._placement:
            case _Placement.ANYWHERE:
                return True
            case _Placement.NO_LETTER_ADJOINS:
                return reading.unpacked or _stands_alone(text, start, end, str.isalpha)
            case _Placement.NO_DIGIT_ADJOINS:
                return _stands_alone(text, start, end, str.isdigit)
            case _Placement.FIELD_OR_WORD:
                own = without_marks(self.value)
                word = not self.value.isdigit() and any(
                    without_marks(decoded_view(view.text).text) in (own, own.upper()) for view in views(text[start:end])
                )
                return is_whole_field(text, start, end) or (word and _stands_alone(text, start, end, str.isalnum))
        assert_never(self._placement)


def find_people(values: Collection[str], reading: DecodedText) -> Iterator[tuple[int, int, str]]:
    """Yield start and end of each place that gives one of a person's values away, and which."""
    finders = [finder for value in values if (finder := personal_value(value)) is not None]
    finders += [finder for value in values if (local := _local_part(value)) and (finder := personal_value(local))]
    for finder in finders:
        for start, end in finder.find(reading):
            yield start, end, finder.raw
    names = {finder.folded: finder.raw for finder in finders if finder.is_name and finder.folded in reading.squeezed}
    for first, second in permutations(names, 2):
        if (needle := first + second) in reading.squeezed and len(needle) >= _SHORT:
            for start, end in squeezed_places(reading, needle):
                yield start, end, names[first]
    if (packed := reading.packed) is not None:
        inner, places, whence = packed
        packable = _packable(values)
        for start, _, value in find_people(packable, inner) if _hold_any(packable, inner) else ():
            yield *whence[bisect_right(places, start) - 1], value


def people_in(values: Collection[str], reading: DecodedText) -> list[str]:
    """Return those of a person's values that `find_people` needs for this text or a part of it: mostly few.

    These are the values that the text holds, and, where it holds several short names, each of them: two may be written
    as one word.
    """
    found, names = set[str](), set[str]()
    for value in values if _hold_any(tuple(values), reading) else ():
        if not _may_be_in(value, reading):
            continue
        finder = personal_value(value)
        finders = [finder, personal_value(_local_part(value))]
        if any(each is not None and next(each.find(reading), None) is not None for each in finders):
            found.add(value)
        if finder is not None and finder.is_name and finder.folded in reading.squeezed:
            names.add(value)
    if len(names) > 1:
        found |= names
    if (packed := reading.packed) is not None:
        found.update(people_in(_packable(values), packed[0]))
    return [value for value in dict.fromkeys(values) if value in found] if found else []


def _packable(values: Iterable[str]) -> tuple[str, ...]:
    """Return those of a person's values that are long enough to be found in base64 or hexadecimal."""
    return tuple(value for value in values if len(value) >= _SHORT)


def _hold_any(values: tuple[str, ...], reading: DecodedText) -> bool:
    """Return whether a text may give any of a person's values away, in a hundredth of their finders' time."""
    signs, days = _signs_of_row(values)
    if any(map(reading.forms.__contains__, signs)) or (days and not days.isdisjoint(reading.days)):
        return True
    if (reading.longest_run or reading.longest_hex) and any(_may_be_in(value, reading) for value in values):
        return True
    return reading.packed is not None and _hold_any(_packable(values), reading.packed[0])


@lru_cache(maxsize=256)
def _signs_of_row(values: tuple[str, ...]) -> tuple[tuple[str, ...], frozenset[int]]:
    """Return the signs of all values of a person, and the days that any of them may mean."""
    texts = [text for value in values for text in (value, _local_part(value)) if text]
    days = frozenset[int]().union(*[days_of(fold_letters(text.strip())) for text in texts])
    return tuple(dict.fromkeys(sign for text in texts for sign in _signs(text))), days


def _may_be_in(value: str, reading: DecodedText) -> bool:
    """Return whether a text may give a value away, in a tenth of its finder's time: of a wide row nearly none is."""
    for text in (value, _local_part(value)):
        if text and any(sign in reading.forms for sign in _signs(text)):
            return True
        if text and reading.dates and not reading.days.isdisjoint(days_of(fold_letters(text.strip()))):
            return True
        if text and (reading.longest_run or reading.longest_hex) and _may_be_hashed(text, reading):
            return True
    return False


@lru_cache(maxsize=4096)
def _signs(value: str) -> tuple[str, ...]:
    """Return letters and digits of which a text has some, in one of its forms, that gives a value away by them.

    These are the longest runs in each way to write it, and the end of a telephone number. Without them, only a date or
    a hash may give it away. The empty sign is in any text.
    """
    trimmed = value.strip()
    if _is_nobodys(trimmed):
        return ()
    folded = fold_letters(trimmed)
    forms = [folded]
    if not trimmed.isascii():
        forms += [*_written(trimmed), spelled_out(trimmed)]
    elif "ae" in folded or "oe" in folded or "ue" in folded:
        forms.append(_SPELLED_OUT.sub("", folded))
    signs = [max(_RUN.findall(form), key=len, default="") for form in forms]
    phone = phone_of(trimmed) if trimmed[0] in _PHONE_BEGINS or not trimmed.isascii() else ""
    return tuple(dict.fromkeys([*signs, phone[-PHONE_TAIL:]] if phone else signs))


def _may_be_hashed(value: str, reading: DecodedText) -> bool:
    """Return whether a text holds a hash of a value, in hexadecimal or base64."""
    plain = reading.squeezed if reading.has_fingerprint else reading.plain.text
    decoded = reading.decoded.text
    forms = _hashed_forms(value, phone_of(value.strip()))
    for name, length in _HASHES:
        in_hex, in_base64 = reading.longest_hex >= _HEX_LENGTHS[name], reading.longest_run >= length
        if not (in_hex or in_base64):
            continue
        for data in forms:
            hashed = digest(name, data)
            if in_hex and hashed.hex() in plain:
                return True
            if in_base64:
                text = b64encode(hashed).decode().rstrip("=")
                if text in decoded or text.replace("+", "-").replace("/", "_") in decoded:
                    return True
    return False


def _hashed_forms(raw: str, phone: str) -> set[bytes]:
    """Return the forms of a value that partners hash."""
    value = raw.strip()
    forms = {raw, value, value.lower(), value.upper()}
    if phone:
        forms |= {phone, f"+{phone}", phone[-10:], phone.lstrip("0")}
    return {form.encode("utf-8", "surrogatepass") for form in forms}


@lru_cache(maxsize=4096)
def personal_value(value: str) -> PersonalValue | None:
    """Return the (cached) finder of a value; None for one that identifies nobody."""
    return None if _is_nobodys(value.strip()) else PersonalValue(value)


def _is_nobodys(trimmed: str) -> bool:
    return not trimmed or trimmed.lower() in _NOBODY or (len(trimmed) == 1 and trimmed.isascii())


def _local_part(address: str) -> str:
    """Return what of an e-mail address points at its owner; empty for any other value."""
    if "@" not in address:
        return ""
    local = address.partition("@")[0].partition("+")[0].strip()
    return local if len(local) >= SHORTEST_LOCAL and _TELLING_LOCAL.search(local) else ""


def phone_of(value: str) -> str:
    """Return the digits of a value that may be a telephone number; empty for any other."""
    if value.isdigit() and value.isascii():
        digits = value
    elif (found := _PHONE.fullmatch(value)) is not None:
        digits = _NO_DIGITS.sub("", found["number"])
    else:
        return ""
    return digits if len(digits) >= PHONE_TAIL and digits[-PHONE_TAIL:] != digits[-1] * PHONE_TAIL else ""


def squeezed_places(reading: DecodedText, needle: str) -> Iterator[tuple[int, int]]:
    """Yield start and end of each place with these letters and digits, whatever blanks and punctuation are between."""
    kind = str.isalpha if needle.isalpha() else str.isalnum
    anywhere = len(needle) >= _LONG_NAME and not needle.isdigit()
    for span in _occurrences(needle, reading.squeezed_view.text):
        start, end = reading.squeezed_view.span(*span)
        if anywhere or _stands_alone(reading.text, start, end, kind):
            yield start, end


def _occurrences(part: str, text: str) -> Iterator[tuple[int, int]]:
    at = text.find(part)
    while at >= 0:
        end = at + len(part)
        later = text.find(part, at + 1)
        if len(part) > _LONGEST_SINGLE and 0 <= later < end:  # a part that repeats itself, in a text that does
            period = part[at - later :]
            while text.startswith(period, end):
                end += len(period)
            later = text.find(part, end - len(part) + 1)
        yield at, end
        at = later


def _is_there_once(part: str, text: str) -> bool:
    return text.find(part, text.find(part) + 1) < 0


def _written(value: str) -> Iterator[str]:
    for text in variants(value):
        yield fold_case(text)
        if not text.isascii():
            yield fold_case(text.upper())
            yield fold_case(text.lower())


def _needles(value: str, folded: str) -> Iterator[str]:
    """Yield what a value looks like without blanks and punctuation, a name of several words in each order."""
    forms = [folded]
    if not value.isascii():
        forms.append(spelled_out(value))
    elif _SPELLED_OUT.search(folded):
        forms.append(_SPELLED_OUT.sub("", folded))
    if " " in value and _NAME.fullmatch(value):
        for form in forms:
            words = _WORDS.findall(form)
            if len(words) <= _MOST_WORDS:
                yield from ("".join(order) for order in permutations(words))
    for form in forms:
        needle = squeezed(form)
        if len(needle) >= _SQUEEZED or (form != folded and len(needle) >= _SHORT):
            yield needle


def spelled_out(value: str) -> str:
    """Return a value in folded letters, `ae` for `ä`."""
    return fold_letters(value.translate(_UMLAUTS))


def without_marks(text: str) -> str:
    """Return a text without its accents."""
    if text.isascii():
        return text
    return "".join(char for char in unicodedata.normalize("NFKD", text) if not unicodedata.combining(char))


class _Placement(Enum):
    """Where a value must stand to be taken for itself, and not for a part of some other word or number."""

    ANYWHERE = auto()
    NO_LETTER_ADJOINS = auto()
    NO_DIGIT_ADJOINS = auto()
    FIELD_OR_WORD = auto()


def _placement(value: str) -> _Placement:
    if len(value) < _SHORT and max(value) < _IDEOGRAPHS:
        return _Placement.FIELD_OR_WORD
    if value.isascii() and value.isdigit() and len(value) < PHONE_TAIL:
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
