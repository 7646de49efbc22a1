"""Turn flat parameters (a form, a query, headers) into a function from a transaction to their names and values."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import quote_plus

from rokt_export.exchange.carrying import OMIT, Carrier, RefusedError, Take, Values
from rokt_export.spec.filters import text_of


def form_encoder(carriers: Sequence[Carrier | tuple[str, Take]]) -> Callable[[Values], str]:
    """Return the encoder of `application/x-www-form-urlencoded` text; a list repeats its name, null is empty."""
    parts = [(quote_plus(name) + "=", take) for name, take in map(_pair, carriers)]

    def encode(values: Values) -> str:
        found = []
        for name, take in parts:
            value = take(values)
            if value.__class__ is str:
                found.append(name + quote_plus(value))
            elif value is not OMIT:
                found.extend(
                    name + quote_plus(text_of(item)) for item in (value if isinstance(value, list) else [value])
                )
        return "&".join(found)

    return encode


def _pair(carrier: Carrier | tuple[str, Take]) -> tuple[str, Take]:
    return (carrier.name, carrier.take) if isinstance(carrier, Carrier) else carrier


def header_values(carriers: Sequence[Carrier]) -> Callable[[Values], tuple[tuple[str, str], ...]]:
    """Return the function from a transaction to its headers; a line break in a value is refused, not folded."""

    def headers(values: Values) -> tuple[tuple[str, str], ...]:
        found: list[tuple[str, str]] = []
        for carrier in carriers:
            value = carrier.take(values)
            if value is OMIT:
                continue
            for item in value if isinstance(value, list) else [value]:
                found.append((carrier.name, safe_header(carrier.name, item)))
        return tuple(found)

    return headers


def safe_header(name: str, value: Any) -> str:
    """Return a header's value.

    Raises:
        RefusedError: it holds a control character, which could end the header.
    """
    text = text_of(value)
    if any((ord(sign) < 32 and sign != "\t") or ord(sign) == 127 for sign in text):
        raise RefusedError(f"{name}: a header cannot hold a line break or another control character")
    return text.strip(" \t")
