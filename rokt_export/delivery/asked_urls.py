"""The URL of one job or record: a path of the spec with what the partner captured, never at an undeclared host."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from typing import Any
from urllib.parse import quote

from rokt_export.spec_language.filters import ABSENT, FilterError, text_of
from rokt_export.spec_language.template import compile_template
from rokt_export.spec_language.template_places import TemplatePlace
from rokt_export.spec_language.urls import PLACEHOLDER, parse_url

_TOKEN = re.compile(r"person-[0-9a-f]{10}|\$[A-Z_]+")
"""What redaction leaves of a person's value or of a secret."""


class GuardedUrlError(ValueError):
    """The URL belongs to a guarded environment, to which the run was not confirmed."""


def asked_url(
    source: str,
    captured: Mapping[str, str],
    *,
    variables: Mapping[str, str],
    origin: str,
    base_url: str | None,
    guard: Callable[[str], str],
    values: Mapping[str, Any] | None = None,
    hosts: Collection[str] = (),
) -> str:
    """Return the absolute URL to ask at.

    Args:
        source: a path with `{reference}` or `{code}` and templates; or one capture that is the whole URL.
        captured: `reference` and `code`, as far as the response had them.
        variables: values of the environment's variables.
        origin: scheme, host and port of the endpoint.
        base_url: those of a sandbox that is asked instead.
        guard: from a URL to the guarded environment that it belongs to, or nothing (`target.guard_of`).
        values: the row's, where the path has attributes.
        hosts: hosts beside the endpoint's to which a captured URL may lead.

    Raises:
        ValueError: a capture or an attribute is missing, or the URL leads to a host that the spec does not allow; the
            message says so.
        GuardedUrlError: it belongs to a guarded environment.
    """
    url = _filled_url(source, captured, variables, origin, base_url, values or {}, hosts)
    if base_url is None and (guarded := guard(url)):
        raise GuardedUrlError(f"its URL belongs to {guarded}, which is guarded: nothing was asked there")
    return url


def blank_asked_url(source: str, variables: Mapping[str, str], origin: str) -> str | None:
    """Return the URL with `0` for each capture and attribute; None where the partner's response decides all of it."""
    if _is_whole(PLACEHOLDER.split(source)):
        return None
    names = {name for piece in PLACEHOLDER.split(source)[::2] for name in compile_template(piece).attributes}
    blanks = dict.fromkeys(("reference", "code"), "0")
    return _filled_url(source, blanks, variables, origin, None, dict.fromkeys(names, "0"), ())


def _filled_url(
    source: str,
    captured: Mapping[str, str],
    variables: Mapping[str, str],
    origin: str,
    base_url: str | None,
    values: Mapping[str, Any],
    hosts: Collection[str],
) -> str:
    pieces = PLACEHOLDER.split(source)
    for name in pieces[1::2]:
        value = captured.get(name)
        if not value:
            raise ValueError(f"the response had no {name} to ask with")
        if _TOKEN.search(value) or value.endswith("…"):
            raise ValueError(f"the journal does not keep this {name} whole: it holds personal data, or is too long")
    if _is_whole(pieces):
        return _captured_url(captured[pieces[1]], origin, base_url, hosts)
    parts = [
        _segment(captured[piece]) if at % 2 else _filled(piece, values, variables) for at, piece in enumerate(pieces)
    ]
    return (base_url or origin) + "".join(parts)


def _is_whole(pieces: list[str]) -> bool:
    """Whether one capture is the whole URL."""
    return len(pieces) == 3 and pieces[::2] == ["", ""]


def _filled(piece: str, values: Mapping[str, Any], variables: Mapping[str, str]) -> str:
    try:
        filled = compile_template(piece, TemplatePlace.URL).fill(values, variables)
    except FilterError as error:
        raise ValueError(str(error)) from error
    if filled is ABSENT:
        raise ValueError("the row has no value for an attribute of the URL")
    return text_of(filled)


def _segment(text: str) -> str:
    if text in (".", ".."):
        raise ValueError(f"`{text}` cannot be a part of a path")
    return quote(text, safe="")


def _captured_url(text: str, origin: str, base_url: str | None, hosts: Collection[str]) -> str:
    if text.startswith("/") and not text.startswith("//"):
        text = origin + text
    try:
        url = parse_url(text)
    except ValueError as error:
        raise ValueError(f"`{text}` is not a URL: {error}") from error
    rest = quote(url.rest, safe="%/?!$&'()*+,;=:@~[]")
    if base_url is not None:
        return base_url + rest
    trusted = url.scheme == "https" or origin.startswith("http:")
    if url.origin != origin and not (trusted and url.origin.partition("://")[2] in hosts):
        raise ValueError(
            f"the partner names {url.origin}, which is not the endpoint's host: nothing was asked there; "
            "`confirmation: {hosts: […]}` allows a host, which then receives the credentials"
        )
    return url.origin + rest
