"""Matches texts against URL and text templates, and extracts the values of their expressions."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import unquote, urlsplit

from msgspec import Struct

from rokt_export.spec_language.encodings import form_fields
from rokt_export.spec_language.filters import text_of
from rokt_export.spec_language.template import compile_template
from rokt_export.spec_language.template_places import TemplatePlace, TemplateProblem

_EXPRESSION = re.compile(r"(\{\{.*?\}\}|(?<!\{)\{[\w.-]+\}(?!\}))", re.DOTALL)
_TEXT_EXPRESSION = re.compile(r"(\{\{.*?\}\})", re.DOTALL)
_MARK = re.compile("\ue000(\\d+)\ue001")  # a private-use character that replaces an expression while the URL is parsed


def fill(template: str, variables: Mapping[str, str], place: TemplatePlace = TemplatePlace.VALUE) -> str:
    """Render a template that uses only environment variables.

    Raises:
        KeyError: it uses a variable that is not set.
    """
    return text_of(compile_template(template, place).fill({}, variables))


class UrlPattern(Struct, frozen=True):
    """A pattern of a template's text, with a gap for each expression.

    Attributes:
        regex: matches a rendered text; one group per gap.
        gaps: the name of each gap: an attribute or a path parameter; empty for any other expression.
    """

    regex: re.Pattern[str]
    gaps: tuple[str, ...]

    def read(self, text: str) -> dict[str, str] | None:
        """Return name to text of the named gaps; None if the text does not match."""
        match = self.regex.fullmatch(text)
        if match is None:
            return None
        return {name: value for name, value in zip(self.gaps, match.groups(), strict=True) if name}


def text_pattern(template: str, variables: Mapping[str, str]) -> UrlPattern | None:
    """Return the pattern of a body's template; None if it has statements (`{% if … %}`)."""
    if "{%" in template or "{#" in template:
        return None
    text, gaps = _marked(template, variables, _TEXT_EXPRESSION)
    return UrlPattern(_regex(_split(text), ".*?"), gaps)


class EndpointUrl:
    """The URL of the endpoint: a path with gaps, and the URL's own query."""

    def __init__(self, template: str, variables: Mapping[str, str]) -> None:
        text, self._gaps = _marked(template, variables, _EXPRESSION)
        url = urlsplit(text)
        self._segments = [self._segment(part) for part in (url.path or "/").split("/")]
        self.literal = None if _MARK.search(url.path) else url.path or "/"
        """The path, if it is the same for every request; else None."""
        self.shown = _MARK.sub(lambda mark: "{" + (self._gaps[int(mark[1])] or "…") + "}", url.path or "/")
        """The path for a person, with gaps as `{name}`."""
        self.query = {
            name: None if _MARK.search(values[0]) else values[0] for name, values in form_fields(url.query).items()
        }
        """Name to value of the URL's own query; None for a value that varies."""

    def match(self, path: str) -> dict[str, str] | None:
        """Return name to text of a path's gaps; None if the path does not match.

        Args:
            path: percent-encoded, as in the request line.
        """
        if path == self.literal:
            return {}
        given = path.split("/")
        if len(given) != len(self._segments):
            return None
        values: dict[str, str] = {}
        for pattern, segment in zip(self._segments, given, strict=True):
            found = pattern.read(unquote(segment))
            if found is None:
                return None
            values |= found
        return values

    def _segment(self, part: str) -> UrlPattern:
        names = tuple(self._gaps[int(mark)] for mark in _MARK.findall(part))
        pieces = [piece if at % 2 else unquote(piece) for at, piece in enumerate(_split(part))]
        return UrlPattern(_regex(pieces, ".+?"), names)


def _marked(template: str, variables: Mapping[str, str], expression: re.Pattern[str]) -> tuple[str, tuple[str, ...]]:
    """Return a template with variables rendered and a mark for each gap, and the names of the gaps."""
    text = ""
    gaps: list[str] = []
    for at, part in enumerate(expression.split(template)):
        filled = _filled(part, variables) if at % 2 else part
        if filled is None:
            text += f"\ue000{len(gaps)}\ue001"
            gaps.append(_gap(part))
        else:
            text += filled
    return text, tuple(gaps)


def _filled(expression: str, variables: Mapping[str, str]) -> str | None:
    if not expression.startswith("{{"):
        return None
    try:
        template = compile_template(expression, TemplatePlace.URL)
    except TemplateProblem:
        return None
    dynamic = template.attributes or re.search(r"\b(?:now|uuid|attributes)\b", expression)
    return None if dynamic else text_of(template.fill({}, variables))


def _gap(expression: str) -> str:
    if not expression.startswith("{{"):
        return expression.strip("{}")
    try:
        attributes = compile_template(expression, TemplatePlace.URL).attributes
    except TemplateProblem:
        return ""
    return next(iter(attributes)) if len(attributes) == 1 else ""


def _split(text: str) -> list[str]:
    """Split a marked text into literals and marks."""
    return re.split("(\ue000\\d+\ue001)", text)


def _regex(pieces: list[str], gap: str) -> re.Pattern[str]:
    """Return the regular expression of literals with gaps, each of which ends at the next literal's first occurrence.

    All gaps but the last are atomic, so that a text without a match fails in a single pass.
    """
    literals = [re.escape(literal) for literal in pieces[::2]]
    inner = "".join(f"(?>({gap}){literal})" if literal else f"({gap})" for literal in literals[1:-1])
    last = f"({gap}){literals[-1]}" if len(literals) > 1 else ""
    return re.compile(literals[0] + inner + last, re.DOTALL)
