"""Keep a redacted body well-formed: what is hidden crosses no value of JSON, a hidden number of JSON becomes a string.

No escape of a character is cut open.
"""

from __future__ import annotations

import html
import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from enum import Enum, auto
from typing import Final, assert_never

NUMBER_MARK: Final = ":number"
"""Ends a string of JSON that stands for a number in which something is hidden."""
_TOKEN: Final = r"person-[0-9a-f]{10}(?:-[0-9a-f]{4}\b)?"
_ANY_TOKEN = re.compile(_TOKEN, re.IGNORECASE)
_BARE_LABEL = re.compile(rf"(?:^|[:,\[])\s*[\w.+-]*(?:{_TOKEN}|\$[A-Za-z_])", re.IGNORECASE)
_STRING_OR_BARE = re.compile(r'"(?:[^"\\]|\\.)*"?|[^\s,:\[\]{}"]+', re.DOTALL)
_OPENED_IN_JSON = re.compile(rf"(?<!\\)((?:\\\\)*)\\u(?={_TOKEN})", re.IGNORECASE)
_OPENED_IN_XML = re.compile(rf"&#x?({_TOKEN});", re.IGNORECASE)
_CROSSES = re.compile('[",]')
_NAME_ENDS = re.compile(r"\s*:")
_LABEL = re.compile(rf"(?:{_TOKEN}|\$[A-Za-z_]\w*)(?:{NUMBER_MARK}(?=\"))?", re.IGNORECASE)
_DECLARATION = re.compile(r"\s*<\?xml version=[\"']1\.[01][\"'][\w\s=\"'-]*\?>")


class Syntax(Enum):
    """How a text escapes characters of its own."""

    JSON = auto()
    MARKUP = auto()
    NONE = auto()


def syntax_of(text: str) -> Syntax:
    """Return the syntax of a body by how it begins: JSON is an object or an array, markup begins with `<`."""
    match text[:64].lstrip("\ufeff \t\r\n")[:1]:
        case "{" | "[":
            return Syntax.JSON
        case "<":
            return Syntax.MARKUP
        case _:
            return Syntax.NONE


def unescaped(part: str, syntax: Syntax) -> str:
    """Return a part of a body without the escapes of its syntax: other escapes in it are the partner's."""
    match syntax:
        case Syntax.JSON:
            import orjson

            try:
                return str(orjson.loads(f'"{part}"')) if "\\" in part else part
            except orjson.JSONDecodeError:
                return part
        case Syntax.MARKUP:
            return html.unescape(part)
        case Syntax.NONE:
            return part
    assert_never(syntax)


def within_values(text: str, found: Iterable[tuple[int, int, str]]) -> Iterator[tuple[int, int, str]]:
    """Yield parts of JSON that give a value away: one that spans several values of JSON, value by value.

    `["Jane","Doe"]` gives `Jane Doe` away, and stays an array of two. Of a member's name only the whole is hidden: its
    first letter belongs to no value that ends before it.

    Args:
        text: an object or an array of JSON.
        found: start and end of each part, and the value.
    """
    starts: list[int] = []
    ends: list[tuple[int, bool]] = []
    for start, end, value in found:
        if not _CROSSES.search(text, start, end):
            yield start, end, value
            continue
        if not starts:
            starts, ends = _tokens(text)
        place = max(0, bisect_right(starts, start) - 1)
        if end <= ends[place][0]:
            yield start, end, value
            continue
        while place < len(starts) and starts[place] < end:
            first, last = max(start, starts[place]), min(end, ends[place][0])
            partial = (first, last) != (starts[place], ends[place][0])
            if first < last and not (ends[place][1] and partial):
                yield first, last, value
            place += 1


def _tokens(text: str) -> tuple[list[int], list[tuple[int, bool]]]:
    """Return where each string, number and word of JSON starts and ends, with whether it is a member's name."""
    starts: list[int] = []
    ends: list[tuple[int, bool]] = []
    for token in _STRING_OR_BARE.finditer(text):
        quoted = token[0][0] == '"'
        starts.append(token.start() + quoted)
        closed = quoted and len(token[0]) > 1 and token[0][-1] == '"'
        ends.append((token.end() - closed, quoted and _NAME_ENDS.match(text, token.end()) is not None))
    return starts, ends


def well_formed(redacted: str, original: str, *, json: bool = False, secrets: bool = False) -> str:
    """Return a redacted text that a reader of JSON or XML reads as it reads the original.

    Args:
        redacted: the text with tokens and names of secrets.
        original: the text as it was.
        json: whether its content type calls it JSON; else only an object or an array is JSON.
        secrets: quote the names of secrets too; in a request they stand as a shell fills them in.
    """
    start = original[:64].lstrip("\ufeff \t\r\n")[:1]
    if json or start in ("{", "["):
        if "\\u" in redacted and _ANY_TOKEN.search(redacted):
            redacted = _OPENED_IN_JSON.sub(r"\1", redacted)
        if not _BARE_LABEL.search(redacted):
            return redacted
        return _STRING_OR_BARE.sub(lambda found: _quoted(found[0], secrets), redacted)
    if start == "<" and _ANY_TOKEN.search(redacted):
        redacted = _OPENED_IN_XML.sub(r"\1", redacted)
        declaration = _DECLARATION.match(original)
        if declaration and redacted.lstrip().startswith("<?xml") and "?>" in redacted:
            redacted = declaration[0] + redacted[redacted.index("?>") + 2 :]
    return redacted


def without_labels(text: str) -> str:
    """Return a redacted text for people who know no tokens: `…` in place of each token and each secret's name."""
    return _LABEL.sub("…", text)


def _quoted(part: str, secrets: bool) -> str:
    if part[0] == '"' or not (_ANY_TOKEN.search(part) or (secrets and "$" in part)):
        return part
    return f'"{part}{NUMBER_MARK}"'
