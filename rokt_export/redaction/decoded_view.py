"""Read a text in its normal forms, each place traced back to the text: decoded, folded, without separators."""

from __future__ import annotations

import html
import re
import sys
import unicodedata
from array import array
from binascii import a2b_base64
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property, lru_cache

from rokt_export.redaction.character_encodings import fold_case
from rokt_export.redaction.dates import dates_in
from rokt_export.redaction.quick_search import QuickSearch

_ALNUM = "(?:3[0-9]|[46][1-9A-Fa-f]|[57][0-9Aa])"
_DECIMAL = "(?:4[89]|5[0-7]|6[5-9]|[78][0-9]|9[0789]|1[01][0-9]|12[0-2])"
_OCTAL = "(?:0[67][0-7]|1[0-7][0-7])"


def _encoded(percent: str, backslash: str, ampersand: str, hash_sign: str, semicolon: str) -> re.Pattern[str]:
    return re.compile(
        rf"(?:{percent}(?:u00)?|{backslash}(?:u00|x|U000000|0000))(?P<hex>{_ALNUM})"
        rf"|{backslash}u\{{0*(?P<braced>{_ALNUM})\}}"
        rf"|{backslash}(?P<octal>{_OCTAL})"
        rf"|{ampersand}{hash_sign}(?:0*(?P<decimal>{_DECIMAL})(?:{semicolon}|(?![0-9]))"
        rf"|[xX]0*(?P<entity>{_ALNUM})(?:{semicolon}|(?![0-9A-Fa-f])))"
    )


_ONCE = _encoded("%", r"\\", "&", "#", ";")
_NESTED = _encoded(
    "%(?:25)*", r"(?:(?<!\\)\\+|%(?:25)*5[Cc])", "(?:&|%(?:25)*26)(?:amp(?:;|%(?:25)*3[Bb]))*", "(?:#|%(?:25)*23)",
    "(?:;|%(?:25)*3[Bb])",
)  # fmt: skip
_HINT = re.compile(
    rf"%(?:25)*(?:{_ALNUM}|u00|5[Cc][ux01]|26(?:[#%]|amp))"
    rf"|\\(?:u00{_ALNUM}|u\{{|x{_ALNUM}|{_OCTAL}|U000000|0000)"
    r"|&(?:amp;)*(?:#|%(?:25)*23)[0-9xX]"
)
"""Cheap to search for: one of these three characters begins it."""
_BASES = {"hex": 16, "braced": 16, "octal": 8, "decimal": 10, "entity": 16}

_INVISIBLE = "\u00ad\u200b-\u200f\u2060-\u2064\ufeff"
"""Signs without a width: a soft hyphen, joiners, marks of direction, a byte order mark."""
_CODED = re.compile(
    r"(?P<percent>(?:%(?:25)*[0-9A-Fa-f]{2})+)"
    r"|(?P<units>(?:(?:\\+|%)u[0-9A-Fa-f]{4})+)"
    r"|(?P<braced>(?:\\+u\{0*[0-9A-Fa-f]{1,6}\})+)"
    r"|(?P<bytes>(?:\\+(?:x|U000000|0000)[0-9A-Fa-f]{2})+)"
    r"|(?P<entity>&(?:amp;)*(?:#[0-9]{1,7}(?:;|(?![0-9]))|#[xX][0-9A-Fa-f]{1,6}(?:;|(?![0-9A-Fa-f]))|[A-Za-z]{2,8};))"
    r"|(?P<quoted>=[C-F][0-9A-F](?:=[89AB][0-9A-F])+)"
    rf"|(?P<soft>=\r?\n|[{_INVISIBLE}]+)"
    r"|(?P<control>\\+[nrt])"
    r"|(?P<sign>\\+[^\w\s])"
)
_ANY_INVISIBLE = re.compile(f"[{_INVISIBLE}]")
_ROUNDS = 3
_HEX_PAIR = re.compile("[0-9A-Fa-f]{2}")
_LONG_ESCAPE = re.compile(r"\\(?:U000000|0000)")
"""What Python and CSS write before the two digits of an ASCII character."""
_UNIT = re.compile("[0-9A-Fa-f]{4}")
_BRACED = re.compile(r"\{([0-9A-Fa-f]+)\}")
_NOT_ASCII = re.compile(r"[^\x00-\x7f]")
_LETTERS = str.maketrans(
    {"ß": "ss", "ẞ": "ss", "ø": "o", "æ": "ae", "œ": "oe", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "ı": "i", "ħ": "h"}
)
"""Letters that Unicode does not decompose into a base letter and marks."""
_PHRASES = "\ufdfa\ufdfb"
"""Signs that Unicode decomposes into a phrase of up to 18 letters: nobody's name. They stay, in values and in texts.

A body of them would take eighteen times its size. Any other character has seven letters at most.
"""
_SEPARATORS = re.compile(r"[\W_]+")
_ASCII_SEPARATORS = bytes(code for code in range(128) if not chr(code).isalnum())

