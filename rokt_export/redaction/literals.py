"""Turn a value into the fixed texts it has in whole-value encodings: base64 at any alignment, hexadecimal, digests."""

from __future__ import annotations

import html
import re
from base64 import b64encode
from collections.abc import Iterator
from enum import StrEnum
from typing import NamedTuple
from urllib.parse import quote

from rokt_export.redaction.character_encodings import json_escaped

_SMALLEST_CORE = 4
_SEXTET_BEFORE = re.compile(r"[A-Za-z0-9+/_-]\Z")
_SEXTET_AFTER = re.compile(r"[A-Za-z0-9+/_-]?(?:=|%3[Dd]|%253[Dd])*")
_PADDING = re.compile(r"(?:=|%3[Dd]|%253[Dd])*")


class SecretEncoding(StrEnum):
    """How a secret is written in a text; what a copied command must undo before a shell variable can take its place."""

    RAW = "raw"
    URLENCODED = "urlencoded"
    ESCAPED = "escaped"
    BASE64 = "base64"
    BASIC = "basic"
    HEX = "hex"


class Literal(NamedTuple):
    """A fixed text that gives a value away.

    Attributes:
        shares_first: the base64 character before it holds the value's first bits too.
        shares_last: the base64 character after it holds the value's last bits too.
    """

    text: str
    encoding: SecretEncoding
    shares_first: bool = False
    shares_last: bool = False

    def find(self, text: str) -> Iterator[tuple[int, int]]:
        """Yield start and end of each place, with the neighbouring base64 characters that share bits with it."""
        at = text.find(self.text)
        while at >= 0:
            end = at + len(self.text)
            yield self._widened(text, at, end)
            at = text.find(self.text, end)

    def _widened(self, text: str, start: int, end: int) -> tuple[int, int]:
        if self.encoding is SecretEncoding.HEX:
            return start, end
        after = (_SEXTET_AFTER if self.shares_last else _PADDING).match(text, end)
        before = self.shares_first and _SEXTET_BEFORE.search(text[max(0, start - 1) : start])
        return start - bool(before), after.end() if after else end


def base64_literals(data: bytes) -> Iterator[Literal]:
    """Yield what base64 of any longer data shows of `data`: one core for each of the three byte alignments."""
    for lead in range(3):
        encoded = b64encode(bytes(lead) + data).decode()
        first, bits = -(-lead * 8 // 6), (lead + len(data)) * 8
        core = encoded[first : bits // 6]
        if len(core) < _SMALLEST_CORE:
            continue
        shares_first, shares_last = lead > 0, bits % 6 > 0
        if core.isalnum():
            yield Literal(core, SecretEncoding.BASE64, shares_first, shares_last)
        else:
            for text in _alphabets(core):
                yield Literal(text, SecretEncoding.BASE64, shares_first, shares_last)


def basic_literals(username: str, password: str) -> Iterator[Literal]:
    """Yield the credentials of HTTP Basic authentication (RFC 7617), in UTF-8 and, as requests sends it, Latin-1."""
    for data in byte_forms(f"{username}:{password}"):
        for text in _alphabets(b64encode(data).decode().rstrip("=")):
            yield Literal(text, SecretEncoding.BASIC)


def hex_literals(data: bytes) -> Iterator[Literal]:
    """Yield the data's hexadecimal digits, to be found in a text in lower case."""
    yield Literal(data.hex(), SecretEncoding.HEX)


def secret_literals(value: str) -> Iterator[Literal]:
    """Yield all literals of a secret; base64 also of texts that hold it escaped, or in base64 or hexadecimal."""
    for data in byte_forms(value):
        yield from hex_literals(data)
    for inner in dict.fromkeys(
        (value, json_escaped(value), html.escape(value), quote(value, safe="", errors="replace"))
    ):
        for data in byte_forms(inner):
            yield from base64_literals(data)
    data = value.encode("utf-8", "surrogatepass")
    for packed in dict.fromkeys((b64encode(data), b64encode(data).rstrip(b"="), data.hex().encode())):
        yield from base64_literals(packed)
        yield from hex_literals(packed)


def byte_forms(value: str) -> Iterator[bytes]:
    """Yield the value's bytes in UTF-8 and, where they differ and exist, in Latin-1."""
    yield value.encode("utf-8", "surrogatepass")
    if not value.isascii():
        try:
            yield value.encode("latin-1")
        except UnicodeEncodeError:
            return


def _alphabets(core: str) -> Iterator[str]:
    yield core
    if "+" in core or "/" in core:
        yield core.replace("+", "-").replace("/", "_")
        yield core.replace("/", "\\/")
        escaped = core
        for _ in range(2):
            escaped = quote(escaped, safe="")
            yield escaped
            yield (
                escaped.replace("%2B", "%2b").replace("%2F", "%2f").replace("%252B", "%252b").replace("%252F", "%252f")
            )
        yield quote(core, safe="/")
