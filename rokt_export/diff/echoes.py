"""Replace what a partner merely echoes, host names, identifiers and timestamps by placeholders."""

from __future__ import annotations

import base64
import binascii
import hashlib
import html
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl, unquote, unquote_plus, urlsplit

import orjson

from rokt_export.exchange.model import Request, Response
from rokt_export.redaction.character_encodings import fold_case
from rokt_export.response.body_reader import NoData, Reading

_EMBEDDED = 4
"""Characters from which on a sent text is found inside another."""
_SURE = 8
"""Characters from which on it needs no word's end around it there."""
_LONGEST = 100_000
"""Characters of a text in which echoes are looked for."""
_PHONE = re.compile(r"[+(]?[0-9][0-9 ().\-/]{5,}[0-9]")
_DECIMAL = re.compile(r"(?:0|[1-9]\d{0,14})\.\d{1,14}", re.ASCII)
_OWN_HEADERS = frozenset(
    {"accept", "accept-encoding", "authorization", "connection", "content-length", "content-type", "host", "user-agent"}
)


class Sent:
    """The texts that one request carried, by the partner's names for them.

    Args:
        values: name to text.
    """

    __slots__ = ("_digests", "_request", "_texts", "_values")

    def __init__(self, values: Mapping[str, str] | None = None) -> None:
        self._values = values
        self._request: Request | None = None
        self._texts: tuple[dict[str, str], list[tuple[str, str]]] | None = None
        self._digests: dict[int, dict[str, str]] = {}

    @classmethod
    def of(cls, request: Request) -> Sent:
        """Return what a request carries in its query, its headers and its body; read only when it is asked for."""
        sent = cls()
        sent._request = request
        return sent

    @property
    def values(self) -> Mapping[str, str]:
        """Name to text."""
        if self._values is None:
            self._values = {} if self._request is None else dict(_carried(self._request))
        return self._values

    @property
    def texts(self) -> tuple[dict[str, str], list[tuple[str, str]]]:
        """Each text that means a sent one, folded, to its name; and those long enough to be found inside others.

        The latter come longest first.
        """
        if self._texts is None:
            names: dict[str, str] = {}
            for name, value in self.values.items():
                for text in _spellings(value):
                    names.setdefault(text, name)
            long = [(text, name) for text, name in names.items() if len(text) >= _EMBEDDED]
            long.sort(key=_length, reverse=True)
            self._texts = (names, long)
        return self._texts

    def digest(self, text: str) -> str | None:
        """Return whose MD5, SHA-1 or SHA-256 a folded hexadecimal text is."""
        known = self._digests.get(len(text))
        if known is None:
            known = {}
            algorithm = _ALGORITHMS[len(text)]
            for name, value in self.values.items():
                for form in dict.fromkeys((value, value.strip(), value.strip().lower(), value.strip().upper())):
                    hashed = hashlib.new(algorithm, form.encode("utf-8", "surrogatepass"), usedforsecurity=False)
                    known.setdefault(hashed.hexdigest(), name)
            self._digests[len(text)] = known
        return known.get(text)


NOTHING = Sent({})
_ALGORITHMS = {32: "md5", 40: "sha1", 64: "sha256"}


def _length(one: tuple[str, str]) -> int:
    return len(one[0])


def _spellings(value: str) -> Iterator[str]:
    text = fold_case(value).strip()
    if not text:
        return
    yield text
    if text[0] in "+(0123456789" and not text.isdigit():
        if _PHONE.fullmatch(text):
            yield "".join(filter(str.isdigit, text))
        if _DECIMAL.fullmatch(text):
            yield repr(float(text))


def _carried(request: Request) -> Iterator[tuple[str, str]]:
    for name, value in request.headers:
        if name.lower() not in _OWN_HEADERS:
            yield name, value
    address = urlsplit(request.url)
    if len(address.path) >= _EMBEDDED:
        yield "path", address.path  # as a whole, by one name: links to a record have each environment's own
    for segment in address.path.split("/"):
        if len(segment) >= _EMBEDDED:
            yield f"path {segment}", unquote(segment)
    yield from parse_qsl(address.query)
    if request.body:
        yield from _in_body(request)


def _in_body(request: Request) -> Iterator[tuple[str, str]]:
    kind = (request.header("content-type") or "").lower()
    reading = Reading(Response(200, request.headers, request.body or b""))
    if "form" in kind:
        for name, text in parse_qsl(reading.text):
            yield name, text
            if text[:1] in "{[<":  # a whole body in one field
                yield from _leaves(Reading(Response(200, (), text.encode())).data, "")
    else:
        data = reading.data
        if isinstance(data, NoData):
            yield from (("body", line.strip()) for line in reading.text.splitlines()[:100])
        else:
            yield from _leaves(data, "")


