"""Reads a token server's response: the token and its lifetime, or an error."""

from __future__ import annotations

import json
import math
import re
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import AfterValidator

from rokt_export.spec_language.encodings import form_fields, media_type_of
from rokt_export.spec_language.fields import Text, problem
from rokt_export.spec_language.parameter_names import Key, steps

DEFAULT_LIFE, LONGEST_LIFE = 3600.0, 31_536_000.0
"""Seconds that a token is valid if the response does not say, and the maximum."""
_UNITS = {"s": 1.0, "ms": 0.001, "m": 60.0}
_FIRST_MOMENT = 1e9
"""From this number on, a lifetime is a moment in seconds since 1970 (2001); from a thousand times it, in
milliseconds."""
_TOKEN = re.compile(r"[A-Za-z0-9._~+/-]{8,}=*")
"""A response that is only a token (`b64token` of RFC 6750, 2.1). A shorter text is probably an `OK`."""


def field_path(field: str) -> tuple[str, ...]:
    """Return the names on the path to a field: `access_token`, `tokenData.access_token`, `$.data['access.token']`.

    Raises:
        ValueError: the text is not a path of names.
    """
    path = steps(field.removeprefix("$."))
    if not all(isinstance(step, Key) for step in path):
        raise ValueError(f"`{field}` is not a path of names")
    return tuple(step.name for step in path if isinstance(step, Key))


def _checked(field: str) -> str:
    try:
        field_path(field)
    except ValueError as error:
        raise problem("RX022", str(error), "Write a name, or names with dots: `access_token`, `data.token`.") from error
    return field


ResponseField = Annotated[Text, AfterValidator(_checked)]
"""The place of a field in a token server's response: a name, or a path of names."""


def put_field(response: dict[str, Any], field: str, value: Any) -> None:
    """Put a value where `find_field` finds it, creating the objects on the path."""
    *above, last = field_path(field)
    for name in above:
        response = response.setdefault(name, {})
    response[last] = value


def find_field(data: Mapping[str, Any], field: str) -> Any:
    """Return the value of a field; None if there is none. A member whose name contains dots takes precedence."""
    if field in data:
        return data[field]
    node: Any = data
    for name in field_path(field):
        node = node.get(name) if isinstance(node, dict) else None
    return node


@dataclass(frozen=True, slots=True)
class TokenResponse:
    """The content of a token server's response.

    Attributes:
        token: the token; of any type if the response is wrong; None if there is none.
        lifetime: as stated; None if it is not.
        token_type: as stated; None if it is not.
        words: the text about an error, not redacted; may be empty.
        names: the names of its top-level fields.
    """

    token: Any
    lifetime: Any = None
    token_type: str | None = None
    words: str = ""
    names: tuple[str, ...] = ()


def read_token_response(body: bytes, content_type: str | None, token_field: str, expires_field: str) -> TokenResponse:
    """Parse a response in JSON, as a form, or as only the token, with or without quotes."""
    text = body.decode("utf-8-sig", "replace").strip()
    data: Any = None
    with suppress(ValueError, RecursionError):
        data = json.loads(text)
    if not isinstance(data, dict) and "=" in text:
        with suppress(ValueError):
            form = {name: values[0] for name, values in form_fields(text).items()}
            data = form if token_field in form or "error" in form else data
    if isinstance(data, dict):
        beside = ".".join(["$", *field_path(token_field)[:-1], "token_type"])
        kind = find_field(data, beside)
        return TokenResponse(
            find_field(data, token_field),
            find_field(data, expires_field),
            kind if isinstance(kind, str) else None,
            _words(data),
            tuple(data),
        )
    alone = data if isinstance(data, str) else text
    page = media_type_of(content_type) in ("text/html", "application/xhtml+xml")
    return TokenResponse(alone if _TOKEN.fullmatch(alone) and not page else None)


def _words(data: Mapping[str, Any]) -> str:
    """Return the first text in the fields in which servers explain errors, also in nested objects and lists."""
    for name in ("error_description", "error", "errors", "message", "detail"):
        said = data.get(name)
        said = said[0] if isinstance(said, list) and said else said
        if isinstance(said, dict):
            said = next((said[key] for key in ("message", "description", "code") if isinstance(said.get(key), str)), "")
        if isinstance(said, str) and said:
            return said.encode("utf-8", "replace").decode()
    return ""


def life_of(stated: Any, unit: str, stated_otherwise: float | None) -> float:
    """Return the seconds that a token is valid, from 1 to a year.

    Args:
        stated: in the response: a number, also as text; a moment since 1970; or a date (ISO 8601 or HTTP). Zero, null
            and any other value are ignored.
        unit: the unit of a number.
        stated_otherwise: seconds stated by the spec, which override the response.
    """
    if stated_otherwise is not None:
        return stated_otherwise
    try:
        number = float(stated)
        seconds = number * _UNITS[unit]
        if seconds >= _FIRST_MOMENT:
            seconds = (number / 1000 if number >= 1000 * _FIRST_MOMENT else number) - time.time()
    except OverflowError:
        return LONGEST_LIFE
    except (TypeError, ValueError):
        seconds = _until(stated) if isinstance(stated, str) else 0.0
    if math.isnan(seconds) or seconds == 0.0:
        return DEFAULT_LIFE
    return min(max(1.0, seconds), LONGEST_LIFE)


def _until(text: str) -> float:
    """Return the seconds until a date; 0.0 if the text is not a date."""
    from email.utils import parsedate_to_datetime  # imported late: it takes 10 ms, and few servers state a date

    for read in (datetime.fromisoformat, parsedate_to_datetime):
        with suppress(ValueError, TypeError, IndexError, OverflowError):
            moment = read(text.strip())
            return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() - time.time()
    return 0.0
