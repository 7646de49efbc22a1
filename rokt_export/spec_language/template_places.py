"""Where a template's text goes: how a value is escaped there, and how the parts of a template are joined."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any
from urllib.parse import quote

from rokt_export.spec_language.filters import ABSENT, MOST_TEXT, FilterError, Raw, checked_length, text_of

Values = Mapping[str, Any]
Fill = Callable[[Values, Mapping[str, str]], Any]
"""From a transaction's values and the environment's variables to the filled value."""


EXPRESSION = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", re.DOTALL)
"""An expression, statement or comment in template text."""


class TemplateProblem(ValueError):
    """A template that does not compile; the message says why and what to write instead."""


class Place(StrEnum):
    """Where the text goes, which decides how values are escaped in it."""

    VALUE = "value"
    URL = "url"
    HEADER = "header"
    PARTS = "parts"
    JSON = "json"
    XML = "xml"
    TEXT = "text"


BODIES = frozenset({Place.JSON, Place.XML, Place.TEXT})
"""Whole bodies, where an absent attribute is empty text; anywhere else it makes the whole value absent."""


def _header(text: str) -> str:
    if any(sign in text for sign in "\r\n\0"):
        raise FilterError("a header cannot hold a line break")
    return text


def _part_of_header(text: str) -> str:
    """Refuse what would begin another part of a cookie, or of a header with separators of its own."""
    if found := next((sign for sign in text if sign in ';,"\\'), None):
        raise FilterError(f"a part of this header cannot hold `{found}`")
    return _header(text)


ESCAPES: Mapping[Place, Callable[[str], str]] = {
    Place.VALUE: str,
    Place.TEXT: str,
    Place.URL: lambda text: quote(text, safe=""),
    Place.HEADER: _header,
    Place.PARTS: _part_of_header,
    Place.JSON: lambda text: json.dumps(text, ensure_ascii=False)[1:-1],
    Place.XML: lambda text: html.escape(text).replace("&#x27;", "&apos;"),
}


class Trusted(str):
    """An environment variable in a URL or in a header's parts: the operator's own text, which is not escaped."""

    __slots__ = ()


AS_IS: Mapping[Place, type[str]] = {Place.JSON: Raw, Place.URL: Trusted, Place.PARTS: Trusted}
"""Values that need no escape at a place."""


def attribute_fill(name: str) -> Fill:
    """Return what takes an attribute's value."""
    return lambda values, _env: values.get(name, ABSENT)


def variable_fill(name: str, place: Place) -> Fill:
    """Return what takes the value of an environment variable."""
    if AS_IS.get(place) is Trusted:
        return lambda _values, env: Trusted(env[name])
    return lambda _values, env: env[name]


def joined(parts: list[str | Fill], place: Place) -> Fill:
    """Return what fills parts and joins them as text; a lone value keeps its type."""
    if len(parts) == 1 and callable(parts[0]) and place is Place.VALUE:
        return parts[0]
    pieces, rest = _pieces(parts)
    escape, as_is = ESCAPES[place], AS_IS.get(place, ())
    whole = place in BODIES

    def fill(values: Values, env: Mapping[str, str]) -> Any:
        text = ""
        for before, part in pieces:
            value = part(values, env)
            if value is not ABSENT:
                text += before + (value if isinstance(value, as_is) else escape(text_of(value)))
                if len(text) > MOST_TEXT:
                    checked_length(len(text))
            elif whole:
                text += before
            else:
                return ABSENT
        return text + rest

    return fill


def _pieces(parts: list[str | Fill]) -> tuple[list[tuple[str, Fill]], str]:
    """Each expression with the text before it, and the text after the last."""
    pieces, text = [], ""
    for part in parts:
        if isinstance(part, str):
            text += part
        else:
            pieces.append((text, part))
            text = ""
    return pieces, text
