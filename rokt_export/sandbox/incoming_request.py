"""What reached the sandbox: one request as it stood on the wire, with its parts read when they are asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from rokt_export.authentication.base import Headers
from rokt_export.request.encodings.form import form_fields


@dataclass(slots=True)
class Received:
    """A request at the endpoint.

    Attributes:
        method: as sent.
        path: still percent-encoded.
        query: still percent-encoded, without `?`.
        headers: by name, without regard to case.
        body: the bytes, after transfer and content decoding.
        path_values: what stood in the places of the URL's placeholders and attributes.
        data: the body as its encoding reads it; None before that, or where it cannot be read.
    """

    method: str
    path: str
    query: str
    headers: Headers
    body: bytes
    path_values: Mapping[str, str] = field(default_factory=dict)
    data: Any = None
    _queried: dict[str, list[str]] | None = None

    @property
    def target(self) -> str:
        """Path and query, as the request line had them."""
        return f"{self.path}?{self.query}" if self.query else self.path

    @property
    def queried(self) -> dict[str, list[str]]:
        """Name to values of the query."""
        if self._queried is None:
            self._queried = form_fields(self.query)
        return self._queried
