"""Compile an endpoint's URL template, path and query parameters to a function from a transaction to its URL."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any
from urllib.parse import quote

from rokt_export.errors import ConfigurationError
from rokt_export.redaction import OwnWords
from rokt_export.request.encodings.form import form_encoder
from rokt_export.request.parameter_values import OMIT, CompiledParameter, ParameterValues, RefusedError
from rokt_export.spec_language.filters import ABSENT, FilterError, text_of
from rokt_export.spec_language.template import Template, compile_template
from rokt_export.spec_language.template_places import TemplatePlace
from rokt_export.spec_language.urls import PLACEHOLDER, fixed_url, parse_url

_READY = re.compile(
    r"https?://[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?(?::(?:[1-9][0-9]{0,3}|[1-5][0-9]{4}))?"
    r"(?:/(?!\.)[A-Za-z0-9._~!$&'()*+,;=:@-]*)+(?:\?[A-Za-z0-9._~!$&'()*+,;=:@/?-]+)?"
)
"""URLs that requests leaves as they are."""


def url_maker(
    source: str,
    path: Sequence[CompiledParameter],
    query: Sequence[CompiledParameter],
    variables: Mapping[str, str],
    *,
    base_url: str | None,
) -> Callable[[ParameterValues], str]:
    """Return the function from a transaction to its absolute, percent-encoded URL.

    All its URLs start with one origin, which is decided here; a row fills only the rest.

    Args:
        source: the URL template; `{name}` in it is filled by the path parameter of that name.
        path: the path parameters.
        query: the query parameters.
        variables: the environment's variables.
        base_url: scheme, host and port to send to instead of the template's (a sandbox's); path and query stay.

    Raises:
        SpecError: a row might decide the host: credentials never leave the declared one.
        ConfigurationError: the filled URL is not an absolute http or https URL.
    """
    source = source.strip()
    url = fixed_url(source, variables)
    to, start = base_url or url.origin, url.start
    fill = _filled(source, path, variables)
    encode = form_encoder(query)
    if not path and not compile_template(source).varies:
        return _with_query(_prepared(to + _rest(fill({})[start:])), encode if query else None)
    gaps = _gaps(parse_url(blank_url(source, variables)).rest)

    def make(values: ParameterValues) -> str:
        rest = _rest(fill(values)[start:])
        if _gaps(rest) > gaps:
            raise RefusedError(OwnWords("a part of the URL's path is empty: a value of the row is missing there"))
        if _WANDERS.search(rest.partition("?")[0]):
            raise RefusedError(OwnWords("a part of the URL's path cannot be `.` or `..`, nor contain NUL"))
        if not rest.isascii():
            rest = quote(rest, safe=_KEPT)
        asked = encode(values)
        return f"{to}{rest}{'&' if '?' in rest else '?'}{asked}" if asked else to + rest

    return make


_KEPT = "%/?!$&'()*+,;=:@~[]"
"""Characters of a filled URL that are not encoded."""
_WANDERS = re.compile(
    r"(?:^|/|%(?:25)*(?:2f|5c))(?:\.|%(?:25)*2e){1,2}(?=$|[/;]|%(?:25)*(?:2f|5c|3b))|%(?:25)*00",
    re.IGNORECASE,
)
"""A segment `.` or `..`, or NUL, encoded once or more, because servers and proxies decode before they route."""


def _gaps(url: str) -> int:
    """Return the number of empty segments of a path."""
    path = url.partition("?")[0]
    return path.count("//") + path.endswith("/")


def _rest(text: str) -> str:
    return text if text.startswith("/") else f"/{text}"


def _with_query(constant: str, encode: Callable[[ParameterValues], str] | None) -> Callable[[ParameterValues], str]:
    if encode is None:
        return lambda _values: constant
    joint = "&" if "?" in constant else "?"

    def asked(values: ParameterValues) -> str:
        question = encode(values)
        return f"{constant}{joint}{question}" if question else constant

    return asked


def blank_url(source: str, variables: Mapping[str, str], *, base_url: str | None = None) -> str:
    """Return an endpoint's URL with `x` for whatever depends on a transaction.

    Raises:
        SpecError, ConfigurationError: as `url_maker`.
    """
    source = source.strip()
    url = fixed_url(source, variables)
    template = compile_template(PLACEHOLDER.sub("x", source), TemplatePlace.URL)
    filled = text_of(template.fill(dict.fromkeys(template.attributes, "x"), variables))
    return _prepared((base_url or url.origin) + _rest(filled[url.start :]))


def origin(url: str) -> str:
    """Return scheme, host and port of a URL that `url_maker` made."""
    return parse_url(url).origin


def _filled(
    source: str, path: Sequence[CompiledParameter], variables: Mapping[str, str]
) -> Callable[[ParameterValues], str]:
    pieces = PLACEHOLDER.split(source)
    fields = {field.name: field for field in path}
    parts: list[str | Callable[[ParameterValues], str]] = []
    for index, piece in enumerate(pieces):
        if index % 2 == 0:
            parts.append(_text(compile_template(piece, TemplatePlace.URL), variables))
        elif piece in fields:
            parts.append(_segment(fields[piece]))
        else:
            parts.append("{" + piece + "}")

    def fill(values: ParameterValues) -> str:
        return "".join([part if isinstance(part, str) else part(values) for part in parts])

    return fill


def _text(template: Template, variables: Mapping[str, str]) -> str | Callable[[ParameterValues], str]:
    """Return a piece of the URL template, as text where only variables fill it."""

    def fill(values: ParameterValues) -> str:
        try:
            text = template.fill(values, variables)
        except FilterError as error:
            raise RefusedError(f"the URL: {error}") from error
        if text is ABSENT:
            missing = ", ".join(f"`{name}`" for name in sorted(template.attributes) if name not in values)
            raise RefusedError(OwnWords(f"the URL needs {missing}, which the row does not have"))
        return text_of(text)

    if not template.varies:
        with suppress(RefusedError):  # as for any other row, then
            return fill({})
    return fill


def _segment(field: CompiledParameter) -> Callable[[ParameterValues], str]:
    """Return what fills a segment of the path from a parameter."""
    plain: Any = field.plain
    name, take = field.name, field.take

    def segment(values: ParameterValues) -> str:
        value = values.get(plain) or take(values)
        text = "" if value is OMIT else text_of(value)
        if text in ("", ".", ".."):
            raise RefusedError(f"{name}: a part of the path cannot be `{text}`")
        return quote(text, safe="")

    return segment


def _prepared(url: str) -> str:
    """Return a URL in ASCII, as requests encodes it."""
    if _READY.fullmatch(url):
        return url
    from requests.models import PreparedRequest  # it loads for long

    prepared = PreparedRequest()
    try:
        prepared.prepare_url(url, None)
    except ValueError as error:
        raise ConfigurationError(f"this is not a URL: {error}", remedy="Check `endpoint`.") from error
    return str(prepared.url)
