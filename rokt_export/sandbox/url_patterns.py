"""Read filled templates back: turn a URL or text template into what tells whether a text is one of its fillings."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from rokt_export.spec_language.encodings import form_fields
from rokt_export.spec_language.filters import text_of
from rokt_export.spec_language.template import compile_template
from rokt_export.spec_language.template_places import Place, TemplateProblem

_EXPRESSION = re.compile(r"(\{\{.*?\}\}|(?<!\{)\{[\w.-]+\}(?!\}))", re.DOTALL)
_TEXT_EXPRESSION = re.compile(r"(\{\{.*?\}\})", re.DOTALL)
_MARK = re.compile("\ue000(\\d+)\ue001")  # private use: stands for an expression while the URL is taken apart


def fill(template: str, variables: Mapping[str, str], place: Place = Place.VALUE) -> str:
    """Return a template that names environment variables alone, filled.

    Raises:
        KeyError: it names a variable that is not there.
    """
    return text_of(compile_template(template, place).fill({}, variables))


@dataclass(frozen=True, slots=True)
class Pattern:
    """A text with gaps.

    Attributes:
        regex: matches a filling; one group per gap.
        gaps: the name of each gap: an attribute, a path parameter, or nothing where it is neither.
    """

    regex: re.Pattern[str]
    gaps: tuple[str, ...]

    def read(self, text: str) -> dict[str, str] | None:
        """Return what stands in the named gaps, None where the text is no filling."""
        match = self.regex.fullmatch(text)
        if match is None:
            return None
        return {name: value for name, value in zip(self.gaps, match.groups(), strict=True) if name}


def text_pattern(template: str, variables: Mapping[str, str]) -> Pattern | None:
    """Return the pattern of a whole body's template; None where it has more than expressions (`{% if … %}`)."""
    if "{%" in template or "{#" in template:
        return None
    text, gaps = _marked(template, variables, _TEXT_EXPRESSION)
    return Pattern(_regex(_split(text), ".*?"), gaps)


class EndpointUrl:
    """Where the endpoint is: a path with gaps, and the query that the URL itself has."""

    def __init__(self, template: str, variables: Mapping[str, str]) -> None:
        text, self._gaps = _marked(template, variables, _EXPRESSION)
        url = urlsplit(text)
        self._segments = [self._segment(part) for part in (url.path or "/").split("/")]
        self.literal = None if _MARK.search(url.path) else url.path or "/"
        """The path, where every request has the same."""
        self.shown = _MARK.sub(lambda mark: "{" + (self._gaps[int(mark[1])] or "…") + "}", url.path or "/")
        """The path for a person, its gaps as `{name}`."""
        self.query = {
            name: None if _MARK.search(values[0]) else values[0] for name, values in form_fields(url.query).items()
        }
        """Name to value of the URL's own query; None where the value varies."""

    def match(self, path: str) -> dict[str, str] | None:
        """Return what stands in a path's gaps, None where it is another path.

        Args:
            path: percent-encoded, as on the request line.
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

    def _segment(self, part: str) -> Pattern:
        names = tuple(self._gaps[int(mark)] for mark in _MARK.findall(part))
        pieces = [piece if at % 2 else unquote(piece) for at, piece in enumerate(_split(part))]
        return Pattern(_regex(pieces, ".+?"), names)


def _marked(template: str, variables: Mapping[str, str], expression: re.Pattern[str]) -> tuple[str, tuple[str, ...]]:
    """Return a template with variables filled in and a mark for each gap, and the gaps' names."""
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
        template = compile_template(expression, Place.URL)
    except TemplateProblem:
        return None
    dynamic = template.attributes or re.search(r"\b(?:now|uuid|attributes)\b", expression)
    return None if dynamic else text_of(template.fill({}, variables))


def _gap(expression: str) -> str:
    if not expression.startswith("{{"):
        return expression.strip("{}")
    try:
        attributes = compile_template(expression, Place.URL).attributes
    except TemplateProblem:
        return ""
    return next(iter(attributes)) if len(attributes) == 1 else ""


def _split(text: str) -> list[str]:
    """Return a marked text as literals with the marks between them."""
    return re.split("(\ue000\\d+\ue001)", text)


def _regex(pieces: list[str], gap: str) -> re.Pattern[str]:
    """The expression of literals with gaps between: a gap ends where the next literal first stands.

    All gaps but the last are atomic, so that a text that does not match is found so in one go over it.
    """
    literals = [re.escape(literal) for literal in pieces[::2]]
    inner = "".join(f"(?>({gap}){literal})" if literal else f"({gap})" for literal in literals[1:-1])
    last = f"({gap}){literals[-1]}" if len(literals) > 1 else ""
    return re.compile(literals[0] + inner + last, re.DOTALL)
