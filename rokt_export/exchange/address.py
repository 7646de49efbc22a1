"""Turn an endpoint's URL template, path and query parameters into a function from a transaction to its URL."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from urllib.parse import quote, urlsplit

from requests.models import PreparedRequest

from rokt_export.errors import ConfigurationError, SpecError
from rokt_export.exchange.carrying import OMIT, Carrier, RefusedError, Values
from rokt_export.exchange.pairs import form_encoder
from rokt_export.spec.filters import ABSENT, FilterError, text_of
from rokt_export.spec.template import Place, compile_template

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
    fill = _filled(source, path, variables)
    sample = _checked(source, variables)
    prefix = _origin(sample)
    encode = form_encoder(query)

    def make(values: Values) -> str:
        url = fill(values)
        if base_url is not None:
            url = base_url + url[len(prefix) :]
        asked = encode(values)
        return f"{url}{'&' if '?' in url else '?'}{asked}" if asked else url

    varying = path or compile_template(source).attributes
    if varying:
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
    templates = [compile_template(piece, Place.URL) for piece in pieces[::2]]
    between = [carriers.get(name) for name in pieces[1::2]]
    names = pieces[1::2]

    def fill(values: Values) -> str:
        url = ""
        for index, template in enumerate(templates):
            try:
                text = template.fill(values, variables)
            except FilterError as error:
                raise RefusedError(f"the URL: {error}") from error
            if text is ABSENT:
                missing = ", ".join(f"`{name}`" for name in sorted(template.attributes) if name not in values)
                raise RefusedError(f"the URL needs {missing}, which the row does not have")
            url += text_of(text)
            if index < len(between):
                url += _segment(between[index], names[index], values)
        return url

    return fill


def _segment(carrier: Carrier | None, name: str, values: Values) -> str:
    if carrier is None:
        return "{" + name + "}"
    value = carrier.take(values)
    text = "" if value is OMIT else text_of(value)
    if text in ("", ".", ".."):
        raise RefusedError(f"{name}: a part of the path cannot be `{text}`")
    return quote(text, safe="")


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
    prepared = PreparedRequest()
    try:
        prepared.prepare_url(url, None)
    except ValueError as error:
        raise ConfigurationError(f"this is not a URL: {error}", remedy="Check `endpoint`.") from error
    return str(prepared.url)
