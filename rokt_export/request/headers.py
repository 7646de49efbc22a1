"""Turn header parameters into a function from a transaction to header names and values."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any
from unicodedata import category

from rokt_export.request.parameter_values import OMIT, Field, RefusedError, Take, Values
from rokt_export.spec_language.filters import text_of


def header_values(fields: Sequence[Field]) -> Callable[[Values], tuple[tuple[str, str], ...]]:
    """Return the function from a transaction to its headers; a line break in a value is refused, not folded."""
    parts: list[tuple[str, Any, Take]] = [(field.name, field.plain, field.take) for field in fields]

    def headers(values: Values) -> tuple[tuple[str, str], ...]:
        get = values.get
        found: list[tuple[str, str]] = []
        for name, plain, take in parts:
            value = get(plain) or take(values)
            if value is OMIT:
                continue
            for item in value if isinstance(value, list) else (value,):
                found.append((name, safe_header(name, item)))
        return tuple(found)

    return headers


_BREAKING = frozenset({"Cc", "Zl", "Zp"})


def safe_header(name: str, value: Any) -> str:
    """Return a header's value.

    Raises:
        RefusedError: it holds a control character, which could end the header.
    """
    text = text_of(value)
    if not text.isprintable() and any(category(sign) in _BREAKING and sign != "\t" for sign in text):
        raise RefusedError(f"{name}: a header cannot hold a line break or another control character")
    return text.strip(" \t")
