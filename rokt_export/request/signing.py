"""Sign a request: add credentials that depend on the request or the clock, as `requests.PreparedRequest`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from requests.models import PreparedRequest

from rokt_export.exchange.model import Request
from rokt_export.spec_language.filters import text_of

if TYPE_CHECKING:
    from rokt_export.authentication.base import Sign


def signed(request: Request, signs: tuple[Sign, ...]) -> Request:
    """Return a signed request; headers keep their order and repeat a name as given, new ones follow."""
    if not signs:
        return request
    before = _first(request)
    prepared = _prepared(request, before)
    for sign in signs:
        prepared = sign(prepared)
    body = prepared.body.encode() if isinstance(prepared.body, str) else prepared.body
    return Request(str(prepared.method), str(prepared.url), _headers(request, before, prepared.headers), body)


def _first(request: Request) -> dict[str, tuple[str, str]]:
    """Return the first header of each name, by its name in lower case."""
    first: dict[str, tuple[str, str]] = {}
    for header in request.headers:
        first.setdefault(header[0].lower(), header)
    return first


def _prepared(request: Request, first: Mapping[str, tuple[str, str]]) -> PreparedRequest:
    """Return a request as `requests.PreparedRequest`, for authentication plug-ins: of a repeated header, the first."""
    prepared = PreparedRequest()
    prepared.method = request.method
    prepared.url = request.url
    prepared.prepare_headers(dict(first.values()))
    prepared.body = request.body
    prepared.hooks = {"response": []}
    return prepared


def _headers(
    request: Request, before: Mapping[str, tuple[str, str]], after: Mapping[str, str]
) -> tuple[tuple[str, str], ...]:
    """Return a request's own headers with only what `after` changes, removes or adds to `before`.

    A header that is set replaces every one of its name, because `requests` holds one value for a name.
    """
    left = {name.lower(): (name, text_of(value)) for name, value in after.items()}
    kept: list[tuple[str, str]] = []
    for header in request.headers:
        lower = header[0].lower()
        if lower in left and left[lower][1] == before[lower][1]:
            kept.append(header)
        elif lower in left:
            kept.append(left.pop(lower))
    return (*kept, *(header for lower, header in left.items() if lower not in before))
