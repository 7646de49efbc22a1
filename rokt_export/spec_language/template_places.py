"""Where the text of a template is used: how values are escaped there, and how its parts are joined."""

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
"""Takes a transaction's values and the environment variables; returns the rendered value."""


EXPRESSION = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", re.DOTALL)
"""An expression, statement or comment of a template."""


class TemplateProblem(ValueError):
    """A template does not compile; the message says why.

    Attributes:
        remedy: what to write instead.
    """

    def __init__(
        self, message: str, remedy: str = "Write `{{ attribute | filter }}`; `rokt-export attributes` lists both."
    ) -> None:
        super().__init__(message)
        self.remedy = remedy


class TemplatePlace(StrEnum):
    """Where a text is used, which determines how values are escaped."""

    VALUE = "value"
    URL = "url"
    HEADER = "header"
    PARTS = "parts"
    JSON = "json"
    XML = "xml"
    TEXT = "text"


BODIES = frozenset({TemplatePlace.JSON, TemplatePlace.XML, TemplatePlace.TEXT})
"""Whole bodies: an absent attribute is empty text. Elsewhere it makes the whole value absent."""


def _header(text: str) -> str:
    if any(sign in text for sign in "\r\n\0"):
        raise FilterError("a header cannot contain a line break")
    return text


def _part_of_header(text: str) -> str:
    """Check that a value does not start another part of a cookie or of a header with separators."""
    if found := next((sign for sign in text if sign in ';,"\\'), None):
        raise FilterError(f"a part of this header cannot contain `{found}`")
    return _header(text)


ESCAPES: Mapping[TemplatePlace, Callable[[str], str]] = {
    TemplatePlace.VALUE: str,
    TemplatePlace.TEXT: str,
    TemplatePlace.URL: lambda text: quote(text, safe=""),
    TemplatePlace.HEADER: _header,
    TemplatePlace.PARTS: _part_of_header,
    TemplatePlace.JSON: lambda text: json.dumps(text, ensure_ascii=False)[1:-1],
    TemplatePlace.XML: lambda text: html.escape(text).replace("&#x27;", "&apos;"),
}


class OperatorText(str):
    """A variable's value in a URL or in parts of a header: the operator's own text, which is not escaped."""

    __slots__ = ()


AS_IS: Mapping[TemplatePlace, type[str]] = {
    TemplatePlace.JSON: Raw,
    TemplatePlace.URL: OperatorText,
    TemplatePlace.PARTS: OperatorText,
}
"""The type of values that are not escaped at a place."""


def attribute_fill(name: str) -> Fill:
    """Return a function that returns an attribute's value."""
    return lambda values, _env: values.get(name, ABSENT)


def variable_fill(name: str, place: TemplatePlace) -> Fill:
    """Return a function that returns the value of an environment variable."""
    if AS_IS.get(place) is OperatorText:
        return lambda _values, env: OperatorText(env[name])
    return lambda _values, env: env[name]


def joined(parts: list[str | Fill], place: TemplatePlace) -> Fill:
    """Return a function that fills the parts and joins them as text; the value of a single part keeps its type."""
    if len(parts) == 1 and callable(parts[0]) and place is TemplatePlace.VALUE:
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
    """Return each expression with the text before it, and the text after the last expression."""
    pieces, text = [], ""
    for part in parts:
        if isinstance(part, str):
            text += part
        else:
            pieces.append((text, part))
            text = ""
    return pieces, text
