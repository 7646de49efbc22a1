"""URL-encoded forms, and queries, which are written the same way."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final
from urllib.parse import quote_plus

from rokt_export.request.encodings import BodyEncoding, Encode
from rokt_export.request.parameter_values import OMIT, Field, Take, Values
from rokt_export.response.body_limits import MAX_NODES
from rokt_export.spec_language.encodings import form_fields
from rokt_export.spec_language.filters import text_of

_ENCODED = {byte: quote_plus(bytes((byte,))) for byte in range(256)}


def form_text(text: str) -> str:
    """Return what `urllib.parse.quote_plus` returns, in half the time: one translation instead of a lookup per byte."""
    return text.encode().decode("latin-1").translate(_ENCODED)


def form_encoder(fields: Sequence[Field]) -> Callable[[Values], str]:
    """Return the encoder of `application/x-www-form-urlencoded` text; a list repeats its name, null is empty."""
    parts: list[tuple[str, Any, Take]] = [_part(field) for field in fields]

    def encode(values: Values) -> str:
        get = values.get
        found = []
        for name, plain, take in parts:
            value = get(plain) or take(values)
            if value.__class__ is str:
                found.append(name + form_text(value))
            elif value is _WRITTEN:
                found.append(name)
            elif value is not OMIT:
                found += _pairs(name, value)
        return "&".join(found)

    return encode


_WRITTEN = object()
"""The value of a constant field, whose name and value are encoded already."""


def _part(field: Field) -> tuple[str, str | None, Take]:
    """Return encoded name, attribute and `take` of a field; for a constant the name holds the value too."""
    name = form_text(field.name) + "="
    if field.fixed and (pairs := _pairs(name, field.take({}))):
        return "&".join(pairs), None, lambda _values: _WRITTEN
    return name, field.plain, field.take


def _pairs(name: str, value: Any) -> list[str]:
    return [name + form_text(text_of(item)) for item in (value if isinstance(value, list) else [value])]


class FormEncoding(BodyEncoding):
    """`application/x-www-form-urlencoded`, in UTF-8."""

    def encoder(self, parameters: Sequence[Field]) -> Encode:
        """Return the function that encodes a form."""
        encode = form_encoder(parameters)
        return lambda values: encode(values).encode()

    def read(self, body: bytes | str) -> dict[str, list[str]]:
        """Return name to values, empty values kept."""
        text = body if isinstance(body, str) else body.decode("ascii")
        if text.count("&") > MAX_NODES:
            raise ValueError(f"it has more than {MAX_NODES:,} fields")
        return form_fields(text)


ENCODING: Final = FormEncoding()