def _leaves(data: Any, path: str, depth: int = 0) -> Iterator[tuple[str, str]]:
    if isinstance(data, NoData) or depth > 50:
        return
    if isinstance(data, dict):
        for key, value in data.items():
            yield from _leaves(value, f"{path}.{key}" if path else key, depth + 1)
    elif isinstance(data, list):
        for item in data:
            yield from _leaves(item, path, depth + 1)
    elif isinstance(data, (str, int, float)) and not isinstance(data, bool):
        yield path, str(data)


class Placeholders:
    """Writes placeholders into the texts of one answer.

    Args:
        sent: what the answer's own request carried.
        hosts: host names of the environment, lower case, with their port where they have one.
        started: UTC seconds since 1970 of the exchange, to know times near it for noise; 0.0 if not known.
    """

    __slots__ = ("_hosts", "_long", "_names", "_sent", "_started")

    def __init__(self, sent: Sent = NOTHING, hosts: Iterable[str] = (), started: float = 0.0) -> None:
        self._sent = sent
        self._hosts = tuple(hosts)
        self._started = started
        self._names: dict[str, str] | None = None
        self._long: list[tuple[str, str]] = []

    def fill(self, text: str) -> str:
        """Return a text with placeholders in it: `‹sent:email›`, `‹host›`, `‹uuid›`, `‹timestamp›`, `‹id›`."""
        if not text or len(text) > _LONGEST:
            return text
        if self._names is None:
            self._names, self._long = self._sent.texts
        folded = fold_case(text)
        name = self._names.get(folded.strip())
        if name is not None:
            return f"‹sent:{name}›"
        if "://" in folded:  # first, for a part of the path may stand in the host as well
            for host in self._hosts:
                if f"://{host}" in folded:
                    text = re.sub(f"://{re.escape(host)}", "://‹host›", text, flags=re.IGNORECASE)
                    folded = fold_case(text)
        found = self._embedded(text, folded)
        if found is None:
            return self._whole(text) or self._patterns(text)
        return self._patterns(found)

    def _embedded(self, text: str, folded: str) -> str | None:
        """The text with sent ones replaced; None where there are none."""
        found = None
        for value, name in self._long:
            at = folded.find(value)
            while at >= 0:
                end = at + len(value)
                if len(value) < _SURE and _inside_a_word(folded, at, end):
                    at = folded.find(value, end)
                    continue
                mark = f"‹sent:{name}›"
                found = text = text[:at] + mark + text[end:]
                folded = folded[:at] + "\0" * len(mark) + folded[end:]
                at = folded.find(value, at + len(mark))
        return found

    def _whole(self, text: str) -> str | None:
        """A text that is a sent one encoded, or holds it so."""
        for decoded in _decoded(text):
            folded = fold_case(decoded)
            if self._names and (name := self._names.get(folded.strip())) is not None:
                return f"‹sent:{name}›"
            found = self._embedded(decoded, folded)
            if found is not None:
                return self._patterns(found)
        return None

    def _patterns(self, text: str) -> str:
        for host in self._hosts:
            if host in text.lower():
                text = re.sub(re.escape(host), "‹host›", text, flags=re.IGNORECASE)
        if _DIGIT.search(text) is None:
            return text
        if self._started:
            text = _near_days(int(self._started // 86_400)).sub("‹timestamp›", text)
        return _NOISE.sub(self._noise, text)

    def _noise(self, match: re.Match[str]) -> str:
        text, kind = match[0], match.lastgroup
        if kind == "hash":
            name = self._sent.digest(text.lower()) if len(text) in _ALGORITHMS else None
            return f"‹sent:{name}›" if name else _identifier(text)
        if kind == "epoch":
            return "‹timestamp›" if self._is_near(text) else text
        if kind == "id":
            return _identifier(text)
        return f"‹{kind}›"

    def _is_near(self, digits: str) -> bool:
        seconds = float(digits[:10]) if len(digits) in (13, 16, 19) else float(digits)
        if self._started:
            return abs(seconds - self._started) < _NEAR
        return _FIRST <= seconds <= _LAST


_DIGIT = re.compile(r"\d")
_NEAR = 400 * 86_400.0
_FIRST, _LAST = 1_400_000_000, 2_200_000_000
_NOISE = re.compile(
    r"""
    (?P<uuid>(?<![0-9a-fA-F])[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}(?![0-9a-fA-F]))
    | (?P<person>person-[0-9a-f]{10})
    | (?P<timestamp>
        (?<!\d)\d{4}[-/]\d\d[-/]\d\d[T ]\d\d:\d\d(?::\d\d(?:[.,]\d{1,9})?)?(?:\s?(?:Z|UTC|GMT)|\s?[+-]\d\d:?\d\d)?
        | (?<!\d)\d{1,2}[./]\d{1,2}[./]\d{4}[T ,]{1,2}\d{1,2}:\d\d(?::\d\d)?(?:\s?[AaPp][Mm])?
        | (?<!\d)\d{8}T\d{4,6}(?:[.,]\d{1,9})?Z?
        | (?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*,?\s)?\d{1,2}[\s-](?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)
          [a-z]*[\s-]\d{2,4}\s\d\d:\d\d(?::\d\d)?(?:\s(?:GMT|UTC|[+-]\d{4}))?
        | (?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)\s(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)\s\s?\d{1,2}
          \s\d\d:\d\d:\d\d(?:\s[A-Z]{3,4})?\s\d{4}
        | (?<![\d:])\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?![\d:])
      )
    | (?P<epoch>(?<![\w.-])\d{10}(?:\d{3}|\d{6}|\d{9})?(?:\.\d{1,9})?(?![\w-]))
    | (?P<hash>(?<![0-9A-Za-z])[0-9a-fA-F]{16,}(?![0-9A-Za-z]))
    | (?P<id>(?<![0-9A-Za-z])[0-9A-Za-z]{15,}(?![0-9A-Za-z]))
    """,
    re.VERBOSE | re.ASCII,
)
IDENTIFIER = "‹id›"
_RUN_OF_DIGITS = re.compile(r"\d+", re.ASCII)
_LIKE_AN_IDENTIFIER = re.compile(r"(?<![0-9A-Za-z:])[0-9A-Za-z]{15,}(?![0-9A-Za-z])", re.ASCII)


def same_but_for_identifiers(a: str, b: str) -> bool:
    """Whether filled texts differ in an identifier alone that has, by chance, too few digits to be known by itself.

    What stands where the other side has an identifier is one as well.
    """
    if IDENTIFIER not in a and IDENTIFIER not in b:
        return False
    return _LIKE_AN_IDENTIFIER.sub(IDENTIFIER, a) == _LIKE_AN_IDENTIFIER.sub(IDENTIFIER, b)


def _identifier(text: str) -> str:
    """`‹id›` for letters and digits in a random mixture; not for a word with a year behind it."""
    runs = len(_RUN_OF_DIGITS.findall(text))
    return IDENTIFIER if runs >= 2 and not text.isdigit() else text


@lru_cache(maxsize=64)
def _near_days(day: int) -> re.Pattern[str]:
    """What finds the dates around a day (days since 1970): a date that is not near, such as a birthday, is no noise."""
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=day)
    forms = ("%Y-%m-%d", "%Y/%m/%d", "%m/%d/%Y", "%d/%m/%Y", "%d.%m.%Y", "%Y%m%d")
    near = [moment + timedelta(days=step) for step in (-1, 0, 1)]
    dates = "|".join(re.escape(each.strftime(form)) for each in near for form in forms)
    return re.compile(rf"(?<!\d)(?:{dates})(?![\dT]|\s\d\d:)", re.ASCII)


def _inside_a_word(text: str, start: int, end: int) -> bool:
    return (start > 0 and text[start - 1].isalnum()) or text[end : end + 1].isalnum()


_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{8,}={0,2}", re.ASCII)
_HEX = re.compile(r"(?:[0-9a-fA-F]{2}){4,}", re.ASCII)
_BACKSLASH = re.compile(r'\\(?:u[0-9a-fA-F]{4}|["\\/bfnrt])')


def _decoded(text: str) -> Iterator[str]:
    """What a text says once percent signs, entities, backslashes, base64 or hexadecimal digits are undone."""
    if "%" in text:
        yield unquote_plus(text)
    if "&" in text and ";" in text:
        yield html.unescape(text)
    if "\\" in text and _BACKSLASH.search(text):
        with suppress(orjson.JSONDecodeError):
            yield orjson.loads(f'"{text}"')
    if _BASE64.fullmatch(text) and not text.isdigit() and (found := _from_base64(text)) is not None:
        yield found
    if _HEX.fullmatch(text):
        with suppress(UnicodeDecodeError):
            yield bytes.fromhex(text).decode()


def _from_base64(text: str) -> str | None:
    digits = text.rstrip("=").replace("-", "+").replace("_", "/")
    if len(digits) % 4 == 1:
        return None
    try:
        return base64.b64decode(digits + "=" * (-len(digits) % 4)).decode()
    except (binascii.Error, UnicodeDecodeError):
        return None
