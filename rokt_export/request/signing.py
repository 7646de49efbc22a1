"""Sign a request: add credentials that depend on the request or the clock, as `requests.PreparedRequest`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from requests.models import PreparedRequest
from requests.structures import CaseInsensitiveDict

from rokt_export.exchange.model import Request
from rokt_export.spec_language.filters import text_of

if TYPE_CHECKING:
    from rokt_export.authentication.base import Sign


def signed(request: Request, signs: tuple[Sign, ...]) -> Request:
    """Return a signed request; headers keep their order and repeat a name as given, new ones follow."""
    if not signs:
        return request
    prepared = prepared_request(request)
    before = prepared.headers.copy()
    for sign in signs:
        prepared = sign(prepared)
    body = prepared.body.encode() if isinstance(prepared.body, str) else prepared.body
    return Request(str(prepared.method), str(prepared.url), _headers(request, before, prepared.headers), body)


def _headers(request: Request, before: Mapping[str, str], after: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """Return a request's own headers with only what `after` changes, removes or adds to `before`.

    A header that is set replaces every one of its name, because `requests` holds one value for a name.
    """
    left = {name.lower(): (name, text_of(value)) for name, value in after.items()}
    kept: list[tuple[str, str]] = []
    for name, value in request.headers:
        lower = name.lower()
        if lower in left and left[lower][1] == before[name]:
            kept.append((name, value))
        elif lower in left:
            kept.append(left.pop(lower))
    own = {name.lower() for name, _ in request.headers}
    return (*kept, *(header for lower, header in left.items() if lower not in own))


def prepared_request(request: Request) -> PreparedRequest:
    """Return a request as `requests.PreparedRequest`, for authentication plug-ins: of a repeated header, the first."""
    first: CaseInsensitiveDict[str] = CaseInsensitiveDict()
    for name, value in request.headers:
        first.setdefault(name, value)
    prepared = PreparedRequest()
    prepared.method = request.method
    prepared.url = request.url
    prepared.prepare_headers(first)
    prepared.body = request.body
    prepared.hooks = {"response": []}
    return prepared
