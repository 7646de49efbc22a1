"""Make text that is not our own harmless where it is written: one function for each medium; cut it to a length.

A partner's answer, a cell, a file's name or a spec's title may hold characters that steer a terminal, turn the
direction of a line, or cannot be seen. They are written as the escape that names them (`\\x1b`, `\\u202e`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from html import escape
from typing import Any

_HIDDEN = (
    "\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
"""DEL, C1, and what Unicode calls default-ignorable: bidi marks, zero-width characters, variation selectors, tags."""
_IN_JSON = re.compile(f"[{_HIDDEN}]")
_SURROGATE = re.compile("[\ud800-\udfff]")
STEERING = re.compile(f"[\x00-\x08\x0b-\x1f{_HIDDEN}\ud800-\udfff]")
"""A character that a terminal acts on or a person cannot see; a line feed and a tab are none."""
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
_MARKDOWN = str.maketrans({sign: f"\\{sign}" for sign in "\\`*_[]<>|~&"})
"""What Markdown would act on: a partner's text must not become an image, HTML or another column."""


def visible(text: str) -> str:
    """Return text of several lines for a terminal or a page: steering and invisible characters as their escapes."""
    return STEERING.sub(_escape, text.replace("\r\n", "\n")) if STEERING.search(text) else text


def one_line(text: str) -> str:
    """Return text for one line: as `visible`, any line break and run of blanks as one blank."""
    return visible(" ".join(text.split()))


def markdown(text: str) -> str:
    """Return text as Markdown that shows it, on one line."""
    return one_line(text).translate(_MARKDOWN)


def html(text: str) -> str:
    """Return text as HTML or XML that shows it."""
    return escape(visible(text))


def csv_cell(value: object) -> object:
    """Return a cell that no spreadsheet takes for a formula (OWASP, "CSV Injection"); numbers stay numbers."""
    if not isinstance(value, str):
        return value
    return visible(f"'{value}" if value.lstrip(" ").startswith(_FORMULA_STARTS) else value)


def json_text(data: Any, *, indent: bool = False) -> str:
    """Return data as JSON without a line end: the same values, with hidden characters as `\\u` escapes."""
    import orjson

    return escaped_json(_dumped(data, orjson.OPT_INDENT_2 if indent else None).decode())


def escaped_json(document: str) -> str:
    """Return a JSON document that holds the same values, with hidden characters as `\\u` escapes."""
    return _IN_JSON.sub(_json_escape, document)


def page_json(data: Any) -> bytes:
    """Return data as JSON for a page's script: hidden characters are written as `visible` shows them."""
    return _IN_JSON.sub(lambda found: "\\" + _escape(found), _dumped(data).decode()).encode()


def _dumped(data: Any, option: int | None = None) -> bytes:
    """Return data as JSON; a lone surrogate, which UTF-8 cannot hold, is written as `visible` shows it."""
    import orjson

    try:
        return orjson.dumps(data, option=option)
    except TypeError:  # a text with a lone surrogate: a partner's answer may hold one
        return orjson.dumps(_without_surrogates(data), option=option)


def _without_surrogates(data: Any) -> Any:
    match data:
        case str():
            return _SURROGATE.sub(_escape, data)
        case dict():
            return {_without_surrogates(key): _without_surrogates(value) for key, value in data.items()}
        case list() | tuple():
            return [_without_surrogates(value) for value in data]
        case _:
            return data


def _escape(found: re.Match[str]) -> str:
    code = ord(found[0])
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _json_escape(found: re.Match[str]) -> str:
    units = found[0].encode("utf-16-be")
    return "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2))


class OwnWords(str):
    """A text of ours alone, and of names in the spec: hiding a person called `Is` must not take the `is` out of it."""

    __slots__ = ()

    @staticmethod
    def joined(texts: Iterable[str], separator: str) -> str:
        """Return texts as one, which is our own if all of them are."""
        parts = list(texts)
        together = separator.join(parts)
        return OwnWords(together) if all(isinstance(part, OwnWords) for part in parts) else together


KEPT = 65_536
"""Characters that a text keeps until it is redacted, where its length is not known to be small."""
MOST_SHOWN = 500
"""Characters of a reason, a reference or an error that are kept and shown."""


def cut(text: str, most: int = MOST_SHOWN) -> str:
    """Return a text with an ellipsis in place of what is longer than `most` characters.

    Redact it first: half a secret is no longer found.
    """
    return text if len(text) <= most else text[: most - 1] + "…"