_LONG_RUN = re.compile(r"[0-9A-Za-z+/_-]{22,}")
_TO_RUNS = bytes(120 if chr(code).isalnum() or chr(code) in "+/_-" else 32 for code in range(128)) + bytes(128)
_MARKED_HASH = b"x" * 22
_UUID = "[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}"
_MAY_BE_UUID = QuickSearch("[0-9a-f]{8}-[0-9a-f]{4}-")
_WHOLE_UUID = re.compile(f"(?<![0-9A-Za-z]){_UUID}(?![0-9A-Za-z])")
_BLANK = " " * 36
_ALL_HEX = re.compile("[0-9A-Fa-f:]+")
_COLONS = 15
_FINGERPRINT = re.compile(f"[0-9A-Fa-f]{{2}}(?::[0-9A-Fa-f]{{2}}){{{_COLONS},}}")
"""A hash in hexadecimal with a colon between its bytes, as of certificates."""
_HEX_HASH = re.compile("[0-9A-Fa-f]{32,}")
_NO_HASH = re.compile(f"{_UUID}|[0-9A-Fa-f]{{22,31}}")
"""UUIDs, and hexadecimal that is too short."""
_QUANTUM = (
    "(?:[I-f][C-HS-Xi-nyz0-3][ABEFIJMNQRUVYZcdghklopstwx014589]"
    "|[4-7][I-LY-bo-r4-7][CGKOSWaeimquy26_+-]|[0z][I-LY-bo-r4-7][DHLPTXbfjnrvz37])"
)
"""How base64 of legible text begins: three ASCII bytes, or those of UTF-8 letters beyond Latin."""
_QUANTA = re.compile(f"(?={_QUANTUM})")
_OF_BASE64 = "[A-Za-z0-9+/_-]"
_BASE64 = re.compile(rf"(?<!{_OF_BASE64})(?={_OF_BASE64}*?{_QUANTUM})(?:{_OF_BASE64}{{40,}}\s+)*{_OF_BASE64}{{6,}}")
_HEX = re.compile(
    "(?<![0-9A-Fa-f])(?=[0-9A-Fa-f]*?(?:[2-7][0-9A-Fa-f]|[C-Fc-f][0-9A-Fa-f][89ABab][0-9A-Fa-f]){4})[0-9A-Fa-f]{8,}"
)
_LEGIBLE = re.compile(
    rb"(?:[\t\n\r\x20-\x7e]|[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}){4,}"
)
_RUN = re.compile(f"{_OF_BASE64}{{6,}}")
_WRAPS = re.compile(r"\s+")
_WRAPPED = 40
_MARKED_LINE = b"x" * _WRAPPED
_DEPTH = 2
"""How often base64 and hexadecimal are decoded, one inside the other."""


BETWEEN = "\n|\n"
"""Between texts that are searched as one: it ends fields, words, dates, escapes, base64 and soft line breaks."""


