"""Turn an endpoint's URL template, path and query parameters into a function from a transaction to its URL."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any
from urllib.parse import quote, urlsplit

from rokt_export.errors import ConfigurationError, SpecError
from rokt_export.exchange.carrying import OMIT, Carrier, RefusedError, Values
from rokt_export.exchange.pairs import form_encoder
from rokt_export.redaction import OwnWords
from rokt_export.spec.filters import ABSENT, FilterError, text_of
from rokt_export.spec.template import Place, Template, compile_template

_READY = re.compile(
    r"https?://[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?(?::(?:[1-9][0-9]{0,3}|[1-5][0-9]{4}))?"
    r"(?:/(?!\.)[A-Za-z0-9._~!$&'()*+,;=:@-]*)+(?:\?[A-Za-z0-9._~!$&'()*+,;=:@/?-]+)?"
)
"""URLs that requests leaves as they are."""
_PLACEHOLDER = re.compile(r"(?<!\{)\{([A-Za-z_][\w.-]*)\}(?!\})")


def url_maker(
    source: str,
    path: Sequence[Carrier],
    query: Sequence[Carrier],
    variables: Mapping[str, str],
    *,
    base_url: str | None = None,
) -> Callable[[Values], str]:
    """Return the function from a transaction to its absolute, percent-encoded URL.

    Args:
        source: the URL template; `{name}` in it is filled by the path parameter of that name.
        path: the path parameters.
        query: the query parameters.
        variables: the environment's variables.
        base_url: scheme, host and port to send to instead of the template's (a sandbox's); path and query stay.

    Raises:
        SpecError: an attribute decides the host: credentials never leave the declared one.
        ConfigurationError: the filled URL is not an absolute http or https URL.
    """
    prefix = _origin(_checked(source, variables))
    fill = _filled(source, path, variables)
    encode = form_encoder(query)

    def make(values: Values) -> str:
        url = fill(values)
        if base_url is not None:
            url = base_url + url[len(prefix) :]
        asked = encode(values)
        return f"{url}{'&' if '?' in url else '?'}{asked}" if asked else url

    if path or compile_template(source).varies:
        return make
    constant = _prepared(fill({}) if base_url is None else base_url + fill({})[len(prefix) :])
    if not query:
        return lambda _values: constant
    joint = "&" if "?" in constant else "?"

    def asked(values: Values) -> str:
        question = encode(values)
        return f"{constant}{joint}{question}" if question else constant

    return asked


def blank_url(source: str, variables: Mapping[str, str], *, base_url: str | None = None) -> str:
    """Return an endpoint's URL with `x` for whatever depends on a transaction.

    Raises:
        SpecError, ConfigurationError: as `url_maker`.
    """
    url = _checked(source, variables)
    return _prepared(url if base_url is None else base_url + url[len(_origin(url)) :])


def origin(url: str) -> str:
    """Return scheme, host and port of a URL, as written."""
    return _origin(url)


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _filled(source: str, path: Sequence[Carrier], variables: Mapping[str, str]) -> Callable[[Values], str]:
    pieces = _PLACEHOLDER.split(source)
    carriers = {carrier.name: carrier for carrier in path}
    parts: list[str | Callable[[Values], str]] = []
    for index, piece in enumerate(pieces):
        if index % 2 == 0:
            parts.append(_text(compile_template(piece, Place.URL), variables))
        elif piece in carriers:
            parts.append(_segment(carriers[piece]))
        else:
            parts.append("{" + piece + "}")

    def fill(values: Values) -> str:
        return "".join([part if isinstance(part, str) else part(values) for part in parts])

    return fill


def _text(template: Template, variables: Mapping[str, str]) -> str | Callable[[Values], str]:
    """A piece of the URL's template: text at once where only variables fill it."""

    def fill(values: Values) -> str:
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


def _segment(carrier: Carrier) -> Callable[[Values], str]:
    """A part of the path that a parameter fills."""
    plain: Any = carrier.plain
    name, take = carrier.name, carrier.take

    def segment(values: Values) -> str:
        value = values.get(plain) or take(values)
        text = "" if value is OMIT else text_of(value)
        if text in ("", ".", ".."):
            raise RefusedError(f"{name}: a part of the path cannot be `{text}`")
        return quote(text, safe="")

    return segment


def _checked(source: str, variables: Mapping[str, str]) -> str:
    """The URL as far as it does not depend on a transaction, looked at once before any is sent."""
    head = re.match(r"\s*(?:[^{/]|\{\{.*?\}\}|/(?=/)|(?<=/)/)*", source)
    attributes = compile_template(head[0] if head else "", Place.URL).attributes
    if attributes:
        raise SpecError(
            f"the endpoint's host depends on {', '.join(f'`{name}`' for name in sorted(attributes))}",
            remedy="Write the host out, or take it from `{{ env.NAME }}`: credentials never leave the declared host.",
        )
    blind = dict.fromkeys(compile_template(_PLACEHOLDER.sub("x", source), Place.URL).attributes, "x")
    filled = text_of(compile_template(_PLACEHOLDER.sub("x", source), Place.URL).fill(blind, variables))
    if not _is_absolute(filled):
        raise ConfigurationError(
            "the endpoint is not an absolute http or https URL",
            where=source,
            remedy="Start it with https:// and the host; check the variables it names.",
        )
    parts = urlsplit(filled)
    if parts.username is not None:
        raise SpecError(
            "the endpoint's URL holds credentials",
            remedy="Use `authentication: {type: basic, …}` with `{{ env.NAME }}`.",
        )
    return filled


def _is_absolute(url: str) -> bool:
    try:
        parts = urlsplit(url)
        _prepared(url)
        return parts.scheme.lower() in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except (ValueError, ConfigurationError):
        return False


def _prepared(url: str) -> str:
    """The URL as requests sends it: international names and whatever must be percent-encoded in ASCII."""
    if _READY.fullmatch(url):
        return url
    from requests.models import PreparedRequest  # it loads for long

    prepared = PreparedRequest()
    try:
        prepared.prepare_url(url, None)
    except ValueError as error:
        raise ConfigurationError(f"this is not a URL: {error}", remedy="Check `endpoint`.") from error
    return str(prepared.url)
