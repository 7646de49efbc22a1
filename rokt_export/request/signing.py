"""Sign a request: add credentials that depend on the request or the clock, as `requests.PreparedRequest`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from requests.models import PreparedRequest

from rokt_export.exchange.model import Request
from rokt_export.spec_language.filters import text_of

if TYPE_CHECKING:
    from rokt_export.authentication.base import Sign


def signed(request: Request, signs: tuple[Sign, ...]) -> Request:
    """Return a signed request; headers keep their order, new ones follow."""
    if not signs:
        return request
    prepared = prepared_request(request)
    for sign in signs:
        prepared = sign(prepared)
    body = prepared.body.encode() if isinstance(prepared.body, str) else prepared.body
    headers = tuple((name, text_of(value)) for name, value in prepared.headers.items())
    return Request(str(prepared.method), str(prepared.url), headers, body)


def prepared_request(request: Request) -> PreparedRequest:
    """Return a request as `requests.PreparedRequest`, for authentication plug-ins."""
    prepared = PreparedRequest()
    prepared.method = request.method
    prepared.url = request.url
    prepared.prepare_headers(dict(request.headers))
    prepared.body = request.body
    prepared.hooks = {"response": []}
    return prepared