class View:
    """A text in which some characters stand for other parts of a source text, or were taken out of it."""

    __slots__ = ("_below", "_ends", "_places", "_shifts", "text")

    def __init__(self, text: str, below: View | None = None) -> None:
        self.text = text
        self._below = below
        # Arrays: as lists of objects, they take four times the memory, 10 MB of a body of 300 kB.
        self._places, self._ends, self._shifts = array("q"), array("d"), array("q")

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Return the part of the source text that a part of this text stands for."""
        before, after = bisect_right(self._places, start), bisect_right(self._ends, end)
        start += self._shifts[before - 1] if before else 0
        end += self._shifts[after - 1] if after else 0
        return (start, end) if self._below is None else self._below.span(start, end)

    def folded(self) -> View:
        """Return this view in lower case; folding moves no character."""
        return View(fold_case(self.text), self)

    def replaced(self, pattern: re.Pattern[str], by: Callable[[re.Match[str]], str]) -> View:
        """Return a view of this one with each match of a pattern replaced."""
        parts: list[str] = []
        view = View("", self)
        length = end = 0
        for match in pattern.finditer(self.text):
            new = by(match)
            parts += (self.text[end : match.start()], new)
            length += match.start() - end + len(new)
            end = match.end()
            view._places.append(length)
            view._ends.append(length if new else length + 0.5)  # what is taken out belongs to neither neighbour
            view._shifts.append(end - length)
        parts.append(self.text[end:])
        view.text = "".join(parts)
        return view


def views(text: str) -> list[View]:
    """Return the text as it stands, then decoded if it may encode letters or digits: once, and all nesting at once.

    No usual encoder touches letters and digits, but any may, and an attacker's echo will.
    """
    found = [View(text)]
    if ("%" in text or "\\" in text or "&#" in text or "&amp;" in text) and _HINT.search(text):
        for pattern in (_ONCE, _NESTED):
            view = found[0].replaced(pattern, _character)
            if view.text not in (found[0].text, found[-1].text):
                found.append(view)
    return found


def _character(match: re.Match[str]) -> str:
    kind = match.lastgroup or ""
    return chr(int(match[kind], _BASES[kind]))


def fold_letters(text: str) -> str:
    """Return the text in lower case without accents, with `ss` for `ß` and ASCII digits, for comparison only."""
    return text.lower() if text.isascii() else _NOT_ASCII.sub(lambda match: _base_letter(match[0]), text).lower()


def squeezed(text: str) -> str:
    """Return folded text without blanks and punctuation."""
    if text.isascii():
        return text.encode().translate(None, _ASCII_SEPARATORS).decode()
    return _SEPARATORS.sub("", text)


@lru_cache(maxsize=4096)
def _base_letter(char: str) -> str:
    if char in _PHRASES:
        return char
    digit = unicodedata.digit(char, None)
    if digit is not None:
        return str(digit)
    parts = unicodedata.normalize("NFKD", char.lower().translate(_LETTERS))
    return "".join(part for part in parts if not unicodedata.combining(part)).translate(_LETTERS)


def folded_view(view: View) -> View:
    """Return a view in folded letters, without blanks and punctuation."""
    return _plain(view).replaced(_SEPARATORS, lambda _match: "")


def _plain(view: View) -> View:
    if view.text.isascii():
        return view.folded()
    return view.replaced(_NOT_ASCII, lambda match: _base_letter(match[0])).folded()


def decoded_view(text: str) -> View:
    """Return the text without percent signs, entities, escapes and quoted-printable, nested up to three deep."""
    view = View(text)
    for _ in range(_ROUNDS):
        text = view.text
        if not ("%" in text or "\\" in text or "&" in text or "=" in text) and (
            text.isascii() or not _ANY_INVISIBLE.search(text)
        ):
            break
        later = view.replaced(_CODED, _decoded)
        if later.text == view.text:
            break
        view = later
    return view


def _of_code(digits: str) -> str:
    code = int(digits, 16)
    return chr(code) if code <= sys.maxunicode else ""


def _decoded(match: re.Match[str]) -> str:
    found = match[0]
    match match.lastgroup:
        case "percent":
            return _text(bytes.fromhex("".join(_HEX_PAIR.findall(re.sub("%(?:25)*", "%", found)))))
        case "units":
            raw = bytes.fromhex("".join(_UNIT.findall(found)))
            return raw.decode("utf-16-be", "replace")
        case "braced":
            return "".join(_of_code(code) for code in _BRACED.findall(found))
        case "bytes":
            return _text(bytes.fromhex("".join(_HEX_PAIR.findall(_LONG_ESCAPE.sub("", found)))))
        case "quoted":
            return _text(bytes.fromhex(found.replace("=", "")))
        case "entity":
            return html.unescape("&" + found.rpartition("amp;")[2].removeprefix("&"))
        case "soft":
            return ""
        case "control":
            return "\n"
        case _:
            return found[-1]


def _text(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data.decode("latin-1")


class DecodedText:
    """A text as it is searched for several personal values: what is worth knowing of it is worked out once.

    Args:
        text: the text.
        depth: how often base64 and hexadecimal in it are decoded.
        hidden: start and end of parts that are hidden in any case: a hash inside one is not looked for.

    Attributes:
        unpacked: whether it is what base64 or hexadecimal held.
        views: it as it stands and with encoded letters and digits decoded, in lower case.
        decoded: it without percent signs, entities, escapes and soft line breaks; letter case is kept.
        plain: `decoded` with folded letters.
        squeezed: `plain` without blanks and punctuation.
        longest_run: length of the longest part that may be a digest in base64; 0 where none is long enough. One of
            nothing but hexadecimal digits is none: of 22 characters, that chance is 2^-44.
        longest_hex: the same in hexadecimal.
        has_fingerprint: whether a part may be a digest in hexadecimal with colons.
    """

    def __init__(self, text: str, depth: int = _DEPTH, hidden: Sequence[tuple[int, int]] = ()) -> None:
        self.text = text
        self.unpacked = depth < _DEPTH
        self.views = [view.folded() for view in views(text)]
        self.decoded = decoded_view(text)
        self.plain = self._plain()
        self.squeezed = squeezed(self.plain.text)
        found = list(may_be_hashes(self.decoded.text))
        for start, end in hidden if self.decoded.text is text else ():
            found = [run for run in found if run.start() < start or end < run.end()]
        runs = [run[0] for run in found]
        self.longest_run = max((len(run) for run in runs if _ALL_HEX.fullmatch(run) is None), default=0)
        self.longest_hex = max(
            (len(part) for run in runs for part in _HEX_HASH.findall(run.replace(":", ""))), default=0
        )
        self.has_fingerprint = any(":" in run for run in runs)
        self._depth = depth

    def _plain(self) -> View:
        return self.views[0] if self.text.isascii() and self.decoded.text is self.text else _plain(self.decoded)

    @cached_property
    def forms(self) -> str:
        """The text in all the forms in which values are looked for, one after the other."""
        forms = dict.fromkeys([*(view.text for view in self.views), self.plain.text, self.squeezed])
        return "\n".join(forms)

    @cached_property
    def squeezed_view(self) -> View:
        """`squeezed`, with its places in the text."""
        return self.plain.replaced(_SEPARATORS, lambda _match: "")

    @cached_property
    def dates(self) -> list[tuple[int, int, frozenset[int]]]:
        """Start, end and possible day numbers of each date in `plain`."""
        return list(dates_in(self.plain.text))

    @cached_property
    def days(self) -> frozenset[int]:
        """The possible day numbers of all dates."""
        return frozenset[int]().union(*[days for _, _, days in self.dates])

    @cached_property
    def packed(self) -> tuple[DecodedText, list[int], list[tuple[int, int]]] | None:
        """What base64 and hexadecimal hold: one text of all that is legible, where each part begins in it, and whence.

        None where nothing is legible.
        """
        if not self._depth:
            return None
        parts: list[str] = []
        places: list[int] = []
        whence: list[tuple[int, int]] = []
        length = 0
        for start, end, text in unpacked(self.decoded.text):
            places.append(length)
            whence.append(self.decoded.span(start, end))
            parts.append(text)
            length += len(text) + len(BETWEEN)
        return (_reading(BETWEEN.join(parts), self._depth - 1), places, whence) if parts else None


_reading = lru_cache(maxsize=256)(DecodedText)
"""What names of fields and headers hold by chance is often the same."""


def without_uuids(text: str) -> str:
    """Return ASCII with blanks for UUIDs: they hold no date, hash or base64, but look as if they did."""
    return _WHOLE_UUID.sub(_BLANK, text) if _MAY_BE_UUID.found_in(text.encode()) else text


def may_be_hashes(text: str) -> Iterator[re.Match[str]]:
    """Yield each part that is long enough for a hash and is no UUID."""
    if _MARKED_HASH in _marked_runs(text):
        yield from (run for run in _LONG_RUN.finditer(text) if _NO_HASH.fullmatch(run[0]) is None)
    if text.count(":") >= _COLONS:
        yield from _FINGERPRINT.finditer(text)


def _marked_runs(text: str) -> bytes:
    """Return `x` for each character of base64, something else for any other."""
    return text.encode("utf-8", "surrogatepass").translate(_TO_RUNS)


def unpacked(text: str) -> Iterator[tuple[int, int, str]]:
    """Yield start and end of each part that may be base64 or hexadecimal, with what is legible in it."""
    if _MARKED_LINE in _marked_runs(text):
        yield from _unpacked_lines(text)
        yield from _unpacked_hex(text)
        return
    runs = [(run.start(), run.end(), _unpacked_run(run[0])) for run in _RUN.finditer(text)]
    for start, end, (texts, _) in runs:
        yield from ((start, end, found) for found in texts)
    for start, _, (_, parts) in runs:
        yield from ((start + first, start + last, found) for first, last, found in parts)


@lru_cache(maxsize=4096)
def _unpacked_run(run: str) -> tuple[tuple[str, ...], tuple[tuple[int, int, str], ...]]:
    """Return what is legible in a short run as base64 and, with the places, as hexadecimal: many runs are alike."""
    return tuple(found for _, _, found in _unpacked_lines(run)), tuple(_unpacked_hex(run))


def _unpacked_lines(text: str) -> Iterator[tuple[int, int, str]]:
    for match in _BASE64.finditer(text):
        run = match[0]
        if len(run) > _WRAPPED:
            run = _WRAPS.sub("", run)
        for lead in {found.start() % 4 for found in _QUANTA.finditer(run)}:
            yield from ((*match.span(), text) for text in _legible(_unbased(run[lead:])))


def _unpacked_hex(text: str) -> Iterator[tuple[int, int, str]]:
    for match in _HEX.finditer(text):
        run = match[0]
        for lead in range(2):
            part = run[lead:]
            yield from ((*match.span(), text) for text in _legible(bytes.fromhex(part[: len(part) & ~1])))


def _unbased(run: str) -> bytes:
    rest = len(run) % 4
    whole = run[:-1] if rest == 1 else run + "=" * (-rest % 4)
    return a2b_base64(whole.replace("-", "+").replace("_", "/"))


def _legible(data: bytes) -> list[str]:
    return [part.decode("utf-8", "replace") for part in _LEGIBLE.findall(data)]
